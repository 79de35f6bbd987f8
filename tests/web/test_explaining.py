"""Each need that the policy can name leads to a page, or to honest words why nothing lifts it."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from django.urls import resolve

from factories import NOW, patient, representative, staff
from safelight import policy
from safelight.policy import engine, requirements
from safelight.policy.answers import Because, Need, PackName
from safelight.policy.roles import Action, Role, may
from safelight.records.models import Matter, Patient, Photo, Release
from safelight.terms import Audience, Purpose
from safelight.web import explaining

ID = UUID("00000000-0000-4000-8000-000000000000")
PATIENT = Patient(pk=ID, name="Adult Made-Up", born_on=date(1955, 3, 14))
PHOTO = Photo(pk=ID, body_site="Left lower leg")
WAITING = Release(pk=ID, state=Release.State.WAITING)
pytestmark = pytest.mark.django_db

WORDS_ALONE = {
    "patient.objects_now": "the patient says no today: nobody is to press for a yes",
    "objections": "the no is the patient's to undo",
    "consents[].withdrawn_on": "as an objection",
    "device.registered": "Safelight registers no devices yet, and says nothing of one",
    "device.allowed_classes": "as above",
}
"""Needs that no page lifts, each with the reason; on the page words say so."""
NOT_SAID = {"action", "at", "purpose", "somewhere.new"}
"""Facts that Safelight itself says; where one is missing, words say whom to tell."""


PATIENTS = (
    {"born": "1970-01-01"},
    {"born": "1970-01-01", "capacity": "lacks"},
    {"born": "1970-01-01", "capacity": "lost-for-now"},
    {"born": "1930-01-01", "died": "2026-01-01"},
    {"born": "2018-01-01"},
    {},
)
ASKED = [
    {
        "action": action,
        "purpose": purpose.value,
        "audience": audience.value,
        "at": "2026-11-22",
        "patient": who,
        "recording": {"type": "ultrasound", "intimate": True, "covert": covert},
        "device": {"registered": False, "personal": True, "allowed_classes": []},
    }
    for action, covert in (("make", True), ("make", False), ("use", False), ("disclose", False))
    for purpose in Purpose
    for audience in Audience
    for who in PATIENTS
]


def needs() -> set[str]:
    """Return every field that a requirement can name: its second argument, as it is written."""
    found = set()
    for module in pkgutil.iter_modules(requirements.__path__):
        source = Path(requirements.__path__[0], f"{module.name}.py").read_text()
        for call in ast.walk(ast.parse(source)):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in {"refuse", "hold"}:
                named = call.args[1] if len(call.args) > 1 else None
                if isinstance(named, ast.Constant):
                    found.add(named.value)
                elif isinstance(named, ast.JoinedStr):
                    text = ast.unparse(named)[2:-1].replace("{case.purpose}", "research")
                    found.add(re.sub(r"{[^}]+}", "necessary", text))
    return found


def way_for(
    field: str, value: object = True, rule: str = "r", purpose: Purpose = Purpose.RESEARCH
) -> explaining.Way:
    because = Because(rule, "why", "practice", Need(field, value), "refuse")
    decision = policy.Refusal((because,), PackName("england", "0"))
    (way,) = explaining.ways(decision, PATIENT, purpose=purpose, photo=PHOTO, release=WAITING)
    return way


def test_the_walk_finds_what_the_engine_is_known_to_name():
    found = needs()
    assert len(found) > 35
    assert {"consents", "tests.necessary", "patient.known_wishes.research"} <= found
    assert not any("{" in each for each in found)


NEVER_ASKED = {"authority.legal_basis", "authority.reference"}
"""Outside research and the law only a covert picture rests on these, and Safelight makes none."""


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("field", sorted(needs() | {"audience", "recording.identifiable"}))
def test_each_need_leads_to_a_page_or_to_words(field, purpose):
    way = way_for(field, purpose=purpose)
    assert way.title
    assert way.text
    has_page = field not in WORDS_ALONE and (
        field not in NEVER_ASKED or purpose in {Purpose.RESEARCH, Purpose.LEGAL}
    )
    assert (way.href != "") == has_page
    if way.href:
        assert resolve(re.split(r"[?#]", way.href)[0]).url_name
        assert not way.needs or any(may(role, Action(way.needs)) for role in Role)
    else:
        assert any(
            honest in f"{way.title} {way.text}"
            for honest in ("Nothing on this page", "Don’t ask again", "another day")
        )


def test_only_a_covert_picture_rests_on_what_no_page_asks_for():
    for pack in (policy.load_pack(name) for name in ("england", "scotland")):
        for rule in pack.rules:
            named = {name.partition(":")[0] for name in rule.requires}
            if named & {"legal-basis", "authority-referenced"}:
                uses = rule.when.get("purpose", frozenset())
                is_covert = rule.when.get("covert") == {"yes"}
                assert is_covert or uses <= {"research", "legal"}, rule.id


def test_each_need_of_each_pack_is_among_those_that_were_walked():
    """What a decision really names, for every purpose, audience and standing of both packs."""
    walked = needs() | {"audience", "recording.identifiable"}
    for name in ("england", "scotland"):
        pack = policy.load_pack(name)
        for facts in ASKED:
            for because in policy.decide(facts, pack=pack).because:
                if because.needs is not None:
                    field = re.sub(r"(tests|known_wishes)\.[\w-]+", "\\1.*", because.needs.field)
                    known = {
                        re.sub(r"(tests|known_wishes)\.[\w-]+", "\\1.*", each) for each in walked
                    }
                    assert field in known, because


def test_every_need_of_the_engine_itself_is_known():
    """What `engine` names: an audience, a look, and what wasn't said or isn't known."""
    named = {
        ast.unparse(call.args[0])
        for call in ast.walk(ast.parse(inspect.getsource(engine)))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Need"
    }
    assert named == {"'recording.identifiable'", "'audience'", "path", "name"}
    for field in NOT_SAID:
        way = way_for(field)
        assert way.href == ""
        assert "runs Safelight" in way.text


def test_a_known_no_is_not_asked_about_again():
    for rule in ("dead-wish-no", "known-wish-no"):
        way = way_for("patient.known_wishes.teaching-local", "yes", rule)
        assert (way.href, "Nobody can lift it" in way.text) == ("", True)


def test_research_leads_to_the_page_on_what_it_rests():
    for field in ("authority.legal_basis", "authority.reference", "project.reference"):
        assert way_for(field, "s251").href == f"/pictures/{ID}/research/"
    because = Because("r", "why", "practice", Need("authority.legal_basis", "x"), "refuse")
    decision = policy.Refusal((because,), PackName("england", "0"))
    (making,) = explaining.ways(decision, PATIENT, purpose=Purpose.RESEARCH)
    assert making.href == f"/patients/{ID}/research/"
    (covert,) = explaining.ways(decision, PATIENT, purpose=Purpose.CARE)
    assert (covert.href, covert.title) == ("", "Only the law opens this")


def test_courts_and_complaints_lead_governance_to_the_page_that_writes_them_down():
    for field, purpose in (
        ("authority.legal_basis", Purpose.LEGAL),
        ("complaint.relevant", Purpose.COMPLAINT),
    ):
        way = way_for(field, purpose=purpose)
        assert (way.href, way.needs) == (f"/patients/{ID}/matters/new/", "govern")
        assert "The governance lead writes it down." in way.text
        because = Because("r", "why", "practice", Need(field, True), "refuse")
        decision = policy.Refusal((because,), PackName("england", "0"))
        of, lead = patient(), staff(Role.IG_LEAD)
        known = explaining.explained(
            decision, of, reader=lead, purpose=purpose, matter=Matter(pk=ID), now=NOW
        )
        assert [each.href for each in known["ways"]] == [f"/matters/{ID}/"]


def test_what_is_never_permitted_is_said_so():
    never = Because("intimate-child-secondary", "Never", "practice", None, "refuse")
    decision = policy.Refusal((never,), PackName("england", "0"))
    (way,) = explaining.ways(decision, PATIENT)
    assert (way.href, way.title) == ("", "This stays closed")


def test_one_step_is_shown_once_and_what_permits_needs_none():
    both = tuple(
        Because("r", field, "practice", Need(field, True), "hold")
        for field in ("patient.gillick", "patient.assessed_on")
    )
    decision = policy.Hold(both, PackName("england", "0"))
    assert len(explaining.ways(decision, PATIENT)) == 1
    fine = policy.Permit((Because("use-for-care", "Care", "practice"),), PackName("england", "0"))
    assert explaining.ways(fine, PATIENT) == ()


@pytest.mark.parametrize(
    ("field", "without"),
    [
        ("recording.identifiable", ""),
        ("release.target", ""),
        ("tests.necessary", ""),
        ("consents", f"/patients/{ID}/picture/"),
        ("organisation_agrees", ""),
    ],
)
def test_where_there_is_no_picture_and_no_copy_the_way_is_shorter(field, without):
    because = Because("r", "why", "practice", Need(field, True), "refuse")
    decision = policy.Refusal((because,), PackName("england", "0"))
    (way,) = explaining.ways(decision, PATIENT)
    assert way.href == without


def test_who_has_lapsed_is_named_where_that_is_what_blocks():
    of = patient()
    representative(of, name="Niece", expires_on=date(2026, 5, 3))
    representative(of, name="Nephew")
    for field, count in (("consents[].expires_on", 1), ("consents[].form", 0)):
        because = Because("r", "why", "practice", Need(field, None), "refuse")
        decision = policy.Refusal((because,), PackName("england", "0"))
        shown = explaining.explained(decision, of, reader=staff(), now=NOW)
        notes = [each for each in shown["words"] if "Niece" in each.title]
        assert len(notes) == count
        assert all(": 3 May 2026" in each.text for each in notes)
