"""The consent sheet: shown to the patient, answered, and given back as a receipt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from uuid import UUID

import segno
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from safelight.flows import capture, frozen, lasting, notes, patients, receipts, sheets, sites
from safelight.flows import consent as flow
from safelight.flows.allowed import DoesNotFit
from safelight.flows.circumstances import open_grounds
from safelight.flows.once import AlreadyDone
from safelight.flows.who_decides import right_of, terms_for
from safelight.policy import saying as saying_of
from safelight.policy.roles import Action, may
from safelight.records.models import Consent, Patient, Photo, Representative
from safelight.terms import Purpose
from safelight.web import slips
from safelight.web.doors import SignedInRequest, needs
from safelight.web.forms import found_in, once_of, put_right
from safelight.web.making import (
    GROUNDS,
    asked_because,
    asked_for,
    offered,
    query_of,
    ways_without_consent,
)
from safelight.web.sheet import Sheet

if TYPE_CHECKING:
    from datetime import datetime

    from safelight.flows.patients import Deciders
    from safelight.policy.wording import Wording

SITE_OF = {slugify(site.name): site for site in sites.SITES}


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
        dict.fromkeys(
            patient.photos.filter(state=Photo.State.KEPT)
            .order_by("-taken_at")
            .values_list("body_site", flat=True)
        )
    )
    groups: dict[str, list[tuple[str, str]]] = {}
    for site in sites.SITES:
        groups.setdefault(site.group, []).append(link(site.name))
    uses = offered(patient, now=timezone.now())
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
        if earlier is not None and not earlier.has_expired(on=timezone.localdate(now)):
            return redirect(reverse("capture", args=[earlier.pk]) + query_of(made_for))
    deciders = patients.deciders(patient, now=now)
    age = patients.age(patient, on=timezone.localdate(now))
    way = _way(request, patient, deciders, made_for=made_for, now=now)
    words = flow.conversation(
        patient,
        body_site=body_site,
        language=way.language,
        easy=way.easy,
        reader=way.reader,
        now=now,
    )
    form = Sheet(
        request.POST if request.method == "POST" else None,
        words=words,
        representatives=deciders.representatives,
        ages=_ages_to_come(patient, age=age, now=now),
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
    context = _shown(patient, words, form, way, deciders, now=now) | {
        "age": age,
        "stale": stale,
        "what_for": offered(patient, now=now).get(made_for, ""),
        "instead": ways_without_consent(patient, body_site, made_for=made_for, now=now),
    }
    return render(request, "consent/sheet.html", context, status=409 if stale else 200)


@dataclass(frozen=True, slots=True)
class _Way:
    """How the sheet is asked for: all of it stands in the address."""

    language: str | None
    easy: bool
    reader: str
    made_for: Purpose

    def query(self, **instead: str) -> str:
        """Return the address's query for this way, or for another that differs in `instead`."""
        said = {"for": self.made_for.value, "reader": self.reader}
        said |= {"language": self.language} if self.language else {}
        said |= {"read": "easy" if self.easy else "all"}
        return "?" + urlencode({"again": "", **said, **instead})


def _ages_to_come(patient: Patient, *, age: int, now: datetime) -> tuple[int, ...]:
    terms = terms_for(patient, on=timezone.localdate(now))
    return tuple(each for each in lasting.ages(terms) if each > age)


def _way(
    request: SignedInRequest,
    patient: Patient,
    deciders: Deciders,
    *,
    made_for: Purpose,
    now: datetime,
) -> _Way:
    is_child = patients.is_child(patient, on=timezone.localdate(now))
    own = sheets.YOUNG if is_child else sheets.PATIENT
    usual = own if deciders.patient_can or not deciders.representatives else sheets.REPRESENTATIVE
    asked = request.GET.get("reader", usual)
    reader = sheets.REPRESENTATIVE if asked == sheets.REPRESENTATIVE else own
    read = request.GET.get("read", "easy" if patient.easy_read else "all")
    return _Way(request.GET.get("language"), read == "easy", reader, made_for)


