"""What a key store holds and how far its nightly work is, without naming anybody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from safelight.storage import rotation
from safelight.storage.managers import KINDS, ManagerState
from safelight.storage.rotation import Version
from safelight.storage.schema import Rows, counter


@dataclass(frozen=True, slots=True)
class Former:
    """The key manager that the store was under before it was moved."""

    kind: str
    moved_at: datetime
    """Backups made from then on hang under the new one alone."""
    left_at: datetime | None
    """When its last version was destroyed; None while it keeps what old backups need."""
    versions: int
    """How many it still keeps."""
    oldest_replaced_at: datetime | None
    is_renewed: bool
    """Whether every patient has another key since."""
    is_entered: bool
    """Whether the move stands in the ledger."""


@dataclass(frozen=True, slots=True)
class KeyStoreState:
    """What the key store holds, for the keys page and `safelight keys status`."""

    data_keys: int
    patients: int
    tenants: int
    tombstones: int
    ingest_keys: int
    scrub_pending: bool
    overwrites: bool
    """Whether a scrub leaves nothing of an erased key in any live file (ADR-0006)."""
    ballast: bool | None
    """Whether the held-back room is there; None where the database has a machine of its own."""
    rotating: bool
    """A rotation was begun and has not come to its end."""
    rotated_at: datetime | None
    counted_from: datetime | None
    """From when the next renewal is counted: the last, or before one the worker's first look."""
    left_behind: int
    """Patients' keys that a rotation couldn't open: the version above them can't be destroyed."""
    versions: tuple[Version, ...]
    manager: ManagerState
    former: Former | None


def read(
    db: Rows, manager: ManagerState, *, overwrites: bool, ballast: bool | None
) -> KeyStoreState:
    """Return the state as it is in one view of the store."""
    count = {
        table: int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 table names are ours
        for table in (
            "data_keys",
            "patient_keys",
            "tombstones",
            "ingest_keys",
        )
    }
    return KeyStoreState(
        data_keys=count["data_keys"],
        patients=count["patient_keys"],
        tenants=_tenants(db),
        tombstones=count["tombstones"],
        ingest_keys=count["ingest_keys"],
        scrub_pending=is_scrub_pending(db),
        overwrites=overwrites,
        ballast=ballast,
        rotating=counter(db, "rotating") > 0,
        rotated_at=instant(counter(db, "rotated_at")),
        counted_from=counted_from(db),
        left_behind=rotation.left_behind(db),
        versions=rotation.kept_versions(db, manager.versions),
        manager=manager,
        former=former(db),
    )


def former(db: Rows) -> Former | None:
    """Return the manager that the store was moved from last, None if it never was."""
    moved_at = instant(counter(db, "moved_at"))
    if moved_at is None:
        return None
    kept, oldest = db.execute("SELECT count(*), min(replaced_at) FROM former_versions").fetchone()
    return Former(
        kind=KINDS[counter(db, "former") - 1],
        moved_at=moved_at,
        left_at=instant(counter(db, "left_at")),
        versions=int(kept),
        oldest_replaced_at=instant(int(oldest or 0)),
        is_renewed=counter(db, "renewed_at") > 0,
        is_entered=counter(db, "move_entered") == counter(db, "moved_at"),
    )


def note_unproved(db: Rows, which: str, values: tuple[bytes, ...]) -> None:
    """Note the keys that hang under one that a former manager wrapped, if it can't prove it gone.

    which, values: of the rows of data_keys. Nothing to note once every patient has another key.
    """
    if counter(db, "former_unproving") and not counter(db, "renewed_at"):
        db.execute(
            f"INSERT INTO unproved (image) SELECT DISTINCT image FROM data_keys WHERE {which}"  # noqa: S608 the words are ours
            " ON CONFLICT DO NOTHING",
            values,
        )


def is_proved(db: Rows, images: Iterable[UUID]) -> bool:
    """Say whether none of these keys ever lay under a manager that can't prove what it destroyed."""
    return not any(
        db.execute("SELECT 1 FROM unproved WHERE image = ?", (image.bytes,)).fetchone()
        for image in images
    )


def is_scrub_pending(db: Rows) -> bool:
    """Say whether an erasure's bytes may still lie in a file."""
    return counter(db, "erasures") > counter(db, "scrubbed")


def counted_from(db: Rows) -> datetime | None:
    """Return when keys were renewed last, or else when the nightly work was first looked for."""
    return instant(counter(db, "rotated_at") or counter(db, "counted_from"))


def _tenants(db: Rows) -> int:
    return int(db.execute("SELECT count(DISTINCT tenant) FROM tenant_keys").fetchone()[0])


def instant(seconds: int) -> datetime | None:
    """Return the moment that a counter holds; None for 0."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
