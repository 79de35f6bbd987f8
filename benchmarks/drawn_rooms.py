"""Whole drawn pictures of bodies in rooms, half of them tattooed, with the tattoo known to the pixel.

`drawn_bodies.py` draws the body and what may be on it, `drawn_ink.py` the tattoos; here are what is
around, what lies over the skin, and the camera. Everything follows from the seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from benchmarks.drawn_bodies import (
    CLOTHS,
    COLOURS,
    FONTS,
    LETTERS,
    PHOTOGRAPHS,
    Field,
    Random,
    Scene,
    begun,
    between,
    blob,
    curve,
    hurt,
    lit,
    mixed,
    noise,
    soften,
    stroke,
)
from benchmarks.drawn_ink import plate, tattooed
from safelight.cli import made_up

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from safelight.terms import Pixels

SIZES = ((480, 360), (360, 480), (400, 400), (300, 480), (480, 320))
INKED_AT = 0.12
"""How dense ink must be to count."""
BETWEEN = 15
"""Gaps between strokes of so many pixels belong to the tattoo."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture, and where in it a tattoo is."""

    pixels: Pixels
    tattoo: NDArray[np.bool_]


def drawn(seed: int, *, tone: float | None = None, inked: bool | None = None) -> Drawn:
    """Return a picture; tone (0 very light to 5 dark) and whether tattooed by chance if None."""
    random = np.random.default_rng(seed)
    by_chance = random.random() < 0.5, between(random, 0, len(COLOURS) - 1 - 1e-6)
    inked, tone = by_chance[0] if inked is None else inked, by_chance[1] if tone is None else tone
    scene = begun(random, SIZES[int(random.integers(len(SIZES)))], tone)
    lesions = (
        int(random.random() < 0.25) if inked else int(random.choice(4, p=[0.1, 0.4, 0.3, 0.2]))
    )
    for _ in range(lesions):
        hurt(scene)
    tattoo = np.zeros_like(scene.body)
    for _ in range(int(random.choice([1, 2, 3], p=[0.75, 0.17, 0.08])) if inked else 0):
        tattoo = np.maximum(tattoo, tattooed(scene))
    room = around(random, scene.size)
    if random.random() < 0.6:
        room *= (1 - 0.35 * soften(scene.body, 8))[..., np.newaxis]
    scene.canvas = mixed(room, scene.canvas, scene.body)
    _over(scene)
    seen = ((tattoo * scene.free) > INKED_AT).astype(np.uint8)
    whole = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((BETWEEN, BETWEEN), np.uint8))
    return Drawn(_taken(random, scene.canvas), whole.astype(bool))


def _taken(random: Random, canvas: Field) -> Pixels:
    """Return what a camera makes of it: its light, its lens, its noise and its JPEG."""
    light = random.normal(1, 0.06, 3) * between(random, 0.7, 1.25)
    seen = 255 * (np.clip(canvas * light, 0, 255) / 255) ** between(random, 0.75, 1.3)
    seen = (
        cv2.GaussianBlur(seen, (0, 0), between(random, 0.4, 1.6)) if random.random() < 0.4 else seen
    )
    grain = random.normal(0, between(random, 0.5, 5), seen.shape[:2])[..., np.newaxis]
    grain = grain + random.normal(0, between(random, 0, 2), seen.shape)
    sharp = np.clip(seen + grain, 0, 255).astype(np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(45, 96))]
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", sharp, quality)[1], 1), np.uint8)


def around(random: Random, size: tuple[int, int]) -> Field:
    """Return a room, a cloth or a floor that fills the picture."""
    colour = np.asarray(CLOTHS[int(random.integers(len(CLOTHS)))]) * between(random, 0.6, 1.1)
    colour = random.uniform(10, 245, 3) if random.random() < 0.3 else colour
    plain = np.ones((size[1], size[0], 3), np.float32) * colour.astype(np.float32)
    kind = random.choice(6, p=[0.24, 0.33, 0.17, 0.13, 0.07, 0.06])
    if kind == 0:
        room = plain * (between(random, 0, 0.2) if random.random() < 0.3 else 1)
    elif kind == 1:
        angle, grain = between(random, 0, 180), between(random, 0.05, 0.25)
        folds = np.abs(noise(random, size, grain, stretch=between(random, 0.4, 2), angle=angle))
        weave = 0.06 * noise(random, size, 0.004) * (random.random() < 0.3)
        folds = 1.1 - folds * between(random, 0.05, 0.3) + weave
        room = plain * folds[..., np.newaxis]
    elif kind == 2:
        room = _photographed(random, size)
    elif kind == 3:
        room = _cluttered(random, plain)
    elif kind == 4:
        room = _tiled(random, plain)
    else:
        room = _printed(random, plain)
    return np.clip(room * lit(random, size)[..., np.newaxis], 0, 255).astype(np.float32)


