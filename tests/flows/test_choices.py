"""Grown up since a parent agreed, or able to decide again: asked, answered, and never by time alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.conf import settings as installed
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from factories import NOW, assessment, patient, representative, staff
from flows.conftest import SITE, agree, take
from safelight import policy
from safelight.flows import assessing, choices, deciding, rounds
from safelight.flows.allowed import DoesNotFit, NotAllowed
from safelight.flows.consent import conversation
from safelight.policy.roles import Role
from safelight.records.models import (
    Consent,
    LedgerEntry,
    Offer,
    Patient,
    PendingChoice,
    Photo,
    Withdrawal,
)
from safelight.terms import Audience, Purpose

USES = (Purpose.CARE, Purpose.TEACHING_LOCAL)
BORN = date(2009, 5, 1)
AT_TEN = datetime(2019, 6, 1, 10, tzinfo=UTC)
TESTS = {
    name: {"clinician": True, "representative": True}
    for name in ("necessary", "best_interests", "no_less_restrictive_way")
}


@pytest.fixture
def young(surgery, gp) -> Patient:
    """Seventeen now; a parent agreed to teaching when she was ten."""
    found = patient(practice=surgery, name="Young Made-Up", born_on=BORN)
    by_parent(found, gp)
    return found


def by_parent(of: Patient, gp, *, body_site: str = SITE, now=AT_TEN, pictures: int = 1) -> Consent:
    mother = of.representatives.first() or representative(of)
    words = conversation(of, body_site=body_site, reader="representative", now=NOW).digest
    said = {"given_by": "parental-responsibility", "representative": mother}
    made, _ = agree(of, gp, *USES, **said, body_site=body_site, wording=words, now=now)
    assessment(
        of, gp, kind="gillick", outcome="not-competent", assessed_on=now.date(), about=["care"]
    )
    for _ in range(pictures):
        photo = take(of, gp, made, body_site=body_site, now=now)
        Photo.objects.filter(pk=photo.pk).update(identifiable="identifiable")
    return made


def own(of: Patient, gp, *purposes: Purpose, body_site: str = SITE, now=NOW) -> Consent:
    words = conversation(of, body_site=body_site, now=NOW).digest
    made, _ = agree(of, gp, *purposes, body_site=body_site, wording=words, now=now)
    Consent.objects.filter(pk=made.pk).update(identifiable_ok=True)
    return made


def may_teach(of: Patient, *, now=NOW, purpose=Purpose.TEACHING_LOCAL):
    Consent.objects.filter(patient=of).update(identifiable_ok=True)
    photo = Photo.objects.filter(patient=of, body_site=SITE).order_by("taken_at")[0]
    return deciding.may_use(
        photo,
        purpose=purpose,
        audience=Audience.ORGANISATION,
        now=now,
        tests=TESTS,
        review={"second_person": "x"},
        exposure={"verdict": "clear"},
    )


def offered(of: Patient, gp, outcome: str, *, kind: str = "grown-up", now=NOW, words="") -> Offer:
    return choices.offer(of, kind=kind, outcome=outcome, words=words, by=gp, now=now)


# --- grown up -------------------------------------------------------------------------------------


def test_the_seventeen_year_old_seen_for_the_last_time(young, gp, surgery):
    """She says "not now" and moves away. At 18, at 25, at 40 it is still on hold, and still asked."""
    choices.raise_due(now=NOW)
    assert isinstance(may_teach(young), policy.Hold)
    clinic = Client()
    clinic.force_login(gp)
    page = clinic.get(reverse("patient", args=[young.pk])).content.decode()
    assert "Ask Young at the next contact" in page
    offered(young, gp, "later", words="Ask me next year")
    for years in (1, 8, 23):
        later = NOW.replace(year=NOW.year + years)
        assert isinstance(may_teach(young, now=later), policy.Hold)
        assert [each.kind for each in choices.due(young, now=later)] == ["grown-up"]
        choices.raise_due(now=later)
    assert PendingChoice.objects.get().closed_at is None
    assert Offer.objects.get().words == "Ask me next year"
    lead = Client()
    lead.force_login(staff(Role.IG_LEAD, practice=surgery))
    assert "Young Made-Up" in lead.get(reverse("to-ask")).content.decode()
    assert reverse("to-ask") in lead.get(reverse("governance")).content.decode()


def test_the_decision_holds_before_any_look_of_the_night(young):
    """Nobody has looked yet: the decision doesn't wait for that."""
    assert not PendingChoice.objects.exists()
    held = may_teach(young)
    assert isinstance(held, policy.Hold)
    assert {each.source for each in held.because} == {"GMC VAR 35, MDU"}
    assert [each.kind for each in choices.due(young, now=NOW)] == ["grown-up"]


