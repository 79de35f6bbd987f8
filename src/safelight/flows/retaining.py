"""How long a picture stays at least, what is due, and the person who decides it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from safelight import policy
from safelight.flows import derivatives, destroying, erasing, holding, in_force, letters, mailing
from safelight.flows.allowed import DoesNotFit, demand
from safelight.policy import retention
from safelight.policy.retention import RecordKind, RetentionFacts
from safelight.policy.roles import Action, Role
from safelight.policy.withdrawal import BY_LAW
from safelight.records import locks, log
from safelight.records.models import (
    CareRecord,
    Copy,
    EraseJob,
    LedgerEntry,
    Patient,
    Photo,
    Practice,
    Release,
    Review,
)
from safelight.records.models.retention import RECORDS
from safelight.terms import Purpose

if TYPE_CHECKING:
    from safelight.records.models import Staff

USES = frozenset(
    {
        "photo.captured",
        "photo.viewed",
        "consent.recorded",
        "link.sent",
        "link.shown",
        "link.answered",
        "release.requested",
        "copy.made",
        "copy.opened",
        "exhibit.given",
        "exhibit.opened",
    }
)
"""What in the ledger is a use of the record: the period begins anew. A tile alone isn't."""
FOR_CARE = frozenset({Purpose.CARE.value, Purpose.SECOND_OPINION.value})
CONSENT = "the consent"
PROMISE_OVER = "The time that the consent promised is over."


class NotDue(ValueError):
    """It was used again, is held, or somebody has decided by now."""

    for_people = "This is not due any more. Nothing was destroyed."


@cache
def _periods(pack: str) -> retention.Retention:
    return retention.load(pack)


def _table(patient: Patient, *, now: datetime) -> retention.Retention:
    """Return the periods that belong to the pack in force."""
    return _periods(in_force.pack_of(patient.practice, now=now).retention_of)


def kept_at_least(photo: Photo, *, now: datetime) -> retention.Kept:
    """Return until when the picture is kept if care ended today; each later use begins anew."""
    record = CareRecord.objects.filter(patient=photo.patient_id).first()
    facts = RetentionFacts(
        kind=RecordKind(record.kind) if record else RecordKind.GENERAL,
        ended_on=timezone.localdate(now),
        born=photo.patient.born_on,
        died=photo.patient.died_on,
    )
    return retention.kept(facts, table=_table(photo.patient, now=now))


def facts_of(record: CareRecord) -> RetentionFacts:
    """Return what is known of a patient's record. Somebody's death ends its use."""
    patient = record.patient
    return RetentionFacts(
        kind=RecordKind(record.kind),
        ended_on=record.ended_on or patient.died_on,
        used_on=used_on(patient),
        born=patient.born_on,
        died=patient.died_on,
        held=patient.holds.filter(lifted_at__isnull=True).exists(),
    )


def used_on(patient: Patient) -> tuple[date, ...]:
    """Return the days on which the ledger says that the record was used."""
    uses = LedgerEntry.objects.filter(subject=str(patient.subject), kind__in=USES)
    return tuple(sorted({timezone.localdate(at) for at in uses.values_list("at", flat=True)}))


def period_of(record: CareRecord, *, now: datetime) -> retention.Kept:
    """Say until when the record is kept at least, and by which rule of those in force."""
    return retention.kept(facts_of(record), table=_table(record.patient, now=now))


@transaction.atomic
def set_record(
    patient: Patient, *, kind: str, ended_on: date | None, by: Staff, now: datetime
) -> CareRecord:
    """Say what kind of record a patient's pictures belong to, and when it ended, if it did.

    Raises DoesNotFit, NotAllowed.
    """
    demand(by, Action.GOVERN, patient)
    fields = {}
    if kind not in dict(RECORDS):
        fields["kind"] = "Choose the kind of record"
    if ended_on is not None and not patient.born_on <= ended_on <= timezone.localdate(now):
        fields["ended_on"] = "Type the day on which the record was last used"
    if fields:
        raise DoesNotFit(fields)
    locks.hold_patient(patient.pk)
    said = {"kind": kind, "ended_on": ended_on, "set_at": now, "set_by": by}
    record, _ = CareRecord.objects.update_or_create(
        patient=patient, defaults=said, create_defaults=said | {"practice": patient.practice}
    )
    log.append(
        "record.kind-set",
        practice=patient.practice,
        subject=patient.subject,
        by=by,
        at=now,
        record=kind,
        ended=ended_on.isoformat() if ended_on else None,
    )
    return record


