"""A practice that nobody works in and patients whom nobody knows, for the demo.

Everything goes through the flows that people use, in the order in which it would have happened:
what the demo shows is what the software did, not rows that were put there.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.utils import timezone

from safelight import policy, vault
from safelight.flows import assessing, capture, consent, disclosures, patients, rules, sheets
from safelight.flows import made_up_since as since
from safelight.flows import staff as accounts
from safelight.policy.roles import Role
from safelight.records.models import (
    Assessment,
    Consent,
    Consultation,
    Patient,
    Practice,
    Representative,
    Staff,
)
from safelight.terms import Purpose

Draw = Callable[[str], bytes]
"""Returns the made-up picture of that name as JPEG."""

OPENED = timedelta(days=3400)
"""How long ago the made-up practice opened: before its first made-up visit, and so long that what
was kept from then is due."""

PRACTICE = "Lantern Lane Surgery"
ADMINISTRATOR = ("Samira Boone", "admin@lantern.example")
STAFF: tuple[tuple[str, str, Role], ...] = (
    ("Dr Ines Valdarno", "gp@lantern.example", Role.GP),
    ("Dr Callum Reyes", "second-gp@lantern.example", Role.GP),
    ("Tomasz Wilk", "nurse@lantern.example", Role.NURSE),
    ("Priya Anand", "governance@lantern.example", Role.IG_LEAD),
)


@dataclass(frozen=True, slots=True)
class Visit:
    """One conversation, and the pictures taken after it."""

    days_ago: int
    site: str
    pictures: tuple[str, ...]
    agreed: tuple[Purpose, ...]
    nothing_else: bool = False


@dataclass(frozen=True, slots=True)
class Death:
    """When somebody died, what is known of their wishes, and who of the family was asked."""

    days_ago: int
    wishes: dict[str, str]
    asked: tuple[str, str, str]
    """Name, relation and words."""


@dataclass(frozen=True, slots=True)
class Person:
    """A made-up patient."""

    name: str
    born_years_ago: int
    born: tuple[int, int]
    nhs_number: str
    visits: tuple[Visit, ...]
    decides: tuple[str, str, str, str] | None = None
    """Name, relation, authority and proof of the person who decides."""
    assessed: tuple[str, str, str] | None = None
    """Kind, outcome and what was done to help, of the assessment before the first visit."""
    died: Death | None = None
    sixteen_days_ago: int | None = None
    """Turned 16 so long ago: then the year and day of birth follow from it."""
    language: str = "en"


_CARE, _ADVICE, _TEACH = Purpose.CARE, Purpose.SECOND_OPINION, Purpose.TEACHING_LOCAL

PEOPLE: tuple[Person, ...] = (
    Person(
        "Edith Marlowe",
        71,
        (3, 14),
        "9990000107",
        (
            Visit(56, "Left lower leg", ("ulcer, first visit",), (_CARE, _ADVICE)),
            Visit(28, "Left lower leg", ("ulcer, second visit",), (_CARE, _ADVICE, _TEACH)),
            Visit(
                1,
                "Left forearm",
                ("forearm with wristband", "wound with a face"),
                (_CARE, _ADVICE, _TEACH),
            ),
        ),
    ),
    Person(
        "Theo Lindqvist",
        10,
        (1, 11),
        "9990000204",
        (Visit(6, "Right upper arm", ("rash of a child",), (_CARE, _ADVICE)),),
        decides=(
            "Karin Lindqvist",
            "mother",
            "parental-responsibility",
            "birth certificate seen",
        ),
        assessed=("gillick", "not-competent", "Explained with drawings, mother beside him"),
    ),
    Person(
        "Amara Devine",
        15,
        (2, 2),
        "9990000301",
        (Visit(12, "Upper back", ("rash on brown skin",), (_CARE,), nothing_else=True),),
        assessed=("gillick", "competent", "Seen alone first, then asked to say it back"),
        language="cy",
    ),
    Person(
        "Walter Pym",
        83,
        (10, 19),
        "9990000409",
        (Visit(3, "Right foot", ("ulcer on dark skin",), (_CARE, _ADVICE)),),
        decides=(
            "Joan Pym",
            "daughter",
            "lpa-health",
            "registered lasting power of attorney seen",
        ),
        assessed=("capacity", "lacks", "Twice, in the morning, with his hearing aids"),
    ),
    Person(
        "George Tallis",
        78,
        (5, 30),
        "9990000506",
        (Visit(200, "Right shoulder", ("plain skin",), (_CARE, _TEACH)),),
        died=Death(
            40,
            {"teaching-local": "yes"},
            ("Robin Tallis", "son", "He would have liked to help others learn"),
        ),
    ),
    Person(
        "Megan Ashdown",
        16,
        (1, 1),
        "9990000603",
        (Visit(150, "Left hand", ("plain skin",), (_CARE, _TEACH)),),
        decides=(
            "Huw Ashdown",
            "father",
            "parental-responsibility",
            "birth certificate seen",
        ),
        assessed=("gillick", "not-competent", "Talked it through twice, with her father there"),
        sixteen_days_ago=90,
    ),
    Person(
        since.RUTH,
        58,
        (8, 21),
        "9990000700",
        (
            Visit(40, since.KNEE, ("plain skin",), (_CARE, _ADVICE, _TEACH)),
            Visit(39, since.NECK, ("plain skin",), (_CARE,)),
        ),
    ),
    Person(
        since.IVO,
        47,
        (4, 9),
        "9990000808",
        (Visit(70, since.HAND, ("plain skin",), (_CARE, _TEACH)),),
    ),
    Person(
        since.CLARA,
        36,
        (9, 5),
        "9990001006",
        (Visit(25, since.BACK, ("plain skin",), (_CARE, Purpose.TEACHING_WIDE)),),
    ),
    Person(
        since.HAROLD,
        64,
        (12, 2),
        "9990000905",
        (Visit(3390, since.CHEST, ("plain skin",), (_CARE,)),),
    ),
)


DISTRICTS, LIST_SIZE = ("E07000189",), 9400
"""Where a made-up practice's patients might live: South Somerset."""


