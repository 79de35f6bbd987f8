"""What somebody knows who saw several releases: each of them narrows it, none widens it again.

A meet-semilattice: `told_by` says what one release tells, `meet` takes two together. The meet
doesn't depend on order, and the same thing twice is the same thing once, so a state can be kept
per patient and class of viewer and only ever added to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from typing import Any

from safelight.exposure.calibrating import class_of
from safelight.exposure.population import SEXES, Population
from safelight.exposure.releases import MAPPED, Disclosed, event_window
from safelight.exposure.satellites import plain

EARLIEST, LATEST = date(1880, 1, 1).toordinal(), date(2200, 1, 1).toordinal()
ANY = -1
"""The mask of all: every bit is set, of however many."""
UNKNOWN_POSTER = "who posted it"


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Places, sexes, ethnic groups and birth days still possible, and details that narrow further."""

    places: int = ANY
    """Bit n for place n of the population, so with the next two."""
    sexes: int = ANY
    groups: int = ANY
    born: tuple[int, int] = (EARLIEST, LATEST)
    """Ordinals of days, first excluded, last included."""
    shares: frozenset[tuple[str, float, float]] = frozenset()
    """Name of a detail, and what share of people have it: lowest and highest."""
    events: frozenset[tuple[str, int, int]] = frozenset()
    """What happened and the days on which it can have been, first excluded."""
    unmapped: frozenset[str] = frozenset()
    seen_on: frozenset[int] = frozenset()
    """Days on which an age was told: the crowd is counted on each, and the smallest holds."""

    @property
    def is_contradiction(self) -> bool:
        """Say whether nobody at all fits: then the releases are of two people, or one is wrong."""
        return not (self.places and self.sexes and self.groups) or self.born[0] >= self.born[1]

    @property
    def rough(self) -> tuple[int, int]:
        """Return how many details have a rough share, and how many none at all."""
        return len({name for name, _, _ in self.shares}), len(self.unmapped)

    @property
    def mixed(self) -> bool:
        """Say whether it tells an ethnic group and an age, which no table counts together."""
        return self.groups != ANY and self.born != (EARLIEST, LATEST)

    @property
    def kind(self) -> int:
        """Return the class of series by which the estimate is calibrated."""
        return class_of(*self.rough, mixed=self.mixed)

    @property
    def tells_people(self) -> bool:
        """Say whether it narrows what the tables count: place, sex, group or age."""
        counted = (self.places, self.sexes, self.groups) != (ANY, ANY, ANY)
        return counted or self.born != (EARLIEST, LATEST)

    @property
    def tells_shares(self) -> bool:
        """Say whether it narrows to a share of people that is known roughly or not at all."""
        return bool(self.shares or self.events or self.unmapped)

    def meet(self, other: Knowledge) -> Knowledge:
        """Return what somebody knows who knows both."""
        return Knowledge(
            self.places & other.places,
            self.sexes & other.sexes,
            self.groups & other.groups,
            (max(self.born[0], other.born[0]), min(self.born[1], other.born[1])),
            self.shares | other.shares,
            self.events | other.events,
            self.unmapped | other.unmapped,
            self.seen_on | other.seen_on,
        )


NOTHING = Knowledge()
"""What somebody knows who saw no release."""


def together(told: Iterable[Knowledge]) -> Knowledge:
    """Return what all of them tell; the order doesn't matter."""
    parts = iter(told)
    return reduce(Knowledge.meet, parts, next(parts, NOTHING))


def fold(
    releases: Iterable[Disclosed],
    *,
    population: Population,
    without: frozenset[str] = frozenset(),
) -> Knowledge:
    """Return what all these releases tell together.

    without: kinds of detail to leave aside, to see what each of them adds.
    """
    return together(
        part
        for release in releases
        for kind, part in parts_of(release, population=population)
        if kind not in without
    )


def told_by(release: Disclosed, *, population: Population) -> Knowledge:
    """Return what one release tells."""
    return together(part for _, part in parts_of(release, population=population))


