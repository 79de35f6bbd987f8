"""Every sheet there is: whole, plain, the same items and answers in every language and layout."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from safelight.flows import consent, lasting, receipts
from safelight.policy import saying, withdrawal, wording
from safelight.policy.wording import REACHING, TOLD, VARIANTS, WordingRefused, load
from safelight.terms import Purpose
from safelight.web import sheet as web_sheet
from safelight.web.views import withdrawal as taking_back
from safelight.web.words import PURPOSES
from unit.policy.test_wording import grade, sentences, texts, words_of

ROOT = Path(wording.__file__).parents[1]
SHEETS = [(tag, variant) for tag in ("en", "cy") for variant in VARIANTS]
FILLED = {"site": "left lower leg", "name": "Alex Example"}
PATIENTS_PAGES = [
    *(ROOT / "web/templates/consent").glob("*.html"),
    *(ROOT / "web/templates/receipts").glob("*.html"),
    *(ROOT / "web/templates/withdrawal").glob("*.html"),
]
STAFF_ALONE = {"record.html", "where.html", "choose.html", "done.html"}
"""Pages in the same folders that only staff see."""


@pytest.mark.parametrize(("language", "variant"), SHEETS)
def test_each_sheet_tells_and_asks_the_same(language, variant):
    plain, sheet = load("england", "en"), load("england", language, variant=variant)
    assert tuple(each.key for each in sheet.told) == TOLD
    assert [each.purpose for each in sheet.purposes] == [each.purpose for each in plain.purposes]
    assert {each.purpose for each in sheet.purposes if each.reach} == REACHING - {Purpose.MARKETING}
    assert (sheet.language, (sheet.reader, sheet.is_easy)) == (language, VARIANTS[variant])


@pytest.mark.parametrize("variant", list(VARIANTS))
def test_a_child_of_eleven_can_read_every_english_sheet(variant):
    sheet = load("england", "en", variant=variant).render(**FILLED)
    read = [*texts(sheet), *(each.reach for each in sheet.purposes if each.reach)]
    assert grade(read) <= 6
    assert [each for text in read for each in sentences(text) if len(words_of(each)) > 14] == []


def test_the_english_pages_around_the_sheet_are_plain_too():
    for section in ("sheet", "receipt", "page", "change", "follows"):
        assert grade([re.sub(r"\{\w+\}", "Alex", each) for each in ENGLISH[section]]) <= 6, section


@pytest.mark.parametrize("language", ["en", "cy"])
def test_easy_read_has_a_drawing_beside_each_short_sentence(language):
    sheet = load("england", language, variant="easy").render(**FILLED)
    parts = (*sheet.told, *sheet.purposes, sheet.nothing_else)
    for line in [line for each in parts for line in each.lines]:
        assert len(sentences(line.text)) == 1
        assert len(line.text.split()) <= 13
        assert line.picture in dict(sheet.pictures)
    assert all(each.lines for each in parts)
    assert len(sheet.pictures) > 15


def test_every_drawing_is_used_and_brings_nothing_with_it():
    used = {
        name
        for language, variant in SHEETS
        for name, _ in load("england", language, variant=variant).pictures
    }
    drawn = {path.stem: path.read_text() for path in Path(str(wording.DRAWINGS)).glob("*.svg")}
    assert set(drawn) - used <= {"yes", "no"}
    for text in drawn.values():
        assert 'id="drawing"' in text
        assert not re.search(r"script|href|style|url\(|<image|foreignObject", text)


def test_the_words_speak_to_whom_they_are_for():
    young = load("england", "en", variant="young")
    decider = load("england", "en", variant="representative").render(**FILLED)
    assert "a parent or a friend" in young.lead
    assert "until you are 25" in young.told[2].text
    assert "Alex Example" in decider.question
    assert "Once Alex Example can decide, we ask" in decider.told[-1].text
    assert all("your" not in words_of(text) for text in texts(decider) if "other notes" in text)


def test_another_drawing_is_another_sheet(monkeypatch, tmp_path):
    before = load("england", "en", variant="easy")
    for path in Path(str(wording.DRAWINGS)).glob("*.svg"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "camera.svg").write_text("<svg/>")
    monkeypatch.setattr(wording, "DRAWINGS", tmp_path)
    after = wording.read_sheet(wording.folder_of("england"), "en", variant="easy")
    assert after.digest != before.digest


EASY = (Path(str(wording.folder_of("england"))) / "en.easy.toml").read_text()
PLAIN = (Path(str(wording.folder_of("england"))) / "en.toml").read_text()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"camera"]', '"nothing"]'),
        ('"camera"]', '"../x"]'),
        ('["It shows how your {site} looks today.", "camera"]', '"one sentence"'),
        ('["It shows how your {site} looks today.", "camera"]', '["one", "camera", "more"]'),
        ('["It shows how your {site} looks today.", "camera"]', '["", "camera"]'),
        ('["It shows how your {site} looks today.", "camera"]', '["{place}", "camera"]'),
        ('layout = "easy-1"', 'layout = "sheet-1"'),
        ('heading = "How it helps"\n', 'heading = "How it helps"\ntext = "x"\n'),
        ('title = "Nothing else, ever"\nlines = [', 'title = "x"\nlines = []\nmore = ['),
        (EASY[EASY.index("lines", EASY.index("[nothing_else]")) :], "lines = []\n"),
    ],
)
def test_an_easy_sheet_that_is_not_as_it_should_be_is_refused(tmp_path, old, new):
    assert old in EASY
    (tmp_path / "en.easy.toml").write_text(EASY.replace(old, new, 1))
    with pytest.raises(WordingRefused):
        wording.read_sheet(tmp_path, "en", variant="easy")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('purpose = "care"\n', 'purpose = "care"\nreach = "x"\n'),
        ('reach = "Anyone with a search engine can find it. It can’t be called back."\n', ""),
        ('layout = "sheet-1"', 'layout = "easy-1"'),
    ],
)
def test_reach_belongs_to_what_cannot_be_called_back(tmp_path, old, new):
    assert old in PLAIN
    (tmp_path / "en.toml").write_text(PLAIN.replace(old, new, 1))
    with pytest.raises(WordingRefused):
        wording.read_sheet(tmp_path, "en")


def test_a_sheet_that_nobody_knows_is_refused():
    with pytest.raises(WordingRefused):
        load("england", "en", variant="loud")


# The words around the sheets

ENGLISH = saying.english_texts()
ALL = {text for section in ENGLISH.values() for text in section}


def test_welsh_is_whole():
    assert saying.check_language("england", "cy") == tuple(VARIANTS)
    assert saying.languages("england") == ("en", "cy")
    assert saying.saying("cy").say("Clear") == "Clirio"
    assert saying.saying("cy").name == "Cymraeg"


def test_every_text_on_the_patients_pages_is_one_that_translators_are_asked_for():
    found = {
        text
        for page in PATIENTS_PAGES
        for text in re.findall(r'\{% say "([^"]+)"', page.read_text())
    }
    assert len(found) > 60
    assert found <= ALL


def test_no_patients_page_says_anything_untranslated():
    """Words outside of tags, on pages that the patient reads, all go through `say`."""
    for page in PATIENTS_PAGES:
        if page.name in STAFF_ALONE:
            continue
        text = page.read_text().replace("{% block wrap_class %} narrow", "")
        bare = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", "|", text, flags=re.DOTALL)
        words = {word for word in re.findall(r"[A-Za-z]{3,}", bare) if word != "Safelight"}
        assert not words, page.name


@pytest.mark.parametrize("module", [consent, lasting, web_sheet])
def test_every_error_on_the_sheet_is_one_that_translators_are_asked_for(module):
    tree = ast.parse(Path(module.__file__).read_text())
    said = {
        value.value
        for node in ast.walk(tree)
        for value in (node.values if isinstance(node, ast.Dict) else [])
        if isinstance(value, ast.Constant) and isinstance(value.value, str)
    }
    said = {text for text in said if " " in text and text[0].isupper()}
    said -= {"This answer doesn't wait for a problem to be over"}  # on the staff's own page
    if module is consent:
        said |= {consent.NAME_THE_PLACE, consent.NOTHING_TO_NAME, consent.FOR_THE_DECIDER}
        said |= {consent.FOR_THE_PATIENT, consent.StaleWording.for_people}
    assert said
    assert said <= ALL


def test_what_happened_and_what_it_is_for_have_their_words_in_every_language():
    assert set(receipts.SAID.values()) | set(receipts.ROLES.values()) <= ALL
    assert set(PURPOSES.values()) <= ALL
    assert receipts.ReceiptUnknown.for_people in ALL


def test_taking_back_and_saying_no_have_their_words_in_every_language():
    steps = {word for _, word, _ in taking_back.STEPS.values()}
    assert steps | {taking_back.TIMES} <= ALL
    open_ones = list(Purpose)
    for form in (taking_back.TakeBackForm, taking_back.PictureForm, taking_back.SayNoForm):
        asked = form(open_ones=open_ones).fields["purposes"]
        mine = {asked.error_messages[code] for code in ("required", "invalid_choice")}
        if form is not taking_back.PictureForm:  # staff's alone
            mine |= {str(label) for _, label in asked.choices}
            mine |= {label.text for _, label in asked.choices if label.text}
        assert mine | {asked.label} <= ALL


WELSH = saying.saying("cy")


@pytest.mark.parametrize(
    "purposes",
    [{each} for each in Purpose if each not in withdrawal.BY_LAW]
    + [{Purpose.RESEARCH, Purpose.SOCIAL}],
)
@pytest.mark.parametrize("relied_on", [False, True])
@pytest.mark.parametrize("held", [False, True])
def test_whatever_follows_is_said_in_welsh(purposes, relied_on, held):
    """Every consequence that can be made of these parts comes out with nothing English left."""
    things = [
        withdrawal.Derived(kind, f"{kind}-{each}-{out}", each, out)
        for kind in ("original", "copy", "link", "release", "queued")
        for each in Purpose
        for out in (False, True)
        if kind != "original" or not out
    ]
    english = set(withdrawal.SENTENCES) | set(withdrawal.PHRASES) - {"copy", "link"}
    for one in withdrawal.consequences(
        purposes, things=things, relied_on_for_care=relied_on, during=False, held=held
    ):
        text = withdrawal.said(one.text, WELSH)
        assert text != one.text
        assert "{" not in text
        assert not [part for part in english if part in text and part != "original"], text
        assert withdrawal.said(one.text, saying.saying("en")) == one.text


def test_what_people_call_a_thing_stays_as_it_is_in_welsh():
    slide = withdrawal.Derived("copy", "s", Purpose.TEACHING_LOCAL, False, called="slide 7")
    (one,) = withdrawal.consequences(
        {Purpose.TEACHING_LOCAL}, things=[slide], relied_on_for_care=True, during=False, held=False
    )
    text = withdrawal.said(one.text, WELSH)
    assert "slide 7" in text
    assert text != one.text


def test_every_sentence_that_is_put_together_is_one_that_translators_are_asked_for():
    assert set(withdrawal.SENTENCES) | set(withdrawal.PHRASES) <= ALL
    assert withdrawal.said("Of another origin", WELSH) == "Of another origin"


def test_english_says_itself_and_puts_values_in():
    words = saying.saying("en")
    assert words.say("Until {name} is {age}", name="{age}", age=16) == "Until {age} is 16"
    assert words.say("{name}") == "{name}"
    assert words.site("Left lower leg") == "left lower leg"


# A third language, made up: what docs/formats/wording.md says suffices


def made_up(folder: Path) -> Path:
    """Write a language in which every word is turned round, as a practice would drop it in."""

    def turned(text: str) -> str:
        return re.sub(r"\{\w+\}|[^\W\d_]+", lambda word: _turned(word[0]), text)

    sheet = re.sub(
        r'^(question|lead|heading|title|text|reach) = "(.*)"$',
        lambda found: f'{found[1]} = "{turned(found[2])}"',
        PLAIN.replace('language = "en"', 'language = "xx"'),
        flags=re.MULTILINE,
    )
    (folder / "xx.toml").write_text(sheet, encoding="utf-8")
    page = ['language = "xx"', 'name = "Dnuor"']
    for section, listed in ENGLISH.items():
        page += [f"[{section}]", *(f'"{text}" = "{turned(text)}"' for text in listed)]
    (folder / "xx.page.toml").write_text("\n".join(page), encoding="utf-8")
    return folder


def _turned(word: str) -> str:
    return word if word.startswith("{") else word[::-1].capitalize()


def test_a_language_is_added_by_two_files(tmp_path):
    folder = made_up(tmp_path)
    assert saying.languages("england", beside=folder) == ("en", "cy", "xx")
    assert saying.languages("england", variant="easy", beside=folder) == ("en", "cy")
    assert saying.check_language("england", "xx", beside=folder) == ("",)
    assert saying.saying("xx", beside=folder).say("Clear") == "Raelc"
    assert load("england", "xx", beside=folder).lead.startswith("Uoy Nac Yas On")
    assert not wording.has_sheet("england", "xx", "easy", beside=folder)


def test_a_folder_beside_replaces_nothing_of_ours(tmp_path):
    folder = made_up(tmp_path)
    for name in ("en.toml", "cy.toml", "cy.page.toml", "cy.young.toml"):
        (folder / name).write_text("nothing = true")
    assert load("england", "en", beside=folder) == load("england", "en")
    assert saying.saying("cy", beside=folder) == saying.saying("cy")
    assert "cy" in saying.languages("england", beside=folder)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('language = "xx"', 'language = "yy"'),
        ('name = "Dnuor"', 'name = " "'),
        ('name = "Dnuor"\n', ""),
        ("[sheet]\n", "[more]\n[sheet]\n"),
        ("[sheet]\n", "[leaf]\n"),
        ('"Clear" = "Raelc"\n', ""),
        ('"Clear" = "Raelc"', '"Clear" = " "'),
        ('"Clear" = "Raelc"', '"Clear" = 1'),
        ('"Clear" = "Raelc"', '"Clear" = "Raelc"\n"Unknown" = "x"'),
        ('"Clear" = "Raelc"', '"Clear" = "Raelc {name}"'),
        ("Litnu {name} Si {age}", "Litnu {name} Si"),
        ("[sheet]\n", "sheet = 1\n[old]\n"),
    ],
)
def test_half_a_language_is_not_offered(tmp_path, old, new):
    page = made_up(tmp_path) / "xx.page.toml"
    assert old in page.read_text()
    page.write_text(page.read_text().replace(old, new, 1))
    with pytest.raises(WordingRefused):
        saying.check_language("england", "xx", beside=tmp_path)
    assert saying.languages("england", beside=tmp_path) == ("en", "cy")


def test_a_section_that_is_no_table_is_refused(tmp_path):
    page = made_up(tmp_path) / "xx.page.toml"
    text = page.read_text()
    at = text.index("[sheet]")
    page.write_text(text[:at] + "sheet = 1\n" + text[text.index("[errors]") :])
    with pytest.raises(WordingRefused, match="not a table"):
        saying.saying("xx", beside=tmp_path)


@pytest.mark.parametrize("language", ["zz", "../cy", "", "CY"])
def test_words_in_a_language_that_is_not_there_are_refused(language, tmp_path):
    for beside in (None, tmp_path):
        with pytest.raises(WordingRefused):
            saying.saying(language, beside=beside)
    assert not wording.has_sheet("england", language)
    assert saying.languages("england", beside=tmp_path / "none") == ("en", "cy")


def test_an_easy_sheet_is_not_shown_for_a_plain_one(tmp_path):
    (tmp_path / "en.toml").write_text(EASY)
    with pytest.raises(WordingRefused, match="layout"):
        wording.read_sheet(tmp_path, "en")
