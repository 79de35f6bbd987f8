"""People besides the one whom the picture is of: bodies in view, and bodies below small faces.

A detector trained on whole people calls a forearm that fills the frame a person too, and rightly so.
So one large box, if there is any, is whom the picture is of, and is not a finding. The others are
somebody else, or may be. Silence means little: hands, backs and parts are not looked for, and
`person` is held for every picture besides (unseen.py).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from safelight.detect.faces import FAR_FOUND_AT, SMALL, Boxes, without_doubles
from safelight.detect.values import Finding, Scales
from safelight.terms import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from safelight.detect.cards import ModelCard
    from safelight.detect.faces import Faces
    from safelight.detect.models import Model
    from safelight.detect.sizes import Sizes
    from safelight.terms import Pixels

SIDE = 300
"""Of the square that the network was trained on, in pixels; a picture is squeezed into it."""
SEEN_AT = 640
"""Longest side in pixels of what the squares are cut from."""
FOUND_AT, HELD_AT = 0.4, 0.2
SUBJECT = 0.25
"""Of the picture: from this size on, whoever is largest and surest is whom the picture is of."""
PART_AT = 0.85
"""A box seen in a half of the picture of which so much lies in that one is part of the same body."""
SAME_AT = 0.5
"""Boxes with a greater intersection over union show one person."""
LONG = 1.05
"""Longer side over shorter, from which the halves of a picture are looked at as well."""
HALF_LEVELS = 3
"""In a half, only the levels for smaller boxes are asked: what fills it is seen in the whole."""
BELOW = (1.25, 0.25, 5.0)
"""A body below a face: beside it, above and from its top down, in widths and heights of the face."""

VARIANCES = (0.1, 0.2)
LEVELS = 6
LEAST, MOST = 0.2, 0.95
"""Sides of the anchors at the first and the last level, as shares of SIDE."""
FIRST_ANCHORS = ((0.1, 1.0), (LEAST, 2.0), (LEAST, 0.5))
"""Side and width over height; at the first level only."""
RATIOS = (1.0, 2.0, 0.5, 3.0, 1 / 3)

WHY = {
    Answer.FOUND: "a person, perhaps not the patient",
    Answer.HELD: "may be a person",
}
WHY_BELOW = "where the body below a face would be"


class People:
    """The detector of people."""

    kind = "person"

    def __init__(self, model: Model, faces: Faces) -> None:
        """Take the network, and what knows of small faces."""
        self._model, self._faces = model, faces

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """Return the network's card."""
        return (self._model.card,)

    def find(self, sizes: Sizes, *, scales: Scales) -> tuple[Finding, ...]:
        """Return people besides the one whom the picture is of."""
        subject, others = self.seen(sizes, mirrored=scales.mirrored, halves=scales.halves)
        found = others[others[:, 4] >= FOUND_AT]
        faces = self._faces.far(sizes, longest=scales.bystanders)
        findings = _findings(found, sizes, WHY[Answer.FOUND], Answer.FOUND)
        known = np.concatenate((subject, found))
        findings += _findings(below(faces, known, sizes), sizes, WHY_BELOW, Answer.FOUND)
        if scales.doubts:
            doubtful = others[others[:, 4] < FOUND_AT]
            findings += _findings(doubtful, sizes, WHY[Answer.HELD], Answer.HELD)
        return tuple(findings)

    def seen(self, sizes: Sizes, *, mirrored: bool, halves: bool) -> tuple[Boxes, Boxes]:
        """Return whom the picture is of (one box or none), and everybody else, in its pixels.

        mirrored: looked at from the other side. halves: smaller people are looked for in two squares
        as well, where the picture is not square itself.
        """
        small = sizes.at(SEEN_AT)
        whole = without_doubles(self._boxes(small, mirrored=mirrored), above=SAME_AT)
        parts = [_none()]
        for left, top, square in _halves(small) if halves else ():
            boxes = self._boxes(square, mirrored=mirrored, levels=HALF_LEVELS)
            boxes[:, :4] += (left, top, left, top)
            parts.append(boxes)
        height, width = small.shape[:2]
        subject, others = apart(whole, np.concatenate(parts), size=(width, height))
        for boxes in (subject, others):
            boxes[:, :4] *= sizes.longest / max(height, width)
        return subject, others

    def _boxes(self, pixels: Pixels, *, mirrored: bool, levels: int = LEVELS) -> Boxes:
        height, width = pixels.shape[:2]
        square = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        square = square[:, ::-1] if mirrored else square
        planes = np.ascontiguousarray(square.transpose(2, 0, 1), np.float32)[np.newaxis]
        planes *= np.float32(2 / 255)
        planes -= np.float32(1)
        boxes = person_boxes(self._model.run(planes)[: 2 * levels])
        if mirrored:
            boxes[:, (0, 2)] = 1 - boxes[:, (2, 0)]
        boxes[:, :4] *= (width, height, width, height)
        return boxes


