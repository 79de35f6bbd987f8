"""Where each answer stands written, what it asks to be noted, and when to look again."""

from __future__ import annotations

from typing import Any

import pytest

from safelight import policy
from unit.policy.cases import (
    ADULT,
    CHILD,
    COMPETENT,
    DEAD,
    LACKS,
    LOST,
    PACK,
    SEVENTEEN,
    THREE_TESTS,
    consent,
    make,
    use,
)

ANONYMISED = {"identifiable": "anonymised"}
PARENTS = {"given_by": "parental-responsibility", "given_on": "2022-01-01"}

SOURCES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "making for care, no consent": (make(consents=[]), {"GMC VAR 13–14, MDU"}),
    "making for teaching, no consent": (
        make("teaching-local", consents=[]),
        {"GMC VAR 24–26, MDU"},
    ),
    "making for publication, no consent": (make("publication", consents=[]), {"GMC VAR 37, 39"}),
    "making for teaching, lacks capacity, one test short": (
        make(
            "teaching-local",
            LACKS,
            consents=[consent("teaching-local", given_by="lpa-health")],
            tests=THREE_TESTS | {"necessary": None},
        ),
        {"GMC VAR 31–33, MDU"},
    ),
    "making for teaching, a child, nothing": (
        make("teaching-local", CHILD, consents=[]),
        {"GMC VAR 34, MDU"},
    ),
    "making, an objection": (make(patient=ADULT | {"objects_now": True}), {"GMC VAR 25, 34, MDU"}),
    "making with an attorney's consent": (
        make(patient=LACKS, consents=[consent("care", given_by="lpa-health")]),
        {"MCA 2005, practice"},
    ),
    "making, no Gillick assessment": (
        make("teaching-local", {"born": "2012-03-01"}, tests=THREE_TESTS),
        {"GMC VAR 34"},
    ),
    "care, somebody outside the team": (use("care", "public"), {"GMC CONF, principle 5"}),
    "interest, no consent": (
        use("interest", "organisation", consents=[]),
        {"MDU, GMC VAR 17, 24"},
    ),
    "teaching here, no consent": (
        use("teaching-local", "organisation", consents=[]),
        {"GMC VAR 15, 17, 24–25"},
    ),
    "old collection, no consent": (
        use("teaching-wide", "closed-group", consents=[], recording={"made_for": "unknown"}),
        {"GMC VAR 22–23", "GMC VAR 36–38"},
    ),
    "research, neither consent nor approval": (
        use("research", "organisation", consents=[]),
        {"GMC VAR 17, GMC CONF 80"},
    ),
    "x-ray, not anonymised": (
        use("teaching-local", "organisation", recording={"type": "x-ray"}),
        {"GMC VAR 12"},
    ),
    "matured, a parent agreed": (
        use(
            "teaching-local",
            "organisation",
            SEVENTEEN,
            consents=[consent("teaching-local", **PARENTS)],
        ),
        {"GMC VAR 35, MDU"},
    ),
    "capacity regained": (
        use(
            "teaching-local",
            "organisation",
            consents=[consent("teaching-local", given_by="deputy")],
        ),
        {"practice"},
    ),
    "using for teaching, a child, no tests": (
        use(
            "teaching-local", "organisation", CHILD, consents=[consent("teaching-local", **PARENTS)]
        ),
        {"GMC VAR 34, MDU"},
    ),
    "dead, not asked": (
        use("teaching-local", "organisation", DEAD, consents=[]),
        {"GMC VAR 47–48, MDU"},
    ),
}


@pytest.mark.parametrize("row", SOURCES)
def test_every_reason_says_where_it_stands(row: str) -> None:
    facts, expected = SOURCES[row]
    assert {each.source for each in policy.decide(facts, pack=PACK).because} == expected