def test_at_fifteen_a_parents_agreement_stands_until_the_child_is_found_competent(young, gp):
    at_fifteen = NOW.replace(year=2024)
    assert isinstance(may_teach(young, now=at_fifteen), policy.Permit)
    assert choices.due(young, now=at_fifteen) == ()
    found = {"kind": "gillick", "outcome": "competent", "assessed_on": at_fifteen.date()}
    assessment(young, gp, **found, about=["care"])
    assert choices.due(young, now=at_fifteen) == ()
    assessment(young, gp, **found, about=["learning"])
    assert isinstance(may_teach(young, now=at_fifteen), policy.Hold)
    assert choices.raise_due(now=at_fifteen) == 1


def test_keep_takes_the_young_persons_own_conversation_about_each_part(young, gp):
    by_parent(young, gp, body_site="Left knee")
    choices.raise_due(now=NOW)
    with pytest.raises(DoesNotFit) as refused:
        offered(young, gp, "keep")
    assert "left knee, left lower leg" in refused.value.fields["outcome"]
    own(young, gp, *USES)
    with pytest.raises(DoesNotFit) as refused:
        offered(young, gp, "keep")
    assert "left lower leg" not in refused.value.fields["outcome"]
    own(young, gp, Purpose.CARE, body_site="Left knee")
    offered(young, gp, "keep", now=NOW + timedelta(minutes=5))
    assert isinstance(may_teach(young, now=NOW + timedelta(minutes=5)), policy.Permit)
    choice = PendingChoice.objects.get()
    assert (choice.outcome, choice.closed_at) == ("keep", NOW + timedelta(minutes=5))
    assert choices.due(young, now=NOW + timedelta(days=1)) == ()
    assert choices.raise_due(now=NOW + timedelta(days=1)) == 0


def test_close_takes_back_everything_but_care(young, gp):
    by_parent(young, gp, body_site="Left knee")
    by_parent(young, gp, pictures=0)
    offered(young, gp, "close")
    assert isinstance(may_teach(young), policy.Refusal)
    assert isinstance(
        may_teach(young, purpose=Purpose.CARE), policy.Refusal
    )  # an audience too many
    assert Photo.objects.filter(state="kept").count() == 2
    assert {tuple(each.purposes) for each in Withdrawal.objects.all()} == {("teaching-local",)}
    assert choices.due(young, now=NOW) == ()
    kinds = list(LedgerEntry.objects.values_list("kind", flat=True))
    assert kinds.count("choice.raised") == kinds.count("choice.offered") == 1


def test_an_answer_given_as_a_child_whom_nobody_found_able_settles_nothing(young, gp):
    at_twelve = datetime(2021, 6, 1, 10, tzinfo=UTC)
    own(young, gp, *USES, now=at_twelve)
    assert isinstance(may_teach(young), policy.Hold)
    assert len(choices.due(young, now=NOW)[0].consents) == 1
    assessment(
        young,
        gp,
        kind="gillick",
        outcome="competent",
        assessed_on=at_twelve.date(),
        about=["learning"],
    )
    assert choices.due(young, now=NOW) == ()
    assert isinstance(may_teach(young), policy.Permit)


