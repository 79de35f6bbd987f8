"""People besides the one whom the picture is of: bodies in view, and bodies below small faces.

A detector trained on whole people calls a forearm that fills the frame a person too, and rightly so.
So one large box, if there is any, is whom the picture is of, and is not a finding. The others are
somebody else, or may be. Silence means little: hands, backs and parts are not looked for, and
`person` is held for every picture besides (unseen.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from safelight.detect.faces import FAR_FOUND_AT, SMALL, Boxes, areas, without_doubles
from safelight.detect.values import Finding, Scales
from safelight.terms import Answer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from safelight.detect.cards import ModelCard
    from safelight.detect.faces import Faces
    from safelight.detect.objects import Objects
    from safelight.detect.sizes import Sizes

FOUND_AT, HELD_AT = 0.4, 0.25
SUBJECT = 0.25
"""Of the picture: from this size on, whoever is largest and surest is whom the picture is of."""
PART_AT = 0.85
"""A box seen in a half of the picture of which so much lies in that one is part of the same body."""
SAME_AT = 0.5
"""Boxes with a greater intersection over union show one person."""
BELOW = (1.25, 0.25, 5.0)
"""A body below a face: beside it, above and from its top down, in widths and heights of the face."""

WHY = {
    Answer.FOUND: "a person, perhaps not the patient",
    Answer.HELD: "may be a person",
}
WHY_BELOW = "where the body below a face would be"


class People:
    """The detector of people."""

    kind = "person"

    def __init__(self, objects: Objects, faces: Faces) -> None:
        """Take the network, and what knows of small faces."""
        self._objects, self._faces = objects, faces

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """Return the network's card."""
        return self._objects.cards

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
        whole = self._objects.whole(sizes, mirrored=mirrored).of("person", at=HELD_AT)
        parts = self._objects.ends(sizes).of("person", at=HELD_AT) if halves else _none()
        whole = without_doubles(whole, above=SAME_AT)
        return apart(whole, parts, size=(sizes.width, sizes.height))


def apart(whole: Boxes, parts: Boxes, *, size: tuple[int, int]) -> tuple[Boxes, Boxes]:
    """Return whom the picture is of, one box or none, and everybody else.

    whole: seen in the whole picture of (width, height). parts: seen in its halves.
    """
    boxes = np.concatenate((whole, parts))
    halved = np.arange(len(boxes)) >= len(whole)
    boxes[:, :4] = np.clip(boxes[:, :4], 0, (*size, *size))
    large = areas(boxes) >= SUBJECT * size[0] * size[1]
    if not large.any():
        return _none(), without_doubles(boxes, above=SAME_AT)
    likely = np.where(large, areas(boxes) * boxes[:, 4], 0)
    largest = int(likely.argmax())
    of_it = halved & (shares_inside(boxes, boxes[largest]) >= PART_AT)
    of_it[largest] = True
    return boxes[[largest]], without_doubles(boxes[~of_it], above=SAME_AT)


def shares_inside(boxes: Boxes, other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how much of each box, 0 to 1, lies inside another."""
    shared = np.column_stack(
        (np.maximum(boxes[:, :2], other[:2]), np.minimum(boxes[:, 2:4], other[2:4]))
    )
    return np.asarray(areas(shared) / np.maximum(areas(boxes), 1e-6), np.float32)


def below(faces: Boxes, known: Boxes, sizes: Sizes) -> Boxes:
    """Return where the bodies of small faces would be that no known person has, in pixels."""
    small = areas(faces) < SMALL * sizes.width * sizes.height
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


def _findings(boxes: Boxes, sizes: Sizes, why: str, answer: Answer) -> list[Finding]:
    return [
        Finding("person", box, None, score, why, answer)
        for *place, score in boxes.tolist()
        if (box := sizes.region(*place))
    ]


def _none() -> Boxes:
    return np.zeros((0, 5), np.float32)
