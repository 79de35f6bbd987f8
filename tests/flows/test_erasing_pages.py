"""Governance erases by order, and finds a certificate for everything that was destroyed."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.utils import timezone

from factories import staff
from flows.conftest import agree, take
from safelight.flows import holding, withdraw
from safelight.policy.roles import Role
from safelight.records.models import Consent, EraseJob, Patient, Photo
from safelight.terms import Purpose

SURE = {"because": "Taken of the wrong person", "word": "erase"}


@pytest.fixture
def lead(surgery):
    return staff(Role.IG_LEAD, practice=surgery)


@pytest.fixture
def office(lead) -> Client:
    client = Client()
    client.force_login(lead)
    return client


@pytest.fixture
def consent(adult, gp) -> Consent:
    return agree(adult, gp, Purpose.CARE)[0]


@pytest.fixture
def photo(adult, gp, consent) -> Photo:
    return take(adult, gp, consent)


def text(answer) -> str:
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def test_a_picture_is_erased_by_a_reason_and_a_typed_word(office, photo, lead):
    where = f"/pictures/{photo.pk}/erase/"
    assert where in text(office.get(f"/pictures/{photo.pk}/"))
    assert "Nobody can undo it" in text(office.get(where))
    for wrong, word in (({"word": "yes"}, "Type the word erase"), ({"because": ""}, "Say why")):
        assert word in text(office.post(where, SURE | wrong))
    photo.refresh_from_db()
    assert photo.state == "kept"
    page = text(office.post(where, SURE, follow=True))
    for said in ("Certificate of destruction", "Taken of the wrong person", lead.name, "Entry"):
        assert said in page
    photo.refresh_from_db()
    assert photo.state == "erased"
    assert "erased before" in text(office.post(where, SURE))


def test_a_conversation_and_a_patient_are_erased_the_same_way(office, adult, consent, photo):
    assert f"/consents/{consent.pk}/erase/" in text(office.get(f"/consents/{consent.pk}/"))
    assert office.post(f"/consents/{consent.pk}/erase/", SURE).status_code == 302
    assert f"/patients/{adult.pk}/erase/" in text(office.get(f"/patients/{adult.pk}/"))
    assert office.post(f"/patients/{adult.pk}/erase/", SURE).status_code == 302
    adult.refresh_from_db()
    assert adult.name == "Erased"
    assert office.get(f"/patients/{adult.pk}/").status_code == 404
    listed = text(office.get("/governance/certificates/"))
    assert listed.count("Erased by order") == EraseJob.objects.count() == 2
    assert not Patient.objects.visible_to(EraseJob.objects.first().approved_by).exists()


def test_a_hold_is_said_and_nothing_is_erased(office, adult, photo, lead):
    holding.place(
        adult, kind="claim", reason="A claim", reference="C 1", by=lead, now=timezone.now()
    )
    for path in (f"/pictures/{photo.pk}/erase/", f"/patients/{adult.pk}/erase/"):
        assert "legal hold stops this" in text(office.post(path, SURE))
    photo.refresh_from_db()
    assert photo.state == "kept"


def test_the_certificate_is_handed_out_for_other_tools(office, photo, consent):
    withdraw.withdraw(consent, purposes=[Purpose.CARE], by=None, now=timezone.now())
    job = EraseJob.objects.get()
    answer = office.get(f"/governance/certificates/{job.pk}/certificate.json")
    assert answer["Content-Type"].startswith("application/json")
    said = json.loads(answer.content)
    assert (said["id"], said["basis"]) == (str(job.pk), "withdrawal")
    EraseJob.objects.update(scrubbed_at=None)
    assert "Scrub pending" in text(office.get(f"/governance/certificates/{job.pk}/"))
    assert "Scrub pending" in text(office.get("/governance/certificates/"))
    EraseJob.objects.update(destroyed_at=None)
    assert "Being destroyed" in text(office.get(f"/governance/certificates/{job.pk}/"))


def test_before_anything_was_destroyed_the_list_says_so(office):
    assert "Nothing was destroyed yet" in text(office.get("/governance/certificates/"))
