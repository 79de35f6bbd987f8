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
LEFT, STEP, BIG_STEP, ROW = 264.0, 6.6, 13.4, 50


@dataclass(frozen=True, slots=True)
class Row:
    """One row of figures, and what stands beside it."""

    y: int
    xs: tuple[tuple[float, int], ...]
    """Left edge and top of each figure."""
    figure: str
    words: str
    is_last: bool
    is_one_each: bool


@dataclass(frozen=True, slots=True)
class Crowd:
    """The picture, ready to be drawn."""

    rows: tuple[Row, ...]
    height: int
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
    most, rows, y = float(kept[0]["k"]), [], 10
    for at, step in enumerate(kept):
        row = _row(step, most=most, y=y, is_last=at == len(kept) - 1)
        rows.append(row)
        y += ROW + 52 * ((len(row.xs) - 1) // A_ROW if row.is_one_each else 0)
    words = ", ".join(f"{row.figure} with {row.words.lower()}" for row in rows[1:])
    title = f"A crowd that gets smaller with each detail: {rows[0].figure} people, {words}"
    return Crowd(tuple(rows), y + 10, title, rows[-1].is_one_each)


def _row(step: Mapping[str, Any], *, most: float, y: int, is_last: bool) -> Row:
    k = max(1.0, float(step["k"]))
    one_each = is_last and k <= ONE_EACH
    if one_each:
        count = round(k)
        xs = tuple((12 + BIG_STEP * (at % A_ROW), y + 52 * (at // A_ROW)) for at in range(count))
    else:
        count = max(1, round(ACROSS * log10(k + 1) / log10(most + 1)))
        start = (LEFT - STEP * count) / 2
        xs = tuple((start + STEP * at, y) for at in range(count))
    return Row(
        y, xs, f"{about(k):,.0f}", DETAILS.get(step["detail"], step["detail"]), is_last, one_each
    )
