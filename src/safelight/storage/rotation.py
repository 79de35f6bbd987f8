"""The keys above the data keys: made on demand, renewed after an erasure, rotated each night.

A rotation goes in portions, each a transaction of its own: it holds nobody up for long, and one that
was killed is taken up where it stopped. Meanwhile a tenant has two keys, and each patient's key says
under which it is. What asks the key manager is done before a transaction and never within, but for
a tenant's or a week's very first key.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from safelight import vault
from safelight.storage.errors import KeyGone, KeysMoved
from safelight.storage.managers import KINDS, KeyManager
from safelight.storage.schema import Database, Rows, counter, set_counter

KEEP_DAYS = 7
"""How long a replaced version of the manager's key is kept for backups (ADR-0006)."""
PORTION = 5_000
"""Keys that one transaction of a rotation changes, rewrapped before: some 50 ms in which others wait."""
PAUSE_SECONDS = 0.1
"""Between two portions, or as long as the last one was: SQLite's waiting writers look again after a
tenth of a second at the latest, and are to get half of the time also where everything is slow."""
_FROM_THE_MANAGER = (("secrets", "name"), ("ingest_keys", "kid"))

Progress = Callable[[int, int], None]
"""Called with how many keys are rewrapped and how many there are."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the manager's key that is kept. made_at None: from before anybody noted it."""

    number: int
    made_at: datetime | None
    replaced_at: datetime | None
    wraps: int
    """How many keys of the live store are wrapped under it."""


def data_key_aad(tenant: UUID, patient: UUID, image: UUID, version: int) -> bytes:
    """Return what a wrapped data key is bound to (docs/formats/sealed-blob.md)."""
    return vault.context("safelight-data-key-v1", tenant, patient, image, version)


def patient_key_aad(tenant: UUID, patient: UUID, tenant_version: int) -> bytes:
    """Return what a patient's key is bound to: the tenant's key above it has that version."""
    return vault.context("safelight-patient-key-v1", tenant, patient, tenant_version)


def tenant_key_aad(tenant: UUID, version: int) -> bytes:
    """Return what a tenant's key is bound to."""
    return vault.context("safelight-tenant-key-v1", tenant, version)


def secret_aad(name: str) -> bytes:
    """Return what a secret of the server is bound to."""
    return vault.context("safelight-secret-v1", name)


def ingest_aad(kid: str) -> bytes:
    """Return what a wrapped ingest key is bound to."""
    return vault.context("safelight-ingest-key-v1", kid)


def told_manager(db: Rows) -> str | None:
    """Return which kind of key manager the store was moved to; None if it never was."""
    found = counter(db, "manager")
    return None if found == 0 else KINDS[found - 1]


def oldest_version(db: Rows) -> int | None:
    """Return the oldest version of the manager's key that wraps something, None for nothing."""
    return min(_wraps(db), default=None)


def _wraps(db: Rows) -> dict[int, int]:
    """Return how many keys each version of the manager's key wraps."""
    rows = db.execute(
        "SELECT manager_version, count(*) FROM (SELECT manager_version FROM tenant_keys"
        " UNION ALL SELECT manager_version FROM secrets"
        " UNION ALL SELECT manager_version FROM ingest_keys) AS used GROUP BY manager_version"
    ).fetchall()
    return {int(version): int(count) for version, count in rows}


