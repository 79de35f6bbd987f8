"""What holds for every case, not only for the ones in the tables."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from safelight import policy
from safelight.policy import facts as contract
from unit.policy.cases import PACK, consent, make, outcome, use
from unit.policy.test_making import ROWS as MAKING
from unit.policy.test_using import ROWS as USING

RANK = {"permit": 0, "hold": 1, "refuse": 2}
ALL = [facts for facts, _ in [*MAKING.values(), *USING.values()]]
cases = st.sampled_from(ALL).map(copy.deepcopy)
days = st.dates().map(lambda day: day.isoformat())


@st.composite
def mixed(draw: st.DrawFn) -> dict[str, Any]:
    """Return facts put together from two rows of the tables: not a case that anyone wrote."""
    one, other = draw(cases), draw(cases)
    for key in draw(st.sets(st.sampled_from(sorted(set(one) & set(other))))):
        one[key] = other[key]
    return one


@given(mixed())
def test_every_answer_names_its_rules_and_the_pack(facts: dict[str, Any]) -> None:
    answer = policy.decide(facts, pack=PACK)
    assert answer.because
    assert all(reason.text and reason.source for reason in answer.because)
    assert answer.as_json()["pack"] == {"id": PACK.id, "hash": PACK.hash}
    assert policy.decide(copy.deepcopy(facts), pack=PACK) == answer


@given(mixed(), st.sampled_from(["*", "own"]))
def test_only_the_law_beats_an_objection(facts: dict[str, Any], scope: str) -> None:
    purpose = facts["purpose"]
    facts["objections"] = [
        {"purposes": ["*" if scope == "*" else purpose], "made_on": "2026-11-22"}
    ]
    basis = facts.get("authority", {}).get("legal_basis")
    compelled = (
        facts["action"] != "make" and purpose == "legal" and basis in ("court-order", "statute")
    )
    assert compelled or outcome(facts) == "refuse"


@given(mixed())
def test_an_objection_or_a_withdrawal_never_opens_anything(facts: dict[str, Any]) -> None:
    before = outcome(facts)
    objected = copy.deepcopy(facts)
    objected.setdefault("objections", []).append({"purposes": ["care"], "made_on": "2026-11-01"})
    withdrawn = copy.deepcopy(facts)
    for each in withdrawn.get("consents", []):
        each["withdrawn_on"] = "2026-11-20"
    assert RANK[outcome(objected)] >= RANK[before]
    assert RANK[outcome(withdrawn)] >= RANK[before]


@given(mixed(), st.text(min_size=1, max_size=12))
def test_an_unknown_field_refuses(facts: dict[str, Any], name: str) -> None:
    assume(name not in contract._TOP)
    assert outcome(facts | {name: True}) == "refuse"


@given(mixed(), st.text(max_size=12))
def test_an_unknown_value_refuses(facts: dict[str, Any], value: str) -> None:
    assume(value not in contract.AUDIENCES)
    assert outcome(facts | {"audience": value}) == "refuse"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    )
)
def test_no_value_of_any_shape_is_an_error(value: Any) -> None:
    for key in contract._TOP:
        answer = policy.decide(make() | {key: value}, pack=PACK)
        assert answer.outcome in RANK


SLIPS = [
    ("consents", [{"purposes": ["holiday"]}]),
    ("consents", [{"given_by": "neighbour"}]),
    ("consents", [{"target": 7}]),
    ("consents", [{"told": "everything"}]),
    ("consents", [{"told": ["purpose", 7]}]),
    ("consents", {"purposes": ["care"]}),
    ("patient", {"born": "1066-10-14"}),
    ("patient", {"known_wishes": {"teaching-local": "perhaps"}}),
    ("patient", {"known_wishes": "no"}),
    ("recording", {"approver": 7}),
    ("recording", {"intimate": "yes"}),
    ("exposure", {"verdict": "fine"}),
    ("device", "phone"),
]


@pytest.mark.parametrize(("field", "value"), SLIPS)
def test_a_slip_of_the_pen_refuses(field: str, value: Any) -> None:
    answer = policy.decide(make() | {field: value}, pack=PACK)
    assert answer.outcome == "refuse"
    assert answer.because[0].rule == "unknown"


def test_who_approved_may_be_said_as_a_plain_yes() -> None:
    assert (
        outcome(use("teaching-local", "organisation", review={"second_person": True})) == "permit"
    )
    assert outcome(use("teaching-local", "organisation", review={"second_person": False})) == "hold"
    assert outcome(use("teaching-local", "organisation", review={"second_person": " "})) == "hold"


@given(mixed(), days)
def test_any_day_in_any_field_is_answered(facts: dict[str, Any], day: str) -> None:
    facts["patient"] = dict(facts["patient"], born=day, died=day)
    assert outcome(facts) in RANK


@given(mixed())
def test_leaving_a_fact_out_never_permits(facts: dict[str, Any]) -> None:
    if outcome(facts) == "permit":
        return
    told = {"objections", "device", "patient", "recording", "release"}
    if any(each.get("withdrawn_on") for each in facts.get("consents", [])):
        told |= {"consents"}  # a withdrawal is a no, and stands there too
    for key in sorted(set(facts) - told):
        fewer = {name: value for name, value in facts.items() if name != key}
        assert outcome(fewer) != "permit", key


@given(mixed())
@settings(max_examples=300)
def test_what_a_blocker_needs_removes_it(facts: dict[str, Any]) -> None:
    answer = policy.decide(facts, pack=PACK)
    for reason in answer.because:
        if reason.outcome == "permit" or reason.needs is None or "[]" in reason.needs.field:
            continue
        if reason.needs.field in ("consents", "audience", "purpose", "action", "at"):
            continue
        met = copy.deepcopy(facts)
        _put(met, reason.needs.field, _value(reason.needs))
        after = policy.decide(met, pack=PACK)
        assert (reason.rule, reason.text) not in {(each.rule, each.text) for each in after.because}


def _value(need: policy.Need) -> Any:
    return {"the date of birth": "1970-01-01"}.get(str(need.value), need.value)


def _put(facts: dict[str, Any], path: str, value: Any) -> None:
    *folders, last = path.split(".")
    for folder in folders:
        facts[folder] = dict(facts.get(folder) or {})
        facts = facts[folder]
    facts[last] = value


@given(st.sampled_from(["hold", "refuse"]), mixed())
def test_a_practices_own_rules_only_tighten(kind: str, facts: dict[str, Any]) -> None:
    requirement = {"hold": "second-person", "refuse": "never"}[kind]
    local = PACK.with_guards(
        f'[[guard]]\nid = "ours"\ntext = "Ours."\nsource = "practice"\nrequires = ["{requirement}"]\n'
    )
    tighter = policy.decide(facts, pack=local)
    assert RANK[tighter.outcome] >= RANK[outcome(facts)]
    assert local.hash != PACK.hash


def test_a_permit_says_what_a_copy_has_to_show() -> None:
    from safelight.terms import CopyReport

    permit = policy.decide(use("teaching-local", "organisation"), pack=PACK)
    assert isinstance(permit, policy.Permit)
    assert permit.met_by(CopyReport(verified=True, person_looked=True, residual=0)) == ()
    unmet = permit.met_by(CopyReport(verified=False, person_looked=False, residual=1))
    assert [each.rule for each in unmet] == [
        "copy-verified",
        "copy-person-looked",
        "copy-nothing-left",
    ]


def test_a_permit_says_when_to_look_again() -> None:
    expiring = consent("care", given_by="parental-responsibility", expires_on="2026-12-31")
    child = {"born": "2016-02-29", "gillick": "not-competent"}
    answer = policy.decide(make(patient=child, consents=[expiring]), pack=PACK)
    assert answer.reevaluate_on == ("2027-01-01", "2032-02-29")
