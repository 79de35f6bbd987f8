"""What was said: consent, objection, and the receipt that a patient keeps."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Self

from django.db import models

from safelight.records.models.base import PracticeQuerySet, PracticeRow
from safelight.records.models.people import Patient, Representative, Staff
from safelight.terms import Purpose

if TYPE_CHECKING:
    from collections.abc import Iterable

PATIENT = "patient"


class ConsentQuerySet(PracticeQuerySet["Consent"]):
    """Conversations; one whose words were erased is nobody's to see."""

    def visible_to(self, staff: Staff) -> Self:
        """Return the practice's conversations, as far as the role may see them."""
        return super().visible_to(staff).filter(erased_at__isnull=True)


class Consent(PracticeRow):
    """One conversation's answers, with the exact words that were shown.

    A conversation in which everything was refused is a Consent with no purposes: refusal is an answer.
    """

    class Form(models.TextChoices):
        """How the answer was given."""

        WRITTEN = "written", "On paper"
        ELECTRONIC = "electronic", "Signed on the screen"
        ORAL = "oral-recorded", "Said, and noted"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="consents")

    class Beside(models.TextChoices):
        """Where the interpreter was."""

        ROOM = "room", "In the room"
        REMOTE = "remote", "By phone or video"

    purposes = models.JSONField()
    """Purposes agreed to."""
    refused = models.JSONField(default=list)
    """Purposes asked and refused."""
    withdrawn = models.JSONField(default=dict, blank=True)
    """Purpose to the instant (ISO 8601) from which it no longer holds."""
    target = models.CharField(max_length=200, blank=True)
    targets = models.JSONField(default=dict, blank=True)
    """Purpose to the one journal, book or place that the yes is for (GMC VAR 37-38)."""
    nothing_else = models.BooleanField(default=False)
    interpreter = models.CharField(max_length=200, blank=True)
    """A name, or a service and its number."""
    interpreter_by = models.CharField(max_length=10, blank=True, choices=Beside)
    witness = models.CharField(max_length=200, blank=True)
    lasts = models.JSONField(default=dict, blank=True)
    """{}: until the mind changes; else one of {"until": day}, {"months": 12}, {"age": 16}, {"episode": words}."""
    identifiable_ok = models.BooleanField(null=True, blank=True)
    """Whether the uses that were agreed to may show who it is; None where nobody asked."""
    given_by = models.CharField(max_length=30, default="patient")
    representative = models.ForeignKey(
        Representative, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    form = models.CharField(max_length=20, choices=Form)
    told = models.JSONField()
    """Keys of the wording that were told, each by an act of its own."""
    not_told = models.JSONField(default=dict, blank=True)
    """Key to the recorded reason why it was not told."""
    statement = models.TextField(blank=True)
    """What was said, for an oral consent."""
    signature_blob = models.CharField(max_length=80, blank=True)
    """Name of the sealed signature, if one was given on the screen."""
    body_site = models.CharField(max_length=100, blank=True)
    wording = models.JSONField()
    """The words shown, frozen: language, version, layout, text."""
    wording_digest = models.CharField(max_length=64)
    signature_sha256 = models.CharField(max_length=64, blank=True)
    answer_salt = models.CharField(max_length=32, blank=True)
    answer_digest = models.CharField(max_length=64, blank=True)
    """SHA-256 of words and answers together; the ledger has it, too. Empty before these were frozen."""
    pack_id = models.CharField(max_length=60)
    pack_hash = models.CharField(max_length=64)
    given_at = models.DateTimeField()
    expires_on = models.DateField(null=True, blank=True)
    final_item_seen = models.BooleanField(default=False)
    erased_at = models.DateTimeField(null=True, blank=True)
    """When its words and its signature were destroyed; the row is a stub since."""
    taken_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")

    objects = ConsentQuerySet.as_manager()

    class Meta:
        ordering = ["given_at"]

    def __str__(self) -> str:
        return f"Consent {self.pk}"

    @property
    def holding(self) -> list[str]:
        """Return what still holds of it."""
        return [purpose for purpose in self.purposes if purpose not in self.withdrawn]

    def set_withdrawn(self, purposes: list[str], *, at: datetime) -> None:
        """End these purposes from `at` on; a purpose withdrawn before keeps its first instant."""
        for purpose in purposes:
            if purpose in self.purposes:
                self.withdrawn.setdefault(purpose, at.isoformat())
        self.save(update_fields=["withdrawn"])

    def set_episode_over(self, *, on: date) -> None:
        """Let an answer that lasted for an episode hold up to and with this day."""
        self.expires_on = on
        self.save(update_fields=["expires_on"])

    def has_expired(self, *, on: date) -> bool:
        """Say whether the last day that it holds is past."""
        return self.expires_on is not None and self.expires_on < on

    def set_erased(self, *, at: datetime) -> None:
        """Forget every word of it; that there was a consent, and for what, stays."""
        self.wording, self.statement, self.not_told = {}, "", {}
        self.target, self.targets, self.signature_blob = "", {}, ""
        self.interpreter, self.witness, self.body_site = "", "", ""
        self.erased_at = at
        self.save()

    def agrees_after(self, purpose: str, instant: str) -> bool:
        """Say whether this consent, given after the instant (ISO 8601), holds for the purpose."""
        holds = purpose in self.purposes and purpose not in self.withdrawn
        return holds and self.given_at > datetime.fromisoformat(instant)

    def facts(self) -> list[dict[str, Any]]:
        """Return the consent as `decide` reads it: what still holds, and what was withdrawn when.

        A use that is for one named place is a consent of its own.
        """
        holding = self.holding
        common = [each for each in holding if each not in self.targets]
        parts = [(common, None)] if common else []
        parts += [([each], None) for each in holding if each in self.targets]
        parts += [([each], at) for each, at in sorted(self.withdrawn.items())]
        return [self._fact(purposes, withdrawn_on=at) for purposes, at in parts]

    def _fact(self, purposes: list[str], *, withdrawn_on: str | None) -> dict[str, Any]:
        return {
            "purposes": purposes,
            "target": self.targets.get(purposes[0]) or self.target or None,
            "identifiable_ok": self.identifiable_ok,
            "given_on": self.given_at.isoformat(),
            "given_by": self.given_by,
            "form": self.form,
            "told": list(self.told),
            "secondary_not_told_because": self.not_told.get("secondary"),
            "expires_on": self.expires_on.isoformat() if self.expires_on else None,
            "withdrawn_on": withdrawn_on,
            "final_item_seen": self.final_item_seen and len(self.targets) < 2,
        }


class Objection(PracticeRow):
    """A no to some uses, which nothing but the law overrides and only who said it lifts, by a later yes."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="objections")
    purposes = models.JSONField()
    """Purposes, or ["*"] for every use."""
    made_at = models.DateTimeField()
    consent = models.ForeignKey(
        Consent, null=True, blank=True, on_delete=models.PROTECT, related_name="objections"
    )
    """The conversation that it came with, if it came with one."""
    given_by = models.CharField(max_length=30, default=PATIENT)
    """Who said it where there was no conversation: the patient, or a kind of authority."""

    objects = PracticeQuerySet.as_manager()

    class Meta:
        ordering = ["made_at"]

    def __str__(self) -> str:
        return f"Objection {self.pk}"

    @property
    def giver(self) -> str:
        """Return who said it: "patient", or a kind of authority."""
        return self.given_by if self.consent is None else self.consent.given_by

    def covers(self, consents: Iterable[Consent] = ()) -> list[str]:
        """Return the purposes that it still rules out, in the face of these consents.

        A use is open again by a later yes to it, from the patient, or from the same authority
        where it wasn't the patient who said no.
        """
        at = self.made_at.isoformat()
        later = [each for each in consents if each.given_by in {PATIENT, self.giver}]
        ruled_out = list(Purpose) if "*" in self.purposes else self.purposes
        left = [str(use) for use in ruled_out if not any(c.agrees_after(use, at) for c in later)]
        return list(self.purposes) if len(left) == len(ruled_out) else left

    def facts(self, consents: Iterable[Consent] = ()) -> list[dict[str, Any]]:
        """Return the objection as `decide` reads it; nothing once all of it was lifted."""
        left = self.covers(consents)
        return [{"purposes": left, "made_on": self.made_at.isoformat()}] if left else []


class Receipt(PracticeRow):
    """The patient's own way in, without an account: only the hash of its secret is kept."""

    consent = models.OneToOneField(Consent, on_delete=models.PROTECT, related_name="receipt")
    secret_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()

    objects = PracticeQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Receipt {self.pk}"

    def set_secret(self, secret_hash: str) -> None:
        """Let another secret open it, and the former one no longer."""
        self.secret_hash = secret_hash
        self.save(update_fields=["secret_hash"])
