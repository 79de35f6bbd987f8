"""Made-up pictures are the same for the same seed, of every tone, and hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
import zxingcpp

from safelight.cli import made_up

DRAWN = [
    made_up.skin,
    made_up.rash,
    made_up.wound,
    made_up.wristband,
    made_up.label,
    made_up.bystander,
]
SMALL = (640, 480)


@pytest.mark.parametrize("draw", DRAWN)
def test_a_seed_gives_one_picture_and_another_seed_another(draw):
    first, again, other = (draw(seed, "tan", size=SMALL) for seed in (5, 5, 6))
    assert first.shape == (480, 640, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_skin_gets_darker_from_tone_to_tone():
    means = [made_up.skin(3, tone, size=(320, 240)).mean() for tone in made_up.TONES]
    assert means == sorted(means, reverse=True)
    assert means[0] - means[-1] > 100


@pytest.mark.parametrize("tone", made_up.TONES)
def test_the_wristbands_code_can_be_read(tone):
    pixels = made_up.wristband(3, tone, number="999 000 0107")
    assert [code.text for code in zxingcpp.read_barcodes(pixels)] == ["9990000107"]


def test_a_wound_comes_with_or_without_a_ruler():
    with_ruler, without = (made_up.wound(1, "dark", ruler=ruler) for ruler in (True, False))
    assert (with_ruler[730:850].min(axis=2) > 150).mean() > 0.1
    assert not (without[730:850].min(axis=2) > 150).any()


def test_a_label_bears_the_lines_it_was_given():
    two, four = (made_up.label(8, "dark", lines=("A B",) * count) for count in (2, 4))
    assert (four.min(axis=2) > 150).sum() > 1.5 * (two.min(axis=2) > 150).sum()


def test_the_portrait_can_stand_before_a_wall():
    assert made_up.portrait().shape == (512, 512, 3)
    framed = made_up.portrait(background=(200, 210, 220))
    assert framed.shape == (960, 1280, 3)
    assert framed[5, 5].tolist() == [200, 210, 220]


@pytest.mark.parametrize("name", ["astronaut.png", "retina.jpg", "immunohistochemistry.png"])
def test_the_free_photographs_are_there_and_can_be_drawn_on(name):
    pixels = made_up.photograph(name)
    assert min(pixels.shape[:2]) >= 512
    assert pixels.flags.writeable
