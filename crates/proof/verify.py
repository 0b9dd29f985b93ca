#!/usr/bin/env python3
"""Verifies what codex-ledger gives out, with nothing but docs/FORMAT.md and the Python standard library (3.9 or newer).

    python3 verify.py PATH [--signed-by NAME+ID+KEY] [--head SIZE:ID:ROOT] [--older FILE] [--body SEQ]
    python3 verify.py --self-test

PATH is one of these, told apart by what is in it:
- an export: a folder with entries.cxl and head.json. A head given with --head (one that was noted or published
  elsewhere) may be older than the export: then the first SIZE entries must lead to it. With --signed-by, so must the
  signed checkpoint that lies in the export.
- a bundle: a folder, or a .zip file, with entries.cxb. A .zip file is read as its directory lists it; where it matters
  that another program unpacks the same from it, unpack it and verify the folder.
- a proof of one entry (tlog-proof), or a checkpoint (signed note).
- a consistency proof: that the checkpoint in the file --older is the beginning of the one at its end.

Take this file from the project, and the key from somewhere else than what is verified: a forger can change both where
they lie beside it. Without --signed-by all else is checked, but what nobody is known to have signed is not verified.

Exit status: 0 verified, 1 findings (one line each), 2 wrong usage or unreadable files.
"""

import sys

if __name__ == "__main__" and sys.path and not sys.flags.isolated:
    del sys.path[0]  # the folder of this file: no module that lies beside it may be taken for one of Python's

import argparse
import base64
import functools
import hashlib
import json
import os
import re
import struct
import zipfile

LIMIT = 1 << 20  # bytes of a note, a proof, or the body that records a bundle
PIECE = 1 << 16


class Refused(ValueError):
    pass


def need(good, why):
    if not good:
        raise Refused(why)


def out(line, limit=400):
    """Prints a line that may have text of the files in it: nothing but visible ASCII, and not endless."""
    print(re.sub("[^ -~]", lambda match: ascii(match[0])[1:-1], line[:limit]))


# BLAKE3.


IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
CHUNK_START, CHUNK_END, PARENT, TOP, CONTEXT, MATERIAL = 1, 2, 4, 8, 32, 64
CHUNK, BLOCK, MASK = 1024, 64, 0xFFFFFFFF


def quarter_rounds():
    """All 56 of a compression: four state words and two message words each."""
    states = [(i, 4 + i, 8 + i, 12 + i) for i in range(4)]
    states += [(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4) for i in range(4)]
    words = list(range(16))
    for _ in range(7):
        yield from (state + tuple(words[2 * i : 2 * i + 2]) for i, state in enumerate(states))
        words = [words[i] for i in (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)]


PLAN = list(quarter_rounds())


def compress(cv, words, counter, length, flags):
    v = [*cv, *IV[:4], counter & MASK, counter >> 32 & MASK, length, flags]
    for a, b, c, d, x, y in PLAN:
        va, vb = v[a] + v[b] + words[x] & MASK, v[b]
        vd = v[d] ^ va
        vd = (vd >> 16 | vd << 16) & MASK
        vc = v[c] + vd & MASK
        vb ^= vc
        vb = (vb >> 12 | vb << 20) & MASK
        va = va + vb + words[y] & MASK
        vd ^= va
        vd = (vd >> 8 | vd << 24) & MASK
        vc = vc + vd & MASK
        vb ^= vc
        v[a], v[b], v[c], v[d] = va, (vb >> 7 | vb << 25) & MASK, vc, vd
    return tuple(v[i] ^ v[i + 8] for i in range(8))


