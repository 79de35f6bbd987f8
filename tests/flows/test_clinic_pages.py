"""The clinic's pages without a browser: who gets in, what a form may say, what a script is told."""

from __future__ import annotations

import base64
import re
import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from factories import patient, representative, staff
from flows.conftest import SITE, jpeg, sealed, signature
from flows.conftest import agree as agree_at
from flows.conftest import take as take_at
from safelight.flows import capture, opening
from safelight.flows.consent import conversation
from safelight.policy.roles import Role
from safelight.policy.wording import TOLD
from safelight.records.models import (
    Assessment,
    Consent,
    Objection,
    Patient,
    Photo,
    Recall,
    Release,
    Representative,
    Withdrawal,
)
from safelight.web import slips
from tampering import alter_end

SLUG = "left-lower-leg"
PNG = "data:image/png;base64," + base64.b64encode(signature()).decode()


def agree(of, by, *purposes, **given) -> Consent:
    return agree_at(of, by, *purposes, **{"now": timezone.now()} | given)[0]


def take(of, by, consent, **given) -> Photo:
    return take_at(of, by, consent, **{"now": timezone.now()} | given)


@pytest.fixture
def inside(client, gp):
    client.force_login(gp)
    return client


@pytest.fixture
def consent(adult, gp) -> Consent:
    return agree(adult, gp)


def answers(of: Patient, **given):
    """What a browser sends for a sheet on which all was told and care agreed to."""
    reader = given.pop("reader", "patient")
    said = {
        "wording": conversation(of, body_site=SITE, reader=reader, now=timezone.now()).digest,
        "answer": "agree",
        "told_all": "on",
        "purposes": ["care"],
        "given_by": "patient",
        "signature": PNG,
    }
    return {key: value for key, value in (said | given).items() if value is not None}


def sheet(of: Patient, **query) -> str:
    return reverse("consent", args=[of.pk, SLUG], query=query or None)


def post_upload(client, consent: Consent, parcel, **given):
    envelope, blob = parcel
    fields = {
        "envelope": envelope,
        "blob": SimpleUploadedFile("sealed", blob),
        "taken_at": timezone.now().isoformat(),
        "right_patient": "confirmed",
    }
    sent = {key: value for key, value in (fields | given).items() if value is not None}
    return client.post(reverse("capture-upload", args=[consent.pk]), sent)


def every_page(of: Patient, consent: Consent, photo: Photo) -> list[tuple[str, str]]:
    """Method and address of every page of this part."""
    about_patient = ("patient", "patient-deciders", "representative-new", "assessment-new")
    about_patient += ("patient-death", "picture-new")
    pages = [("get", reverse(name, args=[of.pk])) for name in about_patient]
    pages += [
        ("get", reverse(name, args=[consent.pk]))
        for name in ("consent-record", "consent-receipt", "capture")
    ]
    pages += [
        ("post", reverse(name, args=[consent.pk])) for name in ("capture-upload", "capture-stop")
    ]
    pages += [
        ("get", reverse(name, args=[photo.pk]))
        for name in ("picture", "picture-image", "picture-why")
    ]
    return [
        *pages,
        ("get", reverse("picture-tile", args=[photo.pk, 0])),
        ("get", sheet(of)),
        ("post", sheet(of)),
        ("get", reverse("compare", args=[of.pk, SLUG])),
    ]


def test_strangers_are_sent_to_the_door(client, adult, gp, consent):
    photo = take(adult, gp, consent)
    for method, url in every_page(adult, consent, photo):
        assert getattr(client, method)(url).status_code in {302, 401}, url


def test_another_practice_finds_nothing_here(client, adult, gp, consent, stranger, home):
    photo = take(adult, gp, consent)
    before = home.files()
    client.force_login(stranger)
    for method, url in every_page(adult, consent, photo):
        assert getattr(client, method)(url).status_code == 404, url
    assert home.files() == before


