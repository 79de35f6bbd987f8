"""Writing is found on skin of every tone alike: no tone is worse off by more than chance."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from benchmarks import drawn

from safelight import detect
from safelight.cli import made_up
from safelight.detect.sizes import Sizes

PRINTED, BY_HAND = range(5), range(4)
pytestmark = pytest.mark.timeout(900)
"""Fifty-four pictures are looked at in the first test: half a minute, more on a busy machine."""
LEAST = 0.01
"""A difference between two tones that chance brings about less often is one."""


def hidden(text, picture):
    """Say of each line whether the boxes of the first look hold its ink."""
    black = np.zeros(picture.ground.shape, bool)
    for finding in text.find(Sizes(picture.pixels), scales=detect.FIRST):
        box = finding.box
        black[box.y : box.y + box.height, box.x : box.x + box.width] = True
    return [bool(black[ink].mean() >= 0.97) for ink in picture.inks]


def by_chance(hits, of, other_hits, other_of):
    """Return Fisher's exact probability of a split at least as uneven as this one."""
    whole, total = of + other_of, hits + other_hits
    ways = {
        k: comb(of, k) * comb(other_of, total - k)
        for k in range(max(0, total - other_of), min(of, total) + 1)
    }
    return sum(way for way in ways.values() if way <= ways[hits]) / comb(whole, total)


@pytest.fixture(scope="module")
def found(detectors):
    text = detectors.all[1]
    return {
        tone: {
            "printed": [
                h for seed in PRINTED for h in hidden(text, drawn.written(seed, tone=tone))
            ],
            "by hand": [
                h for seed in BY_HAND for h in hidden(text, drawn.by_hand(seed, tone=tone))
            ],
        }
        for tone in made_up.TONES
    }


@pytest.mark.parametrize("manner", ["printed", "by hand"])
def test_no_tone_is_worse_off_than_the_others(found, manner):
    for tone in made_up.TONES:
        mine = found[tone][manner]
        others = [hit for each in made_up.TONES if each != tone for hit in found[each][manner]]
        assert by_chance(sum(mine), len(mine), sum(others), len(others)) >= LEAST, tone


def test_what_is_printed_is_found(found):
    every = [hit for tone in made_up.TONES for hit in found[tone]["printed"]]
    assert sum(every) >= 0.9 * len(every)


def test_the_measure_of_chance_is_one_for_equals_and_small_for_a_gap():
    assert by_chance(10, 20, 50, 100) == pytest.approx(1)
    assert by_chance(0, 20, 80, 100) < 1e-9


@pytest.mark.parametrize("draw", [drawn.written, drawn.by_hand])
def test_a_drawing_follows_from_its_seed_and_its_ink_is_on_it(draw):
    for seed in range(8):
        once, again = draw(seed, tone="tan"), draw(seed, tone="tan")
        assert np.array_equal(once.pixels, again.pixels)
        assert all(ink.any() for ink in once.inks)
        other = draw(seed, tone="dark")
        assert all(np.array_equal(a, b) for a, b in zip(once.inks, other.inks, strict=True))
