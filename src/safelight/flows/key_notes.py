"""What is done to the keys, written into the ledger of every practice whose pictures are under them."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from safelight import ledger
from safelight.records import log
from safelight.records.models import LedgerEntry, Practice


def is_noted(kind: str, **details: str) -> bool:
    """Say whether such an entry is there, with these details among its own."""
    bodies = LedgerEntry.objects.filter(kind=kind).values_list("body", flat=True)
    return any(details.items() <= ledger.read_entry(bytes(body)).details.items() for body in bodies)


@transaction.atomic
def note(kind: str, *, now: datetime, **details: log.Detail) -> None:
    """Write it down for each practice."""
    for practice in Practice.objects.order_by("pk"):
        log.append(kind, practice=practice, subject=practice.pk, by="system", at=now, **details)
