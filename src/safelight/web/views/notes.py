"""Hand out a consent: for the record, for another system, and for the patient to keep."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET

from safelight.flows import notes as flow
from safelight.policy.roles import Action
from safelight.records.models import Consent
from safelight.web import slips
from safelight.web.doors import SignedInRequest, needs, open_to_all
from safelight.web.views.consent import receipt_link
from safelight.web.views.receipts import opened_receipt


@require_GET
@needs(Action.SEE_PATIENTS)
def export(request: SignedInRequest, pk: UUID, form: flow.Form) -> HttpResponse:
    """Hand the consent out in one form. The PDF has the patient's code while it is still known."""
    found = Consent.objects.visible_to(request.user).select_related(
        "patient", "practice", "taken_by"
    )
    consent = get_object_or_404(found, pk=pk)
    link = receipt_link(consent, slips.held(request, consent))
    return _handed_out(flow.export(consent, form, link=link, by=request.user, now=timezone.now()))


@open_to_all
@require_GET
def receipt_paper(request: HttpRequest) -> HttpResponse:
    """Hand the receipt to the patient who opened it."""
    receipt = opened_receipt(request)
    if receipt is None:
        return redirect("receipt")
    return _handed_out(flow.receipt_paper(receipt, now=timezone.now()))


def _handed_out(written: flow.Written) -> HttpResponse:
    named = {"Content-Disposition": f'attachment; filename="{written.file_name}"'}
    return HttpResponse(written.data, content_type=written.content_type, headers=named)


urlpatterns = [
    path("consents/<uuid:pk>/text/", export, {"form": flow.Form.TEXT}, name="consent-text"),
    path("consents/<uuid:pk>/paper/", export, {"form": flow.Form.PDF}, name="consent-paper"),
    path("consents/<uuid:pk>/fhir/", export, {"form": flow.Form.FHIR}, name="consent-fhir"),
    path("consents/<uuid:pk>/record/", export, {"form": flow.Form.RECORD}, name="consent-iso"),
    path("receipt/page/paper/", receipt_paper, name="receipt-paper"),
]
