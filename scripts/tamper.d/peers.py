"""The same questions to other programs: each takes in the same invented Codex home, its store is tampered with, and it
is asked in its own way whether its archive is sound. Kinds that make no sense for a store are named with the reason.

Hashes that a store has itself are computed anew in `re-chain` only, and there all of them. `cut-tail` sets back what a
store notes about its end, where it does. A cut or changed object of agentsview keeps its name, which is its hash."""

import hashlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

from kinds import other_text, remove
from world import Home

PACKAGES = {"dashcam": "dashcam-ai==0.4.*", "session-preserve": "session-preserve==0.2.*",
            "brain-mcp": "brain-mcp==2.1.*", "agentsview": "agentsview==0.46.1"}
NO_KEY = "its archive has no signature that this command looks at"


class Peer:
    """A program with a home of its own. `store` is what is tampered with; `old` is a copy of the whole home after the
    first of two rounds, `new` after the second."""

    asked, reasons, store = "", {}, ""

    def __init__(self, environment, path, seed):
        self.bin, self.path = environment, path
        self.home, self.old, self.new = path + "/home", path + "/old", path + "/new"
        os.makedirs(self.home)
        rng = random.Random(f"peers {seed}")
        home = Home(rng, self.home + "/.codex")
        first = home.session()
        home.session()
        for _ in range(3):
            first.turn()
        self.session = first
        self.take()
        shutil.copytree(self.home, self.old, symlinks=True)
        first.turn()
        home.session().turn()
        self.take()
        shutil.copytree(self.home, self.new, symlinks=True)

    def run(self, *args, **more):
        environment = {"PATH": os.environ["PATH"], "HOME": self.home, "NO_COLOR": "1", "AGENTSVIEW_NO_DAEMON": "1",
                       "COLUMNS": "200", **more}
        done = subprocess.run([f"{self.bin}/{args[0]}", *args[1:]], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=120, cwd=self.home)
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    def must(self, *args, **more):
        code, out, err = self.run(*args, **more)
        if code:
            raise RuntimeError(f"{' '.join(args)}: exit code {code}\n{out[-500:]}{err[-500:]}")
        return out

    def reset(self, state=None):
        remove(self.home)
        shutil.copytree(state or self.new, self.home, symlinks=True)

    def roll_back(self, rng):
        self.reset()
        remove(f"{self.home}/{self.store}")
        shutil.copytree(f"{self.old}/{self.store}", f"{self.home}/{self.store}", symlinks=True)


