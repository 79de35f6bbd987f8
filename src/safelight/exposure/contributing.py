"""Which details and which releases make the crowd smaller: exact Shapley shares of log k."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import factorial, log10
from typing import Any

from safelight.exposure.estimating import crowd_of
from safelight.exposure.knowledge import NOTHING, Knowledge, parts_of, together
from safelight.exposure.population import Population
from safelight.exposure.releases import Disclosed

MOST_PARTS = 10
"""Of more parts than this the same kinds of detail are taken as one: 2**parts crowds are counted."""

Part = tuple[str, str, Knowledge]
"""Kind of detail, id of the release, and what it tells."""


def contributions(
    releases: Sequence[Disclosed], *, population: Population
) -> tuple[Mapping[str, Any], ...]:
    """Share the narrowing out among the details, those that narrow most first.

    Leaving one out at a time would be wrong: where two releases name the town, each alone would
    seem to add nothing. The shares multiply to the whole narrowing.
    """
    parts = [
        (kind, release.id, told)
        for release in releases
        for kind, told in parts_of(release, population=population)
    ]
    if len(parts) > MOST_PARTS:
        parts = _by_kind(parts)
    shares = _shapley([told for _, _, told in parts], population=population)
    of_kind: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for (kind, release_id, _), share in zip(parts, shares, strict=True):
        of_kind[kind][release_id] += share
    found = sorted(of_kind.items(), key=lambda item: (sum(item[1].values()), item[0]))
    return tuple(
        {
            "detail": kind,
            "narrows_by": _times(sum(each.values())),
            "releases": [
                {"id": name, "narrows_by": _times(share)} for name, share in each.items() if name
            ],
        }
        for kind, each in found
    )


def steps(
    releases: Sequence[Disclosed], kinds: Sequence[str], *, population: Population
) -> tuple[Mapping[str, Any], ...]:
    """Return the crowd after one kind of detail after the other, from everybody down.

    kinds: in the order in which they are counted in, those that narrow most first.
    """
    told: dict[str, Knowledge] = {}
    for release in releases:
        for kind, known in parts_of(release, population=population):
            told[kind] = told.get(kind, NOTHING).meet(known)
    known = NOTHING
    found = [{"detail": "everybody", "k": float(population.total)}]
    for kind in kinds:
        known = known.meet(told[kind])
        crowd = crowd_of(known, population=population)
        found.append({"detail": kind, "k": round(crowd.k, 1)})
    return tuple(found)


def _times(share: float) -> float:
    return round(10**-share, 1)


def _by_kind(parts: Sequence[Part]) -> list[Part]:
    told: dict[str, list[Knowledge]] = defaultdict(list)
    for kind, _, known in parts:
        told[kind].append(known)
    return [(kind, "", together(known)) for kind, known in told.items()]


def _shapley(parts: Sequence[Knowledge], *, population: Population) -> list[float]:
    """Return each part's share of log10 k; the shares add up to the whole."""
    count = len(parts)
    known = [NOTHING] * (1 << count)
    for chosen in range(1, 1 << count):
        lowest = (chosen & -chosen).bit_length() - 1
        known[chosen] = known[chosen & (chosen - 1)].meet(parts[lowest])
    size = [log10(crowd_of(each, population=population).k) for each in known]
    weight = [factorial(n) * factorial(count - n - 1) / factorial(count) for n in range(count)]
    return [
        sum(
            weight[chosen.bit_count()] * (size[chosen | 1 << at] - size[chosen])
            for chosen in range(1 << count)
            if not chosen >> at & 1
        )
        for at in range(count)
    ]
