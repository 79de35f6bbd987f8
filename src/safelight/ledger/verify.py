"""Read a whole ledger again and say what was done to it, and what nobody could see."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from safelight.ledger.checkpoint import Checkpoint, read_checkpoint
from safelight.ledger.entry import read_entry
from safelight.ledger.errors import CheckpointRefused, EntryRefused, ProofRefused
from safelight.ledger.tree import Frontier, leaf_hash


class Wrong(StrEnum):
    """What kind of thing is wrong."""

    CHECKPOINT = "checkpoint"
    """A checkpoint can't be read, isn't signed by the ledger's key, or contradicts another."""
    ENTRY = "entry"
    """An entry isn't one, or isn't in its one spelling."""
    CHANGED = "changed"
    """Entries in this range aren't those that were signed: changed, removed or put elsewhere."""
    MISSING = "missing"
    """Entries that were signed are no longer there."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and with which entries: first to last, counted from 0."""

    wrong: Wrong
    first: int
    last: int
    text: str

    def __str__(self) -> str:
        """Return it in words."""
        return self.text


@dataclass(frozen=True, slots=True)
class Verdict:
    """ok: nothing is wrong as far as can be seen. unseen: what can't, in words."""

    ok: bool
    frontier: Frontier
    problems: tuple[Problem, ...]
    unseen: tuple[str, ...]

    @property
    def size(self) -> int:
        """Return how many entries there are."""
        return self.frontier.size

    @property
    def root(self) -> bytes:
        """Return the root of the tree over all of them."""
        return self.frontier.root()


@dataclass(frozen=True, slots=True)
class _Said:
    """A checkpoint that was read, and who kept it."""

    checkpoint: Checkpoint
    whose: str


def verify(
    entries: Iterable[bytes],
    checkpoints: Sequence[str],
    *,
    public: bytes,
    witness: str | None,
    origin: str | None = None,
    start: Frontier | None = None,
) -> Verdict:
    """Check that the entries are exactly those that were signed.

    checkpoints: signed notes kept beside the ledger, in any order.
    witness: the newest note that somebody outside kept, or None.
    origin: the name that the ledger must have; without it, all notes must agree on one.
    start: a frontier that one of the checkpoints signed. Then the entries are those after it, and
    what lies before isn't looked at. Its root is compared like any other, so it may come from
    anywhere. Raises ProofRefused where no checkpoint is of its size.

    Where a root differs, everything since the last one that agreed is named: the tree can't tell
    a changed entry from a removed or moved one.
    """
    said, problems = _read(checkpoints, witness, public=public, origin=origin)
    frontier = start or Frontier()
    first = frontier.size
    said = [item for item in said if item.checkpoint.size >= first]
    if first and not problems and all(item.checkpoint.size != first for item in said):
        raise ProofRefused("nothing was signed at that size")
    wanted = {item.checkpoint.size: b"" for item in said}
    wanted[first] = frontier.root()
    for entry in entries:
        problems += _spelling(entry, frontier.size)
        frontier = frontier.append(leaf_hash(entry))
        if frontier.size in wanted:
            wanted[frontier.size] = frontier.root()
    problems += _compared(said, wanted, size=frontier.size)
    witnessed = max((s.checkpoint.size for s in said if s.whose == _WITNESS), default=None)
    signed = max((s.checkpoint.size for s in said), default=0)
    return Verdict(
        ok=not problems,
        frontier=frontier,
        problems=tuple(problems),
        unseen=_unseen(first=first, size=frontier.size, signed=signed, witnessed=witnessed),
    )


_WITNESS, _OWN = "the witness's checkpoint", "the ledger's own checkpoint"


def _read(
    checkpoints: Sequence[str], witness: str | None, *, public: bytes, origin: str | None
) -> tuple[list[_Said], list[Problem]]:
    said: list[_Said] = []
    problems: list[Problem] = []
    notes = [(note, _OWN) for note in checkpoints]
    if witness is not None:
        notes.insert(0, (witness, _WITNESS))
    for note, whose in notes:
        try:
            checkpoint = read_checkpoint(note, public)
        except CheckpointRefused as error:
            problems.append(Problem(Wrong.CHECKPOINT, 0, 0, f"{_upper(whose)}: {error}."))
            continue
        origin = origin or checkpoint.origin
        if checkpoint.origin != origin:
            text = f"{_upper(whose)} is of another ledger."
            problems.append(Problem(Wrong.CHECKPOINT, 0, 0, text))
            continue
        said.append(_Said(checkpoint, whose))
    return said, problems


def _spelling(entry: bytes, index: int) -> list[Problem]:
    try:
        read_entry(entry)
    except EntryRefused as error:
        digest = hashlib.sha256(entry).hexdigest()[:12]
        text = f"Entry {index} (SHA-256 {digest}…) can't be read: {error}."
        return [Problem(Wrong.ENTRY, index, index, text)]
    return []


def _compared(said: list[_Said], wanted: dict[int, bytes], *, size: int) -> list[Problem]:
    """Compare each signed root with the one found. An empty root stands for: never reached."""
    problems: list[Problem] = []
    agreed = 0
    for item in sorted(said, key=lambda item: item.checkpoint.size):
        to = item.checkpoint.size
        if to > size:
            text = f"{_upper(item.whose)} has {to} entries; {to - size} of them are missing."
            problems.append(Problem(Wrong.MISSING, size, to - 1, text))
        elif wanted[to] == item.checkpoint.root:
            agreed = max(agreed, to)
        else:
            text = (
                f"Entries {agreed} to {max(agreed, to - 1)} are not those in {item.whose} of {to} "
                f"(root {base64.b64encode(item.checkpoint.root).decode()}): "
                "one or more was changed, removed or moved."
            )
            problems.append(Problem(Wrong.CHANGED, agreed, max(agreed, to - 1), text))
    return problems


def _unseen(*, first: int, size: int, signed: int, witnessed: int | None) -> tuple[str, ...]:
    found = []
    if first:
        found.append(f"Entries 0 to {first - 1} were not read.")
    if size > signed:
        found.append(
            f"Entries {signed} to {size - 1} are under no checkpoint yet: nobody could tell "
            "if they were changed."
        )
    if witnessed is None:
        found.append(
            "No outside witness's checkpoint was given: entries cut off the end together with "
            "their checkpoints, or a ledger written anew by who holds its key, can't be seen."
        )
    elif signed > witnessed or size > witnessed:
        found.append(
            f"The witness saw {witnessed} entries: later ones cut off the end together with "
            "their checkpoints, or written anew by who holds the ledger's key, can't be seen."
        )
    return tuple(found)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