def edit_lines(rng, path, kind, begin=0):
    """The kinds that a store of lines has; nothing else is made right."""
    with open(path, "rb") as file:
        lines = file.read().splitlines(keepends=True)
    full = [i for i in range(begin, len(lines)) if len(lines[i]) > 12]
    i = rng.choice(full)
    if kind == "edit-body":
        lines[i] = other_text(rng, lines[i])[0]
    elif kind == "drop-entry":
        del lines[i]
    elif kind == "cut-tail":
        del lines[-rng.randint(1, max(1, len(lines) // 2)):]
    elif kind == "swap":
        k = rng.choice([k for k in full if lines[k] != lines[i]])
        lines[i], lines[k] = lines[k], lines[i]
    elif kind == "insert":
        lines.insert(i, other_text(rng, lines[i])[0])
    with open(path, "wb") as file:
        file.write(b"".join(lines))


def edit_cell(rng, base, table, columns, where):
    """Another value in one column of one row."""
    column = rng.choice(columns)
    value = base.execute(f'SELECT "{column}" FROM "{table}" WHERE {where}').fetchone()[0]
    if isinstance(value, (int, float)):
        new = value + 1
    else:
        text = (value or "x").encode() if not isinstance(value, bytes) else value
        new = other_text(rng, text)[0]
        new = new if isinstance(value, bytes) else new.decode()
    try:
        base.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE {where}', (new,))
    except sqlite3.IntegrityError:  # not a value that this column takes
        edit_cell(rng, base, table, columns, where)


class Dashcam(Peer):
    asked, store = "dashcam verify", ".dashcam"
    reasons = {"re-sign": NO_KEY + " (`export` can sign a bundle)"}
    body = {"events": ["summary", "detail"], "spend": ["input_tokens", "output_tokens", "cost_usd"]}
    header = {"events": ["ts", "tool", "session_id", "source"], "spend": ["provider", "model", "session_id", "source"]}

    def take(self):
        self.must("dashcam", "ingest", "--harness", "codex")

    def verify(self):
        code, out, err = self.run("dashcam", "verify")
        return code != 0, out + err

    def base(self):
        base = sqlite3.connect(self.home + "/.dashcam/receipts.db", isolation_level=None)
        base.row_factory = sqlite3.Row
        return closing(base)

    @staticmethod
    def rows(base):
        return sorted((row["seq"], table, row["id"]) for table in ("events", "spend")
                      for row in base.execute(f"SELECT * FROM {table}"))

    def tamper(self, rng, kind):
        with self.base() as base:
            rows = self.rows(base)
            seq, table, row = rng.choice(rows[1:-1])
            where = f"id = {row}"
            if kind in ("edit-body", "re-chain"):
                edit_cell(rng, base, table, self.body[table], where)
            elif kind == "edit-header":
                edit_cell(rng, base, table, self.header[table], where)
            elif kind == "drop-entry":
                base.execute(f"DELETE FROM {table} WHERE {where}")
            elif kind == "cut-tail":
                kept = rng.randint(1, len(rows) - 1)
                for _, name, number in rows[kept:]:
                    base.execute(f"DELETE FROM {name} WHERE id = {number}")
                last = rows[kept - 1]
                head = base.execute(f"SELECT hash FROM {last[1]} WHERE id = {last[2]}").fetchone()[0]
                base.execute("UPDATE meta SET value = ? WHERE key = 'chain_head'", (head,))
                base.execute("UPDATE meta SET value = ? WHERE key = 'chain_seq'", (str(last[0]),))
            elif kind == "swap":
                other = rng.choice([one for one in rows if one[0] != seq])
                base.execute(f"UPDATE {table} SET seq = {other[0]} WHERE {where}")
                base.execute(f"UPDATE {other[1]} SET seq = {seq} WHERE id = {other[2]}")
            elif kind == "insert":
                old = dict(base.execute(f"SELECT * FROM {table} WHERE {where}").fetchone())
                old["id"] = None
                for name in ("events", "spend"):
                    base.execute(f"UPDATE {name} SET seq = seq + 1 WHERE seq > {seq}")
                old["seq"], old["prev_hash"] = seq + 1, old["hash"]
                old["hash"] = self.hash(table, old)
                base.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(old))})", list(old.values()))
            elif kind == "views":
                edit_cell(rng, base, "sessions", ["harness", "project", "started_at", "ended_at"],
                          f"rowid = {rng.randint(1, 3)}")
            if kind == "re-chain":
                head = self.rows(base)
                last = base.execute(f"SELECT prev_hash FROM {head[0][1]} WHERE id = {head[0][2]}").fetchone()[0]
                for _, name, number in head:
                    one = dict(base.execute(f"SELECT * FROM {name} WHERE id = {number}").fetchone())
                    one["prev_hash"] = last
                    last = self.hash(name, one)
                    base.execute(f"UPDATE {name} SET prev_hash = ?, hash = ? WHERE id = {number}",
                                 (one["prev_hash"], last))
                base.execute("UPDATE meta SET value = ? WHERE key = 'chain_head'", (last,))

    @staticmethod
    def hash(table, row):
        body = {name: value for name, value in row.items() if name not in ("id", "seq", "prev_hash", "hash")}
        body["kind"] = "event" if table == "events" else "spend"
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256((row["prev_hash"] + text).encode()).hexdigest()


