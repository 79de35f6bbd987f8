"""Who decides: for this decision, on this day, with whom. Told as the policy is asked."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from factories import NOW, assessment, patient, representative
from flows.conftest import agree, take
from safelight import policy
from safelight.flows import deciding, patients, who_decides
from safelight.flows.allowed import DoesNotFit
from safelight.records.models import Consent, Patient, Representative
from safelight.terms import Audience, Purpose

TODAY = NOW.date()
EARLIER = NOW - timedelta(days=30)
TESTS = {
    name: {"clinician": True, "representative": True}
    for name in ("necessary", "best_interests", "no_less_restrictive_way")
}
USES = (Purpose.CARE, Purpose.SECOND_OPINION, Purpose.TEACHING_LOCAL)


def may_teach(photo, *, now=NOW, purpose=Purpose.TEACHING_LOCAL):
    """Ask about teaching with an anonymised copy, every other guard met."""
    photo.refresh_from_db()
    photo.identifiable = "anonymised"
    return deciding.may_use(
        photo,
        purpose=purpose,
        audience=Audience.ORGANISATION,
        now=now,
        tests=TESTS,
        review={"second_person": "Dr Second"},
        exposure={"verdict": "clear"},
    )


def fields(decision) -> set[str]:
    return {each.needs.field for each in decision.because if each.needs}


@pytest.fixture
def unable(surgery, gp) -> Patient:
    found = patient(practice=surgery, name="Unable Made-Up")
    assessment(found, gp, outcome="lacks", assessed_on=TODAY - timedelta(days=60))
    return found


def attorney(of: Patient, **given) -> Representative:
    return representative(
        of, **{"name": "Attorney", "relation": "niece", "authority": "lpa-health"} | given
    )


def agreed_by(who: Representative, gp, *purposes: Purpose, now=EARLIER) -> Consent:
    said = {"given_by": who.authority, "representative": who, "now": now}
    return agree(who.patient, gp, *(purposes or USES), **said)[0]


# --- for this decision ----------------------------------------------------------------------------


def test_every_purpose_belongs_to_one_decision():
    assert set(who_decides.ABOUT) == set(Purpose)


def test_a_child_found_competent_for_care_alone_does_not_decide_about_teaching(surgery, gp):
    child = patient(practice=surgery, born_on=date(2012, 5, 1))
    assessment(child, gp, kind="gillick", outcome="competent", about=["care"])
    photo = take(child, gp, agree(child, gp, *USES)[0])
    held = may_teach(photo)
    assert isinstance(held, policy.Hold)
    assert fields(held) >= {"patient.gillick"}
    assessment(child, gp, kind="gillick", outcome="competent", about=["learning"])
    assert isinstance(may_teach(photo), policy.Permit)


def test_a_child_found_competent_for_teaching_has_outgrown_only_that(surgery, gp):
    child = patient(practice=surgery, born_on=date(2012, 5, 1))
    assessment(child, gp, kind="gillick", outcome="competent", about=["learning"])
    facts = who_decides.patient_facts(child, purpose=Purpose.CARE, now=NOW)
    assert (facts["gillick"], facts["assessed_on"]) == ("unassessed", None)
    facts = who_decides.patient_facts(child, purpose=Purpose.TEACHING_WIDE, now=NOW)
    assert (facts["gillick"], facts["assessed_on"]) == ("competent", TODAY.isoformat())


@pytest.mark.parametrize(
    ("about", "outcome", "purpose", "capacity", "is_dated"),
    [
        ("care", "lacks", Purpose.CARE, "lacks", True),
        ("care", "lacks", Purpose.TEACHING_LOCAL, "lacks", False),  # harder: has to be looked at
        ("learning", "lacks", Purpose.PUBLICATION, "lacks", False),
        ("learning", "lacks", Purpose.CARE, "unassessed", False),  # simpler: presumed
        ("public", "lacks", Purpose.RESEARCH, "unassessed", False),
        ("public", "lost-for-now", Purpose.CARE, "lost-for-now", False),  # a state, not a decision
        ("care", "has", Purpose.PUBLICATION, "unassessed", False),
    ],
)
def test_an_assessment_for_another_decision_does_not_count_for_this_one(
    adult, gp, about, outcome, purpose, capacity, is_dated
):
    assessment(adult, gp, outcome=outcome, about=[about])
    facts = who_decides.patient_facts(adult, purpose=purpose, now=NOW)
    assert facts["capacity"] == capacity
    assert facts["assessed_on"] == (TODAY.isoformat() if is_dated else None)


def test_an_attorney_agrees_to_teaching_only_after_capacity_for_that_was_assessed(unable, gp):
    unable.assessments.update(about=["care"])
    photo = take(unable, gp, agreed_by(attorney(unable), gp))
    held = may_teach(photo)
    assert isinstance(held, policy.Hold)
    assert fields(held) == {"patient.assessed_on"}
    assessment(unable, gp, outcome="lacks", about=["learning"])
    assert isinstance(may_teach(photo), policy.Permit)


def test_the_latest_assessment_of_a_day_counts_and_none_of_a_day_to_come(adult, gp):
    assessment(adult, gp, outcome="lacks", recorded_at=NOW)
    assessment(adult, gp, outcome="has", recorded_at=NOW + timedelta(minutes=5))
    assessment(adult, gp, outcome="lacks", assessed_on=TODAY + timedelta(days=1))
    facts = who_decides.patient_facts(adult, purpose=Purpose.CARE, now=NOW)
    assert facts["capacity"] == "has"


# --- by somebody who may --------------------------------------------------------------------------


def test_what_an_attorney_agreed_to_lasts_as_long_as_the_authority(unable, gp):
    until = attorney(unable, expires_on=TODAY)
    photo = take(unable, gp, agreed_by(until, gp))
    assert isinstance(may_teach(photo), policy.Permit)
    refused = may_teach(photo, now=NOW + timedelta(days=1))
    assert isinstance(refused, policy.Refusal)
    assert fields(refused) == {"consents[].expires_on"}
    patients.end_authority(until, ended_on=TODAY, because="Given up", by=gp, now=NOW)
    assert isinstance(may_teach(photo), policy.Refusal)


def test_a_co_attorney_goes_on_when_the_other_has_lapsed(unable, gp):
    """Jointly and severally: the niece's authority lapses, the nephew decides alone from then on."""
    niece = attorney(unable, acts="severally")
    nephew = attorney(unable, name="Other", acts="severally")
    by_niece = agreed_by(niece, gp)
    photo = take(unable, gp, by_niece)
    assert isinstance(may_teach(photo), policy.Permit)
    patients.end_authority(niece, ended_on=TODAY, because="Bankrupt", by=gp, now=NOW)
    assert isinstance(may_teach(photo), policy.Refusal)
    assert patients.deciders(unable, now=NOW).representatives == (nephew,)
    niece.refresh_from_db()
    with pytest.raises(DoesNotFit) as refused:
        agreed_by(niece, gp, now=NOW)
    assert "has ended" in refused.value.fields["given_by"]
    agreed_by(nephew, gp, now=NOW)
    assert isinstance(may_teach(photo), policy.Permit)


