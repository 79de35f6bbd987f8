"""The pages of a question, a copy, a withdrawal and a receipt, each with its bad ways."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from factories import staff
from flows.conftest import agree, take
from safelight.detect import Finding
from safelight.flows.copies import TICKS
from safelight.policy.roles import Role
from safelight.records.models import (
    Copy,
    LedgerEntry,
    Link,
    OutgoingMail,
    Photo,
    Release,
    Reply,
    Withdrawal,
)
from safelight.terms import Answer, Purpose, Region

QUESTION = {
    "recipient_name": "Dr Skin",
    "recipient_email": "skin@hospital.example",
    "question": "Would you biopsy?",
    "days": "2",
}
WISH = {
    "use": "here",
    "target": "Tuesday teaching",
    "sex": "F",
    "age": "60-69",
    "place": "",
    "words": "",
}


@pytest.fixture
def slip(adult, gp) -> str:
    """A conversation and a picture, some days ago; the secret of its receipt."""
    then = timezone.now() - timedelta(days=3)
    consent, secret = agree(
        adult, gp, Purpose.CARE, Purpose.SECOND_OPINION, Purpose.TEACHING_LOCAL, now=then
    )
    take(adult, gp, consent, now=then)
    return secret


@pytest.fixture
def photo(slip) -> Photo:
    return Photo.objects.get()


@pytest.fixture
def clinic(gp) -> Client:
    return signed_in(gp)


@pytest.fixture
def lead(surgery):
    return staff(Role.IG_LEAD, practice=surgery)


def signed_in(person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def secret_of_link() -> str:
    mail = OutgoingMail.objects.exclude(subject="Your code").get()
    return re.search(r"/s/#(\S+)", mail.text)[1]


def newest_code() -> str:
    return OutgoingMail.objects.filter(subject="Your code").last().text[:7]


def opened(photo, clinic) -> tuple[Client, str]:
    """A colleague's browser that has opened the link, and where it shows."""
    clinic.post(f"/pictures/{photo.pk}/ask/", QUESTION)
    browser, secret = Client(), secret_of_link()
    assert browser.post("/s/", {"secret": secret}).status_code == 200
    answer = browser.post("/s/open/", {"secret": secret, "code": newest_code()})
    assert answer.status_code == 302, answer.content.decode()
    return browser, answer["Location"]


# --- a question to a colleague -------------------------------------------------------------------


def test_a_question_goes_out_and_comes_back(photo, clinic, adult):
    page = clinic.get(f"/pictures/{photo.pk}/ask/")
    assert "Permitted." in page.content.decode()
    browser, where = opened(photo, clinic)
    shown = browser.get(where).content.decode()
    assert "Would you biopsy?" in shown
    assert adult.name not in shown
    image = browser.get(f"{where}picture/")
    assert (image["Content-Type"], image.content[:2]) == ("image/jpeg", b"\xff\xd8")
    assert image["Cache-Control"] == "no-store"
    assert browser.post(f"{where}answer/", {"text": " "}).status_code == 422
    thanks = browser.post(f"{where}answer/", {"text": "Watch it."})
    assert "in the record" in thanks.content.decode()
    assert Reply.objects.get().text == "Watch it."
    listed = clinic.get("/opinions/").content.decode()
    assert "Watch it." in listed


def test_a_question_that_does_not_fit_says_so_at_its_field(photo, clinic):
    page = clinic.post(
        f"/pictures/{photo.pk}/ask/", QUESTION | {"recipient_email": "skin", "days": ""}
    )
    text = page.content.decode()
    assert "Type a whole address" in text
    assert "Choose how long" in text
    assert not Link.objects.exists()
    blank = clinic.post(f"/pictures/{photo.pk}/ask/", QUESTION | {"question": "\u200b \u2003"})
    assert blank.status_code in {200, 302}


def test_where_the_patient_objected_the_page_says_why(photo, clinic):
    Photo.objects.update(closed_to={"second-opinion": timezone.now().isoformat()})
    for answer in (
        clinic.get(f"/pictures/{photo.pk}/ask/"),
        clinic.post(f"/pictures/{photo.pk}/ask/", QUESTION),
    ):
        assert answer.status_code == 403
        assert "Not permitted" in answer.content.decode()


