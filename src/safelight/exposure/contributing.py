"""Which details and which releases make the crowd smaller: exact Shapley shares of log k."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from math import factorial, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safelight.exposure.estimating import UNMAPPED_SHARE, crowd_of, narrowing, people_of
from safelight.exposure.knowledge import NOTHING, Knowledge, together
from safelight.exposure.population import Population

MOST_PARTS = 10
"""Of more parts than this the same kinds of detail are taken as one: 2**parts crowds are counted."""


class Part(NamedTuple):
    """One kind of detail of one release, and what it tells."""

    kind: str
    release: str
    """Its id; empty where it is of several."""
    told: Knowledge


def contributions(
    parts: Sequence[Part], *, population: Population
) -> tuple[Mapping[str, Any], ...]:
    """Share the narrowing out among the details, those that narrow most first.

    Leaving one out at a time would be wrong: where two releases name the town, each alone would
    seem to add nothing. The shares multiply to the whole narrowing.
    """
    if len(parts) > MOST_PARTS:
        parts = _by_kind(parts)
    shares = _shapley([part.told for part in parts], population=population)
    of_kind: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for part, share in zip(parts, shares, strict=True):
        of_kind[part.kind][part.release] += share
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
    parts: Sequence[Part], kinds: Sequence[str], *, population: Population
) -> tuple[Mapping[str, Any], ...]:
    """Return the crowd after one kind of detail after the other, from everybody down.

    kinds: in the order in which they are counted in, those that narrow most first.
    """
    told: dict[str, Knowledge] = {}
    for part in parts:
        told[part.kind] = told.get(part.kind, NOTHING).meet(part.told)
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
    for part in parts:
        told[part.kind].append(part.told)
    return [Part(kind, "", together(known)) for kind, known in told.items()]


def _shapley(parts: Sequence[Knowledge], *, population: Population) -> list[float]:
    """Return each part's share of log10 k; the shares add up to the whole.

    How many people there are of a place, sex, group and age, and what share of them the rough
    details leave, are two factors: each is counted once for every subset of the parts that touch it.
    """

    def people(known: Knowledge) -> float:
        return 0.0 if known.is_contradiction else people_of(known, population=population)

    def share(known: Knowledge) -> float:
        lowest, highest = narrowing(known)
        return UNMAPPED_SHARE ** len(known.unmapped) * sqrt(lowest * highest)

    of_people = _over_subsets(parts, [part.tells_people for part in parts], people)
    of_share = _over_subsets(parts, [part.tells_shares for part in parts], share)
    size = np.log10(1 + of_people * of_share)
    count = len(parts)
    chosen = np.arange(1 << count)
    others = np.array([each.bit_count() for each in range(1 << count)])
    weight = np.array([factorial(n) * factorial(count - n - 1) for n in range(count)])
    found = []
    for at in range(count):
        without = chosen[chosen >> at & 1 == 0]
        gained = size[without | 1 << at] - size[without]
        found.append(float(gained @ weight[others[without]]) / factorial(count))
    return found


def _over_subsets(
    parts: Sequence[Knowledge], touching: Sequence[bool], value: Callable[[Knowledge], float]
) -> NDArray[np.float64]:
    """Return the value of each subset of the parts (bit n: part n is in it), (2**parts,).

    A part that doesn't touch the value, or tells what an earlier one tells, isn't counted again.
    """
    alone = [
        1 << parts.index(part) if touches else 0
        for part, touches in zip(parts, touching, strict=True)
    ]
    known, counted = [NOTHING] * (1 << len(parts)), [0] * (1 << len(parts))
    found = np.full(1 << len(parts), value(NOTHING))
    for chosen in range(1, 1 << len(parts)):
        lowest, others = (chosen & -chosen).bit_length() - 1, chosen & (chosen - 1)
        counted[chosen] = counted[others] | alone[lowest]
        if counted[chosen] != chosen:
            found[chosen] = found[counted[chosen]]
        else:
            known[chosen] = known[others].meet(parts[lowest])
            found[chosen] = value(known[chosen])
    return found
