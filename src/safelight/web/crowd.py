"""The picture of a crowd that gets smaller with each detail, as figures in rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

from safelight.web.disclosing import DETAILS, about

ACROSS = 40
"""Figures in the widest row. The rows above the last aren't to scale, and the picture says so."""
ONE_EACH = 54
"""Up to so many people the last row has one figure for each."""
A_ROW = 18
LEFT, STEP, BIG_STEP = 264.0, 6.6, 13.4
SMALL, BIG = 24, 52
"""The height of a row of small figures, and of one of big ones."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of figures, and what stands beside it."""

    xs: tuple[tuple[float, int], ...]
    """Left edge and top of each figure."""
    figure: str
    words: str
    is_last: bool
    is_one_each: bool

    @property
    def height(self) -> int:
        """Return how tall the row's figures are together."""
        return BIG * (1 + (len(self.xs) - 1) // A_ROW) if self.is_one_each else SMALL


@dataclass(frozen=True, slots=True)
class Crowd:
    """The picture, ready to be drawn."""

    rows: tuple[Row, ...]
    title: str
    is_one_each: bool
    """Whether the last row has one figure for each person."""


def drawn(steps: Sequence[Mapping[str, Any]]) -> Crowd | None:
    """Return the picture of a report's steps; None where there is nothing to show."""
    kept = [
        step
        for at, step in enumerate(steps)
        if at in (0, len(steps) - 1) or step["k"] < 0.99 * steps[at - 1]["k"]
    ]
    if len(kept) < 2:
        return None
    most = float(kept[0]["k"])
    rows = [_row(step, most=most, is_last=at == len(kept) - 1) for at, step in enumerate(kept)]
    words = ", ".join(f"{row.figure} with {row.words.lower()}" for row in rows[1:])
    title = f"A crowd that gets smaller with each detail: {rows[0].figure} people, {words}"
    return Crowd(tuple(rows), title, rows[-1].is_one_each)


def _row(step: Mapping[str, Any], *, most: float, is_last: bool) -> Row:
    k = max(1.0, float(step["k"]))
    one_each = is_last and k <= ONE_EACH
    if one_each:
        count = round(k)
        xs = tuple((12 + BIG_STEP * (at % A_ROW), BIG * (at // A_ROW)) for at in range(count))
    else:
        count = max(1, round(ACROSS * log10(k + 1) / log10(most + 1)))
        start = (LEFT - STEP * count) / 2
        xs = tuple((start + STEP * at, 0) for at in range(count))
    return Row(
        xs, f"{about(k):,.0f}", DETAILS.get(step["detail"], step["detail"]), is_last, one_each
    )