def parts_of(release: Disclosed, *, population: Population) -> list[tuple[str, Knowledge]]:
    """Return what a release tells, one kind of detail after the other."""
    facts = release.facts
    told = [
        (kind, read(facts[kind], release, population))
        for kind, read in _READERS.items()
        if kind in facts
    ]
    told += [("place", _not_at(place, population)) for place in release.not_places]
    others = {f"{name}: {facts[name]}" for name in facts if name not in MAPPED}
    others |= {str(each) for each in facts.get("unmapped", [])}
    if others:
        told.append(("unmapped", Knowledge(unmapped=frozenset(others))))
    if release.names_poster:
        told.append(("poster", _posted_by(release.poster, population)))
    return told


def born_between(age: Mapping[str, Any], *, at: date) -> tuple[int, int]:
    """Return the birth days that an age told on a day leaves possible, first excluded."""
    if "weeks" in age:
        last = at.toordinal() - 7 * int(age["weeks"])
        return last - 7, last
    if "months" in age:
        longest, shortest = age["months"] + 1, age["months"]
    else:
        low, high = age.get("band") or (age["years"], age["years"])
        longest, shortest = 12 * (high + 1), 12 * low
    return _months_before(at, longest), _months_before(at, shortest)


def _months_before(day: date, months: int) -> int:
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    if years < 1:
        return EARLIEST
    first = date(years, month + 1, 1)
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(day.day, last.day)).toordinal()


def _unmapped(what: str) -> Knowledge:
    return Knowledge(unmapped=frozenset({what}))


def _age(said: Mapping[str, Any], release: Disclosed, _: Population) -> Knowledge:
    return Knowledge(
        born=born_between(said, at=release.at), seen_on=frozenset({release.at.toordinal()})
    )


def _sex(said: object, _: Disclosed, __: Population) -> Knowledge:
    sex = str(said)
    return Knowledge(sexes=1 << SEXES.index(sex)) if sex in SEXES else _unmapped(f"sex: {sex}")


def _at(said: Mapping[str, Any], _: Disclosed, population: Population) -> Knowledge:
    mask = population.masks.get((said["level"], said["code"]))
    return _unmapped(f"place: {said['code']}") if mask is None else Knowledge(places=mask)


def _not_at(place: tuple[str, str], population: Population) -> Knowledge:
    mask = population.masks.get(place)
    if mask is None:
        return _unmapped(f"not at: {place[1]}")
    return Knowledge(places=population.everywhere & ~mask)


def _posted_by(poster: tuple[str, str], population: Population) -> Knowledge:
    """Narrow to where the poster's patients come from, or count the poster as a detail."""
    known = [
        Knowledge(
            places=population.catchments[name.casefold()],
            shares=_on_the_list(name.casefold(), population),
        )
        for name in poster
        if name.casefold() in population.catchments
    ]
    return together(known) if known else _unmapped(UNKNOWN_POSTER)


def _on_the_list(name: str, population: Population) -> frozenset[tuple[str, float, float]]:
    share = population.list_shares.get(name)
    return frozenset() if share is None else frozenset({(f"list: {name}", share, share)})


def _condition(said: Mapping[str, Any], _: Disclosed, population: Population) -> Knowledge:
    """Take the prevalence that the release tells, else the table's."""
    name = str(said.get("name", ""))
    prevalence = said.get("prevalence") or population.conditions.get(plain(name))
    return _share("condition", name, prevalence)


def _marks(said: Iterable[Mapping[str, Any]], _: Disclosed, __: Population) -> Knowledge:
    return together(_share("mark", str(mark.get("what", "")), mark.get("share")) for mark in said)


def _share(kind: str, name: str, share: Iterable[float] | None) -> Knowledge:
    what = f"{kind}: {name.strip().casefold()}"
    if share is None:
        return _unmapped(what)
    low, high = share
    return Knowledge(shares=frozenset({(what, low, high)}))


def _event(said: Mapping[str, Any], release: Disclosed, _: Population) -> Knowledge:
    what = str(said.get("what") or "").strip().casefold()
    first, last = event_window(said, at=release.at)
    return Knowledge(events=frozenset({(what, first, last)}))


def _ethnicity(said: object, _: Disclosed, population: Population) -> Knowledge:
    mask = population.groups.get(plain(str(said)))
    return _unmapped(f"ethnicity: {said}") if mask is None else Knowledge(groups=mask)


_READERS: Mapping[str, Callable[[Any, Disclosed, Population], Knowledge]] = {
    "age": _age,
    "sex": _sex,
    "place": _at,
    "ethnicity": _ethnicity,
    "condition": _condition,
    "event": _event,
    "marks": _marks,
}
