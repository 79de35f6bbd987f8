"""A state of knowledge that only ever grows, and the stories in which harmless releases add up."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight import exposure
from safelight.exposure.estimating import consistent, crowd_of
from safelight.exposure.knowledge import NOTHING, Knowledge, fold, together, told_by
from safelight.exposure.viewers import STRANGER, everyone, sees, viewers_of

UK = exposure.load_population()
DAY = date(2026, 3, 1)
DARLINGTON = {"level": "lad", "code": "E06000005"}
LEEDS = {"level": "lad", "code": "E08000035"}
NORTH_EAST = {"level": "region", "code": "E12000001"}
YORKSHIRE = {"level": "region", "code": "E12000003"}


def release(
    *audience: str, at: date = DAY, ruled_out: object = None, poster: object = None, **facts: object
) -> exposure.Disclosed:
    return exposure.read_release(
        {
            "id": "r",
            "patient": "p",
            "at": at.isoformat(),
            "audience": list(audience or ["public"]),
            "facts": facts,
            "not": ruled_out,
            "poster": poster,
        }
    )


def assess(*releases: exposure.Disclosed, population: exposure.Population = UK) -> exposure.Report:
    return exposure.assess(releases[:-1], releases[-1], population=population)


knowledge = st.builds(
    Knowledge,
    places=st.integers(0, UK.everywhere),
    sexes=st.integers(0, 3),
    groups=st.integers(0, 2**18 - 1),
    born=st.tuples(st.integers(720_000, 740_000), st.integers(720_000, 740_000)),
    shares=st.frozensets(st.tuples(st.sampled_from("ab"), st.just(0.1), st.just(0.5))),
    events=st.frozensets(st.tuples(st.sampled_from("ab"), st.integers(0, 5), st.just(9))),
    unmapped=st.frozensets(st.sampled_from("abc")),
    seen_on=st.frozensets(st.integers(739_000, 739_010)),
)


@given(knowledge, knowledge, knowledge)
def test_knowledge_meets_in_any_order_and_any_grouping(one, two, three) -> None:
    assert one.meet(two) == two.meet(one)
    assert one.meet(two).meet(three) == one.meet(two.meet(three))


@given(knowledge)
def test_the_same_thing_twice_is_the_same_thing_once(one) -> None:
    assert one.meet(one) == one == one.meet(NOTHING)


@settings(deadline=None)
@given(knowledge, knowledge, st.lists(knowledge, max_size=2))
def test_learning_more_never_raises_the_crowd(one, two, more) -> None:
    known = together([one, Knowledge(seen_on=frozenset({739_005})), *more])
    after = known.meet(two)
    before_crowd, after_crowd = (crowd_of(each, population=UK) for each in (known, after))
    assert after_crowd.k <= before_crowd.k + 1e-6


def test_the_order_of_releases_does_not_matter() -> None:
    said = [
        release(sex="F"),
        release(place=NORTH_EAST),
        release(age={"years": 7}),
        release(ruled_out={"place": [DARLINGTON]}),
        release(event={"what": "injury", "on": "2026-02-27"}),
    ]
    assert len({fold(each, population=UK) for each in permutations(said)}) == 1


def test_birthday_drift_narrows_to_seventeen_days() -> None:
    first = release(sex="M", place=DARLINGTON, age={"years": 42}, at=date(2026, 4, 10))
    second = release(age={"years": 43}, at=date(2026, 4, 27))
    known = fold([first, second], population=UK)
    assert known.born[1] - known.born[0] == 17
    assert assess(first).crowd.k > 500
    assert 20 < assess(first, second).crowd.k < 50


def test_an_age_in_weeks_told_twice_narrows_to_the_day() -> None:
    first = release(age={"weeks": 6}, at=date(2026, 3, 1))
    second = release(age={"weeks": 7}, at=date(2026, 3, 2))
    known = fold([first, second], population=UK)
    assert known.born[1] - known.born[0] == 1


def test_a_later_day_alone_never_enlarges_the_crowd() -> None:
    first = release(sex="M", place=DARLINGTON, age={"years": 42})
    years_later = release(age={"years": 45}, at=DAY + timedelta(days=3 * 365))
    assert assess(first, years_later).crowd.k <= assess(first).crowd.k


def test_not_leeds_narrows_and_leeds_after_it_contradicts() -> None:
    region, not_leeds = release(place=YORKSHIRE), release(ruled_out={"place": [LEEDS]})
    assert assess(region, not_leeds).crowd.k < 0.9 * assess(region).crowd.k
    report = assess(region, not_leeds, release(place=LEEDS))
    assert (report.verdict, report.contradiction) == (exposure.Verdict.BLOCK, True)


def test_of_contradicting_releases_the_smallest_crowd_is_told() -> None:
    report = assess(release(sex="F", place=NORTH_EAST), release(sex="M"), release(place=DARLINGTON))
    woman = assess(release(sex="F", place=DARLINGTON)).crowd.k
    man = assess(release(sex="M", place=DARLINGTON)).crowd.k
    assert report.crowd.k == pytest.approx(min(woman, man))
    assert report.tiers["colleague"].k == 1


@pytest.mark.parametrize("count", [3, 12])
def test_the_largest_consistent_sets_are_found_of_few_and_of_many(count: int) -> None:
    women = [told_by(release(sex="F", unmapped=[str(at)]), population=UK) for at in range(count)]
    man = told_by(release(sex="M"), population=UK)
    found = consistent([*women[:2], man, *women[2:]])
    assert len(found) == 2
    assert max(len(each.unmapped) for each in found) == count


def test_a_release_that_contradicts_itself_is_blocked() -> None:
    said = release(place=DARLINGTON, ruled_out={"place": [NORTH_EAST]})
    report = assess(said)
    assert (report.verdict, report.crowd.k) == (exposure.Verdict.BLOCK, 1.0)
    assert assess(said, said).crowd.k == 1.0


def test_twelve_identical_posts_are_one() -> None:
    said = release(sex="F", place=DARLINGTON, age={"years": 50})
    report = assess(*[said] * 12)
    assert report.crowd == assess(said).crowd
    assert report.adds_nothing
    assert not assess(said).adds_nothing


def test_repeating_to_one_group_what_only_another_knows_is_new() -> None:
    there = release("group:a", place=DARLINGTON)
    assert not assess(there, release("group:b", place=DARLINGTON)).adds_nothing
    assert assess(there, release("group:a", place=DARLINGTON)).adds_nothing


def test_the_same_town_told_to_two_groups_adds_nothing_for_either() -> None:
    told = release("group:a", place=DARLINGTON), release("group:b", place=DARLINGTON)
    assert assess(*told).crowd == assess(told[0]).crowd


def test_two_groups_add_up_for_those_who_are_in_both() -> None:
    town = release("group:a", place=DARLINGTON)
    age = release("group:b", age={"years": 42}, sex="M")
    report = assess(town, age)
    alone = {each.viewer: each.crowd.k for each in report.viewers}
    assert alone[frozenset({"group:b"})] == pytest.approx(assess(age).crowd.k)
    assert report.crowd.k == alone[frozenset({"group:a", "group:b"})] < 1000


def test_three_groups_that_talk_are_a_warning() -> None:
    said = [
        release("group:a", place=DARLINGTON, sex="F"),
        release("group:b", age={"years": 42}),
        release("group:c", marks=[{"what": "a scar", "share": [1e-4, 1e-3]}], sex="F"),
    ]
    report = assess(*said)
    assert report.tiers["all-audiences"].k < 2 < report.crowd.k


def test_only_all_together_knowing_too_much_asks_for_judgement() -> None:
    said = [
        release("group:a", place=DARLINGTON),
        release("group:b", age={"years": 42}, sex="M"),
        release("group:c", unmapped=["one"]),
        release("group:d", unmapped=["two", "three"]),
    ]
    report = assess(*said)
    assert {each.verdict for each in report.viewers} == {exposure.Verdict.CLEAR}
    assert report.verdict is exposure.Verdict.REVIEW


def test_a_public_release_is_seen_by_the_members_of_closed_groups_too() -> None:
    assert viewers_of(["public"], [["group:a"]]) == [STRANGER, frozenset({"group:a"})]
    assert viewers_of(["group:a"], [["public"]]) == [frozenset({"group:a"})]
    assert sees(everyone([["group:a"], ["team"]]), ["team"])
    assert not sees(STRANGER, ["team"])


def test_a_strangers_tier_holds_nothing_that_was_told_to_a_group() -> None:
    report = assess(release("group:a", place=DARLINGTON), release("group:a", sex="F"))
    assert report.tiers["stranger"].k == pytest.approx(UK.total, rel=0.001)


def test_no_generalisation_makes_a_rare_mark_safe_from_a_relative() -> None:
    report = assess(release(marks=[{"what": "a mark", "share": [1e-5, 1e-4]}]))
    assert report.tiers["stranger"].k > 1000
    assert report.tiers["close-circle"].k < 1.1
    assert report.tiers["colleague"].k < 2


def test_whoever_searches_finds_what_no_table_counts() -> None:
    tiers = assess(release(place=DARLINGTON, unmapped=["one"])).tiers
    assert tiers["motivated-intruder"].k < tiers["stranger"].k / 9


def test_the_only_hospital_in_town_as_poster_tells_the_town() -> None:
    known = UK.knowing({"Harbour Hospital": [("lad", "E06000005")]})
    said = release(poster={"name": "Dr X", "organisation": "harbour hospital"}, sex="M")
    report = assess(said, population=known)
    assert report.unmapped == ()
    assert report.crowd.k == pytest.approx(assess(release(sex="M", place=DARLINGTON)).crowd.k)
    assert assess(said).unmapped == ("who posted it",)


def test_the_sole_dermatologist_on_an_island_tells_the_island() -> None:
    known = UK.knowing({"Dr Sole": [("lad", "E06000053")]})
    said = release(poster={"name": "Dr Sole"}, age={"band": [60, 69]}, sex="F")
    assert assess(said, population=known).crowd.k < 250


def test_an_event_is_dated_by_the_release_itself() -> None:
    undated = release(event={"what": "injury"}, place=DARLINGTON)
    dated = release(event={"what": "injury", "on": "2026-02-27"})
    assert assess(undated).crowd.k < assess(release(place=DARLINGTON)).crowd.k / 100
    assert assess(undated, dated).crowd.k < assess(undated).crowd.k
    assert len(assess(undated, dated).unmapped) == 0


def test_the_same_event_on_days_apart_is_two() -> None:
    spring = release(event={"what": "fall", "on": {"from": "2026-01-01", "to": "2026-03-01"}})
    autumn = release(event={"what": "fall", "on": "2025-10-01"})
    assert assess(spring, autumn).crowd.k < assess(spring).crowd.k / 100


def test_a_twin_is_counted_as_a_detail_and_named() -> None:
    assert assess(release(household="twin")).unmapped == ("household: twin",)


@pytest.mark.parametrize(
    "event",
    ["a fall", {"what": "x", "where": "y"}, {"on": {"from": "2026-02-01", "to": "2026-01-01"}}],
)
def test_an_event_out_of_shape_is_refused(event: object) -> None:
    with pytest.raises(exposure.ReleaseRefused):
        release(event=event)


@pytest.mark.parametrize("facts", [{"ethnicity": 3}])
def test_an_ethnicity_out_of_shape_is_refused(facts: dict[str, object]) -> None:
    with pytest.raises(exposure.ReleaseRefused):
        release(**facts)


def test_a_poster_out_of_shape_is_refused() -> None:
    with pytest.raises(exposure.ReleaseRefused):
        release(poster={"shoe": 43})


def test_a_part_of_the_country_counts_its_own_people_only() -> None:
    part = UK.within(["E12000001", "E12000004"])
    assert part.total == sum(
        int(UK.counts[UK.areas["region", code]].sum()) for code in ("E12000001", "E12000004")
    )
    assert ("region", "E12000003") not in part.areas


def test_what_is_kept_of_counts_is_bounded(monkeypatch) -> None:
    monkeypatch.setattr("safelight.exposure.population.STEPS_KEPT", 1)
    part = UK.within(["E12000001"])
    whole = assess(release(sex="F"), population=part).crowd
    assert assess(release(sex="M"), population=part).crowd != whole
    assert assess(release(sex="F"), population=part).crowd == whole


def test_an_ethnicity_that_no_table_counts_is_named() -> None:
    assert assess(release(ethnicity="Martian")).unmapped == ("ethnicity: Martian",)


def test_an_ethnic_group_is_counted_in_its_district() -> None:
    leicester = {"level": "lad", "code": "E06000016"}
    indian = assess(release(ethnicity="Indian", place=leicester)).crowd.k
    assert indian / assess(release(place=leicester)).crowd.k == pytest.approx(
        93_335 / 329_839, rel=0.01
    )
    in_darlington = assess(release(ethnicity="Indian", place=DARLINGTON)).crowd.k
    assert in_darlington == pytest.approx(726, rel=0.02)


@pytest.mark.parametrize(
    ("band", "few"), [([0, 9], False), ([70, 79], True)], ids=["children", "old"]
)
def test_an_ethnic_group_is_counted_at_its_age(band: list[int], few: bool) -> None:
    """Asian groups are younger than the country: half as many of the old, more of the children."""
    bradford = {"level": "lad", "code": "E08000032"}
    aged = {"place": bradford, "age": {"band": band}}
    share = assess(release(ethnicity="Asian", **aged)).crowd.k / assess(release(**aged)).crowd.k
    whole = (
        assess(release(ethnicity="Asian", place=bradford)).crowd.k
        / assess(release(place=bradford)).crowd.k
    )
    assert (share < 0.65 * whole) is few
    assert (share > 1.2 * whole) is not few


@given(
    st.sets(st.sampled_from(sorted(UK.groups)), min_size=1, max_size=3),
    st.integers(0, 89),
    st.integers(1, 30),
    st.integers(0, UK.everywhere),
)
def test_naming_an_age_or_a_group_beside_the_other_never_counts_more(
    groups, youngest, years, places
) -> None:
    mask = 0
    for group in groups:
        mask |= UK.groups[group]
    both = UK.people_between(youngest, youngest + years, places, 3, mask)
    assert both <= UK.people_between(youngest, youngest + years, places, 3, -1) + 1e-6
    assert both <= UK.people_between(0, 200, places, 3, mask) + 1e-6
    assert both <= UK.people_between(youngest, youngest + years, -1, 3, mask) + 1e-6


def test_an_umbrella_word_covers_its_groups_and_a_group_narrows_it() -> None:
    asian, indian = release(ethnicity="Asian"), release(ethnicity="Indian")
    assert assess(asian, indian).crowd == assess(indian).crowd
    assert assess(asian).crowd.k > 2 * assess(indian).crowd.k
    assert assess(indian, release(ethnicity="Black African")).contradiction


def test_where_no_table_counts_ethnic_groups_the_smallest_share_is_taken() -> None:
    scotland = {"level": "nation", "code": "S92000003"}
    share = assess(release(ethnicity="Irish", place=scotland)).crowd.k / 5_299_900
    assert 0 < share < 0.005


def test_a_condition_known_by_name_narrows_by_the_tables_interval() -> None:
    report = assess(release(condition={"name": "Cystinosis"}))
    assert report.unmapped == ()
    assert 10 < report.crowd.low < report.crowd.k < report.crowd.high < 30_000
    told = assess(release(condition={"name": "Cystinosis", "prevalence": [1e-3, 1e-3]}))
    assert told.crowd.k == pytest.approx(UK.total / 1000, rel=0.001)


def test_the_steps_go_from_everybody_down_to_what_all_of_it_leaves() -> None:
    report = assess(release(place=DARLINGTON), release(sex="F", age={"years": 42}), population=UK)
    steps = [each["k"] for each in report.steps]
    assert report.steps[0] == {"detail": "everybody", "k": float(UK.total)}
    assert steps == sorted(steps, reverse=True)
    assert steps[-1] == round(report.crowd.k, 1)
    assert {each["detail"] for each in report.steps[1:]} == {"place", "sex", "age"}


def test_what_was_known_before_is_told_beside_what_is_known_after() -> None:
    report = assess(release(place=DARLINGTON), release(sex="F"))
    assert report.before.k == pytest.approx(assess(release(place=DARLINGTON)).crowd.k)
    assert report.before.k > report.crowd.k
    assert assess(release(sex="F")).before.k == 1 + UK.total


def test_a_practice_is_a_place_and_its_list_a_part_of_the_people_there() -> None:
    houses = {"Harbour Surgery": [("lad", "E06000005")]}
    posted = release(poster={"name": "", "organisation": "Harbour Surgery"}, sex="F")
    of_town = assess(posted, population=UK.knowing(houses)).crowd.k
    of_list = assess(posted, population=UK.knowing(houses, lists={"Harbour Surgery": 8000})).crowd.k
    assert of_list == pytest.approx(1 + (of_town - 1) * 8000 / 105_584, rel=0.01)
    unknown = UK.knowing(houses, lists={"Elsewhere": 8000, "Harbour Surgery": 0})
    assert assess(posted, population=unknown).crowd.k == pytest.approx(of_town)
