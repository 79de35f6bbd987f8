"""Open SQLite files on a full disk, and keep them open so that the next request can.

The last connection that closes removes the log and the shared memory; making them anew needs room.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from safelight.storage.ballast import Ballast
from safelight.storage.errors import DiskFull

Opened = TypeVar("Opened")


def opened(open_it: Callable[[], Opened], *, ballast: Ballast) -> Opened:
    """Open, if need be in room that the ballast lends; the rest stays held back for a withdrawal."""
    try:
        return open_it()
    except (sqlite3.OperationalError, DiskFull):
        if not ballast.lend():
            raise
        return open_it()


def hold(path: Path, *, ballast: Ballast) -> sqlite3.Connection:
    """Return a connection that reads nothing and keeps the log of this database in being."""
    return opened(lambda: _held(path), ballast=ballast)


def _held(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        raise
    return connection