class Blake3:
    """In derive_key mode where there is a context. Keeps one chunk, and one chaining value per level of the tree."""

    def __init__(self, context=None):
        self.key, self.flags = (derived_key(context), MATERIAL) if context else (IV, 0)
        self.rest, self.chunks, self.stack = b"", 0, []

    def update(self, data):
        data, at = self.rest + data, 0
        while len(data) - at > CHUNK:  # the last chunk, full or not, waits for digest()
            cv = self.chunk(data[at : at + CHUNK], 0)
            at, self.chunks, whole = at + CHUNK, self.chunks + 1, self.chunks + 1
            while whole & 1 == 0:
                cv, whole = self.parent(self.stack.pop(), cv, 0), whole >> 1
            self.stack.append(cv)
        self.rest = data[at:]
        return self

    def digest(self):
        cv = self.chunk(self.rest, 0 if self.stack else TOP)
        for level in range(len(self.stack) - 1, -1, -1):
            cv = self.parent(self.stack[level], cv, 0 if level else TOP)
        return struct.pack("<8I", *cv)

    def chunk(self, data, root):
        cv, last = self.key, max(0, (len(data) - 1) // BLOCK)
        for i in range(last + 1):
            block = data[i * BLOCK : (i + 1) * BLOCK]
            flags = self.flags | (CHUNK_START if i == 0 else 0) | (CHUNK_END | root if i == last else 0)
            cv = compress(cv, struct.unpack("<16I", block.ljust(BLOCK, b"\0")), self.chunks, len(block), flags)
        return cv

    def parent(self, left, right, root):
        return compress(self.key, left + right, 0, BLOCK, self.flags | PARENT | root)


@functools.lru_cache
def derived_key(context):
    hasher = Blake3()
    hasher.flags = CONTEXT
    return struct.unpack("<8I", hasher.update(context.encode()).digest())


# The tree of RFC 6962.


def leaf_of(header):
    return hashlib.sha256(b"\0" + header).digest()


def node_of(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


EMPTY = hashlib.sha256(b"").digest()


class Tree:
    """Grows by one leaf at a time. Keeps the roots of the complete subtrees on its right edge, largest first."""

    def __init__(self):
        self.size, self.edge = 0, []

    def push(self, leaf):
        self.edge.append(leaf_of(leaf))
        self.size += 1
        whole = self.size
        while whole & 1 == 0:
            whole, self.edge[-2:] = whole >> 1, [node_of(*self.edge[-2:])]

    def root(self):
        return functools.reduce(lambda right, left: node_of(left, right), reversed(self.edge)) if self.edge else EMPTY


def climb(node, last, start, proof):
    """Where a hash leads, up from place `node` of 0 to `last`, with the hashes beside its way: to the root of the tree
    that ends at `node`, and to the root of the whole. RFC 9162, the loops of sections 2.1.3.2 and 2.1.4.2."""
    old = new = start
    for sibling in proof:
        need(last, "too many hashes")
        if node & 1 or node == last:
            old, new = node_of(sibling, old), node_of(sibling, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_of(new, sibling)
        node, last = node >> 1, last >> 1
    need(not last, "too few hashes")
    return old, new


def check_growth(old_size, old_root, size, root, proof):
    """That the tree of the one size and root is the beginning of the other."""
    need(old_size <= size, "the older checkpoint is of more entries")
    if old_size in (0, size):
        need(not proof, "too many hashes")
        need(old_size == 0 or old_root == root, "two roots of the same size")
        return
    if old_size & old_size - 1 == 0:
        proof = [old_root, *proof]
    need(proof, "too few hashes")
    node, last = old_size - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old, new = climb(node, last, proof[0], proof[1:])
    need(old == old_root, "the proof starts from another root than the older checkpoint")
    need(new == root, "the proof leads to another root")


# Entries.

FILE_START = struct.Struct(">4sH16s16s")
HEADER = struct.Struct(">4sHBB16s16sQ32s5Q32s32s32s")
CREATED, STREAM, LINE, ACCESS, ERASE_DONE, KEY = 1, 2, 3, 10, 12, 13
NEVER_ERASED = {CREATED, ERASE_DONE, KEY}
PRESENT, WITHHELD, ERASED = b"\0", b"\1", b"\2"


def entry_id(header):
    return Blake3("codex-ledger v1 entry header").update(header).digest()


def read_body(file, left, kept=None):
    """The commitment to the `left` bytes of salt and body that follow, and how many of them are missing."""
    hasher = Blake3("codex-ledger v1 body")
    while left:
        piece = file.read(min(left, PIECE))
        if not piece:
            break
        hasher.update(piece)
        left -= len(piece)
        if kept is not None:
            kept.append(piece)
    return hasher.digest(), left


def rules(fields, last_seq, prev, last_time, ledger, origin):
    """What holds of each header behind another one, and what to say where it does not."""
    _, _, kind, flags, its_ledger, its_origin, seq, its_prev, time, *_ = fields
    return [
        (seq == last_seq + 1, f"follows seq {last_seq}"),
        (its_prev == prev, "prev is not the id of the entry before"),
        (time >= last_time, "recorded before the entry before it"),
        (its_ledger == ledger, "of another ledger than the file"),
        (its_origin == origin, "of another origin than the file"),
        (flags == flags & 1, f"unknown flags {flags:#04x}"),
        ((kind == CREATED) == (seq == 0), "`created` must be seq 0 and only there"),
    ]


class Erasures:
    """What is gone, and what entries say that they have erased."""

    LIMIT = 1 << 18  # bytes of such an entry

    def __init__(self):
        self.gone, self.there, self.runs = [], [], []

    def form(self, seq, form):
        if form == ERASED:
            self.gone.append(seq)
        elif form == PRESENT:
            self.there.append(seq)

    def done(self, seq, body):
        """The runs that an entry names; says whether it names them as it must."""
        fields = list(fields_of(body))
        named = [value for name, value in fields if name == b"entries"]
        runs = [run.partition(b"-") for value in named[:1] for run in value.split(b" ")]
        good = named and all(a.isdigit() and (b.isdigit() if dash else not b) for a, dash, b in runs)
        runs = [(int(a), int(b or a)) for a, _, b in runs] if good else []
        good = good and runs[0][0] > 0 and runs[-1][1] < seq
        good = good and all(a <= b for a, b in runs) and all(x[1] < y[0] for x, y in zip(runs, runs[1:]))
        self.runs += runs if good else []
        return good

    def findings(self):
        """Each entry that is gone and was not erased, or is there and was."""
        runs, at, named = sorted(self.runs), 0, -1

        def named_up_to(seq):
            nonlocal at, named
            while at < len(runs) and runs[at][0] <= seq:
                named, at = max(named, runs[at][1]), at + 1
            return seq <= named

        for seq in self.gone:
            if not named_up_to(seq):
                yield seq, "the body is gone, and no entry erased it"
        at, named = 0, -1
        for seq in self.there:
            if named_up_to(seq):
                yield seq, "the body is there, and an entry says that it was erased"


class Export:
    """entries.cxl: every entry from 0 on. Prints each finding and goes on as far as it can."""

    def __init__(self, sizes):
        self.findings = self.bytes = 0
        self.erasures = Erasures()
        self.tree, self.last_id, self.last_seq, self.last_time = Tree(), bytes(32), -1, 0
        self.streams = {}  # seq of the opening entry: (offset, line) that comes next
        self.ledger = self.origin = b""
        self.sizes, self.marked = sizes, {}  # the heads at these sizes, once they are behind us

    def check(self, good, what):
        if not good:
            self.findings += 1
            out(what)
        return good

    def run(self, file):
        start = file.read(FILE_START.size)
        whole = len(start) == FILE_START.size and start[:6] == b"CXLX\0\1"
        if self.check(whole, "entries.cxl: not an export of version 1"):
            _, _, self.ledger, self.origin = FILE_START.unpack(start)
            while self.entry(file):
                pass
            for seq, what in self.erasures.findings():
                self.check(False, f"seq {seq}: {what}")

    def head(self):
        return {"size": self.tree.size, "id": self.last_id.hex(), "root": self.tree.root().hex()}

    def entry(self, file):
        """Reads and checks one entry; false at the end, or where the next entry cannot be found."""
        if self.tree.size in self.sizes:
            self.marked[self.tree.size] = self.head()
        header = file.read(HEADER.size)
        if not header:
            return False
        whole = len(header) == HEADER.size and header[:6] == b"CXLE\0\1"
        if not self.check(whole, f"seq {self.last_seq + 1}: cut, or no header of version 1; reading ends here"):
            return False
        fields = HEADER.unpack(header)
        seq, body_len, commitment = fields[6], fields[12], fields[13]
        self.header(fields)
        self.tree.push(header)
        self.last_id = entry_id(header)

        form = file.read(1)
        self.erasures.form(seq, form)
        if form == ERASED:
            self.check(fields[2] not in NEVER_ERASED, f"seq {seq}: the body of an entry that is never erased is gone")
            return True
        if not self.check(form == PRESENT, f"seq {seq}: cut, or unknown form {form!r}; reading ends here"):
            return False
        kept = [] if fields[2] == ERASE_DONE and body_len <= Erasures.LIMIT else None
        digest, missing = read_body(file, 16 + body_len, kept)
        if not self.check(not missing, f"seq {seq}: cut, {missing} bytes of salt and body are missing"):
            return False
        self.check(digest == commitment, f"seq {seq}: salt and body do not match the commitment")
        if fields[2] == ERASE_DONE:
            good = kept is not None and self.erasures.done(seq, b"".join(kept)[16:])
            self.check(good, f"seq {seq}: does not say what was erased")
        self.bytes += body_len
        return True

    def header(self, fields):
        _, _, kind, flags, _, _, seq, _, time, stream, line, offset, body_len, _, reference, _ = fields
        line_feed = flags & 1
        checks = rules(fields, self.last_seq, self.last_id, self.last_time, self.ledger, self.origin)
        if kind == STREAM:
            checks.append((stream == seq, f"opens a stream but names {stream}"))
            self.streams[seq] = (0, 0)
        elif kind == LINE or stream != seq:
            checks.append((stream in self.streams, f"stream {stream} was not opened before"))
        if kind == LINE:
            follows = self.streams.get(stream, (offset, line)) == (offset, line)
            checks.append((follows, "offset or line does not follow from the stream so far"))
            self.streams[stream] = (offset + body_len + line_feed, line + line_feed)
        for good, what in checks:
            self.check(good, f"seq {seq}: {what}")
        self.last_seq, self.last_time = seq, time

    def compare(self, name, given, found):
        for key, value in found.items():
            same_type = type(given.get(key)) is type(value)
            told = ascii(given.get(key))[:100]
            self.check(same_type and given[key] == value, f"{name}: {key} is {told}, entries.cxl gives {value!r}")


def verify_export(folder, marked, key):
    signed = None
    if key:
        opener = functools.partial(open, os.path.join(folder, "checkpoint"), "rb")
        origin, size, root = checkpoint_of(read_text(opener, "the checkpoint"), key)
        signed = {"size": size, "root": root.hex()}
    it = Export({head["size"] for head in (marked, signed) if head})
    try:
        with open(os.path.join(folder, "head.json"), encoding="utf-8") as file:
            head = dict(json.loads(file.read(PIECE)))
        with open(os.path.join(folder, "entries.cxl"), "rb") as file:
            it.run(file)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        print(f"verify.py: {error}", file=sys.stderr)
        return 2
    it.compare("head.json", head, {**it.head(), "ledger": it.ledger.hex(), "origin": it.origin.hex()})
    if marked:
        it.compare("--head", marked, it.marked.get(marked["size"]) or it.head())
    if signed:
        found = it.marked.get(size) or it.head()
        it.compare("checkpoint", signed, {name: found[name] for name in signed})
        log = f"codex-ledger/{it.ledger.hex()}/{it.origin.hex()}"
        it.check(origin == log, f"checkpoint: it is of another log, {ascii(origin)[:200]}")
    if it.findings:
        return 1
    gone = len(it.erasures.gone)
    erased = f" ({gone} erased)" if gone else ""
    out(f"ok: {it.tree.size} entries{erased}, {it.bytes} bytes, root {it.tree.root().hex()}")
    if signed:
        out(f"the first {size} are signed by {key[0]}")
    return 0


# Ed25519, RFC 8032 section 5.1: points in extended coordinates.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 != sign else x


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def add(a, b):
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g = 2 * a[3] * b[3] * D % P
    h = 2 * a[2] * b[2] % P
    i, j, k, m = f - e, h - g, h + g, f + e
    return (i * j % P, k * m % P, j * k % P, i * m % P)


def times(count, point):
    result = (0, 1, 1, 0)
    while count:
        if count & 1:
            result = add(result, point)
        point = add(point, point)
        count >>= 1
    return result


def same(a, b):
    return not ((a[0] * b[2] - b[0] * a[2]) % P or (a[1] * b[2] - b[1] * a[2]) % P)


def point_of(data):
    number = int.from_bytes(data, "little")
    y, sign = number & (1 << 255) - 1, number >> 255
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def is_signature(key, message, signature):
    if len(key) != 32 or len(signature) != 64:
        return False
    public, r = point_of(key), point_of(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if public is None or r is None or s >= ORDER or same(times(8, public), (0, 1, 1, 0)):
        return False
    digest = hashlib.sha512(signature[:32] + key + message).digest()
    k = int.from_bytes(digest, "little") % ORDER
    return same(times(s, BASE), add(r, times(k, public)))


# Signed notes, checkpoints and proofs.


def decode(text):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused(f"no base64: {text[:40]}") from None
    need(base64.b64encode(data).decode() == text, f"not the one spelling of its bytes: {text[:40]}")
    return data


def hash_of(text):
    data = decode(text)
    need(len(data) == 32, f"no hash: {text[:40]}")
    return data


def number(text):
    whole = len(text) < 20 and text.isascii() and text.isdigit() and text == str(int(text)) and int(text) < 1 << 63
    need(whole, f"no number: {text[:40]}")
    return int(text)


def public_key(text):
    """Name, type, key and id."""
    need(text.count("+") >= 2, "not a public key")
    name, key_id, data = text.split("+", 2)
    data = decode(data)
    expected = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    need(len(data) == 33 and data[0] in (1, 4) and name and expected.hex() == key_id, "not a public key")
    return name, data[0], data[1:], expected


def check_note(note, key):
    """The lines of the note's text, which the key has signed; where there is no key, whoever has signed them."""
    at = note.rfind("\n\n")
    need(at >= 0 and note.endswith("\n"), "not a signed note")
    need(not any(ord(c) < 32 and c != "\n" for c in note), "control characters in a note")
    text, signed = note[: at + 1], False
    for line in note[at + 2 : -1].split("\n"):
        parts = line.split(" ")
        need(len(parts) == 3 and parts[0] == "\u2014", "not a signature line")
        data = decode(parts[2])
        if not key or parts[1] != key[0] or data[:4] != key[3]:
            continue
        message, signature = text.encode(), data[4:]
        if key[1] == 4:
            seen_at = int.from_bytes(signature[:8], "big")
            message, signature = f"cosignature/v1\ntime {seen_at}\n".encode() + message, signature[8:]
        need(is_signature(key[2], message, signature), "the signature is wrong")
        signed = True
    need(signed or not key, f"not signed by {key and key[0]}")
    return text[:-1].split("\n")


def checkpoint_of(note, key):
    """Origin, size and root."""
    lines = check_note(note, key)
    need(len(lines) >= 3 and all(lines), "not a checkpoint")
    origin, size, root = lines[0], number(lines[1]), hash_of(lines[2])
    need(not key or key[1] != 1 or key[0] == origin, "the key is of another log")
    need(size or root == EMPTY, "the root is not that of the empty tree")
    return origin, size, root


def proof_of(text, key):
    """The entry's header and seq that a tlog-proof proves, and the checkpoint: origin, size and note."""
    head, separator, note = text.partition("\n\n")
    lines = head.split("\n")
    whole = separator and len(lines) >= 3 and lines[0] == "c2sp.org/tlog-proof@v1"
    whole = whole and lines[1].startswith("extra ") and lines[2].startswith("index ")
    need(whole, "not a proof with the header of an entry")
    header, index = decode(lines[1][6:]), number(lines[2][6:])
    need(len(header) == HEADER.size and header[:6] == b"CXLE\0\1", "not the header of an entry")
    origin, size, root = checkpoint_of(note, key)
    proof = [hash_of(line) for line in lines[3:]]
    need(index < size, "the tree has no such leaf")
    need(climb(index, size - 1, leaf_of(header), proof)[1] == root, "the proof leads to another root")
    fields = HEADER.unpack(header)
    known = fields[6] == index and origin == f"codex-ledger/{fields[4].hex()}/{fields[5].hex()}"
    need(known, "the entry is another one than the proof says")
    return header, index, origin, size, note


def consistency_of(text, older, key):
    head, separator, note = text.partition("\n\n")
    first, *lines = head.split("\n")
    need(separator and first.startswith("old "), "not a consistency proof")
    origin, size, root = checkpoint_of(note, key)
    old_origin, old_size, old_root = checkpoint_of(older, key)
    known = origin == old_origin and number(first[4:]) == old_size
    need(known, "the proof starts from another checkpoint than the older one")
    check_growth(old_size, old_root, size, root, [hash_of(line) for line in lines])
    return f"the checkpoint over {old_size} entries is the beginning of the one over {size} entries of {origin}"


# Bundles.

PARTS = {"entries.cxb", "checkpoint", "proof", "key"}
BESIDE = {"VERIFY.md", "verify.py"}  # recorded as the report's files are
NAME = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
BUNDLE_START = struct.Struct(">4sH16s16sQI")


def files_of(path):
    """Of each file of a bundle its size as it is told, and what opens it."""
    files = {}
    if os.path.isdir(path):
        with os.scandir(path) as found:
            for item in found:
                need(NAME.fullmatch(item.name), f"{item.name}: is no file of a bundle")
                need(item.is_file(follow_symlinks=False), f"{item.name}: is not a plain file")
                files[item.name] = item.stat().st_size, functools.partial(open, item.path, "rb")
    else:
        archive = zipfile.ZipFile(path)
        with open(path, "rb") as file:
            file.seek(-22, os.SEEK_END)
            end = file.read()
        plain = end[:4] == b"PK\5\6" and end[8:10] == end[10:12] == struct.pack("<H", len(archive.infolist()))
        need(plain and end[20:] == b"\0\0", "something stands behind the archive, or its end says otherwise")
        first = min((item.header_offset for item in archive.infolist()), default=0)
        with open(path, "rb") as file:
            need(first == 0 and file.read(4) == b"PK\3\4", "something stands before the first file of the archive")
        for item in archive.infolist():
            name, mode = item.orig_filename, item.external_attr >> 28
            need(NAME.fullmatch(name), f"{name}: is no file of a bundle")
            need(name not in files, f"{name}: is there twice")
            plain = mode in (0, 8) and not item.flag_bits & 1 and item.compress_type in (0, 8) and name == item.filename
            need(plain, f"{name}: is not a plain file, stored or deflated")
            files[name] = item.file_size, functools.partial(archive.open, item)
    missing = sorted((PARTS | BESIDE) - set(files))
    need(not missing, f"missing: {', '.join(missing)}")
    return files


def read_text(opener, what):
    with opener() as file:
        data = file.read(LIMIT + 1)
    need(len(data) <= LIMIT, f"{what}: too long")
    return data.decode()


def fields_of(body):
    """The names and values of a structured body."""
    at = 0
    while at < len(body):
        name_end = at + 1 + body[at]
        start = name_end + 4
        end = start + int.from_bytes(body[name_end:start], "big")
        need(end <= len(body), "a field is cut")
        yield body[at + 1 : name_end], body[start:end]
        at = end


class Selection:
    """entries.cxb: ranges of entries, and the hashes of all that lies between them. Is read once, from start to end."""

    def __init__(self, file, file_size, origin, size, wanted=None):
        self.file, self.size, self.wanted, self.found = file, size, wanted, None
        start = self.take(BUNDLE_START.size)
        need(start[:6] == b"CXLB\0\1", "entries.cxb: not of version 1")
        _, _, self.ledger, self.origin, its_size, count = BUNDLE_START.unpack(start)
        known = its_size == size and origin == f"codex-ledger/{self.ledger.hex()}/{self.origin.hex()}"
        need(known, "entries.cxb: of another tree than the checkpoint")
        need(0 < count <= file_size // 16, f"entries.cxb: {count} ranges are not possible")
        bounds = struct.unpack(f">{2 * count}Q", self.take(16 * count))
        apart = all(a < b for a, b in zip(bounds, bounds[1:])) and bounds[-1] <= size
        need(apart, "entries.cxb: ranges are empty, touch, are not in order or not in the tree")
        self.starts, self.ends, self.at = bounds[::2], bounds[1::2], 0
        self.entries, self.last = sum(self.ends) - sum(self.starts), bounds[-1] - 1
        need(self.entries <= file_size // (HEADER.size + 1), "entries.cxb: more entries than it has room for")
        (count,) = struct.unpack(">I", self.take(4))
        need(count <= min(126 * (len(self.ends) + 1), file_size // 32), f"entries.cxb: {count} hashes are not possible")
        hashes = self.take(32 * count)
        self.hashes = (hashes[i : i + 32] for i in range(0, len(hashes), 32))
        self.forms = {PRESENT: 0, WITHHELD: 0, ERASED: 0}
        chosen = [n for a, b in zip(self.starts, self.ends) for n in (a, b)]  # the record itself is not chosen
        chosen[-1] -= 1
        chosen = chosen[:-2] if chosen[-1] == chosen[-2] else chosen
        self.chosen = hashlib.sha256(struct.pack(f">{len(chosen)}Q", *chosen))
        self.erasures = Erasures()
        self.id, self.time = bytes(32), 0  # of the entry before
        self.root = self.subtree(0, size)
        need(next(self.hashes, None) is None, "entries.cxb: too many hashes")
        need(not file.read(1), "entries.cxb: something follows the last entry")
        for seq, what in self.erasures.findings():
            need(False, f"entry {seq}: {what}")

    def take(self, count):
        data = self.file.read(count)
        need(len(data) == count, "entries.cxb: cut")
        return data

    def subtree(self, low, high):
        """The hash over the entries from `low` to before `high`. Goes from left to right, as the file does."""
        while self.at < len(self.ends) and self.ends[self.at] <= low:
            self.at += 1
        if self.at == len(self.ends) or high <= self.starts[self.at]:
            known = next(self.hashes, None)
            need(known, "entries.cxb: too few hashes")
            return known
        if high - low == 1:
            return self.entry(low)
        middle = low + (1 << (high - low - 1).bit_length() - 1)
        left = self.subtree(low, middle)
        return node_of(left, self.subtree(middle, high))

    def entry(self, seq):
        """Reads and checks one entry; gives its leaf."""
        header = self.take(HEADER.size)
        need(header[:6] == b"CXLE\0\1", f"entry {seq}: no header of version 1")
        fields = HEADER.unpack(header)
        kind, body_len, commitment = fields[2], fields[12], fields[13]
        before_is_unknown = seq and seq == self.starts[self.at]
        prev = fields[7] if before_is_unknown else self.id
        for good, what in rules(fields, seq - 1, prev, self.time, self.ledger, self.origin):
            need(good, f"entry {seq}: {what}")
        self.id, self.time, form = entry_id(header), fields[8], self.take(1)
        need(form in self.forms, f"entry {seq}: unknown form {form!r}")
        self.forms[form] += 1
        if seq != self.last:
            self.chosen.update(form)
        kept = None
        if seq == self.last:
            self.last_header, kept = header, []
            good = kind == ACCESS and form == PRESENT and body_len <= LIMIT
            need(good, f"entry {seq}: is not the record of a bundle")
        self.erasures.form(seq, form)
        if form == ERASED:
            need(kind not in NEVER_ERASED, f"entry {seq}: the body of an entry that is never erased is gone")
        if kind == ERASE_DONE and form == PRESENT and body_len <= Erasures.LIMIT:
            kept = []
        if seq == self.wanted and form == PRESENT and body_len <= 64 * LIMIT:
            kept = [] if kept is None else kept
        if form == PRESENT:
            digest, missing = read_body(self.file, 16 + body_len, kept)
            need(not missing, f"entry {seq}: cut, {missing} bytes of salt and body are missing")
            need(digest == commitment, f"entry {seq}: salt and body do not match the commitment")
        if kind == ERASE_DONE and kept:
            need(self.erasures.done(seq, b"".join(kept)[16:]), f"entry {seq}: does not say what was erased")
        if kept is not None and seq == self.wanted:
            self.found = b"".join(kept)[16:]
        if kept and seq == self.last:
            self.last_body = b"".join(kept)[16:]
        return leaf_of(header)

    def reports(self):
        """The files that the last entry records, with their hashes."""
        fields, reports = list(fields_of(self.last_body)), {}
        verbs = [value for name, value in fields if name == b"verb"]
        need(verbs == [b"bundle"], f"entry {self.last}: is not the record of a bundle")
        chosen = [value.decode() for name, value in fields if name == b"selection"]
        need(chosen == [self.chosen.hexdigest()], "entries.cxb: other entries or bodies than the record says")
        for value in (value for name, value in fields if name == b"file"):
            match = re.fullmatch("([0-9a-f]{64}) (.+)", value.decode())
            good = match and NAME.fullmatch(match[2]) and match[2] not in PARTS and match[2] not in reports
            need(good, f"entry {self.last}: does not record the files of a report")
            reports[match[2]] = match[1]
        return reports


def verify_bundle(path, signer, args):
    """The lines to say of a bundle that holds."""
    files = files_of(path)
    note, key_line = read_text(files["checkpoint"][1], "checkpoint"), read_text(files["key"][1], "key")
    need(key_line.endswith("\n"), "key: not a public key and a line feed")
    key = public_key(key_line[:-1])
    need(key[1] == 1, "key: not the key of a log")
    origin, size, root = checkpoint_of(note, key)
    if signer:
        checkpoint_of(note, signer)
    proven, _, _, _, its_note = proof_of(read_text(files["proof"][1], "proof"), key)
    need(its_note == note, "the checkpoint in the proof is another one")
    file_size, opener = files["entries.cxb"]
    with opener() as file:
        it = Selection(file, file_size, origin, size, args.body)
    args.found = it.found
    need(it.root == root, "entries.cxb: leads to another root than the checkpoint")
    need(it.last_header == proven, "the proof is of another entry than the one that records the bundle")
    reports = it.reports()
    there = set(files) - PARTS
    need(there == set(reports) and there > BESIDE, f"the files are not those that entry {it.last} records")
    for name in sorted(there):
        digest = hashlib.sha256()
        with files[name][1]() as file:
            while piece := file.read(PIECE):
                digest.update(piece)
        need(digest.hexdigest() == reports[name], f"{name}: is not what entry {it.last} records")
    present, withheld, erased = it.forms.values()
    bodies = f"{present} bodies present, {withheld} withheld, {erased} erased"
    yield f"holds: {it.entries} headers of the {size} entries of {origin}: {bodies}"
    for start, end in zip(it.starts, it.ends):
        yield f"complete from entry {start} to {end - 1}"
    for name in sorted(there - BESIDE):
        yield f"{name} is what entry {it.last} records"
    if not signer:
        yield f"{UNKNOWN}; the bundle itself names {key_line[:-1]}"
    history = "that whoever has the key has not signed another history"
    yield f"not proven: that the report says what the bodies say (compare them), and {history}"


# From BLAKE3's official test vectors: input length, hash, derive_key.
VECTORS = """
0 af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262 2cc39783c223154fea8dfb7c1b1660f2ac2dcbd1c1de8277b0b0dd39b7e50d7d
1025 d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444 effaa245f065fbf82ac186839a249707c3bddf6d3fdda22d1b95a3c970379bcb
31744 62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47 39772aef80e0ebe60596361e45b061e8f417429d529171b6764468c22928e28e
"""
# Certificate Transparency's reference tree: its leaves, its roots by size, and the proof that 8 leaves begin with 6.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
GROWTH = """
0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a
ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0
d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7
"""
# RFC 8032 section 7.1, test 3: key, message, signature.
ED25519 = """
fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025 af82
6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a
"""
# The note that implementations of C2SP's signed notes share.
NOTE_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = """If you think cryptography is the answer to your problem,
then you don't know what your problem is.

\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
"""


def self_test():
    """What does not compute as published."""
    for length, plain, derived in map(str.split, VECTORS.strip().splitlines()):
        data = bytes(i % 251 for i in range(int(length)))
        for context, expected in ((None, plain), ("BLAKE3 2019-12-27 16:29:52 test vectors context", derived)):
            hasher = Blake3(context)
            for at in range(0, len(data), 777):
                hasher.update(data[at : at + 777])
            if hasher.digest().hex() != expected:
                yield f"BLAKE3 of {length} bytes, context {context!r}"
    for size, root in ROOTS.items():
        tree = Tree()
        for leaf in LEAVES[:size]:
            tree.push(bytes.fromhex(leaf))
        if tree.root().hex() != root:
            yield f"root of {size} leaves"
    key, message, signature = map(bytes.fromhex, ED25519.split())
    if not is_signature(key, message, signature) or is_signature(key, message + b"\0", signature):
        yield "Ed25519"
    try:
        old, new, *proof = map(bytes.fromhex, [ROOTS[6], ROOTS[8], *GROWTH.split()])
        check_growth(6, old, 8, new, proof)
        check_note(NOTE, public_key(NOTE_KEY))
    except Refused as error:
        yield f"growth, or a sound note: {error}"
    try:
        check_note(NOTE.replace("your", "yovr"), public_key(NOTE_KEY))
        yield "a changed note"
    except Refused as error:
        if str(error) != "the signature is wrong":
            yield f"a changed note: {error}"


def size_id_root(text):
    match = re.fullmatch("([0-9]{1,20}):([0-9a-f]{64}):([0-9a-f]{64})", text.lower())
    if not match:
        raise ValueError
    return {"size": int(match[1]), "id": match[2], "root": match[3]}


UNKNOWN = "not proven: who signed it (give the key, from somewhere else, with --signed-by)"


def verify(args, wrong_usage):
    """Finds out what it is, says what holds of it, and gives the exit code."""
    path, key, start = args.path, args.signed_by, b""
    folder = os.path.isdir(path)
    if not folder:
        with open(path, "rb") as file:
            start = file.read(32)
    has = [os.path.lexists(os.path.join(path, name)) for name in ("entries.cxl", "entries.cxb", "proof")]
    export = folder and not has[1] and (has[0] or not has[2])
    bundle = folder and not export or start[:4] == b"PK\3\4"
    consistency = start[:4] == b"old "
    if args.head and not export:
        wrong_usage("--head is for an export")
    if consistency != bool(args.older):
        wrong_usage("--older FILE is needed for a consistency proof, and for nothing else")
    if export:
        return verify_export(path, args.head, key)
    if bundle:
        lines = list(verify_bundle(path, key, args))
    else:
        text = read_text(functools.partial(open, path, "rb"), "the file")
        if consistency:
            older = read_text(functools.partial(open, args.older, "rb"), "the older checkpoint")
            told = consistency_of(text, older, key)
        elif text.startswith("c2sp.org/tlog-proof@v1\n"):
            header, seq, origin, size, _ = proof_of(text, key)
            told = f"entry {seq} is one of {size} of {origin}; commitment {header[120:152].hex()}"
        else:
            origin, size, _ = checkpoint_of(text, key)
            told = f"a checkpoint over {size} entries of {origin}"
        lines = [f"holds: {told}"] + ([] if key else [UNKNOWN])
    if args.body is not None:
        need(bundle and key, "--body is for a bundle, with --signed-by")
        need(args.found is not None, f"the body of entry {args.body} is withheld, or the entry is none of the bundle's")
        out(args.found.decode(errors="replace"), LIMIT)
        return 0
    for line in lines:
        out(line if key else line.replace("holds: ", "unproven: ", 1))
    return 0 if key else 1  # what nobody is known to have signed is not verified, whatever else holds


def main():
    parser = argparse.ArgumentParser(description="Verifies what codex-ledger gives out.")
    parser.add_argument("path", nargs="?", metavar="PATH", help="export, bundle, proof or checkpoint")
    parser.add_argument("--signed-by", type=public_key, metavar="NAME+ID+KEY", help="the key that must have signed")
    parser.add_argument("--head", type=size_id_root, metavar="SIZE:ID:ROOT", help="a head obtained elsewhere")
    parser.add_argument("--older", metavar="FILE", help="the checkpoint that a consistency proof starts from")
    parser.add_argument("--body", type=int, metavar="SEQ", help="print this body of a bundle, once the bundle holds")
    parser.add_argument("--self-test", action="store_true", help="check the hash functions, signatures and proofs")
    args = parser.parse_args()
    if args.self_test == (args.path is not None):
        parser.error("give either PATH or --self-test")
    if args.self_test:
        wrong = list(self_test())
        print("\n".join(wrong) or "ok: self-test")
        return 1 if wrong else 0
    try:
        return verify(args, parser.error)
    except OSError as error:
        print(f"verify.py: {error}", file=sys.stderr)
        return 2
    except Exception as error:  # of whatever kind: bytes that lead to one prove nothing
        out(f"refused: {error if isinstance(error, ValueError) else repr(error)}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
