"""Who has to be told of a breach, and by when: the clock of the pack in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from safelight.flows import in_force

if TYPE_CHECKING:
    from safelight.records.models import Practice


@dataclass(frozen=True, slots=True)
class Notice:
    """Until when somebody has to be told, and what the pack says of it."""

    by: datetime
    text: str
    source: str
    is_over: bool
    """The time has passed."""


def of_breach(practice: Practice, *, aware_at: datetime, now: datetime) -> Notice:
    """Return until when a breach is notified of which the practice became aware at this instant.

    Hours are hours: nights, Sundays and the changes of the clock count (the instants are in UTC).
    """
    clock = in_force.pack_of(practice, now=now).terms.clocks["breach"]
    by = aware_at + timedelta(hours=clock.hours)
    return Notice(by, clock.text, clock.source, is_over=now > by)
