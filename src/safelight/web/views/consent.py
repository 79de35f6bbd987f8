"""The consent sheet: shown to the patient, answered, and given back as a receipt."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

import segno
from django import forms
from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods

from safelight.flows import capture, patients, sites
from safelight.flows import consent as flow
from safelight.flows.allowed import DoesNotFit
from safelight.flows.circumstances import open_grounds
from safelight.flows.once import AlreadyDone
from safelight.policy.roles import Action
from safelight.records.models import Consent, Patient, Representative
from safelight.terms import Purpose
from safelight.web import slips
from safelight.web.doors import SignedInRequest, needs
from safelight.web.forms import once_of, put_right
from safelight.web.making import (
    GROUNDS,
    asked_because,
    asked_for,
    offered,
    query_of,
    ways_without_consent,
)

if TYPE_CHECKING:
    from safelight.policy.wording import Wording

SITE_OF = {slugify(site.name): site for site in sites.SITES}
PNG = "data:image/png;base64,"
SAID_NO = "No."


class Sheet(forms.Form):
    """What comes back from the sheet. Nothing on it has a value before somebody gives one."""

    wording = forms.CharField(max_length=64)
    answer = forms.ChoiceField(choices=[(each, each) for each in ("agree", "care", "no")])
    told_all = forms.BooleanField(required=False)
    purposes = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "Choose only from the uses on this sheet"},
    )
    nothing_else = forms.BooleanField(required=False)
    given_by = forms.ChoiceField(
        required=False,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": "Choose who answers"},
    )
    form = forms.ChoiceField(choices=Consent.Form.choices, required=False, widget=forms.RadioSelect)
    statement = forms.CharField(required=False, max_length=2000)
    signature = forms.CharField(required=False, max_length=400_000)

    def __init__(
        self,
        data: Any = None,
        *,
        words: Wording,
        representatives: tuple[Representative, ...],
    ) -> None:
        super().__init__(data)
        self.words = words
        for each in words.told:
            self.fields[f"told-{each.key}"] = forms.BooleanField(required=False)
            self.fields[f"why-{each.key}"] = forms.CharField(required=False, max_length=300)
        offered = [(each.purpose.value, each.title) for each in words.purposes]
        _choose(self.fields["purposes"], offered)
        people = [(str(each.pk), each.name) for each in representatives]
        _choose(self.fields["given_by"], [(flow.OWN_ANSWER, "The patient"), *people])

    def clean_signature(self) -> bytes | None:
        """Return the PNG that the page drew, or None for an empty box."""
        text: str = self.cleaned_data["signature"]
        if not text:
            return None
        try:
            return base64.b64decode(text.removeprefix(PNG), validate=True)
        except ValueError as error:
            raise forms.ValidationError("Sign in the box once more") from error

    def answers(self) -> dict[str, Any]:
        """Return the answers as the flow takes them."""
        said = self.cleaned_data
        keys = [each.key for each in self.words.told]
        why = {key: said[f"why-{key}"] for key in keys if said[f"why-{key}"].strip()}
        told = [key for key in keys if said[f"told-{key}"] or (said["told_all"] and key not in why)]
        ticked = {Purpose(each) for each in said["purposes"]}
        purposes = {Purpose.CARE} if said["answer"] == "care" else ticked
        signature = said["signature"]
        form, statement = said["form"] or Consent.Form.ELECTRONIC.value, said["statement"]
        if said["answer"] == "no" and not said["form"] and signature is None:
            form, statement = Consent.Form.ORAL.value, statement or SAID_NO
        offered = {each.purpose for each in self.words.purposes}
        is_answer = purposes or said["answer"] == "no"
        return {
            "purposes": purposes,
            "refused": offered - purposes if is_answer else set(),
            "told": told,
            "not_told": why,
            "nothing_else": said["nothing_else"],
            "form": form,
            "statement": statement,
            "signature": signature,
            "wording": said["wording"],
        }

    def contradicts(self) -> dict[str, str]:
        """Return what doesn't fit the button that was pressed."""
        answer = self.cleaned_data["answer"]
        ticked = set(self.cleaned_data["purposes"])
        if answer == "care" and not ticked <= {Purpose.CARE.value}:
            return {"purposes": "More than care is ticked. Take those ticks away, or agree to them"}
        if answer == "no" and ticked:
            return {"purposes": "Something is ticked. Take the tick away, or agree to it"}
        return {}


