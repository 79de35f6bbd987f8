"""What comes out of a foreign file, whatever it was."""

import io

import numpy as np
import pytest
from PIL import Image

from safelight.interop import pictures
from safelight.interop.pictures import PictureRefused, Reason

HEIGHT, WIDTH = 48, 80


def drawing(width=WIDTH, height=HEIGHT):
    """Return a picture in which every corner and both directions can be told apart."""
    across = np.linspace(0, 255, width, dtype=np.uint8)
    down = np.linspace(0, 255, height, dtype=np.uint8)
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = across[None, :]
    pixels[..., 1] = down[:, None]
    pixels[: height // 3, : width // 4, 2] = 255
    return pixels


def saved(picture, file_format, **options):
    held = io.BytesIO()
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    picture.save(held, file_format, **options)
    return held.getvalue()


def difference(one, other):
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


@pytest.mark.parametrize(
    ("name", "file_format", "options", "most"),
    [
        ("JPEG", "JPEG", {"quality": 95}, 3.0),
        ("JPEG", "JPEG", {"quality": 95, "progressive": True}, 3.0),
        ("PNG", "PNG", {}, 0),
        ("WebP", "WEBP", {"lossless": True}, 0),
        ("WebP", "WEBP", {"quality": 95}, 6.0),
        ("AVIF", "AVIF", {"quality": 95}, 4.0),
        ("TIFF", "TIFF", {}, 0),
        ("TIFF", "TIFF", {"compression": "tiff_lzw"}, 0),
        ("TIFF", "TIFF", {"compression": "tiff_adobe_deflate"}, 0),
        ("BMP", "BMP", {}, 0),
        ("GIF", "GIF", {}, 12.0),
    ],
)
def test_every_format_comes_out_as_it_was_drawn(name, file_format, options, most):
    decoded = pictures.decode(saved(drawing(), file_format, **options))
    assert decoded.format == name
    assert (decoded.width, decoded.height) == (WIDTH, HEIGHT)
    assert difference(decoded.pixels, drawing()) <= most


@pytest.mark.parametrize(
    "data", [b"", b"a note to a colleague, named .jpg", b"\xff\xd8\xffrubbish"]
)
def test_what_is_no_picture_is_refused_with_a_sentence(data):
    with pytest.raises(PictureRefused) as refused:
        pictures.decode(data)
    assert refused.value.reason in {Reason.EMPTY, Reason.UNKNOWN_FORMAT, Reason.DAMAGED}
    assert refused.value.for_people.endswith(".")


def test_our_own_files_open_again():
    assert np.array_equal(pictures.decode(pictures.encode_png(drawing())).pixels, drawing())
    assert difference(pictures.decode(pictures.encode_jpeg(drawing())).pixels, drawing()) < 3
