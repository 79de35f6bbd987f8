"""Where keys are kept, apart from the records, so that erasing one is erasing its picture.

    key manager's version → tenant key → patient key → data key of one version of a picture

Each is wrapped under the one before. ADR-0006 says why an erasure also renews the patient's key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from pathlib import Path
from uuid import UUID

from safelight import ledger, vault
from safelight.storage import ingest, rotation, snapshot
from safelight.storage.ballast import Ballast, ballast_of
from safelight.storage.database import KeyDatabase
from safelight.storage.errors import (
    DiskFull,
    KeyGone,
    KeyManagerError,
    KeyStoreAway,
    KeyStoreError,
    KeyTaken,
    Tombstoned,
)
from safelight.storage.holding import opened
from safelight.storage.ingest import IngestOffer
from safelight.storage.managers import Health, KeyManager, ManagerState
from safelight.storage.remembering import Remembering
from safelight.storage.rotation import Progress, Ring, Rotation, Version
from safelight.storage.schema import Database, Rows, counter, raise_counter, set_counter

_PORTION = 25
"""Pictures that one erasure takes on a full disk: under half of the ballast (ADR-0006)."""
NIGHTLY = timedelta(hours=24)
TRIED_AGAIN = timedelta(minutes=10)
"""How soon a rotation that failed, or whose worker was killed, may be begun anew."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did. scrubbed False: gone for every reader, and its bytes not yet dealt with.

    What a scrub amounts to depends on the database: `KeyStoreState.overwrites`.
    """

    ids: tuple[UUID, ...]
    scrubbed: bool


class Turn(Enum):
    """What the nightly work has to do with the keys."""

    ROTATE = auto()
    FINISH = auto()
    """A rotation was begun and its worker was killed."""


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


@dataclass(frozen=True, slots=True)
class Destroyed:
    """Versions that were destroyed, and those that are old enough and wait for a verified backup."""

    versions: tuple[int, ...]
    waiting: tuple[int, ...]


class KeyStore:
    """Keys in a file or a database of their own. Threads and processes may share it."""

    def __init__(self, where: Path | Database, manager: KeyManager) -> None:
        self._ballast: Ballast | None = None
        if isinstance(where, Path):
            self._ballast = ballast_of(where)
            self._database: Database = opened(lambda: KeyDatabase(where), ballast=self._ballast)
            self._ballast.restore()
        else:
            self._database = where
        self._ring = Ring(manager)
        self._rotation = Rotation(self._database, self._ring)

    @property
    def proves_shred(self) -> bool:
        """Say whether the key manager can prove that what it destroyed is gone for everybody."""
        return self._ring.manager.proves_shred

    @property
    def overwrites(self) -> bool:
        """Say whether a scrub leaves nothing of an erased key in any live file."""
        return self._database.overwrites

    def put(
        self, image_id: UUID, *, tenant: UUID, patient: UUID, version: int, data_key: bytes
    ) -> None:
        """Keep a picture's data key; the same again is the same put.

        Raises Tombstoned if the picture was erased, also while it was on its way; KeyTaken;
        DiskFull.
        """
        if isinstance(self._ring.manager, Remembering):
            with self._database.reading() as db:
                self._ring.warm(db, tenant)
        with self._database.writing() as db:
            if _is_tombstoned(db, image_id):
                raise Tombstoned(str(image_id))
            found = _row(db, image_id, version)
            if found is not None:
                if not self._is_same(db, found, tenant=tenant, patient=patient, key=data_key):
                    raise KeyTaken(str(image_id))
                return
            patient_key = self._ring.patient_key(db, tenant, patient, make=True)
            aad = rotation.data_key_aad(tenant, patient, image_id, version)
            db.execute(
                "INSERT INTO data_keys (image, version, tenant, patient, wrapped)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    image_id.bytes,
                    version,
                    tenant.bytes,
                    patient.bytes,
                    vault.wrap(patient_key, data_key, aad=aad),
                ),
            )

    def get(self, image_id: UUID, *, tenant: UUID, patient: UUID, version: int) -> bytes:
        """Return the data key, read anew each time. Raises KeyGone, SealBroken."""
        with self._database.reading() as db:
            found = _row(db, image_id, version)
            if found is None:
                raise KeyGone(str(image_id))
            return self._opened(db, found, tenant=tenant, patient=patient)

    def is_erased(self, image_id: UUID) -> bool:
        """Say whether the picture was erased."""
        with self._database.reading() as db:
            return _is_tombstoned(db, image_id)

    def erase(self, image_ids: Iterable[UUID]) -> Erased:
        """Destroy every key of these pictures, for good; works on a full disk.

        Tombstones and deletions are one transaction, durable on return. The same again does
        nothing more. Replaying tombstones into a restored key store is this same call.
        """
        ids = tuple(dict.fromkeys(image_ids))
        try:
            self._bury(ids)
        except DiskFull:
            if not self.release_ballast():
                raise
            self._bury_in_portions(ids)
        scrubbed = self.scrub()
        if self._ballast is not None:
            self._ballast.restore()
        return Erased(ids=ids, scrubbed=scrubbed)

    def discard(self, image_ids: Iterable[UUID]) -> None:
        """Delete the keys of what nobody was told is kept; it may come again. `scrub` afterwards."""
        with self._database.writing() as db:
            raise_counter(db, "erasures", counter(db, "erasures") + 1)
            for image in image_ids:
                _delete_keys(db, image)

    def scrub(self) -> bool:
        """Overwrite what erasures left; return whether nothing is left. Call again until it is.

        Renews the key of every patient who lost a picture, then empties the write-ahead log. False:
        a reader holds the log, the disk is full, or a key above can't be opened just now.
        """
        try:
            return self._scrub()
        except (DiskFull, KeyStoreAway):
            return False

    def is_scrub_pending(self) -> bool:
        """Say whether an erasure's bytes may still lie in a file."""
        with self._database.reading() as db:
            return _is_scrub_pending(db)

    def tombstones(self) -> Iterator[UUID]:
        """Yield every erased picture, in no order, to be replayed into a restored key store."""
        with self._database.reading() as db:
            rows = db.execute("SELECT image FROM tombstones").fetchall()
        return (UUID(bytes=row[0]) for row in rows)

    def images(self) -> Iterator[tuple[UUID, int]]:
        """Yield every picture and version that has a key, for the sweeper."""
        with self._database.reading() as db:
            rows = db.execute("SELECT image, version FROM data_keys").fetchall()
        return ((UUID(bytes=image), version) for image, version in rows)

    def move(self, image_id: UUID, *, tenant: UUID, from_patient: UUID, to_patient: UUID) -> None:
        """File a picture under another patient; it stops opening under the first. Raises KeyGone."""
        with self._database.writing() as db:
            rows = db.execute(
                "SELECT version, tenant, patient, wrapped FROM data_keys WHERE image = ?",
                (image_id.bytes,),
            ).fetchall()
            if not rows:
                raise KeyGone(str(image_id))
            new = self._ring.patient_key(db, tenant, to_patient, make=True)
            for version, *found in rows:
                row = _Row(image_id, version, *found)
                key = self._opened(db, row, tenant=tenant, patient=from_patient)
                aad = rotation.data_key_aad(tenant, to_patient, image_id, version)
                db.execute(
                    "UPDATE data_keys SET patient = ?, wrapped = ? WHERE image = ? AND version = ?",
                    (to_patient.bytes, vault.wrap(new, key, aad=aad), image_id.bytes, version),
                )

    def ingest_current(
        self, now: datetime, *, suite: vault.Suite = vault.Suite.X25519
    ) -> IngestOffer:
        """Return the ingest key to offer now; a new one is made each week."""
        with self._database.writing() as db:
            return ingest.current(db, self._ring.manager, now=now, suite=suite)

    def ingest_private(self, kid: str) -> vault.IngestPrivate:
        """Return an ingest key that was offered. Raises KeyGone once it is destroyed."""
        with self._database.reading() as db:
            return ingest.private(db, self._ring.manager, kid)

    def destroy_old_ingest(self, now: datetime) -> int:
        """Destroy the ingest keys that were last offered 14 days ago or more; return how many."""
        with self._database.writing() as db:
            gone = ingest.destroy_old(db, now=now)
            if gone:
                raise_counter(db, "erasures", counter(db, "erasures") + 1)
        if gone:
            self.scrub()
        return gone

    def signing_key(self) -> bytes:
        """Return the ledger's signing key, made at the first call."""
        with self._database.reading() as db:
            found = self._ring.secret(db, "ledger")
        if found is not None:
            return found
        with self._database.writing() as db:
            return self._ring.made_secret(db, "ledger", ledger.SigningKey.generate().to_bytes())

    def claim_turn(self, now: datetime) -> Turn | None:
        """Say what is due of the nightly rotation, if this caller is the one to do it.

        The first call only begins to count. What failed, or whose worker was killed, is due again
        after ten minutes.
        """
        with self._database.reading() as db:
            if _counted_from(db) is not None and _turn(db, now=now) is None:
                return None
        with self._database.writing() as db:
            if _counted_from(db) is None:
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
        with self._database.writing() as db:
            set_counter(db, "rotating", 1)
            set_counter(db, "rotation_tried_at", int(now.timestamp()))
        version = self._ring.manager.rotate()
        versions = self._ring.manager.describe().versions
        with self._database.writing() as db:
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
        self.scrub()

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
            rotation.note_versions(db, versions, now=now)
            kept = rotation.kept_versions(db, versions)
        old = rotation.old_enough(kept, now=now, keep_days=keep_days)
        gone = tuple(v for v in old if backup_needs is not None and v < backup_needs)
        for version in gone:
            manager.destroy_version(version)
        if gone:
            with self._database.writing() as db:
                rotation.note_versions(db, manager.describe().versions, now=now)
        return Destroyed(versions=gone, waiting=old[len(gone) :])

    def is_destruction_late(self, now: datetime, *, keep_days: int) -> bool:
        """Say whether a version is still there a day after it should have been destroyed.

        As far as the store has noted it: the key manager isn't asked.
        """
        with self._database.reading() as db:
            return rotation.is_destruction_late(db, limit=now - timedelta(days=keep_days + 1))

    def describe(self) -> KeyStoreState:
        """Return what is kept, without naming anybody. Raises KeyManagerError."""
        manager = self._ring.manager.describe()
        with self._database.reading() as db:
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
                scrub_pending=_is_scrub_pending(db),
                overwrites=self.overwrites,
                ballast=None if self._ballast is None else self._ballast.is_there(),
                rotating=counter(db, "rotating") > 0,
                rotated_at=_instant(counter(db, "rotated_at")),
                counted_from=_counted_from(db),
                left_behind=rotation.left_behind(db),
                versions=rotation.kept_versions(db, manager.versions),
                manager=manager,
            )

    def health(self) -> Health:
        """Say whether the key manager works now, and what a person should know."""
        return self._ring.manager.health()

    def oldest_version(self) -> int:
        """Return the oldest version of the manager's key that something here is wrapped under.

        What a backup of this store needs to be opened. With nothing kept, the current version.
        """
        with self._database.reading() as db:
            oldest = rotation.oldest_version(db)
        return self._ring.manager.describe().current if oldest is None else oldest

    @property
    def manager(self) -> KeyManager:
        """Return the key manager, which backups wrap their own keys with as well."""
        return self._ring.manager

    def copy_to(self, path: Path) -> None:
        """Copy the store as it is at one moment into an SQLite file, which isn't there yet."""
        with self._database.reading() as db:
            snapshot.copy_rows(db, path)

    def take_in(self, path: Path, *, over: bool = False) -> None:
        """Fill this store with what copy_to gave. Raises KeyStoreError unless it is empty, or over."""
        with self._database.writing() as db:
            snapshot.fill_rows(path, db, over=over)

    def release_ballast(self) -> bool:
        """Give the held-back room free, for a withdrawal's record; the next erase restores it."""
        return self._ballast is not None and self._ballast.release()

    def close(self) -> None:
        """Close the file. No thread may be using the store."""
        self._database.close()

    def _is_same(self, db: Rows, row: _Row, *, tenant: UUID, patient: UUID, key: bytes) -> bool:
        try:
            return self._opened(db, row, tenant=tenant, patient=patient) == key
        except KeyGone:
            return False

    def _opened(self, db: Rows, row: _Row, *, tenant: UUID, patient: UUID) -> bytes:
        if (row.tenant, row.patient) != (tenant.bytes, patient.bytes):
            raise KeyGone(f"{row.image} is not kept for this patient")
        patient_key = self._ring.patient_key(db, tenant, patient, make=False)
        aad = rotation.data_key_aad(tenant, patient, row.image, row.version)
        return vault.unwrap(patient_key, row.wrapped, aad=aad)

    def _bury_in_portions(self, ids: tuple[UUID, ...]) -> None:
        """Erase with little room: empty the log between portions, so that each finds the same."""
        for at in range(0, len(ids), _PORTION):
            self._bury(ids[at : at + _PORTION])
            self._database.checkpoint()

    def _scrub(self) -> bool:
        with self._database.reading() as db:
            serial, due = counter(db, "erasures"), _due(db)
            if serial == counter(db, "scrubbed") and not due:
                return True
        renewed = [self._renewed(tenant, patient) for tenant, patient in due]
        if not self._database.checkpoint() or not all(renewed):
            return False
        with self._database.writing() as db:
            raise_counter(db, "scrubbed", serial)
        return True

    def _renewed(self, tenant: UUID, patient: UUID) -> bool:
        """Renew one patient's key; one that can't be must not keep the others waiting."""
        try:
            with self._database.writing() as db:
                self._ring.renew_patient_key(db, tenant, patient)
                db.execute(
                    "DELETE FROM scrubs_due WHERE tenant = ? AND patient = ?",
                    (tenant.bytes, patient.bytes),
                )
        except (vault.VaultError, KeyStoreError, KeyManagerError):
            return False
        return True

    def _bury(self, ids: tuple[UUID, ...]) -> None:
        """One transaction, small enough for the ballast: tombstones, deletions, what is due."""
        with self._database.writing() as db:
            raise_counter(db, "erasures", counter(db, "erasures") + 1)
            for image in ids:
                db.execute(
                    "INSERT INTO tombstones (image) VALUES (?) ON CONFLICT DO NOTHING",
                    (image.bytes,),
                )
                _delete_keys(db, image)