def test_an_administrator_sees_no_patient_and_no_picture(client, surgery, adult, gp, consent):
    photo = take(adult, gp, consent)
    client.force_login(staff(Role.ADMINISTRATOR, practice=surgery))
    for method, url in every_page(adult, consent, photo):
        assert getattr(client, method)(url).status_code == 403, url
    assert client.get("/").url == reverse("staff")


def test_a_reviewer_sees_and_asks_nothing_of_patients(client, surgery, adult, gp, consent):
    photo = take(adult, gp, consent)
    client.force_login(staff(Role.REVIEWER, practice=surgery))
    assert client.get(reverse("patient", args=[adult.pk])).status_code == 200
    assert client.get(reverse("picture", args=[photo.pk])).status_code == 200
    for name in ("picture-new", "representative-new", "patient-death"):
        assert client.get(reverse(name, args=[adult.pk])).status_code == 403


# Today and patients


def test_a_search_is_posted_so_that_no_name_is_in_an_address(inside, adult):
    found = inside.post("/", {"q": adult.name})
    assert adult.name in found.content.decode()
    assert "Nobody found" in inside.post("/", {"q": "nobody"}).content.decode()
    assert adult.name in inside.get("/").content.decode()


def test_the_list_says_what_was_agreed(inside, surgery, adult, gp, consent):
    more = patient(practice=surgery, name="More Agreed")
    agree(more, gp, "care", "second-opinion")
    agree(
        patient(practice=surgery, name="Said No"),
        gp,
        purposes=[],
        refused=["care"],
    )
    patient(practice=surgery, name="Never Asked")
    page = inside.get("/").content.decode()
    for words in ("Agreed: care only", "Agreed: care and 1 more", "Said no", "Not asked yet"):
        assert words in page


def test_what_waits_is_named_to_those_who_can_do_it(client, surgery, adult, gp, consent):
    photo = take(adult, gp, consent)
    now = timezone.now()
    Release.objects.create(
        practice=surgery,
        photo=photo,
        state="waiting",
        purpose="teaching-local",
        audience="organisation",
        target="Tuesday",
        requested_by=gp,
        requested_at=now,
    )
    withdrawal = Withdrawal.objects.create(
        practice=surgery, patient=adult, purposes=["*"], at=now, consequences=[]
    )
    Recall.objects.create(
        practice=surgery, withdrawal=withdrawal, text="x", source="x", due_on=now.date()
    )
    client.force_login(gp)
    assert "release desk" not in client.get("/").content.decode().partition("Waiting for you")[2]
    client.force_login(staff(Role.IG_LEAD, practice=surgery))
    page = client.get("/").content.decode()
    assert "1 to look at on the release desk" in page
    assert "1 to call back" in page


def test_an_answer_from_a_colleague_waits_for_whoever_asked(inside, surgery, adult, gp, consent):
    from safelight.records.models import Link, Reply

    now = timezone.now()
    link = Link.objects.create(
        practice=surgery,
        photo=take(adult, gp, consent),
        recipient_name="Dr Elsewhere",
        recipient_email="elsewhere@made-up.example",
        question="?",
        secret_hash="0" * 64,
        expires_at=now,
        created_by=gp,
        created_at=now,
    )
    for text in ("Looks well.", "Still does."):
        page = inside.get("/").content.decode()
        Reply.objects.create(practice=surgery, link=link, patient=adult, text=text, at=now)
    assert "A colleague has answered" in page
    assert "2 answers from colleagues" in inside.get("/").content.decode()
    assert "Dr Elsewhere" in inside.get(reverse("patient", args=[adult.pk])).content.decode()


def test_a_patient_is_added_by_the_form(inside, gp):
    said = {
        "name": "New Person",
        "born_on_day": "1",
        "born_on_month": "2",
        "born_on_year": "1980",
        "nhs_number": "",
    }
    wrong = inside.post(reverse("patient-new"), said | {"nhs_number": "123"})
    assert "Check the NHS number" in wrong.content.decode()
    made = inside.post(reverse("patient-new"), said)
    assert made.url == reverse("patient", args=[Patient.objects.get().pk])