class Ring:
    """Opens and makes the keys between the manager and the data keys, inside a transaction."""

    def __init__(self, manager: KeyManager) -> None:
        self.manager = manager

    def under(self, db: Rows) -> KeyManager:
        """Return the manager, seen to be the one that this store is under. Raises KeysMoved.

        A process that was started before a move must neither open nor wrap anything any more.
        """
        if told_manager(db) not in (None, self.manager.kind):
            raise KeysMoved("the store is under another key manager")
        return self.manager

    def patient_key(self, db: Rows, tenant: UUID, patient: UUID, *, make: bool) -> bytes:
        """Return a patient's key, made if asked for. Raises KeyGone, SealBroken."""
        found = db.execute(
            "SELECT tenant_version, wrapped FROM patient_keys WHERE tenant = ? AND patient = ?",
            (tenant.bytes, patient.bytes),
        ).fetchone()
        if found is None:
            if not make:
                raise KeyGone("no key for this patient")
            return self._new_patient_key(db, tenant, patient)
        version, wrapped = found
        aad = patient_key_aad(tenant, patient, version)
        return vault.unwrap(self._tenant_key(db, tenant, version), wrapped, aad=aad)

    def renew_patient_key(self, db: Rows, tenant: UUID, patient: UUID) -> None:
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

    def secret(self, db: Rows, name: str) -> bytes | None:
        """Return one of the server's own secrets, None if it was never made."""
        found = db.execute("SELECT wrapped FROM secrets WHERE name = ?", (name,)).fetchone()
        return None if found is None else self.under(db).unwrap(found[0], aad=secret_aad(name))

    def made_secret(self, db: Rows, name: str, made: bytes) -> bytes:
        """Keep a secret, unless another process was first; return the one that is kept."""
        if (found := self.secret(db, name)) is not None:
            return found
        wrapped = self.under(db).wrap(made, aad=secret_aad(name))
        db.execute(
            "INSERT INTO secrets (name, wrapped, manager_version) VALUES (?, ?, ?)",
            (name, wrapped, self.manager.version_of(wrapped)),
        )
        return made

    def warm(self, db: Rows, tenant: UUID) -> None:
        """Open a tenant's key now, so that a manager that remembers isn't asked under the lock."""
        version = _newest(db, tenant)
        if version is not None:
            self._tenant_key(db, tenant, version)

    def _tenant_key(self, db: Rows, tenant: UUID, version: int) -> bytes:
        found = db.execute(
            "SELECT wrapped FROM tenant_keys WHERE tenant = ? AND version = ?",
            (tenant.bytes, version),
        ).fetchone()
        if found is None:
            raise vault.SealBroken("patient key of another tenant key")
        return self.under(db).unwrap(found[0], aad=tenant_key_aad(tenant, version))

    def _newest_tenant_key(self, db: Rows, tenant: UUID) -> tuple[int, bytes]:
        version = _newest(db, tenant)
        if version is not None:
            return version, self._tenant_key(db, tenant, version)
        key = vault.new_key()
        _keep_tenant_key(db, self.under(db), tenant, 1, self._wrapped(tenant, 1, key))
        return 1, key

    def _wrapped(self, tenant: UUID, version: int, key: bytes) -> bytes:
        return self.manager.wrap(key, aad=tenant_key_aad(tenant, version))

    def _new_patient_key(self, db: Rows, tenant: UUID, patient: UUID) -> bytes:
        version, tenant_key = self._newest_tenant_key(db, tenant)
        key = vault.new_key()
        wrapped = vault.wrap(tenant_key, key, aad=patient_key_aad(tenant, patient, version))
        db.execute(
            "INSERT INTO patient_keys (tenant, patient, tenant_version, wrapped)"
            " VALUES (?, ?, ?, ?) ON CONFLICT (tenant, patient) DO UPDATE"
            " SET tenant_version = excluded.tenant_version, wrapped = excluded.wrapped",
            (tenant.bytes, patient.bytes, version, wrapped),
        )
        return key


