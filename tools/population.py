"""Re-tabulate published population counts into the table that `safelight.exposure` reads.

    python -m tools.population COUNTS.csv.gz REGIONS.csv -o src/safelight/exposure/tables/uk-mid2011.csv.gz

COUNTS: lad, sex, age0 … age89, age90plus (Nomis NM_2002_1, mid-year estimates).
REGIONS: at least lad and region (Nomis KS201EW with its lookup); places without one get their nation only.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
from pathlib import Path

HOLES = {"E06000053": "E12000009", "E09000001": "E12000007"}
"""Isles of Scilly and City of London, which the census table pools with their neighbours."""

NATIONS = {"E": "E92000001", "W": "W92000004", "S": "S92000003", "N": "N92000002"}
AGES = [*(f"age{age}" for age in range(90)), "age90plus"]


def retabulate(counts: Path, regions: Path) -> list[list[str]]:
    """Return the rows of our table: lad, region, nation, sex, then 91 counts."""
    with regions.open(encoding="utf-8", newline="") as lines:
        region_of = {row["lad"]: row["region"] for row in csv.DictReader(lines)} | HOLES
    with gzip.open(counts, "rt", encoding="utf-8", newline="") as lines:
        rows = sorted(csv.DictReader(lines), key=lambda row: (row["lad"], row["sex"]))
    return [
        [row["lad"], _region(row["lad"], region_of), NATIONS[row["lad"][0]], row["sex"]]
        + [str(int(row[age])) for age in AGES]
        for row in rows
    ]


def _region(lad: str, region_of: dict[str, str]) -> str:
    region = region_of.get(lad, "")
    return region if region.startswith("E12") else ""


def main() -> None:
    """Read the two files and write ours, the same bytes each time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("counts", type=Path)
    parser.add_argument("regions", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["lad", "region", "nation", "sex", *AGES])
    writer.writerows(retabulate(args.counts, args.regions))
    # No name and no time in the header, or every run would differ.
    args.output.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


if __name__ == "__main__":
    main()
