"""One entry, and its one spelling in bytes (docs/formats/ledger.md).

Entries hold ids, never what identifies a person: they can't be taken back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

from safelight.ledger.errors import EntryRefused

Detail: TypeAlias = str | int | list[str] | list[int] | list[str | int]

_KIND = re.compile(r"[a-z]+([.-][a-z]+)*")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_AT = "%Y-%m-%dT%H:%M:%S.%fZ"
_LARGEST_NUMBER = 2**53 - 1
"""What every JSON reader keeps exactly (RFC 8259 section 6)."""
MAX_ENTRY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that was done: what, to what, by whom, when.

    kind: as "consent.withdrawn". subject, by: ids. at: with a time zone.
    """

    kind: str
    subject: str
    by: str
    at: datetime
    details: Mapping[str, Detail] = field(default_factory=dict)


def canonical(entry: Entry) -> bytes:
    """Return the entry's bytes: RFC 8785 JSON with few kinds of value. Raises EntryRefused."""
    _demand(entry.at.tzinfo is not None, "a time without zone")
    _demand(1900 <= entry.at.year < 9999, "a time out of this world")
    _demand(isinstance(entry.subject, str) and isinstance(entry.by, str), "an id")
    _demand(_KIND.fullmatch(entry.kind) is not None, "kind")
    for name, value in entry.details.items():
        _demand(_NAME.fullmatch(name) is not None, "a detail's name")
        for item in value if isinstance(value, list) else [value]:
            _demand(_is_plain(item), "a detail's value")
    fields = {
        "v": 1,
        "kind": entry.kind,
        "subject": entry.subject,
        "by": entry.by,
        "at": _utc(entry.at),
        "details": dict(entry.details),
    }
    data = _spelt(fields)
    _demand(len(data) <= MAX_ENTRY_BYTES, "too long")
    return data


def read_entry(data: bytes) -> Entry:
    """Return the entry of these bytes. Raises EntryRefused unless they are its one spelling."""
    try:
        fields = json.loads(data)
        entry = Entry(
            kind=fields["kind"],
            subject=fields["subject"],
            by=fields["by"],
            at=datetime.strptime(fields["at"], _AT).replace(tzinfo=UTC),
            details=fields["details"],
        )
        again = canonical(entry)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise EntryRefused("not an entry") from None
    _demand(again == data, "another spelling")
    return entry


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _spelt(fields: Mapping[str, object]) -> bytes:
    text = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise EntryRefused("not an entry: text that is no Unicode") from None


def _is_plain(item: object) -> bool:
    if type(item) is int:
        return abs(item) <= _LARGEST_NUMBER
    return isinstance(item, str)


def _demand(met: bool, what: str) -> None:
    if not met:
        raise EntryRefused(f"not an entry: {what}")
