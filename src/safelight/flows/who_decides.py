"""What the policy is told of a patient: for this decision, on this day, by whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils import timezone

from safelight import policy
from safelight.flows import in_force
from safelight.records.models import (
    Assessment,
    Consultation,
    Patient,
    PendingChoice,
    Representative,
)
from safelight.terms import Purpose

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from safelight.policy.terms import Terms
    from safelight.records.models import Consent


@dataclass(frozen=True, slots=True)
class Seen:
    """Whose givers saw the final copy of one use: ids of conversations."""

    purpose: Purpose
    consents: frozenset[UUID]


_ABOUT = Assessment.About
ABOUT: dict[Purpose, Assessment.About] = {
    Purpose.CARE: _ABOUT.CARE,
    Purpose.SECOND_OPINION: _ABOUT.CARE,
    Purpose.AUDIT: _ABOUT.CARE,
    Purpose.LEGAL: _ABOUT.CARE,
    Purpose.COMPLAINT: _ABOUT.CARE,
    Purpose.INTEREST: _ABOUT.LEARNING,
    Purpose.TEACHING_LOCAL: _ABOUT.LEARNING,
    Purpose.TEACHING_WIDE: _ABOUT.LEARNING,
    Purpose.RESEARCH: _ABOUT.LEARNING,
    Purpose.PUBLICATION: _ABOUT.PUBLIC,
    Purpose.SOCIAL: _ABOUT.PUBLIC,
    Purpose.MARKETING: _ABOUT.PUBLIC,
}
"""The decision that a use belongs to. A finding about one decision says nothing of another."""
SECONDARY = frozenset(purpose for purpose, about in ABOUT.items() if about is not _ABOUT.CARE)


def age(patient: Patient, *, on: date) -> int:
    """Return the full years lived on a day, or until death."""
    day = min(on, patient.died_on) if patient.died_on else on
    born = patient.born_on
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def terms_for(patient: Patient, *, on: date) -> Terms:
    """Return the ages, the kinds of authority and the words that hold for a patient on a day."""
    return in_force.terms_on(patient.practice, on)


def is_presumed_capable(patient: Patient, *, on: date) -> bool:
    """Say whether the patient is of an age at which people are taken to be able to decide."""
    return age(patient, on=on) >= terms_for(patient, on=on).capacity_presumed_from


def is_child(patient: Patient, *, on: date) -> bool:
    """Say whether the patient's pictures are a child's."""
    return age(patient, on=on) < terms_for(patient, on=on).child_until


def standing_for(patient: Patient, purpose: Purpose, *, now: datetime) -> str:
    """Return how the patient stands to this decision, in the pack's words: "self", "lacks", "child" …"""
    known = patient_facts(patient, purpose=purpose, now=now)
    return policy.standing(known, pack=in_force.pack_of(patient.practice, now=now), at=now)


def right_of(who: Representative, *, on: date) -> str:
    """Return by what right somebody decides, in the words of the pack in force."""
    words = terms_for(who.patient, on=on).vocabulary.kinds
    return words.get(who.authority, who.authority.replace("-", " "))


def assessed_for(
    assessments: Iterable[Assessment], kind: str, about: str, *, on: date
) -> Assessment | None:
    """Return the latest of a patient's assessments of this kind that was about this decision.

    assessments: the newest first, as the records list them.
    """
    return next(
        (
            each
            for each in assessments
            if each.kind == kind and about in each.about and each.assessed_on <= on
        ),
        None,
    )


def patient_facts(patient: Patient, *, purpose: Purpose, now: datetime) -> dict[str, Any]:
    """Return the patient as `decide` reads it, for one purpose at one instant."""
    today, about = timezone.localdate(now), ABOUT[purpose]
    assessments = list(patient.assessments.all())
    gillick = assessed_for(assessments, Assessment.Kind.GILLICK, about, on=today)
    capacity, assessed_on = _capacity(assessments, about, on=today)
    if purpose in SECONDARY and capacity in {"has", "unassessed"}:
        waits = patient.choices.filter(kind=PendingChoice.Kind.RECOVERED, closed_at=None).first()
        if waits is not None:  # able again, and not asked yet: nothing is used before the answer
            capacity, assessed_on = "lost-for-now", timezone.localdate(waits.raised_at)
    if not is_presumed_capable(patient, on=today):
        assessed_on = gillick.assessed_on if gillick else None
    return {
        "born": patient.born_on.isoformat(),
        "died": patient.died_on.isoformat() if patient.died_on else None,
        "capacity": capacity,
        "gillick": gillick.outcome if gillick else "unassessed",
        "assessed_on": assessed_on.isoformat() if assessed_on else None,
        "known_wishes": dict(patient.known_wishes),
        "genetic_or_third_party": patient.genetic_or_third_party,
    }


