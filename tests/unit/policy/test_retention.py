"""How long records are kept, on the calendar."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.policy import retention
from safelight.policy.retention import (
    RecordKind,
    Retention,
    RetentionFacts,
    RetentionRefused,
    age_on,
    anniversary,
    earliest_destruction,
    kept,
    load,
    load_retention,
)

TABLE = (Path(retention.__file__).parent / "packs/england/retention.toml").read_text("utf-8")


@pytest.fixture(scope="module")
def england() -> Retention:
    return load("england")


def day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def facts(kind="general", ended="2026-11-22", **more) -> RetentionFacts:
    days = {
        key: day(value) if isinstance(value, str) or value is None else value
        for key, value in more.items()
    }
    return RetentionFacts(kind=RecordKind(kind), ended_on=day(ended), **days)


@pytest.mark.parametrize(
    ("record", "until"),
    [
        (facts(born="1980-01-01"), "2034-11-22"),
        (facts(born="2008-11-22"), "2034-11-22"),  # 18 on the day: an adult
        (facts(born="2008-11-23"), "2034-11-23"),  # 17 on the day: the 26th birthday
        (facts(born="2009-11-22"), "2035-11-22"),  # 17 on the day itself
        (facts(born="2009-11-23"), "2034-11-23"),  # 16: the 25th birthday
        (facts(born="2016-05-01"), "2041-05-01"),
        (facts(born="2004-02-29", ended="2010-01-01"), "2029-03-01"),
        (facts(born="2004-02-29", ended="2022-02-28"), "2030-03-01"),  # 18 only on 1 March
        (facts(born="2004-02-29", ended="2022-03-01"), "2030-03-01"),
        (facts(born="1980-01-01", ended="2024-02-29"), "2032-02-29"),
        (facts(born="1980-01-01", ended="2092-02-29"), "2100-03-01"),
        (facts("mental-health", born="1980-01-01"), "2046-11-22"),
        (facts("mental-health", born="1980-01-01", died="2028-02-29"), "2038-03-01"),
        (facts("mental-health", born="2025-01-01"), "2050-01-01"),  # the child's period is longer
        (facts("mental-health", born="2010-01-01"), "2046-11-22"),
        (facts("maternity", born="1990-01-01"), "2051-11-22"),
        (facts("gp", born="1980-01-01", died="2026-11-01"), "2036-11-01"),
        (facts("gp", died="2026-11-01"), "2036-11-01"),
        (facts("gp", born="1980-01-01"), None),
        (facts("deregistered"), "2126-11-22"),
        (facts("copy", promised_until="2029-01-01"), "2029-01-01"),
        (facts("copy", promised_until="2029-01-01", ended=None), "2029-01-01"),
        (facts("copy"), None),
        (facts(), None),  # the birth is not known
        (facts(born="2027-01-01"), None),  # born after its end: something is wrong
        (facts(born="1980-01-01", ended=None), None),
        (facts(born="1980-01-01", held=True), None),
    ],
)
def test_a_record_is_kept_until_its_day(england, record, until):
    assert earliest_destruction(record, table=england) == day(until)


def test_use_starts_the_period_again(england):
    used = facts(born="1980-01-01", used_on=(date(2025, 1, 1), date(2030, 6, 1)))
    assert earliest_destruction(used, table=england) == date(2038, 6, 1)


def test_use_before_the_end_changes_nothing(england):
    used = facts(born="1980-01-01", used_on=(date(2020, 1, 1),))
    assert earliest_destruction(used, table=england) == date(2034, 11, 22)


def test_a_child_who_is_seen_again_when_grown_has_the_period_of_an_adult(england):
    used = facts(born="2010-05-01", used_on=(date(2030, 1, 1),))
    assert earliest_destruction(used, table=england) == date(2038, 1, 1)


def test_the_record_of_a_child_who_died_keeps_its_period_when_it_is_used_again(england):
    died = facts("mental-health", born="2000-01-01", died="2000-01-01", ended="2000-01-01")
    used = replace(died, used_on=(date(2018, 1, 1),))
    assert earliest_destruction(died, table=england) == date(2025, 1, 1)
    assert earliest_destruction(used, table=england) == date(2025, 1, 1)


def test_the_answer_says_why(england):
    found = kept(facts(born="1980-01-01"), table=england)
    assert found.because == ("The record of an adult is kept for 8 years after it was last used.",)
    assert found.source == "NHS-RM"
    assert not found.review


def test_a_hundred_years_end_with_a_person_who_decides(england):
    assert kept(facts("deregistered"), table=england).review


def test_every_kind_of_record_has_a_rule(england):
    assert frozenset().union(*(rule.records for rule in england.rules)) == frozenset(RecordKind)


days = st.dates(min_value=date(1900, 1, 1), max_value=date(2200, 1, 1))


@given(
    kind=st.sampled_from(RecordKind),
    born=days,
    age=st.integers(0, 40000),
    later=st.integers(0, 40000),
    died=st.none() | days,
)
def test_later_use_never_shortens_the_time_kept(england, kind, born, age, later, died):
    ended = born + timedelta(age)
    first = RetentionFacts(kind, ended, born=born, died=died, promised_until=ended)
    again = replace(first, used_on=(ended + timedelta(later),))
    before = earliest_destruction(first, table=england)
    after = earliest_destruction(again, table=england)
    assert (before is None) == (after is None)
    assert before is None or after >= before


@given(born=days, years=st.integers(0, 120))
def test_an_age_is_reached_on_its_birthday_and_not_before(born, years):
    birthday = anniversary(born, years)
    assert age_on(birthday, born=born) == years
    if years:
        assert age_on(birthday - timedelta(1), born=born) == years - 1


def test_a_day_beyond_the_calendar_is_no_day():
    with pytest.raises(ValueError, match="year"):
        anniversary(date(9999, 2, 28), 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('version = "2026.1"\n', ""),
        ('version = "2026.1"', 'version = ""'),
        ('version = "2026.1"', 'version = "1"\nmore = 1'),
        ("years = 8", 'years = "8"'),
        ("years = 8", "years = true"),
        ("years = 8", "years = -1"),
        ("years = 8\n", ""),
        ('from = "end"', 'from = "whenever"'),
        ('records = ["general"]', 'records = ["gossip"]'),
        ('records = ["general"]', "records = []"),
        ('records = ["general"]', 'records = "general"'),
        ("ages = [18, 200]", "ages = [18]"),
        ("ages = [18, 200]", "ages = [200, 18]"),
        ("dead = false", 'dead = "no"'),
        ("review = true", "review = 1"),
        ('id = "child"', 'id = "adult"'),
        ('id = "child"', 'id = "child"\nmore = 1'),
        ("years =", "years"),
    ],
)
def test_a_table_that_is_not_as_it_should_be_is_refused(tmp_path, old, new):
    assert old in TABLE
    (tmp_path / "retention.toml").write_text(TABLE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RetentionRefused):
        load_retention(tmp_path)


@pytest.mark.parametrize("rule", ['rule = "x"', 'rule = ["x"]', "rule = [[]]"])
def test_a_rule_that_is_no_table_is_refused(tmp_path, rule):
    text = f'version = "1"\nsource = "x"\n{rule}\n'
    (tmp_path / "retention.toml").write_text(text, encoding="utf-8")
    with pytest.raises(RetentionRefused):
        load_retention(tmp_path)


@pytest.mark.parametrize("pack", ["atlantis", "../packs/england", ""])
def test_a_pack_that_does_not_exist_destroys_nothing(pack):
    with pytest.raises(RetentionRefused):
        load(pack)
