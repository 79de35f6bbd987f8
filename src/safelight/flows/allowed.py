"""Who may: the role's table and the practice's walls, asked again inside every flow."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING
from uuid import UUID

from safelight.policy.roles import Action, may
from safelight.records import locks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from safelight.records.models import Patient, Staff
    from safelight.records.models.base import PracticeRow


class NotAllowed(PermissionError):
    """The person's role, or the person's practice, does not reach this."""

    for_people = "Your role here doesn't include this. Ask the practice's administrator."


class RecordErased(LookupError):
    """The patient's record was erased: nothing about the person is written down any more."""


class DoesNotFit(ValueError):
    """Answers that can't be recorded as they are. `fields` says for each what to do."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        """Keep the fields; no message of this error repeats what was typed."""
        super().__init__(", ".join(sorted(fields)))
        self.fields = dict(fields)


def demand(by: Staff, action: Action, *rows: PracticeRow) -> None:
    """Raise NotAllowed unless the role allows the action and every row is of the same practice."""
    if not by.is_active or not may(by.role, action):
        raise NotAllowed(action.value)
    if any(row.practice_id != practice_of(by) for row in rows):
        raise NotAllowed("another practice")


def hold_named(patient: Patient) -> None:
    """Hold the patient until the transaction ends, to write down what names or describes the person.

    Raises RecordErased where the record is gone by now: somebody's page was older than that.
    """
    if locks.hold_patient(patient.pk).erased_at is not None:
        raise RecordErased


def practice_of(staff: Staff) -> UUID:
    """Return the id of the person's practice."""
    found: UUID = staff.practice_id
    return found


def name_error(name: str) -> str | None:
    """Return what to do about a name, or None: letters that nobody sees can pass for another name."""
    if not name.strip():
        return "Type the name"
    if any(unicodedata.category(letter) in _UNSEEN for letter in name):
        return "Type the name again: it has letters in it that can’t be seen"
    return None


_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
