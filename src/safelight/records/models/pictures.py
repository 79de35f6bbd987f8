"""Pictures and the copies made of them. No pixel is in these rows: blobs and keys live elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from safelight.records.models.base import PictureQuerySet, PracticeQuerySet, PracticeRow
from safelight.records.models.consent import PATIENT, Consent
from safelight.records.models.people import Patient, Staff
from safelight.terms import Identifiability, Purpose, RecordingType

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


def _choices(kind: type[Purpose | RecordingType | Identifiability]) -> list[tuple[str, str]]:
    return [(member.value, member.value) for member in kind]


class Photo(PracticeRow):
    """One picture of a patient, as it was captured."""

    class State(models.TextChoices):
        """Closed: no access, its key is about to go. Erased: its key is gone."""

        KEPT = "kept", "Kept"
        CLOSED = "closed", "Closed"
        ERASED = "erased", "Erased"
        QUARANTINED = "quarantined", "Waiting for a person"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="photos")
    capture_id = models.UUIDField(unique=True)
    """Made by the phone: the same upload again gets the same answer."""
    sha256 = models.CharField(max_length=64)
    """Of the sealed blob, as uploaded."""
    state = models.CharField(max_length=12, choices=State, default=State.KEPT)
    made_for = models.CharField(max_length=20, choices=_choices(Purpose), default=Purpose.CARE)
    recording_type = models.CharField(
        max_length=20, choices=_choices(RecordingType), default=RecordingType.PHOTOGRAPH
    )
    identifiable = models.CharField(
        max_length=20, choices=_choices(Identifiability), default=Identifiability.COULD_NOT_TELL
    )
    intimate = models.BooleanField(default=False)
    body_site = models.CharField(max_length=100)
    consent = models.ForeignKey(
        Consent, null=True, blank=True, on_delete=models.PROTECT, related_name="photos"
    )
    lawful_reason = models.CharField(max_length=300, blank=True)
    """Why it was taken without a consent, where the policy allowed that."""
    relied_on_for_care = models.BooleanField(default=False)
    """Set at the first opening for care: it then stays in the record, closed to every other use."""
    closed_to = models.JSONField(default=dict, blank=True)
    """Purpose to the instant (ISO 8601) from which a withdrawal closed the picture to it."""
    taken_at = models.DateTimeField()
    received_at = models.DateTimeField()
    taken_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    decision = models.JSONField()
    """The permit under which it was captured, with pack id and hash."""

    objects = PictureQuerySet.as_manager()

    class Meta:
        ordering = ["-taken_at"]
        indexes = [models.Index(fields=["patient", "-taken_at"])]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(consent__isnull=False) | ~models.Q(lawful_reason=""),
                name="photo_has_consent_or_lawful_reason",
            )
        ]

    def __str__(self) -> str:
        return f"Photo {self.pk}"

    @property
    def blob(self) -> str:
        """Return the name of the sealed original."""
        return f"{self.capture_id}.original"

    def derived_blob(self, kind: str) -> str:
        """Return the name of a sealed derivative; kind is "view" or "thumb"."""
        return f"{self.capture_id}.{kind}"

    def set_closed(self) -> None:
        """Close every access; the key goes next."""
        self.state = self.State.CLOSED
        self.save(update_fields=["state"])

    def set_closed_to(self, purposes: Iterable[str], *, at: datetime) -> None:
        """Close the picture to these uses; it stays open to the others."""
        self.closed_to |= dict.fromkeys(purposes, at.isoformat())
        self.save(update_fields=["closed_to"])

    def set_erased(self) -> None:
        """Record that the key is gone."""
        self.state = self.State.ERASED
        self.save(update_fields=["state"])

    def objections(self, consents: Iterable[Consent]) -> list[dict[str, Any]]:
        """Return, as `decide` reads objections, what a withdrawal closed the picture to.

        A use is open again once the patient, or the authority that the picture itself rests on,
        agreed to it later.
        """
        givers = {PATIENT} | ({self.consent.given_by} if self.consent else set())
        said = [each for each in consents if each.given_by in givers]
        return [
            {"purposes": [purpose], "made_on": at}
            for purpose, at in sorted(self.closed_to.items())
            if not any(each.agrees_after(purpose, at) for each in said)
        ]


class StoppedCapture(PracticeRow):
    """A capture that was stopped: only its random id, so that a late upload is refused."""

    capture_id = models.UUIDField(unique=True)
    stopped_at = models.DateTimeField()

    objects = PracticeQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Stopped {self.capture_id}"


class Copy(PracticeRow):
    """A copy made fit to leave, with a key of its own: it can go while the original stays."""

    class State(models.TextChoices):
        """As for a Photo."""

        KEPT = "kept", "Kept"
        CLOSED = "closed", "Closed"
        ERASED = "erased", "Erased"

    photo = models.ForeignKey(Photo, on_delete=models.PROTECT, related_name="copies")
    state = models.CharField(max_length=12, choices=State, default=State.KEPT)
    sha256 = models.CharField(max_length=64)
    """Of the finished file."""
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    verified = models.BooleanField()
    identifiable = models.CharField(
        max_length=20, choices=_choices(Identifiability), default=Identifiability.COULD_NOT_TELL
    )
    certificate = models.JSONField()
    """What was checked, by what, the answers, what a person settled. The copy itself carries nothing."""
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")

    objects = PictureQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Copy {self.pk}"

    @property
    def blob(self) -> str:
        """Return the name of the sealed copy."""
        return f"{self.pk}.copy"

    def set_closed(self) -> None:
        """Close every access; the key goes next."""
        self.state = self.State.CLOSED
        self.save(update_fields=["state"])

    def set_erased(self) -> None:
        """Record that the key is gone."""
        self.state = self.State.ERASED
        self.save(update_fields=["state"])