def go_round(*, now: datetime) -> int:
    """List what is due, take from the list what isn't any more, end what was promised to end.

    Returns how many reviews are new. Safe to repeat.
    """
    expire_promised(now=now)
    for stale in Review.objects.filter(state=Review.State.DUE, patient__erased_at__isnull=False):
        stale.set_lapsed(at=now)
    new = [review for review in _newly_due(now=now) if review is not None]
    for practice in {review.practice for review in new}:
        count = sum(review.practice_id == practice.pk for review in new)
        _tell(practice, count, about=new[0], now=now)
    return len(new)


def due(practice: Practice) -> Iterable[Review]:
    """Return what waits for somebody to look."""
    return Review.objects.filter(practice=practice, state=Review.State.DUE)


@transaction.atomic
def keep_longer(review: Review, *, until: date, reason: str, by: Staff, now: datetime) -> None:
    """Keep it until another day, with a reason. Raises NotDue, DoesNotFit, NotAllowed."""
    demand(by, Action.GOVERN, review)
    fields = {}
    if until <= timezone.localdate(now):
        fields["until"] = "Type a later day"
    if not reason.strip():
        fields["reason"] = "Say why it is kept longer"
    if fields:
        raise DoesNotFit(fields)
    locks.hold_patient(review.patient_id)
    fresh = _still_due(review, now=now)
    fresh.set_kept(until=until, reason=reason.strip(), by=by, at=now)
    _log("retention.kept-longer", fresh, by=by, now=now)


def destroy(review: Review, *, by: Staff, now: datetime) -> EraseJob:
    """Destroy what is due, as its named approver; return what the certificate is made of.

    It is looked at again first. Raises NotDue, destroying.Held, NotAllowed.
    """
    demand(by, Action.GOVERN, review)
    fresh = _still_due(review, now=now)
    order = destroying.Order(EraseJob.Basis.RETENTION, fresh.because, by, source=fresh.source)
    try:
        if fresh.photo is None:
            job = destroying.erase_patient(fresh.patient, order=order, now=now)
        else:
            job = destroying.erase_image(fresh.photo, order=order, now=now)
    except destroying.NothingToErase as error:
        raise NotDue(str(review.pk)) from error
    with transaction.atomic():
        locks.hold_patient(fresh.patient_id)
        fresh.refresh_from_db()
        fresh.set_destroyed(job, by=by, at=now)
        _log("retention.destroyed", fresh, by=by, now=now)
    return job


def expire_promised(*, now: datetime) -> list[EraseJob]:
    """End the copies whose time, promised in the consent, is over; return what was destroyed.

    The patient was told when it ends, so nobody is asked: the record of care isn't touched.
    A legal hold closes them, and they go when it is lifted.
    """
    today = timezone.localdate(now)
    ended = []
    copies = Copy.objects.filter(state=Copy.State.KEPT, release__isnull=False).exclude(
        release__purpose__in=BY_LAW
    )
    for copy in copies.select_related("release", "photo__patient__practice", "photo__practice"):
        last = promised_until(copy.photo, Purpose(copy.release.purpose))
        if last is not None and last < today:
            ended.append(_expire(copy.release, now=now))
    for job in ended:
        if not job.held:
            erasing.finish_erasure(job, now=now)
    return ended


def promised_until(photo: Photo, purpose: Purpose) -> date | None:
    """Return the last day that a consent for this use of the picture promised, None without one."""
    days = [
        consent.expires_on
        for consent in photo.patient.consents.all()
        if purpose.value in consent.holding
        and (consent.pk == photo.consent_id or consent.body_site in {"", photo.body_site})
    ]
    known = [day for day in days if day is not None]
    return max(known) if known and len(known) == len(days) else None