NEEDS: dict[str, tuple[dict[str, Any], str, object]] = {
    "a second opinion goes to someone named": (
        use("second-opinion", "closed-group"),
        "audience",
        "named",
    ),
    "whose consent it takes depends on age": (
        use("teaching-local", "organisation", {"capacity": "has"}),
        "patient.born",
        "the date of birth",
    ),
    "a consent has to name its target": (
        use("publication", "public", consents=[consent("publication")], release={}),
        "consents[].target",
        "the target's name",
    ),
    "nobody knows how old, and nobody agreed": (
        use("teaching-local", "organisation", {"capacity": "has"}, consents=[]),
        "consents",
        {"purposes": ["teaching-local"], "given_by": ["patient"]},
    ),
}


@pytest.mark.parametrize("row", NEEDS)
def test_a_reason_says_what_would_lift_it(row: str) -> None:
    facts, field, value = NEEDS[row]
    needs = [each.needs for each in policy.decide(facts, pack=PACK).because]
    assert policy.Need(field, value) in needs


EVERY: dict[str, tuple[dict[str, Any], set[str]]] = {
    "a consent withdrawn, expired, only said, told nothing": (
        use(
            "social",
            "closed-group",
            consents=[
                consent(
                    "social",
                    withdrawn_on="2026-11-20",
                    expires_on="2026-11-19",
                    form="oral-recorded",
                    told=[],
                    identifiable_ok=False,
                )
            ],
            organisation_agrees=None,
            exposure={"verdict": "block"},
            review={},
            patient=ADULT | {"objects_now": True},
            objections=[{"purposes": ["*"], "made_on": None}],
            device={"registered": False, "personal": True, "allowed_classes": []},
        ),
        {
            "consents[].withdrawn_on",
            "consents[].expires_on",
            "consents[].form",
            "consents[].told",
            "consents[].identifiable_ok",
            "consents[].target",
            "consents[].final_item_seen",
            "organisation_agrees",
            "exposure.verdict",
            "review.second_person",
            "patient.objects_now",
            "objections",
            "device.registered",
            "device.allowed_classes",
        },
    ),
    "research, anonymised, neither project nor ethics": (
        use("research", "organisation", recording=ANONYMISED, project={}),
        {"project.reference", "project.ethics"},
    ),
}


@pytest.mark.parametrize("row", EVERY)
def test_every_blocker_is_listed(row: str) -> None:
    facts, fields = EVERY[row]
    needs = [each.needs for each in policy.decide(facts, pack=PACK).because]
    assert {each.field for each in needs if each} == fields


RECORDS: dict[str, tuple[dict[str, Any], str]] = {
    "an objection while it is made": (make(patient=ADULT | {"objects_now": True}), "destroyed"),
    "capacity lost for a while": (make("teaching-local", LOST, consents=[]), "waits"),
    "the same, nobody could tell": (
        use("research", "organisation", LOST, consents=[], recording={"identifiable": None}),
        "waits",
    ),
    "an old collection": (
        use("teaching-wide", "closed-group", consents=[], recording={"made_for": "unknown"}),
        "kept apart",
    ),
    "a child who can decide": (make(patient=COMPETENT), "assessment for this decision"),
    "a patient of seventeen": (make(patient=SEVENTEEN), "presumed"),
    "two purposes at once": (
        make("teaching-local", LOST, consents=[], recording={"made_for": "research"}),
        "waits",
    ),
}


@pytest.mark.parametrize("row", RECORDS)
def test_an_answer_says_what_to_write_down(row: str) -> None:
    facts, word = RECORDS[row]
    assert any(word in each for each in policy.decide(facts, pack=PACK).record)


def test_an_adult_has_no_parents_to_involve() -> None:
    answer = policy.decide(make(), pack=PACK)
    assert not any("parents" in each for each in (*answer.record, *answer.conditions))


def test_a_no_that_comes_later_is_a_day_to_look_again() -> None:
    facts = use(
        "teaching-local",
        "organisation",
        consents=[consent("teaching-local", withdrawn_on="2026-12-01", expires_on="2026-12-24")],
        objections=[{"purposes": ["*"], "made_on": "2026-12-05"}],
    )
    answer = policy.decide(facts, pack=PACK)
    assert answer.outcome == "permit"
    assert answer.reevaluate_on == ("2026-12-01", "2026-12-05", "2026-12-25")