@require_GET
@needs(Action.CAPTURE)
def where(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Ask which part of the body, the parts that were pictured before first."""
    patient = _patient(request, pk)
    made_for, ground = asked_for(request), asked_because(request)
    page = "capture-prepare" if ground else "consent"

    def link(name: str) -> tuple[str, str]:
        address = reverse(page, args=[patient.pk, slugify(name)])
        return address + query_of(made_for, ground), name

    used = list(
        dict.fromkeys(patient.photos.order_by("-taken_at").values_list("body_site", flat=True))
    )
    groups: dict[str, list[tuple[str, str]]] = {}
    for site in sites.SITES:
        groups.setdefault(site.group, []).append(link(site.name))
    uses = offered(patient)
    context = {
        "patient": patient,
        "first_name": patient.name.split()[0],
        "before": [link(name) for name in used if name in sites.BY_NAME],
        "groups": groups,
        "is_usual": made_for is Purpose.CARE and ground is None,
        "ground": ground,
        "what_for": GROUNDS[ground][0] if ground else uses.get(made_for, ""),
        "uses": [(query_of(each), title) for each, title in uses.items()],
        "grounds": _grounds(patient),
    }
    return render(request, "consent/where.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Action.RECORD_CONSENT)
def sheet(request: SignedInRequest, pk: UUID, site: str) -> HttpResponse:
    """Show the sheet, and record what was answered."""
    patient = _patient(request, pk)
    if site not in SITE_OF:
        raise Http404
    body_site, now, made_for = SITE_OF[site].name, timezone.now(), asked_for(request)
    if request.method != "POST" and "again" not in request.GET:
        earlier = capture.consent_for(patient, body_site=body_site, made_for=made_for)
        if earlier is not None:
            return redirect(reverse("capture", args=[earlier.pk]) + query_of(made_for))
    words = flow.conversation(patient, body_site=body_site)
    deciders = patients.deciders(patient, now=now)
    form = Sheet(
        request.POST if request.method == "POST" else None,
        words=words,
        representatives=deciders.representatives,
    )
    stale = ""
    if form.is_valid():
        try:
            made = _record(request, patient, form, body_site=body_site)
        except DoesNotFit as refused:
            put_right(form, refused.fields)
        except flow.StaleWording as error:
            stale = error.for_people
        except AlreadyDone as before:
            return redirect(_after(get_object_or_404(patient.consents, pk=before.made), made_for))
        else:
            return redirect(_after(made, made_for))
    context = {
        "patient": patient,
        "first_name": patient.name.split()[0],
        "age": patients.age(patient, on=timezone.localdate(now)),
        "site": SITE_OF[site],
        "words": words,
        "told": [(each, form[f"told-{each.key}"], form[f"why-{each.key}"]) for each in words.told],
        "form": form,
        "deciders": deciders,
        "stale": stale,
        "again_url": f"{request.path}?{urlencode({'again': '', 'for': made_for.value})}",
        "what_for": offered(patient).get(made_for, ""),
        "instead": ways_without_consent(patient, body_site, made_for=made_for, now=now),
        "has_why": any(form[f"why-{each.key}"].value() for each in words.told),
    }
    return render(request, "consent/sheet.html", context, status=409 if stale else 200)


@require_GET
@needs(Action.RECORD_CONSENT)
def receipt(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show what the patient may keep: the link to the pictures and answers, while it can be shown."""
    consent = _consent(request, pk)
    secret = slips.held(request, consent)
    link = f"{settings.SAFELIGHT_SERVER_URL}/receipt/#{secret}" if secret else None
    photos = list(consent.photos.order_by("-taken_at"))
    context = {
        "consent": consent,
        "patient": consent.patient,
        "first_name": consent.patient.name.split()[0],
        "photos": photos,
        "latest": photos[0] if photos else None,
        "can_stop": bool(photos) and timezone.now() - photos[0].received_at <= capture.RIGHT_AFTER,
        "link": link,
        "qr": _qr(link) if link else None,
    }
    return render(request, "consent/receipt.html", context)


@require_GET
@needs(Action.SEE_PATIENTS)
def record(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show a conversation as it was: the words that were on the screen, and the answers."""
    consent = _consent(request, pk)
    context = {"consent": consent, "patient": consent.patient}
    return render(request, "consent/record.html", context)


def _after(made: Consent, made_for: Purpose) -> str:
    """Return the camera's address, where a yes may open it, or the receipt's."""
    opens = Purpose.CARE in made.purposes or made_for in made.purposes
    page = reverse("capture" if opens else "consent-receipt", args=[made.pk])
    return page + query_of(made_for) if opens else page


def _grounds(patient: Patient) -> list[tuple[str, str, str]]:
    """Return address, title and text for each ground that the policy would accept."""
    found = open_grounds(
        patient, body_site=sites.SITES[0].name, made_for=Purpose.CARE, now=timezone.now()
    )
    return [(query_of(Purpose.CARE, each), *GROUNDS[each][:2]) for each in found]


def _record(request: SignedInRequest, patient: Patient, form: Sheet, *, body_site: str) -> Consent:
    if contradictions := form.contradicts():
        raise DoesNotFit(contradictions)
    given_by, representative = _giver(form, patient)
    consent, secret = flow.record_consent(
        patient,
        **form.answers(),
        given_by=given_by,
        representative=representative,
        body_site=body_site,
        once=once_of(request),
        by=request.user,
        now=timezone.now(),
    )
    slips.hold(request, consent, secret)
    return consent


def _giver(form: Sheet, patient: Patient) -> tuple[str, Representative | None]:
    chosen = form.cleaned_data["given_by"]
    if chosen == flow.OWN_ANSWER:
        return flow.OWN_ANSWER, None
    if not chosen:
        raise DoesNotFit({"given_by": "Choose who answers"})
    representative = get_object_or_404(patient.representatives, pk=chosen)
    return representative.authority, representative


def _qr(link: str) -> SafeString:
    """Return the link as an inline SVG without any style of its own."""
    drawn = segno.make(link, error="m").svg_inline(omitsize=True, border=0, lineclass=None)
    return mark_safe(drawn)  # noqa: S308 - drawn by us from our own link


def _choose(field: forms.Field, choices: list[tuple[str, str]]) -> None:
    assert isinstance(field, forms.ChoiceField)
    field.choices = choices


def _patient(request: SignedInRequest, pk: UUID) -> Patient:
    return get_object_or_404(Patient.objects.visible_to(request.user), pk=pk)


def _consent(request: SignedInRequest, pk: UUID) -> Consent:
    found = Consent.objects.visible_to(request.user).select_related("patient", "taken_by")
    return get_object_or_404(found, pk=pk)


urlpatterns = [
    path("patients/<uuid:pk>/picture/", where, name="picture-new"),
    path("patients/<uuid:pk>/consent/<slug:site>/", sheet, name="consent"),
    path("consents/<uuid:pk>/", record, name="consent-record"),
    path("consents/<uuid:pk>/receipt/", receipt, name="consent-receipt"),
]
