"""Add patients, find them, and record who decides for them and why."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from safelight.flows import in_force
from safelight.flows import once as forms
from safelight.flows.allowed import DoesNotFit, demand, hold_named, name_error
from safelight.flows.who_decides import (
    age,
    assessed_for,
    is_child,
    is_presumed_capable,
    may_decide,
    terms_for,
)
from safelight.policy.roles import Action
from safelight.policy.terms import unheld
from safelight.records import log
from safelight.records.models import Assessment, Consultation, Patient, Representative
from safelight.terms import Purpose

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from django.db.models import QuerySet

    from safelight.records.models import Staff

OLDEST_YEARS = 130
OWN_ANSWER = "patient"
"""Who agrees for themselves: a kind of every pack, and nobody's authority over another."""
FOUND_AT_MOST = 20
__all__ = [
    "ChangedMeanwhile",
    "Deciders",
    "add_patient",
    "add_representative",
    "age",
    "correct_patient",
    "deciders",
    "end_authority",
    "entry_digest",
    "find",
    "is_child",
    "is_nhs_number",
    "is_presumed_capable",
    "kinds_known_to",
    "record_consultation",
    "record_death",
]

_MONTHS = "january february march april may june july august september october november december"
_MONTH = {name[:3]: number for number, name in enumerate(_MONTHS.split(), start=1)}


class ChangedMeanwhile(ValueError):
    """Somebody else corrected the entry after the form was opened."""

    for_people = "Somebody else put this right meanwhile. What you typed was not kept."


@dataclass(frozen=True, slots=True)
class Deciders:
    """Who can answer for a patient today."""

    patient_can: bool
    """The patient answers: by age, by capacity, or by a Gillick assessment."""
    representatives: tuple[Representative, ...]
    """Those with authority that still holds."""
    needs_assessment: Assessment.Kind | None
    """What nobody has assessed yet, where age alone doesn't settle it."""


@transaction.atomic
def add_patient(
    *,
    name: str,
    born_on: date,
    nhs_number: str,
    once: uuid.UUID | None = None,
    by: Staff,
    now: datetime,
) -> Patient:
    """Add a patient to the person's own practice. Raises DoesNotFit, or AlreadyDone."""
    demand(by, Action.RECORD_CONSENT)
    made = uuid.uuid4()
    forms.claim(once, kind="patient.added", made=made, practice=by.practice, now=now)
    name, number = _tidied(name, nhs_number)
    fields = _name_errors(name) | _birth_errors(born_on, now=now)
    _refuse_unless_empty(
        fields | _number_errors(number, others=Patient.objects.all(), by=by, now=now)
    )
    patient = Patient.objects.create(
        pk=made,
        practice=by.practice,
        name=name,
        born_on=born_on,
        nhs_number=number,
        created_at=now,
    )
    log.append("patient.added", practice=by.practice, subject=patient.subject, by=by, at=now)
    return patient


@transaction.atomic
def correct_patient(
    patient: Patient,
    *,
    name: str,
    born_on: date,
    nhs_number: str,
    began: str,
    by: Staff,
    now: datetime,
) -> frozenset[str]:
    """Put right who the patient is, and return which fields changed.

    began: the `entry_digest` of what the form was opened with.
    Raises DoesNotFit, or ChangedMeanwhile where the entry says something else by now.

    Who decides follows from the birth date at once: each decision reads it as it is then. The
    ledger says what was changed and by whom, and neither the old words nor the new.
    """
    demand(by, Action.RECORD_CONSENT, patient)
    hold_named(patient)
    name, number = _tidied(name, nhs_number)
    fields = _name_errors(name) | _birth_errors(born_on, now=now)
    fresh = Patient.objects.select_related("practice").get(pk=patient.pk)
    others = Patient.objects.exclude(pk=fresh.pk)
    fields |= _number_errors(number, others=others, by=by, now=now)
    if not fields and fresh.died_on is not None and born_on > fresh.died_on:
        fields["born_on"] = "Check the date: it is after the death"
    _refuse_unless_empty(fields)
    said = {"name": name, "born_on": born_on, "nhs_number": number}
    changed = frozenset(each for each, value in said.items() if getattr(fresh, each) != value)
    if changed:
        if began != entry_digest(fresh):
            raise ChangedMeanwhile(str(fresh.pk))
        Patient.objects.filter(pk=fresh.pk).update(**said)
        log.append(
            "patient.corrected",
            practice=fresh.practice,
            subject=fresh.subject,
            by=by,
            at=now,
            what=sorted(changed),
        )
    return changed


