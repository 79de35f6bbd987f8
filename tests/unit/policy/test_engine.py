"""How the engine goes through a pack: what it asks twice, what it merges, and which blocker it names."""

from __future__ import annotations

from typing import Any

import pytest

from safelight import policy
from unit.policy.cases import DEAD, PACK, make, use

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
