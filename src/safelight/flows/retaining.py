"""How long a picture stays at least: the period of the record that it belongs to."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from django.utils import timezone

from safelight.policy import load_pack, retention

if TYPE_CHECKING:
    from safelight.records.models import Photo


@cache
def _periods(pack: str) -> retention.Retention:
    return retention.load(pack)


def kept_at_least(photo: Photo, *, now: datetime) -> retention.Kept:
    """Return until when the picture is kept if care ended today; each later use begins anew."""
    facts = retention.RetentionFacts(
        kind=retention.RecordKind.GENERAL,
        ended_on=timezone.localdate(now),
        born=photo.patient.born_on,
        died=photo.patient.died_on,
    )
    return retention.kept(
        facts, table=_periods(load_pack(photo.patient.practice.pack).retention_of)
    )
