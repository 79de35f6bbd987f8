"""How the engine goes through a pack: what it asks twice, what it merges, and which blocker it names."""

from __future__ import annotations

from typing import Any

import pytest

from safelight import policy
from unit.policy.cases import DEAD, LOST, PACK, consent, make, use

HERE = ("teaching-local", "organisation")
UNJUDGED = {"identifiable": "could-not-tell"}
REVIEW = {"verdict": "review"}


def told(facts: dict[str, Any], *, pack: policy.Pack = PACK) -> tuple[str, list[str]]:
    answer = policy.decide(facts, pack=pack)
    return answer.outcome, [each.rule for each in answer.because]


def test_who_will_see_it_need_not_be_said_while_it_is_made():
    facts = make()
    del facts["audience"]
    assert told(facts) == ("permit", ["make-for-care"])
    facts["action"] = "view"
    assert told(facts) == ("refuse", ["missing"])
    (missing,) = policy.decide(facts, pack=PACK).because
    assert (missing.outcome, missing.source) == ("refuse", "practice")


@pytest.mark.parametrize(
    ("made_for", "outcome"),
    [
        (None, "permit"),
        ("unknown", "permit"),
        ("care", "permit"),
        ("second-opinion", "permit"),
        ("teaching-local", "permit"),
        ("research", "refuse"),
    ],
)
def test_what_is_filed_under_another_purpose_has_to_fit_both(made_for, outcome):
    recording = {"type": "photograph", "made_for": made_for}
    assert told(make("teaching-local", recording=recording))[0] == outcome


def test_of_two_purposes_the_worse_answer_counts():
    recording = {"type": "photograph", "made_for": "interest"}
    outcome, rules = told(make("care", LOST, recording=recording, consents=[]))
    assert outcome == "refuse"
    assert rules[0] == "make-for-care-by-representative"
    assert "make-on-recovery" in rules
    alone = {"type": "photograph", "made_for": "care"}
    assert told(make("care", LOST, recording=alone, consents=[]))[0] == "refuse"


def test_where_nothing_permits_it_an_audience_that_may_is_named():
    answer = policy.decide(use("audit", "public"), pack=PACK)
    assert [each.rule for each in answer.because] == ["no-basis"]
    assert answer.outcome == answer.because[0].outcome == "refuse"
    assert answer.because[0].needs == policy.Need("audience", "team")


def test_a_refusal_names_what_refuses_before_what_waits():
    facts = use("social", "public", exposure=REVIEW, objections=[{"purposes": ["*"]}])
    answer = policy.decide(facts, pack=PACK)
    outcomes = [each.outcome for each in answer.because]
    assert outcomes == sorted(outcomes, reverse=True)
    assert set(outcomes) == {"refuse", "hold"}


@pytest.mark.parametrize(("allowed", "outcome"), [("identifiable", "permit"), ("coded", "refuse")])
def test_a_personal_device_opens_what_is_allowed_on_it(allowed, outcome):
    device = {"registered": True, "personal": True, "allowed_classes": [allowed]}
    assert told(use("care", "team", device=device))[0] == outcome


@pytest.mark.parametrize(
    ("facts", "rules"),
    [
        (use(*HERE, recording=UNJUDGED, exposure=REVIEW), ["exposure"]),
        (use(*HERE, DEAD, consents=[], recording=UNJUDGED), ["dead-consulted-legal-advice"]),
        (
            use(
                *HERE,
                DEAD | {"genetic_or_third_party": False},
                consents=[],
                recording=UNJUDGED,
                exposure=REVIEW,
            ),
            ["dead-consulted", "exposure"],
        ),
    ],
)
def test_nobody_has_to_look_where_looking_spares_no_step(facts, rules):
    assert told(facts) == ("hold", rules)


