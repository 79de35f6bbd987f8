"""Screens, and things worn, carried or standing about."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from benchmarks import drawn

from safelight import detect, redact
from safelight.cli import made_up
from safelight.detect import Answer
from safelight.detect.objects import NAMES, Seen
from safelight.detect.sizes import Sizes
from safelight.detect.things import SORTS, Things
from safelight.terms import Region

SEEDS = range(6)


@pytest.fixture(scope="module")
def things(detectors):
    return {each.kind: each for each in detectors.all if isinstance(each, Things)}


def saying(kind, *told):
    """Return a detector of a kind, of a network that saw (name, likely, left, top, right, bottom)."""
    rows = np.zeros((len(told), 4 + len(NAMES)), np.float32)
    for row, (name, likely, *place) in zip(rows, told, strict=True):
        row[:4] = place
        row[4 + NAMES.index(name)] = likely
    nothing = Seen(np.zeros((0, 4 + len(NAMES)), np.float32))
    network = SimpleNamespace(whole=lambda *_, **__: Seen(rows), ends=lambda *_: nothing, cards=())
    return Things(network, next(sort for sort in SORTS if sort.kind == kind))


def grey(size=(640, 480)):
    return np.full((size[1], size[0], 3), 120, np.uint8)


def test_every_name_is_one_of_the_networks_and_of_one_sort():
    names = [name for sort in SORTS for name in sort.names]
    assert set(names) < set(NAMES)
    assert len(names) == len(set(names))


@pytest.fixture(scope="module")
def screens():
    return {tone: [drawn.with_screen(seed, tone=tone) for seed in SEEDS] for tone in made_up.TONES}


@pytest.mark.parametrize("scales", [detect.FIRST, detect.AGAIN])
def test_a_screen_is_found_on_skin_of_every_tone_at_either_look(things, screens, scales):
    seen = dict.fromkeys(made_up.TONES, 0)
    for tone, pictures in screens.items():
        for pixels, there in pictures:
            findings = things["screen"].find(Sizes(pixels), scales=scales)
            best = max((each.box.overlap(there) for each in findings), default=0)
            seen[tone] += best >= 0.75 * there.area
    assert min(seen.values()) >= len(SEEDS) - 2, seen
    assert sum(seen.values()) >= 0.8 * len(SEEDS) * len(seen), seen


@pytest.mark.parametrize("tone", made_up.TONES)
def test_skin_with_a_rash_or_a_wound_is_no_thing(things, tone):
    drawings = (made_up.skin, made_up.rash, made_up.wound)
    pictures = [Sizes(draw(seed, tone)) for draw in drawings for seed in range(2)]
    alarmed = [
        each.find(sizes, scales=scales)
        for sizes in pictures
        for each in things.values()
        for scales in (detect.FIRST, detect.AGAIN, detect.QUICK)
    ]
    assert sum(map(bool, alarmed)) <= 1, alarmed


def test_a_black_cover_on_a_copy_is_no_screen(things, screens):
    for pictures in screens.values():
        pixels, there = pictures[1]
        black = redact.cover(pixels, [redact.with_margin(there, 0.1, within=drawn.SIZE)])
        assert things["screen"].find(Sizes(black), scales=detect.AGAIN) == ()


@pytest.mark.parametrize(
    ("likely", "answer"), [(0.41, Answer.FOUND), (0.39, Answer.HELD), (0.19, None)]
)
def test_a_likely_screen_is_found_and_an_unlikely_one_held(likely, answer):
    findings = saying("screen", ("laptop", likely, 10, 20, 110, 90)).find(
        Sizes(grey()), scales=detect.FIRST
    )
    assert [(each.answer, each.box) for each in findings] == (
        [(answer, Region(10, 20, 100, 70))] if answer else []
    )


def test_what_is_only_held_is_left_out_at_the_second_look():
    doubtful = saying("screen", ("phone", 0.3, 10, 20, 110, 90))
    assert doubtful.find(Sizes(grey()), scales=detect.AGAIN) == ()


@pytest.mark.parametrize(("kind", "name"), [("background", "chair"), ("jewellery", "tie")])
def test_things_that_others_may_know_are_held_however_sure(kind, name):
    (held,) = saying(kind, (name, 0.99, 10, 20, 110, 90)).find(Sizes(grey()), scales=detect.FIRST)
    assert (held.kind, held.answer) == (kind, Answer.HELD)
    assert held.why.startswith("may be")


def test_two_boxes_of_one_thing_are_told_once():
    twice = saying("screen", ("laptop", 0.8, 10, 20, 110, 90), ("phone", 0.6, 12, 22, 112, 92))
    assert len(twice.find(Sizes(grey()), scales=detect.FIRST)) == 1


def test_what_fills_the_picture_is_what_it_is_of():
    large, less = ("laptop", 0.9, -20, -20, 660, 400), ("laptop", 0.9, 0, 0, 640, 280)
    assert saying("screen", large).find(Sizes(grey()), scales=detect.FIRST) == ()
    assert len(saying("screen", less).find(Sizes(grey()), scales=detect.FIRST)) == 1


def test_a_box_outside_the_picture_is_nothing():
    beside = saying("screen", ("laptop", 0.8, 700, 20, 800, 90))
    assert beside.find(Sizes(grey()), scales=detect.FIRST) == ()


def test_a_copy_covers_a_screen(detectors):
    pixels, there = drawn.with_screen(0, tone="tan")
    report = detect.find(pixels, detectors=detectors)
    assert report.answers["screen"] is Answer.FOUND
    assert any(each.kind == "screen" and each.box.overlap(there) for each in report.findings)