def _shown(
    patient: Patient,
    words: Wording,
    form: Sheet,
    way: _Way,
    deciders: Deciders,
    *,
    now: datetime,
) -> dict[str, object]:
    """Return what the sheet's page shows of words, answers and ways to show it otherwise."""
    saying = sheets.page_words(words.language)
    found = [(anchor, saying.say(text)) for anchor, text in found_in(form)]
    tongues = sheets.languages(patient, easy=way.easy, reader=way.reader, now=now)
    for_decider = way.reader == sheets.REPRESENTATIVE
    other = sheets.PATIENT if for_decider else sheets.REPRESENTATIVE
    return {
        "saying": saying,
        "patient": patient,
        "first_name": patient.name.split()[0],
        "words": words,
        "told": [(each, form[f"told-{each.key}"], form[f"why-{each.key}"]) for each in words.told],
        "uses": [
            (use, form[f"target-{use.purpose.value}"] if use.reach else None)
            for use in words.purposes
        ],
        "form": form,
        "found": found,
        "deciders": deciders,
        "for_decider": for_decider,
        "tongues": [(each, way.query(language=each.language)) for each in tongues],
        "easy_query": way.query(read="all" if way.easy else "easy"),
        "other_query": way.query(reader=other) if deciders.representatives else "",
        "again_query": way.query(),
        "has_why": any(form[f"why-{each.key}"].value() for each in words.told),
        "has_help": any(
            form[each].value() for each in ("interpreter", "interpreter_by", "witness")
        ),
        "has_end": any(form[each].value() for each in ("lasts", "lasts_until", "lasts_episode")),
    }


@require_GET
@needs(Action.RECORD_CONSENT)
def receipt(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show what the patient may keep: the link to the pictures and answers, while it can be shown."""
    consent = _consent(request, pk)
    saying = sheets.words_for(consent.wording["language"])
    link = receipt_link(consent, slips.held(request, consent))
    photos = list(consent.photos.filter(state=Photo.State.KEPT).order_by("-taken_at"))
    context = {
        "saying": saying,
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


def receipt_link(consent: Consent, secret: str | None) -> str | None:
    """Return the address of the patient's own page, in their language, while a secret is known that opens it."""
    if secret is None or not receipts.opens(secret, consent):
        return None
    language = consent.wording["language"]
    query = f"?language={language}" if language != saying_of.ENGLISH else ""
    return f"{settings.SAFELIGHT_SERVER_URL}/receipt/{query}#{secret}"


@require_GET
@needs(Action.SEE_PATIENTS)
def record(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show a conversation as it was: the words that were on the screen, and the answers."""
    consent = _consent(request, pk)
    context = {
        "consent": consent,
        "patient": consent.patient,
        "right": _right(consent),
        "is_as_it_was": frozen.is_as_it_was(consent),
        "text": notes.text_of(
            consent, in_full=may(request.user.role, Action.GOVERN), now=timezone.now()
        ),
        "can_end": lasting.EPISODE in consent.lasts and consent.expires_on is None,
    }
    return render(request, "consent/record.html", context)


@require_POST
@needs(Action.RECORD_CONSENT)
def end_episode(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Write down that the problem is over for which the yes was given."""
    consent = _consent(request, pk)
    try:
        lasting.end_episode(consent, by=request.user, now=timezone.now())
    except DoesNotFit as refused:
        messages.info(request, "; ".join(refused.fields.values()))
    else:
        messages.success(request, "Written down")
    return redirect("consent-record", consent.pk)


@require_POST
@needs(Action.RECORD_CONSENT)
def new_slip(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Give the patient a new code, and show it once."""
    consent = _consent(request, pk)
    try:
        secret = receipts.renew(consent, by=request.user, now=timezone.now())
    except receipts.ReceiptUnknown as gone:
        raise Http404 from gone
    slips.hold(request, consent, secret)
    return redirect("consent-receipt", consent.pk)


def _after(made: Consent, made_for: Purpose) -> str:
    """Return the camera's address, where a yes may open it, or the receipt's."""
    opens = Purpose.CARE in made.purposes or made_for in made.purposes
    page = reverse("capture" if opens else "consent-receipt", args=[made.pk])
    return page + query_of(made_for) if opens else page


def _right(consent: Consent) -> str:
    who = consent.representative
    return right_of(who, on=timezone.localdate(consent.given_at)) if who else ""


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
    path("consents/<uuid:pk>/slip/", new_slip, name="consent-slip"),
    path("consents/<uuid:pk>/over/", end_episode, name="consent-over"),
]
