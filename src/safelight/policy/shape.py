"""The facts of a decision without the person: no day, no name, no text, and the same answer.

Kept so that a new pack can be tried on the decisions already taken. What an answer depends on is the
order of the days and the age on each, not the days: a patient of 43 who agreed in March and one of 58
who agreed in May are the same case.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from safelight.policy import facts as contract
from safelight.policy.retention import age_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from safelight.policy.facts import Facts
    from safelight.policy.pack import Pack

OLDEST = 30
"""Years; an age above this is not told apart. Packs name no age above it (`reading.py`)."""
_BIRTH = date(2000, 1, 1)
_MOST_DAYS = 300
"""Different days in one case; more would run into the next year of life."""
_SOMETHING = "said"


def shape(facts: Mapping[str, object], *, pack: Pack) -> dict[str, Any] | None:
    """Return facts of the contract that are decided alike and say nothing of who it was.

    None where a field or value isn't known, or there are more days than a case can have: such facts
    aren't kept at all.
    """
    known, unknown = contract.read(facts, vocabulary=pack.terms.vocabulary)
    days = _days(known)
    if unknown or known.at is None or len(days) > _MOST_DAYS:
        return None
    moved = {day: _moved(day, place, known.patient.born) for place, day in enumerate(sorted(days))}
    if known.patient.born is not None:
        moved[known.patient.born] = _BIRTH
    return _plain(known, moved, _Targets())


def digest(shaped: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hex, by which equal cases are counted together."""
    text = json.dumps(shaped, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _days(known: Facts) -> set[date]:
    """Return every day in the facts but the birth."""
    days = {known.at, known.patient.died, known.patient.assessed_on, known.recording.made_on}
    for consent in known.consents:
        days |= {consent.given_on, consent.expires_on, consent.withdrawn_on}
    days |= {objection.made_on for objection in known.objections}
    return {day for day in days if day is not None} - {known.patient.born}


def _moved(day: date, place: int, born: date | None) -> date:
    """Return a day of the same age and in the same order, and of no other meaning.

    A day before the birth lies in the year before the birthday.
    """
    years = 0
    if born is not None:
        age = age_on(day, born=born)
        years = -1 if age is None else min(age, OLDEST)
    return _BIRTH.replace(year=_BIRTH.year + years) + timedelta(days=place + 1)


class _Targets:
    """Names of journals and courses by their order; only whether two are the same matters."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def plain(self, name: str) -> str:
        key = " ".join(name.split()).casefold()
        return self._known.setdefault(key, f"target {len(self._known) + 1}")


def _plain(known: Facts, moved: Mapping[date, date], targets: _Targets) -> dict[str, Any]:
    """Return the facts as the contract writes them, every day moved and every text replaced."""
    flat = {field: path for path, field in contract.FLAT.items()}
    plain: dict[str, Any] = {}
    for field, value in known._asdict().items():
        said = _value(field, value, moved, targets)
        if said is None:
            continue
        if field in flat:
            section, name = flat[field]
            plain.setdefault(section, {})[name] = said
        else:
            plain[field] = said
    return plain


_TARGETS = frozenset({"target", "release_target"})


def _value(field: str, value: Any, moved: Mapping[date, date], targets: _Targets) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, date):
        return moved[value].isoformat()
    if field in _TARGETS:
        return targets.plain(value)
    if field in contract.IN_WORDS:
        return _SOMETHING
    if isinstance(value, str):
        return value
    if isinstance(value, frozenset):
        return sorted(value)
    if hasattr(value, "_asdict"):
        return _section(value._asdict().items(), moved, targets)
    if isinstance(value, tuple):
        return [_section(each._asdict().items(), moved, targets) for each in value]
    return _section(value.items(), moved, targets)


def _section(
    items: Iterable[tuple[str, Any]], moved: Mapping[date, date], targets: _Targets
) -> dict[str, Any]:
    said = {name: _value(name, each, moved, targets) for name, each in items}
    return {name: each for name, each in said.items() if each is not None}
