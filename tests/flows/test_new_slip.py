"""A new code for the patient's page: shown once, and the old one opens nothing any more."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from clients import signed_in
from factories import NOW, staff
from flows.conftest import agree
from safelight.flows import destroying, receipts
from safelight.flows.allowed import NotAllowed, RecordErased
from safelight.policy.roles import Role
from safelight.records.models import LedgerEntry, Receipt
from safelight.terms import Purpose

LATER = NOW + timedelta(days=3)


@pytest.fixture
def given(adult, gp):
    return agree(adult, gp, Purpose.CARE, Purpose.TEACHING_LOCAL)


@pytest.fixture
def clinic(gp) -> Client:
    return signed_in(gp)


def opened(secret: str) -> Client:
    browser = Client()
    assert browser.post("/receipt/", {"secret": secret})["Location"] == "/receipt/page/"
    return browser


def new_code(clinic: Client, consent) -> str:
    """Press the button, and read the code on the page that follows."""
    page = clinic.post(reverse("consent-slip", args=[consent.pk]), follow=True)
    return re.findall(r"/receipt/#([\w-]{43})", unescape(page.content.decode()))[0]


def test_the_new_secret_opens_the_page_and_the_old_one_does_not(given, gp):
    consent, old = given
    new = receipts.renew(consent, by=gp, now=LATER)
    assert receipts.open_receipt(new, now=LATER).consent == consent
    with pytest.raises(receipts.ReceiptUnknown):
        receipts.open_receipt(old, now=LATER)
    assert not receipts.opens(old, consent)
    assert receipts.opens(new, consent)


def test_nothing_else_of_the_conversation_changes_and_the_secret_is_kept_nowhere(given, gp):
    consent, _ = given
    before = Receipt.objects.values("pk", "consent", "created_at").get()
    new = receipts.renew(consent, by=gp, now=LATER)
    assert Receipt.objects.values("pk", "consent", "created_at").get() == before
    last = LedgerEntry.objects.latest("index")
    assert last.kind == "receipt.renewed"
    assert new.encode() not in bytes(last.body)
    assert Receipt.objects.get().secret_hash.encode() not in bytes(last.body)


def test_the_patient_sees_that_it_was_given_out(given, gp):
    new = receipts.renew(given[0], by=gp, now=LATER)
    [said, *_] = receipts.page_of(receipts.find_receipt(new), now=LATER).happened
    assert (said.at, said.who, said.what) == (
        LATER,
        "A doctor",
        "gave out a new code for this page",
    )


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.IG_LEAD, Role.ADMINISTRATOR])
def test_only_who_has_such_conversations_gives_it_out(role, given, surgery):
    with pytest.raises(NotAllowed):
        receipts.renew(given[0], by=staff(role, practice=surgery), now=LATER)
    assert receipts.opens(given[1], given[0])


def test_nobody_of_another_practice_does(given, stranger):
    with pytest.raises(NotAllowed):
        receipts.renew(given[0], by=stranger, now=LATER)


def test_what_was_erased_meanwhile_gets_none(given, gp):
    destroying.forget_words(given[0], now=LATER)
    with pytest.raises(receipts.ReceiptUnknown):
        receipts.renew(given[0], by=gp, now=LATER)
    destroying.forget(given[0].patient, now=LATER)
    with pytest.raises(RecordErased):
        receipts.renew(given[0], by=gp, now=LATER)


def test_the_code_is_shown_on_the_next_page_and_works(given, clinic):
    consent, old = given
    page = clinic.get(reverse("consent-record", args=[consent.pk])).content.decode()
    assert "Give a new code" in page
    new = new_code(clinic, consent)
    assert new != old
    assert b"gave out a new code" in opened(new).get("/receipt/page/").content


def test_a_browser_that_opened_it_with_the_old_code_is_shut(given, clinic):
    finder = opened(given[1])
    assert finder.get("/receipt/page/").status_code == 200
    new_code(clinic, given[0])
    for path in ("/receipt/page/", "/receipt/change/", "/receipt/no/", "/receipt/page/paper/"):
        assert finder.get(path)["Location"] == "/receipt/"
    assert Client().post("/receipt/", {"secret": given[1]}).status_code == 404


def test_a_code_that_another_one_took_the_place_of_is_not_shown(given, clinic, surgery):
    """Pressed twice, or by two at once: no paper is printed with a code that opens nothing."""
    consent, _ = given
    mine = new_code(clinic, consent)
    theirs = new_code(signed_in(staff(Role.NURSE, practice=surgery)), consent)
    page = clinic.get(reverse("consent-receipt", args=[consent.pk])).content.decode()
    assert mine not in page
    assert theirs not in page
    assert "It can’t be shown again" in page


def test_an_old_tab_of_an_erased_conversation_finds_nothing(given, clinic):
    destroying.forget_words(given[0], now=LATER)
    assert clinic.post(reverse("consent-slip", args=[given[0].pk])).status_code == 404


def test_a_conversation_whose_slip_is_gone_answers_not_found(given, clinic):
    Receipt.objects.all().delete()
    assert clinic.post(reverse("consent-slip", args=[given[0].pk])).status_code == 404


def test_a_second_press_gives_another_code_and_the_first_is_shown_no_more(given, clinic):
    first, second = new_code(clinic, given[0]), new_code(clinic, given[0])
    assert first != second
    assert not receipts.opens(first, given[0])
    assert receipts.opens(second, given[0])
