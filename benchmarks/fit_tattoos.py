"""Fit the model that tells tattooed pieces of a picture (src/safelight/detect/tattoos.toml).

usage: python -m benchmarks.fit_tattoos [--pictures N] [--processes N] [--write]

Fitted on pictures that are drawn (`drawn_rooms.py`), every tone as often, half of them tattooed; on
no photograph of anybody's skin. The two thresholds stand below. They were chosen on one half of real
pictures that are not part of the project (`find_tattoos.py`), of which nothing else is kept.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from benchmarks.drawn_rooms import drawn
from safelight import detect
from safelight.detect.sizes import Sizes
from safelight.detect.tattoos import Tattoos

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    Numbers = NDArray[np.float32]
    Truth = NDArray[np.bool_]

OUT = Path(__file__).parent.parent / "src/safelight/detect/tattoos.toml"
PICTURES, EACH = 1800, 40
"""Pictures, and pieces taken from each: as many with a tattoo as without where there are."""
INKED, PLAIN = 0.4, 0.02
"""A piece with more tattoo than that is one, with less is none; what lies between isn't used."""
RIDGE = 100.0
JUDGED = 5
"""Every fifth picture isn't fitted on, but judged."""
HELD_AT, EDGE_AT = 4.0, 1.2
"""Log-odds; chosen on half of the real pictures, for 2 % of those without a tattoo alarmed."""


def pieces(seeds: Iterable[int]) -> tuple[Numbers, Truth, Truth]:
    """Return pieces (n, 576) of drawn pictures, whether each is tattooed, and whether it is to judge."""
    tattoos = next(each for each in detect.load().all if isinstance(each, Tattoos))
    rows, truth, judged = [], [], []
    cv2.setNumThreads(1)
    for seed in seeds:
        one, random = drawn(seed), np.random.default_rng(10_000_000 + seed)
        cells = tattoos.pieces(Sizes(one.pixels), mirrored=False)
        share = cv2.resize(
            one.tattoo.astype(np.float32), cells.shape[1::-1], interpolation=cv2.INTER_AREA
        ).ravel()
        inked = random.permutation(np.flatnonzero(share >= INKED))[: EACH // 2]
        plain = random.permutation(np.flatnonzero(share <= PLAIN))[: EACH - len(inked)]
        chosen = np.concatenate((inked, plain))
        rows.append(cells.reshape(len(share), -1)[chosen])
        truth.append(share[chosen] >= INKED)
        judged.append(np.full(len(chosen), seed % JUDGED == 0))
    return np.concatenate(rows), np.concatenate(truth), np.concatenate(judged)


def fit(rows: Numbers, truth: Truth) -> tuple[Numbers, float]:
    """Return weights and bias of a logistic model, both classes weighing the same."""
    middle, spread = rows.mean(axis=0), rows.std(axis=0) + 0.05
    inputs = np.column_stack(((rows - middle) / spread, np.ones(len(rows), np.float32)))
    share = np.where(truth, 0.5 / truth.mean(), 0.5 / (1 - truth.mean())).astype(np.float32)
    ridge = RIDGE * np.eye(inputs.shape[1], dtype=np.float32)
    ridge[-1, -1] = 1e-6
    weights = np.zeros(inputs.shape[1], np.float32)
    for _ in range(8):
        likely = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        slope = inputs.T @ (share * (likely - truth)) + ridge @ weights
        bend = (inputs * (share * likely * (1 - likely))[:, np.newaxis]).T @ inputs + ridge
        weights = weights - np.linalg.solve(bend, slope)
    plain = weights[:-1] / spread
    return plain, float(weights[-1] - plain @ middle)


def area_under_curve(said: Numbers, truth: Truth) -> float:
    """Return how often a tattooed piece is said to be more so than a plain one."""
    ranks = said.argsort().argsort() + 1
    many = int(truth.sum())
    return float((ranks[truth].sum() - many * (many + 1) / 2) / many / (len(said) - many))


def written(weights: Numbers, bias: float, pictures: int) -> str:
    """Return what tattoos.toml holds."""
    rows = "".join(
        "  " + " ".join(f"{each:.4f}," for each in weights[at : at + 12]) + "\n"
        for at in range(0, len(weights), 12)
    )
    return (
        "# Written by `python -m benchmarks.fit_tattoos`: a linear model of what the network of objects\n"
        f"# makes of a picture's pieces. Fitted on {pictures} drawn pictures; no photograph of skin is\n"
        "# behind the weights, and the two thresholds were chosen on half of the real ones that are named\n"
        "# in docs/reference/detectors.md.\n"
        f"bias = {bias:.4f}\nheld_at = {HELD_AT}\nedge_at = {EDGE_AT}\ncells = [\n{rows}]\n"
    )


def main(words: list[str], say: Callable[[str], object] = print) -> int:
    """Draw, fit, say how well, and write if asked to."""
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args(words)
    with ProcessPoolExecutor(asked.processes) as pool:
        parts = [range(at, asked.pictures, 8) for at in range(8)]
        told = list(pool.map(pieces, parts))
    rows, truth, judged = (np.concatenate(each) for each in zip(*told, strict=True))
    weights, bias = fit(rows[~judged], truth[~judged])
    area = area_under_curve(rows[judged] @ weights + np.float32(bias), truth[judged])
    say(f"{len(rows)} pieces, {truth.mean():.3f} tattooed; area under the curve {area:.3f}")
    if asked.write:
        OUT.write_text(written(weights, bias, int(asked.pictures * (1 - 1 / JUDGED))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
