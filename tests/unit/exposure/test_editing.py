"""The least costly change that lets a release leave, against every combination there is."""

from __future__ import annotations

from datetime import date
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight import exposure
from safelight.exposure import editing
from safelight.exposure.judging import Verdict, judge
from safelight.exposure.knowledge import told_by

UK = exposure.load_population()
DARLINGTON = {"level": "lad", "code": "E06000005"}
RARE = {"name": "made up", "prevalence": [1e-4, 1e-3]}


def release(
    poster: object = None,
    ruled_out: object = None,
    at: str = "2026-03-01",
    audience: tuple[str, ...] = ("public",),
    **facts: object,
) -> exposure.Disclosed:
    said: dict[str, Any] = {"id": "r", "patient": "p", "at": at, "audience": list(audience)}
    return exposure.read_release(said | {"poster": poster, "not": ruled_out, "facts": facts})


def assess(*releases: exposure.Disclosed) -> exposure.Report:
    return exposure.assess(releases[:-1], releases[-1], population=UK)


def test_the_cheapest_change_is_the_cheapest_of_all_combinations() -> None:
    said = release(place=DARLINGTON, age={"years": 42}, sex="M", condition=RARE)
    ladders = editing.ladders_of(said, population=UK)
    costs = []
    for rungs in product(*(range(len(each) + 1) for each in ladders.values())):
        changed = editing.changed_by(said, ladders, rungs)
        seen = [(changed.audience, told_by(changed, population=UK))]
        if judge(seen, changed.audience, population=UK)[0].verdict is Verdict.CLEAR:
            costs.append(editing._cost(list(ladders.values()), rungs))
    found = assess(said).edits
    assert found[0]["cost"] == min(costs)
    assert [each["cost"] for each in found] == sorted(each["cost"] for each in found)
    assert {each["verdict"] for each in found} == {"clear"}
    assert 1 <= len(found) <= 3


def test_what_is_clear_needs_no_change() -> None:
    assert assess(release(sex="F")).edits == ()


def test_nothing_here_mends_what_has_left_already() -> None:
    out = release(place=DARLINGTON, unmapped=list("abcdef"))
    report = assess(out, release(sex="F"))
    assert (report.verdict, report.edits, report.nothing_mends) == (Verdict.BLOCK, (), True)
    assert not assess(release(sex="F")).nothing_mends


@pytest.mark.parametrize(
    ("age", "wider"),
    [
        ({"years": 42}, ["40 to 44", "40 to 49", "40 to 59"]),
        ({"band": [38, 41]}, ["20 to 39"][:0]),
        ({"band": [42, 43]}, ["40 to 44", "40 to 49", "40 to 59"]),
        ({"months": 7}, ["0 years", "0 to 4", "0 to 9", "0 to 19"]),
        ({"weeks": 9}, ["0 years", "0 to 4", "0 to 9", "0 to 19"]),
    ],
)
def test_an_age_widens_step_by_step_until_it_is_left_out(age: object, wider: list[str]) -> None:
    steps = editing.ladders_of(release(age=age), population=UK)["age"]
    assert [each.to for each in steps] == [*wider, "left out"]


def test_a_place_widens_to_the_nation_and_an_unknown_one_only_goes() -> None:
    steps = editing.ladders_of(release(place=DARLINGTON), population=UK)["place"]
    assert [each.to for each in steps] == ["region E12000001", "nation E92000001", "left out"]
    nowhere = release(place={"level": "lad", "code": "E99999999"})
    assert len(editing.ladders_of(nowhere, population=UK)["place"]) == 1


def test_poster_and_places_ruled_out_can_be_left_out_too() -> None:
    said = release(
        poster={"name": "x"},
        ruled_out={"place": [{"level": "lad", "code": "E06000001"}]},
        place=DARLINGTON,
        age={"years": 42},
        unmapped=["one", "two"],
    )
    ladders = editing.ladders_of(said, population=UK)
    assert {"poster", "not"} <= set(ladders)
    everything = editing.changed_by(said, ladders, [len(each) for each in ladders.values()])
    assert (everything.facts, everything.poster, everything.not_places) == ({}, ("", ""), ())


def test_the_search_ends_where_it_is_told_to(monkeypatch) -> None:
    monkeypatch.setattr(editing, "MOST_LOOKED_AT", 1)
    assert assess(release(place=DARLINGTON, unmapped=list("abcd"))).edits == ()


def test_fewer_than_three_ways_are_all_offered() -> None:
    found = assess(release(unmapped=list("abcdefg"))).edits
    assert [each["detail"] for each in found] == ["unmapped"]


# --- against every combination there is ------------------------------------------------------------

AGES = st.sampled_from([{"years": 42}, {"years": 43}, {"months": 7}, {"band": [38, 44]}])
PLACES = st.sampled_from([DARLINGTON, {"level": "region", "code": "E12000001"}])
MARKS = st.sampled_from(
    [
        [{"what": "rose tattoo", "share": [1e-4, 1e-3]}],
        [{"what": "rose tattoo", "share": [1e-4, 1e-3]}, {"what": "scar", "share": [0.1, 0.3]}],
    ]
)
EVENTS = st.sampled_from([{"what": "accident"}, {"what": "accident", "on": "2026-02-11"}])
AUDIENCES = st.sampled_from([("public",), ("public", "students"), ("students", "nurses")])
FACTS = st.fixed_dictionaries(
    {},
    optional={"age": AGES, "place": PLACES, "marks": MARKS, "event": EVENTS, "sex": st.just("M")},
)


