"""Kept for its period, listed when that is over, destroyed by a named person or kept with a reason."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from django.utils import timezone

from factories import NOW, patient, staff
from flows.conftest import agree, take
from flows.test_objecting import without_consent
from flows.test_withdraw import copy_of
from safelight.flows import (
    certificates,
    destroying,
    holding,
    opening,
    release,
    retaining,
    rounds,
    stores,
)
from safelight.flows.allowed import DoesNotFit, NotAllowed
from safelight.flows.retaining import NotDue
from safelight.policy.roles import Role
from safelight.records.models import (
    CareRecord,
    Consent,
    Copy,
    EraseJob,
    LedgerEntry,
    OutgoingMail,
    Patient,
    Photo,
    Recall,
    Release,
    Review,
)
from safelight.terms import Purpose

ALL = (Purpose.CARE, Purpose.SECOND_OPINION, Purpose.TEACHING_LOCAL)
LAST = date(2026, 11, 22)
"""The day of NOW: the last use."""


def on(year: int, month: int = 11, day: int = 22) -> datetime:
    """Noon of a day in the practice's own time."""
    return datetime(year, month, day, 12, tzinfo=timezone.get_current_timezone())


@pytest.fixture
def lead(surgery):
    return staff(Role.IG_LEAD, practice=surgery)


@pytest.fixture
def photo(adult, gp) -> Photo:
    return take(adult, gp, agree(adult, gp, *ALL)[0])


def ended(of: Patient, by, *, kind="general", day: date | None = LAST) -> CareRecord:
    return retaining.set_record(of, kind=kind, ended_on=day, by=by, now=NOW)


def listed() -> list[tuple[str, date]]:
    return list(Review.objects.order_by("listed_at").values_list("state", "due_on"))


# --- what is due ------------------------------------------------------------------------------------


def test_nothing_is_due_before_its_day_and_everything_on_it(adult, photo, lead):
    ended(adult, lead)
    assert retaining.go_round(now=on(2034, 11, 21)) == 0
    assert retaining.go_round(now=on(2034, 11, 22)) == 1
    assert listed() == [("due", date(2034, 11, 22))]
    review = Review.objects.get()
    assert review.because == "The record of an adult is kept for 8 years after it was last used."
    assert review.source == "NHS-RM"
    assert list(retaining.due(adult.practice)) == [review]
    assert retaining.go_round(now=on(2034, 11, 23)) == 0
    letter = OutgoingMail.objects.get(to=lead.email)
    assert "Nothing is destroyed before somebody has looked" in letter.text
    assert adult.name not in letter.text
    photo.refresh_from_db()
    assert photo.state == "kept"


@pytest.mark.parametrize(
    ("kind", "born", "died", "due"),
    [
        ("gp", date(1955, 3, 14), None, None),
        ("gp", date(1955, 3, 14), date(2024, 2, 29), date(2034, 3, 1)),
        ("general", date(2009, 11, 23), None, date(2034, 11, 23)),
        ("general", date(2009, 11, 22), None, date(2035, 11, 22)),
        ("mental-health", date(1980, 1, 1), None, date(2046, 11, 22)),
        ("maternity", date(1990, 1, 1), None, date(2051, 11, 22)),
        ("deregistered", date(1990, 1, 1), None, date(2126, 11, 22)),
    ],
)
def test_the_period_is_that_of_the_record_it_belongs_to(surgery, gp, lead, kind, born, died, due):
    one = patient(practice=surgery, born_on=born, died_on=died)
    record = ended(one, lead, kind=kind)
    kept = retaining.period_of(record, now=NOW)
    assert kept.until == due
    assert kept.review == (kind == "deregistered")


def test_a_death_ends_the_use_of_a_record(surgery, lead):
    one = patient(practice=surgery, died_on=date(2026, 11, 1))
    assert retaining.period_of(ended(one, lead, kind="gp", day=None), now=NOW).until == date(
        2036, 11, 1
    )


def test_a_record_that_nobody_described_or_ended_is_never_due(surgery, adult, photo, lead):
    assert retaining.go_round(now=on(2150)) == 0
    ended(adult, lead, day=None)
    assert retaining.go_round(now=on(2150)) == 0
    assert retaining.kept_at_least(photo, now=NOW).until == date(2034, 11, 22)
    ended(adult, lead, kind="maternity", day=None)
    assert retaining.kept_at_least(photo, now=NOW).until == date(2051, 11, 22)


