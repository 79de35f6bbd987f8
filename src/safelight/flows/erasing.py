"""Destroy keys: queued in the transaction that closes access, done at once or by whoever comes next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from safelight.flows import stores
from safelight.flows.opening import THUMB, VIEW
from safelight.records import log
from safelight.records.models import Copy, EraseJob, Photo

if TYPE_CHECKING:
    from safelight.records.models import Practice, Withdrawal


def queue(
    practice: Practice,
    *,
    photos: Sequence[Photo] = (),
    copies: Sequence[Copy] = (),
    withdrawal: Withdrawal | None = None,
    now: datetime,
) -> EraseJob:
    """Close these and write down that their keys must go. Call it inside the closing transaction."""
    for photo in photos:
        photo.set_closed()
    for copy in copies:
        copy.set_closed()
    blobs = [name for photo in photos for name in _blobs(photo)]
    return EraseJob.objects.create(
        practice=practice,
        withdrawal=withdrawal,
        photos=[str(photo.pk) for photo in photos],
        copies=[str(copy.pk) for copy in copies],
        keys=[str(row.pk) for row in (*photos, *copies)],
        blobs=blobs + [copy.blob for copy in copies],
        created_at=now,
    )


def finish_erasure(job: EraseJob, *, now: datetime) -> None:
    """Destroy the keys of a job, then its blobs, then say so. Safe to repeat from any point."""
    erased = stores.keys().erase([UUID(key) for key in job.keys])
    for name in job.blobs:
        stores.blobs().delete(name)
    with transaction.atomic():
        job = EraseJob.objects.select_for_update().select_related("practice").get(pk=job.pk)
        if job.destroyed_at is None:
            _set_erased(job, now=now)
        job.set_destroyed(at=now, scrubbed=erased.scrubbed)


def finish_pending(*, now: datetime) -> int:
    """Finish every erasure that was begun, at start-up and by the worker; return how many."""
    pending = list(EraseJob.objects.filter(scrubbed_at__isnull=True))
    for job in pending:
        finish_erasure(job, now=now)
    return len(pending)


def _blobs(photo: Photo) -> list[str]:
    return [photo.blob, photo.derived_blob(VIEW), photo.derived_blob(THUMB)]


def _set_erased(job: EraseJob, *, now: datetime) -> None:
    photos = list(Photo.objects.filter(pk__in=job.photos).select_related("patient"))
    copies = list(Copy.objects.filter(pk__in=job.copies).select_related("photo__patient"))
    for photo in photos:
        photo.set_erased()
    for copy in copies:
        copy.set_erased()
    patient = (photos[0] if photos else copies[0].photo).patient
    log.append(
        "keys.destroyed",
        practice=job.practice,
        subject=patient.subject,
        by="system",
        at=now,
        job=job.pk,
        photos=list(job.photos),
        copies=list(job.copies),
    )
