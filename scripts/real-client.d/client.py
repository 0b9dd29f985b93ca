"""The real client: fetched by npm, and run in a home of its own that knows no other server than ours."""

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path

PACKAGE = "@openai/codex"
TARGETS = {("linux", "x86_64"): "linux-x64", ("linux", "aarch64"): "linux-arm64",
           ("darwin", "x86_64"): "darwin-x64", ("darwin", "arm64"): "darwin-arm64"}
PAUSES_S = (5, 20)  # between three tries of a download
TURN_S_MAX = 60
# What clients say of a method that they do not know, or know for another sort of thread only.
UNKNOWN = ("unknown variant", "only supports paginated threads")
CONFIG = """\
model = "{model}"
model_provider = "scripted"
model_reasoning_summary = "detailed"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false
{more}

[model_providers.scripted]
name = "scripted"
base_url = "http://127.0.0.1:{port}/v1"
env_key = "SCRIPTED_KEY"
wire_api = "responses"

[analytics]
enabled = false

[features]
apps = false
plugins = false
shell_snapshot = false

[projects."{work}"]
trust_level = "trusted"
"""


class Skipped(Exception):
    """The client cannot be had here."""


class Cannot(Exception):
    """This version of the client cannot do what is asked."""


class Stuck(Exception):
    """The client did not do in time what it should, or did something else."""


# ---- fetching ------------------------------------------------------------------------------------------------


def npm(*words, cwd=None):
    """What npm prints; tried three times, since networks fail for a moment."""
    if not shutil.which("npm"):
        raise Skipped("npm is not installed")
    for pause in (*PAUSES_S, None):
        try:
            done = subprocess.run(["npm", *words, "--silent", "--fetch-retries=0"], cwd=cwd, capture_output=True, text=True, timeout=600)
            if done.returncode == 0:
                return done.stdout.strip()
            said = (done.stderr or done.stdout).strip().splitlines()[:1]
        except subprocess.TimeoutExpired:
            said = ["no answer in ten minutes"]
        if pause:
            time.sleep(pause)
    raise Skipped(f"npm {words[0]} {words[1]} failed three times {said or ''}".strip())


def fetch(version, cache):
    """The client's program, out of the cache or from npm."""
    folder = Path(cache) / version
    if not folder.is_dir():
        target = TARGETS.get((sys.platform, platform.machine()))
        if target is None:
            raise Skipped(f"there is no client for {sys.platform} on {platform.machine()}")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            npm("pack", f"{PACKAGE}@{version}-{target}", cwd=scratch)
            with tarfile.open(next(Path(scratch).glob("*.tgz"))) as packed:
                packed.extractall(f"{scratch}/whole", filter="data")
            os.rename(f"{scratch}/whole", folder)  # whole or not at all, so that a cache is never half a client
    programs = [path for path in sorted(folder.rglob("codex")) if path.is_file() and os.access(path, os.X_OK)]
    if not programs:
        raise Skipped(f"the package of {version} holds no program")
    return programs[0]


# ---- running -------------------------------------------------------------------------------------------------


class Client:
    """One version in one home. `home` is the client's, `work` the folder that it works in."""

    def __init__(self, program, root, port, model, more=""):
        self.program, self.root = program, Path(root)
        self.home, self.work = self.root / "home", self.root / "work"
        self.home.mkdir(parents=True)
        self.work.mkdir()
        config = CONFIG.format(model=model, port=port, work=self.work, more=more)
        (self.home / "config.toml").write_text(config, encoding="utf-8")
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.root), "CODEX_HOME": str(self.home),
                            "SCRIPTED_KEY": "none", "LANG": "C.UTF-8", "RUST_LOG": "error"}

    def start(self, *words, **pipes):
        """Starts the client with a process group of its own, so that all of it can be ended."""
        with open(self.root / "client.log", "a") as log:
            return subprocess.Popen([self.program, *words], cwd=self.work, env=self.environment, stderr=log,
                                    start_new_session=True, text=True, encoding="utf-8", **pipes)

    def run(self, *words, program=None):
        """Runs the client to its end: its output."""
        done = subprocess.run([program or self.program, *words], cwd=self.work, env=self.environment, capture_output=True,
                              stdin=subprocess.DEVNULL, text=True, encoding="utf-8", errors="replace", timeout=2 * TURN_S_MAX)
        errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
        if done.returncode == 2 and errors:
            raise Cannot(errors[0])
        if done.returncode:
            raise Stuck(f"codex {words[0]} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}")
        return done.stdout

    def files(self):
        """The files of its threads."""
        return [path for folder in ("sessions", "archived_sessions") for path in (self.home / folder).rglob("rollout-*")]

    def settle(self):
        """Waits until nothing more is written: a turn may be reported as done before its last records are in the file."""
        before = None
        for _ in range(40):
            now = [(path, path.stat().st_size) for path in self.files()]
            if now == before:
                return
            before = now
            time.sleep(0.2)


class AppServer:
    """`codex app-server`: requests and notifications as lines of JSON."""

    def __init__(self, client, *options):
        self.process = client.start(*options, "app-server", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.messages, self.arrived, self.number = [], threading.Condition(), 0
        threading.Thread(target=self.listen, daemon=True).start()
        who = {"name": "real-client", "title": "real-client", "version": "1"}
        self.ask("initialize", clientInfo=who, capabilities={"experimentalApi": True})
        self.send(method="initialized")

    def listen(self):
        for line in self.process.stdout:
            with self.arrived:
                self.messages.append(json.loads(line))
                self.arrived.notify_all()

    def send(self, **message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def wait_for(self, is_wanted, what, after=0):
        """The first wanted message of those that have come or will come, less the first `after` ones."""
        def found():
            return next(filter(is_wanted, self.messages[after:]), None)

        with self.arrived:
            message = self.arrived.wait_for(found, TURN_S_MAX)
        if message is None:
            raise Stuck(f"no {what} in {TURN_S_MAX} seconds")
        return message

    def ask(self, method, **params):
        """The result of a request. One that the client does not know is `Cannot`."""
        self.number += 1
        number = self.number
        self.send(id=number, method=method, params=params)
        answer = self.wait_for(lambda message: message.get("id") == number and "method" not in message, f"answer to {method}")
        if "error" not in answer:
            return answer["result"]
        error = answer["error"]
        if error.get("code") == -32601 or any(words in error.get("message", "") for words in UNKNOWN):
            raise Cannot(f"it cannot do {method}")
        raise Stuck(f"{method}: {error.get('message', error)}"[:300])

    def wait_for_turn(self, turn, after=0):
        """Waits for the end of a turn; None is any turn."""
        def is_end(message):
            return message.get("method") == "turn/completed" and turn in (None, message["params"]["turn"]["id"])
        self.wait_for(is_end, "end of a turn", after)

    def close(self):
        """Ends it; by force where it does not end by itself."""
        try:
            self.process.stdin.close()
            self.process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
