"""How long a yes lasts: until the mind changes, or a day, a time, an age, or the end of a problem."""

from __future__ import annotations

import calendar
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from safelight.flows.allowed import DoesNotFit, demand
from safelight.policy.roles import Action
from safelight.records import locks, log

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from safelight.policy.terms import Terms
    from safelight.records.models import Consent, Staff

MONTHS = (3, 12, 60)
UNTIL, PERIOD, AGE, EPISODE = "until", "months", "age", "episode"
_KINDS = frozenset({UNTIL, PERIOD, AGE, EPISODE})


def ages(terms: Terms) -> tuple[int, ...]:
    """Return the ages until which a yes may last: when the child decides, and when it is grown up."""
    return tuple(sorted({terms.capacity_presumed_from, terms.child_until}))


def tidy(lasts: Mapping[str, object]) -> dict[str, object]:
    """Return the same without white space around words."""
    return {
        key: " ".join(each.split()) if isinstance(each, str) else each
        for key, each in lasts.items()
    }


def errors(
    lasts: Mapping[str, object], *, born_on: date, ages: Collection[int], now: datetime
) -> dict[str, str]:
    """Say what doesn't fit: one kind at most, and an end that is still to come."""
    if not lasts:
        return {}
    if len(lasts) > 1 or not _KINDS.issuperset(lasts):
        return {"lasts": "Choose only one: a day, a time, an age or a problem"}
    ((kind, value),) = lasts.items()
    if kind == PERIOD:
        return {} if value in MONTHS else {"lasts_months": "Choose how long from the list"}
    if kind == EPISODE:
        said = isinstance(value, str) and value
        return {} if said else {"lasts_episode": "Say which problem it is"}
    today, last = timezone.localdate(now), last_day(lasts, born_on=born_on, now=now)
    if kind == AGE:
        is_to_come = value in ages and last is not None and last >= today
        return {} if is_to_come else {"lasts": "Choose an age that is still to come"}
    is_to_come = last is not None and last >= today
    return {} if is_to_come else {"lasts_until": "Choose a day from today on"}


def last_day(lasts: Mapping[str, object], *, born_on: date, now: datetime) -> date | None:
    """Return the last day on which it holds; None where only a change of mind or a person ends it."""
    for kind, value in lasts.items():
        if kind == UNTIL:
            return _day(value)
        if kind == PERIOD and isinstance(value, int):
            return _months_after(timezone.localdate(now), value)
        if kind == AGE and isinstance(value, int):
            return _months_after(born_on, value * 12) - timedelta(days=1)
    return None


@transaction.atomic
def end_episode(consent: Consent, *, by: Staff, now: datetime) -> None:
    """Write down that the problem is over for which the yes was: it holds today for the last time.

    Raises DoesNotFit where it wasn't given for a problem, or that is over already.
    """
    demand(by, Action.RECORD_CONSENT, consent)
    locks.hold_patient(consent.patient_id)
    if EPISODE not in consent.lasts or consent.expires_on is not None:
        raise DoesNotFit({"lasts": "This answer doesn't wait for a problem to be over"})
    consent.set_episode_over(on=timezone.localdate(now))
    log.append(
        "consent.episode-ended",
        practice=consent.practice,
        subject=consent.patient.subject,
        by=by,
        at=now,
        consent=consent.pk,
    )


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def _months_after(start: date, months: int) -> date:
    """Return the same day so many months later, or the month's last where there is no such day."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))
