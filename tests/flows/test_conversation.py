"""Languages, readers, targets, helpers, how long it lasts: and all of it as it was, for ever."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone

from factories import NOW, patient, representative
from flows.conftest import SITE, agree, signature
from flows.test_clinic_pages import answers, sheet
from safelight import policy
from safelight.flows import consent as flow
from safelight.flows import frozen, lasting, sheets
from safelight.flows.allowed import DoesNotFit, NotAllowed
from safelight.policy import wording
from safelight.policy.wording import TOLD, digest_of
from safelight.records.models import Consent, LedgerEntry, Objection, Patient
from safelight.terms import Purpose
from unit.policy.test_sheets import made_up

SIGNED = {"form": "electronic", "statement": "", "signature": signature()}
JOURNAL = flow.Around(targets={Purpose.PUBLICATION: "Journal of Made-up Cases"})


@pytest.fixture
def inside(client, gp):
    client.force_login(gp)
    return client


def sheet_in(of: Patient, language: str, **way) -> str:
    return flow.conversation(of, body_site=SITE, language=language, **way, now=NOW).digest


# Language, layout and reader


def test_the_language_of_the_last_answer_is_remembered(gp, adult):
    assert flow.conversation(adult, body_site=SITE, now=NOW).language == "en"
    consent, _ = agree(adult, gp, wording=sheet_in(adult, "cy", easy=True))
    adult.refresh_from_db()
    assert (consent.wording["language"], consent.wording["layout"]) == ("cy", "easy-1")
    assert (adult.language, adult.easy_read) == ("cy", True)
    again = flow.conversation(adult, body_site=SITE, now=NOW)
    assert (again.language, again.is_easy) == ("cy", True)
    assert (
        flow.conversation(adult, body_site=SITE, easy=False, language="en", now=NOW).layout
        == "sheet-1"
    )


def test_an_answer_that_comes_in_late_does_not_change_the_language_back(gp, adult):
    agree(adult, gp, wording=sheet_in(adult, "cy", easy=True))
    before = NOW - timedelta(days=2)
    english = flow.conversation(adult, body_site=SITE, language="en", easy=False, now=before)
    agree(adult, gp, wording=english.digest, now=before)
    adult.refresh_from_db()
    assert (adult.language, adult.easy_read) == ("cy", True)


def test_parts_of_the_body_are_named_in_the_language(adult):
    words = flow.conversation(adult, body_site=SITE, language="cy", now=NOW)
    assert "rhan isaf y goes chwith" in words.question


def test_a_third_language_is_dropped_in(gp, adult, tmp_path, settings):
    settings.SAFELIGHT_WORDING = made_up(tmp_path)
    assert [
        each.name for each in sheets.languages(adult, easy=False, reader="patient", now=NOW)
    ] == [
        "English",
        "Cymraeg",
        "Dnuor",
    ]
    consent, _ = agree(adult, gp, wording=sheet_in(adult, "xx"))
    assert consent.wording["language"] == "xx"
    assert frozen.is_as_it_was(consent)
    settings.SAFELIGHT_WORDING = None
    adult.refresh_from_db()
    assert flow.conversation(adult, body_site=SITE, now=NOW).language == "en", "its words are gone"
    assert sheets.words_for("xx").language == "en"


def test_a_language_without_a_sheet_for_this_reader_is_shown_in_english(adult, tmp_path, settings):
    settings.SAFELIGHT_WORDING = made_up(tmp_path)
    young = flow.conversation(adult, body_site=SITE, language="xx", reader="young", now=NOW)
    assert (young.language, young.reader) == ("xx", "patient"), "the plain sheet does as well"
    for way in ({"easy": True}, {"reader": "representative"}):
        assert (
            flow.conversation(adult, body_site=SITE, language="xx", **way, now=NOW).language == "en"
        )
    assert len(sheets.languages(adult, easy=False, reader="young", now=NOW)) == 3


@pytest.mark.parametrize("language", ["fr", "../en", "", "\0"])
def test_a_language_that_nobody_has_is_english(adult, language):
    words = flow.conversation(adult, body_site=SITE, language=language, reader="young", now=NOW)
    assert (words.language, words.reader) == ("en", "young")


def test_words_for_one_reader_take_no_answer_of_the_other(gp, surgery):
    child = patient(practice=surgery, born_on=NOW.date() - timedelta(days=4000))
    mother = representative(child)
    for_mother = flow.conversation(child, body_site=SITE, reader="representative", now=NOW).digest
    for_child = flow.conversation(child, body_site=SITE, reader="young", now=NOW).digest
    by_mother = {"given_by": mother.authority, "representative": mother}
    for given in ({"wording": for_mother}, by_mother | {"wording": for_child}):
        with pytest.raises(DoesNotFit) as refused:
            agree(child, gp, **given)
        assert set(refused.value.fields) == {"given_by"}
    assert agree(child, gp, wording=for_child)[0].wording["reader"] == "young"
    made, _ = agree(child, gp, **by_mother, wording=for_mother)
    assert made.wording["reader"] == "representative"
    assert child.name in made.wording["question"]


# What can't be called back


def test_a_yes_to_publication_is_for_one_named_place(gp, adult):
    with pytest.raises(DoesNotFit) as refused:
        agree(adult, gp, Purpose.CARE, Purpose.PUBLICATION, Purpose.SOCIAL, **SIGNED)
    assert set(refused.value.fields) == {"target-publication", "target-social"}
    both = flow.Around(targets={Purpose.PUBLICATION: " Journal  A ", Purpose.SOCIAL: "Our page"})
    made, _ = agree(
        adult, gp, Purpose.CARE, Purpose.PUBLICATION, Purpose.SOCIAL, around=both, **SIGNED
    )
    assert made.targets == {"publication": "Journal A", "social": "Our page"}
    made.final_item_seen = True
    facts = {tuple(each["purposes"]): each for each in made.facts()}
    assert facts["care",]["target"] is None
    assert facts["publication",]["target"] == "Journal A"
    assert facts["social",]["target"] == "Our page"
    assert not facts["publication",]["final_item_seen"], "which of the two was seen isn't known"


def test_one_place_whose_final_item_was_seen_counts(gp, adult):
    made, _ = agree(adult, gp, Purpose.PUBLICATION, around=JOURNAL, **SIGNED)
    made.final_item_seen = True
    assert made.facts()[0]["final_item_seen"]


@pytest.mark.parametrize("purpose", [Purpose.CARE, Purpose.TEACHING_LOCAL, Purpose.PUBLICATION])
def test_a_place_without_its_yes_is_asked_about(gp, adult, purpose):
    places = flow.Around(targets={purpose: "Journal A", Purpose.SOCIAL: " "})
    with pytest.raises(DoesNotFit) as refused:
        agree(adult, gp, Purpose.CARE, around=places)
    assert set(refused.value.fields) == {f"target-{purpose.value}"}


def test_wider_teaching_may_name_its_course(gp, adult):
    course = flow.Around(targets={Purpose.TEACHING_WIDE: "Skin course"})
    assert agree(adult, gp, Purpose.TEACHING_WIDE)[0].targets == {}
    made, _ = agree(adult, gp, Purpose.TEACHING_WIDE, around=course)
    assert made.facts()[0]["target"] == "Skin course"


@pytest.mark.parametrize("purpose", [Purpose.PUBLICATION, Purpose.SOCIAL, Purpose.TEACHING_WIDE])
def test_that_it_cannot_be_called_back_is_said_before_the_yes(gp, adult, purpose):
    told = [key for key in TOLD if key != "irrevocable"]
    place = {} if purpose is Purpose.TEACHING_WIDE else {purpose: "Journal A"}
    with pytest.raises(DoesNotFit) as refused:
        agree(
            adult,
            gp,
            purpose,
            told=told,
            not_told={"irrevocable": "No time"},
            around=flow.Around(targets=place),
            **SIGNED,
        )
    assert set(refused.value.fields) == {"told-irrevocable"}


def test_a_public_use_is_signed_for(gp, adult):
    with pytest.raises(DoesNotFit) as refused:
        agree(adult, gp, Purpose.PUBLICATION, around=JOURNAL)
    assert set(refused.value.fields) == {"form"}


# Who helped


def test_interpreter_and_witness_are_written_down(gp, adult):
    helped = flow.Around(interpreter=" Lingua Line  4711 ", interpreter_by="remote", witness="Jo ")
    made, _ = agree(adult, gp, around=helped)
    assert (made.interpreter, made.interpreter_by) == ("Lingua Line 4711", "remote")
    assert (made.get_interpreter_by_display(), made.witness) == ("By phone or video", "Jo")


@pytest.mark.parametrize(
    ("around", "field"),
    [
        (flow.Around(interpreter="Jo"), "interpreter_by"),
        (flow.Around(interpreter="Jo", interpreter_by="telepathy"), "interpreter_by"),
        (flow.Around(interpreter=" ", interpreter_by="room"), "interpreter"),
    ],
)
def test_half_an_interpreter_is_asked_about(gp, adult, around, field):
    with pytest.raises(DoesNotFit) as refused:
        agree(adult, gp, around=around)
    assert set(refused.value.fields) == {field}


# How long it lasts

TODAY = NOW.date()


@pytest.mark.parametrize(
    ("lasts", "born_on", "last_day"),
    [
        ({}, date(1955, 3, 14), None),
        ({"until": "2026-11-22"}, date(1955, 3, 14), date(2026, 11, 22)),
        ({"months": 3}, date(1955, 3, 14), date(2027, 2, 22)),
        ({"months": 12}, date(1955, 3, 14), date(2027, 11, 22)),
        ({"age": 16}, date(2012, 2, 29), date(2028, 2, 28)),
        ({"age": 18}, date(2012, 2, 29), date(2030, 2, 27)),
        ({"episode": "Leg ulcer"}, date(1955, 3, 14), None),
    ],
)
def test_the_last_day_follows_from_what_was_said(gp, surgery, lasts, born_on, last_day):
    of = patient(practice=surgery, born_on=born_on)
    made, _ = agree(of, gp, around=flow.Around(lasts=lasts))
    assert (made.lasts, made.expires_on) == (lasts, last_day)
    assert made.facts()[0]["expires_on"] == (last_day.isoformat() if last_day else None)


@pytest.mark.parametrize(
    ("lasts", "field"),
    [
        ({"until": "2026-11-22", "months": 3}, "lasts"),
        ({"moon": "full"}, "lasts"),
        ({"until": "2026-11-21"}, "lasts_until"),
        ({"until": ""}, "lasts_until"),
        ({"until": "soon"}, "lasts_until"),
        ({"months": 7}, "lasts_months"),
        ({"months": "3"}, "lasts_months"),
        ({"age": 16}, "lasts"),
        ({"age": 99}, "lasts"),
        ({"age": "16"}, "lasts"),
        ({"episode": "  "}, "lasts_episode"),
        ({"episode": 3}, "lasts_episode"),
    ],
)
def test_an_end_that_does_not_fit_is_not_recorded(gp, adult, lasts, field):
    with pytest.raises(DoesNotFit) as refused:
        agree(adult, gp, around=flow.Around(lasts=lasts))
    assert set(refused.value.fields) == {field}


def test_after_its_last_day_a_yes_permits_nothing(gp, adult):
    made, _ = agree(adult, gp, around=flow.Around(lasts={"until": "2026-11-22"}))
    assert not made.has_expired(on=TODAY)
    assert made.has_expired(on=TODAY + timedelta(days=1))
    answer = policy.decide(
        {
            "action": "make",
            "purpose": "care",
            "audience": "team",
            "at": (NOW + timedelta(days=1)).isoformat(),
            "patient": {"born": "1955-03-14", "capacity": "has"},
            "recording": {"type": "photograph", "made_for": "care"},
            "consents": made.facts(),
        },
        pack=policy.load_pack("england"),
    )
    assert any("expired" in each.text for each in answer.because)


def test_an_answer_for_one_problem_ends_when_somebody_says_that_it_is_over(gp, adult, stranger):
    made, _ = agree(adult, gp, around=flow.Around(lasts={"episode": "Leg  ulcer"}))
    later = NOW + timedelta(days=40)
    with pytest.raises(NotAllowed):
        lasting.end_episode(made, by=stranger, now=later)
    lasting.end_episode(made, by=gp, now=later)
    made.refresh_from_db()
    assert (made.lasts, made.expires_on) == ({"episode": "Leg ulcer"}, later.date())
    assert frozen.is_as_it_was(made)
    assert LedgerEntry.objects.filter(kind="consent.episode-ended").count() == 1
    for other in (made, agree(adult, gp)[0]):
        with pytest.raises(DoesNotFit):
            lasting.end_episode(other, by=gp, now=later)


# As it was


def test_a_change_of_the_catalogue_changes_nothing_that_was_said(
    gp, adult, tmp_path, monkeypatch, inside
):
    made, _ = agree(adult, gp, Purpose.CARE, now=timezone.now())
    before = dict(made.wording)
    packs = Path(str(wording.folder_of("england")))
    shutil.copytree(packs, tmp_path / "wording")
    changed = tmp_path / "wording" / "en.toml"
    text = changed.read_text().replace("Your care stays the same.", "It costs a pound.")
    changed.write_text(text.replace('version = "2026.3"', 'version = "2027.1"'))
    monkeypatch.setattr(wording, "folder_of", lambda pack: tmp_path / "wording")
    wording._ours.cache_clear()
    try:
        assert "a pound" in flow.conversation(adult, body_site=SITE, now=NOW).lead
        with pytest.raises(flow.StaleWording):
            agree(adult, gp, wording=digest_of(before))
        made.refresh_from_db()
        assert made.wording == before
        assert frozen.is_as_it_was(made)
        page = inside.get(reverse("consent-record", args=[made.pk])).content.decode()
        assert "Your care stays the same." in page
        assert "As it was" in page
        assert "a pound" not in page
    finally:
        wording._ours.cache_clear()


@pytest.mark.parametrize(
    "change",
    [
        {"purposes": ["care", "research"]},
        {"refused": []},
        {"told": ["purpose"]},
        {"targets": {"publication": "Elsewhere"}},
        {"interpreter": "Somebody"},
        {"witness": "Somebody"},
        {"statement": "Everything is fine"},
        {"given_by": "court"},
        {"lasts": {"months": 60}},
        {"nothing_else": True},
        {"answer_salt": "0" * 32},
        {"answer_digest": "0" * 64},
        {"answer_digest": ""},
        {"wording_digest": "0" * 64},
    ],
)
def test_what_was_altered_afterwards_shows(gp, adult, change):
    made, _ = agree(adult, gp)
    assert frozen.is_as_it_was(made)
    Consent.objects.filter(pk=made.pk).update(**change)
    assert not frozen.is_as_it_was(Consent.objects.get(pk=made.pk))


def test_altered_words_show_and_so_does_an_answer_that_the_ledger_never_had(gp, adult):
    made, _ = agree(adult, gp)
    agree(adult, gp)
    made.wording = made.wording | {"lead": "You can't say no."}
    assert not frozen.is_as_it_was(made)
    made.wording_digest = digest_of(made.wording)
    made.answer_digest = frozen.digest_of_answer(made)
    assert not frozen.is_as_it_was(made)
    LedgerEntry.objects.all().delete()
    assert not frozen.is_as_it_was(Consent.objects.get(pk=made.pk))


def test_an_answer_from_before_answers_were_frozen_has_its_words_checked(gp, adult, monkeypatch):
    append = flow.log.append

    def without(*given, answer, **details):
        append(*given, **details)

    monkeypatch.setattr(flow.log, "append", without)
    made, _ = agree(adult, gp)
    Consent.objects.filter(pk=made.pk).update(answer_digest="")
    made.refresh_from_db()
    assert frozen.is_as_it_was(made)
    made.wording = made.wording | {"lead": "Other words."}
    assert not frozen.is_as_it_was(made)


# The pages


def test_the_sheet_offers_welsh_and_easy_read_before_anything_else(inside, adult):
    page = inside.get(sheet(adult)).content.decode()
    assert page.index("Cymraeg") < page.index("<h1>")
    assert page.index("Easy read") < page.index("<h1>")
    welsh = inside.get(sheet(adult, language="cy")).content.decode()
    assert 'lang="cy"' in welsh
    assert "A gawn ni dynnu llun" in welsh
    assert "English" in welsh
    easy = inside.get(sheet(adult, read="easy")).content.decode()
    assert easy.count('class="drawing"') > 30
    assert "All the words" in easy
    assert "checked" not in easy


def test_everything_around_the_answers_comes_from_the_sheet(inside, adult):
    said = answers(
        adult,
        purposes=["care", "publication", "teaching-wide"],
        wording=sheet_in(adult, "cy"),
        interpreter="Lingua Line",
        interpreter_by="room",
        witness="Nurse Jo",
        lasts="months:12",
        **{"target-publication": "Journal A", "target-teaching-wide": ""},
    )
    sent = inside.post(sheet(adult, language="cy"), said)
    assert sent.status_code == 302, sent.content.decode()
    made = Consent.objects.get()
    assert (made.interpreter, made.witness, made.lasts) == (
        "Lingua Line",
        "Nurse Jo",
        {"months": 12},
    )
    assert made.targets == {"publication": "Journal A"}
    assert Patient.objects.get().language == "cy"
    page = inside.get(reverse("consent-record", args=[made.pk])).content.decode()
    for words in (
        "Journal A",
        "Lingua Line, in the room",
        "Nurse Jo",
        "to the end of",
        "cy 2026.3",
    ):
        assert words in page


def test_errors_are_in_the_language_of_the_sheet(inside, adult):
    said = answers(
        adult,
        wording=sheet_in(adult, "cy"),
        purposes=["publication"],
        lasts_until="31-31-31",
        witness="x" * 201,
    )
    page = inside.post(sheet(adult, language="cy"), said).content.decode()
    assert "Does dim diwrnod o’r fath" in page
    assert "Defnyddiwch lai o eiriau yma" in page
    assert "Nifer y pethau i’w cywiro: 2" in page
    again = inside.post(sheet(adult, language="cy"), said | {"lasts_until": "", "witness": ""})
    assert "Enwch yr un cylchgrawn" in again.content.decode()
    assert "Mae 1 peth i’w gywiro" in again.content.decode()
    assert not Consent.objects.exists()


@pytest.mark.parametrize(
    ("typed", "lasts"),
    [
        ({"lasts": "until", "lasts_until": "2099-01-31"}, {"until": "2099-01-31"}),
        ({"lasts_until": "2099-01-31"}, {"until": "2099-01-31"}),
        ({"lasts_episode": "Leg ulcer"}, {"episode": "Leg ulcer"}),
        ({"lasts": "episode", "lasts_episode": "Leg ulcer"}, {"episode": "Leg ulcer"}),
        ({}, {}),
    ],
)
def test_what_is_typed_beside_a_length_counts(inside, adult, typed, lasts):
    inside.post(sheet(adult), answers(adult, **typed))
    assert Consent.objects.get().lasts == lasts


@pytest.mark.parametrize(
    "typed",
    [
        {"lasts": "until"},
        {"lasts": "episode"},
        {"lasts": "months:12", "lasts_until": "2099-01-31"},
        {"lasts": "age:16"},
        {"lasts": "for ever"},
    ],
)
def test_a_length_that_does_not_fit_comes_back_with_what_to_do(inside, adult, typed):
    page = inside.post(sheet(adult), answers(adult, **typed))
    assert "There is 1 thing to put right" in page.content.decode()
    assert not Consent.objects.exists()


def test_an_age_can_be_the_end_for_whoever_is_younger(inside, surgery):
    at_sixteen = timezone.localdate() - timedelta(days=365 * 16 + 100)
    young = patient(practice=surgery, born_on=at_sixteen, name="Alex Example")
    page = inside.get(sheet(young)).content.decode()
    assert "Until Alex is 18" in page
    assert "Until Alex is 16" not in page
    assert "You can have a parent or a friend here" in page


def test_whoever_decides_reads_words_of_their_own(inside, surgery):
    born_on = timezone.localdate() - timedelta(days=3000)
    child = patient(practice=surgery, born_on=born_on, name="Alex Example")
    assert "Who answers?" not in inside.get(sheet(child)).content.decode()
    mother = representative(child)
    page = inside.get(sheet(child)).content.decode()
    assert "May we take a picture of Alex Example’s" in page
    assert "Who answers?" in page
    own = inside.get(sheet(child, reader="patient")).content.decode()
    assert "May we take a picture of your" in own
    assert "Nobody has looked yet" in own
    digest = flow.conversation(child, body_site=SITE, reader="representative", now=NOW).digest
    said = answers(child, wording=digest)
    wrong = inside.post(sheet(child), said).content.decode()
    assert "These words speak to the person who decides" in wrong
    inside.post(sheet(child), said | {"given_by": str(mother.pk)})
    assert Consent.objects.get().representative == mother


def test_an_answer_that_has_run_out_is_asked_for_again(inside, adult, gp):
    made, _ = agree(adult, gp, now=timezone.now(), around=flow.Around(lasts={"episode": "Ulcer"}))
    assert inside.get(sheet(adult)).status_code == 302
    over = reverse("consent-over", args=[made.pk])
    assert (
        "until this is over: Ulcer"
        in inside.get(reverse("consent-record", args=[made.pk])).content.decode()
    )
    for _ in range(2):
        assert inside.post(over).url == reverse("consent-record", args=[made.pk])
    Consent.objects.update(expires_on=timezone.localdate() - timedelta(days=1))
    assert inside.get(sheet(adult)).status_code == 200


def test_the_receipt_and_the_patients_page_speak_their_language(inside, adult, client):
    said = answers(
        adult,
        wording=sheet_in(adult, "cy"),
        purposes=["care", "publication"],
        lasts="months:12",
        nothing_else="on",
        **{"target-publication": "Journal A"},
    )
    inside.post(sheet(adult, language="cy"), said)
    made = Consent.objects.get()
    assert Objection.objects.count() == 1
    slip = inside.get(reverse("consent-receipt", args=[made.pk])).content.decode()
    assert "ei gadw" in slip
    assert "/receipt/?language=cy#" in slip
    secret = slip.partition("/receipt/?language=cy#")[2][:43]
    door = client.get("/receipt/?language=cy").content.decode()
    assert "Agor fy nhudalen" in door
    wrong = client.post("/receipt/?language=cy", {"secret": "x" * 43})
    assert "Nid yw hwn yn god" in wrong.content.decode()
    client.post("/receipt/?language=cy", {"secret": secret})
    page = client.get("/receipt/page/").content.decode()
    for words in (
        "Beth y cytunoch iddo",
        "Cylchgrawn meddygol neu lyfr",
        "Dim ond ar gyfer: Journal A",
        "Mae’r cytundeb hwn yn para tan",
        "Heddiw",
        "A gawn ni dynnu llun",
        "nodi beth y cytunoch iddo",
    ):
        assert words in page


def test_a_door_in_a_language_that_nobody_has_is_english(client, db):
    for language in ("zz", "../cy"):
        assert "Open my page" in client.get("/receipt/", {"language": language}).content.decode()
