"""How many people it could be, with everything that ever left taken together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from itertools import combinations
from math import factorial, log10
from typing import Any

from safelight.exposure.knowledge import Knowledge, fold, share_of_ages
from safelight.exposure.population import SEXES, Population
from safelight.exposure.releases import Disclosed

CLEAR_FROM = 33
"""A crowd whose low estimate reaches this is clear: three times the line, see WIDENING."""
BLOCK_BELOW = 11
"""Smallest crowd for the public: 1 in 11 is 0.09, as in EMA Policy 0070 and US practice."""
WIDENING = 3.0
"""No series with a known answer has calibrated this estimate yet, so the range is three times as wide."""
UNMAPPED_SHARE = 0.1
"""One in ten, for a detail that no table knows: pessimistic for most, not for the rarest."""

UNCALIBRATED = (
    "Not calibrated: the range is widened by a factor of three. Tables are of mid-2011. "
    "A relative or a close friend might still know the patient; no figure covers that."
)
KINDS = ("age", "sex", "place", "condition", "marks", "unmapped")


class Verdict(StrEnum):
    """What the crowd's size means for a release."""

    CLEAR = "clear"
    REVIEW = "review"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many people it could be: an estimate and its range, never below one."""

    k: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """Return the crowd in whole people and one decimal."""
        return {"k": round(self.k, 1), "low": round(self.low, 1), "high": round(self.high, 1)}


@dataclass(frozen=True, slots=True)
class Report:
    """What the proposed release adds up to with all earlier ones."""

    crowd: Crowd
    verdict: Verdict
    tiers: Mapping[str, Crowd]
    contributions: tuple[Mapping[str, Any], ...]
    edits: tuple[Mapping[str, Any], ...]
    unmapped: tuple[str, ...]
    population: str
    note: str = UNCALIBRATED
    linked: tuple[str, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """Return the report as the contract of `safelight expose` writes it."""
        return self.crowd.as_json() | {
            "verdict": self.verdict.value,
            "tiers": {name: crowd.as_json() for name, crowd in self.tiers.items()},
            "contributions": list(self.contributions),
            "edits": list(self.edits),
            "unmapped": list(self.unmapped),
            "linked": list(self.linked),
            "calibrated": False,
            "population": self.population,
            "note": self.note,
        }


def assess(history: Sequence[Disclosed], proposed: Disclosed, *, population: Population) -> Report:
    """Say what a release would add up to, with all that ever left about the same patient.

    history: every earlier release of that patient, taken back or not: what was seen stays seen.
    All audiences are taken together, as if they talked to one another, which is never too large.
    """
    releases = [*history, proposed]
    known = fold(releases, population=population)
    crowd = crowd_of(known, population=population, at=proposed.at)
    strangers = [each for each in history if "public" in each.audience] + [proposed]
    return Report(
        crowd=crowd,
        verdict=verdict_of(known, crowd),
        tiers={
            "stranger": crowd_of(
                fold(strangers, population=population), population=population, at=proposed.at
            ),
            "all-audiences": crowd,
        },
        contributions=_contributions(releases, population=population, at=proposed.at),
        edits=_edits(history, proposed, population=population),
        unmapped=tuple(sorted(known.unmapped)),
        population=population.name,
    )


def verdict_of(known: Knowledge, crowd: Crowd) -> Verdict:
    """Say what a crowd means; a contradiction is never safe."""
    if known.is_contradiction or crowd.high < BLOCK_BELOW:
        return Verdict.BLOCK
    return Verdict.CLEAR if crowd.low >= CLEAR_FROM else Verdict.REVIEW


def crowd_of(known: Knowledge, *, population: Population, at: date) -> Crowd:
    """Estimate k = 1 + lambda: the patient, and everyone else whom the same words fit."""
    if known.is_contradiction:
        return Crowd(1.0, 1.0, 1.0)
    sexes = [SEXES.index(sex) for sex in known.sexes]
    people = population.counts[known.places][:, sexes].sum(axis=(0, 1))
    core = float(people @ share_of_ages(known.born, at=at))
    low = high = middle = core
    for _, lowest, highest in known.shares:
        low, high, middle = low * lowest, high * highest, middle * (lowest * highest) ** 0.5
    unmapped = UNMAPPED_SHARE ** len(known.unmapped)
    return Crowd(
        k=1 + middle * unmapped,
        low=1 + low * unmapped / WIDENING,
        high=1 + min(high * unmapped * WIDENING, population.total - 1),
    )


def _contributions(
    releases: Sequence[Disclosed], *, population: Population, at: date
) -> tuple[Mapping[str, Any], ...]:
    """Share the narrowing out among the kinds of detail (exact Shapley values of log k)."""
    told = [kind for kind in KINDS if _tells(releases, kind, population=population)]
    size: dict[frozenset[str], float] = {}
    for count in range(len(told) + 1):
        for chosen in map(frozenset, combinations(told, count)):
            known = fold(releases, population=population, without=frozenset(KINDS) - chosen)
            size[chosen] = log10(crowd_of(known, population=population, at=at).k)
    shares = {kind: _shapley(kind, told, size) for kind in told}
    return tuple(
        {"detail": kind, "narrows_by": round(10**-share, 1)}
        for kind, share in sorted(shares.items(), key=lambda item: item[1])
    )


def _tells(releases: Sequence[Disclosed], kind: str, *, population: Population) -> bool:
    alone = fold(releases, population=population, without=frozenset(KINDS) - {kind})
    nothing = fold((), population=population)
    return any(
        (
            bool((alone.places != nothing.places).any()),
            alone.sexes != nothing.sexes,
            alone.born != nothing.born,
            bool(alone.shares or alone.unmapped),
        )
    )


def _shapley(kind: str, told: Sequence[str], size: Mapping[frozenset[str], float]) -> float:
    others = [each for each in told if each != kind]
    total = 0.0
    for count in range(len(others) + 1):
        weight = factorial(count) * factorial(len(told) - count - 1) / factorial(len(told))
        for chosen in map(frozenset, combinations(others, count)):
            total += weight * (size[chosen | {kind}] - size[chosen])
    return total


def _edits(
    history: Sequence[Disclosed], proposed: Disclosed, *, population: Population
) -> tuple[Mapping[str, Any], ...]:
    """Return single changes of the proposed release that make the crowd larger, best first."""
    before = crowd_of(
        fold([*history, proposed], population=population), population=population, at=proposed.at
    )
    found = []
    for detail, to, facts in _simpler(proposed.facts, population=population):
        known = fold([*history, replace(proposed, facts=facts)], population=population)
        crowd = crowd_of(known, population=population, at=proposed.at)
        if crowd.k > before.k:
            verdict = verdict_of(known, crowd)
            found.append({"detail": detail, "to": to, "verdict": verdict.value} | crowd.as_json())
    return tuple(sorted(found, key=lambda each: -float(str(each["k"]))))


def _simpler(
    facts: Mapping[str, Any], *, population: Population
) -> list[tuple[str, str, Mapping[str, Any]]]:
    options: list[tuple[str, str, Mapping[str, Any]]] = [
        (kind, "left out", {name: value for name, value in facts.items() if name != kind})
        for kind in facts
    ]
    place = facts.get("place")
    if place is not None and (place["level"], place["code"]) in population.areas:
        wider = population.widened(place["level"], place["code"])
        if wider is not None:
            said = {"level": wider[0], "code": wider[1]}
            options.append(("place", f"{wider[0]} {wider[1]}", {**facts, "place": said}))
    age = facts.get("age", {})
    if "years" in age:
        low = age["years"] // 10 * 10
        said_age = {"band": [low, low + 9]}
        options.append(("age", f"{low} to {low + 9}", {**facts, "age": said_age}))
    return options
