"""A consent as a consent record after ISO/IEC TS 27560; docs/formats/consent-record.md maps each field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from safelight.interop.consents.said import Said, Use

SCHEMA = "ISO/IEC TS 27560:2023"
WORDS_FORM = "urn:x-safelight:wording:sha256"
TYPES = {
    "written": "explicit, in writing",
    "electronic": "explicit, signed on a screen",
    "oral-recorded": "explicit, said and noted",
}


def as_record(said: Said) -> dict[str, Any]:
    """Return the record: header, what is processed and why, who, and what happened when."""
    giver = [] if said.giver is None else [_party(said.giver.id, said.giver.name, said.giver.role)]
    return {
        "schema_version": SCHEMA,
        "record_id": str(said.id),
        "pii_principal_id": str(said.patient.id),
        "pii_processing": [_processing(use, said) for use in said.uses if use.answer == "agreed"],
        "not_agreed": [
            {"purpose": use.purpose.value, "title": use.title, "answer": use.answer}
            for use in said.uses
            if use.answer != "agreed"
        ],
        "objects_to_all_else": said.nothing_else,
        "may_show_who_it_is": said.identifiable_ok,
        "told": [
            {"item": item.key, "told": item.was_told, "reason_if_not": item.why_not}
            for item in said.told
        ],
        "party_identification": [
            _party(said.practice.id, said.practice.name, "PII controller"),
            _party(said.taken_by.id, said.taken_by.name, f"took the consent: {said.taken_by.role}"),
            *giver,
        ],
        "events": _events(said),
        "integrity": {
            "algorithm": "SHA-256",
            "words": said.wording_digest,
            "words_and_answers": said.answer_digest,
            "as_recorded": said.is_as_it_was,
        },
    }


def _processing(use: Use, said: Said) -> dict[str, Any]:
    return {
        "privacy_notice": f"{WORDS_FORM}:{said.wording_digest}",
        "language": said.language,
        "purpose": use.title,
        "purpose_type": use.purpose.value,
        "lawful_basis": "consent at common law; the basis in data protection law is the practice's own record",
        "pii_information": [
            {
                "pii_type": "picture of a part of the body",
                "pii_attribute_id": said.body_site,
                "pii_optional": True,
                "special_pii_category": "health",
            }
        ],
        "pii_controllers": [str(said.practice.id)],
        "collection_method": "camera of the practice, or of staff, in the patient's presence",
        "storage_locations": [said.practice.name],
        "retention_period": _item(said, "retention"),
        "recipient_third_parties": [use.target] if use.target else [],
        "withdrawal_method": _item(said, "withdrawal"),
        "jurisdictions": [said.pack_id],
        "state": "withdrawn" if use.withdrawn_at else "expired" if said.has_expired else "given",
    }


def _events(said: Said) -> list[dict[str, Any]]:
    """Return what happened, the oldest first."""
    by = str(said.patient.id if said.giver is None else said.giver.id)
    first = {
        "event_time": said.given_at.isoformat(),
        "event_type": TYPES[said.form],
        "event_state": "refused" if said.status == "refused" else "given",
        "entity_id": by,
        "validity_duration": said.expires_on.isoformat() if said.expires_on else "until withdrawn",
        "purposes": [use.purpose.value for use in said.uses if use.answer == "agreed"],
    }
    taken = sorted({use.withdrawn_at for use in said.uses if use.withdrawn_at})
    later = [
        {
            "event_time": at.isoformat(),
            "event_type": "withdrawal",
            "event_state": "withdrawn",
            "purposes": [use.purpose.value for use in said.uses if use.withdrawn_at == at],
        }
        for at in taken
    ]
    return [first, *later]


def _item(said: Said, key: str) -> str:
    return next(item.text for item in said.told if item.key == key)


def _party(party_id: object, name: str, role: str) -> dict[str, str]:
    return {"party_id": str(party_id), "party_name": name, "party_role": role}
