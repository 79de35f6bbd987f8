"""What a look at everything kept found: what is set aside, and how the last look went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models

from safelight.policy.roles import Action
from safelight.records.models.base import PracticeQuerySet, PracticeRow

if TYPE_CHECKING:
    from datetime import datetime


class GapQuerySet(PracticeQuerySet["Gap"]):
    """Rows for those who govern."""

    needs = Action.GOVERN


class Gap(PracticeRow):
    """Something whose sealed file or key wasn't where it must be. A picture is set aside meanwhile."""

    class Kind(models.TextChoices):
        """What owns the file and the key."""

        PICTURE = "picture", "Picture"
        COPY = "copy", "Copy made fit to leave"
        SIGNATURE = "signature", "Signature"
        DISCLOSURE = "disclosure", "What a release told"

    class Lacks(models.TextChoices):
        """What is missing."""

        BLOB = "blob", "Its sealed file"
        KEY = "key", "Its key"
        BOTH = "both", "Its sealed file and its key"

    class Because(models.TextChoices):
        """Why it isn't looked for any more."""

        BACK = "back", "It is back"
        ERASED = "erased", "It was erased"

    image_id = models.UUIDField()
    """The id under which key and files are kept."""
    kind = models.CharField(max_length=12, choices=Kind)
    lacks = models.CharField(max_length=12, choices=Lacks)
    found_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    because = models.CharField(max_length=12, choices=Because, blank=True)

    objects = GapQuerySet.as_manager()

    class Meta:
        ordering = ["-found_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["image_id"],
                condition=models.Q(closed_at__isnull=True),
                name="one_open_gap_for_each_image",
            )
        ]

    def __str__(self) -> str:
        return f"Gap {self.pk}"

    def set_closed(self, because: Because, *, at: datetime) -> None:
        """Record that nothing is missing any more, or nothing has to be there."""
        self.because, self.closed_at = because, at
        self.save(update_fields=["because", "closed_at"])


class Look(models.Model):
    """The last look at everything: one row, for the whole server."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    at = models.DateTimeField()
    owners = models.PositiveBigIntegerField()
    """Rows that must have a key, and most of them blobs."""
    gaps = models.PositiveBigIntegerField()
    is_elsewhere = models.BooleanField()
    """So much was missing that the store is more likely not the right one."""
    unowned_blobs = models.PositiveBigIntegerField()
    unowned_keys = models.PositiveBigIntegerField()
    tidied = models.PositiveBigIntegerField()
    """Blobs of what was erased before, deleted by this look."""

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="there_is_one_last_look")
        ]

    def __str__(self) -> str:
        return f"Look at {self.at:%Y-%m-%d}"

    @classmethod
    def remember(cls, **found: object) -> Self:
        """Put this look in the last one's place."""
        row, _ = cls.objects.update_or_create(id=1, defaults=found)
        return row
