"""From a decision to its page: what blocks, on what it rests, and the shortest way to a yes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import NoReverseMatch, reverse

from safelight.flows.consent import Standing
from safelight.terms import Purpose

if TYPE_CHECKING:
    from safelight.flows.deciding import Decision
    from safelight.records.models import Patient

VERDICTS = {"permit": "Permitted", "hold": "On hold", "refuse": "Not permitted"}
OUTSIDE = frozenset({Purpose.TEACHING_WIDE, Purpose.RESEARCH, Purpose.PUBLICATION, Purpose.SOCIAL})


@dataclass(frozen=True, slots=True)
class Way:
    """A step that may lead to a yes, with the page that starts it."""

    title: str
    text: str
    href: str
    icon_name: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One part of the strip that says what was agreed."""

    tone: str
    word: str
    title: str
    text: str


_STEPS: tuple[tuple[str, str, str, str, str], ...] = (
    (
        "patient.gillick",
        "assessment-new",
        "Assess whether the patient can decide",
        "Gillick competence, for this decision. About two minutes.",
        "person",
    ),
    (
        "patient.capacity",
        "assessment-new",
        "Assess whether the patient can decide",
        "Capacity for this decision, on this day.",
        "person",
    ),
    (
        "patient.assessed_on",
        "assessment-new",
        "Write down the assessment",
        "What was found, on which day, and how you helped.",
        "person",
    ),
    (
        "executor_or_family_consulted",
        "patient-death",
        "Ask the executor or the family",
        "Then write down that you asked.",
        "people",
    ),
    (
        "patient.genetic_or_third_party",
        "patient-death",
        "Say whether it tells something about relatives",
        "Write it down with what is known of the patient’s wishes.",
        "people",
    ),
    (
        "consents",
        "picture-new",
        "Ask the patient",
        "The words are on the screen. About a minute.",
        "talk",
    ),
)
"""Start of the needed field, page, title, text, icon. The first that fits a field is shown."""


def ways(decision: Decision, patient: Patient) -> tuple[Way, ...]:
    """Return the steps that this practice can take, the shortest first, each once."""
    found: dict[str, Way] = {}
    for reason in decision.because:
        if reason.needs is None:
            continue
        for field, page, title, text, icon_name in _STEPS:
            if reason.needs.field.startswith(field) and page not in found:
                found[page] = Way(title, text, reverse(page, args=[patient.pk]), icon_name)
                break
    return tuple(found.values())


def url_if_there(name: str, *args: object) -> str | None:
    """Return the address of a page, or None in an installation without it."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return None


_SAYS = {
    "agreed": ("yes", "Agreed"),
    "refused": ("no", "Said no"),
    "withdrawn": ("no", "Taken back"),
    "objects": ("no", "Said no"),
    "not-asked": ("hold", "Not asked yet"),
}


def strip(standings: Sequence[Standing]) -> tuple[Entry, ...]:
    """Return what was agreed, always in the same order; uses outside the practice as one."""
    inside = [_entry(each) for each in standings if each.purpose not in OUTSIDE]
    outside = [each for each in standings if each.purpose in OUTSIDE]
    return (*inside, _summed(outside)) if outside else tuple(inside)


def in_words(standings: Iterable[Standing]) -> Entry:
    """Return the one line of a list: what was agreed, or that nobody asked."""
    listed = list(standings)
    agreed = [each.title for each in listed if each.says == "agreed"]
    if [each.purpose for each in listed if each.says == "agreed"] == [Purpose.CARE]:
        return Entry("yes", "Agreed: care only", "", "")
    if agreed:
        return Entry("yes", f"Agreed: care and {len(agreed) - 1} more", "", "")
    if any(each.says != "not-asked" for each in listed):
        return Entry("no", "Said no", "", "")
    return Entry("hold", "Not asked yet", "", "")


def _entry(standing: Standing) -> Entry:
    tone, word = _SAYS[standing.says]
    return Entry(tone, word, standing.title, _since(standing))


def _summed(outside: Sequence[Standing]) -> Entry:
    agreed = [each for each in outside if each.says == "agreed"]
    first = (agreed or [each for each in outside if each.says != "not-asked"] or list(outside))[0]
    tone, word = _SAYS[first.says]
    text = ", ".join(each.title for each in agreed) or _since(first)
    return Entry(tone, word, "Outside this practice", text)


def _since(standing: Standing) -> str:
    from safelight.web.templatetags.safelight import day

    return day(standing.since)
