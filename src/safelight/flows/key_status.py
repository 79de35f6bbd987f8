"""How the keys are: what the governance page, `doctor` and `keys status` say, in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings

from safelight import storage
from safelight.flows import key_backups, stores
from safelight.records.models import EraseJob, KeyBackupVerified

if TYPE_CHECKING:
    from safelight.storage import Former, KeyStoreState, Version

SCRUB_LATE = timedelta(hours=1)
"""A reader that holds a scrub up for longer than this never ends by itself."""
ROTATION_LATE = timedelta(hours=36)
DESTRUCTION_LATE = timedelta(days=1)
"""So long after its days are over a version should be gone."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that isn't as it should be. bad: it leaves a promise unkept, now."""

    what: str
    bad: bool
    text: str


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """Everything that is known of the keys. state None: the key manager doesn't answer."""

    state: KeyStoreState | None
    health: storage.Health
    backup: KeyBackupVerified | None
    """The newest verified backup of the key store; after a move, of since then."""
    keep_days: int
    scrub_waits_since: datetime | None
    alarms: tuple[Alarm, ...]

    @property
    def shredding(self) -> str:
        """Say in a sentence or two what destroying a key amounts to here."""
        return "" if self.state is None else shredding(self.state, keep_days=self.keep_days)

    @property
    def moved(self) -> str:
        """Say what became of the key manager of before, if the keys were ever moved."""
        former = None if self.state is None else self.state.former
        return "" if former is None else moved(former, keep_days=self.keep_days)


def status(*, now: datetime) -> KeyStatus:
    """Look at everything. Raises KeysAreSealed."""
    keys = stores.keys()
    health, state = keys.health(), None
    if health.ok:  # else it would be waited for a second time
        try:
            state = keys.describe()
        except storage.StorageError as error:
            health = storage.Health(ok=False, text=error.for_people)
    backup = key_backups.newest_verified()
    waits = _scrub_waits_since()
    keep_days: int = settings.SAFELIGHT_KEY_DAYS
    found = KeyStatus(state, health, backup, keep_days, waits, ())
    alarms = tuple(_alarms(found, now=now))
    return KeyStatus(state, health, backup, keep_days, waits, alarms)


def shredding(state: KeyStoreState, *, keep_days: int) -> str:
    """Say what destroying a key amounts to, with this key manager and this database."""
    here = (
        "An erased key is overwritten in the key store’s files at once."
        if state.overwrites
        else "PostgreSQL keeps an erased key for a time in its pages, its log and its copies: "
        "nobody can prove it gone there."
    )
    if state.manager.proves_shred:
        return (
            f"{here} Whatever copy of it is left stops opening after {keep_days} days, when the key "
            "manager destroys the version above it."
        )
    return (
        f"{here} After {keep_days} days the version above it is destroyed too, but this key manager "
        "can’t prove that no copy of that version is left."
    )


def moved(former: Former, *, keep_days: int) -> str:
    """Say when the keys were moved, and what backups of before still open with."""
    said = f"The keys were moved away from {former.kind} on {former.moved_at:%-d %B %Y}. "
    if former.left_at is not None:
        return (
            f"{said}Its versions were destroyed on {former.left_at:%-d %B %Y}: "
            "Safelight’s backups of before then no longer open."
        )
    return (
        f"{said}Nothing here is wrapped by it any more. Backups of before still open with it, for "
        f"{keep_days} days and until a newer one was verified; then the worker destroys its versions."
    )


def _scrub_waits_since() -> datetime | None:
    """Return since when the oldest erasure waits for its scrub."""
    waiting = EraseJob.objects.filter(destroyed_at__isnull=False, scrubbed_at__isnull=True)
    oldest = waiting.order_by("destroyed_at").first()
    return None if oldest is None else oldest.destroyed_at