def test_use_begins_the_period_anew_and_takes_it_off_the_list(adult, photo, gp, lead):
    ended(adult, lead)
    retaining.go_round(now=on(2034))
    opening.open_photo(photo, by=gp, now=on(2034, 12, 1))
    retaining.go_round(now=on(2034, 12, 2))
    assert listed() == [("lapsed", date(2034, 11, 22))]
    assert retaining.go_round(now=on(2042, 11, 30)) == 0
    assert retaining.go_round(now=on(2042, 12, 1)) == 1


def test_a_look_at_the_tiles_is_no_use(adult, photo, gp, lead):
    ended(adult, lead)
    opening.open_thumbs([photo], by=gp, now=on(2034, 1, 1))
    assert retaining.go_round(now=on(2034)) == 1


def test_a_hold_takes_it_off_the_list_until_it_is_lifted(adult, photo, lead):
    ended(adult, lead)
    retaining.go_round(now=on(2034))
    hold = holding.place(
        adult, kind="claim", reason="A claim", reference="C 1", by=lead, now=on(2034, 11, 23)
    )
    retaining.go_round(now=on(2034, 11, 24))
    assert listed() == [("lapsed", date(2034, 11, 22))]
    holding.lift(hold, because="Settled", by=lead, now=on(2035))
    assert retaining.go_round(now=on(2035, 12, 1)) == 1


@pytest.mark.django_db(transaction=True)  # the worker closes its connection
def test_the_worker_looks_once_a_day(adult, photo, lead):
    ended(adult, lead)
    for hours in (0, 1, 23, 24):
        rounds.go(now=on(2034) + timedelta(hours=hours), transport=None)
    assert Review.objects.count() == 1
    assert OutgoingMail.objects.filter(to=lead.email).count() == 1


# --- the named person -------------------------------------------------------------------------------


@pytest.fixture
def review(adult, photo, lead) -> Review:
    ended(adult, lead)
    retaining.go_round(now=on(2034))
    return Review.objects.get()


def test_kept_longer_with_a_reason_it_comes_again_on_its_day(review, lead):
    for given, field in (({"until": on(2034).date()}, "until"), ({"reason": " "}, "reason")):
        with pytest.raises(DoesNotFit) as refused:
            retaining.keep_longer(
                review,
                **{"until": date(2036, 1, 1), "reason": "A study goes on"} | given,
                by=lead,
                now=on(2034),
            )
        assert list(refused.value.fields) == [field]
    retaining.keep_longer(
        review, until=date(2036, 1, 1), reason="A study goes on", by=lead, now=on(2034)
    )
    review.refresh_from_db()
    assert (review.state, review.settled_by) == ("kept", lead)
    assert retaining.go_round(now=on(2035, 12, 31)) == 0
    assert retaining.go_round(now=on(2036, 1, 1)) == 1
    with pytest.raises(NotDue):
        retaining.keep_longer(review, until=date(2040, 1, 1), reason="Again", by=lead, now=on(2036))


def test_destroyed_by_a_named_approver_with_a_certificate(review, adult, photo, lead, home):
    job = retaining.destroy(review, by=lead, now=on(2034, 12, 1))
    review.refresh_from_db()
    photo.refresh_from_db()
    adult.refresh_from_db()
    assert (review.state, review.settled_by, review.job) == ("destroyed", lead, job)
    assert (photo.state, adult.name, adult.erased_at) == ("erased", "Erased", on(2034, 12, 1))
    assert home.files() == {}
    said = certificates.certificate_of(job).as_json()
    assert (said["basis"], said["source"]) == ("retention", "NHS-RM")
    assert said["approved_by"] == lead.name
    assert said["because"].startswith("The record of an adult")
    assert "retention.destroyed" in LedgerEntry.objects.values_list("kind", flat=True)
    assert retaining.go_round(now=on(2050)) == 0


def test_what_was_used_again_or_is_held_by_then_is_not_destroyed(review, adult, photo, gp, lead):
    hold = holding.place(
        adult, kind="claim", reason="A claim", reference="C 1", by=lead, now=on(2034)
    )
    with pytest.raises(NotDue):
        retaining.destroy(review, by=lead, now=on(2034))
    holding.lift(hold, because="Settled", by=lead, now=on(2034))
    opening.open_photo(photo, by=gp, now=on(2034))
    with pytest.raises(NotDue):
        retaining.destroy(review, by=lead, now=on(2034))
    photo.refresh_from_db()
    assert photo.state == "kept"


