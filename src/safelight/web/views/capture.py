"""The camera page, the sealed upload, and the stop."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.text import get_text_list, slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from safelight.flows import capture as flow
from safelight.flows import discreet, glancing, saying_no
from safelight.flows.circumstances import USUAL, Circumstances
from safelight.flows.deciding import Decision
from safelight.flows.sites import is_intimate
from safelight.flows.who_decides import is_child
from safelight.interop.pictures import LockUnavailable
from safelight.policy.roles import Action
from safelight.records.models import Consent, Patient, Photo, SaidNo
from safelight.storage import StorageError
from safelight.terms import Purpose
from safelight.web import slips
from safelight.web.decisions import explained
from safelight.web.doors import SignedInRequest, needs, uses_camera
from safelight.web.making import asked_for, query_of, ways_without_consent
from safelight.web.views.errors import wants_json

STATUS: dict[type[flow.CaptureRefused], HTTPStatus] = {
    flow.NotSealed: HTTPStatus.BAD_REQUEST,
    flow.NotAPicture: HTTPStatus.UNPROCESSABLE_ENTITY,
    flow.OtherBytes: HTTPStatus.CONFLICT,
    flow.NotCovered: HTTPStatus.CONFLICT,
    flow.NotPrepared: HTTPStatus.CONFLICT,
    flow.WasStopped: HTTPStatus.GONE,
}
form_page = require_http_methods(["GET", "HEAD", "POST"])
NOT_CHECKED = "Say first that this is the right patient."
"""The page asks before it opens the shutter; this answers what comes from elsewhere."""
NOT_WHOLE = "The picture did not arrive whole. Please take it again."
NO_DECODING = (
    "This server can't open pictures safely, so it takes none in. Tell your administrator."
)


SHOWN = {
    glancing.Told.FACE: "a face",
    glancing.Told.PERSON: "another person",
    glancing.Told.TATTOO: "what may be a tattoo",
    glancing.Told.SCREEN: "a screen",
    glancing.Told.CODE: "a bar code",
    glancing.Told.TEXT: "something written",
}
TAKE_ANEW = "If that needn’t be there, take another one, then take this one back on its own page."
"""Destroying it first would end the agreement, as long as no other picture rests on it."""
NOT_LOOKED = "Nobody has looked for faces and names in it. Look yourself before you go on."


class SaidNoForm(forms.Form):
    """How a no at the camera was said. All of it may stay empty."""

    how = forms.ChoiceField(
        label="How was it said?",
        required=False,
        widget=forms.RadioSelect,
        choices=[each for each in SaidNo.How.choices if each[0]],
    )
    words = forms.CharField(
        label="Anything to remember?",
        required=False,
        max_length=1000,
        help_text="Nobody has to say why.",
        widget=forms.Textarea({"rows": 2}),
    )


@dataclass(frozen=True, slots=True)
class Shot:
    """The picture that a page is about."""

    patient: Patient
    body_site: str
    made_for: Purpose = Purpose.CARE
    consent: Consent | None = None
    circumstances: Circumstances = USUAL

    @property
    def is_usual(self) -> bool:
        """Say whether the consent alone says all that there is to say."""
        return self.consent is not None and self.circumstances == USUAL

    def url(self, name: str) -> str:
        """Return the address of this picture's `capture`, `capture-upload` or `capture-stop`."""
        if self.consent is not None and self.is_usual:
            return reverse(name, args=[self.consent.pk]) + query_of(self.made_for)
        said = name.replace("capture", "prepared")
        return reverse(said, args=[self.patient.pk, slugify(self.body_site)])

    def next_url(self) -> str:
        """Return where to go once the picture is in."""
        if self.consent is not None:
            return reverse("consent-receipt", args=[self.consent.pk])
        return reverse("patient", args=[self.patient.pk])


