"""Append to the ledger, inside the transaction of the thing that is logged."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection

from safelight import ledger
from safelight.records.models import LedgerEntry, Practice, TreeHead

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from safelight.records.models import Staff

Detail = str | int | bool | None | UUID | list[str]

LOST = "A practice that was opened after the backup"
"""The name of a practice of which a restore found only what the ledger says."""


class NotInTransaction(RuntimeError):
    """A ledger entry was to be written apart from the act that it records."""


def append(
    kind: str,
    *,
    practice: Practice,
    subject: UUID,
    by: Staff | str,
    at: datetime,
    **details: Detail,
) -> LedgerEntry:
    """Append one entry and move the tree's head; the head's row is the last lock that is taken.

    kind: "photo.viewed", "consent.given": a thing and what happened to it.
    subject: `Patient.subject`, or another random id; never a name, a number or a date of birth.
    by: who did it; "patient", "system", "colleague" where it wasn't a member of staff.
    details: ids, hashes and terms only.
    """
    if not connection.in_atomic_block:
        raise NotInTransaction(kind)
    head = hold()
    entry = ledger.Entry(
        kind=kind,
        subject=str(subject),
        by=by if isinstance(by, str) else str(by.pk),
        at=at,
        details={"practice": str(practice.pk)}
        | {key: _plain(value) for key, value in details.items()},
    )
    body = ledger.canonical(entry)
    frontier = ledger.Frontier.from_bytes(bytes(head.frontier)).append(ledger.leaf_hash(body))
    row = LedgerEntry.objects.create(
        index=head.size, practice=practice, kind=kind, subject=str(subject), at=at, body=body
    )
    head.size, head.frontier = head.size + 1, frontier.to_bytes()
    head.save(update_fields=["size", "frontier"])
    return row


def hold() -> TreeHead:
    """Return the tree's head, locked until the transaction ends: meanwhile nobody appends."""
    empty = {"frontier": ledger.Frontier().to_bytes()}
    head, _ = TreeHead.objects.select_for_update(no_key=True).get_or_create(id=1, defaults=empty)
    found: TreeHead = head
    return found


def put_back(bodies: Iterable[bytes]) -> Iterator[ledger.Entry]:
    """Append entries that were here before, as they were, yielding each once it stands.

    For a restore, inside its one transaction. Raises EntryRefused.
    """
    if not connection.in_atomic_block:
        raise NotInTransaction("put back")
    frontier = ledger.Frontier.from_bytes(bytes(hold().frontier))
    known = {str(pk) for pk in Practice.objects.values_list("pk", flat=True)}
    for body in bodies:
        entry = ledger.read_entry(body)
        practice = str(entry.details.get("practice"))
        if practice not in known:
            Practice.objects.create(pk=UUID(practice), name=LOST, created_at=entry.at)
            known.add(practice)
        LedgerEntry.objects.create(
            index=frontier.size,
            practice_id=UUID(practice),
            kind=entry.kind,
            subject=entry.subject,
            at=entry.at,
            body=body,
        )
        frontier = frontier.append(ledger.leaf_hash(body))
        TreeHead.objects.filter(id=1).update(size=frontier.size, frontier=frontier.to_bytes())
        yield entry


def each_body(first: int = 0) -> Iterator[bytes]:
    """Yield the canonical bytes of the entries from `first` on, in order."""
    rows = LedgerEntry.objects.filter(index__gte=first).order_by("index")
    return (_bytes(body) for body in rows.values_list("body", flat=True).iterator())


def misfiled(first: int = 0) -> list[int]:
    """Return the entries whose columns don't say what their bytes say: only the bytes are signed."""
    rows = (
        LedgerEntry.objects.filter(index__gte=first)
        .order_by("index")
        .values_list("index", "kind", "subject", "at", "practice_id", "body")
    )
    return [index for index, *columns, body in rows.iterator() if not _agree(columns, _bytes(body))]


def _agree(columns: list[Any], body: bytes) -> bool:
    try:
        said = ledger.read_entry(body)
    except ledger.EntryRefused:
        return True  # reported as what it is: bytes that are no entry
    kind, subject, at, practice = columns
    same_act = (kind, subject, at) == (said.kind, said.subject, said.at)
    return same_act and str(practice) == said.details.get("practice")


def _bytes(body: Any) -> bytes:
    """Return the column's bytes; somebody may have written text there."""
    return body.encode(errors="surrogateescape") if isinstance(body, str) else bytes(body)


def _plain(value: Detail) -> str | int | list[str]:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, UUID) else value
