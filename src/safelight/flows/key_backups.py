"""That a backup of the key store was verified: only then may old versions of keys be destroyed."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from safelight.flows import stores
from safelight.records import log
from safelight.records.models import KeyBackupVerified, Practice


class BackupFromTheFuture(ValueError):
    """The backup says that it was made after it was verified: a clock is wrong."""

    for_people = "The backup is dated later than now. Set this machine's clock, then verify again."


@transaction.atomic
def note_verified(
    *, made_at: datetime, needs_version: int, sha256: str, now: datetime
) -> KeyBackupVerified:
    """Record that a backup of the key store was read back whole and opened.

    needs_version: the oldest version of the manager's key in the copy, `KeyStore.oldest_version()`
    of the store that was opened from it. Older versions may be destroyed from now on, once they are
    old enough. Raises BackupFromTheFuture.
    """
    if made_at > now:
        raise BackupFromTheFuture
    noted = KeyBackupVerified.objects.create(
        made_at=made_at, verified_at=now, needs_version=needs_version, sha256=sha256
    )
    for practice in Practice.objects.order_by("pk"):
        log.append(
            "keys.backup-verified",
            practice=practice,
            subject=practice.pk,
            by="system",
            at=now,
            backup=noted.pk,
            needs_version=needs_version,
            sha256=sha256,
        )
    return noted


def first_needed() -> int | None:
    """Return the oldest version that the newest verified backup needs, or None without a backup."""
    newest = newest_verified()
    return None if newest is None else newest.needs_version


def newest_verified() -> KeyBackupVerified | None:
    """Return the newest verified backup whose keys are under the key manager of now, None for none."""
    found = KeyBackupVerified.objects.newest()
    moved = stores.keys().moving.state()
    return None if found and moved and found.made_at < moved.moved_at else found


def needed_before(moved_at: datetime) -> int | None:
    """Return the oldest version of the former key manager that the newest backup of then needs."""
    newest = KeyBackupVerified.objects.newest(before=moved_at)
    return None if newest is None else newest.needs_version
