"""Copies for teaching and the like: ask, prepare, the desk, the second person, the finished copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from safelight import policy
from safelight.flows import final_item, intruding, opening, studies
from safelight.flows import release as flow
from safelight.flows.allowed import DoesNotFit
from safelight.flows.copies import TICKS, CopyNotFit, for_editor
from safelight.flows.once import AlreadyDone
from safelight.policy.roles import Action, may
from safelight.records.models import OrganisationAgreement, Photo, Release
from safelight.terms import Purpose, RegionOutsideImage
from safelight.web import opened, reviewing
from safelight.web.captions import read_into
from safelight.web.crowd import drawn
from safelight.web.decisions import explained
from safelight.web.disclosing import (
    SaidForm,
    answers_from,
    banded,
    facts_from,
    in_words,
    rounded,
    told,
)
from safelight.web.doors import SignedInRequest, needs
from safelight.web.forms import once_of, put_right
from safelight.web.release_forms import (
    USES,
    ApproveForm,
    AskForm,
    AttemptForm,
    Attempts,
    TicksForm,
)
from safelight.web.reviewing import Problem
from safelight.web.words import AUDIENCES, PURPOSES

if TYPE_CHECKING:
    from datetime import datetime

    from django.forms.formsets import BaseFormSet

    from safelight.detect import Finding
    from safelight.flows.deciding import Decision
    from safelight.records.models import Staff

form_page = require_http_methods(["GET", "HEAD", "POST"])


@form_page
@needs(Action.REQUEST_RELEASE)
def ask(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Ask for a copy, or be told why not, with the source."""
    found = Photo.objects.visible_to(request.user).filter(state=Photo.State.KEPT)
    photo = get_object_or_404(found.select_related("patient__practice", "practice"), pk=pk)
    form: SaidForm = AskForm(request.POST or None)
    now = timezone.now()
    context: dict[str, Any] = {"photo": photo, "patient": photo.patient}
    if "read" in request.POST:
        form, read = read_into(AskForm, request, photo.patient)
        return render(request, "releases/ask.html", context | {"form": form, "read": read})
    if form.is_valid():
        purpose, audience, _ = USES[form.cleaned_data["use"]]
        try:
            done = flow.request_release(
                photo,
                purpose=purpose,
                audience=audience,
                target=form.cleaned_data["target"],
                discloses=facts_from(form.cleaned_data),
                once=once_of(request),
                by=request.user,
                now=now,
            )
        except AlreadyDone as before:
            return redirect("release", before.made)
        except DoesNotFit as refused:
            put_right(form, refused.fields)
            return render(request, "releases/ask.html", context | {"form": form}, status=422)
        except opening.PictureClosed as closed:  # since it was found, a moment ago
            raise Http404 from closed
        if isinstance(done, Release):
            return redirect("release", done.pk)
        context |= explained(
            done, photo.patient, reader=request.user, purpose=purpose, photo=photo, now=now
        )
        context |= {"use": USES[form.cleaned_data["use"]][2]}
        return render(request, "releases/not_permitted.html", context, status=403)
    return render(request, "releases/ask.html", context | {"form": form})


@require_GET
@needs(Action.SEE_PICTURES)
def desk(request: SignedInRequest) -> HttpResponse:
    """List what waits for this person, what this person asked for, and what has left."""
    everything = Release.objects.visible_to(request.user).select_related(
        "photo__patient", "requested_by", "reviewed_by"
    )
    to_review = flow.waiting_for(request.user)
    context = {
        "to_review": to_review.select_related("photo__patient", "requested_by"),
        "mine": everything.filter(
            requested_by=request.user, state__in=(Release.State.DRAFT, Release.State.WAITING)
        ),
        "left": everything.filter(state=Release.State.RELEASED)[:50],
    }
    return render(request, "releases/desk.html", context)


