"""Once a picture was taken back nothing of it comes out of any door (GMC VAR 25).

Not from an address that showed it, not from a cache that kept it, not by sending it once more, and
no staff but governance can tell from a page, an answer or the server's own log that it was there.
"""

from __future__ import annotations

import io
import json
import logging
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from PIL import Image

from clients import signed_in
from factories import staff
from flows.conftest import SITE, agree, jpeg, sealed
from flows.test_story_pages import make, opened, wish
from safelight.flows import opening, withdraw
from safelight.policy.roles import Role
from safelight.records.models import (
    Consent,
    Exhibit,
    LedgerEntry,
    Link,
    OutgoingMail,
    Photo,
    Release,
    StoppedCapture,
)
from safelight.terms import Purpose

USES = (Purpose.CARE, Purpose.SECOND_OPINION, Purpose.TEACHING_LOCAL)
TOLD = {"right_patient": "confirmed"}
ORDER = {
    "kind": "court-order",
    "reference": "CO 7",
    "asked_by": "The county court",
    "asked_on_day": "1",
    "asked_on_month": "11",
    "asked_on_year": "2026",
    "extent": "The picture of the leg",
    "size": "view",
    "told": "yes",
}


class Story:
    """A picture that went everywhere it can go: timeline, colleague, editor, a second person, a copy."""

    def __init__(self, adult, gp, lead) -> None:
        then = timezone.now() - timedelta(days=3)
        self.adult, self.gp, self.lead = adult, gp, lead
        self.clinic, self.office = signed_in(gp), signed_in(lead)
        self.nurse = signed_in(staff(Role.NURSE, practice=adult.practice))
        self.consent, self.slip = agree(adult, gp, *USES, now=then)
        self.parcel = sealed(jpeg(), tenant=adult.practice_id)
        upload = reverse("capture-upload", args=[self.consent.pk])
        assert self.send(upload).status_code == 201
        self.photo = Photo.objects.get()
        Photo.objects.update(received_at=then)
        self.browser, self.shown = opened(self.photo, self.clinic)
        self.release = wish(self.photo, self.clinic)
        assert make(self.release, self.clinic).status_code == 302
        self.office.post(f"{self.release}approve/", {"note": "Fine."})
        self.exhibit = self.given_to_a_court()
        self.tile_entry = self.page_with_tiles()

    def given_to_a_court(self) -> Exhibit:
        """As the law demands, to the patient's knowledge; no hold keeps anything."""
        new = reverse("matter-new", args=[self.adult.pk])
        matter = self.office.post(new, ORDER)["Location"]
        said = {f"{self.photo.pk}-needed": "yes", f"{self.photo.pk}-why": "Named in it"}
        self.office.post(matter, said)
        self.office.post(f"{matter}give/")
        return Exhibit.objects.get()

    def send(self, where: str):
        envelope, blob = self.parcel
        return self.clinic.post(
            where, TOLD | {"envelope": envelope, "blob": SimpleUploadedFile("sealed", blob)}
        )

    def page_with_tiles(self) -> int:
        self.clinic.get(f"/patients/{self.adult.pk}/")
        return LedgerEntry.objects.filter(kind="photos.viewed").latest("index").index

    def take_back(self) -> None:
        """As the patient, from the slip, without an account: all of it, so that care ends too."""
        Photo.objects.update(relied_on_for_care=False)
        browser = Client()
        browser.post("/receipt/", {"secret": self.slip})
        browser.post(
            "/receipt/change/", {"step": "stop", "purposes": [each.value for each in USES]}
        )
        self.photo.refresh_from_db()
        assert self.photo.state == Photo.State.ERASED

    @property
    def ids(self) -> list[object]:
        """Every id by which something of the picture could be asked for."""
        asked, link = Release.objects.get(), Link.objects.get()
        rows = [self.photo, self.consent, self.adult, asked, link, asked.copy]
        rows += [self.exhibit, self.exhibit.matter]
        return [row.pk for row in rows if row is not None]

    def addresses(self) -> set[str]:
        """Every address of the application, with every one of those ids in it."""
        found: set[str] = set()
        for name, wanted in named():
            for pk in self.ids if "pk" in wanted else [None]:
                given = {"pk": pk, "entry": self.tile_entry, "site": "left-lower-leg"}
                try:
                    found.add(reverse(name, kwargs={key: given[key] for key in wanted}))
                except (KeyError, NoReverseMatch):
                    continue
        return found


