"""Is a close-up part of a face? Three kinds of evidence, weighed by a small fitted model.

A mouth or an eye that fills the frame is no face to a face detector. Three things help: a mirrored
edge, which makes half a mouth a whole one; a network that judges whether a crop holds a face,
shown the picture where a mouth, a nose or an eye would be on one; and how much of the frame has the
colour of skin. closeups.toml holds the weights, fitted by `python -m benchmarks.fit_closeups`.
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

from safelight.terms import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from safelight.detect.cards import ModelCard
    from safelight.detect.models import CropModel
    from safelight.detect.sizes import Sizes
    from safelight.terms import Pixels

SIDE = 192
"""Of the square that the face network takes, in pixels."""
SEEN_AT = 256
"""Longest side in pixels of what the canvases are composed of."""
SKIN_AT = 320
CR, CB = (133, 173), (77, 127)
GREY = (127.0, 127.0, 127.0)
LEAST = 0.01
"""A detector's score is kept this far from 0 and 1 before its logarithm is taken."""
LIKE_MOUTH = ((1.0, 0.1, 0.15), (0.2, 0.4, 0.3))
LIKE_HALF_MOUTH = ((1.0, 0.1, 0.0), (0.2, 0.4, 0.3))
LIKE_NOSE = ((0.6, 0.6, 0.3), (0.2, 0.2, 0.3))
LIKE_EYE = ((0.3, 1.2, 0.1), (0.2, 0.2, 0.3))
"""Borders (above, below, at either side, as shares of the picture): of skin, and around it of grey."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What closeups.toml says."""

    detector: float
    crops: float
    skin: float
    bias: float
    held_at: float
    found_at: float


@cache
def weights() -> Weights:
    """Return the fitted weights and the two thresholds."""
    text = resources.files("safelight.detect").joinpath("closeups.toml").read_text("utf-8")
    said = tomllib.loads(text)
    return Weights(**{name: float(said[name]) for name in Weights.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class Evidence:
    """The three inputs of the model."""

    detector: float
    """Mean log-odds of the face detector's best score over its views."""
    crops: float
    """Mean log-odds of the crop network over its canvases."""
    skin: float
    """Share of the picture that has the colour of skin, 0 to 1."""

    @property
    def score(self) -> float:
        """Return 0 to 1: how much this looks like part of a face. Not a probability."""
        by = weights()
        total = by.detector * self.detector + by.crops * self.crops + by.skin * self.skin + by.bias
        return 1 / (1 + math.exp(-max(-40.0, min(40.0, total))))

    @property
    def answer(self) -> Answer:
        """Return FOUND, HELD or NONE by the two thresholds."""
        if self.score >= weights().found_at:
            return Answer.FOUND
        return Answer.HELD if self.score >= weights().held_at else Answer.NONE


class Crops:
    """The network that says whether a square crop holds a face."""

    def __init__(self, model: CropModel) -> None:
        """Take the network."""
        self._model = model

    @property
    def card(self) -> ModelCard:
        """Return its card."""
        return self._model.card

    def evidence(self, sizes: Sizes, *, best: tuple[float, ...]) -> Evidence:
        """Return the evidence; best: the face detector's best score in each of its views, 0 to 1."""
        odds = [self._odds(canvas) for canvas in canvases(sizes.at(SEEN_AT))]
        return Evidence(
            detector=float(np.mean([log_odds(score) for score in best])),
            crops=float(np.mean(odds)),
            skin=skin_share(sizes.at(SKIN_AT)),
        )

    def _odds(self, square: Pixels) -> float:
        planes = np.ascontiguousarray(square.transpose(2, 0, 1), np.float32)[np.newaxis]
        planes /= np.float32(255)
        return log_odds(1 / (1 + math.exp(-max(-40.0, min(40.0, self._model.first(planes))))))


def log_odds(score: float) -> float:
    """Return the logarithm of score / (1 - score), kept finite."""
    kept = min(1 - LEAST, max(LEAST, score))
    return math.log(kept / (1 - kept))


def skin_share(pixels: Pixels) -> float:
    """Return how much of a picture (height, width, 3) has the colour of skin, 0 to 1."""
    toned = cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb)
    return float(cv2.inRange(toned, (0, CR[0], CB[0]), (255, CR[1], CB[1])).mean() / 255)


def canvases(small: Pixels) -> Iterator[Pixels]:
    """Yield squares (SIDE, SIDE, 3): the picture where parts of a face would be, whole and mirrored."""
    skin = tuple(float(part) for part in np.median(small.reshape(-1, 3), axis=0))
    flipped = small[:, ::-1]
    right, left = np.hstack((small, flipped)), np.hstack((flipped, small))
    for pixels, (inner, outer) in (
        (small, LIKE_MOUTH),
        (small, LIKE_NOSE),
        (small, LIKE_EYE),
        (right, LIKE_HALF_MOUTH),
        (left, LIKE_HALF_MOUTH),
    ):
        yield _square(_bordered(_bordered(pixels, inner, skin), outer, GREY))
    yield _square(_bordered(small, (0.5, 0.5, 0.5), GREY))
    yield _square(right)
    yield _square(left)


def _bordered(
    pixels: NDArray[np.uint8], shares: tuple[float, float, float], colour: tuple[float, ...]
) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    above, below, beside = (
        round(s * side) for s, side in zip(shares, (height, height, width), strict=True)
    )
    return np.asarray(
        cv2.copyMakeBorder(
            pixels, above, below, beside, beside, cv2.BORDER_CONSTANT, value=colour[:3]
        ),
        np.uint8,
    )


def _square(pixels: NDArray[np.uint8]) -> Pixels:
    """Return it scaled into a square, what is left over grey."""
    height, width = pixels.shape[:2]
    share = SIDE / max(height, width)
    size = max(1, round(width * share)), max(1, round(height * share))
    fitted = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    square = np.full((SIDE, SIDE, 3), 127, np.uint8)
    top, left = (SIDE - size[1]) // 2, (SIDE - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = fitted
    return square
