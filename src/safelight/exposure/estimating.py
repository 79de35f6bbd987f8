"""How many people what is known could be about: published counts, and what narrows them further."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import inf, sqrt

from safelight.exposure.calibrating import MOST_SHARES, MOST_UNMAPPED
from safelight.exposure.knowledge import EARLIEST, LATEST, Knowledge, together
from safelight.exposure.population import Population

YEAR = 365.2425
WIDENING = 3.0
"""Where no series with a known answer calibrates the estimate, the range is three times as wide."""
UNMAPPED_SHARE = 0.1
"""One in ten, for a detail that no table knows: pessimistic for most, not for the rarest."""
EVENTS_A_YEAR = (0.01, 0.3)
"""How often a year such a thing happens to a person, where no table says: an operation to an
injury seen in an emergency department. An assumption of ours, wide on purpose."""
EXHAUSTIVE = 8
"""Of so many contradicting releases every subset is looked at; of more, one start from each."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many people it could be: an estimate and its range, never below one."""

    k: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """Return the crowd in people and one decimal."""
        return {"k": round(self.k, 1), "low": round(self.low, 1), "high": round(self.high, 1)}


def crowd_of(
    known: Knowledge, *, population: Population, unmapped_share: float = UNMAPPED_SHARE
) -> Crowd:
    """Estimate k = 1 + lambda: the patient, and everyone else whom the same words fit.

    Where nobody at all fits it is the patient alone; see `smallest_crowd` for contradictions.
    Learning more never raises k.
    """
    if known.is_contradiction:
        return Crowd(1.0, 1.0, 1.0)
    core = people_of(known, population=population)
    lowest, highest = narrowing(known)
    unmapped = core * unmapped_share ** len(known.unmapped)
    if is_calibrated(known, population=population) and population.calibration:
        k = 1 + unmapped * sqrt(lowest * highest)
        return Crowd(k, *population.calibration.range_of(k, known.kind))
    return Crowd(
        k=1 + unmapped * sqrt(lowest * highest),
        low=1 + unmapped * lowest / WIDENING,
        high=1 + min(unmapped * highest * WIDENING, population.total),
    )


def is_calibrated(known: Knowledge, *, population: Population) -> bool:
    """Say whether series like this one were measured: with so many details, and no event."""
    shares, unmapped = known.rough
    few = shares <= MOST_SHARES and unmapped <= MOST_UNMAPPED
    return population.calibration is not None and few and not known.events


def smallest_crowd(
    told: Sequence[Knowledge], *, population: Population, unmapped_share: float = UNMAPPED_SHARE
) -> Crowd:
    """Return the crowd of all that was told; of contradicting releases, the smallest it can be."""
    crowds = (
        crowd_of(known, population=population, unmapped_share=unmapped_share)
        for known in consistent(told)
    )
    return min(crowds, key=lambda crowd: crowd.k)


def people_of(known: Knowledge, *, population: Population) -> float:
    """Return how many people are of the places, sexes, groups and ages still possible.

    Ages are counted on every day on which one was told, and the smallest count holds: otherwise
    a later release that tells nothing new could seem to enlarge the crowd.
    """
    if known.born == (EARLIEST, LATEST):
        return population.people_between(0.0, inf, known.places, known.sexes, known.groups)
    return min(
        population.people_between(
            (day - known.born[1]) / YEAR,
            (day - known.born[0]) / YEAR,
            known.places,
            known.sexes,
            known.groups,
        )
        for day in known.seen_on
    )


def consistent(told: Sequence[Knowledge]) -> list[Knowledge]:
    """Return what the largest sets of releases that don't contradict one another tell.

    One of them where nothing contradicts; never none, since a release that contradicts itself is
    returned as it is.
    """
    whole = together(told)
    if not whole.is_contradiction or len(told) < 2:
        return [whole]
    chosen = _subsets(len(told)) if len(told) <= EXHAUSTIVE else _grown(told)
    found: list[frozenset[int]] = []
    for subset in chosen:
        if any(subset <= larger for larger in found):
            continue
        if not together(told[at] for at in subset).is_contradiction:
            found.append(subset)
    return [together(told[at] for at in subset) for subset in found] or [whole]


def _subsets(count: int) -> Iterable[frozenset[int]]:
    for size in range(count - 1, 0, -1):
        yield from map(frozenset, combinations(range(count), size))


def _grown(told: Sequence[Knowledge]) -> Iterable[frozenset[int]]:
    """Start from each release and take in, one after the other, what still fits."""
    for start in range(len(told)):
        known, members = told[start], {start}
        for at, each in enumerate(told):
            if not (more := known.meet(each)).is_contradiction:
                known = more
                members.add(at)
        yield frozenset(members)


def narrowing(known: Knowledge) -> tuple[float, float]:
    """Return what share of these people the rough details and events leave: lowest and highest."""
    lows: dict[str, float] = {}
    highs: dict[str, float] = {}
    for name, low, high in known.shares:
        lows[name] = min(low, lows.get(name, 1.0))
        highs[name] = min(high, highs.get(name, 1.0))
    lowest, highest = 1.0, 1.0
    for name in sorted(lows):
        lowest, highest = lowest * lows[name], highest * highs[name]
    for days in _windows(known.events):
        lowest *= min(1.0, EVENTS_A_YEAR[0] * days / YEAR)
        highest *= min(1.0, EVENTS_A_YEAR[1] * days / YEAR)
    return lowest, highest


def _windows(events: Iterable[tuple[str, int, int]]) -> list[int]:
    """Return in how many days each event was: told twice it is one, unless the days are apart."""
    found: list[int] = []
    last_what, first, last = "", 0, 0
    for what, after, until in sorted(events, key=lambda event: (event[0], event[2], event[1])):
        if found and what == last_what and after < last:
            first = max(first, after)
            found[-1] = last - first
        else:
            last_what, first, last = what, after, until
            found.append(last - first)
    return found