def test_nothing_is_raised_for_care_alone_for_the_dead_or_where_nothing_is_kept(surgery, gp):
    care = patient(practice=surgery, born_on=BORN)
    consent = by_parent(care, gp)
    consent.set_withdrawn(["teaching-local"], at=NOW)
    gone = patient(practice=surgery, born_on=BORN)
    by_parent(gone, gp)
    Photo.objects.filter(patient=gone).update(state="erased")
    dead = patient(practice=surgery, born_on=BORN)
    by_parent(dead, gp)
    Patient.objects.filter(pk=dead.pk).update(died_on=date(2025, 1, 1))
    dead.refresh_from_db()
    assert choices.raise_due(now=NOW) == 0
    assert choices.due(dead, now=NOW) == ()
    choices.raise_on_recovery(dead, by=gp, now=NOW)
    assert list(choices.open_ones(gp)) == []


def test_an_agreement_about_any_part_speaks_of_all_pictures(young, gp):
    Consent.objects.filter(patient=young).update(body_site="")
    (waiting,) = choices.due(young, now=NOW)
    assert len(waiting.consents) == 1
    with pytest.raises(DoesNotFit) as refused:
        offered(young, gp, "keep")
    assert "any" in refused.value.fields["outcome"]


def test_the_round_looks_once_a_day(young, home, monkeypatch):
    looked: list[datetime] = []
    monkeypatch.setattr(rounds.choices, "raise_due", lambda *, now: looked.append(now))
    for hours in (0, 1, 23, 24, 25):
        rounds.go(now=NOW + timedelta(hours=hours), transport=None)
    assert looked == [NOW, NOW + timedelta(hours=24)]
    assert installed.SAFELIGHT_KEYS.with_name("grown-up").exists()


@pytest.mark.django_db(transaction=True)  # the worker closes its connection
def test_the_round_raises_the_question_once(young, home):
    rounds.go(now=NOW, transport=None)
    rounds.go(now=NOW + timedelta(days=2), transport=None)
    assert PendingChoice.objects.get().raised_at == NOW
    assert LedgerEntry.objects.filter(kind="choice.raised").count() == 1


def test_what_cannot_be_offered_is_not_recorded(young, adult, gp, stranger):
    with pytest.raises(DoesNotFit):
        offered(young, gp, "perhaps")
    with pytest.raises(DoesNotFit):
        offered(adult, gp, "later")
    with pytest.raises(NotAllowed):
        offered(young, stranger, "later")
    assert not Offer.objects.exists()


# --- able to decide again -------------------------------------------------------------------------


@pytest.fixture
def sedated(surgery, gp) -> Patient:
    """Somebody who agreed to teaching, and then could not decide for a while."""
    found = patient(practice=surgery, name="Sedated Made-Up")
    consent = own(found, gp, *USES, now=NOW - timedelta(days=9))
    photo = take(found, gp, consent, now=NOW - timedelta(days=9))
    Photo.objects.filter(pk=photo.pk).update(identifiable="identifiable")
    assess(found, gp, "lost-for-now", NOW - timedelta(days=3))
    return found


def assess(of: Patient, gp, outcome: str, at: datetime) -> None:
    assessing.record_assessment(
        of,
        kind="capacity",
        outcome=outcome,
        about=["care", "learning", "public"],
        decision="pictures",
        support="Asked twice",
        assessed_on=at.date(),
        by=gp,
        now=at,
    )


def test_who_cannot_decide_just_now_is_asked_on_recovery_and_not_before(sedated, gp):
    assert PendingChoice.objects.get().kind == "recovered"
    assert isinstance(may_teach(sedated), policy.Hold)
    with pytest.raises(DoesNotFit) as refused:
        offered(sedated, gp, "keep", kind="recovered")
    assert "can decide again" in refused.value.fields["outcome"]
    assess(sedated, gp, "has", NOW)
    held = may_teach(sedated)
    assert isinstance(held, policy.Hold), "able again, and not asked yet"
    assert {each.needs.field for each in held.because} == {"patient.capacity"}
    offered(sedated, gp, "later", kind="recovered")
    assert isinstance(may_teach(sedated), policy.Hold)
    offered(sedated, gp, "keep", kind="recovered")
    assert isinstance(may_teach(sedated), policy.Permit)
    assert [each.outcome for each in Offer.objects.all()] == ["later", "keep"]


