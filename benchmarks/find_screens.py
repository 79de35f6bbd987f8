"""Count the screens that are covered, and the pictures without any that are alarmed.

usage: python -m benchmarks.find_screens LABELS PICTURES

LABELS: a JSON list with `id`, `group` and, where they were labelled, `screens`: boxes as left, top,
right, bottom, in pixels, or an empty list. PICTURES: the folder that holds them, named by id. They
are not part of the project and never become so.

A labelled screen counts when four fifths of it lie in one box with the margin that a copy gives it.
In pictures without a labelled one, boxes of every sort of thing are counted. Printed by group, a line
each (docs/reference/detectors.md has the figures).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from safelight import detect, redact
from safelight.detect.sizes import Sizes
from safelight.detect.things import Things
from safelight.flows.pictures import USUAL_MARGIN
from safelight.terms import Answer, Region

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from safelight.detect import Finding
    from safelight.terms import Pixels

COVERED, LARGE = 0.8, 0.02
"""Shares of the screen, and of the picture."""


@dataclass(slots=True)
class Count:
    """What was counted in the pictures of one group."""

    pictures: int = 0
    large: Counter[str] = field(default_factory=Counter)
    small: Counter[str] = field(default_factory=Counter)
    without: int = 0
    alarmed: Counter[str] = field(default_factory=Counter)

    def words(self, group: str) -> str:
        """Return the counts as a line."""
        parts = [f"{group}: {self.pictures} pictures"]
        for size, told in (("large", self.large), ("small", self.small)):
            if told["all"]:
                parts.append(
                    f"{size} screens {told['covered']} of {told['all']}, {told['found']} as found"
                )
        if self.without:
            alarms = ", ".join(f"{kind} {n}" for kind, n in sorted(self.alarmed.items())) or "none"
            parts.append(f"alarms in {self.without} without: {alarms}")
        return "; ".join(parts)


def count(things: Sequence[Things], pixels: Pixels, screens: Sequence[Region], into: Count) -> None:
    """Add one picture (height, width, 3) and its labelled screens."""
    sizes = Sizes(pixels)
    told = {each.kind: each.find(sizes, scales=detect.FIRST) for each in things}
    into.pictures += 1
    for screen in screens:
        large = screen.area >= LARGE * sizes.width * sizes.height
        counted = into.large if large else into.small
        answers = {each.answer for each in told["screen"] if _covers(each, screen, sizes)}
        counted["all"] += 1
        counted["covered"] += bool(answers)
        counted["found"] += Answer.FOUND in answers
    if not screens:
        into.without += 1
        into.alarmed += Counter(kind for kind, findings in told.items() if findings)
        found = any(each.answer is Answer.FOUND for each in told["screen"])
        into.alarmed += Counter({"screen as found": int(found)})


def _covers(finding: Finding, screen: Region, sizes: Sizes) -> bool:
    if finding.box is None:
        raise ValueError("a screen has a box")
    box = redact.with_margin(finding.box, USUAL_MARGIN, within=(sizes.width, sizes.height))
    return box.overlap(screen) >= COVERED * screen.area


def main(words: list[str], say: Callable[[str], object] = print) -> int:
    """Count, and say so by group."""
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("labels", type=Path)
    parser.add_argument("pictures", type=Path)
    asked = parser.parse_args(words)
    things = [each for each in detect.load().all if isinstance(each, Things)]
    counts: dict[str, Count] = {}
    for label in json.loads(asked.labels.read_text()):
        (path,) = asked.pictures.glob(f"{label['id']}.*")
        pixels = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"), np.uint8)
        screens = [_region(each) for each in label.get("screens", ())]
        count(things, pixels, screens, counts.setdefault(label["group"], Count()))
    for group, counted in counts.items():
        say(counted.words(group))
    return 0


def _region(corners: Sequence[float]) -> Region:
    left, top, right, bottom = (round(each) for each in corners)
    return Region(left, top, right - left, bottom - top)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
