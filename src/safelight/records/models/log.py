"""The ledger's rows, and mail that waits to be sent."""

from __future__ import annotations

from django.db import models

from safelight.records.models.base import PracticeQuerySet, PracticeRow


class LedgerEntry(models.Model):
    """One line of the ledger: canonical bytes that were hashed into the tree. Never changed."""

    index = models.PositiveBigIntegerField(primary_key=True)
    """Position in the tree, from 0, without gaps."""
    practice = models.ForeignKey("records.Practice", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=60)
    subject = models.CharField(max_length=64)
    at = models.DateTimeField()
    body = models.BinaryField()
    """`safelight.ledger.canonical(entry)`."""

    class Meta:
        ordering = ["index"]
        indexes = [models.Index(fields=["subject", "index"])]

    def __str__(self) -> str:
        return f"{self.index}: {self.kind}"


class TreeHead(models.Model):
    """The tree's size and frontier: one row, locked by every append, last of all."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    size = models.PositiveBigIntegerField(default=0)
    frontier = models.BinaryField(default=bytes)
    """`safelight.ledger.Frontier.to_bytes()`."""

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="there_is_one_tree_head")
        ]

    def __str__(self) -> str:
        return f"tree of {self.size}"


class Checkpoint(models.Model):
    """A signed note of the tree's size and root (C2SP tlog-checkpoint)."""

    size = models.PositiveBigIntegerField(primary_key=True)
    note = models.TextField()
    at = models.DateTimeField()
    frontier = models.BinaryField(default=bytes, blank=True)
    """`safelight.ledger.Frontier.to_bytes()` at that size, whose root the note has; empty in old ones.

    From there on the next checkpoint is worked out. It needs no trust: another one has another root.
    """

    class Meta:
        ordering = ["size"]

    def __str__(self) -> str:
        return f"checkpoint at {self.size}"


class LedgerCheck(models.Model):
    """When the whole ledger was last read and compared, and how that went: one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    at = models.DateTimeField()
    size = models.PositiveBigIntegerField()
    whole = models.BooleanField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="there_is_one_ledger_check")
        ]

    def __str__(self) -> str:
        return f"{self.size} entries, {'whole' if self.whole else 'not whole'}"


class OutgoingMail(PracticeRow):
    """A message that waits for the worker. Its text goes once it is sent: it may hold a link."""

    to = models.EmailField()
    subject = models.CharField(max_length=200)
    text = models.TextField()
    about = models.UUIDField(null=True, blank=True)
    """What it leads to: when that is taken back, the text goes, sent or not."""
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)

    objects = PracticeQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"Mail {self.pk}"
