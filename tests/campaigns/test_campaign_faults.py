"""Calls that fail, and a disk without room: refused cleanly or done, never half, never untrue."""

from __future__ import annotations

import pytest
from benchmarks.campaigns import faults, planting, tracing

pytestmark = pytest.mark.timeout(1800)
needs_strace = pytest.mark.skipif(
    not tracing.can_trace(), reason="no strace here, or it may not watch"
)


@needs_strace
def test_whichever_call_fails_nothing_is_lost_and_nothing_is_acknowledged_in_vain(work):
    outcome = faults.run(work, faults=25, planted=False)
    assert outcome.bad == []
    assert outcome.tried == 25
    assert outcome.figures["faults there are"] > 400


@needs_strace
def test_a_build_that_ignores_a_failed_fsync_is_found(work):
    outcome = faults.run(work, faults=0)
    assert outcome.found[planting.DEAF], outcome.as_text()


@pytest.fixture
def disk_work(work):
    try:
        with faults.small_disk(work / "tried"):
            pass
    except PermissionError as error:
        pytest.skip(str(error))
    return work


def test_on_a_full_disk_a_withdrawal_succeeds_from_the_first_request_on(disk_work):
    outcome = faults.run_full(disk_work, levels=5)
    assert outcome.bad == []
    assert outcome.figures["withdrawals that succeeded"] == 5
    assert outcome.found[planting.NO_BALLAST], outcome.as_text()
