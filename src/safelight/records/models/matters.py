"""What a court, a statute, a complaint or a claim asks for, and which pictures were given into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from safelight.records.models.base import PracticeRow
from safelight.records.models.people import Patient, Staff
from safelight.records.models.pictures import Photo
from safelight.records.models.withdrawal import GovernanceQuerySet, LegalHold

if TYPE_CHECKING:
    from datetime import datetime


class Matter(PracticeRow):
    """One matter of law or complaint about a patient: who asks, on what it rests, and for how much."""

    class Size(models.TextChoices):
        """How much of a picture is given: no more than is asked for (GMC CONF 87-88)."""

        VIEW = "view", "The picture alone, without the file’s own data"
        ORIGINAL = "original", "The whole file, as it was taken"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="matters")
    purpose = models.CharField(max_length=20)
    """"legal" or "complaint"."""
    kind = models.CharField(max_length=60)
    """Of the law: a legal basis of the pack. Else "complaint" or "claim", as a hold is."""
    reference = models.CharField(max_length=100)
    asked_by = models.CharField(max_length=200)
    """Who asks, and gets what is given."""
    asked_on = models.DateField()
    extent = models.TextField()
    """What is asked for, in words."""
    size = models.CharField(max_length=10, choices=Size, default=Size.VIEW)
    told_at = models.DateTimeField(null=True, blank=True)
    """When it was written down that the patient knows; until then the patient's page is silent."""
    not_told_because = models.TextField(blank=True)
    hold = models.ForeignKey(
        LegalHold, null=True, blank=True, on_delete=models.PROTECT, related_name="matters"
    )
    """What a complaint or a claim keeps from being destroyed."""
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        Staff, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = GovernanceQuerySet["Matter"].as_manager()

    class Meta:
        ordering = ["-recorded_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(purpose__in=["legal", "complaint"]),
                name="matter_is_of_law_or_complaint",
            )
        ]

    def __str__(self) -> str:
        return f"Matter {self.pk}"

    @property
    def is_open(self) -> bool:
        """Say whether anything may still be given: not closed, and its hold not lifted."""
        return self.closed_at is None and (self.hold is None or self.hold.lifted_at is None)

    def set_told(self, *, at: datetime) -> None:
        """Record that the patient knows."""
        self.told_at = at
        self.save(update_fields=["told_at"])

    def set_closed(self, *, by: Staff, at: datetime) -> None:
        """End the matter: nothing more is given into it."""
        self.closed_at, self.closed_by = at, by
        self.save(update_fields=["closed_at", "closed_by"])


class Exhibit(PracticeRow):
    """One picture in a matter: whether the matter needs it and why, and when it was given."""

    matter = models.ForeignKey(Matter, on_delete=models.PROTECT, related_name="exhibits")
    photo = models.ForeignKey(Photo, on_delete=models.PROTECT, related_name="exhibits")
    is_needed = models.BooleanField()
    why = models.TextField()
    weighed_at = models.DateTimeField()
    weighed_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")
    given_at = models.DateTimeField(null=True, blank=True)
    given_by = models.ForeignKey(
        Staff, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    sha256 = models.CharField(max_length=64, blank=True)
    """Of the file that was given."""
    decision = models.JSONField(default=dict)
    """The permit under which it was given, with pack id and hash."""

    objects = GovernanceQuerySet["Exhibit"].as_manager()

    class Meta:
        ordering = ["weighed_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["matter", "photo"], name="picture_once_in_a_matter")
        ]

    def __str__(self) -> str:
        return f"Exhibit {self.pk}"

    @property
    def sha256_in_groups(self) -> str:
        """Return the file's SHA-256 in groups of eight, for people to compare."""
        return " ".join(self.sha256[at : at + 8] for at in range(0, len(self.sha256), 8))
