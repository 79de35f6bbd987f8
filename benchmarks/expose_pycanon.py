"""What pyCANON says of the same series: classes within the ledger, where no other people are counted.

pyCANON is installed at a fixed version into an environment of its own, under the folder that
SAFELIGHT_PEERS names (a temporary one otherwise). Where it can't be had, that is the figure.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks import peers
from safelight.exposure import BLOCK_BELOW, Disclosed

PACKAGES = ("pycanon==1.3.6",)
PATIENCE = 900
COLUMNS = ("age", "sex", "place", "ethnicity", "condition", "marks", "unmapped", "not")
UNTOLD = "not told"
ASKED = """
import json, sys
import pandas
from pycanon import anonymity
from pycanon.anonymity.utils import aux_anonymity
table = pandas.read_csv(sys.argv[1], dtype=str, keep_default_na=False)
columns = list(table.columns)
sizes = [0] * len(table)
for rows in aux_anonymity.get_equiv_class(table, columns):
    for row in rows:
        sizes[row] = len(rows)
print(json.dumps({"k": int(anonymity.k_anonymity(table, columns)), "sizes": sizes}))
"""


def figures(
    told: Sequence[Sequence[Disclosed]], truths: Sequence[float]
) -> dict[str, float | int | str]:
    """Return what it would have blocked: rows whose class in the table is below eleven.

    told: the releases of each series. truths: how many people each series truly fits.
    Once with a row for each release, and once with one for each patient, of all that was told.
    """
    with tempfile.TemporaryDirectory() as work:
        place = Path(os.environ.get("SAFELIGHT_PEERS") or work) / "pycanon"
        if problem := peers.install(PACKAGES, place):
            return {"pycanon": problem}
        of_series = [at for at, releases in enumerate(told) for _ in releases]
        by_release = [_row([release]) for releases in told for release in releases]
        by_patient = [_row(releases) for releases in told]
        try:
            each = _asked(place, by_release, Path(work))
            whole = _asked(place, by_patient, Path(work))
        except (OSError, subprocess.SubprocessError) as error:
            return {"pycanon": f"not run: it failed ({type(error).__name__})"}
    smallest = np.full(len(told), np.inf)
    np.minimum.at(smallest, of_series, each["sizes"])
    k = int(each["k"]), int(whole["k"])
    return (
        {"pycanon": PACKAGES[0], "pycanon_rows": len(by_release), "pycanon_k": k[0]}
        | _shares("pycanon", smallest, np.array(truths))
        | {"pycanon_by_patient_k": k[1]}
        | _shares("pycanon_by_patient", np.array(whole["sizes"]), np.array(truths))
    )


def _row(releases: Sequence[Disclosed]) -> list[str]:
    """Return what these releases tell, a column for each kind of detail."""
    said: dict[str, set[str]] = {column: set() for column in COLUMNS}
    for release in releases:
        for kind, value in release.facts.items():
            said[kind].add(json.dumps(value, sort_keys=True))
        said["not"] |= {json.dumps(place) for place in release.not_places}
    return [" and ".join(sorted(each)) or UNTOLD for each in said.values()]


def _asked(place: Path, rows: Sequence[Sequence[str]], work: Path) -> Mapping[str, list[int]]:
    table = work / "table.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    command = [str(place / "bin/python"), "-c", ASKED, str(table)]
    done = subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    found: Mapping[str, list[int]] = json.loads(done.stdout)
    return found


def _shares(name: str, sizes: np.ndarray, truths: np.ndarray) -> dict[str, float | int | str]:
    blocked = sizes < BLOCK_BELOW

    def share(least: float, most: float) -> float:
        inside = (truths >= least) & (truths <= most)
        return round(float(blocked[inside].mean()), 4) if inside.any() else 1.0

    return {
        f"{name}_catch_k_lt_11": share(1, BLOCK_BELOW - 1),
        f"{name}_catch_k_2_10": share(2, BLOCK_BELOW - 1),
        f"{name}_false_block_k_ge_22": share(22, np.inf),
        f"{name}_false_block_k_ge_33": share(33, np.inf),
    }
