"""A disk as POSIX promises it, and no better: every state that a power cut may leave.

What was written since the file's last fsync may be there, missing or torn; what changed in a
folder since the folder's own last fsync may be there or missing; each on its own, in any order.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.campaigns.tracing import Call, number_of, path_of, text

SECTOR = 512
SYNCING = frozenset({"fsync", "fdatasync"})


@dataclass(slots=True)
class Change:
    """One change to the disk. durable_at: how many changes there were when its fsync came back."""

    kind: str
    """data, size, name, gone, moved, folder"""
    node: int
    folder: str = ""
    name: str = ""
    to_folder: str = ""
    to_name: str = ""
    offset: int = 0
    data: bytes = b""
    durable_at: int | None = None
    is_doomed: bool = False
    """Its fsync failed: the system may forget it for good, whatever is synced later."""


@dataclass(slots=True)
class Recording:
    """Everything that one shift did to its folder, in order, and what it acknowledged meanwhile."""

    root: Path
    before: Mapping[str, bytes]
    changes: list[Change] = field(default_factory=list)
    said: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """Index of the next change, and the line."""
    nodes: dict[str, int] = field(default_factory=dict)
    """Path to node, as it stands at the end of what was read so far."""


def folder_as_it_is(root: Path) -> dict[str, bytes]:
    """Return every file; SQLite makes its shared memory anew after a power cut."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.endswith("-shm")
    }


def read(root: Path, before: Mapping[str, bytes], calls: Sequence[Call]) -> Recording:
    """Turn calls into changes."""
    reader = _Reader(Recording(root, before))
    for call in calls:
        if call.answer >= 0:
            reader.take(call)
        elif call.name in SYNCING:
            reader.doom(call)
    return reader.made