def named(resolver: URLResolver | None = None) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each route by name, with what stands in its address."""
    for each in (resolver or get_resolver()).url_patterns:
        if isinstance(each, URLResolver):
            yield from named(each)
        elif isinstance(each, URLPattern) and each.name:
            yield each.name, tuple(each.pattern.converters)


@pytest.fixture
def lead(surgery):
    return staff(Role.IG_LEAD, practice=surgery)


@pytest.fixture
def story(adult, gp, lead) -> Story:
    return Story(adult, gp, lead)


def doors(story: Story) -> list[tuple[Client, str]]:
    """The addresses that show something of the picture while it may be seen, each to who sees it."""
    return [
        (story.clinic, f"/pictures/{story.photo.pk}/image/"),
        (story.nurse, f"/pictures/{story.photo.pk}/image/"),
        (story.clinic, f"/pictures/{story.photo.pk}/tile/{story.tile_entry}/"),
        (story.browser, f"{story.shown}picture/"),
        (story.office, f"{story.release}copy/"),
        (story.office, f"/exhibits/{story.exhibit.pk}/file/"),
    ]


def is_picture(answer) -> bool:
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    if answer.get("Content-Type", "").startswith("image/"):
        return True
    try:
        Image.open(io.BytesIO(body)).verify()
    except (OSError, SyntaxError, ValueError):  # not a picture, whatever else it is
        return False
    return True


def test_every_door_that_showed_it_is_shut(story):
    for browser, where in doors(story):
        assert is_picture(browser.get(where)), where
    story.take_back()
    for browser, where in doors(story):
        after = browser.get(where)
        assert after.status_code in {403, 404}, where
        assert not is_picture(after)


def test_no_address_there_is_serves_a_picture_to_anybody(story):
    story.take_back()
    people = [story.clinic, story.nurse, story.office, story.browser, Client()]
    people += [
        signed_in(staff(role, practice=story.adult.practice))
        for role in (Role.REVIEWER, Role.ADMINISTRATOR)
    ]
    asked = story.addresses()
    assert len(asked) > 100
    for where in sorted(asked):
        for browser in people:
            assert not is_picture(browser.get(where)), where


def test_a_thumbnail_is_gone_from_the_list_it_was_on(story):
    assert str(story.photo.pk) in story.clinic.get(f"/patients/{story.adult.pk}/").content.decode()
    story.take_back()
    for browser in (story.clinic, story.nurse):
        page = browser.get(f"/patients/{story.adult.pk}/").content.decode()
        assert str(story.photo.pk) not in page
        assert "/tile/" not in page
        assert SITE not in page.partition("Conversations")[0]
        assert browser.get(f"/patients/{story.adult.pk}/compare/left-lower-leg/").status_code == 404


def test_no_cache_may_keep_it_and_no_question_of_a_cache_is_answered_from_memory(story):
    for browser, where in doors(story):
        answer = browser.get(where)
        assert answer["Cache-Control"] == "no-store", where
        for header in ("ETag", "Last-Modified", "Expires", "Age", "Accept-Ranges"):
            assert header not in answer, (where, header)
        assert "Content-Disposition" not in answer or "20" not in answer["Content-Disposition"]
    story.take_back()
    asks = {
        "If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT",
        "If-None-Match": "*",
        "Range": "bytes=0-99",
    }
    for browser, where in doors(story):
        for method in (browser.get, browser.head):
            answer = method(where, headers=asks)
            assert answer.status_code in {403, 404, 405}, where
            assert answer["Cache-Control"] == "no-store"


def test_what_was_sent_before_can_not_be_sent_again(story, home):
    """A phone that didn't hear the answer sends once more what lies in its memory."""
    upload = reverse("capture-upload", args=[story.consent.pk])
    story.take_back()
    before = home.files()
    again = story.send(upload)
    assert again.status_code >= 400
    assert home.files() == before
    fresh, _ = agree(story.adult, story.gp, now=timezone.now())
    anew = story.send(reverse("capture-upload", args=[fresh.pk]))
    assert anew.status_code >= 400, "the same picture came in by another conversation"
    assert home.files().keys() - before.keys() == set()
    assert Photo.objects.filter(state=Photo.State.KEPT).count() == 0


