"""What a person looked at and lets stand on a copy, and which of the machine's findings that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from safelight.terms import Region

if TYPE_CHECKING:
    from safelight.detect import Finding

LEFT_AT = 0.5
"""A finding of which this share lies in what a person chose to leave is left, if it is the same kind."""
LEFT_LEAST = {"text": 0.0}
"""Of the area of what a person left: a smaller finding in it is another thing. A word is part of its line."""
USUAL_LEFT_LEAST = 0.25
LONGEST_FIGURE = 2.5
"""The longer side of a figure or two, in its shorter ones. A word is longer."""
LARGEST_GAP = 3.0
"""Between two figures that were left, in heights: at another size a ruler's are seen as one line."""
LARGEST_END = 0.5
"""How far such a line may go on beyond the figures, in heights: room for no letter more."""


@dataclass(frozen=True, slots=True)
class Leave:
    """What a person looked at and lets stand: this kind of thing in this box, and nothing else there."""

    box: Region
    kind: str

    def shared(self, kind: str, box: Region) -> int:
        """Return the pixels of a finding that lie in this box; none of another kind, or if it is far smaller."""
        least = LEFT_LEAST.get(self.kind, USUAL_LEFT_LEAST) * self.box.area
        return box.overlap(self.box) if kind == self.kind and box.area >= least else 0


def left_of(findings: Iterable[Finding], leave: Sequence[Leave]) -> tuple[Finding, ...]:
    """Return those of the findings in the picture that the person lets stand."""
    return tuple(
        finding
        for finding in findings
        if finding.box is not None and _is_left(finding.kind, finding.box, leave)
    )


def _is_left(kind: str, box: Region, leave: Sequence[Leave]) -> bool:
    shared = sum(each.shared(kind, box) for each in leave)
    if shared >= LEFT_AT * box.area:
        return True
    return kind == "text" and _is_made_of([each.box for each in leave if each.kind == kind], box)


def _is_made_of(left: Iterable[Region], line: Region) -> bool:
    """Say whether the line is figures that were left, such as a ruler's, and the gaps between."""
    figures = [box for box in left if _is_figure(box) and box.overlap(line) >= LEFT_AT * box.area]
    if len(figures) < 2:
        return False
    height = max(min(box.width, box.height) for box in figures)
    first, *gaps, last = _bare(figures, line)
    return max(first, last) <= LARGEST_END * height and max(gaps) <= LARGEST_GAP * height


def _is_figure(box: Region) -> bool:
    return max(box.width, box.height) <= LONGEST_FIGURE * min(box.width, box.height)


def _bare(figures: Iterable[Region], line: Region) -> Iterator[int]:
    """Yield how much of the line is bare before, between and after the figures, along its longer side."""

    def span(box: Region) -> tuple[int, int]:
        if line.width >= line.height:
            return box.x, box.x + box.width
        return box.y, box.y + box.height

    begin, end = span(line)
    spans = sorted(span(figure) for figure in figures)
    yield spans[0][0] - begin
    for (_, before), (after, _) in pairwise(spans):
        yield after - before
    yield end - spans[-1][1]
