"""The key store's tables, in the SQL that SQLite and PostgreSQL both read, and how they are asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

VERSION = 3
TABLES = """
CREATE TABLE IF NOT EXISTS tenant_keys (
    tenant BLOB NOT NULL, version INTEGER NOT NULL, wrapped BLOB NOT NULL,
    manager_version INTEGER NOT NULL, PRIMARY KEY (tenant, version));
CREATE TABLE IF NOT EXISTS patient_keys (
    tenant BLOB NOT NULL, patient BLOB NOT NULL, tenant_version INTEGER NOT NULL,
    wrapped BLOB NOT NULL, PRIMARY KEY (tenant, patient));
CREATE TABLE IF NOT EXISTS data_keys (
    image BLOB NOT NULL, version INTEGER NOT NULL, tenant BLOB NOT NULL, patient BLOB NOT NULL,
    wrapped BLOB NOT NULL, PRIMARY KEY (image, version));
CREATE INDEX IF NOT EXISTS data_keys_of_patient ON data_keys (tenant, patient);
CREATE TABLE IF NOT EXISTS tombstones (image BLOB PRIMARY KEY);
CREATE TABLE IF NOT EXISTS scrubs_due (
    tenant BLOB NOT NULL, patient BLOB NOT NULL, PRIMARY KEY (tenant, patient));
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS ingest_keys (
    kid TEXT PRIMARY KEY, suite TEXT NOT NULL, public BLOB NOT NULL, wrapped BLOB NOT NULL,
    manager_version INTEGER NOT NULL, made_at INTEGER NOT NULL, keep_until INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS secrets (
    name TEXT PRIMARY KEY, wrapped BLOB NOT NULL, manager_version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS manager_versions (
    version INTEGER PRIMARY KEY, made_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS former_versions (
    version INTEGER PRIMARY KEY, replaced_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS unproved (image BLOB PRIMARY KEY);
"""
WRAPPED_IN = ("data_keys", "patient_keys", "tenant_keys", "secrets", "ingest_keys")
"""Every table that has wrapped keys."""


class Found(Protocol):
    """What a statement answered."""

    @property
    def rowcount(self) -> int:
        """Return how many rows it changed."""
        ...

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows that are left."""
        ...


class Rows(Protocol):
    """A transaction. Statements have `?` where a value goes."""

    def execute(self, sql: str, values: Sequence[Any] = ..., /) -> Found:
        """Run one statement."""
        ...

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> object:
        """Run one statement for each row of values."""
        ...


class Database(Protocol):
    """Where the tables are. Threads and processes may share one."""

    @property
    def overwrites(self) -> bool:
        """Say whether a checked scrub leaves nothing of what was deleted in any of its files."""
        ...

    def writing(self) -> AbstractContextManager[Rows]:
        """Give a transaction that no other writer is beside, durable when the block has ended."""
        ...

    def reading(self) -> AbstractContextManager[Rows]:
        """Give one view of everything, as it is when the block first reads."""
        ...

    def checkpoint(self) -> bool:
        """Do what this database can to leave nothing of what was deleted; False to be tried again."""
        ...

    def close(self) -> None:
        """Close every connection that this process opened. No thread may be using one."""
        ...


def counter(db: Rows, name: str) -> int:
    """Return a counter's value, 0 before it was first set."""
    found = db.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
    return 0 if found is None else int(found[0])


def raise_counter(db: Rows, name: str, value: int) -> None:
    """Set a counter, never back: two scrubs may end in either order."""
    db.execute(
        "INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT (name)"
        " DO UPDATE SET value = excluded.value WHERE excluded.value > counters.value",
        (name, value),
    )


def set_counter(db: Rows, name: str, value: int) -> None:
    """Set a counter, also back."""
    db.execute(
        "INSERT INTO counters (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )
