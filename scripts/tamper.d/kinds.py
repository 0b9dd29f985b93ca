"""The ten kinds of tampering. Whoever does it knows the format: every checksum is right again, `HEAD` says what serves
best, and what is rebuilt when missing is removed. Without the key he cannot sign; the checkpoint file he can take away,
put back as it was, or sign with another key, so every trial of a consistent ledger is judged with each of them."""

import os
import random
import shutil
import sqlite3
from contextlib import closing

import ledger as fmt
from ledger import BLOCKS, INLINE, LINE, STREAM, Forgery

DERIVED = ("tiles", "tails", "sources", "controls")


class Trial:
    """One trial: what was done, what a finding has to name, and the states of the checkpoint file to be tried.
    `first` and `last` are the first entry that is not as it was, or is gone, and the last of those."""

    def __init__(self, kind, number, rng, world, folder):
        self.kind, self.number, self.rng, self.world, self.folder = kind, number, rng, world, folder
        self.what, self.first, self.last, self.table = "", None, None, None
        self.checkpoints = {"removed": None}
        self.signed = None  # what the file beside the key says afterwards, where whoever tampers has the key
        self.has_views = False

    def write(self, forgery, views=None):
        """Writes the forged ledger; half of the time with views of its own, where the program makes some."""
        os.makedirs(self.folder)
        shutil.copy(self.world.ledger + "/FORMAT", self.folder)
        forgery.write(self.folder)
        if self.rng.random() < 0.5 if views is None else views:
            self.rebuild_views()

    def rebuild_views(self):
        attacker = self.world.stranger
        code, _, _ = attacker.run(self.folder, "rebuild-views")
        self.has_views = code == 0
        if code:
            remove_views(self.folder)
        for name in DERIVED:
            remove(f"{self.folder}/{name}")

    def copy(self, folder):
        shutil.copytree(folder, self.folder, symlinks=True)

    def pick(self, is_good=lambda entry: True, least=1, most=None):
        """The index of an entry that fits, never the first one of the ledger."""
        entries = self.world.entries
        good = [i for i, entry in enumerate(entries[:most]) if i >= least and is_good(entry)]
        return self.rng.choice(good)

    def any_checkpoint(self, size, root):
        """All that somebody without the key can put there: none, each old one that fits, one of a key of his own."""
        self.checkpoints = {"removed": None}
        notes = [state["checkpoint"] for state in self.world.states]
        fitting = [note for note in notes if fmt.checkpoint_size(note) <= size]
        if fitting:
            self.checkpoints["older"] = fitting[-1]
        note = fmt.checkpoint(self.world.entries[0], size, root, self.rng.randbytes(32))
        self.checkpoints["of another key"] = note


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.remove(path)


def remove_views(folder):
    for name in os.listdir(folder):
        if name.startswith("views"):
            remove(f"{folder}/{name}")


def other_text(rng, body):
    """The body with one byte or one word changed. It stays UTF-8 and JSON where it was."""
    places = [i for i, byte in enumerate(body) if chr(byte).isalnum() and byte < 128]
    at = rng.choice(places) if places else 0
    if rng.random() < 0.5:
        digit = body[at : at + 1].isdigit()
        new = rng.choice([c for c in ("0123456789" if digit else "abcdefgh") if c != chr(body[at])])
        return body[:at] + new.encode() + body[at + 1 :], f"byte {at}"
    # A word of letters between two other bytes; another length, so that all that follows in the stream moves.
    start, end = at, at + 1
    while start > 0 and chr(body[start - 1]).isalnum() and body[start - 1] < 128:
        start -= 1
    while end < len(body) and chr(body[end]).isalnum() and body[end] < 128:
        end += 1
    new = b"7" * rng.randint(1, 9) if body[start:end].isdigit() else rng.choice([b"q", b"quite", b"quarantine"])
    return body[:start] + new + body[end:], f"word {start}..{end}"


def mend_streams(entries):
    """Makes line and offset of every line follow from those before it."""
    after = {}
    for entry in entries:
        if entry.kind == LINE:
            entry.line, entry.offset = after.get(entry.stream, (0, 0))
            feed = entry.flags & 1
            after[entry.stream] = (entry.line + feed, entry.offset + entry.body_len + feed)


