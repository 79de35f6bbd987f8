"""Stories of what went wrong elsewhere, walked through the pages as the people in them would."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from clients import signed_in
from factories import staff
from flows.conftest import agree, take
from flows.test_story_pages import WISH, make, opened, wish
from safelight.policy.roles import Role
from safelight.records.models import (
    EraseJob,
    ExposureAlarm,
    LegalHold,
    OutgoingMail,
    Photo,
    Recall,
    Release,
    Withdrawal,
)
from safelight.terms import Purpose

USES = (Purpose.CARE, Purpose.SECOND_OPINION, Purpose.TEACHING_LOCAL)


@pytest.fixture
def lead(surgery):
    return staff(Role.IG_LEAD, practice=surgery)


@pytest.fixture
def slip(adult, gp) -> str:
    then = timezone.now() - timedelta(days=30)
    consent, secret = agree(adult, gp, *USES, now=then)
    take(adult, gp, consent, now=then)
    return secret


@pytest.fixture
def photo(slip) -> Photo:
    return Photo.objects.get()


def page_of(answer) -> str:
    return answer.content.decode()


def by_the_slip(secret: str) -> Client:
    browser = Client()
    assert browser.post("/receipt/", {"secret": secret})["Location"] == "/receipt/page/"
    return browser


def test_a_patient_agrees_to_teaching_here_and_finds_the_picture_in_a_conference_deck(
    photo, adult, gp, lead, slip
):
    clinic, office = signed_in(gp), signed_in(lead)
    copy = wish(photo, clinic, place="", age="")
    assert make(copy, clinic).status_code == 302
    office.post(f"{copy}approve/", {"note": "Fine."})
    assert office.get(f"{copy}copy/")["Content-Type"] == "image/jpeg"

    # For the conference itself nobody gets it here: the page says why, and by which paragraph.
    for use in ("group", "open", "journal", "social"):
        asked = WISH | {"use": use, "target": "Congress of Skin"}
        refused = clinic.post(f"/pictures/{photo.pk}/copy/", asked)
        assert refused.status_code == 403
        assert "Not permitted" in page_of(refused)
        assert re.search(r"GMC (VAR|CONF|SM) \d+", page_of(refused)), use
    assert Release.objects.count() == 1

    # Somebody who was at the teaching put it on a slide. The patient tells the doctor, who writes it down.
    today = timezone.localdate()
    found = {
        "told_on_day": today.day,
        "told_on_month": today.month,
        "told_on_year": today.year,
        "audience": "group",
        "group": "Congress of Skin",
        "name": "A speaker",
        "is_certain": "yes",
        "sex": "F",
        "age": "64",
        "place": "lad:E06000005",
        "condition": "",
        "words": "rings the church bells\nlost a toe at sea\nonly woman on the lifeboat",
    }
    assert clinic.post(f"/patients/{adult.pk}/online/", found).status_code == 302
    assert "Congress of Skin" in page_of(clinic.get(f"/patients/{adult.pk}/online/"))
    alarm = ExposureAlarm.objects.get()
    assert "Tuesday teaching" in page_of(office.get("/governance/exposure/"))

    # She takes teaching back by her slip, and is told first what that can't undo.
    browser = by_the_slip(slip)
    said = {"purposes": ["teaching-local"]}
    look = page_of(browser.post("/receipt/change/", said | {"step": "look"}))
    assert "What can’t be undone" in look
    assert "saved elsewhere" in look
    page = page_of(browser.post("/receipt/change/", said | {"step": "stop"}, follow=True))
    assert "What is out" in page
    assert office.get(f"{copy}copy/").status_code == 404
    assert clinic.get(f"/pictures/{photo.pk}/image/").status_code == 200, "her care goes on"

    # What is out has a day by which somebody asks it back, and a letter that doesn't say whose it is.
    recall = Recall.objects.get()
    where = f"/governance/recalls/{recall.pk}/"
    assert "Tuesday teaching" in page_of(office.get("/governance/recalls/"))
    office.post(where, {"step": "letter", "address": "speaker@congress.example"})
    letter = OutgoingMail.objects.get(to="speaker@congress.example")
    assert adult.name not in letter.subject + letter.text
    office.post(where, {"step": "done", "note": "Out of the deck, and out of the recording"})
    office.post(
        f"/governance/exposure/{alarm.pk}/", {f"{alarm.pk}-note": "Taken down by the congress"}
    )
    alarm.refresh_from_db()
    assert alarm.settled_at is not None
    assert "Done: Today" in page_of(browser.get("/receipt/page/"))

    # And the next wish for teaching is refused, whoever asks.
    assert clinic.post(f"/pictures/{photo.pk}/copy/", WISH).status_code == 403


def test_a_withdrawal_after_a_claim_closes_at_once_and_destroys_when_the_claim_is_over(
    photo, adult, gp, lead, slip
):
    clinic, office = signed_in(gp), signed_in(lead)
    claim = {"kind": "claim", "reference": "CL 9", "reason": "A claim", "photo": str(photo.pk)}
    office.post(f"/patients/{adult.pk}/hold/", claim)
    image = f"/pictures/{photo.pk}/image/"
    assert clinic.get(f"/patients/{adult.pk}/").status_code == 200

    browser = by_the_slip(slip)
    everything = {"purposes": [each.value for each in USES]}
    look = page_of(browser.post("/receipt/change/", everything | {"step": "look"}))
    assert "A complaint, claim or inquiry may need the picture" in look
    told = page_of(browser.post("/receipt/change/", everything | {"step": "stop"}, follow=True))
    assert "Closed, not destroyed" in told
    for who in (clinic, signed_in(staff(Role.NURSE, practice=adult.practice)), office):
        assert who.get(image).status_code in {403, 404}
    assert "CL 9" not in page_of(clinic.get(f"/patients/{adult.pk}/")), "the claim is no flag"
    assert not EraseJob.objects.filter(held=False).exists()
    assert "Nothing was destroyed yet" in page_of(office.get("/governance/certificates/"))
    refused = office.post(
        f"/pictures/{photo.pk}/erase/", {"because": "In a hurry", "word": "erase"}
    )
    assert refused.status_code == 200
    assert not EraseJob.objects.filter(held=False).exists(), "not by another way either"

    hold = LegalHold.objects.get()
    office.post(f"/governance/holds/{hold.pk}/", {"because": "Settled out of court"})
    photo.refresh_from_db()
    assert photo.state == "erased"
    assert "The patient took it back" in page_of(office.get("/governance/certificates/"))
    assert "Closed, not destroyed" not in page_of(browser.get("/receipt/page/"))
    assert Withdrawal.objects.count() == 1


def test_a_shared_link_gives_away_nothing_but_the_one_picture_it_is_for(photo, adult, gp):
    """A photo manager's links leaked place, owner's address, the time in a file's name, and other sizes."""
    browser, where = opened(photo, signed_in(gp))
    page, picture = browser.get(where), browser.get(f"{where}picture/")
    for answer in (page, picture):
        told = " ".join(f"{name}: {value}" for name, value in answer.items()) + where
        for word in (gp.email, adult.name, adult.nhs_number or "no number", str(photo.pk)):
            assert word not in told
    text = page_of(page)
    for word in (gp.email, adult.name, str(photo.pk), str(photo.capture_id)):
        assert word not in text
    assert f"{timezone.localtime(photo.taken_at):%H%M}" not in where
    assert b"Exif" not in picture.content
    assert b"GPS" not in picture.content
    for query in ("size=original", "size=thumb", "original=1", "w=99999", "download=1"):
        other = browser.get(f"{where}picture/?{query}")
        assert len(other.content) == len(picture.content), query
    for path in ("image/", "why/", "", "tile/1/"):
        assert browser.get(f"/pictures/{photo.pk}/{path}").status_code in {302, 403, 404}