def open_practice(*, now: datetime) -> Practice:
    """Open the practice, long ago; nobody has a password, the demo signs people in."""
    at = now - OPENED
    name, email = ADMINISTRATOR
    opened = accounts.open_practice(name=PRACTICE, administrator=name, email=email, now=at)
    for each_name, each_email, role in STAFF:
        accounts.add_staff(
            name=each_name,
            email=each_email,
            role=role,
            link_for=None,
            by=opened.administrator,
            now=at,
        )
    lead = _first(opened.practice, Role.IG_LEAD)
    disclosures.set_catchment(places=DISTRICTS, list_size=LIST_SIZE, by=lead, now=at)
    rules.add_rule(
        text="No picture from here goes into advertising",
        requires="never",
        purposes=[Purpose.MARKETING.value],
        audiences=[],
        by=lead,
        now=at,
    )
    return opened.practice


def add_people(practice: Practice, *, now: datetime) -> None:
    """Add the patients and those who decide for them."""
    gp, at = _first(practice, Role.GP), now - OPENED
    for person in PEOPLE:
        born = _born(person, now=now)
        patient = patients.add_patient(
            name=person.name, born_on=born, nhs_number=person.nhs_number, by=gp, now=at
        )
        if person.decides:
            name, relation, authority, evidence = person.decides
            patients.add_representative(
                patient,
                name=name,
                relation=relation,
                authority=authority,
                evidence=evidence,
                expires_on=None,
                by=gp,
                now=at,
            )


def _born(person: Person, *, now: datetime) -> date:
    if person.sixteen_days_ago is not None:
        day = timezone.localdate(now) - timedelta(days=person.sixteen_days_ago)
        return date(day.year - 16, day.month, min(day.day, 28))
    born = date(now.year - person.born_years_ago, *person.born)
    return born if (now.month, now.day) >= person.born else born.replace(year=born.year - 1)


def live_through(practice: Practice, *, draw: Draw, now: datetime) -> None:
    """Have every conversation, take every picture, oldest first, and do what came of them."""
    gp, nurse = _first(practice, Role.GP), _first(practice, Role.NURSE)
    known = {patient.name: patient for patient in Patient.objects.filter(practice=practice)}
    events: list[tuple[int, Person | since.Act, Visit | None]] = [
        (visit.days_ago, person, visit) for person in PEOPLE for visit in person.visits
    ]
    events += [(p.died.days_ago, p, None) for p in PEOPLE if p.died is not None]
    events += [(days_ago, act, None) for days_ago, act in since.acts(practice)]
    assessed: set[str] = set()
    for number, (days_ago, person, visit) in enumerate(sorted(events, key=lambda e: -e[0])):
        at = _hour(now - timedelta(days=days_ago), number)
        if not isinstance(person, Person):
            person(at)
            continue
        patient = known[person.name]
        if visit is None:
            assert person.died is not None
            _die(patient, person.died, by=gp, at=at)
            continue
        if person.assessed and person.name not in assessed:
            assessed.add(person.name)
            _assess(patient, person.assessed, by=gp, at=at)
        by = nurse if number % 3 == 2 else gp
        _visit(patient, person, visit, draw=draw, by=by, at=at + timedelta(minutes=5))


