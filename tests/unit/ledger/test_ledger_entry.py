import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight import ledger
from safelight.ledger import Entry, EntryRefused

FIRST, LAST = (datetime(year, 1, 2) for year in (1970, 2100))  # noqa: DTZ001 zones are drawn
AT = datetime(2026, 11, 22, 10, 0, 0, 123, tzinfo=UTC)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
numbers = st.integers(-(2**53) + 1, 2**53 - 1)
zones = st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours)))
entries = st.builds(
    Entry,
    kind=st.sampled_from(["consent.given", "release.second-look", "view"]),
    subject=texts,
    by=texts,
    at=st.datetimes(FIRST, LAST, timezones=zones),
    details=st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True),
        st.one_of(texts, numbers, st.lists(st.one_of(texts, numbers), max_size=3)),
        max_size=4,
    ),
)


@given(entry=entries)
def test_an_entry_comes_back_and_has_one_spelling(entry):
    data = ledger.canonical(entry)
    again = ledger.read_entry(data)
    assert again == entry
    assert ledger.canonical(again) == data


def test_the_spelling_is_the_published_one():
    entry = Entry("consent.given", "p-1", "u-2", AT, {"b": [1, "é"], "a": "x\n"})
    assert (
        ledger.canonical(entry)
        == (
            '{"at":"2026-11-22T10:00:00.000123Z","by":"u-2","details":{"a":"x\\n","b":[1,"é"]},'
            '"kind":"consent.given","subject":"p-1","v":1}'
        ).encode()
    )


@pytest.mark.parametrize(
    "change",
    [
        {"at": FIRST},
        {"at": datetime(1, 1, 1, tzinfo=UTC)},
        {"kind": "Consent"},
        {"kind": ""},
        {"kind": "a..b"},
        {"subject": 3},
        {"by": None},
        {"subject": "\ud800"},
        {"details": {"Name": "x"}},
        {"details": {"a": 1.5}},
        {"details": {"a": True}},
        {"details": {"a": None}},
        {"details": {"a": {"b": 1}}},
        {"details": {"a": [[1]]}},
        {"details": {"a": 2**53}},
        {"details": {"a": "x" * 70_000}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_has_no_one_spelling_is_no_entry(change):
    fields = {"kind": "view", "subject": "p", "by": "u", "at": AT, "details": {}} | change
    with pytest.raises(EntryRefused):
        ledger.canonical(Entry(**fields))


GOOD = ledger.canonical(Entry("view", "p", "u", AT, {"n": 1}))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        GOOD + b" ",
        b" " + GOOD,
        GOOD.replace(b'"v":1', b'"v":2'),
        GOOD.replace(b'"n":1', b'"n":1.0'),
        GOOD.replace(b'"n":1', b'"n":1,"n":1'),
        GOOD.replace(b"000123Z", b"0001230Z"),
        GOOD.replace(b"2026-11-22T", b"2026-11-22 "),
        GOOD.replace(b'"details":{"n":1}', b'"details":[]'),
        GOOD.replace(b'"p"', b"1"),
        GOOD.replace(b'"view"', b"1"),
        GOOD[:-1] + b',"w":1}',
        json.dumps(json.loads(GOOD)).encode(),
    ],
)
def test_another_spelling_is_no_entry(data):
    with pytest.raises(EntryRefused):
        ledger.read_entry(data)