def test_what_would_be_written_down_after_a_look_is_not_written_down_before():
    switched = {"var17": "agreed by the partners"}
    facts = use(*HERE, consents=[], recording=UNJUDGED, switches=switched)
    answer = policy.decide(facts, pack=PACK)
    (look,) = answer.because
    assert (look.rule, look.source, look.outcome) == ("look", "practice", "hold")
    assert look.needs == policy.Need("recording.identifiable", "anonymised")
    assert answer.record == ()
    facts["recording"]["identifiable"] = "anonymised"
    assert policy.decide(facts, pack=PACK).record != ()


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2026-06-01T22:59:59Z", "2026-06-01"),
        ("2026-06-01T23:00:00Z", "2026-06-02"),
        ("2026-06-02T00:59:59+02:00", "2026-06-01"),
        ("2026-06-01T23:30:00", "2026-06-01"),
        ("2026-06-02T00:00:00", "2026-06-02"),
        ("2026-06-01", "2026-06-01"),
        ("2026-06-02", "2026-06-02"),
    ],
)
def test_a_day_is_the_packs_own_day(at, day):
    born = {"born": "2010-06-02", "capacity": "has"}
    facts = make("care", born, at=at, consents=[consent("care", given_on=day)])
    assert told(facts)[0] == ("permit" if day == "2026-06-02" else "hold")


def test_what_nobody_could_judge_is_taken_for_a_face_by_every_rule():
    guard = """
        [[guard]]
        id = "no-faces"
        text = "Nothing that may identify leaves this house."
        source = "practice"
        requires = ["never"]
        [guard.when]
        seen = ["identifiable"]
        """
    strict = PACK.with_guards(guard)
    assert told(use(*HERE), pack=strict) == ("refuse", ["no-faces"])
    may_be = use(*HERE, recording={"identifiable": "may-be"})
    assert told(may_be, pack=strict) == ("refuse", ["no-faces"])
    shown = use(*HERE, recording={"identifiable": "anonymised"})
    assert told(shown, pack=strict)[0] == "permit"
    assert told(use(*HERE, recording=UNJUDGED), pack=strict) == ("hold", ["look"])
    assert told(make(), pack=strict) == ("refuse", ["no-faces"]), (
        "nobody can look before it is made"
    )


UNKNOWN = {
    "luck": {"luck": 1},
    "patient.luck": {"patient": {"luck": 1}},
    "recording.luck": {"recording": {"luck": 1}},
    "consents[].luck": {"consents": [{"luck": 1}]},
    "objections[].luck": {"objections": [{"luck": 1}]},
    "consents": {"consents": "all"},
    "tests.luck": {"tests": {"luck": {}}},
    "tests.necessary.luck": {"tests": {"necessary": {"luck": 1}}},
    "tests.necessary.clinician": {"tests": {"necessary": {"clinician": 1}}},
    "switches.luck": {"switches": {"luck": 1}},
    "switches.var17": {"switches": {"var17": 1}},
    "release.luck": {"release": {"luck": 1}},
    "exposure.verdict": {"exposure": {"verdict": "fine"}},
    "device.allowed_classes": {"device": {"allowed_classes": ["all"]}},
    "patient.known_wishes": {"patient": {"known_wishes": {"holiday": "yes"}}},
    "consents[].told": {"consents": [{"told": [["purpose"]]}]},
    "consents[].given_by": {"consents": [{"given_by": "neighbour"}]},
    "authority.legal_basis": {"authority": {"legal_basis": "whim"}},
    "recording.chaperone": {"recording": {"chaperone": 7}},
    "patient.born": {"patient": {"born": "1066-10-14"}},
}


@pytest.mark.parametrize("path", UNKNOWN)
def test_what_nobody_knows_is_named_where_it_stands(path):
    answer = policy.decide(make() | UNKNOWN[path], pack=PACK)
    assert [(each.rule, each.needs.field) for each in answer.because] == [("unknown", path)]
    assert (answer.because[0].outcome, answer.because[0].source) == ("refuse", "practice")
    assert answer.because[0].text == f"This version doesn't know what {path} says."


