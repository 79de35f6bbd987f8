"""Let a copy leave for teaching and the like: asked, made, looked at by a second person, opened."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction

from safelight import exposure, policy
from safelight.flows import (
    copies,
    disclosures,
    erasing,
    exposing,
    final_item,
    intruding,
    keeping,
    pictures,
)
from safelight.flows import once as forms
from safelight.flows.allowed import DoesNotFit, demand
from safelight.flows.copies import TICKS, CopyNotFit, Wishes
from safelight.flows.deciding import may_use
from safelight.flows.opening import ORIGINAL, VIEW, PictureClosed, unsealed
from safelight.policy.roles import Action, may
from safelight.records import locks, log
from safelight.records.models import Copy, Photo, Release
from safelight.terms import Audience, Purpose

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from safelight.flows.deciding import Decision
    from safelight.records.models import Staff


class NotTheirTurn(ValueError):
    """The release isn't where this step begins: somebody was quicker, or it has ended."""

    for_people = "Somebody else has settled this by now. Load the page again."


class SamePerson(PermissionError):
    """The second person has to be another one."""

    for_people = "You asked for this copy, or made it. Someone else has to look at it."


@dataclass(frozen=True, slots=True)
class _Review:
    """What the second person said."""

    note: str
    judgement: str
    intruder_test: tuple[Mapping[str, str], ...]


@transaction.atomic
def request_release(
    photo: Photo,
    *,
    purpose: Purpose,
    audience: Audience,
    target: str,
    discloses: Mapping[str, Any],
    once: UUID | None = None,
    by: Staff,
    now: datetime,
) -> Release | policy.Refusal:
    """Ask that a copy may leave. A refusal comes back as it is, and nothing is written.

    discloses: what is said beside the picture (age, sex, place …), as `expose` reads facts.
    What holds only waits for steps that come later: the copy, the exposure, the second person.
    Raises DoesNotFit, PictureClosed, or AlreadyDone where the form was sent before.
    """
    demand(by, Action.REQUEST_RELEASE, photo)
    if not target.strip():
        raise DoesNotFit({"target": "Say where it goes"})
    photo = _locked_photo(photo)
    exposing.spend(photo.patient, now=now)
    release = Release(
        practice=photo.practice,
        photo=photo,
        purpose=purpose,
        audience=audience,
        target=target.strip(),
        discloses=_readable(discloses),
        requested_by=by,
        requested_at=now,
    )
    _assess(release, now=now)
    # Other words may still mend a crowd that is too small: it is asked about with the copy.
    decision = decide(release, verdict=exposing.NOT_ASSESSED, acted_on=True, now=now)
    if isinstance(decision, policy.Refusal):
        return decision
    release.decision = decision.as_json()
    forms.claim(once, kind="release.requested", made=release.pk, practice=photo.practice, now=now)
    release.save(force_insert=True)
    _log(
        "release.requested", release, by=by, now=now, purpose=purpose.value, audience=audience.value
    )
    return release


def decide(
    release: Release,
    *,
    second_person: str | None = None,
    verdict: str | None = None,
    acted_on: bool = False,
    now: datetime,
) -> Decision:
    """Ask the policy about the release as it stands now."""
    return may_use(
        release.photo,
        purpose=Purpose(release.purpose),
        audience=Audience(release.audience),
        action="disclose",
        copy=release.copy,
        seen=final_item.seen_in(release),
        acted_on=acted_on,
        now=now,
        organisation_agrees=final_item.organisation_agrees(release),
        release={"target": release.target, "recipient": None},
        review={"second_person": second_person},
        exposure={"verdict": verdict or release.exposure},
    )


@transaction.atomic
def say_less(
    release: Release, *, discloses: Mapping[str, Any], by: Staff, now: datetime
) -> Release:
    """Change what is said beside the picture, before the copy is made. Raises NotTheirTurn."""
    demand(by, Action.REQUEST_RELEASE, release)
    fresh = _locked(release, state=Release.State.DRAFT)
    exposing.spend(fresh.photo.patient, now=now)
    fresh.discloses = _readable(discloses)
    _assess(fresh, now=now)
    fresh.save(update_fields=["discloses", "exposure", "assessment"])
    _log("release.reworded", fresh, by=by, now=now)
    return fresh


