"""Looks for a word in everything that is derived from a ledger: plain bytes, other encodings, full-text pages."""

import os
import sqlite3

# What holds the raw bytes by design. `controls` repeats the entries that decide what is hidden, and a redaction of a
# text names the text.
RAW = ("store", "journal", "controls")


def forms_of(word):
    """The word as text may hold it; the end of it too, since an index stores only what differs from its neighbour."""
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


def varint(data, at):
    value = 0
    for step in range(9):
        byte = data[at + step]
        if step == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            return value, at + step + 1
    raise IndexError


def terms_of_page(page):
    """The terms that begin on one leaf of a full-text index; each but the first is stored as what differs."""
    footer = int.from_bytes(page[2:4], "big")
    at, position, term = footer, 0, b""
    is_first = True
    while at < len(page):
        delta, at = varint(page, at)
        position += delta
        begin = position
        kept = 0
        if not is_first:
            kept, begin = varint(page, begin)
        length, begin = varint(page, begin)
        term = term[:kept] + page[begin:begin + length]
        is_first = False
        yield term


def has_term(path, word):
    """Whether a full-text index of an SQLite file holds the word as a term, decoded from its pages."""
    sought = word.lower().encode()
    connection = None
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
        tables = [name for name, in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '%\\_data' ESCAPE '\\'")]
        for table in tables:
            for key, page in connection.execute(f'SELECT id, block FROM "{table}" WHERE id > 10'):
                if key >> 36 & 1 or not isinstance(page, bytes) or len(page) < 4:  # pages of the doclist index
                    continue
                try:
                    if any(sought in term for term in terms_of_page(page)):
                        return True
                except IndexError:
                    continue
    except sqlite3.Error:
        return False
    finally:
        if connection:
            connection.close()
    return False


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
        is_held = any(form in data for form in forms)
        if not is_held and data.startswith(b"SQLite format 3\0"):
            is_held = has_term(path, word)
        if is_held:
            found.append(os.path.relpath(path, place.path))
    return sorted(found)