def pack_around(trial, forgery, i):
    """Where packs begin: the changed entry has one of its own, or one with neighbours, or nothing is cut there."""
    rng = trial.rng
    count = len(forgery.entries)
    for near in (i - rng.randint(0, 3), i + 1 + rng.randint(0, 3)):
        if rng.random() < 0.7:
            forgery.cuts.add(max(1, min(near, count - 1)))


def keep_chain(trial, forgery, ids, i):
    """The next pack, or `HEAD`, goes on from the id that was: that is not made right. `last` of the changed pack and
    the root in `HEAD` say what was, or what is."""
    rng = trial.rng
    count = len(forgery.entries)
    end = next(pack[-1] for pack in forgery.chain()[0] if i in pack)
    if end + 1 < count:
        forgery.prev[end + 1] = ids[end]
    if rng.random() < 0.5:
        forgery.last[end] = ids[end]
    if end + 1 == count or rng.random() < 0.5:
        head_as_before(trial, forgery)


def head_as_before(trial, forgery):
    tree = fmt.Tree()
    plain = Forgery(trial.world.entries)
    _, _, headers, ids = plain.chain()
    for header in headers:
        tree.push(header)
    forgery.head = {"id": ids[-1], "root": tree.root(), "edge": tree.edge, "size": tree.size}


def true_ids(trial):
    return Forgery(trial.world.entries).chain()[3]


def edit_body(trial):
    rng = trial.rng
    forgery = Forgery(trial.world.entries)
    i = trial.first = trial.last = trial.pick(lambda entry: len(entry.body) > 0)
    entry = forgery.entries[i]
    body, where = other_text(rng, entry.body)
    form = rng.choice((INLINE, BLOCKS))
    if form == BLOCKS:
        entry.form = BLOCKS  # the commitment of before is kept beside the body
        if len(body) != len(entry.body):
            # The length is a field of the header: the word that is changed keeps it.
            body = body[: len(entry.body)].ljust(len(entry.body), b" ")
        entry.body = body
    else:
        entry.set_body(body)
        if entry.form == BLOCKS:
            entry.commitment = entry.true_commitment()
        pack_around(trial, forgery, i)
        keep_chain(trial, forgery, true_ids(trial), i)
    trial.what = f"body of {i}, {where}, {'commitment kept' if form == BLOCKS else 'id of the chain kept'}"
    trial.write(forgery)


