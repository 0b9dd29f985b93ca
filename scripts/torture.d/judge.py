"""What must hold after a fault, whatever it was."""

import os
import shutil

from program import entries_of, fields_of, how_it_ended, lines_of
from home import whole_lines
from words import found_in
from world import REPORT, Broken

KINDS = ("lost", "silent", "leak", "shown", "panic", "hang", "stuck", "alarm", "unclear")
MEANING = {
    "lost": "an acknowledged entry is not there, or a source's bytes are not",
    "silent": "something differs and every command that should say so says that all is well",
    "leak": "a hidden word is in a derived or temporary file after the next command",
    "shown": "a command shows hidden or other words with exit code 0",
    "panic": "exit code 101, 134 or 139, a signal, or a backtrace",
    "hang": "no end within the time limit",
    "stuck": "the next command cannot go on",
    "alarm": "a finding, or a refusal, where only a fault that is allowed to happen happened",
    "unclear": "another exit code than 0, 1, 2, or no words with a 2",
}

# Commands of any kind: each must finish what an interrupted one began.
NEXT = (["status", "--json"], ["sessions", "--json"], REPORT, ["search", "tide*", "--json"], ["append"],
        ["audit", "--json"], ["redact", "list", "--json"])
# Commands that show text, as everybody is meant to see it.
SHOWING = ("report", "search", "sessions", "show", "tokens", "group")