@transaction.atomic
def _expire(release: Release, *, now: datetime) -> EraseJob:
    photo = release.photo
    locks.hold_patient(photo.patient_id)
    held = holding.is_held(photo)
    found, act = derivatives.of(photo), derivatives.Act(photo, now)
    its_own = {str(release.pk), str(release.copy_id)}
    steps = policy.consequences(
        [Purpose(release.purpose)],
        things=[thing for thing in found.things if thing.id in its_own],
        relied_on_for_care=True,
        during=False,
        held=held,
    )
    for step in steps:
        found.take(step, act)
    job = erasing.queue(
        photo.patient,
        copies=act.copies,
        keys=act.keys,
        blobs=act.blobs,
        others=act.others,
        held=held,
        now=now,
    )
    job.set_ordered(
        basis=EraseJob.Basis.PROMISE, because=PROMISE_OVER, source=CONSENT, approved_by=None
    )
    log.append(
        "copy.expired",
        practice=photo.practice,
        subject=photo.patient.subject,
        by="system",
        at=now,
        photo=photo.pk,
        release=release.pk,
        job=job.pk,
    )
    return job


def _newly_due(*, now: datetime) -> Iterable[Review | None]:
    records = CareRecord.objects.filter(patient__erased_at__isnull=True)
    for record in records.select_related("patient__practice"):
        yield _list(record.patient, None, period_of(record, now=now), now=now)
    made_for_more = Photo.objects.filter(
        state=Photo.State.KEPT, consent__expires_on__isnull=False
    ).exclude(made_for__in=FOR_CARE)
    for photo in made_for_more.select_related("patient__practice", "consent"):
        yield _list(photo.patient, photo, _promise(photo, now=now), now=now)


def _promise(photo: Photo, *, now: datetime) -> retention.Kept:
    """Return the period of a picture that was made for another use: what the consent promised."""
    facts = RetentionFacts(
        kind=RecordKind.COPY,
        ended_on=None,
        promised_until=photo.consent.expires_on if photo.consent else None,
        held=holding.is_held(photo),
    )
    return retention.kept(facts, table=_table(photo.patient, now=now))


@transaction.atomic
def _list(
    patient: Patient, photo: Photo | None, said: retention.Kept, *, now: datetime
) -> Review | None:
    """Put it on the list if it is due and nobody has decided; take it off if it isn't due."""
    locks.hold_patient(patient.pk)
    today = timezone.localdate(now)
    over_on = said.until if said.until is not None and said.until <= today else None
    rows = Review.objects.filter(patient=patient, photo=photo)
    listed = rows.filter(state=Review.State.DUE).first()
    if listed is not None:
        if over_on is None:
            listed.set_lapsed(at=now)
        return None
    kept = rows.filter(state=Review.State.KEPT, keep_until__gt=today)
    if over_on is None or kept.exists():
        return None
    review = Review.objects.create(
        practice=patient.practice,
        patient=patient,
        photo=photo,
        due_on=over_on,
        because=" ".join(said.because),
        source=said.source,
        listed_at=now,
    )
    _log("retention.due", review, by="system", now=now)
    return review


def _still_due(review: Review, *, now: datetime) -> Review:
    """Return the review as it is now, if what it is about is due still."""
    fresh = Review.objects.select_related("patient__practice", "photo__consent", "practice").get(
        pk=review.pk
    )
    if fresh.photo is not None:
        said = _promise(fresh.photo, now=now)
    else:
        record = CareRecord.objects.select_related("patient__practice").get(patient=fresh.patient)
        said = period_of(record, now=now)
    over = said.until is not None and said.until <= timezone.localdate(now)
    if fresh.state != Review.State.DUE or not over:
        raise NotDue(str(review.pk))
    return fresh


def _tell(practice: Practice, count: int, *, about: Review, now: datetime) -> None:
    where = f"{settings.SAFELIGHT_SERVER_URL}/governance/retention/"
    for lead in practice.staff.filter(role=Role.IG_LEAD, is_active=True):
        mailing.queue(
            lead.email,
            subject=letters.PERIOD_OVER,
            text=letters.period_over(count, where=where),
            about=about.pk,
            practice=practice,
            now=now,
        )


def _log(kind: str, review: Review, *, by: Staff | str, now: datetime) -> None:
    log.append(
        kind,
        practice=review.practice,
        subject=review.patient.subject,
        by=by,
        at=now,
        review=review.pk,
        photo=review.photo_id,
    )
