"""A PostgreSQL database copied out of a snapshot and put back, by its own tools.

`pg_dump` knows every type, sequence and constraint of its server, and `pg_restore` puts back all or
nothing. They have to be of the server's version or a newer one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safelight.storage.errors import BackupBroken, DiskFull, StorageError

_VARIABLES = {
    "HOST": "PGHOST",
    "PORT": "PGPORT",
    "USER": "PGUSER",
    "PASSWORD": "PGPASSWORD",
    "NAME": "PGDATABASE",
}
_OPTIONS = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "passfile": "PGPASSFILE",
}


class NoTools(StorageError):
    """pg_dump and pg_restore aren't installed, or are older than the server."""

    for_people = (
        "Backups of PostgreSQL need pg_dump and pg_restore of the server's version: "
        "apt-get install postgresql-client"
    )


def dump(told: Mapping[str, Any], *, snapshot: str, into: Path) -> None:
    """Write the database as it is in an exported snapshot. told: Django's settings of it.

    Raises NoTools, DiskFull, StorageError.
    """
    _run(
        told,
        *("pg_dump", "--format=custom", "--no-owner", "--no-privileges"),
        *(f"--snapshot={snapshot}", f"--file={into}"),
    )


def put_back(told: Mapping[str, Any], path: Path) -> None:
    """Put a copy into an empty database, all of it or nothing. Raises NoTools, BackupBroken."""
    name = str(told["NAME"])
    try:
        _run(
            told,
            *("pg_restore", "--no-owner", "--no-privileges", "--exit-on-error"),
            *("--single-transaction", f"--dbname={name}", str(path)),
        )
    except StorageError as error:
        if isinstance(error, NoTools):
            raise
        raise BackupBroken("pg_restore could not put it back") from error


def _run(told: Mapping[str, Any], tool: str, *words: str) -> None:
    command = shutil.which(tool)
    if command is None:
        raise NoTools(tool)
    done = subprocess.run(  # noqa: S603 the system's own tool, and no word from outside
        [command, *words],
        env=_environment(told),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return
    said = done.stderr.lower()
    if "server version mismatch" in said or "unsupported version" in said:
        raise NoTools(tool)
    if "no space left" in said:
        raise DiskFull("no room for the copy")
    # What it said may quote a row: it goes nowhere.
    raise StorageError(f"{tool} ended with {done.returncode}")


def _environment(told: Mapping[str, Any]) -> dict[str, str]:
    """Return what libpq reads; the password is in no argument, which others could see."""
    found = {variable: str(told[name]) for name, variable in _VARIABLES.items() if told.get(name)}
    options = told.get("OPTIONS") or {}
    found |= {
        variable: str(options[name]) for name, variable in _OPTIONS.items() if options.get(name)
    }
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"} | found
