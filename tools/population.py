"""Re-tabulate published figures into the tables that `safelight.exposure` reads.

    python -m tools.population COUNTS.csv.gz ETHNICITY.csv PREVALENCES.csv.gz MICRODATA.csv.gz -o src/safelight/exposure/tables/uk-mid2011

COUNTS: lad, sex, age0 … age89, age90plus (Nomis NM_2002_1, mid-year estimates).
ETHNICITY: lad, region, total and then one column for each group (Nomis KS201EW with its lookup);
places without a region get their nation only.
PREVALENCES: name, type, class (Orphadata, rare diseases' epidemiology).
MICRODATA: Region, Population Base, Age, Ethnic Group of single persons (ONS, Census 2011 Microdata
Teaching File, 1 %), of which the regions of LIFTED_FROM are read.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

HOLES = {"E06000053": "E12000009", "E09000001": "E12000007"}
"""Isles of Scilly and City of London, which the census table pools with their neighbours."""

ALIASES = {"Kingston upon Hull": ("Hull",), "Newcastle upon Tyne": ("Newcastle",)}
REGIONS = {
    "E12000001": "North East",
    "E12000002": "North West",
    "E12000003": "Yorkshire and the Humber",
    "E12000004": "East Midlands",
    "E12000005": "West Midlands",
    "E12000006": "East of England",
    "E12000007": "London",
    "E12000008": "South East",
    "E12000009": "South West",
}
NATION_NAMES = {
    "E92000001": "England",
    "W92000004": "Wales",
    "S92000003": "Scotland",
    "N92000002": "Northern Ireland",
}
NATIONS = {"E": "E92000001", "W": "W92000004", "S": "S92000003", "N": "N92000002"}
CLASSES = {
    "<1 / 1 000 000": (1e-8, 1e-6),
    "1-9 / 1 000 000": (1e-6, 1e-5),
    "1-9 / 100 000": (1e-5, 1e-4),
    "1-5 / 10 000": (1e-4, 6e-4),
    "6-9 / 10 000": (6e-4, 1e-3),
    ">1 / 1000": (1e-3, 1e-2),
}
"""Orphanet's classes as shares of people. Its open ends reach two powers of ten down and one up."""
TYPES = {
    "Point prevalence": (1.0, 1.0),
    "Lifetime Prevalence": (0.1, 1.0),
    "Prevalence at birth": (0.1, 1.0),
    "Annual incidence": (0.1, 50.0),
}
"""The best first, and by how much the people alive with it can be fewer or more than the figure:
of those born with it not all are alive, and new cases live with it from weeks to half a century."""
LIFTED_FROM = ("E12000001", "E12000002")
"""North East and North West: the other regions are left to judge by."""
BANDS = ((0, 15), (16, 24), (25, 34), (35, 44), (45, 54), (55, 64), (65, 74), (75, 90))
"""The ages of the teaching file's codes 1 to 8."""
GROUPS = {
    "1": (
        "English/Welsh/Scottish/Northern Irish/British",
        "Irish",
        "Gypsy or Irish Traveller",
        "Other White",
    ),
    "2": ("White and Black Caribbean", "White and Black African", "White and Asian", "Other Mixed"),
    "3": ("Indian", "Pakistani", "Bangladeshi", "Other Asian"),
    "4": ("African", "Caribbean", "Other Black"),
    "5": ("Chinese", "Arab", "Any other ethnic group"),
}
"""The teaching file's ethnic groups, to those of the census table that they hold."""
USUAL_RESIDENT = "1"
PRIOR = 10.0
"""People added to what was counted and to what would be expected, so that a few don't make a lift."""
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


def ethnicity(census: Path) -> list[list[str]]:
    """Return the rows of our table of ethnic groups: lad, region, then the count of each group."""
    with census.open(encoding="utf-8", newline="") as lines:
        heading, *rows = csv.reader(lines)
    at = [heading.index("lad"), heading.index("region")]
    groups = range(heading.index("total") + 1, len(heading))
    columns = [*at, *groups]
    chosen = sorted([row[each] for each in columns] for row in rows)
    return [["lad", "region", *(heading[each] for each in groups)], *chosen]


def names(census: Path) -> list[list[str]]:
    """Return level, code and name of places, each also by the towns that a district's name joins."""
    found: dict[str, tuple[str, str]] = {}
    with census.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            for name in _called(row["name"]):
                found.setdefault(name, ("lad", row["lad"]))
    found |= {name: ("region", code) for code, name in REGIONS.items()}
    found |= {name: ("nation", code) for code, name in NATION_NAMES.items()}
    return [["level", "code", "name"], *([*where, name] for name, where in sorted(found.items()))]


def _called(name: str) -> list[str]:
    """Return what a district is called: "Bristol, City of" is Bristol, "Bath and …" is Bath too."""
    plain = re.sub(r", (City|County) of$|^(City|County) of |^County ", "", name)
    return list(dict.fromkeys([name, plain, *plain.split(" and "), *ALIASES.get(plain, ())]))


def prevalences(statements: Path) -> list[list[str]]:
    """Return name, lowest and highest share of people, one row for each named condition.

    Point prevalence where there is one, else lifetime, at birth, a year's new cases. Where
    statements differ the interval holds all of them.
    """
    found: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    with gzip.open(statements, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["class"] in CLASSES and row["type"] in TYPES:
                fewer, more = TYPES[row["type"]]
                low, high = CLASSES[row["class"]]
                name = " ".join(re.findall(r"\w+", row["name"].casefold()))
                found[name][row["type"]].append((low * fewer, min(1.0, high * more)))
    return [["name", "low", "high"]] + [
        [name, f"{min(low for low, _ in best):.3g}", f"{max(high for _, high in best):.3g}"]
        for name, types in sorted(found.items())
        for best in [next(types[each] for each in TYPES if each in types)]
    ]


def lifts(microdata: Path, regions: Sequence[str] = LIFTED_FROM) -> list[list[str]]:
    """Return group, first and last age, and how much commoner the group is there than at all ages."""
    counted = Counter[tuple[str, str]]()
    with gzip.open(microdata, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            usual = row["Population Base"] == USUAL_RESIDENT
            if usual and row["Region"] in regions and row["Ethnic Group"] in GROUPS:
                counted[row["Ethnic Group"], row["Age"]] += 1
    found = [["group", "from", "to", "lift"]]
    for code, names in GROUPS.items():
        of_group = sum(counted[code, str(age)] for age in range(1, len(BANDS) + 1))
        for age, (first, last) in enumerate(BANDS, 1):
            of_age = sum(counted[other, str(age)] for other in GROUPS)
            expected = of_group * of_age / max(1, counted.total())
            lift = (counted[code, str(age)] + PRIOR) / (expected + PRIOR)
            found += [[name, str(first), str(last), f"{lift:.3g}"] for name in names]
    return found


def write(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """Write a table, the same bytes each time."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    # No name and no time in the header, or every run would differ.
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


def main() -> None:
    """Read the four files and write ours."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("counts", type=Path)
    parser.add_argument("ethnicity", type=Path)
    parser.add_argument("prevalences", type=Path)
    parser.add_argument("microdata", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    people = retabulate(args.counts, args.ethnicity)
    write(args.output / "people.csv.gz", [["lad", "region", "nation", "sex", *AGES], *people])
    write(args.output / "ethnicity.csv.gz", ethnicity(args.ethnicity))
    write(args.output / "lifts.csv.gz", lifts(args.microdata))
    write(args.output / "names.csv.gz", names(args.ethnicity))
    write(args.output / "conditions.csv.gz", prevalences(args.prevalences))


if __name__ == "__main__":
    main()
