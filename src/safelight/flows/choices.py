"""What waits for the patient's own choice: grown up since a parent agreed, or able to decide again.

The policy holds every secondary use meanwhile, whether or not a question was raised here; no time
that passes lifts it. This is how the patient comes to be asked, and how the answer is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from safelight.flows import withdraw
from safelight.flows.allowed import DoesNotFit, demand
from safelight.flows.who_decides import SECONDARY, age, assessed_for, terms_for, was_able
from safelight.policy.roles import Action
from safelight.records import locks, log
from safelight.records.models import (
    Assessment,
    Channel,
    Consent,
    Offer,
    Patient,
    PendingChoice,
    Photo,
)

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from safelight.policy.terms import Terms
    from safelight.records.models import Staff
    from safelight.terms import Purpose

Kind, Outcome = PendingChoice.Kind, PendingChoice.Outcome


@dataclass(frozen=True, slots=True)
class Due:
    """What a patient has to be asked at the next contact, and about which earlier agreements."""

    kind: PendingChoice.Kind
    consents: tuple[Consent, ...]
    choice: PendingChoice | None
    """None where the nightly look hasn't come by yet."""


def due(patient: Patient, *, now: datetime) -> tuple[Due, ...]:
    """Return what to ask this patient at the next contact."""
    if patient.died_on is not None:
        return ()
    still_open = {each.kind: each for each in patient.choices.filter(closed_at=None)}
    found = []
    outgrown = tuple(outgrown_of(patient, now=now))
    if outgrown or Kind.GROWN_UP in still_open:
        found.append(Due(Kind.GROWN_UP, outgrown, still_open.get(Kind.GROWN_UP)))
    if Kind.RECOVERED in still_open:
        open_ones = tuple(_secondary_ones(patient))
        found.append(Due(Kind.RECOVERED, open_ones, still_open[Kind.RECOVERED]))
    return tuple(found)


def outgrown_of(patient: Patient, *, now: datetime) -> list[Consent]:
    """Return what parents agreed to beside care that the patient now decides, for kept pictures.

    An own, later conversation about the same part of the body takes the place of the parent's.
    """
    if not _is_grown_up(patient, now=now):
        return []
    terms = terms_for(patient, on=timezone.localdate(now))
    own = [each for each in patient.consents.all() if each.given_by == "patient"]
    return [
        each
        for each in _secondary_ones(patient)
        if each.given_by in terms.parental
        and _speaks_of_kept(each)
        and not any(_takes_the_place(later, each, terms) for later in own)
    ]


def raise_due(*, now: datetime) -> int:
    """Raise the question for everyone who has grown up since a parent agreed; return how many."""
    held = PendingChoice.objects.filter(kind=Kind.GROWN_UP, closed_at=None).values("patient")
    rows = Patient.objects.filter(died_on=None, consents__representative__isnull=False)
    asked = 0
    for patient in rows.exclude(pk__in=held).select_related("practice").distinct():
        if outgrown_of(patient, now=now):
            _raised(patient, Kind.GROWN_UP, by="system", now=now)
            asked += 1
    return asked


def raise_on_recovery(patient: Patient, *, by: Staff, now: datetime) -> None:
    """Raise the question for who can't decide just now, inside the assessment's transaction."""
    _raised(patient, Kind.RECOVERED, by=by, now=now)


def offer(
    patient: Patient, *, kind: str, outcome: str, words: str, by: Staff, now: datetime
) -> Offer:
    """Record that the choice was offered, and what the patient said. Raises DoesNotFit.

    "keep" needs the patient's own conversation about each part of the body; "close" takes back
    every use beside care that was agreed to; "later" leaves everything on hold.
    """
    demand(by, Action.RECORD_CONSENT, patient)
    waiting = {each.kind.value: each for each in due(patient, now=now)}
    fields: dict[str, str] = {}
    if kind not in waiting:
        fields["outcome"] = "Nothing waits for this patient's choice any more"
    elif outcome not in Outcome.values:
        fields["outcome"] = "Choose what the patient said"
    elif outcome != Outcome.LATER:
        fields = _unready(waiting[kind], patient, outcome, now=now)
    if fields:
        raise DoesNotFit(fields)
    if outcome == Outcome.CLOSE:
        _take_back(waiting[kind].consents, by=by, now=now)
    return _offered(patient, waiting[kind], outcome, words, by=by, now=now)


