"""How many people there are of each place, sex and year of age: a published table, nothing guessed."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

NAMES = ("uk-mid2011",)
SEXES = ("F", "M")
OLDEST = 90
"""The last column of the table pools everybody of this age and above."""
POOLED_YEARS = 15
"""The pooled ages are spread over so many years; fewer than the truth would overstate a crowd."""


class UnknownPopulation(ValueError):
    """There is no population table of that name."""


@dataclass(frozen=True, slots=True)
class Population:
    """People by place (row of `counts`), sex (F, M) and single year of age (0 to 90+)."""

    name: str
    places: tuple[str, ...]
    counts: NDArray[np.int64]
    """(places, 2, 91)."""
    areas: dict[tuple[str, str], NDArray[np.bool_]]
    """(level, code) to the mask of its places; level is "lad", "region" or "nation"."""

    @property
    def total(self) -> int:
        """Return how many people the table counts."""
        return int(self.counts.sum())

    def widened(self, level: str, code: str) -> tuple[str, str] | None:
        """Return the next wider area that holds this one, or None above the nation."""
        inner = self.areas[level, code]
        for wider in {"lad": ("region", "nation"), "region": ("nation",), "nation": ()}[level]:
            for (at, name), mask in self.areas.items():
                if at == wider and bool((mask | ~inner).all()):
                    return at, name
        return None


@cache
def load_population(name: str = NAMES[0]) -> Population:
    """Return the population table of that name.

    Raises UnknownPopulation; an unknown crowd is never taken for a large one.
    """
    if name not in NAMES:
        raise UnknownPopulation(name)
    packed = files("safelight.exposure").joinpath("tables", f"{name}.csv.gz").read_bytes()
    rows = list(csv.reader(io.StringIO(gzip.decompress(packed).decode())))[1:]
    places = tuple(sorted({row[0] for row in rows}))
    index = {place: at for at, place in enumerate(places)}
    counts = np.zeros((len(places), len(SEXES), OLDEST + 1), dtype=np.int64)
    areas: dict[tuple[str, str], NDArray[np.bool_]] = {}
    for lad, region, nation, sex, *ages in rows:
        counts[index[lad], SEXES.index(sex)] = [int(each) for each in ages]
        for area in (("lad", lad), ("region", region), ("nation", nation)):
            if area[1]:
                mask = areas.setdefault(area, np.zeros(len(places), dtype=np.bool_))
                mask[index[lad]] = True
    return Population(name=name, places=places, counts=counts, areas=areas)