@dataclass(frozen=True, slots=True)
class _Row:
    """A wrapped data key as it lies in the file."""

    image: UUID
    version: int
    tenant: bytes
    patient: bytes
    wrapped: bytes


def _row(db: Rows, image: UUID, version: int) -> _Row | None:
    found = db.execute(
        "SELECT tenant, patient, wrapped FROM data_keys WHERE image = ? AND version = ?",
        (image.bytes, version),
    ).fetchone()
    return None if found is None else _Row(image, version, *found)


def _delete_keys(db: Rows, image: UUID) -> None:
    """Delete every key of a picture, and note that its patient's key has to be renewed."""
    db.execute(
        "INSERT INTO scrubs_due (tenant, patient) SELECT DISTINCT tenant, patient"
        " FROM data_keys WHERE image = ? ON CONFLICT DO NOTHING",
        (image.bytes,),
    )
    db.execute("DELETE FROM data_keys WHERE image = ?", (image.bytes,))


def _is_tombstoned(db: Rows, image: UUID) -> bool:
    found = db.execute("SELECT 1 FROM tombstones WHERE image = ?", (image.bytes,)).fetchone()
    return found is not None


def _due(db: Rows) -> list[tuple[UUID, UUID]]:
    rows = db.execute("SELECT tenant, patient FROM scrubs_due").fetchall()
    return [(UUID(bytes=tenant), UUID(bytes=patient)) for tenant, patient in rows]


def _is_scrub_pending(db: Rows) -> bool:
    return counter(db, "erasures") > counter(db, "scrubbed")


def _turn(db: Rows, *, now: datetime) -> Turn | None:
    """Say what is due: a night has passed, or the clock went back, and nobody tried just now."""
    tried = _instant(counter(db, "rotation_tried_at"))
    if tried is not None and timedelta(0) <= now - tried < TRIED_AGAIN:
        return None
    last = _counted_from(db)
    if last is None or not timedelta(0) <= now - last < NIGHTLY:
        return Turn.ROTATE
    return Turn.FINISH if counter(db, "rotating") else None


def _counted_from(db: Rows) -> datetime | None:
    """Return when keys were renewed last, or else when the nightly work was first looked for."""
    return _instant(counter(db, "rotated_at") or counter(db, "counted_from"))


def _tenants(db: Rows) -> int:
    return int(db.execute("SELECT count(DISTINCT tenant) FROM tenant_keys").fetchone()[0])


def _instant(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
