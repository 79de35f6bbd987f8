"""Made-up clinical pictures for the demo and the tests: nobody was photographed.

Skin is drawn as smooth shading, blotches, pores and fine lines over a colour from the range that
human skin has; what lies on it is painted with soft edges, so that pictures look like photographs
at the size of a phone's screen. Everything follows from `seed`.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from safelight.terms import Pixels

Tone: TypeAlias = Literal["very light", "light", "medium", "tan", "brown", "dark"]
TONES: tuple[Tone, ...] = get_args(Tone)

COLOURS: dict[Tone, tuple[int, int, int]] = {
    "very light": (236, 205, 187),
    "light": (222, 180, 152),
    "medium": (199, 150, 116),
    "tan": (168, 118, 84),
    "brown": (121, 79, 54),
    "dark": (76, 49, 36),
}
"""Mean colour in sRGB, from very light to dark as on the Fitzpatrick scale's six steps."""

SIZE = (1280, 960)

Field: TypeAlias = "NDArray[np.float32]"


def skin(seed: int, tone: Tone = "light", *, size: tuple[int, int] = SIZE) -> Pixels:
    """Return plain skin filling the frame."""
    random = np.random.default_rng(seed)
    return _developed(_skin(random, tone, size), random)


def rash(seed: int, tone: Tone = "light", *, size: tuple[int, int] = SIZE) -> Pixels:
    """Return skin with a scattered rash, redder in the middle."""
    random = np.random.default_rng(seed)
    canvas = _skin(random, tone, size)
    spots = np.zeros((size[1], size[0]), np.float32)
    for _ in range(int(random.integers(50, 110))):
        middle = np.clip(random.normal(0.5, 0.17, 2), 0.05, 0.95) * size
        radius = float(random.uniform(0.005, 0.02)) * size[0]
        reach = int(radius * 3)
        left, top = np.maximum(middle.astype(int) - reach, 0)
        piece = spots[top : top + 2 * reach, left : left + 2 * reach]
        spot = _blob(random, piece.shape[::-1], middle - (left, top), radius=radius, softness=0.4)
        np.maximum(piece, spot * float(random.uniform(0.25, 0.75)), out=piece)
    return _developed(_painted(canvas, _inflamed(tone), spots), random)


def wound(
    seed: int, tone: Tone = "light", *, ruler: bool = True, size: tuple[int, int] = SIZE
) -> Pixels:
    """Return skin with an open wound: red rim, granulating bed, some slough, a ruler beside it."""
    random = np.random.default_rng(seed)
    canvas = _skin(random, tone, size)
    middle = np.asarray((0.5, 0.44)) * size + random.normal(0, 0.02, 2) * size
    radius = float(random.uniform(0.11, 0.16)) * size[0]
    shape = np.random.default_rng(seed + 1)
    for share, colour, strength in (
        (1.55, _inflamed(tone), 0.55),
        (1.06, tuple(0.8 * part for part in _inflamed(tone)), 0.8),
        (1.0, (150, 44, 40), 0.95),
    ):
        again = np.random.default_rng(int(shape.integers(1 << 30)) if share > 1.2 else seed + 2)
        soft = 0.3 if share > 1.2 else 0.06
        spot = _blob(again, size, middle, radius=radius * share, softness=soft)
        canvas = _painted(canvas, colour, spot * strength)
    canvas = _granulated(canvas, random, size, middle, radius)
    if ruler:
        _lay_ruler(canvas, random, top=int(size[1] * 0.78))
    return _developed(canvas, random)


def wristband(
    seed: int,
    tone: Tone = "light",
    *,
    name: str = "SAMPLE, Alex",
    number: str = "999 000 0018",
    size: tuple[int, int] = SIZE,
) -> Pixels:
    """Return a forearm with a hospital wristband: name, NHS number, date of birth and a bar code.

    The number is from the range that the NHS gives to tests, and belongs to nobody.
    """
    random = np.random.default_rng(seed)
    canvas = _forearm(random, tone, size)
    band = _band_picture(name, number, width=int(size[0] * 0.62), height=int(size[1] * 0.24))
    _lay_on(canvas, band, random, middle=(size[0] / 2, size[1] / 2))
    return _developed(canvas, random)


