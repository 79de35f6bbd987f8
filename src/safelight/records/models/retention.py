"""How long a record is kept: what kind of record it is, when it ended, and who looked at what is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from safelight.policy.retention import RecordKind
from safelight.records.models.base import PracticeQuerySet, PracticeRow
from safelight.records.models.people import Patient, Staff
from safelight.records.models.pictures import Photo
from safelight.records.models.withdrawal import EraseJob, GovernanceQuerySet

if TYPE_CHECKING:
    from datetime import date, datetime

RECORDS = (
    (RecordKind.GP.value, "A GP record"),
    (RecordKind.GENERAL.value, "A hospital or clinic record"),
    (RecordKind.MENTAL_HEALTH.value, "A mental health record"),
    (RecordKind.MATERNITY.value, "A maternity record"),
    (RecordKind.DEREGISTERED.value, "Of somebody who left for an unknown reason"),
)


class CareRecord(PracticeRow):
    """The record that a patient's pictures belong to; they have its period."""

    patient = models.OneToOneField(Patient, on_delete=models.PROTECT, related_name="care_record")
    kind = models.CharField(max_length=20, choices=RECORDS)
    ended_on = models.DateField(null=True, blank=True)
    """When it stopped being used; None while it still is."""
    set_at = models.DateTimeField()
    set_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")

    objects = PracticeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=[kind for kind, _ in RECORDS]),
                name="care_record_has_a_known_kind",
            )
        ]

    def __str__(self) -> str:
        return f"Care record {self.pk}"


class Review(PracticeRow):
    """That a period is over, and what a named person decided about it."""

    class State(models.TextChoices):
        """Due until a person has decided; lapsed if it was used again or held meanwhile."""

        DUE = "due", "To be looked at"
        KEPT = "kept", "Kept longer"
        DESTROYED = "destroyed", "Destroyed"
        LAPSED = "lapsed", "Not due any more"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="reviews")
    photo = models.ForeignKey(
        Photo, null=True, blank=True, on_delete=models.PROTECT, related_name="reviews"
    )
    """The one picture that it is about; None for the patient's whole record."""
    state = models.CharField(max_length=10, choices=State, default=State.DUE)
    due_on = models.DateField()
    because = models.TextField()
    """The rule in words."""
    source = models.CharField(max_length=100)
    listed_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(
        Staff, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.TextField(blank=True)
    """Why it is kept longer."""
    keep_until = models.DateField(null=True, blank=True)
    job = models.ForeignKey(
        EraseJob, null=True, blank=True, on_delete=models.PROTECT, related_name="reviews"
    )

    objects = GovernanceQuerySet["Review"].as_manager()

    class Meta:
        ordering = ["due_on", "id"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state__in=("kept", "destroyed"))
                | models.Q(settled_by__isnull=False),
                name="review_is_settled_by_a_named_person",
            ),
        ]

    def __str__(self) -> str:
        return f"Review {self.pk}"

    def set_kept(self, *, until: date, reason: str, by: Staff, at: datetime) -> None:
        """Record that it is kept longer, why and until when."""
        self.state, self.keep_until, self.reason = self.State.KEPT, until, reason
        self.settled_at, self.settled_by = at, by
        self.save()

    def set_destroyed(self, job: EraseJob, *, by: Staff, at: datetime) -> None:
        """Record who approved the destruction, and its certificate."""
        self.state, self.job = self.State.DESTROYED, job
        self.settled_at, self.settled_by = at, by
        self.save()

    def set_lapsed(self, *, at: datetime) -> None:
        """Record that it isn't due any more."""
        self.state, self.settled_at = self.State.LAPSED, at
        self.save()
