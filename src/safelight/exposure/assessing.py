"""How many people it could be, with everything that ever left taken together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from safelight.exposure.contributing import Part, contributions, steps
from safelight.exposure.editing import edits
from safelight.exposure.estimating import Crowd, is_calibrated
from safelight.exposure.judging import (
    Judgement,
    Seen,
    Verdict,
    in_every_audience,
    judge,
    judgement_of,
    overall,
    tiers_of,
)
from safelight.exposure.knowledge import Knowledge, parts_of, together, told_by
from safelight.exposure.linking import Linked, linked
from safelight.exposure.population import Population
from safelight.exposure.releases import Disclosed
from safelight.exposure.viewers import sees

UNCALIBRATED = "Not calibrated: the range is widened by a factor of three."
CALIBRATED = "The range held the truth in nine of ten series with a known answer."
NO_FIGURE = "A relative or a close friend might still know the patient; no figure covers that."


@dataclass(frozen=True, slots=True)
class Report:
    """What the proposed release adds up to with all earlier ones."""

    crowd: Crowd
    """Of the worst-placed of those who would see the release."""
    verdict: Verdict
    before: Crowd
    """Of the same, from what they had seen before it."""
    tiers: Mapping[str, Crowd]
    viewers: tuple[Judgement, ...]
    contributions: tuple[Mapping[str, Any], ...]
    steps: tuple[Mapping[str, Any], ...]
    """The crowd after one kind of detail after the other, of all that ever left."""
    edits: tuple[Mapping[str, Any], ...]
    unmapped: tuple[str, ...]
    population: str
    adds_nothing: bool = False
    """Everyone who sees it knew all of it already."""
    nothing_mends: bool = False
    """It is blocked, and no change to this release would help."""
    contradiction: bool = False
    calibrated: bool = False
    note: str = ""
    """How far the figures can be trusted, in words."""
    linked: tuple[Linked, ...] = ()
    """Releases that name nobody, or the proposed one does not, and that may be of the patient."""
    unlinked: Crowd | None = None
    """The crowd without what is linked, where anything is."""

    def as_json(self) -> dict[str, Any]:
        """Return the report as the contract of `safelight expose` writes it."""
        return self.crowd.as_json() | {
            "verdict": self.verdict.value,
            "before": self.before.as_json(),
            "tiers": {name: crowd.as_json() for name, crowd in self.tiers.items()},
            "viewers": [each.as_json() for each in self.viewers],
            "contributions": list(self.contributions),
            "steps": list(self.steps),
            "edits": list(self.edits),
            "unmapped": list(self.unmapped),
            "linked": [each.as_json() for each in self.linked],
            "unlinked": self.unlinked.as_json() if self.unlinked else None,
            "adds_nothing": self.adds_nothing,
            "nothing_mends": self.nothing_mends,
            "contradiction": self.contradiction,
            "calibrated": self.calibrated,
            "population": self.population,
            "note": self.note,
        }


def assess(
    history: Sequence[Disclosed],
    proposed: Disclosed,
    *,
    population: Population,
    others: Sequence[Disclosed] = (),
) -> Report:
    """Say what a release would add up to, with all that ever left about the same patient.

    history: every earlier release of that patient, taken back or not: what was seen stays seen.
    others: releases of whom it isn't known; those that may be of the patient count as if they were.
    """
    links = linked(history, proposed, others, population=population)
    alone = _crowd_of(history, proposed, population=population) if links else None
    releases = [*history, *(each.release for each in links), proposed]
    told = [parts_of(each, population=population) for each in releases]
    parts = [
        Part(kind, release.id, part)
        for release, each in zip(releases, told, strict=True)
        for kind, part in each
    ]
    seen: list[Seen] = [
        (release.audience, together(part for _, part in each))
        for release, each in zip(releases, told, strict=True)
    ]
    earlier = seen[:-1]
    judged = judge(seen, proposed.audience, population=population)
    union = in_every_audience(seen, population=population)
    known = together(told for _, told in seen)
    calibrated = is_calibrated(known, population=population)
    offered = edits(earlier, proposed, population=population)
    shares = contributions(parts, population=population)
    kinds = [each["detail"] for each in shares]
    return Report(
        crowd=judged[0].crowd,
        verdict=overall(judged, union),
        tiers=tiers_of(seen, judged[0].viewer, population=population),
        viewers=tuple(judged),
        before=judgement_of(judged[0].viewer, earlier, population=population).crowd,
        contributions=shares,
        steps=steps(parts, kinds, population=population),
        edits=offered,
        unmapped=tuple(sorted(known.unmapped)),
        population=population.name,
        adds_nothing=_adds_nothing(earlier, seen, judged),
        nothing_mends=judged[0].verdict is Verdict.BLOCK and not offered,
        contradiction=known.is_contradiction,
        calibrated=calibrated,
        note=_note(calibrated, population.vintage),
        linked=links,
        unlinked=alone,
    )


def _crowd_of(
    history: Sequence[Disclosed], proposed: Disclosed, *, population: Population
) -> Crowd:
    seen = [(each.audience, told_by(each, population=population)) for each in (*history, proposed)]
    return judge(seen, proposed.audience, population=population)[0].crowd


def _note(calibrated: bool, vintage: str) -> str:
    """Return in words how far the figures can be trusted."""
    return f"{CALIBRATED if calibrated else UNCALIBRATED} Tables are of {vintage}. {NO_FIGURE}"


def _adds_nothing(
    earlier: Sequence[Seen],
    seen: Sequence[Seen],
    judged: Sequence[Judgement],
) -> bool:
    for each in judged:
        before, after = (_known_to(each, releases) for releases in (earlier, seen))
        if replace(before, seen_on=after.seen_on) != after:
            return False
    return True


def _known_to(judged: Judgement, seen: Sequence[Seen]) -> Knowledge:
    return together(told for audience, told in seen if sees(judged.viewer, audience))
