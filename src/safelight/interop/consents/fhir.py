"""A consent as a FHIR R4 Consent resource. Written out by hand: docs/formats/consent-record.md maps it."""

from __future__ import annotations

import base64
import json
from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from safelight.terms import Purpose

if TYPE_CHECKING:
    from safelight.interop.consents.said import Said, Use, Who

NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
PURPOSES = "urn:x-safelight:purpose"
PACK = "urn:x-safelight:pack"
_TERMS = "http://terminology.hl7.org/CodeSystem/"
REASONS: dict[Purpose, str] = {
    Purpose.CARE: "TREAT",
    Purpose.SECOND_OPINION: "TREAT",
    Purpose.INTEREST: "TRAIN",
    Purpose.AUDIT: "HQUALIMP",
    Purpose.TEACHING_LOCAL: "TRAIN",
    Purpose.TEACHING_WIDE: "TRAIN",
    Purpose.RESEARCH: "HRESCH",
    Purpose.MARKETING: "HMARKT",
    Purpose.LEGAL: "HLEGAL",
    Purpose.COMPLAINT: "HLEGAL",
}
"""Purpose to v3-ActReason, where it has one; publication and social media have none there."""
STATUS = {"active": "active", "refused": "rejected", "withdrawn": "inactive", "expired": "inactive"}


def as_fhir(said: Said) -> dict[str, Any]:
    """Return the Consent with the words shown contained in it."""
    who = _giver(said)
    return {
        "resourceType": "Consent",
        "id": str(said.id),
        "language": "en-GB",
        "text": {"status": "generated", "div": _narrative(said)},
        "contained": [_words(said)],
        "identifier": [
            {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{said.id}"},
            {
                "type": {"text": "SHA-256 of words and answers"},
                "value": said.answer_digest or said.wording_digest,
            },
        ],
        "status": STATUS[said.status],
        "scope": _coded("consentscope", "patient-privacy", "Privacy Consent"),
        "category": [
            {
                "coding": [{"system": "http://loinc.org", "code": "59284-0"}],
                "text": "Patient Consent",
            }
        ],
        "patient": _patient(said),
        "dateTime": said.given_at.isoformat(),
        "performer": [who],
        "organization": [_organisation(said.practice)],
        "sourceReference": {"reference": "#words"},
        "policy": [{"uri": f"{PACK}:{said.pack_id}:sha256:{said.pack_hash}"}],
        "policyRule": _coded("v3-ActCode", "OPTIN", "opt-in") | {"text": f"Pack {said.pack_id}"},
        "verification": [
            {
                "verified": said.is_as_it_was,
                "verifiedWith": who,
                "verificationDate": said.given_at.isoformat(),
            }
        ],
        "provision": _provision(said),
    }


def _provision(said: Said) -> dict[str, Any]:
    period = {"start": said.given_at.isoformat()}
    if said.expires_on is not None:
        last = datetime.combine(said.expires_on, time(23, 59, 59), said.given_at.tzinfo)
        period["end"] = last.isoformat()
    asked = [_rule(use, said) for use in said.uses if use.answer != "not-asked"]
    return {"period": period, "provision": [*asked, *_objections(said)]}


def _rule(use: Use, said: Said) -> dict[str, Any]:
    """Return the answer about one use; a yes that was taken back is a no from then on."""
    rule: dict[str, Any] = {
        "type": "permit" if use.holds else "deny",
        "purpose": _purpose(use.purpose, use.title),
        "period": {"start": (use.withdrawn_at or said.given_at).isoformat()},
    }
    if use.target:
        rule["actor"] = [
            {"role": {"text": "the one place that it is for"}, "reference": {"display": use.target}}
        ]
    return rule


def _objections(said: Said) -> list[dict[str, Any]]:
    """Return a no to every use that "nothing else" closes and that wasn't asked about."""
    if not said.nothing_else:
        return []
    asked = {use.purpose for use in said.uses if use.answer != "not-asked"}
    rest = [each for each in Purpose if each not in asked | {Purpose.CARE}]
    period = {"start": said.given_at.isoformat()}
    return [{"type": "deny", "purpose": _purpose(each), "period": period} for each in rest]


def _purpose(purpose: Purpose, title: str = "") -> list[dict[str, Any]]:
    own = {"system": PURPOSES, "code": purpose.value} | ({"display": title} if title else {})
    reason = REASONS.get(purpose)
    return [own, {"system": f"{_TERMS}v3-ActReason", "code": reason}] if reason else [own]


def _words(said: Said) -> dict[str, Any]:
    data = json.dumps(said.wording, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return {
        "resourceType": "DocumentReference",
        "id": "words",
        "status": "current",
        "type": {"text": "The words that were shown, frozen"},
        "description": f"SHA-256 {said.wording_digest}",
        "content": [
            {
                "attachment": {
                    "contentType": "application/json",
                    "language": said.language,
                    "data": base64.b64encode(data.encode()).decode(),
                    "title": f"Consent sheet {said.language} {said.wording['version']}",
                }
            }
        ],
    }


def _patient(said: Said) -> dict[str, Any]:
    patient = said.patient
    found = {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{patient.id}"}
    if patient.nhs_number:
        found = {"system": NHS_NUMBER, "value": patient.nhs_number}
    return {"type": "Patient", "identifier": found, "display": patient.name}


def _giver(said: Said) -> dict[str, Any]:
    if said.giver is None:
        return _patient(said)
    display = f"{said.giver.name}, {said.giver.role}"
    return {"type": "RelatedPerson", "identifier": _ours(said.giver), "display": display}


def _organisation(practice: Who) -> dict[str, Any]:
    return {"type": "Organization", "identifier": _ours(practice), "display": practice.name}


def _ours(who: Who) -> dict[str, str]:
    return {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{who.id}"}


def _coded(system: str, code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": _TERMS + system, "code": code, "display": display}]}


def _narrative(said: Said) -> str:
    """Return a line for people; no text of anybody's own goes into markup."""
    agreed = ", ".join(use.purpose.value for use in said.uses if use.holds) or "nothing"
    return (
        '<div xmlns="http://www.w3.org/1999/xhtml">'
        f"Consent of {said.given_at:%Y-%m-%d}, {said.status}: {agreed}</div>"
    )
