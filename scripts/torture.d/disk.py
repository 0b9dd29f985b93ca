"""A strict model of a disk: certain is what was synced, everything else may be there, not there, or torn.

Data is certain after a sync of its file, names after a sync of their directory. Of every page of 4,096 bytes that was
written since, the disk may hold the old bytes, the new ones, or some of both in sectors of 512; pages reach the disk in
any order, and at any time before the sync. A name that was made, moved or removed may be there or not. A sync that
fails drops the pages that it was about (the running system still shows them, and calls them clean); they reach the
disk only when they are written again. Names of a directory whose sync failed reach it when that directory changes
again and is synced.
"""

import os
import struct

PAGE, SECTOR = 4096, 512
RECORD = struct.Struct("<cBHHHQQQ")


def read_trace(path):
    """The shim's records: [(op, failed, path, other, inode, offset, data, length)]."""
    with open(path, "rb") as file:
        trace = file.read()
    at, events = 0, []
    while at + RECORD.size <= len(trace):
        op, failed, n, m, _, inode, offset, length = RECORD.unpack_from(trace, at)
        at += RECORD.size
        name = trace[at:at + n].decode("utf-8", "surrogateescape")
        other = trace[at + n:at + n + m].decode("utf-8", "surrogateescape")
        at += n + m
        data = b""
        if op in b"WO":
            data = trace[at:at + length]
            at += length
        events.append((op.decode(), failed != 0, name, other, inode, offset, data, length))
    return events


