"""What waits for a patient's own choice, and each time that it was offered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from safelight.records.models.base import PracticeQuerySet, PracticeRow
from safelight.records.models.people import Patient, Staff

if TYPE_CHECKING:
    from datetime import datetime


class PendingChoice(PracticeRow):
    """A question that only the patient can answer. No time that passes answers it."""

    class Kind(models.TextChoices):
        """Why it waits."""

        GROWN_UP = "grown-up", "Others agreed while they were a child"
        RECOVERED = "recovered", "They could not decide for a while"

    class Outcome(models.TextChoices):
        """What came of an offer; "later" leaves the question open."""

        LATER = "later", "Not now"
        KEEP = "keep", "Keep, as they say now"
        CLOSE = "close", "Close to all but care"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="choices")
    kind = models.CharField(max_length=10, choices=Kind)
    raised_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)

    objects = PracticeQuerySet.as_manager()

    class Meta:
        ordering = ["raised_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "kind"],
                condition=models.Q(closed_at__isnull=True),
                name="one_open_choice_of_a_kind",
            )
        ]

    def __str__(self) -> str:
        return f"Choice {self.pk}"

    def set_closed(self, outcome: str, *, at: datetime) -> None:
        """Record the patient's answer; from now on nothing waits."""
        self.outcome, self.closed_at = outcome, at
        self.save(update_fields=["outcome", "closed_at"])


class Offer(PracticeRow):
    """One time that the choice was offered, and what the patient said."""

    choice = models.ForeignKey(PendingChoice, on_delete=models.PROTECT, related_name="offers")
    outcome = models.CharField(max_length=10, choices=PendingChoice.Outcome)
    words = models.TextField(blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")

    objects = PracticeQuerySet.as_manager()

    class Meta:
        ordering = ["at"]

    def __str__(self) -> str:
        return f"Offer {self.pk}"