class Rotation:
    """Renews what the manager wraps, and every patient's key below it."""

    def __init__(self, database: Database, ring: Ring) -> None:
        self._database, self._ring = database, ring

    def renew_tenant(self, tenant: UUID) -> int:
        """Give a tenant one key more, wrapped under the current version; return its number."""
        with self._database.reading() as db:
            version = (_newest(db, tenant) or 0) + 1
        wrapped = self._ring._wrapped(tenant, version, vault.new_key())
        with self._database.writing() as db:
            if _newest(db, tenant) in (None, version - 1):
                _keep_tenant_key(db, self._ring.under(db), tenant, version, wrapped)
        return version

    def renew_old_tenants(self) -> None:
        """Give one key more to each tenant whose newest isn't under the current version."""
        current = self._ring.manager.describe().current
        with self._database.reading() as db:
            old = db.execute(
                "SELECT tenant FROM tenant_keys GROUP BY tenant HAVING max(manager_version) < ?",
                (current,),
            ).fetchall()
        for (tenant,) in old:
            self.renew_tenant(UUID(bytes=tenant))

    def rewrap_own(self) -> None:
        """Rewrap the server's secrets and ingest keys that aren't under the current version."""
        manager = self._ring.manager
        current = manager.describe().current
        for table, column in _FROM_THE_MANAGER:
            aad_of = secret_aad if table == "secrets" else ingest_aad
            with self._database.reading() as db:
                rows = db.execute(
                    f"SELECT {column}, wrapped FROM {table} WHERE manager_version < ?",  # noqa: S608 both names are ours
                    (current,),
                ).fetchall()
            for name, wrapped in rows:
                aad = aad_of(name)
                again = manager.wrap(manager.unwrap(wrapped, aad=aad), aad=aad)
                with self._database.writing() as db:
                    db.execute(
                        f"UPDATE {table} SET wrapped = ?, manager_version = ?"  # noqa: S608 both names are ours
                        f" WHERE {column} = ? AND wrapped = ?",
                        (again, manager.version_of(again), name, wrapped),
                    )

    def rewrap_patients(self, progress: Progress | None = None) -> int:
        """Rewrap every patient's key that isn't under its tenant's newest; then the older ones go."""
        with self._database.reading() as db:
            tenants = _with_several_keys(db)
            total = sum(_under_older(db, raw, newest) for raw, newest in tenants)
        done = 0
        for raw, newest in tenants:
            for portion in self._portions(UUID(bytes=raw), newest):
                done += portion
                if progress is not None:
                    progress(done, total)
        return done

    def _portions(self, tenant: UUID, newest: int) -> Iterator[int]:
        keys, after = self._tenant_keys(tenant), b""
        while True:
            with self._database.reading() as db:
                rows = db.execute(
                    "SELECT patient, tenant_version, wrapped FROM patient_keys WHERE tenant = ?"
                    " AND patient > ? AND tenant_version < ? ORDER BY patient LIMIT ?",
                    (tenant.bytes, after, newest, PORTION),
                ).fetchall()
            if not rows:
                break
            rewrapped = _rewrapped(tenant, newest, rows, keys=keys)
            with self._database.writing() as db:
                began = time.monotonic()
                # What changed meanwhile is under the newest key already, or gone.
                db.executemany(
                    "UPDATE patient_keys SET tenant_version = ?, wrapped = ?"
                    " WHERE tenant = ? AND patient = ? AND wrapped = ?",
                    rewrapped,
                )
            held, after = time.monotonic() - began, bytes(rows[-1][0])
            yield len(rows)
            time.sleep(max(PAUSE_SECONDS, held))
        with self._database.writing() as db:
            _drop_older(db, tenant, newest)

    def _tenant_keys(self, tenant: UUID) -> dict[int, bytes]:
        with self._database.reading() as db:
            versions = db.execute(
                "SELECT version FROM tenant_keys WHERE tenant = ?", (tenant.bytes,)
            ).fetchall()
            return {int(v): self._ring._tenant_key(db, tenant, v) for (v,) in versions}


def _rewrapped(
    tenant: UUID, newest: int, rows: list[tuple[bytes, int, bytes]], *, keys: dict[int, bytes]
) -> list[tuple[int, bytes, bytes, bytes, bytes]]:
    """Rewrap a portion. One that doesn't open is left as it is, and keeps no other waiting."""
    rewrapped = []
    for raw, version, wrapped in rows:
        patient = UUID(bytes=raw)
        aad = patient_key_aad(tenant, patient, version)
        try:
            key = vault.unwrap(keys[version], wrapped, aad=aad)
        except (KeyError, vault.SealBroken):
            continue
        again = vault.wrap(keys[newest], key, aad=patient_key_aad(tenant, patient, newest))
        rewrapped.append((newest, again, tenant.bytes, raw, wrapped))
    return rewrapped


def _newest(db: Rows, tenant: UUID) -> int | None:
    found: int | None = db.execute(
        "SELECT max(version) FROM tenant_keys WHERE tenant = ?", (tenant.bytes,)
    ).fetchone()[0]
    return found


