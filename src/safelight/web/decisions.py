"""From a decision to its page: what blocks, on what it rests, and the shortest way to a yes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

from safelight.flows.consent import Standing
from safelight.terms import Purpose
from safelight.web.explaining import Way, explained, ways

__all__ = ["Entry", "Way", "explained", "in_words", "strip", "url_if_there", "ways"]
VERDICTS = {"permit": "Permitted", "hold": "On hold", "refuse": "Not permitted"}
OUTSIDE = frozenset({Purpose.TEACHING_WIDE, Purpose.RESEARCH, Purpose.PUBLICATION, Purpose.SOCIAL})


@dataclass(frozen=True, slots=True)
class Entry:
    """One part of the strip that says what was agreed."""

    tone: str
    word: str
    title: str
    text: str


def url_if_there(name: str, *args: object) -> str | None:
    """Return the address of a page, or None in an installation without it."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return None


_SAYS = {
    "agreed": ("yes", "Agreed"),
    "refused": ("no", "Said no"),
    "withdrawn": ("no", "Said no"),
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
    """Say since when something is agreed; a no has no day, or it would tell what came first."""
    from safelight.web.templatetags.safelight import day

    return day(standing.since) if standing.says == "agreed" else ""
