"""Which backups are kept: days and weeks of records, some days of keys. The rest goes.

Needs no key and no installation, so that it can run where the server may not delete.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from safelight.storage import backups
from safelight.storage.backups import Kind

if TYPE_CHECKING:
    from safelight.storage.backups import Manifest, Target

LEASE = timedelta(days=2)
"""Older than the longest backup: younger, a set without manifest may still be under way."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What stays. The newest set of each kind always does."""

    days: int = 14
    """The last set of each of so many days."""
    weeks: int = 8
    """The last set of each of so many weeks."""
    key_days: int = 7
    """Every set of keys that is younger: R, after which its manager's version is destroyed."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went."""

    sets: tuple[str, ...]
    unfinished: tuple[str, ...]
    blobs: int


def prune(at: Target, *, policy: Policy, now: datetime) -> Pruned:
    """Remove the sets that the policy doesn't keep, then blobs that no kept set lists.

    A set that was altered stays, for whoever looks into it, and with it every blob: what it listed
    can't be known. Raises BackupBroken for a kept set whose list was altered.
    """
    found = backups.find(at.sets)
    kept = kept_sets(found.sets, policy=policy, now=now)
    gone = [each.id for each in found.sets if each.id not in kept]
    for set_id in gone:
        backups.delete_set(at.sets, set_id)
    stale = sorted(backups.unfinished(at.sets, before=now - LEASE))
    for set_id in stale:
        backups.delete_set(at.sets, set_id)
    blobs = 0 if found.broken else _prune_blobs(at, found.sets, kept, now=now)
    return Pruned(tuple(gone), tuple(stale), blobs)


def kept_sets(sets: Iterable[Manifest], *, policy: Policy, now: datetime) -> set[str]:
    """Return the ids of the sets that stay."""
    ordered = sorted(sets, key=lambda one: (one.made_at, one.id))
    records = [each for each in ordered if each.kind is Kind.RECORDS]
    keys = [each for each in ordered if each.kind is Kind.KEYS]
    kept = {each.id for each in (*records[-1:], *keys[-1:])}
    kept |= _last_of_each({each.made_at.date(): each.id for each in records}, policy.days)
    weeks = {each.made_at.isocalendar()[:2]: each.id for each in records}
    kept |= _last_of_each(weeks, policy.weeks)
    limit = now - timedelta(days=policy.key_days)
    return kept | {each.id for each in keys if each.made_at > limit}


def _last_of_each(periods: Mapping[Any, str], many: int) -> set[str]:
    """Return what came last in each of the last periods that have anything."""
    return set(list(periods.values())[-many:]) if many > 0 else set()


def _prune_blobs(at: Target, sets: Iterable[Manifest], kept: set[str], *, now: datetime) -> int:
    listed = {
        name for each in sets if each.id in kept for name in backups.read_listing(at.sets, each)
    }
    orphans = [name for name in at.blobs.names(older_than=now - LEASE) if name not in listed]
    for name in orphans:
        at.blobs.delete(name)
    return len(orphans)
