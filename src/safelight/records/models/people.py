"""Practices, those who work there, patients, and those who decide for them."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from safelight.policy.roles import Role
from safelight.records.models.base import PracticeQuerySet, PracticeRow


class Practice(models.Model):
    """A tenant: every row belongs to one, and so does every key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    pack = models.CharField(max_length=40, default="england")
    var17_reason = models.TextField(blank=True)
    """Why the practice turned on GMC VAR 17; empty means the switch is off."""
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name

    @property
    def var17(self) -> str | None:
        """Return the recorded reason for the VAR 17 switch, or None while it is off."""
        return self.var17_reason or None


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
    executor_or_family_consulted = models.BooleanField(null=True, blank=True)
    genetic_or_third_party = models.BooleanField(null=True, blank=True)
    created_at = models.DateTimeField()

    objects = PracticeQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["practice", "name"])]

    def __str__(self) -> str:
        return self.name


class Representative(PracticeRow):
    """Someone with authority to decide for a patient, and by what right."""

    class Authority(models.TextChoices):
        """The kinds of authority that `decide` knows as `given_by`."""

        PARENTAL_RESPONSIBILITY = "parental-responsibility", "Parental responsibility"
        LPA_HEALTH = "lpa-health", "Lasting power of attorney, health and welfare"
        DEPUTY = "deputy", "Deputy appointed by the court"
        COURT = "court", "Order of a court"
        EXECUTOR = "executor", "Executor or administrator"
        RELATIVE = "relative", "Relative, without legal authority"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="representatives")
    name = models.CharField(max_length=200)
    relation = models.CharField(max_length=100)
    authority = models.CharField(max_length=30, choices=Authority)
    evidence = models.CharField(max_length=300)
    """What was seen as proof: a registered document, its number."""
    expires_on = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField()

    objects = PracticeQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name}, {self.relation}"


class Assessment(PracticeRow):
    """Whether a patient could decide, for one decision at one time (MCA 2005; GMC VAR 34)."""

    class Kind(models.TextChoices):
        """Capacity is asked from 16, Gillick competence before."""

        CAPACITY = "capacity", "Capacity"
        GILLICK = "gillick", "Gillick competence"

    OUTCOMES: ClassVar[dict[str, tuple[str, ...]]] = {
        Kind.CAPACITY: ("has", "lacks", "lost-for-now"),
        Kind.GILLICK: ("competent", "not-competent"),
    }

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="assessments")
    kind = models.CharField(max_length=10, choices=Kind)
    outcome = models.CharField(max_length=20)
    decision = models.CharField(max_length=200)
    """The decision that was assessed, in words."""
    support = models.TextField(blank=True)
    """What was done to help the patient decide."""
    assessed_on = models.DateField()
    by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")

    objects = PracticeQuerySet.as_manager()

    class Meta:
        ordering = ["-assessed_on", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="capacity", outcome__in=("has", "lacks", "lost-for-now"))
                | models.Q(kind="gillick", outcome__in=("competent", "not-competent")),
                name="assessment_has_a_known_outcome",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.outcome}"
