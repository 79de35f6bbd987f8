"""The pages of a no, of what has to come back and of what may not be destroyed."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from factories import patient, staff
from flows.conftest import SITE, agree, take
from flows.test_objecting import without_consent
from flows.test_withdraw import copy_of
from safelight.flows import opening, sheets, withdraw
from safelight.policy.roles import Role
from safelight.policy.saying import english_texts, languages
from safelight.records.models import (
    LegalHold,
    Objection,
    OutgoingMail,
    Photo,
    Recall,
    Withdrawal,
)
from safelight.terms import Purpose

ALL = (Purpose.CARE, Purpose.SECOND_OPINION, Purpose.TEACHING_LOCAL)


@pytest.fixture
def then():
    return timezone.now() - timedelta(days=3)


@pytest.fixture
def clinic(gp) -> Client:
    return signed_in(gp)


@pytest.fixture
def lead(surgery):
    return staff(Role.IG_LEAD, practice=surgery)


@pytest.fixture
def office(lead) -> Client:
    return signed_in(lead)


@pytest.fixture
def given(adult, gp, then):
    return agree(adult, gp, *ALL, now=then)


@pytest.fixture
def photo(adult, gp, given, then) -> Photo:
    return take(adult, gp, given[0], now=then)


def signed_in(person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def text(answer) -> str:
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


# --- saying no ----------------------------------------------------------------------------------


def test_a_no_on_the_phone_needs_no_conversation_and_no_reason(clinic, adult):
    listed = text(clinic.get(f"/patients/{adult.pk}/change-of-mind/"))
    where = f"/patients/{adult.pk}/no/"
    assert where in listed
    page = text(clinic.get(where))
    assert "Every use but care" in page
    assert "checked" not in page
    assert not re.search(r"name=\"\w*(reason|why)", page)
    assert "Choose what you say no to" in text(clinic.post(where, {"step": "look"}))
    look = text(clinic.post(where, {"step": "look", "purposes": ["other"], "channel": "phone"}))
    assert "Nothing has been done yet" in look
    assert "Teaching here" in look
    assert not Objection.objects.exists()
    stop = {"step": "stop", "purposes": ["other"], "channel": "phone"}
    done = text(clinic.post(where, stop, follow=True))
    assert "No picture is used for" in done
    made = Withdrawal.objects.get()
    assert (made.channel, set(made.purposes)) == ("phone", {*Purpose} - {"care"})
    again = clinic.post(where, stop)
    assert again["Location"] == f"/patients/{adult.pk}/"
    assert Withdrawal.objects.count() == 1


def test_how_it_was_said_holds_nothing_up(clinic, adult):
    where = f"/patients/{adult.pk}/no/"
    clinic.post(where, {"step": "stop", "purposes": ["all"]})
    made = Withdrawal.objects.get()
    assert made.channel == "not-said"
    assert made.objection.purposes == [each.value for each in Purpose]
    wrong = text(clinic.post(where, {"step": "stop", "purposes": ["x"], "channel": "phone"}))
    assert "Choose only from this list" in wrong


def test_one_use_is_named_alone_and_care_with_the_others(clinic, adult):
    where = f"/patients/{adult.pk}/no/"
    clinic.post(where, {"step": "stop", "purposes": ["research"]})
    assert Objection.objects.get().purposes == ["research"]


def test_a_picture_that_nobody_asked_about_is_taken_back_from_its_page(clinic, adult, gp, then):
    photo = without_consent(adult, gp, now=then)
    assert f"/pictures/{photo.pk}/change-of-mind/" in text(clinic.get(f"/pictures/{photo.pk}/"))
    where = f"/pictures/{photo.pk}/change-of-mind/"
    assert where in text(clinic.get(f"/patients/{adult.pk}/change-of-mind/"))
    page = text(clinic.get(where))
    assert "The picture itself" in page
    assert "Every other use" in page
    clinic.post(where, {"step": "stop", "purposes": ["other"], "channel": "letter"})
    photo.refresh_from_db()
    assert photo.state == "kept"
    assert "teaching-local" in photo.closed_to
    page = text(clinic.get(where))
    assert "The picture itself" in page
    assert "Every other use" not in page
    clinic.post(where, {"step": "stop", "purposes": ["care"], "channel": "e-mail"})
    photo.refresh_from_db()
    assert photo.state == "erased"
    assert clinic.get(where).status_code == 404
    assert [each.channel for each in Withdrawal.objects.order_by("at")] == ["letter", "e-mail"]


def test_what_was_done_is_shown_for_an_hour_to_who_took_it_down(
    clinic, office, surgery, adult, gp, given, photo
):
    stop = {"step": "stop", "purposes": ["care"], "channel": "in-person"}
    where = clinic.post(f"/consents/{photo.consent_id}/change-of-mind/", stop)["Location"]
    page = text(clinic.get(where))
    for word in ("What we did", "Destroyed", "Overwritten", "Can’t be proved", "7 days"):
        assert word in page
    assert signed_in(staff(Role.NURSE, practice=surgery)).get(where).status_code == 404
    Withdrawal.objects.update(at=timezone.now() - timedelta(minutes=61))
    assert clinic.get(where).status_code == 404
    assert office.get(where).status_code == 200


def test_a_held_picture_is_said_to_be_closed_and_not_destroyed(clinic, office, adult, given, photo):
    hold = {"kind": "claim", "reference": "C 1", "reason": "A claim", "photo": ""}
    office.post(f"/patients/{adult.pk}/hold/", hold)
    stop = {"step": "stop", "purposes": ["care"]}
    page = text(clinic.post(f"/consents/{photo.consent_id}/change-of-mind/", stop, follow=True))
    assert "Closed, not destroyed" in page
    assert "What can’t be undone" in page


# --- the patient's page --------------------------------------------------------------------------


def open_slip(secret: str) -> Client:
    browser = Client()
    assert browser.post("/receipt/", {"secret": secret})["Location"] == "/receipt/page/"
    return browser


def test_the_patient_says_no_without_an_account(given, photo):
    browser = open_slip(given[1])
    assert "/receipt/no/" in text(browser.get("/receipt/page/"))
    page = text(browser.get("/receipt/no/"))
    assert "How were you told" not in page
    look = text(browser.post("/receipt/no/", {"step": "look", "purposes": ["other"]}))
    assert "Only you can undo this" in look
    for _ in range(2):
        browser.post("/receipt/no/", {"step": "stop", "purposes": ["other"]})
    made = Withdrawal.objects.get()
    assert (made.by, made.channel, made.objection.given_by) == (None, "receipt", "patient")
    after = text(browser.get("/receipt/page/"))
    assert "No picture is used for" in after
    assert Client().get("/receipt/no/")["Location"] == "/receipt/"


def test_a_no_of_the_patient_is_not_on_a_parents_slip(surgery, gp, then):
    from factories import assessment, representative

    child = patient(practice=surgery, born_on=then.date() - timedelta(days=5000))
    mother = representative(child)
    assessment(child, gp, kind="gillick", outcome="not-competent")
    _, secret = agree(child, gp, *ALL, given_by=mother.authority, representative=mother, now=then)
    withdraw.object_to(child, purposes=[Purpose.RESEARCH], by=gp, now=timezone.now())
    assert "No picture is used for" not in text(open_slip(secret).get("/receipt/page/"))


# --- governance ----------------------------------------------------------------------------------


@pytest.fixture
def recall(adult, gp, given, photo, lead) -> Recall:
    copy_of(photo, gp)
    withdraw.withdraw(given[0], purposes=[Purpose.TEACHING_LOCAL], by=gp, now=timezone.now())
    return Recall.objects.get()


def test_the_take_down_list_is_settled_with_a_note(office, recall):
    assert "Tuesday teaching" in text(office.get("/governance/recalls/"))
    assert "/governance/recalls/" in text(office.get("/governance/"))
    where = f"/governance/recalls/{recall.pk}/"
    assert "It is settled" in text(office.get(where))
    assert "Say what came of it" in text(office.post(where, {"step": "done", "note": " "}))
    assert "Type a whole address" in text(office.post(where, {"step": "letter", "address": "x"}))
    sent = office.post(where, {"step": "letter", "address": "school@made-up.example"})
    assert sent["Location"] == where
    assert OutgoingMail.objects.filter(to="school@made-up.example").exists()
    office.post(where, {"step": "done", "note": "Off the drive, slide 14"})
    listed = text(office.get("/governance/recalls/"))
    assert "Nothing is out" in listed
    assert "Off the drive, slide 14" in listed
    assert "It is settled" not in text(office.get(where))


def test_what_is_late_is_said_to_be_late(office, recall):
    today = timezone.localdate()
    for days, word in ((0, "Due today"), (-1, "Late"), (2, "Open")):
        Recall.objects.update(due_on=today + timedelta(days=days))
        assert word in text(office.get("/governance/recalls/"))
    Recall.objects.update(due_on=today - timedelta(days=1))
    assert "Late" in text(office.get(f"/governance/recalls/{recall.pk}/"))


def test_governance_counts_what_is_late(office, recall):
    assert "None is late." in text(office.get("/governance/"))
    yesterday = timezone.localdate() - timedelta(days=1)
    Recall.objects.update(due_on=yesterday)
    assert "One of them is late." in text(office.get("/governance/"))
    said = {"text": recall.text, "source": recall.source, "due_on": yesterday}
    Recall.objects.create(practice=recall.practice, photo=recall.photo, **said)
    assert "2 of them are late." in text(office.get("/governance/"))


def test_a_hold_is_placed_and_lifted_by_forms(office, adult, photo, given, gp):
    where = f"/patients/{adult.pk}/hold/"
    page = text(office.get(where))
    assert str(photo.pk) in page
    assert f"{timezone.localtime(photo.taken_at):%-d %B %Y, %H:%M}" in page
    for word in ("Choose what it is for", "Type the number", "Say why nothing"):
        assert word in text(office.post(where, {"photo": ""}))
    said = {"kind": "inquiry", "reference": "I 7", "reason": "An inquiry", "photo": str(photo.pk)}
    assert office.post(where, said)["Location"] == "/governance/holds/"
    hold = LegalHold.objects.get()
    assert (hold.photo, hold.kind) == (photo, "inquiry")
    assert "I 7" in text(office.get("/governance/holds/"))
    withdraw.withdraw(given[0], purposes=[Purpose.CARE], by=gp, now=timezone.now())
    one = f"/governance/holds/{hold.pk}/"
    assert "Lift the hold" in text(office.get(one))
    assert "Say why it is lifted" in text(office.post(one, {"because": ""}))
    lifted = text(office.post(one, {"because": "Report published"}, follow=True))
    assert "what it held back is destroyed" in lifted
    photo.refresh_from_db()
    assert photo.state == "erased"
    assert "lifted before" in text(office.post(one, {"because": "Again"}, follow=True))
    assert "Report published" in text(office.get(one))


# --- no flag --------------------------------------------------------------------------------------

SEEN_BY_ALL = (r"[0-9a-f]{8}-[0-9a-f-]{27}", r"csrfmiddlewaretoken\" value=\"\w+", r"/tile/\d+/",
               r"(name=\"once\" value=\")[^\"]*", r"\b[0-9a-f]{64}\b",
               r"\b\d\d:\d\d\b")  # fmt: skip


def plain(page: str) -> str:
    """Return the page without ids, tokens and minutes, which differ for any two patients."""
    for pattern in SEEN_BY_ALL:
        page = re.sub(pattern, "·", page)
    return page


def pages(of, client: Client) -> list[str]:
    """Every page about the patient that somebody of the practice comes to."""
    found = [
        client.get("/"),
        client.get(f"/patients/{of.pk}/"),
        client.get(f"/patients/{of.pk}/deciders/"),
        client.get(f"/patients/{of.pk}/picture/"),
        client.get(f"/patients/{of.pk}/change-of-mind/"),
        client.get(f"/patients/{of.pk}/no/"),
    ]
    for consent in of.consents.order_by("given_at"):
        found.append(client.get(f"/consents/{consent.pk}/"))
        found.append(client.get(f"/consents/{consent.pk}/change-of-mind/"))
    for photo in of.photos.filter(state="kept").order_by("taken_at"):
        found.append(client.get(f"/pictures/{photo.pk}/"))
        found.append(client.get(f"/pictures/{photo.pk}/why/"))
    return [plain(text(each)) for each in found]


@pytest.mark.parametrize("role", [Role.GP, Role.NURSE, Role.REVIEWER])
def test_staff_outside_governance_cant_tell_a_no_taken_back_from_one_said_at_once(
    surgery, role, then
):
    """One patient said no to teaching when asked; one agreed, and took it back by a slip."""
    gp, viewer = staff(Role.GP, practice=surgery), staff(role, practice=surgery)
    seen = []
    for takes_back in (False, True):
        one = patient(practice=surgery)
        agreed = ALL if takes_back else ALL[:2]
        consent, _ = agree(one, gp, *agreed, now=then)
        photo = take(one, gp, consent, now=then)
        opening.open_photo(photo, by=gp, now=then)
        if takes_back:
            ended = withdraw.withdraw(
                consent, purposes=[Purpose.TEACHING_LOCAL], by=None, now=timezone.now()
            )
            assert signed_in(viewer).get(f"/withdrawals/{ended.pk}/").status_code in {403, 404}
        client = signed_in(viewer)
        if role is Role.REVIEWER:
            seen.append([plain(text(client.get(f"/patients/{one.pk}/")))])
        else:
            seen.append(pages(one, client))
        type(one).objects.filter(pk=one.pk).update(practice=staff().practice)
    for refused, taken_back in zip(*seen, strict=True):
        assert refused.splitlines() == taken_back.splitlines()


@pytest.mark.parametrize("role", [Role.GP, Role.NURSE])
def test_a_destroyed_picture_is_as_if_it_had_never_been_there(surgery, role, then):
    """For whatever reason it went: a stop, a withdrawal, an erasure or the end of its period."""
    gp, viewer = staff(Role.GP, practice=surgery), staff(role, practice=surgery)
    seen = []
    for takes_back in (False, True):
        one = patient(practice=surgery)
        kept, _ = agree(one, gp, *ALL[:2], now=then)
        opening.open_photo(take(one, gp, kept, now=then), by=gp, now=then)
        if takes_back:
            gone = without_consent(one, gp, now=then)
            withdraw.withdraw_picture(gone, purposes=[Purpose.CARE], by=gp, now=timezone.now())
            for path in (f"/pictures/{gone.pk}/", f"/pictures/{gone.pk}/image/"):
                assert signed_in(viewer).get(path).status_code == 404
        seen.append(pages(one, signed_in(viewer)))
        type(one).objects.filter(pk=one.pk).update(practice=staff().practice)
    for refused, taken_back in zip(*seen, strict=True):
        assert refused.splitlines() == taken_back.splitlines()


def test_governance_does_see_it(office, given, photo, gp):
    withdraw.withdraw(given[0], purposes=[Purpose.CARE], by=gp, now=timezone.now())
    assert "Closed picture" in text(office.get(f"/patients/{photo.patient_id}/"))
    assert "Taken back" in text(office.get(f"/consents/{photo.consent_id}/"))


# --- in Welsh -------------------------------------------------------------------------------------


def pieces(page: str) -> set[str]:
    """Return every piece of text that stands between two tags, and the page's title."""
    inside = page[page.index("<main") :] + page[page.index("<title>") : page.index("</title>")]
    whole = (" ".join(unescape(piece).split()) for piece in re.split(r"<[^>]*>", inside))
    return {piece for piece in whole if piece}


