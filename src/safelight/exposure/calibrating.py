"""What series with a known answer taught: how far an estimate can be off, and where to block.

Split-conformal (Vovk's Mondrian form): within a cell of like estimates the range holds the truth
for the share of series it names, whatever the estimator, as long as the new ones are like those.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, exp, floor, log
from typing import Any

EDGES = (1.05, 1.5, 3.0, 6.0, 11.0, 22.0, 50.0, 150.0, 600.0, 5000.0)
"""Between these estimates lie the cells."""
LEVELS = 4
CLASSES = 2 * LEVELS
EXACT = 0
"""The class in which all is counted. Hardly any of its series are of too few people, so that nothing
can be learnt there; twice the line blocks: of 22 expected, ten or fewer come true once in 300."""
MOST_SHARES, MOST_UNMAPPED = 4, 3
"""Series with more of them weren't measured in number."""
TAIL = 0.035
"""Truths below the range, and above it: 7 % outside in all, to leave room within the 90 %."""
MISSED = 0.0125
"""Of series with too small a crowd and wrong prevalences, so many may be estimated above the
threshold: fewer, and more crowds of 33 are blocked where prevalences are right than may be."""
FEWEST = 150
"""A cell with fewer series shares those of all classes."""


def class_of(shares: int, unmapped: int, *, mixed: bool = False) -> int:
    """Return the class of a series by its details that no exact count covers.

    shares: details of which the share of people is known roughly. unmapped: those of which
    nothing is. mixed: an ethnic group together with an age, which no table counts together.
    Saying more never lowers the class.
    """
    level = min(shares, 2) + 1 if shares else int(mixed)
    return level + LEVELS * min(unmapped, 1)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds and ranges for one population, by class of series and size of the estimate."""

    population: str
    series: int
    thresholds: tuple[float, ...]
    """By class: an estimate up to this blocks. Never smaller where more is said."""
    ranges: tuple[tuple[tuple[float, float], ...], ...]
    """By class and cell: the truth lies between these multiples of the estimate."""

    def range_of(self, k: float, kind: int) -> tuple[float, float]:
        """Return between which numbers of people the truth lies in nine of ten cases."""
        low, high = self.ranges[kind][bisect_right(EDGES, k)]
        return max(1.0, min(k, k * low)), max(k, k * high)

    def as_json(self) -> dict[str, Any]:
        """Return the figures, rounded, as they are kept in a file."""
        return {
            "population": self.population,
            "series": self.series,
            "thresholds": [round(each, 2) for each in self.thresholds],
            "ranges": [
                [[round(low, 3), round(high, 3)] for low, high in cells] for cells in self.ranges
            ],
        }

    @classmethod
    def from_json(cls, text: str) -> Calibration:
        """Return what `as_json` wrote."""
        said: Mapping[str, Any] = json.loads(text)
        ranges = tuple(tuple((low, high) for low, high in cells) for cells in said["ranges"])
        return cls(said["population"], said["series"], tuple(said["thresholds"]), ranges)


def calibrate(
    population: str,
    series: Sequence[tuple[int, float, int]],
    *,
    block_below: int,
    hardest: Sequence[tuple[int, float, int]] = (),
) -> Calibration:
    """Learn from series: class, estimate, true number of people.

    hardest: those of the series that the thresholds are learnt from; all where none are named.
    """
    hardest = hardest or series
    numbers = range(CLASSES)
    thresholds: list[float] = []
    for number in numbers:
        unsafe = sorted(_too_small(hardest, {number}, block_below))
        if len(unsafe) < FEWEST and number == EXACT:
            thresholds.append(2.0 * block_below)
            continue
        if len(unsafe) < FEWEST:
            unsafe = sorted(_too_small(hardest, set(numbers), block_below))
        at = min(len(unsafe) - 1, ceil((1 - MISSED) * (len(unsafe) + 1)) - 1)
        # Never smaller where more is said, or saying more could clear a release.
        less = [thresholds[number - step] for step in (1, LEVELS) if _says_less(number, step)]
        thresholds.append(max([float(block_below), unsafe[at], *less]))
    cells: dict[tuple[int, int], list[float]] = defaultdict(list)
    for kind, k, truth in series:
        for number in (kind, -1):
            cells[number, bisect_right(EDGES, k)].append(log(truth / k))
    ranges = tuple(
        tuple(_range_of(cells, number, cell) for cell in range(len(EDGES) + 1))
        for number in numbers
    )
    return Calibration(population, len(series), tuple(thresholds), ranges)


def _says_less(number: int, step: int) -> bool:
    """Say whether the class so many before holds series with one detail less."""
    return number >= step and (step == LEVELS or number % LEVELS > 0)


def _too_small(
    series: Iterable[tuple[int, float, int]], numbers: set[int], block_below: int
) -> list[float]:
    """Return the estimates of crowds that are too small; those of one are too easy and left out."""
    return [k for kind, k, truth in series if kind in numbers and 2 <= truth < block_below]


def _range_of(
    cells: Mapping[tuple[int, int], Sequence[float]], number: int, cell: int
) -> tuple[float, float]:
    errors = sorted(cells.get((number, cell), ()))
    if len(errors) < FEWEST:
        errors = sorted(cells[-1, cell])
    low = max(0, floor(TAIL * (len(errors) + 1)) - 1)
    high = min(len(errors) - 1, ceil((1 - TAIL) * (len(errors) + 1)) - 1)
    return exp(errors[low]), exp(errors[high])
