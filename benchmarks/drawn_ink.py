"""Tattoos, drawn: shaded grey, colour, lines and black, and pressed into drawn skin.

Figures, flowers, portraits, letters, bands, rosettes, fine lines and sleeves. Portraits are cut from
the photographs that the package carries, which anybody may use. Everything follows from the generator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

from benchmarks.drawn_bodies import (
    FONTS,
    LETTERS,
    PHOTOGRAPHS,
    Colour,
    Field,
    Random,
    Scene,
    between,
    blob,
    curve,
    mixed,
    noise,
    soften,
    stroke,
)
from safelight.cli import made_up

INKS = ((25, 25, 30), (35, 40, 48), (45, 60, 70), (50, 55, 90))
TINTS = (
    *((190, 30, 40), (225, 80, 40), (235, 190, 50), (40, 130, 70), (30, 110, 170), (60, 170, 190)),
    *((110, 50, 140), (220, 110, 150), (120, 70, 40), (40, 60, 150), (240, 240, 235)),
)
STYLES = ("grey", "colour", "line", "black")
FACE = (220, 115)
"""Middle of the face in the astronaut's photograph."""
LARGEST = 380
"""Side of a plate in pixels; what is larger on the body is enlarged."""


@dataclass(slots=True)
class Plate:
    """A tattoo before it is on skin: its colours, and how dense the ink is."""

    random: Random
    side: int
    style: str
    line: float
    """Thickness of outlines in pixels."""
    ink: Colour = field(init=False)
    tints: list[Colour] = field(init=False)
    colours: Field = field(init=False)
    dense: Field = field(init=False)

    def __post_init__(self) -> None:
        """Choose the ink."""
        self.ink = np.asarray(INKS[int(self.random.integers(len(INKS)))], np.float64)
        chosen = self.random.choice(len(TINTS), int(self.random.integers(1, 5)), replace=False)
        self.tints = [np.asarray(TINTS[int(each)], np.float64) for each in chosen]
        self.colours = np.ones((self.side, self.side, 3), np.float32) * self.ink.astype(np.float32)
        self.dense = np.zeros((self.side, self.side), np.float32)

    @property
    def middle(self) -> Colour:
        """Return the middle."""
        return np.asarray((self.side / 2, self.side / 2))

    def near(self, spread: float) -> Colour:
        """Return a place about the middle; spread: as a share of the side."""
        return np.asarray(self.middle + self.random.normal(0, spread * self.side, 2))

    def empty(self) -> Field:
        """Return a mask with nothing in it."""
        return np.zeros_like(self.dense)

    def inked(self, mask: Field) -> None:
        """Add plain ink."""
        self.colours = mixed(self.colours, self.ink, mask)
        self.dense = np.maximum(self.dense, mask)

    def shape(self, middle: Colour, radius: float, *, spiky: bool = False) -> None:
        """Draw one closed shape over what is there: filled as the style is, and outlined."""
        random = self.random
        points = _closed(random, middle, radius, spiky=spiky)
        mask = self.empty()
        cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
        dark = _shading(random, self.side) * 0.6
        dark += (1 - soften(mask, max(1, radius * 0.25))) * between(random, 0, 1.2)
        dark = np.clip(dark, 0, 1)
        filled = np.float32(0)
        if self.style == "colour":
            tint = self.tints[int(random.integers(len(self.tints)))]
            self.colours = mixed(self.colours, tint * (1 - 0.75 * dark[..., np.newaxis]), mask)
            filled = np.float32(between(random, 0.7, 1))
        elif self.style != "line":
            self.colours = mixed(self.colours, self.ink, mask)
        if self.style == "grey":
            filled = np.clip(dark * between(random, 0.6, 1.3) - between(random, 0, 0.25), 0, 1)
        elif self.style == "black":
            filled = np.float32(random.random() < 0.6)
        self.dense = np.asarray(self.dense * (1 - mask) + mask * filled, np.float32)
        outline = self.empty()
        stroke(outline, np.vstack((points, points[:1])), self.line)
        self.inked(outline)


