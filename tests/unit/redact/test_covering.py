"""What is taken away is gone; what is left is untouched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from safelight import redact
from safelight.terms import Region, RegionOutsideImage

pictures = arrays.arrays(
    np.uint8,
    st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3)),
    elements=st.integers(1, 255),
)


@st.composite
def pictures_with_regions(draw, *, least=0):
    pixels = draw(pictures)
    height, width = pixels.shape[:2]
    regions = []
    for _ in range(draw(st.integers(least, 4))):
        x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
        size = draw(st.integers(1, width - x)), draw(st.integers(1, height - y))
        regions.append(Region(x, y, *size))
    return pixels, regions


def inside(shape, regions):
    mask = np.zeros(shape[:2], bool)
    for r in regions:
        mask[r.y : r.y + r.height, r.x : r.x + r.width] = True
    return mask


@given(pictures_with_regions())
def test_covered_is_black_and_the_rest_untouched(case):
    pixels, regions = case
    copy = redact.cover(pixels, regions)
    mask = inside(pixels.shape, regions)
    assert not copy[mask].any()
    assert np.array_equal(copy[~mask], pixels[~mask])


@given(pictures_with_regions())
def test_covering_leaves_the_original_alone(case):
    pixels, regions = case
    before = pixels.copy()
    copy = redact.cover(pixels, regions)
    assert np.array_equal(pixels, before)
    assert not np.shares_memory(copy, pixels)


@given(pictures_with_regions(least=1))
def test_outside_what_is_kept_nothing_remains(case):
    pixels, regions = case
    copy = redact.keep(pixels, regions)
    mask = inside(pixels.shape, regions)
    assert np.array_equal(copy[mask], pixels[mask])
    assert not copy[~mask].any()


@given(pictures_with_regions(least=1))
def test_a_crop_holds_the_region_and_reaches_nothing_else(case):
    pixels, (region, *_) = case
    piece = redact.crop(pixels, region)
    assert piece.shape == (region.height, region.width, 3)
    assert piece.base is None
    assert not np.shares_memory(piece, pixels)


@given(pictures, st.integers(1, 60))
def test_a_shrunken_picture_fits_and_is_never_enlarged(pixels, max_side):
    small = redact.shrink(pixels, max_side)
    assert max(small.shape[:2]) == min(max_side, max(pixels.shape[:2]))
    assert not np.shares_memory(small, pixels)


def test_shrinking_replaces_pixels_by_their_mean():
    chequered = np.indices((8, 8)).sum(axis=0) % 2 * 255
    pixels = np.repeat(chequered[..., np.newaxis], 3, axis=2).astype(np.uint8)
    assert set(redact.shrink(pixels, 4).ravel().tolist()) <= {127, 128}


@pytest.mark.parametrize("box", [(0, 0, 11, 5), (0, 0, 5, 9), (9, 7, 2, 1), (100, 100, 1, 1)])
@pytest.mark.parametrize("act", [redact.cover, redact.keep])
def test_a_box_that_reaches_out_is_refused_and_not_clipped(act, box):
    pixels = np.full((8, 10, 3), 9, np.uint8)
    with pytest.raises(RegionOutsideImage):
        act(pixels, [Region(*box)])
    with pytest.raises(RegionOutsideImage):
        redact.crop(pixels, Region(*box))


def test_keeping_nothing_is_refused():
    with pytest.raises(ValueError, match="nothing to keep"):
        redact.keep(np.zeros((2, 2, 3), np.uint8), [])


def test_a_picture_of_no_pixels_is_refused():
    with pytest.raises(ValueError, match="at least one pixel"):
        redact.shrink(np.zeros((2, 2, 3), np.uint8), 0)


@pytest.mark.parametrize(
    ("region", "share", "grown"),
    [
        (Region(50, 50, 20, 10), 0.1, Region(48, 48, 24, 14)),
        (Region(50, 50, 20, 10), 0.5, Region(40, 40, 40, 30)),
        (Region(0, 95, 20, 5), 0.5, Region(0, 85, 30, 15)),
        (Region(50, 50, 4, 4), 0.0, Region(48, 48, 8, 8)),
    ],
)
def test_a_margin_is_a_share_of_the_longer_side_and_stops_at_the_edge(region, share, grown):
    assert redact.with_margin(region, share, within=(100, 100)) == grown


def test_what_lies_under_covers_or_outside_what_is_kept_is_hidden():
    boxes = [Region(0, 0, 10, 10), Region(5, 0, 10, 10), Region(30, 30, 10, 10)]
    covered = [Region(0, 0, 10, 10)]
    size = (100, 100)
    assert redact.shares_hidden(boxes, covered=covered, size=size) == [1.0, 0.5, 0.0]
    kept = [Region(0, 0, 20, 20)]
    assert redact.shares_hidden(boxes, covered=[], kept=kept, size=size) == [0.0, 0.0, 1.0]
    assert redact.shares_hidden(boxes, covered=covered, kept=kept, size=size) == [1.0, 0.5, 1.0]


@pytest.mark.parametrize("weak", ["blur", "mosaic", "pixelate", "eye_bar", "inpaint"])
def test_nothing_weaker_than_solid_cover_is_offered(weak):
    assert not hasattr(redact, weak)
