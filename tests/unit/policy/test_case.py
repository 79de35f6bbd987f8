"""What follows from the facts before any rule looks: each key that a rule may ask, by its own cause."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from safelight import policy
from safelight.policy import facts as contract
from safelight.policy.case import Case, case_of, reevaluate
from unit.policy.cases import ADULT, CHILD, COMPETENT, DEAD, LACKS, LOST, PACK, consent, make, use

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


def case(facts: dict[str, Any], *, identifiable: str = "identifiable") -> Case:
    known, unknown = contract.read(facts, vocabulary=PACK.terms.vocabulary)
    assert not unknown
    return case_of(known, PACK.terms, purpose=facts["purpose"], identifiable=identifiable)


def test_what_is_left_out_has_a_value_of_its_own():
    found = case(make("care", {}, recording={}, consents=[]))
    assert (found.made_for, found.covert, found.intimate_child) == ("not-said", "no", "no")
    assert (found.post_mortem, found.legal_basis, found.device) == ("no", "none", "none")
    assert (found.tells_of_others, found.years, found.standing) == ("yes", "unknown", "unknown")
    assert (found.kind, found.audience, found.seen) == ("other", "team", "identifiable")


def test_what_is_said_is_what_rules_look_at():
    said = {"covert": True, "post_mortem": "secondary", "type": "x-ray", "made_for": "research"}
    found = case(
        make(
            "research",
            CHILD | {"genetic_or_third_party": False},
            recording=said | {"intimate": True},
            authority={"legal_basis": "s251"},
            device={},
        )
    )
    assert (found.made_for, found.covert, found.intimate_child) == ("research", "yes", "yes")
    assert (found.post_mortem, found.legal_basis, found.device) == ("secondary", "s251", "known")
    assert (found.tells_of_others, found.years, found.standing) == ("no", "child", "child")
    assert found.kind == "procedural"


@pytest.mark.parametrize(
    ("state", "audience", "kind", "seen"),
    [
        ("identifiable", "team", "photograph", "identifiable"),
        ("may-be", "team", "photograph", "identifiable"),
        ("coded", "organisation", "photograph", "coded"),
        ("coded", "closed-group", "photograph", "identifiable"),
        ("coded", "public", "photograph", "identifiable"),
        ("coded", "organisation", "x-ray", "identifiable"),
        ("anonymised", "public", "x-ray", "anonymised"),
    ],
)
def test_coded_counts_as_identifiable_for_those_outside(state, audience, kind, seen):
    facts = use("teaching-local", audience, recording={"type": kind})
    assert case(facts, identifiable=state).seen == seen


def test_who_sees_it_while_it_is_made_is_the_team():
    facts = make("care")
    del facts["audience"]
    assert case(facts).audience == "team"


def test_coded_of_a_procedure_stays_coded_in_care():
    facts = use("care", "organisation", recording={"type": "x-ray"})
    assert case(facts, identifiable="coded").seen == "coded"


@pytest.mark.parametrize(
    ("patient", "standing"),
    [
        (ADULT, "self"),
        (ADULT | {"capacity": None}, "self"),
        (ADULT | {"capacity": "unassessed"}, "self"),
        (LACKS, "lacks"),
        (LOST, "lost"),
        (COMPETENT, "self"),
        (CHILD, "child"),
        (CHILD | {"gillick": None, "capacity": "has"}, "child"),
        (CHILD | {"gillick": "unassessed"}, "child"),
        ({"born": "2010-11-22"}, "self"),
        ({"born": "2010-11-23"}, "child"),
        ({"capacity": "has"}, "unknown"),
        (DEAD, "dead"),
        ({"died": "2026-11-22"}, "dead"),
        (ADULT | {"died": "2026-11-23"}, "self"),
    ],
)
def test_who_decides_for_a_patient(patient, standing):
    assert policy.standing(patient, pack=PACK, at=AT) == standing


@pytest.mark.parametrize(
    ("born", "years"),
    [
        ("2010-11-23", "child"),
        ("2010-11-22", "young"),
        ("2008-11-23", "young"),
        ("2008-11-22", "adult"),
        ("1950-01-01", "adult"),
        (None, "unknown"),
    ],
)
def test_years_turn_on_the_birthday(born, years):
    assert case(make("care", {"born": born})).years == years


@pytest.mark.parametrize(
    ("born", "made_on", "intimate_child"),
    [
        ("2001-01-05", "2019-01-04", "yes"),
        ("2001-01-05", "2019-01-05", "no"),
        (None, "2019-01-05", "yes"),
        ("2001-01-05", None, "yes"),
    ],
)
def test_a_childs_intimate_picture_stays_one(born, made_on, intimate_child):
    recording = {"intimate": True, "made_on": made_on}
    facts = use("care", "team", {"born": born}, recording=recording)
    assert case(facts).intimate_child == intimate_child


def test_what_is_made_now_is_made_of_somebody_of_that_age():
    for born, intimate_child in (("2008-11-22", "no"), ("2008-11-23", "yes")):
        facts = make("care", {"born": born}, recording={"intimate": True})
        assert case(facts).intimate_child == intimate_child


def test_only_the_law_compels_and_only_what_there_is():
    def compelled(action: str, purpose: str, basis: str | None) -> bool:
        facts = use(purpose, "named", authority={"legal_basis": basis}) | {"action": action}
        return case(facts).compelled

    assert compelled("disclose", "legal", "court-order")
    assert compelled("use", "legal", "statute")
    assert not compelled("make", "legal", "court-order")
    assert not compelled("disclose", "complaint", "court-order")
    assert not compelled("disclose", "legal", "public-interest")
    assert not compelled("disclose", "legal", None)


def test_a_consent_covers_what_it_names():
    given = [consent("care"), consent("teaching-local", "care"), consent("second-opinion")]

    def covering(facts: dict[str, Any]) -> list[int]:
        found = case(facts)
        return [found.facts.consents.index(each) for each in found.covering()]

    assert covering(make("care", consents=given)) == [0, 1]
    assert covering(make("second-opinion", consents=given)) == [0, 1, 2]
    assert covering(use("second-opinion", "named", consents=given)) == [2]
    assert covering(use("research", "organisation", consents=given)) == []


def test_a_permit_is_asked_again_when_something_it_rests_on_ends():
    own = consent("care", expires_on="2027-02-01")
    ended = consent("care", withdrawn_on="2026-12-24")
    past = consent("care", withdrawn_on="2026-11-22")
    other = consent("research", withdrawn_on="2026-12-27")
    facts = use(
        "care",
        "team",
        CHILD,
        consents=[own, ended, past, other],
        objections=[
            {"purposes": ["care"], "made_on": "2026-12-01"},
            {"purposes": ["care"], "made_on": "2026-11-22"},
            {"purposes": ["care"]},
        ],
    )
    found = case(facts)
    days = ["2026-12-01", "2026-12-24", "2027-02-02", "2032-03-01"]
    assert reevaluate(found, found.facts.consents[0]) == days
    assert reevaluate(found, found.facts.consents[1]) == ["2026-12-01", "2026-12-24", "2032-03-01"]
    assert reevaluate(found, None) == ["2026-12-01", "2026-12-24", "2032-03-01"]
    grown = case(use("care", "team", consents=[]))
    assert reevaluate(grown, None) == []


def test_a_child_has_matured_at_the_packs_age_or_when_found_able():
    def matured(patient: dict[str, Any]) -> bool:
        return case(use("care", "team", patient)).is_matured

    assert matured({"born": "2010-11-22"})
    assert not matured({"born": "2010-11-23"})
    assert matured({"born": "2014-01-01", "gillick": "competent"})
    assert not matured({})
    assert date(2026, 11, 22) == case(use("care", "team")).at
