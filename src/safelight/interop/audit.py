"""Accounts for every byte of a file that is to leave, and fails closed.

Written from the standards (ITU-T T.81, JFIF 1.02, RFC 2083), sharing no code with what writes our
files: a slip in the writer, or in the library beneath it, must not be repeated here. What is
accepted is only what our own files look like; another program's valid JPEG is refused.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from safelight.interop import entropy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from safelight.terms import Pixels


class NotAccounted(Exception):
    """A byte of the file has no explanation, so the file doesn't leave."""

    for_people = "The finished copy failed its last check, so nothing was written."


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the file and what it is."""

    what: str
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Accounted:
    """Every byte of the file explained, in order and without a gap."""

    format: str
    width: int
    height: int
    parts: tuple[Part, ...]
    agrees: bool
    """A second decoder was compared with the pixels meant; False where none were given."""


_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JFIF = bytes.fromhex("ffe0 0010 4a46494600 0101 00 0001 0001 00 00")
_SCAN_HEADER = bytes.fromhex("ffda 000c 03 0100 0211 0311 00 3f 00")
_RESTARTS = struct.pack(">HHH", 0xFFDD, 4, entropy.RESTART_INTERVAL)
_BRIGHTNESS = bytes.fromhex(
    "100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933"
    "383740485c4e404457453738506d51575f626768673e4d71797064785c656763"
)
_COLOUR = bytes.fromhex("111212181518 2f1a1a2f 63423842") + b"\x63" * 50
"""Tables K.1 and K.2 in zigzag order."""
_ROUNDING = 2.0
_MOST_SIDE = 65_500


def account(data: bytes, *, pixels: Pixels | None = None, seen: Pixels | None = None) -> Accounted:
    """Explain every byte of one of our JPEG or PNG files; see docs/explanation/locked-decoding.md.

    pixels: what the file is meant to show; a second decoder (OpenCV) must then see exactly that in
    a PNG, and in a JPEG nothing further from it in any 8 x 8 block than our tables can lose.
    seen: what `second_look` made of these very bytes, if the caller has asked it already.
    Raises NotAccounted.
    """
    try:
        if data.startswith(_SIGNATURE):
            accounted, off = _png(data), np.zeros(3)
        else:
            accounted, off = _jpeg(data)
    except (struct.error, IndexError, ValueError, zlib.error, OverflowError) as error:
        raise NotAccounted(str(error) if isinstance(error, ValueError) else "malformed") from None
    _check_complete(accounted.parts, len(data))
    if pixels is None:
        return accounted
    _check_pixels(second_look(data) if seen is None else seen, accounted, pixels, off)
    return Accounted(accounted.format, accounted.width, accounted.height, accounted.parts, True)


def second_look(data: bytes) -> Pixels | None:
    """Return what another decoder than the writer's makes of our own file; None if nothing."""
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    seen = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    return None if seen is None else np.asarray(seen, np.uint8)


def _check_complete(parts: tuple[Part, ...], length: int) -> None:
    at = 0
    for part in parts:
        if part.start != at or part.length <= 0:
            raise NotAccounted("a gap")
        at += part.length
    if at != length:
        raise NotAccounted("bytes after the end")


