"""How far the odds that two releases are of one patient can be believed, where it is known.

Half of the pairs are of one made-up person, half of two who live in the same regions; what each
release tells is drawn anew. A chance of 0.3 should then come true in three of ten pairs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.expose_people import Country
from safelight.cli import made_up
from safelight.exposure.knowledge import NOTHING, told_by
from safelight.exposure.likeness import distance, fingerprints
from safelight.exposure.linking import likelihood_ratio

EDGES = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
SIDE = 640


def words(people: Country, *, pairs: int) -> dict[str, float | int | str]:
    """Return how far predicted and true chances lie apart, over the words of pairs of releases."""
    predicted, true = [], []
    for number in range(pairs):
        one = people.series()
        same = number % 2 == 0
        other = one if same and len(one) > 1 else people.series()
        if same and len(one) < 2:
            continue
        first, second = (
            told_by(release, population=people.population) for release in (one[0], other[-1])
        )
        ratio = likelihood_ratio(first, second, among=NOTHING, population=people.population)
        predicted.append(ratio / (1 + ratio))
        true.append(same)
    return _calibration(np.array(predicted), np.array(true, dtype=np.float64))


def _calibration(
    predicted: NDArray[np.float64], true: NDArray[np.float64]
) -> dict[str, float | int | str]:
    weight = np.where(true == 1, 0.5 / true.mean(), 0.5 / (1 - true.mean()))
    bins = np.digitize(predicted, EDGES)
    error, worst, table = 0.0, 0.0, []
    for which in range(len(EDGES) + 1):
        inside = bins == which
        if inside.sum() < 50:
            continue
        said = float(np.average(predicted[inside], weights=weight[inside]))
        came = float(np.average(true[inside], weights=weight[inside]))
        share = float(weight[inside].sum() / weight.sum())
        error += share * abs(said - came)
        worst = max(worst, abs(said - came))
        table.append(f"{said:.2f}→{came:.2f}")
    return {
        "link_pairs": len(predicted),
        "link_calibration_error": round(error, 4),
        "link_calibration_worst_bin": round(worst, 4),
        "link_said_came_true": " ".join(table),
        "link_auc": round(_auc(predicted, true), 3),
    }


def _auc(predicted: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    order = np.argsort(np.argsort(predicted, kind="stable"), kind="stable") + 1
    ones = true == 1
    count = int(ones.sum())
    above = order[ones].sum() - count * (count + 1) / 2
    return float(above / (count * (len(true) - count)))


def pictures() -> dict[str, float | int | str]:
    """Return how alike crops, smaller and re-encoded versions are, and different pictures.

    The pictures are those of SAFELIGHT_PICTURES where it names a folder, else drawn ones.
    """
    shown = _shown()
    prints = [fingerprints(each) for each in shown]
    apart = [
        found
        for at, one in enumerate(prints)
        for two in prints[:at]
        if (found := distance(one, two)) is not None
    ]
    rng = np.random.default_rng(3)
    said: dict[str, float | int | str] = {"pictures": len(shown), "picture_pairs": len(apart)}
    for most in (10, 12, 14, 16):
        said[f"other_pictures_within_{most}"] = round(float(np.mean(np.array(apart) <= most)), 6)
    for part in (1.0, 0.9, 0.7, 0.5):
        again = [
            distance(one, fingerprints(_again(each, part, rng)))
            for one, each in zip(prints, shown, strict=True)
        ]
        within = np.array([each for each in again if each is not None])
        for most in (10, 12, 14, 16):
            said[f"same_cropped_to_{part}_within_{most}"] = round(float(np.mean(within <= most)), 3)
    return said


def _shown() -> Sequence[NDArray[np.uint8]]:
    folder = os.environ.get("SAFELIGHT_PICTURES")
    if not folder:
        tones = ("light", "medium", "dark", "brown", "very light")
        makes = (made_up.wound, made_up.rash, made_up.skin)
        return [
            makes[at % 3](500 + at, tones[at % 5], size=(SIDE, 3 * SIDE // 4)) for at in range(60)
        ]
    found = (cv2.imread(str(path)) for path in sorted(Path(folder).iterdir()))
    return [_smaller(each[..., ::-1]) for each in found if each is not None]


def _smaller(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    by = min(1.0, SIDE / max(pixels.shape[:2]))
    return np.ascontiguousarray(
        cv2.resize(pixels, None, fx=by, fy=by, interpolation=cv2.INTER_AREA)
    )


def _again(pixels: NDArray[np.uint8], part: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    tall, wide = int(height * part), int(width * part)
    y, x = int(rng.integers(height - tall + 1)), int(rng.integers(width - wide + 1))
    cut = cv2.resize(pixels[y : y + tall, x : x + wide], None, fx=0.7, fy=0.7)
    _, packed = cv2.imencode(".jpg", cut[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 60])
    return np.ascontiguousarray(cv2.imdecode(packed, cv2.IMREAD_COLOR)[..., ::-1])
