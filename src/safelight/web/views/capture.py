"""The camera page, the sealed upload, and the stop."""

from __future__ import annotations

import json
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_POST

from safelight.flows import capture as flow
from safelight.interop.pictures import LockUnavailable
from safelight.policy.roles import Action
from safelight.records.models import Consent, Photo
from safelight.storage import StorageError
from safelight.terms import Purpose
from safelight.web import slips
from safelight.web.decisions import ways
from safelight.web.doors import SignedInRequest, needs, uses_camera
from safelight.web.views.errors import wants_json

STATUS: dict[type[flow.CaptureRefused], HTTPStatus] = {
    flow.NotSealed: HTTPStatus.BAD_REQUEST,
    flow.NotAPicture: HTTPStatus.UNPROCESSABLE_ENTITY,
    flow.OtherBytes: HTTPStatus.CONFLICT,
    flow.NotCovered: HTTPStatus.CONFLICT,
    flow.WasStopped: HTTPStatus.GONE,
}
NOT_CHECKED = "Say first that this is the right patient."
"""The page asks before it opens the shutter; this answers what comes from elsewhere."""
NOT_WHOLE = "The picture did not arrive whole. Please take it again."
NO_DECODING = (
    "This server can't open pictures safely, so it takes none in. Tell your administrator."
)


@uses_camera
@require_GET
@needs(Action.CAPTURE)
def camera(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show the camera, or say why no picture may be taken."""
    consent, now = _consent(request, pk), timezone.now()
    patient = consent.patient
    if not flow.covers(consent, body_site=consent.body_site, made_for=Purpose.CARE):
        return redirect("consent", patient.pk, slugify(consent.body_site))
    offer = flow.offer(
        patient, body_site=consent.body_site, made_for=Purpose.CARE, by=request.user, now=now
    )
    if not isinstance(offer, flow.CaptureOffer):
        no = {"decision": offer, "patient": patient, "ways": ways(offer, patient), "now": now}
        return render(request, "capture/not_permitted.html", no)
    offers = json.dumps([each.as_json() for each in offer.ingest])
    context = {"patient": patient, "consent": consent, "tenant": offer.tenant, "offers": offers}
    return render(request, "capture/camera.html", context)


@require_POST
@needs(Action.CAPTURE)
def upload(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Take in a sealed picture, and say where to go next."""
    consent = _consent(request, pk)
    blob = request.FILES.get("blob")
    if not isinstance(blob, UploadedFile) or "envelope" not in request.POST:
        return _no(NOT_WHOLE, HTTPStatus.BAD_REQUEST)
    if request.POST.get("right_patient") != "confirmed":
        return _no(NOT_CHECKED, HTTPStatus.BAD_REQUEST)
    try:
        made = flow.receive(
            request.POST["envelope"],
            blob.read(),
            patient=consent.patient,
            consent=consent,
            body_site=consent.body_site,
            made_for=Purpose.CARE,
            taken_at=_instant(request.POST.get("taken_at", "")),
            by=request.user,
            now=timezone.now(),
        )
    except flow.CaptureRefused as error:
        return _no(error.for_people, STATUS[type(error)])
    except StorageError as error:
        return _no(error.for_people, HTTPStatus.SERVICE_UNAVAILABLE)
    except LockUnavailable:
        return _no(NO_DECODING, HTTPStatus.UNPROCESSABLE_ENTITY)
    if not isinstance(made, Photo):
        return _no(made.because[0].text, HTTPStatus.CONFLICT)
    return JsonResponse({"next": reverse("consent-receipt", args=[consent.pk])}, status=201)


@require_POST
@needs(Action.CAPTURE)
def stop(request: SignedInRequest, pk: UUID) -> HttpResponseBase:
    """Stop: nothing of the picture remains, and the agreement ends."""
    consent = _consent(request, pk)
    text = request.POST.get("capture_id", "")
    try:
        capture_id = UUID(text) if text else None
    except ValueError:
        return _no(NOT_WHOLE, HTTPStatus.BAD_REQUEST)
    home = reverse("patient", args=[consent.patient_id])
    try:
        flow.stop(
            capture_id,
            patient=consent.patient,
            consent=consent,
            by=request.user,
            now=timezone.now(),
        )
    except flow.TooLateToStop as error:
        if wants_json(request):
            return _no(error.for_people, HTTPStatus.CONFLICT)
        messages.error(request, error.for_people)
        return redirect(home)
    slips.forget(request, consent)
    if wants_json(request):
        return JsonResponse({"next": home})
    messages.success(request, "Stopped. Nothing of the picture is left.")
    return redirect(home)


def _consent(request: SignedInRequest, pk: UUID) -> Consent:
    found = Consent.objects.visible_to(request.user).select_related("patient__practice")
    return get_object_or_404(found, pk=pk)


def _instant(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found is not None and timezone.is_aware(found) else None


def _no(text: str, status: HTTPStatus) -> JsonResponse:
    return JsonResponse({"error": text}, status=status)


urlpatterns = [
    path("consents/<uuid:pk>/capture/", camera, name="capture"),
    path("consents/<uuid:pk>/capture/upload/", upload, name="capture-upload"),
    path("consents/<uuid:pk>/capture/stop/", stop, name="capture-stop"),
]
