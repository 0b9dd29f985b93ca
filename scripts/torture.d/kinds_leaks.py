"""Kind `leaks`: a redaction is killed, or the power goes, with a reader that holds the views or without."""

import os
import sqlite3

from disk import Disk, read_trace
from kinds_calls import count_calls, pick, prepare, run_command, turn
from kinds_power import NOT_TRACED
from program import Fault
from world import COMMANDS

HIDING = [command for command in COMMANDS if command.hides]


def open_reader(place):
    """A connection with the views open in a transaction, as a tool of somebody else would have them."""
    path = place.ledger + "/views.sqlite"
    if not os.path.exists(path):
        return None
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM prompts").fetchone()
    return connection


def leaks(trial):
    rng = trial.rng
    command = turn(trial, HIDING)
    how = rng.choice(("kill", "kill", "power", "done"))
    has_reader = how != "power" and rng.random() < 0.5
    calls = count_calls(trial, command, "c")
    prepare(trial, command)
    place = trial.place
    # Words in pages that were published before are the reader's own; the temporary files of a publication are not.
    reader = None
    if has_reader:
        reader = open_reader(place)
    trial.what = f"{command.name}, {how}" + (", with a reader" if reader else "")
    if how == "power":
        _power(trial, command)
        return
    at = pick(trial, max(1, calls)) if how == "kill" else 0
    run = run_command(trial, command, Fault("c", at, "kill"))
    trial.what += f" at {run.call or 'none'} {at} of {calls}"
    try:
        trial.check(run, is_killed=True)
        hidden = [getattr(trial.world, command.hides)] if run.code == 0 else []
        trial.after(len(trial.world.entries), reader=reader, hidden=hidden)
    finally:
        if reader:
            reader.close()


def _power(trial, command):
    """The power goes at a point of the redaction, or soon after it was acknowledged."""
    rng, place, world = trial.rng, trial.place, trial.world
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
        hidden = [getattr(world, command.hides)] if is_done else []
        trial.after(len(world.entries), hidden=hidden)
    finally:
        trial.place = place
        fresh.remove()
