"""That a patient said no, or was upset, while a picture was about to be taken."""

from __future__ import annotations

from django.db import models

from safelight.records.models.base import PracticeQuerySet, PracticeRow
from safelight.records.models.people import Patient, Staff


class SaidNo(PracticeRow):
    """A no at the camera. It stops the visit's pictures, whoever has agreed (GMC VAR 25, 34)."""

    class How(models.TextChoices):
        """How it was said; nobody has to say why."""

        NOT_SAID = "", "Not written down"
        WORDS = "words", "Said no"
        SIGNS = "signs", "Was upset, or turned away"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="noes")
    at = models.DateTimeField()
    how = models.CharField(max_length=10, choices=How, blank=True)
    words = models.TextField(blank=True)
    by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")

    objects = PracticeQuerySet.as_manager()

    class Meta:
        ordering = ["at"]

    def __str__(self) -> str:
        return f"No {self.pk}"