def day(prefix: str, on) -> dict[str, str]:
    return {
        f"{prefix}_day": str(on.day),
        f"{prefix}_month": str(on.month),
        f"{prefix}_year": str(on.year),
    }


def test_who_decides_is_written_down_by_forms(inside, surgery):
    today = timezone.localdate()
    child = patient(practice=surgery, born_on=today - timedelta(days=3000))
    page = inside.get(reverse("patient-deciders", args=[child.pk])).content.decode()
    assert "Nobody has looked yet" in page
    person = {
        "name": "Parent",
        "relation": "mother",
        "authority": "parental-responsibility",
        "evidence": "",
    }
    url = reverse("representative-new", args=[child.pk])
    assert "Say what you saw as proof" in inside.post(url, person).content.decode()
    assert inside.post(url, person | {"evidence": "seen"}).status_code == 302
    found = {"outcome": "not-competent", "decision": "care", **day("assessed_on", today)}
    found |= {"about": ["care"], "parents": "yes"}
    url = reverse("assessment-new", args=[child.pk])
    assert "what was done to help" in inside.post(url, found).content.decode()
    assert inside.post(url, found | {"support": "time"}).status_code == 302
    assert (Representative.objects.count(), Assessment.objects.get().kind) == (1, "gillick")
    page = inside.get(reverse("patient-deciders", args=[child.pk])).content.decode()
    assert "Someone with authority decides" in page


def test_a_death_is_written_down_by_the_form(inside, adult):
    today = timezone.localdate()
    url = reverse("patient-death", args=[adult.pk])
    late = inside.post(url, day("died_on", today + timedelta(days=2)))
    assert "in the future" in late.content.decode()
    said = {"wish-teaching-local": "no", "wish-publication": "", "wish-research": "yes"}
    said |= {"genetic_or_third_party": "yes", "legal_advice": ""}
    assert inside.post(url, day("died_on", today) | said).status_code == 302
    adult.refresh_from_db()
    assert adult.known_wishes == {"teaching-local": "no", "research": "yes"}
    deciders = reverse("patient-deciders", args=[adult.pk])
    page = inside.get(deciders).content.decode()
    assert "Didn’t want it" in page
    assert "Ask for legal advice" in page
    again = inside.get(url).content.decode()
    assert re.search(r'name="wish-research" value="yes"[^>]*checked', again)
    assert re.search(r'name="genetic_or_third_party" value="yes"[^>]*checked', again)
    said |= {"legal_advice": "The firm of Lamp and Shade: the family has to agree"}
    inside.post(url, day("died_on", today) | said)
    assert "Lamp and Shade" in inside.get(deciders).content.decode()


def test_who_was_asked_after_a_death_is_written_down_by_the_form(inside, surgery):
    today = timezone.localdate()
    dead = patient(practice=surgery, died_on=today)
    url = reverse("consultation-new", args=[dead.pk])
    said = {"name": "Robin", "who": "family", "relation": "", "purposes": ["teaching-local"]}
    said |= {"answer": "objects", "words": "He was a private man", **day("asked_on", today)}
    assert "such as son" in inside.post(url, said).content.decode()
    assert inside.post(url, said | {"relation": "son"}).status_code == 302
    page = inside.get(reverse("patient-deciders", args=[dead.pk])).content.decode()
    for words in ("Robin", "son", "Objects", "Teaching here", "He was a private man"):
        assert words in page


