"""Where keys are kept, apart from the records, so that erasing one is erasing its picture.

    key manager's version → tenant key → patient key → data key of one version of a picture

Each is wrapped under the one before. ADR-0006 says why an erasure also renews the patient's key.
What is renewed and destroyed each night is in `nightly`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from safelight import ledger, vault
from safelight.storage import ingest, key_state, moving, rotation, snapshot
from safelight.storage.ballast import Ballast, ballast_of
from safelight.storage.database import KeyDatabase
from safelight.storage.errors import (
    DiskBroken,
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
from safelight.storage.key_state import KeyStoreState
from safelight.storage.managers import Health, KeyManager
from safelight.storage.moving import Moving
from safelight.storage.nightly import Nightly
from safelight.storage.remembering import Remembering
from safelight.storage.rotation import Ring
from safelight.storage.schema import Database, Rows, counter, raise_counter

_PORTION = 25
"""Pictures that one erasure takes on a full disk: under half of the ballast (ADR-0006)."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did. scrubbed False: gone for every reader, and its bytes not yet dealt with.

    What a scrub amounts to depends on the database: `KeyStoreState.overwrites`.
    """

    ids: tuple[UUID, ...]
    scrubbed: bool


class KeyStore:
    """Keys in a file or a database of their own. Threads and processes may share it."""

    def __init__(
        self, where: Path | Database, manager: KeyManager | Callable[[str | None], KeyManager]
    ) -> None:
        """manager: or who chooses it, told the kind that the store was moved to.

        It is told None if the store was never moved, and nothing ("") if there is no key in it.
        """
        self._ballast: Ballast | None = None
        if isinstance(where, Path):
            self._ballast = ballast_of(where)
            self._database: Database = opened(lambda: KeyDatabase(where), ballast=self._ballast)
            self._ballast.restore()
        else:
            self._database = where
        self._ring = Ring(self._chosen(manager) if callable(manager) else manager)
        self.nightly = Nightly(self._database, self._ring, scrub=lambda: self.scrub())
        self.moving = Moving(self._database, self._ring, scrub=lambda: self.scrub())

    def _chosen(self, choose: Callable[[str | None], KeyManager]) -> KeyManager:
        try:
            with self._database.reading() as db:
                told = rotation.told_manager(db)
                is_empty = not moving.has_wrapped(db)
            return choose("" if told is None and is_empty else told)
        except BaseException:
            self._database.close()
            raise

    @property
    def proves_shred(self) -> bool:
        """Say whether the key manager can prove that what it destroyed is gone for everybody."""
        return self._ring.manager.proves_shred

    def proves_shred_of(self, images: Iterable[UUID]) -> bool:
        """Say whether it can prove that of these keys, erased or not, wherever they lay before."""
        if not self.proves_shred:
            return False
        with self._database.reading() as db:
            return key_state.is_proved(db, images)

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
        a reader holds the log, the disk is full or fails, or a key above can't be opened just now.
        """
        try:
            return self._scrub()
        except (DiskFull, DiskBroken, KeyStoreAway):
            return False

    def is_scrub_pending(self) -> bool:
        """Say whether an erasure's bytes may still lie in a file."""
        with self._database.reading() as db:
            return key_state.is_scrub_pending(db)

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
            return ingest.current(db, self._ring.under(db), now=now, suite=suite)

    def ingest_private(self, kid: str) -> vault.IngestPrivate:
        """Return an ingest key that was offered. Raises KeyGone once it is destroyed."""
        with self._database.reading() as db:
            return ingest.private(db, self._ring.under(db), kid)

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

    def describe(self) -> KeyStoreState:
        """Return what is kept, without naming anybody. Raises KeyManagerError."""
        manager = self._ring.manager.describe()
        ballast = None if self._ballast is None else self._ballast.is_there()
        with self._database.reading() as db:
            return key_state.read(db, manager, overwrites=self.overwrites, ballast=ballast)

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
        except (vault.VaultError, KeyStoreError, KeyManagerError, DiskBroken):
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
    key_state.note_unproved(db, "image = ?", (image.bytes,))
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