class SessionPreserve(Peer):
    asked, store = "session-preserve verify PACKAGE", "packages"
    reasons = {"re-sign": NO_KEY, "views": "a package has nothing derived but a zip that is not made by itself"}

    def take(self):
        out = self.home + "/packages"
        remove(out)
        self.must("session-preserve", "export", "codex", "--rollout", self.session.file, "--output-dir", out,
                  "--no-git-probe")
        (name,) = [name for name in os.listdir(out) if os.path.isdir(f"{out}/{name}")]
        os.rename(f"{out}/{name}", out + "/package")

    def verify(self):
        code, out, err = self.run("session-preserve", "verify", self.home + "/packages/package")
        return code != 0, out + err

    def tamper(self, rng, kind):
        folder = self.home + "/packages/package/"
        names = ["conversation.md", "export.receipt.json", "package.manifest.json"]
        if kind == "edit-header":
            edit_lines(rng, folder + rng.choice(names[1:]), "edit-body")
            return
        edit_lines(rng, folder + names[0], "edit-body" if kind == "re-chain" else kind)
        if kind == "re-chain":
            # The receipt may name the hash of the conversation too; then the manifest names that of the receipt.
            with open(self.new + "/packages/package/" + names[0], "rb") as file:
                old = file.read()
            with open(folder + names[0], "rb") as file:
                new = file.read()
            pairs = [(old, new)]
            marker = b"-->\n"
            cut = lambda text: text.split(b"\n", 2)[2] if text.count(marker) >= 2 else text  # noqa: E731
            pairs.append((cut(old), cut(new)))
            with open(folder + names[1], "rb") as file:
                receipt = file.read()
            for was, now in pairs:
                was, now = (hashlib.sha256(text).hexdigest().encode() for text in (was, now))
                receipt = receipt.replace(was, now)
            with open(folder + names[1], "wb") as file:
                file.write(receipt)
            with open(folder + names[2], "rb") as file:
                manifest = json.loads(file.read())
            for member in manifest["members"]:
                with open(folder + member["path"], "rb") as file:
                    data = file.read()
                member["sha256"], member["bytes"] = hashlib.sha256(data).hexdigest(), len(data)
            with open(folder + names[2], "w", encoding="utf-8") as file:
                json.dump(manifest, file, indent=2, sort_keys=True)
                file.write("\n")


EDIT_DUCKDB = """
import duckdb, sys
base = duckdb.connect(sys.argv[1])
schema, table, column = base.execute("SELECT table_schema, table_name, column_name FROM information_schema.columns "
                                     "WHERE column_name IN ('text', 'content')").fetchall()[0]
rows = base.execute(f"SELECT rowid FROM {schema}.{table}").fetchall()
row = rows[int(sys.argv[2]) % len(rows)]
base.execute(f"UPDATE {schema}.{table} SET {column} = 'another' WHERE rowid = ?", row)
base.close()
"""


class Brain(Peer):
    asked = "the logs are gone from where the agent kept them; brain-mcp record, then brain-mcp health (`all_verified`)"
    store = ".brain"
    reasons = {"re-sign": NO_KEY}

    def take(self):
        # Without a network its search index cannot be made; what it captures is complete before that.
        self.run("brain-mcp", "record")
        if not os.path.exists(self.home + "/.brain/manifest/manifest.jsonl"):
            raise RuntimeError("brain-mcp record has captured nothing")

    def verify(self):
        shutil.rmtree(self.home + "/.codex/sessions/2026")
        code, out, err = self.run("brain-mcp", "record")
        if code and "origin_gone" not in open(self.home + "/.brain/manifest/manifest.jsonl", encoding="utf-8").read():
            return True, out + err
        code, out, err = self.run("brain-mcp", "health")
        try:
            receipt = json.loads(out)["receipt"]
        except ValueError:
            return True, out + err
        return not receipt["all_verified"], json.dumps(receipt)

    def tamper(self, rng, kind):
        manifest = self.home + "/.brain/manifest/manifest.jsonl"
        lake = self.home + "/.brain/lake/codex_rollout/"
        path = lake + self.session.id + ".jsonl"
        if kind == "edit-header":
            edit_lines(rng, manifest, "edit-body")
        elif kind == "views":
            self.must("python3", "-c", EDIT_DUCKDB, self.home + "/.brain/brain.duckdb", str(rng.randrange(1000)))
        elif kind in ("re-chain", "cut-tail"):
            with open(path, "rb") as file:
                data = file.read()
            with open(manifest, encoding="utf-8") as file:
                lines = [json.loads(line) for line in file]
            chunks = [line for line in lines if line.get("session") == self.session.id and "chunk_sha256" in line]
            if kind == "cut-tail":
                data = data[: chunks[-1]["byte_from"]]
                lines.remove(chunks.pop())
            else:
                while True:  # a change that moves nothing
                    changed, where = other_text(rng, data)
                    if where.startswith("byte"):
                        break
                data = changed
                for chunk in chunks:
                    chunk["chunk_sha256"] = hashlib.sha256(data[chunk["byte_from"] : chunk["byte_to"]]).hexdigest()
            with open(path, "wb") as file:
                file.write(data)
            with open(manifest, "w", encoding="utf-8") as file:
                file.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        else:
            edit_lines(rng, path, kind)