def _jpeg(data: bytes) -> tuple[Accounted, NDArray[np.float64]]:
    """Return the account, and the most that each channel may be off by the file's own tables."""
    parts = _Parts(data)
    parts.take("start", b"\xff\xd8")
    if not data.endswith(b"\xff\xd9"):
        raise NotAccounted("bytes after the end, or no end")
    parts.take("JFIF header without a thumbnail", _JFIF)
    quality = _quality(data[parts.at : parts.at + 69])
    brightness, colour = _scaled(_BRIGHTNESS, quality), _scaled(_COLOUR, quality)
    parts.take("our brightness table", b"\xff\xdb\x00\x43\x00" + brightness)
    parts.take("our colour table", b"\xff\xdb\x00\x43\x01" + colour)
    height, width = struct.unpack_from(">HH", data, parts.at + 5)
    if not (0 < width <= _MOST_SIDE and 0 < height <= _MOST_SIDE):
        raise NotAccounted("a size that can't be")
    frame = struct.pack(">HHBHHB", 0xFFC0, 17, 8, height, width, 3)
    parts.take("baseline frame, 4:4:4", frame + bytes.fromhex("011100 021101 031101"))
    for name, table in entropy.TABLES.items():
        header = struct.pack(">HHB", 0xFFC4, len(table) + 3, name)
        parts.take("standard Huffman table", header + table)
    parts.take("restart interval", _RESTARTS)
    parts.take("scan header", _SCAN_HEADER)
    scan = data[parts.at : -2]
    entropy.walk(scan, units=-(-width // 8) * -(-height // 8))
    parts.take("picture, decoded to its last bit", scan)
    parts.take("end", b"\xff\xd9")
    return Accounted("JPEG", width, height, parts.taken, False), _most_off(brightness, colour)


class _Parts:
    def __init__(self, data: bytes) -> None:
        self._data, self._taken, self.at = data, list[Part](), 0

    def take(self, what: str, wanted: bytes) -> None:
        if not wanted or self._data[self.at : self.at + len(wanted)] != wanted:
            raise NotAccounted(f"where {what} should be")
        self._taken.append(Part(what, self.at, len(wanted)))
        self.at += len(wanted)

    @property
    def taken(self) -> tuple[Part, ...]:
        return tuple(self._taken)


def _quality(segment: bytes) -> int:
    for quality in range(100, 0, -1):
        if segment[5:] == _scaled(_BRIGHTNESS, quality):
            return quality
    raise NotAccounted("a brightness table that isn't ours")


def _scaled(base: bytes, quality: int) -> bytes:
    percent = 5000 // quality if quality < 50 else (100 - quality) * 2
    return bytes(min(max((value * percent + 50) // 100, 1), 255) for value in base)


def _most_off(brightness: bytes, colour: bytes) -> NDArray[np.float64]:
    """Return how far red, green and blue of a block can be off, as root mean square.

    Each coefficient is off by half its step at most, and the transform keeps lengths (Parseval);
    the weights are those of JFIF's YCbCr. Cutting at 0 and 255 only brings the values nearer.
    """
    light = float(np.sqrt(np.mean((np.frombuffer(brightness, np.uint8) / 2.0) ** 2)))
    tint = float(np.sqrt(np.mean((np.frombuffer(colour, np.uint8) / 2.0) ** 2)))
    weights = np.array([1.402, 0.344136 + 0.714136, 1.772])
    return light + weights * tint + _ROUNDING


def _png(data: bytes) -> Accounted:
    parts = [Part("signature", 0, 8)]
    at, name, packed, header = 8, b"", list[bytes](), b""
    while name != b"IEND":
        length, name = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        crc = struct.unpack_from(">I", data, at + 8 + length)[0]
        if len(body) != length or zlib.crc32(name + body) != crc:
            raise NotAccounted("a chunk that was altered")
        if (name == b"IHDR") != (at == 8) or (name == b"IEND" and (body or not packed)):
            raise NotAccounted("a chunk out of place")
        if name == b"IHDR":
            header = body
        elif name == b"IDAT":
            packed.append(body)
        elif name != b"IEND":
            raise NotAccounted("a chunk that we don't write")
        parts.append(Part(f"chunk {name.decode()}", at, 12 + length))
        at += 12 + length
    width, height, *kind = struct.unpack(">IIBBBBB", header)
    if kind != [8, 2, 0, 0, 0] or not (0 < width <= _MOST_SIDE and 0 < height <= _MOST_SIDE):
        raise NotAccounted("a header that we don't write")
    _check_rows(b"".join(packed), width, height)
    return Accounted("PNG", width, height, tuple(parts), False)


def _check_rows(packed: bytes, width: int, height: int) -> None:
    """The packed rows end exactly where the chunks do, and are exactly as many as announced."""
    reader, row = zlib.decompressobj(), 1 + 3 * width
    rows = reader.decompress(packed, row * height + 1)
    if len(rows) != row * height or reader.unconsumed_tail:
        raise NotAccounted("more or fewer rows than announced")
    if not reader.eof or reader.unused_data:
        raise NotAccounted("bytes after the packed rows")
    if max(rows[::row]) > 4:
        raise NotAccounted("a row filter that doesn't exist")


def _check_pixels(
    seen: Pixels | None, accounted: Accounted, pixels: Pixels, off: NDArray[np.float64]
) -> None:
    if seen is None or seen.shape != pixels.shape:
        raise NotAccounted("a second decoder sees another size")
    if accounted.format == "PNG":
        if not np.array_equal(seen, pixels):
            raise NotAccounted("a second decoder sees other pixels")
        return
    apart = np.asarray(cv2.absdiff(seen, np.ascontiguousarray(pixels)), np.uint8)
    if (_block_means(apart) > off).any():
        raise NotAccounted("a second decoder sees another picture")


def _block_means(apart: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return each block's mean, which is at most its root mean square; outside counts as equal."""
    height, width = apart.shape[:2]
    padded = cv2.copyMakeBorder(
        apart, 0, -height % 8, 0, -width % 8, cv2.BORDER_CONSTANT, value=(0, 0, 0)
    )
    size = (padded.shape[1] // 8, padded.shape[0] // 8)
    means = cv2.resize(padded, size, interpolation=cv2.INTER_AREA)
    return np.asarray(means, np.uint8).reshape(size[1], size[0], 3)
