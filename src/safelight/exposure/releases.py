"""What one release said of a patient, read from the contract of `safelight expose`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

FIELDS = frozenset(
    {"id", "patient", "at", "audience", "poster", "facts", "withdrawn_on", "not", "picture"}
)
MAPPED = frozenset({"age", "sex", "place", "ethnicity", "condition", "event", "marks", "unmapped"})
"""Kinds of fact that the estimate knows; the others count as unmapped details."""
KNOWN = MAPPED | {"occupation", "household"}
AGES = frozenset({"years", "months", "weeks", "band"})
LEVELS = frozenset({"lad", "region", "nation", "org"})
JUST_BEEN_DAYS = 7
"""How long before a release an event without a date is taken to have been."""


_FINGERPRINT = re.compile("[0-9a-f]{16}")


class ReleaseRefused(ValueError):
    """A release isn't in the form of the contract, so nothing can be said about it."""


@dataclass(frozen=True, slots=True)
class Disclosed:
    """What one release told its audience. A withdrawal doesn't unsay it."""

    id: str
    patient: str | None
    at: date
    audience: tuple[str, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    not_places: tuple[tuple[str, str], ...] = ()
    """Places that the release ruled out."""
    poster: tuple[str, str] = ("", "")
    """Name and organisation that the audience sees: then the place can be looked up."""
    picture: tuple[str, ...] = ()
    """Fingerprints of the picture, the whole picture's first: `likeness.fingerprints`."""

    @property
    def names_poster(self) -> bool:
        """Say whether the audience sees who posted it."""
        return any(self.poster)


def read_release(said: object) -> Disclosed:
    """Return a release read from one JSON object.

    Raises ReleaseRefused on anything unknown or out of shape: a detail that were skipped would
    make the crowd look larger than it is.
    """
    if not isinstance(said, Mapping):
        raise ReleaseRefused("a release is a JSON object")
    _only(said, FIELDS, "release")
    facts = said.get("facts") or {}
    if not isinstance(facts, Mapping):
        raise ReleaseRefused("facts is an object")
    _only(facts, KNOWN, "facts")
    _check_facts(facts)
    return Disclosed(
        id=str(said.get("id") or ""),
        patient=None if said.get("patient") is None else str(said["patient"]),
        at=_day(said.get("at")),
        audience=_strings(said.get("audience"), "audience"),
        facts={name: value for name, value in facts.items() if value not in (None, [], "")},
        not_places=_not_places(said.get("not")),
        poster=_poster(said.get("poster")),
        picture=_fingerprints(said.get("picture")),
    )


def _only(said: Mapping[str, Any], known: frozenset[str], what: str) -> None:
    if unknown := sorted(set(map(str, said)) - known):
        raise ReleaseRefused(f"unknown in {what}: {', '.join(unknown)}")


def _day(said: object) -> date:
    try:
        return datetime.fromisoformat(str(said)).date()
    except ValueError as error:
        raise ReleaseRefused("at is a date") from error


def _strings(said: object, what: str) -> tuple[str, ...]:
    if not isinstance(said, Sequence) or isinstance(said, str) or not said:
        raise ReleaseRefused(f"{what} is a list of words")
    return tuple(str(each) for each in said)


def _not_places(said: object) -> tuple[tuple[str, str], ...]:
    if said is None:
        return ()
    if not isinstance(said, Mapping) or set(said) - {"place"}:
        raise ReleaseRefused("not holds place only")
    return tuple(_place(each) for each in said.get("place", []))


def _poster(said: object) -> tuple[str, str]:
    if not said:
        return "", ""
    if not isinstance(said, Mapping) or set(said) - {"name", "organisation"}:
        raise ReleaseRefused("a poster has a name and an organisation")
    name, organisation = (str(said.get(each) or "").strip() for each in ("name", "organisation"))
    return name, organisation


def _fingerprints(said: object) -> tuple[str, ...]:
    if not said:
        return ()
    if not isinstance(said, list) or not all(
        isinstance(each, str) and _FINGERPRINT.fullmatch(each) for each in said
    ):
        raise ReleaseRefused("picture is a list of fingerprints")
    return tuple(said)


def _place(said: object) -> tuple[str, str]:
    if not isinstance(said, Mapping) or said.get("level") not in LEVELS or not said.get("code"):
        raise ReleaseRefused("a place has a level and a code")
    return str(said["level"]), str(said["code"])


def _check_facts(facts: Mapping[str, Any]) -> None:
    if facts.get("age") is not None:
        _check_age(facts["age"])
    if facts.get("place") is not None:
        _place(facts["place"])
    if facts.get("condition") is not None:
        if not isinstance(facts["condition"], Mapping):
            raise ReleaseRefused("condition is an object")
        _check_share(facts["condition"].get("prevalence"))
    for mark in facts.get("marks") or []:
        if not isinstance(mark, Mapping):
            raise ReleaseRefused("a mark is an object")
        _check_share(mark.get("share"))
    if facts.get("event") is not None:
        event_window(facts["event"], at=date.max)
    if not isinstance(facts.get("ethnicity") or "", str):
        raise ReleaseRefused("ethnicity is words")
    if not isinstance(facts.get("unmapped") or [], list):
        raise ReleaseRefused("unmapped is a list")


def _check_age(said: object) -> None:
    if not isinstance(said, Mapping) or len(said) != 1:
        raise ReleaseRefused("age is years, months, weeks or band")
    (kind, value), *_ = said.items()
    numbers = value if kind == "band" and isinstance(value, list) else [value]
    if kind not in AGES or len(numbers) != (2 if kind == "band" else 1):
        raise ReleaseRefused("age is years, months, weeks or band")
    whole = all(type(each) is int and 0 <= each <= 1500 for each in numbers)
    if not whole or numbers[0] > numbers[-1]:
        raise ReleaseRefused("an age is a whole number")


def event_window(said: object, *, at: date) -> tuple[int, int]:
    """Return the days on which the event can have been: ordinals, first excluded.

    An event without a date is dated by the release itself: people tell what has just been.
    """
    if not isinstance(said, Mapping) or set(said) - {"what", "on"}:
        raise ReleaseRefused("an event is what and on")
    on = said.get("on")
    if on is None:
        return at.toordinal() - JUST_BEEN_DAYS, at.toordinal()
    if isinstance(on, Mapping):
        _only(on, frozenset({"from", "to"}), "event")
        first, last = _day(on.get("from")), _day(on.get("to"))
    else:
        first = last = _day(on)
    if first > last:
        raise ReleaseRefused("an event goes from an earlier to a later day")
    return first.toordinal() - 1, last.toordinal()


def _check_share(said: object) -> None:
    if said is None:
        return
    if not isinstance(said, list) or len(said) != 2:
        raise ReleaseRefused("a share is two numbers")
    if not all(isinstance(each, int | float) and 0 < each <= 1 for each in said):
        raise ReleaseRefused("a share is above 0 and up to 1")
    if said[0] > said[1]:
        raise ReleaseRefused("a share goes from low to high")
