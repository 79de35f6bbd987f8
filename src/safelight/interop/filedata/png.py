"""PNG: every chunk, what hides in packed ones, and what follows the end."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from safelight.interop.filedata import blocks, tiff
from safelight.interop.filedata.notes import code
from safelight.interop.wire import PictureRefused, Reason, Why

if TYPE_CHECKING:
    from safelight.interop.filedata.notes import Notes

_PLAIN = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA sRGB sBIT bKGD pHYs hIST cICP mDCV cLLI acTL fcTL".split()
)
_XMP_KEYWORD = b"XML:com.adobe.xmp"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def walk(data: bytes, notes: Notes) -> None:
    """Note what a PNG carries beside its picture."""
    at, header, pixels = 8, b"", []
    while at + 12 <= len(data):
        notes.part()
        length = int.from_bytes(data[at : at + 4], "big")
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if name == b"IHDR":
            header = body
        elif name == b"IDAT":
            pixels.append(body)
        _chunk(name, body, notes)
        at += 12 + length
        if name == b"IEND":
            if length:
                notes.found("PNG:IEND", Why.UNKNOWN)
            break
    if at < len(data):
        notes.found("PNG after the end", Why.BEYOND)
    if len(header) == 13 and pixels:
        _check_pixels(header, pixels, notes)


def _chunk(name: bytes, body: bytes, notes: Notes) -> None:
    if name in {b"tEXt", b"zTXt", b"iTXt"}:
        _text(name, body, notes)
    elif name == b"iCCP":
        blocks.icc(_unpacked(body[body.find(b"\0") + 2 :], notes), notes)
        notes.found("PNG:iCCP", Why.COLOUR)
    elif name == b"eXIf":
        tiff.exif(body, notes)
    elif name == b"tIME":
        notes.found("PNG:tIME", Why.TIME)
    elif name == b"fdAT":
        notes.frame()
        notes.found("PNG:fdAT", Why.PICTURE)
    elif name == b"caBX":
        notes.found("JUMBF (content credentials)", Why.ID)
    elif name not in _PLAIN:
        notes.found(f"PNG:{code(name)}", Why.UNKNOWN)


def _text(name: bytes, body: bytes, notes: Notes) -> None:
    notes.found(f"PNG:{name.decode()}", Why.WORDS)
    keyword, _, rest = body.partition(b"\0")
    if name == b"zTXt":
        rest = _unpacked(rest[1:], notes)
    elif name == b"iTXt":
        packed, rest = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[-1]
        rest = _unpacked(rest, notes) if packed else rest
    notes.text(len(rest))
    if keyword == _XMP_KEYWORD or b"<x:xmpmeta" in rest:
        blocks.xmp(rest, notes)
    if keyword.startswith(b"Raw profile type"):
        _raw_profile(keyword, rest, notes)


def _raw_profile(keyword: bytes, rest: bytes, notes: Notes) -> None:
    """ImageMagick writes other formats' blocks as hexadecimal text."""
    digits = b"".join(rest.split()[2:])
    try:
        block = bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        notes.found("PNG raw profile", Why.UNREADABLE)
        return
    if block.startswith(b"Exif\0\0"):
        tiff.exif(block, notes)
    elif keyword.endswith(b"iptc"):
        blocks.photoshop(block, notes)
    else:
        notes.found("PNG raw profile", Why.METADATA)


def _unpacked(packed: bytes, notes: Notes) -> bytes:
    """Unpack at most what text may still be; more is refused before it takes memory."""
    reader = zlib.decompressobj()
    try:
        found = reader.decompress(packed, notes.text_left + 1)
    except zlib.error:
        notes.found("PNG packed text", Why.UNREADABLE)
        return b""
    if len(found) > notes.text_left:
        raise PictureRefused(Reason.TOO_INTRICATE)
    if reader.unused_data:
        notes.found("PNG packed text", Why.BEYOND)
    return found


def _check_pixels(header: bytes, pixels: list[bytes], notes: Notes) -> None:
    """Note bytes in the pixel chunks that no row of the picture uses."""
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    if width * height > notes.limits.pixels or header[12]:
        return  # too large to be opened at all, or interlaced, whose length is another sum
    bits = width * header[8] * _CHANNELS.get(header[9], 4)
    left = height * (1 + (bits + 7) // 8)
    reader, room = zlib.decompressobj(), 1 << 20
    try:
        for piece in pixels:
            while piece and left >= 0:
                left -= len(reader.decompress(piece, min(room, left + 1)))
                piece = reader.unconsumed_tail
            if reader.eof and reader.unused_data:
                break
    except zlib.error:
        notes.found("PNG:IDAT", Why.UNREADABLE)
        return
    if left < 0 or reader.unused_data:
        notes.found("PNG:IDAT", Why.BEYOND)
