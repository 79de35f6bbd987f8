"""What releases add up to, against the published table itself and by properties."""

from __future__ import annotations

import json
from datetime import date, timedelta
from itertools import pairwise, permutations
from math import log10

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight import exposure
from safelight.exposure.contributing import Part, contributions
from safelight.exposure.estimating import crowd_of
from safelight.exposure.knowledge import NOTHING, born_between, parts_of

UK = exposure.load_population()
DAY = date(2026, 3, 1)
DARLINGTON = {"level": "lad", "code": "E06000005"}
NORTH_EAST = {"level": "region", "code": "E12000001"}
ENGLAND = {"level": "nation", "code": "E92000001"}


def release(at: date = DAY, audience: str = "public", **facts: object) -> exposure.Disclosed:
    return exposure.read_release(
        {"id": "r", "patient": "p", "at": at.isoformat(), "audience": [audience], "facts": facts}
    )


def k(*releases: exposure.Disclosed) -> float:
    return exposure.assess(releases[:-1], releases[-1], population=UK).crowd.k


def verdict(*releases: exposure.Disclosed) -> exposure.Verdict:
    return exposure.assess(releases[:-1], releases[-1], population=UK).verdict


def test_the_table_counts_the_whole_country() -> None:
    assert (UK.total, len(UK.places)) == (63_285_145, 391)


def test_an_unknown_population_is_not_taken_for_a_large_one() -> None:
    with pytest.raises(exposure.UnknownPopulation):
        exposure.load_population("atlantis")


def test_a_release_that_says_nothing_could_be_anybody() -> None:
    report = exposure.assess((), release(), population=UK)
    assert report.verdict is exposure.Verdict.CLEAR
    assert report.crowd.k == pytest.approx(UK.total, rel=0.001)
    assert report.contributions == ()


def test_a_town_a_sex_and_an_age_give_the_published_count() -> None:
    row = UK.counts[UK.places.index("E06000005"), 1, 42]
    assert k(release(sex="M", age={"years": 42}, place=DARLINGTON)) == pytest.approx(
        1 + row, rel=0.02
    )


def test_two_ages_on_two_days_narrow_the_birthday() -> None:
    first = release(sex="M", age={"years": 42}, place=DARLINGTON)
    second = release(DAY + timedelta(days=17), age={"years": 43})
    assert k(first) > 500
    assert 10 < k(first, second) < 60
    assert verdict(first, second) is exposure.Verdict.REVIEW


def test_releases_harmless_alone_can_block_together() -> None:
    town = release(place=DARLINGTON)
    age = release(age={"years": 42}, sex="M")
    rare = release(condition={"name": "made-up disease", "prevalence": [1e-5, 1e-4]})
    assert {verdict(each) for each in (town, age, rare)} <= {
        exposure.Verdict.CLEAR,
        exposure.Verdict.REVIEW,
    }
    assert verdict(town, age, rare) is exposure.Verdict.BLOCK


def test_a_region_and_a_band_are_clear() -> None:
    said = release(place=NORTH_EAST, age={"band": [40, 49]}, sex="F")
    assert verdict(said) is exposure.Verdict.CLEAR


def test_a_withdrawn_release_still_counts() -> None:
    said = {"id": "a", "patient": "p", "at": "2026-01-01", "audience": ["public"]}
    taken_back = exposure.read_release(
        said | {"withdrawn_on": "2026-02-01", "facts": {"place": DARLINGTON}}
    )
    assert k(taken_back, release()) < 120_000


def test_contradicting_releases_are_never_safe() -> None:
    report = exposure.assess([release(sex="F")], release(sex="M"), population=UK)
    assert (report.verdict, report.contradiction) == (exposure.Verdict.BLOCK, True)


def test_details_that_no_table_knows_count_as_one_in_ten_each() -> None:
    plain = k(release(place=DARLINGTON))
    told = k(release(place=DARLINGTON, occupation="chimney sweep"))
    assert told - 1 == pytest.approx((plain - 1) / 10)


