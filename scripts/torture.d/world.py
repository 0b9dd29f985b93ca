"""What the trials start from: ledgers at several points of their life, the commands, and the truth about them."""

import json
import os
import random
import shutil
import sqlite3

from home import Home, secret
from program import Place, entries_of, how_it_ended

REPORT = ["report", "--mode", "full", "--format", "json"]
RULES = """name: torture
extends: builtin
rules:
  - id: hidden-word
    type: literal
    pattern: '%s'
"""


class Broken(Exception):
    """The program failed where nothing was made to fail."""


def must(run, codes=(0,)):
    trouble = how_it_ended(run)
    if trouble or run.code not in codes:
        raise Broken(str(run))
    return run


class World:
    """States of one ledger: `young` (one volume), `base` (also a journal, views, shards, a tag, a redaction), `later`
    (new lines, and the redaction undone); and `other`, a larger ledger of its own that hides nothing. The home of
    `base` has lines that are not appended yet."""

    def __init__(self, program, path, seed):
        self.program, self.path = program, path
        rng = random.Random(f"world {seed}")
        # What the commands hide: a text, and what only a session, a prompt and an entry have; and what is hidden already.
        self.word, self.session_word, self.prompt_word, self.entry_word = (secret(rng) for _ in range(4))
        self.old_word = secret(rng)
        place = Place(program, path + "/making")
        home = Home(rng, place.home, word=self.word)
        home.sessions[1].turn(rng, word=self.old_word)
        home.sessions[2].turn(rng, word=self.session_word)
        home.sessions[3].turn(rng, prompt_word=self.prompt_word, output_word=self.entry_word)
        with open(place.path + "/rules.yaml", "w") as file:
            file.write(RULES % self.word)
        self.sessions = [session.id for session in home.sessions]
        self._empty = self._keep(place, "empty")
        must(place.run(["append", place.home]))
        must(place.run(["search", "tide*", "--json"]))
        self._keep(place, "young")
        home.grow(rng, word=self.word, turns=2)
        must(place.run(["append", place.home]))
        must(place.run(["tag", "add", "seen", self.sessions[0]]))
        must(place.run(["redact", "--literal", self.old_word, "--reason", "not for others", "--json"]))
        must(place.run(["search", "tide*", "--json"]))
        self.raw = self.bundle(place)
        self.entries = entries_of(self.raw)
        self.undoable = next(n for n, e in enumerate(self.entries) if e[2] == 6)
        self.with_word = next(n for n, e in enumerate(self.entries) if e[2] == 3 and self.entry_word.encode() in e[3])
        self.report = must(place.run(REPORT)).out
        self.truth = {key: must(place.run(args)).out for key, args in self.readers().items()}
        home.grow(rng, turns=3)
        self._keep(place, "base")
        must(place.run(["append", place.home]))
        must(place.run(["redact", "undo", str(self.undoable), "--reason", "for all"]))
        must(place.run(["search", "tide*", "--json"]))
        self._keep(place, "later")
        place.remove()
        other = Place(program, path + "/making")
        rng = random.Random(f"other {seed}")
        home = Home(rng, other.home, sessions=6, word=self.word)
        must(other.run(["append", other.home]))
        home.grow(rng, turns=4)
        must(other.run(["append", other.home]))
        must(other.run(["search", "tide*", "--json"]))
        self._keep(other, "other")
        other.remove()

    def readers(self):
        """Commands whose output says the same as long as the ledger does."""
        return {"report": REPORT, "search": ["search", "tide*", "--json", "--limit", "0"],
                "sessions": ["sessions", "--json"], "tokens": ["tokens", "--json"],
                "show": ["show", self.sessions[0], "--json"], "list": ["redact", "list", "--json"]}

    def _keep(self, place, name):
        to = f"{self.path}/{name}"
        shutil.copytree(place.path, to, symlinks=True)
        return to

    def place(self, path, state="base"):
        """A fresh copy of a state."""
        if os.path.exists(path):
            Place(self.program, path).remove()
        shutil.copytree(f"{self.path}/{state}", path, symlinks=True)
        return Place(self.program, path)

    def bundle(self, place, ledger=None):
        """The bytes of all entries; the entry of this export itself is made in a copy, and left out."""
        to, copy = place.path + "/bundle", place.path + "/exported"
        for path in (to, copy):
            shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(ledger or place.ledger, copy, symlinks=True, ignore=lambda _, names: [
            name for name in names if name.startswith("views")])
        try:
            must(place.run(["export", "-o", to, "--reason", "trial", "--json"], ledger=copy))
        finally:
            shutil.rmtree(copy, ignore_errors=True)
        with open(to + "/entries.cxl", "rb") as file:
            raw = file.read()
        return raw[:entries_of(raw)[-1][0]]