def test_nothing_that_waited_to_leave_leaves(adult, gp, lead):
    """A copy at the desk and a mail that wasn't sent yet: both are stopped, not only hidden."""
    story = Story(adult, gp, lead)
    letter = OutgoingMail.objects.filter(text__contains="/s/#").earliest("pk")
    secret = re.findall(r"/s/#([\w-]{43})", letter.text)[0]
    second = wish(story.photo, story.clinic)
    assert make(second, story.clinic).status_code == 302
    story.take_back()
    ended = {Release.State.WITHDRAWN, Release.State.STOPPED}
    assert set(Release.objects.values_list("state", flat=True)) == ended
    story.office.post(f"{second}approve/", {"note": "Fine."})
    assert not Release.objects.filter(state=Release.State.RELEASED).exists()
    assert "Tuesday teaching" not in story.office.get("/releases/").content.decode()
    assert Link.objects.get().is_open(now=timezone.now()) is False
    late = Client()
    assert not OutgoingMail.objects.filter(text__contains=secret).exists()
    assert late.post("/s/", {"secret": secret}).status_code in {200, 403, 404}
    shut = late.post("/s/open/", {"secret": secret, "code": "000 000"})
    assert shut.status_code != 302


def test_the_servers_log_does_not_say_that_there_was_anything(story, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    story.take_back()
    for browser, where in doors(story):
        browser.get(where)
    story.clinic.get(f"/patients/{story.adult.pk}/")
    said = caplog.text + "".join(capfd.readouterr())
    told = [str(each) for each in (story.photo.pk, story.photo.capture_id, story.consent.pk)]
    told += [story.slip, story.adult.name, SITE, "withdraw", "taken back", "erase"]
    ours = [record for record in caplog.records if record.name.startswith("safelight")]
    for word in told:
        assert not [each for each in ours if word.lower() in each.getMessage().lower()], word
    for word in told[:5]:
        assert word not in said.replace(f"/pictures/{story.photo.pk}/", "/·/"), word


def test_mail_that_still_waits_says_nothing_of_it_either(story):
    story.take_back()
    for mail in OutgoingMail.objects.all():
        for word in (story.adult.name, str(story.photo.pk), SITE):
            assert word not in mail.subject + mail.text


def test_right_after_the_picture_a_stop_leaves_a_random_id_alone(adult, gp, home):
    """VAR 25 at the camera: through the upload, the receipt's button, and every door after it."""
    clinic = signed_in(gp)
    consent, _ = agree(adult, gp, now=timezone.now())
    before = home.files()
    envelope, blob = sealed(jpeg(), tenant=adult.practice_id)
    clinic.post(
        reverse("capture-upload", args=[consent.pk]),
        TOLD | {"envelope": envelope, "blob": SimpleUploadedFile("sealed", blob)},
    )
    photo = Photo.objects.get()
    assert home.files() != before
    receipt = clinic.get(reverse("consent-receipt", args=[consent.pk])).content.decode()
    assert "Destroy the picture" in receipt
    clinic.post(
        reverse("capture-stop", args=[consent.pk]),
        {"capture_id": json.loads(envelope)["capture_id"]},
    )
    assert not Photo.objects.exists()
    assert home.files() == before
    (left,) = StoppedCapture.objects.all()
    assert isinstance(left.capture_id, uuid.UUID)
    for where in ("", "image/", "why/", "ask/", "copy/"):
        for who in (clinic, signed_in(staff(Role.IG_LEAD, practice=adult.practice))):
            assert who.get(f"/pictures/{photo.pk}/{where}").status_code in {403, 404}
    page = clinic.get(f"/patients/{adult.pk}/").content.decode()
    assert "No pictures yet" in page
    entry = LedgerEntry.objects.get(kind="capture.stopped")
    assert b"site" not in bytes(entry.body)
    assert isinstance(Consent.objects.get().purposes, list)


def test_a_no_on_the_phone_shuts_the_camera_and_every_door(story):
    """Somebody rings, and a nurse takes it down: it counts at once, whoever took the picture."""
    where = f"/patients/{story.adult.pk}/no/"
    story.nurse.post(where, {"step": "stop", "purposes": ["all"], "channel": "phone"})
    for browser, door in doors(story):
        assert browser.get(door).status_code in {403, 404}, door
    consent, _ = agree(story.adult, story.gp, Purpose.TEACHING_LOCAL, now=timezone.now())
    assert consent.given_at
    refused = opening.may_open(story.photo, by=story.gp, now=timezone.now())
    assert refused.because
    assert withdraw.Withdrawal.objects.get().channel == "phone"
