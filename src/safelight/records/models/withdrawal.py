"""Taking it back: the withdrawal, what has to follow, and the erasing of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from safelight.records.models.base import PracticeQuerySet, PracticeRow
from safelight.records.models.people import Patient, Staff

if TYPE_CHECKING:
    from datetime import datetime


class Withdrawal(PracticeRow):
    """That a patient took something back. No reason is asked, and none has a place here."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="withdrawals")
    purposes = models.JSONField()
    """Purposes, or ["*"] for everything."""
    at = models.DateTimeField()
    by = models.ForeignKey(Staff, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    """The member of staff who was told, or None for the patient's own receipt page."""
    consequences = models.JSONField()
    """What was done, closed, destroyed, or can't be called back, as said to the patient."""

    objects = PracticeQuerySet.as_manager()

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"Withdrawal {self.pk}"


class EraseJob(PracticeRow):
    """Keys that must go. Written in the transaction that closes access; done by whoever comes next."""

    withdrawal = models.ForeignKey(
        Withdrawal, null=True, blank=True, on_delete=models.PROTECT, related_name="erase_jobs"
    )
    photos = models.JSONField(default=list)
    """Ids of photos whose keys go."""
    copies = models.JSONField(default=list)
    keys = models.JSONField(default=list)
    """Every id in the key store to erase: of photos, copies, signatures."""
    blobs = models.JSONField(default=list)
    created_at = models.DateTimeField()
    destroyed_at = models.DateTimeField(null=True, blank=True)
    """When the keys were gone from the key store."""
    scrubbed_at = models.DateTimeField(null=True, blank=True)
    """When no live file of the key store held them any more."""

    objects = PracticeQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"Erase job {self.pk}"

    def set_destroyed(self, *, at: datetime, scrubbed: bool) -> None:
        """Record that the keys are gone, and whether the files were scrubbed of them too."""
        self.destroyed_at = self.destroyed_at or at
        if scrubbed:
            self.scrubbed_at = self.scrubbed_at or at
        self.save(update_fields=["destroyed_at", "scrubbed_at"])


class Recall(PracticeRow):
    """One thing that is out and has to be asked back, or taken down, by a person."""

    withdrawal = models.ForeignKey(Withdrawal, on_delete=models.PROTECT, related_name="recalls")
    text = models.TextField()
    source = models.CharField(max_length=100)
    due_on = models.DateField()
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.ForeignKey(
        Staff, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = PracticeQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Recall {self.pk}"
