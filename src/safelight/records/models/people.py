"""Practices, those who work there, patients, and those who decide for them."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from safelight.policy.roles import Role
from safelight.records.models.base import PracticeQuerySet, PracticeRow


class Practice(models.Model):
    """A tenant: every row belongs to one, and so does every key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    pack = models.CharField(max_length=40, default="england")
    """The pack that came with Safelight and decides while no other was activated."""
    switches = models.JSONField(default=dict, blank=True)
    """Each switch of its pack that is on, by name, with the recorded reason; what isn't here is off."""
    packs = models.JSONField(default=list, blank=True)
    """Versions of the pack that were activated, each with the day from which it decides, in order.
    Empty: the one that came with Safelight. It stands here so that a decision asks for no more rows.
    """
    local_rules = models.TextField(blank=True)
    """The practice's own guards, on top of the pack (TOML)."""
    places = models.JSONField(default=list, blank=True)
    """Codes of the districts that its patients come from: whoever sees its name knows them."""
    list_size = models.PositiveIntegerField(null=True, blank=True)
    """How many patients it has, where it said so."""
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class StaffManager(BaseUserManager["Staff"]):
    """Makes accounts; there is no sign-up and no superuser."""

    def create_user(
        self, email: str, *, practice: Practice, name: str, role: Role, password: str | None = None
    ) -> Staff:
        """Add a person; without a password the account waits for its invitation."""
        staff = self.model(
            email=self.normalize_email(email).lower(), practice=practice, name=name, role=role
        )
        staff.set_password(password)
        staff.save(using=self._db)
        return staff


class Staff(AbstractBaseUser):
    """Someone who signs in."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    practice = models.ForeignKey(Practice, on_delete=models.PROTECT, related_name="staff")
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200)
    role = models.CharField(max_length=20, choices=[(role.value, role.name) for role in Role])
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = StaffManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(role__in=[role.value for role in Role]),
                name="staff_has_a_known_role",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_full_name(self) -> str:
        """Return the name as colleagues read it."""
        return self.name


class PatientQuerySet(PracticeQuerySet["Patient"]):
    """Patients; one whose record was erased is nobody any more, and nobody finds it."""

    def visible_to(self, staff: Staff) -> Self:
        """Return the practice's patients, as far as the role may see them."""
        return super().visible_to(staff).filter(erased_at__isnull=True)


class Patient(PracticeRow):
    """A patient of the practice."""

    name = models.CharField(max_length=200)
    born_on = models.DateField()
    nhs_number = models.CharField(max_length=10, blank=True)
    died_on = models.DateField(null=True, blank=True)
    subject = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    """The only name that the ledger knows; destroying this link makes its entries nobody's."""
    known_wishes = models.JSONField(default=dict, blank=True)
    """Purpose to "yes" or "no", as known of someone who has died (GMC VAR 47)."""
    genetic_or_third_party = models.BooleanField(null=True, blank=True)
    """Whether the pictures tell something about relatives or others."""
    legal_advice = models.TextField(blank=True)
    """Who was asked, and what they advised, where the pictures touch others."""
    language = models.CharField(max_length=10, blank=True)
    """The language in which the last answer was given; empty before the first."""
    easy_read = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    erased_at = models.DateTimeField(null=True, blank=True)
    """When everything that told who it is was destroyed; the row is a stub since."""

    objects = PatientQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["practice", "name"])]

    def __str__(self) -> str:
        return self.name


class Representative(PracticeRow):
    """Someone with authority to decide for a patient, and by what right."""

    class Acts(models.TextChoices):
        """How several people with one authority decide."""

        ALONE = "alone", "Alone"
        SEVERALLY = "severally", "Jointly and severally: each may decide alone"
        JOINTLY = "jointly", "Jointly: only together with the others"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="representatives")
    name = models.CharField(max_length=200)
    relation = models.CharField(max_length=100)
    authority = models.CharField(max_length=30)
    """A kind that the pack in force names; which of them may decide, it says."""
    evidence = models.CharField(max_length=300)
    """What was seen as proof: a registered document, its number."""
    acts = models.CharField(max_length=10, choices=Acts, default=Acts.ALONE)
    expires_on = models.DateField(null=True, blank=True)
    """Last day of the authority, where that was known from the start."""
    ended_on = models.DateField(null=True, blank=True)
    """First day without it: revoked, given up, ended by a court or by a death."""
    ended_because = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()

    objects = PracticeQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name}, {self.relation}"

    @property
    def last_on(self) -> date | None:
        """Return the last day of the authority, None while no end is known."""
        ended = self.ended_on - timedelta(days=1) if self.ended_on else None
        return min((day for day in (self.expires_on, ended) if day), default=None)

    def holds_on(self, day: date) -> bool:
        """Say whether the authority itself holds; who acts jointly may still need the others."""
        return self.last_on is None or day <= self.last_on

    def set_ended(self, *, on: date, because: str) -> None:
        """End the authority from this day on."""
        self.ended_on, self.ended_because = on, because
        self.save(update_fields=["ended_on", "ended_because"])


