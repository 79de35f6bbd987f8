"""A link to a colleague: nothing before a person has pressed and proved it, nothing after it ended."""

from __future__ import annotations

import re
from datetime import timedelta

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from factories import NOW, staff
from flows.conftest import agree, take
from safelight import policy
from safelight.flows import share, stores
from safelight.flows.allowed import DoesNotFit, NotAllowed
from safelight.flows.share import CodeIsWrong, LinkIsShut
from safelight.interop import pictures
from safelight.policy.roles import Role
from safelight.records.models import LedgerEntry, Link, Objection, OutgoingMail, Photo, Reply
from safelight.terms import Purpose

BROWSER, OTHER = "browser-one", "browser-two"
SECOND = timedelta(seconds=1)


@pytest.fixture
def photo(adult, gp) -> Photo:
    consent, _ = agree(adult, gp, Purpose.CARE, Purpose.SECOND_OPINION)
    return take(adult, gp, consent)


def ask(photo, by, **given):
    defaults = {
        "recipient_name": "Dr Skin",
        "recipient_email": "skin@hospital.example",
        "question": "Would you biopsy?",
        "expires": NOW + timedelta(days=2),
        "by": by,
        "now": NOW,
    }
    return share.ask_colleague(photo, **defaults | given)


@pytest.fixture
def asked(photo, gp) -> share.Asked:
    return ask(photo, gp)


def newest_code() -> str:
    mail = OutgoingMail.objects.filter(subject="Your code").order_by("created_at").last()
    return re.match(r"(\d{3}) (\d{3})", mail.text).group(0)


def look(secret: str, *, browser=BROWSER, now=NOW) -> share.Opened:
    share.knock(secret, browser_token=browser, now=now)
    return share.open_link(secret, code=newest_code(), browser_token=browser, now=now)


def kinds() -> list[str]:
    return list(LedgerEntry.objects.values_list("kind", flat=True))


def test_the_mail_holds_the_link_and_neither_question_nor_patient(asked, adult):
    mail = OutgoingMail.objects.get()
    assert f"/s/#{asked.secret}" in mail.text
    assert adult.name not in mail.text
    assert "biopsy" not in mail.text
    assert mail.to == "skin@hospital.example"


def test_asking_takes_first_the_lock_that_a_withdrawal_takes(photo, gp):
    with CaptureQueriesContext(connection) as queries:
        ask(photo, gp)
    tables = [re.search(r'FROM "(\w+)"', each["sql"]) for each in queries]
    assert next(found[1] for found in tables if found) == "records_patient"


def test_the_secret_is_kept_nowhere(asked):
    row = Link.objects.values().get()
    assert asked.secret not in str(row)
    assert len(asked.secret) == 43


def test_a_patient_who_objects_is_not_shown(photo, adult, gp):
    Objection.objects.create(
        practice=adult.practice, patient=adult, purposes=["second-opinion"], made_at=NOW
    )
    assert isinstance(ask(photo, gp), policy.Refusal)
    assert not Link.objects.exists()
    assert not OutgoingMail.objects.exists()


def test_a_closed_picture_is_not_asked_about(photo, gp):
    photo.set_closed()
    with pytest.raises(LinkIsShut):
        ask(photo, gp)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"recipient_name": " "}, "recipient_name"),
        ({"recipient_email": "skin"}, "recipient_email"),
        ({"question": ""}, "question"),
        ({"expires": NOW}, "expires"),
        ({"expires": NOW + timedelta(days=15)}, "expires"),
        ({"openings": 0}, "openings"),
        ({"openings": 21}, "openings"),
    ],
)
def test_a_question_that_cannot_be_sent_says_what_to_do(photo, gp, given, field):
    with pytest.raises(DoesNotFit) as error:
        ask(photo, gp, **given)
    assert set(error.value.fields) == {field}


def test_only_clinicians_of_the_practice_ask_and_revoke(photo, asked, surgery, stranger):
    for by in (stranger, staff(Role.REVIEWER, practice=surgery)):
        with pytest.raises(NotAllowed):
            ask(photo, by)
        with pytest.raises(NotAllowed):
            share.revoke(asked.link, by=by, now=NOW)


def test_a_code_and_the_first_browser_open_it_and_count_once(asked):
    knocked = share.knock(asked.secret, browser_token=BROWSER, now=NOW)
    assert knocked.sent_to == "s…@hospital.example"
    link = Link.objects.get()
    assert (link.openings_used, link.bound_to) == (0, "")
    opened = share.open_link(asked.secret, code=newest_code(), browser_token=BROWSER, now=NOW)
    assert opened.until == NOW + share.LOOK
    link.refresh_from_db()
    assert (link.openings_used, link.code_hash, link.code_tries) == (1, "", 0)
    assert kinds()[-3:] == ["link.sent", "link.code-sent", "link.opened"]


