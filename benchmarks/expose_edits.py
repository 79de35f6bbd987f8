"""Whether a release is safe once it is changed as was offered, where the truth is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.expose_people import Country
from safelight.exposure import BLOCK_BELOW, Disclosed
from safelight.exposure.editing import changed_by, edits, ladders_of
from safelight.exposure.knowledge import told_by


def figures(people: Country, made: Sequence[Sequence[Disclosed]]) -> dict[str, float | int | str]:
    """Return how many changes were offered, and of how many the truth is eleven people or more."""
    truths = [
        people.truth([*earlier, after])
        for *earlier, proposed in made
        for after in _offered(people, earlier, proposed)
    ]
    safe = sum(truth >= BLOCK_BELOW for truth in truths)
    return {
        "edits_offered": len(truths),
        "edits_true_k_ge_11": round(safe / len(truths), 4) if truths else 1.0,
    }


def _offered(
    people: Country, earlier: Sequence[Disclosed], proposed: Disclosed
) -> Sequence[Disclosed]:
    """Return the release as each of the changes offered would make it."""
    population = people.population
    seen = [(each.audience, told_by(each, population=population)) for each in earlier]
    ladders = ladders_of(proposed, earlier=seen, population=population)
    return [
        changed_by(proposed, ladders, [_rung(name, offer, ladders) for name in ladders])
        for offer in edits(seen, proposed, population=population)
    ]


def _rung(name: str, offer: Mapping[str, Any], ladders: Mapping[str, Any]) -> int:
    to = {change["detail"]: change["to"] for change in offer["changes"]}
    if name not in to:
        return 0
    return [step.to for step in ladders[name]].index(to[name]) + 1
