"""Ask the policy: from records to facts, and nothing decided here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safelight import policy
from safelight.flows import in_force, studies, taken, weighing, who_decides
from safelight.terms import Purpose

if TYPE_CHECKING:
    from datetime import datetime

    from safelight.records.models import Consent, Copy, Patient, Photo, Practice
    from safelight.terms import Audience

Decision = policy.Permit | policy.Hold | policy.Refusal


def may_make(
    patient: Patient,
    *,
    made_for: Purpose,
    recording: dict[str, Any] | None = None,
    acted_on: bool = False,
    now: datetime,
    **extra: Any,
) -> Decision:
    """Say whether a recording of the patient may be made.

    acted_on: somebody acts on the answer: it is counted, without the patient (`taken.keep`).
    recording: further fields of `recording` (type, intimate, chaperone …).
    extra: further top-level facts of the contract (tests, organisation_agrees …).
    """
    consents = list(patient.consents.all())
    facts = _facts(patient, purpose=made_for, now=now, consents=consents) | {
        "consents": who_decides.consent_facts(patient, consents, now=now),
        "action": "make",
        "purpose": made_for.value,
        "audience": "team",
        "recording": {"type": "photograph", "made_for": made_for.value, "made_on": now.isoformat()}
        | (recording or {}),
    }
    facts["patient"]["objects_now"] = who_decides.says_no_now(patient, now=now)
    facts |= _weighed(patient, photo=None, purpose=made_for, now=now)
    tests = {**facts.get("tests", {}), **extra.pop("tests", {})}
    facts |= extra | {"tests": tests}
    return _decided(facts, patient.practice, acted_on=acted_on, now=now)


def may_use(
    photo: Photo,
    *,
    purpose: Purpose,
    audience: Audience,
    action: str = "use",
    copy: Copy | None = None,
    seen: who_decides.Seen | None = None,
    acted_on: bool = False,
    now: datetime,
    **extra: Any,
) -> Decision:
    """Say whether the picture, or this copy of it, may be viewed, used or disclosed.

    seen: the conversations whose givers saw this copy as it is to be published.
    Asked anew at every opening: nothing of the answer may be kept for the next one.
    acted_on: as for `may_make`.
    """
    consents = _speaking_of(photo)
    facts = _facts(photo.patient, purpose=purpose, now=now, consents=consents)
    facts["objections"] += photo.objections(consents)
    facts |= {
        "consents": _answers(consents, photo, seen, now=now),
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
    facts |= _weighed(photo.patient, photo=photo, purpose=purpose, now=now)
    return _decided(facts | extra, photo.patient.practice, acted_on=acted_on, now=now)


def _weighed(
    patient: Patient, *, photo: Photo | None, purpose: Purpose, now: datetime
) -> dict[str, Any]:
    """Return what was weighed, and on what research rests: as it was written down last, if apart."""
    found = weighing.weighed_facts(patient, photo=photo, purpose=purpose, now=now)
    if purpose is Purpose.RESEARCH:
        found |= studies.ground_facts(patient, photo=photo, now=now)
    return found


def _decided(
    facts: dict[str, Any], practice: Practice, *, acted_on: bool, now: datetime
) -> Decision:
    pack = in_force.pack_of(practice, now=now)
    decision = policy.decide(facts, pack=pack)
    if acted_on:
        taken.keep(decision, facts, pack=pack, practice=practice, now=now)
    return decision


def _speaking_of(photo: Photo) -> list[Consent]:
    """Return the conversations that were about this picture's part of the body, or any part."""
    return [
        consent
        for consent in photo.patient.consents.all()
        if consent.pk == photo.consent_id or consent.body_site in {"", photo.body_site}
    ]


def _answers(
    consents: list[Consent], photo: Photo, seen: who_decides.Seen | None, *, now: datetime
) -> list[dict[str, Any]]:
    """Return what the conversations say of this picture.

    That care was taken back in one of them ends its own pictures, and no other conversation's.
    """
    own = [consent for consent in consents if consent.pk == photo.consent_id]
    others = [consent for consent in consents if consent.pk != photo.consent_id]
    ended = ["care"]
    return who_decides.consent_facts(photo.patient, own, among=consents, seen=seen, now=now) + [
        fact
        for fact in who_decides.consent_facts(
            photo.patient, others, among=consents, seen=seen, now=now
        )
        if fact["purposes"] != ended or fact["withdrawn_on"] is None
    ]


def _facts(
    patient: Patient, *, purpose: Purpose, now: datetime, consents: list[Consent]
) -> dict[str, Any]:
    """Return what is known of the patient.

    consents: the conversations by which an objection may have been lifted: those about this picture.
    """
    consulted = who_decides.consulted_facts(patient, purpose=purpose, now=now)
    said = patient.objections.select_related("consent")
    today = in_force.day_of(patient.practice, now=now)
    known = in_force.terms_on(patient.practice, today).vocabulary.switches
    return {
        "at": now.isoformat(),
        "patient": who_decides.patient_facts(patient, purpose=purpose, now=now),
        "objections": [fact for each in said for fact in each.facts(consents)]
        + consulted["objections"],
        "executor_or_family_consulted": consulted["executor_or_family_consulted"],
        "switches": {name: patient.practice.switches.get(name) for name in known},
    }
