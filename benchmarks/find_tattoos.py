"""Count the tattoos that are held, and the pictures without one that are alarmed.

usage: python -m benchmarks.find_tattoos LABELS PICTURES [--clean GROUPS] [--drawn N]

LABELS: a JSON list with `id`, `group` and, where a tattoo is, `boxes`: left, top, right, bottom in
pixels; `label` says which tattoo it is, if there are several pictures of it. PICTURES: the folder
that holds them, named by id. They are not part of the project and never become so.

Thresholds are chosen on the first half and figures are those of the second: halves by a digest of
the tattoo's label or the picture's name. --clean: groups, by commas, of which 2 % may be alarmed;
from which log-odds that is so on the first half is printed too. --drawn: count in so many drawn
pictures of each tone instead, which nothing was fitted on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from benchmarks.drawn_bodies import COLOURS
from benchmarks.drawn_rooms import drawn
from safelight import detect
from safelight.cli.made_up import TONES
from safelight.detect.sizes import Sizes
from safelight.detect.tattoos import Tattoos

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from safelight.terms import Pixels

    Mask = NDArray[np.bool_]

ALARMED = 0.02
FIRST_SEED = 1_000_000
"""Drawn pictures from here on are fitted on nowhere."""


@dataclass(slots=True)
class Count:
    """What was counted in the pictures of one group and half."""

    pictures: int = 0
    held: int = 0
    touched: int = 0
    covered: list[float] = field(default_factory=list)
    """Of each tattoo that was touched, the share in the boxes."""
    agreed: list[float] = field(default_factory=list)
    """Of the same, intersection over union of the boxes and the labels."""
    boxed: list[float] = field(default_factory=list)
    """Of each picture with a box, the share in the boxes."""
    most: list[float] = field(default_factory=list)
    """The greatest log-odds of each picture."""
    seconds: float = 0.0

    def words(self, group: str) -> str:
        """Return the counts as a line."""
        line = f"{group}: {self.held} of {self.pictures} held"
        if self.boxed:
            line += f", {np.mean(self.boxed):.2f} of the picture in boxes"
        if self.covered:
            line += (
                f"; tattoo touched in {self.touched}, {np.mean(self.covered):.2f} of it in the boxes, "
                f"intersection over union {np.mean(self.agreed):.2f}"
            )
        return f"{line}; {self.seconds / max(1, self.pictures):.4f} CPU s besides the network"


def count(tattoos: Tattoos, pixels: Pixels, there: Mask, into: Count) -> None:
    """Add one picture (height, width, 3) and where its tattoo is (height, width)."""
    sizes = Sizes(pixels)
    most = float(tattoos.odds(sizes, scales=detect.FIRST).max())
    began = time.process_time()
    findings = tattoos.find(sizes, scales=detect.FIRST)
    into.seconds += time.process_time() - began
    boxes = np.zeros(there.shape, bool)
    for each in findings:
        if each.box is not None:
            box = each.box
            boxes[box.y : box.y + box.height, box.x : box.x + box.width] = True
    into.pictures += 1
    into.held += bool(findings)
    into.most.append(most)
    if findings:
        into.boxed.append(float(boxes.mean()))
    if (boxes & there).any():
        into.touched += 1
        into.covered.append(float((boxes & there).sum() / there.sum()))
        into.agreed.append(float((boxes & there).sum() / (boxes | there).sum()))


def of_labels(tattoos: Tattoos, labels: Path, pictures: Path) -> dict[tuple[str, bool], Count]:
    """Count the labelled pictures, by group and whether they are of the first half."""
    counts: dict[tuple[str, bool], Count] = {}
    for label in json.loads(labels.read_text()):
        (path,) = pictures.glob(f"{label['id']}.*")
        pixels = np.asarray(Image.open(path).convert("RGB"), np.uint8)
        there = np.zeros(pixels.shape[:2], bool)
        for box in label.get("boxes", ()):
            left, top, right, bottom = (max(0, round(each)) for each in box)
            there[top:bottom, left:right] = True
        whose = str(label["label"] if label.get("boxes") else label["id"])
        first = hashlib.sha256(whose.encode()).digest()[0] % 2 == 0
        count(tattoos, pixels, there, counts.setdefault((label["group"], first), Count()))
    return counts


def of_drawings(tattoos: Tattoos, many: int) -> dict[tuple[str, bool], Count]:
    """Count drawn pictures by tone, tattooed (True) and not."""
    counts: dict[tuple[str, bool], Count] = {}
    for step, tone in enumerate(TONES):
        for inked in (True, False):
            into = counts.setdefault((tone, inked), Count())
            for seed in range(FIRST_SEED, FIRST_SEED + many):
                one = drawn(seed, tone=min(step, len(COLOURS) - 1), inked=inked)
                count(tattoos, one.pixels, one.tattoo, into)
    return counts


def chosen(counts: dict[tuple[str, bool], Count], clean: list[str]) -> float:
    """Return the log-odds that ALARMED of the first half's pictures in these groups exceed."""
    most = sorted(
        odds
        for (group, first), each in counts.items()
        if first and group in clean
        for odds in each.most
    )
    return most[-1 - int(ALARMED * len(most))]


def main(words: list[str], say: Callable[[str], object] = print) -> int:
    """Count, and say so by group and half."""
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("labels", type=Path, nargs="?")
    parser.add_argument("pictures", type=Path, nargs="?")
    parser.add_argument("--clean", default="")
    parser.add_argument("--drawn", type=int, default=0)
    asked = parser.parse_args(words)
    tattoos = next(each for each in detect.load().all if isinstance(each, Tattoos))
    if asked.drawn:
        for (tone, inked), counted in of_drawings(tattoos, asked.drawn).items():
            say(counted.words(f"{tone}, {'tattooed' if inked else 'none'}"))
        return 0
    counts = of_labels(tattoos, asked.labels, asked.pictures)
    for (group, first), counted in sorted(counts.items()):
        say(counted.words(f"{group}, {'first' if first else 'second'} half"))
    if asked.clean:
        at = chosen(counts, asked.clean.split(","))
        say(f"{ALARMED:.0%} of the first half's alarmed from log-odds of {at:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