def test_attorneys_appointed_only_together_agree_only_together(unable, gp):
    niece = attorney(unable, acts="jointly")
    nephew = attorney(unable, name="Other", acts="jointly")
    photo = take_for_care(unable, gp, agreed_by(niece, gp))
    alone = may_teach(photo)
    assert isinstance(alone, policy.Refusal)
    assert fields(alone) == {"consents[].given_by"}
    second = agreed_by(nephew, gp, Purpose.CARE, Purpose.TEACHING_LOCAL)
    assert isinstance(may_teach(photo), policy.Permit)
    assert isinstance(may_teach(photo, purpose=Purpose.TEACHING_WIDE), policy.Refusal)
    second.set_withdrawn(["teaching-local"], at=NOW - timedelta(days=1))
    assert isinstance(may_teach(photo), policy.Refusal)


def test_where_one_of_those_lapses_none_of_them_decides(unable, gp):
    niece = attorney(unable, acts="jointly")
    nephew = attorney(unable, name="Other", acts="jointly", expires_on=TODAY - timedelta(days=1))
    photo = take_for_care(unable, gp, agreed_by(niece, gp))
    agreed_by(nephew, gp)
    assert patients.deciders(unable, now=NOW).representatives == ()
    refused = may_teach(photo)
    assert isinstance(refused, policy.Refusal)
    assert "consents[].expires_on" in fields(refused)


