"""The records' database at one moment, as a file that another machine can take in."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from django.core.management import call_command
from django.db import connection

from safelight import ledger
from safelight.storage import BackupBroken, snapshot


@dataclass(frozen=True, slots=True)
class RecordsCopy:
    """A copy, of which database, and the ledger's tree as it was in it."""

    path: Path
    database: str
    tree: ledger.Frontier


def take(folder: Path) -> RecordsCopy:
    """Copy the records while others go on writing to them; one moment, nothing half-done in it."""
    path = folder / "records"
    snapshot.copy_sqlite(Path(connection.settings_dict["NAME"]), path)
    with closing(sqlite3.connect(path)) as db:
        row = db.execute("SELECT frontier FROM records_treehead WHERE id = 1").fetchone()
    tree = ledger.Frontier() if row is None else ledger.Frontier.from_bytes(row[0])
    return RecordsCopy(path, "sqlite", tree)


def are_there() -> bool:
    """Say whether this installation has records already."""
    return Path(connection.settings_dict["NAME"]).exists()


def put_back(path: Path, *, database: str) -> None:
    """Make the copy the records of this installation, of today's shape.

    The caller has made sure that nothing is there that anybody needs. Raises BackupBroken.
    """
    if database != connection.vendor:
        raise BackupBroken(f"a copy of {database} can't be put into {connection.vendor}")
    snapshot.check_sqlite(path)
    connection.close()
    target = Path(connection.settings_dict["NAME"])
    for beside in ("-wal", "-shm", "-journal"):
        target.with_name(target.name + beside).unlink(missing_ok=True)
    snapshot.move_into_place(path, target)
    call_command("migrate", verbosity=0)