def says_no_now(patient: Patient, *, now: datetime) -> bool:
    """Say whether the patient said no at the camera, or was upset, at this visit: on this day."""
    today = timezone.localdate(now)
    return any(timezone.localdate(each.at) == today for each in patient.noes.all())


def _capacity(
    assessments: Sequence[Assessment], about: str, *, on: date
) -> tuple[str, date | None]:
    """Return what was found for this decision, and when.

    Nothing found: capacity is presumed, unless the patient couldn't take a simpler decision, or
    no decision at that time. Then it has to be looked at, and until then the day is missing.
    """
    kind = Assessment.Kind.CAPACITY
    found = assessed_for(assessments, kind, about, on=on)
    if found is not None:
        return found.outcome, found.assessed_on
    order = list(Assessment.About)
    for other in order:
        told = assessed_for(assessments, kind, other, on=on)
        is_simpler = order.index(other) < order.index(Assessment.About(about))
        if told is not None and (
            told.outcome == "lost-for-now" or (told.outcome == "lacks" and is_simpler)
        ):
            return told.outcome, None
    return "unassessed", None


def may_decide(
    who: Representative, among: Iterable[Representative], patient: Patient, *, on: date
) -> bool:
    """Say whether the person may still decide for the patient, alone or with those who act jointly.

    Where people were appointed only together, the end of one is the end of all. What the pack in
    force doesn't know is no authority.
    """
    terms = terms_for(patient, on=on)
    if who.authority not in terms.vocabulary.kinds:
        return False
    if who.authority in terms.parental:
        return who.holds_on(on) and is_child(patient, on=on)
    return who.holds_on(on) and all(each.holds_on(on) for each in together_with(who, among))


def together_with(who: Representative, among: Iterable[Representative]) -> list[Representative]:
    """Return the others without whom this person can't decide."""
    if who.acts != Representative.Acts.JOINTLY:
        return []
    return [
        each
        for each in among
        if each.pk != who.pk and (each.authority, each.acts) == (who.authority, who.acts)
    ]


def consent_facts(
    patient: Patient,
    consents: Sequence[Consent],
    *,
    among: Sequence[Consent] | None = None,
    seen: Seen | None = None,
    now: datetime,
) -> list[dict[str, Any]]:
    """Return the consents as `decide` reads them.

    among: every conversation that may hold the agreement of others, where that is more.
    seen: whose givers saw the final copy of one use.
    What somebody agreed to for the patient lasts as long as that person's authority; who has to
    act jointly has agreed once all have.
    """
    people: dict[Any, Representative] = {}
    if any(each.representative_id is not None for each in consents):
        people = {each.pk: each for each in patient.representatives.all()}
    heard, today = consents if among is None else among, timezone.localdate(now)
    terms = terms_for(patient, on=today)
    return [
        fact
        for each in consents
        for said in _said(each, heard, people, terms, on=today)
        for fact in _with_final_item(_in_words_of(terms, said), each, seen)
    ]


def _in_words_of(terms: Terms, fact: dict[str, Any]) -> dict[str, Any]:
    """Return the fact as the pack in force can read it.

    A kind of authority that it doesn't know, as after a change of jurisdiction, is none: the yes no
    longer counts, and the patient's care isn't shut by a word that nobody understands.
    """
    known = fact["given_by"] in terms.vocabulary.kinds
    return fact if known else fact | {"given_by": terms.without_authority}


def _with_final_item(
    fact: dict[str, Any], consent: Consent, seen: Seen | None
) -> list[dict[str, Any]]:
    """Return the fact, with the one use apart whose final copy the giver saw."""
    if seen is None or consent.pk not in seen.consents or seen.purpose not in fact["purposes"]:
        return [fact]
    rest = [each for each in fact["purposes"] if each != seen.purpose]
    shown = fact | {"purposes": [seen.purpose.value], "final_item_seen": True}
    return [shown, fact | {"purposes": rest}] if rest else [shown]


