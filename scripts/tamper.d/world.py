"""What the trials start from: an invented Codex home, a ledger of it at points of its life, and its checkpoints."""

import json
import os
import random
import re
import shutil
import subprocess
import uuid

import ledger as fmt

WORDS = ("tide pier lamp harbour gull rope chart buoy keel sand north ebb flood wind mast sail hull anchor fog bell "
         "table moon chalk depth sound reef quay crane wave foam").split()
SECRET = "marmalade lighthouse"


class Broken(Exception):
    """The program failed where nothing was tampered with."""


class Machine:
    """A home and a configuration folder of its own: who has which keys."""

    def __init__(self, program, path):
        self.program, self.path = program, path
        self.config = path + "/config"
        for folder in (path + "/home", self.config, path + "/tmp"):
            os.makedirs(folder, exist_ok=True)

    def environment(self):
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
        return {**kept, "HOME": self.path + "/home", "XDG_CONFIG_HOME": self.config, "TMPDIR": self.path + "/tmp",
                "XDG_DATA_HOME": self.path + "/data", "XDG_CACHE_HOME": self.path + "/cache", "NO_COLOR": "1"}

    def run(self, ledger, *args):
        """Exit code, stdout, stderr."""
        line = [self.program, "--ledger", ledger, "--actor", "ada", *args]
        done = subprocess.run(line, env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    def must(self, ledger, *args):
        code, out, err = self.run(ledger, *args)
        if code:
            raise Broken(f"{' '.join(args)}: exit code {code}\n{out}{err}")
        return out

    def keys(self):
        return self.config + "/codex-ledger/keys"


class Session:
    """One invented rollout that grows."""

    def __init__(self, rng, home, number):
        self.rng, self.turns = rng, 0
        self.id = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        folder = f"{home}/sessions/2026/03/{number + 1:02}"
        os.makedirs(folder)
        self.file = f"{folder}/rollout-2026-03-{number + 1:02}T09-00-00-{self.id}.jsonl"
        self.day, self.second = number + 1, 0
        git = {"commit_hash": "ab" * 20, "branch": "main", "repository_url": "https://git.example.com/ada/tides.git"}
        self.put("session_meta", id=self.id, timestamp=self.time(), cwd="/home/ada/tides", originator="codex_cli_rs",
                 cli_version="0.104.0", source="cli", model_provider="openai", git=git)

    def time(self):
        self.second += 3
        return f"2026-03-{self.day:02}T09:{self.second // 60:02}:{self.second % 60:02}.000Z"

    def put(self, kind, **payload):
        with open(self.file, "a", encoding="utf-8") as file:
            file.write(json.dumps({"timestamp": self.time(), "type": kind, "payload": payload}) + "\n")

    def words(self, count):
        return " ".join(self.rng.choice(WORDS) for _ in range(count))

    def turn(self, extra="", output=""):
        self.turns += 1
        turn, call = str(uuid.UUID(int=self.rng.getrandbits(128), version=4)), f"call_{self.turns}"
        prompt = f"{self.words(6)} {extra}".strip()
        self.put("turn_context", turn_id=turn, cwd="/home/ada/tides", approval_policy="on-request",
                 sandbox_policy={"type": "read-only"}, model="gpt-5.2-codex", effort="high", summary="auto")
        self.put("response_item", type="message", role="user", content=[{"type": "input_text", "text": prompt}])
        self.put("event_msg", type="user_message", message=prompt, images=[])
        self.put("response_item", type="function_call", name="shell_command", call_id=call,
                 arguments=json.dumps({"command": f"grep {self.words(2)}"}))
        self.put("response_item", type="function_call_output", call_id=call,
                 output=f"Exit code: 0\nWall time: 0 seconds\nOutput:\n{output or self.words(12)}")
        answer = self.words(10)
        self.put("response_item", type="message", role="assistant", content=[{"type": "output_text", "text": answer}])
        usage = {"input_tokens": 900, "cached_input_tokens": 100, "output_tokens": 40, "reasoning_output_tokens": 10,
                 "total_tokens": 940}
        total = {name: count * self.turns for name, count in usage.items()}
        self.put("event_msg", type="token_count", info={"total_token_usage": total, "last_token_usage": usage,
                                                        "model_context_window": 258400})


class Home:
    def __init__(self, rng, path):
        self.rng, self.path, self.sessions = rng, path, []

    def session(self, **turn):
        self.sessions.append(Session(self.rng, self.path, len(self.sessions)))
        self.sessions[-1].turn(**turn)
        return self.sessions[-1]


class World:
    """`states`: copies of the ledger's folder, each with the checkpoint that it has, in order; the last is what is
    tampered with. `entries`: what it holds. `noted`: all checkpoints, as somebody elsewhere has collected them."""

    def __init__(self, program, path, seed):
        self.program, self.path, self.states = program, path, []
        self.holder = Machine(program, path + "/holder")
        self.stranger = Machine(program, path + "/stranger")
        self.ledger = path + "/ledger"
        rng = random.Random(f"world {seed}")
        home = self.home = Home(rng, path + "/codex")
        run = self.holder.must
        first = home.session()
        home.session(extra=SECRET)
        self._do("append", home.path)
        first.turn()
        # A body that is stored in blocks.
        home.session(output=first.words(50_000)).turn()
        self._do("append", home.path)
        self._do("tag", "add", "seen", first.id)
        self._do("note", "add", first.id, "as it should be")
        self._do("redact", "--literal", SECRET, "--reason", "not for others")
        for session in home.sessions:
            session.turn()
        self._do("append", home.path)
        first.turn()
        home.session().turn()
        self._do("append", home.path)
        self.noted = path + "/noted"
        notes = [state["checkpoint"] for state in self.states]
        with open(self.noted, "w", encoding="utf-8") as file:
            file.write("".join(dict.fromkeys(notes)))
        shutil.copytree(self.ledger, path + "/exported", symlinks=True)
        run(path + "/exported", "export", "-o", path + "/bundle", "--reason", "trial")
        self.entries = fmt.read_export(path + "/bundle")
        self.key_name = next(name for name in os.listdir(self.holder.keys()) if name.endswith(".key"))
        # The export was recorded in a copy, and may have been signed: the holder's keys are put back as they were.
        shutil.rmtree(self.holder.config)
        shutil.copytree(path + "/config", self.holder.config)
        self.secret = fmt.read_key(f"{self.holder.keys()}/{self.key_name}")
        # What views of these entries say. The copy above has one entry more, of the export.
        shutil.rmtree(path + "/exported")
        shutil.copytree(self.ledger, path + "/exported", symlinks=True)
        self.told = self.tell(path + "/exported")
        self._other(rng)

    def tell(self, folder):
        """What views made anew say of a ledger: their digest, and the whole report. None where they cannot be made."""
        code, out, _ = self.stranger.run(folder, "rebuild-views")
        if code:
            return None
        _, report, _ = self.stranger.run(folder, "report", "--mode", "full", "--format", "json")
        return re.search(r"digest ([0-9a-f]{64})", out)[1], report

    def _do(self, *args):
        """One command of the holder, and what the folder is afterwards."""
        self.holder.must(self.ledger, *args)
        to = f"{self.path}/state-{len(self.states)}"
        shutil.copytree(self.ledger, to, symlinks=True)
        shutil.rmtree(self.path + "/config", ignore_errors=True)
        shutil.copytree(self.holder.config, self.path + "/config")
        with open(self.ledger + "/checkpoint", encoding="utf-8") as file:
            note = file.read()
        code, out, err = self.stranger.run(to, "status", "--json")
        if code:
            raise Broken(err)
        self.states.append({"folder": to, "checkpoint": note, "after": args[0], "size": _size(out)})

    def _other(self, rng):
        """Another ledger, for its views."""
        machine = Machine(self.program, self.path + "/elsewhere")
        home = Home(rng, self.path + "/codex-elsewhere")
        home.session().turn()
        home.session()
        self.other = self.path + "/other"
        machine.must(self.other, "append", home.path)


def _size(out):
    said = json.loads(out)
    return (said.get("head") or said.get("ledger", {}).get("head") or said["ledger"])["size"]
