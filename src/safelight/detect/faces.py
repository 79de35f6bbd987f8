"""Faces: near ones and parts of them in averaged views, and bystanders at a distance.

Two networks complement each other: RetinaFace sees partial faces in close-ups, CenterFace sees
small whole ones. RetinaFace sees the picture and the picture with its edges mirrored, and
closeups.py weighs what it says with other evidence (docs/reference/detectors.md has the figures and
the reasons for the thresholds).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from safelight.detect.models import Model, batch_of
from safelight.detect.values import Finding, Scales
from safelight.terms import Answer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from safelight.detect.cards import ModelCard
    from safelight.detect.closeups import Crops, Evidence
    from safelight.detect.sizes import Sizes
    from safelight.terms import Pixels

Boxes: TypeAlias = "NDArray[np.float32]"
"""(n, 5): left, top, right, bottom, score."""

FOUND_AT, HELD_AT = 0.5, 0.3
"""RetinaFace, averaged over its views."""
FAR_FOUND_AT, FAR_HELD_AT = 0.35, 0.22
"""CenterFace."""
FAR_ENLARGE = 2.0
"""In small pictures bystanders are too small even for it."""
CANDIDATE_AT = 0.05
SAME_AT = 0.3
"""Boxes of two views with at least this intersection over union show one thing."""
REFLECTED = 0.25
"""Of each side, mirrored beyond each edge."""
SMALL = 0.12
"""Of the picture: a smaller box is no part of a face that fills the frame, and stands by itself."""

WHY = {
    Answer.FOUND: "a face or part of one",
    Answer.HELD: "may be a face or part of one",
}

RETINA_MEAN = (104.0, 117.0, 127.0)
RETINA_ANCHORS = ((8, (16, 32)), (16, (64, 128)), (32, (256, 512)))
"""Stride of each output level in pixels, and the sides of its square anchors."""
RETINA_VARIANCES = (0.1, 0.2)
CENTRE_STRIDE = 4


class Faces:
    """The face detector."""

    kind = "face"

    def __init__(self, retina: Model, centre: Model, crops: Crops) -> None:
        """Take the two face detectors, and what judges close-ups."""
        self._retina, self._centre, self._crops = retina, centre, crops

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """Return the cards of all networks."""
        return (self._retina.card, self._centre.card, self._crops.card)

    def find(self, sizes: Sizes, *, scales: Scales) -> tuple[Finding, ...]:
        """Return faces found and places that may be one."""
        far = self.far(sizes, longest=scales.bystanders)
        evidence, boxes = self.close_up(sizes, longest=scales.faces)
        near = _weighed(evidence, boxes, sizes, doubts=scales.doubts)
        known = [_as_row(each) for each in near if each.answer is Answer.FOUND]
        sure = np.asarray(known, np.float32).reshape(-1, 5)
        return (*near, *_far_findings(far, sure, sizes))

    def close_up(self, sizes: Sizes, *, longest: int) -> tuple[Evidence, Boxes]:
        """Return the evidence for part of a face, and where RetinaFace saw something, best first."""
        inner = sizes.at(round(longest / (1 + 2 * REFLECTED)))
        plain, reflected = self._retina_boxes(sizes.at(longest)), self._reflected_boxes(inner)
        plain[:, :4] *= sizes.longest / max(sizes.at(longest).shape[:2])
        reflected[:, :4] *= sizes.longest / max(inner.shape[:2])
        best = tuple(float(view[0, 4]) if len(view) else 0.0 for view in (plain, reflected))
        evidence = self._crops.evidence(sizes, best=best)
        return evidence, averaged((plain, reflected), at=CANDIDATE_AT)

    def far(self, sizes: Sizes, *, longest: int) -> Boxes:
        """Return CenterFace's boxes in pixels of the whole picture; it looks once at each size."""
        return sizes.once(("far", longest), lambda: self._far(sizes, longest)).copy()

    def _far(self, sizes: Sizes, longest: int) -> Boxes:
        small = sizes.at(longest, enlarge=FAR_ENLARGE)
        heat, extent, offset = self._centre.run(batch_of(small, mean=(0.0, 0.0, 0.0)))[:3]
        boxes = without_doubles(centre_boxes(heat[0, 0], extent[0], offset[0]))
        boxes[:, :4] *= sizes.longest / max(small.shape[:2])
        return boxes

    def _retina_boxes(self, pixels: Pixels) -> Boxes:
        batch = batch_of(pixels[..., ::-1], mean=RETINA_MEAN)
        where, confidence = self._retina.run(batch)[:2]
        return without_doubles(retina_boxes(where[0], confidence[0, :, 1], batch.shape[2:]))

    def _reflected_boxes(self, pixels: Pixels) -> Boxes:
        down, across = (round(side * REFLECTED) for side in pixels.shape[:2])
        canvas = cv2.copyMakeBorder(pixels, down, down, across, across, cv2.BORDER_REFLECT)
        boxes = self._retina_boxes(np.asarray(canvas, np.uint8))
        boxes[:, :4] -= (across, down, across, down)
        return boxes


