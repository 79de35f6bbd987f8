"""What is done to the keys each night: everything above the patients' renewed, old versions destroyed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from safelight.storage import key_state, rotation
from safelight.storage.rotation import Progress, Ring, Rotation
from safelight.storage.schema import Database, Rows, counter, raise_counter, set_counter

NIGHTLY = timedelta(hours=24)
TRIED_AGAIN = timedelta(minutes=10)
"""How soon a rotation that failed, or whose worker was killed, may be begun anew."""


class Turn(Enum):
    """What the nightly work has to do with the keys."""

    ROTATE = auto()
    FINISH = auto()
    """A rotation was begun and its worker was killed."""


@dataclass(frozen=True, slots=True)
class Destroyed:
    """Versions that were destroyed, and those that are old enough and wait for a verified backup."""

    versions: tuple[int, ...]
    waiting: tuple[int, ...]


class Nightly:
    """The renewal and destruction of one key store's upper keys."""

    def __init__(self, database: Database, ring: Ring, *, scrub: Callable[[], bool]) -> None:
        """scrub: the key store's own, which overwrites what a renewal left."""
        self._database, self._ring, self._scrub = database, ring, scrub
        self._rotation = Rotation(database, ring)

    def claim_turn(self, now: datetime) -> Turn | None:
        """Say what is due of the nightly rotation, if this caller is the one to do it.

        The first call only begins to count. What failed, or whose worker was killed, is due again
        after ten minutes.
        """
        with self._database.reading() as db:
            if key_state.counted_from(db) is not None and _turn(db, now=now) is None:
                return None
        with self._database.writing() as db:
            if key_state.counted_from(db) is None:
                set_counter(db, "counted_from", int(now.timestamp()))
                return None
            turn = _turn(db, now=now)
            if turn is not None:
                set_counter(db, "rotation_tried_at", int(now.timestamp()))
        return turn

    def rotate(self, now: datetime, *, progress: Progress | None = None) -> int:
        """Make a new version of the manager's key and of every tenant's; return the former.

        Nightly. Nothing in the store is wrapped under an older version afterwards. Killed at any
        moment, it is taken up by `finish_rotation`.
        """
        manager = self._ring.manager
        with self._database.writing() as db:
            self._ring.under(db)
            set_counter(db, "rotating", 1)
            set_counter(db, "rotation_tried_at", int(now.timestamp()))
        version = manager.rotate()
        versions = manager.describe().versions
        with self._database.writing() as db:
            self._ring.under(db)
            rotation.note_versions(db, versions, now=now)
            set_counter(db, "rotated_at", int(now.timestamp()))
        self.finish_rotation(progress=progress)
        return version

    def is_rotating(self) -> bool:
        """Say whether a rotation was begun and has not come to its end."""
        with self._database.reading() as db:
            return counter(db, "rotating") > 0

    def finish_rotation(self, *, progress: Progress | None = None) -> int:
        """Bring a rotation to its end, from wherever it stopped; return how many keys were rewrapped."""
        self._rotation.rewrap_own()
        self._rotation.renew_old_tenants()
        done = self._rotation.rewrap_patients(progress)
        self._rotated()
        return done

    def rotate_tenant_key(self, tenant: UUID) -> int:
        """Give a tenant a new key, rewrap its patients' keys, delete the old one; return its number."""
        version = self._rotation.renew_tenant(tenant)
        self._rotation.rewrap_patients()
        self._rotated()
        return version

    def _rotated(self) -> None:
        with self._database.writing() as db:
            set_counter(db, "rotating", 0)
            raise_counter(db, "erasures", counter(db, "erasures") + 1)
        self._scrub()

    def destroy_old(
        self, now: datetime, *, backup_needs: int | None, keep_days: int = rotation.KEEP_DAYS
    ) -> Destroyed:
        """Destroy the manager's versions that were replaced `keep_days` ago or more.

        backup_needs: the oldest version that the newest verified backup of this store needs, None
        where there is no such backup. Only older ones go, so that there is always a backup that
        opens. What they wrapped in older backups stops opening, if the manager proves shredding.
        """
        manager = self._ring.manager
        versions = manager.describe().versions
        with self._database.writing() as db:
            self._ring.under(db)
            rotation.note_versions(db, versions, now=now)
            kept = rotation.kept_versions(db, versions)
        old = rotation.old_enough(kept, now=now, keep_days=keep_days)
        gone = tuple(v for v in old if backup_needs is not None and v < backup_needs)
        for version in gone:
            manager.destroy_version(version)
        if gone:
            left = manager.describe().versions
            with self._database.writing() as db:
                self._ring.under(db)
                rotation.note_versions(db, left, now=now)
        return Destroyed(versions=gone, waiting=old[len(gone) :])

    def is_destruction_late(self, now: datetime, *, keep_days: int) -> bool:
        """Say whether a version is still there a day after it should have been destroyed.

        As far as the store has noted it: the key manager isn't asked.
        """
        with self._database.reading() as db:
            return rotation.is_destruction_late(db, limit=now - timedelta(days=keep_days + 1))


def _turn(db: Rows, *, now: datetime) -> Turn | None:
    """Say what is due: a night has passed, or the clock went back, and nobody tried just now."""
    tried = key_state.instant(counter(db, "rotation_tried_at"))
    if tried is not None and timedelta(0) <= now - tried < TRIED_AGAIN:
        return None
    last = key_state.counted_from(db)
    if last is None or not timedelta(0) <= now - last < NIGHTLY:
        return Turn.ROTATE
    return Turn.FINISH if counter(db, "rotating") else None