def take_for_care(of, gp, consent):
    """Take it on the ground that treatment needs it: the consent alone would not do."""
    from safelight.flows.circumstances import Circumstances, Ground

    needed = Circumstances(
        care={"integral_to_treatment": True, "those_close_consulted": True, "urgent": True},
        tests={"best_interests": {"clinician": True}},
        ground=Ground.TREATMENT,
        reason="The wound has to be seen tonight",
    )
    return take(of, gp, None, circumstances=needed)


# --- after a death --------------------------------------------------------------------------------


def consulted(of: Patient, gp, who: str, answer: str = "agrees", *, days_ago: int = 0, **given):
    said = {
        "name": who.title(),
        "who": who,
        "relation": "son",
        "purposes": ["teaching-local"],
        "answer": answer,
        "words": "Said on the telephone",
        "asked_on": TODAY - timedelta(days=days_ago),
        "by": gp,
        "now": NOW - timedelta(days=days_ago),
    }
    return patients.record_consultation(of, **said | given)


@pytest.fixture
def left(surgery, gp):
    """A picture that somebody left behind who had agreed to care alone."""
    adult = patient(practice=surgery)
    photo = take(adult, gp, agree(adult, gp, Purpose.CARE, now=EARLIER)[0], now=EARLIER)
    Patient.objects.filter(pk=adult.pk).update(died_on=TODAY - timedelta(days=20))
    photo = type(photo).objects.get(pk=photo.pk)
    photo.identifiable = "identifiable"
    return photo


def may_teach_of(photo, purpose=Purpose.TEACHING_LOCAL):
    fresh = type(photo).objects.get(pk=photo.pk)
    fresh.identifiable = "identifiable"
    return deciding.may_use(
        fresh,
        purpose=purpose,
        audience=Audience.ORGANISATION,
        now=NOW,
        review={"second_person": "Dr Second"},
        exposure={"verdict": "clear"},
    )


def test_the_executor_who_is_not_next_of_kin_is_the_one_to_ask(left, gp):
    """The son agrees, but the will names a friend: nothing is used before the friend was asked."""
    of = left.patient
    representative(of, name="Friend", relation="friend", authority="executor")
    consulted(of, gp, "family", days_ago=3)
    held = may_teach_of(left)
    assert isinstance(held, policy.Hold)
    assert fields(held) == {"executor_or_family_consulted"}
    consulted(of, gp, "executor", days_ago=2)
    assert isinstance(may_teach_of(left), policy.Permit)
    assert not isinstance(may_teach_of(left, Purpose.INTEREST), policy.Permit), "asked about that?"
    consulted(of, gp, "family", "objects", days_ago=1)
    assert isinstance(may_teach_of(left), policy.Hold), "the executor answers to the family's no"
    consulted(of, gp, "executor", days_ago=0)
    assert isinstance(may_teach_of(left), policy.Permit)
    consulted(of, gp, "executor", "objects")
    assert isinstance(may_teach_of(left), policy.Refusal)


@pytest.mark.parametrize("answer", ["agrees", "no-view"])
def test_without_an_executor_the_family_is_asked(left, gp, answer):
    assert isinstance(may_teach_of(left), policy.Hold)
    consulted(left.patient, gp, "family", answer)
    assert isinstance(may_teach_of(left), policy.Permit)


def test_without_an_executor_the_familys_no_stands_until_they_say_otherwise(left, gp):
    consulted(left.patient, gp, "family", "objects", days_ago=2)
    assert isinstance(may_teach_of(left), policy.Refusal)
    consulted(left.patient, gp, "family", "agrees", days_ago=1)
    assert isinstance(may_teach_of(left), policy.Permit)
    consulted(left.patient, gp, "family", "objects", name="Another")
    assert isinstance(may_teach_of(left), policy.Refusal)


def test_what_tells_about_others_waits_for_legal_advice(left, gp):
    of = left.patient
    consulted(of, gp, "administrator")
    known = {"known_wishes": {}, "genetic_or_third_party": True, "by": gp, "now": NOW}
    died_on = TODAY - timedelta(days=20)
    patients.record_death(of, died_on=died_on, legal_advice=" ", **known)
    assert isinstance(may_teach_of(left), policy.Hold)
    patients.record_death(of, died_on=died_on, legal_advice="Lamp and Shade: go on", **known)
    assert isinstance(may_teach_of(left), policy.Permit)
