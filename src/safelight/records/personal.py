"""What of each row tells something of a patient, and what is left of the row once that has to go.

When a patient's record has been kept for its period, or is erased, the keys go; and from the rows
goes everything in this table. What stays is a stub: that there was a picture, when it was taken and
destroyed, and by whom, of nobody. A model that leads to a patient and isn't listed, or has a field
that is in neither column, fails a test (tests/flows/test_destroying.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from safelight.records.models import (
    Assessment,
    CareRecord,
    Consent,
    Consultation,
    Copy,
    Disclosure,
    EraseJob,
    Exhibit,
    ExposureAlarm,
    FinalShowing,
    LegalHold,
    Link,
    Matter,
    Objection,
    Offer,
    OrganisationAgreement,
    Patient,
    PendingChoice,
    Photo,
    Recall,
    Receipt,
    Release,
    Reply,
    Representative,
    Review,
    SaidNo,
    Study,
    Weighing,
    Withdrawal,
)

if TYPE_CHECKING:
    from django.db.models import Model

NO_BIRTHDAY = date(1900, 1, 1)
"""Stands for a date of birth that is gone; the column can't be empty."""
GONE = "Erased"


@dataclass(frozen=True, slots=True)
class Personal:
    """Of one model: the way to the patient, what is blanked, and what may stay."""

    model: type[Model]
    path: str
    blanks: dict[str, Any] = field(default_factory=dict)
    stays: frozenset[str] = frozenset()
    rows_go: bool = False
    """The rows are deleted altogether."""


def _named(fields: str) -> frozenset[str]:
    return frozenset(fields.split())


PERSONAL: tuple[Personal, ...] = (
    Personal(Receipt, "consent__patient", rows_go=True),
    Personal(
        Consent,
        "patient",
        {
            "target": "",
            "targets": {},
            "interpreter": "",
            "witness": "",
            "not_told": {},
            "statement": "",
            "signature_blob": "",
            "body_site": "",
            "wording": {},
        },
        _named(
            "purposes refused withdrawn given_by form told wording_digest interpreter_by lasts signature_sha256 answer_salt "
            "answer_digest pack_id pack_hash "
            "given_at expires_on erased_at"
        ),
    ),
    Personal(
        Photo,
        "patient",
        {"body_site": "", "lawful_reason": GONE, "closed_to": {}, "decision": {}},
        _named(
            "sha256 state made_for recording_type identifiable taken_at received_at width height"
        ),
    ),
    Personal(
        Copy,
        "photo__patient",
        {"certificate": {}},
        _named("state sha256 width height identifiable made_at"),
    ),
    Personal(
        Link,
        "photo__patient",
        {"recipient_name": GONE, "recipient_email": "", "question": "", "decision": {}},
        _named(
            "secret_hash code_hash code_sent_at code_tries codes_sent restrictions bound_to "
            "expires_at openings_allowed openings_used opened_at revoked_at created_at"
        ),
    ),
    Personal(Reply, "patient", {"text": ""}, frozenset({"at"})),
    Personal(
        Release,
        "photo__patient",
        {
            "target": GONE,
            "discloses": {},
            "assessment": {},
            "intruder_test": [],
            "judgement": "",
            "review_note": "",
            "decision": {},
        },
        _named("state purpose audience ticked exposure requested_at reviewed_at"),
    ),
    Personal(
        Disclosure,
        "patient",
        {"audience": [], "sealed_facts": b""},
        frozenset({"at", "withdrawn_at"}),
    ),
    Personal(
        Assessment,
        "patient",
        {"decision": "", "support": "", "parents": ""},
        _named("kind outcome about assessed_on recorded_at"),
    ),
    Personal(
        Consultation,
        "patient",
        {"name": GONE, "relation": "", "words": ""},
        _named("who purposes answer asked_on recorded_at"),
    ),
    Personal(
        Representative,
        "patient",
        {"name": GONE, "relation": "", "evidence": "", "ended_because": ""},
        _named("authority acts expires_on ended_on created_at"),
    ),
    Personal(SaidNo, "patient", {"words": ""}, frozenset({"at", "how"})),
    Personal(PendingChoice, "patient", {}, _named("kind raised_at closed_at outcome")),
    Personal(Offer, "choice__patient", {"words": ""}, frozenset({"outcome", "at"})),
    Personal(
        Weighing,
        "patient",
        {"answers": {}, "approval": "", "project": "", "ethics": ""},
        _named("purpose at opt_out"),
    ),
    Personal(
        Study,
        "patient",
        {"project": "", "ethics": "", "reference": ""},
        _named("legal_basis opt_out at"),
    ),
    Personal(
        FinalShowing,
        "release__photo__patient",
        {"target": "", "words": ""},
        _named("sha256 seen_by shown_at"),
    ),
    Personal(
        ExposureAlarm,
        "release__photo__patient",
        {"assessment": {}, "note": ""},
        _named("was is_now raised_at settled_at"),
    ),
    Personal(OrganisationAgreement, "release__photo__patient", {"words": ""}, frozenset({"at"})),
    Personal(Objection, "patient", {}, frozenset({"purposes", "made_at", "given_by"})),
    Personal(
        Withdrawal,
        "patient",
        {"consequences": []},
        frozenset({"purposes", "at", "channel"}),
    ),
    Personal(
        Recall,
        "photo__patient",
        {"what": "", "note": ""},
        _named("text source due_on done_at told_at reminded_on"),
    ),
    Personal(
        LegalHold,
        "patient",
        {"reason": "", "reference": "", "lifted_because": ""},
        frozenset({"kind", "placed_at", "lifted_at"}),
    ),
    Personal(
        Exhibit,
        "photo__patient",
        {"why": "", "decision": {}},
        _named("weighed_at given_at sha256"),
    ),
    Personal(
        Matter,
        "patient",
        {"reference": "", "asked_by": GONE, "extent": "", "not_told_because": ""},
        _named("purpose kind asked_on size told_at recorded_at closed_at"),
    ),
    Personal(CareRecord, "patient", {}, _named("kind ended_on set_at")),
    Personal(
        Review,
        "patient",
        {"reason": ""},
        _named("state due_on because source listed_at settled_at keep_until"),
    ),
    Personal(
        EraseJob,
        "patient",
        {},
        _named(
            "photos copies others keys blobs created_at destroyed_at scrubbed_at basis because "
            "source ledger_index manager"
        ),
    ),
)
"""Every model but the patient, in an order in which the rows can go."""
OF_THE_PATIENT: dict[str, Any] = {
    "name": GONE,
    "born_on": NO_BIRTHDAY,
    "died_on": None,
    "nhs_number": "",
    "known_wishes": {},
    "genetic_or_third_party": None,
    "legal_advice": "",
    "language": "",
}


def blank(patient: Patient) -> None:
    """Take from every row what tells something of the patient. Call it inside a transaction."""
    for each in PERSONAL:
        rows = each.model._default_manager.filter(**{each.path: patient})
        if each.rows_go:
            rows.delete()
        elif each.blanks:
            rows.update(**each.blanks)
    Patient.objects.filter(pk=patient.pk).update(**OF_THE_PATIENT)
