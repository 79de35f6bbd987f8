"""A pack is tried on what was decided: which of it would change, how often, and why."""

from __future__ import annotations

from safelight import policy
from safelight.policy.simulating import Taken, act_in_words, simulate
from unit.policy.cases import PACK, make, use

OURS = PACK.with_guards(
    """[[guard]]
id = "ours"
text = "No teaching before the practice manager agrees."
source = "practice"
requires = ["organisation-agrees"]
[guard.when]
purpose = ["teaching-local"]
"""
)
TEACH = use("teaching-local", "organisation", organisation_agrees=None)


def taken(identity: str, facts: dict, times: int = 1) -> Taken:
    return Taken(identity, facts, policy.decide(facts, pack=PACK).outcome, times)


def test_what_would_change_is_counted_and_said() -> None:
    found = simulate(
        [
            taken("a", make(), 3400),
            taken("b", TEACH, 11),
            taken("c", TEACH | {"review": {}}, 80),
            taken("d", make("teaching-local", organisation_agrees=None)),
        ],
        pack=OURS,
    )
    assert (found.decisions, found.changed) == (3492, 12)
    assert found.text == "12 of 3,492 decisions would change, these:"
    assert [change.taken.id for change in found.changes] == ["b", "d"]
    first, second = found.changes
    assert first.text == (
        "Using, for teaching here, for the organisation, 11 times: permitted, would be on hold. "
        "The organisation has to agree."
    )
    assert second.text.startswith("Making, for teaching here: permitted, would be on hold.")
    assert first.as_json() == {
        "id": "b",
        "times": 11,
        "act": "Using, for teaching here, for the organisation",
        "was": "permit",
        "would_be": "hold",
        "rules": ["ours"],
        "reasons": ["The organisation has to agree."],
    }


def test_what_changes_most_often_comes_first_and_of_two_alike_the_first_by_name() -> None:
    given = [
        taken("d", TEACH, 3),
        taken("a", TEACH, 2),
        taken("c", TEACH, 11),
        taken("b", TEACH, 3),
    ]
    found = simulate(given, pack=OURS)
    assert [change.taken.id for change in found.changes] == ["c", "b", "d", "a"]


def test_what_was_refused_and_would_be_permitted_is_said_so() -> None:
    refused = Taken("r", TEACH, "refuse")
    found = simulate([refused], pack=PACK)
    assert (refused.times, found.decisions, found.changed) == (1, 1, 1)
    assert found.changes[0].text.startswith(
        "Using, for teaching here, for the organisation: not permitted, would be permitted."
    )


def test_one_change_is_this_one_and_none_is_none() -> None:
    assert simulate([taken("b", TEACH)], pack=OURS).text.endswith("would change, this one:")
    assert simulate([taken("b", TEACH)], pack=PACK).text == "None of 1 decisions would change."
    assert "No decision" in simulate([], pack=PACK).text


def test_an_act_that_nobody_knows_is_said_as_it_stands() -> None:
    assert act_in_words({"action": "eat", "purpose": "fun", "audience": "us"}, pack=PACK) == (
        "Eat, for fun, for us"
    )
    assert act_in_words({"action": "view", "purpose": "care"}, pack=PACK) == "Viewing, for care"
