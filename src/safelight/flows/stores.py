"""The stores of this installation, opened once a process from the settings."""

from __future__ import annotations

import sqlite3
from functools import cache
from pathlib import Path

from django.conf import settings

from safelight import storage


class KeysAreSealed(RuntimeError):
    """The key manager can't be opened: there is no passphrase, or a wrong one."""

    for_people = "The keys are sealed. Give the passphrase by SAFELIGHT_PASSPHRASE_FILE or a systemd credential."


class KeysStaySealed(KeysAreSealed):
    """There is a passphrase, and it doesn't open the key manager, or the file is damaged."""

    for_people = (
        "The keys can't be opened: the passphrase is another one, or the key file is damaged. "
        "Give the passphrase that was chosen with `safelight init`."
    )


@cache
def keys() -> storage.KeyStore:
    """Return the key store, opened with the passphrase of the settings."""
    passphrase: str | None = settings.SAFELIGHT_PASSPHRASE
    if not passphrase:
        raise KeysAreSealed
    try:
        manager = storage.SealedFileManager.open(Path(settings.SAFELIGHT_SEAL), passphrase)
    except storage.StorageError as error:
        raise KeysStaySealed from error
    return storage.KeyStore(Path(settings.SAFELIGHT_KEYS), manager)


@cache
def blobs() -> storage.DiskStore:
    """Return the store of sealed blobs."""
    return storage.DiskStore(Path(settings.SAFELIGHT_BLOBS))


@cache
def records_held() -> sqlite3.Connection | None:
    """Keep the records' SQLite log in being while this process lives; None for another database.

    Every server process and worker calls it when it starts. Without it a request on a full disk
    could not even read, and no withdrawal would get as far as the room held back for it.
    """
    told = settings.DATABASES["default"]
    if not str(told["ENGINE"]).endswith("sqlite3"):
        return None
    ballast = storage.ballast_of(Path(settings.SAFELIGHT_KEYS))
    return storage.hold(Path(told["NAME"]), ballast=ballast)


def close() -> None:
    """Forget the opened stores; the next call opens them anew."""
    if records_held.cache_info().currsize and (held := records_held()) is not None:
        held.close()
    records_held.cache_clear()
    if keys.cache_info().currsize:
        keys().close()
    keys.cache_clear()
    blobs.cache_clear()