def test_a_scanner_that_fetches_the_link_reveals_and_counts_nothing(photo, clinic):
    clinic.post(f"/pictures/{photo.pk}/ask/", QUESTION)
    link = Link.objects.get()
    entries = LedgerEntry.objects.count()
    for _ in range(20):
        assert Client().get("/s/").status_code == 200
        assert Client().head("/s/").status_code == 200
        assert Client().get(f"/s/{link.pk}/").status_code == 403
        assert Client().get(f"/s/{link.pk}/picture/").status_code == 403
    link.refresh_from_db()
    assert (link.openings_used, link.codes_sent) == (0, 0)
    assert LedgerEntry.objects.count() == entries
    assert Client().get("/s/open/").status_code == 405


def test_wrong_codes_and_strangers_get_no_further(photo, clinic):
    clinic.post(f"/pictures/{photo.pk}/ask/", QUESTION)
    browser, secret = Client(), secret_of_link()
    browser.post("/s/", {"secret": ["", f"http://x/s/#{secret}"]})
    wrong = browser.post("/s/open/", {"secret": secret, "code": "12"})
    assert wrong.status_code == 422
    assert "six digits of the newest mail" in wrong.content.decode()
    assert browser.post("/s/open/", {"secret": secret, "code": ""}).status_code == 422
    assert browser.post("/s/open/", {"secret": "x", "code": "1"}).status_code == 403
    assert browser.post("/s/", {"secret": "x" * 43}).status_code == 403
    assert browser.post(f"/s/{Link.objects.get().pk}/answer/", {"text": "?"}).status_code == 403


def test_who_guesses_secrets_is_braked(db):
    said = {Client().post("/s/", {"secret": f"{n:043d}"}).status_code for n in range(120)}
    assert said == {403, 429}


def test_a_link_that_is_closed_dies_at_the_next_request(photo, clinic):
    browser, where = opened(photo, clinic)
    assert browser.get(f"{where}picture/").status_code == 200
    closed = clinic.post(f"/opinions/{Link.objects.get().pk}/close/", follow=True)
    assert "can’t look any more" in closed.content.decode()
    assert browser.get(where).status_code == 403
    assert browser.get(f"{where}picture/").status_code == 403
    assert browser.post("/s/", {"secret": "x"}).status_code == 403


def test_a_second_browser_is_shut_out(photo, clinic):
    _, where = opened(photo, clinic)
    assert Client().get(where).status_code == 403
    assert Client().post("/s/", {"secret": secret_of_link()}).status_code == 403


# --- a copy for teaching -------------------------------------------------------------------------


def wish(photo, clinic, **given) -> str:
    answer = clinic.post(f"/pictures/{photo.pk}/copy/", WISH | given)
    assert answer.status_code == 302, answer.content.decode()
    return answer["Location"]


def make(where, clinic, **given):
    boxes = {"keep": "[]", "cover": "[[10, 10, 60, 60]]", "leave": "[]", "ticked": list(TICKS)}
    return clinic.post(f"{where}prepare/", boxes | given)


def test_a_copy_is_made_reviewed_and_used(photo, clinic, gp, lead):
    assert clinic.get(f"/pictures/{photo.pk}/copy/").status_code == 200
    where = wish(photo, clinic)
    page = clinic.get(where).content.decode()
    assert "safelight-editor" in page
    assert (
        json.loads(re.search(r'type="application/json">(.*?)</script>', page)[1])["findings"]
        is not None
    )
    assert clinic.get(f"{where}original/")["Content-Type"] == "image/jpeg"
    assert clinic.get(f"{where}copy/").status_code == 404
    made = make(where, clinic)
    assert made.status_code == 302, made.content.decode()
    assert "who asked" in clinic.get(where).content.decode()
    office = signed_in(lead)
    assert "Tuesday teaching" in office.get("/releases/").content.decode()
    review = office.get(where).content.decode()
    assert "May this copy leave?" in review
    assert "Permitted, once you agree" in review
    assert office.get(f"{where}copy/")["Content-Type"] == "image/jpeg"
    office.post(f"{where}approve/", {"note": "Fine."})
    assert Release.objects.get().state == "released"
    assert clinic.get(f"{where}copy/").content[:2] == b"\xff\xd8"
    assert "Every opening is decided anew" in clinic.get(where).content.decode()
    photo.refresh_from_db()
    assert not photo.relied_on_for_care
    Photo.objects.update(closed_to={"teaching-local": timezone.now().isoformat()})
    assert clinic.get(f"{where}copy/").status_code == 403
    Photo.objects.update(state="closed")
    assert clinic.get(f"{where}copy/").status_code == 404
    assert clinic.get(f"{where}original/").status_code == 404


