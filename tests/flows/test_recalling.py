"""The take-down list: due, reminded, settled with a note, and never told to anybody else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from factories import NOW, staff
from flows.conftest import agree, take
from flows.test_withdraw import copy_of
from safelight.flows import recalling, rounds, withdraw
from safelight.flows.allowed import DoesNotFit, NotAllowed
from safelight.policy.roles import Role
from safelight.records.models import LedgerEntry, OutgoingMail, Recall
from safelight.terms import Purpose

LATER = NOW + timedelta(days=3)
DUE = LATER + timedelta(days=7)


@pytest.fixture
def lead(surgery):
    return staff(Role.IG_LEAD, practice=surgery)


@pytest.fixture
def recall(adult, gp, lead) -> Recall:
    consent, _ = agree(adult, gp, Purpose.CARE, Purpose.TEACHING_LOCAL)
    copy_of(take(adult, gp, consent), gp)
    withdraw.withdraw(consent, purposes=[Purpose.TEACHING_LOCAL], by=gp, now=LATER)
    return Recall.objects.get()


def reminders() -> list[OutgoingMail]:
    return list(OutgoingMail.objects.filter(subject="Something has to be asked back"))


def test_governance_is_reminded_on_the_day_and_each_week_it_is_late(recall, lead, adult):
    gone = staff(Role.IG_LEAD, practice=adult.practice)
    type(gone).objects.filter(pk=gone.pk).update(is_active=False)
    assert recalling.remind(now=DUE - timedelta(days=1)) == 0
    assert recalling.remind(now=DUE) == len(reminders()) == 2  # both of the practice's leads
    assert {lead.email} <= {each.to for each in reminders()}
    assert "should have been settled" not in reminders()[0].text
    assert adult.name not in reminders()[0].text
    for days, sent in ((0, 2), (1, 2), (6, 2), (7, 4), (13, 4), (14, 6)):
        recalling.remind(now=DUE + timedelta(days=days))
        assert len(reminders()) == sent, days
    assert "1 of them should have been settled" in reminders()[-1].text
    recalling.settle(recall, note="Off the drive, slide 14", by=lead, now=DUE)
    assert recalling.remind(now=DUE + timedelta(days=40)) == 0


@pytest.mark.django_db(transaction=True)  # the worker closes its connection
def test_the_workers_round_reminds_once_a_day(recall):
    for hours in (0, 1, 23):
        rounds.go(now=DUE + timedelta(hours=hours), transport=None)
    assert len(reminders()) == 2


def test_two_things_are_told_as_two(recall, gp):
    Recall.objects.create(practice=recall.practice, text="x", source="x", due_on=DUE.date())
    recalling.remind(now=DUE)
    assert "2 things that left have" in reminders()[0].text


def test_settled_is_with_a_note_and_once(recall, lead, gp):
    with pytest.raises(DoesNotFit):
        recalling.settle(recall, note=" ", by=lead, now=DUE)
    with pytest.raises(NotAllowed):
        recalling.settle(recall, note="x", by=gp, now=DUE)
    for note in ("Off the drive", "Another word"):
        recalling.settle(recall, note=note, by=lead, now=DUE)
    recall.refresh_from_db()
    assert (recall.note, recall.done_by) == ("Off the drive", lead)
    assert LedgerEntry.objects.filter(kind="recall.done").count() == 1
    assert not recalling.open_recalls(recall.practice).exists()


def test_whoever_has_it_is_written_to(recall, lead, adult):
    with pytest.raises(DoesNotFit):
        recalling.write_to(recall, address="the school", by=lead, now=DUE)
    recalling.write_to(recall, address=" deck@school.example ", by=lead, now=DUE)
    letter = OutgoingMail.objects.get(to="deck@school.example")
    assert "delete every copy" in letter.text
    assert adult.name not in letter.text
    recall.refresh_from_db()
    assert recall.told_at == DUE


def test_a_task_without_a_picture_is_written_about_all_the_same(recall, lead, lock_order):
    Recall.objects.update(photo=None)
    recall.refresh_from_db()
    recalling.write_to(recall, address="deck@school.example", by=lead, now=DUE)
    assert "showed you a picture." in OutgoingMail.objects.get(to="deck@school.example").text
    lock_order.clear()  # it is about no patient
