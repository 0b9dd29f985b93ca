"""Holds what is shown against what is known, in words."""

import collections

from views import TOLD

ROWS_SHOWN, WIDTH = 3, 90
# Exit codes of calls that have none to compare, and of those that were stopped.
ANY, NO_END = "any", "no end"


def expected_of(threads, bill):
    """What must be told, by thread id, in the form of `Ledger.shown`."""
    expected = {}
    for thread in threads.values():
        own = [response for response in bill if response.thread == thread.id]
        calls = [call for response in own for call in response.calls]
        done = [response for response in own if response.is_complete]
        told = {
            "prompts": [(at, text, int(text in thread.undone)) for at, text in enumerate(thread.prompts, 1)],
            "calls": [(call["id"], exit_of(call)) for call in calls],
            "file changes": [tuple(change) for call in calls for change in call["files"]],
            "plan steps": [tuple(step) for call in calls for step in call["steps"]],
            "answers": [(text,) for response in done if not response.is_compaction for text in response.texts],
            "thoughts": [(text,) for response in done for text in response.thoughts],
            "models": sorted({(response.model,) for response in own}),
            "compactions": [("compacted",) for response in done if response.is_compaction],
            "tokens": [(response.model, *response.tokens) for response in done],
        }
        total = sum(response.tokens[0] + response.tokens[2] for response in done)
        told["sessions list"] = [(total, len(thread.prompts), thread.name)]
        if thread.forked_from:
            told["forked from"] = [(thread.forked_from,)]
        expected[thread.id] = told
    return expected


def exit_of(call):
    """`False` in a scenario is a call without an end; it must not equal 0, as it does in Python."""
    return ANY if call["exit"] is None else NO_END if call["exit"] is False else call["exit"]


def left_open(bill):
    """Texts that clients may write down or not: summaries, and answers that broke off."""
    return {(text,) for response in bill if response.is_compaction or not response.is_complete for text in response.texts}


def against_bill(threads, bill, ledger):
    """What differs between what is known and what a ledger shows."""
    expected, shown, is_open = expected_of(threads, bill), ledger.shown(), left_open(bill)
    labels = {thread.id: label for label, thread in threads.items()}
    wrong = [f"a thread that nobody began is shown: {name}" for name in shown.keys() - expected.keys()]
    for name, told in expected.items():
        if name not in shown:
            wrong.append(f"thread {labels[name]} is not shown")
            continue
        seen = dict(shown[name])
        seen["answers"] = [row for row in seen["answers"] if row not in is_open]
        seen["calls"] = [compared_call(row, told["calls"]) for row in seen["calls"]]
        wrong += [f"{what} of {labels[name]}: {words}" for what, words in differences(told, seen)]
    billed, counted = by_model(bill), ledger.totals()
    if billed != counted:
        wrong.append(f"tokens by model: billed {billed}, told {counted}")
    return wrong + ledger.troubles()


def compared_call(row, expected):
    """A call as the script can tell it: where it asks for no exit code, any will do."""
    name, code = row
    wanted = dict(expected).get(name, code)
    return (name, wanted if wanted == ANY else NO_END if code is None else code)


def by_model(bill):
    total = collections.defaultdict(lambda: (0, 0, 0, 0))
    for response in bill:
        if response.is_complete:
            total[response.model] = tuple(map(sum, zip(total[response.model], response.tokens)))
    return dict(total)


def differences(expected, seen):
    """(what, words) for all that is told of one thread."""
    for what in expected.keys() | seen.keys():
        words = difference(expected.get(what, []), seen.get(what, []))
        if words:
            yield what, words


def difference(expected, seen):
    """What is missing and what is too much, in words; empty where both are the same rows in the same order."""
    missing = list((collections.Counter(expected) - collections.Counter(seen)).elements())
    extra = list((collections.Counter(seen) - collections.Counter(expected)).elements())
    words = [f"{name} {rows_in_words(rows)}" for name, rows in (("missing", missing), ("not expected", extra)) if rows]
    if not words and expected != seen:
        words = [f"in another order: {rows_in_words(seen)}"]
    return "; ".join(words)


def rows_in_words(rows):
    words = [", ".join(str(value).replace("\n", " ") for value in row)[:WIDTH] for row in rows[:ROWS_SHOWN]]
    more = [f"and {len(rows) - ROWS_SHOWN} more"] if len(rows) > ROWS_SHOWN else []
    return " | ".join(words + more)


def against_before(before, after, is_quiet):
    """What is shown no more after a stage; after a quiet one, also what has come."""
    wrong = []
    for name, told in before.items():
        for what in TOLD:
            old, new = (as_kept(what, rows, is_quiet) for rows in (told[what], after[name][what] if name in after else []))
            if old - new:
                wrong.append(f"{what}: shown no more: {rows_in_words(list((old - new).elements()))}")
            if is_quiet and new - old:
                wrong.append(f"{what}: shown only now: {rows_in_words(list((new - old).elements()))}")
    if is_quiet:
        wrong += [f"a new thread is shown: {name}" for name in after.keys() - before.keys()]
    return wrong


def as_kept(what, rows, is_quiet):
    """Rows to be found again. A prompt may be rolled back by a stage; that its number stays is asked for."""
    is_prompt = what == "prompts" and not is_quiet
    return collections.Counter(row[:2] if is_prompt else row for row in rows)


def steps_against_once(steps, once):
    """What differs between a ledger that has seen every stage and one that has seen the end only."""
    wrong = []
    for name in steps.keys() | once.keys():
        wrong += [f"{what}: {words}" for what, words in differences(steps.get(name, {}), once.get(name, {}))]
    return wrong
