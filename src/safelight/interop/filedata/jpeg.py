"""JPEG: every segment, the scans' number, and what follows the end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from safelight.interop.filedata import blocks, tiff
from safelight.interop.filedata.notes import is_blank
from safelight.interop.wire import Why

if TYPE_CHECKING:
    from safelight.interop.filedata.notes import Notes

_SOI, _EOI, _SOS, _DHT, _DQT, _COM, _TEM = 0xD8, 0xD9, 0xDA, 0xC4, 0xDB, 0xFE, 0x01
_APP0, _APP15 = 0xE0, 0xEF
_STRUCTURE = frozenset({*range(0xC0, 0xD0), _SOS, _DQT, 0xDC, 0xDD, 0xDE})
_AFTER_SCAN = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")
_XMP, _XMP_MORE = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_ICC, _GAIN_MAP = b"ICC_PROFILE\0", b"urn:iso:std:iso:ts:21496:-1\0"
_ADOBE_LENGTH = 12
_JFIF_LENGTH = 14


class _Walker:
    def __init__(self, data: bytes, notes: Notes) -> None:
        self.data, self.notes = data, notes
        self.profile: list[bytes] = []
        self.tables: set[tuple[int, int]] = set()
        self.codes_given: set[int] = set()
        self.codes_used: set[int] = set()

    def walk(self) -> None:
        """Step from marker to marker up to the end of the picture."""
        at = 2
        while at is not None and at + 2 <= len(self.data):
            self.notes.part()
            marker_at = self.data.find(b"\xff", at)
            if marker_at != at:
                self.notes.found("JPEG between segments", Why.UNKNOWN)
            if marker_at < 0:
                break
            while self.data[marker_at + 1 : marker_at + 2] == b"\xff":
                marker_at += 1
            if marker_at + 2 > len(self.data):
                break
            if self.data[marker_at + 1] == _EOI:
                self._finish(marker_at + 2)
                return
            at = self._segment(marker_at)
        self.notes.found("JPEG end", Why.UNREADABLE)
        self._finish(len(self.data))

    def _segment(self, at: int) -> int:
        marker = self.data[at + 1]
        if marker in {_SOI, _TEM, 0x00} or 0xD0 <= marker <= 0xD7:
            self.notes.found("JPEG stray marker", Why.UNKNOWN)
            return at + 2
        end = at + 2 + max(2, int.from_bytes(self.data[at + 2 : at + 4], "big"))
        body = self.data[at + 4 : end]
        if marker == _SOS:
            self.notes.scan()
            self.tables.clear()
            self._note_codes(body)
            found = _AFTER_SCAN.search(self.data, end)
            return found.start() if found else len(self.data)
        if _APP0 <= marker <= _APP15:
            self._application(marker - _APP0, body)
        elif marker == _COM:
            self.notes.found("JPEG comment", Why.WORDS)
        elif marker in {_DHT, _DQT}:
            self._check_tables(marker, body)
        elif marker not in _STRUCTURE:
            self.notes.found(f"JPEG 0x{marker:02X}", Why.UNKNOWN)
        return end

    def _application(self, number: int, body: bytes) -> None:
        notes = self.notes
        if number == 0:
            self._jfif(body)
        elif number == 1 and body.startswith(b"Exif\0"):
            tiff.exif(body[6:], notes)
        elif number == 1 and body.startswith(_XMP):
            blocks.xmp(body[len(_XMP) :], notes)
        elif number == 1 and body.startswith(_XMP_MORE):
            notes.found("XMP extended", Why.METADATA)
            blocks.xmp(body, notes)
        elif number == 2 and body.startswith(_ICC):
            self.profile.append(body[len(_ICC) + 2 :])
        elif number == 2 and body.startswith(b"MPF\0"):
            self._further_pictures(body[4:])
        elif number == 2 and body.startswith(_GAIN_MAP):
            notes.found("gain map", Why.PICTURE)
        elif number == 11 and body[:2] == b"JP":
            notes.found("JUMBF (content credentials)", Why.ID)
        elif number == 13 and body.startswith(b"Photoshop 3.0\0"):
            blocks.photoshop(body[14:], notes)
        elif number == 14 and body.startswith(b"Adobe") and len(body) == _ADOBE_LENGTH:
            pass  # says only how the colours are coded
        else:
            notes.found(f"JPEG APP{number}", Why.MAKER)

    def _jfif(self, body: bytes) -> None:
        if body.startswith(b"JFXX\0"):
            self.notes.found("JFXX thumbnail", Why.PICTURE)
        elif not body.startswith(b"JFIF\0"):
            self.notes.found("JPEG APP0", Why.MAKER)
        elif len(body) > _JFIF_LENGTH:
            pictured = is_blank(body[12:14])
            self.notes.found("JFIF thumbnail", Why.UNKNOWN if pictured else Why.PICTURE)

    def _further_pictures(self, block: bytes) -> None:
        self.notes.found("MPF", Why.PICTURE)
        numbers = b"\x03\xb0\x07\0" if block[:2] == b"II" else b"\xb0\x03\0\x07"
        if numbers in block:
            self.notes.found("MPF picture numbers", Why.ID)

    def _check_tables(self, marker: int, body: bytes) -> None:
        """Tables can be given twice, or be followed by bytes that no decoder reads."""
        title = "JPEG DHT" if marker == _DHT else "JPEG DQT"
        at = 0
        while at < len(body):
            self.notes.part()
            name = (marker, body[at] & 0x1F if marker == _DHT else body[at] & 0x0F)
            if name in self.tables:
                self.notes.found(title, Why.UNKNOWN)
            if marker == _DHT:
                self.codes_given.add(body[at])
            self.tables.add(name)
            at += 17 + sum(body[at + 1 : at + 17]) if marker == _DHT else 65 + 64 * (body[at] >> 4)
        if at != len(body):
            self.notes.found(title, Why.UNKNOWN)

    def _note_codes(self, header: bytes) -> None:
        """Remember which Huffman tables a scan reads: one that no scan reads can hold anything."""
        components = header[0]
        first, last = header[1 + 2 * components], header[2 + 2 * components]
        for tables in header[2 : 2 + 2 * components : 2]:
            if first == 0:
                self.codes_used.add(tables >> 4)
            if last > 0:
                self.codes_used.add(0x10 | tables & 15)

    def _finish(self, end: int) -> None:
        if self.codes_given - self.codes_used:
            self.notes.found("JPEG DHT", Why.UNKNOWN)
        if self.profile:
            blocks.icc(b"".join(self.profile), self.notes)
        rest = self.data[end:]
        if not rest:
            return
        self.notes.found("JPEG after the end", Why.BEYOND)
        if b"\xff\xd8\xff" in rest:
            self.notes.found("further JPEG after the end", Why.PICTURE)
        if b"ftyp" in rest[:64] or b"MotionPhoto_Data" in rest or b"ftypmp4" in rest:
            self.notes.found("motion photo", Why.PICTURE)
        if rest.endswith(b"SEFT"):
            self.notes.found("Samsung trailer", Why.MAKER)


def walk(data: bytes, notes: Notes) -> None:
    """Note what a JPEG carries beside its picture, and count its scans."""
    _Walker(data, notes).walk()