class Agentsview(Peer):
    asked, store = "agentsview archive verify", "data"
    reasons = {"re-sign": NO_KEY}
    rounds = 0

    def take(self):
        self.rounds += 1
        capture, data = f"{self.home}/capture{self.rounds}", self.home + "/data"
        remove(data)
        self.must("agentsview", "sync")
        archive = ("agentsview", "archive")
        self.must(*archive, "capture", capture, "--root", f"codex={self.home}/.codex", "--writers-stopped")
        self.must(*archive, "import", "--seed", "--spec", capture + "/capture.json", AGENTSVIEW_DATA_DIR=data)

    def verify(self):
        code, out, err = self.run("agentsview", "archive", "verify", AGENTSVIEW_DATA_DIR=self.home + "/data")
        return code != 0, out + err

    def objects(self):
        """The plain objects by hash; what is compressed is left alone."""
        found = {}
        for folder, _, names in os.walk(self.home + "/data/raw-archive/artifacts/blobs"):
            for name in names:
                if len(name) == 64:
                    with open(f"{folder}/{name}", "rb") as file:
                        found[name] = (f"{folder}/{name}", file.read())
        return found

    def tamper(self, rng, kind):
        found = self.objects()
        sessions = sorted(path for path, data in found.values() if data.startswith(b'{"timestamp"'))
        path = rng.choice(sessions)
        base_path = self.home + "/data/raw-archive/artifacts/docbank.db"
        if kind == "edit-header":
            with closing(sqlite3.connect(base_path, isolation_level=None)) as base:
                table, columns = rng.choice([
                    ("blobs", ["size", "created_at"]), ("nodes", ["name", "created_at", "modified_at"]),
                    ("content_versions", ["size", "recorded_at", "mime_type"]), ("blob_locations", ["stored_size"]),
                    ("blob_checksums", ["md5"])])
                rows = [row[0] for row in base.execute(f"SELECT rowid FROM {table}")]
                with_triggers_off(base, lambda: edit_cell(rng, base, table, columns, f"rowid = {rng.choice(rows)}"))
        elif kind == "drop-entry":
            os.remove(path)
        elif kind == "swap":
            other = rng.choice([one for one in sessions if one != path])
            os.rename(path, path + ".x")
            os.rename(other, path)
            os.rename(path + ".x", other)
        elif kind == "views":
            with closing(sqlite3.connect(self.home + "/data/sessions.db", isolation_level=None)) as base:
                rows = [row[0] for row in base.execute("SELECT rowid FROM messages")]
                where = f"rowid = {rng.choice(rows)}"
                with_triggers_off(base, lambda: edit_cell(rng, base, "messages", ["content"], where))
        elif kind == "re-chain":
            self.rename(rng, found, os.path.basename(path), base_path)
        else:
            edit_lines(rng, path, kind)

    @staticmethod
    def rename(rng, found, name, base_path):
        """One byte is another; every hash that follows from it is made right, in objects and in the database."""
        data = {old: content for old, (_, content) in found.items()}
        body = data[name]
        while True:
            changed, where = other_text(rng, body)
            if where.startswith("byte"):
                break
        names, now, queue = {}, {**data, name: changed}, [name]
        while queue:
            old = queue.pop()
            new = hashlib.sha256(now[old]).hexdigest()
            before, names[old] = names.get(old, old), new
            for other in now:
                if other != old and before.encode() in now[other]:
                    now[other] = now[other].replace(before.encode(), new.encode())
                    queue.append(other)
        for old, new in names.items():
            path = found[old][0]
            os.remove(path)
            path = path.replace(f"/{old[:2]}/{old}", f"/{new[:2]}/{new}")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(now[old])
        contents = {new: now[old] for old, new in names.items()}
        inventory = base_path.partition("/raw-archive/")[0] + "/sessions.db"
        for path in (base_path, inventory):
            with closing(sqlite3.connect(path, isolation_level=None)) as base:
                with_triggers_off(base, lambda: rename_in(base, names, contents))


def rename_in(base, names, contents):
    tables = [row[0] for row in base.execute("SELECT name FROM sqlite_master WHERE type = 'table' "
                                             "AND sql NOT LIKE '%VIRTUAL%'")]
    for table in tables:
        if "fts" in table or table.startswith("sqlite_"):
            continue
        for column in [row[1] for row in base.execute(f'PRAGMA table_info("{table}")')]:
            for old, new in names.items():
                base.execute(f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?) '
                             f"WHERE typeof(\"{column}\") = 'text' AND instr(\"{column}\", ?)", (old, new, old))
                base.execute(f'UPDATE "{table}" SET "{column}" = CAST(replace(CAST("{column}" AS TEXT), ?, ?) AS BLOB) '
                             f"WHERE typeof(\"{column}\") = 'blob' AND instr(\"{column}\", CAST(? AS BLOB))",
                             (old, new, old))
    for new, content in contents.items() if "blob_checksums" in tables else ():
        base.execute("UPDATE blob_checksums SET md5 = ? WHERE blob_sha256 = ?", (hashlib.md5(content).hexdigest(), new))


