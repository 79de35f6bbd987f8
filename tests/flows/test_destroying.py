"""Erased is erased: everything that came of it, a certificate that says so, a stub of nobody."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

from factories import NOW, assessment, representative, staff
from flows.conftest import agree, signature, take
from flows.test_derivatives import Slides, slides
from flows.test_objecting import without_consent
from flows.test_withdraw import copy_of, link_to
from safelight import storage, vault
from safelight.flows import (
    certificates,
    destroying,
    erasing,
    holding,
    opening,
    stores,
    withdraw,
)
from safelight.flows.allowed import NotAllowed
from safelight.flows.destroying import Held, NothingToErase, Order
from safelight.policy.roles import Role
from safelight.records import personal
from safelight.records.models import (
    Consent,
    Copy,
    Disclosure,
    EraseJob,
    LedgerEntry,
    Link,
    OutgoingMail,
    Patient,
    Photo,
    Recall,
    Receipt,
    Release,
    Reply,
    Representative,
)
from safelight.records.personal import OF_THE_PATIENT, PERSONAL
from safelight.terms import Purpose

__all__ = ["slides"]
LATER = NOW + timedelta(days=3)
ALL = (Purpose.CARE, Purpose.SECOND_OPINION, Purpose.TEACHING_LOCAL)


@pytest.fixture
def lead(surgery):
    return staff(Role.IG_LEAD, practice=surgery)


@pytest.fixture
def order(lead) -> Order:
    return Order(EraseJob.Basis.ERASURE, "Taken of the wrong person", lead)


@pytest.fixture
def consent(adult, gp) -> Consent:
    return agree(adult, gp, *ALL, form="electronic", statement="", signature=signature())[0]


@pytest.fixture
def photo(adult, gp, consent) -> Photo:
    return take(adult, gp, consent)


# --- an image ---------------------------------------------------------------------------------------


def test_an_image_goes_with_everything_that_came_of_it_also_if_care_rests_on_it(
    photo, gp, order, home, slides: Slides
):
    opening.open_photo(photo, by=gp, now=NOW)
    link, release, slide = link_to(photo, gp), copy_of(photo, gp), slides.add(photo)
    job = destroying.erase_image(photo, order=order, now=LATER)
    for row in (photo, link, release):
        row.refresh_from_db()
    copy = Copy.objects.get()
    assert (photo.state, copy.state, release.state) == ("erased", "erased", "withdrawn")
    assert link.revoked_at == LATER
    assert slides.erased == {slide}
    for gone in (photo.pk, copy.pk, slide):
        assert stores.keys().is_erased(gone)
    assert [name.rpartition(".")[2] for name in home.files()] == ["signature"]
    assert {each.what for each in Recall.objects.all()} == {
        "Tuesday teaching",
        "Deck of the winter school",
    }
    assert (job.approved_by, job.basis, job.destroyed_at) == (order.by, "erasure", LATER)
    said = LedgerEntry.objects.get(index=job.ledger_index)
    assert said.kind == "keys.destroyed"
    assert b"Taken of the wrong person" not in bytes(said.body)


def test_a_second_time_there_is_nothing_to_erase(photo, order):
    destroying.erase_image(photo, order=order, now=LATER)
    with pytest.raises(NothingToErase):
        destroying.erase_image(photo, order=order, now=LATER)
    assert EraseJob.objects.count() == 1


def test_only_governance_orders_it(photo, gp, stranger):
    for by in (gp, stranger):
        with pytest.raises(NotAllowed):
            destroying.erase_image(photo, order=Order(EraseJob.Basis.ERASURE, "x", by), now=LATER)
    photo.refresh_from_db()
    assert photo.state == "kept"


@pytest.mark.parametrize("on_the_picture", [True, False])
def test_a_hold_stops_every_erasure(adult, photo, consent, lead, order, on_the_picture):
    holding.place(
        adult,
        photo=photo if on_the_picture else None,
        kind="claim",
        reason="A claim",
        reference="C 1",
        by=lead,
        now=NOW,
    )
    for erase, of in (
        (destroying.erase_image, photo),
        (destroying.erase_consent, consent),
        (destroying.erase_patient, adult),
    ):
        with pytest.raises(Held):
            erase(of, order=order, now=LATER)
    photo.refresh_from_db()
    assert photo.state == "kept"
    assert not EraseJob.objects.exists()


# --- what rests on a consent ------------------------------------------------------------------------


def test_a_consent_goes_with_its_pictures_its_signature_and_its_words(
    adult, gp, consent, photo, order, home
):
    other = without_consent(adult, gp)
    job = destroying.erase_consent(consent, order=order, now=LATER)
    consent.refresh_from_db()
    photo.refresh_from_db()
    other.refresh_from_db()
    assert (photo.state, other.state) == ("erased", "kept")
    assert (consent.wording, consent.statement, consent.signature_blob) == ({}, "", "")
    assert consent.erased_at == LATER
    assert not Consent.objects.visible_to(gp).exists()
    assert not Receipt.objects.exists()
    assert set(consent.withdrawn) == {each.value for each in ALL}
    assert stores.keys().is_erased(consent.pk)
    assert not any(name.endswith(".signature") for name in home.files())
    assert str(consent.pk) in job.keys
    with pytest.raises(NothingToErase):
        destroying.erase_consent(consent, order=order, now=LATER)


def test_a_consent_without_a_picture_leaves_a_tombstone_too(adult, gp, order):
    spoken, _ = agree(adult, gp, *ALL)
    job = destroying.erase_consent(spoken, order=order, now=LATER)
    assert stores.keys().is_erased(spoken.pk)
    assert (job.photos, job.destroyed_at) == ([], LATER)
    assert certificates.certificate_of(job).pictures == ()


# --- a patient --------------------------------------------------------------------------------------


@pytest.fixture
def known(adult, gp, photo) -> Patient:
    """A patient of whom there is a row of nearly every kind."""
    Patient.objects.filter(pk=adult.pk).update(name="Quillon Rare", nhs_number="9434765919")
    adult.refresh_from_db()
    representative(adult, name="Marguerite Rare", evidence="seen at home in Rare Street")
    assessment(adult, gp, decision="Rare decision", support="Rare support")
    link = link_to(photo, gp)
    Link.objects.update(question="Rare question?", recipient_name="Rare Colleague")
    Reply.objects.create(practice=adult.practice, link=link, patient=adult, text="Rare.", at=NOW)
    release = copy_of(photo, gp)
    Release.objects.update(target="Rare teaching", discloses={"unmapped": ["Rare"]})
    release.refresh_from_db()
    disclosed = Disclosure.objects.create(
        practice=adult.practice,
        patient=adult,
        release=release,
        audience=["public"],
        sealed_facts=b"Rare",
        at=NOW,
    )
    keys = {"tenant": adult.practice_id, "patient": adult.pk, "version": 1}
    stores.keys().put(disclosed.pk, data_key=vault.new_key(), **keys)
    withdraw.object_to(adult, purposes=[Purpose.RESEARCH], by=gp, now=NOW)
    return adult


def words_of(patient: Patient) -> str:
    """Everything that the rows about the patient say."""
    found = [str(Patient.objects.filter(pk=patient.pk).values().get())]
    for each in PERSONAL:
        rows = each.model._default_manager.filter(**{each.path: patient})
        found += [json.dumps(list(rows.values()), default=repr)]
    return "".join(found)


def test_of_a_patient_nothing_stays_but_a_stub_of_nobody(known, photo, consent, order, home):
    before, subject = words_of(known), known.subject
    assert before.count("Rare") > 8
    disclosure = known.disclosures.get()
    job = destroying.erase_patient(known, order=order, now=LATER)
    after = words_of(known)
    for tale in ("Rare", "Quillon", "9434765919", "Marguerite", "1955", str(subject)):
        assert tale not in after, tale
    assert home.files() == {}
    for gone in (photo.pk, consent.pk, disclosure.pk, known.pk):
        assert stores.keys().is_erased(gone)
    assert stores.keys().describe().data_keys == 0
    stub = Photo.objects.get()
    assert (stub.state, stub.taken_at, stub.sha256) == ("erased", NOW, photo.sha256)
    assert not Receipt.objects.exists()
    assert not OutgoingMail.objects.filter(about=Link.objects.get().pk).exclude(text="").exists()
    assert job.destroyed_at == LATER
    with pytest.raises(NothingToErase):
        destroying.erase_patient(known, order=order, now=LATER)


def test_the_ledgers_entries_are_nobodys_from_then_on(known, order):
    entries = set(
        LedgerEntry.objects.filter(subject=str(known.subject)).values_list("index", flat=True)
    )
    assert len(entries) > 3
    destroying.erase_patient(known, order=order, now=LATER)
    known.refresh_from_db()
    left = LedgerEntry.objects.filter(subject=str(known.subject)).values_list("index", flat=True)
    assert not entries & set(left)


def test_nobody_finds_an_erased_patient(known, gp, order):
    from safelight.flows import patients

    assert list(patients.find("Quillon", by=gp)) == [known]
    destroying.erase_patient(known, order=order, now=LATER)
    assert not Patient.objects.visible_to(gp).exists()
    assert not patients.find("Erased", by=gp)


def test_every_row_that_leads_to_a_patient_says_what_of_it_is_personal():
    """A new model, or a new field, has to be blanked or argued harmless."""
    listed = {each.model: each for each in PERSONAL}
    reached: set[type[models.Model]] = {Patient}
    while True:
        more = {
            model
            for model in apps.get_app_config("records").get_models()
            if model not in reached
            and any(
                field.related_model in reached
                for field in model._meta.concrete_fields
                if isinstance(field, models.ForeignKey)
            )
        }
        if not more:
            break
        reached |= more
    missing = {each._meta.label for each in reached - {Patient} - set(listed)}
    assert not missing, f"add to records/personal.py: {missing}"
    told = (models.UUIDField, models.BooleanField, models.ForeignKey)
    for model, each in listed.items():
        fields = {f.name for f in model._meta.concrete_fields if not isinstance(f, told)}
        unsaid = set() if each.rows_go else fields - set(each.blanks) - each.stays
        assert not unsaid, f"{model._meta.label}: blank or argue harmless {unsaid}"
        assert not (set(each.blanks) | each.stays) - fields
    of_patient = {f.name for f in Patient._meta.concrete_fields if not isinstance(f, told)}
    assert of_patient - set(OF_THE_PATIENT) == {"created_at", "erased_at"}


# --- records that come back -------------------------------------------------------------------------


def test_rows_from_a_backup_are_erased_again_by_the_tombstones(
    known, gp, photo, consent, order, django_assert_num_queries
):
    """The rows come back as they were; the key store knows better."""
    saved = {
        model: list(model._default_manager.all())
        for model in (Patient, Representative, Consent, Photo, Copy)
    }
    destroying.erase_patient(known, order=order, now=LATER)
    for rows in saved.values():
        for row in rows:
            row.save()
    assert "Rare" in words_of(known)
    assert destroying.catch_up(now=LATER) == 4
    assert "Rare" not in words_of(known)
    assert (Photo.objects.get().state, Copy.objects.get().state) == ("erased", "erased")
    assert not Patient.objects.visible_to(gp).exists()
    assert destroying.catch_up(now=LATER) == 0


def test_what_was_not_erased_is_left_alone_by_it(known):
    before = words_of(known)
    assert destroying.catch_up(now=LATER) == 0
    assert words_of(known) == before


# --- the certificate --------------------------------------------------------------------------------


def test_the_certificate_says_what_went_when_by_whose_word_and_what_it_cant_prove(
    photo, gp, order, lead
):
    copy_of(photo, gp)
    job = destroying.erase_image(photo, order=order, now=LATER)
    said = certificates.certificate_of(job).as_json()
    assert said["format"] == "safelight-erasure-certificate-v1"
    assert [each["id"] for each in said["pictures"]] == [str(photo.pk)]
    assert said["copies"] == [str(Copy.objects.get().pk)]
    assert set(said["keys"]) == {str(photo.pk), *said["copies"]}
    assert (said["approved_by"], said["because"]) == (lead.name, "Taken of the wrong person")
    assert (said["destroyed_at"], said["scrub"]) == (LATER.isoformat(), "done")
    assert said["key_manager"]["proves_shred"] is False
    assert certificates.UNPROVED in said["limits"]
    assert certificates.PENDING not in said["limits"]
    assert photo.patient.name not in json.dumps(said)
    assert json.loads(json.dumps(said)) == said


def test_a_manager_that_proves_it_is_said_to(photo, order):
    job = destroying.erase_image(photo, order=order, now=LATER)
    job.proves_shred = True
    assert certificates.UNPROVED not in certificates.certificate_of(job).limits


def test_closed_pending_and_destroyed_are_told_apart(photo, order):
    job = destroying.erase_image(photo, order=order, now=LATER)
    job.scrubbed_at = None
    pending = certificates.certificate_of(job)
    assert (pending.scrub, certificates.PENDING in pending.limits) == ("pending", True)
    job.destroyed_at = None
    waiting = certificates.certificate_of(job)
    assert (waiting.scrub, certificates.WAITING in waiting.limits) == ("waiting", True)
    assert waiting.as_json()["destroyed_at"] is None


def test_a_withdrawal_has_a_certificate_too(photo, consent):
    withdraw.withdraw(consent, purposes=ALL, by=None, now=LATER)
    found = certificates.certificate_of(EraseJob.objects.get())
    assert found.approved_by == "the patient, by taking it back"
    assert certificates.SOFT not in found.limits


def test_the_command_line_is_named_as_what_it_is(photo):
    job = destroying.erase_image(photo, order=Order(EraseJob.Basis.ERASURE, "x", None), now=LATER)
    assert "command line" in certificates.certificate_of(job).approved_by
    assert LedgerEntry.objects.filter(kind="erasure.ordered").exists()


def test_a_copy_that_never_left_is_certified_as_that(photo, gp):
    release = copy_of(photo, gp, state=Release.State.WAITING)
    job = erasing.queue(photo.patient, copies=[release.copy], now=LATER)
    assert certificates.certificate_of(job).approved_by.startswith("the second person")
    assert personal.GONE == "Erased"


def held_back(settings) -> Path:
    """Hold a little room back beside the keys, as the key store does with more."""
    place = Path(settings.SAFELIGHT_KEYS)
    ballast = place.with_name(f"{place.name}.ballast")
    ballast.write_bytes(b"room")
    return ballast


def test_opening_the_stores_leaves_the_room_that_is_held_back(home, settings):
    ballast = held_back(settings)
    destroying.open_stores()
    assert ballast.exists()


def test_where_the_disk_is_too_full_to_read_the_room_is_given_free(home, settings, monkeypatch):
    ballast, opened = held_back(settings), stores.keys

    def full():
        if ballast.exists():
            raise storage.DiskFull
        return opened()

    monkeypatch.setattr(stores, "keys", full)
    destroying.open_stores()
    assert ballast.read_bytes() != b"room", (
        "given free, and held back anew by the store that opened"
    )


def test_where_no_room_is_held_back_a_full_disk_is_said(home, monkeypatch):
    def full():
        raise storage.DiskFull

    monkeypatch.setattr(stores, "keys", full)
    with pytest.raises(storage.DiskFull):
        destroying.open_stores()
