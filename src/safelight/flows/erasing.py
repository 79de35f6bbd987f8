"""Destroy keys: queued in the transaction that closes access, done at once or by whoever comes next."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import DatabaseError, transaction

from safelight.flows import derivatives, stores
from safelight.flows.opening import THUMB, VIEW
from safelight.records import locks, log
from safelight.records.models import Copy, EraseJob, Photo
from safelight.storage import StorageError

if TYPE_CHECKING:
    from safelight.records.models import Patient, Withdrawal

_told = logging.getLogger(__name__)


def queue(
    patient: Patient,
    *,
    photos: Sequence[Photo] = (),
    copies: Sequence[Copy] = (),
    keys: Sequence[UUID] = (),
    blobs: Sequence[str] = (),
    others: Mapping[str, Sequence[str]] | None = None,
    withdrawal: Withdrawal | None = None,
    held: bool = False,
    now: datetime,
) -> EraseJob:
    """Close these of a patient and write down that their keys must go, inside the closing transaction.

    keys, blobs, others: of what else came from the pictures (`derivatives.Act`).
    held: a legal hold stops the destruction. Then photos are closed to their uses and not
    altogether, since the claim itself may need them, and the job waits for the hold to be lifted.
    """
    if not held:
        for photo in photos:
            photo.set_closed()
    job = EraseJob(
        practice=patient.practice,
        patient=patient,
        withdrawal=withdrawal,
        basis=EraseJob.Basis.WITHDRAWAL if withdrawal else EraseJob.Basis.UNUSED,
        photos=[str(photo.pk) for photo in photos],
        keys=[str(photo.pk) for photo in photos],
        blobs=[name for photo in photos for name in blobs_of(photo)],
        held=held,
        created_at=now,
    )
    job.add(copies, keys=keys, blobs=blobs, others=others or {})
    job.save(force_insert=True)
    return job


def finish_erasure(job: EraseJob, *, now: datetime) -> None:
    """Destroy the keys of a job, then its blobs, then say so. Safe to repeat from any point."""
    keys, images = stores.keys(), [UUID(key) for key in job.keys]
    erased, proved = keys.erase(images), keys.proves_shred_of(images)
    for name in job.blobs:
        stores.blobs().delete(name)
    with transaction.atomic():
        assert job.patient_id is not None
        locks.hold_patient(job.patient_id)
        job = (
            EraseJob.objects.select_for_update(no_key=True)
            .select_related("practice")
            .get(pk=job.pk)
        )
        if job.destroyed_at is None:
            _set_erased(job, manager=keys.manager.kind, proves_shred=proved, now=now)
        job.set_destroyed(at=now, scrubbed=erased.scrubbed)


def finish_or_leave(job: EraseJob, *, now: datetime) -> bool:
    """Finish it here; where a store is away or fails, leave it to the worker, and say so in the log.

    Access is closed and the job is written down by now: that is what the person is told, who could
    do nothing about a store.
    """
    try:
        finish_erasure(job, now=now)
    except (StorageError, OSError, DatabaseError) as error:
        _told.warning("erasure %s is left to the worker: %s", job.pk, type(error).__name__)
        return False
    return True


def finish_pending(*, now: datetime) -> int:
    """Finish every erasure that was begun, at start-up and by the worker; return how many."""
    pending = list(EraseJob.objects.filter(scrubbed_at__isnull=True, held=False))
    for job in pending:
        finish_erasure(job, now=now)
    return len(pending)


def blobs_of(photo: Photo) -> list[str]:
    """Return the names of a picture's blobs: the original and what it is looked at by."""
    return [photo.blob, photo.derived_blob(VIEW), photo.derived_blob(THUMB)]


def _set_erased(job: EraseJob, *, manager: str, proves_shred: bool, now: datetime) -> None:
    for photo in Photo.objects.filter(pk__in=job.photos):
        photo.set_erased()
    for copy in Copy.objects.filter(pk__in=job.copies):
        copy.set_erased()
    for name, rows in job.others.items():
        derivatives.kinds()[name].erased([UUID(row) for row in rows])
    patient = job.patient
    assert patient is not None
    row = log.append(
        "keys.destroyed",
        practice=job.practice,
        subject=patient.subject,
        by="system",
        at=now,
        job=job.pk,
        photos=list(job.photos),
        copies=list(job.copies),
        more=sorted({*job.keys} - {*job.photos, *job.copies, str(patient.pk)}),
        basis=str(job.basis),
    )
    job.set_attested(ledger_index=row.index, manager=manager, proves_shred=proves_shred)
