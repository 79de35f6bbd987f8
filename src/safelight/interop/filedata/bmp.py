"""BMP: its header, gaps, and what follows the end."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from safelight.interop.filedata import blocks
from safelight.interop.filedata.notes import is_blank
from safelight.interop.wire import Why

if TYPE_CHECKING:
    from safelight.interop.filedata.notes import Notes

HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_V5, _UNPACKED, _BIT_FIELDS = 124, 0, 3


def walk(data: bytes, notes: Notes) -> None:
    """Note what a BMP carries beside its picture."""
    pixels_at = int.from_bytes(data[10:14], "little")
    header_end = 14 + int.from_bytes(data[14:18], "little")
    if not is_blank(data[6:10]):
        notes.found("BMP reserved bytes", Why.UNKNOWN)
    explained = [(0, header_end), (pixels_at, _pixels_end(data, pixels_at))]
    explained.append((header_end, header_end + _palette_bytes(data, pixels_at - header_end)))
    if header_end == 14 + _V5:
        start, length = struct.unpack_from("<II", data, 14 + 112)
        if length:
            blocks.icc(data[14 + start : 14 + start + length], notes)
            explained.append((14 + start, 14 + start + length))
    for start, end in blocks.gaps(explained, len(data)):
        if end == len(data):
            notes.found("BMP after the end", Why.BEYOND)
        elif not is_blank(data[start:end]):
            notes.found("BMP gap", Why.UNKNOWN)


def _palette_bytes(data: bytes, room: int) -> int:
    if data[14] == 12:
        bits = struct.unpack_from("<H", data, 24)[0]
        return min(room, 3 << bits) if bits <= 8 else 0
    bits = struct.unpack_from("<H", data, 28)[0]
    packing, used = struct.unpack_from("<I", data, 30)[0], struct.unpack_from("<I", data, 46)[0]
    masks = 12 if packing == _BIT_FIELDS and data[14] == 40 else 0
    colours = used or (1 << bits if bits <= 8 else 0)
    return min(room, masks + 4 * colours)


def _pixels_end(data: bytes, pixels_at: int) -> int:
    if data[14] == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        packing, said = _UNPACKED, 0
    else:
        width, height, _, bits, packing, said = struct.unpack_from("<iiHHII", data, 18)
    if packing not in {_UNPACKED, _BIT_FIELDS}:
        return pixels_at + said
    return int(pixels_at + (width * bits + 31) // 32 * 4 * abs(height))