@pytest.mark.parametrize(
    "facts",
    [
        {"sex": "X"},
        {"place": {"level": "org", "code": "some surgery"}},
        {"condition": {"name": "something"}},
        {"marks": [{"what": "a tattoo"}]},
        {"unmapped": ["a swallow"]},
    ],
)
def test_what_cannot_be_mapped_is_named_and_counted(facts: dict[str, object]) -> None:
    report = exposure.assess((), release(**facts), population=UK)
    assert len(report.unmapped) == 1
    assert report.crowd.k < UK.total / 9


def test_saying_where_a_patient_is_not_narrows_too() -> None:
    said = {"id": "a", "patient": "p", "at": "2026-01-01", "audience": ["public"]}
    not_here = exposure.read_release(
        said | {"facts": {"place": NORTH_EAST}, "not": {"place": [DARLINGTON]}}
    )
    nowhere = exposure.read_release(
        said | {"not": {"place": [{"level": "org", "code": "some surgery"}]}}
    )
    assert k(not_here) < k(release(place=NORTH_EAST))
    assert k(nowhere) < UK.total / 9


def test_a_named_poster_counts_as_a_detail() -> None:
    said = {"patient": "p", "at": "2026-01-01", "audience": ["public"], "poster": {"name": "x"}}
    assert exposure.assess((), exposure.read_release(said), population=UK).unmapped == (
        "who posted it",
    )


def test_the_same_detail_again_costs_nothing() -> None:
    said = release(place=DARLINGTON, condition={"name": "a", "prevalence": [1e-3, 1e-2]})
    assert k(said, said, said) == k(said)


def test_a_second_estimate_of_a_share_can_only_narrow() -> None:
    first = release(condition={"name": "a", "prevalence": [1e-3, 1e-2]})
    again = release(condition={"name": "A ", "prevalence": [1e-4, 1e-1]})
    assert k(first, again) <= k(first)


facts = st.fixed_dictionaries(
    {},
    optional={
        "age": st.one_of(
            st.builds(lambda years: {"years": years}, st.integers(0, 100)),
            st.builds(lambda low: {"band": [low, low + 9]}, st.integers(0, 90)),
            st.builds(lambda months: {"months": months}, st.integers(0, 30)),
        ),
        "sex": st.sampled_from(["F", "M"]),
        "place": st.sampled_from([DARLINGTON, NORTH_EAST, ENGLAND]),
        "marks": st.just([{"what": "a tattoo", "share": [1e-4, 1e-3]}]),
        "unmapped": st.lists(st.sampled_from(["one", "two"]), max_size=2),
    },
)


@settings(max_examples=60, deadline=None)
@given(st.lists(facts, min_size=2, max_size=4))
def test_another_release_never_makes_the_crowd_larger(series: list[dict[str, object]]) -> None:
    releases = [release(**each) for each in series]
    crowds = [
        exposure.assess(releases[:at], releases[at], population=UK) for at in range(len(series))
    ]
    for earlier, later in pairwise(crowds):
        assert later.crowd.k <= earlier.crowd.k + 1e-6
    assert all(1 <= each.crowd.low <= each.crowd.k <= each.crowd.high for each in crowds)


def test_the_contributions_multiply_to_the_whole_narrowing() -> None:
    report = exposure.assess(
        [release(place=DARLINGTON)], release(sex="F", age={"years": 30}), population=UK
    )
    product = 1.0
    for each in report.contributions:
        product *= each["narrows_by"]
    assert product == pytest.approx(UK.total / report.crowd.k, rel=0.1)
    assert {each["detail"] for each in report.contributions} == {"age", "sex", "place"}


