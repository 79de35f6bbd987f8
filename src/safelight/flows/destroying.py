"""Erase an image, what rests on a consent, or a patient: everything that came of it, with a certificate."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, transaction

from safelight import policy, storage
from safelight.flows import derivatives, erasing, holding, mailing, stores
from safelight.flows.allowed import demand
from safelight.flows.withdraw import IN_REACH, with_room
from safelight.policy.roles import Action
from safelight.records import locks, log, personal
from safelight.records.models import Consent, Copy, EraseJob, Patient, Photo, Receipt

if TYPE_CHECKING:
    from safelight.records.models import Staff

OPERATOR = "operator"
"""Whoever sits at the server's command line; the ledger knows no more of them."""
SIGNATURE = "signature"


class Held(PermissionError):
    """A complaint, a claim or an inquiry stops the destruction."""

    for_people = "A legal hold stops this. Governance has to lift the hold first."


class NothingToErase(ValueError):
    """It was erased before, or there is nothing of it."""

    for_people = "This was erased before. Nothing more had to be done."


@dataclass(frozen=True, slots=True)
class Order:
    """Why something is destroyed, by which rule, and who says so; the certificate repeats it."""

    basis: EraseJob.Basis
    because: str
    by: Staff | None
    """The named approver; None for whoever sits at the command line."""
    source: str = "practice"

    @property
    def who(self) -> Staff | str:
        """Return who did it, as the ledger says it."""
        return self.by or OPERATOR


def erase_image(photo: Photo, *, order: Order, now: datetime) -> EraseJob:
    """Destroy one picture with everything that came of it, for good; a stub of its row stays.

    Also one that care rests on: whether that may be is for whoever orders it.
    Raises Held, NothingToErase, NotAllowed.
    """
    return _carried_out(
        photo.patient, lambda: _image(photo, order=order, now=now), order=order, now=now
    )


def erase_consent(consent: Consent, *, order: Order, now: datetime) -> EraseJob:
    """Destroy what rests on one consent: its pictures, all that came of them, signature and words.

    Raises Held, NothingToErase, NotAllowed.
    """
    return _carried_out(
        consent.patient, lambda: _consent(consent, order=order, now=now), order=order, now=now
    )


def erase_patient(patient: Patient, *, order: Order, now: datetime) -> EraseJob:
    """Destroy everything there is of a patient: pictures, signatures, what was disclosed, names.

    The link between the patient and the ledger goes too: its entries are nobody's from then on.
    Raises Held, NothingToErase, NotAllowed.
    """
    return _carried_out(
        patient, lambda: _patient(patient, order=order, now=now), order=order, now=now
    )


def open_stores() -> None:
    """Open the records and the keys, also where the disk is full before anything has begun.

    Even to read, SQLite needs a little room: it is taken from what is held back for an erasure.
    """
    try:
        _look()
    except (OperationalError, storage.DiskFull):
        place = Path(settings.SAFELIGHT_KEYS)
        if not storage.Ballast(place.with_name(f"{place.name}.ballast")).release():
            raise
        _look()


def _look() -> None:
    with transaction.atomic():
        EraseJob.objects.exists()
    stores.keys()


def catch_up(*, now: datetime) -> int:
    """Do again what tombstones say and these records don't; return how many rows it was.

    For records that come from a backup older than an erasure. Every erasure leaves a tombstone in
    the key store under the id of each picture, copy, consent and patient that it was about, so
    replaying the tombstones there and calling this is all that a restore needs.
    """
    gone = set(stores.keys().tombstones())
    with transaction.atomic():
        done = _pictures_again(gone) + _words_again(gone, now=now)
        for patient in Patient.objects.filter(erased_at__isnull=True):
            if patient.pk in gone:
                forget(patient, now=now)
                done += 1
    return done


def _carried_out(
    patient: Patient, close: Callable[[], EraseJob], *, order: Order, now: datetime
) -> EraseJob:
    if order.by is not None:
        demand(order.by, Action.GOVERN, patient)
    job = with_room(close)
    erasing.finish_erasure(job, now=now)
    job.refresh_from_db()
    return job


@transaction.atomic
def _image(photo: Photo, *, order: Order, now: datetime) -> EraseJob:
    patient = _locked(photo.patient)
    photos = _in_reach(patient.photos.filter(pk=photo.pk))
    if not photos:
        raise NothingToErase(str(photo.pk))
    return _take(patient, photos, order=order, now=now)


