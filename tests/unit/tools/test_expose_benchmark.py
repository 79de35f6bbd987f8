"""The benchmark of exposure: what it counts is what it says, and a tool that can't be had is named."""

from __future__ import annotations

import csv
import gzip
import json

import pytest
from benchmarks import expose_edits, expose_million, expose_mixed, expose_pycanon, peers
from benchmarks.expose_people import country

from safelight import exposure


def release(number: int, **facts: object) -> exposure.Disclosed:
    said = {"id": str(number), "patient": "p", "at": "2026-03-01", "audience": ["public"]}
    return exposure.read_release(said | {"facts": facts})


def test_a_register_of_many_says_what_the_whole_report_says(monkeypatch) -> None:
    monkeypatch.setattr(expose_million, "_hold_to_one_core", lambda: None)
    monkeypatch.setattr(expose_million, "CHUNK", 60)
    found = expose_million.figures(releases=100)
    assert found["releases"] >= 100
    assert found["assessments"] == found["patients"] == 60
    assert found["whole_reports_that_say_otherwise"] == 0


def test_the_same_seed_tells_the_same_of_a_patient_and_the_contract_reads_it() -> None:
    one, two = (expose_million.Patients(exposure.load_population(), 3) for _ in range(2))
    assert [one.series(at) for at in range(20)] == [two.series(at) for at in range(20)]
    for line in one.series(7):
        assert exposure.read_release(json.loads(line)).patient == "p7"


def test_what_another_tool_sees_is_a_row_of_what_was_told() -> None:
    row = expose_pycanon._row([release(1, sex="F"), release(2, sex="F", age={"years": 40})])
    assert dict(zip(expose_pycanon.COLUMNS, row, strict=True)) == {
        "age": '{"years": 40}',
        "sex": '"F"',
    } | dict.fromkeys(
        ("place", "ethnicity", "condition", "marks", "unmapped", "not"), expose_pycanon.UNTOLD
    )


@pytest.mark.parametrize(
    ("is_there", "said"), [(False, "could not be installed"), (True, "failed")]
)
def test_a_tool_that_cannot_be_had_is_the_figure(tmp_path, monkeypatch, is_there, said) -> None:
    monkeypatch.setenv("SAFELIGHT_PEERS", str(tmp_path))
    monkeypatch.setattr(expose_pycanon, "PACKAGES", ("./no/such/wheel",))
    monkeypatch.setattr(peers.venv, "create", lambda *_, **__: None)
    if is_there:
        (tmp_path / "pycanon").mkdir()
        (tmp_path / "pycanon" / peers.DONE).touch()
    assert said in expose_pycanon.figures([[release(1, sex="F")]], [5])["pycanon"]


def test_changes_that_are_offered_are_carried_out_as_they_say() -> None:
    people = country(exposure.load_population(), ["E12000004"], seed=3)
    derby = {"level": "lad", "code": "E06000015"}
    said = release(1, place=derby, age={"years": 85}, sex="F", unmapped=["word 3"])
    changed = expose_edits._offered(people, [], said)
    assert changed
    assert all(each != said for each in changed)
    assert expose_edits.figures(people, [[said]])["edits_offered"] == len(changed)


def test_what_real_persons_tell_of_groups_and_ages_is_read_and_compared(tmp_path) -> None:
    persons = [["Region", "Population Base", "Sex", "Age", "Ethnic Group"]]
    persons += [["E12000004", "1", sex, "1", "3"] for sex in "12" for _ in range(60)]
    persons += [["E12000004", "1", sex, "7", "1"] for sex in "12" for _ in range(90)]
    with gzip.open(tmp_path / "persons.csv.gz", "wt", newline="") as lines:
        csv.writer(lines).writerows(persons)
    population = exposure.load_population()
    found = expose_mixed.lifts_from(population, tmp_path / "persons.csv.gz", ["E12000004"])
    indian = population.groups["indian"].bit_length() - 1
    assert found.shape == (91, 18)
    assert found[5, indian] > 1 > found[70, indian]
    said = expose_mixed.figures(population, tmp_path / "persons.csv.gz", ["E12000004"])
    assert said["group_age_cells"] == 2
    assert said["group_age_off"] > said["group_age_off_by_counting"]


def test_the_shipped_lifts_are_rows_under_a_heading() -> None:
    assert expose_mixed.shipped()[0] == ["group", "from", "to", "lift"]
    assert len(expose_mixed.shipped()) == 18 * 8 + 1
