"""Writing and codes drawn on made-up skin, with each one's ink known to the pixel.

Paper, wristbands, screens, stamps and pens at any angle, strong and faint: what a copy must not
show, for `benchmarks/copy.py` to count. Everything follows from the seed; no word names anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import zxingcpp
from PIL import Image, ImageDraw, ImageFont

from safelight.cli import made_up
from safelight.terms import Region

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from safelight.terms import Pixels

SIZE = (1280, 960)
INKED_AT = 0.5
"""Of full strength: a pixel from which it is a stroke and not its soft edge."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How something is written: its ground (None is skin), its ink, how strong, how turned."""

    name: str
    ground: tuple[int, int, int] | None
    ink: tuple[int, int, int]
    strength: float = 1.0
    turned: float = 4.0
    """Degrees at most, either way."""
    heights: tuple[int, int] = (18, 44)
    """Of the letters' body in pixels."""


MANNERS = (
    Manner("label", (244, 243, 238), (25, 25, 32)),
    Manner("wristband", (250, 250, 250), (10, 10, 10), turned=25),
    Manner("screen", (12, 22, 30), (150, 230, 170)),
    Manner("stamp", None, (70, 40, 130), strength=0.85, turned=15, heights=(26, 52)),
    Manner("turned", (238, 236, 222), (30, 30, 90), turned=180),
    Manner("faint", (236, 234, 228), (25, 25, 32), strength=0.4),
    Manner("pen", None, (20, 25, 60), turned=20, heights=(26, 60)),
    Manner("small", (244, 244, 244), (20, 20, 20), heights=(11, 15)),
)
WORDS = (
    *("SAMPLE, Alex", "DoB 01-Jan-1970", "NHS 999 000 0018", "Ward 7 bed 12", "12/03/2026 09:41"),
    *("Left forearm", "Hosp. No. 0000123", "Consultant: N. N.", "LOT 4711", "BP 120/80", "A-0042"),
)
HANDS = (
    Manner("ball pen", None, (25, 35, 110), strength=0.9, turned=20, heights=(26, 50)),
    Manner("marker", None, (15, 15, 20), turned=20, heights=(34, 60)),
    Manner("on paper", (238, 236, 222), (30, 40, 120), turned=15, heights=(24, 44)),
    Manner("tattoo", None, (38, 48, 62), strength=0.75, turned=25, heights=(44, 76)),
)
HARDER = (
    Manner("faint pen", None, (25, 35, 110), strength=0.35, turned=20, heights=(26, 50)),
    Manner("small pen", None, (25, 35, 110), strength=0.9, turned=20, heights=(11, 16)),
)
HAND_WORDS = ("Rosalind", "Alex S.", "forever", "left arm", "12.3.2026", "no. 4711", "Mum & Dad")
CODES = ("Code128", "EAN13", "QRCode", "DataMatrix", "Aztec", "PDF417")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture, and of each line or code on it the pixels that are ink."""

    pixels: Pixels
    manner: str
    inks: tuple[NDArray[np.bool_], ...]
    ground: NDArray[np.bool_]
    """Where something was laid or written, margins included: black there is no loss."""


def written(seed: int, *, tone: made_up.Tone | None = None) -> Drawn:
    """Return a picture with one to three lines, in the manner that the seed chooses.

    tone: of the skin; by chance where it is None. Everything else follows from the seed alone.
    """
    random = np.random.default_rng(seed)
    manner = MANNERS[seed % len(MANNERS)]
    body = int(random.integers(*manner.heights))
    font = ImageFont.load_default(size=body)
    lines = [str(words) for words in random.choice(WORDS, int(random.integers(1, 4)), False)]
    width = int(max(font.getlength(words) for words in lines)) + 2 * body
    height = int(body * (0.8 + 1.5 * len(lines)))
    masks = []
    for row, words in enumerate(lines):
        plate = Image.new("L", (width, height), 0)
        ImageDraw.Draw(plate).text((body, body * (0.5 + 1.5 * row)), words, 255, font=font)
        masks.append((np.asarray(plate) / 255).astype(np.float32))
    return _laid(random, manner, masks, tone=tone)


def by_hand(seed: int, *, tone: made_up.Tone | None = None) -> Drawn:
    """Return a picture with one or two lines in shaky joined letters: a pen, or a tattoo's ink."""
    random = np.random.default_rng(20_000 + seed)
    manner = HANDS[seed % len(HANDS)]
    lines = [str(words) for words in random.choice(HAND_WORDS, int(random.integers(1, 3)), False)]
    body = float(random.integers(*manner.heights))
    scale, thick = body / 21, max(1, round(body / random.uniform(9, 14)))
    width = round(max(len(words) for words in lines) * body * 1.1 + 2 * body)
    height = round(body * (1.2 + 1.9 * len(lines)))
    masks = []
    for row, words in enumerate(lines):
        plate = np.zeros((height, width), np.uint8)
        at = (round(body), round(body * (1.6 + 1.9 * row)))
        face = cv2.FONT_HERSHEY_SCRIPT_SIMPLEX
        cv2.putText(plate, words, at, face, scale, (255,), thick, cv2.LINE_AA)
        masks.append(_shaken(random, plate, by=body * 0.08))
    return _laid(random, manner, masks, tone=tone)


