#!/usr/bin/env python3
"""Checks a proof or a checkpoint of codex-ledger, with Python's standard library alone.

    verify_proof.py FILE --signed-by NAME+ID+KEY

Written from the specifications (C2SP signed-note, tlog-checkpoint, tlog-proof; RFC 6962; RFC 8032) and docs/FORMAT.md,
and shares no code with the program. Take it from the project, and the key from somewhere else than the proof.
Exit code 0: the proof holds and the key has signed it; 1: it does not.
"""

import argparse
import base64
import hashlib
import sys

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)
HEADER_BYTES = 216


class Refused(Exception):
    pass


# Ed25519, RFC 8032 section 5.1: points in extended coordinates.


def recover_x(y, sign):
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
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


# Notes.


def decode(text):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused(f"no base64: {text[:40]}") from None
    if base64.b64encode(data).decode() != text:
        raise Refused(f"not the one spelling of its bytes: {text[:40]}")
    return data


def number(text):
    if not (text.isascii() and text.isdigit()) or text != str(int(text)):
        raise Refused(f"no number: {text[:40]}")
    return int(text)


def key_of(text):
    name, key_id, data = text.split("+", 2)
    data = decode(data)
    expected = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    if data[0] not in (1, 4) or len(data) != 33 or expected.hex() != key_id:
        raise Refused("not a public key")
    return name, data[0], data[1:], expected


def check_note(note, key):
    """The lines of the note's text, which the key has signed."""
    at = note.rfind("\n\n")
    if at < 0 or not note.endswith("\n"):
        raise Refused("not a signed note")
    text, lines = note[: at + 1], note[at + 2 : -1].split("\n")
    if any(ord(c) < 32 and c != "\n" for c in text):
        raise Refused("control characters in a note")
    name, kind, public, key_id = key
    signed = False
    for line in lines:
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "\u2014":
            raise Refused("not a signature line")
        data = decode(parts[2])
        if parts[1] != name or data[:4] != key_id:
            continue
        message, signature = text.encode(), data[4:]
        if kind == 4:
            at_second = int.from_bytes(signature[:8], "big")
            message, signature = f"cosignature/v1\ntime {at_second}\n".encode() + message, signature[8:]
        if not is_signature(public, message, signature):
            raise Refused("the signature is wrong")
        signed = True
    if not signed:
        raise Refused(f"not signed by {name}")
    return text[:-1].split("\n")


def checkpoint_of(note, key):
    lines = check_note(note, key)
    if len(lines) < 3 or not all(lines):
        raise Refused("not a checkpoint")
    root = decode(lines[2])
    if len(root) != 32:
        raise Refused("the root is no hash")
    if key[1] == 1 and key[0] != lines[0]:
        raise Refused("the key is of another log")
    return lines[0], number(lines[1]), root


# Proofs.


def root_from(leaf, index, size, proof):
    """RFC 9162 section 2.1.3.2, which is written otherwise than the program does it."""
    if index >= size:
        raise Refused("the tree has no such leaf")
    node, last, reached = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise Refused("too many hashes")
        if node & 1 or node == last:
            reached = hashlib.sha256(b"\x01" + sibling + reached).digest()
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            reached = hashlib.sha256(b"\x01" + reached + sibling).digest()
        node, last = node >> 1, last >> 1
    if last:
        raise Refused("too few hashes")
    return reached


def check(text, key):
    if not text.startswith("c2sp.org/tlog-proof@v1\n"):
        origin, size, _ = checkpoint_of(text, key)
        return f"a checkpoint over {size} entries of {origin}"
    head, separator, note = text.partition("\n\n")
    lines = head.split("\n")[1:]
    if not separator or len(lines) < 2 or not lines[0].startswith("extra ") or not lines[1].startswith("index "):
        raise Refused("not a proof with the header of an entry")
    header, index = decode(lines[0][6:]), number(lines[1][6:])
    if len(header) != HEADER_BYTES or header[:4] != b"CXLE":
        raise Refused("not the header of an entry")
    origin, size, root = checkpoint_of(note, key)
    proof = [decode(line) for line in lines[2:]]
    if any(len(sibling) != 32 for sibling in proof):
        raise Refused("a line is no hash")
    leaf = hashlib.sha256(b"\x00" + header).digest()
    if root_from(leaf, index, size, proof) != root:
        raise Refused("the proof leads to another root")
    ledger, log, seq = header[8:24].hex(), header[24:40].hex(), int.from_bytes(header[40:48], "big")
    if seq != index or origin != f"codex-ledger/{ledger}/{log}":
        raise Refused("the entry is another one than the proof says")
    return f"entry {seq} is one of {size} of {origin}; commitment {header[120:152].hex()}"


def main():
    parser = argparse.ArgumentParser(description="Checks a proof or a checkpoint of codex-ledger.")
    parser.add_argument("file")
    parser.add_argument("--signed-by", required=True, metavar="NAME+ID+KEY")
    args = parser.parse_args()
    try:
        with open(args.file, encoding="utf-8", newline="") as file:
            told = check(file.read(), key_of(args.signed_by))
    except (Refused, ValueError) as error:
        print(f"refused: {error}")
        return 1
    print(f"holds: {told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
