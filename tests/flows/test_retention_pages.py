"""The pages of what is due: why, since when, keep longer or destroy, by name."""

from __future__ import annotations

import pytest
from django.test import Client

from factories import patient, staff
from flows.conftest import agree, take
from safelight.policy.roles import Role
from safelight.records.models import CareRecord, Photo, Review
from safelight.terms import Purpose


@pytest.fixture
def lead(surgery):
    return staff(Role.IG_LEAD, practice=surgery)


@pytest.fixture
def office(lead) -> Client:
    client = Client()
    client.force_login(lead)
    return client


def text(answer) -> str:
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def day(name: str, *numbers: int) -> dict[str, int]:
    return dict(zip((f"{name}_day", f"{name}_month", f"{name}_year"), numbers, strict=True))


@pytest.fixture
def old(surgery, gp, office):
    """A patient whose record ended long ago, said so by the page."""
    from datetime import timedelta

    from django.utils import timezone

    from safelight.flows import retaining

    one = patient(practice=surgery, born_on=timezone.localdate() - timedelta(days=80 * 365))
    then = timezone.now() - timedelta(days=9 * 366)
    take(one, gp, agree(one, gp, Purpose.CARE, now=then)[0], now=then)
    where = f"/patients/{one.pk}/record/"
    assert "Nothing of it is ever due" in text(office.get(where))
    assert "Choose the kind of record" in text(office.post(where, {"kind": ""}))
    ended = timezone.localdate() - timedelta(days=9 * 366)
    said = {"kind": "general"} | day("ended_on", ended.day, ended.month, ended.year)
    late = said | day("ended_on", 1, 1, 2199)
    assert "last used" in text(office.post(where, late))
    assert "At least until" in text(office.post(where, said, follow=True))
    assert CareRecord.objects.get().kind == "general"
    retaining.go_round(now=timezone.now())
    return one


def test_what_is_due_says_why_and_is_kept_longer_with_a_reason(office, old):
    review = Review.objects.get()
    listed = text(office.get("/governance/retention/"))
    assert "kept for 8 years" in listed
    assert old.name in listed
    assert "Periods are over" in text(office.get("/governance/"))
    where = f"/governance/retention/{review.pk}/"
    page = text(office.get(where))
    for word in ("NHS-RM", "Keep it longer", "Approve and destroy", "Left lower leg"):
        assert word in page
    keep = {"step": "keep", "reason": "A study goes on"} | day("until", 1, 1, 2099)
    assert "Say why" in text(office.post(where, keep | {"reason": ""}))
    assert "Type a later day" in text(office.post(where, keep | day("until", 1, 1, 2001)))
    assert office.post(where, keep)["Location"] == "/governance/retention/"
    listed = text(office.get("/governance/retention/"))
    assert "Kept longer until 1 January 2099" in listed
    assert "A study goes on" in text(office.get(where))
    stale = text(office.post(where, {"step": "destroy"}, follow=True))
    assert "not due any more" in stale


def test_approved_by_name_it_is_destroyed_and_certified(office, old, lead):
    review = Review.objects.get()
    where = f"/governance/retention/{review.pk}/"
    page = text(office.post(where, {"step": "destroy"}, follow=True))
    for word in ("Certificate of destruction", lead.name, "kept for 8 years", "NHS-RM"):
        assert word in page
    assert Photo.objects.get().state == "erased"
    after = text(office.get(where))
    assert "Somebody whose record is gone" in after
    assert "What was destroyed" in after
    assert "Nothing is due" in text(office.get("/governance/retention/"))


def test_one_picture_is_looked_at_alone(office, old):
    photo = Photo.objects.get()
    Review.objects.update(photo=photo)
    page = text(office.get(f"/governance/retention/{Review.objects.get().pk}/"))
    assert "with every copy made of it" in page
