"""Walks a JPEG scan to its last bit, thousands of restart intervals side by side.

Part of the audit; knows the standard's Huffman tables and nothing of any encoder. A walk in plain
Python would take seconds at 12 megapixels. Our files restart every few blocks, so that every
interval can be walked at once, one code per step, as arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int32]

_DC_BRIGHTNESS = bytes([0, 1, 5, *[1] * 6, *[0] * 7, *range(12)])
_DC_COLOUR = bytes([0, 3, *[1] * 9, *[0] * 5, *range(12)])
_AC_BRIGHTNESS = bytes.fromhex(
    "0002010303020403050504040000017d"
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a2526"
    "2728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485"
    "868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6"
    "d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"
)
_AC_COLOUR = bytes.fromhex(
    "00020102040403040705040400010277"
    "0001020311040521310612415107617113223281081442"
    "91a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a434445464748494a535455"
    "565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8"
    "a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9"
    "fa"
)
TABLES = {0x00: _DC_BRIGHTNESS, 0x10: _AC_BRIGHTNESS, 0x01: _DC_COLOUR, 0x11: _AC_COLOUR}
"""ITU-T T.81, tables K.3 to K.6: sixteen counts, then the symbols; by class and number."""

RESTART_INTERVAL = 16
"""Blocks of each component between two restarts in our files."""

_COMPONENTS, _BLOCK = 3, 64
_TOP = RESTART_INTERVAL * _COMPONENTS * _BLOCK
"""Where the cursor of every lane ends: coefficients still to come are _TOP minus cursor."""
_PEEKS = 1 << 16
_ORDER = (0x00, 0x10, 0x01, 0x11)
_STOPPED = len(_ORDER)
_END_OF_BLOCK, _NO_CODE = 64, 255
_LANES, _STEPS_BETWEEN = 4096, 32
_MOST_BITS = 27
_MOST_BYTES = 1 << 27


class NotWalkable(ValueError):
    """The scan isn't what the standard's tables can have written for a picture of this size."""


@dataclass(frozen=True, slots=True)
class _Lanes:
    data: NDArray[np.uint8]
    """The scan without stuffing and restart markers."""
    starts: Numbers
    ends: Numbers


def walk(scan: bytes, *, units: int) -> None:
    """Decode every code of a scan: three components at full size, our tables, our restarts.

    scan: from after the scan's header to before the end marker.
    units: how many blocks of 8 x 8 pixels the picture has.
    Raises NotWalkable unless every bit is part of a code, of an amount, or of the ones that fill
    an interval's last byte.
    """
    if len(scan) > _MOST_BYTES:
        raise NotWalkable("too long")
    count = -(-units // RESTART_INTERVAL)
    lanes = _lanes(np.frombuffer(scan, np.uint8), count)
    words = _words(lanes.data)
    cursors = np.zeros(count, np.int32)
    cursors[-1] = (RESTART_INTERVAL * count - units) * _COMPONENTS * _BLOCK
    for first in range(0, count, _LANES):
        part = slice(first, first + _LANES)
        reached = _walk_lanes(words, lanes.starts[part] * 8, cursors[part])
        _check_ends(lanes.data, reached, lanes.ends[part])


def _lanes(raw: NDArray[np.uint8], count: int) -> _Lanes:
    """Take out the stuffing and cut at the restarts, which must be these many, in order."""
    marks = np.flatnonzero(raw == 0xFF)
    if len(marks) and marks[-1] == len(raw) - 1:
        raise NotWalkable("a marker cut short")
    restarts = marks[raw[marks + 1] != 0]
    wanted = 0xD0 + np.arange(count - 1) % 8
    if not np.array_equal(raw[restarts + 1], wanted):
        raise NotWalkable("a marker that isn't the next restart")
    keep = np.ones(len(raw), bool)
    keep[marks + 1] = False
    keep[restarts] = False
    # Before the restart at r lie r bytes, less one per mark so far, less one per restart so far.
    marks_before = np.searchsorted(marks, restarts)
    cuts = (restarts - marks_before - np.arange(count - 1)).astype(np.int32)
    data = raw[keep]
    ends = np.append(cuts, np.int32(len(data)))
    return _Lanes(data, np.insert(cuts, 0, 0), ends)


def _words(data: NDArray[np.uint8]) -> Numbers:
    """Return the 24 bits that start at each byte, with room for a lane that runs astray."""
    room = np.zeros(_TOP * _MOST_BITS // 8 + 4, np.uint8)
    padded = np.concatenate((data, room)).astype(np.int32)
    return (padded[:-2] << 16) | (padded[1:-1] << 8) | padded[2:]


def _walk_lanes(words: Numbers, at: Numbers, cursor: Numbers) -> Numbers:
    """Return the bit at which each lane has all its blocks."""
    reached, running = at.copy(), np.arange(len(at))
    codes, bases = _codes(), _bases()
    while len(running):
        astray = np.zeros(len(running), bool)
        for _ in range(_STEPS_BETWEEN):
            peek = (words.take(at >> 3) >> (8 - (at & 7))) & (_PEEKS - 1)
            entry = codes.take(bases.take(cursor) + peek)
            at = at + (entry & 0xFF)
            ahead = entry >> 8
            limit = (cursor | (_BLOCK - 1)) + 1
            cursor = cursor + ahead
            astray |= (cursor > limit) & (ahead != _END_OF_BLOCK)
            cursor = np.minimum(cursor, limit)
        if astray.any():
            raise NotWalkable("no such code, or more than a block holds")
        reached[running] = at
        going = cursor < _TOP
        running, at, cursor = running[going], at[going], cursor[going]
    return reached


def _check_ends(data: NDArray[np.uint8], reached: Numbers, ends: Numbers) -> None:
    left = ends * 8 - reached
    if (left < 0).any() or (left > 7).any():
        raise NotWalkable("an interval that ends too early or too late")
    ones = (1 << left) - 1
    if ((data[ends - 1] & ones) != ones).any():
        raise NotWalkable("an interval that isn't filled up with ones")


@cache
def _codes() -> Numbers:
    """Return, for each table and next 16 bits: bits taken | coefficients stepped << 8."""
    tables = [_table(TABLES[name], is_dc=name < 0x10) for name in _ORDER]
    return np.concatenate([*tables, np.zeros(_PEEKS, np.int32)])


def _table(table: bytes, *, is_dc: bool) -> Numbers:
    entries = np.full(_PEEKS, _NO_CODE << 8, np.int32)
    code, symbols = 0, iter(table[16:])
    for length, count in enumerate(table[:16], start=1):
        for _ in range(count):
            symbol = next(symbols)
            amount, run = symbol & 15, symbol >> 4
            ahead = 1 if is_dc else _END_OF_BLOCK if symbol == 0 else run + 1
            first = code << (16 - length)
            entries[first : first + (1 << (16 - length))] = (length + amount) | ahead << 8
            code += 1
        code <<= 1
    return entries


@cache
def _bases() -> Numbers:
    """Return, for each cursor, where its table starts in `_codes`."""
    cursors = np.arange(_TOP + 1, dtype=np.int32)
    is_colour = cursors // _BLOCK % _COMPONENTS > 0
    is_ac = cursors % _BLOCK > 0
    tables = (2 * is_colour + is_ac).astype(np.int32)
    tables[_TOP] = _STOPPED
    return tables * np.int32(_PEEKS)