def label(
    seed: int, tone: Tone = "light", *, lines: tuple[str, ...] = (), size: tuple[int, int] = SIZE
) -> Pixels:
    """Return a wound with a sticky label in the corner, as wards put on the drape."""
    random = np.random.default_rng(seed)
    canvas = wound(seed, tone, ruler=False, size=size).astype(np.float32)
    words = lines or ("SAMPLE, Alex", "DoB 01-Jan-1970", "NHS 999 000 0018")
    font = _font(size[1] // 28)
    width, height = int(size[0] * 0.32), int(size[1] * (0.03 + 0.05 * len(words)))
    paper = Image.new("RGB", (width, height), (244, 243, 238))
    draw = ImageDraw.Draw(paper)
    for row, line in enumerate(words):
        draw.text((width * 0.04, (0.02 + 0.05 * row) * size[1]), line, (25, 25, 32), font=font)
    _lay_on(canvas, np.asarray(paper), random, middle=(size[0] * 0.8, size[1] * 0.16))
    return _developed(canvas, random)


def portrait(*, background: tuple[int, int, int] | None = None) -> Pixels:
    """Return a portrait that anyone may use: NASA's photograph of Eileen Collins, public domain."""
    pixels = photograph("astronaut.png")
    if background is None:
        return pixels
    framed = np.full((960, 1280, 3), background, np.uint8)
    larger = cv2.resize(pixels, (960, 960), interpolation=cv2.INTER_CUBIC)
    framed[:, 160:1120] = larger
    return framed


def bystander(seed: int, tone: Tone = "light", *, size: tuple[int, int] = SIZE) -> Pixels:
    """Return a wound with somebody's face in the corner of the picture."""
    canvas = wound(seed, tone, size=size)
    face = photograph("astronaut.png")[0:260, 100:360]
    side = size[1] // 3
    canvas[:side, :side] = cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA)
    return canvas


def photograph(name: str) -> Pixels:
    """Return one of the free photographs that the package carries, as pixels."""
    with resources.files("safelight.cli").joinpath("photographs", name).open("rb") as file:
        return np.asarray(Image.open(file).convert("RGB"), np.uint8).copy()


def _skin(random: np.random.Generator, tone: Tone, size: tuple[int, int]) -> Field:
    width, height = size
    colour = np.asarray(COLOURS[tone], np.float32)
    blotches = _noise(random, size, grain=0.12) * 0.045 + _noise(random, size, grain=0.03) * 0.02
    pores = _noise(random, size, grain=0.004) * 0.022 + _noise(random, size, grain=0.0016) * 0.018
    lines = -np.abs(_noise(random, size, grain=0.011, stretch=3.0)) * 0.03
    light = _light(random, width, height)
    canvas = colour * (light * (1 + blotches + pores + lines))[..., np.newaxis]
    redness = _noise(random, size, grain=0.07)[..., np.newaxis]
    return np.asarray(canvas * (1 + redness * np.asarray((0.012, -0.014, -0.018))), np.float32)


