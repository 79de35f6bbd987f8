"""Erase by order of governance, and the certificate of everything that was destroyed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from safelight.flows import certificates, destroying
from safelight.policy.roles import Action
from safelight.records.models import Consent, EraseJob, Patient, Photo
from safelight.web.doors import SignedInRequest, needs

form_page = require_http_methods(["GET", "HEAD", "POST"])
WORD = "erase"


class EraseForm(forms.Form):
    """Why, and a word typed by hand."""

    because = forms.CharField(
        label="Why is it erased?",
        help_text="It is on the certificate. No patient’s name.",
        max_length=1000,
        widget=forms.Textarea({"rows": 3}),
        error_messages={"required": "Say why it is erased"},
    )
    word = forms.CharField(
        label=f"Type “{WORD}” to go on",
        max_length=20,
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "none"}),
        error_messages={"required": f"Type the word {WORD}"},
    )

    def clean_word(self) -> str:
        """Refuse anything but the word."""
        if self.cleaned_data["word"].strip().lower() != WORD:
            raise ValidationError(f"Type the word {WORD}")
        return WORD


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be erased, in words, and how."""

    patient: Patient
    title: str
    what: str
    erase: Callable[[destroying.Order], EraseJob]


@form_page
@needs(Action.GOVERN)
def picture(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Erase one picture and all that came of it."""
    found = Photo.objects.visible_to(request.user).select_related("patient__practice")
    photo = get_object_or_404(found, pk=pk)
    asked = Asked(
        photo.patient,
        "Erase this picture?",
        "The picture goes, with every copy, link and request made of it, also if care rests on it.",
        lambda order: destroying.erase_image(photo, order=order, now=timezone.now()),
    )
    return _erase(request, asked)


@form_page
@needs(Action.GOVERN)
def consent(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Erase what rests on one conversation."""
    found = Consent.objects.visible_to(request.user).select_related("patient__practice")
    row = get_object_or_404(found, pk=pk)
    asked = Asked(
        row.patient,
        "Erase this conversation?",
        "Its words and its signature go, and every picture that was taken under it.",
        lambda order: destroying.erase_consent(row, order=order, now=timezone.now()),
    )
    return _erase(request, asked)


@form_page
@needs(Action.GOVERN)
def patient(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Erase everything there is of a patient."""
    row = get_object_or_404(Patient.objects.visible_to(request.user), pk=pk)
    asked = Asked(
        row,
        "Erase this patient?",
        "Everything goes: pictures, answers, what was disclosed, the name. What stays is a stub "
        "that is about nobody.",
        lambda order: destroying.erase_patient(row, order=order, now=timezone.now()),
    )
    return _erase(request, asked)


@require_GET
@needs(Action.GOVERN)
def listed(request: SignedInRequest) -> HttpResponse:
    """List what was destroyed, the newest first."""
    jobs = EraseJob.objects.visible_to(request.user).filter(held=False).order_by("-created_at")
    found = [certificates.certificate_of(job) for job in _whole(jobs)[:100]]
    return render(request, "erasing/listed.html", {"certificates": found})


@require_GET
@needs(Action.GOVERN)
def certificate(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show one certificate, to be read and printed."""
    context = {"certificate": _certificate(request, pk)}
    return render(request, "erasing/certificate.html", context)


@require_GET
@needs(Action.GOVERN)
def certificate_json(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Hand one certificate out, for other tools."""
    said = json.dumps(_certificate(request, pk).as_json(), ensure_ascii=False, indent=2)
    response = HttpResponse(said, content_type="application/json; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="certificate.json"'
    return response


def _erase(request: SignedInRequest, asked: Asked) -> HttpResponse:
    form = EraseForm(request.POST or None)
    if form.is_valid():
        because = form.cleaned_data["because"].strip()
        order = destroying.Order(EraseJob.Basis.ERASURE, because, request.user)
        try:
            job = asked.erase(order)
        except (destroying.Held, destroying.NothingToErase) as error:
            form.add_error(None, error.for_people)
        else:
            return redirect("certificate", job.pk)
    context = {"form": form, "asked": asked, "patient": asked.patient}
    return render(request, "erasing/erase.html", context)


def _certificate(request: SignedInRequest, pk: UUID) -> certificates.Certificate:
    jobs = _whole(EraseJob.objects.visible_to(request.user))
    return certificates.certificate_of(get_object_or_404(jobs, pk=pk, held=False))


def _whole(jobs: Any) -> Any:
    return jobs.select_related("practice", "approved_by")


urlpatterns = [
    path("pictures/<uuid:pk>/erase/", picture, name="erase-picture"),
    path("consents/<uuid:pk>/erase/", consent, name="erase-consent"),
    path("patients/<uuid:pk>/erase/", patient, name="erase-patient"),
    path("governance/certificates/", listed, name="certificates"),
    path("governance/certificates/<uuid:pk>/", certificate, name="certificate"),
    path(
        "governance/certificates/<uuid:pk>/certificate.json",
        certificate_json,
        name="certificate-json",
    ),
]
