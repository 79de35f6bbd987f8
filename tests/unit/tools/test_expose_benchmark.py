"""The benchmark of exposure: what it counts is what it says, and a tool that can't be had is named."""

from __future__ import annotations

import json

import pytest
from benchmarks import expose_million, expose_pycanon, peers

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
