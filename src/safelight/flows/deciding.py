"""Ask the policy: from records to facts, and nothing decided here."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from safelight import policy
from safelight.records.models import Assessment

if TYPE_CHECKING:
    from datetime import datetime

    from safelight.records.models import Consent, Copy, Patient, Photo
    from safelight.terms import Audience, Purpose

Decision = policy.Permit | policy.Hold | policy.Refusal


@cache
def pack_named(name: str) -> policy.Pack:
    """Return a policy pack; loading it validates every rule."""
    return policy.load_pack(name)


def may_make(
    patient: Patient,
    *,
    made_for: Purpose,
    recording: dict[str, Any] | None = None,
    now: datetime,
    **extra: Any,
) -> Decision:
    """Say whether a recording of the patient may be made.

    recording: further fields of `recording` (type, intimate, chaperone …).
    extra: further top-level facts of the contract (tests, organisation_agrees …).
    """
    facts = _facts(patient, now=now) | {
        "action": "make",
        "purpose": made_for.value,
        "audience": "team",
        "recording": {"type": "photograph", "made_for": made_for.value, "made_on": now.isoformat()}
        | (recording or {}),
    }
    return policy.decide(facts | extra, pack=pack_named(patient.practice.pack))


def may_use(
    photo: Photo,
    *,
    purpose: Purpose,
    audience: Audience,
    action: str = "use",
    copy: Copy | None = None,
    now: datetime,
    **extra: Any,
) -> Decision:
    """Say whether the picture, or this copy of it, may be viewed, used or disclosed.

    Asked anew at every opening: nothing of the answer may be kept for the next one.
    """
    consents = _speaking_of(photo)
    facts = _facts(photo.patient, now=now)
    facts["objections"] += photo.objections(consents)
    facts |= {
        "consents": [fact for consent in consents for fact in _answers(consent, photo)],
        "action": action,
        "purpose": purpose.value,
        "audience": audience.value,
        "recording": {
            "type": photo.recording_type,
            "made_for": photo.made_for,
            "made_on": photo.taken_at.isoformat(),
            "identifiable": (copy or photo).identifiable,
            "intimate": photo.intimate,
        },
    }
    return policy.decide(facts | extra, pack=pack_named(photo.patient.practice.pack))


def _speaking_of(photo: Photo) -> list[Consent]:
    """Return the conversations that were about this picture's part of the body, or any part."""
    return [
        consent
        for consent in photo.patient.consents.all()
        if consent.pk == photo.consent_id or consent.body_site in {"", photo.body_site}
    ]


def _answers(consent: Consent, photo: Photo) -> list[dict[str, Any]]:
    """Return what the conversation says of this picture.

    That care was taken back in it ends its own pictures, and no other conversation's.
    """
    if consent.pk == photo.consent_id:
        return consent.facts()
    ended = ["care"]
    return [
        fact
        for fact in consent.facts()
        if fact["purposes"] != ended or fact["withdrawn_on"] is None
    ]


def _facts(patient: Patient, *, now: datetime) -> dict[str, Any]:
    return {
        "at": now.isoformat(),
        "patient": _patient_facts(patient),
        "consents": [fact for consent in patient.consents.all() for fact in consent.facts()],
        "objections": [objection.facts() for objection in patient.objections.all()],
        "executor_or_family_consulted": patient.executor_or_family_consulted,
        "switches": {"var17": patient.practice.var17},
        "device": {"registered": True, "personal": False},
    }


def _patient_facts(patient: Patient) -> dict[str, Any]:
    latest: dict[str, Assessment] = {}
    for assessment in patient.assessments.all():
        latest.setdefault(assessment.kind, assessment)
    capacity = latest.get(Assessment.Kind.CAPACITY)
    gillick = latest.get(Assessment.Kind.GILLICK)
    assessed_on = max((each.assessed_on for each in latest.values()), default=None)
    return {
        "born": patient.born_on.isoformat(),
        "died": patient.died_on.isoformat() if patient.died_on else None,
        "capacity": capacity.outcome if capacity else "unassessed",
        "gillick": gillick.outcome if gillick else "unassessed",
        "assessed_on": assessed_on.isoformat() if assessed_on else None,
        "known_wishes": dict(patient.known_wishes),
        "genetic_or_third_party": patient.genetic_or_third_party,
    }
