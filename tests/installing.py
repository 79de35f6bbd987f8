"""Whole installations on a disk, one after another in one process: what a backup reads and a restore makes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from flows.conftest import CHEAP, PASSPHRASE
from safelight import storage
from safelight.flows import stores


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
def here(home: Path) -> Iterator[Place]:
    """Be the process of the installation in this folder, until the block ends."""
    place = Place(home)
    told = {
        "SAFELIGHT_HOME": home,
        "SAFELIGHT_BLOBS": place.blobs,
        "SAFELIGHT_KEYS": place.keys,
        "SAFELIGHT_SEAL": place.seal,
        "SAFELIGHT_PASSPHRASE": PASSPHRASE,
    }
    before = connections["default"]
    own = before.copy()
    own.settings_dict = own.settings_dict | {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(place.records),
    }
    stores.close()
    connections["default"] = own
    try:
        with override_settings(**told):
            yield place
    finally:
        stores.close()
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
