"""Kind `leaks`: a redaction is killed, or the power goes, with a reader that holds the views or without."""

import os
import sqlite3

from kinds_calls import count_calls, pick, prepare, run_command, turn
from kinds_power import power_cut
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
        power_cut(trial, command, lambda is_done: trial.after(
            len(trial.world.entries), hidden=[getattr(trial.world, command.hides)] if is_done else []))
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
