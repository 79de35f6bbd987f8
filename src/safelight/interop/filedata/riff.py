"""WebP: every chunk of its RIFF, and what follows the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.interop.filedata import blocks, tiff
from safelight.interop.filedata.notes import code
from safelight.interop.wire import Why

if TYPE_CHECKING:
    from safelight.interop.filedata.notes import Notes

_PLAIN = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM"})


def walk(data: bytes, notes: Notes) -> None:
    """Note what a WebP file carries beside its picture."""
    end = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    at, frames = 12, 0
    while at + 8 <= end:
        notes.part()
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + length]
        if name == b"ANMF":
            notes.frame()
            frames += 1
        else:
            _chunk(name, body, notes)
        at += 8 + length + length % 2
    if frames > 1:
        notes.found("WebP further frames", Why.PICTURE)
    if end + end % 2 < len(data) or at < end:
        notes.found("WebP after the end", Why.BEYOND)


def _chunk(name: bytes, body: bytes, notes: Notes) -> None:
    if name == b"EXIF":
        tiff.exif(body, notes)
    elif name == b"XMP ":
        blocks.xmp(body, notes)
    elif name == b"ICCP":
        blocks.icc(body, notes)
    elif name == b"C2PA":
        notes.found("JUMBF (content credentials)", Why.ID)
    elif name not in _PLAIN:
        notes.found(f"WebP:{code(name)}", Why.UNKNOWN)
