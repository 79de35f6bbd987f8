"""The key store's SQLite file: what is deleted is overwritten, and a commit is on the disk."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safelight.storage import schema
from safelight.storage.errors import DiskBroken, DiskFull, KeyStoreAway, KeyStoreError
from safelight.storage.files import disk_said, has_room

BUSY_MS = 30_000
SCRUB_BUSY_MS = 2_000
"""An erasure doesn't wait half a minute for a reader: it answers "scrub pending"."""

_TO_2 = """
ALTER TABLE tenant_keys RENAME TO tenant_keys_1;
{tables}
INSERT INTO tenant_keys SELECT tenant, version, wrapped, manager_version FROM tenant_keys_1;
DROP TABLE tenant_keys_1;
"""
"""From one key for each tenant to several, while a rotation is under way."""


class _Connection(sqlite3.Connection):
    """A connection that knows whose it is. A thread that ends closes its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pid = os.getpid()


_ABANDONED: list[_Connection] = []
"""A parent's connections in a forked child: closing one there would tear the parent's log."""


class KeyDatabase:
    """One connection for each thread of each process; every write takes the lock at its start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._open: weakref.WeakSet[_Connection] = weakref.WeakSet()
        with said_plainly(path), disk_said(), _making(path):
            connection = self.connection()
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found > schema.VERSION:
                raise KeyStoreError(f"the key store is of version {found}")
            made = _TO_2.format(tables=schema.TABLES) if found == 1 else schema.TABLES
            connection.executescript(
                f"BEGIN IMMEDIATE; {made} PRAGMA user_version={schema.VERSION}; COMMIT;"
            )

    @property
    def overwrites(self) -> bool:
        """Say yes: with secure_delete and an emptied log nothing stays in its files."""
        return True

    def connection(self) -> sqlite3.Connection:
        """Return this thread's connection. After a fork the parent's is never touched."""
        kept: _Connection | None = getattr(self._local, "kept", None)
        if kept is None or kept.pid != os.getpid():
            if kept is not None:
                _ABANDONED.append(kept)
            kept = _connected(self._path)
            self._local.kept = kept
            self._open.add(kept)
        return kept

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a write transaction, durable when the block has ended. Raises DiskFull, DiskBroken."""
        with said_plainly(self._path):
            connection = self.connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give one view of the file, as it is when the block first reads."""
        with said_plainly(self._path):
            connection = self.connection()
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:  # a failing disk has ended it already
                    connection.execute("ROLLBACK")

    def checkpoint(self) -> bool:
        """Move the write-ahead log into the file and cut it to nothing; False if a reader holds it."""
        connection = self.connection()
        connection.execute(f"PRAGMA busy_timeout={SCRUB_BUSY_MS}")
        try:
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.DatabaseError:
            return False
        finally:
            connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        return bool(busy == 0)

    def close(self) -> None:
        """Close every connection that this process opened. No thread may be using one."""
        for connection in list(self._open):
            if connection.pid == os.getpid():
                connection.close()
        self._open.clear()
        self._local = threading.local()


@contextmanager
def said_plainly(path: Path, *, length: int = 0) -> Iterator[None]:
    """Turn SQLite's words for a full disk, one that fails, and a long lock into ours.

    length: how long the file is going to be, where that is known.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        if is_locked(error):
            raise KeyStoreAway("locked for too long") from error
        trouble = disk_trouble(error, path, length=length)
        if trouble is not None:
            raise trouble from error
        raise


def is_locked(error: sqlite3.Error) -> bool:
    """Say whether SQLite gave up because somebody else held what was wanted."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _code(error: sqlite3.Error) -> int:
    """Return the primary result code; 0 for an error of the module's own."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def disk_trouble(
    error: sqlite3.Error, path: Path, *, length: int = 0
) -> DiskFull | DiskBroken | None:
    """Return what an error of SQLite's says of the disk under a database, if it does.

    Where SQLite only says that it couldn't read or write one of its three files, it may have been
    for want of room: then that is tried, beside the file.
    """
    code = _code(error)
    if code == sqlite3.SQLITE_FULL or (code in _DISK and not _has_room(path, length)):
        return DiskFull("no room")
    if code in _DISK | _DAMAGED:
        return DiskBroken(error.sqlite_errorname)
    return None


def _has_room(path: Path, length: int) -> bool:
    """Try whether this file could be a little longer than it is or will be, on one beside it."""
    beside = [path, path.with_name(f"{path.name}-wal")]
    lengths = (each.stat().st_size for each in beside if each.is_file())
    return has_room(path.parent, behind=max(length, *lengths, 0))


_DISK = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


@contextmanager
def _making(path: Path) -> Iterator[None]:
    """Hold the file against others while it is made: SQLite waits for nobody before WAL is on."""
    fd = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        # Only a new file is opened here, and closed. Closing any descriptor of a file ends every lock that
        # this process has on it: SQLite's too, and whoever closed last elsewhere would then take our log away.
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        yield
    finally:
        os.close(fd)


def _connected(path: Path) -> _Connection:
    connection = sqlite3.connect(
        path,
        timeout=BUSY_MS / 1000,
        isolation_level=None,
        check_same_thread=False,
        factory=_Connection,
    )
    mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    secure = connection.execute("PRAGMA secure_delete=ON").fetchone()[0]
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA fullfsync=ON")
    connection.execute("PRAGMA temp_store=MEMORY")
    if (mode, secure) != ("wal", 1):
        connection.close()
        raise KeyStoreError("this SQLite can't overwrite what it deletes")
    return connection
