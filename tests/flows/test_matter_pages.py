"""The pages on which governance gives a picture to a court or into a complaint, and what others see."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from clients import signed_in
from factories import patient, staff
from flows.conftest import agree, take
from flows.test_matters import COMPLAINT, ORDER, exhibit_in
from safelight.flows import destroying, holding, matters, withdraw
from safelight.policy.roles import Role
from safelight.records.models import EraseJob, Exhibit, LegalHold, Matter, Photo
from safelight.terms import Purpose

SAID = {
    "kind": "court-order",
    "reference": "CO-2026-118",
    "asked_by": "The county court",
    "asked_on_day": "20",
    "asked_on_month": "11",
    "asked_on_year": "2026",
    "extent": "All pictures of the left lower leg",
    "size": "view",
    "told": "yes",
}


@pytest.fixture
def then():
    return timezone.now() - timedelta(days=2)


@pytest.fixture
def lead(surgery):
    return staff(Role.IG_LEAD, practice=surgery)


@pytest.fixture
def office(lead):
    return signed_in(lead)


@pytest.fixture
def photo(adult, gp, then) -> Photo:
    return take(adult, gp, agree(adult, gp, Purpose.CARE, now=then)[0], now=then)


def needed(photo: Photo, why: str = "The order names it", *, answer: str = "yes") -> dict[str, str]:
    return {f"{photo.pk}-needed": answer, f"{photo.pk}-why": why}


def test_the_whole_way_from_the_patients_page_to_the_file(adult, gp, office, photo):
    new = reverse("matter-new", args=[adult.pk])
    assert new in office.get(reverse("patient", args=[adult.pk])).content.decode()
    assert " checked" not in office.get(new).content.decode()
    made = office.post(new, SAID)
    matter = Matter.objects.get()
    where = reverse("matter", args=[matter.pk])
    assert made["Location"] == where
    assert "Give " not in office.get(where).content.decode()
    today = office.get(reverse("governance")).content.decode()
    assert "Courts and complaints ask for pictures" in today
    office.post(where, needed(photo))
    page = office.get(where).content.decode()
    assert "May be given" in page
    assert "Give 1 picture<" in page
    (exhibit,) = Exhibit.objects.all()
    why = office.get(reverse("exhibit", args=[exhibit.pk])).content.decode()
    assert "GMC VAR 15, GMC CONF 87–88" in why
    assert "Disclose no more than is demanded." in why
    file = reverse("exhibit-file", args=[exhibit.pk])
    assert office.get(file).status_code == 404
    for _ in range(2):
        office.post(reverse("matter-give", args=[matter.pk]))
    sent = office.get(file)
    assert (sent.status_code, sent["Content-Type"]) == (200, "image/jpeg")
    assert sent["Content-Disposition"] == 'attachment; filename="picture-1.jpg"'
    office.post(where, needed(photo, "Struck out", answer="no"))
    refused = office.get(file)
    assert (refused.status_code, "Content-Disposition" in refused) == (403, False)
    office.post(where, needed(photo))
    page = office.get(where).content.decode()
    assert file in page
    assert hashlib.sha256(sent.content).hexdigest() in page.replace(" ", "")
    staff_page = signed_in(gp).get(reverse("picture", args=[photo.pk])).content.decode()
    assert "as the law demands" in staff_page
    office.post(reverse("matter-close", args=[matter.pk]))
    assert file not in office.get(where).content.decode()
    assert office.get(file).status_code == 404
    late = office.post(where, needed(photo, answer="no"), follow=True).content.decode()
    assert "This matter is closed" in late
    late = office.post(reverse("matter-give", args=[matter.pk]), follow=True).content.decode()
    assert "This matter is closed" in late or "Given" not in late.split("<h1")[0]
    listed = office.get(reverse("matters")).content.decode()
    assert "Nothing is asked for" in listed
    assert "CO-2026-118" in listed


def test_a_complaint_is_refused_after_a_no_and_the_page_says_why(adult, gp, lead, office, photo):
    other = take(adult, gp, photo.consent, now=photo.taken_at)
    office.post(reverse("matter-new", args=[adult.pk]), SAID | {"kind": "complaint"})
    matter = Matter.objects.get()
    assert matter.hold is not None
    where = reverse("matter", args=[matter.pk])
    office.post(where, needed(photo) | needed(other, answer="no"))
    page = office.get(where).content.decode()
    assert reverse("hold", args=[matter.hold.pk]) in page
    assert "Not needed" in page
    withdraw.object_to(adult, purposes=list(Purpose), by=gp, now=timezone.now())
    page = office.get(where).content.decode()
    assert "Not permitted" in page
    said = office.post(reverse("matter-give", args=[matter.pk]), follow=True).content.decode()
    assert "Not permitted: 1. Nothing of it was given" in said
    exhibit = Exhibit.objects.get(photo=photo)
    why = office.get(reverse("exhibit", args=[exhibit.pk])).content.decode()
    assert "The patient objected to this use." in why
    assert "Don’t ask again for this" in why
    unneeded = Exhibit.objects.get(photo=other)
    why = office.get(reverse("exhibit", args=[unneeded.pk])).content.decode()
    assert f'href="{where}"' in why
    assert "why it needs this picture" in why


def test_while_one_is_given_another_was_taken_back_or_given_already(
    adult, gp, lead, office, photo, monkeypatch
):
    matter = matters.record(adult, asked=ORDER, by=lead, now=timezone.now())
    exhibit_in(matter, photo, lead, now=timezone.now())

    def quicker(exhibit, **said):
        raise matters.AlreadyGiven

    monkeypatch.setattr(matters, "give", quicker)
    said = office.post(reverse("matter-give", args=[matter.pk]), follow=True).content.decode()
    assert "Given: " not in said


def test_what_does_not_fit_is_said_at_its_field(adult, office, photo):
    new = reverse("matter-new", args=[adult.pk])
    page = office.post(new, {"kind": ""}).content.decode()
    for words in ("Choose what it is", "Say who asks", "Choose whether the patient was told"):
        assert words in page
    page = office.post(new, SAID | {"told": "no"}).content.decode()
    assert "Say why the patient wasn’t told" in page
    made = office.post(new, SAID | {"told": "no", "not_told_because": "The statute forbids it"})
    where = made["Location"]
    assert (
        "Say why it is needed, or why not" in office.post(where, needed(photo, "")).content.decode()
    )
    only_why = {f"{photo.pk}-why": "Page 2"}
    assert "Choose whether it is needed" in office.post(where, only_why).content.decode()
    office.post(reverse("matter-told", args=[Matter.objects.get().pk]))
    assert Matter.objects.get().told_at is not None


def test_a_form_that_is_sent_twice_makes_one_matter(adult, office):
    twice = SAID | {"kind": "claim", "once": "5f0c5e0e-2f6f-4a34-9a0c-0d2c8d3f0a11"}
    first, second = (office.post(reverse("matter-new", args=[adult.pk]), twice) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert (Matter.objects.count(), LegalHold.objects.count()) == (1, 1)


def test_a_picture_that_was_given_and_is_gone_stays_on_the_page(adult, lead, office, photo, then):
    matter = matters.record(adult, asked=ORDER, by=lead, now=then)
    exhibit = exhibit_in(matter, photo, lead, now=then)
    matters.give(exhibit, by=lead, now=then)
    order = destroying.Order(EraseJob.Basis.ERASURE, "Wrong person", lead)
    destroying.erase_image(photo, order=order, now=timezone.now())
    page = office.get(reverse("matter", args=[matter.pk])).content.decode()
    assert "Given, not kept any more" in page
    assert office.get(reverse("exhibit-file", args=[exhibit.pk])).status_code == 404


def test_without_a_picture_the_page_says_so(surgery, lead, office):
    matter = matters.record(patient(practice=surgery), asked=ORDER, by=lead, now=timezone.now())
    assert "No picture of" in office.get(reverse("matter", args=[matter.pk])).content.decode()


def test_an_erased_record_is_not_found(adult, lead, office, photo, then):
    matter = matters.record(adult, asked=ORDER, by=lead, now=then)
    exhibit = exhibit_in(matter, photo, lead, now=then)
    order = destroying.Order(EraseJob.Basis.ERASURE, "Asked for in a letter", lead)
    destroying.erase_patient(adult, order=order, now=timezone.now())
    for name, pk in (("matter", matter.pk), ("matter-new", adult.pk)):
        assert office.get(reverse(name, args=[pk])).status_code == 404
    assert office.post(reverse("matter-new", args=[adult.pk]), SAID).status_code == 404
    for name in ("matter-give", "matter-told", "matter-close"):
        assert office.post(reverse(name, args=[matter.pk])).status_code == 404
    for name in ("exhibit", "exhibit-file"):
        assert office.get(reverse(name, args=[exhibit.pk])).status_code == 404
    assert "CO-2026" not in office.get(reverse("matters")).content.decode()


@pytest.mark.parametrize("asked", [COMPLAINT, ORDER], ids=["a complaint", "a court"])
def test_staff_see_neither_a_complaint_nor_what_the_patient_does_not_know(
    asked, adult, gp, lead, photo, then
):
    silent = replace(asked, is_told=asked is COMPLAINT, not_told_because="The statute forbids it")
    matter = matters.record(adult, asked=silent, by=lead, now=then)
    exhibit = exhibit_in(matter, photo, lead, now=then)
    matters.give(exhibit, by=lead, now=then)
    clinic = signed_in(gp)
    for name, pk in (("patient", adult.pk), ("picture", photo.pk), ("posts", adult.pk)):
        page = clinic.get(reverse(name, args=[pk])).content.decode()
        for word in ("ourt", "omplaint", "Given out", "the law demands", "atter", lead.name):
            assert word not in page, word
    for name, pk in (("matter", matter.pk), ("exhibit", exhibit.pk), ("matter-new", adult.pk)):
        assert clinic.get(reverse(name, args=[pk])).status_code == 403
    office = signed_in(lead).get(reverse("patient", args=[adult.pk])).content.decode()
    assert matter.reference in office


def test_a_lifted_hold_closes_its_complaint(adult, lead, office, photo, then):
    matter = matters.record(adult, asked=COMPLAINT, by=lead, now=then)
    exhibit = exhibit_in(matter, photo, lead, now=then)
    holding.lift(matter.hold, because="Settled", by=lead, now=timezone.now())
    page = office.get(reverse("matter", args=[matter.pk])).content.decode()
    assert "The hold was lifted" in page
    assert "Not given" in page
    assert "Not permitted" not in page
    back = office.get(reverse("exhibit", args=[exhibit.pk]), follow=True).content.decode()
    assert "This matter is closed" in back
    assert "Close the matter" not in page
    assert "C 14" in office.get(reverse("matters")).content.decode()
