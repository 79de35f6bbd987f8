"""Parts of bodies drawn in rooms, with what may lie on skin besides ink: for `fit_tattoos.py`.

Limbs, trunks and feet of any tone; lesions, wounds, hair, veins, creases and stitches; cloth,
rooms, rulers, labels, gloves and print. Everything follows from the generator that is handed on.
Lengths are pixels, masks (height, width) are 0 to 1, colours are sRGB, 0 to 255.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from safelight.cli import made_up

if TYPE_CHECKING:
    from numpy.typing import NDArray

Field: TypeAlias = "NDArray[np.float32]"
Colour: TypeAlias = "NDArray[np.float64]"
Random: TypeAlias = np.random.Generator

COLOURS = np.asarray(list(made_up.COLOURS.values()), np.float64)
CLOTHS = (
    *((30, 90, 160), (20, 60, 200), (60, 140, 120), (200, 210, 215), (235, 235, 230), (30, 30, 35)),
    *((60, 20, 90), (150, 30, 40), (100, 110, 60), (90, 160, 200), (160, 160, 165), (40, 45, 60)),
)
FONTS = (
    *(cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX),
    *(cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_DUPLEX),
)
LETTERS = list("ABCDEFGHIKLMNORSTVXabcdefghiklmnorstuvw0123456789.&- ")
PHOTOGRAPHS = ("astronaut.png", "retina.jpg", "immunohistochemistry.png")


@dataclass(slots=True)
class Scene:
    """A picture being drawn: the canvas, where the body is, and what tone it has."""

    random: Random
    canvas: Field
    body: Field
    colour: Colour
    free: Field
    """1 where nothing was laid over the body."""

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height."""
        return self.body.shape[1], self.body.shape[0]

    @property
    def side(self) -> int:
        """Return the shorter side."""
        return min(self.body.shape)

    def paint(self, colour: object, mask: Field) -> None:
        """Paint what the mask says, on the body only."""
        self.canvas = mixed(self.canvas, colour, mask * self.body)

    def spot(self) -> Colour:
        """Return a place on the body, more often in its middle."""
        rows, columns = np.nonzero(self.body > 0.6)
        if not len(rows):
            return np.asarray(self.size) / 2
        one, other = self.random.integers(len(rows), size=2)
        middle = (columns[one] + columns[other]) / 2, (rows[one] + rows[other]) / 2
        inside = self.body[int(middle[1]), int(middle[0])] > 0.6
        return np.asarray(middle if inside else (columns[one], rows[one]), np.float64)


def between(random: Random, low: float, high: float) -> float:
    """Return a number in the range."""
    return float(random.uniform(low, high))


def mixed(canvas: Field, colour: object, mask: Field) -> Field:
    """Return the canvas with a colour or another canvas where the mask says."""
    share = mask[..., np.newaxis]
    return np.asarray(canvas * (1 - share) + np.asarray(colour, np.float32) * share, np.float32)


def noise(
    random: Random,
    size: tuple[int, int],
    grain: float,
    *,
    stretch: float = 1.0,
    angle: float | None = None,
) -> Field:
    """Return smooth noise of unit spread; grain: a bump's width as a share of the picture's."""
    columns = max(2, round(1 / grain))
    rows = max(2, round(columns * size[1] / size[0] * stretch))
    if columns >= size[0]:
        return random.standard_normal(size[::-1], np.float32)
    coarse = random.standard_normal((rows, columns), np.float32)
    if angle is None:
        return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), np.float32)
    side = int(np.hypot(*size)) + 1
    large = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), angle, 1)
    turn[:, 2] += (size[0] / 2 - side / 2, size[1] / 2 - side / 2)
    return np.asarray(cv2.warpAffine(large, turn, size), np.float32)


