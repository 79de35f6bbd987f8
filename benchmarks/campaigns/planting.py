"""Mistakes for a campaign to find, put into its own process at the edge of the rooms."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

ACKNOWLEDGE_FIRST = "acknowledge first"
"""The phone is told "kept", the patient "gone", before anything was done."""
ROW_FIRST = "row first"
"""The row is written before key and blobs, and nobody asks whether the key is there."""
FORGETFUL = "forgetful"
"""Access is closed and acknowledged; that keys have to go is written down afterwards."""
NO_FSYNC = "no fsync"
NAMES_UNSYNCED = "names unsynced"
"""Files are made durable, the names they have in their folder are not."""
DEAF = "deaf"
"""An fsync that fails is taken for one that succeeded."""
PLAIN_DELETE = "plain delete"
"""Keys are deleted, and not overwritten."""
NO_SCRUB = "no scrub"
"""The write-ahead log isn't emptied after an erasure."""
UNBOUND = "unbound"
"""Wrapped keys and blobs aren't bound to whose they are."""
NO_BALLAST = "no ballast"
"""No room is held back for a withdrawal on a full disk."""


@contextmanager
def acknowledging(plant: str, say: Callable[[], None]) -> Iterator[None]:
    """Acknowledge after the block; before it, if that mistake is planted."""
    if plant == ACKNOWLEDGE_FIRST:
        say()
    yield
    if plant != ACKNOWLEDGE_FIRST:
        say()


def plant(name: str, say: Callable[[dict[str, Any]], None]) -> None:
    """Plant one mistake; nothing for an empty name."""
    if name:
        _PLANTS[name](say)


def _acknowledge_first(_say: Callable[[dict[str, Any]], None]) -> None:
    """Done where it is acknowledged."""


def _row_first(_say: Callable[[dict[str, Any]], None]) -> None:
    from safelight.flows import capture, keeping

    keeping.is_still_kept = lambda *_, **__: True
    keep, commit = capture._keep, capture._commit
    waiting: list[Callable[[], None]] = []

    def later(*args: Any, **more: Any) -> None:
        waiting.append(lambda: keep(*args, **more))

    def first(*args: Any, **more: Any) -> Any:
        done = commit(*args, **more)
        waiting.pop()()
        return done

    capture._keep, capture._commit = later, first


def _forgetful(say: Callable[[dict[str, Any]], None]) -> None:
    from safelight.flows import erasing

    queue = erasing.queue

    class _Nothing:
        pass

    def later(practice: Any, *, photos: Any = (), copies: Any = (), **more: Any) -> Any:
        from django.db import transaction

        for each in (*photos, *copies):
            each.set_closed()

        def remember() -> None:
            say({"gone": [str(each.pk) for each in (*photos, *copies)]})
            queue(practice, photos=photos, copies=copies, **more)

        transaction.on_commit(remember)
        return _Nothing()

    erasing.queue = later


def _no_fsync(_say: Callable[[dict[str, Any]], None]) -> None:
    from django.db.backends.signals import connection_created

    from safelight.storage import database

    os.fsync = lambda fd: None
    connected = database._connected

    def careless(*args: Any) -> Any:
        made = connected(*args)
        made.execute("PRAGMA synchronous=OFF")
        return made

    def opened(connection: Any, **_: Any) -> None:
        connection.connection.execute("PRAGMA synchronous=OFF")

    database._connected = careless
    connection_created.connect(opened, weak=False)


def _names_unsynced(_say: Callable[[dict[str, Any]], None]) -> None:
    fsync = os.fsync

    def files_only(fd: int) -> None:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            fsync(fd)

    os.fsync = files_only


def _deaf(_say: Callable[[dict[str, Any]], None]) -> None:
    fsync = os.fsync

    def deaf(fd: int) -> None:
        with suppress(OSError):
            fsync(fd)

    os.fsync = deaf


def _no_ballast(_say: Callable[[dict[str, Any]], None]) -> None:
    from safelight.storage import Ballast

    Ballast.restore = lambda self: True


def _plain_delete(_say: Callable[[dict[str, Any]], None]) -> None:
    from safelight.storage import database

    connected = database._connected

    def careless(*args: Any) -> Any:
        made = connected(*args)
        made.execute("PRAGMA secure_delete=OFF")
        return made

    database._connected = careless


def _no_scrub(_say: Callable[[dict[str, Any]], None]) -> None:
    from safelight.storage import database

    database.KeyDatabase.checkpoint = lambda self: True


def _unbound(_say: Callable[[dict[str, Any]], None]) -> None:
    from safelight import vault
    from safelight.storage import rotation

    real = {name: getattr(vault, name) for name in ("seal", "unseal")}
    rotation.data_key_aad = lambda *_: b"anybody's"
    vault.seal = lambda key, data, *, context: real["seal"](key, data, context=b"")
    vault.unseal = lambda key, data, *, context: real["unseal"](key, data, context=b"")


_PLANTS: dict[str, Callable[[Callable[[dict[str, Any]], None]], None]] = {
    ACKNOWLEDGE_FIRST: _acknowledge_first,
    ROW_FIRST: _row_first,
    FORGETFUL: _forgetful,
    NO_FSYNC: _no_fsync,
    NAMES_UNSYNCED: _names_unsynced,
    DEAF: _deaf,
    PLAIN_DELETE: _plain_delete,
    NO_SCRUB: _no_scrub,
    UNBOUND: _unbound,
    NO_BALLAST: _no_ballast,
}