def to_review(release: Release, *, by: Staff) -> dict[str, Any]:
    """Return where the editor begins: what was found in the original, and what to keep.

    keep: the skin as proposed, so that the room around it goes unless a person wants it; nothing
    where no skin can be told. proposals: boxes by name, None where there is none.
    """
    demand(by, Action.REQUEST_RELEASE, release)
    photo = _kept_photo(release)
    inspected, proposal = pictures.inspect_to_review(unsealed(photo, size=ORIGINAL))
    proposals = {
        name: box and box.as_list()
        for name, box in (("skin", proposal.skin), ("lesion", proposal.lesion))
    }
    return {
        "findings": copies.for_editor(inspected.report.findings, prefix="found"),
        "keep": [proposals["skin"]] if proposals["skin"] else [],
        "proposals": proposals,
    }


def prepare_copy(release: Release, *, wishes: Wishes, by: Staff, now: datetime) -> Copy | Decision:
    """Make the copy, check it, and pass it to the desk. What can't be vouched for isn't kept.

    The word "anonymised" is the person's: every held finding is settled and the whole tick-list
    done, and the certificate says who did it.
    Raises CopyNotFit, DoesNotFit, NotTheirTurn, RegionOutsideImage, PictureClosed.
    """
    demand(by, Action.REQUEST_RELEASE, release)
    if missing := sorted(set(TICKS) - wishes.ticked):
        raise DoesNotFit({f"tick-{key}": f"Look for this: {TICKS[key]}" for key in missing})
    photo = _kept_photo(release)
    if not Release.objects.filter(pk=release.pk, state=Release.State.DRAFT).exists():
        raise NotTheirTurn(str(release.pk))
    before = decide(release, now=now)
    if isinstance(before, policy.Refusal):
        return before
    made = pictures.make_copy(
        unsealed(photo, size=ORIGINAL),
        keep=wishes.keep,
        cover=wishes.cover,
        leave=wishes.leave,
        held="ask",
        person_looked=True,
    )
    copies.refuse_unfit(made)
    copy = copies.unsaved_copy(photo, made, wishes, by=by, now=now)
    copies.seal(copy, made.data)
    try:
        answer = _pass_on(release, copy, wishes, by=by, now=now)
    except BaseException:
        keeping.destroy(copy.pk)
        raise
    if isinstance(answer, Copy):
        keeping.settle(copy.pk)
    else:
        keeping.destroy(copy.pk)
    return answer


def approve(
    release: Release,
    *,
    note: str,
    judgement: str = "",
    intruder_test: Sequence[Mapping[str, str]] = (),
    by: Staff,
    now: datetime,
) -> Release | Decision:
    """Let the copy leave, as the second person. Everything is decided again at this instant.

    judgement: why a doubtful exposure ("review") may pass all the same; one that blocks can't.
    intruder_test: the motivated-intruder test, `intruding.checked`; beyond the organisation one
    attempt at least has to have been made, and none may have succeeded.
    Raises SamePerson, NotTheirTurn, CopyNotFit, DoesNotFit, PictureClosed, NotAllowed.
    """
    demand(by, Action.REVIEW_RELEASE, release)
    if release.is_first_person(by):
        raise SamePerson(str(release.pk))
    tried = intruding.checked(intruder_test, audience=Audience(release.audience))
    waiting = Release.objects.filter(pk=release.pk, state=Release.State.WAITING)
    fresh = waiting.select_related("photo__patient__practice", "copy", "requested_by").first()
    if fresh is None:
        raise NotTheirTurn(str(release.pk))
    disclosure = exposing.sealed_disclosure(fresh, now=now)
    try:
        with transaction.atomic():
            review = _Review(note.strip(), judgement.strip(), tried)
            answer = _approved(release, review, by=by, now=now)
            if isinstance(answer, Release):
                disclosure.release = answer
                disclosure.save(force_insert=True)
                disclosures.raise_alarms(answer.photo.patient, now=now)
    except BaseException:
        keeping.destroy(disclosure.pk)
        raise
    if isinstance(answer, Release):
        keeping.settle(disclosure.pk)
    else:
        keeping.destroy(disclosure.pk)
    return answer


