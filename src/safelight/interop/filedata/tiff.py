"""TIFF directories: a file of their own, or the EXIF block of another format."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from safelight.interop.filedata import blocks, tags
from safelight.interop.filedata.notes import is_blank
from safelight.interop.wire import PictureRefused, Reason, Why

if TYPE_CHECKING:
    from safelight.interop.filedata.notes import Notes

_SIZES = {
    **dict.fromkeys((1, 2, 6, 7), 1),
    **dict.fromkeys((3, 8), 2),
    **dict.fromkeys((4, 9, 11, 13), 4),
    **dict.fromkeys((5, 10, 12, 16, 17, 18), 8),
    129: 1,
}
_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_SUB_IFDS, _EXIF_IFD, _GPS_IFD, _INTEROP_IFD = 0x014A, 0x8769, 0x8825, 0xA005
_STARTS_AND_LENGTHS = ((0x0111, 0x0117), (0x0144, 0x0145), (0x0201, 0x0202))
_XMP, _IPTC, _PHOTOSHOP, _ICC = 0x02BC, 0x83BB, 0x8649, 0x8773
_NEW_SUBFILE, _REDUCED = 0x00FE, 1
_MOST_NUMBERS = 200_000


@dataclass(slots=True)
class _Block:
    data: bytes
    order: str
    big: bool
    notes: Notes
    title: str
    seen: set[int] = field(default_factory=set)
    explained: list[tuple[int, int]] = field(default_factory=list)

    def number(self, at: int, form: str) -> int:
        value: int = struct.unpack_from(self.order + form, self.data, at)[0]
        self.explained.append((at, at + struct.calcsize(form)))
        return value


@dataclass(frozen=True, slots=True)
class _Field:
    tag: int
    kind: int
    value: bytes
    at: int


def exif(data: bytes, notes: Notes) -> None:
    """Note what an EXIF block says, its thumbnail included."""
    data = data.removeprefix(b"Exif\0\0")
    try:
        block, first = _opened(data, notes, "EXIF")
        following = _directory(block, first, "main")
        if following:
            notes.found("EXIF thumbnail", Why.PICTURE)
            _directory(block, following, "main")
    except (struct.error, ValueError, IndexError):
        notes.found("EXIF", Why.UNREADABLE)


def walk(data: bytes, notes: Notes) -> None:
    """Note what a TIFF file carries: further pages, fields, and bytes that nothing points to."""
    block, at = _opened(data, notes, "TIFF")
    page = 0
    while at and at not in block.seen:
        page += 1
        notes.frame()
        if page == 2:
            notes.found("TIFF further pages", Why.PICTURE)
        at = _directory(block, at, "main")
    left = [
        (start, end)
        for start, end in blocks.gaps(block.explained, len(data))
        if not is_blank(data[start:end])
    ]
    for _, end in left:
        beyond = end == len(data)
        notes.found(
            "TIFF after the end" if beyond else "TIFF gap", Why.BEYOND if beyond else Why.UNKNOWN
        )


def _opened(data: bytes, notes: Notes, title: str) -> tuple[_Block, int]:
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        raise ValueError("no byte order")
    version = struct.unpack_from(order + "H", data, 2)[0]
    if version not in {42, 43}:
        raise ValueError("no version")
    block = _Block(data, order, version == 43, notes, title)
    block.explained.append((0, 8))
    return block, block.number(8, "Q") if block.big else block.number(4, "I")


def _directory(block: _Block, at: int, sort: str) -> int:
    """Note one directory and those inside it; return where the next one lies, 0 for none."""
    if at in block.seen:
        return 0
    block.seen.add(at)
    block.notes.directory()
    count = block.number(at, "Q" if block.big else "H")
    at += 8 if block.big else 2
    size = 20 if block.big else 12
    fields = {}
    for index in range(min(count, block.notes.limits.parts + 1)):
        block.notes.part()
        entry = _field(block, at + index * size)
        fields[entry.tag] = entry
        _note(block, entry, sort)
    _explain_pixels(block, fields)
    _descend(block, fields)
    if sort != "main":
        return 0
    return block.number(at + count * size, "Q" if block.big else "I")


def _field(block: _Block, at: int) -> _Field:
    form = block.order + ("HHQ" if block.big else "HHI")
    tag, kind, count = struct.unpack_from(form, block.data, at)
    inline = 8 if block.big else 4
    block.explained.append((at, at + 4 + 2 * inline))
    length = _SIZES.get(kind, 1) * count
    start = at + 4 + inline
    if length > inline:
        start = struct.unpack_from(block.order + ("Q" if block.big else "I"), block.data, start)[0]
        block.explained.append((start, start + length))
    return _Field(tag, kind, block.data[start : start + length], start)


def _note(block: _Block, entry: _Field, sort: str) -> None:
    notes = block.notes
    if entry.tag == _XMP and sort == "main":
        blocks.xmp(entry.value, notes)
    elif entry.tag == _IPTC:
        blocks.iptc(entry.value, notes)
    elif entry.tag == _PHOTOSHOP:
        blocks.photoshop(entry.value, notes)
    elif entry.tag == _ICC:
        blocks.icc(entry.value, notes)
    elif not is_blank(entry.value):
        _name(block, entry.tag, sort)


def _name(block: _Block, tag: int, sort: str) -> None:
    silent = {"gps": tags.GPS_SILENT, "interop": tags.INTEROP_SILENT}.get(sort, tags.SILENT)
    known = tags.GPS if sort == "gps" else {} if sort == "interop" else tags.TELLING
    if tag in silent:
        return
    name, why = known.get(tag, (f"0x{tag:04X}", Why.UNKNOWN))
    block.notes.found(f"{block.title}:{name}", why)


def _explain_pixels(block: _Block, fields: dict[int, _Field]) -> None:
    for start_tag, length_tag in _STARTS_AND_LENGTHS:
        if start_tag in fields and length_tag in fields:
            starts = _values(block, fields[start_tag])
            lengths = _values(block, fields[length_tag])
            block.explained += [
                (start, start + length) for start, length in zip(starts, lengths, strict=False)
            ]


def _descend(block: _Block, fields: dict[int, _Field]) -> None:
    for tag, sort in ((_EXIF_IFD, "exif"), (_GPS_IFD, "gps"), (_INTEROP_IFD, "interop")):
        if tag in fields:
            for at in _values(block, fields[tag])[:1]:
                _directory(block, at, sort)
    if _SUB_IFDS in fields:
        for at in _values(block, fields[_SUB_IFDS]):
            block.notes.found(f"{block.title} further pictures", Why.PICTURE)
            _directory(block, at, "main")


def _values(block: _Block, entry: _Field) -> tuple[int, ...]:
    form = _NUMBERS.get(entry.kind)
    if form is None:
        return ()
    count = len(entry.value) // struct.calcsize("=" + form)
    if count > _MOST_NUMBERS:
        raise PictureRefused(Reason.TOO_INTRICATE)
    return struct.unpack_from(f"{block.order}{count}{form}", entry.value)
