"""A patient's pictures: the timeline, one picture, two dates side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils import timezone
from django.utils.text import capfirst, slugify
from django.views.decorators.http import require_GET

from safelight.flows import choices, matters, opening, patients, retaining
from safelight.flows.consent import standings
from safelight.policy.roles import Action, may
from safelight.records.models import Matter, Patient, Photo
from safelight.terms import Purpose
from safelight.web import opened
from safelight.web.decisions import Way, explained, strip, url_if_there
from safelight.web.doors import SignedInRequest, needs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from django.db.models import QuerySet

    from safelight.records.models import Staff


NOT_OPEN = "Not open to you now"


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture on the timeline; without an entry it stays shut."""

    photo: Photo
    entry: int | None
    caption: str
    is_alone: bool = False
    """It may be opened, and is not shown among others."""


@dataclass(frozen=True, slots=True)
class Group:
    """The pictures of one part of the body, the newest first."""

    site: str
    slug: str
    tiles: tuple[Tile, ...]

    @property
    def can_compare(self) -> bool:
        """Say whether two of them may be opened."""
        return sum(tile.entry is not None for tile in self.tiles) > 1


@require_GET
@needs(Action.SEE_PATIENTS)
def timeline(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show a patient: what was agreed, and every picture as a tile."""
    patient, now = _patient(request, pk), timezone.now()
    photos = list(_shown_to(request.user).filter(patient=patient).select_related("patient"))
    page = opening.open_thumbs(photos, by=request.user, now=now) if photos else None
    answers = standings(patient, now=timezone.now())
    context = {
        "patient": patient,
        "first_name": patient.name.split()[0],
        "age": patients.age(patient, on=timezone.localdate(now)),
        "strip": strip(answers),
        "groups": _groups(photos, page),
        "consents": patient.consents.filter(erased_at=None).order_by("-given_at"),
        "replies": patient.replies.select_related("link"),
        "due": choices.due(patient, now=now),
        "withdraw_url": url_if_there("withdraw", patient.pk),
        "matters": _matters(request.user, patient, now=now),
    }
    return render(request, "pictures/timeline.html", context)


@require_GET
@needs(Action.SEE_PICTURES)
def picture(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show one picture large, with what is known of it."""
    photo = _photo(request, pk)
    context = {
        "photo": photo,
        "patient": photo.patient,
        "is_open": photo.state == Photo.State.KEPT,
        "steps": _steps(photo, request.user),
        "kept": retaining.kept_at_least(photo, now=timezone.now()),
        "given": matters.given_by_law(photo),
        "slug": slugify(photo.body_site),
        "others": _kept_of_site(photo.patient, slugify(photo.body_site)),
    }
    return render(request, "pictures/picture.html", context)


@require_GET
@needs(Action.SEE_PICTURES)
def image(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Return the picture itself, decided and written down at this very opening."""
    photo = _photo(request, pk)
    return opened.picture(lambda: opening.open_photo(photo, by=request.user, now=timezone.now()))


@require_GET
@needs(Action.SEE_PICTURES)
def tile(request: SignedInRequest, pk: UUID, entry: int) -> HttpResponse:
    """Return one tile of a page that the ledger lists."""
    photo = _photo(request, pk)
    return opened.picture(
        lambda: opening.open_thumb(photo, by=request.user, entry=entry, now=timezone.now())
    )


@require_GET
@needs(Action.SEE_PICTURES)
def compare(request: SignedInRequest, pk: UUID, site: str) -> HttpResponse:
    """Show two dates of one part of the body under one slider: first and latest unless chosen."""
    patient = _patient(request, pk)
    kept = _kept_of_site(patient, site)
    if len(kept) < 2:
        raise Http404
    before = _chosen(request, "before", kept) or kept[-1]
    after = _chosen(request, "after", kept) or kept[0]
    context = {"patient": patient, "before": before, "after": after, "kept": kept, "slug": site}
    return render(request, "pictures/compare.html", context)


@require_GET
@needs(Action.SEE_PICTURES)
def why_not(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show why a picture can't be opened for care now, and what would help."""
    photo, now = _photo(request, pk), timezone.now()
    decision = opening.may_open(photo, by=request.user, now=now)
    context = explained(
        decision, photo.patient, reader=request.user, purpose=Purpose.CARE, photo=photo, now=now
    )
    return render(request, "pictures/why_not.html", context | {"photo": photo})


def _groups(photos: Iterable[Photo], page: opening.Page | None) -> tuple[Group, ...]:
    sites: dict[str, list[Tile]] = {}
    for photo in photos:
        entry = page.entry if page and photo.pk in page.shown else None
        is_alone = page is not None and photo.pk in page.alone
        caption = "" if entry is not None or is_alone else _why_shut(photo)
        sites.setdefault(photo.body_site, []).append(Tile(photo, entry, caption, is_alone))
    return tuple(Group(site, slugify(site), tuple(tiles)) for site, tiles in sites.items())


def _why_shut(photo: Photo) -> str:
    """Say why a tile stays shut. What is gone is gone for any reason: only governance sees it."""
    words = {Photo.State.ERASED: "Destroyed", Photo.State.CLOSED: "Closed"}
    return words.get(Photo.State(photo.state), NOT_OPEN)


def _shown_to(staff: Staff) -> QuerySet[Photo]:
    """Return the pictures that a person finds. One that is gone is, but to governance, as if it
    had never been there: whether the patient, its period or a stop ended it is nobody's business.
    """
    found: QuerySet[Photo] = Photo.objects.visible_to(staff)
    if may(staff.role, Action.GOVERN):
        return found
    return found.exclude(state__in=(Photo.State.CLOSED, Photo.State.ERASED))


def _steps(photo: Photo, staff: Staff) -> tuple[Way, ...]:
    """Return what this person can do with the picture, of what this installation has."""
    ask = ("ask", "Ask a colleague", "A link for one named person.", "talk")
    copy = (
        "copy-new",
        "Prepare a copy",
        "For teaching or a talk. A second person looks.",
        "people",
    )
    allowed = ((Action.ASK_COLLEAGUE, ask), (Action.REQUEST_RELEASE, copy))
    listed = [each for action, each in allowed if may(staff.role, action)]
    return tuple(
        Way(title, text, href, icon_name)
        for name, title, text, icon_name in listed
        if (href := url_if_there(name, photo.pk)) is not None
    )


def _matters(staff: Staff, patient: Patient, *, now: datetime) -> list[tuple[Matter, str]]:
    """Return what courts and complaints ask for, to governance alone: each with what it is."""
    found = Matter.objects.visible_to(staff).filter(patient=patient)
    rows = found.select_related("patient__practice", "hold")
    return [(each, capfirst(matters.words_of(each, now=now))) for each in rows]


def _kept_of_site(patient: Patient, slug: str) -> list[Photo]:
    kept = patient.photos.filter(state=Photo.State.KEPT).order_by("-taken_at")
    return [photo for photo in kept if slugify(photo.body_site) == slug]


def _chosen(request: SignedInRequest, name: str, kept: list[Photo]) -> Photo | None:
    return next((each for each in kept if str(each.pk) == request.GET.get(name)), None)


def _patient(request: SignedInRequest, pk: UUID) -> Patient:
    found = Patient.objects.visible_to(request.user).select_related("practice")
    return get_object_or_404(found, pk=pk)


def _photo(request: SignedInRequest, pk: UUID) -> Photo:
    found = _shown_to(request.user).select_related("patient__practice", "taken_by", "consent")
    return get_object_or_404(found, pk=pk)


urlpatterns = [
    path("patients/<uuid:pk>/", timeline, name="patient"),
    path("patients/<uuid:pk>/compare/<slug:site>/", compare, name="compare"),
    path("pictures/<uuid:pk>/", picture, name="picture"),
    path("pictures/<uuid:pk>/image/", image, name="picture-image"),
    path("pictures/<uuid:pk>/tile/<int:entry>/", tile, name="picture-tile"),
    path("pictures/<uuid:pk>/why/", why_not, name="picture-why"),
]
