"""HEIF and AVIF: the boxes, the items in them, and what nothing points to (ISO/IEC 23008-12)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from safelight.interop.filedata import blocks, tiff
from safelight.interop.filedata.notes import code, is_blank
from safelight.interop.wire import PictureRefused, Reason, Why

if TYPE_CHECKING:
    from collections.abc import Iterator

    from safelight.interop.filedata.notes import Notes

_TOP_PLAIN = frozenset({b"ftyp", b"meta", b"mdat", b"free", b"skip", b"wide"})
_META_PLAIN = frozenset(
    {b"hdlr", b"pitm", b"iloc", b"iinf", b"iref", b"iprp", b"idat", b"dinf", b"grpl", b"free"}
)
_WORDS = {b"udes": Why.WORDS, b"crtt": Why.TIME, b"mdft": Why.TIME, b"altt": Why.WORDS}
_AUXILIARY = (
    (b"alpha", "alpha channel", Why.HIDDEN),
    (b"auxid:1", "alpha channel", Why.HIDDEN),
    (b"depth", "depth map", Why.PICTURE),
    (b"auxid:2", "depth map", Why.PICTURE),
    (b"disparity", "depth map", Why.PICTURE),
    (b"gainmap", "gain map", Why.PICTURE),
    (b"matte", "person matte", Why.PICTURE),
)
_MOST_ITEMS = 4096
_ITEM_NAMES = frozenset({b"", b"Color", b"Alpha", b"Exif", b"XMP", b"GMap", b"HEVC Image"})
"""What libavif and others call their own items."""
_HEVC_SEQUENCE, _UUID = b"moov", b"uuid"


@dataclass(slots=True)
class _Items:
    """What the meta box says of the file's items."""

    primary: int = 0
    kinds: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    """Item type, and its content type where that is "mime"."""
    extents: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)
    """Construction method, start and length of each piece."""
    links: list[tuple[bytes, int, list[int]]] = field(default_factory=list)
    auxiliary: list[bytes] = field(default_factory=list)
    idat: bytes = b""


def walk(data: bytes, notes: Notes, title: str) -> None:
    """Note what a HEIF or AVIF file carries beside its primary picture."""
    items, explained, reached = _Items(), list[tuple[int, int]](), 0
    for name, start, end in _boxes(data, 0, len(data), notes):
        explained.append((reached, end))
        if name == b"meta":
            _meta(data, start + 4, end, items, notes, title)
        elif name == b"mdat":
            explained[-1] = (reached, start)
        elif name in {b"free", b"skip", b"wide"}:
            if not is_blank(data[start:end]):
                notes.found(f"{title} free space", Why.UNKNOWN)
        elif name == _HEVC_SEQUENCE:
            notes.found(f"{title} film", Why.PICTURE)
            explained.append((0, len(data)))  # its samples lie in mdat too, and aren't followed
        elif name in {b"mpvd", b"sefd"}:
            notes.found("motion photo", Why.PICTURE)
        elif name not in _TOP_PLAIN:
            notes.found(f"{title}:{code(name)}", Why.UNKNOWN)
        reached = end
    _items(data, items, notes, title)
    for pieces in items.extents.values():
        explained += [(start, start + length) for method, start, length in pieces if method == 0]
    for start, end in blocks.gaps(explained, len(data)):
        if not is_blank(data[start:end]):
            notes.found(f"{title} unreferenced data", Why.BEYOND)


def _boxes(data: bytes, at: int, end: int, notes: Notes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each box's name, and where its body starts and ends."""
    while at + 8 <= end:
        notes.part()
        size, name, start = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], at + 8
        if size == 1:
            size, start = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        elif size == 0:
            size = end - at
        if size < start - at or at + size > end:
            return  # not a box: what is left is nobody's
        yield name, start, at + size
        at += size


def _meta(data: bytes, at: int, end: int, items: _Items, notes: Notes, title: str) -> None:
    for name, start, stop in _boxes(data, at, end, notes):
        body = data[start:stop]
        if name == b"pitm":
            items.primary = int.from_bytes(body[4 : 8 if body[0] else 6], "big")
        elif name == b"iinf":
            _item_kinds(body, items, notes)
        elif name == b"iloc":
            _item_places(body, items)
        elif name == b"iref":
            _item_links(body, items, notes)
        elif name == b"iprp":
            _properties(body, items, notes, title)
        elif name == b"idat":
            items.idat = body
        elif name not in _META_PLAIN or name == b"free":
            notes.found(f"{title}:{code(name)}", Why.UNKNOWN)


