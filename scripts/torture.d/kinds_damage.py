"""Kind `damage`: a file of the ledger's folder is changed, by bytes, by another file, or as a database."""

import os
import re
import shutil
import sqlite3

from program import entries_of
from world import Broken


def files_of(folder):
    """Regular files and symbolic links below a folder, relative, in order."""
    found = []
    for path, names, files in os.walk(folder):
        names.sort()
        found += [os.path.relpath(os.path.join(path, name), folder) for name in files]
    return sorted(found)


# --- Bytes --------------------------------------------------------------------------------------------------

def _edit(path, change):
    with open(path, "rb") as file:
        data = bytearray(file.read())
    changed = change(data)
    if bytes(changed) == bytes(data):
        return False
    with open(path, "wb") as file:
        file.write(changed)
    return True


def _flip(rng, path):
    def change(data):
        changed = bytearray(data)
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        return changed
    return _edit(path, change)


def _zero(rng, path):
    def change(data):
        length = rng.choice((1, 64, 512, 4096, len(data)))
        begin = rng.randrange(max(1, len(data) - length + 1))
        return data[:begin] + bytes(len(data[begin:begin + length])) + data[begin + length:]
    return _edit(path, change)


def _cut(rng, path):
    return _edit(path, lambda data: data[:rng.choice((0, 1, len(data) // 2, max(0, len(data) - 1),
                                                      rng.randrange(len(data) + 1)))])


def _junk(rng, path):
    return _edit(path, lambda data: data + rng.randbytes(rng.choice((1, 100, 5000))))


def _remove(_, path):
    os.unlink(path)
    return True


BYTES = (("flip", _flip), ("flip", _flip), ("zero", _zero), ("cut", _cut), ("junk", _junk), ("remove", _remove))


# --- Databases ----------------------------------------------------------------------------------------------

def _open(path):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA trusted_schema = ON")
    return connection


def _close(connection):
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _tables(connection):
    return sorted(name for name, in connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND sql NOT LIKE '%VIRTUAL%'"))


def _columns(connection, table):
    return [(row[1], row[2]) for row in connection.execute(f'PRAGMA table_info("{table}")')]


def _filled(connection, rng, text_only=False):
    """A table with rows, at random; with a text column."""
    tables = [table for table in _tables(connection) if table not in ("meta", "fold_states")]
    rng.shuffle(tables)
    for table in tables:
        columns = [name for name, kind in _columns(connection, table)
                   if kind == "TEXT" or not text_only and kind == "INTEGER" and name not in ("stream", "line", "part")]
        if columns and connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]:
            return table, rng.choice(columns)
    return None, None


def _shift_cursor(connection, rng):
    by = rng.choice((-1, 0, 1))
    connection.execute("UPDATE meta SET cursor = cursor + ?", (by,))
    return f"cursor {by:+d}" if by else "cursor as it is"


def _text(connection, rng):
    table, column = _filled(connection, rng, text_only=True)
    connection.execute(f'UPDATE OR IGNORE "{table}" SET "{column}" = \'forged\' WHERE rowid IN '
                       f'(SELECT rowid FROM "{table}" LIMIT 1)' if _has_rowid(connection, table)
                       else f'UPDATE OR IGNORE "{table}" SET "{column}" = \'forged\'')
    return f"{table}.{column} rewritten, {_shift_cursor(connection, rng)}"


def _has_rowid(connection, table):
    sql, = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    return "WITHOUT ROWID" not in sql.upper()


def _number(connection, rng):
    changed = connection.execute("UPDATE token_messages SET stream = stream").rowcount
    numbers = [name for name, kind in _columns(connection, "token_messages")
               if kind == "INTEGER" and name not in ("stream", "line", "part", "seq", "at_ms")]
    column = rng.choice(numbers)
    connection.execute(f'UPDATE token_messages SET "{column}" = coalesce("{column}", 0) + 1000')
    return f"{changed} rows of token_messages.{column} raised, {_shift_cursor(connection, rng)}"


def _rows_from_nowhere(connection, rng):
    tables = [table for table in _tables(connection)
              if {"stream", "seq"} <= {name for name, _ in _columns(connection, table)}
              and connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]]
    table = rng.choice(tables + ["token_messages"])
    names = [name for name, _ in _columns(connection, table)]
    values = ", ".join({"stream": "987654"}.get(name, f'"{name}"') for name in names)
    quoted = ", ".join(f'"{name}"' for name in names)
    connection.execute(f'INSERT OR REPLACE INTO "{table}" ({quoted}) SELECT {values} FROM "{table}"')
    return f"rows of {table} for a stream that does not exist, {_shift_cursor(connection, rng)}"


def _delete(connection, rng):
    table, _ = _filled(connection, rng)
    connection.execute(f'DELETE FROM "{table}"')
    return f"{table} emptied, {_shift_cursor(connection, rng)}"


