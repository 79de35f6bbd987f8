"""One network that knows people and things, and where it looks: asked once for all who want to know.

SSDLite sees a picture squeezed into a small square, and in it what is large enough; the squares at
both ends of a picture that isn't square show what is smaller. Its heads are decoded here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from safelight.detect.cards import ModelCard
    from safelight.detect.faces import Boxes
    from safelight.detect.models import Model
    from safelight.detect.sizes import Sizes
    from safelight.terms import Pixels

NAMES = (
    *("person", "television", "laptop", "phone"),
    *("backpack", "umbrella", "handbag", "tie", "suitcase"),
    *("bicycle", "car", "motorcycle", "bus", "train", "lorry", "boat", "traffic light"),
    *("stop sign", "bench", "cat", "dog", "horse", "bottle", "cup", "chair", "couch", "plant"),
    *("bed", "table", "toilet", "mouse", "remote control", "keyboard", "microwave", "oven"),
    *("sink", "refrigerator", "book", "clock", "teddy bear"),
)
"""What is asked for, in the order in which models.toml takes the classes out of the network."""

SIDE = 300
"""Of the square that the network was trained on, in pixels; a picture is squeezed into it."""
SEEN_AT = 640
"""Longest side in pixels of what the squares are cut from."""
LONG = 1.05
"""Longer side over shorter, from which the ends of a picture are looked at as well."""
END_LEVELS = 3
"""At an end, only the levels for smaller boxes are asked: what fills it is seen in the whole."""
LEAST = 0.2
"""What is less likely than that is not remembered."""

VARIANCES = (0.1, 0.2)
LEVELS = 6
SMALLEST, LARGEST = 0.2, 0.95
"""Sides of the anchors at the first and the last level, as shares of SIDE."""
FIRST_ANCHORS = ((0.1, 1.0), (SMALLEST, 2.0), (SMALLEST, 0.5))
"""Side and width over height; at the first level only."""
RATIOS = (1.0, 2.0, 0.5, 3.0, 1 / 3)

Rows: TypeAlias = NDArray[np.float32]
"""(n, 4 + names): left, top, right, bottom, then how likely each of NAMES is."""
Cells: TypeAlias = NDArray[np.float32]
"""(rows, columns, 576): what the network made of each piece of a picture half-way to its answers."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the network saw, in pixels of the picture."""

    rows: Rows
    cells: Cells | None = None
    """Of the whole picture only, the picture's pieces in their own places."""

    def of(self, *names: str, at: float) -> Boxes:
        """Return (n, 5): boxes where any of the names is at least so likely, and how likely."""
        columns = [4 + NAMES.index(name) for name in names]
        likely = self.rows[:, columns].max(axis=1)
        boxes: Boxes = np.column_stack((self.rows[:, :4], likely))[likely >= at]
        return boxes


class Objects:
    """The network, asked once for each way of looking at a picture."""

    def __init__(self, model: Model) -> None:
        """Take the network."""
        self._model = model

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """Return the network's card."""
        return (self._model.card,)

    def whole(self, sizes: Sizes, *, mirrored: bool) -> Seen:
        """Return what the whole picture shows, looked at from the other side if `mirrored`."""
        return sizes.once(("objects", int(mirrored)), lambda: self._whole(sizes, mirrored))

    def ends(self, sizes: Sizes) -> Seen:
        """Return what the squares at both ends show besides; nothing if the picture is square."""
        return sizes.once(("objects at the ends", 0), lambda: self._ends(sizes))

    def _whole(self, sizes: Sizes, mirrored: bool) -> Seen:
        small = sizes.at(SEEN_AT)
        rows, cells = self._asked(small, mirrored=mirrored)
        return Seen(_in_pixels_of(sizes, small, rows), cells)

    def _ends(self, sizes: Sizes) -> Seen:
        small = sizes.at(SEEN_AT)
        parts = [_none()]
        for left, top, square in _ends(small):
            rows, _ = self._asked(square, levels=END_LEVELS)
            rows[:, :4] += (left, top, left, top)
            parts.append(rows)
        return Seen(_in_pixels_of(sizes, small, np.concatenate(parts)))

    def _asked(
        self, pixels: Pixels, *, mirrored: bool = False, levels: int = LEVELS
    ) -> tuple[Rows, Cells]:
        height, width = pixels.shape[:2]
        square = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        square = square[:, ::-1] if mirrored else square
        planes = np.ascontiguousarray(square.transpose(2, 0, 1), np.float32)[np.newaxis]
        planes *= np.float32(2 / 255)
        planes -= np.float32(1)
        *heads, cells = self._model.run(planes)
        rows, pieces = decoded(heads[: 2 * levels]), cells[0].transpose(1, 2, 0)
        if mirrored:
            rows[:, (0, 2)] = 1 - rows[:, (2, 0)]
            pieces = pieces[:, ::-1]
        rows[:, :4] *= (width, height, width, height)
        return rows, pieces


