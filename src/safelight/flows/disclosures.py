"""What is known to be out elsewhere, and what that makes of the releases that are out already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from safelight import exposure
from safelight.exposure.judging import SEVERITY
from safelight.flows import exposing, keeping, mailing
from safelight.flows.allowed import DoesNotFit, demand
from safelight.policy.roles import Action, Role
from safelight.records import locks, log
from safelight.records.models import Disclosure, ExposureAlarm, Patient, Practice, Release

if TYPE_CHECKING:
    from safelight.records.models import Staff

SUBJECT = "Something that is out has become too telling"
TEXT = """\
A copy that left your practice can now be told to be about fewer people than when it left: something
more became known since. Please look at it:

{where}

The message doesn't say whom it is about.
"""


def register_post(
    patient: Patient,
    *,
    facts: Mapping[str, Any],
    audience: str,
    poster: Mapping[str, str],
    told_on: date,
    is_certain: bool,
    by: Staff,
    now: datetime,
) -> Disclosure:
    """Write down what somebody told elsewhere about the patient: it counts from now on.

    audience: "public", or "group:" and a name. is_certain: it is of this patient for sure; else
    it counts where it may be. What is out already is judged anew, and worse is an alarm.
    Raises DoesNotFit, NotAllowed.
    """
    demand(by, Action.REQUEST_RELEASE, patient)
    if told_on > timezone.localdate(now):
        raise DoesNotFit({"told_on": "That day has not come yet"})
    said = {
        "id": str(uuid4()),
        "patient": str(patient.subject) if is_certain else None,
        "at": told_on.isoformat(),
        "audience": [audience],
        "poster": dict(poster),
        "facts": dict(facts),
    }
    try:
        exposure.read_release(said)
    except exposure.ReleaseRefused as error:
        raise DoesNotFit({"words": "Say it in the fields of this page"}) from error
    row = exposing.sealed(patient, said, now=now)
    try:
        with transaction.atomic():
            locks.hold_patient(patient.pk)
            row.save(force_insert=True)
            log.append(
                "disclosure.registered",
                practice=patient.practice,
                subject=patient.subject,
                by=by,
                at=now,
                disclosure=row.pk,
                certain=is_certain,
            )
            raise_alarms(patient, now=now)
    except BaseException:
        keeping.destroy(row.pk)
        raise
    keeping.settle(row.pk)
    return row


def raise_alarms(patient: Patient, *, now: datetime) -> list[ExposureAlarm]:
    """Judge anew what is out about the patient, inside the transaction of what changed it.

    An alarm is raised where the verdict is worse than the one under which it left, once for each
    verdict until a person has settled it; the governance leads get a message.
    """
    out = Release.objects.filter(photo__patient=patient, state=Release.State.RELEASED)
    raised = []
    for release in out.select_related("photo__patient__practice", "requested_by", "copy"):
        found = exposing.assess_again(release, now=now)
        if _rank(found.verdict) <= _rank(release.exposure):
            continue
        alarm, is_new = ExposureAlarm.objects.get_or_create(
            release=release,
            is_now=found.verdict,
            settled_at=None,
            defaults={
                "practice": patient.practice,
                "was": release.exposure,
                "assessment": found.report,
                "raised_at": now,
            },
        )
        if is_new:
            raised.append(alarm)
            _log("exposure.alarmed", alarm, by="system", now=now)
    if raised:
        _tell(patient, raised[0], now=now)
    return raised


@transaction.atomic
def settle(alarm: ExposureAlarm, *, note: str, by: Staff, now: datetime) -> None:
    """Record what was done about an alarm. Raises DoesNotFit without a word of it, NotAllowed."""
    demand(by, Action.GOVERN, alarm)
    if not note.strip():
        raise DoesNotFit({"note": "Say what was done about it"})
    locks.hold_patient(alarm.release.photo.patient_id)
    fresh = ExposureAlarm.objects.select_for_update(of=("self",), no_key=True).get(pk=alarm.pk)
    if fresh.settled_at is not None:
        return
    fresh.set_settled(by=by, note=note.strip(), at=now)
    _log("exposure.settled", fresh, by=by, now=now)


@transaction.atomic
def set_catchment(
    *, places: Sequence[str], list_size: int | None, by: Staff, now: datetime
) -> None:
    """Say in which districts the practice's patients live, and how many it has. Raises NotAllowed."""
    demand(by, Action.GOVERN)
    practice = Practice.objects.select_for_update(no_key=True).get(pk=by.practice_id)
    practice.places, practice.list_size = sorted(places), list_size
    practice.save(update_fields=["places", "list_size"])
    log.append(
        "practice.catchment",
        practice=practice,
        subject=practice.pk,
        by=by,
        at=now,
        places=sorted(places),
        list_size=list_size,
    )


def read_caption(
    patient: Patient, text: str, *, by: Staff, now: datetime
) -> exposure.Reading | None:
    """Return what a caption tells, for the person to correct; None where no table is known.

    A line of it that is a picture's file name is read as words.
    Raises TextTooLong, NotAllowed.
    """
    demand(by, Action.REQUEST_RELEASE, patient)
    population = exposing.population_of(patient.practice, now=now)
    if population is None:
        return None
    words = exposure.file_names_as_words(text)
    return exposure.read_words(words, at=timezone.localdate(now), population=population)


def _rank(verdict: str) -> int:
    """Return how bad a verdict is; one that isn't known is the worst."""
    known = [each.value for each in SEVERITY]
    return known.index(verdict) if verdict in known else len(known)


def _tell(patient: Patient, alarm: ExposureAlarm, *, now: datetime) -> None:
    where = f"{settings.SAFELIGHT_SERVER_URL}/governance/exposure/"
    for lead in patient.practice.staff.filter(role=Role.IG_LEAD, is_active=True):
        mailing.queue(
            lead.email,
            subject=SUBJECT,
            text=TEXT.format(where=where),
            about=alarm.pk,
            practice=patient.practice,
            now=now,
        )


def _log(kind: str, alarm: ExposureAlarm, *, by: Staff | str, now: datetime) -> None:
    log.append(
        kind,
        practice=alarm.practice,
        subject=alarm.release.photo.patient.subject,
        by=by,
        at=now,
        release=alarm.release_id,
        alarm=alarm.pk,
        verdict=alarm.is_now,
    )
