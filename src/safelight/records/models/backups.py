"""What the records know of backups: when one was made, whether a drill brought it back."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from datetime import datetime


class BackupRunQuerySet(models.QuerySet["BackupRun"]):
    """Runs of the one installation; they name no practice and no patient."""

    def newest(self, kind: str) -> BackupRun | None:
        """Return the last one of a kind that went well, or None."""
        return self.filter(kind=kind, went_well=True).order_by("-at").first()

    def newest_try(self, kind: str) -> BackupRun | None:
        """Return the last one of a kind, however it went, or None."""
        return self.filter(kind=kind).order_by("-at").first()


class BackupRun(models.Model):
    """One backup, drill, export to the witness or restore, and how it went."""

    class Kind(models.TextChoices):
        """What was done."""

        RECORDS = "records", "Records and pictures"
        KEYS = "keys", "Keys"
        WITNESS = "witness", "Export to the witness"
        DRILL = "drill", "Drill"
        RESTORE = "restore", "Restore"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=Kind)
    at = models.DateTimeField()
    went_well = models.BooleanField()
    set_id = models.CharField(max_length=60, blank=True)
    """The backup set that was written or read."""
    figures = models.JSONField(default=dict, blank=True)
    """Counts, bytes, seconds; for one that failed, why. Nothing that names anybody."""

    objects = BackupRunQuerySet.as_manager()

    class Meta:
        ordering = ["at"]
        indexes = [models.Index(fields=["kind", "-at"])]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%Y-%m-%d %H:%M}"

    def is_older_than(self, hours: float, *, now: datetime) -> bool:
        """Say whether it was longer ago than that."""
        return (now - self.at).total_seconds() > hours * 3600