class _Reader:
    """Follows files by number, name and node."""

    def __init__(self, made: Recording) -> None:
        self.made = made
        self.at: dict[int, int] = {}
        """File's number to its position."""
        self.open: dict[int, int] = {}
        """File's number to its node."""
        self.next = 1
        for path in made.before:
            self._new(path)
        self.sent = b""

    def take(self, call: Call) -> None:
        act = getattr(self, f"_{call.name}", None)
        if act is not None:
            act(call)

    def _new(self, path: str) -> int:
        self.made.nodes[path] = self.next
        self.next += 1
        return self.made.nodes[path]

    def _below(self, path: str) -> str | None:
        """Return the path below the root; None for one that isn't, or is shared memory."""
        try:
            found = str(Path(path).relative_to(self.made.root))
        except ValueError:
            return None
        return None if "-shm" in found else found

    def _add(self, change: Change) -> None:
        self.made.changes.append(change)

    def _openat(self, call: Call) -> None:
        path = self._below(text(call.arguments[1]).decode())
        if path is None:
            return
        flags = call.arguments[2]
        if "O_DIRECTORY" in flags or (self.made.root / path).is_dir():
            return
        if path not in self.made.nodes:
            if "O_CREAT" not in flags:
                return
            node = self._new(path)
            self._add(_named("name", node, path))
        node = self.made.nodes[path]
        self.open[call.answer], self.at[call.answer] = node, 0
        if "O_TRUNC" in flags:
            self._add(Change("size", node, offset=0))

    def _data(self, call: Call, data: bytes, offset: int | None) -> None:
        if self._below(path_of(call.arguments[0])) is None:
            return
        number = number_of(call.arguments[0])
        node = self.open[number]
        data = data[: call.answer]
        where = self.at[number] if offset is None else offset
        if offset is None:
            self.at[number] += len(data)
        self._add(Change("data", node, offset=where, data=data))

    def _write(self, call: Call) -> None:
        self._data(call, text(call.arguments[1]), None)

    def _pwrite64(self, call: Call) -> None:
        self._data(call, text(call.arguments[1]), int(call.arguments[3]))

    def _lseek(self, call: Call) -> None:
        if number_of(call.arguments[0]) in self.at:
            self.at[number_of(call.arguments[0])] = call.answer

    def _ftruncate(self, call: Call) -> None:
        if self._below(path_of(call.arguments[0])) is not None:
            node = self.open[number_of(call.arguments[0])]
            self._add(Change("size", node, offset=int(call.arguments[1])))

    def _fsync(self, call: Call) -> None:
        for change in self._waiting(call):
            change.durable_at = len(self.made.changes)

    _fdatasync = _fsync

    def doom(self, call: Call) -> None:
        """Take note of an fsync that failed. One of a folder by SQLite is ignored, as SQLite does."""
        below = self._below(path_of(call.arguments[0]))
        is_folder = below is not None and (self.made.root / below).is_dir()
        for change in () if is_folder and call.name == "fdatasync" else self._waiting(call):
            change.is_doomed = True

    def _waiting(self, call: Call) -> list[Change]:
        """Return the changes that an fsync by this call is about."""
        below = self._below(path_of(call.arguments[0]))
        node = self.open.get(number_of(call.arguments[0]))
        if below is None:
            return []
        is_folder = node is None or (self.made.root / below).is_dir()
        waits = [c for c in self.made.changes if c.durable_at is None and not c.is_doomed]
        if is_folder:
            return [c for c in waits if below in (c.folder, c.to_folder)]
        return [c for c in waits if c.kind in ("data", "size") and c.node == node]

    def _rename(self, call: Call) -> None:
        self._moved(text(call.arguments[0]).decode(), text(call.arguments[1]).decode())

    def _renameat2(self, call: Call) -> None:
        self._moved(text(call.arguments[1]).decode(), text(call.arguments[3]).decode())

    _renameat = _renameat2

    def _moved(self, old: str, new: str) -> None:
        here, there = self._below(old), self._below(new)
        if here is None or there is None:
            return
        node = self.made.nodes.pop(here)
        self.made.nodes[there] = node
        change = _named("moved", node, here)
        change.to_folder, change.to_name = os.path.split(there)
        change.to_folder = change.to_folder or "."
        self._add(change)

    def _link(self, call: Call) -> None:
        self._linked(text(call.arguments[0]).decode(), text(call.arguments[1]).decode())

    def _linkat(self, call: Call) -> None:
        self._linked(text(call.arguments[1]).decode(), text(call.arguments[3]).decode())

    def _linked(self, old: str, new: str) -> None:
        here, there = self._below(old), self._below(new)
        if here is not None and there is not None:
            self.made.nodes[there] = self.made.nodes[here]
            self._add(_named("name", self.made.nodes[there], there))

    def _unlink(self, call: Call) -> None:
        path = self._below(text(call.arguments[0]).decode())
        if path is not None and path in self.made.nodes:
            self._add(_named("gone", self.made.nodes.pop(path), path))

    def _unlinkat(self, call: Call) -> None:
        path = self._below(text(call.arguments[1]).decode())
        if path is not None and path in self.made.nodes:
            self._add(_named("gone", self.made.nodes.pop(path), path))

    def _mkdir(self, call: Call) -> None:
        path = self._below(text(call.arguments[0]).decode())
        if path is not None:
            self._add(_named("folder", 0, path))

    def _sendto(self, call: Call) -> None:
        """What was acknowledged."""
        self.sent += text(call.arguments[1])[: call.answer]
        *whole, self.sent = self.sent.split(b"\n")
        self.made.said += [(len(self.made.changes), json.loads(line)) for line in whole]


def _named(kind: str, node: int, path: str) -> Change:
    folder, name = os.path.split(path)
    return Change(kind, node, folder=folder or ".", name=name)


@dataclass(frozen=True, slots=True)
class State:
    """What a power cut may have left, how, and what had been acknowledged by then."""

    files: Mapping[str, bytes]
    how: str
    said: tuple[dict[str, Any], ...]


def states(made: Recording, dice: random.Random) -> Iterator[State]:
    """Yield states without end: each cut in turn, with another choice of what reached the disk."""
    cuts = list(range(len(made.changes) + 1))
    while True:
        dice.shuffle(cuts)
        for cut in cuts:
            yield state(made, cut, dice)


