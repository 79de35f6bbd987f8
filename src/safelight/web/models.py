"""Counters of the door. They hold no patient and no name: keys are keyed hashes."""

from __future__ import annotations

from django.db import models


class Tries(models.Model):
    """Tries at one lock in a row, those still being checked included."""

    key = models.CharField(primary_key=True, max_length=64)
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()
    shut_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.count} tries"


class UsedCode(models.Model):
    """A one-time code that was used; the key is unique, so that two at once can't both be first."""

    key = models.CharField(primary_key=True, max_length=64)
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"code used at {self.at:%H:%M}"
