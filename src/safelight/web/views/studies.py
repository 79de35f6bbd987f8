"""On what research rests: the project, the ethics reference, and an approval where there is no consent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.text import capfirst
from django.views.decorators.http import require_http_methods

from safelight.flows import studies as flow
from safelight.flows.allowed import DoesNotFit
from safelight.policy.roles import Action
from safelight.records.models import Patient, Photo, Study
from safelight.web.doors import SignedInRequest, needs
from safelight.web.forms import Option, put_right

if TYPE_CHECKING:
    from collections.abc import Mapping

form_page = require_http_methods(["GET", "HEAD", "POST"])


class StudyForm(forms.Form):
    """What a use for research rests on. Nothing is chosen before somebody chooses it."""

    project = forms.CharField(
        label="Project",
        max_length=flow.LONGEST,
        help_text="Its name or number",
        error_messages={"required": "Type the name or number of the project"},
    )
    ethics = forms.CharField(
        label="Ethics reference",
        max_length=flow.LONGEST,
        help_text="Of the committee that approved it",
        error_messages={"required": "Type the reference of the ethics committee"},
    )
    legal_basis = forms.ChoiceField(
        label="What does it rest on?",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what it rests on"},
    )
    reference = forms.CharField(
        label="Reference of that approval",
        required=False,
        max_length=flow.LONGEST,
        help_text="Only where it doesn’t rest on consent",
    )
    opt_out = forms.ChoiceField(
        label="Did you look whether the patient opted out of research?",
        required=False,
        widget=forms.RadioSelect,
        choices=[*Study.OptOut.choices, ("", "Not yet")],
        help_text="Needed where it rests on an approval. Who opted out stays out.",
    )

    def __init__(
        self, data: Any = None, *, bases: Mapping[str, str], asks_about_opting_out: bool
    ) -> None:
        super().__init__(data)
        chooser = self.fields["legal_basis"]
        assert isinstance(chooser, forms.ChoiceField)
        rests = [(name, Option(capfirst(words))) for name, words in bases.items()]
        chooser.choices = [(_CONSENT, Option("The consent to research")), *rests]
        if not asks_about_opting_out:
            del self.fields["opt_out"]

    def ground(self) -> flow.Ground:
        """Return what was said, as the flow takes it."""
        said = self.cleaned_data
        basis = "" if said["legal_basis"] == _CONSENT else said["legal_basis"]
        return flow.Ground(
            said["project"], said["ethics"], basis, said["reference"], said.get("opt_out", "")
        )


_CONSENT = "consent"


@form_page
@needs(Action.RECORD_CONSENT)
def of_picture(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Say on what research with one picture rests."""
    rows = Photo.objects.visible_to(request.user).filter(state=Photo.State.KEPT)
    photo = get_object_or_404(rows.select_related("patient__practice", "practice"), pk=pk)
    return _ground(request, photo.patient, photo)


@form_page
@needs(Action.RECORD_CONSENT)
def of_making(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Say on what a picture rests that is to be made for research."""
    rows = Patient.objects.visible_to(request.user).select_related("practice")
    return _ground(request, get_object_or_404(rows, pk=pk), None)


def _ground(request: SignedInRequest, patient: Patient, photo: Photo | None) -> HttpResponse:
    now = timezone.now()
    form = StudyForm(
        request.POST or None,
        bases=flow.bases(patient, now=now),
        asks_about_opting_out=flow.asks_about_opting_out(patient, now=now),
    )
    if form.is_valid():
        try:
            flow.ground(patient, photo=photo, said=form.ground(), by=request.user, now=now)
        except DoesNotFit as refused:
            put_right(form, refused.fields)
        else:
            messages.success(request, "Written down")
            return redirect("picture", photo.pk) if photo else redirect("patient", patient.pk)
    context = {
        "form": form,
        "patient": patient,
        "photo": photo,
        "earlier": patient.studies.filter(photo=photo).select_related("by"),
    }
    return render(request, "patients/study.html", context)


urlpatterns = [
    path("pictures/<uuid:pk>/research/", of_picture, name="study"),
    path("patients/<uuid:pk>/research/", of_making, name="study-making"),
]
