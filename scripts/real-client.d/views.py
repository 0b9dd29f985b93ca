"""What codex-ledger shows of a home."""

import collections
import json
import os
import sqlite3
import subprocess
from pathlib import Path

# What is told: a table of the views, columns, and which rows. Copies out of a parent's file are told by the parent.
TOLD = {
    "prompts": ("prompts", "number, text, rolled_back", "copied = 0 AND review = 0"),
    "calls": ("function_calls", "call_id, exit_code", "copied = 0"),
    "file changes": ("file_changes", "action, path, added, removed", "copied = 0"),
    "plan steps": ("function_plan_messages", "step, status", "copied = 0"),
    "answers": ("messages", "text", "copied = 0 AND role = 'assistant'"),
    "thoughts": ("agent_reasoning_messages", "text", "copied = 0 AND text <> ''"),
    "models": ("turn_context_messages", "model", "model IS NOT NULL"),
    "compactions": ("turns", "what", "copied = 0 AND what = 'compacted'"),
    "tokens": ("token_messages", "model, input, cached_input, output, reasoning_output", "counted = 1"),
}


class Unreadable(Exception):
    """The program did not do what it is asked, so that there is nothing to compare."""


class Ledger:
    """The program under test with one ledger."""

    def __init__(self, binary, folder):
        self.binary, self.folder = binary, Path(folder)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CODEX", "XDG"))}
        self.environment = kept | {"HOME": str(self.folder.parent)}

    def run(self, *words):
        return subprocess.run([self.binary, "--ledger", self.folder, *words], env=self.environment, capture_output=True,
                              text=True, encoding="utf-8", errors="replace", timeout=120)

    def append(self, home):
        done = self.run("append", str(home))
        if done.returncode:
            raise Unreadable(f"append ended with {done.returncode}: {done.stderr.strip()[-300:]}")

    def json(self, *words):
        done = self.run(*words, "--json")
        if done.returncode:
            raise Unreadable(f"{' '.join(words)} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
        return json.loads(done.stdout)

    def query(self, sql):
        views = sqlite3.connect(f"file:{self.folder}/views.sqlite?mode=ro", uri=True)
        try:
            return views.execute(sql).fetchall()
        finally:
            views.close()

    def shown(self):
        """By thread and by what is told: its rows, in the order of the thread."""
        shown = collections.defaultdict(lambda: {name: [] for name in TOLD})
        for name, (table, columns, where) in TOLD.items():
            # Superseded files are not left out: the views tell all files of a thread together, so a row of such a file
            # that stands beside the others would be one told twice.
            rows = self.query(f"SELECT s.thread, {columns} FROM {table} t JOIN streams s USING (stream)"
                              f" WHERE {where} ORDER BY s.thread, t.line, t.part, t.item")
            for thread, *row in rows:
                shown[thread][name].append(tuple(row))
        for row in self.json("sessions"):
            shown[row["id"]].setdefault("sessions list", []).append((row["tokens"], row["prompts"], row["name"]))
        for thread, parent in self.query("SELECT DISTINCT id, forked_from_id FROM sessions WHERE forked_from_id IS NOT NULL"):
            shown[thread]["forked from"] = [(parent,)]
        return {thread: normal(told) for thread, told in shown.items()}

    def totals(self):
        """Tokens by model, as `tokens` prints them."""
        rows = self.json("tokens", "--by", "model")["rows"]
        return {row["key"]: tuple(row[name] for name in ("input", "cached", "output", "reasoning")) for row in rows}

    def troubles(self):
        """What needs no comparison to be wrong."""
        wrong = []
        [(malformed, unknown)] = self.query("SELECT total(malformed), total(unknown) FROM streams")
        if malformed or unknown:
            wrong.append(f"lines: {malformed:.0f} are called malformed, {unknown:.0f} unknown")
        audit = self.run("audit")
        if audit.returncode:
            wrong.append(f"audit ends with {audit.returncode}: {(audit.stdout + audit.stderr).strip()[:300]}")
        return wrong

    def drift(self):
        """Kinds of records and fields that this program does not know."""
        coverage = self.json("status")["coverage"]
        fields = {name for row in coverage["unknown_fields"] for name in row["fields"].split(",")}
        return {"kinds": sorted(map(json.dumps, coverage["not_understood"])), "fields": sorted(fields)}


def normal(told):
    """Paths by their last part, and each model once: folders and repetitions are not part of a scenario."""
    told["file changes"] = [(action, os.path.basename(path), *lines) for action, path, *lines in told["file changes"]]
    told["models"] = sorted(set(told["models"]))
    return told
