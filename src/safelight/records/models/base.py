"""What every row of a practice has in common."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Self, TypeVar

from django.db import models

from safelight.policy.roles import Action, may

if TYPE_CHECKING:
    from safelight.records.models.people import Staff


Row = TypeVar("Row", bound="PracticeRow")


class PracticeQuerySet(models.QuerySet[Row]):
    """Rows of one practice; nothing is found without saying who asks."""

    needs = Action.SEE_PATIENTS

    def visible_to(self, staff: Staff) -> Self:
        """Return the rows of the person's own practice, none if the role may not see such rows."""
        if not staff.is_active or not may(staff.role, self.needs):
            return self.none()
        return self.filter(practice=staff.practice_id)


class PictureQuerySet(PracticeQuerySet[Row]):
    """Rows that lead to a picture."""

    needs = Action.SEE_PICTURES


class PracticeRow(models.Model):
    """A row that belongs to one practice, with a random id that says nothing."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    practice = models.ForeignKey("records.Practice", on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True