@transaction.atomic
def _consent(consent: Consent, *, order: Order, now: datetime) -> EraseJob:
    patient = _locked(consent.patient)
    consent = patient.consents.get(pk=consent.pk)
    if consent.erased_at is not None:
        raise NothingToErase(str(consent.pk))
    photos = _in_reach(patient.photos.filter(consent=consent))
    job = _take(patient, photos, consents=[consent], order=order, now=now)
    consent.set_withdrawn(list(consent.purposes), at=now)
    forget_words(consent, now=now)
    return job


@transaction.atomic
def _patient(patient: Patient, *, order: Order, now: datetime) -> EraseJob:
    patient = _locked(patient)
    if patient.erased_at is not None:
        raise NothingToErase(str(patient.pk))
    if patient.holds.filter(lifted_at__isnull=True).exists():
        raise Held(str(patient.pk))
    photos = _in_reach(patient.photos.all())
    job = _take(
        patient,
        photos,
        consents=list(patient.consents.all()),
        whole=True,
        more=[patient.pk, *patient.disclosures.values_list("pk", flat=True)],
        order=order,
        now=now,
    )
    for waiting in patient.photos.values_list("links", flat=True):
        if waiting is not None:
            mailing.unsend(waiting)
    forget(patient, now=now)
    return job


def _take(
    patient: Patient,
    photos: list[Photo],
    *,
    consents: Iterable[Consent] = (),
    more: Iterable[UUID] = (),
    whole: bool = False,
    order: Order,
    now: datetime,
) -> EraseJob:
    """Close the pictures and all that came of them, and queue every key that goes."""
    if any(holding.is_held(photo) for photo in photos):
        raise Held(str(patient.pk))
    acts = [_act(photo, now=now) for photo in photos]
    consents = list(consents)
    job = erasing.queue(
        patient,
        photos=photos,
        copies=[copy for act in acts for copy in act.copies],
        keys=[*(key for act in acts for key in act.keys), *(c.pk for c in consents), *more],
        blobs=[
            *(blob for act in acts for blob in act.blobs),
            *(c.signature_blob for c in consents if c.signature_blob),
        ],
        others=_together(acts),
        now=now,
    )
    job.set_ordered(
        basis=order.basis, because=order.because, source=order.source, approved_by=order.by
    )
    log.append(
        "erasure.ordered",
        practice=patient.practice,
        subject=patient.subject,
        by=order.who,
        at=now,
        job=job.pk,
        basis=order.basis.value,
        photos=list(job.photos),
        consents=[str(each.pk) for each in consents],
        whole=whole,
    )
    return job


def _act(photo: Photo, *, now: datetime) -> derivatives.Act:
    """Close everything that came of a picture."""
    act, found = derivatives.Act(photo, now), derivatives.of(photo)
    for step in policy.consequences_of_erasure(found.things):
        found.take(step, act)
    return act


def _together(acts: Iterable[derivatives.Act]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for act in acts:
        for name, rows in act.others.items():
            found.setdefault(name, []).extend(rows)
    return found


def _locked(patient: Patient) -> Patient:
    locks.hold_patient(patient.pk)
    return Patient.objects.select_related("practice").get(pk=patient.pk)


def _in_reach(photos: Iterable[Photo]) -> list[Photo]:
    return [photo for photo in photos if photo.state in IN_REACH]


def forget_words(consent: Consent, *, now: datetime) -> None:
    """Forget what was said; the patient's slip leads nowhere from then on."""
    Receipt.objects.filter(consent=consent).delete()
    consent.set_erased(at=now)


def forget(patient: Patient, *, now: datetime) -> None:
    """Blank every row of the patient's, and cut the link to the ledger."""
    personal.blank(patient)
    Patient.objects.filter(pk=patient.pk).update(subject=uuid.uuid4(), erased_at=now)


def _pictures_again(gone: set[UUID]) -> int:
    done = 0
    for model in (Photo, Copy):
        for row in model.objects.exclude(state=model.State.ERASED).only("pk", "state"):
            if row.pk in gone:
                row.set_erased()
                done += 1
    return done


def _words_again(gone: set[UUID], *, now: datetime) -> int:
    stale = [each for each in Consent.objects.filter(erased_at=None) if each.pk in gone]
    for consent in stale:
        forget_words(consent, now=now)
    return len(stale)
