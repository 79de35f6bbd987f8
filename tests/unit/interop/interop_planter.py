"""Secrets of any kind in any hiding place: words, places and formats chosen by Hypothesis.

Each way of planting takes the words as bytes and returns a whole file that still opens. The list
is that of the known hiding places; a file may hold several at once, in any order.
"""

import struct
import zlib

import numpy as np
from hypothesis import strategies as st
from interop_samples import VECTORS, XMP, chunk, picture, profile, saved
from PIL import Image

WORDS = ("Rosalind", "Ngozi", "Łukasz", "李", "999 000 0018", "51.5081 N", "SM-S918B", "ward 7")


def words():
    """Words of a patient's, long enough not to occur in a picture by chance."""
    letters = st.text("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", min_size=12, max_size=24)
    return st.builds(lambda name, tail: f"{name}-{tail}".encode(), st.sampled_from(WORDS), letters)


def _segment(marker, content):
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def _directory(secret, *, order="<"):
    """A TIFF directory with the secret as description, maker and an unlisted field."""
    body = secret + b"\0"
    fields = (0x010E, 0x010F, 0x9ABC)
    start = 8 + 2 + 12 * len(fields) + 4
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    rows = b"".join(
        struct.pack(order + "HHII", tag, 2, len(body), start + at * len(body))
        for at, tag in enumerate(fields)
    )
    count = struct.pack(order + "H", len(fields))
    return head + count + rows + struct.pack(order + "I", 0) + body * len(fields)


def _iptc(secret):
    record = b"\x1c\x02\x78" + struct.pack(">H", len(secret)) + secret
    padded = record + b"\0" * (len(record) % 2)
    return b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(record)) + padded


def _xmp(secret):
    return XMP.replace(b"Rosalind-Planted-7261", secret)


def _profile(secret):
    return profile((0.4, 0.2, 0), (0.4, 0.7, 0.1), (0.1, 0.1, 0.7), description=secret)


def _thumbnail(secret):
    return saved(picture(width=32, height=24), "JPEG", comment=secret)


JPEG_SEGMENTS = {
    "EXIF": lambda secret: _segment(0xE1, b"Exif\0\0" + _directory(secret)),
    "EXIF, big end first": lambda secret: _segment(
        0xE1, b"Exif\0\0" + _directory(secret, order=">")
    ),
    "XMP": lambda secret: _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + _xmp(secret)),
    "XMP extended": lambda secret: _segment(
        0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 40 + _xmp(secret)
    ),
    "ICC": lambda secret: _segment(0xE2, b"ICC_PROFILE\0\1\1" + _profile(secret)),
    "gain map": lambda secret: _segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + secret),
    "credentials": lambda secret: _segment(0xEB, b"JP\0\1" + secret),
    "IPTC": lambda secret: _segment(0xED, _iptc(secret)),
    "maker": lambda secret: _segment(0xE7, secret),
    "comment": lambda secret: _segment(0xFE, secret),
    "JFXX thumbnail": lambda secret: _segment(0xE0, b"JFXX\0\x10" + _thumbnail(secret)),
    "unused table": lambda secret: _segment(
        0xC4, b"\x13" + bytes([*[0] * 7, len(secret), *[0] * 8]) + secret
    ),
}
TRAILERS = {
    "trailer": lambda secret: secret,
    "motion photo": lambda secret: (
        struct.pack(">I4s", 12 + len(secret), b"ftyp") + b"mp42" + secret
    ),
    "Samsung": lambda secret: secret + b"SEFT",
    "another picture": _thumbnail,
}
PNG_CHUNKS = {
    "tEXt": lambda secret: chunk(b"tEXt", b"Comment\0" + secret),
    "zTXt": lambda secret: chunk(b"zTXt", b"Author\0\0" + zlib.compress(secret)),
    "iTXt": lambda secret: chunk(b"iTXt", b"Title\0\0\0\0\0" + secret),
    "XMP": lambda secret: chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + _xmp(secret)),
    "EXIF": lambda secret: chunk(b"eXIf", _directory(secret)),
    "ICC": lambda secret: chunk(b"iCCP", b"x\0\0" + zlib.compress(_profile(secret))),
    "own": lambda secret: chunk(b"seCr", secret),
    "credentials": lambda secret: chunk(b"caBX", secret),
}
GIF_BLOCKS = {
    "comment": lambda secret: b"\x21\xfe" + bytes([len(secret)]) + secret + b"\0",
    "text": lambda secret: b"\x21\x01" + bytes([len(secret)]) + secret + b"\0",
    "application": lambda secret: (
        b"\x21\xff\x0bSECRETAPP10" + bytes([len(secret)]) + secret + b"\0"
    ),
}
WEBP_CHUNKS = {
    "EXIF": lambda secret: (b"EXIF", _directory(secret)),
    "XMP": lambda secret: (b"XMP ", _xmp(secret)),
    "own": lambda secret: (b"SECR", secret),
    "credentials": lambda secret: (b"C2PA", secret),
}
HEIF_BOXES = {
    "own": lambda secret: struct.pack(">I4s", 8 + len(secret), b"secr") + secret,
    "free space": lambda secret: struct.pack(">I4s", 8 + len(secret), b"free") + secret,
    "data": lambda secret: struct.pack(">I4s", 8 + len(secret), b"mdat") + secret,
    "motion photo": lambda secret: struct.pack(">I4s", 8 + len(secret), b"mpvd") + secret,
}


