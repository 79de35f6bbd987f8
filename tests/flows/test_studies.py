"""On what research rests: asked on one page, whoever decides, and read by the policy and the second person."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from clients import signed_in
from factories import NOW, assessment, patient, representative, staff
from flows.conftest import agree, take
from safelight import policy
from safelight.flows import deciding, studies, weighing
from safelight.flows.allowed import DoesNotFit, NotAllowed
from safelight.flows.studies import Ground
from safelight.flows.weighing import Said
from safelight.policy.roles import Role
from safelight.records.models import LedgerEntry, Patient, Photo, Study
from safelight.terms import Audience, Purpose

GROUND = Ground("Wounds 7", "26/WA/0001")
BY_APPROVAL = Ground("Wounds 7", "26/WA/0001", "s251", "CAG 12", "not-opted-out")
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def photo(adult, gp) -> Photo:
    return take(adult, gp, agree(adult, gp, Purpose.CARE, Purpose.RESEARCH)[0])


@pytest.fixture
def for_care(adult, gp) -> Photo:
    return take(adult, gp, agree(adult, gp, Purpose.CARE)[0])


def may_study(photo: Photo, *, now=LATER):
    photo = Photo.objects.get(pk=photo.pk)
    photo.identifiable = "anonymised"
    return deciding.may_use(
        photo,
        purpose=Purpose.RESEARCH,
        audience=Audience.CLOSED_GROUP,
        now=now,
        review={"second_person": "x"},
        exposure={"verdict": "clear"},
    )


def fields(decision) -> set[str]:
    return {each.needs.field for each in decision.because if each.needs}


def ground(of: Patient, by, said: Ground = GROUND, *, photo=None, now=NOW) -> Study:
    return studies.ground(of, photo=photo, said=said, by=by, now=now)


def test_with_consent_research_needs_a_project_and_its_ethics_reference(photo, adult, gp):
    assert fields(may_study(photo)) == {"project.reference", "project.ethics"}
    made = ground(adult, gp, photo=photo)
    assert isinstance(may_study(photo), policy.Permit)
    assert str(made).startswith("Study")
    entry = LedgerEntry.objects.get(kind="research.grounded")
    assert b"Wounds" not in bytes(entry.body)
    assert b"consent" in bytes(entry.body)


def test_without_consent_it_rests_on_an_approval_and_a_look_for_the_opt_out(for_care, adult, gp):
    ground(adult, gp, photo=for_care)
    assert isinstance(may_study(for_care), policy.Refusal)
    ground(adult, gp, BY_APPROVAL, photo=for_care, now=NOW + timedelta(seconds=1))
    assert isinstance(may_study(for_care), policy.Permit)
    not_looked = Ground("Wounds 7", "26/WA/0001", "s251", "CAG 12")
    ground(adult, gp, not_looked, photo=for_care, now=NOW + timedelta(seconds=2))
    assert fields(may_study(for_care)) == {"authority.opt_out_checked"}
    out = Ground("Wounds 7", "26/WA/0001", "s251", "CAG 12", "opted-out")
    ground(adult, gp, out, photo=for_care, now=NOW + timedelta(seconds=3))
    assert isinstance(may_study(for_care), policy.Refusal)


def test_each_picture_has_its_own_and_a_picture_to_be_made_one_of_its_day(photo, adult, gp):
    ground(adult, gp)
    assert fields(may_study(photo)) == {"project.reference", "project.ethics"}
    assert studies.last(adult, photo=None, now=NOW).project == "Wounds 7"
    assert studies.last(adult, photo=None, now=NOW + timedelta(days=1)) is None
    assert studies.ground_facts(adult, photo=None, now=NOW + timedelta(days=1)) == {}


def test_who_cant_decide_has_other_approvals_and_the_questions_stay(surgery, gp):
    of = patient(practice=surgery)
    assessment(of, gp, outcome="lacks", assessed_on=date(2026, 10, 1))
    niece = representative(of, authority="lpa-health")
    said = {"given_by": "lpa-health", "representative": niece}
    photo = take(of, gp, agree(of, gp, Purpose.CARE, **said)[0])
    assert set(studies.bases(of, now=NOW)) == {"mca-research", "s251"}
    ground(of, gp, Ground("W", "E", "mca-research", "REC 1", "not-opted-out"), photo=photo)
    assert fields(may_study(photo)) == {f"tests.{name}" for name in weighing.questions(of, now=NOW)}
    yes = {
        name: dict.fromkeys(weighing.WHO, Said(True, "It is"))
        for name in weighing.questions(of, now=NOW)
    }
    weighing.weigh(
        of,
        photo=photo,
        purpose=Purpose.RESEARCH,
        answers=yes,
        representative=niece,
        approval=weighing.Approval("REC 1"),
        by=gp,
        now=NOW,
    )
    assert isinstance(may_study(photo), policy.Permit)


def test_scotland_has_its_own_panel_and_no_opt_out(surgery, adult, gp):
    surgery.pack = "scotland"
    surgery.save()
    adult.practice.refresh_from_db()
    assert studies.bases(adult, now=NOW) == {
        "pbpp": "an approval by the public benefit and privacy panel"
    }
    assert not studies.asks_about_opting_out(adult, now=NOW)
    page = signed_in(gp).get(reverse("study-making", args=[adult.pk])).content.decode()
    assert "public benefit and privacy panel" in page
    assert "opted out" not in page


def test_a_basis_of_rules_that_hold_no_more_is_none(surgery, for_care, adult, gp):
    ground(adult, gp, BY_APPROVAL, photo=for_care)
    surgery.pack = "scotland"
    surgery.save()
    told = may_study(for_care)
    assert isinstance(told, policy.Refusal)
    assert "unknown" not in {each.rule for each in told.because}
    assert "authority.legal_basis" in fields(told) or "consents" in fields(told)


WRONG = {
    "no project": (Ground(" ", "E"), {"project"}),
    "no ethics": (Ground("P", ""), {"ethics"}),
    "an approval for others": (Ground("P", "E", "mca-research", "R"), {"legal_basis"}),
    "a court": (Ground("P", "E", "court-order", "R"), {"legal_basis"}),
    "an approval without reference": (Ground("P", "E", "s251"), {"reference"}),
    "a reference to nothing": (Ground("P", "E", "", "R"), {"reference"}),
    "another word": (Ground("P", "E", opt_out="perhaps"), {"opt_out"}),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_not_written_down(case, adult, gp):
    said, wrong = WRONG[case]
    with pytest.raises(DoesNotFit) as refused:
        ground(adult, gp, said)
    assert set(refused.value.fields) == wrong
    assert not Study.objects.exists()


def test_only_staff_who_record_consent_of_this_practice(surgery, adult, gp, stranger):
    for other in (
        stranger,
        staff(Role.REVIEWER, practice=surgery),
        staff(Role.IG_LEAD, practice=surgery),
    ):
        with pytest.raises(NotAllowed):
            ground(adult, other)


@given(words=st.text(alphabet=" \t\nab", max_size=12))
def test_blank_words_are_no_project(words):
    tidy = Ground(words, words).tidy()
    assert bool(tidy.project) == bool(words.strip())
    assert tidy.project == " ".join(words.split())


# --- the pages ------------------------------------------------------------------------------------


def test_the_refusal_leads_to_the_page_and_the_page_to_a_copy(adult, gp, surgery):
    clinic = signed_in(gp)
    photo = take(adult, gp, agree(adult, gp, Purpose.CARE, now=NOW)[0])
    wish = {"use": "study", "target": "Wounds 7", "sex": "", "age": "", "place": ""}
    refused = clinic.post(reverse("copy-new", args=[photo.pk]), wish)
    assert refused.status_code == 403
    page = refused.content.decode()
    where = reverse("study", args=[photo.pk])
    assert where in page or "Ask the patient" in page
    empty = clinic.get(where).content.decode()
    assert empty.count(" checked") == 1, "that nobody has looked for an opt-out yet"
    wrong = clinic.post(where, {"project": "Wounds 7", "ethics": "E 1", "legal_basis": "s251"})
    assert "Type the reference of the approval" in wrong.content.decode()
    said = {"project": "Wounds 7", "ethics": "E 1", "legal_basis": "s251", "reference": "CAG 12"}
    done = clinic.post(where, said | {"opt_out": "not-opted-out"})
    assert (done.status_code, done["Location"]) == (302, reverse("picture", args=[photo.pk]))
    again = clinic.get(where).content.decode()
    assert "approval CAG 12" in again
    asked = clinic.post(reverse("copy-new", args=[photo.pk]), wish)
    assert asked.status_code == 302, asked.content.decode()


def test_a_picture_to_be_made_goes_back_to_the_patient(adult, gp):
    clinic, where = signed_in(gp), reverse("study-making", args=[adult.pk])
    sent = clinic.post(where, {"project": "P", "ethics": "E", "legal_basis": "consent"})
    assert sent["Location"] == reverse("patient", args=[adult.pk])
    assert Study.objects.get().legal_basis == ""