def _light(random: np.random.Generator, width: int, height: int) -> Field:
    """Return brightness over the frame: a lamp from one side on a gently curved surface."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle = random.uniform(0, 2 * np.pi)
    slope = x * np.cos(angle) + y * np.sin(angle)
    return np.asarray(1.02 - 0.1 * slope - 0.09 * (x**2 + y**2), np.float32)


def _noise(
    random: np.random.Generator, size: tuple[int, int], *, grain: float, stretch: float = 1.0
) -> Field:
    """Return smooth noise of unit spread; grain: a bump's width as a share of the frame's."""
    columns = max(2, round(1 / grain))
    if columns >= size[0]:
        return random.standard_normal(size[::-1], np.float32)
    rows = max(2, round(columns * size[1] / size[0] * stretch))
    coarse = random.standard_normal((rows, columns), np.float32)
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), np.float32)


def _blob(
    random: np.random.Generator,
    size: tuple[int, ...],
    middle: NDArray[np.float64],
    *,
    radius: float,
    softness: float = 0.18,
) -> Field:
    """Return a mask, 0 to 1, of an irregular round shape with a soft edge."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    across, down = x - middle[0], (y - middle[1]) * random.uniform(1.0, 1.35)
    angle, edge = np.arctan2(down, across), np.ones_like(across)
    for wave in range(2, 8):
        share = random.normal(0, 0.16 / wave)
        edge += share * np.cos(wave * angle + random.uniform(0, 6.3))
    distance = np.hypot(across, down) / (radius * edge)
    return np.asarray(np.clip((1 + softness - distance) / (2 * softness), 0, 1), np.float32)


def _painted(canvas: Field, colour: tuple[float, ...], mask: Field) -> Field:
    share = mask[..., np.newaxis]
    grey = canvas[..., 1:2]
    texture = np.clip(grey / cv2.blur(grey, (31, 31))[..., np.newaxis], 0.85, 1.15)
    return np.asarray(canvas * (1 - share) + np.asarray(colour) * texture * share, np.float32)


def _inflamed(tone: Tone) -> tuple[float, ...]:
    """Return what inflamed skin of the tone looks like: red where light, violet-brown where dark."""
    red, green, blue = COLOURS[tone]
    return (min(255, red * 0.9 + 18), green * 0.55, blue * 0.6)


def _granulated(
    canvas: Field,
    random: np.random.Generator,
    size: tuple[int, int],
    middle: NDArray[np.float64],
    radius: float,
) -> Field:
    bed = _blob(np.random.default_rng(1), size, middle, radius=radius * 0.8, softness=0.15)
    bumps = _noise(random, size, grain=0.012)
    canvas = canvas * (1 + 0.16 * bed * bumps)[..., np.newaxis]
    slough = 0.8 * np.clip(_noise(random, size, grain=0.035) - 0.6, 0, 1) * bed
    canvas = _painted(np.asarray(canvas, np.float32), (203, 176, 112), slough)
    shine = np.clip(_noise(random, size, grain=0.008) - 1.7, 0, 1) * bed
    return np.asarray(canvas + 130 * shine[..., np.newaxis], np.float32)


