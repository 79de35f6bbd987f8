"""Record whether a patient could decide something, on a day: capacity, or a child's own competence."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from safelight.flows import choices
from safelight.flows import once as forms
from safelight.flows.allowed import DoesNotFit, demand, hold_named
from safelight.flows.who_decides import is_presumed_capable, terms_for
from safelight.policy.roles import Action
from safelight.records import log
from safelight.records.models import Assessment

if TYPE_CHECKING:
    from collections.abc import Collection

    from safelight.records.models import Patient, Staff


@transaction.atomic
def record_assessment(
    patient: Patient,
    *,
    kind: str,
    outcome: str,
    about: Collection[str],
    decision: str,
    support: str,
    parents: str = "",
    assessed_on: date,
    once: uuid.UUID | None = None,
    by: Staff,
    now: datetime,
) -> Assessment:
    """Record whether the patient could decide this, on this day. Raises DoesNotFit.

    about: the decisions of `Assessment.About` that were looked at; for another it doesn't count.
    support: what was done to help the patient decide.
    parents: for a Gillick assessment, whether parents are involved (GMC VAR 34).
    Who can't decide just now is asked on recovery: the question waits from now on.
    """
    demand(by, Action.RECORD_CONSENT, patient)
    hold_named(patient)
    decision, support = " ".join(decision.split()), support.strip()
    fields = _assessment_errors(patient, kind, outcome, assessed_on, now=now)
    fields |= _about_errors(kind, about, parents)
    if not decision:
        fields["decision"] = "Say which decision this was about"
    if not support and outcome in {"lacks", "lost-for-now", "not-competent"}:
        fields["support"] = "Say what was done to help the patient decide"
    if fields:
        raise DoesNotFit(fields)
    made = uuid.uuid4()
    forms.claim(once, kind="assessment.recorded", made=made, practice=patient.practice, now=now)
    assessment = Assessment.objects.create(
        pk=made,
        practice=patient.practice,
        patient=patient,
        kind=kind,
        outcome=outcome,
        about=[each.value for each in Assessment.About if each in about],
        decision=decision,
        support=support,
        parents=parents,
        assessed_on=assessed_on,
        recorded_at=now,
        by=by,
    )
    log.append(
        "assessment.recorded",
        practice=patient.practice,
        subject=patient.subject,
        by=by,
        at=now,
        assessment=assessment.pk,
        assessed=kind,
        about=list(assessment.about),
        outcome=outcome,
        parents=parents,
    )
    if outcome == "lost-for-now":
        choices.raise_on_recovery(patient, by=by, now=now)
    return assessment


def _assessment_errors(
    patient: Patient, kind: str, outcome: str, assessed_on: date, *, now: datetime
) -> dict[str, str]:
    fields: dict[str, str] = {}
    child = not is_presumed_capable(patient, on=assessed_on)
    if kind not in Assessment.OUTCOMES:
        fields["kind"] = "Choose what was assessed"
    elif outcome not in Assessment.OUTCOMES[kind]:
        fields["outcome"] = "Choose what you found"
    elif (kind == "gillick") != child:
        terms = terms_for(patient, on=assessed_on)
        presumed = terms.capacity_presumed_from
        fields["kind"] = (
            f"{terms.child_competence} is for under {presumed}; from {presumed} on assess capacity"
        )
    if assessed_on > timezone.localdate(now):
        fields["assessed_on"] = "Type a day that isn't in the future"
    elif assessed_on < patient.born_on:
        fields["assessed_on"] = "Type a day after the patient was born"
    return fields


def _about_errors(kind: str, about: Collection[str], parents: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    if not about or not set(about) <= set(Assessment.About.values):
        fields["about"] = "Choose which decision you looked at"
    if kind == Assessment.Kind.GILLICK and parents not in Assessment.Parents.values:
        fields["parents"] = "Say whether the parents are involved"
    elif kind != Assessment.Kind.GILLICK and parents:
        fields["parents"] = "Parents are asked about for a child only"
    return fields