def test_where_consent_does_not_reach_the_page_says_why_with_the_source(photo, clinic):
    answer = clinic.post(f"/pictures/{photo.pk}/copy/", WISH | {"use": "journal"})
    assert answer.status_code == 403
    assert "GMC" in answer.content.decode()
    assert not Release.objects.exists()


def test_what_is_missing_is_said_and_nothing_is_made(photo, clinic):
    empty = clinic.post(f"/pictures/{photo.pk}/copy/", {"use": ""})
    assert "Say where it goes" in empty.content.decode()
    where = wish(photo, clinic)
    for given, said in (
        ({"ticked": ["skin"]}, "Look for this"),
        ({"cover": "[[0,0,90000,1]]"}, "beyond the edge"),
        ({"cover": "[[-1,0,1,1]]"}, "beyond the edge"),
        ({"keep": "nonsense"}, "draw the boxes once more"),
        ({"leave": '{"a": 1}'}, "draw the boxes once more"),
        ({"leave": "[[1,1,2,2]]", "left_as": '"text"'}, "draw the boxes once more"),
        ({"leave": "[[1,1,2,2]]", "left_as": "[7]"}, "draw the boxes once more"),
        ({"leave": "[[1,1,2,2]]"}, "draw the boxes once more"),
        ({"ticked": ["surprise"]}, "Select a valid choice"),
    ):
        answer = make(where, clinic, **given)
        assert answer.status_code == 422
        assert said in answer.content.decode()
    assert not Copy.objects.exists()


def test_a_copy_that_is_not_fit_comes_back_with_its_reasons(photo, clinic, monkeypatch):
    from safelight.flows import copies, release

    where = wish(photo, clinic)

    def refuse(made):
        raise copies.CopyNotFit(["Still there on the copy: a face"])

    monkeypatch.setattr(release.copies, "refuse_unfit", refuse)
    answer = make(where, clinic)
    assert answer.status_code == 422
    assert "Still there on the copy: a face" in answer.content.decode()


def test_what_was_decided_is_still_there_when_the_copy_comes_back(photo, clinic):
    where = wish(photo, clinic)
    answer = make(
        where,
        clinic,
        keep="[[0,0,200,200]]",
        leave="[[5,5,9,9]]",
        left_as='["text"]',
        ticked=["skin"],
    )
    assert 'href="#id_ticked_2"' in answer.content.decode()
    review = json.loads(
        re.search(r'type="application/json">(.*?)</script>', answer.content.decode())[1]
    )
    assert review["keep"] == [[0, 0, 200, 200]]
    assert review["cover"] == [[10, 10, 60, 60]]
    assert review["settled"]["left-1"] == "leave"
    assert [each["kind"] for each in review["findings"] if each["id"] == "left-1"] == ["text"]


def test_what_the_check_of_the_copy_saw_is_named_by_its_number_and_led_to(
    photo, clinic, monkeypatch
):
    from safelight.flows import copies, release

    where = wish(photo, clinic)

    def refuse(made):
        box = Region(5, 5, 9, 9)
        held = [
            Finding("face", box, None, 0.5, "may be a face", Answer.HELD),
            Finding("text", box, None, 0.5, "text", Answer.FOUND),
        ]
        raise copies.CopyNotFit(["The check for code failed"], held=held, of_held=["x"])

    monkeypatch.setattr(release.copies, "refuse_unfit", refuse)
    page = make(where, clinic, leave="[[5,5,9,9]]", left_as='["person"]').content.decode()
    review = json.loads(re.search(r'type="application/json">(.*?)</script>', page)[1])
    seen = [each["id"] for each in review["findings"]]
    face, text = seen.index("again-1") + 1, seen.index("again-2") + 1
    assert f'<a href="#finding-again-1">{face}, face: may be a face. Choose' in page
    assert f'<a href="#finding-again-2">{text}, text. It is covered now</a>' in page
    assert "The check for code failed" in page
    assert "looked at once more" in page


def test_fewer_words_make_the_crowd_larger(photo, clinic):
    where = wish(photo, clinic, place="region:E12000001", words="a\nb\nc\nd\ne\nf\ng")
    assert "Too few people" in clinic.get(where).content.decode()
    refused = make(where, clinic)
    assert refused.status_code == 403
    clinic.post(f"{where}words/", {"sex": "F"})
    assert "Enough people" in clinic.get(where).content.decode()
    clinic.post(f"{where}words/", {"sex": "X"})
    assert Release.objects.get().discloses == {"sex": "F"}
    make(where, clinic)
    late = clinic.post(f"{where}words/", {"sex": "M"}, follow=True)
    assert "settled this by now" in late.content.decode()


