"""From one key manager to another: the keys are put under the new one, and the former is let go.

Everything here may be killed and is taken up again, by the command or by the worker's next round.
Entries of the ledger come after the act, as in `key_rounds`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from safelight import storage
from safelight.flows import key_backups, key_managers, key_notes, stores

if TYPE_CHECKING:
    from safelight.storage import Former

Progress = Callable[[int, int], None]


class CannotMove(RuntimeError):
    """The keys can't go there."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.for_people = because


def demand_possible(kind: str) -> None:
    """Raise CannotMove unless the keys may go to that kind of manager, or are on their way."""
    keys = stores.keys()
    former = keys.moving.state()
    if former is None or former.left_at is not None:
        if kind == keys.manager.kind:
            raise CannotMove(f"The keys are under {kind} already.")
    elif kind not in (keys.manager.kind, former.kind):
        raise CannotMove(storage.FormerNotLeft.for_people)


def made_ready(config: Any, passphrase: str) -> storage.KeyManager:
    """Make the key manager of settings that aren't in force yet, and see that it works.

    passphrase: of a key file. Raises KeysAreSealed, CannotMove.
    """
    key_managers.make_of(config, passphrase)
    manager = key_managers.of_kind(config.key_manager, config=config, passphrase=passphrase)
    health = manager.health()
    if not health.ok:
        raise CannotMove(health.text)
    return manager


def move(manager: storage.KeyManager, *, now: datetime, progress: Progress | None = None) -> None:
    """Put the keys under this manager, or go on where that stopped. Raises StorageError."""
    keys = stores.keys()
    if keys.manager.kind != manager.kind:
        keys.moving.move(manager, now=now)
    finish(now=now, progress=progress)


def finish(*, now: datetime, progress: Progress | None = None) -> None:
    """Do what is left of a move: nothing that the former manager ever wrapped stays in use."""
    keys = stores.keys()
    state = keys.moving.state()
    if state is None:
        return
    if not state.is_renewed:
        keys.nightly.rotate(now, progress=progress)
        keys.moving.renew_patients(now=now, progress=progress)
    if not state.is_entered:
        at = state.moved_at.isoformat()
        if not key_notes.is_noted("keys.moved", moved_at=at):
            to, left = keys.manager.kind, state.kind
            key_notes.note("keys.moved", now=now, to=to, left=left, moved_at=at)
        keys.moving.note_entered()


def let_go(*, now: datetime) -> tuple[int, ...]:
    """Destroy the former manager's versions whose time is over; return them.

    A key file is written over and removed when all of them are due: it is one file. Raises
    KeysAreSealed where the settings don't lead to the former manager any more, and StorageError.
    """
    keys = stores.keys()
    state = keys.moving.state()
    if state is None or state.left_at is not None:
        return ()
    due = keys.moving.due(
        now,
        keep_days=settings.SAFELIGHT_KEY_DAYS,
        backup_needs=key_backups.needed_before(state.moved_at),
        is_backed_up=key_backups.first_needed() is not None,
    )
    if state.kind == "sealed-file":
        due = due if len(due) == state.versions else ()
    if due:
        _destroy(state, due, now=now)
        key_notes.note(
            "keys.versions-destroyed", now=now, versions=[str(v) for v in due], left=state.kind
        )
    return due


def _destroy(state: Former, due: tuple[int, ...], *, now: datetime) -> None:
    moving = stores.keys().moving
    if state.kind == "sealed-file":
        storage.SealedFileManager.wipe(Path(settings.SAFELIGHT_SEAL))
        moving.note_gone(due, now=now)
    else:
        moving.let_go(key_managers.of_kind(state.kind), due, now=now)
