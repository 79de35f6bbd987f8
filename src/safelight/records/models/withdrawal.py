"""Taking it back: the withdrawal, what has to follow, and the erasing of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from safelight.policy.roles import Action
from safelight.records.models.base import PracticeQuerySet, PracticeRow, Row
from safelight.records.models.consent import Consent, Objection
from safelight.records.models.people import Patient, Staff
from safelight.records.models.pictures import Copy, Photo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID


class GovernanceQuerySet(PracticeQuerySet[Row]):
    """Rows that only governance sees."""

    needs = Action.GOVERN


class Channel(models.TextChoices):
    """The way by which somebody said it. Never asked for before it counts."""

    IN_PERSON = "in-person", "In person"
    PHONE = "phone", "On the phone"
    LETTER = "letter", "By letter"
    EMAIL = "e-mail", "By e-mail"
    RECEIPT = "receipt", "On the patient’s own page"
    NOT_SAID = "not-said", "Not written down"


class Withdrawal(PracticeRow):
    """That a patient took something back. No reason is asked, and none has a place here.

    It is about one conversation, or one picture, or, with neither, everything there is of the patient.
    """

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="withdrawals")
    purposes = models.JSONField()
    """Purposes, or ["*"] for everything."""
    at = models.DateTimeField()
    by = models.ForeignKey(Staff, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    """The member of staff who was told, or None for the patient's own receipt page."""
    channel = models.CharField(max_length=10, choices=Channel, default=Channel.NOT_SAID)
    consent = models.ForeignKey(
        Consent, null=True, blank=True, on_delete=models.PROTECT, related_name="withdrawals"
    )
    photo = models.ForeignKey(
        Photo, null=True, blank=True, on_delete=models.PROTECT, related_name="withdrawals"
    )
    objection = models.OneToOneField(
        Objection, null=True, blank=True, on_delete=models.PROTECT, related_name="withdrawal"
    )
    """The no that came with it, which rules every later use too."""
    consequences = models.JSONField()
    """What was done, closed, destroyed, or can't be called back, as said to the patient."""

    objects = PracticeQuerySet.as_manager()

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"Withdrawal {self.pk}"


