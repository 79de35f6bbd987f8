"""What waits for a patient's own choice: the list, and the page where it is offered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods

from safelight.flows import choices as flow
from safelight.flows.allowed import DoesNotFit
from safelight.flows.who_decides import SECONDARY, age
from safelight.policy.roles import Action, may
from safelight.records.models import Consent, Patient, PendingChoice, Photo
from safelight.web.doors import SignedInRequest, needs
from safelight.web.forms import Option, put_right
from safelight.web.words import PURPOSES

if TYPE_CHECKING:
    from datetime import datetime

form_page = require_http_methods(["GET", "HEAD", "POST"])
Kind = PendingChoice.Kind


class OfferForm(forms.Form):
    """What the patient said. Nothing is chosen before somebody chooses it."""

    outcome = forms.ChoiceField(
        label="What did they say?",
        widget=forms.RadioSelect,
        choices=[
            ("later", Option("Not now", "It stays on hold. Ask again at the next contact.")),
            ("keep", Option("Keep them", "For what they agreed to themselves.")),
            ("close", Option("Close them", "To everything but care. Care stays the same.")),
        ],
        error_messages={"required": "Choose what the patient said"},
    )
    words = forms.CharField(
        label="In their words",
        required=False,
        max_length=2000,
        help_text="They don’t have to say why.",
        widget=forms.Textarea({"rows": 2}),
    )


@dataclass(frozen=True, slots=True)
class Earlier:
    """What somebody agreed to earlier, and where the patient's own words are asked."""

    site: str
    who: str
    on: datetime
    uses: str
    pictures: int
    ask_url: str


@require_GET
@needs(Action.SEE_PATIENTS)
def to_ask(request: SignedInRequest) -> HttpResponse:
    """List every patient who has to be asked at the next contact."""
    if not (may(request.user.role, Action.RECORD_CONSENT) or may(request.user.role, Action.GOVERN)):
        raise PermissionDenied
    today = timezone.localdate()
    rows = [
        {"choice": each, "age": age(each.patient, on=today), "offers": list(each.offers.all())}
        for each in flow.open_ones(request.user)
    ]
    return render(request, "patients/to_ask.html", {"rows": rows})


@form_page
@needs(Action.RECORD_CONSENT)
def choice(request: SignedInRequest, pk: UUID, kind: str) -> HttpResponse:
    """Offer the choice, and write down what the patient said."""
    rows = Patient.objects.visible_to(request.user).select_related("practice")
    patient, now = get_object_or_404(rows, pk=pk), timezone.now()
    waiting = next((each for each in flow.due(patient, now=now) if each.kind == kind), None)
    if waiting is None:
        raise Http404
    form = OfferForm(request.POST or None)
    if form.is_valid():
        try:
            flow.offer(patient, kind=kind, **form.cleaned_data, by=request.user, now=now)
        except DoesNotFit as refused:
            put_right(form, refused.fields)
        else:
            messages.success(request, "Written down")
            return redirect("patient", patient.pk)
    context: dict[str, Any] = {
        "patient": patient,
        "first_name": patient.name.split()[0],
        "age": age(patient, on=timezone.localdate(now)),
        "grown_up": waiting.kind is Kind.GROWN_UP,
        "earlier": [_earlier(each) for each in waiting.consents],
        "offers": waiting.choice.offers.select_related("by") if waiting.choice else (),
        "form": form,
    }
    return render(request, "patients/choice.html", context)


def _earlier(consent: Consent) -> Earlier:
    patient = consent.patient
    kept = patient.photos.filter(state=Photo.State.KEPT)
    of_site = kept.filter(body_site=consent.body_site) if consent.body_site else kept
    uses = [
        each for each in consent.purposes if each in SECONDARY and each not in consent.withdrawn
    ]
    place = [patient.pk, slugify(consent.body_site)]
    return Earlier(
        site=consent.body_site or "Any part",
        who=consent.representative.name if consent.representative else patient.name,
        on=consent.given_at,
        uses=", ".join(PURPOSES[each] for each in uses),
        pictures=of_site.count(),
        ask_url=reverse("consent", args=place) + "?again=" if consent.body_site else "",
    )


urlpatterns = [
    path("to-ask/", to_ask, name="to-ask"),
    path("patients/<uuid:pk>/choice/<slug:kind>/", choice, name="choice"),
]
