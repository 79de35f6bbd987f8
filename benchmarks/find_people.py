"""Count the people that are boxed, and the pictures without anybody that are alarmed.

usage: python -m benchmarks.find_people LABELS PICTURES [--quick]

LABELS: a JSON list with `id`, `group` and, where there are any, `faces`: boxes as left, top, right,
bottom, in pixels. PICTURES: the folder that holds them, named by id. They are not part of the
project and never become so.

A labelled face counts when it lies in the upper part of a person's box, or of the box of whom the
picture is of. Printed by group, a line each (docs/reference/detectors.md has the figures).
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image

from safelight import detect
from safelight.detect.people import WHY_BELOW, People
from safelight.detect.sizes import Sizes
from safelight.terms import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.detect import Finding, Scales
    from safelight.terms import Pixels

    Box: TypeAlias = tuple[float, float, float, float]

UPPER, ABOVE, LEAST = 0.6, 0.3, 1.2
"""The face's middle lies in this share of the box from its top, or so many face heights above it; and
the box is this many times as high as the face."""


@dataclass(slots=True)
class Count:
    """What was counted in the pictures of one group."""

    pictures: int = 0
    boxed: int = 0
    found: int = 0
    faces: int = 0
    seen: int = 0
    by_network: int = 0

    def words(self, group: str) -> str:
        """Return the counts as a line."""
        line = f"{group}: {self.boxed} of {self.pictures} with anybody boxed, {self.found} as found"
        if not self.faces:
            return line
        return f"{line}; of {self.faces} faces {self.seen} seen, {self.by_network} by the network"


def belongs(face: Box, box: Box) -> bool:
    """Say whether a labelled face is that of a boxed person."""
    x, y, high = (face[0] + face[2]) / 2, (face[1] + face[3]) / 2, face[3] - face[1]
    tall = box[3] - box[1]
    upper = box[1] - ABOVE * high <= y <= box[1] + UPPER * tall
    return box[0] <= x <= box[2] and upper and tall >= LEAST * high


def count(people: People, pixels: Pixels, faces: list[Box], into: Count, at: Scales) -> None:
    """Add one picture (height, width, 3) and its labelled faces."""
    sizes = Sizes(pixels)
    subject, _ = people.seen(sizes, mirrored=at.mirrored, halves=at.halves)
    findings = people.find(sizes, scales=at)
    network = [_corners(each) for each in findings if each.why != WHY_BELOW]
    network += [(row[0], row[1], row[2], row[3]) for row in subject.tolist()]
    every = network + [_corners(each) for each in findings if each.why == WHY_BELOW]
    into.pictures += 1
    into.boxed += bool(findings)
    into.found += any(each.answer is Answer.FOUND for each in findings)
    into.faces += len(faces)
    into.seen += sum(any(belongs(face, box) for box in every) for face in faces)
    into.by_network += sum(any(belongs(face, box) for box in network) for face in faces)


def _corners(finding: Finding) -> Box:
    box = finding.box
    if box is None:
        raise ValueError("a person has a box")
    return (box.x, box.y, box.x + box.width, box.y + box.height)


def main(words: list[str], say: Callable[[str], object] = print) -> int:
    """Count, and say so by group."""
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("labels", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args(words)
    people = next(each for each in detect.load().all if isinstance(each, People))
    counts: dict[str, Count] = {}
    for label in json.loads(asked.labels.read_text()):
        (path,) = asked.pictures.glob(f"{label['id']}.*")
        pixels = np.asarray(Image.open(path).convert("RGB"), np.uint8)
        faces = [tuple(each["box"]) for each in label.get("faces", ())]
        into = counts.setdefault(label["group"], Count())
        count(people, pixels, faces, into, detect.QUICK if asked.quick else detect.FIRST)
    for group, counted in counts.items():
        say(counted.words(group))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