def open_ones(by: Staff) -> QuerySet[PendingChoice]:
    """Return every open question of the person's practice that can still be asked, the oldest first."""
    rows = PendingChoice.objects.visible_to(by).filter(closed_at=None, patient__died_on=None)
    found: QuerySet[PendingChoice] = rows.select_related("patient").prefetch_related("offers")
    return found


def _is_grown_up(patient: Patient, *, now: datetime) -> bool:
    today = timezone.localdate(now)
    if age(patient, on=today) >= terms_for(patient, on=today).matured_from:
        return True
    assessments = list(patient.assessments.all())
    found = (
        assessed_for(assessments, Assessment.Kind.GILLICK, about, on=today)
        for about in (Assessment.About.LEARNING, Assessment.About.PUBLIC)
    )
    return any(each is not None and each.outcome == "competent" for each in found)


def _secondary_ones(patient: Patient) -> list[Consent]:
    return [each for each in patient.consents.all() if _secondary_of(each)]


def _secondary_of(consent: Consent) -> list[Purpose]:
    return [each for each in withdraw.can_be_withdrawn(consent) if each in SECONDARY]


def _speaks_of_kept(consent: Consent) -> bool:
    kept = consent.patient.photos.filter(state=Photo.State.KEPT)
    of_site = kept.filter(body_site=consent.body_site) if consent.body_site else kept
    return of_site.exists() or kept.filter(consent=consent).exists()


def _takes_the_place(own: Consent, earlier: Consent, terms: Terms) -> bool:
    if own.given_at <= earlier.given_at or own.body_site not in {"", earlier.body_site}:
        return False
    return all(was_able(own.patient, own, purpose, terms) for purpose in _secondary_of(earlier))


def _unready(waiting: Due, patient: Patient, outcome: str, *, now: datetime) -> dict[str, str]:
    if waiting.kind is Kind.RECOVERED and not _can_again(patient, now=now):
        return {"outcome": "Look first whether the patient can decide again, and write it down"}
    if waiting.kind is Kind.GROWN_UP and outcome == Outcome.KEEP and waiting.consents:
        sites = ", ".join(sorted({each.body_site.lower() or "any" for each in waiting.consents}))
        return {"outcome": f"Show the patient the words first, and let them answer: {sites}"}
    return {}


def _can_again(patient: Patient, *, now: datetime) -> bool:
    capacity = patient.assessments.filter(kind=Assessment.Kind.CAPACITY)
    last = capacity.filter(assessed_on__lte=timezone.localdate(now)).first()
    return last is not None and last.outcome == "has"


def _take_back(consents: tuple[Consent, ...], *, by: Staff, now: datetime) -> None:
    """Take back what is left of each: one may have ended with another about the same part."""
    for consent in consents:
        fresh = Consent.objects.get(pk=consent.pk)
        if purposes := _secondary_of(fresh):
            withdraw.withdraw(fresh, purposes=purposes, channel=Channel.IN_PERSON, by=by, now=now)


@transaction.atomic
def _offered(
    patient: Patient, waiting: Due, outcome: str, words: str, *, by: Staff, now: datetime
) -> Offer:
    locks.hold_patient(patient.pk)
    choice = _raised(patient, waiting.kind, by=by, now=now)
    made = Offer.objects.create(
        practice=patient.practice,
        choice=choice,
        outcome=outcome,
        words=words.strip(),
        at=now,
        by=by,
    )
    if outcome != Outcome.LATER:
        choice.set_closed(outcome, at=now)
    log.append(
        "choice.offered",
        practice=patient.practice,
        subject=patient.subject,
        by=by,
        at=now,
        choice=choice.pk,
        about=choice.kind,
        outcome=outcome,
    )
    return made


@transaction.atomic
def _raised(
    patient: Patient, kind: PendingChoice.Kind, *, by: Staff | str, now: datetime
) -> PendingChoice:
    """Return the open question of this kind, raised now if there was none."""
    choice, is_new = PendingChoice.objects.get_or_create(
        patient=patient,
        kind=kind,
        closed_at=None,
        defaults={"practice": patient.practice, "raised_at": now},
    )
    if is_new:
        log.append(
            "choice.raised",
            practice=patient.practice,
            subject=patient.subject,
            by=by,
            at=now,
            choice=choice.pk,
            about=kind.value,
        )
    return choice
