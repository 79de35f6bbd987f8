"""Screens, and things worn, carried or standing in a room that others may know.

What the network of objects sees besides people. Silence means little: small phones and mirrors,
rings and clothes, and what makes a room one that others know stay for a person to see (unseen.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from safelight.detect.faces import areas, without_doubles
from safelight.detect.objects import SEEN_AT
from safelight.detect.values import Finding, Scales
from safelight.terms import Answer

if TYPE_CHECKING:
    from safelight.detect.cards import ModelCard
    from safelight.detect.faces import Boxes
    from safelight.detect.objects import Objects
    from safelight.detect.sizes import Sizes

SAME_AT = 0.5
"""Boxes with a greater intersection over union show one thing."""
LARGEST = 0.6
"""Of the picture: what fills more of it is what the picture is of, or a wound taken for a screen."""
BLACK = 10
"""What is no brighter in any channel, 0 to 255, shows nothing, after JPEG too."""
BLACK_SHARE = 0.5
"""A box with more black than that is a cover, which looks like a screen that is switched off."""


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort of thing: its names in the network, from where on it is told, and why."""

    kind: str
    names: tuple[str, ...]
    found_at: float | None
    """None: never more than held."""
    held_at: float
    found: str
    held: str


SORTS = (
    Sort(
        "screen",
        ("television", "laptop", "phone"),
        0.4,
        0.2,
        "a screen, which may show anything",
        "may be a screen",
    ),
    Sort(
        "jewellery",
        ("backpack", "umbrella", "handbag", "tie", "suitcase"),
        None,
        0.4,
        "",
        "may be something worn or carried that others know",
    ),
    Sort(
        "background",
        (
            *("bicycle", "car", "motorcycle", "bus", "train", "lorry", "boat", "traffic light"),
            *("stop sign", "bench", "cat", "dog", "horse", "bottle", "cup", "chair", "couch"),
            *("plant", "toilet", "mouse", "remote control", "keyboard", "microwave", "oven"),
            *("sink", "refrigerator", "book", "clock", "teddy bear"),
        ),
        None,
        0.4,
        "",
        "may be a thing of a room or street that others know",
    ),
)
"""Beds and tables are left out: patients lie on them, and one is like another."""


class Things:
    """The detector of one sort of thing."""

    def __init__(self, objects: Objects, sort: Sort) -> None:
        """Take the network and what is asked of it."""
        self._objects, self._sort = objects, sort

    @property
    def kind(self) -> str:
        """Return what it looks for."""
        return self._sort.kind

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """Return the network's card."""
        return self._objects.cards

    def find(self, sizes: Sizes, *, scales: Scales) -> tuple[Finding, ...]:
        """Return things of this sort: what is only held is left out where doubts are."""
        at = self._sort.held_at if scales.doubts else self._sort.found_at
        if at is None:
            return ()
        told = []
        for *place, score in self._seen(sizes, scales, at=at).tolist():
            answer = self._answer(score)
            if box := sizes.region(*place):
                why = self._sort.found if answer is Answer.FOUND else self._sort.held
                told.append(Finding(self.kind, box, None, score, why, answer))
        return tuple(told)

    def _seen(self, sizes: Sizes, scales: Scales, *, at: float) -> Boxes:
        names = self._sort.names
        boxes = self._objects.whole(sizes, mirrored=scales.mirrored).of(*names, at=at)
        if scales.halves:
            ends = self._objects.ends(sizes).of(*names, at=at)
            boxes = np.concatenate((boxes, ends))
        boxes[:, :4] = np.clip(boxes[:, :4], 0, (sizes.width, sizes.height) * 2)
        boxes = boxes[areas(boxes) <= LARGEST * sizes.width * sizes.height]
        return without_doubles(_without_black(boxes, sizes), above=SAME_AT)

    def _answer(self, score: float) -> Answer:
        found_at = self._sort.found_at
        return Answer.FOUND if found_at is not None and score >= found_at else Answer.HELD


def _without_black(boxes: Boxes, sizes: Sizes) -> Boxes:
    """Leave out boxes that are mostly black: nothing is to be seen there."""
    if not len(boxes):
        return boxes
    small = sizes.at(SEEN_AT)
    share = max(small.shape[:2]) / sizes.longest
    black = small.max(axis=2) <= BLACK
    kept = []
    for left, top, right, bottom in (boxes[:, :4] * share).astype(int).tolist():
        inside = black[top : bottom + 1, left : right + 1]
        kept.append(not inside.size or inside.mean() <= BLACK_SHARE)
    shown: Boxes = boxes[np.asarray(kept)]
    return shown
