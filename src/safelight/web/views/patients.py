"""Add a patient, and write down who decides for them and why."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.text import capfirst
from django.views.decorators.http import require_GET, require_http_methods

from safelight.flows import assessing, in_force
from safelight.flows import patients as flow
from safelight.flows.allowed import DoesNotFit
from safelight.flows.once import AlreadyDone
from safelight.flows.who_decides import may_decide, right_of, terms_for, together_with
from safelight.policy.roles import Action
from safelight.records.models import Assessment, Patient, Representative
from safelight.web.doors import SignedInRequest, needs
from safelight.web.forms import once_of, put_right
from safelight.web.people_forms import (
    WISHES,
    AssessmentForm,
    ConsultationForm,
    DeathForm,
    EndForm,
    PatientForm,
    RepresentativeForm,
)
from safelight.web.words import PURPOSES

form_page = require_http_methods(["GET", "HEAD", "POST"])


@form_page
@needs(Action.RECORD_CONSENT)
def add(request: SignedInRequest) -> HttpResponse:
    """Add a patient, then go to the patient’s page."""
    terms = in_force.pack_of(request.user.practice, now=timezone.now()).terms
    form = PatientForm(request.POST or None, number=terms.patient_number)
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


@form_page
@needs(Action.RECORD_CONSENT)
def correct(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Put right a patient's name, date of birth or number."""
    patient, now = _patient(request, pk), timezone.now()
    terms = in_force.pack_of(request.user.practice, now=now).terms
    known = {each: getattr(patient, each) for each in ("name", "born_on", "nhs_number")}
    form = PatientForm(request.POST or None, number=terms.patient_number, initial=known)
    if form.is_valid():
        began = request.POST.get("began", "")
        try:
            flow.correct_patient(
                patient, **form.cleaned_data, began=began, by=request.user, now=now
            )
        except DoesNotFit as refused:
            put_right(form, refused.fields)
        except flow.ChangedMeanwhile as error:
            messages.error(request, f"{error.for_people} Here is what it says now.")
            return redirect("patient-correct", patient.pk)
        else:
            messages.success(request, "Put right")
            return redirect("patient", patient.pk)
    context = {
        "patient": patient,
        "back": "patient",
        "form": form,
        "began": request.POST.get("began") or flow.entry_digest(patient),
        "title": "What is wrong here?",
        "action": "Put it right",
    }
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
        "terms": terms_for(patient, on=timezone.localdate(now)),
        "deciders": flow.deciders(patient, now=now),
        "people": _people(patient, now=now),
        "assessments": patient.assessments.select_related("by"),
        "consultations": [
            {"said": each, "uses": ", ".join(PURPOSES[purpose] for purpose in each.purposes)}
            for each in patient.consultations.select_related("by")
        ],
        "wishes": [
            (PURPOSES[each], patient.known_wishes[each])
            for each in WISHES
            if each in patient.known_wishes
        ],
    }
    return render(request, "patients/deciders.html", context)