def state(made: Recording, cut: int, dice: random.Random) -> State:
    """Return one state that a cut before that change may leave."""
    until = cut - dice.randint(0, 1)  # the last change may be under way before what followed it
    loose = [
        number
        for number, change in enumerate(made.changes[:cut])
        if change.durable_at is None or change.durable_at > until
    ]
    how, fates = _fates(loose, dice)
    kept: list[Change] = []
    for number, change in enumerate(made.changes[:cut]):
        fate = fates.get(number, "there")
        if fate == "there":
            kept.append(change)
        elif fate == "torn" and change.kind == "data":
            kept += _torn(change, dice)
    said = tuple(line for at, line in made.said if at <= until)
    return State(_applied(made, kept), f"cut {cut} of {len(made.changes)}, {how}", said)


def least_at_end(made: Recording) -> State:
    """Return the poorest state that a power cut after everything may leave."""
    kept = [each for each in made.changes if each.durable_at is not None]
    said = tuple(line for _, line in made.said)
    return State(_applied(made, kept), "only what was synced", said)


def state_at_end(made: Recording) -> dict[str, bytes]:
    """Return what the folder holds if nothing is cut: it has to be what really lies there."""
    return _applied(made, made.changes)


def _fates(loose: Sequence[int], dice: random.Random) -> tuple[str, dict[int, str]]:
    """Say of each change that isn't durable whether it is there, missing or torn."""
    way = dice.choice(("none", "all", "one missing", "one there", "any", "torn"))
    if not loose or way == "all":
        return "all there", {}
    if way == "none":
        return "none there", dict.fromkeys(loose, "missing")
    one = dice.choice(loose)
    if way == "one missing":
        return f"change {one} missing", {one: "missing"}
    if way == "one there":
        return f"change {one} alone there", {each: "missing" for each in loose if each != one}
    words = ("there", "missing", "torn") if way == "torn" else ("there", "missing")
    return f"{way} of {len(loose)}", {each: dice.choice(words) for each in loose}


def _torn(change: Change, dice: random.Random) -> Iterator[Change]:
    """Yield the sectors of a write that reached the disk."""
    for at in range(0, len(change.data), SECTOR):
        if dice.random() < 0.5:
            yield Change(
                "data",
                change.node,
                offset=change.offset + at,
                data=change.data[at : at + SECTOR],
            )


def _applied(made: Recording, kept: Sequence[Change]) -> dict[str, bytes]:
    names = {path: number for number, path in enumerate(made.before, start=1)}
    bytes_of = {names[path]: bytearray(data) for path, data in made.before.items()}
    folders = {str(Path(path).parent) for path in made.before} | {"."}
    folders |= {str(parent) for path in made.before for parent in Path(path).parents}
    for change in kept:
        data = bytes_of.setdefault(change.node, bytearray())
        path = str(Path(change.folder, change.name))
        if change.kind == "data":
            if len(data) < change.offset:
                data.extend(bytes(change.offset - len(data)))
            data[change.offset : change.offset + len(change.data)] = change.data
        elif change.kind == "size":
            del data[change.offset :]
            data.extend(bytes(change.offset - len(data)))
        elif change.kind == "name":
            names[path] = change.node
        elif change.kind == "gone":
            names.pop(path, None)
        elif change.kind == "moved":
            names.pop(path, None)
            names[str(Path(change.to_folder, change.to_name))] = change.node
        elif change.kind == "folder":
            folders.add(path)
    made_later = {
        str(Path(each.folder, each.name)) for each in made.changes if each.kind == "folder"
    } - folders
    return {
        path: bytes(bytes_of[node])
        for path, node in names.items()
        if not any(str(parent) in made_later for parent in Path(path).parents)
    }


def put_down(root: Path, files: Mapping[str, bytes]) -> None:
    """Make the folder be that state."""
    for path in sorted(root.rglob("*"), reverse=True):
        if path.is_file() and str(path.relative_to(root)) not in files:
            path.unlink()
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != data:
            path.write_bytes(data)