def _said(
    consent: Consent,
    consents: Sequence[Consent],
    people: dict[Any, Representative],
    terms: Terms,
    *,
    on: date,
) -> list[dict[str, Any]]:
    who = people.get(consent.representative_id)
    if who is None:
        facts = consent.facts()
        grown = age(consent.patient, on=on) >= terms.capacity_presumed_from
        return [part for fact in facts for part in _own(fact, consent, terms)] if grown else facts
    others = together_with(who, people.values())
    ends = [consent.expires_on, *(each.last_on for each in (who, *others))]
    last = min((day for day in ends if day), default=None)
    found = []
    for fact in consent.facts():
        fact["expires_on"] = last.isoformat() if last else None
        together = [
            p for p in fact["purposes"] if all(_agreed(each, p, consents) for each in others)
        ]
        alone = [each for each in fact["purposes"] if each not in together]
        if together:
            found.append(fact | {"purposes": together})
        if alone:
            found.append(fact | {"purposes": alone, "given_by": terms.without_authority})
    return found


def _own(fact: dict[str, Any], consent: Consent, terms: Terms) -> list[dict[str, Any]]:
    """Return the patient's own answer: a child's, whom nobody found able, never grows into a yes."""
    patient = consent.patient
    if fact["given_by"] != "patient" or was_able(patient, consent, None, terms):
        return [fact]
    able = [each for each in fact["purposes"] if was_able(patient, consent, Purpose(each), terms)]
    rest = [each for each in fact["purposes"] if each not in able]
    parts = [(able, "patient"), (rest, terms.without_authority)]
    return [fact | {"purposes": some, "given_by": by} for some, by in parts if some]


def was_able(patient: Patient, consent: Consent, purpose: Purpose | None, terms: Terms) -> bool:
    """Say whether an own answer was given by someone who could decide this at all.

    Of an age that is presumed able, or found able to as a child. Who is a child still is left to the policy.
    purpose: None asks whether age alone says so.
    """
    if age(patient, on=timezone.localdate(consent.given_at)) >= terms.capacity_presumed_from:
        return True
    if purpose is None:
        return False
    kind, day = Assessment.Kind.GILLICK, date.max
    found = assessed_for(patient.assessments.all(), kind, ABOUT[purpose], on=day)
    return found is not None and found.outcome == "competent"


def _agreed(who: Representative, purpose: str, consents: Iterable[Consent]) -> bool:
    return any(
        each.representative_id == who.pk
        and purpose in each.purposes
        and purpose not in each.withdrawn
        for each in consents
    )


def consulted_facts(patient: Patient, *, purpose: Purpose, now: datetime) -> dict[str, Any]:
    """Return who was asked after the death, as `decide` reads it: asked or not, and objections.

    Whom the will or the court named comes before the family. Where the family objects the executor
    has to answer after that; without an executor the family's no stands. Where the pictures touch
    others, nobody counts as asked before there is advice.
    """
    if patient.died_on is None:
        return {"executor_or_family_consulted": None, "objections": []}
    asked = [each for each in patient.consultations.all() if purpose in each.purposes]
    named = [each for each in asked if each.who != Consultation.Who.FAMILY]
    family = [each for each in asked if each.who == Consultation.Who.FAMILY]
    has_executor = _has_executor(patient, on=timezone.localdate(now))
    noes = _noes(named if named or has_executor else family)
    refused = [each for each in family if each.answer == Consultation.Answer.OBJECTS]
    heard = named or ([] if has_executor else family)
    if named and refused and _latest(refused) > _latest(named):
        heard = []
    if patient.genetic_or_third_party and not patient.legal_advice.strip():
        heard = []
    objections = [
        {"purposes": [purpose.value], "made_on": each.asked_on.isoformat()} for each in noes
    ]
    return {"executor_or_family_consulted": True if heard else None, "objections": objections}


def _noes(asked: Sequence[Consultation]) -> list[Consultation]:
    """Return those whose last answer is a no."""
    last = {each.name.casefold(): each for each in asked}
    return [each for each in last.values() if each.answer == Consultation.Answer.OBJECTS]


def _latest(asked: Sequence[Consultation]) -> tuple[date, datetime]:
    return max((each.asked_on, each.recorded_at) for each in asked)


def _has_executor(patient: Patient, *, on: date) -> bool:
    kinds = terms_for(patient, on=on).after_death_only
    return any(each.authority in kinds for each in patient.representatives.all())
