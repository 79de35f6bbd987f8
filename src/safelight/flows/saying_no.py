"""Stop the camera because the patient says no or is upset, whoever has agreed (GMC VAR 25, 34)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from safelight.flows import capture
from safelight.flows.allowed import DoesNotFit, demand
from safelight.policy.roles import Action
from safelight.records import locks, log
from safelight.records.models import SaidNo

if TYPE_CHECKING:
    from safelight.records.models import Consent, Patient, Staff


def stop_at_no(
    capture_id: UUID | None, *, patient: Patient, consent: Consent | None, by: Staff, now: datetime
) -> SaidNo:
    """Stop the capture and remember the no for the rest of the day: no other picture is taken.

    The no is written down first: it counts even where the picture can't be stopped any more.
    Raises TooLateToStop, NotAllowed.
    """
    rows = [patient, consent] if consent else [patient]
    demand(by, Action.CAPTURE, *rows)
    said = _said(patient, by=by, now=now)
    capture.stop(capture_id, patient=patient, consent=consent, by=by, now=now)
    return said


@transaction.atomic
def note(said: SaidNo, *, how: str, words: str, by: Staff, now: datetime) -> None:
    """Write down how the no was said, and in which words. Nobody has to. Raises DoesNotFit."""
    demand(by, Action.CAPTURE, said)
    if how not in SaidNo.How.values:
        raise DoesNotFit({"how": "Choose how it was said, or leave it out"})
    locks.hold_patient(said.patient_id)
    said.how, said.words = how, words.strip()
    said.save(update_fields=["how", "words"])
    _log("patient.no-noted", said, by=by, now=now, how=how or "not said")


@transaction.atomic
def _said(patient: Patient, *, by: Staff, now: datetime) -> SaidNo:
    made = SaidNo.objects.create(practice=patient.practice, patient=patient, at=now, by=by)
    _log("patient.said-no", made, by=by, now=now)
    return made


def _log(kind: str, said: SaidNo, *, by: Staff, now: datetime, **details: str) -> None:
    log.append(
        kind,
        practice=said.practice,
        subject=said.patient.subject,
        by=by,
        at=now,
        said_no=said.pk,
        **details,
    )
