"""Keep sealed bytes so that a crash at any moment leaves nothing that a sweep wouldn't remove.

    intent → key → blobs → the row, in one transaction → the intent goes

The intent is an empty blob named after the id. Its age tells an upload that is still on its way
from one that died: a key has no age of its own.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from safelight import storage
from safelight.flows import stores
from safelight.records import log
from safelight.records.models import Consent, Copy, Disclosure, Photo, StoppedCapture
from safelight.storage import KeyGone, StorageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

logger = logging.getLogger(__name__)

LEASE = timedelta(hours=2)
"""Older than the longest upload: a younger orphan may still become a picture."""
INTENT = "intent"
KINDS = ("original", "view", "thumb", "copy", "signature", INTENT)
"""Every ending that a blob's name has after its id; the announcement goes last."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep removed: ids that no row came to own, and files that were never finished."""

    orphans: int
    parts: int


def try_out(store: storage.BlobStore) -> None:
    """Put a blob, read it back and delete it: every right that is needed. Raises StorageError."""
    name, data = f"probe-{secrets.token_hex(16)}", secrets.token_bytes(100)
    store.put(name, data)
    try:
        if store.get(name) != data or store.read(name, 3, 9) != data[3:9]:
            raise storage.BlobDamaged(name)
    finally:
        store.delete(name)


def begin(image_id: UUID, *, tenant: UUID, patient: UUID, data_key: bytes) -> None:
    """Announce what is coming and keep its key. Raises Tombstoned, KeyTaken or DiskFull."""
    announce(image_id)
    stores.keys().put(image_id, tenant=tenant, patient=patient, version=1, data_key=data_key)


def announce(image_id: UUID) -> None:
    """Let a sweep look after this id, until it is settled or destroyed."""
    stores.blobs().put(f"{image_id}.{INTENT}", b"")


def is_still_kept(image_id: UUID, *, tenant: UUID, patient: UUID) -> bool:
    """Say whether the key is there. Ask after the row's ledger entry: no sweep comes between."""
    try:
        stores.keys().get(image_id, tenant=tenant, patient=patient, version=1)
    except KeyGone:
        return False
    return True


def settle(image_id: UUID) -> None:
    """Take the announcement back, once the row is there or nothing was kept.

    A store that can't just now leaves it to the next sweep: the row is what counts, and it is there.
    """
    try:
        stores.blobs().delete(f"{image_id}.{INTENT}")
    except StorageError as error:
        logger.warning("the announcement of %s stays: %s", image_id, type(error).__name__)


def destroy(image_id: UUID) -> bool:
    """Destroy the key for good, then the blobs; return whether there were any blobs."""
    stores.keys().erase([image_id])
    return _delete_blobs(image_id)


def is_owned(image_id: UUID) -> bool:
    """Say whether a row owns what is kept under this id."""
    return bool(_owned([image_id]))


def sweep(*, now: datetime) -> Swept:
    """Remove what no row came to own, once its announcement is older than the lease.

    Nobody was told that it is kept, so the same upload may come again; only what was stopped
    may not.
    """
    before = now - LEASE
    names = stores.blobs().names(older_than=before)
    announced = {found for name in names if (found := _announced_in(name)) is not None}
    owned = _owned(announced)
    orphans = [image_id for image_id in announced - owned if _is_removed(image_id)]
    if orphans:
        stores.keys().scrub()
    for image_id in owned:
        settle(image_id)
    return Swept(orphans=len(orphans), parts=stores.blobs().sweep_unfinished(before))


def _is_removed(image_id: UUID) -> bool:
    """Remove an orphan; False if its row came meanwhile. No row is written under this lock."""
    with transaction.atomic():
        log.hold()
        if is_owned(image_id):
            return False
        if StoppedCapture.objects.filter(capture_id=image_id).exists():
            destroy(image_id)
            return True
        # Blobs before the key: who sends it again meanwhile finds the key gone, or put all of it anew.
        _delete_blobs(image_id, kinds=KINDS[:-1])
        stores.keys().discard([image_id])
        _delete_blobs(image_id, kinds=(INTENT,))
    return True


def _delete_blobs(image_id: UUID, *, kinds: tuple[str, ...] = KINDS) -> bool:
    gone = [stores.blobs().delete(f"{image_id}.{kind}") for kind in kinds]
    return any(gone)


def _announced_in(name: str) -> UUID | None:
    head, _, kind = name.partition(".")
    try:
        return UUID(head) if kind == INTENT else None
    except ValueError:
        return None


def _owned(ids: Collection[UUID]) -> set[UUID]:
    """Return the ids that a row owns, asked in parts that any database takes."""
    listed, found = list(ids), set()
    for at in range(0, len(listed), 500):
        part = listed[at : at + 500]
        found |= set(_owners(part))
    return found


def _owners(part: list[UUID]) -> Iterable[UUID]:
    yield from Photo.objects.filter(capture_id__in=part).values_list("capture_id", flat=True)
    yield from Copy.objects.filter(pk__in=part).values_list("pk", flat=True)
    yield from Consent.objects.filter(pk__in=part).values_list("pk", flat=True)
    yield from Disclosure.objects.filter(pk__in=part).values_list("pk", flat=True)