@transaction.atomic
def refuse(release: Release, *, note: str, by: Staff, now: datetime) -> None:
    """Don't let the copy leave, as the second person; the copy is destroyed."""
    demand(by, Action.REVIEW_RELEASE, release)
    if release.is_first_person(by):
        raise SamePerson(str(release.pk))
    if not note.strip():
        raise DoesNotFit({"note": "Say what would have to change"})
    fresh = _locked(release, state=Release.State.WAITING)
    fresh.reviewed_by, fresh.reviewed_at, fresh.review_note = by, now, note.strip()
    fresh.set_state(Release.State.REFUSED)
    _close_copy(fresh, now=now)
    _log("release.refused", fresh, by=by, now=now)


@transaction.atomic
def stop(release: Release, *, by: Staff, now: datetime) -> None:
    """Take the request back before anything has left; the copy is destroyed."""
    demand(by, Action.REQUEST_RELEASE, release)
    fresh = _locked(release)
    if fresh.state not in {Release.State.DRAFT, Release.State.WAITING}:
        raise NotTheirTurn(fresh.state)
    fresh.set_state(Release.State.STOPPED)
    _close_copy(fresh, now=now)
    _log("release.stopped", fresh, by=by, now=now)


def waiting_for(by: Staff) -> QuerySet[Release]:
    """Return what waits at the desk for this person: neither asked for nor made by them."""
    if not may(by.role, Action.REVIEW_RELEASE):
        return Release.objects.none()
    waiting = Release.objects.visible_to(by).filter(state=Release.State.WAITING)
    found: QuerySet[Release] = waiting.exclude(requested_by=by).exclude(copy__made_by=by)
    return found


def open_copy(release: Release, *, by: Staff, now: datetime) -> bytes | Decision:
    """Return the released copy's file, or the decision that says why not; decided anew each time.

    Raises PictureClosed once it was withdrawn or never released.
    """
    demand(by, Action.SEE_PICTURES, release)
    with transaction.atomic():
        fresh = _locked(release)
        if fresh.state != Release.State.RELEASED or fresh.copy is None:
            raise PictureClosed(str(release.pk))
        _kept_photo(fresh)
        reviewer = str(fresh.reviewed_by_id)
        decision = decide(
            fresh, second_person=reviewer, verdict=_passed(fresh), acted_on=True, now=now
        )
        if not isinstance(decision, policy.Permit):
            return decision
        opened = copies.unsealed_copy(fresh.copy)
        _log("copy.opened", fresh, by=by, now=now, copy=fresh.copy.pk)
    return opened


def preview_copy(release: Release, *, by: Staff, now: datetime) -> bytes:
    """Return the copy that waits at the desk, for the two people who settle it.

    Raises PictureClosed, NotAllowed.
    """
    demand(by, Action.SEE_PICTURES, release)
    with transaction.atomic():
        fresh = _locked(release)
        if fresh.state != Release.State.WAITING or fresh.copy is None:
            raise PictureClosed(str(release.pk))
        _kept_photo(fresh)
        if fresh.requested_by_id != by.pk:
            demand(by, Action.REVIEW_RELEASE, fresh)
        opened = copies.unsealed_copy(fresh.copy)
        _log("copy.previewed", fresh, by=by, now=now, copy=fresh.copy.pk)
    return opened


def open_original(release: Release, *, by: Staff, now: datetime) -> bytes | policy.Refusal:
    """Return the picture that the copy is made of, for those who prepare and review it.

    Looking is part of the use that was asked for: it goes on until that use is refused, and is
    no reliance on the picture for care. Raises PictureClosed once the request has ended.
    """
    demand(by, Action.SEE_PICTURES, release)
    with transaction.atomic():
        fresh = _locked(release)
        if fresh.state not in {Release.State.DRAFT, Release.State.WAITING}:
            raise PictureClosed(str(release.pk))
        photo = _kept_photo(fresh)
        decision = decide(fresh, verdict=exposing.NOT_ASSESSED, now=now)
        if isinstance(decision, policy.Refusal):
            return decision
        opened = unsealed(photo, size=VIEW)
        _log("photo.viewed", fresh, by=by, now=now, purpose=fresh.purpose, size=VIEW)
    return opened


def earlier_releases(release: Release, *, by: Staff) -> list[dict[str, Any]]:
    """Return what ever left about the patient, as the person who reviews may read it."""
    return exposing.history_for(by, release.photo.patient)


def _readable(discloses: Mapping[str, Any]) -> dict[str, Any]:
    said = {"at": "2000-01-01", "audience": ["public"], "facts": dict(discloses)}
    try:
        exposure.read_release(said)
    except exposure.ReleaseRefused as error:
        raise DoesNotFit({"discloses": "Say it in the fields of this page"}) from error
    return dict(discloses)