@require_GET
@needs(Action.SEE_PICTURES)
def release(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show a release where it stands: the editor, the review, the copy, or how it ended."""
    found = _release(request, pk)
    if found.state == Release.State.DRAFT and may(request.user.role, Action.REQUEST_RELEASE):
        return _editor(request, found, TicksForm())
    if found.state == Release.State.WAITING:
        return _review(request, found, ApproveForm())
    return render(request, "releases/release.html", _context(found, request.user))


@require_POST
@needs(Action.REQUEST_RELEASE)
def reword(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Change what is said beside the picture."""
    found, form = _release(request, pk), SaidForm(request.POST)
    if form.is_valid():
        try:
            flow.say_less(
                found,
                discloses=facts_from(form.cleaned_data),
                by=request.user,
                now=timezone.now(),
            )
        except flow.NotTheirTurn as error:
            messages.error(request, error.for_people)
        except DoesNotFit as refused:
            messages.error(request, next(iter(refused.fields.values())))
    else:
        messages.error(request, "Nothing was changed: check what you typed")
    return redirect("release", found.pk)


@require_POST
@needs(Action.REQUEST_RELEASE)
def prepare(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Make the copy as the person decided, and pass it to the desk."""
    found, form, now = _release(request, pk), TicksForm(request.POST), timezone.now()
    problems: list[Problem] = []
    held: tuple[Finding, ...] = ()
    if form.is_valid():
        try:
            wishes = reviewing.wishes(request.POST, ticked=form.cleaned_data["ticked"])
            done = flow.prepare_copy(found, wishes=wishes, by=request.user, now=now)
        except DoesNotFit as refused:
            problems = reviewing.unfit(refused.fields)
        except CopyNotFit as refused:
            problems, held = [Problem(each) for each in refused.general], refused.held
        except (RegionOutsideImage, opening.PictureClosed) as refused:
            problems = [Problem(refused.for_people)]
        except flow.NotTheirTurn as error:
            messages.error(request, error.for_people)
            return redirect("release", found.pk)
        else:
            if isinstance(done, policy.Hold | policy.Refusal | policy.Permit):
                return _refused(request, found, done)
            messages.success(request, "The copy waits for a second person")
            return redirect("release", found.pk)
    return _editor(request, found, form, problems=problems, held=held, status=422)


@require_POST
@needs(Action.REVIEW_RELEASE)
def approve(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Let the copy leave, as the second person."""
    found, form = _release(request, pk), ApproveForm(request.POST)
    attempts = Attempts(
        request.POST if "attempt-TOTAL_FORMS" in request.POST else None, prefix="attempt"
    )
    tried = [each.cleaned_data for each in attempts if attempts.is_bound and each.is_valid()]
    if not form.is_valid():
        return _review(request, found, form, attempts=attempts, status=422)
    try:
        done = flow.approve(
            found, **form.cleaned_data, intruder_test=tried, by=request.user, now=timezone.now()
        )
    except DoesNotFit as refused:
        put_right(form, refused.fields)
        return _review(request, found, form, attempts=attempts, status=422)
    except (flow.SamePerson, flow.NotTheirTurn, opening.PictureClosed, CopyNotFit) as error:
        messages.error(request, error.for_people)
        return redirect("release", found.pk)
    if not isinstance(done, Release):
        return _refused(request, found, done)
    messages.success(request, "It may leave")
    return redirect("release", found.pk)


@require_POST
@needs(Action.REVIEW_RELEASE)
def refuse(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Don't let the copy leave, and say what would have to change."""
    found, form = _release(request, pk), ApproveForm(request.POST)
    try:
        note = form.cleaned_data["note"] if form.is_valid() else ""
        flow.refuse(found, note=note, by=request.user, now=timezone.now())
    except DoesNotFit as refused:
        put_right(form, refused.fields)
        return _review(request, found, form, status=422)
    except (flow.SamePerson, flow.NotTheirTurn) as error:
        messages.error(request, error.for_people)
    else:
        messages.success(request, "Refused. The copy is destroyed.")
    return redirect("release", found.pk)


@require_POST
@needs(Action.REQUEST_RELEASE)
def stop(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Take a request back before anything has left."""
    found = _release(request, pk)
    try:
        flow.stop(found, by=request.user, now=timezone.now())
    except flow.NotTheirTurn as error:
        messages.error(request, error.for_people)
    else:
        messages.success(request, "Stopped. Nothing has left.")
    return redirect("releases")


@require_GET
@needs(Action.SEE_PICTURES)
def original(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Return the picture that the copy is made of, for those who prepare and review it."""
    found = _release(request, pk)
    return opened.picture(lambda: flow.open_original(found, by=request.user, now=timezone.now()))


@require_GET
@needs(Action.SEE_PICTURES)
def copy(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Return the copy's file: to the two who settle it while it waits, afterwards as released."""
    found, now = _release(request, pk), timezone.now()
    is_waiting = found.state == Release.State.WAITING
    open_it = flow.preview_copy if is_waiting else flow.open_copy
    return opened.picture(lambda: open_it(found, by=request.user, now=now))


def _editor(
    request: SignedInRequest,
    found: Release,
    form: TicksForm,
    *,
    problems: Sequence[Problem] = (),
    held: Sequence[Finding] = (),
    status: int = 200,
) -> HttpResponse:
    try:
        begun = flow.to_review(found, by=request.user)
    except opening.PictureClosed as error:
        raise Http404 from error
    review, again = begun, for_editor(held, prefix="again")
    if request.method == "POST":
        review = reviewing.resumed(request.POST, begun, again)
    context = _context(found, request.user) | {
        "crowd": banded(found.assessment),
        "form": form,
        "said": SaidForm(initial=answers_from(found.discloses)),
        "problems": [*reviewing.to_do(review, again=again), *problems] if held else problems,
        "looked_again": bool(held),
        "review": review,
    }
    return render(request, "releases/editor.html", context, status=status)


def _review(
    request: SignedInRequest,
    found: Release,
    form: ApproveForm,
    *,
    attempts: BaseFormSet[AttemptForm] | None = None,
    status: int = 200,
) -> HttpResponse:
    is_mine = found.is_first_person(request.user)
    now = timezone.now()
    may_review = may(request.user.role, Action.REVIEW_RELEASE) and not is_mine
    context = _context(found, request.user) | {
        "crowd": (rounded if may_review else banded)(found.assessment),
        "picture": drawn(found.assessment.get("steps", ())) if may_review else None,
        "form": form,
        "attempts": attempts or Attempts(prefix="attempt"),
        "asks_attempt": found.audience in intruding.NEEDED_FOR,
        "is_mine": is_mine,
        "may_review": may_review,
        "asks_judgement": found.exposure == "review",
        "showings": found.showings.select_related("shown_by"),
        "agreement": OrganisationAgreement.objects.filter(release=found).first(),
        "must_be_shown": final_item.goes_public(found),
    }
    context |= _study(found, now=now)
    decision = flow.decide(found, second_person=str(request.user.pk), now=now)
    context |= _explained(request, found, decision)
    return render(request, "releases/review.html", context, status=status)


def _study(found: Release, *, now: datetime) -> dict[str, Any]:
    """Return on what a release for research rests."""
    if found.purpose != Purpose.RESEARCH:
        return {}
    study = studies.last(found.photo.patient, photo=found.photo, now=now)
    words = studies.bases(found.photo.patient, now=now)
    return {"study": study, "study_rests_on": words.get(study.legal_basis, "") if study else ""}


def _refused(
    request: SignedInRequest, found: Release, done: policy.Permit | policy.Hold | policy.Refusal
) -> HttpResponse:
    context = (
        _context(found, request.user)
        | {"use": PURPOSES[found.purpose]}
        | _explained(request, found, done)
    )
    return render(request, "releases/not_permitted.html", context, status=403)


def _explained(request: SignedInRequest, found: Release, decision: Decision) -> dict[str, Any]:
    return explained(
        decision,
        found.photo.patient,
        reader=request.user,
        purpose=Purpose(found.purpose),
        photo=found.photo,
        release=found,
        now=timezone.now(),
    )


def _context(found: Release, reader: Staff) -> dict[str, Any]:
    ever = flow.earlier_releases(found, by=reader)
    earlier = [told(each) for each in ever if each["id"] != str(found.pk)]
    return {
        "release": found,
        "photo": found.photo,
        "patient": found.photo.patient,
        "purpose": PURPOSES[found.purpose],
        "audience": AUDIENCES[found.audience],
        "discloses": in_words(found.discloses),
        "crowd": rounded(found.assessment),
        "earlier": earlier,
        "copy": found.copy,
        "tick_words": [TICKS.get(key, key) for key in found.ticked],
    }


def _release(request: SignedInRequest, pk: UUID) -> Release:
    found = Release.objects.visible_to(request.user).select_related(
        "photo__patient__practice", "practice", "copy", "requested_by", "reviewed_by"
    )
    return get_object_or_404(found, pk=pk)


urlpatterns = [
    path("pictures/<uuid:pk>/copy/", ask, name="copy-new"),
    path("releases/", desk, name="releases"),
    path("releases/<uuid:pk>/", release, name="release"),
    path("releases/<uuid:pk>/words/", reword, name="release-words"),
    path("releases/<uuid:pk>/prepare/", prepare, name="release-prepare"),
    path("releases/<uuid:pk>/approve/", approve, name="release-approve"),
    path("releases/<uuid:pk>/refuse/", refuse, name="release-refuse"),
    path("releases/<uuid:pk>/stop/", stop, name="release-stop"),
    path("releases/<uuid:pk>/original/", original, name="release-original"),
    path("releases/<uuid:pk>/copy/", copy, name="copy"),
]