def test_whose_consent_it_takes_is_asked_of_the_age_first():
    answer = policy.decide(use(*HERE, {"capacity": "has"}), pack=PACK)
    born = policy.Need("patient.born", "the date of birth")
    assert [(each.rule, each.needs) for each in answer.because] == [
        ("age-for-secondary-use", born),
        ("use-teaching-consent", born),
    ]


def test_a_look_is_asked_for_where_it_spares_two_steps():
    local = (
        '[[guard]]\nid = "when"\ntext = "Say when."\nsource = "practice"\nrequires = ["assessed"]\n'
    )
    strict = PACK.with_guards(local + '[guard.when]\nseen = ["identifiable"]\n')
    seen = use(*HERE, DEAD, consents=[])
    assert told(seen, pack=strict) == ("hold", ["dead-consulted-legal-advice", "when"])
    assert told(use(*HERE, DEAD, consents=[], recording=UNJUDGED), pack=strict) == (
        "hold",
        ["look"],
    )


def test_of_two_consents_that_do_the_first_counts():
    given = [consent(HERE[0], expires_on="2027-01-01"), consent(HERE[0])]
    answer = policy.decide(use(*HERE, consents=given), pack=PACK)
    assert answer.reevaluate_on == ("2027-01-02",)


def test_of_two_ways_that_lack_alike_the_one_that_is_begun_is_named():
    opted_out = {"legal_basis": "s251", "opt_out_checked": True, "patient_opted_out": True}
    facts = use(
        "research", "organisation", consents=[consent("research", told=[])], authority=opted_out
    )
    assert told(facts) == ("refuse", ["use-research-consent"])


def test_what_is_permitted_for_one_purpose_is_no_reason_against_the_other():
    recording = {"type": "photograph", "made_for": "research"}
    assert told(make("teaching-local", recording=recording)) == ("refuse", ["make-secondary"])


@pytest.mark.parametrize("state", ["coded", "anonymised"])
def test_what_shows_nobody_is_opened_where_that_alone_is_allowed(state):
    device = {"registered": True, "personal": True, "allowed_classes": [state]}
    facts = use("care", "team", recording={"identifiable": state}, device=device)
    assert told(facts)[0] == "permit"


@pytest.mark.parametrize(
    ("verdict", "outcome", "text"),
    [
        ("review", "hold", "It could be few people: someone has to judge."),
        (None, "hold", "What it adds up to, with all that has left, isn't known."),
        ("not-assessed", "hold", "What it adds up to, with all that has left, isn't known."),
        ("block", "refuse", "With all that has left, it could be too few people."),
    ],
)
def test_of_what_adds_up_it_is_said_how(verdict, outcome, text):
    (found,) = policy.decide(use(*HERE, exposure={"verdict": verdict}), pack=PACK).because
    assert (found.rule, found.outcome, found.text) == ("exposure", outcome, text)
    assert found.needs == policy.Need("exposure.verdict", "clear")


def test_what_would_have_to_be_allowed_on_a_device_is_said():
    device = {"registered": True, "personal": True, "allowed_classes": ["coded"]}
    (found,) = policy.decide(use("care", "team", device=device), pack=PACK).because
    assert found.needs == policy.Need("device.allowed_classes", ["coded", "identifiable"])


@pytest.mark.parametrize("name", ["capacity", "gillick"])
def test_that_nobody_assessed_is_something_that_can_be_said(name):
    assert "unknown" not in told(use("care", "team", DEAD | {name: "unassessed"}))[1]
    assert "unknown" in told(use("care", "team", DEAD | {name: "whim"}))[1]


@pytest.mark.parametrize(
    ("day", "known"),
    [("1799-12-31", False), ("1800-01-01", True), ("2399-12-31", True), ("2400-01-01", False)],
)
def test_a_day_lies_in_years_that_calendars_reach(day, known):
    facts = use("care", "team", objections=[{"purposes": ["social"], "made_on": day}])
    assert ("unknown" in told(facts)[1]) != known
