"""The rules that a practice has brought in, and the decisions that a new one is tried on."""

from __future__ import annotations

from django.db import models

from safelight.records.models.base import PracticeQuerySet, PracticeRow
from safelight.records.models.people import Staff


class PackVersion(PracticeRow):
    """A policy pack that was brought in, or kept from what came with Safelight. Never changed.

    Which of them decides from which day stands in `Practice.packs`.
    """

    hash = models.CharField(max_length=64)
    """SHA-256 of `text`; the bytes are compared with it each time they are read."""
    pack_id = models.CharField(max_length=100)
    text = models.BinaryField()
    """pack.toml, byte for byte as it was signed."""
    signature = models.TextField(blank=True)
    """The signed note; empty for one that came with Safelight."""
    publisher = models.CharField(max_length=100, blank=True)
    effective_from = models.DateField()
    brought_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")
    brought_at = models.DateTimeField()

    objects = PracticeQuerySet.as_manager()

    class Meta:
        ordering = ["brought_at"]
        constraints = [
            models.UniqueConstraint(fields=["practice", "hash"], name="pack_is_brought_once"),
            models.UniqueConstraint(
                fields=["practice", "pack_id"], name="pack_has_an_id_of_its_own"
            ),
        ]

    def __str__(self) -> str:
        return self.pack_id


class LocalRules(PracticeRow):
    """A practice's own guards as they were from a moment on: what a past decision rested on."""

    text = models.TextField(blank=True)
    """TOML, `[[guard]]` alone; empty for none."""
    set_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField()

    objects = PracticeQuerySet.as_manager()

    class Meta:
        ordering = ["set_at"]

    def __str__(self) -> str:
        return f"Local rules of {self.set_at:%Y-%m-%d}"


class DecisionTaken(PracticeRow):
    """A case that was decided, without the person, and how often it was decided alike in a month.

    No patient, no picture and no day: `safelight.policy.shape`.
    """

    shape = models.CharField(max_length=64)
    """SHA-256 of `facts`."""
    facts = models.JSONField()
    outcome = models.CharField(max_length=10)
    pack_hash = models.CharField(max_length=64)
    month = models.DateField()
    """The first day of the month."""
    times = models.PositiveIntegerField(default=0)

    objects = PracticeQuerySet.as_manager()

    class Meta:
        ordering = ["-times", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["practice", "shape", "pack_hash", "outcome", "month"],
                name="decision_is_counted_in_one_row",
            )
        ]

    def __str__(self) -> str:
        return f"{self.outcome}, {self.times} times"
