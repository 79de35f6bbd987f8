"""What was ever told of many patients, kept as what it means: only ever added to."""

from __future__ import annotations

from collections.abc import Sequence

from safelight.exposure.judging import Judgement, Seen, judge
from safelight.exposure.knowledge import told_by
from safelight.exposure.population import Population
from safelight.exposure.releases import Disclosed


class Register:
    """Each patient's disclosures, by audience. The order doesn't matter, nor does repeating one.

    There is no way to remove anything: what was seen stays seen.
    """

    def __init__(self, population: Population) -> None:
        self._population = population
        self._seen: dict[str, dict[Seen, None]] = {}

    def append(self, patient: str, release: Disclosed) -> None:
        """Add what a release told its audience."""
        told = told_by(release, population=self._population)
        self._seen.setdefault(patient, {})[release.audience, told] = None

    def judge(self, patient: str, proposed: Disclosed) -> Sequence[Judgement]:
        """Judge a release for everyone who would see it, the worst-placed first; adds nothing."""
        told = told_by(proposed, population=self._population)
        seen = [*self._seen.get(patient, ()), (proposed.audience, told)]
        return judge(seen, proposed.audience, population=self._population)
