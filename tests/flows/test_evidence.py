"""Checkpoints are signed only over a whole ledger, and whatever is done to it is found."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from factories import NOW
from flows.test_patients import add
from safelight import ledger
from safelight.flows import evidence
from safelight.records import log
from safelight.records.models import Checkpoint, LedgerEntry, TreeHead

HOUR = timedelta(hours=1)


def test_an_empty_ledger_has_no_checkpoint_and_is_whole():
    assert evidence.checkpoint(now=NOW) is None
    assert evidence.witness_text() == ""
    assert evidence.verify(None).ok


def test_the_checkpoint_is_signed_by_the_ledgers_own_key(gp):
    add(gp)
    made = evidence.checkpoint(now=NOW)
    read = ledger.read_checkpoint(made.note, evidence.public_key())
    assert (read.size, read.origin) == (1, evidence.origin())
    assert evidence.verifier_key().startswith(evidence.origin())
    assert evidence.witness_text() == made.note
    assert evidence.checkpoint(now=NOW + HOUR) == made


def test_it_is_signed_once_an_hour_and_only_if_something_was_added(gp):
    add(gp)
    first = evidence.checkpoint_if_due(now=NOW)
    add(gp)
    assert evidence.checkpoint_if_due(now=NOW + HOUR - timedelta(seconds=1)) is None
    second = evidence.checkpoint_if_due(now=NOW + HOUR)
    assert (first.size, second.size) == (1, 2)
    assert evidence.checkpoint_if_due(now=NOW + 3 * HOUR) == second


@pytest.fixture
def witnessed(gp) -> str:
    for _ in range(5):
        add(gp)
    evidence.checkpoint(now=NOW)
    return evidence.witness_text()


def change(index: int) -> None:
    body = bytes(LedgerEntry.objects.get(index=index).body)
    LedgerEntry.objects.filter(index=index).update(
        body=body.replace(b"patient.added", b"patient.moved")
    )


def as_text(index: int) -> None:
    """Change it past Django. A PostgreSQL column of bytes takes no text, SQLite's takes anything."""
    changed = "replace(CAST(body AS text), 'patient.added', 'patient.moved')"
    if connection.vendor == "postgresql":
        changed = "replace(body::text, encode('patient.added', 'hex'), '6d')::bytea"
    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE records_ledgerentry SET body = {changed} WHERE "index" = %s', [index]
        )


def swap(one: int, other: int) -> None:
    first, second = (bytes(LedgerEntry.objects.get(index=at).body) for at in (one, other))
    LedgerEntry.objects.filter(index=one).update(body=second)
    LedgerEntry.objects.filter(index=other).update(body=first)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda: change(2),
        lambda: swap(1, 3),
        lambda: as_text(2),
        lambda: LedgerEntry.objects.filter(index=2).update(body=b"no entry"),
        lambda: LedgerEntry.objects.filter(index=2).update(kind="photo.viewed"),
        lambda: LedgerEntry.objects.filter(index=2).update(at=NOW + HOUR),
        lambda: LedgerEntry.objects.filter(index=1).delete(),
        lambda: LedgerEntry.objects.filter(index=4).delete(),
        lambda: (
            LedgerEntry.objects.filter(index__gt=1).delete(),
            Checkpoint.objects.all().delete(),
        ),
    ],
    ids=[
        "changed",
        "reordered",
        "as text",
        "no entry",
        "its kind",
        "its time",
        "removed",
        "cut off",
        "cut off with its checkpoints",
    ],
)
def test_whatever_is_done_to_it_is_found_by_the_witness(witnessed, tamper):
    assert evidence.verify(witnessed).ok
    tamper()
    assert not evidence.verify(witnessed).ok


def test_nothing_is_signed_on_top_of_a_ledger_that_is_not_whole(witnessed, gp):
    change(2)
    add(gp)
    with pytest.raises(evidence.LedgerNotWhole):
        evidence.check_if_due(now=NOW)
    for hours in (1, 2):
        with pytest.raises(evidence.LedgerNotWhole):
            evidence.checkpoint(now=NOW + hours * HOUR)
    assert Checkpoint.objects.count() == 1


def test_what_is_done_to_entries_that_nothing_signed_yet_ends_the_signing(witnessed, gp):
    for _ in range(3):
        add(gp)
    first = LedgerEntry.objects.get(index=6)
    for tamper in (
        lambda: change(6),
        lambda: LedgerEntry.objects.filter(index=6).delete(),
        lambda: LedgerEntry.objects.filter(index=6).update(kind="photo.viewed"),
        lambda: swap(5, 7),
    ):
        tamper()
        with pytest.raises(evidence.LedgerNotWhole):
            evidence.checkpoint(now=NOW + HOUR)
        LedgerEntry.objects.filter(index=6).delete()
        first.save(force_insert=True)
    swap(5, 7)
    assert evidence.checkpoint(now=NOW + HOUR).size == 8
    assert evidence.verify(witnessed).ok


def test_a_checkpoint_reads_what_came_since_the_last_and_a_night_reads_all(
    witnessed, gp, monkeypatch
):
    read = []
    bodies = log.each_body

    def noted(first: int = 0):
        read.append(first)
        return bodies(first)

    monkeypatch.setattr(log, "each_body", noted)
    add(gp)
    assert evidence.checkpoint(now=NOW + HOUR).size == 6
    add(gp)
    assert evidence.checkpoint(now=NOW + 2 * HOUR).size == 7
    assert read == [5, 6]
    for hours in (0, 23, 24):
        evidence.check_if_due(now=NOW + hours * HOUR)
    assert read == [5, 6, 0, 0]
    checked = evidence.last_check()
    assert (checked.size, checked.whole, checked.at) == (7, True, NOW + 24 * HOUR)


@pytest.mark.parametrize(
    "frontier", [b"", b"x" * 40, ledger.Frontier.of([b"l" * 32] * 5).to_bytes()]
)
def test_a_frontier_that_nobody_signed_leads_nowhere(witnessed, gp, frontier):
    """It lies beside the signature, so somebody could change it: then all of it is read."""
    Checkpoint.objects.update(frontier=frontier)
    add(gp)
    assert evidence.checkpoint(now=NOW + HOUR).size == 6
    assert evidence.verify(witnessed).ok


def test_a_head_that_does_not_follow_is_not_signed(witnessed, gp):
    TreeHead.objects.update(size=9)
    with pytest.raises(evidence.LedgerNotWhole):
        evidence.checkpoint(now=NOW + HOUR)