def test_an_authority_is_ended_by_a_form_and_the_page_says_so(inside, surgery):
    unable, today = patient(practice=surgery), timezone.localdate()
    joint = {"authority": "lpa-health", "acts": "jointly"}
    one = representative(unable, name="First Attorney", **joint)
    representative(unable, name="Second Attorney", **joint)
    deciders = reverse("patient-deciders", args=[unable.pk])
    assert "Decides only together with Second Attorney" in inside.get(deciders).content.decode()
    url = reverse("representative-end", args=[one.pk])
    early = inside.post(url, {"because": "Gave it up", **day("ended_on", today.replace(year=2900))})
    assert "in the future" in early.content.decode()
    assert inside.post(url, {"because": "Gave it up", **day("ended_on", today)}).status_code == 302
    page = inside.get(deciders).content.decode()
    assert "Gave it up" in page
    assert "together with First Attorney, whose authority has ended" in page


# The sheet


def test_nothing_on_the_sheet_is_ticked_before_somebody_ticks_it(inside, adult):
    page = inside.get(sheet(adult))
    assert b"checked" not in page.content
    assert b"selected" not in page.content


def test_signed_answers_lead_to_the_camera(inside, adult, gp):
    sent = inside.post(sheet(adult), answers(adult))
    consent = Consent.objects.get()
    assert sent.url == reverse("capture", args=[consent.pk])
    assert (consent.purposes, consent.form, consent.told) == (["care"], "electronic", list(TOLD))
    assert "second-opinion" in consent.refused


def test_a_yes_to_care_alone_is_one_button(inside, adult):
    inside.post(sheet(adult), answers(adult, answer="care", purposes=None))
    assert Consent.objects.get().purposes == ["care"]


def test_what_was_not_said_is_kept_with_its_reason(inside, adult):
    inside.post(sheet(adult), answers(adult, **{"why-secondary": "Too tired"}))
    consent = Consent.objects.get()
    assert consent.not_told == {"secondary": "Too tired"}
    assert "secondary" not in consent.told


def test_each_item_can_be_ticked_by_itself(inside, adult):
    ticks = {f"told-{key}": "on" for key in TOLD}
    inside.post(sheet(adult), answers(adult, told_all=None, **ticks))
    assert Consent.objects.get().told == list(TOLD)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"told_all": None}, "say why it wasn"),
        ({"purposes": None}, "Choose what the picture may be used for"),
        ({"answer": "care", "purposes": ["care", "research"]}, "More than care is ticked"),
        ({"answer": "no"}, "Something is ticked"),
        ({"purposes": ["parties"]}, "only from the uses on this sheet"),
        ({"signature": None}, "Sign in the box"),
        ({"signature": "data:image/png;base64,§"}, "Sign in the box once more"),
        ({"signature": None, "form": "oral-recorded"}, "Write down what was said"),
        ({"given_by": None}, "Choose who answers"),
        ({"given_by": "someone"}, "Choose who answers"),
    ],
)
def test_answers_that_do_not_fit_come_back_with_what_to_do(inside, adult, given, words):
    sent = inside.post(sheet(adult), answers(adult, **given))
    assert sent.status_code == 200
    assert words in sent.content.decode()
    assert not Consent.objects.exists()


def test_a_stale_sheet_is_shown_anew(inside, adult):
    sent = inside.post(sheet(adult), answers(adult, wording="0" * 64))
    assert sent.status_code == 409
    assert "have changed" in sent.content.decode()
    assert not Consent.objects.exists()


def test_a_no_needs_no_signature(inside, adult):
    sent = inside.post(
        sheet(adult), answers(adult, answer="no", purposes=None, signature=None, told_all=None)
    )
    consent = Consent.objects.get()
    assert sent.url == reverse("consent-receipt", args=[consent.pk])
    assert (consent.purposes, consent.statement) == ([], "No.")
    assert "care stays the same" in inside.get(sent.url).content.decode()


def test_a_no_may_be_signed_too(inside, adult):
    inside.post(sheet(adult), answers(adult, answer="no", purposes=None))
    assert Consent.objects.get().form == "electronic"