class EraseJob(PracticeRow):
    """Keys that must go. Written in the transaction that closes access; done by whoever comes next.

    It is also what the certificate of the erasure is made from.
    """

    class Basis(models.TextChoices):
        """On what the erasure rests."""

        WITHDRAWAL = "withdrawal", "The patient took it back"
        UNUSED = "unused", "A copy that will not leave"
        PROMISE = "promise", "The period that the consent promised is over"
        RETENTION = "retention", "The period of the record is over"
        ERASURE = "erasure", "Erased by order"

    withdrawal = models.ForeignKey(
        Withdrawal, null=True, blank=True, on_delete=models.PROTECT, related_name="erase_jobs"
    )
    patient = models.ForeignKey(
        Patient, null=True, blank=True, on_delete=models.PROTECT, related_name="erase_jobs"
    )
    photos = models.JSONField(default=list)
    """Ids of photos whose keys go."""
    copies = models.JSONField(default=list)
    others = models.JSONField(default=dict)
    """Name of a registered kind to the ids of its rows whose keys go."""
    keys = models.JSONField(default=list)
    """Every id in the key store to erase: of photos, copies, signatures."""
    blobs = models.JSONField(default=list)
    held = models.BooleanField(default=False)
    """A legal hold stops it: what it lists is closed, and goes when the hold is lifted."""
    basis = models.CharField(max_length=10, choices=Basis, default=Basis.WITHDRAWAL)
    because = models.TextField(blank=True)
    source = models.CharField(max_length=100, blank=True)
    approved_by = models.ForeignKey(
        Staff, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    """Who approved it by name, where it needed that."""
    ledger_index = models.PositiveBigIntegerField(null=True, blank=True)
    """The ledger's entry that says the keys are destroyed."""
    manager = models.CharField(max_length=60, blank=True)
    """The key manager that the keys were under."""
    proves_shred = models.BooleanField(null=True, blank=True)
    """Whether that manager proves that what it destroyed is beyond reach."""
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

    def add(
        self,
        copies: Sequence[Copy],
        *,
        keys: Sequence[UUID],
        blobs: Sequence[str],
        others: Mapping[str, Sequence[str]],
    ) -> None:
        """Add what came from a picture to what goes; the caller saves."""
        for copy in copies:
            copy.set_closed()
        self.copies += [str(copy.pk) for copy in copies]
        self.keys += [str(copy.pk) for copy in copies] + [str(key) for key in keys]
        self.blobs += [copy.blob for copy in copies] + list(blobs)
        for name, rows in others.items():
            self.others.setdefault(name, []).extend(rows)

    def set_ordered(
        self, *, basis: Basis, because: str, source: str, approved_by: Staff | None
    ) -> None:
        """Record on what it rests and who approved it."""
        self.basis, self.because, self.source = basis, because, source[:100]
        self.approved_by = approved_by
        self.save(update_fields=["basis", "because", "source", "approved_by"])

    def set_attested(self, *, ledger_index: int, manager: str, proves_shred: bool) -> None:
        """Record where the ledger says it, and what the key manager proves."""
        self.ledger_index = ledger_index
        self.manager, self.proves_shred = manager[:60], proves_shred
        self.save(update_fields=["ledger_index", "manager", "proves_shred"])

    def set_destroyed(self, *, at: datetime, scrubbed: bool) -> None:
        """Record that the keys are gone, and whether the files were scrubbed of them too."""
        self.destroyed_at = self.destroyed_at or at
        if scrubbed:
            self.scrubbed_at = self.scrubbed_at or at
        self.save(update_fields=["destroyed_at", "scrubbed_at"])


class Recall(PracticeRow):
    """One thing that is out and has to be asked back, or taken down, by a person."""

    withdrawal = models.ForeignKey(
        Withdrawal, null=True, blank=True, on_delete=models.PROTECT, related_name="recalls"
    )
    photo = models.ForeignKey(
        Photo, null=True, blank=True, on_delete=models.PROTECT, related_name="recalls"
    )
    what = models.CharField(max_length=200, blank=True)
    """Where it went, in words: "Tuesday teaching", a colleague's name."""
    text = models.TextField()
    source = models.CharField(max_length=100)
    due_on = models.DateField()
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.ForeignKey(
        Staff, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    note = models.TextField(blank=True)
    """What came of it: "off the shared drive, slide 14"."""
    told_at = models.DateTimeField(null=True, blank=True)
    """When a letter to whoever has it was queued."""
    reminded_on = models.DateField(null=True, blank=True)

    objects = PracticeQuerySet.as_manager()

    class Meta:
        ordering = ["due_on", "id"]

    def __str__(self) -> str:
        return f"Recall {self.pk}"

    def set_done(self, *, note: str, by: Staff, at: datetime) -> None:
        """Record who settled it, when and how."""
        self.done_at, self.done_by, self.note = at, by, note
        self.save(update_fields=["done_at", "done_by", "note"])


class LegalHold(PracticeRow):
    """That a complaint, a claim or an inquiry stops destruction; never the closing of access."""

    class Kind(models.TextChoices):
        """What it is for (NHS-RM)."""

        COMPLAINT = "complaint", "A complaint"
        CLAIM = "claim", "A claim"
        INQUIRY = "inquiry", "An inquiry"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="holds")
    photo = models.ForeignKey(
        Photo, null=True, blank=True, on_delete=models.PROTECT, related_name="holds"
    )
    """The one picture that it is about; None for all of the patient's."""
    kind = models.CharField(max_length=10, choices=Kind)
    reason = models.TextField()
    reference = models.CharField(max_length=100)
    placed_at = models.DateTimeField()
    placed_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        Staff, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    lifted_because = models.TextField(blank=True)

    objects = GovernanceQuerySet["LegalHold"].as_manager()

    class Meta:
        ordering = ["-placed_at"]

    def __str__(self) -> str:
        return f"Hold {self.pk}"

    def set_lifted(self, *, because: str, by: Staff, at: datetime) -> None:
        """End the hold."""
        self.lifted_at, self.lifted_by, self.lifted_because = at, by, because
        self.save(update_fields=["lifted_at", "lifted_by", "lifted_because"])
