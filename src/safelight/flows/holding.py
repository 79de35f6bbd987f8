"""Legal holds: a complaint, a claim or an inquiry stops destruction, and never the closing of access."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from safelight import policy
from safelight.flows import derivatives, erasing
from safelight.flows.allowed import DoesNotFit, demand
from safelight.flows.deciding import may_use
from safelight.policy.roles import Action
from safelight.records import locks, log
from safelight.records.models import Copy, EraseJob, LegalHold, Patient, Photo
from safelight.terms import Audience, Purpose

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from safelight.records.models import Staff


class AlreadyLifted(ValueError):
    """The hold was lifted before."""

    for_people = "This hold was lifted before. Nothing more had to be done."


def holds_on(photo: Photo) -> QuerySet[LegalHold]:
    """Return the holds in force on a picture: its own, and its patient's."""
    held = LegalHold.objects.filter(patient=photo.patient_id, lifted_at__isnull=True)
    found: QuerySet[LegalHold] = held.filter(Q(photo__isnull=True) | Q(photo=photo))
    return found


def is_held(photo: Photo) -> bool:
    """Say whether anything stops the destruction of the picture."""
    return holds_on(photo).exists()


def was_held_since(photo: Photo, instant: datetime) -> bool:
    """Say whether a hold in force was placed at that instant or later."""
    return holds_on(photo).filter(placed_at__gte=instant).exists()


@transaction.atomic
def place(
    patient: Patient,
    *,
    photo: Photo | None = None,
    kind: str,
    reason: str,
    reference: str,
    by: Staff,
    now: datetime,
) -> LegalHold:
    """Stop the destruction of one picture, or of all that there is of the patient.

    Raises DoesNotFit, NotAllowed.
    """
    demand(by, Action.GOVERN, patient, *([photo] if photo else []))
    fields = {}
    if kind not in LegalHold.Kind.values:
        fields["kind"] = "Choose what it is for"
    if not reason.strip():
        fields["reason"] = "Say why nothing may be destroyed"
    if not reference.strip():
        fields["reference"] = "Type the number of the complaint, claim or inquiry"
    if photo is not None and photo.patient_id != patient.pk:
        fields["photo"] = "Choose a picture of this patient"
    if fields:
        raise DoesNotFit(fields)
    locks.hold_patient(patient.pk)
    hold = LegalHold.objects.create(
        practice=patient.practice,
        patient=patient,
        photo=photo,
        kind=kind,
        reason=reason.strip(),
        reference=reference.strip(),
        placed_at=now,
        placed_by=by,
    )
    _log("hold.placed", hold, by=by, now=now)
    return hold


def lift(hold: LegalHold, *, because: str, by: Staff, now: datetime) -> list[EraseJob]:
    """End a hold, and destroy what it held back, unless another hold does; return what went.

    Raises AlreadyLifted, DoesNotFit, NotAllowed.
    """
    demand(by, Action.GOVERN, hold)
    if not because.strip():
        raise DoesNotFit({"because": "Say why it is lifted"})
    with transaction.atomic():
        locks.hold_patient(hold.patient_id)
        hold = LegalHold.objects.select_related("patient__practice").get(pk=hold.pk)
        if hold.lifted_at is not None:
            raise AlreadyLifted(str(hold.pk))
        hold.set_lifted(because=because.strip(), by=by, at=now)
        _log("hold.lifted", hold, by=by, now=now)
        held_back = [job for job in _held_back(hold.patient) if _is_free(job)]
        free = [job for job in held_back if _let_go(job, now=now)]
    for job in free:
        erasing.finish_or_leave(job, now=now)
    return free


def _held_back(patient: Patient) -> QuerySet[EraseJob]:
    found: QuerySet[EraseJob] = patient.erase_jobs.filter(held=True)
    return found


def _pictures(job: EraseJob) -> list[Photo]:
    of_copies = Copy.objects.filter(pk__in=job.copies).values_list("photo", flat=True)
    return list(Photo.objects.filter(Q(pk__in=job.photos) | Q(pk__in=of_copies)))


def _is_free(job: EraseJob) -> bool:
    return not any(is_held(photo) for photo in _pictures(job))


def _let_go(job: EraseJob, *, now: datetime) -> bool:
    """Close what still has to go, with everything that came from it meanwhile, and free the job.

    A picture that the patient said yes to again while it was held stays. Returns whether anything
    is left that goes.
    """
    for photo in Photo.objects.filter(pk__in=job.photos).select_related("patient__practice"):
        if _is_open_for_care(photo, now=now):
            _spare(job, photo)
            continue
        act = derivatives.Act(photo, now, job.withdrawal)
        found = derivatives.of(photo)
        for step in policy.consequences_of_erasure(found.things):
            found.take(step, act)
        photo.set_closed()
        job.add(act.copies, keys=act.keys, blobs=act.blobs, others=act.others)
    job.held = False
    if not job.keys:
        job.delete()
        return False
    job.save()
    return True


def _is_open_for_care(photo: Photo, *, now: datetime) -> bool:
    decision = may_use(photo, purpose=Purpose.CARE, audience=Audience.TEAM, action="view", now=now)
    return isinstance(decision, policy.Permit)


def _spare(job: EraseJob, photo: Photo) -> None:
    gone = erasing.blobs_of(photo)
    job.photos = [each for each in job.photos if each != str(photo.pk)]
    job.keys = [each for each in job.keys if each != str(photo.pk)]
    job.blobs = [each for each in job.blobs if each not in gone]


def _log(kind: str, hold: LegalHold, *, by: Staff, now: datetime) -> None:
    named: dict[str, UUID] = {"photo": hold.photo_id} if hold.photo_id else {}
    log.append(
        kind,
        practice=hold.practice,
        subject=hold.patient.subject,
        by=by,
        at=now,
        hold=hold.pk,
        about=hold.kind,
        **named,
    )