class Assessment(PracticeRow):
    """Whether a patient could decide, for one decision at one time (MCA 2005; GMC VAR 34)."""

    class Kind(models.TextChoices):
        """Capacity is asked from the age at which it is presumed, Gillick competence before."""

        CAPACITY = "capacity", "Capacity"
        GILLICK = "gillick", "Gillick competence"

    class About(models.TextChoices):
        """The decisions that are told apart, the simplest first: one says nothing of the next."""

        CARE = "care", "A picture for their own care"
        LEARNING = "learning", "Teaching, research, showing colleagues"
        PUBLIC = "public", "A journal, a book, social media"

    class Parents(models.TextChoices):
        """Whether parents are involved; a child who decides is encouraged to (GMC VAR 34)."""

        YES = "yes", "Yes, they know"
        NO = "no", "Not yet"
        DECLINED = "declined", "The child said no to that"

    OUTCOMES: ClassVar[dict[str, tuple[str, ...]]] = {
        Kind.CAPACITY: ("has", "lacks", "lost-for-now"),
        Kind.GILLICK: ("competent", "not-competent"),
    }

    FOUND: ClassVar[dict[str, str]] = {
        "has": "can decide",
        "lacks": "can’t decide",
        "lost-for-now": "can’t decide just now",
        "competent": "can decide",
        "not-competent": "can’t decide",
    }

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="assessments")
    kind = models.CharField(max_length=10, choices=Kind)
    outcome = models.CharField(max_length=20)
    about = models.JSONField(default=list)
    """Which of `About` was assessed; for anything else it doesn't count."""
    decision = models.CharField(max_length=200)
    """The decision that was assessed, in words."""
    parents = models.CharField(max_length=10, choices=Parents, blank=True)
    support = models.TextField(blank=True)
    """What was done to help the patient decide."""
    assessed_on = models.DateField()
    recorded_at = models.DateTimeField(null=True, blank=True)
    by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")

    objects = PracticeQuerySet.as_manager()

    class Meta:
        ordering = ["-assessed_on", models.F("recorded_at").desc(nulls_last=True), "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="capacity", outcome__in=("has", "lacks", "lost-for-now"))
                | models.Q(kind="gillick", outcome__in=("competent", "not-competent")),
                name="assessment_has_a_known_outcome",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.outcome}"

    @property
    def outcome_words(self) -> str:
        """Return what was found, in words."""
        return self.FOUND[self.outcome]

    @property
    def about_words(self) -> str:
        """Return what was assessed, in words."""
        return ", ".join(str(self.About(each).label) for each in self.about)


class Consultation(PracticeRow):
    """Somebody who was asked after a death, and what they said (GMC VAR 47-48)."""

    class Who(models.TextChoices):
        """Next of kin as such are family: whom the will names is another question."""

        EXECUTOR = "executor", "Executor of the will"
        ADMINISTRATOR = "administrator", "Administrator of the estate"
        FAMILY = "family", "Family, or somebody close"

    class Answer(models.TextChoices):
        """What was said."""

        AGREES = "agrees", "Agrees"
        OBJECTS = "objects", "Objects"
        NO_VIEW = "no-view", "Has no view"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="consultations")
    name = models.CharField(max_length=200)
    who = models.CharField(max_length=20, choices=Who)
    relation = models.CharField(max_length=100, blank=True)
    purposes = models.JSONField()
    """The uses that they were asked about."""
    answer = models.CharField(max_length=10, choices=Answer)
    words = models.TextField()
    """What they said."""
    asked_on = models.DateField()
    recorded_at = models.DateTimeField()
    by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")

    objects = PracticeQuerySet.as_manager()

    class Meta:
        ordering = ["asked_on", "recorded_at"]

    def __str__(self) -> str:
        return f"Consultation {self.pk}"
