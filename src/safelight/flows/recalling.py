"""The take-down list: what is out, who asks for it back by when, and what came of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from safelight.flows import letters, mailing
from safelight.flows.allowed import DoesNotFit, demand
from safelight.policy.roles import Action, Role
from safelight.records import locks, log
from safelight.records.models import Practice, Recall, Staff

if TYPE_CHECKING:
    from django.db.models import QuerySet

REMIND_EVERY = timedelta(days=7)
"""How often it is asked for again once it is overdue: practice."""


def open_recalls(practice: Practice) -> QuerySet[Recall]:
    """Return what has still to be asked back, the most urgent first."""
    found: QuerySet[Recall] = Recall.objects.filter(practice=practice, done_at__isnull=True)
    return found


@transaction.atomic
def settle(recall: Recall, *, note: str, by: Staff, now: datetime) -> None:
    """Record that something was asked back or taken down, and what came of it.

    A second time changes nothing. Raises DoesNotFit without a note, NotAllowed.
    """
    demand(by, Action.GOVERN, recall)
    if not note.strip():
        raise DoesNotFit({"note": "Say what came of it"})
    _hold(recall)
    recall = Recall.objects.select_for_update(no_key=True).get(pk=recall.pk)
    if recall.done_at is not None:
        return
    recall.set_done(note=note.strip(), by=by, at=now)
    _log("recall.done", recall, by=by, now=now)


@transaction.atomic
def write_to(recall: Recall, *, address: str, by: Staff, now: datetime) -> None:
    """Write to whoever has it that it has to be deleted. Raises DoesNotFit, NotAllowed."""
    demand(by, Action.GOVERN, recall)
    try:
        validate_email(address.strip())
    except ValidationError:
        raise DoesNotFit({"address": "Type a whole address, like name@hospital.example"}) from None
    _hold(recall)
    recall = (
        Recall.objects.select_for_update(of=("self",), no_key=True)
        .select_related("photo__practice", "practice")
        .get(pk=recall.pk)
    )
    mailing.queue(
        address.strip(),
        subject=letters.ASKED_BACK,
        text=letters.asked_back(recall.practice, recall.photo),
        about=recall.pk,
        practice=recall.practice,
        now=now,
    )
    recall.told_at = now
    recall.save(update_fields=["told_at"])
    _log("recall.letter-sent", recall, by=by, now=now)


def _hold(recall: Recall) -> None:
    """Lock what comes first: the patient, unless the task is about none."""
    if recall.photo is not None:
        locks.hold_patient(recall.photo.patient_id)


def remind(*, now: datetime) -> int:
    """Write to each practice's governance of what is due or late; return how many letters.

    On the day it is due, and each week for as long as it is late: once a day at most.
    """
    today = timezone.localdate(now)
    return sum(_remind(practice, now=now) for practice in _with_due(today))


def _with_due(today: object) -> QuerySet[Practice]:
    due = Recall.objects.filter(done_at__isnull=True, due_on__lte=today).values("practice")
    found: QuerySet[Practice] = Practice.objects.filter(pk__in=due)
    return found


@transaction.atomic
def _remind(practice: Practice, *, now: datetime) -> int:
    today = timezone.localdate(now)
    due = [
        recall
        for recall in open_recalls(practice)
        .select_for_update(no_key=True)
        .filter(due_on__lte=today)
        if recall.reminded_on is None or recall.reminded_on + REMIND_EVERY <= today
    ]
    if not due:
        return 0
    leads = practice.staff.filter(role=Role.IG_LEAD, is_active=True)
    late = sum(recall.due_on < today for recall in due)
    text = letters.due(len(due), late=late, where=f"{settings.SAFELIGHT_SERVER_URL}/governance/")
    for lead in leads:
        mailing.queue(
            lead.email,
            subject=letters.DUE,
            text=text,
            about=due[0].pk,
            practice=practice,
            now=now,
        )
    for recall in due:
        recall.reminded_on = today
        recall.save(update_fields=["reminded_on"])
    return len(leads)


def _log(kind: str, recall: Recall, *, by: Staff, now: datetime) -> None:
    photo = recall.photo
    subject = photo.patient.subject if photo else recall.pk
    log.append(kind, practice=recall.practice, subject=subject, by=by, at=now, recall=recall.pk)
