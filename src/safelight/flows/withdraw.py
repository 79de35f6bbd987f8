"""Take it back: what follows is said first, then access closes at once, then the keys go."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from django.db import OperationalError, transaction

from safelight import policy
from safelight.flows import derivatives, erasing, holding, stores
from safelight.flows.allowed import demand
from safelight.flows.capture import RIGHT_AFTER
from safelight.policy.roles import Action
from safelight.policy.withdrawal import BY_LAW
from safelight.records import locks, log
from safelight.records.models import (
    Channel,
    Consent,
    Objection,
    Patient,
    Photo,
    Reply,
    Withdrawal,
)
from safelight.terms import Purpose

if TYPE_CHECKING:
    from safelight.records.models import Staff

T = TypeVar("T")
IN_REACH = (Photo.State.KEPT, Photo.State.QUARANTINED)
BY_THE_PATIENT = "patient"


class NothingToWithdraw(ValueError):
    """No purpose was named, or all of them were taken back before."""

    for_people = "This was taken back before. Nothing more had to be done."


@dataclass(frozen=True, slots=True)
class Scope:
    """What is taken back from: one conversation, one picture, or all there is of the patient."""

    patient: Patient
    consent: Consent | None = None
    photo: Photo | None = None

    @property
    def is_everything(self) -> bool:
        """Say whether it reaches every picture and every conversation."""
        return self.consent is None and self.photo is None

    @property
    def rows(self) -> tuple[Patient | Consent | Photo, ...]:
        """Return what is named, for the question who may."""
        return (self.patient, *([self.consent] if self.consent else ()), *self._pictures)

    @property
    def _pictures(self) -> tuple[Photo, ...]:
        return (self.photo,) if self.photo else ()

    def owns(self, photo: Photo) -> bool:
        """Say whether care, too, ends for this picture: it isn't only another of the same site."""
        if self.consent is not None:
            return photo.consent_id == self.consent.pk
        return self.photo is None or photo.pk == self.photo.pk

    def reaches(self, photo: Photo) -> bool:
        """Say whether it speaks of this picture at all."""
        if self.owns(photo):
            return True
        return self.consent is not None and self.consent.body_site in {"", photo.body_site}

    def fresh(self) -> Scope:
        """Return the same as the records have it now, behind the lock of capture and release."""
        locks.hold_patient(self.patient.pk)
        return Scope(
            Patient.objects.select_related("practice").get(pk=self.patient.pk),
            self.consent and Consent.objects.get(pk=self.consent.pk),
            self.photo and Photo.objects.select_related("consent").get(pk=self.photo.pk),
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What follows for one picture and for all that came from it."""

    photo: Photo
    own: bool
    """Taken back itself, not another for the same site."""
    ended: tuple[Purpose, ...]
    found: derivatives.Found
    steps: tuple[policy.Consequence, ...]
    is_held: bool
    """A legal hold keeps what would have been destroyed."""
    goes_later: bool
    """The picture itself is destroyed once the hold is lifted."""

    @property
    def stays(self) -> bool:
        """Say whether the picture itself stays for now."""
        return str(self.photo.pk) not in _destroyed(self.steps)

    @property
    def care_stays(self) -> bool:
        """Say whether the picture stays in the record because care rests on it."""
        return self.stays and self.photo.relied_on_for_care

    @property
    def closed_to(self) -> list[str]:
        """Return the uses that a picture which stays is closed to from now on."""
        if Purpose.CARE not in self.ended:
            return [each.value for each in self.ended]
        left = BY_LAW | ({Purpose.CARE} if self.photo.relied_on_for_care else set())
        return [each.value for each in Purpose if each not in left]


def consequences_of(
    consent: Consent, *, purposes: Collection[Purpose], now: datetime
) -> tuple[policy.Consequence, ...]:
    """Say what would follow, without doing any of it. Shown before anybody is asked to press."""
    return consequences_for(Scope(consent.patient, consent=consent), purposes=purposes, now=now)


def consequences_for(
    scope: Scope, *, purposes: Collection[Purpose], now: datetime
) -> tuple[policy.Consequence, ...]:
    """Say what would follow for the pictures of a scope, without doing any of it."""
    return tuple(step for plan in _plans(scope, purposes, now=now) for step in plan.steps)


def withdraw(
    consent: Consent,
    *,
    purposes: Collection[Purpose],
    channel: Channel = Channel.NOT_SAID,
    by: Staff | None,
    now: datetime,
) -> Withdrawal:
    """Take purposes of one conversation back. No reason is asked.

    One transaction closes every access; then the keys are destroyed, here or, if this process
    dies in between, by whoever starts next. What the consent allowed for this part of the body
    ends for its other pictures too, except care, which ends for this conversation's own.

    by: the member of staff who was told; None from the patient's own receipt.
    Raises NothingToWithdraw, NotAllowed.
    """
    scope = Scope(consent.patient, consent=consent)
    return _done(scope, lambda: _close(scope, purposes, channel=channel, by=by, now=now), by, now)


def withdraw_picture(
    photo: Photo,
    *,
    purposes: Collection[Purpose],
    channel: Channel = Channel.NOT_SAID,
    by: Staff | None,
    now: datetime,
) -> Withdrawal:
    """Take uses of one picture back, whether or not it was taken under a consent.

    Care is the picture itself. Raises NothingToWithdraw, NotAllowed.
    """
    scope = Scope(photo.patient, photo=photo)
    return _done(scope, lambda: _close(scope, purposes, channel=channel, by=by, now=now), by, now)


def object_to(
    patient: Patient,
    *,
    purposes: Collection[Purpose],
    given_by: str = BY_THE_PATIENT,
    channel: Channel = Channel.NOT_SAID,
    by: Staff | None,
    now: datetime,
) -> Withdrawal:
    """Record a no to these uses, for every picture there is and will be; it counts at once.

    It needs no consent to be against, and no reason. What it ends follows as in a withdrawal.
    Only a later yes of whoever said no lifts it (`Objection.covers`).
    given_by: "patient", or the kind of authority of whoever said it for the patient.
    Raises NothingToWithdraw where every one of these uses is objected to already, NotAllowed.
    """
    scope = Scope(patient)

    def close() -> Withdrawal:
        return _object(scope, purposes, given_by=given_by, channel=channel, by=by, now=now)

    return _done(scope, close, by, now)


def can_be_withdrawn(consent: Consent) -> list[Purpose]:
    """Return what the consent still allows, in the usual order."""
    return [
        purpose
        for purpose in Purpose
        if purpose in consent.purposes and purpose not in consent.withdrawn
    ]


def can_be_taken_back(photo: Photo, *, now: datetime) -> list[Purpose]:
    """Return the uses that the picture isn't closed to, in the usual order.

    Care is among them until all else is closed and care rests on it: then it stays as it is.
    """
    if photo.state not in IN_REACH:
        return []
    shut = {
        purpose
        for said in photo.objections(photo.patient.consents.all())
        for purpose in said["purposes"]
    }
    left = [each for each in Purpose if each not in BY_LAW and each not in shut]
    rests = photo.relied_on_for_care and not _is_right_after(photo, now=now)
    return [] if rests and left == [Purpose.CARE] else left


def objected_to(patient: Patient) -> set[str]:
    """Return the uses that the patient has said no to, as it stands today."""
    consents = list(patient.consents.all())
    said = patient.objections.select_related("consent")
    covered = {use for each in said for use in each.covers(consents)}
    return {each.value for each in Purpose} if "*" in covered else covered


def _done(
    scope: Scope, close: Callable[[], Withdrawal], by: Staff | None, now: datetime
) -> Withdrawal:
    """Close in one transaction, on a full disk too, and then destroy what goes."""
    if by is not None:
        demand(by, Action.WITHDRAW, *scope.rows)
    withdrawal = with_room(close)
    for job in withdrawal.erase_jobs.filter(held=False):
        erasing.finish_or_leave(job, now=now)
    return withdrawal


def with_room(close: Callable[[], T]) -> T:
    """Run it; on a full disk run it once more in the room that is held back for such an act."""
    try:
        return close()
    except OperationalError:
        if not stores.keys().release_ballast():
            raise
        return close()


def _plans(scope: Scope, purposes: Collection[Purpose], *, now: datetime) -> Iterator[Plan]:
    photos = scope.patient.photos.filter(state__in=IN_REACH).select_related(
        "practice", "patient", "consent"
    )
    for photo in photos.order_by("taken_at"):
        own = scope.owns(photo)
        ended = [each for each in Purpose if each in purposes and (own or each is not Purpose.CARE)]
        if not scope.reaches(photo) or not ended:
            continue
        yield _plan(photo, ended, own=own, now=now)


def _plan(photo: Photo, ended: Sequence[Purpose], *, own: bool, now: datetime) -> Plan:
    found, held = derivatives.of(photo), holding.is_held(photo)
    during = own and _is_right_after(photo, now=now)

    def steps(*, is_held: bool) -> tuple[policy.Consequence, ...]:
        return policy.consequences(
            ended,
            things=found.things,
            relied_on_for_care=photo.relied_on_for_care,
            during=during,
            held=is_held,
        )

    follows, free = steps(is_held=held), steps(is_held=False)
    return Plan(
        photo=photo,
        own=own,
        ended=tuple(ended),
        found=found,
        steps=follows,
        is_held=held and not _destroyed(follows),
        goes_later=str(photo.pk) in _destroyed(free) - _destroyed(follows),
    )


def _destroyed(steps: Iterable[policy.Consequence]) -> set[str]:
    return {step.of for step in steps if step.step is policy.Step.DESTROY}


def _is_right_after(photo: Photo, *, now: datetime) -> bool:
    """Say whether it may still go without a trace.

    For a while, until a colleague has answered, and unless somebody has put a hold on it since.
    """
    if Reply.objects.filter(link__photo=photo).exists():
        return False
    if holding.was_held_since(photo, photo.received_at):
        return False
    return timedelta(0) <= now - photo.received_at <= RIGHT_AFTER


@transaction.atomic
def _close(
    scope: Scope,
    purposes: Collection[Purpose],
    *,
    channel: Channel = Channel.NOT_SAID,
    by: Staff | None,
    now: datetime,
) -> Withdrawal:
    """Close every access in one transaction, under the lock that capture and release take."""
    scope = scope.fresh()
    ended = _still_open(scope, purposes, now=now)
    if not ended:
        raise NothingToWithdraw(str(scope.patient.pk))
    return _carry_out(scope, ended, objection=None, channel=channel, by=by, now=now)


@transaction.atomic
def _object(
    scope: Scope,
    purposes: Collection[Purpose],
    *,
    given_by: str,
    channel: Channel,
    by: Staff | None,
    now: datetime,
) -> Withdrawal:
    scope = scope.fresh()
    already = objected_to(scope.patient)
    said = [each for each in Purpose if each in purposes]
    if not any(each.value not in already for each in said):
        raise NothingToWithdraw(str(scope.patient.pk))
    objection = Objection.objects.create(
        practice=scope.patient.practice,
        patient=scope.patient,
        purposes=[each.value for each in said],
        made_at=now,
        given_by=given_by,
    )
    log.append(
        "objection.recorded",
        practice=scope.patient.practice,
        subject=scope.patient.subject,
        by=by or "patient",
        at=now,
        objection=objection.pk,
        purposes=list(objection.purposes),
        channel=channel.value,
        given_by=given_by,
    )
    return _carry_out(scope, said, objection=objection, channel=channel, by=by, now=now)


def _still_open(scope: Scope, purposes: Collection[Purpose], *, now: datetime) -> list[Purpose]:
    """Return what ends. All that was agreed to rests on care: without the picture nothing is left."""
    if scope.consent is not None:
        open_ones = can_be_withdrawn(scope.consent)
    else:
        assert scope.photo is not None
        open_ones = can_be_taken_back(scope.photo, now=now)
    if Purpose.CARE in purposes:
        return open_ones if Purpose.CARE in open_ones else []
    return [each for each in open_ones if each in purposes]


def _carry_out(
    scope: Scope,
    ended: Sequence[Purpose],
    *,
    objection: Objection | None,
    channel: Channel,
    by: Staff | None,
    now: datetime,
) -> Withdrawal:
    plans = list(_plans(scope, ended, now=now))
    steps = [step for plan in plans for step in plan.steps]
    withdrawal = Withdrawal.objects.create(
        practice=scope.patient.practice,
        patient=scope.patient,
        consent=scope.consent,
        photo=scope.photo,
        objection=objection,
        purposes=[purpose.value for purpose in ended],
        at=now,
        by=by,
        channel=channel,
        consequences=[step.as_json() for step in steps],
    )
    _end_consents(scope, ended, plans, now=now)
    for plan in plans:
        _act_on(plan, withdrawal, now=now)
    _log_closing(withdrawal, plans, by=by, now=now)
    return withdrawal


def _end_consents(
    scope: Scope, ended: Sequence[Purpose], plans: Sequence[Plan], *, now: datetime
) -> None:
    """End the purposes in what was agreed, and but for care in each answer about the same site.

    Where a picture stays in the record because care rests on it, so does the answer for care.
    """
    if scope.photo is not None:
        return  # other pictures of that conversation stay as they are
    others = [purpose.value for purpose in ended if purpose is not Purpose.CARE]
    resting = {plan.photo.consent_id for plan in plans if plan.own and plan.care_stays}
    for consent in scope.patient.consents.all():
        own = scope.is_everything or (scope.consent is not None and consent.pk == scope.consent.pk)
        if own and consent.pk not in resting:
            consent.set_withdrawn([each.value for each in ended], at=now)
        elif own or (scope.consent is not None and consent.body_site == scope.consent.body_site):
            consent.set_withdrawn(others, at=now)


def _act_on(plan: Plan, withdrawal: Withdrawal, *, now: datetime) -> None:
    """Do what follows for one picture, and queue what is destroyed, now or once a hold is lifted."""
    act = derivatives.Act(plan.photo, now, withdrawal)
    for step in plan.steps:
        plan.found.take(step, act)
    if plan.stays:
        plan.photo.set_closed_to(plan.closed_to, at=now)
    photos = [] if plan.stays and not plan.goes_later else [plan.photo]
    if photos or act.copies or act.keys:
        erasing.queue(
            withdrawal.patient,
            photos=photos,
            copies=act.copies,
            keys=act.keys,
            blobs=act.blobs,
            others=act.others,
            withdrawal=withdrawal,
            held=plan.is_held,
            now=now,
        )


def _log_closing(
    withdrawal: Withdrawal, plans: Sequence[Plan], *, by: Staff | None, now: datetime
) -> None:
    steps = [step for plan in plans for step in plan.steps]
    log.append(
        "consent.withdrawn",
        practice=withdrawal.practice,
        subject=withdrawal.patient.subject,
        by=by or "patient",
        at=now,
        withdrawal=withdrawal.pk,
        consent=withdrawal.consent_id,
        photo=withdrawal.photo_id,
        photos=sorted(str(plan.photo.pk) for plan in plans),
        purposes=list(withdrawal.purposes),
        channel=str(withdrawal.channel),
        **{
            str(kind): sorted({step.of for step in steps if step.step is kind})
            for kind in policy.Step
        },
    )
