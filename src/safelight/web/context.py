"""What every template knows: who is there, where one can go, which practice this is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from safelight import policy
from safelight.flows.in_force import pack_of
from safelight.flows.release import waiting_for
from safelight.policy.roles import Action, may
from safelight.records.models import Staff


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation."""

    name: str
    url: str
    is_here: bool
    count: int = 0


PLACES: tuple[tuple[str, str, Action, tuple[str, ...]], ...] = (
    (
        "Patients",
        "today",
        Action.SEE_PATIENTS,
        (
            "today",
            "patient",
            "patient-new",
            "patient-correct",
            "patient-deciders",
            "representative-new",
            "assessment-new",
            "patient-death",
            "consultation-new",
            "picture-new",
            "consent",
            "consent-record",
            "consent-receipt",
            "capture",
            "capture-prepare",
            "said-no",
            "picture",
            "picture-why",
            "compare",
            "withdraw",
            "withdraw-consent",
            "withdraw-picture",
            "withdrawal",
            "say-no",
            "choice",
            "to-ask",
            "posts",
            "study",
            "study-making",
            "weighing",
            "weighing-making",
            "erase-picture",
            "erase-consent",
            "erase-patient",
        ),
    ),
    ("Opinions", "opinions", Action.ASK_COLLEAGUE, ("opinions", "ask", "opinion")),
    (
        "Release desk",
        "releases",
        Action.SEE_PICTURES,
        (
            "releases",
            "release",
            "release-prepare",
            "release-approve",
            "release-refuse",
            "release-shown",
            "release-organisation",
            "copy",
            "copy-new",
        ),
    ),
    (
        "Governance",
        "governance",
        Action.GOVERN,
        (
            "governance",
            "governance-keys",
            "rules",
            "rules-version",
            "rules-bring",
            "rule-new",
            "governance-aside",
            "exposure-alarms",
            "our-patients",
            "matters",
            "matter",
            "matter-new",
            "exhibit",
            "recalls",
            "recall",
            "holds",
            "hold",
            "hold-new",
            "certificates",
            "certificate",
            "retention",
            "review",
            "care-record",
        ),
    ),
    ("Staff", "staff", Action.MANAGE_STAFF, ("staff", "staff-new", "staff-member")),
)
"""Label, URL name, the action it needs, and the URL names of the pages that lie under it."""


def house(request: HttpRequest) -> dict[str, Any]:
    """Return the practice, the policy pack, the places of the navigation and the mode."""
    staff: Any = getattr(request, "user", None)
    signed_in = staff is not None and staff.is_authenticated
    return {
        "practice": staff.practice if signed_in else None,
        "pack_id": SimpleLazyObject(lambda: _pack_id(staff.practice)) if signed_in else "",
        "patient_number": SimpleLazyObject(lambda: _number(staff.practice)) if signed_in else "",
        "places": SimpleLazyObject(lambda: _places(request, staff)) if signed_in else (),
        "is_demo": settings.SAFELIGHT_MODE == "demo",
        "personas": _personas if settings.SAFELIGHT_MODE == "demo" else (),
        "idle_seconds": settings.SAFELIGHT_IDLE_SECONDS,
    }


def _personas() -> object:
    from safelight.web.views import demo

    return demo.personas()


def _places(request: HttpRequest, staff: Any) -> tuple[Place, ...]:
    match = request.resolver_match
    here = match.url_name if match else None
    found = []
    for name, url_name, action, under in PLACES:
        if not may(staff.role, action):
            continue
        try:
            url = reverse(url_name)
        except NoReverseMatch:
            continue
        waiting = _waiting(staff) if url_name == "releases" else 0
        found.append(Place(name, url, here in under, waiting))
    return tuple(found)


def _waiting(staff: Staff) -> int:
    """Count the copies that wait for this person: asked for and made by others."""
    return waiting_for(staff).count()


def _number(practice: Any) -> str:
    """Return what the rules call a patient's number; where none are usable, a plain word."""
    try:
        return pack_of(practice, now=timezone.now()).terms.patient_number
    except policy.PackRefused:
        return "number"


def _pack_id(practice: Any) -> str:
    try:
        return pack_of(practice, now=timezone.now()).id
    except policy.PackRefused:
        return "no usable rules"
