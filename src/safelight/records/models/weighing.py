"""What is weighed for someone who can't decide, and what is agreed before something goes public."""

from __future__ import annotations

from typing import Any

from django.db import models

from safelight.records.models.base import PictureQuerySet, PracticeQuerySet, PracticeRow
from safelight.records.models.consent import Consent
from safelight.records.models.people import Patient, Representative, Staff
from safelight.records.models.pictures import Copy, Photo
from safelight.records.models.sharing import Release

LOOKED: dict[str, bool] = {"not-opted-out": False, "opted-out": True}
"""What a look for the opt-out gave, by its word in `OptOut`: whether the patient opted out."""


class Weighing(PracticeRow):
    """The three questions for one use, answered by a clinician and by a representative.

    Necessary, in the patient's interests, no less restrictive way (GMC VAR 31-34).
    """

    class OptOut(models.TextChoices):
        """What the check of the national opt-out for research gave."""

        NOT_OPTED_OUT = "not-opted-out", "Looked: not opted out"
        OPTED_OUT = "opted-out", "Looked: opted out"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="weighings")
    photo = models.ForeignKey(
        Photo, null=True, blank=True, on_delete=models.PROTECT, related_name="weighings"
    )
    """The picture to be used; none where one is to be made."""
    purpose = models.CharField(max_length=20)
    answers = models.JSONField()
    """Question to {"clinician": yes, "clinician_why": words, "representative": …, "representative_why": …}."""
    representative = models.ForeignKey(Representative, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")
    """The clinician who answered, and wrote down what the representative said."""
    at = models.DateTimeField()
    approval = models.CharField(max_length=200, blank=True)
    """Reference of the approval of research with people who can't decide."""
    project = models.CharField(max_length=200, blank=True)
    ethics = models.CharField(max_length=200, blank=True)
    opt_out = models.CharField(max_length=20, choices=OptOut, blank=True)

    objects = PracticeQuerySet.as_manager()

    class Meta:
        ordering = ["at"]

    def __str__(self) -> str:
        return f"Weighing {self.pk}"

    def tests(self, *, representative_may: bool) -> dict[str, Any]:
        """Return the answers as `decide` reads them; who may not decide any more isn't heard."""
        return {
            name: {
                "clinician": said["clinician"],
                "representative": said["representative"] if representative_may else None,
            }
            for name, said in self.answers.items()
        }

    def research(self, legal_basis: str | None) -> dict[str, Any]:
        """Return the approval as `decide` reads it, on the pack's legal basis; empty without one."""
        if not self.approval or legal_basis is None:
            return {}
        return {
            "authority": {
                "legal_basis": legal_basis,
                "reference": self.approval,
                "opt_out_checked": bool(self.opt_out) or None,
                "patient_opted_out": LOOKED.get(self.opt_out),
            },
            "project": {"reference": self.project or None, "ethics": self.ethics or None},
        }


class Study(PracticeRow):
    """On what a use for research rests: its project, who approved it, and by what right without a consent."""

    OptOut = Weighing.OptOut

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="studies")
    photo = models.ForeignKey(
        Photo, null=True, blank=True, on_delete=models.PROTECT, related_name="studies"
    )
    """The picture to be used; none where one is to be made."""
    project = models.CharField(max_length=200)
    ethics = models.CharField(max_length=200)
    """Reference of the ethics committee."""
    legal_basis = models.CharField(max_length=60, blank=True)
    """A legal basis of the pack; empty where it rests on consent."""
    reference = models.CharField(max_length=200, blank=True)
    """Of the approval that is that legal basis."""
    opt_out = models.CharField(max_length=20, choices=OptOut, blank=True)
    by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    objects = PracticeQuerySet.as_manager()

    class Meta:
        ordering = ["at"]

    def __str__(self) -> str:
        return f"Study {self.pk}"

    def facts(self) -> dict[str, Any]:
        """Return it as `decide` reads it."""
        return {
            "authority": {
                "legal_basis": self.legal_basis or None,
                "reference": self.reference or None,
                "opt_out_checked": bool(self.opt_out) or None,
                "patient_opted_out": LOOKED.get(self.opt_out),
            },
            "project": {"reference": self.project, "ethics": self.ethics},
        }


class FinalShowing(PracticeRow):
    """That the finished copy itself was shown to who agreed to its one target, and the answer."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="showings")
    copy = models.ForeignKey(Copy, on_delete=models.PROTECT, related_name="+")
    sha256 = models.CharField(max_length=64)
    """Of the file that was on the screen."""
    consent = models.ForeignKey(Consent, on_delete=models.PROTECT, related_name="showings")
    target = models.CharField(max_length=200)
    seen_by = models.CharField(max_length=30)
    """The patient, or the authority of the representative."""
    representative = models.ForeignKey(
        Representative, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    agrees = models.BooleanField()
    words = models.TextField(blank=True)
    shown_at = models.DateTimeField()
    shown_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")

    objects = PictureQuerySet.as_manager()

    class Meta:
        ordering = ["shown_at"]

    def __str__(self) -> str:
        return f"Showing {self.pk}"


class OrganisationAgreement(PracticeRow):
    """That the organisation agrees to what goes public: who said so for it, when, and why."""

    release = models.OneToOneField(
        Release, on_delete=models.PROTECT, related_name="organisation_agreement"
    )
    words = models.TextField(blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")

    objects = PictureQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Agreement {self.pk}"