def edit_header(trial):
    rng = trial.rng
    forgery = Forgery(trial.world.entries)
    field = rng.choice(["recorded_at", "line", "offset", "kind", "flags", "stream", "commitment", "reference",
                        "rule_set", "body_len", "seq", "prev", "salt"])
    of_lines = field in ("line", "offset", "stream")
    i = trial.first = trial.last = trial.pick(lambda entry: entry.kind == LINE or not of_lines)
    entry = forgery.entries[i]
    ids = true_ids(trial)
    amount = rng.choice([1, 2, 7, 1000])
    if field == "recorded_at":
        # Between the entries before and behind it where there is room, else as of the entry before.
        before = forgery.entries[i - 1].time
        behind = forgery.entries[i + 1].time if i + 1 < len(forgery.entries) else before + 10**12
        choices = [time for time in (before, behind, (before + behind) // 2, entry.time + 1) if time != entry.time]
        entry.time = rng.choice(choices)
        forgery.cuts |= {i, i + 1}
    elif field in ("line", "offset"):
        setattr(entry, field, getattr(entry, field) + amount)
    elif field == "kind":
        entry.kind = rng.choice([kind for kind in (2, 3, 4, 5, 6, 9, 10) if kind != entry.kind])
    elif field == "flags":
        entry.flags ^= 1
    elif field == "stream":
        streams = [e.seq for e in trial.world.entries if e.kind == STREAM and e.seq != entry.stream]
        entry.stream = rng.choice(streams + [entry.seq])
    elif field == "commitment":
        entry.form, entry.commitment = BLOCKS, rng.randbytes(32)
    elif field == "salt":
        entry.salt = rng.randbytes(16)
        entry.form = rng.choice([entry.form, BLOCKS])
    elif field in ("reference", "rule_set"):
        old = getattr(entry, field)
        new = rng.choice([value for value in (bytes(32), ids[0], ids[1], ids[i - 1]) if value != old])
        setattr(entry, field, new)
    elif field == "body_len":
        # Entry and neighbour share the same bytes differently; where that cannot be, the number alone is changed.
        near = forgery.entries[i + 1] if i + 1 < len(forgery.entries) else None
        if near and near.form == entry.form == INLINE and len(entry.body) > 1:
            near.set_body(entry.body[-1:] + near.body)
            entry.set_body(entry.body[:-1])
            trial.last = i + 1
        else:
            entry.form, entry.body_len = BLOCKS, entry.body_len + 1
    elif field == "seq":
        forgery.first[i] = entry.seq + amount
        if rng.random() < 0.5:
            head_as_before(trial, forgery)
    elif field == "prev":
        forgery.prev[i] = ids[max(0, i - 1 - amount)] if i > 1 else bytes(32)
    if field not in ("seq", "prev", "recorded_at"):
        pack_around(trial, forgery, i)
    if field != "seq" and not (field == "salt" and entry.form == BLOCKS):
        keep_chain(trial, forgery, ids, trial.last)
    trial.what = f"{field} of {i}"
    trial.write(forgery)


def drop_entry(trial):
    rng = trial.rng
    entries = trial.world.entries
    ids = true_ids(trial)
    i = trial.first = trial.last = trial.pick(most=len(entries) - 1)
    forgery = Forgery(entries[:i] + entries[i + 1 :])
    way = rng.choice(["gap", "moved", "moved, streams too"])
    forgery.prev[i] = ids[i]
    if way == "gap":
        forgery.first[i] = i + 1
        head_as_before(trial, forgery)
    else:
        _renumber(forgery, i, -1)
        if way == "moved, streams too":
            mend_streams(forgery.entries)
        if rng.random() < 0.3:
            forgery.head = {"id": ids[-1]}
    trial.what = f"{i} of {len(entries)} dropped, {way}"
    trial.write(forgery)


def _renumber(forgery, i, by):
    """Streams that were opened behind the place are named by other seqs now."""
    for entry in forgery.entries:
        if entry.stream >= i:
            entry.stream += by


def insert(trial):
    rng = trial.rng
    entries = trial.world.entries
    ids = true_ids(trial)
    i = trial.first = trial.last = trial.pick(lambda entry: entry.kind == LINE, least=6, most=len(entries) - 1)
    forged = entries[i].copy()
    forged.form = INLINE
    forged.salt = rng.randbytes(16)
    forged.set_body(other_text(rng, entries[i].body[:2000])[0])
    forgery = Forgery(entries[:i] + [forged] + entries[i:])
    way = rng.choice(["overlap", "moved", "moved, streams too"])
    forgery.prev[i + 1] = ids[i - 1]
    if way == "overlap":
        forgery.first[i + 1] = i
        forgery.cuts.add(i)
        if rng.random() < 0.5:
            head_as_before(trial, forgery)
    else:
        if way == "moved, streams too":
            _renumber(forgery, i, 1)
            for entry in (forged, forgery.entries[i + 1]):
                entry.stream = entries[i].stream
            mend_streams(forgery.entries)
        if rng.random() < 0.3:
            forgery.head = {"id": ids[-1]}
    trial.what = f"one inserted before {i}, {way}"
    trial.write(forgery)


def swap(trial):
    rng = trial.rng
    entries = trial.world.entries
    ids = true_ids(trial)
    i = trial.pick(lambda entry: entry.kind == LINE, most=len(entries) - 1)
    others = [n for n in range(1, len(entries)) if n != i and entries[n].kind == LINE]
    near = [n for n in others if abs(n - i) == 1]
    k = rng.choice(near if near and rng.random() < 0.5 else others)
    i, k = trial.first, trial.last = min(i, k), max(i, k)
    forgery = Forgery(entries)
    made = forgery.entries
    made[i], made[k] = made[k], made[i]
    ways = []
    if rng.random() < 0.7:
        # The time stays with the place: it must not go backwards.
        made[i].time, made[k].time = made[k].time, made[i].time
        ways.append("times stay")
    if rng.random() < 0.5:
        for name in ("stream", "line", "offset"):
            first, second = getattr(made[i], name), getattr(made[k], name)
            setattr(made[i], name, second)
            setattr(made[k], name, first)
        ways.append("places in the streams stay")
        if rng.random() < 0.5 and made[i].stream == made[k].stream:
            for n in range(i + 1, k + 1):
                if made[n].stream == made[i].stream and made[n].kind == LINE:
                    before = next(e for e in reversed(made[:n]) if e.stream == made[n].stream and e.kind == LINE)
                    made[n].offset = before.offset + before.body_len + (before.flags & 1)
            ways.append("offsets mended")
    # Either both places are linked as before, or all from the first to the second is chained anew.
    pack_around(trial, forgery, i)
    pack_around(trial, forgery, k)
    if rng.random() < 0.5 and "offsets mended" not in ways:
        keep_chain(trial, forgery, ids, i)
    else:
        ways.append("chained between")
    keep_chain(trial, forgery, ids, k)
    trial.what = f"{i} and {k} swapped" + "".join(", " + way for way in ways)
    trial.write(forgery)


def cut_tail(trial):
    rng = trial.rng
    entries = trial.world.entries
    count = rng.randint(1, len(entries) * 2 // 3)
    size = len(entries) - count
    trial.first, trial.last = size, len(entries) - 1
    forgery = Forgery(entries[:size])
    trial.what = f"the newest {count} of {len(entries)} gone"
    trial.write(forgery, views=True)
    trial.any_checkpoint(size, forgery.written["root"])


def _edited(trial, most=None):
    """A consistent ledger in which one body is another."""
    rng = trial.rng
    forgery = Forgery(trial.world.entries)
    i = trial.first = trial.pick(lambda entry: entry.kind in (LINE, fmt.REDACTION, fmt.ANNOTATION), most=most)
    trial.last = len(forgery.entries) - 1
    entry = forgery.entries[i]
    body, where = other_text(rng, entry.body) if entry.kind == LINE else _other_value(rng, entry.body)
    entry.set_body(body)
    if entry.form == BLOCKS:
        entry.commitment = entry.true_commitment()
    mend_streams(forgery.entries)
    trial.what = f"body of {i}, {where}, and all that follows from it"
    trial.write(forgery, views=True)
    return forgery.written


def _other_value(rng, body):
    """A field's value with other letters and the same length: a small structured body stays readable."""
    at, values = 0, []
    while at < len(body):
        at += 1 + body[at]
        length = int.from_bytes(body[at : at + 4], "big")
        values.append((at + 4, at + 4 + length))
        at += 4 + length
    start, end = values[-1]
    return body[:start] + bytes(rng.choices(b"abcdefgh", k=end - start)) + body[end:], f"value {start}..{end}"


def re_chain(trial):
    head = _edited(trial)
    trial.any_checkpoint(head["size"], head["root"])
    trial.checkpoints["kept"] = trial.world.states[-1]["checkpoint"]


def re_sign(trial):
    head = _edited(trial)
    note = fmt.checkpoint(trial.world.entries[0], head["size"], head["root"], trial.world.secret)
    trial.checkpoints, trial.signed = {"signed anew": note}, note


def roll_back(trial):
    states = trial.world.states
    n = trial.rng.randrange(len(states) - 1)
    state = states[n]
    trial.first, trial.last = state["size"], len(trial.world.entries) - 1
    trial.what = f"as it was after command {n + 1} of {len(states)} ({state['after']}), {state['size']} entries"
    trial.copy(state["folder"])
    trial.has_views = True
    trial.checkpoints = {"removed": None, "as it was": state["checkpoint"]}


# What `software` says is shown only where a newer program's views are refused, and nothing depends on it; `uncleared` makes
# the next command clear once more what is hidden, which also mends the column.
IDLE = {("meta", "software"), ("meta", "uncleared")}


def views_file(folder):
    return os.path.realpath(folder + "/views.sqlite")


def views(trial):
    rng, world = trial.rng, trial.world
    trial.copy(world.ledger)
    trial.has_views = True
    trial.checkpoints = {"kept": world.states[-1]["checkpoint"]}
    way = rng.choice(["cell"] * 6 + ["row gone"] * 3 + ["row twice", "another ledger's", "older"])
    path = views_file(trial.folder)
    if way in ("another ledger's", "older"):
        source = world.other if way == "another ledger's" else rng.choice(world.states[:-1])["folder"]
        for end in ("-wal", "-shm"):
            remove(path + end)
        with closing(sqlite3.connect(views_file(source))) as old, closing(sqlite3.connect(path + ".new")) as new:
            old.backup(new)
        os.replace(path + ".new", path)
        trial.what = f"views of {way} ledger" if way != "older" else "older views"
        return
    with closing(sqlite3.connect(path)) as base:
        names = [row[0] for row in base.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name")]
        counted = [(name, base.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]) for name in names
                   if not name.startswith("sqlite_")]
        trial.table = rng.choice([name for name, count in counted if count])
        count = dict(counted)[trial.table]
        columns = [row[1] for row in base.execute(f'PRAGMA table_info("{trial.table}")')]
        nth = rng.randrange(count)
        try:
            row = f'rowid = (SELECT rowid FROM "{trial.table}" ORDER BY rowid LIMIT 1 OFFSET {nth})'
            base.execute(f'SELECT 1 FROM "{trial.table}" WHERE {row}').fetchone()
        except sqlite3.Error:
            keys = [c[1] for c in base.execute(f'PRAGMA table_info("{trial.table}")') if c[5]]
            names = ", ".join(f'"{key}"' for key in keys)
            row = f'({names}) = (SELECT {names} FROM "{trial.table}" ORDER BY {names} LIMIT 1 OFFSET {nth})'
        changed = change(base, rng, trial.table, columns, row, way)
        base.commit()
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    trial.what = f"{trial.table}, row {nth + 1} of {count}: {changed}"


def change(base, rng, table, columns, row, way):
    if way == "row gone":
        base.execute(f'DELETE FROM "{table}" WHERE {row}')
        return way
    if way == "row twice":
        # Under another key, where there is one.
        old = list(base.execute(f'SELECT * FROM "{table}" WHERE {row}').fetchone())
        for n, value in enumerate(old):
            if isinstance(value, int):
                old[n] = value + 100_000
                break
        try:
            base.execute(f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(old))})', old)
            return way
        except sqlite3.Error:
            pass
    columns = [column for column in columns if (table, column) not in IDLE]
    rng.shuffle(columns)
    for column in columns:
        value = base.execute(f'SELECT "{column}" FROM "{table}" WHERE {row}').fetchone()[0]
        if isinstance(value, int):
            new = value + rng.choice([1, -1, 10])
        elif isinstance(value, float):
            new = value + 1
        elif isinstance(value, str) and value:
            at = rng.randrange(len(value))
            new = value[:at] + ("x" if value[at] != "x" else "y") + value[at + 1 :]
        elif isinstance(value, bytes) and value:
            at = rng.randrange(len(value))
            new = value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
        else:
            new = "x"
        try:
            base.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE {row}', (new,))
        except sqlite3.Error:
            continue  # a constraint forbids it
        return f"{column} from {str(value)[:40]!r} to {str(new)[:40]!r}"
    base.execute(f'DELETE FROM "{table}" WHERE {row}')
    return "row gone"


KINDS = {
    "edit-body": edit_body,
    "edit-header": edit_header,
    "drop-entry": drop_entry,
    "cut-tail": cut_tail,
    "swap": swap,
    "insert": insert,
    "re-chain": re_chain,
    "re-sign": re_sign,
    "roll-back": roll_back,
    "views": views,
}


def make(kind, number, seed, world, folder):
    trial = Trial(kind, number, random.Random(f"{seed} {kind} {number}"), world, folder)
    KINDS[kind](trial)
    return trial
