"""Count the words in somebody's handwriting that are covered, laid on drawn skin.

usage: python -m benchmarks.find_handwriting WORDS [--pictures N]

WORDS: a folder of pictures of single words, dark on light. They are not part of the project and
never become so. Three words stand on each picture of drawn skin, in the ink of a pen, a marker, on
paper, as a tattoo, faint or small, in the manner and on the tone that the picture's number gives.

A word counts when 99.5 % of its ink is black: by the boxes of the first look with a copy's margin,
and on the finished copy. Printed by manner and by tone, a line each (docs/reference/detectors.md has
the figures).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from benchmarks import drawn
from safelight import detect, redact
from safelight.cli import made_up
from safelight.flows import pictures
from safelight.interop import pictures as files
from safelight.terms import Region

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

EACH = 3
MANNERS = len(drawn.HANDS) + len(drawn.HARDER)
COVERED = 0.995


def words_in(folder: Path) -> list[NDArray[np.float32]]:
    """Return how much ink there is in each picture, 0 to 1, cut to where there is any."""
    words = []
    for path in sorted(folder.iterdir()):
        ink = 1 - np.asarray(Image.open(path).convert("L"), np.float32) / 255
        ink = np.asarray(np.clip((ink - 0.15) / 0.7, 0, 1), np.float32)
        rows, columns = (np.flatnonzero(ink.max(axis=axis) > drawn.INKED_AT) for axis in (1, 0))
        if len(rows) and len(columns):
            words.append(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    return words


def covered(picture: drawn.Drawn, boxes: Iterable[Region]) -> list[bool]:
    """Say of each word whether black boxes there would hide its ink."""
    black = np.zeros(picture.ground.shape, bool)
    for box in boxes:
        black[box.y : box.y + box.height, box.x : box.x + box.width] = True
    return [bool(black[ink].mean() >= COVERED) for ink in picture.inks]


def main(asked_for: list[str], say: Callable[[str], object] = print) -> int:
    """Count, and say so by manner and tone."""
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("words", type=Path)
    parser.add_argument("--pictures", type=int, default=96)
    asked = parser.parse_args(asked_for)
    words = words_in(asked.words)
    random = np.random.default_rng(1)
    first: Counter[str] = Counter()
    copies: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for seed in range(asked.pictures):
        tone = made_up.TONES[seed // MANNERS % len(made_up.TONES)]
        chosen = random.choice(len(words), EACH, replace=False)
        picture = drawn.with_words(seed, [words[each] for each in chosen], tone=tone)
        copy = pictures.make_copy(files.encode_png(picture.pixels))
        size = (picture.pixels.shape[1], picture.pixels.shape[0])
        looked = detect.find(picture.pixels, detectors=pictures.shared_detectors())
        margin = pictures.MARGINS["text"]
        at_once = [
            redact.with_margin(finding.box, margin, within=size)
            for finding in looked.findings
            if finding.kind == "text" and finding.box
        ]
        for group in (picture.manner, tone, "all"):
            total[group] += EACH
            first[group] += sum(covered(picture, at_once))
            copies[group] += sum(covered(picture, (each.box for each in copy.covered)))
    for group, number in total.items():
        say(
            f"{group}: of {number} words {first[group]} at the first look, {copies[group]} on copies"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