def with_triggers_off(base, change):
    """Triggers keep the program itself from changing what was written; whoever has the file can take them away."""
    triggers = base.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        base.execute(f'DROP TRIGGER "{name}"')
    change()
    for _, sql in triggers:
        base.execute(sql)


PEERS = {"dashcam": Dashcam, "session-preserve": SessionPreserve, "brain-mcp": Brain, "agentsview": Agentsview}
KINDS = ["edit-body", "edit-header", "drop-entry", "cut-tail", "swap", "insert", "re-chain", "re-sign", "roll-back",
         "views"]


def install(path):
    environment = path + "/environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    missing = {}
    for name, package in PACKAGES.items():
        line = [environment + "/bin/pip", "install", "--quiet", "--ignore-requires-python", package]
        done = subprocess.run(line, capture_output=True, text=True)
        if done.returncode:
            missing[name] = f"could not be installed: {done.stderr.strip()[-300:]}"
    return environment, missing


def ask(name, environment, path, seed, trials):
    peer = PEERS[name](environment + "/bin", path, seed)
    is_alarm, words = peer.verify()
    control = {"alarm": is_alarm, "words": words[-200:] if is_alarm else ""}
    found = {"asked": peer.asked, "control": control, "kinds": {}}
    for kind in KINDS:
        if kind in peer.reasons:
            found["kinds"][kind] = {"not_tried": peer.reasons[kind]}
            continue
        caught, first, missed, trial = 0, "", [], 0
        try:
            for trial in range(1, trials + 1):
                rng = random.Random(f"{seed} {name} {kind} {trial}")
                peer.reset()
                peer.roll_back(rng) if kind == "roll-back" else peer.tamper(rng, kind)
                is_caught, words = peer.verify()
                caught += is_caught
                first = first or (words.strip()[-200:] if is_caught else "")
                missed += [] if is_caught else [trial]
            found["kinds"][kind] = {"trials": trials, "caught": caught, "first_words": first, "not_caught": missed}
        except Exception as error:  # named, and not counted
            found["kinds"][kind] = {"not_tried": f"trial {trial}: {type(error).__name__}: {str(error)[:300]}"}
        print(f"{name} {kind}: {json.dumps(found['kinds'][kind])[:160]}", flush=True)
    return found


def run(path, seed, trials, environment=None):
    os.makedirs(path)
    missing = {}
    if environment is None:
        environment, missing = install(path)
    found = {}
    for name in PEERS:
        if name in missing:
            found[name] = {"not_tried": missing[name]}
            continue
        try:
            found[name] = ask(name, environment, f"{path}/{name}", seed, trials)
        except Exception as error:  # a program that does not do here what it does elsewhere
            found[name] = {"not_tried": f"{type(error).__name__}: {str(error)[:500]}"}
        version = subprocess.run([environment + "/bin/pip", "show", PACKAGES[name].partition("==")[0]],
                                 capture_output=True, text=True).stdout
        lines = [line.split() for line in version.splitlines()]
        found[name]["version"] = next((line[1] for line in lines if line[:1] == ["Version:"]), None)
    table(found)
    return found


def table(found):
    names = list(found)
    print(f"\n| kind, caught | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    for kind in KINDS:
        cells = []
        for name in names:
            one = found[name].get("kinds", {}).get(kind, {})
            cells.append(f"{one['caught']} of {one['trials']}" if "caught" in one else "not tried")
        print(f"| {kind} | {' | '.join(cells)} |")
    for name, one in found.items():
        if "not_tried" in one:
            print(f"{name}: {one['not_tried']}")
            continue
        print(f"{name} {one['version']}: asked by `{one['asked']}`; an untouched archive is "
              f"{'called damaged: ' + one['control']['words'] if one['control']['alarm'] else 'called sound'}")
        for kind, result in one["kinds"].items():
            if "not_tried" in result:
                print(f"  {kind} not tried: {result['not_tried']}")
