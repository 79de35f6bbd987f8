"""Weigh a use for someone who can't decide: three questions, a clinician and a representative."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from safelight.flows import in_force
from safelight.flows.allowed import DoesNotFit, demand, hold_named
from safelight.flows.who_decides import SECONDARY, is_presumed_capable, may_decide, terms_for
from safelight.policy.roles import Action
from safelight.records import log
from safelight.records.models import Representative, Weighing
from safelight.terms import Purpose

if TYPE_CHECKING:
    from safelight.records.models import Patient, Photo, Staff

WHO = ("clinician", "representative")
_LACKS = "lacks"


@dataclass(frozen=True, slots=True)
class Said:
    """One answer to one question."""

    yes: bool
    why: str


@dataclass(frozen=True, slots=True)
class Approval:
    """What research without capacity rests on beside the three answers."""

    reference: str = ""
    project: str = ""
    ethics: str = ""
    opt_out: str = ""
    """As `Weighing.OptOut`; empty: nobody has looked."""


NONE = Approval()


@transaction.atomic
def weigh(
    patient: Patient,
    *,
    photo: Photo | None,
    purpose: Purpose,
    answers: Mapping[str, Mapping[str, Said]],
    representative: Representative | None,
    approval: Approval = NONE,
    by: Staff,
    now: datetime,
) -> Weighing:
    """Record the three answers of both, with their reasons and names. Raises DoesNotFit.

    photo: the picture to be used; None where one is to be made, today.
    answers: question of `questions` to "clinician" and "representative" and what each said.
    A no is an answer, too: it is recorded, and the use stays refused.
    """
    rows = [each for each in (photo, representative) if each is not None]
    demand(by, Action.RECORD_CONSENT, patient, *rows)
    hold_named(patient)
    asked = questions(patient, now=now)
    fields = _answer_errors(asked, answers) | _approval_errors(purpose, approval)
    if purpose not in SECONDARY:
        fields["purpose"] = "Care isn't weighed this way. Choose another use"
    if representative is None or representative not in who_may_answer(patient, now=now):
        fields["representative"] = "Choose someone who may decide for the patient today"
    if fields or representative is None:
        raise DoesNotFit(fields)
    weighing = Weighing.objects.create(
        practice=patient.practice,
        patient=patient,
        photo=photo,
        purpose=purpose.value,
        answers={name: _kept(answers[name]) for name in asked},
        representative=representative,
        by=by,
        at=now,
        approval=approval.reference.strip(),
        project=approval.project.strip(),
        ethics=approval.ethics.strip(),
        opt_out=approval.opt_out,
    )
    log.append(
        "use.weighed",
        practice=patient.practice,
        subject=patient.subject,
        by=by,
        at=now,
        weighing=weighing.pk,
        photo=photo.pk if photo else None,
        purpose=purpose.value,
        representative=representative.pk,
        yes=[f"{name}: {who}" for name in asked for who in WHO if answers[name][who].yes],
    )
    return weighing


def questions(patient: Patient, *, now: datetime) -> dict[str, str]:
    """Return the tests of the pack in force, each with the claim that both have to be satisfied of."""
    pack = in_force.pack_of(patient.practice, now=now)
    return {name: pack.terms.vocabulary.tests[name] for name in pack.tests_of_both}


def source_of_questions(patient: Patient, *, now: datetime) -> str:
    """Return where the pack in force has them from."""
    pack = in_force.pack_of(patient.practice, now=now)
    return pack.source_of_tests(standing=_standing(patient, now=now))


def asks_about_opting_out(patient: Patient, *, now: datetime) -> bool:
    """Say whether there is an opt-out of research where the practice is."""
    return in_force.pack_of(patient.practice, now=now).asks("opt-out-checked")


def who_may_answer(patient: Patient, *, now: datetime) -> list[Representative]:
    """Return those with legal authority who may decide for the patient today.

    A relative as such holds none, and an executor speaks for the dead: the pack says who does.
    """
    today, people = timezone.localdate(now), list(patient.representatives.order_by("created_at"))
    holds = terms_for(patient, on=today).authority[_standing(patient, now=now)]
    return [
        each
        for each in people
        if each.authority in holds and may_decide(each, people, patient, on=today)
    ]


def weighed_facts(
    patient: Patient, *, photo: Photo | None, purpose: Purpose, now: datetime
) -> dict[str, Any]:
    """Return what was weighed for this use, as `decide` reads it; nothing where nobody has.

    The last answers count. For a picture to be made they count on their day: the next time, what
    was necessary may not be. The representative is heard as long as the authority lasts.
    """
    if purpose not in SECONDARY:
        return {}
    weighings = patient.weighings.filter(photo=photo, purpose=purpose.value)
    last = weighings.select_related("representative").last()
    today = timezone.localdate(now)
    if last is None or (photo is None and timezone.localdate(last.at) != today):
        return {}
    people = list(patient.representatives.all())
    may = may_decide(last.representative, people, patient, on=today)
    asked = questions(patient, now=now)
    answered = last.tests(representative_may=may)
    tests: dict[str, Any] = {"tests": {name: answered[name] for name in asked if name in answered}}
    return tests | last.research(_approval_of(patient, now=now))


def _standing(patient: Patient, *, now: datetime) -> str:
    return _LACKS if is_presumed_capable(patient, on=timezone.localdate(now)) else "child"


def _approval_of(patient: Patient, *, now: datetime) -> str | None:
    """Return the pack's own legal basis of research without capacity; None where it has none."""
    pack = in_force.pack_of(patient.practice, now=now)
    able = pack.legal_bases_for(Purpose.RESEARCH, standing="self")
    bases = pack.legal_bases_for(Purpose.RESEARCH, standing=_LACKS)
    return next((each for each in bases if each not in able), None)


def _kept(said: Mapping[str, Said]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for who in WHO:
        kept |= {who: said[who].yes, f"{who}_why": said[who].why.strip()}
    return kept


def _answer_errors(
    asked: Mapping[str, str], answers: Mapping[str, Mapping[str, Said]]
) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name in asked:
        for who in WHO:
            said = answers.get(name, {}).get(who)
            if said is None:
                fields[f"{name}-{who}"] = "Choose yes or no"
            elif not said.why.strip():
                fields[f"{name}-{who}-why"] = "Say why, in a few words"
    return fields


def _approval_errors(purpose: Purpose, approval: Approval) -> dict[str, str]:
    if purpose is not Purpose.RESEARCH:
        return {"approval": "Only research has an approval"} if approval != NONE else {}
    fields: dict[str, str] = {}
    if not approval.reference.strip():
        fields["approval"] = "Type the reference of the approval"
    if approval.opt_out and approval.opt_out not in Weighing.OptOut.values:
        fields["opt_out"] = "Choose what the check gave, or leave it out"
    return fields
