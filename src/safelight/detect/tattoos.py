"""Tattoos: held where the pieces of a picture look like ink in skin.

The network of objects makes 576 numbers of each of 19 x 19 pieces of a picture on the way to its
answers. A linear model of them, fitted on drawn tattoos and drawn skin, lesions and rooms
(`benchmarks/fit_tattoos.py`), says how much each piece looks like one. Other people are left out: they are
covered whole, and prints on their clothes look like ink. Never more than held, and
silence means little: small, faint and thinly drawn ones are missed (unseen.py).
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import cv2
import numpy as np

from safelight.detect.people import FOUND_AT
from safelight.detect.values import Finding, Scales
from safelight.terms import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from safelight.detect.cards import ModelCard
    from safelight.detect.objects import Cells, Objects
    from safelight.detect.people import People
    from safelight.detect.sizes import Sizes

AROUND = 3
"""A piece is judged by the mean of so many times so many around it."""
COVERED = -99.0
"""Log-odds of a piece of somebody else: it is covered with them, and clothes look like ink."""
WHY = "may be a tattoo"


@dataclass(frozen=True, slots=True)
class Weights:
    """What tattoos.toml says."""

    cells: NDArray[np.float32]
    """One for each number of a piece."""
    bias: float
    held_at: float
    """Log-odds from which a piece makes the detector speak."""
    edge_at: float
    """Log-odds from which a piece next to it is part of the same tattoo."""


@cache
def weights() -> Weights:
    """Return the fitted weights and the two thresholds."""
    text = resources.files("safelight.detect").joinpath("tattoos.toml").read_text("utf-8")
    said = tomllib.loads(text)
    thresholds = {name: float(said[name]) for name in ("bias", "held_at", "edge_at")}
    return Weights(cells=np.asarray(said["cells"], np.float32), **thresholds)


class Tattoos:
    """The detector of tattoos."""

    kind = "tattoo"

    def __init__(self, objects: Objects, people: People) -> None:
        """Take the network whose pieces are judged, and what knows of other people."""
        self._objects, self._people = objects, people

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """Return the network's card."""
        return self._objects.cards

    def find(self, sizes: Sizes, *, scales: Scales) -> tuple[Finding, ...]:
        """Return where a tattoo may be; nothing where doubts are left out."""
        if not scales.doubts:
            return ()
        odds = self.odds(sizes, scales=scales)
        high, wide = sizes.height / odds.shape[0], sizes.width / odds.shape[1]
        told = []
        for left, top, right, bottom, most in _places(odds):
            box = sizes.region(left * wide, top * high, right * wide, bottom * high)
            score = 1 / (1 + math.exp(-most))
            told.append(Finding(self.kind, box, None, score, WHY, Answer.HELD))
        return tuple(told)

    def odds(self, sizes: Sizes, *, scales: Scales) -> NDArray[np.float32]:
        """Return (rows, columns): the log-odds that each piece is tattooed, nowhere on other people."""
        odds = odds_of(self.pieces(sizes, mirrored=scales.mirrored))
        y, x = ((np.arange(many) + 0.5) / many for many in odds.shape)
        _, others = self._people.seen(sizes, mirrored=scales.mirrored, halves=scales.halves)
        for left, top, right, bottom, likely in others.tolist():
            if likely >= FOUND_AT:
                down = (y * sizes.height >= top) & (y * sizes.height <= bottom)
                across = (x * sizes.width >= left) & (x * sizes.width <= right)
                odds[np.ix_(down, across)] = COVERED
        return odds

    def pieces(self, sizes: Sizes, *, mirrored: bool) -> Cells:
        """Return what the network makes of each piece of the whole picture."""
        cells = self._objects.whole(sizes, mirrored=mirrored).cells
        if cells is None:
            raise LookupError("the network kept no pieces of the picture")
        return cells


def odds_of(cells: Cells) -> NDArray[np.float32]:
    """Return (rows, columns): the log-odds that each piece and those around it are tattooed."""
    by = weights()
    single = np.asarray(cells @ by.cells + np.float32(by.bias), np.float32)
    around = cv2.blur(single, (AROUND, AROUND), borderType=cv2.BORDER_REFLECT)
    return np.asarray(around, np.float32)


def _places(odds: NDArray[np.float32]) -> Iterator[tuple[int, int, int, int, float]]:
    """Yield left, top, right, bottom in pieces and the greatest log-odds of each tattoo."""
    by = weights()
    count, which = cv2.connectedComponents((odds >= by.edge_at).astype(np.uint8), connectivity=8)
    for each in range(1, count):
        rows, columns = np.nonzero(which == each)
        most = float(odds[rows, columns].max())
        if most >= by.held_at:
            yield (
                *(int(columns.min()), int(rows.min())),
                *(int(columns.max()) + 1, int(rows.max()) + 1),
                most,
            )
