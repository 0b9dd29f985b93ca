"""Kind `power`: commands run under a trace of what they write; then the power goes at some point of it."""

import errno
import os

from disk import Disk, read_trace
from program import Fault
from world import COMMANDS, Broken, acknowledged

STEPS = [command for command in COMMANDS
         if not command.is_endless and command.prepare is None and command.state == "base"
         and command.name not in ("audit", "search", "sessions")]
CUTS = 6
NOT_TRACED = ("home", "user", "shared", "trace", "bundle", "copy", "exported", "fresh", "rules.yaml")


def record(trial, steps, failing=None):
    """Runs the steps under a trace. Gives events with the marks of what was acknowledged: [(event index, entries,
    hidden words)], and the bytes of all entries at the end."""
    place, world, rng = trial.place, trial.world, trial.rng
    trace = place.path + "/trace"
    model = Disk(place.path, NOT_TRACED)
    count = 0 if trial.is_from_nothing else len(world.entries)
    marks = [(0, count, [])]
    hidden = []
    for number, command in enumerate(steps):
        args = command.args(world, place)
        fault = Fault("", trace=trace)
        if number == failing:
            calls = place_calls(trial, args)
            # The ledger's own syncs come first; those of the views are many more.
            last = max(1, calls if rng.random() < 0.4 else min(calls, 8))
            fault = Fault("s", rng.randint(1, last), str(errno.EIO), rng.random() < 0.3, trace)
        run = place.run(args, fault)
        trial.check(run)
        if number == failing:
            trial.what += f", {run.call or 'none'} {fault.at} of `{command.name}` fails"
            if run.code != 0:
                run = place.run(args, Fault("", trace=trace))
                trial.check(run)
        if run.code == 0:
            count = max(count, acknowledged(run))
            hidden = hidden + ([getattr(world, command.hides)] if command.hides else [])
        elif run.code == 2 and number != failing:
            trial.trouble("stuck", f"a step without a fault: {run}")
        events = read_trace(trace) if os.path.exists(trace) else []
        marks.append((len(events), count, hidden))
    return model, events, marks


def place_calls(trial, args):
    """How many syncs the command would make now, counted on a copy."""
    place = trial.place
    copy = place.path + "-count"
    other = trial.world.place(copy, "base")
    try:
        import shutil
        shutil.rmtree(other.ledger, ignore_errors=True)
        if os.path.isdir(place.ledger):
            shutil.copytree(place.ledger, other.ledger, symlinks=True)
        own = [arg.replace(place.path, copy) for arg in args]
        return other.run(own, Fault("s")).calls
    finally:
        other.remove()


def power(trial):
    """One trace, several cuts; each cut is a trial of its own."""
    rng, world = trial.rng, trial.world
    trial.is_from_nothing = rng.random() < 0.2
    trial.place = world.place(trial.place.path, "empty" if trial.is_from_nothing else "base")
    steps = rng.sample(STEPS, rng.randint(2, 4))
    append = next(command for command in COMMANDS if command.name == "append")
    if trial.is_from_nothing:
        steps = [append] + [step for step in steps if step.name in ("tag add", "note add", "redact --literal",
                                                                    "redact rules set", "append", "search, first")]
    elif append not in steps:
        steps.insert(rng.randrange(len(steps)), append)
    failing = rng.randrange(len(steps)) if rng.random() < 0.5 else None
    trial.what = "power lost in " + ", ".join(step.name for step in steps)
    trial.count = 0  # the cuts are
    model, events, marks = record(trial, steps, failing)
    try:
        truth = world.bundle(trial.place)
    except Broken as error:
        trial.trouble("lost", f"before the power went: {error}")
        return
    live = trial.place
    cuts = {len(events)}
    for _ in range(CUTS - 1):
        # Half of them right after something was acknowledged, where a promise stands alone.
        end, _, _ = rng.choice(marks)
        cuts.add(min(len(events), end + rng.randint(0, 6)) if rng.random() < 0.5 else rng.randint(0, len(events)))
    at = 0
    play = rng.choice((0.0, 0.0, 0.02, 0.2))
    for cut in sorted(cuts):
        for event in events[at:cut]:
            model.play(event, rng, play)
        at = cut
        _, count, hidden = max(mark for mark in marks if mark[0] <= cut)
        _after_cut(trial, live, model, truth, count, hidden, f"cut at {cut} of {len(events)}")
        if trial.troubles:
            break


def _after_cut(trial, live, model, truth, count, hidden, words):
    rng, world = trial.rng, trial.world
    fresh = world.place(live.path + "-cut", "empty")
    fresh.remove()
    os.makedirs(fresh.path)
    luck = rng.choice((0.0, 0.1, 0.5, 0.5, 0.9))
    model.after_power_loss(fresh.path, rng, luck)
    for name in ("home", "rules.yaml"):
        os.rename(live.path + "/" + name, fresh.path + "/" + name)
    fresh.__init__(fresh.program, fresh.path)
    trial.count += 1
    trial.place = fresh
    before = len(trial.troubles)
    try:
        if not count and not os.path.isdir(fresh.ledger):
            run = fresh.run(["append", fresh.home, "--json"])
            trial.check(run)
            if run.code != 0:
                trial.trouble("stuck", f"the first append after power loss: {run}")
            return
        if not os.path.isdir(fresh.ledger):
            trial.trouble("lost", f"the ledger's folder with {count} acknowledged entries is not there")
            return
        trial.after(count, truth, hidden=hidden)
    finally:
        for name in ("home", "rules.yaml"):
            os.rename(fresh.path + "/" + name, live.path + "/" + name)
        trial.place = live
        trial.troubles[before:] = [(kind, f"{words}: {text}") for kind, text in trial.troubles[before:]]
        fresh.remove()


def power_cut(trial, command, after):
    """Runs one command; the power goes at a point of it, or soon after it was acknowledged. Then `after` is asked, of
    what was left, and told whether the command was done."""
    rng, world, place = trial.rng, trial.world, trial.place
    trace = place.path + "/trace"
    model = Disk(place.path, NOT_TRACED)
    run = place.run(command.args(world, place), Fault("", trace=trace))
    trial.check(run)
    events = read_trace(trace) if os.path.exists(trace) else []
    if run.code != 0:
        trial.trouble("stuck", f"without a fault: {run}")
    is_done = rng.random() < 0.5
    cut = len(events) if is_done else rng.randint(0, len(events))
    trial.what += f", cut at {cut} of {len(events)}"
    for event in events[:cut]:
        model.play(event, rng, rng.choice((0.0, 0.02)))
    fresh = world.place(place.path + "-cut", "base")
    for name in ("ledger", "tmp", "out"):
        os.rename(f"{fresh.path}/{name}", f"{fresh.path}/gone-{name}")
    model.after_power_loss(fresh.path, rng, rng.choice((0.0, 0.3, 0.7, 1.0)))
    trial.place = fresh
    fresh.__init__(fresh.program, fresh.path)
    try:
        after(is_done)
    finally:
        trial.place = place
        fresh.remove()
