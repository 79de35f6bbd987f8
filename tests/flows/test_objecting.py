"""A no needs no consent to be against: it counts at once, for every picture, until its giver says yes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from factories import NOW, patient, representative, staff
from flows.conftest import SITE, agree, take
from flows.test_withdraw import copy_of, link_to, teaching
from safelight import policy
from safelight.flows import capture, opening, share, withdraw
from safelight.flows import consent as consents
from safelight.flows.allowed import NotAllowed
from safelight.flows.circumstances import Circumstances, Ground
from safelight.flows.consent import conversation, standings
from safelight.flows.withdraw import NothingToWithdraw
from safelight.policy.roles import Role
from safelight.policy.withdrawal import BY_LAW
from safelight.records.models import Channel, Consent, LedgerEntry, Objection, Photo, Withdrawal
from safelight.terms import Purpose

LATER = NOW + timedelta(days=3)
AFTER = LATER + timedelta(days=2)
ALL = (Purpose.CARE, Purpose.SECOND_OPINION, Purpose.TEACHING_LOCAL)
NO_OTHER_USE = [each for each in Purpose if each is not Purpose.CARE]


@pytest.fixture
def photo(adult, gp) -> Photo:
    return take(adult, gp, agree(adult, gp, *ALL)[0])


@pytest.fixture
def unasked(adult, gp) -> Photo:
    """A picture that was made without a consent, as part of a procedure."""
    return without_consent(adult, gp)


def without_consent(of, by, *, now=NOW, site="Right hand") -> Photo:
    said = Circumstances(
        recording={"within_procedure_consent": True, "type": "endoscopic"},
        ground=Ground.PROCEDURE,
        reason="Part of the operation",
    )
    return take(of, by, None, circumstances=said, body_site=site, now=now)


def say_no(of, *purposes, by=None, now=LATER, **given) -> Withdrawal:
    return withdraw.object_to(of, purposes=purposes or list(Purpose), by=by, now=now, **given)


def may_view(photo, *, by, now=LATER):
    return opening.may_open(Photo.objects.get(pk=photo.pk), by=by, now=now)


def test_a_no_without_any_consent_on_record_counts_for_what_is_taken_later(adult, gp):
    done = say_no(adult, *NO_OTHER_USE, by=gp, channel=Channel.PHONE, now=NOW)
    assert (done.channel, done.consent, done.photo) == ("phone", None, None)
    assert done.objection.purposes == [each.value for each in NO_OTHER_USE]
    later = without_consent(adult, gp, now=LATER)
    assert isinstance(may_view(later, by=gp), policy.Permit)
    assert isinstance(teaching(later), policy.Refusal)
    assert isinstance(share.may_ask(later, now=LATER), policy.Refusal)
    kinds = list(LedgerEntry.objects.values_list("kind", flat=True))
    assert kinds.index("objection.recorded") < kinds.index("consent.withdrawn")


def test_no_other_use_reaches_every_picture_and_all_that_came_from_it(adult, gp, photo, unasked):
    opening.open_photo(photo, by=gp, now=NOW)
    link, release = link_to(photo, gp), copy_of(photo, gp)
    say_no(adult, *NO_OTHER_USE)
    link.refresh_from_db()
    release.refresh_from_db()
    assert (link.revoked_at, release.state) == (LATER, "withdrawn")
    for each in (photo, unasked):
        each.refresh_from_db()
        assert each.state == "kept"
        assert isinstance(may_view(each, by=gp), policy.Permit)
        assert isinstance(teaching(each), policy.Refusal)


def test_a_no_to_everything_destroys_what_nobody_relied_on_and_shuts_the_rest(
    adult, gp, photo, unasked, home
):
    opening.open_photo(photo, by=gp, now=NOW)
    say_no(adult)
    photo.refresh_from_db()
    unasked.refresh_from_db()
    assert (photo.state, unasked.state) == ("kept", "erased")
    assert isinstance(may_view(photo, by=gp), policy.Refusal)
    offered = capture.offer(adult, body_site=SITE, made_for=Purpose.CARE, by=gp, now=LATER)
    assert isinstance(offered, policy.Refusal)


def test_only_the_patients_own_later_yes_lifts_it_and_only_for_that_use_and_site(adult, gp, photo):
    say_no(adult, *NO_OTHER_USE)
    elsewhere = without_consent(adult, gp, site="Right hand", now=LATER)
    agree(adult, gp, Purpose.CARE, Purpose.TEACHING_LOCAL, now=AFTER)
    now = AFTER + timedelta(days=1)
    assert not isinstance(teaching(photo, now=now), policy.Refusal)
    assert isinstance(share.may_ask(photo, now=now), policy.Refusal)
    assert isinstance(teaching(elsewhere, now=now), policy.Refusal)
    says = {each.purpose: each.says for each in standings(adult, now=NOW)}
    assert (says[Purpose.TEACHING_LOCAL], says[Purpose.SECOND_OPINION]) == ("agreed", "objects")


def test_a_representatives_yes_does_not_lift_a_patients_no(surgery, gp):
    child = patient(practice=surgery, born_on=NOW.date() - timedelta(days=3650))
    mother = representative(child)
    by_mother = {"given_by": mother.authority, "representative": mother}
    _gillick(child, gp)
    agree(child, gp, *ALL, **by_mother)
    say_no(child, Purpose.TEACHING_LOCAL)
    agree(child, gp, *ALL, now=AFTER, **by_mother)
    (left,) = child.objections.all()
    assert left.covers(child.consents.all()) == ["teaching-local"]


def test_what_a_representative_said_no_to_that_authority_may_say_yes_to(surgery, gp):
    child = patient(practice=surgery, born_on=NOW.date() - timedelta(days=3650))
    mother = representative(child)
    by_mother = {"given_by": mother.authority, "representative": mother}
    said = say_no(child, Purpose.TEACHING_LOCAL, given_by=mother.authority)
    conversation_no, _ = agree(child, gp, nothing_else=True, now=LATER, **by_mother)
    assert {each.giver for each in child.objections.all()} == {"parental-responsibility"}
    agree(child, gp, *ALL, now=AFTER, **by_mother)
    consents_now = list(child.consents.all())
    assert said.objection.covers(consents_now) == []
    assert said.objection.facts(consents_now) == []
    assert "research" in conversation_no.objections.get().covers(consents_now)


def _gillick(child, by):
    from factories import assessment

    assessment(child, by, kind="gillick", outcome="not-competent")


def test_a_star_is_every_use_until_one_of_them_is_lifted(adult, gp):
    objection = Objection.objects.create(
        practice=adult.practice, patient=adult, purposes=["*"], made_at=NOW
    )
    assert objection.covers() == ["*"]
    assert withdraw.objected_to(adult) == {each.value for each in Purpose}
    yes, _ = agree(adult, gp, Purpose.CARE, now=LATER)
    assert set(objection.covers([yes])) == {each.value for each in Purpose} - {"care"}
    assert withdraw.objected_to(adult) == {each.value for each in Purpose} - {"care"}


def test_who_takes_the_yes_back_has_said_no_again(adult, gp):
    say_no(adult, Purpose.TEACHING_LOCAL)
    yes, _ = agree(adult, gp, *ALL, now=AFTER)
    picture = take(adult, gp, yes, now=AFTER)
    assert not isinstance(teaching(picture, now=AFTER), policy.Refusal)
    withdraw.withdraw(yes, purposes=[Purpose.TEACHING_LOCAL], by=gp, now=AFTER + timedelta(days=1))
    assert Objection.objects.get().covers(Consent.objects.all()) == ["teaching-local"]


def test_the_same_no_again_is_told_apart_and_a_wider_one_is_not(adult):
    say_no(adult, Purpose.TEACHING_LOCAL)
    with pytest.raises(NothingToWithdraw):
        say_no(adult, Purpose.TEACHING_LOCAL)
    with pytest.raises(NothingToWithdraw):
        withdraw.object_to(adult, purposes=[], by=None, now=LATER)
    say_no(adult, Purpose.TEACHING_LOCAL, Purpose.RESEARCH)
    assert Objection.objects.count() == 2


def test_what_follows_is_said_before_it_is_done(adult, gp, photo, unasked):
    link_to(photo, gp)
    scope = withdraw.Scope(adult)
    said = withdraw.consequences_for(scope, purposes=NO_OTHER_USE, now=LATER)
    assert not Objection.objects.exists()
    assert [each.as_json() for each in said] == say_no(adult, *NO_OTHER_USE).consequences


def test_only_those_who_may_take_it_down(adult, surgery, stranger):
    for by in (stranger, staff(Role.REVIEWER, practice=surgery)):
        with pytest.raises(NotAllowed):
            say_no(adult, Purpose.RESEARCH, by=by)


# --- pictures that were made without a consent ------------------------------------------------------


def test_a_picture_made_without_a_consent_is_taken_back_like_any_other(adult, gp, unasked, home):
    assert withdraw.can_be_taken_back(unasked, now=LATER) == [
        each for each in Purpose if each not in BY_LAW
    ]
    done = withdraw.withdraw_picture(
        unasked, purposes=[Purpose.CARE], channel=Channel.LETTER, by=gp, now=LATER
    )
    unasked.refresh_from_db()
    assert (unasked.state, done.photo, done.channel) == ("erased", unasked, "letter")
    assert home.files() == {}
    assert withdraw.can_be_taken_back(unasked, now=LATER) == []
    with pytest.raises(NothingToWithdraw):
        withdraw.withdraw_picture(unasked, purposes=[Purpose.CARE], by=gp, now=LATER)


def test_one_that_care_relied_on_stays_closed_to_every_other_use(adult, gp, unasked):
    opening.open_photo(unasked, by=gp, now=NOW)
    unasked.refresh_from_db()
    now = LATER
    for _ in range(2):
        if withdraw.can_be_taken_back(unasked, now=now):
            withdraw.withdraw_picture(unasked, purposes=[Purpose.CARE], by=gp, now=now)
        unasked.refresh_from_db()
    assert Withdrawal.objects.count() == 1
    assert unasked.state == "kept"
    assert isinstance(may_view(unasked, by=gp), policy.Permit)
    assert isinstance(share.may_ask(unasked, now=LATER), policy.Refusal)


def test_one_picture_goes_and_the_others_of_its_conversation_stay(adult, gp, photo):
    other = take(adult, gp, photo.consent)
    withdraw.withdraw_picture(photo, purposes=[Purpose.CARE], by=gp, now=LATER)
    photo.refresh_from_db()
    other.refresh_from_db()
    assert (photo.state, other.state) == ("erased", "kept")
    assert not isinstance(teaching(other), policy.Refusal)


def test_a_use_closed_without_a_consent_opens_by_the_patients_own_yes_only(adult, gp, unasked):
    withdraw.withdraw_picture(unasked, purposes=[Purpose.TEACHING_LOCAL], by=gp, now=LATER)
    unasked.refresh_from_db()
    said = Consent(given_by="lpa-health", purposes=["teaching-local"], given_at=AFTER)
    own = Consent(given_by="patient", purposes=["teaching-local"], given_at=AFTER)
    assert unasked.objections([said])
    assert not unasked.objections([own])


def test_right_after_such_a_picture_nothing_of_it_stays(adult, gp, unasked, home):
    opening.open_photo(unasked, by=gp, now=NOW)
    withdraw.withdraw_picture(
        unasked, purposes=[Purpose.CARE], by=gp, now=NOW + timedelta(minutes=20)
    )
    unasked.refresh_from_db()
    assert unasked.state == "erased"
    assert home.files() == {}


def test_a_picture_that_waits_for_a_person_is_reached_too(adult, gp, unasked):
    Photo.objects.update(state="quarantined")
    say_no(adult)
    unasked.refresh_from_db()
    assert unasked.state == "erased"


def test_a_picture_taken_elsewhere_on_the_body_keeps_its_care(adult, gp, photo, unasked):
    withdraw.withdraw(photo.consent, purposes=[Purpose.CARE], by=gp, now=LATER)
    unasked.refresh_from_db()
    assert unasked.state == "kept"


def test_words_of_another_site_are_another_conversation(adult):
    assert (
        conversation(adult, body_site="Right hand", now=NOW).digest
        != conversation(adult, body_site=SITE, now=NOW).digest
    )
    assert consents.OWN_ANSWER == withdraw.BY_THE_PATIENT
