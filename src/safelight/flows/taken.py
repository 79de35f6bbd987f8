"""Keep what was decided, without whom it was about, so that new rules can be tried on it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F, Sum

from safelight.policy.shape import digest, shape
from safelight.policy.simulating import Taken
from safelight.records.models import DecisionTaken, Practice

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from safelight import policy
    from safelight.flows.deciding import Decision

LOOKS_BACK = timedelta(days=366)
"""How far back decisions count when new rules are tried."""


def keep(
    decision: Decision,
    facts: Mapping[str, Any],
    *,
    pack: policy.Pack,
    practice: Practice,
    now: datetime,
) -> None:
    """Count a decision once what was done upon it stands; facts that nobody knows aren't kept."""
    shaped = shape(facts, pack=pack)
    if shaped is None:
        return
    counted = {
        "practice": practice,
        "shape": digest(shaped),
        "pack_hash": pack.hash,
        "outcome": decision.outcome,
        "month": now.date().replace(day=1),
    }
    row, same = DecisionTaken(**counted, facts=shaped), DecisionTaken.objects.filter(**counted)

    def count() -> None:
        if not same.update(times=F("times") + 1):
            DecisionTaken.objects.bulk_create([row], ignore_conflicts=True)
            same.update(times=F("times") + 1)

    # Afterwards: everybody who decides alike changes the same row, and would wait for one another.
    transaction.on_commit(count, robust=True)


def of_every_practice(*, now: datetime) -> Iterator[Taken]:
    """Return what was decided in the whole installation."""
    for practice in Practice.objects.order_by("created_at"):
        yield from decisions(practice, now=now)


def decisions(practice: Practice, *, now: datetime) -> Iterator[Taken]:
    """Return what was decided in the last year, each case once with how often."""
    rows = (
        DecisionTaken.objects.filter(practice=practice, month__gte=now.date() - LOOKS_BACK)
        .order_by("shape", "outcome")
        .values("shape", "outcome")
        .annotate(number=Sum("times"))
    )
    facts = dict(DecisionTaken.objects.filter(practice=practice).values_list("shape", "facts"))
    for row in rows:
        yield Taken(row["shape"][:12], facts[row["shape"]], row["outcome"], row["number"])
