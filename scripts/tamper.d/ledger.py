"""Reads an export and writes a ledger's folder, by docs/FORMAT.md alone: hashes, packs, journal, HEAD, checkpoints."""

import base64
import copy
import functools
import hashlib
import importlib.util
import os
import re
import struct

HERE = os.path.dirname(os.path.abspath(__file__))


def _load():
    """The verifier, for its hashes and its tree."""
    path = os.path.join(HERE, "..", "..", "crates", "proof", "verify.py")
    spec = importlib.util.spec_from_file_location("verify", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


verify = _load()
HEADER, Tree = verify.HEADER, verify.Tree
STREAM, LINE, REDACTION, ANNOTATION = 2, 3, 6, 9
INLINE, BLOCKS = 0, 1  # the forms of a stored body
BLOCK_SIZE = 256 * 1024
ROOT = 8  # BLAKE3's flag of the last compression
# A chunk of BLAKE3 has a lane of 64 bits in a long integer; 32 bits are in use, the others catch carries.
LANE = 8


def _wide(cvs, blocks, counters, length, flags):
    """BLAKE3's compression of many blocks at once; as `verify.compress`, on lists of lanes."""
    lanes = len(blocks)
    ones = int.from_bytes(b"\1\0\0\0\0\0\0\0" * lanes, "little")
    mask = ones * verify.MASK
    words = [[struct.unpack_from("<I", block, 4 * i)[0] for block in blocks] for i in range(16)]
    m = [int.from_bytes(struct.pack(f"<{lanes}Q", *word), "little") for word in words]
    join = lambda values: int.from_bytes(struct.pack(f"<{lanes}Q", *values), "little")  # noqa: E731
    v = [join([cv[i] for cv in cvs]) for i in range(8)] + [ones * iv for iv in verify.IV[:4]]
    v += [join(counters), 0, ones * length, ones * flags]
    for a, b, c, d, x, y in verify.PLAN:
        va, vb = v[a] + v[b] + m[x] & mask, v[b]
        vd = v[d] ^ va
        vd = (vd >> 16 | vd << 16) & mask
        vc = v[c] + vd & mask
        vb ^= vc
        vb = (vb >> 12 | vb << 20) & mask
        va = va + vb + m[y] & mask
        vd ^= va
        vd = (vd >> 8 | vd << 24) & mask
        vc = vc + vd & mask
        vb ^= vc
        v[a], v[b], v[c], v[d] = va, (vb >> 7 | vb << 25) & mask, vc, vd
    out = [struct.unpack(f"<{lanes}Q", (v[i] ^ v[i + 8]).to_bytes(LANE * lanes, "little")) for i in range(8)]
    return list(zip(*out))


def _hash(context, data):
    chunk = verify.CHUNK
    if len(data) <= 4 * chunk:
        return verify.Blake3(context).update(data).digest()
    # All full chunks but the last beside each other, then the tree level by level; an odd one goes up as it is.
    hasher = verify.Blake3(context)
    count = (len(data) - 1) // chunk
    cvs = [hasher.key] * count
    for i in range(16):
        blocks = [data[n * chunk + i * 64 : n * chunk + i * 64 + 64] for n in range(count)]
        flags = hasher.flags | (verify.CHUNK_START if i == 0 else 0) | (verify.CHUNK_END if i == 15 else 0)
        cvs = _wide(cvs, blocks, range(count), 64, flags)
    hasher.chunks = count
    cvs.append(hasher.chunk(data[count * chunk :], 0))
    while len(cvs) > 1:
        pairs = [struct.pack("<16I", *cvs[i], *cvs[i + 1]) for i in range(0, len(cvs) - 1, 2)]
        flags = hasher.flags | verify.PARENT | (ROOT if len(cvs) == 2 else 0)
        cvs = _wide([hasher.key] * len(pairs), pairs, [0] * len(pairs), 64, flags) + cvs[2 * len(pairs) :]
    return struct.pack("<8I", *cvs[0])


@functools.lru_cache(8192)
def H(context, data):
    return _hash("codex-ledger v1 " + context, data)


def self_test():
    """What does not compute as published, or not as `verify.py` computes it."""
    yield from verify.self_test()
    for length in (4097, 5120, 70000):
        data = bytes(i % 251 for i in range(length))
        if _hash("test", data) != verify.Blake3("test").update(data).digest():
            yield f"BLAKE3 of {length} bytes"
    # The first vector of RFC 8032.
    secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    if not sign(secret, b"").hex().startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"):
        yield "Ed25519"


class Entry:
    """The fields of a header, salt and body. The commitment that was read counts only where the body is in blocks:
    else the pack does not hold it, and a reader computes it."""

    def __init__(self, header, salt, body):
        (_, _, self.kind, self.flags, self.ledger, self.origin, self.seq, self.prev, self.time, self.stream, self.line,
         self.offset, self.body_len, self.commitment, self.reference, self.rule_set) = HEADER.unpack(header)
        self.salt, self.body = salt, body
        self.form = BLOCKS if len(body) > BLOCK_SIZE else INLINE

    def header(self, seq, prev):
        return HEADER.pack(b"CXLE", 1, self.kind, self.flags, self.ledger, self.origin, seq, prev, self.time,
                           self.stream, self.line, self.offset, self.body_len, self.stored_commitment(),
                           self.reference, self.rule_set)

    def stored_commitment(self):
        return self.commitment if self.form == BLOCKS else self.true_commitment()

    def true_commitment(self):
        return H("body", self.salt + self.body)

    def set_body(self, body):
        self.body, self.body_len = body, len(body)

    def copy(self):
        return copy.copy(self)


def read_export(folder):
    """The entries of `entries.cxl`; the last is left out, since it records the export itself."""
    with open(folder + "/entries.cxl", "rb") as file:
        data = file.read()
    at, entries = verify.FILE_START.size, []
    while at < len(data):
        header = data[at : at + HEADER.size]
        at += HEADER.size + 1
        length = HEADER.unpack(header)[12]
        entries.append(Entry(header, data[at : at + 16], data[at + 16 : at + 16 + length]))
        at += 16 + length
    return entries[:-1]


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def fields(*pairs):
    return b"".join(bytes([len(name)]) + name.encode() + struct.pack(">I", len(value)) + value.encode()
                    for name, value in pairs)


class Forgery:
    """A ledger to be written: entries, where packs begin, and what packs and HEAD claim other than what follows from
    the entries. `prev` and `last` say by index of an entry what the pack that begins or ends there claims."""

    def __init__(self, entries):
        self.entries = [entry.copy() for entry in entries]
        self.cuts, self.first, self.prev, self.last, self.head = set(), {}, {}, {}, {}

    def chain(self):
        """Seqs, headers and ids as a reader derives them, and the packs: lists of indexes."""
        packs, size = [], 0
        for i, entry in enumerate(self.entries):
            small = len(entry.body) if entry.form == INLINE else 0
            begins = (i == 0 or i in self.cuts or i in self.first or i in self.prev or i - 1 in self.last
                      or entry.time != self.entries[i - 1].time or size + small > BLOCK_SIZE)
            if begins:
                packs.append([])
                size = 0
            packs[-1].append(i)
            size += small
        seqs, headers, ids, seq, last = [], [], [], 0, bytes(32)
        for i, entry in enumerate(self.entries):
            seq = self.first.get(i, seq)
            prev = self.prev.get(i, last)
            headers.append(entry.header(seq, prev))
            last = H("entry header", headers[-1])
            seqs.append(seq)
            ids.append(last)
            seq += 1
        return packs, seqs, headers, ids

    def write(self, folder):
        """A whole ledger: FORMAT is there; one journal and HEAD are made."""
        packs, seqs, headers, ids = self.chain()
        ledger, origin = self.entries[0].ledger, self.entries[0].origin
        tree = Tree()
        for header in headers:
            tree.push(header)
        head = {"size": tree.size, "id": ids[-1], "root": tree.root(), "edge": tree.edge,
                "time": self.entries[-1].time, **self.head}
        self.written = head
        start = b"CXLJ" + struct.pack(">HH16s16sQ", 1, 0, ledger, origin, 0)
        out = [start + H("journal", start)[:16]]
        self.at = len(out[0])

        def frame(kind, payload):
            begin = b"CXF1" + struct.pack(">B3sIQ", kind, b"", len(payload), self.at)
            checksum = H("frame", ledger + struct.pack(">Q", 0) + begin + payload)[:16]
            out.append(begin + checksum + payload)
            self.at += len(out[-1])

        for pack in packs:
            for i in pack:
                if self.entries[i].form == BLOCKS:
                    for block in self.blocks(self.entries[i], seqs[i]):
                        frame(2, block)
            frame(1, self.pack(pack, seqs, headers, ids))
        frame(3, struct.pack(">Q32s32s", head["size"], head["id"], head["root"]))
        os.makedirs(folder + "/journal")
        with open(folder + "/journal/0000000000000000.cxj", "wb") as file:
            file.write(b"".join(out))
        with open(folder + "/HEAD", "wb") as file:
            for turn in (2, 3):
                slot = b"CXLH" + struct.pack(">HHQ16s16sQ32s32sQQI", 1, 0, turn, ledger, origin, head["size"],
                                             head["id"], head["root"], 0, head["time"], len(head["edge"]))
                slot = (slot + b"".join(head["edge"])).ljust(4080, b"\0")
                file.write(slot + H("head", slot)[:16])

    @staticmethod
    def blocks(entry, seq):
        for index in range(0, max(1, -(-len(entry.body) // BLOCK_SIZE))):
            piece = entry.body[index * BLOCK_SIZE : (index + 1) * BLOCK_SIZE]
            begin = b"CXB1" + struct.pack(">B3sQII", 0, b"", seq, index, len(piece))
            yield begin + H("block", begin + piece)[:16] + piece

    def pack(self, pack, seqs, headers, ids):
        records, salts, bodies = [], [], []
        for i in pack:
            entry = self.entries[i]
            numbers = b"".join(map(varint, (entry.stream, entry.line, entry.offset, entry.body_len)))
            has = (any(entry.reference), any(entry.rule_set))
            records.append(bytes([entry.kind, entry.flags, entry.form]) + numbers + bytes([has[0] | has[1] << 1])
                           + (entry.reference if has[0] else b"") + (entry.rule_set if has[1] else b""))
            salts.append(entry.salt + (entry.commitment if entry.form == BLOCKS else b""))
            bodies.append(entry.body if entry.form == INLINE else b"")
        payload = b"".join(records + salts + bodies)
        prev = HEADER.unpack(headers[pack[0]])[7]
        begin = b"CXP1" + struct.pack(">B3sQIIQ32s32s", 0, b"", seqs[pack[0]], len(pack), len(payload),
                                      self.entries[pack[0]].time, prev, self.last.get(pack[-1], ids[pack[-1]]))
        return begin + H("pack", begin + payload)[:16] + payload


# Ed25519 as in RFC 8032; slow, and enough for one signature per trial.
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def _add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def _times(number, point=BASE):
    result = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = _add(result, point)
        point, number = _add(point, point), number >> 1
    return result


def _encode(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _expand(secret):
    digest = hashlib.sha512(secret).digest()
    number = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
    return number, digest[32:]


def public_key(secret):
    return _encode(_times(_expand(secret)[0]))


def sign(secret, message):
    number, prefix = _expand(secret)
    public = _encode(_times(number))
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % ORDER
    point = _encode(_times(r))
    k = int.from_bytes(hashlib.sha512(point + public + message).digest(), "little") % ORDER
    return point + ((r + k * number) % ORDER).to_bytes(32, "little")


def read_key(path):
    with open(path, encoding="ascii") as file:
        return bytes.fromhex(file.read().split("\n")[1])


def checkpoint(entry, size, root, secret):
    """A signed note over size and root, of the log that the entry is of."""
    name = f"codex-ledger/{entry.ledger.hex()}/{entry.origin.hex()}"
    text = f"{name}\n{size}\n{base64.b64encode(root).decode()}\n"
    key_id = hashlib.sha256(name.encode() + b"\n\1" + public_key(secret)).digest()[:4]
    signature = base64.b64encode(key_id + sign(secret, text.encode())).decode()
    return f"{text}\n\u2014 {name} {signature}\n"


def checkpoint_size(note):
    return int(re.match(r"[^\n]+\n([0-9]+)\n", note)[1])