def test_only_governance_decides_and_says_what_the_record_is(review, adult, gp, lead, stranger):
    for by in (gp, stranger):
        with pytest.raises(NotAllowed):
            retaining.destroy(review, by=by, now=on(2034))
        with pytest.raises(NotAllowed):
            retaining.keep_longer(review, until=date(2040, 1, 1), reason="x", by=by, now=on(2034))
        with pytest.raises(NotAllowed):
            ended(adult, by)
    for given in ({"kind": "gossip"}, {"day": date(2030, 1, 1)}, {"day": date(1950, 1, 1)}):
        with pytest.raises(DoesNotFit):
            ended(adult, lead, **given)


def test_a_patient_erased_meanwhile_leaves_the_list(review, adult, lead):
    order = destroying.Order(EraseJob.Basis.ERASURE, "Asked for it", lead)
    destroying.erase_patient(adult, order=order, now=on(2034))
    retaining.go_round(now=on(2034))
    review.refresh_from_db()
    assert review.state == "lapsed"


# --- what the consent promised ----------------------------------------------------------------------


@pytest.fixture
def promised(adult, gp, photo) -> Release:
    Consent.objects.update(expires_on=date(2027, 3, 31))
    return copy_of(photo, gp)


def test_a_copy_ends_on_the_day_that_was_promised_whatever_the_record_does(promised, photo, home):
    assert retaining.expire_promised(now=on(2027, 3, 31)) == []
    (job,) = retaining.expire_promised(now=on(2027, 4, 1))
    promised.refresh_from_db()
    photo.refresh_from_db()
    assert (photo.state, promised.state, Copy.objects.get().state) == (
        "kept",
        "withdrawn",
        "erased",
    )
    assert stores.keys().is_erased(promised.copy_id)
    assert Recall.objects.get().what == "Tuesday teaching"
    said = certificates.certificate_of(job).as_json()
    assert (said["basis"], said["source"]) == ("promise", "the consent")
    assert said["approved_by"].startswith("the patient")
    assert retaining.expire_promised(now=on(2027, 4, 2)) == []


def test_a_later_promise_or_none_keeps_the_copy(promised, adult, gp):
    agree(adult, gp, *ALL)
    assert retaining.expire_promised(now=on(2030)) == []
    Consent.objects.filter(expires_on=None).update(expires_on=date(2031, 1, 1))
    assert retaining.expire_promised(now=on(2030)) == []
    assert len(retaining.expire_promised(now=on(2031))) == 1


def test_a_held_copy_is_closed_on_its_day_and_goes_when_the_hold_does(promised, adult, lead):
    hold = holding.place(adult, kind="claim", reason="A claim", reference="C 1", by=lead, now=NOW)
    (job,) = retaining.expire_promised(now=on(2027, 4, 1))
    copy = Copy.objects.get()
    assert (job.held, copy.state, stores.keys().is_erased(copy.pk)) == (True, "closed", False)
    with pytest.raises(opening.PictureClosed):
        release.open_copy(promised, by=promised.requested_by, now=on(2027, 4, 1))
    holding.lift(hold, because="Settled", by=lead, now=on(2028))
    copy.refresh_from_db()
    assert copy.state == "erased"


def test_what_the_law_demanded_has_no_such_day(promised):
    Release.objects.update(purpose="legal")
    assert retaining.expire_promised(now=on(2030)) == []


def test_a_picture_made_to_teach_is_listed_when_its_promise_is_over(adult, gp, lead, photo):
    Photo.objects.update(made_for="teaching-local")
    Consent.objects.update(expires_on=date(2027, 3, 31))
    other = without_consent(adult, gp)
    assert retaining.go_round(now=on(2027, 3, 30)) == 0
    assert retaining.go_round(now=on(2027, 4, 1)) == 1
    review = Review.objects.get()
    assert (review.photo, "consent promised" in review.because) == (photo, True)
    retaining.destroy(review, by=lead, now=on(2027, 4, 2))
    photo.refresh_from_db()
    other.refresh_from_db()
    assert (photo.state, other.state) == ("erased", "kept")


def test_one_that_went_meanwhile_is_not_destroyed_twice(adult, gp, lead, photo):
    Photo.objects.update(made_for="teaching-local")
    Consent.objects.update(expires_on=date(2027, 3, 31))
    retaining.go_round(now=on(2027, 4, 1))
    Photo.objects.update(state="erased")
    with pytest.raises(NotDue):
        retaining.destroy(Review.objects.get(), by=lead, now=on(2027, 4, 2))
