"""A hold stops destruction and never the closing of access; lifted, what it held back goes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from factories import NOW, patient, staff
from flows.conftest import agree, take
from flows.test_objecting import without_consent
from flows.test_withdraw import copy_of, link_to, teaching
from safelight import policy
from safelight.flows import capture, erasing, holding, opening, stores, withdraw
from safelight.flows.allowed import DoesNotFit, NotAllowed
from safelight.flows.deciding import may_use
from safelight.policy.roles import Role
from safelight.records.models import Copy, EraseJob, LedgerEntry, LegalHold, Photo
from safelight.terms import Audience, Purpose

LATER = NOW + timedelta(days=3)
AFTER = LATER + timedelta(days=30)
ALL = (Purpose.CARE, Purpose.SECOND_OPINION, Purpose.TEACHING_LOCAL)


@pytest.fixture
def lead(surgery):
    return staff(Role.IG_LEAD, practice=surgery)


@pytest.fixture
def consent(adult, gp):
    return agree(adult, gp, *ALL)[0]


@pytest.fixture
def photo(adult, gp, consent) -> Photo:
    return take(adult, gp, consent)


def hold_on(patient, by, *, photo=None, now=NOW, **given) -> LegalHold:
    said = {"kind": "claim", "reason": "A claim was announced", "reference": "C 2026/14"} | given
    return holding.place(patient, photo=photo, by=by, now=now, **said)


def take_back(consent, by, *, now=LATER):
    return withdraw.withdraw(consent, purposes=[Purpose.CARE], by=by, now=now)


def test_a_withdrawal_during_a_claim_closes_everything_and_destroys_nothing(
    adult, gp, lead, consent, photo, home
):
    link, release = link_to(photo, gp), copy_of(photo, gp)
    before = home.files()
    hold_on(adult, lead)
    done = take_back(consent, gp)
    photo.refresh_from_db()
    link.refresh_from_db()
    release.refresh_from_db()
    assert (photo.state, link.revoked_at, release.state) == ("kept", LATER, "withdrawn")
    assert Copy.objects.get().state == "closed"
    assert isinstance(opening.may_open(photo, by=gp, now=LATER), policy.Refusal)
    assert isinstance(teaching(photo), policy.Refusal)
    assert home.files() == before
    assert not stores.keys().is_erased(photo.pk)
    assert "NHS-RM" in {each["source"] for each in done.consequences}
    assert [job.held for job in EraseJob.objects.all()] == [True]
    assert erasing.finish_pending(now=LATER) == 0


def test_the_claim_itself_may_still_use_what_is_held(adult, gp, lead, consent, photo):
    hold_on(adult, lead)
    take_back(consent, gp)
    photo.refresh_from_db()
    told = {"legal_basis": "court-order", "reference": "C 2026/14"}
    decision = may_use(
        photo,
        purpose=Purpose.LEGAL,
        audience=Audience.NAMED,
        action="disclose",
        now=LATER,
        authority=told,
    )
    assert isinstance(decision, policy.Permit)


def test_lifted_what_was_held_back_goes(adult, gp, lead, consent, photo, home):
    copy_of(photo, gp)
    hold = hold_on(adult, lead)
    take_back(consent, gp)
    (gone,) = holding.lift(hold, because="Settled out of court", by=lead, now=AFTER)
    gone.refresh_from_db()
    photo.refresh_from_db()
    assert (photo.state, Copy.objects.get().state, gone.held) == ("erased", "erased", False)
    assert (gone.destroyed_at, home.files()) == (AFTER, {})
    kinds = list(LedgerEntry.objects.values_list("kind", flat=True))
    assert kinds[-2:] == ["hold.lifted", "keys.destroyed"]
    with pytest.raises(holding.AlreadyLifted):
        holding.lift(hold, because="Again", by=lead, now=AFTER)


def test_a_second_hold_keeps_it(adult, gp, lead, consent, photo):
    first, second = hold_on(adult, lead), hold_on(adult, lead, photo=photo, kind="inquiry")
    take_back(consent, gp)
    assert holding.lift(first, because="Settled", by=lead, now=AFTER) == []
    photo.refresh_from_db()
    assert photo.state == "kept"
    assert len(holding.lift(second, because="Closed", by=lead, now=AFTER)) == 1


def test_who_says_yes_again_while_it_is_held_keeps_the_picture(
    adult, gp, lead, consent, photo, home
):
    hold = hold_on(adult, lead)
    take_back(consent, gp)
    agree(adult, gp, *ALL, now=LATER + timedelta(days=2))
    assert holding.lift(hold, because="Settled", by=lead, now=AFTER) == []
    photo.refresh_from_db()
    assert (photo.state, EraseJob.objects.count()) == ("kept", 0)
    assert isinstance(opening.open_photo(photo, by=gp, now=AFTER), bytes)
    assert "keys.destroyed" not in LedgerEntry.objects.values_list("kind", flat=True)


def test_a_copy_alone_is_held_back_when_its_use_ends(adult, gp, lead, consent, photo):
    copy_of(photo, gp)
    hold = hold_on(adult, lead)
    withdraw.withdraw(consent, purposes=[Purpose.TEACHING_LOCAL], by=gp, now=LATER)
    copy = Copy.objects.get()
    assert (copy.state, stores.keys().is_erased(copy.pk)) == ("closed", False)
    holding.lift(hold, because="Settled", by=lead, now=AFTER)
    photo.refresh_from_db()
    copy.refresh_from_db()
    assert (photo.state, copy.state) == ("kept", "erased")


def test_a_hold_from_before_does_not_keep_a_picture_that_is_stopped_right_after(
    adult, gp, lead, consent, home
):
    """VAR 25: what is stopped as it is taken was never part of what the claim is about."""
    hold_on(adult, lead, now=NOW - timedelta(days=9))
    photo = take(adult, gp, consent)
    take_back(consent, gp, now=NOW + timedelta(minutes=5))
    photo.refresh_from_db()
    assert (photo.state, home.files()) == ("erased", {})


def test_a_hold_placed_since_keeps_even_that(adult, gp, lead, consent, photo):
    hold_on(adult, lead, photo=photo, now=NOW + timedelta(minutes=1))
    take_back(consent, gp, now=NOW + timedelta(minutes=5))
    photo.refresh_from_db()
    assert photo.state == "kept"
    assert isinstance(
        opening.may_open(photo, by=gp, now=NOW + timedelta(minutes=6)), policy.Refusal
    )


def test_a_hold_on_one_picture_leaves_the_others_alone(adult, gp, lead, consent, photo):
    other = without_consent(adult, gp)
    hold_on(adult, lead, photo=photo)
    withdraw.object_to(adult, purposes=list(Purpose), by=gp, now=LATER)
    photo.refresh_from_db()
    other.refresh_from_db()
    assert (photo.state, other.state) == ("kept", "erased")


@pytest.mark.parametrize(
    ("given", "field"),
    [({"kind": "whim"}, "kind"), ({"reason": " "}, "reason"), ({"reference": ""}, "reference")],
)
def test_a_hold_says_what_it_is_for(adult, lead, given, field):
    with pytest.raises(DoesNotFit) as refused:
        hold_on(adult, lead, **given)
    assert list(refused.value.fields) == [field]
    assert not LegalHold.objects.exists()


def test_a_picture_of_somebody_else_is_not_held_here(adult, surgery, lead, photo):
    with pytest.raises(DoesNotFit):
        hold_on(patient(practice=surgery), lead, photo=photo)


def test_only_governance_places_and_lifts_and_lifting_needs_a_reason(adult, gp, lead, stranger):
    for by in (gp, stranger):
        with pytest.raises(NotAllowed):
            hold_on(adult, by)
    hold = hold_on(adult, lead)
    with pytest.raises(NotAllowed):
        holding.lift(hold, because="x", by=gp, now=LATER)
    with pytest.raises(DoesNotFit):
        holding.lift(hold, because=" ", by=lead, now=LATER)
    assert not LegalHold.objects.visible_to(gp).exists()
    assert LegalHold.objects.visible_to(lead).get() == hold


def test_a_held_picture_is_too_late_to_stop_and_is_taken_back_instead(
    adult, gp, lead, consent, photo
):
    hold_on(adult, lead, photo=photo)
    with pytest.raises(capture.TooLateToStop):
        capture.stop(photo.capture_id, patient=adult, consent=consent, by=gp, now=NOW)
    assert Photo.objects.get() == photo
