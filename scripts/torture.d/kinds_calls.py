"""Kinds `kill` and `calls`: a command is killed at, or fails in, one of the calls that it makes."""

import errno
import signal
import time

from program import Fault, entries_of
from world import REPORT, acknowledged, commands

# How many calls of which classes a command makes: {(command, classes): count}.
_counts = {}


def run_command(trial, command, fault):
    """Runs a command to its end; one that never ends gets something to do, and SIGTERM."""
    place, world = trial.place, trial.world
    args = command.args(world, place)
    if not command.is_endless:
        return place.run(args, fault)
    process = place.start(args, fault)
    # As many rounds as it takes to reach the call, at most this long.
    deadline = time.monotonic() + 4
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
        if not fault.at and time.monotonic() > deadline - 2.5:
            break
    process.send_signal(signal.SIGTERM)
    run = place.finish(process, args, 20)
    if run.code in (-signal.SIGTERM, 143):
        run.code = 0
    return run


def prepare(trial, command):
    trial.place = trial.world.place(trial.place.path, command.state)
    if command.prepare:
        command.prepare(trial.world, trial.place)


def count_calls(trial, command, classes):
    """How many calls of these classes the command makes; counted once."""
    key = trial.world.path, command.name, classes
    if key not in _counts:
        prepare(trial, command)
        run = run_command(trial, command, Fault(classes))
        trial.check(run)
        _counts[key] = run.calls
    return _counts[key]


def known_truth(trial, command):
    """What was acknowledged before: (entries, bytes)."""
    world = trial.world
    return (0, world.raw) if command.state == "empty" else (len(world.entries), world.raw)


def settle(trial, command, run, is_killed):
    """Judges a run that was disturbed, then what stands on the disk."""
    said = acknowledged(run)
    count, truth = known_truth(trial, command)
    if said > count:
        raw = trial.recorded()
        if raw is None or len(entries_of(raw)) < said:
            trial.trouble("lost", f"said {said} entries, has {len(entries_of(raw)) if raw else None}: {run}")
        else:
            count, truth = said, raw
    hidden = [getattr(trial.world, command.hides)] if run.code == 0 and command.hides else []
    trial.after(count, truth, hidden=hidden)


def pick(trial, calls):
    """A call over the whole range, evenly from trial to trial; in a third of the trials one of the first, which are the
    ledger's own."""
    if trial.rng.random() < 0.34:
        return trial.rng.randint(1, min(calls, 30))
    # Steps of the golden ratio fill a range evenly, however many there will be.
    return 1 + int(trial.number * 0.6180339887498949 % 1 * calls)


def turn(trial, among):
    """One after the other, so that each has the same number of trials."""
    return among[trial.number % len(among)]


def kill(trial):
    """SIGKILL at the k-th call that changes a file, or in the middle of a write; or Ctrl-C there."""
    rng = trial.rng
    command = turn(trial, commands())
    calls = count_calls(trial, command, "c")
    if not calls:
        trial.is_void = True
        trial.what = f"{command.name}: changes nothing"
        return
    prepare(trial, command)
    at = pick(trial, calls)
    do = rng.choice(("kill", "kill", "kill", "tear", "interrupt"))
    run = run_command(trial, command, Fault("c", at, do))
    trial.what = f"{command.name}, {do} at {run.call or 'none'} {at} of {calls}"
    trial.check(run, is_killed=True, is_interrupted=do == "interrupt",
                is_quiet=command.name in ("search", "sessions", "audit"))
    settle(trial, command, run, True)


FAILURES = (
    ("c", 8, (errno.EIO, errno.ENOSPC, errno.ENOSPC, errno.EMFILE, errno.ENOMEM, errno.EROFS)),
    ("s", 3, (errno.EIO, errno.ENOSPC)),
    ("r", 3, (errno.EIO, errno.EMFILE, errno.ENOMEM, errno.EACCES)),
    ("t", 2, (errno.EAGAIN,)),
    ("g", 1, (errno.EIO, errno.ENOSYS)),
    ("m", 1, (errno.ENOMEM, errno.EIO)),
)


def calls(trial):
    """The k-th call of a class fails, alone or with all after it; then the command is run again."""
    rng = trial.rng
    command = turn(trial, commands())
    classes, _, numbers = rng.choices(FAILURES, [weight for _, weight, _ in FAILURES])[0]
    total = count_calls(trial, command, classes)
    if not total:
        trial.is_void = True
        trial.what = f"{command.name}: no calls of class {classes}"
        return
    prepare(trial, command)
    at, number, is_sticky = pick(trial, total), rng.choice(numbers), rng.random() < 0.4
    do = "short" if classes == "c" and rng.random() < 0.2 else str(number)
    run = run_command(trial, command, Fault(classes, at, do, is_sticky))
    name = errno.errorcode.get(number, "?") if do != "short" else "short, then ENOSPC"
    trial.what = f"{command.name}, {run.call or 'none'} {at} of {total} ({classes}) fails: {name}" + (
        ", and all after it" if is_sticky else "")
    trial.check(run)
    if run.code == 0 and run.fired:
        _check_output(trial, command, run)
    again = run_command(trial, command, Fault(""))
    if trial.check(again) and again.code == 2 and not (
            command.name == "export" or "already" in again.said()):
        trial.trouble("stuck", f"the same command again: {again}")
    settle(trial, command, again if again.code == 0 else run, False)


def _check_output(trial, command, run):
    """A command that says it is done although a call failed has done it."""
    world, place = trial.world, trial.place
    if command.name == "report -o":
        with open(place.out + "/page.json", "rb") as file:
            if file.read().rstrip() != world.report.rstrip():
                trial.trouble("silent", f"the report on disk is not the report: {run}")
    elif command.name in ("search", "search, first") and run.out.strip():
        honest = place.run(["search", "tide*", "--json"])
        if honest.code == 0 and honest.out != run.out:
            trial.trouble("silent", f"found other things than without the failed call: {run}")
    elif command.name == "sessions" and run.out != world.truth["sessions"]:
        trial.trouble("silent", f"other sessions than without the failed call: {run}")


__all__ = ["kill", "calls", "REPORT"]
