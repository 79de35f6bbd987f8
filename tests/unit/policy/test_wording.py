"""The words that a patient reads: complete, plain, and the same for ever once answered."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.policy import wording
from safelight.policy.wording import (
    TOLD,
    NothingElse,
    Offered,
    Told,
    Wording,
    WordingRefused,
    digest_of,
    load,
    load_wording,
)
from safelight.terms import Purpose

ENGLAND = Path(wording.__file__).parent / "packs" / "england"
SHEET = (ENGLAND / "wording" / "en.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def sheet() -> Wording:
    return load("england", "en")


def written(folder: Path, text: str, *, language: str = "en") -> Path:
    (folder / "wording").mkdir(exist_ok=True)
    (folder / "wording" / f"{language}.toml").write_text(text, encoding="utf-8")
    return folder


def texts(words: Wording) -> list[str]:
    """Return every text that a patient reads."""
    return [
        words.question,
        words.lead,
        *(text for each in words.told for text in (each.heading, each.text)),
        *(text for each in words.purposes for text in (each.title, each.text)),
        words.nothing_else.title,
        words.nothing_else.text,
    ]


def test_the_sheet_tells_all_that_must_be_told(sheet):
    assert tuple(each.key for each in sheet.told) == TOLD


def test_the_sheet_offers_each_use_that_the_guidance_asks_separately(sheet):
    assert [each.purpose for each in sheet.purposes] == [
        Purpose.CARE,
        Purpose.SECOND_OPINION,
        Purpose.TEACHING_LOCAL,
        Purpose.TEACHING_WIDE,
        Purpose.RESEARCH,
        Purpose.PUBLICATION,
        Purpose.SOCIAL,
    ]
    assert sheet.nothing_else.title


# Reading age: Kincaid and others 1975, grade = 0.39 words/sentence + 11.8 syllables/word - 15.59.
# Grade 6 is read at the age of 11 to 12.


def sentences(text: str) -> list[str]:
    return [each for each in re.split(r"[.?!]+\s*", text) if each]


def words_of(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+(?:[’'][a-z]+)?", text.lower())


def syllables(word: str) -> int:
    vowels = [letter in "aeiouy" for letter in word]
    groups = vowels[0] + sum(now and not before for before, now in pairwise(vowels))
    silent = word.endswith(("e", "es", "ed")) and not word.endswith(("le", "ted", "ded"))
    return max(1, groups - (silent and groups > 1))


def grade(all_texts: list[str]) -> float:
    every_sentence = [each for text in all_texts for each in sentences(text)]
    every_word = [word for each in every_sentence for word in words_of(each)]
    per_sentence = len(every_word) / len(every_sentence)
    per_word = sum(map(syllables, every_word)) / len(every_word)
    return 0.39 * per_sentence + 11.8 * per_word - 15.59


def test_the_measure_tells_plain_words_from_hard_ones():
    assert grade(["We keep it locked. You can say no."]) < 3
    assert grade(["Identifiable recordings necessitate unambiguous prior authorisation."]) > 12


def test_a_child_of_eleven_can_read_the_sheet(sheet):
    filled = sheet.render(site="left lower leg", name="Alex Example")
    assert grade(texts(filled)) <= 6
    assert all(grade([each.text]) <= 6 for each in filled.told)


def test_no_sentence_has_fifteen_words(sheet):
    filled = sheet.render(site="left lower leg", name="Alex Example")
    long = [each for text in texts(filled) for each in sentences(text) if len(words_of(each)) > 14]
    assert long == []


def test_the_sheet_speaks_to_the_patient_and_never_names_them(sheet):
    assert not any("{name}" in text for text in texts(sheet))


def test_rendering_fills_every_placeholder(sheet):
    filled = sheet.render(site="left forearm", name="Alex Example")
    assert filled.question == "May we take a picture of your left forearm?"
    assert not any("{" in text for text in texts(filled))


def test_braces_in_what_is_filled_in_stay_what_they_are(sheet):
    assert "{name}" in sheet.render(site="{name}", name="Alex Example").question


@pytest.mark.parametrize("values", [{}, {"name": "x"}, {"site": ""}, {"site": "  "}])
def test_a_sheet_with_a_gap_is_not_shown(sheet, values):
    with pytest.raises(WordingRefused):
        sheet.render(**values)


def test_a_placeholder_that_nobody_knows_is_refused(sheet):
    with pytest.raises(WordingRefused, match="side"):
        sheet.render(site="arm", name="x", side="left")


def test_the_digest_can_be_checked_from_what_a_consent_has_kept(sheet):
    filled = sheet.render(site="ear", name="x")
    assert digest_of(json.loads(json.dumps(filled.as_json()))) == filled.digest


def test_the_digest_of_a_known_sheet_never_changes():
    words = Wording(
        language="cy",
        version="1",
        layout="sheet-1",
        question="A gawn ni dynnu llun?",
        lead="Gallwch ddweud “na”.",
        told=(Told("purpose", "Pam", "Tŷ"),),
        purposes=(Offered(Purpose.CARE, "Gofal", "…"),),
        nothing_else=NothingElse("Dim byd arall", "Byth"),
    )
    assert words.digest == "da990c9d7ecd2fb5ed9509327949e0088f6ee727d983a79c3e2bea6b9b868eae"


@given(st.sampled_from(range(len(SHEET))), st.characters(min_codepoint=97, max_codepoint=122))
def test_other_words_have_another_digest(place, letter):
    words = load("england", "en")
    text = words.lead
    place %= len(text)
    changed = text[:place] + letter + text[place + 1 :]
    frozen = words.as_json() | {"lead": changed}
    assert (digest_of(frozen) == words.digest) == (changed == text)


def test_one_letter_written_two_ways_has_one_digest(tmp_path):
    composed = load_wording(written(tmp_path, SHEET.replace("sheet-1", "é")), "en")
    apart = load_wording(written(tmp_path, SHEET.replace("sheet-1", "e\u0301")), "en")
    assert composed.digest == apart.digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('version = "2026.3"\n', ""),
        ('version = "2026.3"', "version = 1"),
        ('version = "2026.3"', 'version = " "'),
        ('version = "2026.3"', 'version = "2026.2"\nextra = "x"'),
        ('language = "en"', 'language = "cy"'),
        ('key = "storage"', 'key = "place"'),
        ('key = "storage"', 'key = "retention"'),
        ('purpose = "research"', 'purpose = "gossip"'),
        ('purpose = "research"', 'purpose = "social"'),
        ('purpose = "care"', 'purpose = "audit"'),
        ('heading = "How it helps"\n', ""),
        ('heading = "How it helps"', 'heading = "How it helps"\nhint = "x"'),
        ("{site}?", "{place}?"),
        ("{site}?", "{site?"),
        ("{site}?", "site}?"),
        ("[nothing_else]\n", "[nothing_else.more]\n"),
        ("language =", "language"),
    ],
)
def test_words_that_are_not_as_they_should_be_are_refused(tmp_path, old, new):
    assert old in SHEET
    with pytest.raises(WordingRefused):
        load_wording(written(tmp_path, SHEET.replace(old, new, 1)), "en")


def test_a_list_that_is_no_list_is_refused(tmp_path):
    head, _, tail = SHEET.partition("[[told]]")
    tail = tail[tail.index("[[purposes]]") :]
    for told in ('told = "x"\n', 'told = ["x"]\n'):
        with pytest.raises(WordingRefused, match="told"):
            load_wording(written(tmp_path, head + told + tail), "en")


@pytest.mark.parametrize("language", ["fr", "../en", "", "EN", "en/../en"])
def test_a_language_without_words_is_refused(language):
    with pytest.raises(WordingRefused):
        load("england", language)


@pytest.mark.parametrize("pack", ["atlantis", "../packs/england", "", "England"])
def test_a_pack_that_does_not_exist_has_no_words(pack):
    with pytest.raises(WordingRefused):
        load(pack, "en")


def test_bytes_that_are_no_text_are_refused(tmp_path):
    folder = written(tmp_path, SHEET)
    (folder / "wording" / "en.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(WordingRefused):
        load_wording(folder, "en")
