"""`safelight backup`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from web.test_commands import init, safelight


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("installation") / "home"
    assert init(home).returncode == 0
    made = safelight("backup", "init-key", "--home", str(home))
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("safelight-backup-key-1\n")
    (home.parent / "words").write_text(made.stdout)
    return home


def test_records_and_keys_are_backed_up_listed_and_pruned(installed: Path, tmp_path):
    home, to, keys_to = str(installed), str(tmp_path / "a"), str(tmp_path / "b")
    made = safelight("backup", "--home", home, "--to", to, "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["kind"] == "records"
    made = safelight("backup", "keys", "--home", home, "--to", keys_to)
    assert made.returncode == 0, made.stderr
    assert "read back and whole" in made.stdout
    told = safelight("backup", "list", "--to", to, "--json")
    assert json.loads(told.stdout)["ledger_size"] == 2
    assert "keys-" in safelight("backup", "list", "--to", keys_to).stdout
    told = safelight("backup", "prune", "--to", to, "--json")
    assert json.loads(told.stdout) == {"sets": [], "unfinished": [], "blobs": 0}
    assert "no set and 0 pictures went" in safelight("backup", "prune", "--to", to).stdout


def test_a_second_key_is_refused(installed: Path):
    told = safelight("backup", "init-key", "--home", str(installed))
    assert told.returncode == 3
    assert told.stdout == ""


def test_it_says_what_is_missing(installed: Path, tmp_path):
    for words in (["backup"], ["backup", "list"], ["backup", "prune"]):
        told = safelight(*words, "--home", str(installed))
        assert told.returncode == 2
        assert "backup_to" in told.stderr
    assert safelight("backup", "--home", str(tmp_path)).returncode == 2
    same = {"SAFELIGHT_BACKUP_TO": str(tmp_path), "SAFELIGHT_BACKUP_KEYS_TO": str(tmp_path)}
    assert safelight("backup", "--home", str(installed), **same).returncode == 2


def test_an_altered_set_is_told_by_the_list(installed: Path, tmp_path):
    made = safelight("backup", "--home", str(installed), "--to", str(tmp_path), "--json")
    manifest = tmp_path / "sets" / json.loads(made.stdout)["id"] / "manifest"
    manifest.write_bytes(manifest.read_bytes().replace(b"sqlite", b"sqlita"))
    told = safelight("backup", "list", "--to", str(tmp_path))
    assert told.returncode == 3
    assert "was altered" in told.stderr


def test_a_place_that_cannot_be_written_is_said_in_a_sentence(installed: Path, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    told = safelight("backup", "--home", str(installed), "--to", str(tmp_path / "file"))
    assert told.returncode == 1
    assert "Traceback" not in told.stderr
    assert "Nothing of this run counts" in told.stderr
