"""Patients, and who decides for them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from factories import NOW, assessment, patient, representative, staff
from safelight.flows import assessing, patients
from safelight.flows.allowed import DoesNotFit, NotAllowed
from safelight.policy.roles import Role
from safelight.records.models import LedgerEntry, Patient, Representative

CHILD, TEEN, ADULT = date(2016, 5, 1), date(2011, 5, 1), date(1955, 3, 14)


def add(by, **given):
    defaults = {"name": "New  Made-Up ", "born_on": ADULT, "nhs_number": "", "by": by, "now": NOW}
    return patients.add_patient(**defaults | given)


def represent(of, by, **given):
    defaults = {
        "name": "Someone",
        "relation": "mother",
        "authority": "parental-responsibility",
        "evidence": "birth certificate seen",
        "expires_on": None,
        "by": by,
        "now": NOW,
    }
    return patients.add_representative(of, **defaults | given)


def assess(of, by, **given):
    defaults = {
        "kind": "capacity",
        "outcome": "has",
        "about": ["care"],
        "decision": "a picture for care",
        "support": "",
        "assessed_on": NOW.date(),
        "by": by,
        "now": NOW,
    }
    return assessing.record_assessment(of, **defaults | given)


def die(of, by, **given):
    defaults = {
        "died_on": NOW.date(),
        "known_wishes": {},
        "genetic_or_third_party": None,
        "by": by,
        "now": NOW,
    }
    return patients.record_death(of, **defaults | given)


def test_a_new_patient_belongs_to_the_practice_of_whoever_adds_them(gp):
    made = add(gp, nhs_number="999 000 0018")
    assert (made.practice, made.name, made.nhs_number) == (gp.practice, "New Made-Up", "9990000018")
    entry = LedgerEntry.objects.get()
    assert (entry.kind, entry.subject) == ("patient.added", str(made.subject))
    assert b"Made-Up" not in bytes(entry.body)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "Ann\u202eeiL"}, "name"),
        ({"name": "\u200b"}, "name"),
        ({"born_on": NOW.date() + timedelta(days=1)}, "born_on"),
        ({"born_on": date(1855, 3, 14)}, "born_on"),
        ({"nhs_number": "9990000019"}, "nhs_number"),
        ({"nhs_number": "99900000180"}, "nhs_number"),
        ({"nhs_number": "999000001x"}, "nhs_number"),
    ],
)
def test_a_patient_that_cannot_be_is_not_added(gp, given, field):
    with pytest.raises(DoesNotFit) as refused:
        add(gp, **given)
    assert set(refused.value.fields) == {field}
    assert not Patient.objects.exists()


def test_one_nhs_number_is_one_patient_of_a_practice(gp, stranger):
    add(gp, nhs_number="9990000018")
    with pytest.raises(DoesNotFit) as refused:
        add(gp, nhs_number="9990000018")
    assert "nhs_number" in refused.value.fields
    assert add(stranger, nhs_number="9990000018").practice == stranger.practice


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        ("9434765919", True),  # the example that the NHS Data Dictionary works through
        ("9434765918", False),
        ("9990000018", True),
        ("9990000000", False),
        ("0000000000", True),
        ("123456789", False),
        ("١٢٣٤٥٦٧٨٩٠", False),
    ],
)
def test_the_tenth_digit_checks_the_nine_before(digits, expected):
    assert patients.is_nhs_number(digits) is expected


def test_a_remainder_of_ten_fits_no_digit_at_all():
    nine = next(
        f"{number:09d}"
        for number in range(100)
        if (
            11
            - sum(int(d) * w for d, w in zip(f"{number:09d}", range(10, 1, -1), strict=True)) % 11
        )
        == 10
    )
    assert not any(patients.is_nhs_number(f"{nine}{digit}") for digit in range(10))


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.IG_LEAD, Role.ADMINISTRATOR])
def test_only_clinical_roles_add_patients(surgery, role):
    with pytest.raises(NotAllowed):
        add(staff(role, practice=surgery))


def test_someone_who_left_adds_nobody(gp):
    gp.is_active = False
    with pytest.raises(NotAllowed):
        add(gp)


@pytest.mark.parametrize(
    "text",
    [
        "made-up adult",
        "9990000018",
        "999 000 0018",
        "14 3 1955",
        "14/03/1955",
        "14 mar 1955",
        "1955-03-14",
    ],
)
def test_a_patient_is_found_by_name_birth_date_or_number(gp, adult, text):
    Patient.objects.filter(pk=adult.pk).update(nhs_number="9990000018")
    patient(practice=adult.practice, name="Someone Else", born_on=CHILD)
    assert list(patients.find(text, by=gp)) == [adult]


@pytest.mark.parametrize(
    "text", ["", "  ", "nobody", "31 2 1955", "14 xyz 1955", "9" * 30 + " 1 1"]
)
def test_what_fits_nobody_finds_nobody(gp, adult, text):
    assert list(patients.find(text, by=gp)) == []


def test_nobody_finds_another_practices_patient(adult, stranger):
    assert list(patients.find(adult.name, by=stranger)) == []


def test_an_administrator_finds_nobody(adult, surgery):
    assert list(patients.find(adult.name, by=staff(Role.ADMINISTRATOR, practice=surgery))) == []


def test_a_representative_is_kept_with_right_and_proof(gp, surgery):
    child = patient(practice=surgery, born_on=CHILD)
    made = represent(child, gp)
    assert patients.deciders(child, now=NOW).representatives == (made,)
    assert LedgerEntry.objects.get().kind == "representative.added"


@pytest.mark.parametrize(
    ("born", "given", "field"),
    [
        (CHILD, {"name": ""}, "name"),
        (CHILD, {"relation": " "}, "relation"),
        (CHILD, {"evidence": ""}, "evidence"),
        (CHILD, {"authority": "aunt"}, "authority"),
        (CHILD, {"acts": "sometimes"}, "acts"),
        (CHILD, {"expires_on": NOW.date() - timedelta(days=1)}, "expires_on"),
        (ADULT, {}, "authority"),
        (ADULT, {"authority": "executor"}, "authority"),
    ],
)
def test_a_right_that_cannot_be_is_not_recorded(gp, surgery, born, given, field):
    with pytest.raises(DoesNotFit) as refused:
        represent(patient(practice=surgery, born_on=born), gp, **given)
    assert set(refused.value.fields) == {field}
    assert not Representative.objects.exists()


def test_a_relative_needs_no_proof_and_an_executor_a_death(gp, surgery):
    assert represent(patient(practice=surgery), gp, authority="relative", evidence="").pk
    dead = patient(practice=surgery, died_on=date(2026, 1, 1))
    assert represent(dead, gp, authority="executor").pk


def test_nobody_represents_another_practices_patient(adult, stranger):
    with pytest.raises(NotAllowed):
        represent(adult, stranger)


@pytest.mark.parametrize(
    ("born", "given", "field"),
    [
        (ADULT, {"kind": "mood"}, "kind"),
        (ADULT, {"outcome": "competent"}, "outcome"),
        (ADULT, {"kind": "gillick", "outcome": "competent", "parents": "no"}, "kind"),
        (ADULT, {"about": []}, "about"),
        (ADULT, {"about": ["care", "parties"]}, "about"),
        (ADULT, {"parents": "yes"}, "parents"),
        (CHILD, {"kind": "gillick", "outcome": "competent"}, "parents"),
        (CHILD, {}, "kind"),
        (ADULT, {"decision": " "}, "decision"),
        (ADULT, {"outcome": "lacks"}, "support"),
        (ADULT, {"assessed_on": NOW.date() + timedelta(days=1)}, "assessed_on"),
        (
            ADULT,
            {
                "assessed_on": date(1900, 1, 1),
                "kind": "gillick",
                "outcome": "competent",
                "parents": "declined",
            },
            "assessed_on",
        ),
    ],
)
def test_an_assessment_that_cannot_be_is_not_recorded(gp, surgery, born, given, field):
    of = patient(practice=surgery, born_on=born)
    with pytest.raises(DoesNotFit) as refused:
        assess(of, gp, **given)
    assert set(refused.value.fields) == {field}
    assert not of.assessments.exists()


def test_an_assessment_is_recorded_with_its_decision(gp, adult):
    made = assess(adult, gp, outcome="lacks", support="Asked twice, with her daughter there")
    assert (made.by, made.outcome, made.about) == (gp, "lacks", ["care"])
    assert LedgerEntry.objects.get().kind == "assessment.recorded"
    assert (made.outcome_words, made.about_words) == (
        "can’t decide",
        "A picture for their own care",
    )
    assert str(made) == "Capacity: lacks"


def test_an_adult_decides_until_an_assessment_says_otherwise(gp, adult):
    found = patients.deciders(adult, now=NOW)
    assert (found.patient_can, found.needs_assessment) == (True, None)
    assessment(adult, gp, outcome="lacks")
    assert patients.deciders(adult, now=NOW).patient_can is False


def test_a_child_decides_only_when_found_competent(gp, surgery):
    child = patient(practice=surgery, born_on=TEEN)
    found = patients.deciders(child, now=NOW)
    assert (found.patient_can, found.needs_assessment) == (False, "gillick")
    assessment(child, gp, kind="gillick", outcome="competent")
    assert patients.deciders(child, now=NOW).patient_can is True


def test_authority_that_has_ended_decides_no_more(gp, surgery):
    child = patient(practice=surgery, born_on=CHILD)
    representative(child, expires_on=NOW.date() - timedelta(days=1))
    today = representative(child, expires_on=NOW.date())
    assert patients.deciders(child, now=NOW).representatives == (today,)


def test_an_authority_is_ended_with_its_day_and_reason(gp, surgery):
    child = patient(practice=surgery, born_on=CHILD)
    mother = representative(child)
    patients.end_authority(mother, ended_on=NOW.date(), because="Adopted", by=gp, now=NOW)
    mother.refresh_from_db()
    assert (mother.ended_on, mother.ended_because) == (NOW.date(), "Adopted")
    assert patients.deciders(child, now=NOW).representatives == ()
    assert LedgerEntry.objects.get().kind == "representative.ended"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"ended_on": NOW.date() + timedelta(days=1)}, "ended_on"),
        ({"ended_on": date(2016, 4, 30)}, "ended_on"),
        ({"because": " "}, "because"),
    ],
)
def test_an_end_that_cannot_be_is_not_recorded(gp, surgery, given, field):
    mother = representative(patient(practice=surgery, born_on=CHILD))
    said = {"ended_on": NOW.date(), "because": "Adopted", "by": gp, "now": NOW} | given
    with pytest.raises(DoesNotFit) as refused:
        patients.end_authority(mother, **said)
    assert set(refused.value.fields) == {field}
    mother.refresh_from_db()
    assert mother.ended_on is None


def test_what_has_ended_ends_once_and_for_nobody_elsewhere(gp, surgery, stranger):
    who = representative(patient(practice=surgery), expires_on=date(2026, 1, 1))
    said = {"ended_on": NOW.date(), "because": "A letter", "now": NOW}
    with pytest.raises(DoesNotFit):
        patients.end_authority(who, **said, by=gp)
    with pytest.raises(NotAllowed):
        patients.end_authority(who, **said, by=stranger)


def test_parental_responsibility_ends_at_eighteen_by_itself(surgery):
    grown = patient(practice=surgery, born_on=date(2008, 11, 22))
    representative(grown)
    assert patients.deciders(grown, now=NOW).representatives == ()
    assert patients.deciders(grown, now=NOW - timedelta(days=1)).representatives != ()


def consult(of, by, **given):
    defaults = {
        "name": "Someone",
        "who": "executor",
        "relation": "",
        "purposes": ["teaching-local"],
        "answer": "agrees",
        "words": "She would have liked that",
        "asked_on": NOW.date(),
        "by": by,
        "now": NOW,
    }
    return patients.record_consultation(of, **defaults | given)


def test_who_was_asked_after_a_death_is_recorded_with_what_they_said(gp, surgery):
    dead = patient(practice=surgery, died_on=date(2026, 11, 1))
    made = consult(dead, gp)
    assert (made.name, made.purposes, made.by) == ("Someone", ["teaching-local"], gp)
    assert str(made).startswith("Consultation")
    entry = LedgerEntry.objects.get()
    assert entry.kind == "consultation.recorded"
    assert b"Someone" not in bytes(entry.body)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": " "}, "name"),
        ({"who": "heir"}, "who"),
        ({"who": "family"}, "relation"),
        ({"purposes": []}, "purposes"),
        ({"purposes": ["parties"]}, "purposes"),
        ({"answer": "perhaps"}, "answer"),
        ({"words": " "}, "words"),
        ({"asked_on": date(2026, 10, 31)}, "asked_on"),
        ({"asked_on": NOW.date() + timedelta(days=1)}, "asked_on"),
    ],
)
def test_a_consultation_that_cannot_be_is_not_recorded(gp, surgery, given, field):
    dead = patient(practice=surgery, died_on=date(2026, 11, 1))
    with pytest.raises(DoesNotFit) as refused:
        consult(dead, gp, **given)
    assert set(refused.value.fields) == {field}


def test_nobody_is_asked_after_the_death_of_the_living(gp, adult):
    with pytest.raises(DoesNotFit) as refused:
        consult(adult, gp)
    assert set(refused.value.fields) == {"asked_on"}


def test_a_death_is_recorded_with_the_wishes_that_are_known(gp, adult):
    die(adult, gp, known_wishes={"teaching-local": "no"})
    adult.refresh_from_db()
    assert (adult.died_on, adult.known_wishes) == (NOW.date(), {"teaching-local": "no"})
    assert patients.deciders(adult, now=NOW).patient_can is False
    assert LedgerEntry.objects.get().kind == "patient.died"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"died_on": NOW.date() + timedelta(days=1)}, "died_on"),
        ({"died_on": date(1955, 3, 13)}, "died_on"),
        ({"known_wishes": {"teaching-local": "perhaps"}}, "known_wishes"),
        ({"known_wishes": {"parties": "yes"}}, "known_wishes"),
    ],
)
def test_a_death_that_cannot_be_is_not_recorded(gp, adult, given, field):
    with pytest.raises(DoesNotFit) as refused:
        die(adult, gp, **given)
    assert set(refused.value.fields) == {field}
    adult.refresh_from_db()
    assert adult.died_on is None


@pytest.mark.parametrize(
    ("born", "on", "years"),
    [
        (date(2016, 11, 22), date(2026, 11, 22), 10),
        (date(2016, 11, 23), date(2026, 11, 22), 9),
        (date(2004, 2, 29), date(2026, 2, 28), 21),
    ],
)
def test_age_counts_full_years(surgery, born, on, years):
    assert patients.age(patient(practice=surgery, born_on=born), on=on) == years


def test_age_stops_at_death(surgery):
    dead = patient(practice=surgery, born_on=date(1950, 1, 1), died_on=date(1960, 1, 1))
    assert patients.age(dead, on=date(2026, 1, 1)) == 10