def test_the_picture_is_shown_with_the_name_in_its_pixels(asked, photo):
    opened = look(asked.secret)
    jpeg = share.picture(opened.link.pk, browser_token=BROWSER, now=NOW)
    from safelight.flows.opening import unsealed

    plain = pictures.decode(unsealed(photo, size="view")).pixels.astype(int)
    shown = pictures.decode(jpeg).pixels.astype(int)
    assert shown.shape == plain.shape
    assert (np.abs(shown - plain).max(axis=2) > 12).mean() > 0.01
    photo.refresh_from_db()
    assert photo.relied_on_for_care
    assert kinds()[-1] == "link.shown"


def test_the_same_code_opens_once(asked):
    share.knock(asked.secret, browser_token=BROWSER, now=NOW)
    code = newest_code()
    share.open_link(asked.secret, code=code, browser_token=BROWSER, now=NOW)
    with pytest.raises(CodeIsWrong):
        share.open_link(asked.secret, code=code, browser_token=BROWSER, now=NOW)


def test_a_code_dies_after_ten_minutes(asked):
    share.knock(asked.secret, browser_token=BROWSER, now=NOW)
    late = NOW + share.CODE_LIFE
    with pytest.raises(CodeIsWrong):
        share.open_link(asked.secret, code=newest_code(), browser_token=BROWSER, now=late)
    opened = share.open_link(
        asked.secret, code=newest_code(), browser_token=BROWSER, now=late - SECOND
    )
    assert opened.link.openings_used == 1


def test_no_code_was_asked_for_so_none_fits(asked):
    with pytest.raises(CodeIsWrong):
        share.open_link(asked.secret, code="", browser_token=BROWSER, now=NOW)


def test_five_wrong_codes_in_a_row_end_the_link(asked):
    share.knock(asked.secret, browser_token=BROWSER, now=NOW)
    right = newest_code()
    wrong = "000 000" if right != "000 000" else "000 001"
    for _ in range(share.MOST_TRIES):
        with pytest.raises(CodeIsWrong):
            share.open_link(asked.secret, code=wrong, browser_token=BROWSER, now=NOW)
    with pytest.raises(LinkIsShut):
        share.open_link(asked.secret, code=right, browser_token=BROWSER, now=NOW)
    assert kinds()[-1] == "link.locked"


def test_pressing_again_at_once_sends_no_second_code(asked):
    share.knock(asked.secret, browser_token=BROWSER, now=NOW)
    share.knock(asked.secret, browser_token=BROWSER, now=NOW + 10 * SECOND)
    assert OutgoingMail.objects.filter(subject="Your code").count() == 1
    share.knock(asked.secret, browser_token=BROWSER, now=NOW + 40 * SECOND)
    assert OutgoingMail.objects.filter(subject="Your code").count() == 2


def test_codes_run_out(asked):
    for number in range(share.MOST_CODES):
        share.knock(asked.secret, browser_token=BROWSER, now=NOW + number * timedelta(minutes=1))
    with pytest.raises(LinkIsShut):
        share.knock(asked.secret, browser_token=BROWSER, now=NOW + timedelta(minutes=30))


def test_a_second_browser_gets_the_strangers_answer(asked):
    opened = look(asked.secret)
    for act in (
        lambda: share.knock(asked.secret, browser_token=OTHER, now=NOW + SECOND),
        lambda: share.picture(opened.link.pk, browser_token=OTHER, now=NOW + SECOND),
        lambda: share.reply(opened.link.pk, text="?", browser_token=OTHER, now=NOW + SECOND),
    ):
        with pytest.raises(LinkIsShut):
            act()


def test_unknown_over_revoked_and_withdrawn_links_answer_alike(asked, photo, gp):
    def answers() -> str:
        with pytest.raises(LinkIsShut) as shut:
            share.knock(asked.secret, browser_token=BROWSER, now=NOW)
        return shut.value.for_people

    with pytest.raises(LinkIsShut) as unknown:
        share.knock("x" * 43, browser_token=BROWSER, now=NOW)
    said = {unknown.value.for_people}
    with pytest.raises(LinkIsShut) as over:
        share.knock(asked.secret, browser_token=BROWSER, now=NOW + timedelta(days=2))
    said.add(over.value.for_people)
    Photo.objects.update(state="closed")
    said.add(answers())
    Photo.objects.update(state="kept", closed_to={"second-opinion": NOW.isoformat()})
    said.add(answers())
    Photo.objects.update(closed_to={})
    share.revoke(asked.link, by=gp, now=NOW)
    said.add(answers())
    assert len(said) == 1


