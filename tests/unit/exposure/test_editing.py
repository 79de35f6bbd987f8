"""The least costly change that lets a release leave, against every combination there is."""

from __future__ import annotations

from itertools import product

import pytest

from safelight import exposure
from safelight.exposure import editing
from safelight.exposure.judging import Verdict, judge
from safelight.exposure.knowledge import told_by

UK = exposure.load_population()
DARLINGTON = {"level": "lad", "code": "E06000005"}
RARE = {"name": "made up", "prevalence": [1e-4, 1e-3]}


def release(poster: object = None, ruled_out: object = None, **facts: object) -> exposure.Disclosed:
    said = {"id": "r", "patient": "p", "at": "2026-03-01", "audience": ["public"]}
    return exposure.read_release(said | {"poster": poster, "not": ruled_out, "facts": facts})


def assess(*releases: exposure.Disclosed) -> exposure.Report:
    return exposure.assess(releases[:-1], releases[-1], population=UK)


def test_the_cheapest_change_is_the_cheapest_of_all_combinations() -> None:
    said = release(place=DARLINGTON, age={"years": 42}, sex="M", condition=RARE)
    ladders = editing.ladders_of(said, population=UK)
    costs = []
    for rungs in product(*(range(len(each) + 1) for each in ladders.values())):
        changed = editing._changed(said, ladders, rungs)
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
    everything = editing._changed(said, ladders, [len(each) for each in ladders.values()])
    assert (everything.facts, everything.poster, everything.not_places) == ({}, ("", ""), ())


def test_the_search_ends_where_it_is_told_to(monkeypatch) -> None:
    monkeypatch.setattr(editing, "MOST_LOOKED_AT", 1)
    assert assess(release(place=DARLINGTON, unmapped=list("abcd"))).edits == ()


def test_fewer_than_three_ways_are_all_offered() -> None:
    found = assess(release(unmapped=list("abcdefg"))).edits
    assert [each["detail"] for each in found] == ["unmapped"]