def with_words(
    seed: int, words: Sequence[NDArray[np.float32]], *, tone: made_up.Tone | None = None
) -> Drawn:
    """Return a picture with words written by somebody, one below the other: as `by_hand`, or harder.

    words: how much ink there is, 0 to 1, each (height, width) of any size.
    """
    random = np.random.default_rng(40_000 + seed)
    manner = (*HANDS, *HARDER)[seed % (len(HANDS) + len(HARDER))]
    body = float(random.integers(*manner.heights))
    sized = [
        cv2.resize(word, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        for word in words
        if (scale := 1.6 * body / word.shape[0])
    ]
    width = round(max(word.shape[1] for word in sized) + 2 * body)
    height = round(sum(word.shape[0] for word in sized) + 1.5 * body)
    masks, at = [], round(0.75 * body)
    for word in sized:
        mask = np.zeros((height, width), np.float32)
        left = round(body)
        mask[at : at + word.shape[0], left : left + word.shape[1]] = word
        at += word.shape[0]
        masks.append(mask)
    return _laid(random, manner, masks, tone=tone)


def _shaken(
    random: np.random.Generator, plate: NDArray[np.uint8], *, by: float
) -> NDArray[np.float32]:
    """Return the plate (0 to 1) with every stroke moved about smoothly, `by` pixels or so."""
    height, width = plate.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    for grid in (x, y):
        coarse = random.standard_normal((4, 24)).astype(np.float32) * by
        grid += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    moved = cv2.remap(plate, x, y, cv2.INTER_LINEAR)
    return np.asarray(moved, np.float32) / 255


def coded(seed: int) -> Drawn:
    """Return a picture with one code on white, of the kind that the seed chooses."""
    random = np.random.default_rng(10_000 + seed)
    kind = CODES[seed % len(CODES)]
    content = "9990000018" if kind != "EAN13" else "999000001800"
    code = zxingcpp.create_barcode(content, getattr(zxingcpp.BarcodeFormat, kind))
    plain = np.asarray(zxingcpp.write_barcode_to_image(code, scale=int(random.integers(3, 6))))
    border = 20
    mask = np.pad((255 - plain) / 255, border).astype(np.float32)
    manner = Manner(kind, (248, 248, 246), (15, 15, 15), turned=float(random.choice((5, 30))))
    return _laid(random, manner, [mask])


def _laid(
    random: np.random.Generator,
    manner: Manner,
    masks: list[NDArray[np.float32]],
    *,
    tone: made_up.Tone | None = None,
) -> Drawn:
    """Lay the lines on skin, turned together."""
    by_chance = made_up.TONES[int(random.integers(len(made_up.TONES)))]
    tone = tone or by_chance
    canvas = made_up.skin(int(random.integers(1 << 20)), tone, size=SIZE).astype(np.float32)
    height, width = masks[0].shape
    share = min(1.0, 0.8 * SIZE[1] / float(np.hypot(width, height)))
    middle = np.asarray(SIZE) * random.uniform(0.42, 0.58, 2)
    angle = float(random.uniform(-manner.turned, manner.turned))
    move = cv2.getRotationMatrix2D((width / 2, height / 2), angle, share)
    move[:, 2] += middle - (width / 2, height / 2)

    def moved(mask: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.warpAffine(mask, move, SIZE, flags=cv2.INTER_AREA), np.float32)

    plate = moved(np.ones_like(masks[0]))
    if manner.ground is not None:
        canvas = _painted(canvas, manner.ground, plate)
    inks = [moved(mask) for mask in masks]
    for ink in inks:
        canvas = _painted(canvas, manner.ink, ink * manner.strength)
    soft = cv2.GaussianBlur(canvas, (0, 0), 0.6) + random.normal(0, 2.0, canvas.shape)
    return Drawn(
        np.clip(soft, 0, 255).astype(np.uint8),
        manner.name,
        tuple(ink >= INKED_AT for ink in inks),
        cv2.dilate(plate, np.ones((41, 41), np.uint8)) > 0,
    )


def _painted(
    canvas: NDArray[np.float32], colour: tuple[int, int, int], mask: NDArray[np.float32]
) -> NDArray[np.float32]:
    share = mask[..., np.newaxis]
    painted = canvas * (1 - share) + np.asarray(colour, np.float32) * share
    return np.asarray(painted, np.float32)


def with_screen(seed: int, *, tone: made_up.Tone) -> tuple[Pixels, Region]:
    """Return skin with a screen beside it, and where that is: a photograph, a letter or nothing on it."""
    random = np.random.default_rng(30_000 + seed)
    pixels = made_up.skin(int(random.integers(1 << 20)), tone, size=SIZE)
    across = int(random.integers(380, 620))
    down = round(across * random.uniform(0.56, 0.75))
    x = int(random.integers(10, SIZE[0] - across - 10))
    y = int(random.integers(10, SIZE[1] - round(1.3 * down)))
    frame, foot = max(4, across // 32), down // 6
    case = tuple(int(each) for each in random.integers(12, 40, 3))
    cv2.rectangle(pixels, (x, y), (x + across, y + down), case, -1)
    inside = _shown(seed, (across - 2 * frame, down - 2 * frame), random)
    pixels[y + frame : y + down - frame, x + frame : x + across - frame] = inside
    neck, plate = (x + across * 9 // 20, y + down), (x + across // 4, y + down + foot)
    cv2.rectangle(pixels, neck, (x + across * 11 // 20, y + down + foot), case, -1)
    cv2.rectangle(pixels, plate, (x + across * 3 // 4, y + down + foot * 5 // 4), case, -1)
    return pixels, Region(x, y, across, down)


def _shown(seed: int, size: tuple[int, int], random: np.random.Generator) -> Pixels:
    if seed % 3 == 0:
        photograph = made_up.photograph("astronaut.png")
        return np.asarray(cv2.resize(photograph, size, interpolation=cv2.INTER_AREA), np.uint8)
    width, height = size
    light, dark = int(random.integers(215, 245)), int(random.integers(35, 60))
    plate = Image.new("RGB", size, (light, light, light) if seed % 3 == 1 else (dark, dark, dark))
    if seed % 3 == 1:
        font = ImageFont.load_default(size=max(10, height // 16))
        for row, words in enumerate(WORDS[:8]):
            ImageDraw.Draw(plate).text(
                (width // 16, height * (row + 1) // 10), words, 30, font=font
            )
    return np.asarray(plate, np.uint8)