def _locked_photo(photo: Photo) -> Photo:
    """Return the picture as it is now, behind the lock that a withdrawal takes first."""
    locks.hold_patient(photo.patient_id)
    fresh = Photo.objects.select_related("patient__practice", "practice").get(pk=photo.pk)
    if fresh.state != Photo.State.KEPT:
        raise PictureClosed(str(photo.pk))
    return fresh


def _kept_photo(release: Release) -> Photo:
    photo = Photo.objects.select_related("patient__practice").get(pk=release.photo_id)
    if photo.state != Photo.State.KEPT:
        raise PictureClosed(str(photo.pk))
    return photo


def _locked(release: Release, *, state: str | None = None) -> Release:
    locks.hold_patient(release.photo.patient_id)
    fresh = (
        Release.objects.select_for_update(of=("self",), no_key=True)
        .select_related("photo__patient__practice", "practice", "copy")
        .get(pk=release.pk)
    )
    if state is not None and fresh.state != state:
        raise NotTheirTurn(fresh.state)
    return fresh


def _assess(release: Release, *, now: datetime) -> None:
    assessed = exposing.assess(release, now=now)
    release.exposure, release.assessment = assessed.verdict, assessed.report


@transaction.atomic
def _pass_on(
    release: Release, copy: Copy, wishes: Wishes, *, by: Staff, now: datetime
) -> Copy | Decision:
    fresh = _locked(release, state=Release.State.DRAFT)
    _kept_photo(fresh)
    fresh.copy = copy  # not saved yet: what it shows decides
    _assess(fresh, now=now)
    decision = decide(fresh, now=now)
    if isinstance(decision, policy.Refusal):
        return decision
    copy.save(force_insert=True)
    fresh.copy = copy
    fresh.ticked, fresh.decision = sorted(wishes.ticked), decision.as_json()
    fresh.set_state(Release.State.WAITING)
    certificate = json.dumps(copy.certificate, sort_keys=True).encode()
    _log(
        "copy.made",
        fresh,
        by=by,
        now=now,
        copy=copy.pk,
        sha256=copy.sha256,
        certificate=hashlib.sha256(certificate).hexdigest(),
    )
    return copy


def _approved(release: Release, review: _Review, *, by: Staff, now: datetime) -> Release | Decision:
    fresh = _locked(release, state=Release.State.WAITING)
    if fresh.is_first_person(by):
        raise SamePerson(str(release.pk))
    _kept_photo(fresh)
    copy = fresh.copy
    if copy is None or copy.state != Copy.State.KEPT:
        raise PictureClosed(str(release.pk))
    _assess(fresh, now=now)
    fresh.judgement, fresh.intruder_test = review.judgement, list(review.intruder_test)
    decision = decide(
        fresh, second_person=str(by.pk), verdict=_passed(fresh), acted_on=True, now=now
    )
    if not isinstance(decision, policy.Permit):
        return decision
    if unmet := decision.met_by(copies.report_of(copy)):
        raise CopyNotFit([reason.text for reason in unmet])
    fresh.reviewed_by, fresh.reviewed_at, fresh.review_note = by, now, review.note
    fresh.decision = decision.as_json()
    fresh.set_state(Release.State.RELEASED)
    _log(
        "release.approved",
        fresh,
        by=by,
        now=now,
        copy=copy.pk,
        exposure=fresh.exposure,
        judged=bool(fresh.judgement),
        intruder_tests=len(fresh.intruder_test),
    )
    return fresh


def _passed(release: Release) -> str:
    """Return the verdict as `decide` is to see it: a doubt that a person judged is settled."""
    judged = bool(release.judgement) and release.exposure == exposure.Verdict.REVIEW
    return exposure.Verdict.CLEAR.value if judged else str(release.exposure)


def _close_copy(release: Release, *, now: datetime) -> None:
    """Close the copy that won't leave; an erase job destroys its key, here or later."""
    if release.copy is not None:
        erasing.queue(release.photo.patient, copies=[release.copy], now=now)


def _log(kind: str, release: Release, *, by: Staff, now: datetime, **details: Any) -> None:
    log.append(
        kind,
        practice=release.practice,
        subject=release.photo.patient.subject,
        by=by,
        at=now,
        release=release.pk,
        photo=release.photo_id,
        **details,
    )
