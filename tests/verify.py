"""Verifies an exported ledger with nothing but docs/FORMAT.md and the Python standard library.

    python3 tests/verify.py DIR [--head SIZE:ID:ROOT]
    python3 tests/verify.py --self-test

DIR holds entries.cxl and head.json. A head given with --head (one that was noted or published elsewhere) may be older
than the export: then the first SIZE entries must lead to it.

Exit status: 0 verified, 1 findings (one line each), 2 wrong usage or unreadable files.
"""

import argparse
import functools
import hashlib
import json
import os
import re
import struct
import sys

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
CHUNK_START, CHUNK_END, PARENT, ROOT, CONTEXT, MATERIAL = 1, 2, 4, 8, 32, 64
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
        cv = self.chunk(self.rest, 0 if self.stack else ROOT)
        for level in range(len(self.stack) - 1, -1, -1):
            cv = self.parent(self.stack[level], cv, 0 if level else ROOT)
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


class Tree:
    """Of RFC 6962. Keeps the roots of the complete subtrees on its right edge, largest first."""

    def __init__(self):
        self.size, self.edge = 0, []

    def push(self, leaf):
        self.edge.append(hashlib.sha256(b"\0" + leaf).digest())
        self.size += 1
        whole = self.size
        while whole & 1 == 0:
            whole, self.edge[-2:] = whole >> 1, [self.node(*self.edge[-2:])]

    def root(self):
        if not self.edge:
            return hashlib.sha256(b"").digest()
        return functools.reduce(lambda right, left: self.node(left, right), reversed(self.edge))

    @staticmethod
    def node(left, right):
        return hashlib.sha256(b"\1" + left + right).digest()


FILE_START = struct.Struct(">4sH16s16s")
HEADER = struct.Struct(">4sHBB16s16sQ32s5Q32s32s32s")
CREATED, STREAM, LINE, ERASE_DONE = 1, 2, 3, 12
PRESENT, ERASED = b"\0", b"\2"
PIECE = 1 << 16


class Verifier:
    def __init__(self, marked_size):
        self.findings = self.bytes = 0
        self.erased, self.erasures = {}, set()  # ids without a body; ids that an `erase done` refers to
        self.tree, self.last_id, self.last_seq, self.last_time = Tree(), bytes(32), -1, 0
        self.streams = {}  # seq of the opening entry: (offset, line) that comes next
        self.ledger = self.origin = b""
        self.marked_size, self.marked = marked_size, None  # the head at that size, once it is behind us

    def check(self, good, what):
        if not good:
            self.findings += 1
            print(what)
        return good

    def run(self, file):
        start = file.read(FILE_START.size)
        whole = len(start) == FILE_START.size and start[:6] == b"CXLX\0\1"
        if self.check(whole, "entries.cxl: not an export of version 1"):
            _, _, self.ledger, self.origin = FILE_START.unpack(start)
            while self.entry(file):
                pass
            for entry_id, seq in self.erased.items():
                self.check(entry_id in self.erasures, f"seq {seq}: the body is gone, and no entry erased it")

    def head(self):
        return {"size": self.tree.size, "id": self.last_id.hex(), "root": self.tree.root().hex()}

    def entry(self, file):
        """Reads and checks one entry; false at the end, or where the next entry cannot be found."""
        if self.tree.size == self.marked_size:
            self.marked = self.head()
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
        self.last_id = Blake3("codex-ledger v1 entry header").update(header).digest()

        form = file.read(1)
        if form == ERASED:
            self.erased[self.last_id] = seq
            return True
        if not self.check(form == PRESENT, f"seq {seq}: cut, or unknown form {form!r}; reading ends here"):
            return False
        hasher, left = Blake3("codex-ledger v1 body"), 16 + body_len
        while left:
            piece = file.read(min(left, PIECE))
            if not self.check(piece, f"seq {seq}: cut, {left} bytes of salt and body are missing"):
                return False
            hasher.update(piece)
            left -= len(piece)
        self.check(hasher.digest() == commitment, f"seq {seq}: salt and body do not match the commitment")
        self.bytes += body_len
        return True

    def header(self, fields):
        _, _, kind, flags, ledger, origin, seq, prev, time, stream, line, offset, body_len, _, reference, _ = fields
        line_feed = flags & 1
        checks = [
            (seq == self.last_seq + 1, f"follows seq {self.last_seq}"),
            (prev == self.last_id, "prev is not the id of the entry before"),
            (time >= self.last_time, "recorded before the entry before it"),
            (ledger == self.ledger, "of another ledger than the file"),
            (origin == self.origin, "of another origin than the file"),
            (flags == line_feed, f"unknown flags {flags:#04x}"),
            ((kind == CREATED) == (seq == 0), "`created` must be seq 0 and only there"),
        ]
        if kind == ERASE_DONE:
            self.erasures.add(reference)
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
            same = type(given.get(key)) is type(value) and given[key] == value
            self.check(same, f"{name}: {key} is {given.get(key)!a}, entries.cxl gives {value!r}")


# From BLAKE3's official test vectors: input length, hash, derive_key.
VECTORS = """
0 af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262 2cc39783c223154fea8dfb7c1b1660f2ac2dcbd1c1de8277b0b0dd39b7e50d7d
1025 d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444 effaa245f065fbf82ac186839a249707c3bddf6d3fdda22d1b95a3c970379bcb
31744 62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47 39772aef80e0ebe60596361e45b061e8f417429d529171b6764468c22928e28e
"""
# Certificate Transparency's reference tree: its leaves, and the roots of seven and of all of them.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = {
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


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


def size_id_root(text):
    match = re.fullmatch("([0-9]{1,20}):([0-9a-f]{64}):([0-9a-f]{64})", text.lower())
    if not match:
        raise ValueError
    return {"size": int(match[1]), "id": match[2], "root": match[3]}


def main():
    parser = argparse.ArgumentParser(description="Verifies an exported ledger.")
    parser.add_argument("dir", nargs="?", metavar="DIR", help="directory with entries.cxl and head.json")
    parser.add_argument("--head", type=size_id_root, metavar="SIZE:ID:ROOT", help="a head obtained elsewhere")
    parser.add_argument("--self-test", action="store_true", help="check the hash functions")
    args = parser.parse_args()
    if args.self_test == (args.dir is not None):
        parser.error("give either DIR or --self-test")
    if args.self_test:
        wrong = list(self_test())
        print("\n".join(wrong) or "ok: self-test")
        return 1 if wrong else 0

    it = Verifier(args.head and args.head["size"])
    try:
        with open(os.path.join(args.dir, "head.json"), encoding="utf-8") as file:
            head = dict(json.loads(file.read(PIECE)))
        with open(os.path.join(args.dir, "entries.cxl"), "rb") as file:
            it.run(file)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        print(f"verify.py: {error}", file=sys.stderr)
        return 2
    it.compare("head.json", head, {**it.head(), "ledger": it.ledger.hex(), "origin": it.origin.hex()})
    if args.head:
        it.compare("--head", args.head, it.marked or it.head())
    if it.findings:
        return 1
    erased = f" ({len(it.erased)} erased)" if it.erased else ""
    print(f"ok: {it.tree.size} entries{erased}, {it.bytes} bytes, root {it.tree.root().hex()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
