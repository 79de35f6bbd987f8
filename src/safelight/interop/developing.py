"""A foreign file becomes plain pixels: what a decoding process does behind the lock.

First frame, upright, sRGB by the embedded profile, nothing left under transparency. Loaded only in
the zygote and its children; nothing here opens a file, a socket or a process.
"""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pi_heif
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from safelight.interop import filedata, wire
from safelight.interop.wire import FileFinding, Kind, PictureRefused, Reason, Why

if TYPE_CHECKING:
    from collections.abc import Iterator

    from safelight.interop.wire import Limits, Request

PLUGINS = (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
"""Imported here and nowhere later: an import behind the lock would fail."""

_FORMATS = {
    Kind.JPEG: "JPEG",
    Kind.PNG: "PNG",
    Kind.WEBP: "WEBP",
    Kind.HEIF: "HEIF",
    Kind.AVIF: "AVIF",
    Kind.TIFF: "TIFF",
    Kind.GIF: "GIF",
    Kind.BMP: "BMP",
}
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = frozenset({5, 6, 7, 8})
_STRIP_BYTES = 1 << 20
_PROFILE_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab "}
_WHITE = (255, 255, 255)


def work(reading: int, writing: int) -> None:
    """Read one request, answer it."""
    with os.fdopen(reading, "rb", closefd=False) as asked:
        about, length = wire.read_request_header(asked.read(wire.REQUEST_HEADER))
        request = wire.read_request(asked.read(about))
        data = asked.read(length)
    for piece in answer(data, request):
        _write_all(writing, piece)


def answer(data: bytes, request: Request) -> Iterator[bytes]:
    """Yield the answer to a request: its description, then the rows of pixels."""
    try:
        opened, picture = open_picture(data, request)
    except PictureRefused as refusal:
        yield wire.say_refused(refusal.reason)
        return
    except MemoryError:
        yield wire.say_refused(Reason.TOO_MUCH_MEMORY)
        return
    except Exception:  # noqa: BLE001 - decoders raise anything; what they say may quote the file
        yield wire.say_refused(Reason.DAMAGED)
        return
    yield wire.say_opened(opened)
    yield from _rows(picture)


def open_picture(data: bytes, request: Request) -> tuple[wire.Opened, Image.Image]:
    """Return what is said of the file and its first picture: upright, sRGB, opaque, RGB."""
    limits = request.limits
    kind = filedata.kind_of(data)
    if kind is None:
        raise PictureRefused(Reason.UNKNOWN_FORMAT)
    findings = filedata.survey(data, kind, limits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sizes are checked below, at half of where Pillow warns
        picture = _opened(data, kind)
        _refuse_large(picture.size, limits)
        turn = _turn(picture, kind)
        width, height = _upright_size(picture.size, turn)
        columns, rows = wire.fitted(width, height, request.max_side)
        picture, hides = _plain(picture, kind, turn=turn, at_least=(columns, rows))
    if hides:
        findings = (*findings, FileFinding("pixels under transparency", Why.HIDDEN.value))
    if picture.size != (columns, rows):
        picture = picture.resize((columns, rows), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return wire.Opened(kind, width, height, columns, rows, findings), picture


def warm() -> None:
    """Open one of each format, so that nothing is left to import or to set up behind the lock.

    pi-heif can't write, so its sample is a file: a gradient of 16 x 16 that heif-enc encoded.
    """
    pi_heif.options.DECODE_THREADS = 1
    pi_heif.register_heif_opener(thumbnails=False)
    Image.preinit()
    Image.MAX_IMAGE_PIXELS = None  # ours is stricter, and checked on every picture
    request = wire.Request(wire.LIMITS, max_side=8)
    for data in _samples():
        for _ in answer(data, request):
            pass


def _samples() -> Iterator[bytes]:
    yield Path(__file__).with_name("warm.heic").read_bytes()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    drawn = Image.linear_gradient("L").resize((24, 16)).convert("RGB")
    for format_name, mode, options in (
        ("JPEG", "RGB", {"icc_profile": profile, "progressive": True}),
        ("JPEG", "CMYK", {}),
        ("PNG", "RGBA", {"icc_profile": profile}),
        ("PNG", "P", {}),
        ("WEBP", "RGBA", {}),
        ("AVIF", "RGB", {}),
        ("TIFF", "LAB", {}),
        ("TIFF", "RGB", {"compression": "tiff_lzw"}),
        ("TIFF", "RGB", {"compression": "jpeg"}),
        ("GIF", "P", {}),
        ("BMP", "RGB", {}),
    ):
        held = io.BytesIO()
        drawn.convert(mode).save(held, format_name, **options)
        yield held.getvalue()


def _opened(data: bytes, kind: Kind) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=[_FORMATS[kind]])
    except Image.DecompressionBombError:
        raise PictureRefused(Reason.TOO_MANY_PIXELS) from None


def _refuse_large(size: tuple[int, int], limits: Limits) -> None:
    if size[0] < 1 or size[1] < 1:
        raise PictureRefused(Reason.DAMAGED)
    if size[0] * size[1] > limits.pixels:
        raise PictureRefused(Reason.TOO_MANY_PIXELS)


def _turn(picture: Image.Image, kind: Kind) -> int:
    """Return the EXIF orientation that is still to be applied.

    HEIF is turned by its own boxes while it is decoded, and its EXIF orientation counts for nothing
    (ISO/IEC 23008-12, Annex A); Pillow turns TIFF itself.
    """
    if kind in {Kind.HEIF, Kind.TIFF}:
        return 1
    turn = picture.getexif().get(_ORIENTATION, 1)
    return turn if turn in _UPRIGHT else 1


def _upright_size(size: tuple[int, int], turn: int) -> tuple[int, int]:
    return (size[1], size[0]) if turn in _SIDEWAYS else size


def _plain(
    picture: Image.Image, kind: Kind, *, turn: int, at_least: tuple[int, int]
) -> tuple[Image.Image, bool]:
    """Return the picture upright and flat in sRGB, and whether transparency hid anything."""
    if kind is Kind.JPEG:
        # libjpeg can leave out the detail that nobody asked for, at a quarter of the time.
        picture.draft(picture.mode, _upright_size(at_least, turn))
    picture.load()
    profile = picture.info.get("icc_profile")
    picture = _eight_bits(picture)
    alpha = _alpha(picture)
    picture = _to_srgb(picture, profile)
    hides = alpha is not None and _hides(picture, alpha)
    if alpha is not None:
        flat = Image.new("RGB", picture.size, _WHITE)
        flat.paste(picture, mask=alpha)
        picture = flat
    return (picture.transpose(_UPRIGHT[turn]) if turn in _UPRIGHT else picture), hides


def _hides(picture: Image.Image, alpha: Image.Image) -> bool:
    """Say whether what is wholly transparent has more than one colour."""
    unseen = alpha.point([255, *[0] * 255])
    counts = picture.histogram(unseen)
    return any(sum(map(bool, counts[at : at + 256])) > 1 for at in (0, 256, 512))


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Bring 16-bit greys down to 8; refuse depths whose black and white nobody stated."""
    if picture.mode.startswith("I;16"):
        return picture.convert("I").point(lambda value: value * (1 / 256) + 0).convert("L")
    if picture.mode in {"I", "F"}:
        raise PictureRefused(Reason.UNSUPPORTED)
    return picture


def _alpha(picture: Image.Image) -> Image.Image | None:
    if not picture.has_transparency_data:
        return None
    if picture.mode in {"RGBA", "LA", "PA"}:
        return picture.getchannel("A")
    return picture.convert("RGBA").getchannel("A")


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the colours as sRGB, by the embedded profile where it is one for these colours."""
    if picture.mode not in _PROFILE_SPACES:
        picture = picture.convert("L" if picture.mode in {"1", "LA"} else "RGB")
    source = _usable_profile(profile, picture.mode)
    if source is None and picture.mode == "LAB":
        source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    if source is None:
        return picture.convert("RGB")
    target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    try:
        if picture.mode == "RGB":
            ImageCms.profileToProfile(picture, source, target, inPlace=True)
            return picture
        converted = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
    except ImageCms.PyCMSError:
        return picture.convert("RGB")
    return picture.convert("RGB") if converted is None else converted


def _usable_profile(profile: bytes | None, mode: str) -> ImageCms.ImageCmsProfile | None:
    """Return the profile if it can be read and is for this kind of colours, as viewers do."""
    if not profile:
        return None
    try:
        read = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    return read if read.profile.xcolor_space == _PROFILE_SPACES[mode] else None


def _rows(picture: Image.Image) -> Iterator[bytes]:
    """Yield the pixels a megabyte at a time, so that they never lie in memory twice."""
    width, height = picture.size
    step = max(1, _STRIP_BYTES // (3 * width))
    for top in range(0, height, step):
        yield picture.crop((0, top, width, min(height, top + step))).tobytes()


def _write_all(writing: int, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[os.write(writing, left) :]
