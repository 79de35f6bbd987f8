"""The copy fit to leave: what is taken away is gone, not hidden.

Solid black, or nothing at all. Blur, mosaic and eye bars are not here on purpose: the first two can
be undone, the third leaves the face (docs/adr/0004-solid-cover-only.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from safelight.redact.proposing import NothingToPropose, Proposal, propose
from safelight.terms import Pixels, Region, RegionOutsideImage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = [
    "NothingToPropose",
    "Proposal",
    "cover",
    "crop",
    "keep",
    "propose",
    "shares_hidden",
    "shrink",
    "with_margin",
]


def cover(pixels: Pixels, regions: Iterable[Region]) -> Pixels:
    """Return a copy with every region painted solid black.

    Raises RegionOutsideImage rather than clipping: a box that reaches out was drawn on something else.
    """
    copy = pixels.copy()
    for region in _inside(pixels, regions):
        copy[_place(region)] = 0
    return copy


def keep(pixels: Pixels, regions: Iterable[Region]) -> Pixels:
    """Return a picture of the same size that holds the regions and is black everywhere else.

    Raises RegionOutsideImage as `cover` does, and ValueError without a region: nothing would be left.
    """
    wanted = _inside(pixels, regions)
    if not wanted:
        raise ValueError("nothing to keep")
    copy = np.zeros_like(pixels)
    for region in wanted:
        copy[_place(region)] = pixels[_place(region)]
    return copy


def crop(pixels: Pixels, region: Region) -> Pixels:
    """Return the region alone, in memory of its own: nothing of the rest is reachable from it."""
    (wanted,) = _inside(pixels, (region,))
    return pixels[_place(wanted)].copy()


def shrink(pixels: Pixels, max_side: int) -> Pixels:
    """Return a copy with its longer side at most `max_side` pixels, each the mean of what it replaces."""
    if max_side < 1:
        raise ValueError("a picture has at least one pixel")
    height, width = pixels.shape[:2]
    if max(height, width) <= max_side:
        return pixels.copy()
    share = max_side / max(height, width)
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def with_margin(region: Region, share: float, *, within: tuple[int, int], least: int = 2) -> Region:
    """Return the region grown on each side by a share of its longer side, cut at (width, height)."""
    margin = max(least, round(share * max(region.width, region.height)))
    return region.grown(margin, within=within)


def shares_hidden(
    boxes: Sequence[Region],
    *,
    covered: Iterable[Region],
    kept: Sequence[Region] = (),
    size: tuple[int, int],
) -> list[float]:
    """Return how much of each box, 0 to 1, lies under a cover or outside what is kept.

    kept: as for `keep`; none means that everything is. size: (width, height).
    """
    hidden: NDArray[np.bool_] = np.full((size[1], size[0]), bool(kept))
    for region in kept:
        hidden[_place(region)] = False
    for region in covered:
        hidden[_place(region)] = True
    return [float(hidden[_place(box)].mean()) for box in boxes]


def _place(region: Region) -> tuple[slice, slice]:
    return np.s_[region.y : region.y + region.height, region.x : region.x + region.width]


def _inside(pixels: Pixels, regions: Iterable[Region]) -> list[Region]:
    height, width = pixels.shape[:2]
    chosen = list(regions)
    for region in chosen:
        if not region.fits(width, height):
            raise RegionOutsideImage(f"{region.as_list()} in {width} by {height}")
    return chosen
