"""The demo's made-up practice: what whoever tries it finds, and that nothing of it was refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from clients import signed_in
from factories import NOW
from safelight.cli import demo_server
from safelight.flows import disclosures, drilling, evidence, made_up, rounds, rules
from safelight.flows import made_up_since as since
from safelight.policy.roles import Role
from safelight.records.models import (
    Assessment,
    Consent,
    Consultation,
    LegalHold,
    Patient,
    Photo,
    Practice,
    Release,
    Representative,
    Staff,
)
from safelight.terms import Purpose

SMALL = (320, 240)
a_worker_runs = pytest.mark.django_db(transaction=True)  # its tasks close connections


@dataclass(frozen=True)
class Demo:
    """The made-up practice with its people, and the pictures that were asked for so far."""

    practice: Practice
    drawn: list[str]

    @property
    def lead(self) -> Staff:
        return self.practice.staff.get(role=Role.IG_LEAD)

    def live_through(self) -> None:
        def draw(name: str) -> bytes:
            self.drawn.append(name)
            return demo_server.draw(name)

        made_up.live_through(self.practice, draw=draw, now=NOW)


@pytest.fixture
def demo(home, monkeypatch: pytest.MonkeyPatch) -> Demo:
    """As the demo's process begins, with pictures that are quick to look through."""
    monkeypatch.setattr(demo_server, "SIDE", SMALL)
    opened = made_up.open_practice(now=NOW)
    made_up.add_people(opened, now=NOW)
    return Demo(opened, [])


def days_before(number: int) -> date:
    return timezone.localdate(NOW - timedelta(days=number))


@a_worker_runs
def test_everybody_is_there_and_each_picture_is_kept_or_ended_as_its_story_says(demo: Demo):
    demo.live_through()
    told = [(each.name, visit) for each in made_up.PEOPLE for visit in each.visits]
    assert Counter(demo.drawn) == Counter(name for _, visit in told for name in visit.pictures)
    stories = Counter(
        (
            name,
            visit.site,
            days_before(visit.days_ago),
            "erased" if visit.site == since.NECK else "kept",
        )
        for name, visit in told
        for _ in visit.pictures
    )
    rounds.go(now=NOW, transport=None)
    assert stories == Counter(
        (each.patient.name, each.body_site, timezone.localdate(each.taken_at), str(each.state))
        for each in Photo.objects.select_related("patient")
    )
    answers = {(name, visit.site, visit.agreed, visit.nothing_else) for name, visit in told}
    assert answers == {
        (each.patient.name, each.body_site, tuple(each.purposes), each.nothing_else)
        for each in Consent.objects.select_related("patient")
    }
    opened = drilling.open_all()
    assert (opened.pictures, opened.failed, opened.erased_that_open) == (13, (), ())
    assert evidence.verify(None).ok


def test_who_decides_who_was_assessed_and_who_died_are_on_record(demo: Demo):
    demo.live_through()
    people = {each.name: each for each in made_up.PEOPLE}
    assert set(Patient.objects.values_list("name", "nhs_number")) == {
        (each.name, each.nhs_number) for each in made_up.PEOPLE
    }
    assert {
        (each.patient.name, each.name, each.relation, each.authority, each.evidence)
        for each in Representative.objects.select_related("patient")
    } == {(name, *each.decides) for name, each in people.items() if each.decides}
    assert {
        (each.patient.name, each.kind, each.outcome, each.support)
        for each in Assessment.objects.select_related("patient")
    } == {(name, *each.assessed) for name, each in people.items() if each.assessed}
    assert {
        each.name: (each.died_on, each.known_wishes)
        for each in Patient.objects.filter(died_on__isnull=False)
    } == {
        name: (days_before(each.died.days_ago), each.died.wishes)
        for name, each in people.items()
        if each.died
    }
    assert {
        (each.patient.name, each.name, each.relation, each.words)
        for each in Consultation.objects.select_related("patient")
    } == {(name, *each.died.asked) for name, each in people.items() if each.died}


WAITING = (
    ("/releases/", "Copies wait for a second person", since.GROUP),
    ("/governance/exposure/", "Copies that are out became too telling", since.COURSE),
    ("/governance/recalls/", "Things have to be asked back", since.TARGET),
    ("/to-ask/", "Patients have to be asked themselves", "Megan Ashdown"),
    ("/governance/matters/", "Courts and complaints ask for pictures", "The family court"),
    ("/governance/retention/", "Periods are over", since.HAROLD),
)


@a_worker_runs
def test_whoever_governs_finds_something_on_each_page_and_a_worker_that_goes_well(demo: Demo):
    demo.live_through()
    assert rounds.go(now=NOW, transport=None).failed == ()
    office = signed_in(demo.lead)
    overview = office.get("/governance/").content.decode()
    for where, title, word in WAITING:
        assert title in overview, where
        assert word in office.get(where).content.decode(), where
    assert "CL 2041" in office.get("/governance/holds/").content.decode()
    assert LegalHold.objects.get(lifted_at__isnull=True).photo.body_site == since.KNEE
    assert Counter(Release.objects.values_list("target", "state")) == Counter(
        [
            (since.GROUP, Release.State.WAITING),
            (since.TARGET, Release.State.WITHDRAWN),
            (since.COURSE, Release.State.RELEASED),
        ]
    )


def demanding(requirement: str, purpose: Purpose) -> Callable[[Demo], None]:
    def tighten(demo: Demo) -> None:
        rules.add_rule(
            text="A rule of the test's own",
            requires=requirement,
            purposes=[purpose.value],
            audiences=[],
            by=demo.lead,
            now=NOW,
        )

    return tighten


def have_few_patients(demo: Demo) -> None:
    disclosures.set_catchment(places=made_up.DISTRICTS, list_size=20, by=demo.lead, now=NOW)


@pytest.mark.parametrize(
    ("tighten", "error", "said"),
    [
        (demanding("never", Purpose.CARE), RuntimeError, "own picture was refused: .'local-"),
        (demanding("never", Purpose.TEACHING_LOCAL), TypeError, "own copy was refused: Refusal"),
        (have_few_patients, TypeError, "own copy was not made: Refusal"),
        (
            demanding("organisation-agrees", Purpose.TEACHING_LOCAL),
            TypeError,
            "own copy was not let out: Hold",
        ),
    ],
    ids=["picture", "request", "copy", "leaving"],
)
def test_what_the_rules_refuse_the_demo_says_and_does_not_pass_over(
    demo: Demo, tighten: Callable[[Demo], None], error: type[Exception], said: str
):
    tighten(demo)
    with pytest.raises(error, match=said):
        demo.live_through()
    assert not Release.objects.filter(state=Release.State.RELEASED).exists()


@pytest.mark.parametrize(
    "now",
    [
        datetime(2028, 2, 29, 12, tzinfo=UTC),
        datetime(2027, 1, 1, 0, 0, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 59, tzinfo=UTC),
    ],
)
def test_everybody_is_as_old_as_told_whichever_day_it_is(home, now: datetime):
    made_up.add_people(made_up.open_practice(now=now), now=now)
    today = timezone.localdate(now)
    ages = {
        each.name: today.year
        - each.born_on.year
        - ((today.month, today.day) < (each.born_on.month, each.born_on.day))
        for each in Patient.objects.all()
    }
    assert ages == {each.name: each.born_years_ago for each in made_up.PEOPLE}
