"""Population packages: a folder of published tables, read whole or refused.

    population.toml     name, title, vintage, licence, source
    people.csv          lad, region, nation, sex, age0 … age89, age90plus
    ethnicity.csv       lad, region, then a column for each group            (may be missing)
    lifts.csv           group, first and last age, lift: who is older or younger (may be missing)
    conditions.csv      name, low, high: what share of people have it        (may be missing)
    names.csv           level, code, name, for reading captions              (may be missing)
    calibration.json    what series with a known answer taught               (may be missing)

Each table may be gzipped (`people.csv.gz`). Without a calibration every report says so.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import tomllib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from safelight.exposure.calibrating import CLASSES, EDGES, Calibration
from safelight.exposure.population import OLDEST, SEXES, Population, population_of
from safelight.exposure.releases import LEVELS
from safelight.exposure.satellites import plain

ABOUT = "population.toml"
PEOPLE = ["lad", "region", "nation", "sex", *(f"age{age}" for age in range(OLDEST)), "age90plus"]
MOST_BYTES = 64 << 20
"""Of one table, unpacked."""

MOST_LIFT = 20
"""Some are twenty times as common at an age; more is a slip."""


class PopulationRefused(ValueError):
    """The folder is no population package that can be counted with; the message says what to mend."""


@dataclass(frozen=True, slots=True)
class About:
    """What a table is of, from when, and on whose word."""

    name: str
    title: str
    vintage: str
    licence: str
    source: str


def read_about(parts: Mapping[str, bytes]) -> About:
    """Return what the package says of itself. Raises PopulationRefused."""
    if ABOUT not in parts:
        raise PopulationRefused(f"{ABOUT} is missing")
    try:
        said = tomllib.loads(parts[ABOUT].decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PopulationRefused(f"{ABOUT} is not TOML") from error
    wanted = {each.name for each in fields(About)}
    if said.keys() != wanted or not all(isinstance(each, str) and each for each in said.values()):
        raise PopulationRefused(f"{ABOUT} has {', '.join(sorted(wanted))}, all in words")
    if not said["name"].replace("-", "").isalnum():
        raise PopulationRefused(f"{ABOUT}: a name has letters, figures and hyphens")
    return About(**said)


def read_package(parts: Mapping[str, bytes]) -> Population:
    """Return the population of a package: file name to its bytes. Raises PopulationRefused."""
    about = read_about(parts)
    if unknown := sorted(set(parts) - _known()):
        raise PopulationRefused(f"not known in a package: {', '.join(unknown)}")
    heading, *people = _table(parts, "people", needed=True)
    if heading != PEOPLE:
        raise PopulationRefused("people: the heading is lad, region, nation, sex, age0 … age90plus")
    _check_people(people)
    places = {row[0] for row in people}
    ethnicity = _ethnicity(parts, places)
    return population_of(
        about.name,
        vintage=about.vintage,
        people=people,
        ethnicity=ethnicity,
        lifts=_lifts(parts, ethnicity),
        conditions=_conditions(parts),
        calibration=_calibration(parts, about.name),
        names=_names(parts),
    )


def _known() -> set[str]:
    tables = ("people", "ethnicity", "lifts", "conditions", "names")
    return {ABOUT, "calibration.json"} | {
        f"{table}.csv{packed}" for table in tables for packed in ("", ".gz")
    }


def _table(
    parts: Mapping[str, bytes], name: str, *, needed: bool = False
) -> Sequence[Sequence[str]]:
    data = parts.get(f"{name}.csv")
    if data is None and (packed := parts.get(f"{name}.csv.gz")) is not None:
        data = _unpacked(packed, name)
    if data is None:
        if needed:
            raise PopulationRefused(f"{name}.csv is missing")
        return []
    try:
        rows = list(csv.reader(io.StringIO(data.decode())))
    except (UnicodeDecodeError, csv.Error) as error:
        raise PopulationRefused(f"{name} is not a CSV table in UTF-8") from error
    if not rows:
        raise PopulationRefused(f"{name} has no heading")
    for line, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise PopulationRefused(f"{name}, line {line}: {len(rows[0])} columns are wanted")
    return rows


def _unpacked(packed: bytes, name: str) -> bytes:
    try:
        with gzip.open(io.BytesIO(packed)) as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise PopulationRefused(f"{name} is not gzip") from error
    if len(data) > MOST_BYTES:
        raise PopulationRefused(f"{name} is over {MOST_BYTES >> 20} MB unpacked")
    return data


def _check_people(rows: Sequence[Sequence[str]]) -> None:
    seen: set[tuple[str, str]] = set()
    for line, (lad, _, nation, sex, *ages) in enumerate(rows, 2):
        where = f"people, line {line}"
        if not lad or not nation or sex not in SEXES:
            raise PopulationRefused(f"{where}: a place, a nation and F or M are wanted")
        if not all(age.isdecimal() for age in ages):
            raise PopulationRefused(f"{where}: counts are whole numbers")
        if (lad, sex) in seen:
            raise PopulationRefused(f"{where}: this place and sex stand there already")
        seen.add((lad, sex))
    places = {lad for lad, _ in seen}
    if not places or len(seen) != len(SEXES) * len(places):
        raise PopulationRefused("people: each place has a row for F and one for M")


def _ethnicity(parts: Mapping[str, bytes], places: set[str]) -> Sequence[Sequence[str]]:
    rows = _table(parts, "ethnicity")
    if not rows:
        return []
    if list(rows[0][:2]) != ["lad", "region"] or len(rows[0]) < 3:
        raise PopulationRefused("ethnicity: the heading is lad, region and the groups")
    for line, (lad, _, *counts) in enumerate(rows[1:], 2):
        if lad not in places:
            raise PopulationRefused(f"ethnicity, line {line}: a place that people doesn't have")
        if not all(each.isdecimal() for each in counts) or not any(map(int, counts)):
            raise PopulationRefused(f"ethnicity, line {line}: counts are whole numbers, not all 0")
    return rows


def _lifts(
    parts: Mapping[str, bytes], ethnicity: Sequence[Sequence[str]]
) -> Sequence[Sequence[str]]:
    rows = _table(parts, "lifts")
    groups = set(ethnicity[0][2:]) if ethnicity else set()
    for line, row in enumerate(rows[1:], 2):
        try:
            group, first, last, lift = row[0], int(row[1]), int(row[2]), float(row[3])
        except (ValueError, IndexError) as error:
            raise PopulationRefused(f"lifts, line {line}: group, from, to, lift") from error
        if group not in groups:
            raise PopulationRefused(f"lifts, line {line}: a group that ethnicity doesn't have")
        if not (0 <= first <= last <= OLDEST and 0 < lift <= MOST_LIFT):
            raise PopulationRefused(
                f"lifts, line {line}: ages from 0 to {OLDEST}, a lift above 0 and up to {MOST_LIFT}"
            )
    return rows


def _conditions(parts: Mapping[str, bytes]) -> Mapping[str, tuple[float, float]]:
    found = {}
    for line, row in enumerate(_table(parts, "conditions")[1:], 2):
        try:
            name, low, high = row[0], float(row[1]), float(row[2])
        except (ValueError, IndexError) as error:
            raise PopulationRefused(f"conditions, line {line}: name, low, high") from error
        if not 0 < low <= high <= 1:
            raise PopulationRefused(f"conditions, line {line}: shares lie above 0 and up to 1")
        found[plain(name)] = low, high
    return found


def _names(parts: Mapping[str, bytes]) -> Sequence[Sequence[str]]:
    rows = _table(parts, "names")[1:]
    for line, row in enumerate(rows, 2):
        if len(row) != 3 or row[0] not in LEVELS or not all(row):
            raise PopulationRefused(f"names, line {line}: level, code, name")
    return rows


def _calibration(parts: Mapping[str, bytes], name: str) -> Calibration | None:
    if "calibration.json" not in parts:
        return None
    try:
        found = Calibration.from_json(parts["calibration.json"].decode())
        shape = {len(found.thresholds), len(found.ranges)}
        cells = {len(each) for each in found.ranges}
    except (ValueError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise PopulationRefused("calibration.json is not what the benchmark writes") from error
    if found.population != name:
        raise PopulationRefused("calibration.json is of another population")
    if shape != {CLASSES} or cells != {len(EDGES) + 1}:
        raise PopulationRefused("calibration.json is of another version")
    return found