def _lay_ruler(canvas: Field, random: np.random.Generator, *, top: int) -> None:
    height, width = canvas.shape[:2]
    long, wide = int(width * 0.6), int(height * 0.085)
    paper = Image.new("RGB", (long, wide), (247, 247, 242))
    draw = ImageDraw.Draw(paper)
    font = _font(wide // 3)
    step = long / 82
    for millimetre in range(81):
        x = step * (millimetre + 1)
        tall = wide * (0.45 if millimetre % 10 == 0 else 0.32 if millimetre % 5 == 0 else 0.2)
        draw.line((x, 0, x, tall), (20, 20, 20), width=max(1, long // 700))
        if millimetre % 10 == 0 and millimetre:
            draw.text((x, wide * 0.5), str(millimetre // 10), (20, 20, 20), font=font, anchor="mt")
    middle = (width * 0.5, top + wide / 2)
    _lay_on(canvas, np.asarray(paper), random, middle=middle)


def _forearm(random: np.random.Generator, tone: Tone, size: tuple[int, int]) -> Field:
    width, height = size
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, np.newaxis]
    x = np.linspace(0, 1, width, dtype=np.float32)[np.newaxis]
    half = 0.56 + 0.1 * x
    inside = np.clip((half - np.abs(y)) * 40, 0, 1)
    round_light = np.sqrt(np.clip(1 - (y / half) ** 2, 0.06, 1))
    arm = _skin(random, tone, size) * (0.45 + 0.6 * round_light)[..., np.newaxis]
    sheet = (
        np.asarray((206, 214, 219), np.float32)
        * (_light(random, width, height) * (1 + 0.03 * _noise(random, size, grain=0.09)))[
            ..., np.newaxis
        ]
    )
    shadow = 1 - 0.35 * np.clip((half + 0.12 - np.abs(y)) * 8, 0, 1) * (1 - inside)
    arm = (
        sheet * shadow[..., np.newaxis] * (1 - inside[..., np.newaxis])
        + arm * inside[..., np.newaxis]
    )
    return np.asarray(arm, np.float32)


def _band_picture(name: str, number: str, *, width: int, height: int) -> Pixels:
    paper = Image.new("RGB", (width, height), (250, 250, 250))
    draw = ImageDraw.Draw(paper)
    large, small = _font(height // 6), _font(height // 9)
    draw.text((width * 0.04, height * 0.1), name, (15, 15, 20), font=large)
    draw.text((width * 0.04, height * 0.38), f"NHS No {number}", (15, 15, 20), font=large)
    draw.text(
        (width * 0.04, height * 0.68), "DoB 01-Jan-1970   Ward 7   F", (15, 15, 20), font=small
    )
    left, stripe = width * 0.56, max(2, width // 420)
    code = _code_39(number.replace(" ", ""))
    for index, dark in enumerate(code):
        if dark:
            x = left + stripe * index
            draw.rectangle((x, height * 0.14, x + stripe - 1, height * 0.86), fill=(10, 10, 12))
    return np.asarray(paper, np.uint8)


CODE_39 = {
    "0": "000110100",
    "1": "100100001",
    "2": "001100001",
    "3": "101100000",
    "4": "000110001",
    "5": "100110000",
    "6": "001110000",
    "7": "000100101",
    "8": "100100100",
    "9": "001100100",
    "*": "010010100",
}
"""Nine elements of each sign, bar first, 1 for a wide one (ISO/IEC 16388)."""


def _code_39(digits: str) -> list[bool]:
    """Return the bar code as one dark or light for each narrow element's width."""
    out: list[bool] = []
    for sign in f"*{digits}*":
        for place, wide in enumerate(CODE_39[sign]):
            out += [place % 2 == 0] * (2 if wide == "1" else 1)
        out.append(False)
    return out


def _lay_on(
    canvas: Field, thing: Pixels, random: np.random.Generator, *, middle: tuple[float, float]
) -> None:
    """Lay a flat thing on the canvas, turned a little, with a soft shadow, lit as what is under it."""
    height, width = canvas.shape[:2]
    high, wide = thing.shape[:2]
    turn = cv2.getRotationMatrix2D((wide / 2, high / 2), float(random.uniform(-4, 4)), 1.0)
    turn[:, 2] += np.asarray(middle) - (wide / 2, high / 2)
    laid = cv2.warpAffine(thing.astype(np.float32), turn, (width, height), flags=cv2.INTER_AREA)
    mask = cv2.warpAffine(np.ones((high, wide), np.float32), turn, (width, height))
    shadow = cv2.GaussianBlur(
        np.roll(mask, (height // 150, width // 200), (0, 1)), (0, 0), width / 160
    )
    lit = np.clip(canvas.mean(axis=2) / max(1.0, float(canvas.mean())), 0.75, 1.1)
    canvas *= (1 - 0.3 * shadow * (1 - mask))[..., np.newaxis]
    canvas *= (1 - mask)[..., np.newaxis]
    canvas += (
        laid * (mask * (0.35 + 0.6 * cv2.GaussianBlur(lit, (0, 0), width / 60)))[..., np.newaxis]
    )


def _font(points: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(max(8, points))


def _developed(canvas: Field, random: np.random.Generator) -> Pixels:
    """Return the canvas as a camera would give it: a little soft, a little noisy."""
    noisy = canvas + random.normal(0, 2.2, canvas.shape[:2])[..., np.newaxis]
    image = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(0.6)), np.uint8).copy()