def entry_digest(patient: Patient) -> str:
    """Return what only the same name, birth date and number give: SHA-256, in hexadecimal."""
    said = [patient.name, patient.born_on.isoformat(), patient.nhs_number]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


@transaction.atomic
def add_representative(
    patient: Patient,
    *,
    name: str,
    relation: str,
    authority: str,
    evidence: str,
    acts: str = Representative.Acts.ALONE.value,
    expires_on: date | None,
    once: uuid.UUID | None = None,
    by: Staff,
    now: datetime,
) -> Representative:
    """Record who may decide for the patient, by what right and on what proof. Raises DoesNotFit.

    acts: how several people with the same authority decide, as the document says.
    """
    demand(by, Action.RECORD_CONSENT, patient)
    hold_named(patient)
    name, relation, evidence = (" ".join(each.split()) for each in (name, relation, evidence))
    fields = _name_errors(name) | _authority_errors(patient, authority, now=now)
    if not relation:
        fields["relation"] = "Say who this is to the patient, such as mother or husband"
    terms = terms_for(patient, on=timezone.localdate(now))
    if not evidence and authority not in unheld(terms.vocabulary.kinds, terms.authority):
        fields["evidence"] = "Say what you saw as proof, such as the registered document"
    if acts not in Representative.Acts.values:
        fields["acts"] = "Choose whether this person decides alone or with others"
    if expires_on and expires_on < timezone.localdate(now):
        fields["expires_on"] = "This authority has ended. Type a later day, or leave it out"
    _refuse_unless_empty(fields)
    made = uuid.uuid4()
    kind = "representative.added"
    forms.claim(once, kind=kind, made=made, practice=patient.practice, now=now)
    representative = Representative.objects.create(
        pk=made,
        practice=patient.practice,
        patient=patient,
        name=name,
        relation=relation,
        authority=authority,
        evidence=evidence,
        acts=acts,
        expires_on=expires_on,
        created_at=now,
    )
    log.append(
        kind,
        practice=patient.practice,
        subject=patient.subject,
        by=by,
        at=now,
        representative=representative.pk,
        authority=authority,
        acts=acts,
    )
    return representative


@transaction.atomic
def end_authority(
    who: Representative, *, ended_on: date, because: str, by: Staff, now: datetime
) -> None:
    """Record that the person may no longer decide, from this day on. Raises DoesNotFit.

    What they agreed to for the patient ends with it; who acts only together with them can't go on.
    """
    demand(by, Action.RECORD_CONSENT, who)
    hold_named(who.patient)
    who = (
        Representative.objects.select_for_update(no_key=True)
        .select_related("patient")
        .get(pk=who.pk)
    )
    because = " ".join(because.split())
    fields: dict[str, str] = {}
    if not who.holds_on(timezone.localdate(now)):
        fields["ended_on"] = "This authority has ended already"
    elif ended_on > timezone.localdate(now):
        fields["ended_on"] = "Type a day that isn't in the future"
    elif ended_on < who.patient.born_on:
        fields["ended_on"] = "Type a day after the patient was born"
    if not because:
        fields["because"] = "Say what ended it, such as a letter that takes it back"
    _refuse_unless_empty(fields)
    who.set_ended(on=ended_on, because=because)
    log.append(
        "representative.ended",
        practice=who.practice,
        subject=who.patient.subject,
        by=by,
        at=now,
        representative=who.pk,
        authority=who.authority,
        ended_on=ended_on.isoformat(),
    )