class File:
    def __init__(self, data=b""):
        self.live, self.durable, self.dirty = bytearray(data), bytearray(data), set()

    def write(self, offset, data):
        end = offset + len(data)
        if len(self.live) < end:
            self.dirty.add(len(self.live) // PAGE)
            self.live.extend(bytes(end - len(self.live)))
        self.live[offset:end] = data
        self.dirty.update(range(offset // PAGE, (max(end, offset + 1) - 1) // PAGE + 1))

    def cut(self, length):
        if length < len(self.live):
            self.dirty.difference_update(range(length // PAGE + 1, len(self.live) // PAGE + 1))
            del self.live[length:]
        else:
            self.live.extend(bytes(length - len(self.live)))
        self.dirty.add(length // PAGE)

    def page_to(self, target, page, rng=None):
        """Brings a page, or without luck some sectors of it, to the disk."""
        for begin in range(page * PAGE, min((page + 1) * PAGE, len(self.live)), SECTOR):
            if rng is None or rng.random() < 0.5:
                part = self.live[begin:begin + SECTOR]
                if len(target) < begin + len(part):
                    target.extend(bytes(begin + len(part) - len(target)))
                target[begin:begin + len(part)] = part

    def sync(self):
        size = len(self.live)
        del self.durable[size:]
        for page in self.dirty:
            self.page_to(self.durable, page)
        self.durable.extend(bytes(size - len(self.durable)))
        self.dirty.clear()

    def write_back(self, rng):
        """What the system writes by itself when it likes to."""
        for page in [page for page in self.dirty if rng.random() < 0.5]:
            self.page_to(self.durable, page)

    def fail(self, rng):
        """A sync that failed: some pages made it, the others never will unless they are written again."""
        for page in self.dirty:
            if rng.random() < 0.3:
                self.page_to(self.durable, page, rng)
        self.dirty.clear()

    def after_power_loss(self, rng, luck):
        found = bytearray(self.durable)
        for page in self.dirty:
            chance = rng.random()
            if chance < luck:
                self.page_to(found, page)
            elif chance < luck + (1 - luck) * 0.3:
                self.page_to(found, page, rng)
        if rng.random() < luck and len(self.live) != len(found):
            found = found[:len(self.live)] + bytes(max(0, len(self.live) - len(found)))
        return bytes(found)


class Directory:
    def __init__(self):
        self.live, self.durable, self.pending, self.dropped = {}, {}, [], []

    def change(self, *changes):
        """Each change is (name, node or None); those of one call happen together."""
        self.pending = self.dropped + self.pending + [changes]
        self.dropped = []
        for name, node in changes:
            apply(self.live, name, node)

    def sync(self):
        for changes in self.pending:
            for name, node in changes:
                apply(self.durable, name, node)
        self.pending = []

    def fail(self):
        self.dropped += self.pending
        self.pending = []

    def after_power_loss(self, rng, luck):
        found = dict(self.durable)
        for changes in self.pending:
            if rng.random() < luck:
                for name, node in changes:
                    apply(found, name, node)
        return found


class Link:
    def __init__(self, target):
        self.target = target


def apply(names, name, node):
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node


class Disk:
    """What a folder would be after power loss; begins with what stands there, all of it certain."""

    def __init__(self, root, skipped=()):
        self.root, self.nodes = os.path.realpath(root), {}
        self.top = self._read(self.root, skipped)

    def _read(self, path, skipped=()):
        status = os.lstat(path)
        if os.path.islink(path):
            node = Link(os.readlink(path))
        elif os.path.isdir(path):
            node = Directory()
            for name in sorted(os.listdir(path)):
                if name not in skipped and not os.path.basename(path) in skipped:
                    node.live[name] = self._read(os.path.join(path, name))
            node.durable = dict(node.live)
        elif os.path.isfile(path):
            with open(path, "rb") as file:
                node = File(file.read())
        else:
            node = File()
        self.nodes[status.st_ino] = node
        return node

    def _parent(self, path):
        """The directory of a path, and the name in it; None for what is outside."""
        parts = os.path.relpath(path, self.root).split("/")
        node = self.top
        for part in parts[:-1]:
            node = node.live.get(part) if isinstance(node, Directory) else None
        return (node, parts[-1]) if isinstance(node, Directory) else (None, parts[-1])

    def play(self, event, rng, write_back=0.0):
        op, failed, path, other, inode, offset, data, _ = event
        if op in "OX":
            return
        node = self.nodes.get(inode)
        if op == "W" and isinstance(node, File):
            node.write(offset, data)
        elif op == "T" and isinstance(node, File):
            node.cut(offset)
        elif op == "S" and node is not None and not isinstance(node, Link):
            if not failed:
                node.sync()
            elif isinstance(node, File):
                node.fail(rng)
            else:
                node.fail()
        elif op in "CMY":
            node = {"C": File, "M": Directory}.get(op, lambda: Link(other))()
            self.nodes[inode] = node
            if path:
                self._change(path, node)
        elif op == "L" and node is not None:
            self._change(path, node)
        elif op in "UD":
            self._change(path, None)
        elif op == "R" and node is not None:
            self._move(path, other, node)
        if write_back and rng.random() < write_back:
            for file in list(self.nodes.values()):
                if isinstance(file, File) and file.dirty:
                    file.write_back(rng)

    def _change(self, path, node):
        folder, name = self._parent(path)
        if folder is not None:
            folder.change((name, node))

    def _move(self, path, other, node):
        (a, old), (b, new) = self._parent(path), self._parent(other)
        if a is b and a is not None:
            a.change((old, None), (new, node))
        else:
            if b is not None:
                b.change((new, node))
            if a is not None:
                a.change((old, None))

    def after_power_loss(self, to, rng, luck):
        """Writes what is left of the folder to another one."""
        self._write(self.top, to, rng, luck)

    def _write(self, node, to, rng, luck):
        if isinstance(node, Directory):
            os.makedirs(to, exist_ok=True)
            for name, child in sorted(node.after_power_loss(rng, luck).items()):
                self._write(child, os.path.join(to, name), rng, luck)
        elif isinstance(node, File):
            with open(to, "wb") as file:
                file.write(node.after_power_loss(rng, luck))
        else:
            os.symlink(node.target, to)
