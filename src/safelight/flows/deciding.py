"""Ask the policy: from records to facts, and nothing decided here."""

from __future__ import annotations

import copy as copies
from typing import TYPE_CHECKING, Any

from django.db.models import prefetch_related_objects

from safelight import policy
from safelight.flows import in_force, studies, taken, weighing, who_decides
from safelight.policy.page import decide_each
from safelight.records.models import Patient
from safelight.terms import Purpose

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from safelight.records.models import Consent, Copy, Objection, Photo, Practice
    from safelight.terms import Audience

Decision = policy.Permit | policy.Hold | policy.Refusal
_OF_THE_PATIENT = ("consents", "assessments", "representatives", "consultations")
"""The rows by which every picture of a patient is decided."""


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
    objections = patient.objections.select_related("consent")
    facts = _facts(patient, purpose=made_for, now=now, consents=consents, objections=objections) | {
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
    objections = photo.patient.objections.select_related("consent")
    facts = _use_facts(
        photo,
        purpose=purpose,
        audience=audience,
        action=action,
        copy=copy,
        seen=seen,
        objections=objections,
        now=now,
    )
    return _decided(facts | extra, photo.patient.practice, acted_on=acted_on, now=now)


def may_use_each(
    asked: Sequence[tuple[Photo, Mapping[str, Any]]],
    *,
    purpose: Purpose,
    audience: Audience,
    action: str = "use",
    now: datetime,
) -> list[Decision]:
    """Say of each picture of one patient what `may_use` says of it; the patient is read once.

    asked: one or more: the picture, and its further top-level facts. For a page to be shown: who then opens or
    gives one of them asks anew. Raises ValueError for pictures of several patients.
    """
    if len({photo.patient_id for photo, _ in asked}) != 1:
        raise ValueError("one page is about one patient")
    # Rows of its own: what was read for this page must not answer anybody's next question.
    patient = Patient.objects.select_related("practice").get(pk=asked[0][0].patient_id)
    prefetch_related_objects([patient], *_OF_THE_PATIENT)
    objections = list(patient.objections.select_related("consent"))
    facts = []
    for given, extra in asked:
        photo = copies.copy(given)
        photo.patient = patient
        of_one = _use_facts(
            photo,
            purpose=purpose,
            audience=audience,
            action=action,
            objections=objections,
            now=now,
        )
        facts.append({**of_one, **extra})
    return decide_each(facts, pack=in_force.pack_of(patient.practice, now=now))


def _use_facts(
    photo: Photo,
    *,
    purpose: Purpose,
    audience: Audience,
    action: str,
    copy: Copy | None = None,
    seen: who_decides.Seen | None = None,
    objections: Iterable[Objection],
    now: datetime,
) -> dict[str, Any]:
    consents = _speaking_of(photo)
    facts = _facts(
        photo.patient, purpose=purpose, now=now, consents=consents, objections=objections
    )
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
    return facts | _weighed(photo.patient, photo=photo, purpose=purpose, now=now)


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
    patient: Patient,
    *,
    purpose: Purpose,
    now: datetime,
    consents: list[Consent],
    objections: Iterable[Objection],
) -> dict[str, Any]:
    """Return what is known of the patient.

    consents: the conversations by which an objection may have been lifted: those about this picture.
    """
    consulted = who_decides.consulted_facts(patient, purpose=purpose, now=now)
    today = in_force.day_of(patient.practice, now=now)
    known = in_force.terms_on(patient.practice, today).vocabulary.switches
    return {
        "at": now.isoformat(),
        "patient": who_decides.patient_facts(patient, purpose=purpose, now=now),
        "objections": [fact for each in objections for fact in each.facts(consents)]
        + consulted["objections"],
        "executor_or_family_consulted": consulted["executor_or_family_consulted"],
        "switches": {name: patient.practice.switches.get(name) for name in known},
    }