def _some(ways):
    return st.lists(st.sampled_from(sorted(ways)), min_size=1, max_size=4, unique=True)


@st.composite
def jpegs(draw, secret, pixels):
    plain = saved(pixels, "JPEG", quality=95, progressive=draw(st.booleans()))
    put = b"".join(JPEG_SEGMENTS[way](secret) for way in draw(_some(JPEG_SEGMENTS)))
    at = draw(st.sampled_from((2, plain.rindex(b"\xff\xda"))))
    if at > 2 and b"ICC_PROFILE" in put:
        at = 2
    return plain[:at] + put + plain[at:] + draw(_trailers(secret))


@st.composite
def pngs(draw, secret, pixels):
    plain = saved(pixels, "PNG")
    put = b"".join(PNG_CHUNKS[way](secret) for way in draw(_some(PNG_CHUNKS)))
    return plain[:33] + put + plain[33:] + draw(_trailers(secret))


@st.composite
def webps(draw, secret, pixels):
    plain = saved(
        pixels, "WEBP", exif=b"Exif\0\0" + _directory(secret), icc_profile=_profile(secret)
    )
    body = plain[8:]
    for way in draw(_some(WEBP_CHUNKS)):
        name, content = WEBP_CHUNKS[way](secret)
        body += name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body + draw(_trailers(secret))


@st.composite
def gifs(draw, secret, pixels):
    plain = saved(Image.fromarray(pixels).convert("P"), "GIF")
    put = b"".join(GIF_BLOCKS[way](secret) for way in draw(_some(GIF_BLOCKS)))
    return plain[:-1] + put + plain[-1:] + draw(_trailers(secret))


@st.composite
def bmps(draw, secret, pixels):
    plain = saved(pixels, "BMP")
    gap = draw(st.booleans())
    if gap:
        start = struct.pack("<I", 54 + len(secret))
        plain = plain[:10] + start + plain[14:54] + secret + plain[54:]
    return plain + (draw(_trailers(secret)) or (b"" if gap else secret))


@st.composite
def tiffs(draw, secret, pixels):
    fields = draw(
        st.lists(st.sampled_from((0x010E, 0x010F, 0x013B, 0x9ABC)), min_size=1, unique=True)
    )
    said = dict.fromkeys(fields, secret.decode()) | {0x02BC: _xmp(secret)}
    if draw(st.booleans()):
        said[0x8649] = _iptc(secret)[14:]
    options = {"tiffinfo": said, "icc_profile": _profile(secret), "big_tiff": draw(st.booleans())}
    return saved(pixels, "TIFF", **options) + draw(_trailers(secret))


@st.composite
def heics(draw, secret, pixels):
    del pixels
    plain = (VECTORS / "plain.heic").read_bytes()
    return plain + b"".join(HEIF_BOXES[way](secret) for way in draw(_some(HEIF_BOXES)))


@st.composite
def avifs(draw, secret, pixels):
    options = {"exif": _directory(secret), "xmp": _xmp(secret), "icc_profile": _profile(secret)}
    plain = saved(pixels, "AVIF", speed=10, **options)
    return plain + b"".join(HEIF_BOXES[way](secret) for way in draw(_some(HEIF_BOXES)))


def _trailers(secret):
    return st.sampled_from([b"", *(TRAILERS[way](secret) for way in sorted(TRAILERS))])


MAKERS = {
    "jpeg": jpegs,
    "png": pngs,
    "webp": webps,
    "gif": gifs,
    "bmp": bmps,
    "tiff": tiffs,
    "heic": heics,
    "avif": avifs,
}


@st.composite
def planted(draw, kind):
    """Return (secret, file): a picture of our own with the secret in one to several places."""
    secret = draw(words())
    shade = draw(st.integers(0, 2**16))
    small = np.random.default_rng(shade).integers(60, 200, (6, 8, 3), np.uint8)
    pixels = np.asarray(Image.fromarray(small).resize((64, 48)))
    return secret, draw(MAKERS[kind](secret, pixels))


def spellings(secret):
    """Return the secret as it may stand in a file: in any coding, packed, or with gaps."""
    said = secret.decode()
    return (secret, said.encode("utf-16-le"), said.encode("utf-16-be"), zlib.compress(secret)[2:-4])