class Trial:
    """One trial: what is tried, and what was wrong."""

    def __init__(self, kind, number, rng, world, place):
        self.kind, self.number, self.rng, self.world, self.place = kind, number, rng, world, place
        self.what, self.troubles, self.is_void, self.keep, self.count = "", [], False, None, 1
        self.is_known = False

    def trouble(self, kind, words):
        self.troubles.append((kind, words))

    def snapshot(self):
        """Keeps what stands right after the fault, when asked to."""
        if self.keep:
            to = f"{self.keep}/{self.kind}-{self.number}-{len(os.listdir(self.keep))}"
            shutil.copytree(self.place.path, to, symlinks=True)

    def check(self, run, **how):
        """Records how a run ended; true when it ended as a program should."""
        found = how_it_ended(run, **how)
        if found:
            self.trouble(*found)
        return found is None

    # --- Entries ----------------------------------------------------------------------------------------

    def recorded(self):
        """The entries as a copy of the ledger says, which leaves the ledger itself alone; None when unreadable."""
        copy = self.place.path + "/copy"
        shutil.rmtree(copy, ignore_errors=True)
        try:
            shutil.copytree(self.place.ledger, copy, symlinks=True, ignore=lambda _, names: [
                name for name in names if name.startswith("views")])
            return self.world.bundle(self.place, copy)
        except (Broken, OSError):
            return None
        finally:
            shutil.rmtree(copy, ignore_errors=True)

    def hidden_by(self, raw):
        """Which of the world's words the entries hide that were appended since."""
        world, hidden = self.world, {}
        for seq, (_, _, kind, body) in enumerate(entries_of(raw)):
            what = fields_of(body).get("what", b"").decode() if kind == 6 else "rules" if kind == 8 else ""
            if seq < len(world.entries) or not what or kind == 8 and world.word.encode() not in body:
                continue
            hidden[seq] = getattr(world, {"session": "session_word", "prompt": "prompt_word",
                                          "entry": "entry_word"}.get(what, "word"))
        return set(hidden.values())

    def check_shown(self, run, words):
        """A command that shows text must not show a hidden word and say that all is well."""
        if run.code == 0 and run.args[0] in SHOWING and any(word.encode() in run.out for word in words):
            self.trouble("shown", f"the word is in the output of `{' '.join(run.args[:3])}`, exit code 0")

    def check_leak(self, words, when):
        for word in sorted(words):
            found = found_in(self.place, word)
            if found:
                self.trouble("leak", f"{when}: the word is in {', '.join(found[:4])}{' …' if len(found) > 4 else ''}")

    # --- After a fault ----------------------------------------------------------------------------------

    def after(self, acknowledged, truth=None, reader=None, hidden=()):
        """Runs the next commands. `acknowledged` entries of `truth` must be there. `reader` is an open connection that
        is closed after the first of them; `hidden` are words that are hidden for certain."""
        self.snapshot()
        truth = self.world.raw if truth is None else truth
        before = self.recorded()
        hidden = set(hidden) | (self.hidden_by(before) if before else set())
        self._next_command(hidden, reader)
        audit = self.place.run(["audit", "--json"])
        if self.check(audit):
            self._check_first_audit(audit, acknowledged)
        again = self.place.run(["append", self.place.home, "--json"])
        if self.check(again) and again.code != 0:
            self.trouble("stuck", f"the next append: {again}")
            self._check_lost_for_good(acknowledged)
            return
        self._check_end(acknowledged, truth)
        self.check_leak(hidden, "at the end")

    def _next_command(self, hidden, reader):
        runs = [self.rng.choice(NEXT)]
        if reader is not None:
            runs.append(self.rng.choice(NEXT))
        for at, args in enumerate(runs):
            args = [*args, self.place.home, "--json"] if args == ["append"] else args
            run = self.place.run(args)
            self.check(run)
            self.check_shown(run, hidden)
            for word in sorted(hidden) if reader is not None else ():
                for args in (REPORT, ["search", word, "--json"], ["show", self.world.sessions[0], "--json"]):
                    self.check_shown(self.place.run(args), hidden)
            if reader is not None and at == 0:
                reader.close()
        self.check_leak(hidden, f"after `{' '.join(runs[-1][:2])}`")

    def _check_first_audit(self, audit, acknowledged):
        """A fault may leave views behind, and of HEAD the slot that was being written; it damages nothing."""
        said = audit.json() or {}
        for finding in said.get("findings", []):
            kind, name = finding.get("kind", "?"), os.path.basename(finding.get("file", "?"))
            is_of_views = "view" in kind or "search" in kind or "shard" in kind or name.startswith("views")
            if is_of_views or "/views" in finding.get("file", ""):
                continue
            if kind == "head_slot" or not acknowledged and kind == "structure":
                continue
            self.trouble("lost" if kind in ("lost", "entry") else "alarm", f"audit after the fault: {kind} {name}: "
                         f"{finding.get('detail', '')[:200]}")
        if audit.code == 2 and acknowledged:
            self.trouble("stuck", f"audit after the fault: {audit}")

    def _check_lost_for_good(self, acknowledged):
        raw = self.recorded()
        count = len(entries_of(raw)) if raw else 0
        if count < acknowledged:
            self.trouble("lost", f"{count} of {acknowledged} acknowledged entries can be read")

    def _check_end(self, acknowledged, truth):
        audit = self.place.run(["audit", "--json"])
        if self.check(audit) and audit.code != 0:
            details = [f"{f.get('kind')}: {f.get('detail', '')[:160]}" for f in (audit.json() or {}).get("findings", [])]
            self.trouble("stuck", f"audit after the next append: {audit.code} {details[:3]} {audit.said()[:200]}")
        try:
            raw = self.world.bundle(self.place)
        except Broken as error:
            return self.trouble("lost", f"entries cannot be exported: {error}")
        bounds = entries_of(truth)
        if acknowledged:
            end = bounds[min(acknowledged, len(bounds)) - 1][1]
            if raw[38:end] != truth[38:end]:
                self.trouble("lost", f"of {acknowledged} acknowledged entries {len(entries_of(raw))} are there, or "
                                     "others")
        have = lines_of(raw)
        for thread, whole in whole_lines(self.place.home).items():
            if not any(data.startswith(whole) for data in have.get(f"rollout/{thread}", [])):
                self.trouble("lost", f"the bytes of session {thread} are not in the ledger after the next append")
                break
        self._check_words(raw)

    def _check_words(self, raw):
        """The report says what views that are made anew from the entries say."""
        live = self.place.run(REPORT)
        fresh = self.place.path + "/fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(self.place.ledger, fresh, symlinks=True, ignore=lambda _, names: [
            name for name in names if name.startswith("views")])
        made = self.place.run(["rebuild-views", "--json"], ledger=fresh)
        anew = self.place.run(REPORT, ledger=fresh)
        shutil.rmtree(fresh, ignore_errors=True)
        if self.check(live) and self.check(made) and self.check(anew):
            if live.code == 0 and anew.code == 0 and live.out != anew.out:
                self.trouble("silent", "the report differs from one of views that are made anew")
            if live.code != 0:
                self.trouble("stuck", f"report after the next append: {live}")
            self.check_shown(live, self.hidden_by(raw))