def decoded(heads: Sequence[NDArray[np.float32]]) -> Rows:
    """Decode the network's heads: a box's move from its anchors, then how likely each name is.

    Returned are shares of the square, where anything is as likely as LEAST.
    """
    kept = [_none()]
    for level, (moves, likely) in enumerate(zip(heads[::2], heads[1::2], strict=True)):
        rows, columns = moves.shape[2:]
        odds = likely[0].transpose(1, 2, 0).reshape(-1, len(NAMES))
        there = odds.max(axis=1) >= math.log(LEAST / (1 - LEAST))
        y, x, high, wide = _anchors(level, rows, columns)[there].T
        moved = moves[0].transpose(1, 2, 0).reshape(-1, 4)[there]
        y, x = y + moved[:, 0] * VARIANCES[0] * high, x + moved[:, 1] * VARIANCES[0] * wide
        high, wide = (
            side * np.exp(moved[:, 2 + axis] * VARIANCES[1]) / 2
            for axis, side in enumerate((high, wide))
        )
        scores = 1 / (1 + np.exp(-odds[there]))
        kept.append(np.column_stack((x - wide, y - high, x + wide, y + high, scores)))
    return np.concatenate(kept).astype(np.float32)


@lru_cache(maxsize=LEVELS)
def _anchors(level: int, rows: int, columns: int) -> NDArray[np.float32]:
    """Return (n, 4): middle y and x, height and width, as shares of the square."""
    step = (LARGEST - SMALLEST) / (LEVELS - 1)
    sides = [SMALLEST + step * each for each in range(LEVELS)] + [1.0]
    shapes: tuple[tuple[float, float], ...] = FIRST_ANCHORS
    if level:
        between = math.sqrt(sides[level] * sides[level + 1])
        shapes = (*((sides[level], ratio) for ratio in RATIOS), (between, 1.0))
    y, x, which = np.meshgrid(
        (np.arange(rows) + 0.5) / rows,
        (np.arange(columns) + 0.5) / columns,
        np.arange(len(shapes)),
        indexing="ij",
    )
    extent = np.asarray([(side / math.sqrt(r), side * math.sqrt(r)) for side, r in shapes])
    return np.column_stack((y.ravel(), x.ravel(), extent[which.ravel()])).astype(np.float32)


def _ends(pixels: Pixels) -> Iterator[tuple[int, int, Pixels]]:
    """Yield left, top and pixels of the squares at both ends of a picture that isn't square."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    if max(height, width) < LONG * side:
        return
    for left, top in ((0, 0), (width - side, height - side)):
        yield left, top, pixels[top : top + side, left : left + side]


def _in_pixels_of(sizes: Sizes, small: Pixels, rows: Rows) -> Rows:
    rows[:, :4] *= sizes.longest / max(small.shape[:2])
    return rows


def _none() -> Rows:
    return np.zeros((0, 4 + len(NAMES)), np.float32)
