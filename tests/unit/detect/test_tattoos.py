"""Tattoos: held where ink is drawn into skin, whatever its tone, and never more than held."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from benchmarks.drawn_rooms import drawn

from safelight import detect
from safelight.cli import made_up
from safelight.detect import Answer, tattoos
from safelight.detect.objects import NAMES, Seen
from safelight.detect.sizes import Sizes
from safelight.detect.tattoos import Tattoos
from safelight.terms import Region
from unit.detect.test_every_tone import LEAST, by_chance

SEEDS = range(2_000_000, 2_000_008)
"""None of them was fitted on."""
ROWS = np.zeros((0, 4 + len(NAMES)), np.float32)
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def ours(detectors):
    return next(each for each in detectors.all if isinstance(each, Tattoos))


NOBODY = np.zeros((0, 5), np.float32)


def saying(odds, *, others=NOBODY):
    """Return the detector of a network whose pieces have these log-odds, each for itself."""
    by = tattoos.weights()
    cells = (np.asarray(odds, np.float32) - by.bias)[..., np.newaxis] * by.cells
    cells /= (by.cells**2).sum()
    network = SimpleNamespace(whole=lambda *_, **__: Seen(ROWS, cells), cards=())
    return Tattoos(network, SimpleNamespace(seen=lambda *_, **__: (NOBODY, np.asarray(others))))


def grey(size=(400, 200)):
    return Sizes(np.full((size[1], size[0], 3), 120, np.uint8))


def touches(findings, there):
    return any(
        there[
            each.box.y : each.box.y + each.box.height, each.box.x : each.box.x + each.box.width
        ].any()
        for each in findings
    )


@pytest.fixture(scope="module")
def by_tone(ours):
    """Return for each tone whether each drawn tattoo was touched, and whether plain ones alarmed."""
    told = {}
    for step, tone in enumerate(made_up.TONES):
        pictures = [drawn(seed, tone=step, inked=True) for seed in SEEDS]
        plain = [drawn(seed, tone=step, inked=False) for seed in SEEDS]
        shown = [each for each in pictures if each.tattoo.mean() > 0.02]
        told[tone] = (
            [
                touches(ours.find(Sizes(each.pixels), scales=detect.FIRST), each.tattoo)
                for each in shown
            ],
            [bool(ours.find(Sizes(each.pixels), scales=detect.FIRST)) for each in plain],
        )
    return told


@pytest.mark.parametrize("which", [0, 1], ids=["found", "alarmed"])
def test_no_tone_is_worse_off_than_the_others(by_tone, which):
    for tone in made_up.TONES:
        mine = by_tone[tone][which]
        others = [hit for each in made_up.TONES if each != tone for hit in by_tone[each][which]]
        assert by_chance(sum(mine), len(mine), sum(others), len(others)) >= LEAST, tone


def test_more_tattoos_are_held_than_skins_without(by_tone):
    found, alarmed = ([hit for told in by_tone.values() for hit in told[which]] for which in (0, 1))
    assert sum(found) >= 0.35 * len(found)
    assert sum(alarmed) <= 0.08 * len(alarmed)


@pytest.mark.parametrize("tone", made_up.TONES)
def test_a_rash_and_a_wound_are_none(ours, tone):
    pictures = [draw(seed, tone) for draw in (made_up.rash, made_up.wound) for seed in range(2)]
    assert [ours.find(Sizes(each), scales=detect.FIRST) for each in pictures] == [()] * 4


def test_the_box_is_of_all_pieces_that_hang_together_with_a_sure_one():
    by = tattoos.weights()
    odds = np.full((10, 20), -9.0)
    odds[2:7, 3:9] = by.held_at + 0.1
    odds[2:7, 9:12] = by.edge_at + 0.1
    (finding,) = saying(odds).find(grey(), scales=detect.FIRST)
    assert finding.kind == "tattoo"
    assert finding.answer is Answer.HELD
    assert finding.why == "may be a tattoo"
    assert finding.score == pytest.approx(1 / (1 + np.exp(-by.held_at - 0.1)), abs=1e-3)
    assert finding.box == Region(80, 60, 140, 60), "the blur takes a piece off at each side"


def test_pieces_that_are_unsure_by_themselves_are_none():
    by = tattoos.weights()
    assert saying(np.full((10, 20), by.held_at - 0.1)).find(grey(), scales=detect.FIRST) == ()


@pytest.mark.parametrize(("likely", "told"), [(0.41, 1), (0.39, 2)])
def test_what_is_on_other_people_is_covered_with_them(likely, told):
    odds = np.full((10, 20), -9.0)
    odds[2:7, 3:9] = odds[2:7, 13:19] = tattoos.weights().held_at + 0.1
    somebody = [[0, 0, 200, 200, likely]]
    findings = saying(odds, others=somebody).find(grey(), scales=detect.FIRST)
    assert len(findings) == told
    assert findings[-1].box == Region(280, 60, 80, 60)


def test_a_doubt_is_nothing_where_doubts_are_left_out():
    sure = saying(np.full((10, 20), tattoos.weights().held_at + 9))
    assert len(sure.find(grey(), scales=detect.FIRST)) == 1
    assert len(sure.find(grey(), scales=detect.QUICK)) == 1
    assert sure.find(grey(), scales=detect.AGAIN) == ()


def test_a_network_that_kept_no_pieces_fails_the_check():
    blind = Tattoos(SimpleNamespace(whole=lambda *_, **__: Seen(ROWS), cards=()), None)
    with pytest.raises(LookupError, match="no pieces"):
        blind.find(grey(), scales=detect.FIRST)
    report = detect.find(grey().pixels, detectors=detect.Detectors((blind,)))
    assert report.answers["tattoo"] is Answer.FAILED


def test_nothing_seen_is_never_none(detectors):
    report = detect.find(made_up.skin(3, "tan", size=(640, 480)), detectors=detectors)
    assert report.answers["tattoo"] is Answer.HELD
    assert not any(each.kind == "tattoo" for each in report.findings)
    assert "missed" in report.unseen["tattoo"]


def test_a_drawing_follows_from_its_seed():
    once, again = drawn(2_000_001), drawn(2_000_001)
    assert np.array_equal(once.pixels, again.pixels)
    assert np.array_equal(once.tattoo, again.tattoo)
    assert not drawn(2_000_001, inked=False).tattoo.any()
