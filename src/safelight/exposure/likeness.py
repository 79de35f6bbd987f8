"""Whether two pictures may be one: fingerprints that survive cropping, scaling and re-encoding.

A fingerprint is the signs of the 63 slowest waves (DCT-II) of a window's grey values. The whole
picture has one, and so has each window of a grid at several sizes, so that a picture cropped out
of another meets one of the other's windows. What a fingerprint tells is how alike, never what.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from safelight.terms import Pixels

SIDE = 32
WAVES = 8
WINDOWS = ((1.0, 1), (0.85, 3), (0.72, 4), (0.61, 5), (0.52, 6))
"""Sides of the windows as parts of the picture's, and how many stand along each side."""
COUNT = sum(along * along for _, along in WINDOWS)
BITS = WAVES * WAVES - 1
FLAT = 2.0
"""Standard deviation of grey values below which a window shows nothing that could be compared."""


def fingerprints(pixels: Pixels) -> tuple[str, ...]:
    """Return the picture's fingerprints, 16 hexadecimal digits each, the whole picture's first.

    pixels: (height, width, 3), sRGB, upright. Windows that show nothing have none; a picture
    that shows nothing has none at all, and then nothing is said about it.
    """
    grey: NDArray[np.uint8] = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    found = (_of_window(window) for window in _windows(grey))
    return tuple(dict.fromkeys(each for each in found if each))


def distance(one: Sequence[str], other: Sequence[str]) -> int | None:
    """Return in how many of 63 waves the most alike windows of two pictures differ.

    The whole of either is compared with every window of the other: a crop of a crop is still
    found, two crops that overlap in part may not be. None where there is nothing to compare.
    """
    if not one or not other:
        return None
    first, second = _numbers(one), _numbers(other)
    return min(_nearest(first[0], second), _nearest(second[0], first))


def _nearest(whole: np.uint64, windows: NDArray[np.uint64]) -> int:
    bits = np.unpackbits((windows ^ whole).view(np.uint8).reshape(len(windows), 8), axis=1)
    return int(bits.sum(axis=1).min())


def _numbers(prints: Sequence[str]) -> NDArray[np.uint64]:
    return np.array([int(each, 16) for each in prints], dtype=np.uint64)


def _windows(grey: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    height, width = grey.shape
    for part, along in WINDOWS:
        tall, wide = max(1, round(height * part)), max(1, round(width * part))
        for down in range(along):
            for right in range(along):
                y = (height - tall) * down // max(1, along - 1)
                x = (width - wide) * right // max(1, along - 1)
                yield grey[y : y + tall, x : x + wide]


def _of_window(window: NDArray[np.uint8]) -> str:
    small = cv2.resize(window, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)
    if small.std() < FLAT:
        return ""
    waves = _waves()
    slow = (waves @ small @ waves.T).ravel()[1:]
    bits = np.packbits(slow > np.median(slow), bitorder="little")
    return bits.tobytes().hex()


@cache
def _waves() -> NDArray[np.float64]:
    """Return the slowest rows of the DCT-II matrix, (WAVES, SIDE)."""
    at = np.arange(SIDE)
    rows = [np.cos(np.pi * wave * (2 * at + 1) / (2 * SIDE)) for wave in range(WAVES)]
    return np.array(rows)
