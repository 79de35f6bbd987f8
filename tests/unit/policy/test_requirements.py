"""What single requirements look at, where the tables of whole answers can't tell them apart."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from safelight import policy
from safelight.policy import facts as contract
from safelight.policy.answers import Need
from safelight.policy.case import case_of
from safelight.policy.requirements import CASE, CONSENT, law, people
from safelight.policy.requirements.registry import WITH
from safelight.terms import Audience, Purpose
from unit.policy.cases import ADULT, CHILD, DEAD, LACKS, LOST, PACK, SEVENTEEN, consent, make, use
from unit.policy.test_making import ROWS as MAKING
from unit.policy.test_readings import READINGS
from unit.policy.test_using import ROWS as USING

REFERENCE = Path(__file__).parents[3] / "docs/reference/decide.md"
HERE = ("teaching-local", "organisation")


def needs(facts: dict[str, Any]) -> set[tuple[str, str]]:
    answer = policy.decide(facts, pack=PACK)
    return {(each.needs.field, each.outcome) for each in answer.because if each.needs}


def documented() -> set[str]:
    """Return the fields of the contract as the reference lists them, and the objects they are of."""
    rows = set(re.findall(r"^\| `([a-z0-9_.\[\]]+)` \|", REFERENCE.read_text(), re.MULTILINE))
    return rows | {each.rpartition(".")[0].removesuffix("[]") for each in rows}


IN_WORDS = {"consents", "patient.born", "action", "at", "purpose", "audience"}
"""Fields whose need says in words what is missing."""


def is_known(need: Need) -> bool:
    """Say whether the contract takes what a need asks for."""
    said: Any = need.value
    for part in reversed(need.field.split(".")):
        said = {part.removesuffix("[]"): [said] if part.endswith("[]") else said}
    return not contract.read(said, vocabulary=PACK.terms.vocabulary)[1]


ALL = {**MAKING, **USING, **READINGS}


@pytest.mark.parametrize("row", ALL)
def test_a_need_is_a_field_of_the_contract(row):
    facts, _ = ALL[row]
    for each in policy.decide(facts, pack=PACK).because:
        if each.needs is not None:
            field = re.sub(r"^(patient\.known_wishes)\..*", r"\1", each.needs.field)
            assert field in documented(), each.rule
            assert each.needs.field in IN_WORDS or is_known(each.needs), each.rule


def withdrawn(later: dict[str, Any]) -> str:
    """Return the answer where teaching was taken back on the tenth, and something else was said."""
    ended = consent(HERE[0], given_on="2026-11-01", withdrawn_on="2026-11-10")
    return policy.decide(use(*HERE, consents=[ended, later]), pack=PACK).outcome


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ({"given_on": "2026-11-09"}, "refuse"),
        ({"given_on": "2026-11-10"}, "refuse"),
        ({"given_on": "2026-11-11"}, "permit"),
        ({"given_on": None}, "refuse"),
        ({"given_on": "2026-11-11", "form": "implied"}, "refuse"),
        ({"given_on": "2026-11-11", "expires_on": "2026-11-20"}, "refuse"),
        ({"given_on": "2026-11-11", "given_by": "lpa-health"}, "refuse"),
    ],
)
def test_what_was_taken_back_is_given_anew_only_afterwards(said, outcome):
    assert withdrawn(consent(HERE[0], **said)) == outcome


TREATMENT = ("integral-to-treatment", "those-close-consulted", "no-one-with-authority")
CARE = {"integral_to_treatment": True, "those_close_consulted": True, "no_one_with_authority": True}


@pytest.mark.parametrize("lacking", CARE)
def test_treatment_of_somebody_who_cannot_decide_needs_each_of_three(lacking):
    alone = {"best_interests": {"clinician": True}}
    facts = make("care", LACKS, consents=[], care=CARE, tests=alone)
    assert policy.decide(facts, pack=PACK).outcome == "permit"
    facts["care"] = CARE | {lacking: False}
    assert policy.decide(facts, pack=PACK).outcome == "refuse"
    read, _ = contract.read(facts, vocabulary=PACK.terms.vocabulary)
    case = case_of(read, PACK.terms, purpose="care", identifiable="identifiable")
    (asked,) = [name for name in TREATMENT if CASE[name](case) is not None]
    found = CASE[asked](case)
    assert found is not None
    assert found.need == Need(f"care.{lacking}", True)


def test_an_assessment_of_another_day_is_asked_for_by_its_day():
    for on in (None, "2026-11-23"):
        answer = policy.decide(make("care", LACKS | {"assessed_on": on}), pack=PACK)
        assert Need("patient.assessed_on", "2026-11-22") in {each.needs for each in answer.because}


def test_who_agreed_too_young_is_asked_now():
    early = consent(HERE[0], given_on="2024-06-01")
    answer = policy.decide(use(*HERE, SEVENTEEN, consents=[early]), pack=PACK)
    assert [each.needs for each in answer.because] == [Need("consents[].given_on", "2026-11-22")]
    assert answer.outcome == "hold"


APPROVED = {"legal_basis": "s251", "reference": "CAG 1"}


@pytest.mark.parametrize(
    ("looked", "field", "value", "outcome"),
    [
        ({}, "authority.opt_out_checked", True, "hold"),
        ({"opt_out_checked": True}, "authority.patient_opted_out", False, "hold"),
        ({"opt_out_checked": False}, "authority.opt_out_checked", True, "hold"),
        (
            {"opt_out_checked": True, "patient_opted_out": True},
            "authority.patient_opted_out",
            False,
            "refuse",
        ),
    ],
)
def test_the_opt_out_is_looked_up_and_holds(looked, field, value, outcome):
    facts = use("research", "organisation", consents=[], authority=APPROVED | looked)
    answer = policy.decide(facts, pack=PACK)
    assert Need(field, value) in [each.needs for each in answer.because]
    assert answer.outcome == outcome


def test_a_childs_intimate_picture_is_made_face_to_face():
    recording = {"type": "photograph", "made_for": "care", "intimate": True}
    facts = make("care", CHILD, recording=recording)
    assert ("recording.face_to_face", "refuse") in needs(facts) | needs(facts | {"patient": ADULT})


def test_a_no_to_one_use_is_no_to_that_one():
    against = [{"purposes": ["social"], "made_on": "2026-11-01"}]
    assert policy.decide(use(*HERE, objections=against), pack=PACK).outcome == "permit"
    for purposes in (["social", HERE[0]], ["*"], []):
        against = [{"purposes": purposes, "made_on": "2026-11-01"}]
        assert policy.decide(use(*HERE, objections=against), pack=PACK).outcome == "refuse"


@pytest.mark.parametrize(
    ("state", "outcome"),
    [("identifiable", "hold"), ("may-be", "hold"), ("coded", "permit"), ("anonymised", "permit")],
)
def test_a_parents_yes_stands_for_what_shows_nobody(state, outcome):
    early = consent(HERE[0], given_by="parental-responsibility", given_on="2020-06-01")
    facts = use(*HERE, SEVENTEEN, consents=[early], recording={"identifiable": state})
    assert policy.decide(facts, pack=PACK).outcome == outcome


@pytest.mark.parametrize(("giver", "outcome"), [("lpa-health", "hold"), ("relative", "refuse")])
def test_who_can_decide_again_is_asked_where_somebody_with_authority_agreed(giver, outcome):
    facts = use(*HERE, consents=[consent(HERE[0], given_by=giver)])
    assert policy.decide(facts, pack=PACK).outcome == outcome


@pytest.mark.parametrize(
    ("targets", "outcome"),
    [
        (["Another"], "refuse"),
        (["Journal A"], "permit"),
        (["Another", "journal  a"], "permit"),
        ([None, "Journal A"], "permit"),
        ([None], "refuse"),
    ],
)
def test_one_yes_for_the_target_is_enough_after_a_death(targets, outcome):
    known = {"genetic_or_third_party": False}
    given = [
        consent("publication", target=each, final_item_seen=True, given_on="2026-01-01")
        for each in targets
    ]
    facts = use("publication", "public", DEAD | known, consents=given)
    facts |= {"executor_or_family_consulted": True, "release": {"target": "Journal A"}}
    assert policy.decide(facts, pack=PACK).outcome == outcome


@pytest.mark.parametrize(
    ("day", "outcome"),
    [("2026-11-21", "refuse"), ("2026-11-22", "refuse"), ("2026-11-23", "permit")],
)
def test_what_is_taken_back_is_back_for_the_whole_of_its_day(day, outcome):
    ended = consent("interest", withdrawn_on=day)
    facts = use("audit", "team", consents=[ended | {"purposes": ["audit"]}])
    assert policy.decide(facts, pack=PACK).outcome == outcome
    against = use("audit", "team", objections=[{"purposes": ["audit"], "made_on": day}])
    assert policy.decide(against, pack=PACK).outcome == outcome


def because(facts: dict[str, Any], *, pack: policy.Pack = PACK) -> list[tuple[str, Need | None]]:
    return [(each.rule, each.needs) for each in policy.decide(facts, pack=pack).because]


def test_what_is_taken_back_today_blocks_by_its_row_and_for_every_use():
    today = consent(HERE[0], withdrawn_on="2026-11-22")
    none = Need("consents[].withdrawn_on", None)
    found = because(use(*HERE, consents=[today]))
    assert found == [("use-teaching-consent", none), ("withdrawal", none)]


def test_what_would_lift_it_is_a_value_that_the_contract_knows():
    early = consent(HERE[0], given_by="parental-responsibility", given_on="2020-06-01")
    assert because(use(*HERE, SEVENTEEN, consents=[early])) == [
        ("use-teaching-consent", Need("consents[].given_by", "patient"))
    ]
    attorney = consent(HERE[0], given_by="lpa-health")
    assert because(use(*HERE, consents=[attorney])) == [
        ("use-teaching-consent", Need("consents[].given_by", "patient"))
    ]
    relative = consent(HERE[0], given_by="relative")
    needed = dict(because(use(*HERE, LACKS, consents=[relative])))
    assert Need("consents[].given_by", "court") in needed.values()
    wish = DEAD | {"known_wishes": {HERE[0]: "no"}}
    assert because(use(*HERE, wish, consents=[]))[0] == (
        "dead-wish-no",
        Need(f"patient.known_wishes.{HERE[0]}", "yes"),
    )


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ({}, "permit"),
        ({"expires_on": "2026-11-01"}, "refuse"),
        ({"given_by": "lpa-health"}, "refuse"),
    ],
)
def test_a_known_no_gives_way_to_the_patients_own_yes_that_holds(said, outcome):
    patient = ADULT | {"known_wishes": {HERE[0]: "no"}}
    facts = use(*HERE, patient, consents=[consent(HERE[0], **said)])
    rules = {rule for rule, _ in because(facts)}
    assert policy.decide(facts, pack=PACK).outcome == outcome
    assert ("known-wish-no-of-one-who-decides" in rules) == (outcome == "refuse")


@pytest.mark.parametrize("patient", [LACKS, LOST], ids=["lacks", "lost"])
@pytest.mark.parametrize(("day", "stands"), [("2026-11-19", True), ("2026-11-20", False)])
def test_what_somebody_agreed_to_before_losing_capacity_stands(patient, day, stands):
    facts, _ = contract.read(
        use(*HERE, patient, consents=[consent(HERE[0], given_on=day)]),
        vocabulary=PACK.terms.vocabulary,
    )
    case = case_of(facts, PACK.terms, purpose=HERE[0], identifiable="identifiable")
    found = CONSENT["from-one-who-may"](case, facts.consents[0])
    assert (found is None) == stands
    assert found is None or found.outcome == "refuse"


def test_three_tests_wait_for_a_childs_assessment_where_the_child_agreed():
    unassessed = CHILD | {"gillick": None, "assessed_on": None}
    asked = Need("patient.gillick", "competent")
    assert because(use(*HERE, unassessed)) == [
        ("three-tests-for-a-child", asked),
        ("use-teaching-consent", asked),
    ]


@pytest.mark.parametrize(
    ("said", "is_known"),
    [
        ({}, True),
        ({"given_by": "relative"}, False),
        ({"expires_on": "2026-11-01"}, False),
        ({"withdrawn_on": "2026-11-01"}, False),
        ({"form": "implied"}, False),
    ],
)
def test_what_the_dead_wished_is_known_by_their_own_yes_that_holds(said, is_known):
    facts = use(*HERE, DEAD, consents=[consent(HERE[0], **said)])
    known, _ = contract.read(facts, vocabulary=PACK.terms.vocabulary)
    case = case_of(known, PACK.terms, purpose=HERE[0], identifiable="identifiable")
    unmet = CASE["wish-known"](case)
    assert (unmet is None) == is_known
    if unmet is not None:
        assert (unmet.outcome, unmet.need) == (
            "refuse",
            Need(f"patient.known_wishes.{HERE[0]}", "yes"),
        )


def test_what_makes_a_requirement_is_what_its_name_in_the_code_stands_for():
    assert WITH["legal-basis"].make is law.legal_basis
    assert WITH["switch-on"].make is law.switch_on
    assert CASE["age-known"] is people.age_known


DAYS = [
    ("at",),
    *(("patient", name) for name in ("born", "died", "assessed_on")),
    ("recording", "made_on"),
    *(("consents", name) for name in ("given_on", "expires_on", "withdrawn_on")),
    ("objections", "made_on"),
]


@pytest.mark.parametrize(
    "said", ["yesterday", "2026-13-01", "", 20261122, ["2026-11-22"], "0001-01-01"]
)
@pytest.mark.parametrize("path", DAYS, ids=lambda path: ".".join(path))
def test_a_day_that_nobody_can_read_is_no_day_and_refuses(path, said):
    value: Any = said
    for part in reversed(path):
        value = {part: [value] if part in {"consents", "objections"} else value}
    name = ".".join(f"{part}[]" if part in {"consents", "objections"} else part for part in path)
    assert contract.read(value, vocabulary=PACK.terms.vocabulary)[1] == (name,)
    facts = use("care", "team") | {"consents": [], "objections": []}
    decision = policy.decide(facts | value, pack=PACK)
    assert [each.rule for each in decision.because] == ["unknown"]
    assert decision.outcome == "refuse"


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("2026-11-22", "2026-11-22"),
        ("20261122", "2026-11-22"),
        ("2026-07-01T23:30:00Z", "2026-07-02"),
        ("2026-07-01T23:30", "2026-07-01"),
    ],
)
def test_an_instant_is_a_day_in_the_packs_zone(said, day):
    known, unknown = contract.read({"at": said}, vocabulary=PACK.terms.vocabulary)
    assert (known.at.isoformat(), unknown) == (day, ())


def test_a_word_of_our_own_terms_is_read_as_that_word():
    """Callers may say `Purpose.CARE`: it is a text like any other."""
    said = {"purpose": Purpose.CARE, "audience": Audience.TEAM, "action": "use"}
    known, unknown = contract.read(said, vocabulary=PACK.terms.vocabulary)
    assert (known.purpose, known.audience, unknown) == ("care", "team", ())


def test_what_cannot_be_read_is_read_as_nothing():
    said = {"consents": [{"purposes": "care", "told": ["gossip"]}], "objections": "all"}
    known, unknown = contract.read(said, vocabulary=PACK.terms.vocabulary)
    (one,) = known.consents
    assert (one.purposes, one.told, known.objections) == (frozenset(), frozenset(), ())
    assert set(unknown) == {"consents[].purposes", "consents[].told", "objections"}