def _keep_tenant_key(
    db: Rows, manager: KeyManager, tenant: UUID, version: int, wrapped: bytes
) -> None:
    db.execute(
        "INSERT INTO tenant_keys (tenant, version, wrapped, manager_version) VALUES (?, ?, ?, ?)",
        (tenant.bytes, version, wrapped, manager.version_of(wrapped)),
    )


def _with_several_keys(db: Rows) -> list[tuple[bytes, int]]:
    """Return the tenants in the middle of a rotation, each with its newest key's number."""
    return db.execute(
        "SELECT tenant, max(version) FROM tenant_keys GROUP BY tenant HAVING count(*) > 1"
    ).fetchall()


def _under_older(db: Rows, tenant: bytes, newest: int) -> int:
    found = db.execute(
        "SELECT count(*) FROM patient_keys WHERE tenant = ? AND tenant_version < ?",
        (tenant, newest),
    ).fetchone()
    return int(found[0])


def _drop_older(db: Rows, tenant: UUID, newest: int) -> None:
    """Delete a tenant's older keys; one that still wraps a patient's stays for the next round."""
    db.execute(
        "DELETE FROM tenant_keys WHERE tenant = ? AND version < ? AND NOT EXISTS"
        " (SELECT 1 FROM patient_keys WHERE patient_keys.tenant = tenant_keys.tenant"
        " AND patient_keys.tenant_version = tenant_keys.version)",
        (tenant.bytes, newest),
    )


def note_versions(db: Rows, versions: tuple[int, ...], *, now: datetime) -> None:
    """Write down which versions there are; one that nobody noted counts as made now."""
    seen = {int(row[0]) for row in db.execute("SELECT version FROM manager_versions").fetchall()}
    first = min(versions)
    set_counter(db, "first_version", first)
    for version in set(versions) - seen - {first}:
        db.execute(
            "INSERT INTO manager_versions (version, made_at) VALUES (?, ?)",
            (version, int(now.timestamp())),
        )
    for version in seen - set(versions):
        db.execute("DELETE FROM manager_versions WHERE version = ?", (version,))


def kept_versions(db: Rows, versions: tuple[int, ...]) -> tuple[Version, ...]:
    """Return the manager's versions with their ages: each was replaced when the next was made."""
    made = {
        int(version): datetime.fromtimestamp(at, UTC)
        for version, at in db.execute("SELECT version, made_at FROM manager_versions").fetchall()
    }
    wraps = _wraps(db)
    replaced = dict(
        zip(versions, [*(made.get(later) for later in versions[1:]), None], strict=True)
    )
    return tuple(
        Version(number, made.get(number), replaced[number], wraps.get(number, 0))
        for number in versions
    )


def old_enough(versions: tuple[Version, ...], *, now: datetime, keep_days: int) -> tuple[int, ...]:
    """Return the versions that were replaced `keep_days` ago or more and, like all before, wrap nothing."""
    limit, old = now - timedelta(days=keep_days), []
    for version in versions:
        if version.replaced_at is None or version.replaced_at > limit or version.wraps:
            break
        old.append(version.number)
    return tuple(old)


def is_destruction_late(db: Rows, *, limit: datetime) -> bool:
    """Say whether a version that is still kept was replaced before `limit`, as far as is noted here.

    Also one of the manager that the store was under before.

    A version was replaced when the next was made, so the oldest that is kept says nothing itself.
    """
    found = (
        db.execute(
            "SELECT 1 FROM manager_versions WHERE version > ? AND made_at < ? LIMIT 1",
            (counter(db, "first_version"), int(limit.timestamp())),
        ).fetchone()
        or db.execute(
            "SELECT 1 FROM former_versions WHERE replaced_at < ? LIMIT 1", (int(limit.timestamp()),)
        ).fetchone()
    )
    return found is not None


def left_behind(db: Rows) -> int:
    """Return how many patients' keys are not under their tenant's newest."""
    tenants = _with_several_keys(db)
    return sum(_under_older(db, tenant, newest) for tenant, newest in tenants)
