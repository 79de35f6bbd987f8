"""Erased keys are in no live file, and nothing opens in another's place."""

from __future__ import annotations

import pytest
from benchmarks.campaigns import residue, swaps

pytestmark = pytest.mark.timeout(1800)


def test_no_piece_of_an_erased_key_is_in_any_file_of_the_installation(work):
    outcome = residue.run(work, keys=300, planted=())
    assert outcome.bad == []
    assert outcome.tried == 300
    assert outcome.figures["wrapped_ever"] > 500


@pytest.mark.parametrize("plant", residue.PLANTED)
def test_a_key_store_that_only_deletes_is_found_by_the_same_search(work, plant):
    outcome = residue.run(work, keys=0, planted=(plant,))
    assert outcome.found[plant], outcome.as_text()


def test_nothing_opens_in_the_place_of_another_record(work):
    outcome = swaps.run(work, records=6, planted=())
    assert outcome.bad == []
    assert set(outcome.figures) >= {"wrapped key", "blobs", "key and blobs", "patient", "practice"}


def test_a_build_that_binds_keys_and_blobs_to_nobody_is_found(work):
    outcome = swaps.run(work, records=0)
    assert all(outcome.found.values()), outcome.as_text()
