"""Killed at any moment of a day's work, the practice has lost nothing and got nothing back."""

from __future__ import annotations

import pytest
from benchmarks.campaigns import kills

pytestmark = pytest.mark.timeout(1800)


def test_whatever_is_killed_loses_nothing_acknowledged_and_brings_nothing_back(work):
    outcome = kills.run(work, kills=25, planted=())
    assert outcome.bad == []
    assert outcome.tried >= 15
    assert outcome.figures["points"] >= 12


def test_a_build_that_acknowledges_or_writes_in_the_wrong_order_is_found_by_kills(work):
    outcome = kills.run(work, kills=0)
    assert set(outcome.found) == set(kills.PLANTED)
    assert all(outcome.found.values()), outcome.as_text()
