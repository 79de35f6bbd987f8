"""What a patient's answers say of each use today, for people to read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from safelight.flows import in_force
from safelight.terms import Purpose

if TYPE_CHECKING:
    from safelight.records.models import Patient


@dataclass(frozen=True, slots=True)
class Standing:
    """What a patient's answers say of one use today."""

    purpose: Purpose
    title: str
    says: str
    """"agreed", "refused", "withdrawn", "objects" or "not-asked"."""
    since: datetime | None


def standings(patient: Patient, *, now: datetime) -> tuple[Standing, ...]:
    """Return the last answer for every use on the sheet, in the sheet's order.

    For people to read. What may be done is decided by the policy, from the same records.
    """
    said: dict[str, tuple[str, datetime | None]] = {}
    for consent in patient.consents.all():
        said |= dict.fromkeys(consent.refused, ("refused", consent.given_at))
        still = [each for each in consent.purposes if each not in consent.withdrawn]
        said |= dict.fromkeys(still, ("agreed", consent.given_at))
        for purpose, at in consent.withdrawn.items():
            if said.get(purpose, ("", None))[0] != "agreed":  # another conversation still says yes
                said[purpose] = ("withdrawn", datetime.fromisoformat(at))
    answers = list(patient.consents.all())
    for objection in patient.objections.select_related("consent"):
        left = objection.covers(answers)
        covered = list(Purpose) if "*" in left else left
        said |= {str(purpose): ("objects", objection.made_at) for purpose in covered}
    offered = in_force.pack_of(patient.practice, now=now).wording().purposes
    return tuple(
        Standing(each.purpose, each.title, *said.get(each.purpose.value, ("not-asked", None)))
        for each in offered
    )
