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
    assert policy.decide(facts, pack=PACK).because[0].outcome == "refuse"


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
    assert [each.rule for each in answer.because] == ["look"]
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
    assert answer.because[0].outcome == "refuse"
    assert answer.because[0].text == f"This version doesn't know what {path} says."


def test_whose_consent_it_takes_is_asked_of_the_age_first():
    answer = policy.decide(use(*HERE, {"capacity": "has"}), pack=PACK)
    born = policy.Need("patient.born", "the date of birth")
    assert [(each.rule, each.needs) for each in answer.because] == [
        ("age-for-secondary-use", born),
        ("use-teaching-consent", born),
    ]