def test_who_says_no_on_recovery_closes_what_was_agreed(sedated, gp):
    assess(sedated, gp, "lost-for-now", NOW - timedelta(days=1))
    assert PendingChoice.objects.count() == 1
    assess(sedated, gp, "has", NOW)
    offered(sedated, gp, "close", kind="recovered")
    assert isinstance(may_teach(sedated), policy.Refusal)


def test_who_never_recovers_is_weighed_like_anybody_who_cannot_decide(sedated, gp):
    assess(sedated, gp, "lacks", NOW)
    assert isinstance(may_teach(sedated), policy.Permit)  # an own earlier yes, and the three tests
    photo = Photo.objects.get(patient=sedated)
    refused = deciding.may_use(
        photo, purpose=Purpose.TEACHING_LOCAL, audience=Audience.ORGANISATION, now=NOW
    )
    assert isinstance(refused, policy.Refusal)


# --- the pages ------------------------------------------------------------------------------------


@pytest.fixture
def clinic(gp) -> Client:
    client = Client()
    client.force_login(gp)
    return client


def test_the_choice_is_offered_and_written_down_by_the_page(young, gp, clinic):
    where = reverse("choice", args=[young.pk, "grown-up"])
    page = clinic.get(where)
    text = page.content.decode()
    assert b"checked" not in page.content
    assert "Parent Made-Up agreed on 1 June 2019: Teaching here" in text
    assert reverse("consent", args=[young.pk, "left-lower-leg"]) + "?again=" in text
    assert "Choose what the patient said" in clinic.post(where, {"words": "x"}).content.decode()
    early = clinic.post(where, {"outcome": "keep"})
    assert "Show the patient the words first" in early.content.decode()
    assert clinic.post(where, {"outcome": "later", "words": "No hurry"}).status_code == 302
    assert "No hurry" in clinic.get(where).content.decode()
    listed = clinic.get(reverse("to-ask")).content.decode()
    assert "asked 1 time" in listed
    assert reverse("to-ask") in clinic.get("/").content.decode()
    own(young, gp, *USES, now=timezone.now())
    assert clinic.post(where, {"outcome": "keep"}).status_code == 302
    assert clinic.get(where).status_code == 404
    assert "Nobody has to be asked" in clinic.get(reverse("to-ask")).content.decode()


def test_the_hold_leads_to_the_choice(young, clinic):
    choices.raise_due(now=timezone.now())
    photo = Photo.objects.get(patient=young)
    said = {"use": "here", "target": "Tuesday", "sex": "", "age": "", "place": ""}
    clinic.post(reverse("copy-new", args=[photo.pk]), said)
    from safelight.web.explaining import ways

    held = may_teach(young, now=timezone.now())
    hrefs = {each.href for each in ways(held, young, photo=photo)}
    assert reverse("choice", args=[young.pk, "grown-up"]) in hrefs


def test_recovery_is_shown_on_the_patients_page(sedated, clinic):
    page = clinic.get(reverse("patient", args=[sedated.pk])).content.decode()
    assert reverse("choice", args=[sedated.pk, "recovered"]) in page
    shown = clinic.get(reverse("choice", args=[sedated.pk, "recovered"])).content.decode()
    assert reverse("assessment-new", args=[sedated.pk]) in shown


def test_a_reviewer_asks_nobody(young, surgery):
    client = Client()
    client.force_login(staff(Role.REVIEWER, practice=surgery))
    assert client.get(reverse("to-ask")).status_code == 403
