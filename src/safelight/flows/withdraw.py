"""Take it back: what follows is said first, then access closes at once, then the keys go."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import OperationalError, transaction
from django.utils import timezone

from safelight import policy
from safelight.flows import erasing, share, stores
from safelight.flows.allowed import demand
from safelight.flows.capture import RIGHT_AFTER
from safelight.policy.roles import Action
from safelight.policy.withdrawal import BY_LAW, Kind
from safelight.records import log
from safelight.records.models import (
    Consent,
    Copy,
    Patient,
    Photo,
    Recall,
    Release,
    Reply,
    Withdrawal,
)
from safelight.terms import Purpose

if TYPE_CHECKING:
    from safelight.records.models import Staff

RECALL_WITHIN = timedelta(days=7)
"""By when what is out has to be asked back. No guidance names a period: practice."""
OPEN_RELEASES = (Release.State.DRAFT, Release.State.WAITING)
ENDED_RELEASES = (Release.State.REFUSED, Release.State.STOPPED, Release.State.WITHDRAWN)


class NothingToWithdraw(ValueError):
    """No purpose was named, or all of them were taken back before."""

    for_people = "This was taken back before. Nothing more had to be done."


@dataclass(frozen=True, slots=True)
class Plan:
    """What follows for one picture and for all that came from it."""

    photo: Photo
    own: bool
    """Taken under the very consent that is taken back, not another for the same site."""
    steps: tuple[policy.Consequence, ...]

    @property
    def stays(self) -> bool:
        """Say whether the picture itself stays in the record."""
        gone = {step.of for step in self.steps if step.step is policy.Step.DESTROY}
        return str(self.photo.pk) not in gone


@dataclass(slots=True)
class _Goes:
    """What will have to be destroyed, gathered step by step."""

    photos: list[Photo] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)


def consequences_of(
    consent: Consent, *, purposes: Collection[Purpose], now: datetime
) -> tuple[policy.Consequence, ...]:
    """Say what would follow, without doing any of it. Shown before anybody is asked to press."""
    return tuple(step for plan in _plans(consent, purposes, now=now) for step in plan.steps)


def withdraw(
    consent: Consent, *, purposes: Collection[Purpose], by: Staff | None, now: datetime
) -> Withdrawal:
    """Take purposes back. No reason is asked.

    One transaction closes every access; then the keys are destroyed, here or, if this process
    dies in between, by whoever starts next. What the consent allowed for this part of the body
    ends for its other pictures too, except care, which ends for this conversation's own.

    by: the member of staff who was told; None from the patient's own receipt.
    Raises NothingToWithdraw, NotAllowed.
    """
    if by is not None:
        demand(by, Action.WITHDRAW, consent)
    try:
        withdrawal = _close(consent, purposes, by=by, now=now)
    except OperationalError:
        # A full disk must not stop a withdrawal: room is held back for it.
        if not stores.keys().release_ballast():
            raise
        withdrawal = _close(consent, purposes, by=by, now=now)
    for job in withdrawal.erase_jobs.all():
        erasing.finish_erasure(job, now=now)
    return withdrawal


@transaction.atomic
def recalled(recall: Recall, *, by: Staff, now: datetime) -> None:
    """Record that something was asked back or taken down. A second time changes nothing."""
    demand(by, Action.GOVERN, recall)
    recall = Recall.objects.select_for_update().get(pk=recall.pk)
    if recall.done_at is not None:
        return
    recall.done_at, recall.done_by = now, by
    recall.save(update_fields=["done_at", "done_by"])
    log.append(
        "recall.done",
        practice=recall.practice,
        subject=recall.withdrawal.patient.subject,
        by=by,
        at=now,
        recall=recall.pk,
    )


def can_be_withdrawn(consent: Consent) -> list[Purpose]:
    """Return what the consent still allows, in the usual order."""
    return [
        purpose
        for purpose in Purpose
        if purpose in consent.purposes and purpose not in consent.withdrawn
    ]


def _plans(consent: Consent, purposes: Collection[Purpose], *, now: datetime) -> Iterator[Plan]:
    photos = consent.patient.photos.filter(state=Photo.State.KEPT).order_by("taken_at")
    for photo in photos:
        own = photo.consent_id == consent.pk
        if not own and consent.body_site not in {"", photo.body_site}:
            continue
        ended = set(purposes) if own else set(purposes) - {Purpose.CARE}
        steps = policy.consequences(
            sorted(ended),
            things=_things(photo),
            relied_on_for_care=photo.relied_on_for_care,
            during=own and _is_right_after(photo, now=now),
        )
        yield Plan(photo, own, steps)


def _is_right_after(photo: Photo, *, now: datetime) -> bool:
    """Say whether it may still go without a trace: for a while, and until a colleague has answered."""
    if Reply.objects.filter(link__photo=photo).exists():
        return False
    return timedelta(0) <= now - photo.received_at <= RIGHT_AFTER


def _things(photo: Photo) -> list[policy.Derived]:
    things = [policy.Derived("original", str(photo.pk), Purpose(photo.made_for), is_out=False)]
    for link in photo.links.filter(revoked_at__isnull=True):
        seen = link.openings_used > 0
        things.append(policy.Derived("link", str(link.pk), Purpose.SECOND_OPINION, is_out=seen))
    for release in photo.releases.exclude(state__in=ENDED_RELEASES).select_related("copy"):
        purpose = Purpose(release.purpose)
        is_out = release.state == Release.State.RELEASED
        kind: Kind = "release" if is_out else "queued"
        things.append(policy.Derived(kind, str(release.pk), purpose, is_out=is_out))
        if release.copy is not None and release.copy.state == Copy.State.KEPT:
            # Its release asks back what is out; the copy itself is only destroyed.
            things.append(policy.Derived("copy", str(release.copy.pk), purpose, is_out=False))
    return things


@transaction.atomic
def _close(
    consent: Consent, purposes: Collection[Purpose], *, by: Staff | None, now: datetime
) -> Withdrawal:
    """Close every access in one transaction, under the lock that capture and release take."""
    Patient.objects.select_for_update().get(pk=consent.patient_id)
    consent = Consent.objects.select_related("patient__practice").get(pk=consent.pk)
    open_ones = can_be_withdrawn(consent)
    # All that was agreed to rests on care: a picture that isn't kept can't be taught with.
    ended = (
        open_ones if Purpose.CARE in purposes else [each for each in open_ones if each in purposes]
    )
    if not ended:
        raise NothingToWithdraw(str(consent.pk))
    plans = list(_plans(consent, ended, now=now))
    steps = [step for plan in plans for step in plan.steps]
    withdrawal = Withdrawal.objects.create(
        practice=consent.practice,
        patient=consent.patient,
        purposes=[purpose.value for purpose in ended],
        at=now,
        by=by,
        consequences=[step.as_json() for step in steps],
    )
    _end(consent, ended, plans, now=now)
    goes = _Goes()
    for plan in plans:
        for step in plan.steps:
            _take(step, plan.photo, withdrawal, goes, now=now)
        if plan.stays:
            plan.photo.set_closed_to(_closed_to(ended, own=plan.own), at=now)
    _log_closing(withdrawal, consent, steps, by=by, now=now)
    if goes.photos or goes.copies:
        erasing.queue(
            consent.practice,
            photos=goes.photos,
            copies=goes.copies,
            withdrawal=withdrawal,
            now=now,
        )
    return withdrawal


def _end(
    consent: Consent, ended: Sequence[Purpose], plans: Sequence[Plan], *, now: datetime
) -> None:
    """End the purposes in this consent, and but for care in each that speaks of the same site.

    Where a picture stays in the record because care rests on it, so does the answer for care.
    """
    others = [purpose.value for purpose in ended if purpose is not Purpose.CARE]
    record_stays = any(plan.own and plan.stays for plan in plans)
    consent.set_withdrawn(others if record_stays else [each.value for each in ended], at=now)
    same_site = consent.patient.consents.filter(body_site=consent.body_site)
    for other in same_site.exclude(pk=consent.pk):
        other.set_withdrawn(others, at=now)


def _closed_to(ended: Sequence[Purpose], *, own: bool) -> list[str]:
    """Return the uses that a picture which stays is closed to from now on."""
    if own and Purpose.CARE in ended:
        return [each.value for each in Purpose if each is not Purpose.CARE and each not in BY_LAW]
    return [each.value for each in ended if each is not Purpose.CARE]


def _take(
    step: policy.Consequence,
    photo: Photo,
    withdrawal: Withdrawal,
    goes: _Goes,
    *,
    now: datetime,
) -> None:
    """Do the part of one step that lies in the records."""
    link = photo.links.filter(pk=step.of).first()
    release = photo.releases.filter(pk=step.of).first()
    copy = photo.copies.filter(pk=step.of).first()
    if step.step is policy.Step.REVOKE and link is not None:
        share.shut(link, now=now)
    elif step.step is policy.Step.STOP and release is not None:
        release.set_state(Release.State.STOPPED)
    elif step.step is policy.Step.RECALL:
        _recall(step, release, withdrawal, now=now)
    elif step.step is policy.Step.DESTROY and copy is not None:
        goes.copies.append(copy)
    elif step.step is policy.Step.DESTROY:
        goes.photos.append(photo)


def _recall(
    step: policy.Consequence, release: Release | None, withdrawal: Withdrawal, *, now: datetime
) -> None:
    if release is not None and release.state == Release.State.RELEASED:
        release.set_state(Release.State.WITHDRAWN)
        release.disclosures.filter(withdrawn_at__isnull=True).update(withdrawn_at=now)
    Recall.objects.create(
        practice=withdrawal.practice,
        withdrawal=withdrawal,
        text=step.text,
        source=step.source,
        due_on=timezone.localdate(now) + RECALL_WITHIN,
    )


def _log_closing(
    withdrawal: Withdrawal,
    consent: Consent,
    steps: Sequence[policy.Consequence],
    *,
    by: Staff | None,
    now: datetime,
) -> None:
    log.append(
        "consent.withdrawn",
        practice=withdrawal.practice,
        subject=consent.patient.subject,
        by=by or "patient",
        at=now,
        withdrawal=withdrawal.pk,
        consent=consent.pk,
        purposes=list(withdrawal.purposes),
        **{
            str(kind): sorted({step.of for step in steps if step.step is kind})
            for kind in policy.Step
        },
    )
