"""A store and a key manager far away, and all that may befall them: short here, long by `./run campaign`."""

from __future__ import annotations

import pytest
from benchmarks.campaigns import far

pytestmark = pytest.mark.timeout(1800)


def test_whatever_befalls_the_servers_nothing_is_lost_or_there_twice(work):
    outcome = far.run(work, trials=18, planted=())
    assert outcome.bad == []
    assert outcome.tried == 18
    assert outcome.figures["acts that the fault met"] >= 9, outcome.as_text()


def test_a_build_that_takes_a_failed_store_for_done_is_found(work):
    outcome = far.run(work, trials=0, planted=far.PLANTED)
    assert all(outcome.found.values()), outcome.as_text()
