"""GIF: every block, and what follows the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.interop.filedata import blocks
from safelight.interop.wire import Why

if TYPE_CHECKING:
    from safelight.interop.filedata.notes import Notes

_EXTENSION, _PICTURE, _END = 0x21, 0x2C, 0x3B
_CONTROL, _COMMENT, _PLAIN_TEXT, _APPLICATION = 0xF9, 0xFE, 0x01, 0xFF


def walk(data: bytes, notes: Notes) -> None:
    """Note what a GIF carries beside its first picture."""
    at = 13 + _palette(data[10])
    pictures = 0
    while at < len(data):
        notes.part()
        if data[at] == _END:
            at += 1
            break
        if data[at] == _PICTURE:
            notes.frame()
            pictures += 1
            at = _after_blocks(data, at + 11 + _palette(data[at + 9]), notes)
        elif data[at] == _EXTENSION:
            _extension(data, at, notes)
            at = _after_blocks(data, at + 2, notes)
        else:
            break
    if pictures > 1:
        notes.found("GIF further frames", Why.PICTURE)
    if at < len(data):
        notes.found("GIF after the end", Why.BEYOND)


def _palette(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int, notes: Notes) -> int:
    """Return where the chain of sub-blocks that starts here ends."""
    while data[at]:
        at += 1 + data[at]
    return at + 1


def _extension(data: bytes, at: int, notes: Notes) -> None:
    label = data[at + 1]
    if label == _COMMENT:
        notes.found("GIF comment", Why.WORDS)
    elif label == _PLAIN_TEXT:
        notes.found("GIF text", Why.WORDS)
    elif label == _APPLICATION:
        name = data[at + 3 : at + 14]
        if name == b"XMP DataXMP":
            blocks.xmp(data[at + 14 : at + 14 + notes.limits.text_bytes], notes)
        elif name == b"ICCRGBG1012":
            notes.found("ICC profile", Why.COLOUR)
        elif name not in {b"NETSCAPE2.0", b"ANIMEXTS1.0"}:
            notes.found("GIF application data", Why.UNKNOWN)
    elif label != _CONTROL:
        notes.found(f"GIF 0x{label:02X}", Why.UNKNOWN)