def _die(patient: Patient, death: Death, *, by: Staff, at: datetime) -> None:
    patients.record_death(
        patient,
        died_on=timezone.localdate(at),
        known_wishes=death.wishes,
        genetic_or_third_party=False,
        by=by,
        now=at,
    )
    name, relation, words = death.asked
    patients.record_consultation(
        patient,
        name=name,
        who=Consultation.Who.FAMILY.value,
        relation=relation,
        purposes=[Purpose.TEACHING_LOCAL.value, Purpose.RESEARCH.value],
        answer=Consultation.Answer.AGREES.value,
        words=words,
        asked_on=timezone.localdate(at),
        by=by,
        now=at,
    )


def _visit(
    patient: Patient, person: Person, visit: Visit, *, draw: Draw, by: Staff, at: datetime
) -> None:
    agreed = _converse(patient, person, visit, by=by, at=at)
    for number, name in enumerate(visit.pictures):
        made = _take(
            patient,
            agreed,
            draw(name),
            site=visit.site,
            by=by,
            at=at + timedelta(minutes=2 + number),
        )
        if isinstance(made, policy.Hold | policy.Refusal):
            raise RuntimeError(
                f"the demo's own picture was refused: {[b.rule for b in made.because]}"
            )


def _converse(
    patient: Patient, person: Person, visit: Visit, *, by: Staff, at: datetime
) -> Consent:
    decider = patient.representatives.first() if person.decides else None
    words = sheets.conversation(
        patient,
        body_site=visit.site,
        language=person.language,
        reader=_reader(patient, decider, at=at),
        now=at,
    )
    answer, _ = consent.record_consent(
        patient,
        purposes=visit.agreed,
        refused=[each.purpose for each in words.purposes if each.purpose not in visit.agreed],
        told=[each.key for each in words.told],
        not_told={},
        nothing_else=visit.nothing_else,
        form=Consent.Form.ORAL,
        statement="Said yes after reading the sheet together.",
        signature=None,
        given_by=decider.authority if decider else "patient",
        representative=decider,
        body_site=visit.site,
        wording=words.digest,
        by=by,
        now=at,
    )
    return answer


def _reader(patient: Patient, decider: Representative | None, *, at: datetime) -> str:
    """Return whom the sheet speaks to on that day."""
    if decider is not None:
        return sheets.REPRESENTATIVE
    young = patients.is_child(patient, on=timezone.localdate(at))
    return sheets.YOUNG if young else sheets.PATIENT


def _take(
    patient: Patient, agreed: Consent, jpeg: bytes, *, site: str, by: Staff, at: datetime
) -> Any:
    """Seal the picture as a phone does, and hand it in as a phone would."""
    offered = capture.offer(patient, body_site=site, made_for=Purpose.CARE, by=by, now=at)
    if not isinstance(offered, capture.CaptureOffer):
        return offered
    capture_id, data_key, ingest = uuid.uuid4(), vault.new_key(), offered.ingest[0]
    bound = vault.context("safelight-blob-v1", offered.tenant, capture_id, "original")
    blob = vault.seal(data_key, jpeg, context=bound)
    envelope = vault.close_envelope(
        ingest.public,
        data_key,
        capture_id=capture_id,
        sha256=hashlib.sha256(blob).hexdigest(),
        suite=ingest.suite,
    )
    return capture.receive(
        json.dumps(envelope.as_json()),
        blob,
        patient=patient,
        consent=agreed,
        body_site=site,
        made_for=Purpose.CARE,
        taken_at=at,
        by=by,
        now=at,
    )


def _assess(patient: Patient, said: tuple[str, str, str], *, by: Staff, at: datetime) -> None:
    kind, outcome, support = said
    assessing.record_assessment(
        patient,
        kind=kind,
        outcome=outcome,
        about=[each.value for each in Assessment.About],
        decision="a picture for care, and what it may be used for",
        support=support,
        parents=Assessment.Parents.YES.value if kind == Assessment.Kind.GILLICK else "",
        assessed_on=timezone.localdate(at),
        by=by,
        now=at,
    )


def _hour(day: datetime, number: int) -> datetime:
    """Return a time in the morning clinic of that day."""
    clinic = datetime.combine(timezone.localdate(day), time(9, 0), timezone.get_current_timezone())
    return clinic + timedelta(minutes=20 * (number % 6))


def _first(practice: Practice, role: Role) -> Staff:
    return practice.staff.filter(role=role).order_by("email")[0]
