"""A made-up country with known answers: how many people a series of releases truly fits.

People are counted by district, sex, year of age and ethnic group. What the estimate can't know is
drawn here and hidden from it: how conditions, marks and words that no table counts depend on age,
group and district, how far published prevalences are off, and how old each ethnic group is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safelight import exposure
from safelight.exposure.knowledge import EARLIEST, Knowledge, together, told_by
from safelight.exposure.population import SEXES, Population
from safelight.exposure.satellites import at_each_age

DAY = date(2026, 1, 1)
YEAR = 365.2425
MONTHS = 10
"""A patient's releases are spread over so many months."""
DEPENDENCE = 0.2
"""Spread (log) of how a detail depends on each of district, group and age: 0.35 together."""
OLDER = 0.4
"""Spread (log, at birth and at 80) of how much older or younger each of the 18 census groups is than
the table of five groups tells. An assumption: the microdata have no more than five."""
FROM_REGION_TO_REGION = 0.25
"""Spread (log) of how the ages of ethnic groups differ from one region to another: measured, 0.24."""
PREVALENCE_ERROR, MARK_ERROR = 0.3, 0.5
"""How far published shares are off (log)."""
SUMMED_FROM = 5000
CONDITIONS, MARKS, WORDS = 60, 30, 30
KINDS = ("place", "sex", "age", "ethnicity", "condition", "mark", "word", "not")
ODDS = np.array([0.2, 0.16, 0.22, 0.08, 0.13, 0.1, 0.06, 0.05])


@dataclass(frozen=True, slots=True)
class Detail:
    """A condition, mark or word: who truly has it, and what a release says of it."""

    share: NDArray[np.float64]
    """(places, 1, 91, groups), or what broadcasts to it."""
    said: dict[str, Any]
    kind: str


