"""What a picture is made for, and why without a consent: said in the address from page to page."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.http import Http404
from django.urls import reverse
from django.utils.text import slugify

from safelight.flows import in_force
from safelight.flows.circumstances import Ground, open_grounds
from safelight.terms import Purpose
from safelight.web.decisions import Way

if TYPE_CHECKING:
    from datetime import datetime

    from safelight.records.models import Patient
    from safelight.web.doors import SignedInRequest

BESIDE_CARE = (
    Purpose.TEACHING_LOCAL,
    Purpose.TEACHING_WIDE,
    Purpose.RESEARCH,
    Purpose.INTEREST,
)
"""What a picture may be made for from the start, where the sheet in force asks about it."""
GROUNDS: dict[Ground, tuple[str, str, str]] = {
    Ground.PROCEDURE: (
        "Record why it may be taken without consent",
        "It is part of a procedure that was consented to.",
        "book",
    ),
    Ground.TREATMENT: (
        "Record why treatment needs it",
        "Nobody who may decide is here, or it is urgent.",
        "book",
    ),
    Ground.POST_MORTEM: (
        "Record that it is part of a post-mortem",
        "To find the cause of death, or agreed to with it.",
        "book",
    ),
}
"""Title, text and icon of the way that each ground opens."""


def asked_for(request: SignedInRequest) -> Purpose:
    """Return what the picture is for: care, unless the address says otherwise."""
    text = request.GET.get("for", Purpose.CARE.value)
    if text not in {Purpose.CARE.value, *BESIDE_CARE}:
        raise Http404
    return Purpose(text)


def asked_because(request: SignedInRequest) -> Ground | None:
    """Return the ground that the address names, if it names one."""
    text = request.GET.get("because")
    if text is None:
        return None
    if text not in set(Ground):
        raise Http404
    return Ground(text)


def query_of(made_for: Purpose, ground: Ground | None = None) -> str:
    """Return what an address carries on; nothing for care with a consent."""
    said = {"for": made_for.value} if made_for is not Purpose.CARE else {}
    said |= {"because": ground.value} if ground else {}
    return f"?{urlencode(said)}" if said else ""


def offered(patient: Patient, *, now: datetime) -> dict[Purpose, str]:
    """Return the uses beside care that the sheet in force asks about, with its own titles."""
    words = in_force.pack_of(patient.practice, now=now).wording()
    return {each.purpose: each.title for each in words.purposes if each.purpose in BESIDE_CARE}


def ways_without_consent(
    patient: Patient, body_site: str, *, made_for: Purpose, now: datetime
) -> tuple[Way, ...]:
    """Return a way for each ground that the policy would accept; back to care, from elsewhere."""
    place = [patient.pk, slugify(body_site)]
    grounds = open_grounds(patient, body_site=body_site, made_for=made_for, now=now)
    page = reverse("capture-prepare", args=place)
    found = [_way(ground, page + query_of(made_for, ground)) for ground in grounds]
    if made_for is not Purpose.CARE:
        title, text = "Take it for care instead", "It is then used for nothing else."
        found.insert(0, Way(title, text, reverse("consent", args=place), "camera"))
    return tuple(found)


def _way(ground: Ground, href: str) -> Way:
    title, text, icon_name = GROUNDS[ground]
    return Way(title, text, href, icon_name)
