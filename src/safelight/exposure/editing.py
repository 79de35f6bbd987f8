"""The least that would have to change in a release for it to leave: what to widen or leave out, whether to wait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Any

from safelight.exposure.judging import Judgement, Seen, Verdict, judge, judgement_of
from safelight.exposure.knowledge import born_between, together, told_by
from safelight.exposure.population import Population
from safelight.exposure.releases import Disclosed, event_window
from safelight.exposure.viewers import PUBLIC

BEST = 3
MOST_LOOKED_AT = 3000
"""Combinations; beyond that what was found so far is offered, and that is the cheapest."""
LEFT_OUT = "left out"
COSTS: Mapping[str, float] = {
    "age": 1.0,
    "place": 1.5,
    "event": 1.5,
    "condition": 4.0,
    "time": 2.5,
    "audience": 3.0,
}
"""What a step costs: the condition is mostly why a picture is shown. Our judgement, not measured."""
OTHER_COST = 2.0
WAITS = (30, 91, 182)
"""Days that a release could wait. Longer, and it is another release."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that could be said instead of a detail."""

    to: str
    value: Any
    """None where the detail is left out."""
    cost: float


def edits(
    earlier: Sequence[Seen], proposed: Disclosed, *, population: Population
) -> tuple[Mapping[str, Any], ...]:
    """Return the three least costly changes after which the release fares best, cheapest first.

    None where it fares no worse as it stands: what has left already can't be mended here.
    """
    ladders = ladders_of(proposed, earlier=earlier, population=population)
    names = list(ladders)

    def judged(rungs: tuple[int, ...]) -> Judgement:
        changed = changed_by(proposed, ladders, rungs)
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


def ladders_of(
    proposed: Disclosed, *, earlier: Sequence[Seen] = (), population: Population
) -> Mapping[str, Sequence[Step]]:
    """Return for each detail what could be said instead, one step wider after the other.

    Beside the details there are the day on which it leaves ("time") and those whom it goes to.
    """
    found: dict[str, Sequence[Step]] = {}
    for kind, value in proposed.facts.items():
        steps = list(_wider(kind, value, proposed, population))
        steps.append((LEFT_OUT if kind != "marks" else _cropped(value), None))
        found[kind] = _ladder(kind, steps)
    if proposed.not_places:
        found["not"] = _ladder("not", [(LEFT_OUT, None)])
    if proposed.names_poster:
        found["poster"] = _ladder("poster", [(LEFT_OUT, None)])
    if later := list(_later(proposed, earlier, population)):
        found["time"] = _ladder("time", later)
    if len(proposed.audience) > 1:
        fewer = list(_fewer(proposed, earlier, population))
        found["audience"] = _ladder("audience", fewer)
    return found


def _ladder(kind: str, steps: Iterable[tuple[str, object]]) -> Sequence[Step]:
    cost = COSTS.get(kind, OTHER_COST)
    return [Step(to, value, cost * (at + 1)) for at, (to, value) in enumerate(steps)]


def _wider(
    kind: str, value: Any, proposed: Disclosed, population: Population
) -> Iterator[tuple[str, Any]]:
    if kind == "age":
        yield from _wider_ages(value)
    elif kind == "place":
        area = (value["level"], value["code"])
        while area in population.masks and (wider := population.widened(*area)) is not None:
            yield f"{wider[0]} {wider[1]}", {"level": wider[0], "code": wider[1]}
            area = wider
    elif kind == "event":
        yield from _blurred(value, at=proposed.at)
    elif kind == "marks":
        yield from _fewer_marks(value)


def _blurred(event: Mapping[str, Any], *, at: date) -> Iterator[tuple[str, Any]]:
    """Say the month instead of the day, then the year; nobody tells what is still to come."""
    after, last = (date.fromordinal(each) for each in event_window(event, at=at))
    first = after + timedelta(days=1)
    month = (first.replace(day=1), _month_end(last))
    year = (date(first.year, 1, 1), date(last.year, 12, 31))
    for name, (start, end) in (("the month", month), ("the year", year)):
        end = max(last, min(end, at))
        if (start, end) != (first, last):
            said = {"from": start.isoformat(), "to": end.isoformat()}
            yield f"{name} only", {"what": event.get("what"), "on": said}


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _fewer_marks(marks: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Take the most telling mark out of the picture first; one that no table counts tells most."""
    telling = sorted(marks, key=lambda mark: (mark.get("share") or [0.0, 0.0])[1])
    for gone in range(1, len(telling)):
        yield _cropped(telling[:gone]), telling[gone:]


def _cropped(marks: Iterable[Mapping[str, Any]]) -> str:
    return "crop or cover: " + ", ".join(str(mark.get("what", "")) for mark in marks)


def _later(
    proposed: Disclosed, earlier: Sequence[Seen], population: Population
) -> Iterator[tuple[str, Any]]:
    """Wait, so that two ages told in short order don't tell the birthday.

    Only where the words would be true then: the age is the same on that day for every birthday
    still possible, and no event is dated by the day of the release.
    """
    years = (proposed.facts.get("age") or {}).get("years")
    event = proposed.facts.get("event")
    if years is None or (event is not None and event.get("on") is None):
        return
    known = together([*(told for _, told in earlier), told_by(proposed, population=population)])
    for days in WAITS:
        day = proposed.at + timedelta(days=days)
        first, last = born_between({"years": years}, at=day)
        if first <= known.born[0] and known.born[1] <= last:
            yield f"wait until {day:%-d %B %Y}", day


def _fewer(
    proposed: Disclosed, earlier: Sequence[Seen], population: Population
) -> Iterator[tuple[str, Any]]:
    """Leave out one audience after the other: the public, which is everybody, then who could make most of it."""
    told = told_by(proposed, population=population)

    def order(audience: str) -> tuple[bool, float]:
        seen = [*earlier, ((audience,), told)]
        crowd = judgement_of(frozenset({audience}), seen, population=population).crowd
        return audience != PUBLIC, crowd.k

    worst = sorted(proposed.audience, key=order)
    for gone in range(1, len(worst)):
        yield f"not to {', '.join(worst[:gone])}", tuple(worst[gone:])


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


def changed_by(
    proposed: Disclosed, ladders: Mapping[str, Sequence[Step]], rungs: Sequence[int]
) -> Disclosed:
    """Return the release as it would be, each detail so many rungs wider (0: as it is)."""
    facts = dict(proposed.facts)
    changed = proposed
    for (kind, ladder), rung in zip(ladders.items(), rungs, strict=True):
        if rung and kind == "not":
            changed = replace(changed, not_places=())
        elif rung and kind == "poster":
            changed = replace(changed, poster=("", ""))
        elif rung and kind == "time":
            changed = replace(changed, at=ladder[rung - 1].value)
        elif rung and kind == "audience":
            changed = replace(changed, audience=ladder[rung - 1].value)
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
