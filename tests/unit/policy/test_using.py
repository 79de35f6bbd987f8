"""May we use or disclose an existing recording? Each cell of the second table, and what takes it away."""

from __future__ import annotations

from typing import Any

import pytest

from unit.policy.cases import (
    ALL_TOLD,
    CHILD,
    COMPETENT,
    DEAD,
    LACKS,
    LOST,
    SEVENTEEN,
    THREE_TESTS,
    consent,
    outcome,
    rules,
    use,
)

ANONYMISED = {"identifiable": "anonymised"}
CODED = {"identifiable": "coded"}
UNSURE = {"identifiable": "could-not-tell"}
XRAY = {"type": "x-ray"}
ON = {"var17": "agreed by the partners"}
COURT = {"legal_basis": "court-order", "reference": "C1"}
S251 = {
    "legal_basis": "s251",
    "reference": "S1",
    "opt_out_checked": True,
    "patient_opted_out": False,
}
NO = [{"purposes": ["*"], "made_on": "2026-02-01"}]


def parent(*purposes: str, **given: Any) -> dict[str, Any]:
    return consent(*purposes, given_by="parental-responsibility", given_on="2022-01-01", **given)


ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "care, team": (use("care", "team", consents=[]), "permit"),
    "care, team, objection": (use("care", "team", consents=[], objections=NO), "refuse"),
    "care, public": (use("care", "public"), "refuse"),
    "care, team, child": (use("care", "team", CHILD, consents=[]), "permit"),
    "second opinion, named": (
        use("second-opinion", "named", consents=[], exposure={}, review={}),
        "permit",
    ),
    "second opinion, a group": (use("second-opinion", "closed-group", consents=[]), "refuse"),
    "second opinion, objection": (
        use(
            "second-opinion",
            "named",
            objections=[{"purposes": ["second-opinion"], "made_on": "2026-11-22"}],
        ),
        "refuse",
    ),
    "interest, no consent": (use("interest", "named", consents=[]), "refuse"),
    "interest, consent": (use("interest", "named"), "permit"),
    "interest, anonymised, no consent": (
        use("interest", "named", consents=[], recording=ANONYMISED),
        "refuse",
    ),
    "interest, anonymised, switch": (
        use("interest", "named", consents=[], recording=ANONYMISED, switches=ON),
        "permit",
    ),
    "audit, team": (use("audit", "team", consents=[], exposure={}, review={}), "permit"),
    "audit, team, lacks": (use("audit", "team", LACKS, consents=[]), "permit"),
    "audit, public": (use("audit", "public", consents=[]), "refuse"),
    "teaching here, made for care, no consent": (
        use("teaching-local", "organisation", consents=[]),
        "refuse",
    ),
    "teaching here, anonymised, no consent": (
        use("teaching-local", "organisation", consents=[], recording=ANONYMISED),
        "refuse",
    ),
    "teaching here, anonymised, switch": (
        use("teaching-local", "organisation", consents=[], recording=ANONYMISED, switches=ON),
        "permit",
    ),
    "teaching here, anonymised, switch, no reviewer": (
        use("teaching-local", "team", consents=[], recording=ANONYMISED, switches=ON, review={}),
        "hold",
    ),
    "teaching here, could not tell, switch": (
        use("teaching-local", "organisation", consents=[], recording=UNSURE, switches=ON),
        "hold",
    ),
    "teaching here, identifiable, switch": (
        use("teaching-local", "organisation", consents=[], switches=ON),
        "refuse",
    ),
    "teaching here, made for teaching, switch, no consent": (
        use(
            "teaching-local",
            "organisation",
            consents=[],
            recording=ANONYMISED | {"made_for": "teaching-local"},
            switches=ON,
        ),
        "refuse",
    ),
    "teaching here, anonymised, switch, objection": (
        use(
            "teaching-local",
            "organisation",
            consents=[],
            recording=ANONYMISED,
            switches=ON,
            objections=NO,
        ),
        "refuse",
    ),
    "teaching here, consent": (use("teaching-local", "organisation"), "permit"),
    "teaching here, consent, could not tell": (
        use("teaching-local", "organisation", recording=UNSURE),
        "permit",
    ),
    "teaching here, consent for unrecognisable pictures, could not tell": (
        use(
            "teaching-local",
            "organisation",
            recording=UNSURE,
            consents=[consent("teaching-local", identifiable_ok=False)],
        ),
        "hold",
    ),
    "teaching here, consent doesn't reach identifiable": (
        use(
            "teaching-local",
            "organisation",
            consents=[consent("teaching-local", identifiable_ok=None)],
        ),
        "refuse",
    ),
    "teaching here, coded, consent for unrecognisable pictures": (
        use(
            "teaching-local",
            "organisation",
            recording=CODED,
            consents=[consent("teaching-local", identifiable_ok=False)],
        ),
        "permit",
    ),
    "teaching here, consent expired yesterday": (
        use(
            "teaching-local",
            "organisation",
            consents=[consent("teaching-local", expires_on="2026-11-21")],
        ),
        "refuse",
    ),
    "teaching here, consent expires today": (
        use(
            "teaching-local",
            "organisation",
            consents=[consent("teaching-local", expires_on="2026-11-22")],
        ),
        "permit",
    ),
    "teaching here, withdrawn this evening": (
        use(
            "teaching-local",
            "organisation",
            consents=[consent("teaching-local", withdrawn_on="2026-11-22T20:00:00Z")],
        ),
        "refuse",
    ),
    "teaching here, withdrawn, agreed again": (
        use(
            "teaching-local",
            "organisation",
            consents=[
                consent("teaching-local", withdrawn_on="2026-11-10"),
                consent("teaching-local", given_on="2026-11-12"),
            ],
        ),
        "permit",
    ),
    "research, approval, withdrawn, then a relative agreed": (
        use(
            "research",
            "organisation",
            consents=[
                consent("research", withdrawn_on="2026-11-10"),
                consent("research", given_on="2026-11-12", given_by="relative"),
            ],
            authority=S251,
        ),
        "refuse",
    ),
    "lacks, withdrawn before, then the attorney agreed": (
        use(
            "teaching-local",
            "organisation",
            LACKS,
            consents=[
                consent("teaching-local", withdrawn_on="2026-11-10"),
                consent("teaching-local", given_on="2026-11-21", given_by="lpa-health"),
            ],
            tests=THREE_TESTS,
        ),
        "refuse",
    ),
    "lacks, the attorney withdrew, then agreed": (
        use(
            "teaching-local",
            "organisation",
            LACKS,
            consents=[
                consent("teaching-local", withdrawn_on="2026-11-10", given_by="lpa-health"),
                consent("teaching-local", given_on="2026-11-21", given_by="lpa-health"),
            ],
            tests=THREE_TESTS,
        ),
        "permit",
    ),
    "lacks, withdrew and agreed again before": (
        use(
            "teaching-local",
            "organisation",
            LACKS,
            consents=[
                consent("teaching-local", withdrawn_on="2026-11-10"),
                consent("teaching-local", given_on="2026-11-12"),
            ],
            tests=THREE_TESTS,
        ),
        "permit",
    ),
    "child, a parent withdrew, then the child agreed": (
        use(
            "care",
            "team",
            CHILD,
            consents=[
                parent("care", withdrawn_on="2026-11-10"),
                consent("care", given_on="2026-11-12"),
            ],
        ),
        "refuse",
    ),
    "matured, care, a parent withdrew and agreed again long ago": (
        use(
            "care",
            "team",
            SEVENTEEN,
            consents=[
                parent("care", withdrawn_on="2022-02-01"),
                parent("care") | {"given_on": "2022-03-01"},
            ],
        ),
        "permit",
    ),
    "dead, withdrew in life, then the executor agreed": (
        use(
            "teaching-local",
            "organisation",
            DEAD | {"known_wishes": {"teaching-local": "yes"}},
            consents=[
                consent("teaching-local", withdrawn_on="2026-07-10"),
                consent("teaching-local", given_on="2026-11-12", given_by="executor"),
            ],
        ),
        "refuse",
    ),
    "teaching here, public": (use("teaching-local", "public"), "refuse"),
    "teaching here, no second person": (use("teaching-local", "organisation", review={}), "hold"),
    "teaching here, exposure unknown": (use("teaching-local", "organisation", exposure={}), "hold"),
    "teaching here, exposure to judge": (
        use("teaching-local", "organisation", exposure={"verdict": "review"}),
        "hold",
    ),
    "teaching here, exposure blocks": (
        use("teaching-local", "organisation", exposure={"verdict": "block"}),
        "refuse",
    ),
    "teaching elsewhere, only agreed to here": (
        use("teaching-wide", "closed-group", consents=[consent("teaching-local")]),
        "refuse",
    ),
    "teaching elsewhere, agreed": (use("teaching-wide", "closed-group"), "permit"),
    "teaching elsewhere, coded counts as identifiable": (
        use(
            "teaching-wide",
            "closed-group",
            recording=CODED,
            consents=[consent("teaching-wide", identifiable_ok=False)],
        ),
        "refuse",
    ),
    "teaching elsewhere, open, all there": (use("teaching-wide", "public"), "permit"),
    "teaching elsewhere, open, no target": (
        use("teaching-wide", "public", consents=[consent("teaching-wide", final_item_seen=True)]),
        "refuse",
    ),
    "teaching elsewhere, open, the organisation": (
        use("teaching-wide", "public", organisation_agrees=None),
        "hold",
    ),
    "research, consent": (use("research", "organisation"), "permit"),
    "research, consent beats the opt-out": (
        use("research", "organisation", authority={"patient_opted_out": True}),
        "permit",
    ),
    "research, anonymised, no ethics": (
        use("research", "organisation", recording=ANONYMISED, project={"reference": "P1"}),
        "refuse",
    ),
    "research, coded, no project": (
        use("research", "organisation", recording=CODED, project={"ethics": "E1"}),
        "refuse",
    ),
    "research, identifiable, consent, no project": (
        use("research", "organisation", project={}),
        "permit",
    ),
    "research, approval": (use("research", "organisation", consents=[], authority=S251), "permit"),
    "research, approval, its reference to be recorded": (
        use("research", "organisation", consents=[], authority=S251 | {"reference": None}),
        "permit",
    ),
    "research, approval, opt-out unchecked": (
        use("research", "organisation", consents=[], authority=S251 | {"opt_out_checked": None}),
        "hold",
    ),
    "research, an approval for those who lack capacity, of someone who has it": (
        use(
            "research",
            "organisation",
            consents=[],
            authority=S251 | {"legal_basis": "mca-research"},
        ),
        "refuse",
    ),
    "lacks, research, an approval for those who lack capacity": (
        use(
            "research",
            "organisation",
            LACKS,
            consents=[],
            authority=S251 | {"legal_basis": "mca-research"},
            tests=THREE_TESTS,
        ),
        "permit",
    ),
    "research, approval, opted out": (
        use("research", "organisation", consents=[], authority=S251 | {"patient_opted_out": True}),
        "refuse",
    ),
    "research, approval, objection": (
        use("research", "organisation", consents=[], authority=S251, objections=NO),
        "refuse",
    ),
    "research, anonymised, switch": (
        use("research", "organisation", consents=[], recording=ANONYMISED, switches=ON),
        "permit",
    ),
    "journal, all there": (use("publication", "public"), "permit"),
    "journal, anonymised, no consent": (
        use("publication", "public", recording=ANONYMISED, consents=[]),
        "refuse",
    ),
    "journal, only said": (
        use(
            "publication",
            "public",
            consents=[
                consent(
                    "publication", form="oral-recorded", target="Journal A", final_item_seen=True
                )
            ],
        ),
        "refuse",
    ),
    "journal, final item not seen": (
        use("publication", "public", consents=[consent("publication", target="Journal A")]),
        "hold",
    ),
    "journal, another one": (
        use("publication", "public", release={"target": "Journal B"}),
        "refuse",
    ),
    "journal, not told that it can't be undone": (
        use(
            "publication",
            "public",
            consents=[
                consent("publication", target="Journal A", final_item_seen=True, told=ALL_TOLD[:-1])
            ],
        ),
        "refuse",
    ),
    "social, consent to publication": (
        use(
            "social",
            "public",
            consents=[consent("publication", target="Journal A", final_item_seen=True)],
        ),
        "refuse",
    ),
    "social, closed group, consent": (use("social", "closed-group"), "permit"),
    "social, exposure unknown": (
        use("social", "closed-group", exposure={"verdict": "not-assessed"}),
        "hold",
    ),
    "marketing, consent": (use("marketing", "public"), "permit"),
    "x-ray, teaching here, anonymised, no consent": (
        use("teaching-local", "organisation", consents=[], recording=XRAY | ANONYMISED),
        "permit",
    ),
    "x-ray made for teaching, teaching here, anonymised, no consent": (
        use(
            "teaching-local",
            "organisation",
            consents=[],
            recording=XRAY | ANONYMISED | {"made_for": "teaching-local"},
        ),
        "refuse",
    ),
    "x-ray of an old collection, teaching here, anonymised": (
        use(
            "teaching-local",
            "organisation",
            consents=[],
            recording=XRAY | ANONYMISED | {"made_for": "unknown"},
        ),
        "refuse",
    ),
    "x-ray, teaching here, coded": (
        use("teaching-local", "organisation", consents=[], recording=XRAY | CODED),
        "refuse",
    ),
    "x-ray, teaching here, could not tell": (
        use("teaching-local", "organisation", consents=[], recording=XRAY | UNSURE),
        "hold",
    ),
    "x-ray, teaching here, identifiable, consent": (
        use("teaching-local", "organisation", recording=XRAY),
        "refuse",
    ),
    "x-ray, open web, anonymised, no consent": (
        use("teaching-wide", "public", consents=[], recording=XRAY | ANONYMISED),
        "refuse",
    ),
    "court order": (use("legal", "named", consents=[], authority=COURT), "permit"),
    "court order, shown in the organisation, nobody else agreed": (
        use("legal", "organisation", consents=[], authority=COURT, review={}),
        "hold",
    ),
    "court order against an objection": (
        use("legal", "named", consents=[], authority=COURT, objections=NO),
        "permit",
    ),
    "public interest is no compulsion": (
        use(
            "legal",
            "named",
            consents=[],
            authority={"legal_basis": "public-interest", "reference": "x"},
        ),
        "refuse",
    ),
    "complaint that needs it": (
        use("complaint", "named", consents=[], complaint={"relevant": True}),
        "permit",
    ),
    "complaint, not said to need it": (use("complaint", "named", consents=[]), "refuse"),
    "old collection": (
        use(
            "teaching-local",
            "organisation",
            consents=[],
            recording=ANONYMISED | {"made_for": "unknown"},
        ),
        "refuse",
    ),
    "old collection, switch, teaching": (
        use(
            "teaching-local",
            "organisation",
            consents=[],
            recording=ANONYMISED | {"made_for": "unknown"},
            switches=ON,
        ),
        "permit",
    ),
    "old collection, switch, research": (
        use(
            "research",
            "organisation",
            consents=[],
            recording=ANONYMISED | {"made_for": "unknown"},
            switches=ON,
        ),
        "refuse",
    ),
    "dead, wish no": (
        use(
            "teaching-local",
            "organisation",
            DEAD | {"known_wishes": {"teaching-local": "no"}},
            recording=ANONYMISED,
        ),
        "refuse",
    ),
    "dead, wish yes": (
        use(
            "teaching-local",
            "organisation",
            DEAD | {"known_wishes": {"teaching-local": "yes"}},
            consents=[],
        ),
        "permit",
    ),
    "dead, wish yes, exposure unknown": (
        use(
            "teaching-local",
            "organisation",
            DEAD | {"known_wishes": {"teaching-local": "yes"}},
            consents=[],
            exposure={},
        ),
        "hold",
    ),
    "dead, agreed in life": (use("teaching-local", "organisation", DEAD), "permit"),
    "dead, agreed in life, only implied": (
        use(
            "teaching-local",
            "organisation",
            DEAD,
            consents=[consent("teaching-local", form="implied")],
        ),
        "hold",
    ),
    "dead, agreed in life to another course": (
        use(
            "teaching-local",
            "organisation",
            DEAD,
            consents=[consent("teaching-local", target="Journal B")],
        ),
        "hold",
    ),
    "dead, wished teaching here, public": (
        use("teaching-local", "public", DEAD | {"known_wishes": {"teaching-local": "yes"}}),
        "refuse",
    ),
    "dead, wished teaching here, a closed group": (
        use("teaching-local", "closed-group", DEAD | {"known_wishes": {"teaching-local": "yes"}}),
        "refuse",
    ),
    "dead, wish unknown": (use("teaching-local", "organisation", DEAD, consents=[]), "hold"),
    "dead, wish unknown, family asked": (
        use("teaching-local", "organisation", DEAD, consents=[], executor_or_family_consulted=True),
        "permit",
    ),
    "dead, wish unknown, anonymised": (
        use("teaching-local", "organisation", DEAD, consents=[], recording=ANONYMISED),
        "permit",
    ),
    "dead, wish unknown, anonymised, public": (
        use("publication", "public", DEAD, consents=[], recording=ANONYMISED),
        "hold",
    ),
    "dead, agreed to another journal": (
        use("publication", "public", DEAD, release={"target": "Journal B"}),
        "refuse",
    ),
    "matured, a parent agreed": (
        use("teaching-local", "organisation", SEVENTEEN, consents=[parent("teaching-local")]),
        "hold",
    ),
    "matured by assessment, a parent agreed": (
        use("teaching-local", "organisation", COMPETENT, consents=[parent("teaching-local")]),
        "hold",
    ),
    "matured, a parent agreed, anonymised": (
        use(
            "teaching-local",
            "organisation",
            SEVENTEEN,
            consents=[parent("teaching-local")],
            recording=ANONYMISED,
        ),
        "permit",
    ),
    "a parent agreed for an adult, anonymised": (
        use(
            "teaching-local",
            "organisation",
            consents=[parent("teaching-local")],
            recording=ANONYMISED,
        ),
        "refuse",
    ),
    "a parent agreed for an adult": (
        use("teaching-local", "organisation", consents=[parent("teaching-local")]),
        "refuse",
    ),
    "a parent agreed for a patient of 16, anonymised": (
        use(
            "teaching-local",
            "organisation",
            SEVENTEEN,
            consents=[parent("teaching-local") | {"given_on": "2025-06-01"}],
            recording=ANONYMISED,
        ),
        "hold",
    ),
    "matured, own later consent": (
        use(
            "teaching-local",
            "organisation",
            SEVENTEEN,
            consents=[parent("teaching-local"), consent("teaching-local")],
        ),
        "permit",
    ),
    "matured, care goes on": (use("care", "team", SEVENTEEN, consents=[parent("care")]), "permit"),
    "capacity regained, an attorney agreed": (
        use(
            "teaching-local",
            "organisation",
            consents=[consent("teaching-local", given_by="lpa-health")],
        ),
        "hold",
    ),
    "child, teaching, parent, three tests": (
        use(
            "teaching-local",
            "organisation",
            CHILD,
            consents=[parent("teaching-local")],
            tests=THREE_TESTS,
        ),
        "permit",
    ),
    "child, teaching, parent, no tests": (
        use("teaching-local", "organisation", CHILD, consents=[parent("teaching-local")]),
        "refuse",
    ),
    "lacks, agreed before, three tests": (
        use("teaching-local", "organisation", LACKS, tests=THREE_TESTS),
        "permit",
    ),
    "lacks, agreed after the assessment": (
        use(
            "teaching-local",
            "organisation",
            LACKS,
            tests=THREE_TESTS,
            consents=[consent("teaching-local", given_on="2026-11-21")],
        ),
        "refuse",
    ),
    "lacks, known not to want it": (
        use(
            "teaching-local",
            "organisation",
            LACKS | {"known_wishes": {"teaching-local": "no"}},
            tests=THREE_TESTS,
        ),
        "refuse",
    ),
    "lost for now": (use("teaching-local", "organisation", LOST, consents=[]), "hold"),
    "intimate, then a child": (
        use(
            "teaching-local",
            "organisation",
            {"born": "2008-01-01"},
            recording={"intimate": True, "made_on": "2020-01-01"},
        ),
        "refuse",
    ),
    "intimate, then an adult": (
        use("teaching-local", "organisation", recording={"intimate": True}),
        "permit",
    ),
    "personal device, class not allowed": (
        use(
            "care",
            "team",
            recording=UNSURE,
            device={
                "registered": True,
                "personal": True,
                "allowed_classes": ["coded", "anonymised"],
            },
        ),
        "refuse",
    ),
    "personal device, class allowed": (
        use(
            "care",
            "team",
            recording=CODED,
            device={"registered": True, "personal": True, "allowed_classes": ["coded"]},
        ),
        "permit",
    ),
    "the practice's device": (
        use("care", "team", device={"registered": True, "personal": False}),
        "permit",
    ),
    "teaching here, nobody knows when it was agreed": (
        use("teaching-local", "organisation", consents=[consent("teaching-local", given_on=None)]),
        "refuse",
    ),
    "teaching elsewhere, the consent names another place": (
        use("teaching-wide", "closed-group", consents=[consent("teaching-wide", target="Leeds")]),
        "refuse",
    ),
    "journal, not said which": (use("publication", "public", release={}), "refuse"),
    "objection from tomorrow on": (
        use("care", "team", objections=[{"purposes": ["*"], "made_on": "2026-11-23"}]),
        "permit",
    ),
    "dead, no court order, the family agreed": (
        use("legal", "named", DEAD, consents=[], executor_or_family_consulted=True),
        "refuse",
    ),
    "dead, complaint, not said to need it": (
        use("complaint", "named", DEAD, consents=[], executor_or_family_consulted=True),
        "refuse",
    ),
    "dead, complaint that needs it, the family asked": (
        use(
            "complaint",
            "named",
            DEAD,
            consents=[],
            executor_or_family_consulted=True,
            complaint={"relevant": True},
        ),
        "permit",
    ),
    "dead, court order": (
        use("legal", "named", DEAD, consents=[], authority=COURT, objections=NO),
        "permit",
    ),
    "dead, journal, wish yes, not said which": (
        use(
            "publication",
            "public",
            DEAD | {"known_wishes": {"publication": "yes"}},
            consents=[],
            release={},
        ),
        "refuse",
    ),
    "dead, journal, wish yes, family asked": (
        use(
            "publication",
            "public",
            DEAD | {"known_wishes": {"publication": "yes"}},
            consents=[],
            executor_or_family_consulted=True,
        ),
        "permit",
    ),
    "dead, journal, wish yes, nobody saw the final item": (
        use("publication", "public", DEAD | {"known_wishes": {"publication": "yes"}}, consents=[]),
        "hold",
    ),
    "research, approval, nobody knows about the opt-out": (
        use("research", "organisation", consents=[], authority=S251 | {"patient_opted_out": None}),
        "hold",
    ),
    "dead, agreed in life to unrecognisable pictures": (
        use(
            "teaching-local",
            "organisation",
            DEAD,
            consents=[consent("teaching-local", identifiable_ok=False)],
        ),
        "hold",
    ),
    "two consents, the better one counts": (
        use(
            "teaching-local",
            "organisation",
            consents=[consent("teaching-local"), consent("teaching-local", form="implied")],
        ),
        "permit",
    ),
    "second opinion, recipient named, one wish unknown": (
        use(
            "second-opinion",
            "named",
            {"born": "1970-05-01", "known_wishes": {"research": None}},
            release={"recipient": "a dermatologist"},
        ),
        "permit",
    ),
    "lacks, agreed nobody knows when": (
        use("teaching-local", "organisation", LACKS | {"assessed_on": None}, tests=THREE_TESTS),
        "refuse",
    ),
    "audience unknown": (use("care", "team") | {"audience": None}, "refuse"),
}


@pytest.mark.parametrize("row", ROWS)
def test_the_table_of_using_holds(row: str) -> None:
    facts, expected = ROWS[row]
    assert outcome(facts) == expected, rules(facts)