class Command:
    """A command of the program: what it is given, from which state, and what makes it do something."""

    def __init__(self, name, args, state="base", prepare=None, hides=None, is_writer=True, is_endless=False):
        self.name, self._args, self.state, self.prepare = name, args, state, prepare
        # The name of the world's word that is hidden when the command is done.
        self.hides, self.is_writer, self.is_endless = hides, is_writer, is_endless

    def args(self, world, place):
        return self._args(world, place)


def _outdate(_, place):
    """Views of an older program: `migrate` has work."""
    connection = sqlite3.connect(place.ledger + "/views.sqlite")
    connection.execute("UPDATE meta SET digest = '00'")
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _no_shards(_, place):
    folder = place.ledger + "/views.d"
    for name in os.listdir(folder):
        if "-search" in name and name[-2:].isdigit():
            shutil.rmtree(os.path.join(folder, name))


def _old_file(_, place):
    for name in ("page.json", "pages/index.md"):
        os.makedirs(os.path.dirname(f"{place.out}/{name}"), exist_ok=True)
    with open(place.out + "/page.json", "w") as file:
        file.write("old")


def _reason(*args):
    return [*args, "--reason", "not for others", "--json"]


COMMANDS = [
    Command("append, first", lambda w, p: ["append", p.home, "--json"], state="empty"),
    Command("append", lambda w, p: ["append", p.home, "--json"]),
    Command("append --watch", lambda w, p: ["append", "--watch", p.home], is_endless=True),
    Command("redact --literal", lambda w, p: _reason("redact", "--literal", w.word), hides="word"),
    Command("redact --regex", lambda w, p: _reason("redact", "--regex", w.word[:8] + "[a-z]+"), hides="word"),
    Command("redact --prompt", lambda w, p: _reason("redact", "--prompt", w.sessions[3] + "#4"), hides="prompt_word"),
    Command("redact --session", lambda w, p: _reason("redact", "--session", w.sessions[2]), hides="session_word"),
    Command("redact --entry", lambda w, p: _reason("redact", "--entry", str(w.with_word)), hides="entry_word"),
    Command("redact undo", lambda w, p: _reason("redact", "undo", str(w.undoable))),
    Command("redact rules set", lambda w, p: _reason("redact", "rules", "set", p.path + "/rules.yaml"), hides="word"),
    Command("rebuild-views", lambda w, p: ["rebuild-views", "--json"]),
    Command("migrate", lambda w, p: ["migrate", "--json"], prepare=_outdate),
    Command("search, first", lambda w, p: ["search", "tide*", "--json"], prepare=_no_shards),
    Command("search", lambda w, p: ["search", "tide*", "--json"], is_writer=False),
    Command("report -o", lambda w, p: [*REPORT, "-o", p.out + "/page.json"], prepare=_old_file, is_writer=False),
    Command("report --publish", lambda w, p: ["report", "--publish", p.out + "/pages"], is_writer=False),
    Command("tag add", lambda w, p: ["tag", "add", "later", w.sessions[1], "--json"]),
    Command("note add", lambda w, p: ["note", "add", w.sessions[1], "a remark", "--json"]),
    Command("audit", lambda w, p: ["audit", "--json"], is_writer=False),
    Command("export", lambda w, p: ["export", "-o", p.out + "/bundle", "--reason", "trial", "--json"]),
    Command("show --raw", lambda w, p: ["show", "--raw", w.sessions[0]]),
    Command("sessions", lambda w, p: ["sessions", "--json"], is_writer=False),
]


def commands(names=None):
    return [command for command in COMMANDS if names is None or command.name in names]


def acknowledged(run):
    """How many entries a run has said are in the ledger: from its JSON, 0 when it said nothing."""
    said = run.json()
    if not isinstance(said, dict):
        return 0
    if isinstance(said.get("head"), dict):
        return said["head"].get("size", 0)
    for value in [said, *[v for v in said.values() if isinstance(v, dict)]]:
        if isinstance(value.get("seq"), int) and isinstance(value.get("id"), str):
            return value["seq"] + 1
    return 0


def dumps(value):
    return json.dumps(value, sort_keys=True)
