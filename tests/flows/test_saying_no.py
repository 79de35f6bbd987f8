"""A no at the camera, or tears: it stops, whoever has agreed, and is remembered for the visit."""

from __future__ import annotations

import uuid
from datetime import date, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from factories import NOW, assessment, patient, representative, staff
from flows.conftest import SITE, agree, jpeg, sealed, take
from safelight import policy
from safelight.flows import capture, opening, saying_no
from safelight.flows.allowed import DoesNotFit, NotAllowed
from safelight.policy.roles import Role
from safelight.records.models import Consent, LedgerEntry, Patient, Photo, SaidNo
from safelight.terms import Purpose


@pytest.fixture
def child(surgery, gp) -> Patient:
    """Somebody of nine, for whom a parent agreed."""
    found = patient(practice=surgery, name="Small Made-Up", born_on=date(2017, 1, 11))
    assessment(found, gp, kind="gillick", outcome="not-competent")
    return found


def by_parent(of: Patient, gp, *, now=NOW) -> Consent:
    mother = of.representatives.first() or representative(of)
    said = {"given_by": "parental-responsibility", "representative": mother}
    return agree(of, gp, Purpose.CARE, **said, now=now)[0]


def offered(of: Patient, gp, *, now=NOW):
    return capture.offer(of, body_site=SITE, made_for=Purpose.CARE, by=gp, now=now)


def test_a_childs_no_stops_it_whatever_the_parent_has_agreed_to(child, gp, home):
    consent = by_parent(child, gp)
    assert isinstance(offered(child, gp), capture.CaptureOffer)
    photo = take(child, gp, consent)
    said = saying_no.stop_at_no(photo.capture_id, patient=child, consent=consent, by=gp, now=NOW)
    assert not Photo.objects.exists()
    assert home.files() == {}
    assert (said.how, said.words, said.by) == ("", "", gp)
    assert str(said).startswith("No ")
    by_parent(child, gp, now=NOW + timedelta(minutes=1))  # asked at once, the parent says yes again
    refused = offered(child, gp, now=NOW + timedelta(minutes=2))
    assert isinstance(refused, policy.Refusal)
    assert {each.rule for each in refused.because} == {"objection-while-making"}
    kinds = list(LedgerEntry.objects.values_list("kind", flat=True))
    assert kinds.count("patient.said-no") == kinds.count("capture.stopped") == 1


def test_what_is_on_its_way_when_the_child_says_no_is_not_taken_in(child, gp, home):
    consent = by_parent(child, gp)
    envelope, blob = sealed(jpeg(), tenant=child.practice_id)
    saying_no.stop_at_no(None, patient=child, consent=None, by=gp, now=NOW)
    late = capture.receive(
        envelope,
        blob,
        patient=child,
        consent=consent,
        body_site=SITE,
        made_for=Purpose.CARE,
        by=gp,
        now=NOW,
    )
    assert isinstance(late, policy.Refusal)
    assert home.files() == {}


def test_the_no_is_of_this_visit_and_of_no_picture_there_was(child, gp):
    before = NOW - timedelta(days=2)
    earlier = take(child, gp, by_parent(child, gp, now=before), now=before)
    saying_no.stop_at_no(None, patient=child, consent=None, by=gp, now=NOW)
    assert isinstance(opening.open_photo(earlier, by=gp, now=NOW), bytes)
    midnight = NOW.replace(hour=23, minute=59)
    assert isinstance(offered(child, gp, now=midnight), policy.Refusal)
    tomorrow = NOW + timedelta(days=1)
    assert isinstance(offered(child, gp, now=tomorrow), capture.CaptureOffer)


def test_a_no_that_comes_too_late_for_the_picture_counts_all_the_same(child, gp):
    consent = by_parent(child, gp)
    photo = take(child, gp, consent)
    with pytest.raises(capture.TooLateToStop):
        saying_no.stop_at_no(
            photo.capture_id,
            patient=child,
            consent=consent,
            by=gp,
            now=NOW + capture.RIGHT_AFTER * 2,
        )
    assert SaidNo.objects.count() == 1


def test_how_it_was_said_may_be_written_down_and_need_not(child, gp, stranger):
    said = saying_no.stop_at_no(None, patient=child, consent=None, by=gp, now=NOW)
    with pytest.raises(DoesNotFit):
        saying_no.note(said, how="loudly", words="", by=gp, now=NOW)
    with pytest.raises(NotAllowed):
        saying_no.note(said, how="signs", words="", by=stranger, now=NOW)
    saying_no.note(said, how="signs", words=" Hid behind the chair ", by=gp, now=NOW)
    saying_no.note(said, how="", words="", by=gp, now=NOW)
    said.refresh_from_db()
    assert (said.how, said.words) == ("", "")
    noted = [bytes(each.body) for each in LedgerEntry.objects.filter(kind="patient.no-noted")]
    assert len(noted) == 2
    assert not any(b"chair" in each for each in noted)


def test_only_who_takes_pictures_takes_down_a_no(child, surgery):
    with pytest.raises(NotAllowed):
        saying_no.stop_at_no(
            None, patient=child, consent=None, by=staff(Role.REVIEWER, practice=surgery), now=NOW
        )
    assert not SaidNo.objects.exists()


# --- the pages ------------------------------------------------------------------------------------


@pytest.fixture
def clinic(gp) -> Client:
    client = Client()
    client.force_login(gp)
    return client


def test_the_camera_of_a_child_has_the_button_and_an_adults_has_not(child, adult, gp, clinic):
    own, _ = agree(adult, gp, now=timezone.now())
    for consent, has_it in ((by_parent(child, gp, now=timezone.now()), True), (own, False)):
        page = clinic.get(reverse("capture", args=[consent.pk])).content.decode()
        assert "safelight-camera" in page
        assert ('data-said="no"' in page) is has_it


def test_the_button_leads_to_the_page_that_asks_nothing_and_keeps_the_camera_shut(
    child, gp, clinic
):
    consent = by_parent(child, gp, now=timezone.now())
    stop = reverse("capture-stop", args=[consent.pk])
    script = {"headers": {"accept": "application/json"}}
    told = clinic.post(stop, {"said": "no", "capture_id": str(uuid.uuid4())}, **script)
    said = SaidNo.objects.get()
    assert told.json() == {"next": reverse("said-no", args=[said.pk])}
    page = clinic.get(told.json()["next"])
    assert "Nobody has to say why" in page.content.decode()
    assert b"checked" not in page.content
    assert clinic.post(told.json()["next"], {}).url == reverse("patient", args=[child.pk])
    clinic.post(told.json()["next"], {"how": "words", "words": "Not today"})
    said.refresh_from_db()
    assert (said.how, said.words) == ("words", "Not today")
    again = by_parent(child, gp, now=timezone.now())
    shut = clinic.get(reverse("capture", args=[again.pk])).content.decode()
    assert "safelight-camera" not in shut
    assert "Stop for today" in shut


def test_without_a_script_the_button_leads_there_too(child, gp, clinic):
    consent = by_parent(child, gp, now=timezone.now())
    sent = clinic.post(reverse("capture-stop", args=[consent.pk]), {"said": "no"})
    assert sent.url == reverse("said-no", args=[SaidNo.objects.get().pk])