def test_a_doubtful_crowd_asks_the_second_person_for_a_judgement(photo, clinic, lead):
    where = wish(photo, clinic, place="region:E12000008", words="a\nb\nc")
    assert Release.objects.get().exposure == "review"
    make(where, clinic)
    office = signed_in(lead)
    assert "Why may it leave all the same?" in office.get(where).content.decode()
    held = office.post(f"{where}approve/", {"note": ""})
    assert held.status_code == 403
    assert "On hold" in held.content.decode()
    office.post(f"{where}approve/", {"judgement": "Six people of the ward"})
    assert Release.objects.get().state == "released"
    assert "Six people of the ward" in office.get(where).content.decode()


def test_the_same_person_or_a_late_one_is_told_so(photo, clinic, gp, lead, surgery):
    where = wish(photo, clinic)
    make(where, clinic)
    again = make(where, clinic)
    assert again.status_code == 302
    for act in ("approve", "refuse"):
        own = clinic.post(f"{where}{act}/", {"note": "x"}, follow=True)
        assert "Someone else has to look" in own.content.decode()
    office = signed_in(lead)
    unsaid = office.post(f"{where}refuse/", {"note": ""})
    assert unsaid.status_code == 422
    assert "Say what would have to change" in unsaid.content.decode()
    long = office.post(f"{where}approve/", {"note": "x" * 3000})
    assert long.status_code == 422
    office.post(f"{where}refuse/", {"note": "The ring still shows"})
    assert Release.objects.get().state == "refused"
    assert "The ring still shows" in office.get(where).content.decode()
    late = office.post(f"{where}approve/", {}, follow=True)
    assert "settled this by now" in late.content.decode()
    stopped = clinic.post(f"{where}stop/", follow=True)
    assert "settled this by now" in stopped.content.decode()


def test_a_request_is_stopped(photo, clinic, lead):
    where = wish(photo, clinic)
    assert "still being prepared" in signed_in(lead).get(where).content.decode()
    clinic.post(f"{where}stop/")
    assert Release.objects.get().state == "stopped"
    assert "It was stopped" in clinic.get(where).content.decode()


def test_a_picture_that_closes_while_it_is_prepared_is_not_found(photo, clinic):
    where = wish(photo, clinic)
    Photo.objects.update(state="closed")
    assert clinic.get(where).status_code == 404
    assert make(where, clinic).status_code == 404


# --- taking it back ------------------------------------------------------------------------------


def test_staff_see_what_follows_before_they_press(photo, clinic, adult):
    listed = clinic.get(f"/patients/{adult.pk}/change-of-mind/").content.decode()
    where = f"/consents/{photo.consent_id}/change-of-mind/"
    assert where in listed
    page = clinic.get(where).content.decode()
    assert "You don’t have to say why" in page
    assert "checked" not in page
    look = clinic.post(where, {"step": "look", "purposes": ["care"]}).content.decode()
    assert "Nothing has been done yet" in look
    assert Photo.objects.get().state == "kept"
    done = clinic.post(where, {"step": "stop", "purposes": ["care"]}, follow=True).content.decode()
    assert "Destroyed" in done
    assert Photo.objects.get().state == "erased"
    assert Withdrawal.objects.get().by is not None
    stale = clinic.post(where, {"step": "stop", "purposes": ["care"]})
    assert "There is nothing to take back" in stale.content.decode()
    assert Withdrawal.objects.count() == 1
    none = clinic.get(f"/patients/{adult.pk}/change-of-mind/").content.decode()
    assert where not in none
    assert "Say no to a use" in none


def test_a_tab_that_was_quicker_is_no_error(photo, clinic, monkeypatch, slip):
    from safelight.flows import withdraw

    where = f"/consents/{photo.consent_id}/change-of-mind/"

    def gone(*args, **kwargs):
        raise withdraw.NothingToWithdraw

    monkeypatch.setattr(withdraw, "_close", gone)
    answer = clinic.post(where, {"step": "stop", "purposes": ["care"]})
    assert answer["Location"].startswith("/patients/")
    browser = open_slip(slip)
    assert (
        browser.post("/receipt/change/", {"step": "stop", "purposes": ["care"]}).status_code == 302
    )


