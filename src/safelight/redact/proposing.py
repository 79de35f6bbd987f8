"""What to keep, proposed: the patient's skin, and the lesion on it. A person adjusts and decides.

Skin by its chroma, which varies far less between people than its lightness; the lesion by how far
its colour is from the middle of that skin. A proposal is never applied by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from safelight.terms import Pixels, Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.uint8]

SIDE = 256
"""Longest side in pixels at which is looked."""
CR, CB = (133, 180), (77, 130)
"""Of skin in YCrCb, lightest to darkest."""
LEAST_SKIN, LEAST_LESION = 0.05, 0.004
"""Of the picture: less is no proposal."""
APART = 4.0
"""Spreads (median absolute deviations) from the skin's middle colour from which it is a lesion."""
SKIN_MARGIN, LESION_MARGIN = 0.02, 0.2
"""Of the proposal's longer side; a lesion is judged with the skin around it."""


class NothingToPropose(ValueError):
    """No skin, or no lesion on it, could be told from the rest."""

    for_people = "What to keep could not be told in this picture. Give --keep a box instead."


@dataclass(frozen=True, slots=True)
class Proposal:
    """What `keep` could be given, in pixels of the picture; None where nothing can be proposed."""

    skin: Region | None
    lesion: Region | None

    def of(self, what: Literal["skin", "lesion"]) -> Region:
        """Return the one that is named; raise NothingToPropose rather than the whole picture."""
        region = self.skin if what == "skin" else self.lesion
        if region is None:
            raise NothingToPropose(what)
        return region


def propose(pixels: Pixels) -> Proposal:
    """Return boxes around the largest piece of skin, and around the largest lesion on it.

    pixels: (height, width, 3), uint8, sRGB.
    """
    height, width = pixels.shape[:2]
    share = min(1.0, SIDE / max(height, width))
    size = (max(1, round(width * share)), max(1, round(height * share)))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    skin = _skin(small)
    if skin is None:
        return Proposal(None, None)
    lesion = _lesion(small, skin)
    return Proposal(
        _scaled(skin, (width, height), SKIN_MARGIN),
        None if lesion is None else _scaled(lesion, (width, height), LESION_MARGIN),
    )


def _skin(small: Pixels) -> Mask | None:
    """Return the hull of the largest piece of skin: wounds and dressings inside it belong to it."""
    toned = cv2.cvtColor(cv2.GaussianBlur(small, (0, 0), 1.5), cv2.COLOR_RGB2YCrCb)
    mask = np.asarray(cv2.inRange(toned, (20, CR[0], CB[0]), (255, CR[1], CB[1])), np.uint8)
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)), np.uint8)
    outline = _largest(mask, least=LEAST_SKIN)
    if outline is None:
        return None
    hull = np.zeros(mask.shape, np.uint8)
    cv2.fillPoly(hull, [cv2.convexHull(outline)], (255,))
    return hull


def _lesion(small: Pixels, skin: Mask) -> Mask | None:
    """Return the largest piece inside the skin whose colour is far from the skin's."""
    colours = cv2.cvtColor(cv2.GaussianBlur(small, (0, 0), 2.0), cv2.COLOR_RGB2LAB).astype(
        np.float32
    )
    inside = colours[skin > 0]
    middle = np.median(inside, axis=0)
    spread = np.maximum(np.median(np.abs(inside - middle), axis=0), 2.0)
    away = np.abs(colours - middle) / spread
    odd = np.asarray(((away[..., 1:].max(axis=2) >= APART) & (skin > 0)) * 255, np.uint8)
    odd = np.asarray(cv2.morphologyEx(odd, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)
    odd = np.asarray(cv2.morphologyEx(odd, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)), np.uint8)
    outline = _largest(odd, least=LEAST_LESION)
    if outline is None:
        return None
    piece = np.zeros(odd.shape, np.uint8)
    cv2.fillPoly(piece, [outline], (255,))
    return piece


def _largest(mask: Mask, *, least: float) -> NDArray[np.int32] | None:
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return None
    largest = max(outlines, key=cv2.contourArea)
    if cv2.contourArea(largest) < least * mask.size:
        return None
    return np.asarray(largest, np.int32)


def _scaled(mask: Mask, size: tuple[int, int], margin: float) -> Region:
    """Return the box of a mask in pixels of a picture of (width, height), grown by a share of itself."""
    left, top, across, down = cv2.boundingRect(mask)
    share = size[0] / mask.shape[1], size[1] / mask.shape[0]
    x, y = int(left * share[0]), int(top * share[1])
    right = min(size[0], int(np.ceil((left + across) * share[0])))
    bottom = min(size[1], int(np.ceil((top + down) * share[1])))
    box = Region(x, y, right - x, bottom - y)
    return box.grown(round(margin * max(box.width, box.height)), within=size)
