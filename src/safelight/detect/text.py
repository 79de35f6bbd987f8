"""Text: printed, on screens and labels, and much of what is written by hand.

The networks give each pixel how likely it belongs to a line's core (differentiable binarisation);
a line is a connected piece of that, made larger again by a share of its own size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from safelight.detect.models import Model, batch_of
from safelight.detect.values import Finding, Scales
from safelight.terms import Answer

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from safelight.detect.cards import ModelCard
    from safelight.detect.sizes import Sizes
    from safelight.terms import Pixels, Region

    Line: TypeAlias = tuple[Region, Region, float]
    """A line's box, its core and its score."""

CORE_AT = 0.2
"""A pixel's value from which it belongs to a line."""
HELD_AT, FOUND_AT = 0.3, 0.5
"""A line's mean over its rectangle."""
LIGHT_HELD_AT, LIGHT_FOUND_AT = 0.6, 0.8
"""The smaller network calls skin text more often."""
LIGHT_LARGEST = 0.06
"""Of the picture: a larger box of the smaller network is a wound, as a rule, and not a line."""
GROWTH = 2.2
"""The core's area times this over its perimeter is added on each side (docs/reference/detectors.md)."""
SMALLEST = 3
"""A core's shorter side in pixels."""
MOST = 2000
"""Lines looked at in one picture; a page of small print has fewer."""
MEAN = (0.406 * 255, 0.456 * 255, 0.485 * 255)
SCALE = (1 / (255 * 0.225), 1 / (255 * 0.224), 1 / (255 * 0.229))


class Text:
    """The text detector."""

    kind = "text"

    def __init__(self, model: Model, light: Model) -> None:
        """Take the network for the first look and the smaller one for a second."""
        self._model, self._light = model, light

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """Return the cards of both networks."""
        return (self._model.card, self._light.card)

    def find(self, sizes: Sizes, *, scales: Scales) -> tuple[Finding, ...]:
        """Return a finding for each line of text."""
        findings: list[Finding] = []
        if scales.text:
            lines = _lines(self._model, sizes.at(scales.text, enlarge=scales.text_enlarge), sizes)
            findings += _findings(lines, held_at=HELD_AT, found_at=FOUND_AT)
        if scales.light_text:
            most = LIGHT_LARGEST * sizes.width * sizes.height
            lines = _lines(self._light, sizes.at(scales.light_text), sizes)
            lines = [line for line in lines if line[0].area <= most]
            findings += _findings(lines, held_at=LIGHT_HELD_AT, found_at=LIGHT_FOUND_AT)
        return tuple(findings)


def _lines(model: Model, small: Pixels, sizes: Sizes) -> list[Line]:
    height, width = small.shape[:2]
    core = model.run(batch_of(small[..., ::-1], mean=MEAN, scale=SCALE))[0][0, 0, :height, :width]
    factor = sizes.longest / max(height, width)
    return [
        (box, inner, score)
        for plain, grown, score in rectangles(core)
        if (box := _region(sizes, grown * factor)) and (inner := _region(sizes, plain * factor))
    ]


def _region(sizes: Sizes, corners: NDArray[np.float32]) -> Region | None:
    left, top = corners.min(axis=0).tolist()
    right, bottom = corners.max(axis=0).tolist()
    return sizes.region(left, top, right, bottom)


def _findings(lines: list[Line], *, held_at: float, found_at: float) -> list[Finding]:
    return [
        Finding("text", box, None, score, "text", Answer.FOUND, core)
        if score >= found_at
        else Finding("text", box, None, score, "may be text", Answer.HELD, core)
        for box, core, score in lines
        if score >= held_at
    ]


def rectangles(
    core: NDArray[np.float32],
) -> list[tuple[NDArray[np.float32], NDArray[np.float32], float]]:
    """Return each line's four corners, plain and grown, in pixels of `core`, with its score."""
    mask = (core > CORE_AT).astype(np.uint8)
    outlines, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    lines = []
    for outline in outlines[:MOST]:
        middle, sides, angle = cv2.minAreaRect(outline)
        if min(sides) < SMALLEST:
            continue
        plain = np.asarray(cv2.boxPoints((middle, sides, angle)), np.float32)
        score = _mean_inside(core, plain)
        if score >= CORE_AT:
            more = GROWTH * sides[0] * sides[1] / (sides[0] + sides[1])
            grown = cv2.boxPoints((middle, (sides[0] + more, sides[1] + more), angle))
            lines.append((plain, np.asarray(grown, np.float32), score))
    return lines


def _mean_inside(core: NDArray[np.float32], corners: NDArray[np.float32]) -> float:
    left, top = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 1
    piece = np.ascontiguousarray(core[top:bottom, left:right])
    mask = np.zeros(piece.shape, np.uint8)
    cv2.fillPoly(mask, [np.round(corners - (left, top)).astype(np.int32)], (1,))
    return float(cv2.mean(piece, mask)[0])
