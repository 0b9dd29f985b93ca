"""Looks for a word in everything that is derived from a ledger: plain bytes and other encodings.

The search index keeps words in a form of its own: what stands there is asked by `search`, and by the tests (`Shard::has_word`).
"""

import os

# What holds the raw bytes by design. `controls` repeats the entries that decide what is hidden, and a redaction of a
# text names the text.
RAW = ("store", "journal", "controls")


def forms_of(word):
    """The word as text may hold it; the end of it too, where only what differs from a neighbour is stored."""
    forms = set()
    for text in (word, word.upper(), word.capitalize(), word[3:]):
        for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
            forms.add(text.encode(encoding))
    return forms


def derived_files(place, folders=("ledger", "tmp", "out")):
    """Every file beside the raw bytes, those of programs that are still running included. Documents that were written
    to `out` before something was hidden are the person's own; what is left of unfinished ones is not."""
    for folder in folders:
        base = os.path.join(place.path, folder)
        for path, names, files in os.walk(base):
            if path == base and folder == "ledger":
                names[:] = [name for name in names if name not in RAW]
            for name in files:
                if path == base and folder == "ledger" and name.split(".")[0] in RAW:
                    continue
                if folder == "out" and not name.startswith("."):
                    continue
                full = os.path.join(path, name)
                if os.path.isfile(full) and not os.path.islink(full):
                    yield full


def found_in(place, word, folders=("ledger", "tmp", "out")):
    """Names of derived files that hold the word, relative to the place."""
    forms = forms_of(word)
    found = []
    for path in derived_files(place, folders):
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError:
            continue
        if any(form in data for form in forms):
            found.append(os.path.relpath(path, place.path))
    return sorted(found)
