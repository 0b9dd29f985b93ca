"""Runs the program in a place of its own, with or without the shim, and says how a run ended."""

import json
import os
import resource
import shutil
import signal
import struct
import subprocess
import time

HANG = "hang"


class Run:
    """One run: exit code (negative: signal, HANG: killed after the time limit), output, seconds, calls counted."""

    def __init__(self, args, code, out, err, seconds, calls=0, fired=0, call=""):
        self.args, self.code, self.out, self.err, self.seconds = args, code, out, err, seconds
        self.calls, self.fired, self.call = calls, fired, call

    def json(self):
        try:
            return json.loads(self.out)
        except ValueError:
            return None

    def said(self):
        return self.err.decode("utf-8", "replace")

    def __str__(self):
        line = " | ".join(self.said().strip().splitlines()[:4])
        return f"`{' '.join(self.args[:8])}` ended with {self.code} [{line[:300]}]"


class Fault:
    """What the shim is asked to do."""

    def __init__(self, classes="c", at=0, do="kill", is_sticky=False, trace=None):
        self.classes, self.at, self.do, self.is_sticky, self.trace = classes, at, do, is_sticky, trace


class Place:
    """A folder of one trial: `ledger`, `home` (of Codex), `tmp` (TMPDIR), `user` (HOME), `out`."""

    def __init__(self, program, path):
        self.program, self.path = program, path
        self.ledger, self.home = path + "/ledger", path + "/home"
        self.tmp, self.user, self.out = path + "/tmp", path + "/user", path + "/out"
        for folder in (self.tmp, self.user, self.out):
            os.makedirs(folder, exist_ok=True)

    def remove(self):
        for folder, folders, _ in os.walk(self.path):
            for name in folders:
                full = os.path.join(folder, name)
                if not os.path.islink(full):
                    os.chmod(full, 0o700)
        shutil.rmtree(self.path, ignore_errors=True)

    def environment(self):
        kept = {k: v for k, v in os.environ.items()
                if not k.startswith(("CODEX", "TORTURE", "LD_", "XDG", "RUST"))}
        kept.update(HOME=self.user, TMPDIR=self.tmp, USER="reviewer", NO_COLOR="1", LC_ALL="C.UTF-8",
                    CODEX_LEDGER_PAGER="cat", PAGER="cat")
        return kept

    def start(self, args, fault=None, ledger=None, limits=None, through=(), become=None, **pipes):
        """Starts the program. `limits` maps resources to numbers, `through` is a command line to put before it,
        `become` is called in the new process."""
        environment = self.environment()
        shared = None
        if fault is not None or self.program.has_no_sync:
            environment["LD_PRELOAD"] = self.program.shim
            environment["TORTURE_NOSYNC"] = "1"
            environment["TORTURE_ROOT"] = os.path.realpath(self.path)
        if fault is not None:
            shared = self.path + "/shared"
            with open(shared, "wb") as file:
                file.write(bytes(4096))
            environment.update(TORTURE_SHARED=shared, TORTURE_CLASS=fault.classes, TORTURE_AT=str(fault.at),
                               TORTURE_DO=fault.do)
            if fault.is_sticky:
                environment["TORTURE_STICKY"] = "1"
            if fault.trace:
                environment["TORTURE_TRACE"] = fault.trace

        def limit():
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            for what, number in (limits or {}).items():
                resource.setrlimit(what, (number, number))
            if become:
                become()

        line = [*through, self.program.binary, "--ledger", ledger or self.ledger, *args]
        process = subprocess.Popen(line, env=environment, cwd=self.user, preexec_fn=limit, **{
            "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **pipes})
        process.shared = shared
        return process

    def run(self, args, fault=None, ledger=None, timeout=60, **how):
        """Runs the program to its end; killed after `timeout` seconds."""
        began = time.monotonic()
        process = self.start(args, fault, ledger, **how)
        return self.finish(process, args, timeout, began)

    def finish(self, process, args, timeout, began=None):
        began = time.monotonic() if began is None else began
        try:
            out, err = process.communicate(timeout=timeout)
            code = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            code = HANG
        run = Run(args, code, out or b"", err or b"", time.monotonic() - began)
        if process.shared:
            with open(process.shared, "rb") as file:
                run.calls, run.fired, name = struct.unpack("<QQ64s", file.read(80))
            run.call = name.split(b"\0")[0].decode()
        return run


class Program:
    """The binary under test and the shim, both built before."""

    def __init__(self, binary, shim, has_no_sync=True):
        self.binary, self.shim, self.has_no_sync = binary, shim, has_no_sync


def how_it_ended(run, is_killed=False, has_no_stderr=False, is_interrupted=False, is_quiet=False):
    """None when a run ended as a program should; else the kind of trouble and words."""
    text = run.said()
    if run.code == HANG:
        return "hang", str(run)
    if "panicked at" in text or "stack backtrace" in text or run.code in (101, 134, 139):
        return "panic", str(run)
    if is_killed and run.code == -signal.SIGKILL:
        return None
    if is_interrupted and run.code in (-signal.SIGINT, 128 + signal.SIGINT):
        return None if text.strip() or is_quiet else ("unclear", f"interrupted, and does not say what was done: {run}")
    if isinstance(run.code, int) and run.code < 0 and run.code not in (-signal.SIGPIPE,):
        return "panic", f"killed by signal {-run.code}: {run}"
    if run.code not in (0, 1, 2, -signal.SIGPIPE):
        return "unclear", f"exit code: {run}"
    errors = [line for line in text.splitlines() if line.startswith(("codex-ledger:", "error:"))]
    if run.code == 2 and not errors and not has_no_stderr:
        return "unclear", f"exit code 2 without a word: {run}"
    return None


def entries_of(raw):
    """Offsets of the entries of an `entries.cxl`, with kind and body: [(begin, end, kind, body)]."""
    at, found = 38, []
    while at < len(raw):
        length = int.from_bytes(raw[at + 112:at + 120], "big")
        begin = at
        kind, form = raw[at + 6], raw[at + 216]
        at += 217 + (16 + length if form == 0 else 0)
        found.append((begin, at, kind, raw[at - length:at] if form == 0 else b""))
    return found


def fields_of(body):
    """The fields of a small structured body."""
    at, found = 0, {}
    while at < len(body):
        name = body[at + 1:at + 1 + body[at]].decode("ascii", "replace")
        at += 1 + body[at]
        length = int.from_bytes(body[at:at + 4], "big")
        found.setdefault(name, body[at + 4:at + 4 + length])
        at += 4 + length
    return found


def lines_of(raw):
    """The bytes of every stream of lines, by stream name: {name: [bytes of each generation]}."""
    bodies, names = {}, {}
    for begin, _, kind, body in entries_of(raw):
        stream = int.from_bytes(raw[begin + 88:begin + 96], "big")
        if kind == 2:
            names[int.from_bytes(raw[begin + 40:begin + 48], "big")] = fields_of(body)["name"].decode()
        elif kind == 3:
            bodies.setdefault(stream, []).append(body + (b"\n" if raw[begin + 7] & 1 else b""))
    found = {}
    for stream, parts in bodies.items():
        found.setdefault(names.get(stream, "?"), []).append(b"".join(parts))
    return found
