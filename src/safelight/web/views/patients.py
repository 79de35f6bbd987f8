"""Add a patient, and write down who decides for them and why."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from safelight.flows import patients as flow
from safelight.flows.allowed import DoesNotFit
from safelight.flows.once import AlreadyDone
from safelight.policy.roles import Action
from safelight.records.models import Assessment, Patient, Representative
from safelight.terms import Purpose
from safelight.web.doors import SignedInRequest, needs
from safelight.web.forms import DayField, Option, once_of, put_right

form_page = require_http_methods(["GET", "HEAD", "POST"])
YES_NO = [("yes", "Yes"), ("no", "No"), ("", "Not known yet")]


class PatientForm(forms.Form):
    """A new patient."""

    name = forms.CharField(
        label="Full name", max_length=200, error_messages={"required": "Type the name"}
    )
    born_on = DayField(label="Date of birth")
    nhs_number = forms.CharField(
        label="NHS number",
        required=False,
        max_length=14,
        help_text="Ten digits. Leave it out if you don’t have it.",
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"max_length": "Check the NHS number: it has ten digits"},
    )


class RepresentativeForm(forms.Form):
    """Someone who decides for a patient."""

    name = forms.CharField(
        label="Full name", max_length=200, error_messages={"required": "Type the name"}
    )
    relation = forms.CharField(
        label="Who is this to the patient?",
        max_length=100,
        help_text="For example, mother or husband",
        error_messages={"required": "Say who this is to the patient"},
    )
    authority = forms.ChoiceField(
        label="By what right do they decide?",
        widget=forms.RadioSelect,
        choices=Representative.Authority.choices,
        error_messages={"required": "Choose by what right this person decides"},
    )
    evidence = forms.CharField(
        label="What did you see as proof?",
        max_length=300,
        required=False,
        help_text="For example, the registered power of attorney and its number",
    )
    expires_on = DayField(
        label="Does it end on a day?", required=False, help_text="Leave it out if not"
    )


class AssessmentForm(forms.Form):
    """An assessment of whether a patient can decide; the outcomes depend on the age."""

    outcome = forms.ChoiceField(
        label="What did you find?",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what you found"},
    )
    decision = forms.CharField(
        label="Which decision was it about?",
        max_length=200,
        initial="A picture for care, and what it may be used for",
        error_messages={"required": "Say which decision this was about"},
    )
    support = forms.CharField(
        label="How did you help the patient decide?",
        required=False,
        max_length=2000,
        widget=forms.Textarea({"rows": 3}),
        help_text="For example, more time, plain words, a person they trust",
    )
    assessed_on = DayField(label="When?")

    def __init__(self, *args: Any, child: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        competent = [
            ("competent", Option("Can decide this", "Gillick competent for this decision.")),
            ("not-competent", Option("Can’t decide this", "Someone with authority decides.")),
        ]
        capable = [
            ("has", Option("Can decide this", "Has capacity for this decision.")),
            ("lacks", Option("Can’t decide this", "Lacks capacity for this decision.")),
            ("lost-for-now", Option("Can’t decide just now", "Ask again on recovery.")),
        ]
        outcome = self.fields["outcome"]
        assert isinstance(outcome, forms.ChoiceField)
        outcome.choices = competent if child else capable


class DeathForm(forms.Form):
    """A death, and the wishes that are known."""

    died_on = DayField(label="When did the patient die?")
    teaching = forms.ChoiceField(
        label="Did the patient want pictures used for teaching?",
        required=False,
        widget=forms.RadioSelect,
        choices=YES_NO,
    )
    publication = forms.ChoiceField(
        label="Did the patient want pictures published?",
        required=False,
        widget=forms.RadioSelect,
        choices=YES_NO,
    )
    executor_or_family_consulted = forms.ChoiceField(
        label="Was the executor or the family asked?",
        required=False,
        widget=forms.RadioSelect,
        choices=YES_NO,
    )
    genetic_or_third_party = forms.ChoiceField(
        label="Do the pictures tell something about relatives?",
        required=False,
        widget=forms.RadioSelect,
        choices=YES_NO,
        help_text="For example, a condition that runs in the family",
    )


@form_page
@needs(Action.RECORD_CONSENT)
def add(request: SignedInRequest) -> HttpResponse:
    """Add a patient, then go to the patient’s page."""
    form = PatientForm(request.POST or None)
    if form.is_valid():
        try:
            made = flow.add_patient(
                **form.cleaned_data, once=once_of(request), by=request.user, now=timezone.now()
            )
        except DoesNotFit as refused:
            put_right(form, refused.fields)
        except AlreadyDone as before:
            return redirect("patient", before.made)
        else:
            return redirect("patient", made.pk)
    context = {"form": form, "title": "Who is the patient?", "action": "Add the patient"}
    return render(request, "patients/form.html", context)


@require_GET
@needs(Action.SEE_PATIENTS)
def deciders(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show who decides for a patient, and on what that rests."""
    patient = _patient(request, pk)
    now = timezone.now()
    context = {
        "patient": patient,
        "age": flow.age(patient, on=timezone.localdate(now)),
        "deciders": flow.deciders(patient, now=now),
        "assessments": patient.assessments.select_related("by"),
        "today": timezone.localdate(now),
    }
    return render(request, "patients/deciders.html", context)


