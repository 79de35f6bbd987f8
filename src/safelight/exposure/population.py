"""How many people there are of each place, sex and year of age: a published table, nothing guessed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from math import inf
from operator import or_

import numpy as np
from numpy.typing import NDArray

from safelight.exposure.calibrating import Calibration
from safelight.exposure.satellites import at_each_age, ethnic_groups, lifts_of

SEXES = ("F", "M")
OLDEST = 90
"""The last column of the table pools everybody of this age and above."""
POOLED_YEARS = 15
"""The pooled ages are spread over so many years; fewer than the truth would overstate a crowd."""

ANY_GROUP = -1
STEPS_KEPT = 20_000
"""Counts of so many combinations of places, sexes and groups are kept, under 100 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """People by place (row of `counts`), sex (F, M) and single year of age (0 to 90+)."""

    name: str
    places: tuple[str, ...]
    counts: NDArray[np.int64]
    """(places, 2, 91)."""
    areas: dict[tuple[str, str], NDArray[np.bool_]]
    """(level, code) to the mask of its places; level is "lad", "region" or "nation"."""
    groups: Mapping[str, int] = field(default_factory=dict)
    """Name of an ethnic group, to its mask: bit n for column n of `ethnicity`."""
    ethnicity: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, OLDEST + 1, 0)))
    """(places, 91, groups): the share of each group in each place at each age."""
    conditions: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Name of a condition, to the share of people who have it: lowest and highest."""
    calibration: Calibration | None = None
    """How good estimates are here; without one they are called uncalibrated."""
    vintage: str = "an unknown year"
    """When the people were counted, in words."""
    names: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """What places are called, to (level, code), for reading words."""
    catchments: Mapping[str, int] = field(default_factory=dict)
    """Name of a poster or organisation, in lower case, to the mask of its patients' places."""
    list_shares: Mapping[str, float] = field(default_factory=dict)
    """The same names, to what share of the people of those places are on their list."""
    masks: Mapping[tuple[str, str], int] = field(init=False)
    """The same areas as bit masks: bit n for place n."""
    total: int = field(init=False)
    """How many people the table counts."""
    everywhere: int = field(init=False)
    """The mask of all places."""
    _steps: dict[tuple[int, int, int], list[float]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        masks = {area: _bits(mask) for area, mask in self.areas.items()}
        object.__setattr__(self, "masks", masks)
        object.__setattr__(self, "total", int(self.counts.sum()))
        object.__setattr__(self, "everywhere", (1 << len(self.places)) - 1)

    def within(self, regions: Sequence[str]) -> Population:
        """Return the same table of these regions only, for measuring on a part of it."""
        kept = np.zeros(len(self.places), dtype=np.bool_)
        for region in regions:
            kept |= self.areas["region", region]
        return replace(
            self,
            places=tuple(place for place, keep in zip(self.places, kept, strict=True) if keep),
            counts=self.counts[kept],
            areas={area: mask[kept] for area, mask in self.areas.items() if mask[kept].any()},
            ethnicity=self.ethnicity[kept],
        )

    def knowing(
        self,
        catchments: Mapping[str, Sequence[tuple[str, str]]],
        *,
        lists: Mapping[str, int] | None = None,
    ) -> Population:
        """Return the table with the places that posters' and organisations' patients come from.

        lists: how many patients an organisation has, where that is known: of all who live in its
        places only so many can be meant.
        """
        known = {
            _said(name): reduce(or_, (self.masks[area] for area in areas), 0)
            for name, areas in catchments.items()
        }
        shares = {
            _said(name): min(1.0, size / max(1.0, self.people_between(0, inf, mask, 3, ANY_GROUP)))
            for name, size in (lists or {}).items()
            if size > 0 and (mask := known.get(_said(name)))
        }
        return replace(
            self,
            catchments={**self.catchments, **known},
            list_shares={**self.list_shares, **shares},
        )

    def people_between(
        self, youngest: float, oldest: float, places: int, sexes: int, groups: int
    ) -> float:
        """Return how many people are of these places, sexes and groups and between two ages.

        youngest, oldest: in years; a part of a year counts as that part of its people.
        """
        steps = self._steps_of(places, sexes, groups)
        return _below(oldest, steps) - _below(youngest, steps)

    def _steps_of(self, places: int, sexes: int, groups: int) -> list[float]:
        key = places & self.everywhere, sexes & 3, groups
        if (steps := self._steps.get(key)) is None:
            if len(self._steps) >= STEPS_KEPT:
                self._steps.clear()
            steps = self._steps[key] = self._count(*key)
        return steps

    def _count(self, places: int, sexes: int, groups: int) -> list[float]:
        chosen = [at for at in range(len(SEXES)) if sexes >> at & 1]
        here = _mask(places, len(self.places))
        rows = self.counts[here][:, chosen].sum(axis=1)
        if groups == ANY_GROUP:
            return [0.0, *np.cumsum(rows.sum(axis=0)).tolist()]
        share = self.ethnicity[here][..., _mask(groups, self.ethnicity.shape[2])].sum(axis=2)
        return [0.0, *np.cumsum((share * rows).sum(axis=0)).tolist()]

    def widened(self, level: str, code: str) -> tuple[str, str] | None:
        """Return the next wider area that holds this one, or None above the nation."""
        inner = self.masks[level, code]
        for wider in {"lad": ("region", "nation"), "region": ("nation",), "nation": ()}[level]:
            for (at, name), mask in self.masks.items():
                if at == wider and inner & ~mask == 0:
                    return at, name
        return None


def _said(name: str) -> str:
    return name.strip().casefold()


def _below(age: float, steps: list[float]) -> float:
    if age <= 0:
        return 0.0
    if age >= OLDEST:
        part = min(1.0, (age - OLDEST) / POOLED_YEARS)
        return steps[OLDEST] + part * (steps[OLDEST + 1] - steps[OLDEST])
    whole = int(age)
    return steps[whole] + (age - whole) * (steps[whole + 1] - steps[whole])


def _bits(mask: NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(mask, bitorder="little").tobytes(), "little")


def _mask(bits: int, places: int) -> NDArray[np.bool_]:
    packed = np.frombuffer(bits.to_bytes((places + 7) // 8, "little"), dtype=np.uint8)
    return np.unpackbits(packed, bitorder="little")[:places].astype(np.bool_)


def population_of(
    name: str,
    *,
    people: Sequence[Sequence[str]],
    ethnicity: Sequence[Sequence[str]],
    conditions: Mapping[str, tuple[float, float]],
    calibration: Calibration | None = None,
    names: Iterable[Sequence[str]] = (),
    lifts: Sequence[Sequence[str]] = (),
    vintage: str = "an unknown year",
) -> Population:
    """Return a population from rows: lad, region, nation, sex and the counts of 91 ages.

    ethnicity: a heading, then lad, region and the count of each group; empty if there is no table.
    names: level, code and name of places.
    lifts: a heading, then group, first and last age, and how much more of that group are of these
    ages than of all; empty where that isn't known.
    """
    rows = people
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
    groups, shares = ethnic_groups(ethnicity, index)
    return Population(
        name=name,
        places=places,
        counts=counts,
        areas=areas,
        groups=groups,
        ethnicity=at_each_age(lifts_of(lifts, ethnicity, oldest=OLDEST), shares, counts),
        conditions=conditions,
        calibration=calibration,
        vintage=vintage,
        names={name: (level, code) for level, code, name in names},
    )