def is_welsh(answer) -> str:
    """Return the page, in which no text is left that a translator was asked for."""
    page = text(answer)
    english = {each for section in english_texts().values() for each in section}
    assert not pieces(page) & english, pieces(page) & english
    assert '<html lang="cy">' in page
    return page


@pytest.fixture
def slip(adult, gp, then) -> str:
    """The paper of a conversation in Welsh, after which a picture was taken and a copy left."""
    words = sheets.conversation(adult, body_site=SITE, language="cy", now=then)
    consent, secret = agree(adult, gp, *ALL, wording=words.digest, now=then)
    photo = take(adult, gp, consent, now=then)
    opening.open_photo(photo, by=gp, now=then)
    copy_of(photo, gp)
    return secret


def test_the_patient_changes_their_mind_in_welsh(slip):
    browser = open_slip(slip)
    is_welsh(browser.get("/receipt/page/"))
    is_welsh(browser.get("/receipt/change/"))
    wrong = is_welsh(browser.post("/receipt/change/", {"step": "look"}))
    assert "Dewiswch beth rydych chi’n ei gymryd yn ôl" in wrong
    assert "Mae 1 peth i’w gywiro" in wrong
    odd = is_welsh(browser.post("/receipt/change/", {"step": "look", "purposes": ["x"]}))
    assert "Dewiswch dim ond o’r rhestr hon" in odd
    said = {"purposes": ["care", "second-opinion", "teaching-local"]}
    look = is_welsh(browser.post("/receipt/change/", said | {"step": "look"}))
    assert "Does dim wedi’i wneud eto" in look
    assert "Mae hyn yn cael ei ddinistrio: copi ar gyfer addysgu yma." in unescape(look)
    assert not Withdrawal.objects.exists()
    done = is_welsh(browser.post("/receipt/change/", said | {"step": "stop"}, follow=True))
    assert "Mae’r llun wedi helpu i lywio gofal, felly mae’n aros yn y cofnod." in done
    assert "Rydym yn gofyn i’r hyn a aeth allan" in done
    assert Withdrawal.objects.get().consequences[0]["text"].startswith("The ")
    assert "Addysgu yma" not in is_welsh(browser.get("/receipt/change/"))


