"""Where the guidance leaves a choice: the readings in docs/reference/decide.md, each with its case."""

from __future__ import annotations

from typing import Any

import pytest

from safelight import policy
from unit.policy.cases import (
    ADULT,
    CHILD,
    DEAD,
    LACKS,
    LOST,
    PACK,
    SEVENTEEN,
    THREE_TESTS,
    consent,
    make,
    outcome,
    rules,
    use,
)

UNASSESSED = {"born": "2012-03-01"}
ANONYMISED = {"identifiable": "anonymised"}
CODED = {"identifiable": "coded"}
XRAY = {"type": "x-ray"}
ON = {"var17": "agreed by the partners"}
FROM_A_PARENT = {"given_by": "parental-responsibility", "given_on": "2022-01-01"}
HERE = ("teaching-local", "organisation")

READINGS: dict[str, tuple[dict[str, Any], str]] = {
    "under 16, unassessed, a parent agreed, three tests": (
        use(*HERE, UNASSESSED, consents=[consent(HERE[0], **FROM_A_PARENT)], tests=THREE_TESTS),
        "permit",
    ),
    "under 16, unassessed, a parent agreed, no tests": (
        use(*HERE, UNASSESSED, consents=[consent(HERE[0], **FROM_A_PARENT)]),
        "refuse",
    ),
    "under 16, unassessed, own consent, no tests": (use(*HERE, UNASSESSED), "hold"),
    "under 16, unassessed, own consent, to be made": (make("teaching-local", UNASSESSED), "hold"),
    "under 16, unassessed, own consent withdrawn, no tests": (
        use(*HERE, UNASSESSED, consents=[consent(HERE[0], withdrawn_on="2026-11-02")]),
        "refuse",
    ),
    "under 16, found unable, own consent, no tests": (use(*HERE, CHILD), "refuse"),
    "17, own consent from before 16, never found able": (
        use(*HERE, SEVENTEEN, consents=[consent(HERE[0], given_on="2024-01-01")]),
        "hold",
    ),
    "17, own consent from before 16, found able then": (
        use(
            *HERE,
            SEVENTEEN | {"gillick": "competent", "assessed_on": "2023-12-30"},
            consents=[consent(HERE[0], given_on="2024-01-01")],
        ),
        "permit",
    ),
    "17, own consent from the 16th birthday": (
        use(*HERE, SEVENTEEN, consents=[consent(HERE[0], given_on="2025-06-01")]),
        "permit",
    ),
    "a child, not said whether it is intimate": (
        make(patient=CHILD, consents=[consent("care", given_by="parental-responsibility")]),
        "permit",
    ),
    "not said what it was made for, consent": (
        use(*HERE, recording={"made_for": None}),
        "permit",
    ),
    "not said what it was made for, no consent": (
        use(*HERE, recording=ANONYMISED | {"made_for": None}, consents=[]),
        "refuse",
    ),
    "not said what it was made for, no consent, the practice allows old collections": (
        use(*HERE, recording=ANONYMISED | {"made_for": None}, consents=[], switches=ON),
        "refuse",
    ),
    "research, identifiable, consent, no project": (
        use("research", "organisation", project={}),
        "permit",
    ),
    "lost for a while, own earlier consent": (
        use(*HERE, LOST, consents=[consent(HERE[0], given_on="2025-01-01")]),
        "hold",
    ),
    "dead, the team looks": (use("care", "team", DEAD, consents=[]), "hold"),
    "dead, the team looks, the family was asked": (
        use("care", "team", DEAD, consents=[], executor_or_family_consulted=True),
        "permit",
    ),
    "dead, the team looks at an anonymised one": (
        use("care", "team", DEAD, consents=[], recording=ANONYMISED),
        "permit",
    ),
    "x-ray, identifiable, consent": (use(*HERE, recording=XRAY), "refuse"),
    "x-ray, anonymised, shown to one named": (
        use("teaching-local", "named", recording=XRAY | ANONYMISED, consents=[]),
        "refuse",
    ),
    "dead, x-ray, coded": (
        use(*HERE, DEAD, recording=XRAY | CODED, consents=[]),
        "hold",
    ),
    "dead, photograph, coded": (use(*HERE, DEAD, recording=CODED, consents=[]), "permit"),
    "dead, made for teaching at a post-mortem into the cause of death": (
        make(
            "teaching-local",
            DEAD,
            recording={"type": "photograph", "post_mortem": "cause-of-death"},
            consents=[],
        ),
        "refuse",
    ),
    "anonymised, switch, known not to want it": (
        use(
            *HERE,
            ADULT | {"known_wishes": {HERE[0]: "no"}},
            recording=ANONYMISED,
            switches=ON,
            consents=[],
        ),
        "refuse",
    ),
    "known not to have wanted it, agreed since": (
        use(*HERE, ADULT | {"known_wishes": {HERE[0]: "no"}}),
        "permit",
    ),
    "lacks, seen by the team, no day of an assessment": (
        use("care", "team", LACKS | {"assessed_on": None}),
        "hold",
    ),
    "covert, a court's order, an objection on record": (
        make(
            recording={"type": "video", "covert": True},
            consents=[],
            authority={"legal_basis": "court-order", "reference": "C1"},
            objections=[{"purposes": ["*"], "made_on": "2026-01-01"}],
        ),
        "refuse",
    ),
    "16 today, a parent agreed": (
        use(
            *HERE,
            {"born": "2010-11-22"},
            consents=[consent(HERE[0], **FROM_A_PARENT)],
        ),
        "hold",
    ),
    "16 tomorrow, a parent agreed, three tests": (
        use(
            *HERE,
            {"born": "2010-11-23"},
            consents=[consent(HERE[0], **FROM_A_PARENT)],
            tests=THREE_TESTS,
        ),
        "permit",
    ),
    "nobody knows how old, a parent agreed": (
        use(*HERE, {"capacity": "has"}, consents=[consent(HERE[0], **FROM_A_PARENT)]),
        "refuse",
    ),
    "withdrawn, and nobody knows for what": (
        use(
            "care",
            "team",
            consents=[consent(withdrawn_on="2026-11-10")],
        ),
        "refuse",
    ),
    "a representative's consent from before capacity came back, later lost again": (
        use(
            *HERE,
            LACKS,
            consents=[consent(HERE[0], given_by="lpa-health")],
            tests=THREE_TESTS,
        ),
        "permit",
    ),
}


