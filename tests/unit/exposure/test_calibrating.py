"""A calibration holds what it promises on series like those it was learnt from, and no others."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from safelight import exposure
from safelight.exposure.calibrating import CLASSES, EDGES, FEWEST, Calibration, calibrate, class_of

UK = exposure.load_population()
BARE = replace(UK, calibration=None)
DARLINGTON = {"level": "lad", "code": "E06000005"}


def series(count: int, seed: int) -> list[tuple[int, float, int]]:
    """Return made-up estimates whose error grows with the number of details."""
    draw = np.random.default_rng(seed)
    details = draw.integers(0, CLASSES, count)
    truth = 1 + np.floor(10 ** draw.uniform(0, 5, count) - 1)
    wrong = np.exp(draw.normal(0, 0.1 + 0.1 * details))
    return [
        (int(number), max(1.0, float(people * off)), int(people))
        for number, people, off in zip(details, truth, wrong, strict=True)
    ]


LEARNT = calibrate("made-up", series(20_000, 1), block_below=11)


def release(**facts: object) -> exposure.Disclosed:
    said = {"id": "r", "patient": "p", "at": "2026-03-01", "audience": ["public"], "facts": facts}
    return exposure.read_release(said)


def test_nine_of_ten_new_series_lie_within_the_range() -> None:
    held = [
        low <= truth <= high
        for details, k, truth in series(5_000, 2)
        for low, high in [LEARNT.range_of(k, details)]
    ]
    assert np.mean(held) > 0.9


def test_of_new_series_with_too_few_people_ninety_nine_in_a_hundred_are_blocked() -> None:
    blocked = [
        k <= LEARNT.thresholds[details]
        for details, k, truth in series(20_000, 3)
        if 2 <= truth < 11
    ]
    assert np.mean(blocked) > 0.985


def test_more_details_never_lower_the_threshold() -> None:
    for shares in range(4):
        for unmapped in range(4):
            at, more = LEARNT.thresholds[class_of(shares, unmapped)], LEARNT.thresholds
            assert at <= more[class_of(shares + 1, unmapped)]
            assert at <= more[class_of(shares, unmapped + 1)]
            assert at <= more[class_of(shares, unmapped, mixed=True)]


def test_a_group_and_an_age_together_are_less_sure_than_either() -> None:
    crowds = [
        exposure.assess((), release(place=DARLINGTON, **facts), population=UK).crowd
        for facts in (
            {"ethnicity": "asian"},
            {"age": {"band": [0, 19]}},
            {"ethnicity": "asian", "age": {"band": [0, 19]}},
        )
    ]
    ratios = [crowd.high / crowd.low for crowd in crowds]
    assert ratios[2] > 1.2 * max(ratios[:2])
    assert LEARNT.thresholds[0] >= 11


def test_a_thin_cell_shares_the_series_of_all_numbers_of_details() -> None:
    few = [(details, k, truth) for details, k, truth in series(20_000, 4) if details != 5]
    thin = calibrate("made-up", [*few, *series(FEWEST // 2, 5)], block_below=11)
    assert len(thin.ranges[5]) == len(EDGES) + 1
    assert thin.thresholds[5] >= max(thin.thresholds[2], thin.thresholds[4])


def test_a_calibration_reads_back_as_it_was_written() -> None:
    text = json.dumps(LEARNT.as_json())
    assert Calibration.from_json(text).as_json() == LEARNT.as_json()


def test_the_shipped_calibration_is_of_the_shipped_table() -> None:
    assert UK.calibration is not None
    assert UK.calibration.population == UK.name
    assert UK.calibration.series > 5_000


def test_a_population_without_one_says_so_and_widens() -> None:
    said = release(place=DARLINGTON, age={"years": 42}, sex="M")
    bare, known = (exposure.assess((), said, population=each) for each in (BARE, UK))
    assert (bare.calibrated, known.calibrated) == (False, True)
    assert bare.note.startswith("Not calibrated")
    assert not known.note.startswith("Not calibrated")
    assert bare.crowd.k == known.crowd.k
    assert bare.crowd.high / bare.crowd.low > 3 * known.crowd.high / known.crowd.low


@pytest.mark.parametrize(
    "facts",
    [
        {"event": {"what": "injury", "on": "2026-02-27"}},
        {"unmapped": ["a", "b", "c", "d", "e", "f"]},
    ],
)
def test_what_no_series_measured_is_called_uncalibrated(facts: dict[str, object]) -> None:
    assert not exposure.assess((), release(**facts), population=UK).calibrated


def test_without_a_calibration_twice_the_line_blocks() -> None:
    said = release(
        place=DARLINGTON, age={"years": 42}, sex="M", unmapped=["one"], ethnicity="asian"
    )
    report = exposure.assess((), said, population=BARE)
    assert 1 < report.crowd.k < 22
    assert report.verdict is exposure.Verdict.BLOCK


def test_a_register_judges_as_an_assessment_does_and_repeating_costs_nothing() -> None:
    town = release(place=DARLINGTON)
    register = exposure.Register(UK)
    for _ in range(3):
        register.append("p", town)
    worst = register.judge("p", release(sex="F"))[0]
    assert worst.crowd == exposure.assess([town], release(sex="F"), population=UK).crowd
    assert register.judge("q", release(sex="F"))[0].crowd.k > 30_000_000


def test_a_register_keeps_each_thing_once_and_forgets_nothing() -> None:
    """A million releases fit because what many of them share is one object."""
    register = exposure.Register(UK)
    for patient in range(50):
        register.append(str(patient), release(place=DARLINGTON, age={"years": 42}))
        register.append(str(patient), release(sex="F"))
        register.append(str(patient), release(sex="F"))
    assert len(register) == 100
    kept = {id(told) for seen in register._seen.values() for _, told in seen}
    assert len(kept) == 2


def test_the_thresholds_are_learnt_from_the_hardest_series_alone() -> None:
    easy, hard = series(10_000, 4), [(at, 2 * k, truth) for at, k, truth in series(10_000, 5)]
    without = calibrate("made-up", [*easy, *hard], block_below=11)
    learnt = calibrate("made-up", [*easy, *hard], block_below=11, hardest=hard)
    assert learnt.ranges == without.ranges
    assert all(map(float.__gt__, learnt.thresholds, without.thresholds))


def test_where_all_is_counted_and_nothing_can_be_learnt_twice_the_line_blocks() -> None:
    rough = [each for each in series(20_000, 6) if each[0] > 0]
    learnt = calibrate("made-up", rough, block_below=11)
    assert learnt.thresholds[0] == 22
    assert min(learnt.thresholds[1:]) >= 22