def _closed(random: Random, middle: Colour, radius: float, *, spiky: bool) -> Colour:
    around = np.linspace(0, 2 * np.pi, 120)
    edge = np.ones_like(around)
    for wave in range(2, 8):
        edge += random.normal(0, 0.25 / wave**0.8) * np.cos(wave * around + between(random, 0, 6.3))
    if spiky:
        points = int(random.integers(3, 12))
        edge *= 1 + between(random, 0.1, 0.45) * np.cos(points * around + between(random, 0, 6))
    angle, flat = between(random, 0, 3.14), between(random, 0.5, 1)
    along, across = radius * edge * np.cos(around), radius * edge * np.sin(around) * flat
    return _turned(np.stack((along, across), 1), angle) + middle


def _turned(points: Colour, angle: float) -> Colour:
    turn = np.asarray(((np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))))
    return np.asarray(points @ turn)


def _shading(random: Random, side: int) -> Field:
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    angle = between(random, 0, 6.3)
    slope = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)
    uneven = 0.25 * noise(random, (side, side), between(random, 0.05, 0.3))
    return np.clip(0.5 + between(random, 0.8, 2.4) * slope + uneven, 0, 1).astype(np.float32)


def _figure(plate: Plate) -> None:
    random = plate.random
    for _ in range(int(random.integers(3, 16))):
        radius = plate.side * between(random, 0.05, 0.28)
        plate.shape(plate.near(0.16), radius, spiky=random.random() < 0.35)
    drawn = plate.empty()
    for _ in range(int(random.integers(0, 14))):
        line = curve(random, 4, plate.side * between(random, 0.03, 0.12), plate.near(0.17))
        stroke(drawn, line, plate.line * between(random, 0.5, 1.5))
    plate.inked(drawn)


def _flower(plate: Plate) -> None:
    random = plate.random
    for _ in range(int(random.integers(1, 4))):
        middle, radius = plate.near(0.14), plate.side * between(random, 0.14, 0.32)
        layers = int(random.integers(2, 5))
        for layer in range(layers, 0, -1):
            reach, petals = radius * layer / layers, int(random.integers(3, 8))
            turned = between(random, 0, 6.3)
            for petal in range(petals):
                angle = turned + petal * 2 * np.pi / petals
                aside = 0.55 * reach * np.asarray((np.cos(angle), np.sin(angle)))
                plate.shape(middle + aside, reach * 0.62)


def _portrait(plate: Plate) -> None:
    random, side = plate.random, plate.side
    photograph = made_up.photograph(str(random.choice(PHOTOGRAPHS, p=[0.7, 0.12, 0.18])))
    if photograph.shape[0] == photograph.shape[1] and random.random() < 0.5:
        wide = int(between(random, 130, 230))
        left, top = (max(0, int(each - wide / 2 + random.normal(0, 12))) for each in FACE)
    else:
        wide = int(min(photograph.shape[:2]) * between(random, 0.25, 0.9))
        top, left = (int(random.integers(0, each - wide + 1)) for each in photograph.shape[:2])
    cut = photograph[top : top + wide, left : left + wide]
    cut = cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    cut = cut[:, ::-1].copy() if random.random() < 0.5 else cut
    grey = soften(cut.mean(axis=2), between(random, 0.3, 1.5))
    low, high = np.percentile(grey, (3, 97))
    grey = np.clip((grey - low) / max(1.0, float(high - low)), 0, 1).astype(np.float32)
    dark = 1 - grey if random.random() < 0.75 else grey
    dark = np.clip((dark - 0.5) * between(random, 1, 2.2) + between(random, 0.3, 0.6), 0, 1)
    dark = np.round(dark * 3) / 3 if random.random() < 0.3 else dark
    edges = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    dark = np.maximum(dark, np.clip(edges * between(random, 0, 0.5), 0, 1))
    if plate.style == "line":
        dark = np.clip(edges * between(random, 0.4, 1.2) - 0.1, 0, 1)
    radius, soft = side * between(random, 0.36, 0.46), between(random, 0.02, 0.25)
    mask = blob(random, (side, side), plate.middle, radius, soft=soft, rough=0.2)
    if plate.style == "colour":
        plain = cut.mean(axis=2, keepdims=True)
        strong = plain + (cut - plain) * between(random, 1.2, 3)
        strong = strong * random.normal(1, 0.25, 3) * (1 - 0.6 * dark[..., np.newaxis])
        plate.colours = np.clip(strong, 0, 255).astype(np.float32)
        dark = np.clip(0.45 + dark, 0, 1)
    plate.dense = np.asarray(mask * dark, np.float32)