def _index(connection, rng):
    names = [name for name, in connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name")]
    name = rng.choice(names)
    connection.execute(f'DROP INDEX "{name}"')
    return f"index {name} dropped"


def _schema(connection, rng):
    table = rng.choice(_tables(connection))
    change = rng.choice((f'ALTER TABLE "{table}" ADD COLUMN forged TEXT',
                         "CREATE TRIGGER forged AFTER INSERT ON prompts BEGIN DELETE FROM actions; END",
                         "CREATE VIEW forged AS SELECT * FROM prompts",
                         "CREATE TABLE forged (a)"))
    connection.execute(change)
    return change


def _meta(connection, rng):
    change = rng.choice(("head = replace(head, substr(head, 1, 1), 'e')", "ledger = 'ff' || substr(ledger, 3)",
                         "cursor = cursor + 1", "cursor = cursor - 1", "cursor = 0", "digest = 'ff'"))
    connection.execute(f"UPDATE meta SET {change}")
    return f"meta: {change}"


def _fold(connection, rng):
    connection.execute("UPDATE fold_states SET state = randomblob(length(state))")
    return "fold states overwritten"


def _index_damaged(path, rng):
    """One page of an index is written over: rows are there, but not found by it."""
    connection = _open(path)
    pages = connection.execute("SELECT rootpage FROM sqlite_schema WHERE type = 'index' ORDER BY name").fetchall()
    size, = connection.execute("PRAGMA page_size").fetchone()
    _close(connection)
    page, = rng.choice(pages)
    # An empty leaf of an index: sound as a page, wrong as an index.
    empty = b"\x0a\0\0\0\0" + size.to_bytes(2, "big") + b"\0"
    with open(path, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(empty + bytes(size - len(empty)))
    return f"index at page {page} emptied"


FORGERIES = (_text, _text, _number, _rows_from_nowhere, _rows_from_nowhere, _delete, _index, _schema, _meta, _fold)


# --- The trial ----------------------------------------------------------------------------------------------

def damage(trial):
    rng, world = trial.rng, trial.world
    trial.place = world.place(trial.place.path)
    ledger = trial.place.ledger
    chosen = rng.random()
    if chosen < 0.25:
        name = _forge(trial, ledger)
        trial.snapshot()
        _check_audit(trial, name, is_forged=True)
        return
    name = _swap(trial, ledger) if chosen < 0.45 else _change(trial, ledger)
    if name is None:
        trial.is_void = True
        return
    trial.snapshot()
    if rng.random() < 0.5:
        differs = _check_readers(trial)
        tells = _check_audit(trial, name)
    else:
        tells = _check_audit(trial, name)
        differs = _check_readers(trial)
    # The database has no checksums: a cell that was changed is printed as it is, and an audit finds it.
    is_known = tells and name.startswith("views.d/") and "-search" not in name
    trial.is_known = bool(differs) and is_known
    for key in differs if not is_known else ():
        trial.trouble("shown", f"`{key}` says something else than before")
    _check_next(trial)


def _forge(trial, ledger):
    rng = trial.rng
    views = os.path.realpath(ledger + "/views.sqlite")
    chosen = rng.random()
    if chosen < 0.3:
        trial.what = _index_damaged(views, rng)
    else:
        connection = _open(views)
        trial.what = rng.choice(FORGERIES)(connection, rng)
        _close(connection)
    return os.path.relpath(views, os.path.realpath(ledger))


def _choose(rng, names):
    """A file; the many shards together count as three."""
    shards = [name for name in names if "-search" in name]
    others = [name for name in names if "-search" not in name and not name.endswith("LOCK")]
    return rng.choice(others + rng.sample(shards, min(3, len(shards))))


def _change(trial, ledger):
    rng = trial.rng
    name = _choose(rng, files_of(ledger))
    what, change = rng.choice(BYTES)
    path = f"{ledger}/{name}"
    if os.path.islink(path) and what != "remove":
        path = os.path.realpath(path)
    trial.what = f"{what} {name}"
    return name if change(rng, path) else None


def _swap(trial, ledger):
    """The same file as it was before, or as another ledger has it."""
    rng, world = trial.rng, trial.world
    source, words = rng.choice((("young", "as it was before"), ("later", "as it will be later"),
                                ("other", "as another ledger has it")))
    names = []
    for name in files_of(f"{world.path}/{source}/ledger"):
        ours, theirs = f"{ledger}/{name}", f"{world.path}/{source}/ledger/{name}"
        if os.path.islink(theirs) or not os.path.isfile(ours):
            continue
        with open(ours, "rb") as a, open(theirs, "rb") as b:
            if a.read() != b.read():
                names.append(name)
    if not names:
        return None
    name = _choose(rng, names)
    shutil.copyfile(f"{world.path}/{source}/ledger/{name}", f"{ledger}/{name}")
    trial.what = f"{name} {words}"
    return name


def _check_audit(trial, name, is_forged=False):
    """`audit` says so and names the file, or the damage is provably harmless; gives whether it says so."""
    audit = trial.place.run(["audit", "--json"])
    if not trial.check(audit):
        return False
    if audit.code == 0:
        problem = "" if is_forged else _harm(trial)
        if is_forged:
            # Of a shard, what full text needs not is not its words: harm decides, now or after new lines.
            problem = _harm(trial) or _search_harm(trial)
            # Views behind an entry that hides something are brought up to date by whoever comes, which may write
            # the forged row anew.
            if problem or ("-search" not in name and not _is_mended(trial.place)):
                trial.trouble("silent", "audit says that all is well" + (f", but {problem}" if problem else ""))
        elif problem:
            trial.trouble("silent", f"audit says that all is well, but {problem}")
        return False
    said = audit.out.decode("utf-8", "replace") + audit.said()
    # A volume's files and its record speak of each other.
    parts = [part.split(".")[0] for part in name.split("/") if part not in ("views.d", "store", "journal")]
    is_of_views = name.startswith("views") and "views" in said
    if not is_of_views and not any(part in said for part in parts):
        trial.trouble("unclear", f"audit does not name {name}: {said[:300]}")
    return True


def _harm(trial):
    """What differs from the truth, in words; nothing when every entry and every word is as it was."""
    world = trial.world
    raw = trial.recorded()
    if raw is None:
        return "the entries cannot be read"
    if raw != world.raw:
        return f"{len(entries_of(raw))} of {len(world.entries)} entries are there, or others"
    for key, args in world.readers().items():
        run = trial.place.run(args)
        if run.code == 0 and run.out != world.truth[key]:
            return f"`{key}` says something else"
    return ""


def _is_mended(place):
    """Whether the rows are those of views that are made anew from the entries."""
    live = _rows(place)
    place.run(["rebuild-views", "--json"])
    return live == _rows(place)


def _rows(place):
    """All rows of the views, but for what depends on when they were written."""
    connection = sqlite3.connect(f"file:{os.path.realpath(place.ledger + '/views.sqlite')}?mode=ro", uri=True)
    try:
        names = [name for name, in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        kept = [name for name in names if name not in ("meta", "fold_states")]
        return {name: sorted(map(repr, connection.execute(f'SELECT * FROM "{name}"'))) for name in kept}
    finally:
        connection.close()


def _search_harm(trial):
    """Whether a search finds less than with shards that are made anew, after new lines."""
    place = trial.place
    args = ["search", "tide*", "--json", "--limit", "0"]
    trial.check(place.run(["append", place.home, "--json"]))
    live = place.run(args)
    for name in os.listdir(place.ledger + "/views.d"):
        if "-search" in name and name[-2:].isdigit():
            shutil.rmtree(f"{place.ledger}/views.d/{name}")
    anew = place.run(args)
    if live.code == 0 and anew.code == 0 and live.out != anew.out:
        return "after new lines a search finds something else than with new shards"
    return ""


def _check_readers(trial):
    """No command prints a hidden word and says that all is well; gives those that print other words than before and say so."""
    world, differs = trial.world, []
    for key, args in world.readers().items():
        run = trial.place.run(args)
        if trial.check(run) and run.code == 0:
            if world.old_word.encode() in run.out:
                trial.trouble("shown", f"`{key}` shows the hidden word")
            elif _unsigned(run.out) != _unsigned(world.truth[key]) and not _says_behind(run):
                differs.append(key)
    return differs


def _unsigned(out):
    """Without who vouches for the ledger: a report tells it when that no longer holds."""
    return re.sub(rb'"checkpoint": ?("[^"]*"|null)', b"", out)


def _says_behind(run):
    """Older views may be read where nothing was hidden since, by a command that says how far behind they are."""
    return "behind" in run.said() or b'"behind":' in run.out and b'"behind":0' not in run.out


def _check_next(trial):
    """The next append keeps every entry or refuses; nothing hidden comes back, and published least of all."""
    world, place = trial.world, trial.place
    run = place.run(["append", place.home, "--json"])
    word = world.old_word.encode()
    if trial.check(run) and run.code == 0:
        try:
            raw = world.bundle(place)
            if any(kind == 7 for _, _, kind, _ in entries_of(raw)):
                return  # the journal of a later time was put back, and with it that the redaction was undone
            if not raw.startswith(world.raw):
                trial.trouble("silent", f"append went on with {len(entries_of(raw))} entries, or others")
            elif not _has_all(trial, raw):
                trial.trouble("silent", "append said that it was done and skipped new lines")
        except Broken as error:
            # What `append` does not read it need not verify; but it must not go on where something is not there.
            if trial.what.startswith(("remove", "cut")):
                trial.trouble("silent", f"append went on, but the entries cannot be read: {error}")
    for args in (["rebuild-views", "--json"], ["report", "--publish", place.out + "/pages"]):
        run = place.run(args)
        trial.check(run)
    for args in (world.readers()["report"], ["search", world.old_word, "--json"]):
        run = place.run(args)
        if trial.check(run) and run.code == 0 and word in run.out:
            trial.trouble("shown", f"after the next append and a rebuild: the hidden word is in `{args[0]}`")
    for folder, _, names in os.walk(place.out):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                if word in file.read():
                    trial.trouble("shown", f"the hidden word is published in {name}")
                    return


def _has_all(trial, raw):
    from home import whole_lines
    from program import lines_of
    have = lines_of(raw)
    return all(any(data.startswith(whole) for data in have.get(f"rollout/{thread}", []))
               for thread, whole in whole_lines(trial.place.home).items())
