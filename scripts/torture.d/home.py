"""Invented Codex homes: sessions of every common shape of record, around a word that is to be hidden later."""

import json
import os
import time
import uuid

NOUNS = """mast keel oar sail buoy tide reef quay hull dock gull wave pier raft rope deck bell lamp fog cape bank isle
shoal berth cove inlet strait harbour beacon lantern anchor compass rudder tiller""".split()
CWD = "/home/dev/tide-tables"
REPOSITORY = "https://example.org/noone/tide-tables.git"


def words(rng, count):
    """Text that compresses like prose and repeats little."""
    return " ".join(f"{rng.choice(NOUNS)}{rng.getrandbits(12)}" for _ in range(count))


def secret(rng):
    """One token for full text, one word for a reader, and nothing that any other text begins with."""
    return "zq" + "".join(rng.choice("bcdfghjklmnpqrstvwxz") + rng.choice("aeiou") for _ in range(6))


class Session:
    """A rollout file that can grow."""

    def __init__(self, rng, home, number):
        self.id = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        self.at = 1_770_000_000 + number * 86_400
        self.calls = 0
        self.tokens = 0
        day = time.strftime("%Y/%m/%d", time.gmtime(self.at))
        stamp = time.strftime("%Y-%m-%dT%H-%M-%S", time.gmtime(self.at))
        folder = os.path.join(home, "sessions", day)
        os.makedirs(folder, exist_ok=True)
        self.path = os.path.join(folder, f"rollout-{stamp}-{self.id}.jsonl")
        self._write([self._record("session_meta", {
            "id": self.id, "timestamp": self._now(), "cwd": CWD, "originator": "codex_cli_rs",
            "cli_version": "0.150.0", "source": "cli", "model_provider": "openai",
            "git": {"commit_hash": "%040x" % rng.getrandbits(160), "branch": "main", "repository_url": REPOSITORY}})])

    def _now(self):
        self.at += 1
        return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(self.at))

    def _record(self, kind, payload):
        return json.dumps({"timestamp": self._now(), "type": kind, "payload": payload}).encode() + b"\n"

    def _write(self, records):
        with open(self.path, "ab") as file:
            file.write(b"".join(records))

    def turn(self, rng, size=12, word=None, prompt_word="", output_word=""):
        """A prompt, what was thought, planned and run, and the answer; the word is in all of them, the others in the
        prompt and in the output of the command alone."""
        hidden = f" {word}" if word else ""
        prompt = words(rng, size) + hidden + f" {prompt_word}"
        self.calls += 1
        call = f"call_{self.id[:8]}_{self.calls}"
        used = rng.randrange(200, 4000)
        self.tokens += used
        usage = {"input_tokens": used, "cached_input_tokens": 0, "output_tokens": 7, "total_tokens": used + 7}
        total = {"input_tokens": self.tokens, "cached_input_tokens": 0, "output_tokens": 7 * self.calls,
                 "total_tokens": self.tokens + 7 * self.calls}
        item, event = "response_item", "event_msg"
        self._write([
            self._record("turn_context", {"cwd": CWD, "approval_policy": "on-request", "model": "gpt-5.5",
                                          "effort": "medium", "summary": "auto"}),
            self._record(item, {"type": "message", "role": "user",
                                "content": [{"type": "input_text", "text": prompt}]}),
            self._record(event, {"type": "user_message", "message": prompt, "images": []}),
            self._record(item, {"type": "reasoning", "content": None, "encrypted_content": "AAAA",
                                "summary": [{"type": "summary_text", "text": words(rng, 6) + hidden}]}),
            self._record(item, {"type": "function_call", "name": "update_plan", "call_id": call + "p",
                                "arguments": json.dumps({"plan": [{"step": words(rng, 3), "status": "pending"}]})}),
            self._record(item, {"type": "function_call", "name": "exec_command", "call_id": call,
                                "arguments": json.dumps({"cmd": "echo " + words(rng, 3) + hidden, "workdir": CWD})}),
            self._record(item, {"type": "function_call_output", "call_id": call,
                                "output": "Process exited with code 0\nOutput:\n" + words(rng, size) + hidden + f" {output_word}\n"}),
            self._record(event, {"type": "token_count", "info": {
                "total_token_usage": total, "last_token_usage": usage, "model_context_window": 258400}}),
            self._record(item, {"type": "message", "role": "assistant",
                                "content": [{"type": "output_text", "text": words(rng, 8) + hidden}]}),
            self._record(event, {"type": "agent_message", "message": words(rng, 8) + hidden}),
        ])


class Home:
    """A Codex home with a few sessions."""

    def __init__(self, rng, path, sessions=4, turns=3, word=None):
        self.path = path
        os.makedirs(path)
        self.sessions = [Session(rng, path, number) for number in range(sessions)]
        for number, session in enumerate(self.sessions):
            for turn in range(turns):
                session.turn(rng, word=word if (number + turn) % 2 == 0 else None)

    def grow(self, rng, word=None, turns=1):
        for _ in range(turns):
            rng.choice(self.sessions).turn(rng, word=word)


def whole_lines(path):
    """What every rollout below a home holds, up to its last line feed, by the thread's id."""
    found = {}
    for folder, _, names in os.walk(path):
        for name in names:
            if name.startswith("rollout-") and name.endswith(".jsonl"):
                with open(os.path.join(folder, name), "rb") as file:
                    data = file.read()
                found[name[-42:-6]] = data[: data.rfind(b"\n") + 1]
    return found
