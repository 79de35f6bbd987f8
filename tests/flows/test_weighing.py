"""The three questions for someone who can't decide: both answer, with reasons, for each use."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from factories import NOW, assessment, patient, representative
from flows.conftest import SITE, agree, take
from safelight import policy
from safelight.flows import capture, deciding, patients, weighing
from safelight.flows.allowed import DoesNotFit, NotAllowed
from safelight.flows.weighing import Approval, Said
from safelight.records.models import LedgerEntry, Patient, Representative, Weighing
from safelight.terms import Audience, Purpose

QUESTIONS = ("necessary", "best_interests", "no_less_restrictive_way")
USES = (Purpose.CARE, Purpose.TEACHING_LOCAL, Purpose.RESEARCH)
YES = {name: {who: Said(True, "Said why") for who in weighing.WHO} for name in QUESTIONS}
APPROVED = Approval("REC 26/WA/0001", "Wounds", "26/WA/0001", "not-opted-out")
TESTS = {"tests.necessary", "tests.best_interests", "tests.no_less_restrictive_way"}


@pytest.fixture
def unable(surgery, gp) -> Patient:
    found = patient(practice=surgery, name="Unable Made-Up")
    assessment(found, gp, outcome="lacks", assessed_on=date(2026, 10, 1))
    return found


@pytest.fixture
def niece(unable) -> Representative:
    return representative(unable, name="Niece", relation="niece", authority="lpa-health")


@pytest.fixture
def photo(unable, niece, gp):
    said = {"given_by": "lpa-health", "representative": niece}
    return take(unable, gp, agree(unable, gp, *USES, **said)[0])


def weigh(of: Patient, by, **given) -> Weighing:
    defaults = {
        "photo": None,
        "purpose": Purpose.TEACHING_LOCAL,
        "answers": YES,
        "representative": of.representatives.first(),
        "by": by,
        "now": NOW,
    }
    return weighing.weigh(of, **defaults | given)


def may_teach(photo, *, purpose=Purpose.TEACHING_LOCAL, now=NOW):
    photo = type(photo).objects.get(pk=photo.pk)
    photo.identifiable = "anonymised"
    return deciding.may_use(
        photo,
        purpose=purpose,
        audience=Audience.ORGANISATION,
        now=now,
        review={"second_person": "x"},
        exposure={"verdict": "clear"},
    )


def fields(decision) -> set[str]:
    return {each.needs.field for each in decision.because if each.needs}


def test_a_use_is_weighed_by_both_with_reasons_and_both_names(photo, unable, niece, gp):
    assert fields(may_teach(photo)) == TESTS
    made = weigh(unable, gp, photo=photo)
    assert isinstance(may_teach(photo), policy.Permit)
    assert (made.by, made.representative) == (gp, niece)
    assert made.answers["necessary"] == {
        "clinician": True,
        "clinician_why": "Said why",
        "representative": True,
        "representative_why": "Said why",
    }
    assert str(made).startswith("Weighing")
    entry = LedgerEntry.objects.get(kind="use.weighed")
    assert b"Said why" not in bytes(entry.body)
    assert b"necessary: clinician" in bytes(entry.body)


@pytest.mark.parametrize("who", weighing.WHO)
@pytest.mark.parametrize("name", QUESTIONS)
def test_one_no_of_one_of_them_refuses(photo, unable, gp, name, who):
    weigh(unable, gp, photo=photo)
    no = YES | {name: YES[name] | {who: Said(False, "There is a drawing")}}
    weigh(unable, gp, photo=photo, answers=no, now=NOW + timedelta(minutes=1))
    assert fields(may_teach(photo)) == {f"tests.{name}"}


def test_each_use_and_each_picture_is_weighed_by_itself(photo, unable, niece, gp):
    said = {"given_by": "lpa-health", "representative": niece}
    other = take(unable, gp, agree(unable, gp, *USES, **said)[0])
    weigh(unable, gp, photo=photo)
    assert isinstance(may_teach(other), policy.Refusal)
    assert isinstance(may_teach(photo, purpose=Purpose.TEACHING_WIDE), policy.Refusal)


def test_when_the_authority_ends_what_was_weighed_with_it_ends(photo, unable, niece, gp):
    weigh(unable, gp, photo=photo)
    niece.set_ended(on=NOW.date(), because="Given up")
    assert fields(may_teach(photo)) >= TESTS


def test_a_picture_for_teaching_is_weighed_on_its_day(unable, niece, gp):
    said = {"given_by": "lpa-health", "representative": niece}
    agree(unable, gp, *USES, **said)

    def offered(now=NOW):
        return capture.offer(
            unable, body_site=SITE, made_for=Purpose.TEACHING_LOCAL, by=gp, now=now
        )

    assert fields(offered()) == TESTS
    weigh(unable, gp)
    assert isinstance(offered(), capture.CaptureOffer)
    assert fields(offered(NOW + timedelta(days=1))) == TESTS


def test_research_without_capacity_rests_on_its_approval(photo, unable, gp):
    asked = fields(may_teach(photo, purpose=Purpose.RESEARCH))
    assert asked >= TESTS | {"authority.legal_basis"}
    unchecked = Approval("REC 26/WA/0001", "Wounds", "26/WA/0001")
    weigh(unable, gp, photo=photo, purpose=Purpose.RESEARCH, approval=unchecked)
    held = may_teach(photo, purpose=Purpose.RESEARCH)
    assert isinstance(held, policy.Hold)
    assert fields(held) == {"authority.opt_out_checked"}
    later = NOW + timedelta(minutes=1)
    weigh(unable, gp, photo=photo, purpose=Purpose.RESEARCH, approval=APPROVED, now=later)
    assert isinstance(may_teach(photo, purpose=Purpose.RESEARCH), policy.Permit)
    out = Approval("REC 26/WA/0001", "", "", "opted-out")
    later += timedelta(minutes=1)
    weigh(unable, gp, photo=photo, purpose=Purpose.RESEARCH, approval=out, now=later)
    refused = fields(may_teach(photo, purpose=Purpose.RESEARCH))
    assert refused == {"authority.patient_opted_out", "project.reference", "project.ethics"}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"purpose": Purpose.CARE}, "purpose"),
        ({"representative": None}, "representative"),
        ({"answers": {**YES, "necessary": {}}}, "necessary-clinician"),
        (
            {"answers": {**YES, "necessary": {"clinician": Said(True, " ")}}},
            "necessary-clinician-why",
        ),
        ({"approval": APPROVED}, "approval"),
        ({"purpose": Purpose.RESEARCH}, "approval"),
        ({"purpose": Purpose.RESEARCH, "approval": Approval("x", "", "", "perhaps")}, "opt_out"),
    ],
)
def test_what_cannot_be_weighed_is_not_recorded(unable, niece, gp, given, field):
    with pytest.raises(DoesNotFit) as refused:
        weigh(unable, gp, **given)
    assert field in refused.value.fields
    assert not Weighing.objects.exists()


def test_a_relative_an_executor_and_who_has_lapsed_answer_for_nobody(unable, gp):
    for given in (
        {"authority": "relative"},
        {"authority": "executor"},
        {"authority": "deputy", "expires_on": NOW.date() - timedelta(days=1)},
    ):
        who = representative(unable, **given)
        with pytest.raises(DoesNotFit):
            weigh(unable, gp, representative=who)
    assert weighing.who_may_answer(unable, now=NOW) == []


def test_a_parent_answers_for_a_child_and_for_nobody_of_sixteen(surgery, gp):
    for born, count in ((date(2012, 1, 1), 1), (date(2009, 1, 1), 0)):
        of = patient(practice=surgery, born_on=born)
        representative(of)
        assert len(weighing.who_may_answer(of, now=NOW)) == count


def test_nobody_of_another_practice_weighs(unable, niece, stranger):
    with pytest.raises(NotAllowed):
        weigh(unable, stranger)


def test_another_countrys_pack_asks_its_own_questions_of_its_own_people(surgery, gp):
    """Scotland: benefit and not best interests, a welfare attorney, its own approval of research."""
    surgery.pack = "scotland"
    surgery.save()
    of = patient(practice=surgery)
    assessment(of, gp, outcome="lacks", assessed_on=date(2026, 10, 1))
    kinds = patients.kinds_known_to(of, now=NOW)
    assert "welfare-attorney" in kinds
    assert "lpa-health" not in kinds
    with pytest.raises(DoesNotFit):
        attorney_of(of, gp, "lpa-health")
    who = attorney_of(of, gp, "welfare-attorney")
    said = {"given_by": "welfare-attorney", "representative": who}
    photo = take(of, gp, agree(of, gp, *USES, **said)[0])
    asked = weighing.questions(of, now=NOW)
    assert set(asked) == {"necessary", "benefit", "no_less_restrictive_way"}
    answers = {name: dict.fromkeys(weighing.WHO, Said(True, "It is")) for name in asked}
    weigh(of, gp, photo=photo, answers=answers, representative=who)
    assert isinstance(may_teach(photo), policy.Permit)
    research = {"purpose": Purpose.RESEARCH, "approval": APPROVED, "answers": answers}
    weigh(of, gp, photo=photo, representative=who, **research)
    told = weighing.weighed_facts(of, photo=photo, purpose=Purpose.RESEARCH, now=NOW)
    assert told["authority"]["legal_basis"] == "awi-research"


def attorney_of(of: Patient, gp, authority: str) -> Representative:
    return patients.add_representative(
        of,
        name="Attorney",
        relation="niece",
        authority=authority,
        evidence="registered document",
        expires_on=None,
        by=gp,
        now=NOW,
    )


# --- the page -------------------------------------------------------------------------------------


@pytest.fixture
def clinic(gp) -> Client:
    client = Client()
    client.force_login(gp)
    return client


def said_by_both(niece, **given) -> dict[str, str]:
    said = {"representative": str(niece.pk)}
    for name in QUESTIONS:
        for who in weighing.WHO:
            said |= {f"{name}-{who}": "yes", f"{name}-{who}-why": "It is"}
    return said | given


def test_the_refusal_leads_to_the_questions_and_the_answers_back(photo, niece, clinic):
    page = clinic.post(
        reverse("copy-new", args=[photo.pk]),
        {"use": "here", "target": "Tuesday", "sex": "", "age": "", "place": ""},
    )
    where = reverse("weighing", args=[photo.pk, "teaching-local"])
    assert (page.status_code, where in page.content.decode()) == (403, True)
    empty = clinic.get(where)
    assert b"checked" not in empty.content
    wrong = clinic.post(where, said_by_both(niece) | {"necessary-representative": ""})
    assert "Choose yes or no" in wrong.content.decode()
    blank = clinic.post(where, said_by_both(niece) | {"necessary-representative-why": "\u200b "})
    assert blank.status_code in {200, 302}
    done = clinic.post(where, said_by_both(niece))
    assert done["Location"] == reverse("picture", args=[photo.pk])
    assert "and Niece" in clinic.get(where).content.decode()


def test_research_asks_for_its_approval(unable, niece, clinic):
    where = reverse("weighing-making", args=[unable.pk, "research"])
    wrong = clinic.post(where, said_by_both(niece))
    assert "reference of the approval" in wrong.content.decode()
    said = said_by_both(niece, approval="REC 1", project="", ethics="", opt_out="")
    assert clinic.post(where, said)["Location"] == reverse("patient", args=[unable.pk])
    assert Weighing.objects.get().approval == "REC 1"
    assert timezone.localdate(Weighing.objects.get().at) == timezone.localdate()


def test_a_use_that_is_not_weighed_has_no_page_and_without_authority_nobody_to_ask(unable, clinic):
    assert clinic.get(reverse("weighing-making", args=[unable.pk, "care"])).status_code == 404
    page = clinic.get(reverse("weighing-making", args=[unable.pk, "interest"])).content.decode()
    assert "Nobody who may decide is written down" in page
