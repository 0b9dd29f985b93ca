"""Kinds `crowd` (many processes at once) and `limits` (what the system grants is little)."""

import os
import random
import resource
import signal
import threading
import time

from home import Home
from program import Fault, Place
from world import REPORT, Broken, commands, must
import kinds_calls

PROCESSES = 20
# Below this, a writer that gives up has not waited.
WAIT_S = 25


def crowd(trial, seconds):
    """Twenty processes and one `append --watch` on one ledger."""
    world, rng = trial.world, trial.rng
    place = trial.place = Place(world.program, trial.place.path)
    home = Home(rng, place.home, sessions=PROCESSES, turns=1)
    must(place.run(["append", place.home]))
    lock = threading.Lock()
    done = {}
    deadline = time.monotonic() + seconds
    watch = place.start(["append", "--watch", place.home])

    def worker(number):
        own = random.Random(f"{trial.number} {number}")
        session = home.sessions[number]
        while time.monotonic() < deadline:
            name, is_write, args = _next(own, place, session, number)
            run = place.run(args, timeout=120)
            with lock:
                done.setdefault((name, run.code), []).append(run.seconds)
                trial.check(run)
                if run.code == 2 and (not is_write or run.seconds < WAIT_S):
                    trial.trouble("stuck", f"refused after {run.seconds:.1f} s: {run}")

    threads = [threading.Thread(target=worker, args=(number,)) for number in range(PROCESSES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    watch.send_signal(signal.SIGTERM)
    trial.check_end = place.finish(watch, ["append", "--watch"], 30)
    if trial.check_end.code not in (0, 130, 143, -signal.SIGTERM):
        trial.trouble("stuck", f"append --watch: {trial.check_end}")
    trial.count = sum(len(times) for times in done.values())
    trial.what = f"{PROCESSES} processes, {seconds} s: " + ", ".join(
        f"{len(times)} {name} exit {code} (at most {max(times):.1f} s)" for (name, code), times in sorted(done.items(), key=str))
    run = place.run(["append", place.home, "--json"])
    if trial.check(run) and run.code != 0:
        trial.trouble("stuck", f"the next append: {run}")
    try:
        trial._check_end(0, world.bundle(place))
    except Broken as error:
        trial.trouble("lost", str(error))


def _next(rng, place, session, number):
    chosen = rng.choice(("append", "append", "tag", "note", "redact", "show --raw", "search", "report", "sessions"))
    if chosen == "append":
        session.turn(rng)
        return chosen, True, ["append", session.path, "--json"]
    if chosen == "tag":
        return chosen, True, ["tag", "add", f"t{rng.randrange(1000)}", session.id, "--json"]
    if chosen == "note":
        return chosen, True, ["note", "add", session.id, f"remark {rng.randrange(1000)}", "--json"]
    if chosen == "redact":
        return chosen, True, ["redact", "--literal", f"{rng.choice('abc')}{number}q{rng.randrange(10**6)}",
                              "--reason", "r", "--json"]
    if chosen == "show --raw":
        return chosen, True, ["show", "--raw", session.id]
    return chosen, False, {"search": ["search", "tide*", "--json"], "report": REPORT,
                           "sessions": ["sessions", "--json"]}[chosen]


# --- Limits -------------------------------------------------------------------------------------------------

def _nobody(place):
    """Gives the place to a user without rights, where this one has all of them: nothing is read-only for root."""
    for folder, names, files in os.walk(place.path):
        for name in [*names, *files, "."]:
            os.chown(os.path.join(folder, name), 65534, 65534, follow_symlinks=False)


def _become_nobody():
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


def _chmod(ledger, files, folders):
    for folder, _, names in os.walk(ledger, topdown=False):
        for name in names:
            if not os.path.islink(os.path.join(folder, name)):
                os.chmod(os.path.join(folder, name), files)
        os.chmod(folder, folders)


def limits(trial):
    rng, world = trial.rng, trial.world
    command = rng.choice([command for command in commands() if not command.is_endless])
    kinds_calls.prepare(trial, command)
    place = trial.place
    args = command.args(world, place)
    chosen = rng.choice(("size", "size", "files", "threads", "stdout full", "stderr full", "both full", "stdout closed",
                         "stderr closed", "read-only", "open to all"))
    how = {}
    pipes, granted, fault = {}, {}, None
    if chosen == "size":
        granted = {resource.RLIMIT_FSIZE: rng.choice((0, 1, 4096, 20_000, 100_000, 400_000))}
    elif chosen == "files":
        granted = {resource.RLIMIT_NOFILE: rng.randint(5, 40)}
    elif chosen == "threads":
        fault = Fault("t", rng.randint(1, 3), "11", is_sticky=True)
    elif chosen in ("read-only", "open to all"):
        _permissions(trial, command, args, chosen)
        return
    else:
        which, way = chosen.split()
        which = ["stdout", "stderr"] if which == "both" else [which]
        if way == "full":
            pipes = {name: os.open("/dev/full", os.O_WRONLY) for name in which}
        how = {"has_no_stderr": "stderr" in which}
    trial.what = f"{command.name}, {chosen} {list(granted.values()) or ''}"
    if "closed" in chosen:
        run = _closed(place, args, 1 if "stdout" in chosen else 2)
    else:
        run = place.run(args, fault, limits=granted, **pipes)
    for number in pipes.values():
        os.close(number)
    trial.check(run, **how)
    if "stdout" in pipes and run.code == 0 and command.name not in ("report -o",):
        trial.trouble("silent", f"its output went nowhere, and it says 0: {run}")
    again = place.run(args)
    if trial.check(again) and again.code == 2 and "already" not in again.said():
        trial.trouble("stuck", f"the same command again: {again}")
    kinds_calls.settle(trial, command, again if again.code == 0 else run, False)


def _closed(place, args, number):
    """Runs with stdout or stderr closed; through a shell, which is the usual way that happens."""
    line = f'exec "$0" "$@" {number}>&-'
    return place.run(args, through=["/bin/sh", "-c", line])


def _permissions(trial, command, args, chosen):
    """A folder that may not be written, or that everybody may write."""
    place = trial.place
    trial.what = f"{command.name}, ledger {chosen}"
    if command.state == "empty":
        trial.is_void = True
        return
    if chosen == "open to all":
        os.chmod(place.ledger, 0o777)
        run = place.run(args)
        trial.check(run)
        if command.is_writer and run.code == 0:
            trial.trouble("silent", f"a ledger that everybody may write is used: {run}")
        os.chmod(place.ledger, 0o700)
    else:
        if os.geteuid() == 0:
            _nobody(place)
        _chmod(place.ledger, 0o400, 0o500)
        run = place.run(args, become=_become_nobody)
        trial.check(run)
        _chmod(place.ledger, 0o600, 0o700)
        if os.geteuid() == 0:
            for folder, names, files in os.walk(place.path):
                for name in [*names, *files, "."]:
                    os.chown(os.path.join(folder, name), 0, 0, follow_symlinks=False)
    again = place.run(args)
    if trial.check(again) and again.code == 2 and "already" not in again.said():
        trial.trouble("stuck", f"the same command again: {again}")
    kinds_calls.settle(trial, command, again if again.code == 0 else run, False)