@pytest.mark.parametrize(
    "said",
    [
        [{"place": DARLINGTON}, {"sex": "F", "age": {"years": 30}, "unmapped": ["a twin"]}],
        [{"place": DARLINGTON, "sex": "F"}, {"place": DARLINGTON}, {"place": DARLINGTON}],
        [{"sex": "F", "unmapped": ["red hair"]}, {"sex": "M"}, {"unmapped": ["red hair"]}],
        [{"condition": {"name": "x", "prevalence": [1e-4, 1e-3]}}, {"ethnicity": "asian"}],
    ],
)
def test_each_detail_has_its_mean_share_over_every_order_of_telling(said: list[dict]) -> None:
    parts = [
        Part(kind, str(number), told)
        for number, facts in enumerate(said)
        for kind, told in parts_of(release(**facts), population=UK)
    ]
    shares = dict.fromkeys((part.kind, part.release) for part in parts)
    for key in shares:
        shares[key] = 0.0
    orders = list(permutations(parts))
    for order in orders:
        known = NOTHING
        for part in order:
            more = known.meet(part.told)
            before, after = (crowd_of(each, population=UK).k for each in (known, more))
            shares[part.kind, part.release] += log10(before / after) / len(orders)
            known = more
    for each in contributions(parts, population=UK):
        for told in each["releases"]:
            share = shares[each["detail"], told["id"]]
            assert told["narrows_by"] == pytest.approx(10**share, abs=0.051)


def test_no_edit_is_offered_for_what_is_already_known() -> None:
    report = exposure.assess([release(sex="F")], release(sex="F"), population=UK)
    assert report.edits == ()


@pytest.mark.parametrize(
    ("level", "code", "wider"),
    [
        ("lad", "E06000005", ("region", "E12000001")),
        ("lad", "W06000001", ("nation", "W92000004")),
        ("region", "E12000001", ("nation", "E92000001")),
        ("nation", "E92000001", None),
    ],
)
def test_an_area_lies_in_the_next_wider_one(level: str, code: str, wider: object) -> None:
    assert UK.widened(level, code) == wider


@pytest.mark.parametrize("years", [95, 104])
def test_the_pooled_oldest_are_spread_over_fifteen_years(years: int) -> None:
    oldest = UK.counts[:, :, 90].sum()
    assert k(release(age={"years": years})) == pytest.approx(1 + oldest / 15, rel=0.01)


def test_an_age_beyond_the_calendar_is_cut_off() -> None:
    assert (
        born_between({"months": 1500 * 12}, at=date(1000, 1, 1))[0] == date(1880, 1, 1).toordinal()
    )


@pytest.mark.parametrize(
    "said",
    [
        [],
        {"at": "2026-01-01", "audience": ["public"], "surprise": 1},
        {"at": "2026-01-01", "audience": ["public"], "facts": ["age"]},
        {"at": "2026-01-01", "audience": ["public"], "facts": {"shoe": 43}},
        {"at": "yesterday", "audience": ["public"]},
        {"at": "2026-01-01", "audience": []},
        {"at": "2026-01-01", "audience": "public"},
        {"at": "2026-01-01", "audience": ["public"], "not": 7},
        {"at": "2026-01-01", "audience": ["public"], "not": {"sex": ["F"]}},
        *(
            {"at": "2026-01-01", "audience": ["public"], "facts": each}
            for each in (
                {"age": 42},
                {"age": {"years": 1, "months": 2}},
                {"age": {"decades": 4}},
                {"age": {"years": -1}},
                {"age": {"years": True}},
                {"age": {"band": [50, 40]}},
                {"age": {"band": [50]}},
                {"age": {"years": [1, 2]}},
                {"place": "Darlington"},
                {"place": {"level": "planet", "code": "E"}},
                {"place": {"level": "lad"}},
                {"condition": "flu"},
                {"condition": {"name": "flu", "prevalence": [0, 0.5]}},
                {"condition": {"name": "flu", "prevalence": [0.5, 0.1]}},
                {"condition": {"name": "flu", "prevalence": 0.5}},
                {"marks": ["tattoo"]},
                {"unmapped": "a swallow"},
            )
        ),
    ],
)
def test_releases_out_of_shape_are_refused(said: object) -> None:
    with pytest.raises(exposure.ReleaseRefused):
        exposure.read_release(said)


def test_the_report_is_plain_json() -> None:
    report = exposure.assess((), release(sex="F"), population=UK).as_json()
    assert set(json.loads(json.dumps(report))) >= {
        "k", "low", "high", "verdict", "tiers", "contributions", "edits", "unmapped", "linked",
    }  # fmt: skip
