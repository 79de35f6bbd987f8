"""May we make the recording? Each row of the first table, and what takes it away."""

from __future__ import annotations

from typing import Any

import pytest

from unit.policy.cases import (
    ADULT,
    CHILD,
    COMPETENT,
    DEAD,
    LACKS,
    LOST,
    SEVENTEEN,
    THREE_TESTS,
    consent,
    make,
    outcome,
    rules,
)

VAR10 = {"type": "x-ray", "made_for": "care", "within_procedure_consent": True}
URGENT = {
    "integral_to_treatment": True,
    "those_close_consulted": True,
    "no_one_with_authority": True,
}
INTIMATE = {
    "type": "photograph",
    "intimate": True,
    "clinically_essential": True,
    "face_to_face": True,
    "approver": "Dr A",
}
PARENT = consent("care", given_by="parental-responsibility")
ATTORNEY = consent("care", given_by="lpa-health")


ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "var10 within a procedure": (make(recording=VAR10, consents=[]), "permit"),
    "var10 without a procedure": (make(recording={"type": "x-ray"}, consents=[]), "refuse"),
    "var10 made for teaching needs consent": (
        make("teaching-local", recording=VAR10 | {"made_for": "teaching-local"}, consents=[]),
        "refuse",
    ),
    "adult, care, consent": (make(), "permit"),
    "adult, care, for a second opinion with a care consent": (
        make("second-opinion", consents=[consent("care")]),
        "permit",
    ),
    "adult, care, no consent": (make(consents=[]), "refuse"),
    "adult, care, not told where it is stored": (
        make(consents=[consent("care", told=["purpose", "secondary"])]),
        "refuse",
    ),
    "adult, care, secondary not explained, no reason": (
        make(consents=[consent("care", told=["purpose", "storage"])]),
        "refuse",
    ),
    "adult, care, secondary not explained, reason": (
        make(
            consents=[
                consent("care", told=["purpose", "storage"], secondary_not_told_because="in pain")
            ]
        ),
        "permit",
    ),
    "adult, care, a relative's consent": (
        make(consents=[consent("care", given_by="relative")]),
        "refuse",
    ),
    "adult, capacity unassessed is presumed": (make(patient={"born": "1970-05-01"}), "permit"),
    "adult, teaching, explicit consent": (make("teaching-local"), "permit"),
    "adult, teaching, said and noted": (
        make("teaching-local", consents=[consent("teaching-local", form="oral-recorded")]),
        "permit",
    ),
    "adult, teaching, implied": (
        make("teaching-local", consents=[consent("teaching-local", form="implied")]),
        "refuse",
    ),
    "adult, teaching, consent for care only": (
        make("teaching-local", consents=[consent("care")]),
        "refuse",
    ),
    "adult, teaching, not told how long": (
        make(
            "teaching-local",
            consents=[consent("teaching-local", told=["purpose", "storage", "withdrawal"])],
        ),
        "refuse",
    ),
    "adult, teaching, consent given afterwards": (
        make("teaching-local", consents=[consent("teaching-local", given_on="2026-11-23")]),
        "refuse",
    ),
    "adult, teaching, already made when the patient agreed": (
        make(
            "teaching-local",
            recording={"made_for": "teaching-local", "made_on": "2026-11-20"},
            consents=[consent("teaching-local", given_on="2026-11-21")],
        ),
        "refuse",
    ),
    "adult, care, agreed on the day it was made": (
        make(
            recording={"made_for": "care", "made_on": "2026-11-21"},
            consents=[consent("care", given_on="2026-11-21")],
        ),
        "permit",
    ),
    "adult, interest": (make("interest"), "permit"),
    "adult, research": (make("research"), "permit"),
    "adult, publication, written": (make("publication"), "permit"),
    "adult, publication, only said": (
        make("publication", consents=[consent("publication", form="oral-recorded")]),
        "refuse",
    ),
    "adult, social, the organisation hasn't agreed": (
        make("social", organisation_agrees=None),
        "hold",
    ),
    "lacks, care, attorney": (make(patient=LACKS, consents=[ATTORNEY]), "permit"),
    "lacks, care, deputy": (
        make(patient=LACKS, consents=[consent("care", given_by="deputy")]),
        "permit",
    ),
    "lacks, care, attorney, no assessment": (
        make(patient=LACKS | {"assessed_on": None}, consents=[ATTORNEY]),
        "hold",
    ),
    "lacks, care, relative": (
        make(patient=LACKS, consents=[consent("care", given_by="relative")]),
        "refuse",
    ),
    "lacks, care, own consent": (make(patient=LACKS), "refuse"),
    "lacks, care, nobody with authority": (
        make(
            patient=LACKS, consents=[], care=URGENT, tests={"best_interests": {"clinician": True}}
        ),
        "permit",
    ),
    "lacks, care, urgent": (
        make(
            patient=LACKS,
            consents=[],
            care={
                "integral_to_treatment": True,
                "those_close_consulted": True,
                "urgent": True,
            },
            tests={"best_interests": {"clinician": True}},
        ),
        "permit",
    ),
    "lacks, care, urgent, nobody asked those close": (
        make(
            patient=LACKS,
            consents=[],
            care={"integral_to_treatment": True, "urgent": True},
            tests={"best_interests": {"clinician": True}},
        ),
        "refuse",
    ),
    "lacks, care, nobody said it is in their interests": (
        make(patient=LACKS, consents=[], care=URGENT),
        "refuse",
    ),
    "lacks, teaching, three tests": (
        make(
            "teaching-local",
            LACKS,
            consents=[consent("teaching-local", given_by="lpa-health")],
            tests=THREE_TESTS,
        ),
        "permit",
    ),
    "lacks, teaching, one test short": (
        make(
            "teaching-local",
            LACKS,
            consents=[consent("teaching-local", given_by="lpa-health")],
            tests=THREE_TESTS | {"necessary": {"clinician": True}},
        ),
        "refuse",
    ),
    "lacks, research, no approval": (
        make(
            "research",
            LACKS,
            consents=[consent("research", given_by="lpa-health")],
            tests=THREE_TESTS,
        ),
        "refuse",
    ),
    "lacks, research, approval": (
        make(
            "research",
            LACKS,
            tests=THREE_TESTS,
            authority={"legal_basis": "mca-research", "reference": "R1"},
        ),
        "permit",
    ),
    "lost for now, teaching": (make("teaching-local", LOST, consents=[]), "hold"),
    "lost for now, publication": (make("publication", LOST, consents=[]), "hold"),
    "lost for now, care, attorney": (make(patient=LOST, consents=[ATTORNEY]), "permit"),
    "17, own consent": (make(patient=SEVENTEEN), "permit"),
    "17, only a parent's consent": (make(patient=SEVENTEEN, consents=[PARENT]), "refuse"),
    "competent child, own consent": (make(patient=COMPETENT), "permit"),
    "competent child, teaching": (make("teaching-local", COMPETENT), "permit"),
    "unassessed child, own consent": (make(patient={"born": "2012-03-01"}), "hold"),
    "unassessed child, parent": (make(patient={"born": "2012-03-01"}, consents=[PARENT]), "permit"),
    "child, care, parent": (make(patient=CHILD, consents=[PARENT]), "permit"),
    "child, care, own consent": (make(patient=CHILD), "refuse"),
    "child, care, parent, child objects": (
        make(patient=CHILD | {"objects_now": True}, consents=[PARENT]),
        "refuse",
    ),
    "child, teaching, parent, three tests": (
        make(
            "teaching-local",
            CHILD,
            consents=[consent("teaching-local", given_by="parental-responsibility")],
            tests=THREE_TESTS,
        ),
        "permit",
    ),
    "child, teaching, parent, no tests": (
        make(
            "teaching-local",
            CHILD,
            consents=[consent("teaching-local", given_by="parental-responsibility")],
        ),
        "refuse",
    ),
    "child, intimate, essential and approved": (
        make(patient=CHILD, consents=[PARENT], recording=INTIMATE),
        "permit",
    ),
    "child, intimate, submitted from home": (
        make(patient=CHILD, consents=[PARENT], recording=INTIMATE | {"face_to_face": False}),
        "refuse",
    ),
    "child, intimate, nobody approved": (
        make(patient=CHILD, consents=[PARENT], recording=INTIMATE | {"approver": None}),
        "refuse",
    ),
    "17, intimate, for teaching": (
        make("teaching-local", SEVENTEEN, recording=INTIMATE),
        "refuse",
    ),
    "child, intimate, for a claim": (
        make(
            "complaint",
            CHILD,
            consents=[consent("complaint", given_by="parental-responsibility")],
            tests=THREE_TESTS,
            recording=INTIMATE,
        ),
        "refuse",
    ),
    "adult objects now, for a court": (
        make(
            "legal",
            ADULT | {"objects_now": True},
            authority={"legal_basis": "court-order", "reference": "C1"},
        ),
        "refuse",
    ),
    "child, intimate, not said to be essential": (
        make(patient=CHILD, consents=[PARENT], recording=INTIMATE | {"clinically_essential": None}),
        "refuse",
    ),
    "lacks, care, not said that treatment needs it": (
        make(
            patient=LACKS,
            consents=[],
            care={"urgent": True},
            tests={"best_interests": {"clinician": True}},
        ),
        "refuse",
    ),
    "lacks, care, someone may have authority": (
        make(
            patient=LACKS,
            consents=[],
            care={"integral_to_treatment": True, "those_close_consulted": True},
            tests={"best_interests": {"clinician": True}},
        ),
        "refuse",
    ),
    "lacks, care, nobody asked those close": (
        make(
            patient=LACKS,
            consents=[],
            care={"integral_to_treatment": True, "no_one_with_authority": True},
            tests={"best_interests": {"clinician": True}},
        ),
        "refuse",
    ),
    "adult objects now": (make(patient=ADULT | {"objects_now": True}), "refuse"),
    "dead, cause of death": (
        make(
            patient=DEAD,
            consents=[],
            recording={"type": "photograph", "post_mortem": "cause-of-death"},
        ),
        "permit",
    ),
    "dead, secondary, consented": (
        make(
            "teaching-local",
            DEAD,
            consents=[],
            recording={
                "type": "photograph",
                "post_mortem": "secondary",
                "post_mortem_consent": True,
            },
        ),
        "permit",
    ),
    "dead, secondary, not consented": (make("teaching-local", DEAD, consents=[]), "refuse"),
    "covert, no authority": (make(recording={"type": "video", "covert": True}), "refuse"),
    "covert, named authority": (
        make(
            recording={"type": "video", "covert": True},
            consents=[],
            authority={"legal_basis": "court-order", "reference": "C1"},
        ),
        "permit",
    ),
    "unregistered device": (make(device={"registered": False}), "refuse"),
    "age unknown": (make(patient={"capacity": "has"}), "refuse"),
    "for teaching, though filed as care": (
        make("teaching-local", recording={"type": "photograph", "made_for": "care"}),
        "permit",
    ),
    "made for another purpose than said": (
        make(recording={"type": "photograph", "made_for": "teaching-local"}),
        "refuse",
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_the_table_of_making_holds(row: str) -> None:
    facts, expected = ROWS[row]
    assert outcome(facts) == expected, rules(facts)
