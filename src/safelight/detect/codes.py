"""Bar codes and square codes, whether or not they can be read.

A code that is damaged or small is as much a code: zxing-cpp is asked for its errors too, and looks
at twice the size as well; OpenCV's detectors find some that it misses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import zxingcpp

from safelight.detect.cards import ModelCard
from safelight.detect.values import Finding, Scales
from safelight.terms import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from safelight.detect.sizes import Sizes
    from safelight.terms import Region

DOUBLED_BELOW = 1000
"""Pictures with a longer side under this are looked at doubled as well."""
OPENCV_UP_TO = 1280
"""Longer side in pixels up to which OpenCV is asked: larger ones cost much and it found no more."""
STRIPE_GROWTH = 0.35
"""Of its length, on both sides: a bar code's reader marks only the lines that it scanned."""
SQUARE_AT = 0.6
"""Height by length from which a code is no bar code."""
QUIET = 0.05
"""Of the longer side: the white that belongs to a code."""

ZXING = ModelCard(
    name="zxing-cpp",
    kind="code",
    title="zxing-cpp",
    source="The library zxing-cpp, in its Python package",
    licence="Apache-2.0",
    trained_on="Nothing: it follows the codes' specifications",
    measured="codes of five kinds, upright and clean: all found; no code claimed in 300 clinical and tattoo pictures",
    misses="codes that are blurred, curved round a wrist or cut by the edge",
)
OPENCV = ModelCard(
    name="opencv-codes",
    kind="code",
    title="OpenCV's bar code and QR code detectors",
    source="opencv-python-headless",
    licence="Apache-2.0",
    trained_on="Nothing: gradients and finder patterns",
    measured="held in 12 % of 300 clinical and tattoo pictures without a code, mostly on fine print",
    misses="small and turned codes; it is here for what zxing-cpp misses",
)


class Codes:
    """The code detector."""

    kind = "code"
    cards = (ZXING, OPENCV)

    def find(self, sizes: Sizes, *, scales: Scales) -> tuple[Finding, ...]:
        """Return a finding for each place that one of the readers marks."""
        findings: list[Finding] = []
        for longest in scales.codes:
            small = sizes.grey(longest)
            factor = sizes.longest / max(small.shape)
            for corners, answer in _marked(small):
                box = sizes.region(*_edges(corners, factor))
                if box is not None and not _known(box, answer, findings):
                    why = "a code" if answer is Answer.FOUND else "may be a code"
                    findings.append(Finding("code", box, None, None, why, answer))
            if longest >= sizes.longest:
                break
        return tuple(findings)


def _known(box: Region, answer: Answer, findings: list[Finding]) -> bool:
    """Say whether the box lies in one that says as much; sure ones come before unsure ones."""
    return any(
        known.box is not None
        and box.overlap(known.box) >= 0.9 * box.area
        and (known.answer is answer or known.answer is Answer.FOUND)
        for known in findings
    )


def _marked(grey: NDArray[np.uint8]) -> Iterator[tuple[NDArray[np.float64], Answer]]:
    yield from _by_zxing(grey, times=1)
    if max(grey.shape) < DOUBLED_BELOW:
        doubled = cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        yield from _by_zxing(np.asarray(doubled, np.uint8), times=2)
    if max(grey.shape) <= OPENCV_UP_TO:
        yield from _by_opencv(grey)


def _by_zxing(
    grey: NDArray[np.uint8], *, times: int
) -> Iterator[tuple[NDArray[np.float64], Answer]]:
    """Yield corners; a code that can't be read may be none."""
    for code in zxingcpp.read_barcodes(grey, return_errors=True):
        place = code.position
        corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
        spots = np.asarray([(corner.x, corner.y) for corner in corners], np.float64) / times
        yield _whole(spots), Answer.FOUND if code.valid else Answer.HELD


def _by_opencv(grey: NDArray[np.uint8]) -> Iterator[tuple[NDArray[np.float64], Answer]]:
    """Yield corners; OpenCV takes fine print and stripes for codes too (docs/reference/detectors.md)."""
    for detector in (cv2.barcode.BarcodeDetector().detectMulti, cv2.QRCodeDetector().detectMulti):
        there, corners = detector(grey)
        if there and corners is not None:
            for spots in np.asarray(corners, np.float64).reshape(-1, 4, 2):
                yield spots, Answer.HELD


def _whole(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a bar code's corners moved apart across its stripes; others as they are.

    corners: top left, top right, bottom right, bottom left, as the code stands.
    """
    along = corners[1] - corners[0]
    length, height = np.hypot(*along), np.hypot(*(corners[3] - corners[0]))
    if height >= SQUARE_AT * length:
        return corners
    across = np.asarray((-along[1], along[0])) * STRIPE_GROWTH
    return corners + np.asarray((-1, -1, 1, 1))[:, np.newaxis] * across


def _edges(corners: NDArray[np.float64], factor: float) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom with a quiet zone, in pixels of the whole picture."""
    left, top = (corners.min(axis=0) * factor).tolist()
    right, bottom = (corners.max(axis=0) * factor).tolist()
    more = QUIET * max(right - left, bottom - top)
    return left - more, top - more, right + more, bottom + more