def test_of_several_conversations_one_is_chosen(photo, clinic, adult, gp):
    agree(adult, gp, Purpose.CARE, now=timezone.now())
    page = clinic.get(f"/patients/{adult.pk}/change-of-mind/").content.decode()
    assert page.count("/change-of-mind/") >= 2


# --- the patient's page --------------------------------------------------------------------------


def open_slip(secret: str) -> Client:
    browser = Client()
    assert browser.post("/receipt/", {"secret": secret})["Location"] == "/receipt/page/"
    return browser


def test_the_patient_sees_what_was_agreed_and_who_looked(slip, photo, clinic):
    clinic.get(f"/pictures/{photo.pk}/image/")
    browser_of_colleague, where = opened(photo, clinic)
    browser_of_colleague.get(f"{where}picture/")
    page = open_slip(slip).get("/receipt/page/").content.decode()
    assert "Teaching here" in page
    assert "A doctor" in page
    assert "looked at the picture for an opinion" in page
    assert "Dr Skin" in page
    assert "Can still look" in page


def test_the_patient_takes_it_back_without_an_account(slip, photo, clinic):
    browser_of_colleague, where = opened(photo, clinic)
    browser = open_slip(slip)
    assert "Take something back" in browser.get("/receipt/page/").content.decode()
    assert browser.get("/receipt/change/").status_code == 200
    look = browser.post("/receipt/change/", {"step": "look", "purposes": ["care"]})
    assert "stops working" in look.content.decode()
    done = browser.post("/receipt/change/", {"step": "stop", "purposes": ["care"]}, follow=True)
    page = done.content.decode()
    assert "Taken back" in page
    assert "Destroyed" in page
    assert browser_of_colleague.get(where).status_code == 403
    assert Withdrawal.objects.get().by is None
    assert Photo.objects.get().state == "erased"


def test_a_receipt_closes_and_a_wrong_one_does_not_open(slip):
    for path in ("/receipt/page/", "/receipt/change/"):
        assert Client().get(path)["Location"] == "/receipt/"
    assert Client().get("/receipt/").status_code == 200
    wrong = Client().post("/receipt/", {"secret": "x" * 43})
    assert wrong.status_code == 404
    assert "isn’t a code of ours" in wrong.content.decode()
    browser = open_slip(slip)
    browser.post("/receipt/close/")
    assert browser.get("/receipt/page/").status_code == 302


def test_a_receipt_that_is_guessed_at_is_braked(db):
    said = {Client().post("/receipt/", {"secret": f"{n:043d}"}).status_code for n in range(120)}
    assert said == {404, 429}


def test_no_stranger_and_no_administrator_gets_in(photo, stranger, surgery):
    paths = [f"/pictures/{photo.pk}/ask/", f"/pictures/{photo.pk}/copy/", "/opinions/", "/releases/",
             f"/patients/{photo.patient_id}/change-of-mind/"]  # fmt: skip
    for path in paths:
        assert Client().get(path).status_code == 302
        assert signed_in(staff(Role.ADMINISTRATOR, practice=surgery)).get(path).status_code == 403
    for path in (paths[0], paths[1], paths[4]):
        assert signed_in(stranger).get(path).status_code == 404


@pytest.mark.parametrize("what", ["original", "copy"])
def test_a_broken_seal_is_said_and_not_shown(photo, clinic, lead, settings, what):
    where = wish(photo, clinic)
    make(where, clinic)
    found = Release.objects.get()
    name = f"{photo.capture_id}.*" if what == "original" else found.copy.blob
    for path in Path(settings.SAFELIGHT_BLOBS).rglob(name):
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
    answer = signed_in(lead).get(f"{where}{what}/")
    assert answer.status_code == 500
    assert "Tell your administrator" in answer.content.decode()


@pytest.mark.parametrize("role", [Role.NURSE, Role.REVIEWER, Role.IG_LEAD])
def test_no_link_leads_where_the_role_may_not_go(photo, clinic, surgery, role):
    where = wish(photo, clinic)
    make(where, clinic)
    reader = signed_in(staff(role, practice=surgery))
    for page in (f"/patients/{photo.patient_id}/", f"/pictures/{photo.pk}/", where, "/releases/"):
        text = reader.get(page).content.decode()
        links = {link.partition("#")[0] for link in re.findall(r'href="(/[^"]*)"', text)}
        assert "/releases/" in links
        led = {link: reader.get(link).status_code for link in links if "/static/" not in link}
        assert set(led.values()) <= {200, 302}, led
