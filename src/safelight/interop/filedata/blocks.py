"""Blocks that several formats carry: XMP, colour profiles, Photoshop resources, IPTC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.interop.filedata import tags
from safelight.interop.filedata.notes import code, is_blank
from safelight.interop.wire import Why

if TYPE_CHECKING:
    from safelight.interop.filedata.notes import Notes

_ICC_PLAIN = frozenset(
    b"A2B0 A2B1 A2B2 B2A0 B2A1 B2A2 B2D0 B2D1 B2D2 D2B0 D2B1 D2B2 D2B3 aabg aarg abst bTRC bXYZ bkpt "
    b"chad chrm clro clrt cicp gTRC gXYZ gamt kTRC lumi meas pre0 pre1 pre2 rTRC rXYZ tech view wtpt "
    b"rig0 rig2 bfd vcgt".split()
)
_ICC_TELLING = {
    b"desc": "ICC description",
    b"dscm": "ICC description",
    b"cprt": "ICC copyright",
    b"dmnd": "ICC device maker",
    b"dmdd": "ICC device model",
    b"mmod": "ICC device model",
    b"vued": "ICC viewing description",
    b"targ": "ICC measured target",
    b"pseq": "ICC profile sequence",
    b"psid": "ICC profile sequence",
    b"meta": "ICC metadata",
    b"calt": "ICC calibration time",
}
_MOST_ICC_TAGS = 200
_PHOTOSHOP_PICTURES = frozenset({0x0409, 0x040C})
_IPTC_RESOURCE, _EXIF_RESOURCES, _XMP_RESOURCE = 0x0404, frozenset({0x0422, 0x0423}), 0x0424


def xmp(packet: bytes, notes: Notes) -> None:
    """Note an XMP packet, and those of its fields whose names we know."""
    notes.found("XMP", Why.METADATA)
    for written, (name, why) in tags.XMP.items():
        if written in packet:
            notes.found(f"XMP {name}", why)


def icc(profile: bytes, notes: Notes) -> None:
    """Note what a colour profile says beside colours (ICC.1:2022, 7.2 and 7.3)."""
    notes.text(len(profile))
    notes.found("ICC profile", Why.COLOUR)
    if not is_blank(profile[48:56]):
        notes.found("ICC device", Why.DEVICE)
    if len(profile) < 132:
        notes.found("ICC profile", Why.UNREADABLE)
        return
    count = min(int.from_bytes(profile[128:132], "big"), _MOST_ICC_TAGS)
    explained = [(0, 132 + 12 * count)]
    for at in range(132, 132 + 12 * count, 12):
        signature = profile[at : at + 4]
        start = int.from_bytes(profile[at + 4 : at + 8], "big")
        explained.append((start, start + int.from_bytes(profile[at + 8 : at + 12], "big")))
        if signature in _ICC_TELLING:
            notes.found(_ICC_TELLING[signature], Why.COLOUR)
        elif signature not in _ICC_PLAIN:
            notes.found(f"ICC {code(signature)}", Why.UNKNOWN)
    if any(not is_blank(profile[start:end]) for start, end in gaps(explained, len(profile))):
        notes.found("ICC gap", Why.UNKNOWN)


def photoshop(block: bytes, notes: Notes) -> None:
    """Note Photoshop's image resources: pictures, captions, and everything else it keeps."""
    at = 0
    while at + 12 <= len(block) and block[at : at + 4] in {b"8BIM", b"MeSa", b"AgHg", b"PHUT"}:
        notes.part()
        resource = int.from_bytes(block[at + 4 : at + 6], "big")
        name_length = block[at + 6]
        at += 6 + (name_length + 2) // 2 * 2
        length = int.from_bytes(block[at : at + 4], "big")
        value = block[at + 4 : at + 4 + length]
        _resource(resource, value, notes)
        at += 4 + (length + 1) // 2 * 2
    if not is_blank(block[at:]):
        notes.found("Photoshop", Why.UNREADABLE)


def _resource(resource: int, value: bytes, notes: Notes) -> None:
    from safelight.interop.filedata import tiff  # it reads these blocks too

    if resource == _IPTC_RESOURCE:
        iptc(value, notes)
    elif resource in _EXIF_RESOURCES:
        tiff.exif(value, notes)
    elif resource == _XMP_RESOURCE:
        xmp(value, notes)
    elif resource in _PHOTOSHOP_PICTURES:
        notes.found("Photoshop thumbnail", Why.PICTURE)
    else:
        notes.found(f"Photoshop 0x{resource:04X}", Why.METADATA)


def iptc(block: bytes, notes: Notes) -> None:
    """Note the datasets of an IPTC record."""
    at = 0
    while at + 5 <= len(block) and block[at] == 0x1C:
        notes.part()
        record, dataset = block[at + 1], block[at + 2]
        length = int.from_bytes(block[at + 3 : at + 5], "big")
        if record == 2 and dataset in tags.IPTC:
            name, why = tags.IPTC[dataset]
            notes.found(f"IPTC {name}", why)
        elif record != 1 and (record, dataset) != (2, 0):
            notes.found(f"IPTC {record}:{dataset}", Why.METADATA)
        at += 5 + length
    if not is_blank(block[at:]):
        notes.found("IPTC", Why.UNREADABLE)


def gaps(explained: list[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    """Return the stretches before `length` that no (start, end) covers."""
    found, reached = [], 0
    for start, end in sorted(explained):
        if start > reached:
            found.append((reached, min(start, length)))
        reached = max(reached, end)
    if reached < length:
        found.append((reached, length))
    return [(start, end) for start, end in found if start < end]
