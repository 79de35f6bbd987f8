"""Governance: what has been kept for its whole period, and the named person who decides."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from safelight.flows import retaining
from safelight.flows.allowed import DoesNotFit
from safelight.policy.roles import Action
from safelight.records.models import CareRecord, Patient, Review
from safelight.records.models.retention import RECORDS
from safelight.web.doors import SignedInRequest, needs
from safelight.web.forms import DayField, put_right

form_page = require_http_methods(["GET", "HEAD", "POST"])
KEEP, DESTROY = "keep", "destroy"


class KeepForm(forms.Form):
    """Until when it is kept longer, and why."""

    until = DayField(label="Keep it until", help_text="For example, 1 4 2031")
    reason = forms.CharField(
        label="Why is it kept longer?",
        max_length=1000,
        widget=forms.Textarea({"rows": 3}),
        error_messages={"required": "Say why it is kept longer"},
    )


class RecordForm(forms.Form):
    """What kind of record it is, and when it was last used."""

    kind = forms.ChoiceField(
        label="What kind of record do the pictures belong to?",
        widget=forms.RadioSelect,
        choices=RECORDS,
        error_messages={"required": "Choose the kind of record"},
    )
    ended_on = DayField(
        label="When did it stop being used?",
        required=False,
        help_text="Leave it out while the patient is looked after here",
    )


@require_GET
@needs(Action.GOVERN)
def due(request: SignedInRequest) -> HttpResponse:
    """List what is due, by which rule and since when, and what was decided."""
    found = Review.objects.visible_to(request.user).select_related("patient", "photo", "settled_by")
    context = {
        "due": found.filter(state=Review.State.DUE),
        "settled": found.exclude(state=Review.State.DUE).order_by("-settled_at")[:50],
    }
    return render(request, "retention/due.html", context)


@form_page
@needs(Action.GOVERN)
def review(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Look at one of them: keep it longer with a reason, or approve its destruction."""
    found = Review.objects.visible_to(request.user).select_related(
        "patient", "photo", "settled_by", "job"
    )
    row, step, now = get_object_or_404(found, pk=pk), request.POST.get("step"), timezone.now()
    form = KeepForm(request.POST if step == KEEP else None)
    try:
        if step == DESTROY:
            job = retaining.destroy(row, by=request.user, now=now)
            return redirect("certificate", job.pk)
        if form.is_valid() and _is_kept(request, row, form):
            messages.success(request, "Kept longer")
            return redirect("retention")
    except retaining.NotDue as error:
        messages.info(request, error.for_people)
        return redirect("retention")
    pictures = row.patient.photos.filter(state="kept") if row.photo is None else [row.photo]
    context = {"review": row, "form": form, "pictures": list(pictures)}
    return render(request, "retention/review.html", context)


@form_page
@needs(Action.GOVERN)
def care_record(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Say what kind of record a patient's is, and see how long it is kept."""
    patient = get_object_or_404(
        Patient.objects.visible_to(request.user).select_related("practice"), pk=pk
    )
    record = CareRecord.objects.filter(patient=patient).select_related("patient__practice").first()
    known = {"kind": record.kind, "ended_on": record.ended_on} if record else None
    form = RecordForm(request.POST or None, initial=known)
    if form.is_valid():
        try:
            retaining.set_record(patient, **form.cleaned_data, by=request.user, now=timezone.now())
        except DoesNotFit as refused:
            put_right(form, refused.fields)
        else:
            messages.success(request, "Written down")
            return redirect("care-record", patient.pk)
    context = {
        "patient": patient,
        "form": form,
        "kept": retaining.period_of(record, now=timezone.now()) if record else None,
    }
    return render(request, "retention/record.html", context)


def _is_kept(request: SignedInRequest, row: Review, form: KeepForm) -> bool:
    try:
        retaining.keep_longer(row, **form.cleaned_data, by=request.user, now=timezone.now())
    except DoesNotFit as refused:
        put_right(form, refused.fields)
        return False
    return True


urlpatterns = [
    path("governance/retention/", due, name="retention"),
    path("governance/retention/<uuid:pk>/", review, name="review"),
    path("patients/<uuid:pk>/record/", care_record, name="care-record"),
]
