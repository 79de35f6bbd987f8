"""The stores of this installation, opened once a process from the settings."""

from __future__ import annotations

import sqlite3
from functools import cache
from pathlib import Path
from threading import Lock

from django.conf import settings

from safelight import storage
from safelight.flows import being_restored, key_managers
from safelight.flows.key_managers import KeysAreSealed, KeysOutOfReach, KeysStaySealed

__all__ = [
    "BeingRestored",
    "KeysAreSealed",
    "KeysOutOfReach",
    "KeysStaySealed",
    "blobs",
    "close",
    "keys",
]

_opening = Lock()
"""Requests that come first and together open a store once, not once each."""


class BeingRestored(KeysAreSealed):
    """What was brought back from a backup hasn't caught up: opening anything could undo a withdrawal."""

    for_people = (
        "This installation is being restored from a backup and hasn't caught up with what was taken "
        "back since. Go on with “safelight restore --go-on”."
    )


def keys() -> storage.KeyStore:
    """Return the key store; not while a restore hasn't caught up. Raises KeysAreSealed."""
    if being_restored.keeps_shut():
        raise BeingRestored
    with _opening:
        return _keys()


@cache
def _keys() -> storage.KeyStore:
    """Return the key store under the key manager of the settings. Raises KeysAreSealed."""
    before = settings.CONFIG.key_manager_before
    manager = key_managers.opened if before else key_managers.opened()
    url: str = settings.SAFELIGHT_KEYS_URL
    if not url:
        return storage.KeyStore(Path(settings.SAFELIGHT_KEYS), manager)
    try:
        from safelight.storage.pg_database import PgKeyDatabase
    except ImportError as error:
        raise KeysOutOfReach("The key store needs psycopg: install safelight[postgres].") from error
    return storage.KeyStore(PgKeyDatabase(url), manager)


def blobs() -> storage.BlobStore:
    """Return the store of sealed blobs: the bucket of the settings, or the folder."""
    with _opening:
        return _blobs()


@cache
def _blobs() -> storage.BlobStore:
    if settings.SAFELIGHT_S3:
        return storage.S3Store(storage.Place(**settings.SAFELIGHT_S3))
    return storage.DiskStore(Path(settings.SAFELIGHT_BLOBS))


@cache
def records_held() -> sqlite3.Connection | None:
    """Keep the records' SQLite log in being while this process lives; None for another database.

    Every server process and worker calls it when it starts. Without it a request on a full disk
    could not even read, and no withdrawal would get as far as the room held back for it.
    """
    if being_restored.is_on():
        return None  # what is there is about to be replaced
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
    if _keys.cache_info().currsize:
        _keys().close()
    _keys.cache_clear()
    _blobs.cache_clear()