def _letters(plate: Plate) -> None:
    random, side = plate.random, plate.side
    for row in range(int(random.integers(1, 4))):
        words = "".join(random.choice(LETTERS, int(random.integers(3, 12))))
        face, thick = int(random.choice(FONTS)), int(random.integers(1, 5))
        (wide, _), _ = cv2.getTextSize(words, face, 1, thick)
        drawn, scale = plate.empty(), min(side * 0.85 / wide, side / 60)
        at = (int(side * 0.07), int(side * (0.3 + 0.22 * row)))
        cv2.putText(drawn, words, at, face, scale, (1.0,), thick, cv2.LINE_AA)
        plate.inked(drawn)


def _bands(plate: Plate) -> None:
    random, side = plate.random, plate.side
    for _ in range(int(random.integers(2, 9))):
        line = curve(random, 4, side * between(random, 0.08, 0.2), plate.near(0.13))
        half = np.sin(np.linspace(0, np.pi, len(line))) * side * between(random, 0.015, 0.06)
        along = np.gradient(line, axis=0)
        aside = np.stack((-along[:, 1], along[:, 0]), 1)
        aside /= np.maximum(1e-3, np.hypot(*along.T))[:, np.newaxis]
        near, far = line + aside * half[:, np.newaxis], line - aside * half[:, np.newaxis] * 0.3
        drawn = plate.empty()
        outline = np.round(np.vstack((near, far[::-1])) * 16).astype(np.int32)
        cv2.fillPoly(drawn, [outline], 1.0, cv2.LINE_AA, 4)
        plate.inked(drawn)


