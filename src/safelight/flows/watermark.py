"""Draw a viewer's name into the pixels: whoever passes the picture on passes the name on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from safelight.interop import pictures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from safelight.terms import Pixels

LONGEST = 60
"""Of a name longer than this the rest is left out; the link's row has it whole."""
TILT = 24
STRENGTH = 0.34
"""Of white over black: to be read on any skin, and to leave the skin to be read."""


def drawn(jpeg: bytes, text: str) -> bytes:
    """Return a fresh JPEG with the text in rows across it. `jpeg` is one of our own."""
    return pictures.encode_jpeg(draw(pictures.decode(jpeg).pixels, text))


def draw(pixels: Pixels, text: str) -> Pixels:
    """Return the pixels with the text repeated at a slant over all of them."""
    height, width = pixels.shape[:2]
    light, dark = _marks(width, height, text[:LONGEST])
    out = pixels.astype(np.float32)
    out = out * (1 - dark * STRENGTH)
    out = out + (255 - out) * light * STRENGTH
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def _marks(width: int, height: int, text: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the letters and, a little off, their shadow, each 0 to 1."""
    letters = _layer(width, height, text)
    off = max(1, width // 600)
    shadow = np.roll(letters, (off, off), axis=(0, 1)) * (1 - letters)
    return letters[..., None], shadow[..., None]


def _layer(width: int, height: int, text: str) -> NDArray[np.float32]:
    size = max(12, min(width, height) // 22)
    font = ImageFont.load_default(size=size)
    side = int((width**2 + height**2) ** 0.5) + 2 * size
    canvas = Image.new("L", (side, side))
    pen = ImageDraw.Draw(canvas)
    step = max(int(pen.textlength(text, font=font)) + 3 * size, 1)
    for row, y in enumerate(range(0, side, 4 * size)):
        for x in range(-(row % 2) * step // 2, side, step):
            pen.text((x, y), text, fill=255, font=font)
    turned = canvas.rotate(TILT, resample=Image.Resampling.BICUBIC)
    left, top = (side - width) // 2, (side - height) // 2
    cut = turned.crop((left, top, left + width, top + height))
    return np.asarray(cut, dtype=np.float32) / np.float32(255)