def test_a_representative_answers_on_the_sheet(inside, surgery, gp):
    child = patient(practice=surgery, born_on=timezone.localdate() - timedelta(days=3000))
    mother = representative(child)
    said = answers(child, given_by=str(mother.pk), reader="representative")
    inside.post(sheet(child), said)
    assert Consent.objects.get().representative == mother


def test_a_consent_that_holds_leads_straight_to_the_camera(inside, adult, consent):
    assert inside.get(sheet(adult)).url == reverse("capture", args=[consent.pk])
    assert inside.get(sheet(adult, again="")).status_code == 200
    assert inside.get(reverse("consent", args=[adult.pk, "tail"])).status_code == 404


def test_parts_of_the_body_that_were_pictured_come_first(inside, adult, gp, consent):
    take(adult, gp, consent)
    page = inside.get(reverse("picture-new", args=[adult.pk])).content.decode()
    assert page.index("Again") < page.index("Head and neck")


def test_a_conversation_can_be_read_again_word_for_word(inside, adult, gp):
    told = [key for key in TOLD if key != "helps"]
    consent = agree(adult, gp, told=told, not_told={"helps": "No time"}, nothing_else=True)
    consent.set_withdrawn(["care"], at=timezone.now())
    page = inside.get(reverse("consent-record", args=[consent.pk])).content.decode()
    for words in ("No time", "Said no", "Nothing else", consent.wording["question"]):
        assert words in page


# The receipt


def test_the_secret_is_shown_to_this_session_for_a_while_only(inside, adult, client, monkeypatch):
    inside.post(sheet(adult), answers(adult))
    consent = Consent.objects.get()
    url = reverse("consent-receipt", args=[consent.pk])
    page = inside.get(url).content.decode()
    assert "/receipt/#" in page
    assert "<svg" in page
    assert not any("#" in str(value) for value in inside.session.values())
    monkeypatch.setattr(slips, "LASTS_SECONDS", -1)
    assert "can’t be shown again" in inside.get(url).content.decode()
    assert "/receipt/#" not in inside.get(url).content.decode()


# Capture


def test_only_the_camera_page_may_use_the_camera(inside, adult, consent):
    camera = inside.get(reverse("capture", args=[consent.pk]))
    assert "camera=(self)" in camera["Permissions-Policy"]
    assert "camera=()" in inside.get("/")["Permissions-Policy"]
    assert str(adult.practice_id) in camera.content.decode()


def test_a_consent_that_ended_leads_back_to_the_sheet(inside, adult, consent):
    consent.set_withdrawn(["care"], at=timezone.now())
    assert inside.get(reverse("capture", args=[consent.pk])).url == sheet(adult)


def test_an_objection_is_told_with_its_source_and_no_camera(inside, adult, consent):
    Objection.objects.create(
        practice=adult.practice, patient=adult, purposes=["*"], made_at=timezone.now()
    )
    page = inside.get(reverse("capture", args=[consent.pk])).content.decode()
    assert "Not permitted" in page
    assert "GMC VAR" in page
    assert "safelight-camera" not in page
    refused = post_upload(inside, consent, sealed(jpeg(), tenant=adult.practice_id))
    assert (refused.status_code, bool(refused.json()["error"])) == (409, True)


def test_a_hold_leads_to_the_page_that_lifts_it(inside, surgery, gp):
    child = patient(practice=surgery, born_on=timezone.localdate() - timedelta(days=3000))
    page = inside.get(reverse("capture", args=[agree(child, gp).pk])).content.decode()
    assert "On hold" in page
    assert reverse("assessment-new", args=[child.pk]) in page


def test_an_upload_is_answered_with_the_next_page_again_and_again(inside, adult, consent):
    parcel = sealed(jpeg(), tenant=adult.practice_id)
    for _ in range(2):
        sent = post_upload(inside, consent, parcel)
        assert sent.status_code == 201
        assert sent.json() == {"next": reverse("consent-receipt", args=[consent.pk])}
    assert Photo.objects.count() == 1
    page = inside.get(sent.json()["next"]).content.decode()
    assert "Safe and in the record" in page
    assert "Destroy the picture" in page


