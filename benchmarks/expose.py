"""How well a release is judged with all earlier ones, where the true number of people is known.

    python -m benchmarks.expose [--regions CODE…] [--population FOLDER/] [--people COUNTS.csv.gz --census GROUPS.csv]
                                [--microdata PERSONS.csv.gz]
                                [--series N] [--seed N] [--off-by FACTOR] [--releases N]
    python -m benchmarks.expose --calibrate FILE --regions CODE…

With PERSONS the ages of ethnic groups are those of real persons of the regions that judge.
The regions that calibrated and those that judge are different ones, and so are the hidden
dependences: nothing is judged by what it was made from.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np
from tools.population import ethnicity, retabulate

from benchmarks import expose_edits, expose_linking, expose_million, expose_mixed, expose_pycanon
from benchmarks.expose_people import Country, country
from safelight import exposure
from safelight.exposure.calibrating import calibrate
from safelight.exposure.estimating import crowd_of
from safelight.exposure.judging import BLOCK_BELOW, judge
from safelight.exposure.knowledge import fold, told_by
from safelight.exposure.population import Population, population_of
from safelight.exposure.releases import Disclosed
from safelight.exposure.shipped import NAMES
from safelight.flows import populations

CALIBRATED_ON = ("E12000001", "E12000002")
JUDGED_ON = ("E12000004",)
BANDS = ((1, 1), (2, 10), (11, 21), (22, 32), (33, 99), (100, 999), (1000, 10**9))
SERIES = 4000
TURNS, WRONG_BY = 8, 2.0
"""A calibration learns from so many countries, in half of which prevalences are wrong by this factor."""


def figures(
    *,
    population: Population | None = None,
    regions: Sequence[str] = JUDGED_ON,
    series: int = SERIES,
    seed: int = 7,
    off_by: float = 1.0,
    releases: int = expose_million.RELEASES,
    microdata: Path | None = None,
) -> dict[str, float | int | str]:
    """Return how often too small a crowd is caught, safe ones blocked, and how fast."""
    population = population or exposure.load_population()
    lifts = expose_mixed.lifts_from(population, microdata, regions) if microdata else None
    people = country(population, regions, seed=seed, off_by=off_by, lifts=lifts)
    made = [people.series() for _ in range(series)]
    found = [outcome(people, each) for each in made]
    unsafe = [each for each in found if each["truth"] < BLOCK_BELOW]
    said: dict[str, float | int | str] = {
        "series": series,
        "calibrated": int(population.calibration is not None),
        "catch_k_lt_11": _share(unsafe, "blocked"),
        "catch_k_2_10": _share(_band(found, 2, 10), "blocked"),
        "false_block_k_ge_22": _share(_band(found, 22, 10**9), "blocked"),
        "false_block_k_ge_33": _share(_band(found, 33, 10**9), "blocked"),
        "coverage_90": _share(found, "covered"),
        "median_high_low_ratio": median(each["high"] / each["low"] for each in found),
        "single_release_true_k_catch_k_lt_11": _share(unsafe, "single_caught"),
    }
    for low, high in BANDS:
        name = f"{low}" if low == high else f"{low}_{high}" if high < 10**9 else f"{low}_up"
        band = _band(found, low, high)
        said[f"series_k_{name}"] = len(band)
        said[f"coverage_90_k_{name}"] = _share(band, "covered")
    said |= expose_edits.figures(people, made)
    if microdata:
        said |= expose_mixed.figures(population, microdata, regions)
    said |= expose_pycanon.figures(made, [each["truth"] for each in found])
    said |= expose_linking.words(people, pairs=2 * series) | expose_linking.pictures()
    return said | million(releases)


def outcome(people: Country, releases: Sequence[Disclosed]) -> Mapping[str, float]:
    """Judge one series as it stands at its last release."""
    seen = [(each.audience, told_by(each, population=people.population)) for each in releases]
    worst = judge(seen, releases[-1].audience, population=people.population)[0]
    truth = people.truth(releases)
    single = min(people.truth([each]) for each in releases)
    crowd = worst.crowd
    return {
        "truth": truth,
        "k": crowd.k,
        "low": crowd.low,
        "high": crowd.high,
        "blocked": worst.verdict is exposure.Verdict.BLOCK,
        "covered": crowd.low - 0.5 <= truth <= crowd.high + 0.5,
        "single_caught": single < BLOCK_BELOW,
    }


def _band(found: Sequence[Mapping[str, float]], low: int, high: int) -> list[Mapping[str, float]]:
    return [each for each in found if low <= each["truth"] <= high]


def _share(found: Sequence[Mapping[str, float]], what: str) -> float:
    return round(float(np.mean([bool(each[what]) for each in found])), 4) if found else 1.0


def million(releases: int) -> dict[str, float | int | str]:
    """Return what so many releases in one register cost, measured in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.expose_million", "--releases", str(releases)]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=root)
    found: dict[str, float | int | str] = json.loads(done.stdout)
    return found


def learn(population: Population, regions: Sequence[str], *, series: int, seed: int) -> str:
    """Return the calibration that series in these regions teach, as JSON.

    In every other country the published prevalences are wrong by a factor of two: nobody can tell
    from the table in which of them a release is judged. The ranges are learnt from all of them, the
    thresholds from those.
    """
    found: list[tuple[int, float, int]] = []
    hardest: list[tuple[int, float, int]] = []
    for turn in range(TURNS):
        off_by = WRONG_BY if turn % 2 else 1.0
        people = country(population, regions, seed=seed + turn, off_by=off_by)
        for _ in range(series // TURNS):
            releases = people.series()
            known = fold(releases, population=people.population)
            crowd = crowd_of(known, population=people.population)
            found.append((known.kind, crowd.k, people.truth(releases)))
            if turn % 2:
                hardest.append(found[-1])
    learnt = calibrate(population.name, found, block_below=BLOCK_BELOW, hardest=hardest)
    return json.dumps(learnt.as_json(), indent=1) + "\n"


def _population(args: argparse.Namespace) -> Population:
    """Return the population that was asked for: a package, or published tables as they come."""
    population = populations.find(args.population)
    if not (args.people and args.census):
        return population
    groups = ethnicity(args.census)
    return population_of(
        population.name,
        people=retabulate(args.people, args.census),
        ethnicity=groups,
        lifts=[row for row in expose_mixed.shipped() if row[0] in ["group", *groups[0]]],
        conditions=population.conditions,
        calibration=population.calibration,
    )


def main() -> int:
    """Print the figures of one run, or write a calibration."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--regions", nargs="+")
    parser.add_argument("--population", default=NAMES[0], metavar="NAME|FOLDER")
    parser.add_argument("--people", type=Path)
    parser.add_argument("--census", type=Path)
    parser.add_argument("--microdata", type=Path)
    parser.add_argument("--series", type=int, default=SERIES)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--off-by", type=float, default=1.0)
    parser.add_argument("--releases", type=int, default=expose_million.RELEASES)
    parser.add_argument("--calibrate", type=Path)
    args = parser.parse_args()
    population = _population(args)
    if args.calibrate:
        regions = args.regions or CALIBRATED_ON
        text = learn(population, regions, series=args.series, seed=args.seed)
        args.calibrate.write_text(text, encoding="utf-8")
        return 0
    found = figures(
        population=population,
        regions=args.regions or JUDGED_ON,
        series=args.series,
        seed=args.seed,
        off_by=args.off_by,
        releases=args.releases,
        microdata=args.microdata,
    )
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
