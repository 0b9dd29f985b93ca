"""Kind `erase`: an erasure is killed, a call of it fails, or the power goes; whoever comes next finishes it."""

import os

from judge import NEXT
from kinds_calls import count_calls, pick, prepare, run_command, turn
from kinds_power import power_cut
from program import Fault, entries_of, fields_of
from words import forms_of
from world import Broken, Command

HEADER = 216
INTENT = 11


def _erase(*args):
    return ["erase", *args, "--reason", "asked for", "--json"]


# `hides` is the world's word that is gone when the command is done.
ERASING = [
    Command("erase --session", lambda w, p: _erase("--session", w.sessions[2]), hides="session_word"),
    Command("erase --prompt", lambda w, p: _erase("--prompt", w.sessions[3] + "#4"), hides="prompt_word"),
    Command("erase --entry", lambda w, p: _erase("--entry", str(w.with_word)), hides="entry_word"),
    Command("erase --literal", lambda w, p: _erase("--literal", w.word), hides="word"),
]


def erase(trial):
    rng, world = trial.rng, trial.world
    command = turn(trial, ERASING)
    how = rng.choice(("kill", "kill", "fail", "power", "done"))
    trial.what = f"{command.name}, {how}"
    if how == "power":
        prepare(trial, command)
        return power_cut(trial, command, lambda is_done: _after(trial, command, is_done, len(world.entries)))
    calls = count_calls(trial, command, "c")
    prepare(trial, command)
    at = 0 if how == "done" else pick(trial, max(1, calls))
    do = {"kill": "kill", "fail": rng.choice(("EIO", "ENOSPC")), "done": "kill"}[how]
    run = run_command(trial, command, Fault("c", at, do))
    trial.what += f" at {run.call or 'none'} {at} of {calls}"
    trial.check(run, is_killed=how == "kill")
    if how == "fail" and run.code == 0:
        trial.what += ", which did no harm"
    _after(trial, command, is_done=run.code == 0, entries=len(world.entries))


def _after(trial, command, is_done, entries):
    """The next commands; then every acknowledged header, every body but the erased ones, and nothing of those."""
    place, world = trial.place, trial.world
    trial.snapshot()
    word = getattr(world, command.hides)
    args = trial.rng.choice(NEXT)
    run = place.run([*args, place.home, "--json"] if args == ["append"] else args)
    trial.check(run)
    for args in (["audit", "--json"], ["append", place.home, "--json"], ["audit", "--json"]):
        run = place.run(args)
        if trial.check(run) and run.code != 0 and args[0] == "append":
            trial.trouble("stuck", f"the next append: {run}")
    if run.code != 0:
        details = [f"{f.get('kind')}: {f.get('detail', '')[:160]}" for f in (run.json() or {}).get("findings", [])]
        trial.trouble("stuck", f"audit after the next append: {run.code} {details[:3]} {run.said()[:200]}")
    try:
        raw = world.bundle(place)
    except Broken as error:
        return trial.trouble("lost", f"entries cannot be exported: {error}")
    now = entries_of(raw)
    if len(now) < entries:
        return trial.trouble("lost", f"{len(now)} of {entries} acknowledged entries are there")
    intents = [body for _, _, kind, body in now[entries:] if kind == INTENT]
    if is_done and not intents:
        trial.trouble("lost", "the erasure was acknowledged, and is not there")
    named = set()
    for body in intents:
        for run_of in fields_of(body)["entries"].decode().split(" "):
            first, _, last = run_of.partition("-")
            named.update(range(int(first), int(last or first) + 1))
    for seq, (begin, _, _, body) in enumerate(world.entries):
        at, _, _, kept = now[seq]
        if raw[at:at + HEADER] != world.raw[begin:begin + HEADER]:
            return trial.trouble("lost", f"entry {seq} has another header")
        if seq in named and raw[at + HEADER] != 2:
            trial.trouble("leak", f"entry {seq} was erased, and its body is there")
        if seq not in named and kept != body:
            return trial.trouble("lost", f"entry {seq} was not erased, and its body is another one")
    if intents:
        _nothing_is_left(trial, word)
    trial._check_words(raw)


def _nothing_is_left(trial, word):
    forms = forms_of(word)
    for path, _, names in os.walk(trial.place.ledger):
        for name in names:
            full = os.path.join(path, name)
            if os.path.isfile(full) and not os.path.islink(full):
                with open(full, "rb") as file:
                    data = file.read()
                if any(form in data for form in forms):
                    trial.trouble("leak", f"the word is in {os.path.relpath(full, trial.place.path)}")
