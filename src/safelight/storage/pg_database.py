"""The key store's own PostgreSQL database, for practices with several servers.

PostgreSQL doesn't overwrite what it deletes: old row versions stay in the table's pages until these
are used again, in the write-ahead log until it is recycled, in replicas and in base backups. So a
scrub here proves nothing, and says so (`overwrites`); what counts is that the key manager destroys
its versions each night and can prove it (ADR-0006, docs/formats/key-store.md).
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

from safelight.storage import schema
from safelight.storage.errors import DiskFull, KeyStoreAway, KeyStoreError

LOCK_TIMEOUT_MS = 30_000
STATEMENT_TIMEOUT_MS = 60_000
CONNECT_SECONDS = 10
_LOCK = 0x5AFE_11_64
"""The advisory lock that every writer takes first, as SQLite's writers take theirs."""
_ABANDONED: list[_Kept] = []
"""A parent's connections in a forked child: closing one there would end the parent's session."""


class _Kept:
    """A connection that knows whose it is, and can be referred to weakly."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection, self.pid = connection, os.getpid()


class _Translated:
    """A transaction that reads `?` for a value, as SQLite does."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> schema.Found:
        """Run one statement."""
        return self._connection.execute(_ours(sql), values)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> None:
        """Run one statement for each row of values, sent together."""
        with self._connection.cursor() as cursor:
            cursor.executemany(_ours(sql), list(rows))


class PgKeyDatabase:
    """One connection for each thread of each process; one writer at a time, as in the file."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._local = threading.local()
        self._open: weakref.WeakSet[_Kept] = weakref.WeakSet()
        with self.writing() as db:
            _make_tables(db)

    @property
    def overwrites(self) -> bool:
        """Say no: a deleted row stays in pages, log, replicas and backups for a time."""
        return False

    @contextmanager
    def writing(self) -> Iterator[_Translated]:
        """Give a transaction, durable when the block has ended. Raises DiskFull, KeyStoreAway."""
        with self._transaction("BEGIN ISOLATION LEVEL READ COMMITTED", end="COMMIT") as db:
            db.execute("SELECT pg_advisory_xact_lock(?)", (_LOCK,))
            yield db

    @contextmanager
    def reading(self) -> Iterator[_Translated]:
        """Give one view of everything, as it is when the block first reads."""
        begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        with self._transaction(begin, end="ROLLBACK") as db:
            yield db

    def checkpoint(self) -> bool:
        """Let the pages of deleted rows be used again. It proves nothing: see `overwrites`."""
        try:
            with self._said_plainly():
                self._begun("SET statement_timeout = 0")
                connection = self._kept().connection
                connection.execute(f"VACUUM {', '.join(schema.WRAPPED_IN)}".encode())
                connection.execute(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}".encode())
        except KeyStoreError:
            return False
        return True

    def close(self) -> None:
        """Close every connection that this process opened. No thread may be using one."""
        for kept in list(self._open):
            if kept.pid == os.getpid():
                kept.connection.close()
        self._open.clear()
        self._local = threading.local()

    @contextmanager
    def _transaction(self, begin: str, *, end: str) -> Iterator[_Translated]:
        with self._said_plainly():
            self._begun(begin)
            connection = self._kept().connection
            try:
                yield _Translated(connection)
                connection.execute(end.encode())
            except BaseException:
                with suppress(psycopg.Error):
                    connection.execute(b"ROLLBACK")
                raise

    def _begun(self, statement: str) -> None:
        """Run the first statement; a connection that died while it rested is opened anew, once."""
        try:
            self._kept().connection.execute(statement.encode())
        except psycopg.OperationalError:
            self._forget()
            self._kept().connection.execute(statement.encode())

    def _kept(self) -> _Kept:
        """Return this thread's connection. After a fork the parent's is never touched."""
        kept: _Kept | None = getattr(self._local, "kept", None)
        if kept is None or kept.pid != os.getpid():
            if kept is not None:
                _ABANDONED.append(kept)
            kept = _Kept(_connected(self._url))
            self._local.kept = kept
            self._open.add(kept)
        return kept

    def _forget(self) -> None:
        kept: _Kept | None = getattr(self._local, "kept", None)
        if kept is not None:
            with suppress(psycopg.Error):
                kept.connection.close()
            self._open.discard(kept)
            del self._local.kept

    @contextmanager
    def _said_plainly(self) -> Iterator[None]:
        """Turn PostgreSQL's errors into ours, without its words: they may hold values."""
        try:
            yield
        except (psycopg.errors.DiskFull, psycopg.errors.OutOfMemory) as error:
            raise DiskFull("no room for keys") from error
        except psycopg.OperationalError as error:
            self._forget()
            raise KeyStoreAway(type(error).__name__) from error
        except psycopg.Error as error:
            raise KeyStoreError(type(error).__name__) from error


def _connected(url: str) -> psycopg.Connection[Any]:
    connection: psycopg.Connection[Any] = psycopg.connect(
        url, autocommit=True, connect_timeout=CONNECT_SECONDS, application_name="safelight-keys"
    )
    connection.execute(
        f"SET synchronous_commit = on; SET lock_timeout = {LOCK_TIMEOUT_MS};"
        f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}; SET client_min_messages = warning".encode()
    )
    return connection


def _make_tables(db: schema.Rows) -> None:
    there = db.execute("SELECT to_regclass('counters')").fetchone()[0]
    found = schema.counter(db, "schema") if there else 0
    if found > schema.VERSION:
        raise KeyStoreError(f"the key store is of version {found}")
    if found != schema.VERSION:
        for statement in schema.TABLES.split(";"):
            if statement.strip():
                db.execute(statement.replace("BLOB", "BYTEA").replace("INTEGER", "BIGINT"))
        schema.raise_counter(db, "schema", schema.VERSION)


def _ours(sql: str) -> bytes:
    return sql.replace("%", "%%").replace("?", "%s").encode()
