"""Who the patient is, put right: who decides follows at once, and the ledger repeats no name."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from django.urls import reverse

from clients import signed_in
from factories import NOW, patient, staff
from flows.conftest import agree, take
from safelight.flows import deciding, destroying, patients
from safelight.flows.allowed import DoesNotFit, NotAllowed, RecordErased
from safelight.policy.roles import Role
from safelight.records.models import EraseJob, LedgerEntry, Patient, Photo
from safelight.terms import Audience, Purpose

NUMBER = "9434765919"
LATER = NOW + timedelta(hours=1)


def correct(of: Patient, by, **given) -> frozenset[str]:
    said = {"name": of.name, "born_on": of.born_on, "nhs_number": of.nhs_number} | given
    began = patients.entry_digest(of)
    return patients.correct_patient(of, **said, began=began, by=by, now=LATER)


def test_what_was_wrong_is_put_right_and_only_that_is_in_the_ledger(adult, gp):
    given = {
        "name": "  Adult   Made-Up ",
        "born_on": date(1955, 4, 13),
        "nhs_number": "943 476 5919",
    }
    assert correct(adult, gp, **given) == {"born_on", "nhs_number"}
    adult.refresh_from_db()
    assert (adult.name, adult.born_on, adult.nhs_number) == (
        "Adult Made-Up",
        date(1955, 4, 13),
        NUMBER,
    )
    (entry,) = LedgerEntry.objects.filter(kind="patient.corrected")
    body = bytes(entry.body)
    assert b'["born_on","nhs_number"]' in body.replace(b" ", b"")
    assert not any(words in body for words in (b"1955-0", b"943476", b"943 476", b"Made-Up"))


def test_the_same_again_is_no_correction(adult, gp):
    assert correct(adult, gp) == frozenset()
    assert not LedgerEntry.objects.filter(kind="patient.corrected").exists()


def test_who_decides_follows_from_the_date_at_once(surgery, gp):
    of = patient(practice=surgery)
    consent, _ = agree(of, gp, Purpose.CARE, Purpose.TEACHING_LOCAL)
    photo = take(of, gp, consent)

    def asked_for() -> set[str]:
        decision = deciding.may_use(
            Photo.objects.get(pk=photo.pk),
            purpose=Purpose.TEACHING_LOCAL,
            audience=Audience.TEAM,
            now=LATER,
        )
        return {each.needs.field for each in decision.because if each.needs}

    assert asked_for() == {"recording.identifiable"}
    correct(of, gp, born_on=date(2018, 3, 14))
    assert "patient.gillick" in asked_for()


WRONG = {
    "no name": ({"name": " "}, "name"),
    "not born yet": ({"born_on": date(2030, 1, 1)}, "born_on"),
    "too long ago": ({"born_on": date(1800, 1, 1)}, "born_on"),
    "a number that is none": ({"nhs_number": "1234567890"}, "nhs_number"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_changes_nothing(case, adult, gp):
    given, field = WRONG[case]
    with pytest.raises(DoesNotFit) as refused:
        correct(adult, gp, **given)
    assert list(refused.value.fields) == [field]
    assert Patient.objects.get(pk=adult.pk).name == "Adult Made-Up"


def test_nobody_is_born_after_the_death(surgery, gp):
    of = patient(practice=surgery, died_on=date(2020, 1, 1))
    with pytest.raises(DoesNotFit) as refused:
        correct(of, gp, born_on=date(2021, 1, 1))
    assert list(refused.value.fields) == ["born_on"]


def test_a_number_belongs_to_one_patient_of_a_practice(surgery, adult, gp, stranger):
    other = patient(practice=surgery, nhs_number=NUMBER)
    patient(practice=stranger.practice, nhs_number=NUMBER)
    with pytest.raises(DoesNotFit):
        correct(adult, gp, nhs_number=NUMBER)
    assert correct(other, gp, name="Other Name") == {"name"}


def test_only_who_may_write_and_of_this_practice(surgery, adult, stranger):
    for by in (
        stranger,
        staff(Role.REVIEWER, practice=surgery),
        staff(Role.IG_LEAD, practice=surgery),
    ):
        with pytest.raises(NotAllowed):
            correct(adult, by, name="Another")


def test_of_nobody_nothing_is_put_right(adult, gp):
    lead = staff(Role.IG_LEAD, practice=adult.practice)
    order = destroying.Order(EraseJob.Basis.ERASURE, "Asked for in a letter", lead)
    destroying.erase_patient(adult, order=order, now=NOW)
    with pytest.raises(RecordErased):
        correct(adult, gp, name="Back Again")
    assert Patient.objects.get(pk=adult.pk).name == "Erased"


def test_the_page_begins_with_what_is_known(adult, gp):
    clinic, where = signed_in(gp), reverse("patient-correct", args=[adult.pk])
    assert where in clinic.get(reverse("patient", args=[adult.pk])).content.decode()
    page = clinic.get(where).content.decode()
    assert reverse("patient", args=[adult.pk]) + '">' in page
    assert 'value="Adult Made-Up"' in page
    assert 'value="1955"' in page
    said = {"name": "Adult Put-Right", "born_on_day": "14", "born_on_month": "3"}
    said["began"] = began_in(page)
    wrong = clinic.post(where, said | {"born_on_year": "2099"}).content.decode()
    assert "isn&#x27;t in the future" in wrong
    done = clinic.post(where, said | {"born_on_year": "1956"}, follow=True)
    assert "Put right" in done.content.decode()
    adult.refresh_from_db()
    assert (adult.name, adult.born_on) == ("Adult Put-Right", date(1956, 3, 14))


def began_in(page: str) -> str:
    return re.search(r'name="began" value="([0-9a-f]{64})"', page)[1]


def test_of_two_open_forms_the_second_is_told_and_changes_nothing(adult, gp, surgery):
    where = reverse("patient-correct", args=[adult.pk])
    first, second = signed_in(gp), signed_in(staff(Role.NURSE, practice=surgery))
    began = began_in(first.get(where).content.decode())
    day = {"born_on_day": "14", "born_on_month": "3", "born_on_year": "1955", "began": began}
    first.post(where, day | {"name": "Adult Put-Right"})
    late = second.post(where, day | {"name": "Adult Other"}, follow=True)
    page = late.content.decode()
    assert "Somebody else put this right meanwhile" in page
    assert 'value="Adult Put-Right"' in page
    assert Patient.objects.get(pk=adult.pk).name == "Adult Put-Right"
    assert LedgerEntry.objects.filter(kind="patient.corrected").count() == 1
    again = second.post(where, day | {"name": "Adult Other", "began": began_in(page)}, follow=True)
    assert "Put right" in again.content.decode()
    assert Patient.objects.get(pk=adult.pk).name == "Adult Other"


def test_the_same_form_sent_twice_is_no_quarrel(adult, gp):
    began = patients.entry_digest(adult)
    said = {"name": "Adult Put-Right", "born_on": adult.born_on, "nhs_number": adult.nhs_number}
    assert patients.correct_patient(adult, **said, began=began, by=gp, now=LATER) == {"name"}
    assert patients.correct_patient(adult, **said, began=began, by=gp, now=LATER) == frozenset()


def test_a_form_that_does_not_say_what_it_began_with_changes_nothing(adult, gp):
    said = {"name": "Adult Put-Right", "born_on": adult.born_on, "nhs_number": adult.nhs_number}
    with pytest.raises(patients.ChangedMeanwhile):
        patients.correct_patient(adult, **said, began="", by=gp, now=LATER)
    assert Patient.objects.get(pk=adult.pk).name == "Adult Made-Up"
