"""What leaves: releases that wait for a second person, links to a colleague, what was disclosed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from safelight.records.models.base import PictureQuerySet, PracticeRow
from safelight.records.models.people import Patient, Staff
from safelight.records.models.pictures import Copy, Photo

if TYPE_CHECKING:
    from datetime import datetime


class Release(PracticeRow):
    """A request that a copy may leave for a purpose, and what became of it."""

    class State(models.TextChoices):
        """The way of a release; refused, stopped and withdrawn end it."""

        DRAFT = "draft", "Being prepared"
        WAITING = "waiting", "Waiting for a second person"
        RELEASED = "released", "Released"
        REFUSED = "refused", "Refused"
        STOPPED = "stopped", "Stopped"
        WITHDRAWN = "withdrawn", "Withdrawn"

    NEXT = {
        State.DRAFT: frozenset({State.WAITING, State.STOPPED, State.WITHDRAWN}),
        State.WAITING: frozenset({State.RELEASED, State.REFUSED, State.STOPPED, State.WITHDRAWN}),
        State.RELEASED: frozenset({State.WITHDRAWN}),
        State.REFUSED: frozenset(),
        State.STOPPED: frozenset(),
        State.WITHDRAWN: frozenset(),
    }

    photo = models.ForeignKey(Photo, on_delete=models.PROTECT, related_name="releases")
    copy = models.OneToOneField(
        Copy, null=True, blank=True, on_delete=models.PROTECT, related_name="release"
    )
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    purpose = models.CharField(max_length=20)
    audience = models.CharField(max_length=20)
    target = models.CharField(max_length=200)
    """Where it goes, in words: "Tuesday teaching, this practice"."""
    ticked = models.JSONField(default=list)
    """What the requester looked for and settled that machines can't see."""
    discloses = models.JSONField(default=dict, blank=True)
    """What the release says of the patient beside the picture, as `expose` reads facts."""
    exposure = models.CharField(max_length=12, default="not-assessed")
    assessment = models.JSONField(default=dict, blank=True)
    """The last report on what all releases add up to, with the model it rests on."""
    intruder_test = models.JSONField(default=list, blank=True)
    """The motivated-intruder test: who, what they hold, what was searched, the outcome."""
    judgement = models.TextField(blank=True)
    """Why the reviewing person let a doubtful exposure pass; never for one that blocks."""
    requested_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    reviewed_by = models.ForeignKey(
        Staff, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reviewed_at = models.DateTimeField(null=True, blank=True)
    review_note = models.TextField(blank=True)
    decision = models.JSONField(default=dict)
    """The last decision taken on it, with pack id and hash."""

    objects = PictureQuerySet.as_manager()

    class Meta:
        ordering = ["-requested_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(reviewed_by__isnull=True)
                | ~models.Q(reviewed_by=models.F("requested_by")),
                name="release_reviewer_is_not_requester",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="released") | models.Q(reviewed_by__isnull=False),
                name="released_only_after_review",
            ),
        ]

    def __str__(self) -> str:
        return f"Release {self.pk}"

    def is_first_person(self, staff: Staff) -> bool:
        """Say whether the person asked for the copy or made it: someone else has to review it."""
        made_by = self.copy.made_by_id if self.copy is not None else None
        return staff.pk in {self.requested_by_id, made_by}

    def set_state(self, state: State) -> None:
        """Move on, or raise ValueError where the way doesn't lead."""
        if state not in self.NEXT[self.State(self.state)]:
            raise ValueError(f"a release doesn't go from {self.state} to {state}")
        self.state = state
        self.save()


class Link(PracticeRow):
    """A question to one named colleague outside, and the way in that can be taken back."""

    photo = models.ForeignKey(Photo, on_delete=models.PROTECT, related_name="links")
    recipient_name = models.CharField(max_length=200)
    recipient_email = models.EmailField()
    question = models.TextField()
    secret_hash = models.CharField(max_length=64, unique=True)
    """SHA-256 of the 32 random bytes in the link's fragment."""
    code_hash = models.CharField(max_length=200, blank=True)
    code_sent_at = models.DateTimeField(null=True, blank=True)
    code_tries = models.PositiveSmallIntegerField(default=0)
    codes_sent = models.PositiveSmallIntegerField(default=0)
    restrictions = models.JSONField(default=list, blank=True)
    """Names of what further limits the link; one that isn't known refuses every opening."""
    bound_to = models.CharField(max_length=64, blank=True)
    """Hash of the first browser's token: no other browser may open it."""
    expires_at = models.DateTimeField()
    openings_allowed = models.PositiveSmallIntegerField(default=5)
    openings_used = models.PositiveSmallIntegerField(default=0)
    opened_at = models.DateTimeField(null=True, blank=True)
    """Of the last opening: the picture is shown for a while after it, then asked for anew."""
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    decision = models.JSONField(default=dict)

    objects = PictureQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(openings_used__lte=models.F("openings_allowed")),
                name="link_openings_within_allowance",
            )
        ]

    def __str__(self) -> str:
        return f"Link {self.pk}"

    def is_open(self, *, now: datetime) -> bool:
        """Say whether the link could still be opened, consent apart."""
        return (
            self.revoked_at is None
            and now < self.expires_at
            and self.openings_used < self.openings_allowed
        )

    def set_revoked(self, *, at: datetime) -> None:
        """Make the link dead from now on; a second time changes nothing."""
        if self.revoked_at is None:
            self.revoked_at = at
            self.save(update_fields=["revoked_at"])


class Reply(PracticeRow):
    """A colleague's opinion, in the patient's record."""

    link = models.ForeignKey(Link, on_delete=models.PROTECT, related_name="replies")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="replies")
    text = models.TextField()
    at = models.DateTimeField()

    objects = PictureQuerySet.as_manager()

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"Reply {self.pk}"


class Disclosure(PracticeRow):
    """What left, to whom, saying what. A withdrawal doesn't remove it: what was seen stays seen."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="disclosures")
    release = models.ForeignKey(
        Release, null=True, blank=True, on_delete=models.PROTECT, related_name="disclosures"
    )
    audience = models.JSONField()
    """Classes of viewer, as `expose` reads them."""
    sealed_facts = models.BinaryField(default=bytes)
    """What was said beside the picture, sealed under this row's own key: `flows.exposing`."""
    is_certain = models.BooleanField(default=True)
    """Whether it is of this patient for sure; of a post found elsewhere that may be in doubt."""
    at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = PictureQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Disclosure {self.pk}"


class ExposureAlarm(PracticeRow):
    """Something that is out has become too telling since: a new fact made its crowd smaller."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="alarms")
    was = models.CharField(max_length=12)
    is_now = models.CharField(max_length=12)
    assessment = models.JSONField(default=dict)
    raised_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(
        Staff, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    note = models.TextField(blank=True)
    """What was done about it."""

    objects = PictureQuerySet.as_manager()

    class Meta:
        ordering = ["-raised_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["release", "is_now"],
                condition=models.Q(settled_at__isnull=True),
                name="one_open_alarm_for_a_release_and_verdict",
            )
        ]

    def __str__(self) -> str:
        return f"Alarm {self.pk}"

    def set_settled(self, *, by: Staff, note: str, at: datetime) -> None:
        """Record what was done about it."""
        self.settled_by, self.note, self.settled_at = by, note, at
        self.save(update_fields=["settled_by", "note", "settled_at"])