def _photographed(random: Random, size: tuple[int, int]) -> Field:
    photograph = made_up.photograph(str(random.choice(PHOTOGRAPHS)))
    share = between(random, 0.35, 1)
    high, wide = (int(share * each) for each in photograph.shape[:2])
    top = int(random.integers(0, photograph.shape[0] - high + 1))
    left = int(random.integers(0, photograph.shape[1] - wide + 1))
    cut = photograph[top : top + high, left : left + wide]
    cut = cv2.resize(cut, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(cut * random.normal(1, 0.15, 3), np.float32)


def _cluttered(random: Random, room: Field) -> Field:
    size = np.asarray((room.shape[1], room.shape[0]))
    for _ in range(int(random.integers(4, 25))):
        colour = random.uniform(0, 255, 3).tolist()
        place = random.uniform(0, 1, 2) * size
        one, other = place.astype(int).tolist(), (place + random.normal(0, 0.25, 2) * size)
        corner, wide = other.astype(int).tolist(), int(between(random, 0.02, 0.2) * size[0])
        kind = random.integers(4)
        if kind == 0:
            cv2.rectangle(room, one, corner, colour, -1)
        elif kind == 1:
            cv2.line(room, one, corner, colour, int(random.integers(1, 14)), cv2.LINE_AA)
        elif kind == 2:
            cv2.circle(room, one, wide, colour, -1, cv2.LINE_AA)
        else:
            turned, thick = between(random, 0, 180), int(random.choice([-1, 2, 4]))
            flat = (wide, max(1, int(wide * between(random, 0.2, 1))))
            cv2.ellipse(room, one, flat, turned, 0, 360, colour, thick, cv2.LINE_AA)
    return soften(room, between(random, 0.6, 4))


def _tiled(random: Random, room: Field) -> Field:
    """Tiles, or stripes."""
    many, angle = between(random, 3, 14), between(random, 0, np.pi)
    y, x = np.mgrid[0 : room.shape[0], 0 : room.shape[1]].astype(np.float32)
    x, y = x / max(room.shape) * many, y / max(room.shape) * many
    tiles = np.floor(x * np.cos(angle) + y * np.sin(angle))
    if random.random() < 0.5:
        tiles += np.floor((y * np.cos(angle) - x * np.sin(angle)) * between(random, 0.7, 1.2))
    return mixed(room, random.uniform(0, 250, 3), (tiles % 2).astype(np.float32))


def _printed(random: Random, room: Field) -> Field:
    """Cloth with a print: drawings that are no tattoo."""
    for _ in range(int(random.integers(3, 20))):
        side = max(30, int(between(random, 0.08, 0.4) * min(room.shape[:2])))
        print_ = plate(random, side)
        left = int(random.integers(0, room.shape[1] - side + 1))
        top = int(random.integers(0, room.shape[0] - side + 1))
        piece = room[top : top + side, left : left + side]
        piece[:] = mixed(piece, print_.colours, print_.dense)
    return room


def _over(scene: Scene) -> None:
    """Add creases and shine, and lay things over skin and room."""
    random = scene.random
    if random.random() < 0.35:
        creases = np.zeros_like(scene.body)
        for _ in range(int(random.integers(1, 6))):
            line = curve(random, 3, scene.side * between(random, 0.04, 0.2), scene.spot())
            stroke(creases, line, between(random, 1, 4))
        dark = soften(creases, between(random, 1, 3)) * between(random, 0.3, 0.9)
        scene.paint(scene.colour * 0.45, dark)
    if random.random() < 0.35:
        wet = noise(random, scene.size, between(random, 0.02, 0.2)) - between(random, 0.8, 1.8)
        wet = np.clip(wet, 0, 1) * scene.body * np.float32(between(random, 30, 160))
        scene.canvas = scene.canvas + wet[..., np.newaxis]
    for lay, share in ((_paper, 0.22), (_glove, 0.08), (_garment, 0.16), (_chain, 0.04)):
        if random.random() < share:
            lay(scene)
    if random.random() < 0.25:
        _caption(scene)


def _paper(scene: Scene) -> None:
    """A ruler, a label or a plaster."""
    random, kind = scene.random, scene.random.integers(3)
    wide = int(
        scene.side * (between(random, 0.3, 0.8) if kind == 0 else between(random, 0.15, 0.45))
    )
    high = int(scene.side * between(random, 0.06, 0.12 if kind == 0 else 0.25))
    colour = (214, 180, 150) if kind == 2 else (245, 244, 240)
    paper = np.ones((high, wide, 3), np.float32) * np.asarray(colour, np.float32)
    paper *= between(random, 0.75, 1)
    if kind == 0:
        marks = int(random.integers(20, 70))
        for mark in range(marks):
            at, tall = int(mark * wide / marks), int(high * (0.6 if mark % 10 == 0 else 0.3))
            cv2.line(paper, (at, 0), (at, tall), (20, 20, 20), 1)
    elif kind == 1:
        for row in range(int(random.integers(1, 5))):
            words = "".join(random.choice(LETTERS, 14))
            at, face = (3, int((row + 1) * high / 5) + 2), int(random.choice(FONTS))
            cv2.putText(paper, words, at, face, wide / 250, (20, 20, 30), 1, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((wide / 2, high / 2), between(random, 0, 180), 1)
    turn[:, 2] += random.uniform(0.05, 0.95, 2) * scene.size - np.asarray((wide, high)) / 2
    mask = cv2.warpAffine(np.ones((high, wide), np.float32), turn, scene.size)
    _cover(scene, cv2.warpAffine(paper, turn, scene.size), mask)


def _glove(scene: Scene) -> None:
    random, mask = scene.random, np.zeros_like(scene.body)
    middle = random.uniform(0.05, 0.95, 2) * scene.size
    for _ in range(int(random.integers(1, 4))):
        place = middle + random.normal(0, 0.1, 2) * scene.side
        radius, aspect = scene.side * between(random, 0.08, 0.2), between(random, 1, 3)
        finger = blob(random, scene.size, place, radius, soft=0.03, rough=0.1, aspect=aspect)
        mask = np.maximum(mask, finger)
    colours = ((70, 60, 170), (120, 150, 210), (225, 225, 230), (25, 25, 28))
    folds = 1 + 0.2 * noise(random, scene.size, 0.06)
    _cover(scene, np.asarray(colours[int(random.integers(4))]) * folds[..., np.newaxis], mask)


def _garment(scene: Scene) -> None:
    """Cloth over one side of the picture."""
    random, angle = scene.random, between(scene.random, 0, 2 * np.pi)
    y, x = np.mgrid[0 : scene.size[1], 0 : scene.size[0]].astype(np.float32)
    aside = (x - scene.size[0] / 2) * np.cos(angle) + (y - scene.size[1] / 2) * np.sin(angle)
    hem = aside - scene.side * between(random, 0.2, 0.5)
    hem += 0.02 * scene.side * noise(random, scene.size, 0.1)
    _cover(scene, around(random, scene.size), np.clip(hem / 1.5, 0, 1).astype(np.float32))


def _chain(scene: Scene) -> None:
    random, mask = scene.random, np.zeros_like(scene.body)
    line = curve(random, 4, scene.side * 0.15, random.uniform(0.05, 0.95, 2) * scene.size)
    stroke(mask, line, between(random, 1, 4))
    metal = np.asarray(((212, 175, 55), (200, 200, 205))[int(random.integers(2))])
    shine = 1 + 0.3 * noise(random, scene.size, 0.01)
    scene.canvas = mixed(scene.canvas, metal * shine[..., np.newaxis], mask)


def _caption(scene: Scene) -> None:
    """Small words in the picture, as collections of pictures have them."""
    random, mask = scene.random, np.zeros_like(scene.body)
    at = (np.asarray((between(random, 0, 0.7), between(random, 0.05, 0.98))) * scene.size).astype(
        int
    )
    words, face = "".join(random.choice(LETTERS, int(random.integers(4, 14)))), random.choice(FONTS)
    cv2.putText(
        mask, words, at.tolist(), int(face), between(random, 0.3, 0.8), (1.0,), 1, cv2.LINE_AA
    )
    if random.random() < 0.4:
        emblem = (int(at[0]) + 8, max(0, int(at[1]) - 25))
        cv2.circle(mask, emblem, int(between(random, 6, 16)), 1.0, 1, cv2.LINE_AA)
    colour = (255, 255, 255) if random.random() < 0.7 else (0, 0, 0)
    scene.canvas = mixed(scene.canvas, colour, mask * np.float32(between(random, 0.5, 1)))


def _cover(scene: Scene, thing: object, mask: Field) -> None:
    scene.canvas = mixed(scene.canvas, thing, mask)
    scene.free = scene.free * (1 - mask)