def _alarms(found: KeyStatus, *, now: datetime) -> Iterator[Alarm]:
    if not found.health.ok:
        yield Alarm("key manager", True, found.health.text)
    yield from _scrub_alarms(found, now=now)
    if found.state is None:
        return
    yield from _move_alarms(found, found.state, now=now)
    yield from _rotation_alarms(found.state, now=now)
    yield from _destruction_alarms(found, found.state, now=now)
    if not found.state.manager.proves_shred:
        yield Alarm("shredding", False, found.state.manager.text)
    if not found.state.overwrites:
        text = "PostgreSQL doesn’t overwrite what it deletes; only destroyed versions end it."
        yield Alarm("overwriting", not found.state.manager.proves_shred, text)


def _scrub_alarms(found: KeyStatus, *, now: datetime) -> Iterator[Alarm]:
    since = found.scrub_waits_since
    if since is not None:
        late = now - since > SCRUB_LATE
        text = "Withdrawn pictures can’t be opened, but their keys are not yet overwritten. "
        text += (
            "Something reads the key store and doesn’t end: restart the servers and the workers."
            if late
            else "The worker tries again at each round."
        )
        yield Alarm("scrub", late, text)
    elif found.state is not None and found.state.scrub_pending:
        yield Alarm(
            "scrub", False, "Replaced keys are not yet overwritten. The worker tries again."
        )


def _move_alarms(found: KeyStatus, state: KeyStoreState, *, now: datetime) -> Iterator[Alarm]:
    former = state.former
    if former is None:
        return
    if not former.is_renewed:
        text = "The keys were moved, and not every patient has a new one yet. The worker goes on."
        yield Alarm("move", now - former.moved_at > ROTATION_LATE, text)
    oldest = former.oldest_replaced_at
    limit = now - timedelta(days=found.keep_days) - DESTRUCTION_LATE
    if former.left_at is None:
        is_late = oldest is not None and oldest <= limit
        yield Alarm("former key manager", is_late, found.moved + (_WHY_KEPT if is_late else ""))


_WHY_KEPT = (
    " That is overdue: verify a backup of the key store, see that the settings still lead to the "
    "former key manager, and run “safelight keys destroy-old”."
)


def _rotation_alarms(state: KeyStoreState, *, now: datetime) -> Iterator[Alarm]:
    late = state.counted_from is not None and now - state.counted_from > ROTATION_LATE
    if late or state.rotated_at is None:
        told = (
            "The keys are renewed each night; they never were yet."
            if state.rotated_at is None
            else "The keys were not renewed last night."
        )
        text = f"{told} Is “safelight worker” running?"
        yield Alarm("rotation", late, text)
    if state.left_behind and not state.rotating:
        text = f"{state.left_behind} patients’ keys can’t be opened and weren’t renewed."
        yield Alarm("left behind", True, text)


def _destruction_alarms(
    found: KeyStatus, state: KeyStoreState, *, now: datetime
) -> Iterator[Alarm]:
    limit = now - timedelta(days=found.keep_days) - DESTRUCTION_LATE
    late = [each for each in state.versions if _is_late(each, limit)]
    if late:
        yield Alarm("destruction", True, _why_late(late, found.backup))
    if found.backup is None:
        since = "since the keys were moved" if state.former else "ever"
        text = f"No backup of the key store was verified {since}. Without one, old keys stay."
        yield Alarm("backup", False, text)
    elif found.backup.made_at < now - timedelta(days=found.keep_days):
        text = f"The last verified backup of the key store is of {found.backup.made_at:%-d %B %Y}."
        yield Alarm("backup", True, text)


def _is_late(version: Version, limit: datetime) -> bool:
    return version.replaced_at is not None and version.replaced_at <= limit


def _why_late(late: list[Version], backup: KeyBackupVerified | None) -> str:
    said = f"{len(late)} old versions of the keys should be destroyed by now and aren’t: "
    if any(version.wraps for version in late):
        return said + "keys are still wrapped under them. Run “safelight keys rotate”."
    if backup is None or backup.needs_version <= late[-1].number:
        return said + "no newer backup of the key store was verified. Make one and verify it."
    return said + "run “safelight keys destroy-old”, or see that the worker runs."