@transaction.atomic
def record_death(
    patient: Patient,
    *,
    died_on: date,
    known_wishes: Mapping[str, str],
    genetic_or_third_party: bool | None,
    legal_advice: str = "",
    by: Staff,
    now: datetime,
) -> None:
    """Record a death and the wishes that are known (GMC VAR 47). Raises DoesNotFit.

    genetic_or_third_party: whether pictures tell something about others; then nothing is used
    before there is legal advice, written down in `legal_advice`.
    """
    demand(by, Action.RECORD_CONSENT, patient)
    hold_named(patient)
    fields: dict[str, str] = {}
    if died_on > timezone.localdate(now):
        fields["died_on"] = "Type a day that isn't in the future"
    elif died_on < patient.born_on:
        fields["died_on"] = "Type a day after the patient was born"
    if not _are_wishes(known_wishes):
        fields["known_wishes"] = "Answer each wish with yes or no, or leave it out"
    _refuse_unless_empty(fields)
    patient.died_on = died_on
    patient.known_wishes = dict(known_wishes)
    patient.genetic_or_third_party = genetic_or_third_party
    patient.legal_advice = legal_advice.strip()
    patient.save(
        update_fields=["died_on", "known_wishes", "genetic_or_third_party", "legal_advice"]
    )
    log.append(
        "patient.died",
        practice=patient.practice,
        subject=patient.subject,
        by=by,
        at=now,
        touches_others=genetic_or_third_party,
        advised=bool(patient.legal_advice),
    )


@transaction.atomic
def record_consultation(
    patient: Patient,
    *,
    name: str,
    who: str,
    relation: str,
    purposes: Collection[str],
    answer: str,
    words: str,
    asked_on: date,
    once: uuid.UUID | None = None,
    by: Staff,
    now: datetime,
) -> Consultation:
    """Record who was asked after the death, when, and what they said. Raises DoesNotFit."""
    demand(by, Action.RECORD_CONSENT, patient)
    hold_named(patient)
    name, relation, words = " ".join(name.split()), " ".join(relation.split()), words.strip()
    fields = _name_errors(name) | _asked_errors(patient, asked_on, now=now)
    if who not in Consultation.Who.values:
        fields["who"] = "Choose who this is"
    if who == Consultation.Who.FAMILY and not relation:
        fields["relation"] = "Say who this is to the patient, such as son or close friend"
    if not purposes or not set(purposes) <= set(Purpose):
        fields["purposes"] = "Choose what they were asked about"
    if answer not in Consultation.Answer.values:
        fields["answer"] = "Choose what the answer was"
    if not words:
        fields["words"] = "Write down what they said"
    _refuse_unless_empty(fields)
    pk = uuid.uuid4()
    forms.claim(once, kind="consultation.recorded", made=pk, practice=patient.practice, now=now)
    made = Consultation.objects.create(
        pk=pk,
        practice=patient.practice,
        patient=patient,
        name=name,
        who=who,
        relation=relation,
        purposes=[each.value for each in Purpose if each in purposes],
        answer=answer,
        words=words,
        asked_on=asked_on,
        recorded_at=now,
        by=by,
    )
    log.append(
        "consultation.recorded",
        practice=patient.practice,
        subject=patient.subject,
        by=by,
        at=now,
        consultation=made.pk,
        who=who,
        answer=answer,
        purposes=list(made.purposes),
    )
    return made


def find(text: str, *, by: Staff) -> QuerySet[Patient]:
    """Return the person's own patients whose name, birth date or NHS number this is."""
    words = text.split()
    found = Patient.objects.visible_to(by)
    if not words:
        return found.none()
    digits = re.sub(r"[\s-]", "", text)
    if re.fullmatch(r"\d{10}", digits, re.ASCII):
        return found.filter(nhs_number=digits)
    if day := _day_in(text):
        return found.filter(born_on=day).order_by("name")[:FOUND_AT_MOST]
    every = Q()
    for word in words:
        every &= Q(name__icontains=word)
    return found.filter(every).order_by("name")[:FOUND_AT_MOST]


def kinds_known_to(patient: Patient, *, now: datetime) -> dict[str, str]:
    """Return the kinds of authority that there are where the patient's practice is, in words."""
    known = terms_for(patient, on=timezone.localdate(now)).vocabulary.kinds
    return {kind: words for kind, words in known.items() if kind != OWN_ANSWER}


