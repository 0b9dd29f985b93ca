"""What a scenario does with the client, and what is known of it afterwards without reading a log."""

import dataclasses
import json
import os
import time

from client import TURN_S_MAX, AppServer, Cannot, Stuck

# Stages after which nothing new is there to be shown, and nothing may be missing.
QUIET = {"archive", "unarchive", "delete", "close", "compress", "migrate", "upgrade"}
# Stages that need the newest client.
NEWEST = {"migrate", "upgrade"}
COMPRESSION = "local_thread_store_compression"


@dataclasses.dataclass
class Thread:
    """What was done in one thread. `turns` are those of the app-server that were not taken back: (id, prompt)."""

    id: str = None
    prompts: list = dataclasses.field(default_factory=list)
    undone: list = dataclasses.field(default_factory=list)
    turns: list = dataclasses.field(default_factory=list)
    forked_from: str = None
    name: str = None


class Stages:
    """The stages of one scenario. Each method returns when the client has done it; the first word is the thread's label."""

    def __init__(self, client, model, answers, newest):
        self.client, self.model, self.answers, self.newest = client, model, answers, newest
        self.threads, self.server, self.loaded = {}, None, set()

    def do(self, stage):
        words = dict(stage)
        verb = words.pop("do")
        for key in ("before", "answers"):  # a request of the client's own comes before the one for the prompt
            if key in words:
                self.model.expect(self.answers[words.pop(key)])
        try:
            getattr(self, verb)(**words)
        finally:
            if self.model.missing:
                raise Cannot(self.model.missing)
        if self.model.surprise or self.model.queue:
            raise Stuck(self.model.surprise or f"{len(self.model.queue)} answers were not asked for")
        self.client.settle()

    # ---- codex exec

    def exec(self, thread, prompt, options=()):
        known = self.threads.setdefault(thread, Thread())
        known.prompts.append(prompt)
        resume = ["resume", known.id] if known.id else []
        printed = self.client.run("exec", "--json", "--skip-git-repo-check", *options, *resume, prompt)
        events = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
        started = [event["thread_id"] for event in events if event.get("type") == "thread.started"]
        if not known.id and not started:
            raise Stuck("codex exec does not tell the id of its thread")
        known.id = known.id or started[0]

    def migrate(self):
        self.client.run("migrate-rollouts", "--apply", program=self.newest)

    def upgrade(self):
        self.close()
        self.client.program = self.newest

    # ---- codex app-server

    def ask(self, method, thread, **params):
        """Asks the app-server something about a thread; both are started where they are not there yet."""
        self.server = self.server or AppServer(self.client)
        known = self.threads.setdefault(thread, Thread())
        if not known.id:
            known.id = self.server.ask("thread/start", cwd=str(self.client.work))["thread"]["id"]
        elif thread not in self.loaded and method != "thread/unarchive":
            self.server.ask("thread/resume", threadId=known.id)
        self.loaded.add(thread)
        return self.server.ask(method, threadId=known.id, **params)

    def begin(self, thread, prompt):
        turn = self.ask("turn/start", thread, input=[{"type": "text", "text": prompt, "textElements": []}])["turn"]["id"]
        self.threads[thread].prompts.append(prompt)
        self.threads[thread].turns.append((turn, prompt))
        return turn

    def turn(self, thread, prompt):
        turn = self.begin(thread, prompt)
        self.server.wait_for_turn(turn)

    def interrupt(self, thread, prompt):
        """Stops a turn once its command, which makes a file, runs."""
        begun = self.client.work / "begun"
        begun.unlink(missing_ok=True)
        turn = self.begin(thread, prompt)
        wait_until(begun.exists, "the command that waits does not begin")
        self.ask("turn/interrupt", thread, turnId=turn)
        self.server.wait_for_turn(turn)

    def fork(self, thread, new, turns=None):
        last = {"lastTurnId": self.threads[thread].turns[turns - 1][0]} if turns else {}
        answer = self.ask("thread/fork", thread, **last)
        parent = self.threads[thread]
        self.threads[new] = Thread(id=answer["thread"]["id"], forked_from=parent.id)
        self.loaded.add(new)

    def undo(self, thread, turns):
        """Newer clients revert to the place before a turn, older ones roll back a number of turns."""
        known = self.threads[thread]
        gone = known.turns[-turns:]
        try:
            self.ask("thread/revert", thread, beforeTurnId=gone[0][0])
        except Cannot:
            self.ask("thread/rollback", thread, numTurns=turns)
        known.undone += [prompt for _, prompt in gone]
        known.turns = known.turns[:-turns]

    def compact(self, thread):
        told = len(self.server.messages)
        self.ask("thread/compact/start", thread)
        self.server.wait_for_turn(None, told)  # the client makes a turn of it, and does not tell which

    def rename(self, thread, name):
        self.ask("thread/name/set", thread, name=name)
        self.threads[thread].name = name

    def archive(self, thread):
        self.ask("thread/archive", thread)
        self.loaded.discard(thread)

    def unarchive(self, thread):
        self.ask("thread/unarchive", thread)
        self.loaded.discard(thread)

    def delete(self, thread):
        self.ask("thread/delete", thread)
        self.loaded.discard(thread)

    def compress(self):
        """The client packs files that nobody has touched for long; so they are made to look like that."""
        if COMPRESSION not in self.client.run("features", "list"):
            raise Cannot("it does not compress")
        self.close()
        for path in self.client.files():
            os.utime(path, (time.time() - 30 * 86400,) * 2)
        self.server = AppServer(self.client, "--enable", COMPRESSION)
        wait_until(lambda: all(path.suffix == ".zst" for path in self.client.files()), "files are not compressed")
        self.close()

    def close(self):
        if self.server:
            self.server.close()
        self.server, self.loaded = None, set()


def wait_until(is_so, otherwise):
    """Waits for what the client tells nobody."""
    end = time.monotonic() + TURN_S_MAX
    while not is_so():
        if time.monotonic() > end:
            raise Stuck(otherwise)
        time.sleep(0.05)