def test_the_patient_says_no_in_welsh(slip):
    browser = open_slip(slip)
    is_welsh(browser.get("/receipt/no/"))
    assert "Dewiswch beth" in is_welsh(browser.post("/receipt/no/", {"step": "look"}))
    look = is_welsh(browser.post("/receipt/no/", {"step": "look", "purposes": ["all"]}))
    assert "Dim ond chi all ddadwneud hyn" in look
    done = browser.post("/receipt/no/", {"step": "stop", "purposes": ["all"]}, follow=True)
    assert "Ni ddefnyddir unrhyw lun ar gyfer: Gofal, Ail farn" in is_welsh(done)


def test_staff_read_of_a_welsh_change_of_mind_in_english(slip, clinic, adult):
    consent = adult.consents.get()
    where = f"/consents/{consent.pk}/change-of-mind/"
    assert "What do you take back?" in text(clinic.get(where))
    look = text(clinic.post(where, {"step": "look", "purposes": ["teaching-local"]}))
    assert "The copy for teaching here is destroyed." in look


def test_half_a_language_is_not_offered_to_take_back_in(tmp_path):
    """One sentence of the change-of-mind pages missing, and the language isn't there at all."""
    from unit.policy.test_sheets import made_up

    folder = made_up(tmp_path)
    assert "xx" in languages("england", beside=folder)
    page = folder / "xx.page.toml"
    lines = page.read_text(encoding="utf-8").splitlines()
    for missing in ("Take it back now", "The picture is destroyed."):
        kept = [line for line in lines if not line.startswith(f'"{missing}"')]
        assert len(kept) == len(lines) - 1
        page.write_text("\n".join(kept), encoding="utf-8")
        assert "xx" not in languages("england", beside=folder)