@uses_camera
@require_GET
@needs(Action.CAPTURE)
def camera(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show the camera, or say why no picture may be taken."""
    shot = _shot(request, pk)
    consent = shot.consent
    assert consent is not None
    place = [shot.patient.pk, slugify(shot.body_site)]
    if not flow.covers(consent, body_site=shot.body_site, made_for=shot.made_for):
        if shot.made_for is Purpose.CARE:
            return redirect("consent", *place)
        shot = Shot(shot.patient, shot.body_site, shot.made_for)
    elif is_intimate(shot.body_site):
        return redirect(reverse("capture-prepare", args=place) + query_of(shot.made_for))
    return show(request, shot)


@require_POST
@needs(Action.CAPTURE)
def upload(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Take in a sealed picture, and say where to go next."""
    return take_in(request, _shot(request, pk))


@require_POST
@needs(Action.CAPTURE)
def stop(request: SignedInRequest, pk: UUID) -> HttpResponseBase:
    """Stop: nothing of the picture remains, and the agreement ends."""
    return stop_it(request, _shot(request, pk))


def show(request: SignedInRequest, shot: Shot) -> HttpResponse:
    """Show the camera for this picture, or the decision that keeps it shut."""
    answer = flow.offer(
        shot.patient,
        body_site=shot.body_site,
        made_for=shot.made_for,
        circumstances=shot.circumstances,
        by=request.user,
        now=timezone.now(),
    )
    if not isinstance(answer, flow.CaptureOffer):
        return not_permitted(request, shot, answer)
    if shot.consent is None and shot.circumstances.ground is None:
        place = reverse("consent", args=[shot.patient.pk, slugify(shot.body_site)])
        return redirect(place + query_of(shot.made_for))
    context = {
        "shot": shot,
        "patient": shot.patient,
        "tenant": answer.tenant,
        "offers": json.dumps([each.as_json() for each in answer.ingest]),
        "is_child": is_child(shot.patient, on=timezone.localdate()),
        "first_name": shot.patient.name.split()[0],
        "upload_url": shot.url("capture-upload"),
        "stop_url": shot.url("capture-stop"),
    }
    return render(request, "capture/camera.html", context)


def not_permitted(request: SignedInRequest, shot: Shot, decision: Decision) -> HttpResponse:
    """Say why not, and every way to a yes: also the one that needs no consent."""
    now, patient = timezone.now(), shot.patient
    also = ways_without_consent(patient, shot.body_site, made_for=shot.made_for, now=now)
    context = explained(
        decision, patient, reader=request.user, purpose=shot.made_for, also=also, now=now
    )
    return render(request, "capture/not_permitted.html", context)


def take_in(request: SignedInRequest, shot: Shot) -> HttpResponse:
    """Take in a sealed picture, and say where to go next."""
    blob = request.FILES.get("blob")
    if not isinstance(blob, UploadedFile) or "envelope" not in request.POST:
        return no(NOT_WHOLE, HTTPStatus.BAD_REQUEST)
    if request.POST.get("right_patient") != "confirmed":
        return no(NOT_CHECKED, HTTPStatus.BAD_REQUEST)
    try:
        made = flow.receive(
            request.POST["envelope"],
            blob.read(),
            patient=shot.patient,
            consent=shot.consent,
            circumstances=shot.circumstances,
            body_site=shot.body_site,
            made_for=shot.made_for,
            taken_at=_instant(request.POST.get("taken_at", "")),
            by=request.user,
            now=timezone.now(),
        )
    except flow.CaptureRefused as error:
        return no(error.for_people, STATUS[type(error)])
    except StorageError as error:
        return no(error.for_people, HTTPStatus.SERVICE_UNAVAILABLE)
    except LockUnavailable:
        return no(NO_DECODING, HTTPStatus.UNPROCESSABLE_ENTITY)
    if not isinstance(made, Photo):
        return no(discreet.in_short(made), HTTPStatus.CONFLICT)
    _say_what_shows(request, made)
    return JsonResponse({"next": shot.next_url()}, status=201)


def _say_what_shows(request: SignedInRequest, photo: Photo) -> None:
    """Warn of what a first look saw, as long as the picture can be destroyed and taken anew."""
    try:
        told = glancing.at_taken(photo, by=request.user)
    except glancing.NotLooked:
        messages.warning(request, NOT_LOOKED)
        return
    if told:
        shown = get_text_list([SHOWN[each] for each in told], "and")
        messages.warning(request, f"It seems to show {shown}. {TAKE_ANEW}")


def stop_it(request: SignedInRequest, shot: Shot) -> HttpResponseBase:
    """Stop: nothing of the picture remains, and the agreement ends."""
    text = request.POST.get("capture_id", "")
    try:
        capture_id = UUID(text) if text else None
    except ValueError:
        return no(NOT_WHOLE, HTTPStatus.BAD_REQUEST)
    home = reverse("patient", args=[shot.patient.pk])
    patient, consent, now = shot.patient, shot.consent, timezone.now()
    try:
        if request.POST.get("said") == "no":
            said = saying_no.stop_at_no(
                capture_id, patient=patient, consent=consent, by=request.user, now=now
            )
            home = reverse("said-no", args=[said.pk])
        else:
            flow.stop(capture_id, patient=patient, consent=consent, by=request.user, now=now)
    except flow.TooLateToStop as error:
        if wants_json(request):
            return no(error.for_people, HTTPStatus.CONFLICT)
        messages.error(request, error.for_people)
        return redirect(home)
    if shot.consent is not None:
        slips.forget(request, shot.consent)
    if wants_json(request):
        return JsonResponse({"next": home})
    messages.success(request, "Stopped. Nothing of the picture is left.")
    return redirect(home)


def no(text: str, status: HTTPStatus) -> JsonResponse:
    """Refuse, as the camera page's script reads it."""
    return JsonResponse({"error": text}, status=status)


@form_page
@needs(Action.CAPTURE)
def said_no(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Say that it stopped, and take down how the no was said, if somebody wants to say it."""
    rows = SaidNo.objects.visible_to(request.user).select_related("patient", "practice")
    found = get_object_or_404(rows, pk=pk)
    form = SaidNoForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        saying_no.note(found, **form.cleaned_data, by=request.user, now=timezone.now())
        messages.success(request, "Written down")
        return redirect("patient", found.patient_id)
    context = {"patient": found.patient, "first_name": found.patient.name.split()[0], "form": form}
    return render(request, "capture/said_no.html", context)


def _shot(request: SignedInRequest, pk: UUID) -> Shot:
    found = Consent.objects.visible_to(request.user).select_related("patient__practice")
    consent = get_object_or_404(found, pk=pk)
    return Shot(consent.patient, consent.body_site, asked_for(request), consent)


def _instant(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found is not None and timezone.is_aware(found) else None


urlpatterns = [
    path("consents/<uuid:pk>/capture/", camera, name="capture"),
    path("consents/<uuid:pk>/capture/upload/", upload, name="capture-upload"),
    path("consents/<uuid:pk>/capture/stop/", stop, name="capture-stop"),
    path("said-no/<uuid:pk>/", said_no, name="said-no"),
]
