"""The tables of people are what the tool makes of the published ones."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest
from tools import population


def packed(path: Path, rows: list[list[str]]) -> Path:
    with gzip.open(path, "wt", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows(rows)
    return path


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    ages = ["1"] * 91
    counts = [["lad", "sex", *population.AGES], ["E01", "M", *ages], ["W01", "F", *ages]]
    census = tmp_path / "census.csv"
    census.write_text(
        "lad,name,region,total,One group,Another\nW01,b,W92000004,3,1,2\nE01,a,E12000001,9,4,5\n"
    )
    said = [
        ["name", "type", "class"],
        ["Made-up disease, type 1", "Point prevalence", "1-9 / 100 000"],
        ["Made-up disease, type 1", "Point prevalence", "1-9 / 1 000 000"],
        ["Made-up disease, type 1", "Annual incidence", ">1 / 1000"],
        ["Newly made up", "Annual incidence", "1-9 / 100 000"],
        ["Nobody knows", "Point prevalence", "Unknown"],
        ["A family", "Cases/families", ""],
    ]
    persons = [["Region", "Population Base", "Age", "Ethnic Group"]]
    persons += [["E12000001", "1", "1", "3"]] * 30 + [["E12000001", "1", "8", "1"]] * 50
    persons += [["E12000001", "1", "1", "1"]] * 20 + [["E12000004", "1", "8", "3"]] * 99
    persons += [["E12000001", "2", "8", "3"]] * 99 + [["E12000001", "1", "8", "-9"]] * 99
    return [
        packed(tmp_path / "counts.csv.gz", counts),
        census,
        packed(tmp_path / "said.csv.gz", said),
        packed(tmp_path / "persons.csv.gz", persons),
    ]


def read(path: Path) -> list[list[str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))


def test_published_files_become_tables(sources, tmp_path, monkeypatch) -> None:
    command = ["population", *map(str, sources), "-o", str(tmp_path)]
    monkeypatch.setattr("sys.argv", command)
    population.main()
    assert [row[:4] for row in read(tmp_path / "people.csv.gz")[1:]] == [
        ["E01", "E12000001", "E92000001", "M"],
        ["W01", "", "W92000004", "F"],
    ]
    assert read(tmp_path / "ethnicity.csv.gz") == [
        ["lad", "region", "One group", "Another"],
        ["E01", "E12000001", "4", "5"],
        ["W01", "W92000004", "1", "2"],
    ]
    assert read(tmp_path / "conditions.csv.gz") == [
        ["name", "low", "high"],
        ["made up disease type 1", "1e-06", "0.0001"],
        ["newly made up", "1e-06", "0.005"],
    ]
    found = {(row[0], row[1]): row[2:] for row in read(tmp_path / "lifts.csv.gz")[1:]}
    # Half of a hundred are children; of the group's thirty all are, where fifteen would be expected.
    assert found["Indian", "0"] == ["15", f"{(30 + 10) / (15 + 10):.3g}"]
    assert found["Indian", "75"] == ["90", f"{10 / (15 + 10):.3g}"]
    assert found["Irish", "75"] == ["90", f"{(50 + 10) / (35 + 10):.3g}"]
    assert len(found) == 18 * 8
