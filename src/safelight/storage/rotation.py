"""The keys above the data keys: made on demand, renewed after an erasure, rotated each night."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from safelight import vault
from safelight.storage.errors import KeyGone
from safelight.storage.managers import KeyManager

KEEP_DAYS = 7
"""How long a replaced version of the manager's key is kept for backups (ADR-0006)."""


def data_key_aad(tenant: UUID, patient: UUID, image: UUID, version: int) -> bytes:
    """Return what a wrapped data key is bound to (docs/formats/sealed-blob.md)."""
    return vault.context("safelight-data-key-v1", tenant, patient, image, version)


def _patient_key_aad(tenant: UUID, patient: UUID, tenant_version: int) -> bytes:
    return vault.context("safelight-patient-key-v1", tenant, patient, tenant_version)


def _tenant_key_aad(tenant: UUID, version: int) -> bytes:
    return vault.context("safelight-tenant-key-v1", tenant, version)


def secret_aad(name: str) -> bytes:
    """Return what a secret of the server is bound to."""
    return vault.context("safelight-secret-v1", name)


def ingest_aad(kid: str) -> bytes:
    """Return what a wrapped ingest key is bound to."""
    return vault.context("safelight-ingest-key-v1", kid)


def oldest_version(db: sqlite3.Connection) -> int | None:
    """Return the oldest version of the manager's key that wraps something, None for nothing."""
    found: int | None = db.execute(
        "SELECT min(v) FROM (SELECT manager_version AS v FROM tenant_keys"
        " UNION ALL SELECT manager_version FROM secrets"
        " UNION ALL SELECT manager_version FROM ingest_keys) AS used"
    ).fetchone()[0]
    return found


