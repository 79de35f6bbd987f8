"""The records' database at one moment, as a file that another machine can take in."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection

from safelight import ledger
from safelight.storage import StorageError, pg_dump, snapshot

_TREE = "SELECT frontier FROM records_treehead WHERE id = 1"


class AnotherDatabase(StorageError):
    """The copy is of another kind of database than this installation's."""

    for_people = (
        "This backup is of another kind of database. Restore it into the kind that it was made of: "
        "SQLite where database_url is empty, or an empty PostgreSQL database."
    )


@dataclass(frozen=True, slots=True)
class RecordsCopy:
    """A copy, of which database, and the ledger's tree as it was in it."""

    path: Path
    database: str
    tree: ledger.Frontier


def take(folder: Path) -> RecordsCopy:
    """Copy the records while others go on writing to them; one moment, nothing half-done in it."""
    path = folder / "records"
    if connection.vendor == "postgresql":
        return RecordsCopy(path, "postgresql", _dumped(path))
    snapshot.copy_sqlite(Path(connection.settings_dict["NAME"]), path)
    with closing(sqlite3.connect(path)) as db:
        row = db.execute(_TREE).fetchone()
    return RecordsCopy(path, "sqlite", _tree(row))


def are_there() -> bool:
    """Say whether this installation has records already."""
    if connection.vendor == "postgresql":
        return bool(connection.introspection.table_names())
    return Path(connection.settings_dict["NAME"]).exists()


def put_back(path: Path, *, database: str) -> None:
    """Make the copy the records of this installation, of today's shape.

    What is there goes: the caller has made sure that nobody needs it. Raises BackupBroken,
    AnotherDatabase.
    """
    if database != connection.vendor:
        raise AnotherDatabase(f"a copy of {database}")
    if database == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA IF EXISTS public CASCADE")
            cursor.execute("CREATE SCHEMA public")
        pg_dump.put_back(connection.settings_dict, path)
    else:
        _put_back_sqlite(path)
    connection.close()
    call_command("migrate", verbosity=0)


def _put_back_sqlite(path: Path) -> None:
    snapshot.check_sqlite(path)
    connection.close()
    target = Path(connection.settings_dict["NAME"])
    for beside in ("-wal", "-shm", "-journal"):
        target.with_name(target.name + beside).unlink(missing_ok=True)
    snapshot.move_into_place(path, target)


def _dumped(path: Path) -> ledger.Frontier:
    """Dump PostgreSQL from an exported snapshot, and read the tree in that same snapshot."""
    own = connection.copy()
    try:
        with own.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT pg_export_snapshot()")
            exported = str(cursor.fetchone()[0])
            cursor.execute(_TREE)
            tree = _tree(cursor.fetchone())
            pg_dump.dump(own.settings_dict, snapshot=exported, into=path)
            cursor.execute("COMMIT")
    finally:
        own.close()
    return tree


def _tree(row: Any) -> ledger.Frontier:
    return ledger.Frontier() if row is None else ledger.Frontier.from_bytes(bytes(row[0]))