def _item_kinds(body: bytes, items: _Items, notes: Notes) -> None:
    for name, start, end in _boxes(body, 6 if body[0] == 0 else 8, len(body), notes):
        entry = body[start:end]
        if name != b"infe" or entry[0] < 2:
            continue
        wide = entry[0] >= 3
        number = int.from_bytes(entry[4 : 8 if wide else 6], "big")
        at = 10 if wide else 8
        texts = entry[at + 4 :].split(b"\0")
        items.kinds[number] = (entry[at : at + 4], texts[1] if len(texts) > 1 else b"")
        if texts[0] not in _ITEM_NAMES:
            notes.found("HEIF item name", Why.WORDS)


def _item_places(body: bytes, items: _Items) -> None:
    version = body[0]
    offset, length, base = body[4] >> 4, body[4] & 15, body[5] >> 4
    index = body[5] & 15 if version else 0
    at = 6

    def number(size: int) -> int:
        nonlocal at
        at += size
        if at > len(body):
            raise ValueError("cut short")
        return int.from_bytes(body[at - size : at], "big")

    count = number(4 if version == 2 else 2)
    if count > _MOST_ITEMS:
        raise PictureRefused(Reason.TOO_INTRICATE)
    for _ in range(count):
        item = number(4 if version == 2 else 2)
        method = number(2) & 15 if version else 0
        number(2)
        start = number(base)
        pieces = items.extents.setdefault(item, [])
        for _ in range(number(2)):
            number(index)
            piece = start + number(offset)
            pieces.append((method, piece, number(length)))


def _item_links(body: bytes, items: _Items, notes: Notes) -> None:
    width = 4 if body[0] else 2
    for name, start, end in _boxes(body, 4, len(body), notes):
        numbers = [
            int.from_bytes(body[at : at + width], "big")
            for at in (start, *range(start + width + 2, end, width))
        ]
        items.links.append((name, numbers[0], numbers[1:]))


def _properties(body: bytes, items: _Items, notes: Notes, title: str) -> None:
    for name, start, end in _boxes(body, 0, len(body), notes):
        if name != b"ipco":
            continue
        for kind, inner, stop in _boxes(body, start, end, notes):
            value = body[inner:stop]
            if kind == b"colr" and value[:4] in {b"prof", b"rICC"}:
                blocks.icc(value[4:], notes)
            elif kind == b"auxC":
                items.auxiliary.append(value[4:].split(b"\0")[0])
            elif kind in _WORDS:
                notes.found(f"{title}:{code(kind)}", _WORDS[kind])
            elif kind == _UUID:
                notes.found(f"{title}:uuid", Why.UNKNOWN)


def _items(data: bytes, items: _Items, notes: Notes, title: str) -> None:
    parts = {each for name, _, these in items.links if name == b"dimg" for each in these}
    owners = (set(items.kinds) - parts) | {items.primary}
    explained = _made_of(items, owners) - owners | {items.primary}
    linked = {number: name for name, number, _ in items.links}
    for number, (kind, content) in items.kinds.items():
        notes.part()
        if kind == b"Exif":
            body = _content(data, items, number)
            skip = struct.unpack_from(">I", body)[0] if len(body) >= 4 else 0
            tiff.exif(body[4 + skip :], notes)
        elif kind == b"mime" and content == b"application/rdf+xml":
            blocks.xmp(_content(data, items, number), notes)
        elif kind in {b"mime", b"uri "}:
            notes.found(f"{title} item {code(kind)}", Why.METADATA)
        elif kind == b"tmap":
            notes.found("gain map", Why.PICTURE)
        elif linked.get(number) == b"thmb":
            notes.found(f"{title} thumbnail", Why.PICTURE)
        elif number not in explained and linked.get(number) != b"auxl":
            notes.found(f"{title} item {code(kind)}", Why.PICTURE)
    _auxiliary(items, notes, title)


def _made_of(items: _Items, owners: set[int]) -> set[int]:
    """Return these items and the tiles that they are put together from."""
    reached, waiting = set(), list(owners)
    while waiting:
        number = waiting.pop()
        if number not in reached:
            reached.add(number)
            for name, owner, parts in items.links:
                waiting += parts if (name, owner) == (b"dimg", number) else []
    return reached


def _auxiliary(items: _Items, notes: Notes, title: str) -> None:
    for said in items.auxiliary:
        for word, name, why in _AUXILIARY:
            if word in said.lower():
                notes.found(name, why)
                break
        else:
            notes.found(f"{title} auxiliary picture", Why.PICTURE)


def _content(data: bytes, items: _Items, number: int) -> bytes:
    pieces = []
    for method, start, length in items.extents.get(number, []):
        source = items.idat if method == 1 else data
        pieces.append(source[start : start + length])
    return b"".join(pieces)
