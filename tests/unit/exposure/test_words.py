"""What a caption tells: ages, days, places, people; and that what isn't known is named and counted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight import cli, exposure
from safelight.exposure.population import population_of
from safelight.exposure.words import (
    MOST_WORDS,
    TextTooLong,
    lists,
    of_file_name,
    read_words,
)

UK = exposure.load_population()
FRIDAY = date(2026, 11, 27)
LEEDS = {"level": "lad", "code": "E08000035"}


def read(text: str, at: date = FRIDAY) -> exposure.Reading:
    return read_words(text, at=at, population=UK)


def facts(text: str) -> dict:
    return dict(read(text).facts)


@pytest.mark.parametrize(
    ("said", "age"),
    [
        ("a 42-year-old", {"years": 42}),
        ("42 yo", {"years": 42}),
        ("aged 42", {"years": 42}),
        ("age: 7 months", {"months": 7}),
        ("forty-two year old", {"years": 42}),
        ("a six week old", {"weeks": 6}),
        ("3-day-old", {"weeks": 0}),
        ("in the sixties", {"band": [60, 69]}),
        ("in his early 40s", {"band": [40, 43]}),
        ("late-fifties", {"band": [56, 59]}),
        ("mid thirties", {"band": [33, 37]}),
        ("in her teens", {"band": [13, 19]}),
        ("an octogenarian", {"band": [80, 89]}),
        ("a toddler", {"band": [1, 3]}),
        ("a newborn", {"months": 0}),
        ("baby, 6-week-old", {"weeks": 6}),
        ("6-week-old baby", {"weeks": 6}),
        ("200 years old", {"years": 120}),
    ],
)
def test_an_age_is_read_as_people_say_it(said: str, age: dict) -> None:
    assert facts(said)["age"] == age


def test_age_and_sex_in_one_word_are_both_read() -> None:
    assert facts("64F") == {"age": {"years": 64}, "sex": "F"}
    assert facts("M7") == {"age": {"years": 7}, "sex": "M"}


def test_two_ages_that_are_not_one_are_both_counted() -> None:
    assert facts("42 years old, late thirties at onset")["unmapped"] == ["age: late thirties"]


@pytest.mark.parametrize(
    ("said", "first", "last"),
    [
        ("on 3 March 2026", "2026-03-03", "2026-03-03"),
        ("on 3rd of March", "2026-03-03", "2026-03-03"),
        ("March 3, 2025", "2025-03-03", "2025-03-03"),
        ("December 25", "2025-12-25", "2025-12-25"),
        ("3/3/26", "2026-03-03", "2026-03-03"),
        ("2026-03-03", "2026-03-03", "2026-03-03"),
        ("in March", "2026-03-01", "2026-03-31"),
        ("since December", "2025-12-01", "2025-12-31"),
        ("March 2024", "2024-03-01", "2024-03-31"),
        ("last summer", "2026-06-01", "2026-08-31"),
        ("in the winter of 2024", "2024-12-01", "2025-02-28"),
        ("last winter", "2025-12-01", "2026-02-28"),
        ("this autumn", "2026-09-01", "2026-11-30"),
        ("last autumn", "2025-09-01", "2025-11-30"),
        ("at Christmas", "2025-12-18", "2026-01-01"),
        ("on Halloween", "2026-10-24", "2026-11-07"),
        ("last Tuesday", "2026-11-24", "2026-11-24"),
        ("on Friday", "2026-11-20", "2026-11-27"),
        ("yesterday", "2026-11-26", "2026-11-26"),
        ("last week", "2026-11-13", "2026-11-26"),
        ("three weeks ago", "2026-10-30", "2026-11-13"),
        ("a few days ago", "2026-11-22", "2026-11-26"),
        ("a year ago", "2024-11-27", "2026-11-27"),
        ("in 2019", "2019-01-01", "2019-12-31"),
    ],
)
def test_a_day_is_read_as_the_days_that_it_leaves_possible(said: str, first: str, last: str):
    assert facts(said)["event"]["on"] == {"from": first, "to": last}


def test_a_day_that_is_none_is_a_number_that_counts() -> None:
    assert "event" not in facts("on 31/2/26")
    assert "31/2/26" in facts("on 31/2/26")["unmapped"]
    assert "event" not in facts("on 30 February")
    assert "event" not in read("950 years ago", at=date(900, 1, 1)).facts


def test_how_long_it_has_lasted_counts() -> None:
    assert facts("a ten-year history")["unmapped"] == ["ten-year"]
    assert facts("for 6 weeks")["unmapped"] == ["6 weeks"]


def test_a_place_is_read_by_its_name_and_what_is_ruled_out_too() -> None:
    assert facts("from Leeds")["place"] == LEEDS
    assert facts("in Bath")["place"] == {"level": "lad", "code": "E06000022"}
    reading = read("Not from York, reading a book")
    assert reading.not_places == ({"level": "lad", "code": "E06000014"},)
    assert "place" not in reading.facts
    assert "book" in reading.facts["unmapped"]


def test_a_second_place_counts_beside_the_first() -> None:
    assert facts("Leeds, then York")["unmapped"] == ["place: york"]


def test_a_rare_condition_is_read_by_the_table_and_a_common_word_of_skin_tells_nothing() -> None:
    assert facts("with Marfan syndrome")["condition"] == {"name": "marfan syndrome"}
    assert facts("a scaly erythematous plaque with crusted edges, 14 mm across") == {}


def test_a_colour_is_an_ethnic_group_only_of_people() -> None:
    assert facts("a white plaque and a black eschar") == {}
    assert facts("Black African")["ethnicity"] == "black african"
    assert facts("a white man")["ethnicity"] == "white"


def test_relatives_work_marks_and_houses_are_details() -> None:
    said = facts("a teacher, whose twin has a tattoo; seen at the infirmary while pregnant")
    assert said["occupation"] == "teacher"
    assert said["household"] == "twin"
    assert said["marks"] == [{"what": "tattoo"}]
    assert said["sex"] == "F"
    assert set(said["unmapped"]) == {"infirmary", "pregnant"}
    assert facts("his mother's tattoo, a tattoo")["marks"] == [{"what": "tattoo"}]
    assert facts("his mother")["sex"] == "M"
    assert facts("his twin, her brother")["unmapped"] == ["sex: her", "household: brother"]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("write to a.person@example.org", "e-mail address"),
        ("see www.example.org/p", "web address"),
        ("thanks @somebody", "account name"),
        ("lives at LS1 4AP", "postcode"),
        ("call 07700 900123", "telephone number"),
        ("NHS 999 000 0107", "NHS number"),
        ("Mrs Made", "title and name"),
        ("12 High Street", "house and street"),
    ],
)
def test_what_names_somebody_is_named_by_kind_and_never_repeated(said: str, kind: str) -> None:
    reading = read(said)
    assert kind in reading.identifiers
    whole = json.dumps(reading.as_json())
    assert all(word not in whole for word in said.split()[1:] if word not in {"at", "High"})


def test_a_word_that_is_not_known_to_tell_nothing_is_counted() -> None:
    assert facts("fell off a unicycle at the lighthouse")["unmapped"] == [
        "fell",
        "unicycle",
        "lighthouse",
    ]


@given(st.text(max_size=300))
def test_any_text_is_read_and_every_detail_stands_where_it_says(text: str) -> None:
    reading = read(text)
    last = 0
    for detail in reading.details:
        start, end = detail.span
        assert last <= start < end <= len(text)
        last = end
    released = {"at": "2026-11-27", "audience": ["public"], "facts": dict(reading.facts)}
    exposure.read_release(released)


@given(st.lists(st.sampled_from(sorted(lists()["vocabulary"])), max_size=30))
def test_saying_more_never_enlarges_the_crowd(words: list[str]) -> None:
    def crowd(text: str) -> float:
        told = {"at": "2026-11-27", "audience": ["public"], "facts": dict(read(text).facts)}
        return exposure.assess((), exposure.read_release(told), population=UK).crowd.k

    text = " ".join(words)
    assert crowd(f"a woman, {text} lighthouse") <= crowd(f"a woman, {text}") <= crowd(text)


def test_a_text_without_end_is_refused() -> None:
    with pytest.raises(TextTooLong):
        read("a " * (MOST_WORDS + 1))


def test_a_file_name_is_read_like_words() -> None:
    said = facts(of_file_name("/made/up/IMG_leeds-tattoo 42F.jpg"))
    assert said == {
        "age": {"years": 42},
        "sex": "F",
        "place": LEEDS,
        "marks": [{"what": "tattoo"}],
    }
    assert of_file_name("DSC_0042.jpg") == "0042"


def test_a_population_without_names_and_groups_still_reads() -> None:
    bare = population_of(
        "bare",
        people=[["x1", "", "n", "F", *["1"] * 91], ["x1", "", "n", "M", *["1"] * 91]],
        ethnicity=[["lad", "region", "one"], ["x1", "r", "1"]],
        conditions={},
    )
    for population in (bare, replace(bare, groups={})):
        assert read_words("a woman from Leeds", at=FRIDAY, population=population).facts == {
            "sex": "F",
            "unmapped": ["leeds"],
        }


def test_the_command_tells_what_a_caption_tells(tmp_path, capsys, monkeypatch) -> None:
    caption = tmp_path / "caption.txt"
    caption.write_text("A 42-year-old woman from Leeds. Call 07700 900123.")
    assert cli.main(["details", str(caption), "--at", "2026-11-27", "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert found["facts"] == {
        "age": {"years": 42},
        "sex": "F",
        "place": LEEDS,
        "unmapped": ["call"],
    }
    assert found["identifiers"] == ["telephone number"]
    caption.write_text("Scaly plaque.")
    profile = tmp_path / "profile.txt"
    profile.write_text("Dermatologist in Leeds")
    more = ["--file-name", "IMG_tattoo-42F.jpg", "--profile", str(profile)]
    assert cli.main(["details", str(caption), *more, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["facts"]
    assert (found["age"], found["sex"], found["place"]) == ({"years": 42}, "F", LEEDS)
    caption.write_text("Scaly plaque, a woman.")
    assert cli.main(["details", str(caption)]) == 0
    assert "sex: woman" in capsys.readouterr().out
    assert cli.main(["details", str(tmp_path / "none")]) == 4
    with pytest.raises(SystemExit) as usage:
        cli.main(["details", str(caption), "--at", "someday"])
    assert usage.value.code == 2
    assert cli.main(["details", str(caption), "--population", "mars"]) == 4


def test_only_lines_that_are_a_pictures_name_are_read_as_one() -> None:
    said = "A woman.\nIMG_leeds-42F.JPG\nSee www.example.org/a.png and more\n14/3 in a.jpg\n"
    assert exposure.file_names_as_words(said).splitlines() == [
        "A woman.",
        "Leeds 42f",
        "See www.example.org/a.png and more",
        "14/3 in a.jpg",
    ]