@pytest.mark.parametrize("row", READINGS)
def test_the_reading_holds(row: str) -> None:
    facts, expected = READINGS[row]
    assert outcome(facts) == expected, rules(facts)


def test_an_assessment_is_all_that_an_unassessed_childs_consent_waits_for() -> None:
    answer = policy.decide(use(*HERE, UNASSESSED), pack=PACK)
    assert {each.needs for each in answer.because} == {policy.Need("patient.gillick", "competent")}
    assessed = UNASSESSED | {"gillick": "competent", "assessed_on": "2026-11-01"}
    assert outcome(use(*HERE, assessed)) == "permit"


@pytest.mark.parametrize(("touches", "advice"), [(False, False), (True, True), (None, True)])
def test_legal_advice_is_asked_for_where_it_may_tell_of_others(
    touches: bool | None, advice: bool
) -> None:
    facts = use(
        *HERE,
        DEAD | {"genetic_or_third_party": touches},
        consents=[],
        executor_or_family_consulted=True,
    )
    answer = policy.decide(facts, pack=PACK)
    assert answer.outcome == "permit"
    assert any("legal advice" in each for each in answer.conditions) is advice


def test_offers_to_a_grown_child_are_written_down() -> None:
    facts = use(*HERE, SEVENTEEN, consents=[consent(HERE[0], **FROM_A_PARENT)])
    assert any("choice was offered" in each for each in policy.decide(facts, pack=PACK).record)


def test_of_two_purposes_at_once_each_lacks_its_own_consent() -> None:
    facts = make("interest", recording={"made_for": "teaching-local"}, consents=[])
    needs = [each.needs for each in policy.decide(facts, pack=PACK).because]
    assert [need.value["purposes"] for need in needs if need] == [["interest"], ["teaching-local"]]
