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
    from safelight.terms import Pixels, Region

DOUBLED_BELOW = 1000
"""Pictures with a longer side under this are looked at doubled as well."""
STRIPE_GROWTH = 0.35
"""Of its length: a bar code's reader marks only the lines that it scanned."""

ZXING = ModelCard(
    name="zxing-cpp",
    kind="code",
    title="zxing-cpp",
    source="The library zxing-cpp, in its Python package",
    licence="Apache-2.0",
    trained_on="Nothing: it follows the codes' specifications",
    measured="",
    misses="codes that are blurred, curved round a wrist or cut by the edge",
)
OPENCV = ModelCard(
    name="opencv-codes",
    kind="code",
    title="OpenCV's bar code and QR code detectors",
    source="opencv-python-headless",
    licence="Apache-2.0",
    trained_on="Nothing: gradients and finder patterns",
    measured="",
    misses="small and turned codes; it is here for what zxing-cpp misses",
)


class Codes:
    """The code detector."""

    kind = "code"
    cards = (ZXING, OPENCV)

    def find(self, sizes: Sizes, *, scales: Scales) -> tuple[Finding, ...]:
        """Return a finding for each place that one of the readers marks."""
        boxes: list[Region] = []
        for longest in scales.codes:
            small = sizes.at(longest)
            for corners in _marked(small):
                factor = sizes.longest / max(small.shape[:2])
                box = sizes.region(*_edges(corners, factor))
                if box is not None and not any(box.overlap(b) >= 0.9 * box.area for b in boxes):
                    boxes.append(box)
            if small is sizes.pixels:
                break
        return tuple(Finding("code", box, None, None, "a code", Answer.FOUND) for box in boxes)


def _marked(pixels: Pixels) -> Iterator[NDArray[np.float64]]:
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    yield from _by_zxing(grey, times=1)
    if max(grey.shape) < DOUBLED_BELOW:
        doubled = cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        yield from _by_zxing(np.asarray(doubled, np.uint8), times=2)
    yield from _by_opencv(grey)


def _by_zxing(grey: NDArray[np.uint8], *, times: int) -> Iterator[NDArray[np.float64]]:
    for code in zxingcpp.read_barcodes(grey, return_errors=True):
        place = code.position
        corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
        yield np.asarray([(corner.x, corner.y) for corner in corners], np.float64) / times


def _by_opencv(grey: NDArray[np.uint8]) -> Iterator[NDArray[np.float64]]:
    for detector in (cv2.barcode.BarcodeDetector().detectMulti, cv2.QRCodeDetector().detectMulti):
        there, corners = detector(grey)
        if there and corners is not None:
            yield from np.asarray(corners, np.float64).reshape(-1, 4, 2)


def _edges(corners: NDArray[np.float64], factor: float) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom; a flat shape is a scanned stripe and grows by its length."""
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    flat = min(sides) < 0.6 * max(sides)
    more = STRIPE_GROWTH * max(sides) if flat else 0.05 * max(sides)
    left, top = corners.min(axis=0) - more
    right, bottom = corners.max(axis=0) + more
    return left * factor, top * factor, right * factor, bottom * factor