def test_each_refusal_has_its_own_status_and_words(inside, adult, consent):
    tenant = adult.practice_id
    known = sealed(jpeg(), tenant=tenant)
    assert post_upload(inside, consent, known).status_code == 201
    photo = Photo.objects.get()
    other = sealed(jpeg(seed=2), tenant=tenant, capture_id=photo.capture_id)
    for parcel, expected in (
        (sealed(jpeg(), tenant=uuid.uuid4()), 400),
        (sealed(b"words", tenant=tenant), 422),
        (other, 409),
    ):
        sent = post_upload(inside, consent, parcel)
        assert (sent.status_code, bool(sent.json()["error"])) == (expected, True)
    for lacking in ("envelope", "blob", "right_patient"):
        sent = post_upload(inside, consent, sealed(jpeg(), tenant=tenant), **{lacking: None})
        assert (sent.status_code, bool(sent.json()["error"])) == (400, True)
    stop = reverse("capture-stop", args=[consent.pk])
    assert inside.post(stop, {"capture_id": str(photo.capture_id)}).status_code == 302
    consent = agree(adult, consent.taken_by)
    gone = post_upload(inside, consent, known)
    assert (gone.status_code, bool(gone.json()["error"])) == (410, True)


@pytest.mark.parametrize("taken_at", ["", "yesterday", "2026-13-45T00:00:00Z", "2026-11-22T10:00"])
def test_a_phone_without_a_clock_is_no_obstacle(inside, adult, consent, taken_at):
    sent = post_upload(inside, consent, sealed(jpeg(), tenant=adult.practice_id), taken_at=taken_at)
    assert sent.status_code == 201
    assert Photo.objects.get().taken_at == Photo.objects.get().received_at


def test_where_decoding_cannot_be_locked_nothing_is_taken_in(inside, adult, consent, monkeypatch):
    from safelight.interop import pictures

    def unlocked(*args, **kwargs):
        raise pictures.LockUnavailable("no lock here")

    monkeypatch.setattr(pictures, "decode", unlocked)
    sent = post_upload(inside, consent, sealed(jpeg(), tenant=adult.practice_id))
    assert sent.status_code == 422
    assert not Photo.objects.exists()


def test_a_full_disk_is_worth_another_try(inside, adult, consent, monkeypatch):
    from safelight import storage

    def full(*args, **kwargs):
        raise storage.DiskFull("no room")

    monkeypatch.setattr(storage.DiskStore, "put", full)
    sent = post_upload(inside, consent, sealed(jpeg(), tenant=adult.practice_id))
    assert sent.status_code == 503


def test_stop_answers_a_script_and_a_form(inside, adult, gp, consent):
    stop = reverse("capture-stop", args=[consent.pk])
    home = reverse("patient", args=[adult.pk])
    script = {"headers": {"accept": "application/json"}}
    assert inside.post(stop, **script).json() == {"next": home}
    assert inside.post(stop).url == home
    assert inside.post(stop, {"capture_id": "x"}).status_code == 400
    assert inside.get(stop).status_code == 405
    photo = take(adult, gp, agree(adult, gp))
    Photo.objects.update(received_at=timezone.now() - capture.RIGHT_AFTER * 2)
    late = {"capture_id": str(photo.capture_id)}
    assert inside.post(stop, late, **script).status_code == 409
    assert inside.post(stop, late).url == home
    assert "in use by now" in inside.get(home).content.decode()


# Pictures


