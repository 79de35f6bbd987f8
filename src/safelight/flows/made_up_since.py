"""What came after the made-up visits: a copy left, a mind was changed, a claim came, a period ended.

So that whoever tries the demo finds each page of it with something to look at. Like the visits,
all of it goes through the flows that people use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.utils import timezone

from safelight.flows import disclosures, holding, matters, release, retaining, withdraw
from safelight.flows.copies import TICKS, Wishes
from safelight.policy.roles import Role
from safelight.records.models import (
    Channel,
    Copy,
    LegalHold,
    Patient,
    Photo,
    Practice,
    Release,
    Staff,
)
from safelight.terms import Audience, Purpose

RUTH, IVO, HAROLD, CLARA = "Ruth Calloway", "Ivo Brandt", "Harold Ivory", "Clara Osei"
KNEE, NECK, HAND, CHEST, BACK = "Right knee", "Neck", "Left hand", "Chest", "Lower back"
TARGET, COURSE, GROUP = (
    "Autumn teaching morning",
    "Winter teaching day",
    "Skin clinics of the county",
)
SOMERSET = {"level": "lad", "code": "E07000189"}
A_WOMAN: Mapping[str, Any] = {"sex": "F"}
THIRTIES: Mapping[str, Any] = {"sex": "F", "age": {"band": [30, 39]}}
FORTIES: Mapping[str, Any] = {"sex": "M", "age": {"band": [40, 49]}}
FALCONS: Mapping[str, Any] = {
    "sex": "M",
    "place": SOMERSET,
    "age": {"years": 47},
    "unmapped": ["flies falcons at the county fair"],
}

Act = Callable[[datetime], object]


@dataclass(frozen=True, slots=True)
class People:
    """Who does what."""

    gp: Staff
    lead: Staff


def acts(practice: Practice) -> list[tuple[int, Act]]:
    """Return what happened after the visits, each with how many days ago."""
    staff = practice.staff.order_by("email")
    people = People(staff.filter(role=Role.GP)[0], staff.filter(role=Role.IG_LEAD)[0])
    known = {each.name: each for each in Patient.objects.filter(practice=practice)}
    ruth, ivo, harold, clara = (known[name] for name in (RUTH, IVO, HAROLD, CLARA))
    return [
        (60, partial(_let_leave, ivo, people, target=COURSE, discloses=FORTIES)),
        (35, partial(_let_leave, ruth, people, target=TARGET, discloses=A_WOMAN)),
        (30, partial(_end_record, harold, people)),
        (20, partial(_hold, ruth, people)),
        (9, partial(_take_back, ruth, people, site=KNEE, channel=Channel.PHONE)),
        (8, partial(_take_back, ruth, people, site=NECK, channel=Channel.LETTER)),
        (
            6,
            partial(
                _find_post, ivo, people, facts=FALCONS, audience="public", name="County Fair News"
            ),
        ),
        (5, partial(_find_post, clara, people, facts=THIRTIES, audience="group:" + GROUP, name="")),
        (3, partial(_ask_for_court, clara, people)),
        (2, partial(_ask_for_group, clara, people)),
    ]


def _let_leave(
    of: Patient, people: People, now: datetime, *, target: str, discloses: Mapping[str, Any]
) -> None:
    """Ask for a copy, make it, let it leave, and use it once."""
    asked = _asked(
        of,
        people,
        now,
        use=(Purpose.TEACHING_LOCAL, Audience.ORGANISATION),
        target=target,
        discloses=discloses,
    )
    later = now + timedelta(hours=2)
    left = release.approve(asked, note="Nothing in it tells who it is.", by=people.lead, now=later)
    if not isinstance(left, Release):
        raise TypeError(f"the demo's own copy was not let out: {left}")
    release.open_copy(left, by=people.gp, now=later + timedelta(hours=1))


def _ask_for_group(of: Patient, people: People, now: datetime) -> None:
    """Leave a copy for a group outside at the desk, where a second person looks at it."""
    _asked(
        of,
        people,
        now,
        use=(Purpose.TEACHING_WIDE, Audience.CLOSED_GROUP),
        target=GROUP,
        discloses={"sex": "F", "place": SOMERSET},
    )


def _asked(
    of: Patient,
    people: People,
    now: datetime,
    *,
    use: tuple[Purpose, Audience],
    target: str,
    discloses: Mapping[str, Any],
) -> Release:
    purpose, audience = use
    photo = of.photos.filter(state=Photo.State.KEPT).order_by("taken_at")[0]
    asked = release.request_release(
        photo,
        purpose=purpose,
        audience=audience,
        target=target,
        discloses=discloses,
        by=people.gp,
        now=now,
    )
    if not isinstance(asked, Release):
        raise TypeError(f"the demo's own copy was refused: {asked}")
    made = release.prepare_copy(
        asked,
        wishes=Wishes(ticked=frozenset(TICKS)),
        by=people.gp,
        now=now + timedelta(minutes=5),
    )
    if not isinstance(made, Copy):
        raise TypeError(f"the demo's own copy was not made: {made}")
    return asked


def _hold(of: Patient, people: People, now: datetime) -> None:
    holding.place(
        of,
        photo=of.photos.get(body_site=KNEE),
        kind=LegalHold.Kind.CLAIM,
        reason="A claim about the knee operation. The solicitors ask that nothing is destroyed.",
        reference="CL 2041",
        by=people.lead,
        now=now,
    )


def _ask_for_court(of: Patient, people: People, now: datetime) -> None:
    """Write down what a court asks for, and leave the giving to whoever tries it."""
    asked = matters.Asked(
        kind="court-order",
        reference="FC 2026/311",
        asked_by="The family court",
        asked_on=timezone.localdate(now) - timedelta(days=1),
        extent="The first picture in the record, for the hearing next month.",
        size="view",
        is_told=True,
    )
    matter = matters.record(of, asked=asked, by=people.lead, now=now)
    photo = of.photos.filter(state=Photo.State.KEPT).order_by("taken_at")[0]
    needed = matters.Weighed(is_needed=True, why="It is the one that the order names.")
    matters.weigh(matter, said={photo: needed}, by=people.lead, now=now)


def _take_back(of: Patient, people: People, now: datetime, *, site: str, channel: Channel) -> None:
    withdraw.withdraw(
        of.consents.get(body_site=site),
        purposes=[Purpose.CARE],
        channel=channel,
        by=people.gp,
        now=now,
    )


def _find_post(
    of: Patient,
    people: People,
    now: datetime,
    *,
    facts: Mapping[str, Any],
    audience: str,
    name: str,
) -> None:
    """Write down what somebody told elsewhere the day before."""
    disclosures.register_post(
        of,
        facts=facts,
        audience=audience,
        poster={"name": name, "organisation": ""},
        told_on=timezone.localdate(now) - timedelta(days=1),
        is_certain=True,
        by=people.gp,
        now=now,
    )


def _end_record(of: Patient, people: People, now: datetime) -> None:
    retaining.set_record(
        of,
        kind="general",
        ended_on=timezone.localdate(of.photos.earliest("taken_at").taken_at),
        by=people.lead,
        now=now,
    )
