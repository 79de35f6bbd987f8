"""The Merkle tree of RFC 9162 section 2.1: roots, proofs, and appending in O(log n)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from safelight.ledger.errors import ProofRefused

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry's canonical bytes."""
    return hashlib.sha256(b"\x00" + entry).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """What must be kept of a tree to append to it: its size, and the roots of its full subtrees.

    peaks: largest subtree first, one for each bit set in `size`.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ProofRefused("not a frontier")

    def append(self, leaf: bytes) -> Frontier:
        """Return the frontier with one more leaf hash. At most log2(size) hashes are made."""
        peaks, size = [*self.peaks, leaf], self.size
        while size & 1:
            right = peaks.pop()
            peaks[-1] = _node(peaks[-1], right)
            size >>= 1
        return Frontier(self.size + 1, tuple(peaks))

    def root(self) -> bytes:
        """Return the tree's root hash."""
        if not self.peaks:
            return EMPTY_ROOT
        *others, root = self.peaks
        for peak in reversed(others):
            root = _node(peak, root)
        return root

    def to_bytes(self) -> bytes:
        """Return the frontier as bytes: the size in 8, then the peaks."""
        return self.size.to_bytes(8, "big") + b"".join(self.peaks)

    @classmethod
    def from_bytes(cls, data: bytes) -> Frontier:
        """Read what to_bytes gave. Raises ProofRefused."""
        peaks = [data[at : at + HASH_BYTES] for at in range(8, len(data), HASH_BYTES)]
        if len(data) < 8 or len(data) % HASH_BYTES != 8:
            raise ProofRefused("not a frontier")
        return cls(int.from_bytes(data[:8], "big"), tuple(peaks))

    @classmethod
    def of(cls, leaves: Iterable[bytes]) -> Frontier:
        """Return the frontier of a whole tree."""
        frontier = cls()
        for leaf in leaves:
            frontier = frontier.append(leaf)
        return frontier


def root(leaves: Iterable[bytes]) -> bytes:
    """Return the root hash over leaf hashes."""
    return Frontier.of(leaves).root()


def _split(size: int) -> int:
    """Return the largest power of two below `size` (which is 2 or more)."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Return the proof that leaf `index` is in the tree over these leaf hashes."""
    if not 0 <= index < len(leaves):
        raise ProofRefused("no such leaf")
    if len(leaves) == 1:
        return ()
    k = _split(len(leaves))
    if index < k:
        return (*inclusion_proof(leaves[:k], index), root(leaves[k:]))
    return (*inclusion_proof(leaves[k:], index - k), root(leaves[:k]))


def is_included(
    leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root_hash: bytes
) -> bool:
    """Say whether the proof shows that the leaf stands at `index` of that tree (2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = _node(step, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = _node(found, step)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root_hash


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """Return the proof that the tree of the first `old_size` leaves is a beginning of this one."""
    if not 0 <= old_size <= len(leaves):
        raise ProofRefused("no such earlier tree")
    if old_size == 0:
        return ()
    return _subproof(leaves, old_size, whole=True)


def _subproof(leaves: Sequence[bytes], old_size: int, *, whole: bool) -> tuple[bytes, ...]:
    if old_size == len(leaves):
        return () if whole else (root(leaves),)
    k = _split(len(leaves))
    if old_size <= k:
        return (*_subproof(leaves[:k], old_size, whole=whole), root(leaves[k:]))
    return (*_subproof(leaves[k:], old_size - k, whole=False), root(leaves[:k]))


def is_consistent(
    *, old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Say whether the proof shows that the new tree only added to the old one (2.1.4.2)."""
    if not 0 <= old_size <= new_size:
        return False
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT
    if old_size == new_size:
        return not proof and old_root == new_root
    path = [old_root, *proof] if old_size.bit_count() == 1 else list(proof)
    if not path:
        return False
    return _walk(path, old_size - 1, new_size - 1) == (old_root, new_root)


def _walk(path: list[bytes], at: int, last: int) -> tuple[bytes, bytes] | None:
    """Return the old and the new root that the path leads to, or None if it leads nowhere."""
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = path[0]
    for step in path[1:]:
        if last == 0:
            return None
        if at & 1 or at == last:
            old, new = _node(step, old), _node(step, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = _node(new, step)
        at, last = at >> 1, last >> 1
    return (old, new) if last == 0 else None