class Ring:
    """Opens and makes the keys between the manager and the data keys, inside a transaction."""

    def __init__(self, manager: KeyManager) -> None:
        self.manager = manager

    def patient_key(
        self, db: sqlite3.Connection, tenant: UUID, patient: UUID, *, make: bool
    ) -> bytes:
        """Return a patient's key, made if asked for. Raises KeyGone, SealBroken."""
        found = db.execute(
            "SELECT tenant_version, wrapped FROM patient_keys WHERE tenant = ? AND patient = ?",
            (tenant.bytes, patient.bytes),
        ).fetchone()
        if found is None:
            if not make:
                raise KeyGone("no key for this patient")
            return self._new_patient_key(db, tenant, patient)
        version, tenant_key = self._tenant_key(db, tenant)
        if found[0] != version:
            raise vault.SealBroken("patient key of another tenant key")
        aad = _patient_key_aad(tenant, patient, version)
        return vault.unwrap(tenant_key, found[1], aad=aad)

    def renew_patient_key(self, db: sqlite3.Connection, tenant: UUID, patient: UUID) -> None:
        """Give a patient a new key and rewrap what is left; with nothing left, only the old goes.

        A wrapped data key that survives anywhere is worthless once its patient's key is.
        """
        rows = db.execute(
            "SELECT image, version, wrapped FROM data_keys WHERE tenant = ? AND patient = ?",
            (tenant.bytes, patient.bytes),
        ).fetchall()
        ids = (tenant.bytes, patient.bytes)
        if not rows:
            db.execute("DELETE FROM patient_keys WHERE tenant = ? AND patient = ?", ids)
            return
        old = self.patient_key(db, tenant, patient, make=False)
        new = self._new_patient_key(db, tenant, patient)
        for image, version, wrapped in rows:
            aad = data_key_aad(tenant, patient, UUID(bytes=image), version)
            again = vault.wrap(new, vault.unwrap(old, wrapped, aad=aad), aad=aad)
            db.execute(
                "UPDATE data_keys SET wrapped = ? WHERE image = ? AND version = ?",
                (again, image, version),
            )

    def secret(self, db: sqlite3.Connection, name: str, *, make: Callable[[], bytes]) -> bytes:
        """Return one of the server's own secrets, made if it isn't there."""
        aad = secret_aad(name)
        found = db.execute("SELECT wrapped FROM secrets WHERE name = ?", (name,)).fetchone()
        if found is not None:
            return self.manager.unwrap(found[0], aad=aad)
        made = make()
        wrapped = self.manager.wrap(made, aad=aad)
        db.execute(
            "INSERT INTO secrets (name, wrapped, manager_version) VALUES (?, ?, ?)",
            (name, wrapped, self.manager.version_of(wrapped)),
        )
        return made

    def rotate_manager(self, db: sqlite3.Connection, *, now: datetime) -> int:
        """Make a new version of the manager's key and rewrap what is not a tenant's under it."""
        version = self.manager.rotate()
        db.execute(
            "INSERT OR IGNORE INTO manager_versions (version, made_at) VALUES (?, ?)",
            (version, int(now.timestamp())),
        )
        self._rewrap(db, table="secrets", column="name", aad=secret_aad)
        self._rewrap(db, table="ingest_keys", column="kid", aad=ingest_aad)
        return version

    def rotate_tenant_key(self, db: sqlite3.Connection, tenant: UUID) -> int:
        """Give a tenant a new key, rewrap its patients' keys under it, delete the old one."""
        old_version, old = self._tenant_key(db, tenant)
        version, new = self._new_tenant_key(db, tenant, old_version + 1)
        rows = db.execute(
            "SELECT patient, wrapped FROM patient_keys WHERE tenant = ?", (tenant.bytes,)
        )
        rewrapped = []
        for raw, wrapped in rows:
            patient = UUID(bytes=raw)
            key = vault.unwrap(old, wrapped, aad=_patient_key_aad(tenant, patient, old_version))
            again = vault.wrap(new, key, aad=_patient_key_aad(tenant, patient, version))
            rewrapped.append((version, again, tenant.bytes, raw))
        db.executemany(
            "UPDATE patient_keys SET tenant_version = ?, wrapped = ?"
            " WHERE tenant = ? AND patient = ?",
            rewrapped,
        )
        return version

    def destroy_old(
        self, db: sqlite3.Connection, *, now: datetime, keep_days: int
    ) -> tuple[int, ...]:
        """Destroy the versions that were replaced long enough ago and wrap nothing any more."""
        limit = int((now - timedelta(days=keep_days)).timestamp())
        # A version was replaced when the next was made; so the newest old enough is kept itself.
        replaced = db.execute(
            "SELECT max(version) FROM manager_versions WHERE made_at <= ?", (limit,)
        ).fetchone()[0]
        in_use = oldest_version(db)
        first_kept = min(replaced or 0, self.manager.describe().current, in_use or replaced or 0)
        old = tuple(v for v in self.manager.describe().versions if v < first_kept)
        for version in old:
            self.manager.destroy_version(version)
            db.execute("DELETE FROM manager_versions WHERE version = ?", (version,))
        return old

    def _tenant_key(self, db: sqlite3.Connection, tenant: UUID) -> tuple[int, bytes]:
        found = db.execute(
            "SELECT version, wrapped FROM tenant_keys WHERE tenant = ?", (tenant.bytes,)
        ).fetchone()
        if found is None:
            return self._new_tenant_key(db, tenant, 1)
        version, wrapped = found
        return version, self.manager.unwrap(wrapped, aad=_tenant_key_aad(tenant, version))

    def _new_tenant_key(
        self, db: sqlite3.Connection, tenant: UUID, version: int
    ) -> tuple[int, bytes]:
        key = vault.new_key()
        wrapped = self.manager.wrap(key, aad=_tenant_key_aad(tenant, version))
        db.execute(
            "INSERT OR REPLACE INTO tenant_keys (tenant, version, wrapped, manager_version)"
            " VALUES (?, ?, ?, ?)",
            (tenant.bytes, version, wrapped, self.manager.version_of(wrapped)),
        )
        return version, key

    def _new_patient_key(self, db: sqlite3.Connection, tenant: UUID, patient: UUID) -> bytes:
        version, tenant_key = self._tenant_key(db, tenant)
        key = vault.new_key()
        wrapped = vault.wrap(tenant_key, key, aad=_patient_key_aad(tenant, patient, version))
        db.execute(
            "INSERT OR REPLACE INTO patient_keys (tenant, patient, tenant_version, wrapped)"
            " VALUES (?, ?, ?, ?)",
            (tenant.bytes, patient.bytes, version, wrapped),
        )
        return key

    def _rewrap(
        self, db: sqlite3.Connection, *, table: str, column: str, aad: Callable[[str], bytes]
    ) -> None:
        rows = db.execute(f"SELECT {column}, wrapped FROM {table}").fetchall()  # noqa: S608 both names are ours
        for name, wrapped in rows:
            again = self.manager.wrap(self.manager.unwrap(wrapped, aad=aad(name)), aad=aad(name))
            db.execute(
                f"UPDATE {table} SET wrapped = ?, manager_version = ? WHERE {column} = ?",  # noqa: S608 both names are ours
                (again, self.manager.version_of(again), name),
            )
