"""What the records know of the key store: that a backup of it was made and really opens."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from datetime import datetime


class KeyBackupQuerySet(models.QuerySet["KeyBackupVerified"]):
    """Verified backups of the one key store; they name no practice and no patient."""

    def newest(self, *, before: datetime | None = None) -> KeyBackupVerified | None:
        """Return the one that was made last; with `before`, of those made earlier than that."""
        found = self.all() if before is None else self.filter(made_at__lt=before)
        return found.order_by("-made_at", "-verified_at").first()


class KeyBackupVerified(models.Model):
    """A backup of the key store that was read back and opened with the key manager.

    Written by whoever verifies backups (`flows.key_backups.note_verified`). Until there is one that
    no longer needs an old version of the manager's key, that version isn't destroyed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    made_at = models.DateTimeField()
    """When the copy was taken: it holds the keys of that instant."""
    verified_at = models.DateTimeField()
    needs_version = models.PositiveBigIntegerField()
    """The oldest version of the manager's key that opens something in it."""
    sha256 = models.CharField(max_length=64)
    """Of the backup's bytes, lower-case hexadecimal."""

    objects = KeyBackupQuerySet.as_manager()

    class Meta:
        ordering = ["made_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(verified_at__gte=models.F("made_at")),
                name="key_backup_verified_after_it_was_made",
            )
        ]

    def __str__(self) -> str:
        return f"Key backup {self.pk}"
