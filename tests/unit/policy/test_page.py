"""A page of pictures: every answer is the one that each would have got alone."""

from __future__ import annotations

import json
from types import MappingProxyType

import pytest

from safelight import policy
from safelight.policy import page
from safelight.policy.page import decide_each
from safelight.terms import Purpose


def view(**more) -> dict:
    facts = {
        "action": "view",
        "purpose": "care",
        "audience": "team",
        "at": "2026-11-22",
        "patient": {"born": "1960-03-01", "capacity": "has"},
        "recording": {"type": "photograph", "made_for": "care", "identifiable": "may-be"},
        "consents": [],
    }
    return json.loads(json.dumps(facts | more))


OBJECTS = {"objections": [{"purposes": ["*"], "made_on": "2026-11-01"}]}


@pytest.fixture
def decided(monkeypatch):
    """Count what is really decided."""
    seen: list[object] = []

    def counting(facts, *, pack):
        seen.append(facts)
        return policy.decide(facts, pack=pack)

    monkeypatch.setattr(page, "decide", counting)
    return seen


def test_each_picture_gets_its_own_answer(decided):
    pack = policy.load_pack("england")
    pictures = [view(), view(**OBJECTS), view(), view(purpose="gossip")] * 25
    answers = decide_each(pictures, pack=pack)
    assert answers == [policy.decide(facts, pack=pack) for facts in pictures]
    assert {each.outcome for each in answers} == {"permit", "refuse"}
    assert len(decided) == 3


def test_nothing_is_kept_for_the_next_call(decided):
    pack = policy.load_pack("england")
    decide_each([view()], pack=pack)
    decide_each([view()], pack=pack)
    assert len(decided) == 2


def test_one_is_not_true(decided):
    pack = policy.load_pack("england")
    true, one = view(), view()
    true["patient"]["objects_now"], one["patient"]["objects_now"] = False, 0
    answers = decide_each([true, one], pack=pack)
    assert [each.outcome for each in answers] == ["permit", "refuse"]


def test_facts_that_json_cannot_hold_are_decided_alone(decided):
    pack = policy.load_pack("england")
    odd = [MappingProxyType({}), view() | {"purpose": Purpose.CARE}]
    assert len(decide_each(odd * 2, pack=pack)) == 4
    assert len(decided) == 4
