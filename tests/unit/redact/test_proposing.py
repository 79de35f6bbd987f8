"""What is proposed to keep: the skin and the lesion, on skin of every tone; never the whole by default."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from safelight import redact
from safelight.cli import made_up

WALL = (96, 128, 150)


def framed(tone, seed=3):
    """A wound on a piece of skin, before a wall; with the wound's middle in pixels."""
    piece = made_up.wound(seed, tone, ruler=False, size=(640, 480))
    pixels = np.full((960, 1280, 3), WALL, np.uint8)
    pixels[300:780, 500:1140] = piece
    return pixels, (500 + 320, 300 + 211)


@pytest.mark.parametrize("tone", made_up.TONES)
def test_the_skin_is_proposed_whole_and_the_wall_is_not(tone):
    pixels, _ = framed(tone)
    skin = redact.propose(pixels).of("skin")
    assert skin.x <= 504
    assert skin.y <= 304
    assert skin.x + skin.width >= 1136
    assert skin.y + skin.height >= 776
    assert skin.area < 1.25 * 640 * 480


@pytest.mark.parametrize("tone", made_up.TONES)
@pytest.mark.parametrize("seed", [3, 5, 8])
def test_the_lesion_is_proposed_on_skin_of_every_tone(tone, seed):
    pixels, (x, y) = framed(tone, seed)
    proposal = redact.propose(pixels)
    lesion = proposal.of("lesion")
    reach = 70
    assert lesion.x < x - reach < x + reach < lesion.x + lesion.width
    assert lesion.y < y - reach < y + reach < lesion.y + lesion.height
    assert lesion.area < proposal.of("skin").area * 1.2


def test_where_nothing_can_be_told_nothing_is_proposed():
    assert redact.propose(np.full((60, 80, 3), WALL, np.uint8)) == redact.Proposal(None, None)
    plain = redact.propose(np.full((60, 80, 3), made_up.COLOURS["tan"], np.uint8))
    assert plain.skin is not None
    assert plain.lesion is None
    with pytest.raises(redact.NothingToPropose):
        plain.of("lesion")


@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))),
    st.integers(1, 9),
)
def test_a_proposal_fits_the_picture_whatever_is_on_it(pixels, times):
    larger = cv2.resize(pixels, None, fx=times, fy=times).reshape(-1, pixels.shape[1] * times, 3)
    proposal = redact.propose(larger)
    for region in (proposal.skin, proposal.lesion):
        assert region is None or region.fits(larger.shape[1], larger.shape[0])
