"""The records of another process: in a file of its folder, or where the suite runs on PostgreSQL there.

`./run test --database postgres` names the server in SAFELIGHT_DATABASE_URL. A test that starts a
process of its own hands it `database_of(its folder)`, or the process would find the others' records.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

SERVER = os.environ.get("SAFELIGHT_DATABASE_URL", "")
"""Empty: the suite runs on SQLite."""

sqlite_only = pytest.mark.skipif(
    bool(SERVER), reason="of SQLite's own file; the suite runs elsewhere"
)


def database_of(home: Path) -> dict[str, str]:
    """What to put into the environment, so that whoever works in this folder has records of its own."""
    if not SERVER:
        return {}
    import psycopg

    name = "t" + hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:20]
    with psycopg.connect(SERVER, autocommit=True) as server:
        found = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if found is None:
            server.execute(f'CREATE DATABASE "{name}"')
    return {"SAFELIGHT_DATABASE_URL": f"{SERVER.rpartition('/')[0]}/{name}"}


def ask(home: Path, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Return the rows that this folder's records answer; `?` stands for a value."""
    said = database_of(home)
    if not said:
        with closing(sqlite3.connect(home / "records.sqlite3", timeout=30)) as file:
            return file.execute(statement, values).fetchall()
    import psycopg

    with psycopg.connect(said["SAFELIGHT_DATABASE_URL"], autocommit=True) as records:
        return records.execute(statement.replace("?", "%s"), values).fetchall()


@contextmanager
def refusing_rows(table: str) -> Iterator[None]:
    """Let the database refuse every new row of a table, with the word “refused”."""
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION 'refused'; END $$"
            )
            cursor.execute(
                f"CREATE TRIGGER refuses BEFORE INSERT ON {table} EXECUTE FUNCTION refuse()"
            )
        else:
            cursor.execute(
                f"CREATE TEMP TRIGGER refuses BEFORE INSERT ON {table}"
                " BEGIN SELECT RAISE(ABORT, 'refused'); END"
            )
        try:
            yield
        finally:
            on = f" ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER refuses{on}")
            if on:
                cursor.execute("DROP FUNCTION refuse")
