"""Which format a file is in, by its first bytes; its name counts for nothing."""

from __future__ import annotations

from safelight.interop.filedata.bmp import HEADER_SIZES
from safelight.interop.wire import Kind

_BRANDS_HEIF = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_BRANDS_AVIF = frozenset({b"avif", b"avis"})
_BRANDS_OPEN = frozenset({b"mif1", b"msf1", b"mif2"})
"""Brands that leave the coding open; the compatible brands then decide."""
_MOST_BRANDS = 64


def kind_of(data: bytes) -> Kind | None:
    """Return the format that the content shows, None if it is none of ours."""
    if data[:3] == b"\xff\xd8\xff":
        return Kind.JPEG
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return Kind.PNG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Kind.WEBP
    if data[:4] in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}:
        return Kind.TIFF
    if data[:6] in {b"GIF87a", b"GIF89a"}:
        return Kind.GIF
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in HEADER_SIZES:
        return Kind.BMP
    return _by_brand(data) if data[4:8] == b"ftyp" else None


def _by_brand(data: bytes) -> Kind | None:
    end = min(int.from_bytes(data[:4], "big"), len(data), 16 + 4 * _MOST_BRANDS)
    major = data[8:12]
    brands = {data[at : at + 4] for at in range(16, end - 3, 4)}
    if major in _BRANDS_HEIF:
        return Kind.HEIF
    if major in _BRANDS_AVIF:
        return Kind.AVIF
    if major not in _BRANDS_OPEN:
        return None
    if brands & _BRANDS_AVIF:
        return Kind.AVIF
    return Kind.HEIF if brands & _BRANDS_HEIF or major == b"mif1" else None
