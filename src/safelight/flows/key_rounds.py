"""The nightly work on the keys, and the same by hand: new versions, old ones destroyed.

What is done in the key store can't share a transaction with the ledger's entry, so the entry comes
after the act: one that is missing says that a machine stopped in between, never that it was not done.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.conf import settings

from safelight import storage
from safelight.flows import key_backups, key_moving, key_notes, stores

Progress = Callable[[int, int], None]


def go(*, now: datetime) -> None:
    """Do what is due: forget old ingest keys, retry a scrub, and once a night renew and destroy."""
    keys = stores.keys()
    keys.destroy_old_ingest(now)
    if keys.is_scrub_pending():
        keys.scrub()
    key_moving.finish(now=now)
    turn = keys.nightly.claim_turn(now)
    if turn is None:
        return
    if turn is storage.Turn.FINISH:
        keys.nightly.finish_rotation()
    else:
        rotate(now=now)
    destroy_old(now=now)
    key_moving.let_go(now=now)


def rotate(*, now: datetime, progress: Progress | None = None) -> int:
    """Make a new version of every key above the patients' and rewrap theirs; return its number."""
    version = stores.keys().nightly.rotate(now, progress=progress)
    key_notes.note("keys.rotated", now=now, version=version)
    return version


def destroy_old(*, now: datetime) -> storage.Destroyed:
    """Destroy versions that are old enough and that the newest verified backup doesn't need."""
    gone = stores.keys().nightly.destroy_old(
        now, backup_needs=key_backups.first_needed(), keep_days=settings.SAFELIGHT_KEY_DAYS
    )
    if gone.versions:
        key_notes.note("keys.versions-destroyed", now=now, versions=[str(v) for v in gone.versions])
    return gone