@form_page
@needs(Action.RECORD_CONSENT)
def add_representative(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Write down someone who decides for the patient."""
    patient = _patient(request, pk)
    form = RepresentativeForm(request.POST or None)
    if form.is_valid():
        try:
            flow.add_representative(
                patient, **form.cleaned_data, by=request.user, now=timezone.now()
            )
        except DoesNotFit as refused:
            put_right(form, refused.fields)
        else:
            messages.success(request, "Written down")
            return redirect("patient-deciders", patient.pk)
    return _form(
        request, patient, form, title="Who decides for this patient?", action="Write it down"
    )


@form_page
@needs(Action.RECORD_CONSENT)
def add_assessment(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Write down whether the patient can decide."""
    patient, now = _patient(request, pk), timezone.now()
    today = timezone.localdate(now)
    child = flow.age(patient, on=today) < flow.PRESUMED_CAPABLE
    form = AssessmentForm(request.POST or None, child=child, initial={"assessed_on": today})
    if form.is_valid():
        kind = Assessment.Kind.GILLICK if child else Assessment.Kind.CAPACITY
        try:
            flow.record_assessment(
                patient, kind=kind.value, **form.cleaned_data, by=request.user, now=now
            )
        except DoesNotFit as refused:
            put_right(form, refused.fields)
        else:
            messages.success(request, "Written down")
            return redirect("patient-deciders", patient.pk)
    return _form(
        request, patient, form, title="Can the patient decide this?", action="Write it down"
    )


@form_page
@needs(Action.RECORD_CONSENT)
def record_death(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Write down a death and the wishes that are known."""
    patient = _patient(request, pk)
    form = DeathForm(request.POST or None, initial={"died_on": patient.died_on})
    if form.is_valid():
        said = form.cleaned_data
        try:
            flow.record_death(
                patient,
                died_on=said["died_on"],
                known_wishes=_wishes(said["teaching"], said["publication"]),
                executor_or_family_consulted=_flag(said["executor_or_family_consulted"]),
                genetic_or_third_party=_flag(said["genetic_or_third_party"]),
                by=request.user,
                now=timezone.now(),
            )
        except DoesNotFit as refused:
            put_right(form, refused.fields)
        else:
            messages.success(request, "Written down")
            return redirect("patient-deciders", patient.pk)
    return _form(request, patient, form, title="After a death", action="Write it down")


def _form(
    request: SignedInRequest, patient: Patient, form: forms.Form, *, title: str, action: str
) -> HttpResponse:
    context = {"patient": patient, "form": form, "title": title, "action": action}
    return render(request, "patients/form.html", context)


def _patient(request: SignedInRequest, pk: UUID) -> Patient:
    return get_object_or_404(Patient.objects.visible_to(request.user), pk=pk)


def _flag(said: str) -> bool | None:
    return {"yes": True, "no": False}.get(said)


def _wishes(teaching: str, publication: str) -> dict[str, str]:
    known = {
        Purpose.TEACHING_LOCAL: teaching,
        Purpose.TEACHING_WIDE: teaching,
        Purpose.PUBLICATION: publication,
    }
    return {purpose.value: said for purpose, said in known.items() if said}


urlpatterns = [
    path("patients/new/", add, name="patient-new"),
    path("patients/<uuid:pk>/deciders/", deciders, name="patient-deciders"),
    path("patients/<uuid:pk>/deciders/new/", add_representative, name="representative-new"),
    path("patients/<uuid:pk>/assessments/new/", add_assessment, name="assessment-new"),
    path("patients/<uuid:pk>/death/", record_death, name="patient-death"),
]