def retina_boxes(
    where: NDArray[np.float32], scores: NDArray[np.float32], size: tuple[int, ...]
) -> Boxes:
    """Decode RetinaFace's output for an input of (height, width): offsets from its anchors."""
    kept = scores >= CANDIDATE_AT
    anchors, moves = _anchors(size[0], size[1])[kept], where[kept]
    centres = anchors[:, :2] + moves[:, :2] * RETINA_VARIANCES[0] * anchors[:, 2:]
    sides = anchors[:, 2:] * np.exp(moves[:, 2:] * RETINA_VARIANCES[1])
    return np.column_stack((centres - sides / 2, centres + sides / 2, scores[kept])).astype(
        np.float32
    )


@lru_cache(maxsize=8)
def _anchors(height: int, width: int) -> NDArray[np.float32]:
    levels = []
    for stride, sides in RETINA_ANCHORS:
        rows, columns = -(-height // stride), -(-width // stride)
        y, x, side = np.meshgrid(
            (np.arange(rows) + 0.5) * stride,
            (np.arange(columns) + 0.5) * stride,
            sides,
            indexing="ij",
        )
        levels.append(np.stack((x, y, side, side), axis=-1).reshape(-1, 4))
    return np.concatenate(levels).astype(np.float32)


def centre_boxes(
    heat: NDArray[np.float32], extent: NDArray[np.float32], offset: NDArray[np.float32]
) -> Boxes:
    """Decode CenterFace's output: a face's middle in `heat`, the logarithm of its size in `extent`."""
    rows, columns = np.nonzero(heat >= FAR_HELD_AT)
    high, wide = (np.exp(extent[axis, rows, columns]) * CENTRE_STRIDE for axis in (0, 1))
    y = (rows + offset[0, rows, columns] + 0.5) * CENTRE_STRIDE
    x = (columns + offset[1, rows, columns] + 0.5) * CENTRE_STRIDE
    edges = (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
    return np.column_stack((*edges, heat[rows, columns])).astype(np.float32)


def without_doubles(boxes: Boxes, *, above: float = 0.4) -> Boxes:
    """Return the boxes, best first, without those that overlap a better one by more."""
    kept: list[int] = []
    order = np.argsort(-boxes[:, 4], kind="stable")
    boxes = boxes[order]
    for index in range(len(boxes)):
        if not kept or overlaps(boxes[index : index + 1], boxes[kept]).max() <= above:
            kept.append(index)
    return np.asarray(boxes[kept], np.float32)


def overlaps(some: Boxes, others: Boxes) -> NDArray[np.float32]:
    """Return intersection over union of each of some with each of the others."""
    top_left = np.maximum(some[:, np.newaxis, :2], others[np.newaxis, :, :2])
    bottom_right = np.minimum(some[:, np.newaxis, 2:4], others[np.newaxis, :, 2:4])
    shared = np.clip(bottom_right - top_left, 0, None).prod(axis=2)
    union = areas(some)[:, np.newaxis] + areas(others)[np.newaxis] - shared
    return np.asarray(shared / np.maximum(union, 1e-6), np.float32)


def areas(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how many square pixels each box (left, top, right, bottom, …) has."""
    sides = np.clip(boxes[:, 2:4] - boxes[:, :2], 0, None)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float32)


def averaged(views: tuple[Boxes, ...], *, at: float = HELD_AT) -> Boxes:
    """Return the boxes of all views with the mean over views of what each view gives that place.

    In a close-up the views disagree about where a part of a face ends, not about its being there:
    so each view's best box has at least the mean of the best scores, once it is `at` by itself.
    Boxes below `at` are left out.
    """
    everything = np.concatenate(views)
    if not len(everything):
        return everything
    there = [_score_there(everything, view) for view in views]
    scores = np.mean(there, axis=0)
    best = float(np.mean([view[0, 4] if len(view) else 0.0 for view in views]))
    start = 0
    for view in views:
        if len(view) and view[0, 4] >= at:
            scores[start] = max(scores[start], best)
        start += len(view)
    kept = scores >= at
    return without_doubles(np.column_stack((everything[kept, :4], scores[kept])).astype(np.float32))


def _score_there(places: Boxes, view: Boxes) -> NDArray[np.float32]:
    if not len(view):
        return np.zeros(len(places), np.float32)
    same = overlaps(places, view) >= SAME_AT
    best = np.where(same, view[np.newaxis, :, 4], 0).max(axis=1)
    return np.asarray(best, np.float32)


def _weighed(evidence: Evidence, boxes: Boxes, sizes: Sizes, *, doubts: bool) -> list[Finding]:
    """Return what the evidence for the whole picture makes of its boxes.

    A small box stands by its own score, as someone a little way off. Where the evidence speaks and
    there is no box at all, the whole picture is the place.
    doubts: whether evidence that is not enough to be sure counts.
    """
    area = sizes.width * sizes.height
    near: list[Finding] = []
    answer = evidence.answer
    if answer is Answer.HELD and not doubts:
        answer = Answer.NONE
    for left, top, right, bottom, score in boxes.tolist():
        box = sizes.region(left, top, right, bottom)
        if box is None:
            continue
        if box.area < SMALL * area:
            if score >= FOUND_AT:
                near.append(Finding("face", box, None, score, WHY[Answer.FOUND], Answer.FOUND))
        elif answer is not Answer.NONE and (score >= HELD_AT or not near):
            near.append(Finding("face", box, None, evidence.score, WHY[answer], answer))
    if answer is not Answer.NONE and not near:
        whole = sizes.region(0, 0, sizes.width, sizes.height)
        why = "may be a close-up of part of a face"
        near.append(Finding("face", whole, None, evidence.score, why, Answer.HELD))
    return near


def _as_row(finding: Finding) -> tuple[float, ...]:
    box = finding.box
    if box is None:
        raise ValueError("a face has a box")
    return (box.x, box.y, box.x + box.width, box.y + box.height, finding.score or 0.0)


def _far_findings(boxes: Boxes, sure: Boxes, sizes: Sizes) -> list[Finding]:
    findings = []
    for place in boxes:
        box = sizes.region(*place[:4].tolist())
        new = not len(sure) or overlaps(place[np.newaxis], sure).max() < SAME_AT
        if box is not None and new:
            score = float(place[4])
            whole = score >= FAR_FOUND_AT
            why = "a whole face, perhaps a bystander's" if whole else "may be a bystander's face"
            answer = Answer.FOUND if whole else Answer.HELD
            findings.append(Finding("face", box, None, score, why, answer))
    return findings