def told(each: exposure.Disclosed) -> tuple[tuple[str, ...], Any]:
    return each.audience, told_by(each, population=UK)


@settings(max_examples=60)
@given(FACTS, FACTS, AUDIENCES, AUDIENCES)
def test_what_is_offered_is_what_trying_everything_finds(
    before: dict[str, object],
    facts: dict[str, object],
    to_before: tuple[str, ...],
    to: tuple[str, ...],
) -> None:
    earlier = [told(release(at="2026-02-13", audience=to_before, **before))]
    said = release(audience=to, **facts)
    ladders = editing.ladders_of(said, earlier=earlier, population=UK)
    steps = list(ladders.values())

    def verdict(rungs: tuple[int, ...]) -> Verdict:
        changed = editing.changed_by(said, ladders, rungs)
        return judge([*earlier, told(changed)], changed.audience, population=UK)[0].verdict

    every = list(product(*(range(len(each) + 1) for each in steps)))
    best = verdict(tuple(len(each) for each in steps))
    mending = sorted(editing._cost(steps, each) for each in every if verdict(each) is best)
    found = editing.edits(earlier, said, population=UK)
    if best is Verdict.BLOCK or verdict((0,) * len(steps)) is best:
        assert found == ()
        return
    assert found[0]["cost"] == mending[0]
    assert [each["cost"] for each in found] == sorted(each["cost"] for each in found)
    assert {each["verdict"] for each in found} == {best.value}


# --- every kind of change ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "windows"),
    [
        ("2026-02-11", [("2026-02-01", "2026-02-28"), ("2026-01-01", "2026-03-01")]),
        (None, [("2026-02-01", "2026-03-01"), ("2026-01-01", "2026-03-01")]),
        ({"from": "2025-12-30", "to": "2026-01-02"}, [("2025-12-01", "2026-01-31"), ("2025-01-01", "2026-03-01")]),
        ({"from": "2026-01-01", "to": "2026-03-01"}, []),
    ],
)  # fmt: skip
def test_a_date_is_blurred_to_its_month_and_year_and_never_to_what_is_to_come(
    event: object, windows: list[tuple[str, str]]
) -> None:
    steps = editing.ladders_of(release(event={"what": "accident", "on": event}), population=UK)
    *blurred, last = steps["event"]
    assert [(each.value["on"]["from"], each.value["on"]["to"]) for each in blurred] == windows
    assert last.to == "left out"


def test_the_most_telling_mark_is_cropped_first() -> None:
    marks = [
        {"what": "scar", "share": [0.1, 0.3]},
        {"what": "rose tattoo", "share": [1e-4, 1e-3]},
        {"what": "something"},
    ]
    steps = editing.ladders_of(release(marks=marks), population=UK)["marks"]
    assert [each.to for each in steps] == [
        "crop or cover: something",
        "crop or cover: something, rose tattoo",
        "crop or cover: scar, rose tattoo, something",
    ]
    rare = release(marks=marks[:2], place=DARLINGTON, sex="F")
    (first, *_) = assess(rare).edits
    assert first["changes"] == [{"detail": "marks", "to": "crop or cover: rose tattoo"}]


def test_waiting_keeps_two_ages_from_telling_the_birthday() -> None:
    earlier = release(at="2026-02-13", age={"years": 42}, sex="M", place=DARLINGTON)
    said = release(age={"years": 43}, sex="M", place=DARLINGTON)
    steps = editing.ladders_of(said, earlier=[told(earlier)], population=UK)["time"]
    assert [each.value for each in steps] == [
        date(2026, 3, 31),
        date(2026, 5, 31),
        date(2026, 8, 30),
    ]
    assert steps[0].to == "wait until 31 March 2026"
    waited = editing.changed_by(said, {"time": steps}, (3,))
    assert assess(earlier, waited).crowd.k > 5 * assess(earlier, said).crowd.k


@pytest.mark.parametrize(
    ("earlier", "facts"),
    [
        ({}, {"age": {"years": 43}}),  # the birthday may be tomorrow
        ({"age": {"years": 42}}, {"age": {"years": 43}, "event": {"what": "accident"}}),
        ({"age": {"years": 42}}, {"age": {"band": [40, 44]}}),
        ({"age": {"years": 42}}, {}),
    ],
)
def test_nobody_is_told_to_wait_where_the_words_may_be_wrong_by_then(
    earlier: dict[str, object], facts: dict[str, object]
) -> None:
    before = [told(release(at="2026-02-13", **earlier))]
    assert "time" not in editing.ladders_of(release(**facts), earlier=before, population=UK)


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        (("public", "students"), [("not to public", ("students",))]),
        (("nurses", "students"), [("not to students", ("nurses",))]),
        (
            ("nurses", "students", "public"),
            [("not to public", ("students", "nurses")), ("not to public, students", ("nurses",))],
        ),
        (("students",), []),
    ],
)
def test_the_public_is_left_out_first_and_then_who_could_make_most_of_it(
    to: tuple[str, ...], expected: list[tuple[str, tuple[str, ...]]]
) -> None:
    earlier = release(audience=("students",), place=DARLINGTON, age={"years": 42})
    said = release(audience=to, condition=RARE, sex="M")
    ladders = editing.ladders_of(said, earlier=[told(earlier)], population=UK)
    assert [(each.to, each.value) for each in ladders.get("audience", [])] == expected
