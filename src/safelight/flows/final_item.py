"""Before something goes public: the finished copy is shown to who agreed, and the organisation agrees."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from safelight.flows import erasing
from safelight.flows.allowed import DoesNotFit, demand
from safelight.flows.who_decides import Seen, may_decide
from safelight.policy.roles import Action, may
from safelight.records import locks, log
from safelight.records.models import (
    Consent,
    FinalShowing,
    OrganisationAgreement,
    Release,
)
from safelight.terms import Audience, Purpose

if TYPE_CHECKING:
    from safelight.records.models import Staff

GOES_PUBLIC = frozenset({Purpose.PUBLICATION, Purpose.SOCIAL, Purpose.MARKETING})


class NotThisCopy(ValueError):
    """What was on the screen isn't the copy that waits now, or none waits."""

    for_people = "This isn't the copy that waits any more. Load the page again."


class NotTheOneWhoAsked(PermissionError):
    """Who asked for a copy doesn't agree to it for the organisation."""

    for_people = "You asked for this copy, or made it. Someone else agrees for the organisation."


def goes_public(release: Release) -> bool:
    """Say whether the final copy has to be seen, and the organisation has to agree (GMC VAR 36-39)."""
    open_teaching = (Purpose.TEACHING_WIDE, Audience.PUBLIC)
    return (
        release.purpose in GOES_PUBLIC
        or (Purpose(release.purpose), Audience(release.audience)) == open_teaching
    )


def consents_for(release: Release, *, now: datetime) -> list[Consent]:
    """Return the agreements to this use, for this one place, that hold today; newest first."""
    photo, today = release.photo, timezone.localdate(now)
    people = list(photo.patient.representatives.all())
    return [
        each
        for each in photo.patient.consents.select_related("representative").order_by("-given_at")
        if (each.pk == photo.consent_id or each.body_site in {"", photo.body_site})
        and any(_is_for(fact, release, on=today.isoformat()) for fact in each.facts())
        and (
            each.representative is None
            or may_decide(each.representative, people, photo.patient, on=today)
        )
    ]


def _is_for(fact: Mapping[str, Any], release: Release, *, on: str) -> bool:
    holds = fact["withdrawn_on"] is None and (fact["expires_on"] or on) >= on
    named = " ".join((fact["target"] or "").split()).casefold()
    place = " ".join(release.target.split()).casefold()
    return holds and release.purpose in fact["purposes"] and named == place


@transaction.atomic
def record_showing(
    release: Release,
    *,
    consent: Consent | None,
    sha256: str,
    agrees: bool | None,
    words: str,
    by: Staff,
    now: datetime,
) -> FinalShowing:
    """Record that the finished copy was shown to who agreed, and what they said to it.

    sha256: of the file that was on the screen; another copy has to be shown anew.
    A no stops the request, and the copy is destroyed. Raises DoesNotFit, NotThisCopy, NotAllowed.
    """
    demand(by, Action.RECORD_CONSENT, release)
    fresh = _waiting(release)
    copy = fresh.copy
    if copy is None or copy.sha256 != sha256:
        raise NotThisCopy(str(release.pk))
    fields: dict[str, str] = {}
    if consent is None or consent not in consents_for(fresh, now=now):
        fields["consent"] = "Choose who looked at it. They have to have agreed to this use before"
    if agrees is None:
        fields["agrees"] = "Choose what the answer was"
    if fields or consent is None or agrees is None:
        raise DoesNotFit(fields)
    showing = FinalShowing.objects.create(
        practice=fresh.practice,
        release=fresh,
        copy=copy,
        sha256=sha256,
        consent=consent,
        target=fresh.target,
        seen_by=consent.given_by,
        representative=consent.representative,
        agrees=agrees,
        words=words.strip(),
        shown_at=now,
        shown_by=by,
    )
    if not agrees:
        fresh.set_state(Release.State.STOPPED)
        erasing.queue(fresh.photo.patient, copies=[copy], now=now)
    log.append(
        "copy.shown",
        practice=fresh.practice,
        subject=fresh.photo.patient.subject,
        by=by,
        at=now,
        release=fresh.pk,
        copy=copy.pk,
        sha256=sha256,
        consent=consent.pk,
        seen_by=consent.given_by,
        agrees=agrees,
    )
    return showing


@transaction.atomic
def agree_for_organisation(
    release: Release, *, words: str, by: Staff, now: datetime
) -> OrganisationAgreement:
    """Record that the organisation agrees to this copy, for this target. A second time changes nothing.

    Raises NotThisCopy where none waits, NotTheOneWhoAsked, NotAllowed.
    """
    demand(by, Action.GOVERN, release)
    fresh = _waiting(release)
    if fresh.is_first_person(by):
        raise NotTheOneWhoAsked(str(release.pk))
    earlier = OrganisationAgreement.objects.filter(release=fresh).first()
    if earlier is not None:
        return earlier
    made = OrganisationAgreement.objects.create(
        practice=fresh.practice, release=fresh, words=words.strip(), at=now, by=by
    )
    log.append(
        "release.organisation-agreed",
        practice=fresh.practice,
        subject=fresh.photo.patient.subject,
        by=by,
        at=now,
        release=fresh.pk,
        copy=fresh.copy.pk if fresh.copy else None,
    )
    return made


def may_show(release: Release, *, by: Staff) -> bool:
    """Say whether the person may put the waiting copy on the screen for the patient."""
    looks = release.requested_by_id == by.pk or may(by.role, Action.REVIEW_RELEASE)
    return looks and may(by.role, Action.RECORD_CONSENT)


def seen_in(release: Release) -> Seen:
    """Return the conversations whose giver saw this very copy and agreed to it."""
    copy, found = release.copy, set()
    if copy is not None and goes_public(release):
        shown = release.showings.filter(copy=copy, sha256=copy.sha256)
        last = {each.consent_id: each.agrees for each in shown}
        found = {key for key, agrees in last.items() if agrees}
    return Seen(Purpose(release.purpose), frozenset(found))


def organisation_agrees(release: Release) -> bool | None:
    """Return the organisation's yes, or None while there is none."""
    agreed = OrganisationAgreement.objects.filter(release=release.pk).exists()
    return True if agreed else None


def _waiting(release: Release) -> Release:
    """Return the release, locked behind its patient, or raise NotThisCopy where no copy waits."""
    locks.hold_patient(release.photo.patient_id)
    fresh = (
        Release.objects.select_for_update(of=("self",), no_key=True)
        .select_related("photo__patient__practice", "practice", "copy")
        .get(pk=release.pk)
    )
    if fresh.state != Release.State.WAITING:
        raise NotThisCopy(str(release.pk))
    return fresh
