"""Which rules decide for a practice on a day: a pack, and the practice's own guards on top."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

from safelight import policy
from safelight.records.models import PackVersion

if TYPE_CHECKING:
    from datetime import date, datetime

    from safelight.policy.terms import Terms
    from safelight.records.models import Practice

_AT_ONCE = 64
"""Packs that are held read; each is known by its hash, so that a changed one is another one."""


def pack_of(practice: Practice, *, now: datetime) -> policy.Pack:
    """Return the rules in force. Raises PackRefused where they aren't what was activated."""
    return _read(practice.pack, hash_on(practice, now=now), practice.local_rules)


def pack_alone(practice: Practice, *, now: datetime) -> policy.Pack:
    """Return the pack in force without the practice's own guards."""
    return _read(practice.pack, hash_on(practice, now=now), "")


def terms_on(practice: Practice, day: date) -> Terms:
    """Return the ages, kinds of authority and words that hold on a day."""
    return _read(practice.pack, _begun(practice, day), "").terms


def hash_on(practice: Practice, *, now: datetime) -> str | None:
    """Return the hash of the activated version; None while the one that came with Safelight decides."""
    return _begun(practice, day_of(practice, now=now))


def day_of(practice: Practice, *, now: datetime) -> date:
    """Return the day where the practice is."""
    return now.astimezone(policy.load_pack(practice.pack).terms.vocabulary.zone).date()


def text_of(version: PackVersion) -> bytes:
    """Return the bytes of a version that was brought in. Raises PackRefused if they were altered."""
    data = bytes(version.text)
    if hashlib.sha256(data).hexdigest() != version.hash:
        raise policy.PackRefused("the pack in the records is not the one that was brought in")
    return data


def _begun(practice: Practice, day: date) -> str | None:
    begun = [each["hash"] for each in practice.packs if each["from"] <= day.isoformat()]
    return begun[-1] if begun else None


@lru_cache(maxsize=_AT_ONCE)
def _read(name: str, digest: str | None, local_rules: str) -> policy.Pack:
    pack = policy.load_pack(name) if digest is None else _kept(digest)
    return pack.with_guards(local_rules) if local_rules else pack


def _kept(digest: str) -> policy.Pack:
    version = PackVersion.objects.filter(hash=digest).first()
    if version is None:
        raise policy.PackRefused("the pack in force is not in the records")
    return policy.read_pack(text_of(version))
