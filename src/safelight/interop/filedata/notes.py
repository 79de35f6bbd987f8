"""The list of what a file carries, kept short of what would keep anyone busy."""

from __future__ import annotations

import re

from safelight.interop.wire import FileFinding, Limits, PictureRefused, Reason, Why

_UNSAYABLE = re.compile(r"[^A-Za-z0-9]")


class Notes:
    """What was found so far, and how much was looked at."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._found: set[FileFinding] = set()
        self._counts: dict[str, int] = {}

    def found(self, where: str, why: Why) -> None:
        """Remember a place. `where` is one of our names, never the file's words."""
        self._found.add(FileFinding(where, why.value))

    def part(self) -> None:
        """Count a segment, chunk, block, box or tag."""
        self._count("part", self.limits.parts)

    def directory(self) -> None:
        """Count a TIFF directory."""
        self._count("directory", self.limits.directories)

    def frame(self) -> None:
        """Count a picture in the file."""
        self._count("frame", self.limits.frames)

    def scan(self) -> None:
        """Count a JPEG scan."""
        self._count("scan", self.limits.scans)

    def text(self, length: int) -> None:
        """Count bytes of text or of a colour profile, as long as they are once unpacked."""
        self._count("text", self.limits.text_bytes, by=length)

    @property
    def text_left(self) -> int:
        """Return how much text may still follow."""
        return self.limits.text_bytes - self._counts.get("text", 0)

    def sorted(self) -> tuple[FileFinding, ...]:
        """Return what was found, each once."""
        return tuple(sorted(self._found))

    def _count(self, what: str, most: int, *, by: int = 1) -> None:
        self._counts[what] = self._counts.get(what, 0) + by
        if self._counts[what] > most:
            raise PictureRefused(Reason.TOO_INTRICATE)


def code(raw: bytes) -> str:
    """Return a four-character code as it may be said, whatever its bytes are."""
    return _UNSAYABLE.sub(".", raw[:4].decode("latin-1")).lstrip(".") or "0x" + raw[:4].hex()


def is_blank(value: bytes) -> bool:
    """Say whether a value says nothing: only spaces and zeros."""
    return not value.strip(b"\0 ")
