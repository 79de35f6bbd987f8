"""What a key store holds and how far its nightly work is, without naming anybody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from safelight.storage import rotation
from safelight.storage.managers import ManagerState
from safelight.storage.rotation import Version
from safelight.storage.schema import Rows, counter


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