def blob(
    random: Random,
    size: tuple[int, int],
    middle: object,
    radius: float,
    *,
    soft: float = 0.18,
    rough: float = 0.16,
    aspect: float | None = None,
) -> Field:
    """Return a mask of an irregular round shape with a soft edge."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    left, top = np.asarray(middle, np.float64)
    angle = between(random, 0, np.pi)
    along = (x - left) * np.cos(angle) + (y - top) * np.sin(angle)
    across = (y - top) * np.cos(angle) - (x - left) * np.sin(angle)
    along *= aspect or between(random, 1, 1.6)
    around, edge = np.arctan2(across, along), np.ones_like(along)
    for wave in range(2, 9):
        share = random.normal(0, rough / wave**0.7)
        edge += share * np.cos(wave * around + between(random, 0, 6.3))
    distance = np.hypot(along, across) / (radius * np.maximum(edge, 0.2))
    return np.asarray(np.clip((1 + soft - distance) / (2 * soft), 0, 1), np.float32)


def dab(scene: Scene, mask: Field, middle: Colour, radius: float, *, soft: float) -> None:
    """Add a small blob to a mask, worked out only around it."""
    reach = int(radius * 2.6) + 3
    left, top = (max(0, int(each) - reach) for each in middle)
    right, bottom = (
        min(most, int(each) + reach) for most, each in zip(scene.size, middle, strict=True)
    )
    if right > left and bottom > top:
        piece = mask[top:bottom, left:right]
        one = blob(
            scene.random, (right - left, bottom - top), middle - (left, top), radius, soft=soft
        )
        np.maximum(piece, one * between(scene.random, 0.5, 1), out=piece)


def curve(random: Random, points: int, spread: float, middle: object) -> NDArray[np.float32]:
    """Return a smooth line (n, 2) that wanders about the middle."""
    corners = np.cumsum(random.normal(0, spread, (points, 2)), axis=0)
    corners += np.asarray(middle) - corners.mean(axis=0)
    wide = corners.astype(np.float32)[:, np.newaxis, :]
    smooth = cv2.resize(wide, (1, points * 14), interpolation=cv2.INTER_CUBIC)
    return np.asarray(smooth[:, 0], np.float32)


def stroke(mask: Field, line: object, thick: float, strength: float = 1.0) -> None:
    """Draw a line into a mask."""
    points = np.round(np.asarray(line) * 16).astype(np.int32)
    cv2.polylines(mask, [points], False, strength, max(1, round(thick)), cv2.LINE_AA, 4)


def soften(mask: Field, by: float) -> Field:
    """Return the mask out of focus."""
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), by), np.float32)


def lit(random: Random, size: tuple[int, int]) -> Field:
    """Return brightness over the picture."""
    y, x = np.mgrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
    angle = between(random, 0, 6.3)
    slope = x * np.cos(angle) + y * np.sin(angle)
    dark = between(random, 0, 0.25) * slope + between(random, 0, 0.2) * (x**2 + y**2)
    return np.asarray(1.02 - dark, np.float32)


def colour_of(tone: float) -> Colour:
    """Return the colour of a tone, 0 very light to 5 dark as made_up.TONES are."""
    step = min(int(tone), len(COLOURS) - 2)
    share = tone - step
    return np.asarray(COLOURS[step] * (1 - share) + COLOURS[step + 1] * share, np.float64)


def begun(random: Random, size: tuple[int, int], tone: float) -> Scene:
    """Return a scene with nothing but a body in it; what is around is still skin."""
    body, shading = _body(random, size)
    colour = colour_of(tone)
    canvas = _skin(random, size, colour, tone) * (shading * lit(random, size))[..., np.newaxis]
    scene = Scene(random, canvas.astype(np.float32), body, colour, np.ones_like(body))
    if random.random() < 0.35:
        _hair(scene)
    return scene


def _skin(random: Random, size: tuple[int, int], colour: Colour, tone: float) -> Field:
    red = between(random, -0.03, 0.1) * (1 - tone / 7)
    colour = colour * random.normal(1, 0.05, 3) * (1 + red * 0.4, 1 - red, 1 - red * 0.8)
    grain = noise(random, size, 0.12) * 0.045 + noise(random, size, 0.03) * 0.02
    grain += noise(random, size, between(random, 0.003, 0.008)) * 0.018
    grain += noise(random, size, 0.0025) * 0.012
    angle = between(random, 0, 180)
    lines = np.abs(noise(random, size, between(random, 0.008, 0.03), stretch=3, angle=angle))
    grain -= lines * 0.03 * between(random, 0, 1.5)
    red_spots = noise(random, size, between(random, 0.03, 0.15)) * between(random, 0.3, 2.5)
    plain = colour * (1 + grain * between(random, 0.4, 1.8))[..., np.newaxis]
    return np.asarray(
        plain * (1 + red_spots[..., np.newaxis] * (0.012, -0.014, -0.018)), np.float32
    )


def _body(random: Random, size: tuple[int, int]) -> tuple[Field, Field]:
    """Return where the body is, and how it is shaded."""
    whole, side = np.ones(size[::-1], np.float32), min(size)
    kind = random.choice(
        ["full", "limb", "limbs", "trunk", "foot"], p=[0.36, 0.36, 0.08, 0.14, 0.06]
    )
    if kind == "full":
        return whole, whole
    if kind == "limb":
        return _limb(random, size)
    if kind == "limbs":
        (one, shade), (other, shade_too) = _limb(random, size), _limb(random, size)
        return np.maximum(one, other), np.where(one > 0.5, shade, shade_too)
    if kind == "trunk":
        middle = size[0] * between(random, 0.3, 0.7), size[1] * between(random, 0.4, 0.9)
        radius = side * between(random, 0.45, 0.9)
        body = blob(random, size, middle, radius, soft=0.015, rough=0.12)
        return body, 0.55 + 0.5 * soften(body, side * between(random, 0.05, 0.2))
    heel = np.asarray((size[0] * between(random, 0.4, 0.6), size[1] * between(random, 0.5, 0.65)))
    radius = side * between(random, 0.2, 0.35)
    body = blob(random, size, heel, radius * 1.4, soft=0.03, rough=0.1, aspect=1.6)
    for toe in np.linspace(-0.8, 0.8, 5):
        place = heel + radius * 1.2 * np.asarray((np.sin(toe), -np.cos(toe)))
        large = radius * between(random, 0.22, 0.4)
        body = np.maximum(body, blob(random, size, place, large, soft=0.08, rough=0.05))
    return body, 0.5 + 0.55 * soften(body, radius * 0.2)


def _limb(random: Random, size: tuple[int, int]) -> tuple[Field, Field]:
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    long = max(size)
    angle = random.choice([np.pi / 2, 0, between(random, 0, np.pi)], p=[0.5, 0.2, 0.3])
    left, top = np.asarray(size) * random.normal(0.5, 0.08, 2)
    along = (x - left) * np.cos(angle) + (y - top) * np.sin(angle)
    across = (y - top) * np.cos(angle) - (x - left) * np.sin(angle)
    across += between(random, -0.5, 0.5) * along**2 / long
    wide = 1 + between(random, -0.5, 0.5) * along / long
    wide += between(random, -0.1, 0.1) * np.cos(along / long * between(random, 2, 9))
    half = min(size) * between(random, 0.18, 0.48) * wide
    body = np.clip((1 - np.abs(across / half)) * half / 1.2, 0, 1)
    if random.random() < 0.15:
        body *= np.clip((long * between(random, 0.25, 0.5) - along) / 3, 0, 1)
    off = across / half + between(random, -0.3, 0.3)
    shading = np.sqrt(np.clip(1 - off**2 * between(random, 0.5, 1), 0.05, 1))
    return body.astype(np.float32), (0.4 + 0.62 * shading).astype(np.float32)


def _hair(scene: Scene) -> None:
    random, drawn = scene.random, np.zeros_like(scene.body)
    way, long = between(random, 0, 6.3), scene.side * between(random, 0.02, 0.12)
    along = np.linspace(0, 1, 6)[:, np.newaxis]
    for _ in range(int(random.choice([60, 250, 900]))):
        angle = way + random.normal(0, 0.5)
        straight = np.asarray((np.cos(angle), np.sin(angle)))
        aside = np.asarray((-straight[1], straight[0])) * random.normal(0, 0.25)
        root = random.uniform(0, 1, 2) * scene.size
        line = root + long * (along * straight + along**2 * aside)
        stroke(drawn, line, 1, between(random, 0.3, 1))
    colour = np.asarray((40, 28, 20)) * between(random, 0.4, 2.5)
    scene.paint(colour, drawn * between(random, 0.3, 0.9))


def inflamed(scene: Scene) -> Colour:
    """Return what inflamed skin of this tone looks like."""
    random, (red, green, blue) = scene.random, scene.colour
    return np.asarray(
        (
            min(255, red * between(random, 0.75, 0.98) + 18),
            green * between(random, 0.4, 0.75),
            blue * between(random, 0.45, 0.8),
        )
    )


def _scattered(scene: Scene) -> None:
    """Rashes, moles, purpura, blisters."""
    random, drawn = scene.random, np.zeros_like(scene.body)
    middle, spread = scene.spot(), between(random, 0.1, 0.4)
    radius = between(random, 0.004, 0.03) * scene.side
    for _ in range(int(random.integers(5, 120))):
        place = middle + random.normal(0, spread, 2) * scene.size
        large = radius * between(random, 0.4, 1.6)
        dab(scene, drawn, place, large, soft=between(random, 0.15, 0.6))
    red = inflamed(scene)
    mole = scene.colour * (0.5, 0.42, 0.38) * between(random, 0.5, 1.2)
    colours = (red, red, red * between(random, 0.4, 0.8), mole, red * 0.5 + 110)
    scene.paint(colours[int(random.integers(len(colours)))], drawn * between(random, 0.25, 0.9))


def _flush(scene: Scene) -> None:
    random, size = scene.random, scene.size
    radius = scene.side * between(random, 0.15, 0.6)
    drawn = blob(random, size, scene.spot(), radius, soft=between(random, 0.3, 0.8), rough=0.3)
    uneven = np.clip(0.8 + 0.4 * noise(random, size, 0.05), 0, 1)
    scene.paint(inflamed(scene), drawn * uneven * between(random, 0.15, 0.7))


def _plaque(scene: Scene) -> None:
    random, size = scene.random, scene.size
    radius, soft = scene.side * between(random, 0.06, 0.35), between(random, 0.05, 0.3)
    drawn = blob(random, size, scene.spot(), radius, soft=soft, rough=0.3)
    scene.paint(inflamed(scene) * between(random, 0.7, 1.05), drawn * between(random, 0.4, 0.9))
    scales = noise(random, size, between(random, 0.006, 0.03)) - between(random, 0.1, 1.2)
    seen = np.clip(scene.colour.mean() / 130, 0.4, 1) * between(random, 0.2, 0.9)
    scene.paint((225, 215, 205), np.clip(scales, 0, 1) * drawn * np.float32(seen))


def _wound(scene: Scene) -> None:
    random, size = scene.random, scene.size
    middle, radius = scene.spot(), scene.side * between(random, 0.05, 0.3)
    seed, aspect = int(random.integers(1 << 30)), between(random, 1, 2.2)

    def ring(share: float, soft: float) -> Field:
        again = np.random.default_rng(seed)
        return blob(again, size, middle, radius * share, soft=soft, rough=0.25, aspect=aspect)

    red = inflamed(scene)
    scene.paint(red, ring(between(random, 1.2, 1.9), 0.4) * between(random, 0.2, 0.8))
    if random.random() < 0.4:
        pale = np.asarray((225, 205, 180)) * min(1, scene.colour.mean() / 120)
        scene.paint(pale, ring(1.15, 0.1) * between(random, 0.2, 0.8))
    scene.paint(red * 0.75, ring(1.05, 0.06) * 0.8)
    bed = ring(1, 0.06) * scene.body
    scene.paint(np.asarray((150, 44, 40)) * between(random, 0.5, 1.3), bed * 0.95)
    scene.canvas *= (1 + 0.18 * bed * noise(random, size, between(random, 0.01, 0.04)))[
        ..., np.newaxis
    ]
    slough = noise(random, size, between(random, 0.03, 0.1)) - between(random, -0.8, 0.9)
    scene.paint((203, 176, 112), bed * np.clip(slough, 0, 1) * 0.85)
    if random.random() < 0.35:
        dead = noise(random, size, between(random, 0.05, 0.15)) * 2 - between(random, -1.5, 1)
        scene.paint((30, 22, 20), bed * np.clip(dead, 0, 1) * 0.95)
    wet = np.clip(noise(random, size, 0.012) - 1.7, 0, 1) * bed
    scene.canvas += 150 * wet[..., np.newaxis]


def _bruise(scene: Scene) -> None:
    random, size = scene.random, scene.size
    radius = scene.side * between(random, 0.08, 0.35)
    drawn = blob(random, size, scene.spot(), radius, soft=between(random, 0.3, 0.8), rough=0.4)
    drawn *= np.clip(0.7 + 0.5 * noise(random, size, 0.05), 0, 1)
    share = np.clip(0.5 + 0.6 * noise(random, size, 0.1), 0, 1)[..., np.newaxis]
    violet, yellow = scene.colour * (0.62, 0.45, 0.62), scene.colour * (0.85, 0.78, 0.5)
    scene.paint(violet * share + yellow * (1 - share), drawn * between(random, 0.3, 0.85))


def _naevus(scene: Scene) -> None:
    random, size = scene.random, scene.size
    radius, soft = scene.side * between(random, 0.03, 0.3), between(random, 0.03, 0.2)
    drawn = blob(random, size, scene.spot(), radius, soft=soft, rough=0.25)
    brown = scene.colour * (0.45, 0.35, 0.3) * between(random, 0.35, 1.5)
    uneven = 1 + 0.3 * noise(random, size, between(random, 0.01, 0.08))
    scene.paint(brown * uneven[..., np.newaxis], drawn * between(random, 0.5, 0.95))


def _crust(scene: Scene) -> None:
    random, size = scene.random, scene.size
    radius = scene.side * between(random, 0.05, 0.3)
    drawn = blob(random, size, scene.spot(), radius, soft=0.3, rough=0.4)
    broken = noise(random, size, between(random, 0.01, 0.05)) + between(random, -0.5, 0.7)
    brown = np.asarray((140, 95, 45)) * between(random, 0.4, 1.2)
    scene.paint(brown, drawn * np.clip(broken, 0, 1) * between(random, 0.5, 0.95))


def _veins(scene: Scene) -> None:
    random, drawn = scene.random, np.zeros_like(scene.body)
    for _ in range(int(random.integers(1, 9))):
        line = curve(random, 5, scene.side * between(random, 0.03, 0.15), scene.spot())
        stroke(drawn, line, between(random, 1, scene.side * 0.02))
    tint = (0.72, 0.75, 0.85) if random.random() < 0.6 else (0.85, 0.5, 0.55)
    drawn = soften(drawn, between(random, 0.7, scene.side * 0.012))
    scene.paint(scene.colour * tint, drawn * between(random, 0.2, 0.7))


def _burn(scene: Scene) -> None:
    random, size = scene.random, scene.size
    radius, soft = scene.side * between(random, 0.1, 0.5), between(random, 0.02, 0.2)
    drawn = blob(random, size, scene.spot(), radius, soft=soft, rough=0.5)
    share = np.clip(0.5 + noise(random, size, between(random, 0.03, 0.1)), 0, 1)[..., np.newaxis]
    colour = inflamed(scene) * share + np.asarray((235, 190, 175)) * (1 - share)
    scene.paint(colour, drawn * between(random, 0.4, 0.9))


def _stitches(scene: Scene) -> None:
    random, drawn = scene.random, np.zeros_like(scene.body)
    line = curve(random, 4, scene.side * between(random, 0.06, 0.14), scene.spot())
    stroke(drawn, line, between(random, 1, 3))
    for at in range(4, len(line) - 2, int(random.integers(4, 9))):
        along = line[at + 1] - line[at - 1]
        aside = np.asarray((-along[1], along[0])) / max(1e-3, float(np.hypot(*along)))
        half = aside * scene.side * 0.025
        stroke(drawn, (line[at] - half, line[at] + half), 1.4)
    sore = soften(np.asarray(cv2.dilate(drawn, np.ones((9, 9))), np.float32), 3)
    scene.paint(inflamed(scene), sore * 0.5)
    scene.paint((30, 25, 40), soften(drawn, 0.6) * between(random, 0.6, 1))


def _nail(scene: Scene) -> None:
    random, size = scene.random, scene.size
    radius = scene.side * between(random, 0.06, 0.2)
    drawn = blob(random, size, scene.spot(), radius, soft=0.05, rough=0.04)
    colours = ((225, 180, 165), (200, 180, 120), (120, 95, 60), (60, 45, 40))
    ridges = 1 + 0.08 * noise(random, size, 0.02, stretch=0.2, angle=between(random, 0, 180))
    rim = soften(np.asarray(cv2.dilate(drawn, np.ones((5, 5))), np.float32), 2)
    scene.paint(scene.colour * 0.6, rim * 0.5)
    colour = np.asarray(colours[int(random.integers(len(colours)))])
    scene.paint(colour * ridges[..., np.newaxis], drawn * 0.85)


def _pale(scene: Scene) -> None:
    """Scars, and skin without pigment or flaking."""
    random, size = scene.random, scene.size
    radius, soft = scene.side * between(random, 0.04, 0.5), between(random, 0.1, 0.5)
    drawn = blob(random, size, scene.spot(), radius, soft=soft, rough=0.35)
    if random.random() < 0.5:
        angle = between(random, 0, 180)
        drawn *= np.clip(np.abs(noise(random, size, 0.02, angle=angle)) - 0.9, 0, 1)
    light = np.minimum(255, scene.colour * 0.55 + 110)
    scene.paint(light, drawn * between(random, 0.3, 0.8))


LESIONS: tuple[Callable[[Scene], None], ...] = (
    *(_scattered, _scattered, _flush, _plaque, _wound, _wound, _bruise, _naevus),
    *(_crust, _veins, _burn, _stitches, _nail, _pale),
)


def hurt(scene: Scene) -> None:
    """Draw one lesion, or something else that belongs to skin."""
    LESIONS[int(scene.random.integers(len(LESIONS)))](scene)