@dataclass(slots=True)
class Country:
    """People by (place, sex, age, group), and details that some of them have."""

    population: Population
    rng: np.random.Generator
    off_by: float = 1.0
    """Published prevalences are wrong by this factor, one way or the other, besides their error."""
    lifts: NDArray[np.float64] | None = None
    """(ages, groups): how much commoner each group is at each age, of real persons of these regions."""
    people: NDArray[np.int64] = field(init=False)
    running: NDArray[np.int64] = field(init=False)
    details: list[Detail] = field(init=False)

    def __post_init__(self) -> None:
        self.people = self._settle()
        self.running = np.cumsum(self.people)
        self.details = [
            self._detail(kind, number)
            for kind, count in (("condition", CONDITIONS), ("mark", MARKS), ("word", WORDS))
            for number in range(count)
        ]

    def _settle(self) -> NDArray[np.int64]:
        """Let people of each district, sex and age be of a group, by dependences hidden from all."""
        places, sexes, ages = self.population.counts.shape
        groups = self.population.ethnicity.shape[2]
        older = self.rng.normal(0, OLDER, groups) * (np.arange(ages)[:, None] - 40) / 40
        likely = self._likely() * np.exp(older)
        shares = at_each_age(likely, self._shares(), self.population.counts)
        shares = shares / shares.sum(axis=2, keepdims=True)
        every = np.broadcast_to(shares[:, None], (places, sexes, ages, groups))
        return self.rng.multinomial(self.population.counts, every)

    def _shares(self) -> NDArray[np.float64]:
        """Return the share of each group in each place, (places, groups)."""
        people = self.population.counts.sum(axis=1)
        of_group = np.einsum("pa,pag->pg", people, self.population.ethnicity)
        return np.asarray(of_group / people.sum(axis=1, keepdims=True))

    def _likely(self) -> NDArray[np.float64]:
        """Return how much commoner each group is at each age: (ages, groups), or with places before.

        From real persons of these regions where there are, else the estimate's, off by as much as
        one region is from another.
        """
        if self.lifts is not None:
            return self.lifts
        share = self.population.ethnicity / self._shares()[:, None, :].clip(1e-12)
        _, ages, groups = share.shape
        off = self.rng.normal(0, FROM_REGION_TO_REGION, (ages // 10 + 1, groups))
        return np.asarray(share * np.exp(off.repeat(10, axis=0)[:ages]))

    def _detail(self, kind: str, number: int) -> Detail:
        places, _, ages, groups = self.people.shape
        low, high, error = {
            "condition": (-5, -2, PREVALENCE_ERROR),
            "mark": (-5, -1.5, MARK_ERROR),
            "word": (-1.5, -0.5, 0.0),
        }[kind]
        share = 10 ** self.rng.uniform(low, high)
        bend = (
            self.rng.normal(0, DEPENDENCE, (places, 1, 1, 1))
            + self.rng.normal(0, DEPENDENCE, (1, 1, 1, groups))
            + self.rng.normal(0, DEPENDENCE, (1, 1, 10, 1)).repeat(10, axis=2)[:, :, :ages]
        )
        bent = np.clip(share * np.exp(bend - 1.5 * DEPENDENCE**2), 0, 1)
        wrong = self.off_by ** self.rng.choice([-1, 1]) if kind != "word" else 1.0
        told = share * wrong * np.exp(self.rng.normal(0, error))
        interval = [min(1.0, told / 10**0.5), min(1.0, told * 10**0.5)]
        name = f"{kind} {number}"
        sayings: dict[str, dict[str, Any]] = {
            "condition": {"condition": {"name": name, "prevalence": interval}},
            "mark": {"marks": [{"what": name, "share": interval}]},
            "word": {"unmapped": [name]},
        }
        return Detail(bent, sayings[kind], kind)

    def series(self) -> list[exposure.Disclosed]:
        """Return one to six releases about somebody, in the order in which they leave."""
        person = self._somebody()
        count = int(self.rng.integers(1, 7))
        days = sorted(self.rng.integers(0, MONTHS * 30, count))
        own = [self.details[at] for at in self.rng.choice(len(self.details), 3, replace=False)]
        return [self._release(person, own, int(day)) for day in days]

    def _somebody(self) -> tuple[int, int, float, int]:
        flat = self.rng.integers(0, int(self.people.sum()))
        at = int(np.searchsorted(self.running, flat, side="right"))
        place, sex, age, group = (int(each) for each in np.unravel_index(at, self.people.shape))
        return place, sex, age + float(self.rng.random()), group

    def _release(
        self, person: tuple[int, int, float, int], own: Sequence[Detail], day: int
    ) -> exposure.Disclosed:
        place, sex, age, group = person
        facts: dict[str, Any] = {}
        ruled_out: dict[str, Any] | None = None
        kinds = self.rng.choice(KINDS, int(self.rng.integers(1, 4)), replace=False, p=ODDS)
        for kind in kinds:
            if kind == "place":
                facts["place"] = self._place(place)
            elif kind == "sex":
                facts["sex"] = SEXES[sex]
            elif kind == "age":
                facts["age"] = self._age(age + day / YEAR)
            elif kind == "ethnicity":
                facts["ethnicity"] = list(self.population.groups)[group]
            elif kind == "not":
                other = int(self.rng.integers(len(self.population.places)))
                if other != place:
                    code = self.population.places[other]
                    ruled_out = {"place": [{"level": "lad", "code": code}]}
            else:
                for detail in own:
                    if detail.kind == kind:
                        facts |= detail.said
        at = (DAY + timedelta(days=day)).isoformat()
        said = {"at": at, "audience": ["public"], "facts": facts, "not": ruled_out}
        return exposure.read_release({"id": f"r{day}", "patient": "p", **said})

    def _place(self, place: int) -> dict[str, str]:
        level = str(self.rng.choice(["lad", "region"], p=[0.65, 0.35]))
        for (at, code), mask in self.population.masks.items():
            if at == level and mask >> place & 1:
                return {"level": level, "code": code}
        raise LookupError(place)

    def _age(self, age: float) -> dict[str, Any]:
        if age < 2:
            return {"months": int(age * 12)}
        if self.rng.random() < 0.6:
            return {"years": int(age)}
        width = int(self.rng.choice([5, 10, 20]))
        low = int(age) // width * width
        return {"band": [low, low + width - 1]}

    def truth(self, releases: Sequence[exposure.Disclosed]) -> int:
        """Return how many people all these releases fit, the patient included."""
        known = together(told_by(each, population=self.population) for each in releases)
        here = np.array([known.places >> at & 1 for at in range(len(self.population.places))], bool)
        sexes = np.array([at for at in range(2) if known.sexes >> at & 1])
        groups = np.array([at for at in range(self.people.shape[3]) if known.groups >> at & 1])
        aged = self._share_of_ages(known)
        ages = np.nonzero(aged)[0]
        people = self.people[np.ix_(here, sexes, ages, groups)]
        share = np.broadcast_to(aged[ages][None, None, :, None], people.shape).copy()
        for detail in self._told(known):
            share *= detail.share[here][:, :, ages][:, :, :, groups]
        share = np.clip(share, 0, 1)
        if people.sum() > SUMMED_FROM:
            # Of so many the sum of draws is as good as drawing each, and much faster.
            mean, spread = (people * share).sum(), (people * share * (1 - share)).sum()
            few = spread < SUMMED_FROM / 10
            return 1 + int(self.rng.poisson(mean) if few else self.rng.normal(mean, spread**0.5))
        return 1 + int(self.rng.binomial(people, share).sum())

    def _told(self, known: Knowledge) -> list[Detail]:
        names = {name.partition(": ")[2] for name, _, _ in known.shares} | known.unmapped
        return [each for each in self.details if _name_of(each) in names]

    def _share_of_ages(self, known: Knowledge) -> NDArray[np.float64]:
        """Return what part of each year of age, as of the first day, the birth days cover."""
        years = np.arange(self.people.shape[2], dtype=np.float64)
        if known.born[0] == EARLIEST:
            return np.ones(len(years))
        oldest = (DAY.toordinal() - known.born[0]) / YEAR
        youngest = (DAY.toordinal() - known.born[1]) / YEAR
        part = np.clip(np.minimum(oldest, years + 1) - np.maximum(youngest, years), 0, 1)
        # Of those of 90 and over a fifth die each year.
        first, last = (max(0.0, each - years[-1]) for each in (youngest, oldest))
        part[-1] = np.exp(-0.22 * first) - np.exp(-0.22 * last)
        return np.asarray(part)


def _name_of(detail: Detail) -> str:
    (value,) = detail.said.values()
    if detail.kind == "condition":
        return str(value["name"])
    return str(value[0]["what"]) if detail.kind == "mark" else str(value[0])


def country(
    population: Population,
    regions: Sequence[str],
    *,
    seed: int,
    off_by: float = 1.0,
    lifts: NDArray[np.float64] | None = None,
) -> Country:
    """Return the made-up people of these regions."""
    return Country(population.within(regions), np.random.default_rng(seed), off_by, lifts)
