"""People besides the one whom the picture is of."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from safelight import detect
from safelight.cli import made_up
from safelight.detect import Answer, people
from safelight.detect.people import People
from safelight.detect.sizes import Sizes
from safelight.terms import Region


@pytest.fixture(scope="module")
def looks(detectors):
    return next(each for each in detectors.all if isinstance(each, People))


def with_somebody(seed, tone, *, side, at, size=(1280, 960)):
    """Return skin with the photograph of a person laid on it."""
    pixels = made_up.skin(seed, tone, size=size)
    somebody = made_up.photograph("astronaut.png")
    left, top = at
    pixels[top : top + side, left : left + side] = cv2.resize(
        somebody, (side, side), interpolation=cv2.INTER_AREA
    )
    return pixels


def boxes(*rows):
    return np.asarray(rows, np.float32).reshape(-1, 5)


@pytest.mark.parametrize("scales", [detect.FIRST, detect.AGAIN, detect.QUICK])
@pytest.mark.parametrize("tone", made_up.TONES)
def test_somebody_in_the_corner_is_found_at_every_look(looks, scales, tone):
    there = Region(760, 440, 480, 480)
    pixels = with_somebody(5, tone, side=480, at=(760, 440))
    findings = looks.find(Sizes(pixels), scales=scales)
    found = [each for each in findings if each.answer is Answer.FOUND]
    assert any(each.box.overlap(there) > 0.5 * there.area for each in found)
    assert all(each.kind == "person" and each.score > 0 and each.why for each in findings)


@pytest.mark.parametrize("scales", [detect.FIRST, detect.AGAIN, detect.QUICK])
@pytest.mark.parametrize("tone", made_up.TONES)
def test_the_body_of_somebody_smaller_is_found_by_the_face(looks, scales, tone):
    pixels = with_somebody(5, tone, side=360, at=(60, 40))
    findings = looks.find(Sizes(pixels), scales=scales)
    chest = Region(160, 200, 120, 100)
    found = [each for each in findings if each.answer is Answer.FOUND]
    assert max(each.box.overlap(chest) for each in found) > 0.9 * chest.area


@pytest.mark.parametrize("scales", [detect.FIRST, detect.AGAIN, detect.QUICK])
def test_whoever_fills_the_picture_is_the_one_it_is_of(looks, scales):
    portrait = made_up.photograph("astronaut.png")
    assert looks.find(Sizes(portrait), scales=scales) == ()
    subject, _ = looks.seen(Sizes(portrait), mirrored=False, halves=True)
    assert len(subject) == 1


@pytest.mark.parametrize("tone", made_up.TONES)
def test_skin_with_a_rash_or_a_wound_is_nobody(looks, tone):
    for pixels in (made_up.skin(3, tone), made_up.rash(3, tone), made_up.wound(3, tone)):
        for scales in (detect.FIRST, detect.AGAIN, detect.QUICK):
            assert looks.find(Sizes(pixels), scales=scales) == ()


def test_smaller_people_are_seen_in_the_halves(looks):
    wide = with_somebody(5, "tan", side=150, at=(150, 300), size=(1600, 800))
    _, plain = looks.seen(Sizes(wide), mirrored=False, halves=False)
    _, halved = looks.seen(Sizes(wide), mirrored=False, halves=True)
    assert halved[:, 4].max() > plain[:, 4].max(initial=0)
    left, top, right, bottom = halved[0, :4].tolist()
    assert abs((left + right) / 2 - 225) < 60
    assert abs((top + bottom) / 2 - 375) < 60


def test_the_mirror_image_gives_boxes_of_the_picture_itself(looks):
    pixels = with_somebody(5, "tan", side=480, at=(760, 440))
    _, plain = looks.seen(Sizes(pixels), mirrored=False, halves=False)
    _, again = looks.seen(Sizes(pixels), mirrored=True, halves=False)
    assert detect.faces.overlaps(plain[:1], again[:1]).item() > 0.7


def test_a_doubtful_person_is_held_at_the_first_look_only(looks, monkeypatch):
    doubtful = boxes((10, 10, 40, 90, 0.3))
    monkeypatch.setattr(looks, "seen", lambda *_, **__: (boxes(), doubtful))
    grey = Sizes(np.full((120, 160, 3), 120, np.uint8))
    (held,) = looks.find(grey, scales=detect.FIRST)
    assert (held.answer, held.box, held.why) == (
        Answer.HELD,
        Region(10, 10, 30, 80),
        "may be a person",
    )
    assert looks.find(grey, scales=detect.AGAIN) == ()


def test_a_small_face_means_a_body_below_unless_somebody_has_it():
    sizes = Sizes(np.zeros((400, 600, 3), np.uint8))
    face = (100, 40, 120, 64, 0.9)
    (body,) = people.below(boxes(face), boxes(), sizes).tolist()
    assert body == pytest.approx([75, 34, 145, 160, 0.9])
    somebody = boxes((80, 30, 150, 300, 0.8))
    elsewhere = boxes((300, 30, 350, 300, 0.8))
    assert len(people.below(boxes(face), somebody, sizes)) == 0
    assert len(people.below(boxes(face), elsewhere, sizes)) == 1


@pytest.mark.parametrize(
    "face", [(100, 40, 400, 390, 0.9), (100, 40, 120, 64, people.FAR_FOUND_AT - 0.01)]
)
def test_a_large_face_or_a_doubtful_one_means_no_body(face):
    sizes = Sizes(np.zeros((400, 600, 3), np.uint8))
    assert len(people.below(boxes(face), boxes(), sizes)) == 0


def test_the_largest_of_some_size_is_whom_the_picture_is_of():
    size = (400, 300)
    one, other = (0, 0, 200, 290, 0.5), (250, 100, 330, 290, 0.9)
    subject, others = people.apart(boxes(one, other), boxes(), size=size)
    assert subject.tolist() == boxes(one).tolist()
    assert others.tolist() == boxes(other).tolist()
    subject, others = people.apart(boxes(other), boxes(), size=size)
    assert len(subject) == 0
    assert len(others) == 1


def test_of_two_large_boxes_the_surer_one_counts_for_more():
    unsure, sure = (0, 0, 250, 240, 0.3), (20, 10, 200, 290, 0.95)
    subject, others = people.apart(boxes(unsure, sure), boxes(), size=(400, 300))
    assert subject.tolist() == boxes(sure).tolist()
    assert len(others) == 1


def test_a_part_of_the_same_body_in_a_half_is_nobody_else():
    size = (400, 300)
    one, inside = (0, 0, 300, 290, 0.9), (100, 50, 180, 200, 0.8)
    _, others = people.apart(boxes(one), boxes(inside), size=size)
    assert len(others) == 0
    _, others = people.apart(boxes(one, inside), boxes(), size=size)
    assert len(others) == 1, "what the whole picture shows apart is somebody else"