def test_the_timeline_shows_what_is_gone_to_governance_alone(client, adult, gp, consent):
    open_one, closed, erased = (take(adult, gp, consent) for _ in range(3))
    closed.set_closed()
    erased.set_erased()
    client.force_login(gp)
    assert client.get(reverse("patient", args=[adult.pk])).content.decode().count("sealed") == 0
    inside = client
    inside.force_login(staff(Role.IG_LEAD, practice=adult.practice))
    page = inside.get(reverse("patient", args=[adult.pk]))
    text = page.content.decode()
    assert text.count("tile sealed") == 2
    assert "Destroyed" in text
    assert str(closed.pk) not in text
    tile = text.partition('<img src="')[2].partition('"')[0]
    shown = inside.get(tile)
    assert (shown["Content-Type"], shown["Cache-Control"]) == ("image/jpeg", "no-store")
    assert str(open_one.pk) in tile
    assert page["Cache-Control"] == "no-store"


def test_the_timeline_names_an_intimate_picture_and_does_not_show_it(inside, adult, gp, consent):
    photo = take(adult, gp, consent)
    Photo.objects.update(intimate=True)
    text = inside.get(reverse("patient", args=[adult.pk])).content.decode()
    assert "open it if you need it" in text
    assert reverse("picture", args=[photo.pk]) in text
    assert "/tile/" not in text


def test_an_empty_timeline_says_how_to_begin(inside, adult):
    assert "No pictures yet" in inside.get(reverse("patient", args=[adult.pk])).content.decode()


def test_a_picture_that_may_not_be_opened_leads_to_the_reason(inside, adult, gp, consent):
    photo = take(adult, gp, consent)
    why = reverse("picture-why", args=[photo.pk])
    assert "can be opened" in inside.get(why).content.decode()
    Objection.objects.create(
        practice=adult.practice, patient=adult, purposes=["*"], made_at=timezone.now()
    )
    assert why in inside.get(reverse("patient", args=[adult.pk])).content.decode()
    assert "can’t be opened now" in inside.get(why).content.decode()
    assert inside.get(reverse("picture-image", args=[photo.pk])).status_code == 403


def test_a_stale_tile_and_a_stale_picture_open_nothing(inside, adult, gp, consent):
    photo = take(adult, gp, consent)
    entry = opening.open_thumbs([photo], by=gp, now=timezone.now()).entry
    tile = reverse("picture-tile", args=[photo.pk, entry])
    assert inside.get(tile).status_code == 200
    assert inside.get(reverse("picture-tile", args=[photo.pk, entry - 1])).status_code == 403
    assert "At least until" in inside.get(reverse("picture", args=[photo.pk])).content.decode()
    photo.set_closed()
    assert inside.get(tile).status_code == 404
    assert inside.get(reverse("picture-image", args=[photo.pk])).status_code == 404
    assert inside.get(reverse("picture", args=[photo.pk])).status_code == 404
    inside.force_login(staff(Role.IG_LEAD, practice=adult.practice))
    page = inside.get(reverse("picture", args=[photo.pk])).content.decode()
    assert "Nobody can open it" in page


def test_a_broken_seal_is_said_and_not_shown(inside, adult, gp, consent, home):
    photo = take(adult, gp, consent)
    entry = opening.open_thumbs([photo], by=gp, now=timezone.now()).entry
    for kind in ("view", "thumb"):
        path = home.blobs / photo.derived_blob(kind)
        alter_end(path)
    for url in (
        reverse("picture-image", args=[photo.pk]),
        reverse("picture-tile", args=[photo.pk, entry]),
    ):
        broken = inside.get(url)
        assert (broken.status_code, broken["Content-Type"]) == (500, "text/plain; charset=utf-8")
        assert "seal is broken" in broken.content.decode()


def test_two_dates_need_two_pictures(inside, adult, gp, consent):
    first = take(adult, gp, consent)
    url = reverse("compare", args=[adult.pk, SLUG])
    assert inside.get(url).status_code == 404
    second = take(adult, gp, consent)
    assert inside.get(url).status_code == 200
    chosen = inside.get(url, {"before": second.pk, "after": first.pk}).content.decode()
    assert chosen.index(str(second.pk)) < chosen.index(str(first.pk))
