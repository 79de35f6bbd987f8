"""How well the table tells of which age an ethnic group's people are, against real single persons.

The persons are of regions that the lifts weren't taken from. They are a sample of one in a hundred,
so that a part of the difference is the sample's own.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tools.population import BANDS, GROUPS, USUAL_RESIDENT, lifts

from safelight.exposure.population import OLDEST, SEXES, Population
from safelight.exposure.satellites import lifts_of, plain
from safelight.exposure.shipped import NAMES

SEX_CODES = {"F": "2", "M": "1"}
FEWEST = 10
"""Persons in a cell; of fewer the sample says too little."""
MAJORITY = "1"
"""Left out: nine in ten are of it at any age, whatever is assumed."""


def shipped() -> list[list[str]]:
    """Return the rows of the lifts that come with the product, the heading first."""
    packed = files("safelight.exposure").joinpath("tables", NAMES[0], "lifts.csv.gz").read_bytes()
    return list(csv.reader(gzip.decompress(packed).decode().splitlines()))


def lifts_from(
    population: Population, microdata: Path, regions: Sequence[str]
) -> NDArray[np.float64]:
    """Return how much commoner each group is at each age among these persons, (ages, groups)."""
    names = sorted(
        (name for name, mask in population.groups.items() if mask.bit_count() == 1),
        key=lambda name: population.groups[name],
    )
    of_bit = {population.groups[name]: name for name in names}
    heading, *rows = lifts(microdata, regions)
    known = [
        [of_bit[population.groups[plain(row[0])]], *row[1:]]
        for row in rows
        if plain(row[0]) in population.groups
    ]
    return lifts_of([heading, *known], [["lad", "region", *of_bit.values()]], oldest=OLDEST)


def figures(
    population: Population, microdata: Path, regions: Sequence[str]
) -> dict[str, float | int | str]:
    """Return how far estimates are off in cells of region, sex, age band and group, as log ratios.

    With the lifts; as if age and group had nothing to do with each other; and what counting so few
    persons alone would be off.
    """
    counted = _counted(microdata)
    off, without, noise = [], [], []
    for region in regions:
        for code, names in GROUPS.items():
            mask = sum(population.groups[plain(name)] for name in names)
            of_group = sum(_cells(counted, region, code).values())
            whole = _estimated(population, region, 3, mask, 0, len(BANDS) - 1)
            everybody = sum(sum(_cells(counted, region, each).values()) for each in GROUPS)
            for (sex, band), there in _cells(counted, region, code).items():
                if there < FEWEST or code == MAJORITY:
                    continue
                here = _estimated(population, region, 1 << SEXES.index(sex), mask, band, band)
                alike = sum(_cells(counted, region, each)[sex, band] for each in GROUPS)
                off.append(np.log(here / whole * of_group / there))
                without.append(np.log(of_group * alike / everybody / there))
                noise.append(1 / there)
    return {
        "group_age_cells": len(off),
        "group_age_off": _root_mean_square(off),
        "group_age_off_without_lifts": _root_mean_square(without),
        "group_age_off_by_counting": round(float(np.mean(noise)) ** 0.5, 3) if noise else 0.0,
    }


def _root_mean_square(of: Sequence[float]) -> float:
    return round(float(np.mean(np.square(of))) ** 0.5, 3) if of else 0.0


def _counted(microdata: Path) -> Counter[tuple[str, str, str, str]]:
    with gzip.open(microdata, "rt", encoding="utf-8", newline="") as lines:
        return Counter(
            (row["Region"], row["Ethnic Group"], row["Sex"], row["Age"])
            for row in csv.DictReader(lines)
            if row["Population Base"] == USUAL_RESIDENT
        )


def _cells(
    counted: Counter[tuple[str, str, str, str]], region: str, code: str
) -> dict[tuple[str, int], int]:
    return {
        (sex, band): counted[region, code, SEX_CODES[sex], str(band + 1)]
        for sex in SEXES
        for band in range(len(BANDS))
    }


def _estimated(
    population: Population, region: str, sexes: int, mask: int, first: int, last: int
) -> float:
    youngest, oldest = BANDS[first][0], BANDS[last][1] + 1
    # The oldest are pooled: all of them, however old.
    until = float("inf") if oldest > OLDEST else float(oldest)
    places = population.masks["region", region]
    return population.people_between(youngest, until, places, sexes, mask)