@form_page
@needs(Action.RECORD_CONSENT)
def add_representative(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Write down someone who decides for the patient."""
    patient = _patient(request, pk)
    form = RepresentativeForm(
        request.POST or None, kinds=flow.kinds_known_to(patient, now=timezone.now())
    )
    if form.is_valid():
        try:
            flow.add_representative(
                patient,
                **form.cleaned_data,
                once=once_of(request),
                by=request.user,
                now=timezone.now(),
            )
        except DoesNotFit as refused:
            put_right(form, refused.fields)
        except AlreadyDone:
            return redirect("patient-deciders", patient.pk)
        else:
            messages.success(request, "Written down")
            return redirect("patient-deciders", patient.pk)
    return _form(
        request, patient, form, title="Who decides for this patient?", action="Write it down"
    )


@form_page
@needs(Action.RECORD_CONSENT)
def end_authority(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Write down that somebody may no longer decide."""
    who = get_object_or_404(
        Representative.objects.visible_to(request.user).select_related("patient"), pk=pk
    )
    form = EndForm(request.POST or None)
    if form.is_valid():
        try:
            flow.end_authority(who, **form.cleaned_data, by=request.user, now=timezone.now())
        except DoesNotFit as refused:
            put_right(form, refused.fields)
        else:
            messages.success(request, f"Written down. {who.name} decides no more.")
            return redirect("patient-deciders", who.patient_id)
    return _form(
        request,
        who.patient,
        form,
        title=f"{who.name} may no longer decide",
        action="End the authority",
    )


@form_page
@needs(Action.RECORD_CONSENT)
def add_assessment(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Write down whether the patient can decide."""
    patient, now = _patient(request, pk), timezone.now()
    today = timezone.localdate(now)
    child = not flow.is_presumed_capable(patient, on=today)
    competence = terms_for(patient, on=today).child_competence
    form = AssessmentForm(
        request.POST or None, child=child, competence=competence, initial={"assessed_on": today}
    )
    if form.is_valid():
        kind = Assessment.Kind.GILLICK if child else Assessment.Kind.CAPACITY
        try:
            assessing.record_assessment(
                patient,
                kind=kind.value,
                **form.cleaned_data,
                once=once_of(request),
                by=request.user,
                now=now,
            )
        except DoesNotFit as refused:
            put_right(form, refused.fields)
        except AlreadyDone:
            return redirect("patient-deciders", patient.pk)
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
    form = DeathForm(request.POST or None, initial=_known_of(patient))
    if form.is_valid():
        said = form.cleaned_data
        try:
            flow.record_death(
                patient,
                died_on=said["died_on"],
                known_wishes=form.wishes(),
                genetic_or_third_party=_flag(said["genetic_or_third_party"]),
                legal_advice=said["legal_advice"],
                by=request.user,
                now=timezone.now(),
            )
        except DoesNotFit as refused:
            put_right(form, refused.fields)
        else:
            messages.success(request, "Written down")
            return redirect("patient-deciders", patient.pk)
    return _form(request, patient, form, title="After a death", action="Write it down")


@form_page
@needs(Action.RECORD_CONSENT)
def add_consultation(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Write down who was asked after a death, and what they said."""
    patient = _patient(request, pk)
    form = ConsultationForm(request.POST or None)
    if form.is_valid():
        try:
            flow.record_consultation(
                patient,
                **form.cleaned_data,
                once=once_of(request),
                by=request.user,
                now=timezone.now(),
            )
        except DoesNotFit as refused:
            put_right(form, refused.fields)
        except AlreadyDone:
            return redirect("patient-deciders", patient.pk)
        else:
            messages.success(request, "Written down")
            return redirect("patient-deciders", patient.pk)
    return _form(
        request, patient, form, title="Who was asked after the death?", action="Write it down"
    )


def _people(patient: Patient, *, now: datetime) -> list[dict[str, object]]:
    """Return those who are written down, each with whether they decide today, and why not."""
    today, people = timezone.localdate(now), list(patient.representatives.order_by("created_at"))
    terms = terms_for(patient, on=today)
    return [
        {
            "who": each,
            "right": capfirst(right_of(each, on=today)),
            "is_known": each.authority in terms.vocabulary.kinds,
            "decides": may_decide(each, people, patient, on=today),
            "holds": each.holds_on(today),
            "with": [other.name for other in together_with(each, people)],
        }
        for each in people
    ]


def _known_of(patient: Patient) -> dict[str, object]:
    known: dict[str, object] = {f"wish-{key}": wish for key, wish in patient.known_wishes.items()}
    if patient.genetic_or_third_party is not None:
        known["genetic_or_third_party"] = "yes" if patient.genetic_or_third_party else "no"
    return known | {"died_on": patient.died_on, "legal_advice": patient.legal_advice}


def _form(
    request: SignedInRequest, patient: Patient, form: forms.Form, *, title: str, action: str
) -> HttpResponse:
    context = {"patient": patient, "form": form, "title": title, "action": action}
    return render(request, "patients/form.html", context)


def _patient(request: SignedInRequest, pk: UUID) -> Patient:
    return get_object_or_404(Patient.objects.visible_to(request.user), pk=pk)


def _flag(said: str) -> bool | None:
    return {"yes": True, "no": False}.get(said)


urlpatterns = [
    path("patients/new/", add, name="patient-new"),
    path("patients/<uuid:pk>/correct/", correct, name="patient-correct"),
    path("patients/<uuid:pk>/deciders/", deciders, name="patient-deciders"),
    path("patients/<uuid:pk>/deciders/new/", add_representative, name="representative-new"),
    path("deciders/<uuid:pk>/end/", end_authority, name="representative-end"),
    path("patients/<uuid:pk>/assessments/new/", add_assessment, name="assessment-new"),
    path("patients/<uuid:pk>/death/", record_death, name="patient-death"),
    path("patients/<uuid:pk>/asked/new/", add_consultation, name="consultation-new"),
]
