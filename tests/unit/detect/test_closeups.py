"""Part of a face in a close-up: three kinds of evidence, two thresholds, the place to cover."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight import detect
from safelight.cli import made_up
from safelight.detect import Answer, closeups, faces
from safelight.detect.closeups import Evidence
from safelight.detect.sizes import Sizes

PARTS = {
    "one eye": np.s_[95:140, 190:235],
    "both eyes": np.s_[95:140, 185:265],
    "nose and mouth": np.s_[120:190, 185:265],
    "mouth": np.s_[150:185, 190:255],
    "lower half": np.s_[130:215, 170:280],
}
"""Rows and columns of the free portrait."""


@pytest.mark.parametrize("part", ["both eyes", "nose and mouth", "lower half"])
def test_a_part_that_fills_the_frame_is_found_or_held(detectors, part):
    piece = np.ascontiguousarray(made_up.portrait()[PARTS[part]])
    pixels = np.asarray(
        cv2.resize(piece, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC), np.uint8
    )
    report = detect.find(pixels, detectors=detectors)
    assert report.answers["face"] in {Answer.FOUND, Answer.HELD}


@pytest.mark.parametrize("tone", made_up.TONES)
@pytest.mark.parametrize("draw", [made_up.skin, made_up.wound, made_up.rash])
def test_drawn_skin_of_no_tone_is_taken_for_a_face(detectors, draw, tone):
    report = detect.find(draw(4, tone), detectors=detectors)
    assert report.answers["face"] is Answer.NONE


def test_each_kind_of_evidence_raises_the_score():
    low = Evidence(detector=-4.0, crops=-4.0, skin=0.1)
    assert low.answer is Answer.NONE
    for more in (Evidence(4.0, -4.0, 0.1), Evidence(-4.0, 4.0, 0.1), Evidence(-4.0, -4.0, 0.9)):
        assert more.score > low.score
    assert Evidence(4.5, 4.5, 0.9).answer is Answer.FOUND


def test_the_thresholds_stand_in_order_and_between_them_is_held():
    by = closeups.weights()
    assert 0 < by.held_at < by.found_at < 1
    middle = (by.held_at + by.found_at) / 2
    odds = np.log(middle / (1 - middle))
    between = Evidence((odds - by.bias) / by.detector, 0.0, 0.0)
    assert between.score == pytest.approx(middle)
    assert between.answer is Answer.HELD
    assert [each.answer for each in weighed(between)] == [Answer.HELD]
    assert weighed(between, doubts=False) == []
    assert weighed(SURE, doubts=False) == weighed(SURE)
    assert (detect.FIRST.doubts, detect.QUICK.doubts, detect.AGAIN.doubts) == (True, True, False)


def weighed(evidence, *rows, doubts=True):
    sizes = Sizes(np.zeros((100, 100, 3), np.uint8))
    boxes = np.asarray(rows, np.float32).reshape(-1, 5)
    return faces._weighed(evidence, boxes, sizes, doubts=doubts)


SURE, NOTHING = Evidence(4.5, 4.5, 0.9), Evidence(-4.5, -4.5, 0.0)


def test_where_no_box_is_the_whole_picture_is_held_and_not_found():
    (whole,) = weighed(SURE)
    assert whole.box.as_list() == [0, 0, 100, 100]
    assert whole.answer is Answer.HELD


def test_large_boxes_follow_the_evidence_and_small_ones_their_own_score():
    large, small, faint = [0, 0, 60, 60, 0.9], [70, 70, 90, 90, 0.6], [70, 0, 90, 20, 0.4]
    assert [each.answer for each in weighed(SURE, large)] == [Answer.FOUND]
    assert weighed(NOTHING, large, faint) == []
    (bystander,) = weighed(NOTHING, small)
    assert bystander.box.as_list() == [70, 70, 20, 20]
    assert bystander.answer is Answer.FOUND


def test_a_faint_box_is_the_place_if_there_is_no_better():
    (only,) = weighed(SURE, [0, 0, 60, 60, 0.1])
    assert only.box.as_list() == [0, 0, 60, 60]
    first, *more = weighed(SURE, [0, 0, 60, 60, 0.8], [20, 20, 80, 80, 0.1])
    assert first.box.as_list() == [0, 0, 60, 60]
    assert more == []


@given(st.integers(1, 300), st.integers(1, 300))
def test_canvases_are_squares_whatever_the_picture(width, height):
    made = list(closeups.canvases(np.full((height, width, 3), 90, np.uint8)))
    assert len(made) == 8
    assert {each.shape for each in made} == {(closeups.SIDE, closeups.SIDE, 3)}


@given(st.floats(0, 1))
def test_log_odds_are_finite_and_odd(score):
    assert abs(closeups.log_odds(score)) <= 4.6
    assert closeups.log_odds(score) == pytest.approx(-closeups.log_odds(1 - score))


def test_skin_is_a_share_and_is_seen_in_every_tone():
    assert closeups.skin_share(np.full((9, 9, 3), (30, 60, 160), np.uint8)) == 0
    for tone in made_up.TONES:
        assert closeups.skin_share(made_up.skin(3, tone, size=(160, 120))) > 0.8


def test_many_threads_may_ask_at_once(detectors):
    sizes = [Sizes(made_up.portrait()[y:, y:].copy()) for y in (0, 20, 40, 60)]
    finder = detectors.all[0]
    alone = [finder.close_up(each, longest=448)[0] for each in sizes]
    together: dict[int, Evidence] = {}

    def ask(number):
        together[number] = finder.close_up(sizes[number], longest=448)[0]

    asking = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert [together[number] for number in range(4)] == alone
