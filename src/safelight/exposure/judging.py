"""Whether a release may leave, for the worst-placed of those who would see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from typing import Any

from safelight.exposure.estimating import (
    Crowd,
    crowd_of,
    is_calibrated,
    people_of,
    smallest_crowd,
)
from safelight.exposure.knowledge import NOTHING, Knowledge, together
from safelight.exposure.population import Population
from safelight.exposure.viewers import STRANGER, Viewer, everyone, sees, viewers_of

CLEAR_FROM = 33
"""A crowd whose low estimate reaches this is clear: three times the line."""
BLOCK_BELOW = 11
"""Smallest crowd for the public: 1 in 11 is 0.09, as in EMA Policy 0070 and US practice."""
UNCALIBRATED_BLOCK = 2 * BLOCK_BELOW
"""Estimates up to this block where nothing was calibrated: they can be too large by half."""
SEARCHED_SHARE = 0.01
"""What a detail that no table knows narrows to for somebody who takes the trouble to search."""
ON_THE_LIST = 10_000
"""People among whom somebody at the practice has to guess: about a general practice's list."""
ACQUAINTANCES = (150, 600)
"""How many people somebody knows, few to many: relatives and friends guess among these."""

Seen = tuple[tuple[str, ...], Knowledge]
"""An audience, and what it was told."""


class Verdict(StrEnum):
    """What the crowd's size means for a release."""

    CLEAR = "clear"
    REVIEW = "review"
    BLOCK = "block"


SEVERITY = (Verdict.CLEAR, Verdict.REVIEW, Verdict.BLOCK)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one class of viewer could make of all it has seen."""

    viewer: Viewer
    crowd: Crowd
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        """Return who it is, the crowd and the verdict."""
        who = sorted(self.viewer) or ["public"]
        return {"viewer": who, "verdict": self.verdict.value} | self.crowd.as_json()


def judge(
    seen: Sequence[Seen], audience: Sequence[str], *, population: Population
) -> list[Judgement]:
    """Judge for every class of viewer that sees the audience's release, the worst first.

    seen: everything that ever left about the patient, the release to be judged included.
    """
    judged = [
        judgement_of(viewer, seen, population=population)
        for viewer in viewers_of(audience, [to for to, _ in seen])
    ]
    return sorted(judged, key=lambda each: (-SEVERITY.index(each.verdict), each.crowd.k))


def judgement_of(viewer: Viewer, seen: Iterable[Seen], *, population: Population) -> Judgement:
    """Judge what one class of viewer has seen; a contradiction is never safe."""
    told = [known for audience, known in seen if sees(viewer, audience)]
    known = together(told)
    if known.is_contradiction:
        crowd = smallest_crowd(told, population=population)
    else:
        crowd = crowd_of(known, population=population)
    return Judgement(viewer, crowd, verdict_of(known, crowd, population=population))


def verdict_of(known: Knowledge, crowd: Crowd, *, population: Population) -> Verdict:
    """Say what a crowd means; a contradiction is never safe."""
    if known.is_contradiction or crowd.k <= _blocks_up_to(known, population=population):
        return Verdict.BLOCK
    return Verdict.CLEAR if crowd.low >= CLEAR_FROM else Verdict.REVIEW


def _blocks_up_to(known: Knowledge, *, population: Population) -> float:
    calibration = population.calibration
    if calibration is None or not is_calibrated(known, population=population):
        return UNCALIBRATED_BLOCK
    return calibration.thresholds[known.kind]


def overall(judged: Sequence[Judgement], union: Judgement) -> Verdict:
    """Return the verdict of the worst-placed; a warning where only all together know too much."""
    if judged[0].verdict is Verdict.CLEAR and union.verdict is Verdict.BLOCK:
        return Verdict.REVIEW
    return judged[0].verdict


def in_every_audience(seen: Sequence[Seen], *, population: Population) -> Judgement:
    """Judge what all audiences know if they talk to one another."""
    return judgement_of(everyone(to for to, _ in seen), seen, population=population)


def tiers_of(seen: Sequence[Seen], worst: Viewer, *, population: Population) -> Mapping[str, Crowd]:
    """Return the crowd by how close the one who looks is to the patient; never averaged.

    worst: the class of viewer that knows most, whose knowledge all but the stranger have.
    """
    told = [known for audience, known in seen if sees(worst, audience)]
    public = [known for audience, known in seen if sees(STRANGER, audience)]
    return {
        "stranger": smallest_crowd(public, population=population),
        "motivated-intruder": smallest_crowd(
            told, population=population, unmapped_share=SEARCHED_SHARE
        ),
        "colleague": _among(ON_THE_LIST, ON_THE_LIST, told, population=population),
        "close-circle": _among(*ACQUAINTANCES, told, population=population),
        "all-audiences": in_every_audience(seen, population=population).crowd,
    }


def _among(fewest: int, most: int, told: Sequence[Knowledge], *, population: Population) -> Crowd:
    """Return the crowd among so many people of the same places, instead of all of them."""
    known = together(told)
    if known.is_contradiction:
        return Crowd(1.0, 1.0, 1.0)
    of_places = Knowledge(places=known.places) if known.places > 0 else NOTHING
    people = max(1.0, people_of(of_places, population=population))
    crowd = crowd_of(known, population=population)
    k, low, high = (min(1.0, (each - 1) / people) for each in (crowd.k, crowd.low, crowd.high))
    return Crowd(1 + k * sqrt(fewest * most), 1 + low * fewest, 1 + high * most)