def person_boxes(heads: Sequence[NDArray[np.float32]]) -> Boxes:
    """Decode the network's heads: a box's move from its anchors, then how likely nobody and somebody.

    Returned are shares of the square, scores from HELD_AT on.
    """
    kept = [_none()]
    for level, (moves, likely) in enumerate(zip(heads[::2], heads[1::2], strict=True)):
        rows, columns = moves.shape[2:]
        odds = likely[0].transpose(1, 2, 0).reshape(-1, 2)[:, 1]
        there = odds >= math.log(HELD_AT / (1 - HELD_AT))
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
    sides = [LEAST + (MOST - LEAST) * each / (LEVELS - 1) for each in range(LEVELS)] + [1.0]
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


def apart(whole: Boxes, parts: Boxes, *, size: tuple[int, int]) -> tuple[Boxes, Boxes]:
    """Return whom the picture is of, one box or none, and everybody else.

    whole: seen in the whole picture of (width, height). parts: seen in its halves.
    """
    boxes = np.concatenate((whole, parts))
    halved = np.arange(len(boxes)) >= len(whole)
    boxes[:, :4] = np.clip(boxes[:, :4], 0, (*size, *size))
    areas = _areas(boxes)
    if not len(boxes) or areas.max() < SUBJECT * size[0] * size[1]:
        return _none(), without_doubles(boxes, above=SAME_AT)
    likely = np.where(areas >= SUBJECT * size[0] * size[1], areas * boxes[:, 4], 0)
    largest = int(likely.argmax())
    of_it = halved & (shares_inside(boxes, boxes[largest]) >= PART_AT)
    of_it[largest] = True
    return boxes[[largest]], without_doubles(boxes[~of_it], above=SAME_AT)


def shares_inside(boxes: Boxes, other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how much of each box, 0 to 1, lies inside another."""
    shared = np.column_stack(
        (np.maximum(boxes[:, :2], other[:2]), np.minimum(boxes[:, 2:4], other[2:4]))
    )
    return np.asarray(_areas(shared) / np.maximum(_areas(boxes), 1e-6), np.float32)


def below(faces: Boxes, known: Boxes, sizes: Sizes) -> Boxes:
    """Return where the bodies of small faces would be that no known person has, in pixels."""
    small = _areas(faces) < SMALL * sizes.width * sizes.height
    bodies = [_none()]
    for face in faces[small & (faces[:, 4] >= FAR_FOUND_AT)]:
        inside = [shares_inside(face[np.newaxis], each)[0] for each in known]
        if max(inside, default=0.0) >= PART_AT:
            continue
        left, top, right, bottom, score = face.tolist()
        beside, above, down = BELOW[0] * (right - left), BELOW[1] * (bottom - top), bottom - top
        body = (left - beside, top - above, right + beside, top + BELOW[2] * down, score)
        bodies.append(np.asarray([body], np.float32))
    return np.concatenate(bodies)


def _halves(pixels: Pixels) -> Iterator[tuple[int, int, Pixels]]:
    """Yield left, top and pixels of the squares at both ends of a picture that isn't square."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    if max(height, width) < LONG * side:
        return
    for left, top in ((0, 0), (width - side, height - side)):
        yield left, top, pixels[top : top + side, left : left + side]


def _findings(boxes: Boxes, sizes: Sizes, why: str, answer: Answer) -> list[Finding]:
    return [
        Finding("person", box, None, score, why, answer)
        for *place, score in boxes.tolist()
        if (box := sizes.region(*place))
    ]


def _areas(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    sides = np.clip(boxes[:, 2:4] - boxes[:, :2], 0, None)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float32)


def _none() -> Boxes:
    return np.zeros((0, 5), np.float32)
