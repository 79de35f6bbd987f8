"""Before something goes public: the finished copy for the patient's own eyes, and the organisation's yes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from safelight.flows import final_item as flow
from safelight.flows.allowed import DoesNotFit
from safelight.policy.roles import Action
from safelight.records.models import Consent, OrganisationAgreement, Release
from safelight.web.disclosing import in_words
from safelight.web.doors import SignedInRequest, needs
from safelight.web.forms import Option, put_right
from safelight.web.words import AUDIENCES, PURPOSES

form_page = require_http_methods(["GET", "HEAD", "POST"])


class ShownForm(forms.Form):
    """What was said to the finished copy. Nothing is chosen before somebody chooses it."""

    consent = forms.ChoiceField(
        label="Who has looked at it?",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose who has looked at it"},
    )
    agrees = forms.ChoiceField(
        label="May exactly this go there?",
        widget=forms.RadioSelect,
        choices=[
            ("yes", Option("Yes", "This picture, with these words, there and nowhere else.")),
            (
                "no",
                Option("No", "Nothing is sent, and this copy is destroyed. Care stays the same."),
            ),
        ],
        error_messages={"required": "Choose what the answer was"},
    )
    words = forms.CharField(
        label="What did they say?",
        required=False,
        max_length=2000,
        help_text="You don’t have to say why.",
        widget=forms.Textarea({"rows": 2}),
    )
    sha256 = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(self, *args: Any, consents: list[Consent], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chooser = self.fields["consent"]
        assert isinstance(chooser, forms.ChoiceField)
        chooser.choices = [(str(each.pk), _who(each)) for each in consents]


class OrganisationForm(forms.Form):
    """The organisation's yes."""

    words = forms.CharField(
        label="Note",
        required=False,
        max_length=2000,
        help_text="For example, where it was discussed",
        widget=forms.Textarea({"rows": 2}),
    )


@form_page
@needs(Action.RECORD_CONSENT)
def shown(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show the finished copy to the patient, and write down the answer."""
    found, now = _waiting(request, pk), timezone.now()
    if not flow.may_show(found, by=request.user):
        raise PermissionDenied
    consents = flow.consents_for(found, now=now)
    start = {"sha256": found.copy.sha256 if found.copy else ""}
    form = ShownForm(request.POST or None, consents=consents, initial=start)
    if form.is_valid():
        said = form.cleaned_data
        try:
            flow.record_showing(
                found,
                consent=next((c for c in consents if str(c.pk) == said["consent"]), None),
                sha256=said["sha256"],
                agrees=said["agrees"] == "yes",
                words=said["words"],
                by=request.user,
                now=now,
            )
        except DoesNotFit as refused:
            put_right(form, refused.fields)
        except flow.NotThisCopy as error:
            messages.error(request, error.for_people)
            return redirect("release", found.pk)
        else:
            agreed = said["agrees"] == "yes"
            messages.success(
                request, "Written down" if agreed else "Stopped. The copy is destroyed."
            )
            return redirect("release", found.pk)
    context = _context(found) | {"form": form, "consents": consents}
    return render(request, "releases/shown.html", context)


@form_page
@needs(Action.GOVERN)
def organisation(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Agree for the organisation to what goes public."""
    found = _waiting(request, pk)
    form = OrganisationForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            flow.agree_for_organisation(
                found, words=form.cleaned_data["words"], by=request.user, now=timezone.now()
            )
        except (flow.NotThisCopy, flow.NotTheOneWhoAsked) as error:
            messages.error(request, error.for_people)
        else:
            messages.success(request, "The organisation agrees")
        return redirect("release", found.pk)
    agreement = OrganisationAgreement.objects.filter(release=found).first()
    context = _context(found) | {"form": form, "agreement": agreement}
    return render(request, "releases/organisation.html", context)


def _who(consent: Consent) -> Option:
    name = consent.representative.name if consent.representative else consent.patient.name
    local = timezone.localtime(consent.given_at)
    return Option(name, f"Agreed to this use on {local.day} {local:%B %Y}.")


def _context(found: Release) -> dict[str, Any]:
    return {
        "release": found,
        "photo": found.photo,
        "patient": found.photo.patient,
        "copy": found.copy,
        "purpose": PURPOSES[found.purpose],
        "audience": AUDIENCES[found.audience],
        "discloses": in_words(found.discloses),
    }


def _waiting(request: SignedInRequest, pk: UUID) -> Release:
    rows = Release.objects.visible_to(request.user).select_related(
        "photo__patient__practice", "practice", "copy", "requested_by"
    )
    found = get_object_or_404(rows, pk=pk)
    if found.state != Release.State.WAITING or not flow.goes_public(found):
        raise Http404
    return found


urlpatterns = [
    path("releases/<uuid:pk>/shown/", shown, name="release-shown"),
    path("releases/<uuid:pk>/organisation/", organisation, name="release-organisation"),
]
