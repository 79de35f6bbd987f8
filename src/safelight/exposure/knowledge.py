"""What somebody knows who saw several releases: each of them narrows it, none widens it again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safelight.exposure.population import OLDEST, POOLED_YEARS, SEXES, Population
from safelight.exposure.releases import MAPPED, Disclosed

YEAR = 365.2425
EARLIEST, LATEST = date(1880, 1, 1).toordinal(), date(2200, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Knowledge:
    """A meet: places, sexes and birth days still possible, and the details that narrow further."""

    places: NDArray[np.bool_]
    sexes: frozenset[str] = frozenset(SEXES)
    born: tuple[int, int] = (EARLIEST, LATEST)
    """Ordinals of days, first excluded, last included."""
    shares: tuple[tuple[str, float, float], ...] = ()
    """Name of a detail, and what share of people have it: lowest and highest."""
    unmapped: frozenset[str] = frozenset()

    @property
    def is_contradiction(self) -> bool:
        """Say whether nobody at all fits: then the releases are of two people, or one is wrong."""
        return not self.places.any() or not self.sexes or self.born[0] >= self.born[1]


def nothing_known(population: Population) -> Knowledge:
    """Return what somebody knows who saw no release."""
    return Knowledge(places=np.ones(len(population.places), dtype=np.bool_))


def fold(
    releases: Iterable[Disclosed],
    *,
    population: Population,
    without: frozenset[str] = frozenset(),
) -> Knowledge:
    """Return what all these releases tell together; the order doesn't matter.

    without: kinds of detail to leave aside, to see what each of them adds.
    """
    known = nothing_known(population)
    for release in releases:
        known = _with_facts(known, release, population=population, without=without)
        if "place" not in without:
            for place in release.not_places:
                known = _not_at(known, place, population=population)
    return known


def _with_facts(
    known: Knowledge, release: Disclosed, *, population: Population, without: frozenset[str]
) -> Knowledge:
    facts = release.facts
    if "age" in facts and "age" not in without:
        known = replace(known, born=_meet(known.born, born_between(facts["age"], at=release.at)))
    if "sex" in facts and "sex" not in without:
        known = _with_sex(known, str(facts["sex"]))
    if "place" in facts and "place" not in without:
        known = _at(known, facts["place"], population=population)
    if "condition" in facts and "condition" not in without:
        known = _with_share(known, "condition", facts["condition"], "name", "prevalence")
    for mark in facts.get("marks", []) if "marks" not in without else []:
        known = _with_share(known, "mark", mark, "what", "share")
    return known if "unmapped" in without else _with_unmapped(known, release)


def born_between(age: Mapping[str, Any], *, at: date) -> tuple[int, int]:
    """Return the birth days that an age told on a day leaves possible, first excluded."""
    if "months" in age:
        first, last = age["months"] + 1, age["months"]
    else:
        low, high = age.get("band") or (age["years"], age["years"])
        first, last = 12 * (high + 1), 12 * low
    return _months_before(at, first), _months_before(at, last)


def _months_before(day: date, months: int) -> int:
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    if years < 1:
        return EARLIEST
    first = date(years, month + 1, 1)
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(day.day, last.day)).toordinal()


def _meet(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return max(one[0], other[0]), min(one[1], other[1])


def _with_sex(known: Knowledge, sex: str) -> Knowledge:
    if sex in SEXES:
        return replace(known, sexes=known.sexes & {sex})
    return replace(known, unmapped=known.unmapped | {f"sex: {sex}"})


def _at(known: Knowledge, place: Mapping[str, Any], *, population: Population) -> Knowledge:
    mask = population.areas.get((place["level"], place["code"]))
    if mask is None:
        return replace(known, unmapped=known.unmapped | {f"place: {place['code']}"})
    return replace(known, places=known.places & mask)


def _not_at(known: Knowledge, place: tuple[str, str], *, population: Population) -> Knowledge:
    mask = population.areas.get(place)
    if mask is None:
        return replace(known, unmapped=known.unmapped | {f"not at: {place[1]}"})
    return replace(known, places=known.places & ~mask)


def _with_share(
    known: Knowledge, kind: str, said: Mapping[str, Any], name: str, share: str
) -> Knowledge:
    what = f"{kind}: {str(said.get(name, '')).strip().casefold()}"
    if said.get(share) is None:
        return replace(known, unmapped=known.unmapped | {what})
    low, high = said[share]
    earlier = {each: (lowest, highest) for each, lowest, highest in known.shares}
    lowest, highest = earlier.get(what, (low, high))
    earlier[what] = (min(low, lowest), min(high, highest))
    return replace(known, shares=tuple((each, *both) for each, both in sorted(earlier.items())))


def _with_unmapped(known: Knowledge, release: Disclosed) -> Knowledge:
    others = {
        f"{kind}: {value}".casefold() for kind, value in release.facts.items() if kind not in MAPPED
    }
    others |= {str(each).strip().casefold() for each in release.facts.get("unmapped", [])}
    if release.names_poster:
        others.add("who posted it")
    return replace(known, unmapped=known.unmapped | others)


def share_of_ages(born: tuple[int, int], *, at: date) -> NDArray[np.float64]:
    """Return for each year of age how much of it the birth days cover, 0 to 1."""
    oldest = (at.toordinal() - born[0]) / YEAR
    youngest = max(0.0, (at.toordinal() - born[1]) / YEAR)
    years = np.arange(OLDEST + 1, dtype=np.float64)
    covered: NDArray[np.float64] = np.clip(
        np.minimum(oldest, years + 1) - np.maximum(youngest, years), 0.0, 1.0
    )
    pooled = min(oldest, OLDEST + POOLED_YEARS) - max(youngest, OLDEST)
    covered[OLDEST] = min(1.0, max(0.0, pooled / POOLED_YEARS))
    return covered
