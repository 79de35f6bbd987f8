"""Fit the weights that tell part of a face from other skin (src/safelight/detect/closeups.toml).

usage: python -m benchmarks.fit_closeups LABELS PICTURES [--write]

LABELS: a JSON list with `id`, and `group` clin_face (part of a face) or clin_noface, of close-ups.
PICTURES: the folder that holds them, named by id. They are not part of the project and never
become so: three numbers of each are looked at, and four numbers of all are kept.

Figures are of pictures that the weights they were judged by have not seen: two halves by a digest
of their names, each judged by the other; and five parts, ten times. What is written is fitted on all.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from safelight import detect
from safelight.detect import FIRST, Faces
from safelight.detect.sizes import Sizes

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Truth = NDArray[np.bool_]

OUT = Path(__file__).parent.parent / "src/safelight/detect/closeups.toml"
HELD, FOUND = 0.14, 0.05
"""Share of face-free pictures that may be held, and found; under the aim of 0.15, for chance."""
RIDGE = 1.0
ROUNDS, PARTS = 10, 5


def evidence(labels: Path, pictures: Path) -> tuple[list[str], Numbers, Truth]:
    """Return names, the three kinds of evidence (n, 3) and whether part of a face is there (n,)."""
    faces = next(each for each in detect.load().all if isinstance(each, Faces))
    names, rows, truth = [], [], []
    for label in json.loads(labels.read_text()):
        if label["group"] not in {"clin_face", "clin_noface"}:
            continue
        (path,) = pictures.glob(f"{label['id']}.*")
        pixels = np.asarray(Image.open(path).convert("RGB"), np.uint8)
        said, _ = faces.close_up(Sizes(pixels), longest=FIRST.faces)
        names.append(label["id"])
        rows.append((said.detector, said.crops, said.skin))
        truth.append(label["group"] == "clin_face")
    return names, np.asarray(rows), np.asarray(truth)


def fit(rows: Numbers, truth: Truth) -> Numbers:
    """Return weights and bias of a logistic model, both classes weighing the same, on rows as they are."""
    middle, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-9
    inputs = np.column_stack(((rows - middle) / spread, np.ones(len(rows))))
    share = np.where(truth, 0.5 / truth.mean(), 0.5 / (1 - truth.mean()))
    ridge = RIDGE * np.diag([*[1.0] * rows.shape[1], 1e-9])
    weights = np.zeros(inputs.shape[1])
    for _ in range(50):
        likely = 1 / (1 + np.exp(-inputs @ weights))
        slope = inputs.T @ (share * (likely - truth)) + ridge @ weights
        bend = (inputs.T * (share * likely * (1 - likely))) @ inputs + ridge
        weights = weights - np.linalg.solve(bend, slope)
    plain = weights[:-1] / spread
    return np.asarray([*plain, weights[-1] - plain @ middle])


def scores(weights: Numbers, rows: Numbers) -> Numbers:
    """Return 0 to 1 for each row."""
    return np.asarray(1 / (1 + np.exp(-(rows @ weights[:-1] + weights[-1]))))


def threshold(said: Numbers, truth: Truth, share: float) -> float:
    """Return the score from which no more than this share of the face-free pictures is alarmed."""
    falling = np.sort(said[~truth])[::-1]
    return float(falling[int(share * len(falling))]) + 1e-6


def by_halves(names: list[str], rows: Numbers, truth: Truth) -> str:
    """Judge each half by weights and thresholds fitted on the other; return it in words."""
    even = np.asarray([hashlib.sha256(name.encode()).digest()[0] % 2 == 0 for name in names])
    lines = []
    for mine in (even, ~even):
        weights = fit(rows[mine], truth[mine])
        seen, unseen = scores(weights, rows[mine]), scores(weights, rows[~mine])
        other = truth[~mine]
        for word, share in (("held", HELD), ("found", FOUND)):
            hits = unseen >= threshold(seen, truth[mine], share)
            lines.append(
                f"fitted on {mine.sum()}, judged {len(other)}: {word} or more "
                f"{hits[other].sum()} of {other.sum()} with part of a face, "
                f"{hits[~other].sum()} of {(~other).sum()} without"
            )
    return "\n".join(lines)


def by_parts(rows: Numbers, truth: Truth) -> Numbers:
    """Return each picture's mean score by weights fitted without it."""
    random, total = np.random.default_rng(0), np.zeros(len(truth))
    for _ in range(ROUNDS):
        part = random.permutation(len(truth)) % PARTS
        for each in range(PARTS):
            weights = fit(rows[part != each], truth[part != each])
            total[part == each] += scores(weights, rows[part == each])
    return total / ROUNDS


def main(words: list[str], say: Callable[[str], object] = print) -> int:
    """Fit, say how well, and write if asked to."""
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("labels", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args(words)
    names, rows, truth = evidence(asked.labels, asked.pictures)
    say(by_halves(names, rows, truth))
    unseen = by_parts(rows, truth)
    held, found = (threshold(unseen, truth, share) for share in (HELD, FOUND))
    for word, at in (("held", held), ("found", found)):
        hits = unseen >= at
        say(
            f"in five parts: {word} or more {hits[truth].mean():.3f}, alarmed {hits[~truth].mean():.3f}"
        )
    detector, crops, skin, bias = fit(rows, truth)
    text = (
        "# Written by `python -m benchmarks.fit_closeups`: weights of the evidence for part of a face.\n"
        f"# Fitted on {truth.sum()} clinical close-ups with part of a face and {(~truth).sum()} without,\n"
        "# labelled by us, of which nothing else is kept (docs/reference/detectors.md).\n"
        f"detector = {detector:.4f}\ncrops = {crops:.4f}\nskin = {skin:.4f}\nbias = {bias:.4f}\n"
        f"held_at = {held:.4f}\nfound_at = {found:.4f}\n"
    )
    say(text)
    if asked.write:
        OUT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
