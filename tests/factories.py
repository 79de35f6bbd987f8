"""One believable record of each kind, with no arguments needed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from safelight.policy.roles import Role
from safelight.records.models import Assessment, Patient, Practice, Representative, Staff

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
PASSPHRASE = "a lamp in the darkroom, red and low"
_numbers = count(1)


def practice(**given: Any) -> Practice:
    return Practice.objects.create(**{"name": "Made-up Surgery", "created_at": NOW} | given)


def staff(role: Role = Role.GP, **given: Any) -> Staff:
    number = next(_numbers)
    at = given.pop("practice", None) or practice()
    return Staff.objects.create_user(
        f"staff{number}@made-up.example",
        practice=at,
        **{"name": f"Staff {number}", "role": role, "password": PASSPHRASE} | given,
    )


def patient(**given: Any) -> Patient:
    at = given.pop("practice", None) or practice()
    defaults = {"name": "Adult Made-Up", "born_on": date(1955, 3, 14), "created_at": NOW}
    return Patient.objects.create(practice=at, **defaults | given)


def representative(of: Patient, **given: Any) -> Representative:
    defaults = {
        "name": "Parent Made-Up",
        "relation": "mother",
        "authority": "parental-responsibility",
        "evidence": "birth certificate seen",
        "created_at": NOW,
    }
    return Representative.objects.create(practice=of.practice, patient=of, **defaults | given)


def assessment(of: Patient, by: Staff, **given: Any) -> Assessment:
    defaults = {
        "kind": Assessment.Kind.CAPACITY,
        "outcome": "has",
        "about": [each.value for each in Assessment.About],
        "decision": "a picture, and what it may be used for",
        "assessed_on": NOW.date(),
    }
    return Assessment.objects.create(practice=of.practice, patient=of, by=by, **defaults | given)
