"""`safelight expose` by its contract: one JSON object, exit 3 on a block, 4 on what can't be read."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from safelight.cli import main

TOWN = {"place": {"level": "lad", "code": "E06000005"}}


def line(**said: object) -> str:
    return json.dumps(
        {"id": "r", "patient": "p", "at": "2026-01-01", "audience": ["public"]} | said
    )


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    ledger, proposed = tmp_path / "ledger", tmp_path / "proposed"
    ledger.write_text(line(facts=TOWN) + "\n\n" + line(patient="someone else", facts={"sex": "M"}))
    proposed.write_text(line(facts={"sex": "F"}))
    return ledger, proposed


def expose(ledger: object, proposed: object, *more: str) -> int:
    return main(["expose", "--ledger", str(ledger), "--proposed", str(proposed), *more])


def test_it_takes_the_earlier_releases_of_the_same_patient_only(files, capsys) -> None:
    assert expose(*files, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["verdict"] == "clear"
    assert 50_000 < said["k"] < 60_000
    assert {each["detail"] for each in said["contributions"]} == {"place", "sex"}


def test_a_block_exits_three(files, capsys, monkeypatch) -> None:
    files[1].write_text(line(facts={"unmapped": ["a", "b", "c", "d", "e", "f"]}))
    monkeypatch.setattr("sys.stdin", io.StringIO(files[0].read_text()))
    assert expose("-", files[1]) == 3
    assert capsys.readouterr().out.startswith("block: could be about 1 people")


def test_people_read_what_narrows_and_what_would_help(files, capsys) -> None:
    files[1].write_text(line(facts={"sex": "F", "unmapped": ["a", "b", "c", "d"]}))
    assert expose(*files) == 3
    assert "instead, unmapped left out" in capsys.readouterr().out


def test_a_release_of_nobody_known_is_assessed_alone(files, capsys) -> None:
    files[1].write_text(line(patient=None, facts={"sex": "F"}))
    assert expose(*files, "--json") == 0
    assert json.loads(capsys.readouterr().out)["k"] > 30_000_000


@pytest.mark.parametrize(
    ("text", "why"),
    [("{", "not JSON"), ("[]", "a release is a JSON object"), ("\udcff", "Unicode")],
)
def test_what_cannot_be_read_exits_four_and_quotes_nothing(files, capsys, text, why) -> None:
    files[1].write_bytes(text.encode("utf-8", "surrogateescape"))
    assert expose(*files) == 4
    assert why in capsys.readouterr().err


def test_an_unknown_population_and_a_missing_file_exit_four(files, capsys) -> None:
    assert expose(*files, "--population", "atlantis") == 4
    assert expose("/nowhere", files[1]) == 4
    assert "no population table" in capsys.readouterr().err


def test_people_read_that_nothing_mends_it_and_that_nothing_is_new(files, capsys) -> None:
    files[0].write_text(line(facts={"unmapped": list("abcdefgh")}))
    files[1].write_text(line(facts={"unmapped": ["a"]}))
    assert expose(*files) == 3
    said = capsys.readouterr().out
    assert "nothing in this release can mend it" in said
    assert "it adds nothing" in said
