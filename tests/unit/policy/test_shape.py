"""What is kept of a decision says nothing of whom it was about, and is decided alike."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight import policy
from safelight.policy.shape import digest, shape
from unit.policy.cases import ADULT, COMPETENT, PACK, SEVENTEEN, consent, make, use
from unit.policy.test_properties import mixed

SCOTLAND = policy.load_pack("scotland")
near = st.dates(date(1930, 1, 1), date(2026, 12, 31)).map(lambda day: day.isoformat())


@st.composite
def dated(draw: st.DrawFn) -> dict[str, Any]:
    """Return a case of the tables with other days in it."""
    facts = draw(mixed())
    facts["at"] = draw(near)
    facts["patient"] = dict(facts["patient"], born=draw(near | st.none()), assessed_on=draw(near))
    if draw(st.booleans()):
        facts["patient"]["died"] = draw(near)
    facts["recording"] = dict(facts["recording"], made_on=draw(near))
    for each in facts.get("consents", []):
        each["given_on"] = draw(near)
        for name in draw(st.sets(st.sampled_from(["expires_on", "withdrawn_on"]))):
            each[name] = draw(near)
    return facts


@given(dated())
@settings(max_examples=300)
def test_a_kept_decision_is_decided_as_it_was(facts: dict[str, Any]) -> None:
    kept = shape(facts, pack=PACK)
    assert kept is not None
    for pack in (PACK, SCOTLAND):
        was, now = policy.decide(facts, pack=pack), policy.decide(kept, pack=pack)
        assert now.outcome == was.outcome
        assert [(each.rule, each.outcome) for each in now.because] == [
            (each.rule, each.outcome) for each in was.because
        ]


@given(dated())
def test_what_is_kept_is_kept_of_itself(facts: dict[str, Any]) -> None:
    kept = shape(facts, pack=PACK)
    assert kept is not None
    assert shape(kept, pack=PACK) == kept


def test_the_digest_is_that_of_the_shortest_sorted_text() -> None:
    text = b'{"a":{"b":[1,"x"]},"c":true}'
    assert digest({"c": True, "a": {"b": [1, "x"]}}) == hashlib.sha256(text).hexdigest()


def test_days_begin_on_the_day_after_a_birthday() -> None:
    kept = shape(make("care", {"born": "1980-05-01"}, at="2026-11-22"), pack=PACK)
    assert kept is not None
    assert kept["patient"]["born"] == "2000-01-01"
    assert kept["consents"][0]["given_on"] == "2030-01-02"
    assert kept["at"] == "2030-01-03"
    unknown = shape(make("care", {}, at="2026-11-22"), pack=PACK)
    assert unknown is not None
    assert (unknown["consents"][0]["given_on"], unknown["at"]) == ("2000-01-02", "2000-01-03")


def test_two_patients_in_the_same_case_are_kept_alike() -> None:
    one = use(
        "teaching-local",
        "organisation",
        {"born": "1970-05-01", "capacity": "has"},
        consents=[consent("teaching-local", given_on="2026-03-01", target="Leeds")],
        release={"target": "leeds ", "recipient": "Dr A. Person"},
    )
    other = use(
        "teaching-local",
        "organisation",
        {"born": "1931-12-24", "capacity": "has"},
        consents=[consent("teaching-local", given_on="2026-05-02", target="York")],
        release={"target": "York"},
        at="2026-11-25T23:00:00Z",
    )
    one["recording"]["made_on"], other["recording"]["made_on"] = "2026-02-28", "2026-04-30"
    kept = [shape(each, pack=PACK) for each in (one, other)]
    assert kept[0] == kept[1]
    assert kept[0] is not None
    assert digest(kept[0]) == digest(json.loads(json.dumps(kept[1])))


def test_nothing_of_the_person_is_kept() -> None:
    facts = use(
        "publication",
        "public",
        ADULT,
        recording={"approver": "Dr Someone", "chaperone": "Nurse Name"},
        release={"target": "Journal of Warts", "recipient": "ed@example"},
        authority={"legal_basis": "court-order", "reference": "Case 7 of 1999"},
        project={"reference": "REC 12/34", "ethics": "Committee"},
        consents=[
            consent("publication", target="Journal of Warts", secondary_not_told_because="in pain")
        ],
        switches={"var17": "agreed by Dr Someone"},
        review={"second_person": "Dr Other"},
    )
    kept = shape(facts, pack=PACK)
    text = json.dumps(kept)
    for secret in (
        "Someone",
        "Name",
        "Warts",
        "example",
        "1999",
        "REC",
        "Committee",
        "pain",
        "Other",
    ):
        assert secret not in text
    years = {int(year) for year in re.findall(r"(\d{4})-\d\d-\d\d", text)}
    assert years == {2000, 2030}
    assert policy.decide(kept, pack=PACK).outcome == policy.decide(facts, pack=PACK).outcome


@pytest.mark.parametrize("patient", [SEVENTEEN, COMPETENT])
def test_of_a_child_the_age_in_years_is_kept_and_no_birthday(patient: dict[str, Any]) -> None:
    kept = shape(make(patient=patient), pack=PACK)
    assert kept is not None
    assert kept["patient"]["born"] == "2000-01-01"
    age = 2026 - int(str(patient["born"])[:4])
    assert kept["at"].startswith(str(2000 + age))


@pytest.mark.parametrize(
    "facts",
    [
        make(weather="fine"),
        make(purpose="gossip"),
        make(at=None),
        make(
            consents=[
                consent("care", given_on=(date(2025, 1, 1) + timedelta(days=day)).isoformat())
                for day in range(301)
            ]
        ),
    ],
)
def test_facts_that_nobody_knows_are_not_kept(facts: dict[str, Any]) -> None:
    assert shape(facts, pack=PACK) is None


def test_a_day_before_the_birth_stays_before_it() -> None:
    facts = make(patient={"born": "2020-01-01"}, recording={"made_on": "2019-01-01"})
    kept = shape(facts, pack=PACK)
    assert kept is not None
    assert kept["recording"]["made_on"] < kept["patient"]["born"] < kept["at"]


def test_every_day_before_the_birth_lies_in_the_year_before_the_birthday() -> None:
    for day in ("2019-12-31", "2011-07-30"):
        kept = shape(make(patient={"born": "2020-01-01"}, recording={"made_on": day}), pack=PACK)
        assert kept is not None
        assert kept["recording"]["made_on"] == "1999-01-02"


def test_on_the_first_day_of_life_somebody_is_nought() -> None:
    facts = make(patient={"born": "2020-01-01"}, recording={"made_on": "2020-01-02"})
    kept = shape(facts, pack=PACK)
    assert kept is not None
    assert kept["recording"]["made_on"][:4] == "2000"


def test_more_days_than_a_year_of_life_holds_are_not_kept() -> None:
    first = date(2025, 6, 1)
    noes = [{"made_on": (first + timedelta(days=each)).isoformat()} for each in range(300)]
    facts = use("care", "team", consents=[], objections=noes[1:])
    facts["recording"]["made_on"] = None
    assert shape(facts, pack=PACK) is not None
    assert shape(facts | {"objections": noes}, pack=PACK) is None


def test_of_somebodys_own_words_only_is_kept_that_they_were_said() -> None:
    kept = shape(use("research", "organisation", project={"reference": "Wounds 7"}), pack=PACK)
    assert kept is not None
    assert kept["project"] == {"reference": "said"}
