"""Whether a release that names no patient is of this one: odds from words, poster, time and picture.

Two releases that are known to be of one patient are linked, two known to be of different ones are
not. In between a likelihood ratio weighs them: how much likelier the second's words are if it is
of somebody whom the first's words fit, N·λ(both) / (λ(one)·λ(other)), times that of the pictures,
times the odds beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp2
from typing import Any

from safelight.exposure.estimating import crowd_of
from safelight.exposure.knowledge import ANY, UNKNOWN_POSTER, Knowledge, together, told_by
from safelight.exposure.likeness import distance
from safelight.exposure.population import Population
from safelight.exposure.releases import Disclosed

LINKED_FROM = 0.05
"""From one in twenty on it is judged as linked: the stricter of the two figures decides."""
SAME_POSTER, SAME_ORGANISATION, STRANGERS = 0.04, 0.008, 0.0002
"""How often two releases of one poster, of one organisation's, or of any two posters are of one
patient, close in time. Assumptions of ours: somebody who posts tells of many patients, of some of
them several times. A poster alone links nothing."""
HALF_LIFE_DAYS = 180.0
"""After so many days half of what the poster said beforehand is left."""
POSTED = frozenset({UNKNOWN_POSTER})
"""Who posted is weighed beforehand, and must not be counted again as a detail that both tell."""
ALIKE = ((10, 2000.0), (12, 80.0), (14, 8.0), (16, 1.6))
"""Waves that differ, and how much likelier so few are if the releases are of one patient: three in
ten such pairs show one picture. From 99,681 pairs of real pictures and crops of them:
docs/reference/benchmarks.md."""


@dataclass(frozen=True, slots=True)
class Linked:
    """A release that may be of the same patient."""

    release: Disclosed
    probability: float

    def as_json(self) -> dict[str, Any]:
        """Return its id and the probability, two digits."""
        return {"id": self.release.id, "probability": round(self.probability, 2)}


def linked(
    own: Sequence[Disclosed],
    proposed: Disclosed,
    others: Sequence[Disclosed],
    *,
    population: Population,
) -> tuple[Linked, ...]:
    """Return those of the others that are to be judged as of the same patient, likeliest first.

    own: earlier releases known to be of the patient. others: those of whom it isn't known; one
    that names another patient is never linked to one that names this one.
    What is linked is known from then on, so that a third release can follow by it. A release that
    names nobody is linked to one named patient at the most.
    """
    known = [*own, proposed]
    waiting = _groups(others, proposed)
    found: list[Linked] = []
    while waiting:
        chance, at = max(
            (probability(known, group, population=population), -number)
            for number, group in enumerate(waiting)
        )
        if chance < LINKED_FROM:
            break
        group = waiting.pop(-at)
        if group[0].patient is not None:
            waiting = [each for each in waiting if each[0].patient is None]
        found += [Linked(each, chance) for each in group]
        known += group
    return tuple(found)


def _groups(others: Sequence[Disclosed], proposed: Disclosed) -> list[list[Disclosed]]:
    """Return the others that may be of the patient: those of one named patient go together."""
    named: dict[str, list[Disclosed]] = {}
    unnamed: list[list[Disclosed]] = []
    for each in others:
        if each.patient is None:
            unnamed.append([each])
        elif proposed.patient is None:
            named.setdefault(each.patient, []).append(each)
    return [*named.values(), *unnamed]


def probability(
    known: Sequence[Disclosed], others: Sequence[Disclosed], *, population: Population
) -> float:
    """Return how likely other releases, all of one patient, are of the one the known are of."""
    one, two = (
        together(told_by(each, population=population) for each in releases)
        for releases in (known, others)
    )
    pairs = [(each, other) for each in known for other in others]
    near = max(_beforehand(*pair) for pair in pairs)
    same_house = any(_poster_of(*pair) > 0 for pair in pairs)
    among = _among(one, two) if same_house else Knowledge(unmapped=POSTED)
    ratio = likelihood_ratio(one, two, among=among, population=population)
    odds = near / (1 - near) * ratio * max(_likeness(*pair) for pair in pairs)
    return odds / (1 + odds)


def likelihood_ratio(
    one: Knowledge, two: Knowledge, *, among: Knowledge, population: Population
) -> float:
    """Return how much likelier both are told of one patient than of two, among such people.

    0 where nobody at all fits both.
    """
    if one.meet(two).is_contradiction:
        return 0.0
    everyone, both, first, second = (
        max(crowd_of(known.meet(among), population=population).k - 1, 1e-9)
        for known in (among, one.meet(two), one, two)
    )
    return everyone * both / (first * second)


def _among(one: Knowledge, two: Knowledge) -> Knowledge:
    """Return among whom two releases of one house are compared: its own part of the country.

    Otherwise the town alone would link all that a practice ever says.
    """
    placed = ANY not in {one.places, two.places}
    return Knowledge(places=one.places | two.places if placed else ANY, unmapped=POSTED)


def _poster_of(one: Disclosed, other: Disclosed) -> int:
    """Return 2 where the same person posted both, 1 where the same organisation did, else 0."""
    names, houses = ({each.poster[at].casefold() for each in (one, other)} for at in (0, 1))
    if len(names) == 1 and names != {""}:
        return 2
    return int(len(houses) == 1 and houses != {""})


def _beforehand(one: Disclosed, other: Disclosed) -> float:
    """Return how likely two releases are of one patient before a word of them is read."""
    near = {2: SAME_POSTER, 1: SAME_ORGANISATION, 0: STRANGERS}[_poster_of(one, other)]
    apart = abs((one.at - other.at).days)
    return max(STRANGERS, near * exp2(-apart / HALF_LIFE_DAYS))


def _likeness(one: Disclosed, other: Disclosed) -> float:
    """Return how much likelier the pictures are if they are of one patient; never below one.

    Another picture is no evidence of another patient.
    """
    apart = distance(one.picture, other.picture)
    if apart is None:
        return 1.0
    return next((ratio for most, ratio in ALIKE if apart <= most), 1.0)
