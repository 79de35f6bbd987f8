"""Whole installations on a disk, one after another in one process: what a backup reads and a restore makes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from flows.conftest import CHEAP, PASSPHRASE
from safelight import storage
from safelight.flows import stores
from safelight.web import config
from safelight.web.config import Config


@dataclass(frozen=True)
class Place:
    """An installation's folder."""

    home: Path

    @property
    def records(self) -> Path:
        return self.home / "records.sqlite3"

    @property
    def blobs(self) -> Path:
        return self.home / "blobs"

    @property
    def keys(self) -> Path:
        return self.home / "keys" / "keys.db"

    @property
    def seal(self) -> Path:
        return self.home / "keys" / "seal.json"


@contextmanager
def here(home: Path, *, database: dict[str, Any] | None = None) -> Iterator[Place]:
    """Be the process of the installation in this folder, until the block ends.

    database: Django's settings of it; otherwise SQLite in the folder.
    """
    place = Place(home)
    told = {
        "SAFELIGHT_HOME": home,
        "SAFELIGHT_BLOBS": place.blobs,
        "SAFELIGHT_KEYS": place.keys,
        "SAFELIGHT_SEAL": place.seal,
        "SAFELIGHT_PASSPHRASE": PASSPHRASE,
    }
    with instead(database or config.databases(Config())["default"] | {"NAME": str(place.records)}):
        stores.close()
        try:
            with override_settings(**told):
                yield place
        finally:
            stores.close()


@contextmanager
def instead(told: dict[str, Any]) -> Iterator[None]:
    """Have the records in this database, whichever the tests run on."""
    engine = import_module(f"{told['ENGINE']}.base")
    before = connections["default"]
    own = engine.DatabaseWrapper(connections.settings["default"] | told, alias="default")
    connections["default"] = own
    try:
        yield
    finally:
        own.close()
        connections["default"] = before


def migrated(path: Path) -> Path:
    """Return a folder with an empty database of today's shape, to be copied from."""
    path.mkdir()
    with here(path):
        call_command("migrate", verbosity=0)
    return path


def fresh(template: Path, home: Path) -> None:
    """Make an installation from the template: its database, its folders, its key file."""
    (home / "keys").mkdir(parents=True, mode=0o700)
    shutil.copyfile(template / "records.sqlite3", home / "records.sqlite3")
    storage.SealedFileManager.create(home / "keys" / "seal.json", PASSPHRASE, cost=CHEAP)


__all__ = ["Place", "fresh", "here", "migrated", "settings"]