def deciders(patient: Patient, *, now: datetime) -> Deciders:
    """Say who can answer about a picture for care today; the policy decides what that permits."""
    today = timezone.localdate(now)
    people = list(patient.representatives.order_by("created_at"))
    holding = [each for each in people if may_decide(each, people, patient, on=today)]
    child = not is_presumed_capable(patient, on=today)
    kind = Assessment.Kind.GILLICK if child else Assessment.Kind.CAPACITY
    latest = assessed_for(patient.assessments.all(), kind, Assessment.About.CARE, on=today)
    can = latest.outcome in {"competent", "has"} if latest else not child
    return Deciders(
        patient_can=can and patient.died_on is None,
        representatives=tuple(holding),
        needs_assessment=kind if child and latest is None else None,
    )


def is_nhs_number(digits: str) -> bool:
    """Say whether the tenth digit fits the nine before it (NHS Data Dictionary, modulus 11)."""
    if not re.fullmatch(r"\d{10}", digits, re.ASCII):
        return False
    total = sum(
        int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=False)
    )
    check = 11 - total % 11
    return (0 if check == 11 else check) == int(digits[9])


def _name_errors(name: str) -> dict[str, str]:
    error = name_error(name)
    return {"name": error} if error else {}


def _tidied(name: str, nhs_number: str) -> tuple[str, str]:
    return " ".join(name.split()), re.sub(r"[\s-]", "", nhs_number)


def _number_errors(
    number: str,
    *,
    others: QuerySet[Patient],
    by: Staff,
    now: datetime,
) -> dict[str, str]:
    called = in_force.pack_of(by.practice, now=now).terms.patient_number
    if number and not is_nhs_number(number):
        return {"nhs_number": f"Check the {called}: one of its digits is wrong"}
    if number and others.filter(practice=by.practice_id, nhs_number=number).exists():
        text = f"There is a patient here with this {called} already. Search for it"
        return {"nhs_number": text}
    return {}


def _birth_errors(born_on: date, *, now: datetime) -> dict[str, str]:
    today = timezone.localdate(now)
    if born_on > today:
        return {"born_on": "Type a birth date that isn't in the future"}
    if born_on.year < today.year - OLDEST_YEARS:
        return {"born_on": "Check the year of birth"}
    return {}


def _authority_errors(patient: Patient, authority: str, *, now: datetime) -> dict[str, str]:
    today = timezone.localdate(now)
    terms = terms_for(patient, on=today)
    if authority not in kinds_known_to(patient, now=now):
        return {"authority": "Choose by what right this person decides"}
    if authority in terms.parental and not is_child(patient, on=today):
        ends = f"Parental responsibility ends at {terms.child_until}. Choose another right"
        return {"authority": ends}
    if authority in terms.after_death_only and patient.died_on is None:
        return {"authority": "An executor decides only after a death. Choose another right"}
    return {}


def _asked_errors(patient: Patient, asked_on: date, *, now: datetime) -> dict[str, str]:
    if patient.died_on is None:
        return {"asked_on": "Write down the death first"}
    if asked_on > timezone.localdate(now):
        return {"asked_on": "Type a day that isn't in the future"}
    if asked_on < patient.died_on:
        return {"asked_on": "Type a day after the death"}
    return {}


def _are_wishes(known: Mapping[str, str]) -> bool:
    return set(known) <= set(Purpose) and set(known.values()) <= {"yes", "no"}


def _day_in(text: str) -> date | None:
    parts = re.findall(r"\d+|[A-Za-z]+", text)
    if len(parts) != 3:
        return None
    month = _MONTH.get(parts[1][:3].lower(), parts[1])
    try:
        numbers = [int(part) for part in (parts[0], month, parts[2])]
        return date(*numbers) if numbers[0] > 31 else date(*numbers[::-1])
    except (ValueError, OverflowError):
        return None


def _refuse_unless_empty(fields: Mapping[str, str]) -> None:
    if fields:
        raise DoesNotFit(fields)
