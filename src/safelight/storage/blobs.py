"""What every store of sealed blobs promises; one suite of tests holds them all to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Protocol

BLOCK_BYTES = 1024 * 1024
"""How much of a blob is in memory at once while it passes."""

_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_MOST_PARTS = 6


class BlobStore(Protocol):
    """Blobs, each put once and never changed.

    A name is one to six parts of letters, digits, `.`, `_` and `-`, with `/` between them; no part
    begins with a dot. Any other raises ValueError.
    """

    def put(self, name: str, data: bytes) -> None:
        """Keep the bytes under the name; return only when no crash can undo it.

        The same bytes again are the same put. Raises AlreadyThere for other bytes, DiskFull,
        StoreUnreachable.
        """

    def put_parts(self, name: str, parts: Iterable[bytes]) -> int:
        """Keep what comes in parts, as put does, in little memory; return how many bytes came.

        Nothing is kept when the parts end with an error.
        """

    def get(self, name: str) -> bytes:
        """Return the bytes. Raises BlobGone, BlobDamaged, StoreUnreachable."""

    def length(self, name: str) -> int:
        """Return how many bytes there are. Raises BlobGone, StoreUnreachable."""

    def read(self, name: str, start: int, stop: int) -> bytes:
        """Return bytes[start:stop], like a slice. Raises BlobGone, StoreUnreachable."""

    def exists(self, name: str) -> bool:
        """Say whether anything is kept under the name. Raises StoreUnreachable."""

    def delete(self, name: str) -> bool:
        """Forget the blob and all its versions; return whether there was one.

        Its bytes may stay on the medium: what makes it unreadable is the destruction of its key.
        """

    def names(self, older_than: datetime | None = None) -> Iterator[str]:
        """Yield every name, or those last written before a time; for the sweeper."""

    def sweep_unfinished(self, older_than: datetime) -> int:
        """Remove what interrupted puts left before a time; return how many.

        older_than: further back than the longest upload, or live ones are removed.
        """


def parts_of(name: str) -> list[str]:
    """Return the parts of a blob's name. Raises ValueError for what is none."""
    parts = name.split("/")
    if len(parts) > _MOST_PARTS or not all(_PART.fullmatch(part) for part in parts):
        raise ValueError("not a blob's name")
    return parts


def blocks(parts: Iterable[bytes], size: int) -> Iterator[bytearray]:
    """Yield what comes in parts in blocks of that size; only the last is shorter, and may be empty.

    Whoever lets go of a block before asking for the next has one in memory at a time.
    """
    held = bytearray()
    for part in parts:
        rest = memoryview(part)
        while len(rest) >= (room := size - len(held)):
            held += rest[:room]
            rest = rest[room:]
            yield held
            held = bytearray()
        held += rest
    yield held
