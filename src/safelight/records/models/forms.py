"""Forms that were answered: a second press of the same button gets the first one's answer."""

from __future__ import annotations

from django.db import models

from safelight.records.models.base import PracticeQuerySet, PracticeRow


class AnsweredForm(PracticeRow):
    """One form that a page handed out and somebody sent; written in the transaction of the act."""

    token = models.UUIDField(unique=True)
    """Random, from the hidden field of the form: two presses can't both be first."""
    kind = models.CharField(max_length=30)
    """What the form does, such as "release.requested"."""
    made = models.UUIDField()
    """Id of what the first press made."""
    at = models.DateTimeField(db_index=True)

    objects = PracticeQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Form answered at {self.at:%H:%M}"
