"""Withdrawals against looks over two server processes: short here, long by `./run campaign`."""

from __future__ import annotations

import pytest
from benchmarks.campaigns import races

pytestmark = pytest.mark.timeout(1800)


def test_nothing_is_served_through_any_door_after_it_was_taken_back(work):
    outcome = races.run(work, races=15, planted=())
    assert outcome.bad == []
    assert outcome.tried == 15
    assert outcome.figures["pictures served"] >= 3 * outcome.tried


def test_nor_is_it_on_postgresql(work):
    outcome = races.run_on_postgres(work, races=9, planted=("stale read",))
    assert outcome.bad == []
    assert outcome.tried == 9
    assert outcome.found["stale read"], outcome.as_text()


@pytest.mark.parametrize("plant", races.PLANTED)
def test_a_server_that_remembers_what_it_should_ask_anew_is_found(work, plant):
    outcome = races.run(work, races=0, planted=(plant,))
    assert outcome.found[plant], outcome.as_text()
