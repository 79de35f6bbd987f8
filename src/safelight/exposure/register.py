"""What was ever told of many patients, kept as what it means: only ever added to."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import fields
from typing import TypeVar

from safelight.exposure.judging import Judgement, Seen, judge
from safelight.exposure.knowledge import Knowledge, told_by
from safelight.exposure.population import Population
from safelight.exposure.releases import Disclosed

T = TypeVar("T", bound=Hashable)
PARTS = tuple(field.name for field in fields(Knowledge))


class Register:
    """Each patient's disclosures, by audience. The order doesn't matter, nor does repeating one.

    There is no way to remove anything: what was seen stays seen.
    What many releases share (a town, a day, a group) is kept once: a million releases of 285,000
    patients take about 300 bytes each.
    """

    def __init__(self, population: Population) -> None:
        self._population = population
        self._seen: dict[str, dict[Seen, None]] = {}
        self._kept: dict[Hashable, Hashable] = {}

    def __len__(self) -> int:
        """Return how many different things were told, over all patients."""
        return sum(map(len, self._seen.values()))

    def append(self, patient: str, release: Disclosed) -> None:
        """Add what a release told its audience."""
        seen = release.audience, told_by(release, population=self._population)
        self._seen.setdefault(patient, {}).setdefault(self._shared(seen))

    def judge(self, patient: str, proposed: Disclosed) -> Sequence[Judgement]:
        """Judge a release for everyone who would see it, the worst-placed first; adds nothing."""
        told = told_by(proposed, population=self._population)
        seen = [*self._seen.get(patient, ()), (proposed.audience, told)]
        return judge(seen, proposed.audience, population=self._population)

    def _shared(self, seen: Seen) -> Seen:
        audience, told = seen
        parts = (self._once(getattr(told, part)) for part in PARTS)
        return self._once((self._once(audience), Knowledge(*parts)))

    def _once(self, value: T) -> T:
        """Return the value equal to this one that is kept already, and keep it if there is none."""
        return self._kept.setdefault(value, value)  # type: ignore[return-value]  # of its type
