"""One moment of a database that others go on writing to, and whether a key store opens whole."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from safelight import vault
from safelight.storage import rotation
from safelight.storage.database import said_plainly
from safelight.storage.errors import BackupBroken, KeyManagerError, KeysThere, KeyStoreError
from safelight.storage.files import disk_said, fsync_directory, write_new
from safelight.storage.managers import KeyManager
from safelight.storage.schema import TABLES, VERSION, Rows

_Name = TypeVar("_Name")


@dataclass(frozen=True, slots=True)
class KeysSeen:
    """What was in a key store of which every key was opened."""

    data_keys: int
    patients: int
    tenants: int
    tombstones: int
    needs_version: int | None
    """The oldest version of the manager's key that opens something in it."""


def copy_sqlite(path: Path, into: Path) -> None:
    """Copy a database as it is at one moment; writers needn't wait, and nothing is written to it.

    SQLite's backup API in one step: it holds one read transaction over the whole file, log included.
    """
    source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)
    length = path.stat().st_size
    with (
        said_plainly(into, length=length),
        closing(source),
        closing(sqlite3.connect(into)) as target,
    ):
        source.backup(target, pages=-1)
        # A file of its own, without a log beside it.
        target.execute("PRAGMA journal_mode=DELETE")


def copy_rows(rows: Rows, into: Path) -> None:
    """Copy every table of a key store, from whatever database, into an SQLite file of its own."""
    with said_plainly(into), closing(sqlite3.connect(into, isolation_level=None)) as target:
        target.executescript(f"{TABLES} PRAGMA user_version={VERSION}; BEGIN;")
        for table, columns in _columns(target).items():
            found = rows.execute(f"SELECT {', '.join(columns)} FROM {table}")  # noqa: S608 names are ours
            target.executemany(_insert(table, columns), found)
        target.execute("COMMIT")


def fill_rows(path: Path, rows: Rows, *, over: bool) -> None:
    """Fill a key store with such a file, of this version or an older one.

    over: what is in it may go. Otherwise it must be empty, or KeysThere is raised.
    """
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source:
        tables = _columns(source)
        for table in ("data_keys", "patient_keys", "tombstones"):
            found = rows.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()  # noqa: S608 names are ours
            if found is not None and not over:
                raise KeysThere("the key store has keys in it already")
        for table, columns in tables.items():
            rows.execute(f"DELETE FROM {table}")  # noqa: S608 names are ours
            found = source.execute(f"SELECT {', '.join(columns)} FROM {table}")  # noqa: S608 names are ours
            rows.executemany(_insert(table, columns), found)


def _columns(db: sqlite3.Connection) -> dict[str, list[str]]:
    tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    return {
        table: [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
        for (table,) in tables
        if not table.startswith("sqlite_")
    }


def _insert(table: str, columns: list[str]) -> str:
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 names are ours


def check_sqlite(path: Path) -> None:
    """Raise BackupBroken unless SQLite finds the file whole."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            said = db.execute("PRAGMA integrity_check").fetchone()[0]
            broken = db.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.DatabaseError as error:
        raise BackupBroken("not a whole database") from error
    if said != "ok" or broken is not None:
        raise BackupBroken("not a whole database")


def open_every_key(path: Path, manager: KeyManager) -> KeysSeen:
    """Open every key of a key store's file, from the manager down. Raises KeyStoreError.

    Two microseconds a key: a million take some seconds.
    """
    try:
        check_sqlite(path)
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            return _opened(db, manager)
    except (vault.VaultError, KeyManagerError, BackupBroken, sqlite3.DatabaseError) as error:
        raise KeyStoreError("a key in it does not open") from error


def _opened(db: sqlite3.Connection, manager: KeyManager) -> KeysSeen:
    tenants = {}
    for tenant, version, wrapped in db.execute("SELECT tenant, version, wrapped FROM tenant_keys"):
        aad = rotation.tenant_key_aad(UUID(bytes=tenant), version)
        tenants[tenant, version] = manager.unwrap(wrapped, aad=aad)
    patients = {}
    rows = db.execute("SELECT tenant, patient, tenant_version, wrapped FROM patient_keys")
    for tenant, patient, version, wrapped in rows:
        aad = rotation.patient_key_aad(UUID(bytes=tenant), UUID(bytes=patient), version)
        patients[tenant, patient] = vault.unwrap(
            _known(tenants, (tenant, version)), wrapped, aad=aad
        )
    seen = 0
    for image, number, tenant, patient, wrapped in db.execute(
        "SELECT image, version, tenant, patient, wrapped FROM data_keys"
    ):
        ids = UUID(bytes=tenant), UUID(bytes=patient), UUID(bytes=image)
        aad = rotation.data_key_aad(*ids, number)
        vault.unwrap(_known(patients, (tenant, patient)), wrapped, aad=aad)
        seen += 1
    for name, wrapped in db.execute("SELECT name, wrapped FROM secrets"):
        manager.unwrap(wrapped, aad=rotation.secret_aad(name))
    for kid, wrapped in db.execute("SELECT kid, wrapped FROM ingest_keys"):
        manager.unwrap(wrapped, aad=rotation.ingest_aad(kid))
    tombstones = db.execute("SELECT count(*) FROM tombstones").fetchone()[0]
    needs = rotation.oldest_version(db)
    return KeysSeen(seen, len(patients), len({tenant for tenant, _ in tenants}), tombstones, needs)


def _known(keys: Mapping[_Name, bytes], name: _Name) -> bytes:
    if name not in keys:
        raise KeyStoreError("a key in it hangs under none")
    return keys[name]


def move_into_place(path: Path, target: Path) -> None:
    """Give a whole file its name, durably; what bore it before is gone."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.restored")
    temporary.unlink(missing_ok=True)
    with disk_said():
        shutil.copyfile(path, temporary)
        fd = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        temporary.replace(target)
        fsync_directory(target.parent)


def write_over(path: Path, data: bytes) -> None:
    """Give a small file this content, durably: after a crash it has the old or the new."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    with disk_said():
        write_new(temporary, data)
        temporary.replace(path)
        fsync_directory(path.parent)


def remove(path: Path) -> None:
    """Remove a file, durably."""
    path.unlink(missing_ok=True)
    fsync_directory(path.parent)
