"""The least that would have to change in a release for it to leave: what to widen, what to leave out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import count
from typing import Any

from safelight.exposure.judging import Judgement, Seen, Verdict, judge
from safelight.exposure.knowledge import told_by
from safelight.exposure.population import Population
from safelight.exposure.releases import Disclosed

BEST = 3
MOST_LOOKED_AT = 3000
"""Combinations; beyond that what was found so far is offered, and that is the cheapest."""
LEFT_OUT = "left out"
COSTS: Mapping[str, float] = {"age": 1.0, "place": 1.5, "event": 1.5, "condition": 4.0}
"""What a step costs: the condition is mostly why a picture is shown. Our judgement, not measured."""
OTHER_COST = 2.0


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that could be said instead of a detail."""

    to: str
    value: object
    """None where the detail is left out."""
    cost: float


def edits(
    earlier: Sequence[Seen], proposed: Disclosed, *, population: Population
) -> tuple[Mapping[str, Any], ...]:
    """Return the three least costly changes after which the release fares best, cheapest first.

    None where it fares no worse as it stands: what has left already can't be mended here.
    """
    ladders = ladders_of(proposed, population=population)
    names = list(ladders)

    def judged(rungs: tuple[int, ...]) -> Judgement:
        changed = _changed(proposed, ladders, rungs)
        seen = [*earlier, (changed.audience, told_by(changed, population=population))]
        return judge(seen, changed.audience, population=population)[0]

    top = tuple(len(ladders[name]) for name in names)
    bottom = (0,) * len(names)
    best = judged(top).verdict
    if best is Verdict.BLOCK or judged(bottom).verdict is best:
        return ()
    found: list[tuple[tuple[int, ...], Judgement, float]] = []
    for rungs, cost in _cheapest_first([ladders[name] for name in names]):
        if any(_no_less(rungs, other) for other, _, _ in found):
            continue
        if (answer := judged(rungs)).verdict is best:
            found.append((rungs, answer, cost))
        if len(found) == BEST:
            break
    return tuple(
        _said(names, ladders, rungs)
        | {"cost": cost, "verdict": answer.verdict.value}
        | answer.crowd.as_json()
        for rungs, answer, cost in found
    )


def ladders_of(proposed: Disclosed, *, population: Population) -> Mapping[str, Sequence[Step]]:
    """Return for each detail what could be said instead, one step wider after the other."""
    found: dict[str, Sequence[Step]] = {}
    for kind, value in proposed.facts.items():
        cost = COSTS.get(kind, OTHER_COST)
        steps = [(to, each) for to, each in _wider(kind, value, population)]
        steps.append((LEFT_OUT, None))
        found[kind] = [Step(to, each, cost * (at + 1)) for at, (to, each) in enumerate(steps)]
    if proposed.not_places:
        found["not"] = [Step(LEFT_OUT, None, OTHER_COST)]
    if proposed.names_poster:
        found["poster"] = [Step(LEFT_OUT, None, OTHER_COST)]
    return found


def _wider(kind: str, value: Any, population: Population) -> Iterator[tuple[str, Any]]:
    if kind == "age":
        yield from _wider_ages(value)
    elif kind == "place":
        area = (value["level"], value["code"])
        while area in population.masks and (wider := population.widened(*area)) is not None:
            yield f"{wider[0]} {wider[1]}", {"level": wider[0], "code": wider[1]}
            area = wider


def _wider_ages(age: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if "years" in age:
        low = high = int(age["years"])
    elif "band" in age:
        low, high = age["band"]
    else:
        months = age["months"] if "months" in age else age["weeks"] * 7 // 31
        low = high = months // 12
        yield f"{low} years", {"years": low}
    for width in (5, 10, 20):
        start = low // width * width
        if width > high - low + 1 and start + width > high:
            yield f"{start} to {start + width - 1}", {"band": [start, start + width - 1]}


def _cheapest_first(
    ladders: Sequence[Sequence[Step]],
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Walk all combinations in order of cost: a uniform-cost search needs no monotony."""
    start = (0,) * len(ladders)
    ties = count()
    queue: list[tuple[float, int, tuple[int, ...]]] = [(0.0, next(ties), start)]
    met = {start}
    for _ in range(MOST_LOOKED_AT):
        if not queue:
            return
        cost, _, rungs = heappop(queue)
        yield rungs, cost
        for at, rung in enumerate(rungs):
            further = (*rungs[:at], rung + 1, *rungs[at + 1 :])
            if rung < len(ladders[at]) and further not in met:
                met.add(further)
                heappush(queue, (_cost(ladders, further), next(ties), further))


def _cost(ladders: Sequence[Sequence[Step]], rungs: Sequence[int]) -> float:
    return sum(ladder[rung - 1].cost for ladder, rung in zip(ladders, rungs, strict=True) if rung)


def _no_less(rungs: Sequence[int], other: Sequence[int]) -> bool:
    return all(one >= two for one, two in zip(rungs, other, strict=True))


def _changed(
    proposed: Disclosed, ladders: Mapping[str, Sequence[Step]], rungs: Sequence[int]
) -> Disclosed:
    facts = dict(proposed.facts)
    changed = proposed
    for (kind, ladder), rung in zip(ladders.items(), rungs, strict=True):
        if rung and kind == "not":
            changed = replace(changed, not_places=())
        elif rung and kind == "poster":
            changed = replace(changed, poster=("", ""))
        elif rung and ladder[rung - 1].value is None:
            del facts[kind]
        elif rung:
            facts[kind] = ladder[rung - 1].value
    return replace(changed, facts=facts)


def _said(
    names: Sequence[str], ladders: Mapping[str, Sequence[Step]], rungs: Sequence[int]
) -> dict[str, Any]:
    changes = [
        {"detail": name, "to": ladders[name][rung - 1].to}
        for name, rung in zip(names, rungs, strict=True)
        if rung
    ]
    return {
        "detail": " and ".join(each["detail"] for each in changes),
        "to": ", ".join(each["to"] for each in changes),
        "changes": changes,
    }