def _rosette(plate: Plate) -> None:
    random, side = plate.random, plate.side
    drawn, parts = plate.empty(), int(random.integers(5, 16))
    for _ in range(int(random.integers(3, 9))):
        start = (side * between(random, 0.03, 0.42), 0)
        line = curve(random, 3, side * between(random, 0.02, 0.09), start)
        filled = random.random() < 0.3
        for part in range(parts):
            for way in (1, -1):
                turned = plate.middle + _turned(line * (1, way), 2 * np.pi * part / parts)
                if filled:
                    corners = np.round(turned * 16).astype(np.int32)
                    dense = between(random, 0.5, 1)
                    cv2.fillPoly(drawn, [corners], dense, cv2.LINE_AA, 4)
                stroke(drawn, turned, plate.line)
    for _ in range(int(random.integers(1, 5))):
        radius, thick = int(side * between(random, 0.05, 0.46)), max(1, int(plate.line))
        cv2.circle(drawn, (side // 2, side // 2), radius, 1.0, thick, cv2.LINE_AA)
    plate.inked(drawn)


def _fine(plate: Plate) -> None:
    random, side = plate.random, plate.side
    drawn = plate.empty()
    for _ in range(int(random.integers(2, 14))):
        stroke(drawn, curve(random, 5, side * between(random, 0.03, 0.14), plate.near(0.12)), 1)
    for _ in range(int(random.integers(0, 30))):
        at, radius = plate.near(0.2).astype(int).tolist(), side * between(random, 0.003, 0.012)
        cv2.circle(drawn, at, max(1, int(radius)), 1.0, -1, cv2.LINE_AA)
    plate.inked(drawn)


def _sleeve(plate: Plate) -> None:
    """Shapes over one another until all is filled, and shading between them."""
    random, side = plate.random, plate.side
    plate.style = "grey" if plate.style == "line" else plate.style
    for _ in range(int(random.integers(25, 100))):
        radius = side * between(random, 0.04, 0.22)
        plate.shape(random.uniform(0, side, 2), radius, spiky=random.random() < 0.2)
    clouds = np.clip(0.5 + 0.5 * noise(random, (side, side), between(random, 0.05, 0.2)), 0, 1)
    radius, soft = side * between(random, 0.4, 0.6), between(random, 0.05, 0.3)
    mask = blob(random, (side, side), plate.middle, radius, soft=soft, rough=0.2)
    plate.dense = np.maximum(plate.dense, clouds * np.float32(between(random, 0, 0.9))) * mask


KINDS: tuple[Callable[[Plate], None], ...] = (
    *(_figure, _flower, _portrait, _letters, _bands, _rosette, _fine, _sleeve),
)
SHARES = (0.22, 0.14, 0.2, 0.1, 0.08, 0.07, 0.06, 0.13)


def plate(random: Random, side: int, *, sleeve: bool = False) -> Plate:
    """Return a tattoo of this side in pixels, of a kind by chance."""
    style = str(random.choice(STYLES, p=[0.42, 0.3, 0.16, 0.12]))
    drawn = Plate(random, side, style, max(1.0, side * between(random, 0.004, 0.016)))
    draw = _sleeve if sleeve else KINDS[int(random.choice(len(KINDS), p=SHARES))]
    draw(drawn)
    drawn.dense = np.clip(soften(drawn.dense, between(random, 0.3, 1)), 0, 1)
    return drawn


def tattooed(scene: Scene) -> Field:
    """Press a tattoo into the skin, and return how much of it is where."""
    random, size, whole = scene.random, scene.size, scene.random.random() < 0.22
    side = max(60, int(min(scene.side * between(random, 0.25, 0.95), LARGEST)))
    side = min(max(size), LARGEST) if whole else side
    ink = plate(random, side, sleeve=whole and random.random() < 0.5)
    angle = between(random, -40, 40) if random.random() < 0.7 else between(random, -180, 180)
    move = cv2.getRotationMatrix2D((0, 0), angle, max(size) * 1.1 / side if whole else 1.0)
    move[0] *= between(random, 0.55, 1.1)
    middle = np.asarray(size) / 2 if whole else scene.spot()
    move[:, 2] = middle - move[:, :2] @ ink.middle
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    x, y = (each + noise(random, size, 0.3) * scene.side * 0.01 for each in (x, y))

    def laid(picture: Field) -> Field:
        flat = cv2.warpAffine(picture, move, size, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cv2.remap(flat, x, y, cv2.INTER_LINEAR), np.float32)

    colours, dense = laid(ink.colours), laid(np.pad(ink.dense[1:-1, 1:-1], 1))
    dense = soften(dense, between(random, 0.6, 2.5)) if random.random() < 0.3 else dense
    dense = dense * scene.body * np.float32(between(random, 0.55, 0.97))
    light = np.clip((scene.canvas / scene.colour).mean(axis=2, keepdims=True), 0.2, 1.3)
    bright = 0.45 + 0.55 * np.clip(scene.colour.mean() / 185, 0.25, 1)
    through = between(random, 0.06, 0.3)
    under = (colours * (1 - through) * bright + scene.colour * through) * light
    if random.random() < 0.3:
        sore = np.asarray(cv2.dilate(dense, np.ones((15, 15))), np.float32)
        sore = soften(sore, scene.side * 0.03) * np.float32(between(random, 0.3, 1))
        scene.paint(scene.canvas * (1.04, 0.82, 0.82), sore)
    scene.canvas = mixed(scene.canvas, under, dense)
    return dense