@pytest.mark.parametrize(("before", "opens"), [(SECOND, True), (timedelta(0), False)])
def test_the_link_expires_on_the_second(asked, before, opens):
    at = NOW + timedelta(days=2) - before
    if opens:
        assert look(asked.secret, now=at).until == NOW + timedelta(days=2)
    else:
        with pytest.raises(LinkIsShut):
            look(asked.secret, now=at)


def test_openings_run_out(photo, gp):
    asked = ask(photo, gp, openings=1)
    opened = look(asked.secret)
    share.picture(opened.link.pk, browser_token=BROWSER, now=NOW + SECOND)
    with pytest.raises(LinkIsShut):
        look(asked.secret, now=NOW + timedelta(minutes=1))


def test_one_opening_lasts_a_quarter_of_an_hour(asked):
    opened = look(asked.secret)
    share.picture(opened.link.pk, browser_token=BROWSER, now=opened.until - SECOND)
    with pytest.raises(LinkIsShut):
        share.picture(opened.link.pk, browser_token=BROWSER, now=opened.until)
    with pytest.raises(LinkIsShut):
        share.picture(opened.link.pk, browser_token=BROWSER, now=NOW - SECOND)


def test_an_unknown_restriction_refuses(asked):
    Link.objects.update(restrictions=["one-browser", "only-on-sundays"])
    with pytest.raises(LinkIsShut):
        share.knock(asked.secret, browser_token=BROWSER, now=NOW)


def test_revoking_is_in_force_at_the_next_request(asked, gp):
    opened = look(asked.secret)
    share.picture(opened.link.pk, browser_token=BROWSER, now=NOW)
    share.revoke(opened.link, by=gp, now=NOW + SECOND)
    share.revoke(opened.link, by=gp, now=NOW + 2 * SECOND)
    for act in (
        lambda: share.picture(opened.link.pk, browser_token=BROWSER, now=NOW + SECOND),
        lambda: share.reply(opened.link.pk, text="?", browser_token=BROWSER, now=NOW + SECOND),
        lambda: share.opened_link(opened.link.pk, browser_token=BROWSER, now=NOW + SECOND),
    ):
        with pytest.raises(LinkIsShut):
            act()
    assert kinds().count("link.revoked") == 1


def test_revoking_empties_the_mail_that_was_not_sent_yet(asked, gp):
    share.revoke(asked.link, by=gp, now=NOW)
    assert OutgoingMail.objects.get().text == ""


def test_a_picture_whose_key_is_gone_is_a_shut_link(asked, photo):
    opened = look(asked.secret)
    stores.keys().erase([photo.pk])
    with pytest.raises(LinkIsShut):
        share.picture(opened.link.pk, browser_token=BROWSER, now=NOW)


def test_nobody_looks_before_the_link_was_opened(asked):
    with pytest.raises(LinkIsShut):
        share.opened_link(asked.link.pk, browser_token=BROWSER, now=NOW)
    with pytest.raises(LinkIsShut):
        share.opened_link(asked.link.photo_id, browser_token=BROWSER, now=NOW)
    Link.objects.update(bound_to=share.hash_of(BROWSER))
    with pytest.raises(LinkIsShut):
        share.opened_link(asked.link.pk, browser_token=BROWSER, now=NOW)


def test_the_answer_goes_into_the_record(asked, adult):
    opened = look(asked.secret)
    share.reply(opened.link.pk, text=" Watch it. ", browser_token=BROWSER, now=NOW)
    made = Reply.objects.get()
    assert (made.text, made.patient) == ("Watch it.", adult)
    assert kinds()[-1] == "link.answered"
    with pytest.raises(DoesNotFit):
        share.reply(opened.link.pk, text=" ", browser_token=BROWSER, now=NOW)
    with pytest.raises(LinkIsShut):
        share.reply(asked.link.photo_id, text="?", browser_token=BROWSER, now=NOW)


def test_names_of_any_length_and_script_are_drawn(photo):
    from safelight.flows import watermark

    plain = np.full((60, 90, 3), 128, np.uint8)
    for name in ("", "Ł", "x" * 500):
        assert watermark.draw(plain, name).shape == plain.shape
