"""init, doctor, ledger, serve: what a practice types."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from safelight.cli import init as init_command

SAFELIGHT = [sys.executable, "-c", "import sys; from safelight.cli import main; sys.exit(main())"]
ANSWERS = {
    "--practice": "Quay Street Surgery",
    "--administrator": "Ada Moss",
    "--email": "ada@made-up.example",
    "--server-url": "http://localhost:8765",
}


def safelight(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith("SAFELIGHT_") and name != "DJANGO_SETTINGS_MODULE"
    }
    return subprocess.run(
        [*SAFELIGHT, *words],
        env=kept | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def init(home: Path, **changed: str) -> subprocess.CompletedProcess[str]:
    secret = home.parent / "passphrase"
    secret.write_text("four lamps glow under slate\n", encoding="utf-8")
    secret.chmod(0o600)
    answers = ANSWERS | {f"--{name.replace('_', '-')}": text for name, text in changed.items()}
    words = [word for pair in answers.items() for word in pair]
    return safelight("init", "--home", str(home), "--passphrase-file", str(secret), *words)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("installation") / "home"
    made = init(home)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("http://localhost:8765/account/password/new/")
    return home


def test_an_installation_is_for_its_user_alone(installed: Path):
    for path in (installed, *installed.rglob("*")):
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO), path.name
    assert stat.S_IMODE((installed / "safelight.toml").stat().st_mode) == 0o600


def test_a_second_init_changes_nothing(installed: Path):
    before = (installed / "safelight.toml").read_bytes()
    assert init(installed).returncode == 3
    assert (installed / "safelight.toml").read_bytes() == before


@pytest.mark.parametrize(
    "changed",
    [{"server_url": "http://safelight.made-up.example"}, {"email": "not an address"}],
)
def test_what_does_not_fit_makes_no_installation(tmp_path, changed):
    made = init(tmp_path / "home", **changed)
    assert made.returncode == 3
    assert not (tmp_path / "home" / "safelight.toml").exists()


def pack_in(home: Path) -> str:
    with closing(sqlite3.connect(home / "records.sqlite3")) as records:
        (found,) = records.execute("select pack from records_practice").fetchone()
    return str(found)


def test_a_practice_chooses_whose_rules_it_follows(installed: Path, tmp_path: Path):
    assert pack_in(installed) == "england"
    assert init(tmp_path / "home", pack="scotland").returncode == 0
    assert pack_in(tmp_path / "home") == "scotland"
    assert init(tmp_path / "other", pack="atlantis").returncode == 2
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("typed", "expected"), [("Scotland\n", "scotland"), ("\n", "england"), ("Atlantis\n", None)]
)
def test_somebody_at_a_terminal_is_asked_whose_rules_it_follows(
    monkeypatch, capsys, typed, expected
):
    at_terminal = io.StringIO(typed)
    at_terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", at_terminal)
    if expected is None:
        with pytest.raises(init_command.Missing, match="Choose among england, scotland"):
            init_command._ask_for_pack()
    else:
        assert init_command._ask_for_pack() == expected
    assert "england, scotland (empty for england)" in capsys.readouterr().err


def test_without_a_terminal_nothing_is_asked(tmp_path):
    made = safelight("init", "--home", str(tmp_path / "home"))
    assert made.returncode == 2
    assert "--practice" in made.stderr


def test_the_doctor_finds_nothing_bad_in_a_fresh_installation(installed: Path):
    told = safelight("doctor", "--home", str(installed), "--json")
    found = [json.loads(line) for line in told.stdout.splitlines()]
    bad = [each for each in found if each["outcome"] == "bad"]
    locks = [each for each in bad if each["what"].startswith(("decoding lock", "disk"))]
    assert bad == locks
    assert {"database, journal_mode", "ledger", "keys"} <= {each["what"] for each in found}


def test_the_doctor_sees_a_folder_that_others_may_read(tmp_path):
    home = tmp_path / "home"
    assert init(home).returncode == 0
    (home / "keys").chmod(0o755)
    told = safelight("doctor", "--home", str(home), "--json")
    assert told.returncode == 3
    found = {e["what"]: e["outcome"] for e in map(json.loads, told.stdout.splitlines())}
    assert found["permissions, keys"] == "bad"


def test_a_practice_keeps_its_pictures_in_a_bucket_and_the_doctor_tries_it(tmp_path, seaweed):
    home, secret = tmp_path / "home", tmp_path / "s3-secret"
    secret.write_text(f"{seaweed.secret_key}\n", encoding="utf-8")
    secret.chmod(0o600)
    bucket = seaweed.bucket()
    said = {"s3_bucket": bucket, "s3_prefix": "lamplight", "s3_endpoint": seaweed.url}
    said |= {"s3_access_key": seaweed.access_key, "s3_secret_key_file": str(secret)}
    assert init(home, **said).returncode == 0
    told = safelight("doctor", "--home", str(home), "--json")
    found = {e["what"]: e for e in map(json.loads, told.stdout.splitlines())}
    assert found["pictures"]["text"] == "the bucket keeps, gives back and forgets"
    assert found["pictures, network"]["outcome"] == "look"
    assert found["pictures, versions"]["outcome"] == "good"
    left = seaweed.client().list_object_versions(Bucket=bucket)
    assert not left.get("Versions")
    assert not left.get("DeleteMarkers")
    secret.write_text("guessed", encoding="utf-8")
    told = safelight("doctor", "--home", str(home), "--json")
    found = {e["what"]: e for e in map(json.loads, told.stdout.splitlines())}
    assert (found["blobs"]["outcome"], told.returncode) == ("bad", 3)
    assert "doesn't let Safelight in" in found["blobs"]["text"]


def test_the_ledger_is_whole_and_a_witness_can_tell(installed: Path, tmp_path):
    assert safelight("worker", "--once", "--home", str(installed)).returncode == 0
    kept = tmp_path / "checkpoint"
    kept.write_text(
        safelight("ledger", "witness", "--home", str(installed)).stdout, encoding="utf-8"
    )
    told = safelight("ledger", "verify", "--home", str(installed), "--witness", str(kept), "--json")
    assert told.returncode == 0
    assert json.loads(told.stdout) | {"root": ""} == {
        "ok": True,
        "size": 2,
        "root": "",
        "problems": [],
        "unseen": [],
    }


def test_a_removed_entry_is_found(tmp_path):
    import sqlite3

    home = tmp_path / "home"
    assert init(home).returncode == 0
    assert safelight("worker", "--once", "--home", str(home)).returncode == 0
    with sqlite3.connect(home / "records.sqlite3") as records:
        records.execute('DELETE FROM records_ledgerentry WHERE "index" = 1')
    told = safelight("ledger", "verify", "--home", str(home))
    assert told.returncode == 3
    assert told.stdout.startswith("NOT WHOLE")


@pytest.mark.parametrize(
    "words",
    [
        ["--host", "0.0.0.0"],
        ["--behind-proxy"],
        ["--tls-cert", "/nowhere.pem"],
        ["--tls-cert", "/nowhere.pem", "--tls-key", "/nowhere.key"],
    ],
)
def test_the_server_refuses_to_send_in_the_clear(installed: Path, words):
    told = safelight("serve", "--home", str(installed), *words)
    assert told.returncode == 3
    assert told.stderr.strip()


def test_a_wrong_passphrase_starts_no_server(installed: Path):
    told = safelight(
        "serve", "--home", str(installed), SAFELIGHT_PASSPHRASE="something else altogether"
    )
    assert told.returncode == 3
    assert "can't be opened" in told.stderr


@pytest.mark.parametrize("words", [["worker", "--once"], ["ledger", "verify"]])
def test_a_wrong_passphrase_is_said_in_a_sentence(installed: Path, words: list[str]):
    told = safelight(*words, "--home", str(installed), SAFELIGHT_PASSPHRASE="something else")
    assert told.returncode == 1
    assert "the passphrase is another one" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("command", ["serve", "worker", "ledger"])
def test_without_an_installation_one_is_told_how_to_make_one(tmp_path, command):
    words = [command, "verify"] if command == "ledger" else [command]
    told = safelight(*words, "--home", str(tmp_path))
    assert told.returncode == 2
    assert "safelight init" in told.stderr


def test_a_mistyped_setting_stops_everything(tmp_path):
    home = tmp_path / "home"
    assert init(home).returncode == 0
    with (home / "safelight.toml").open("a", encoding="utf-8") as file:
        file.write('idle_minuets = "5"\n')
    told = safelight("worker", "--once", "--home", str(home))
    assert told.returncode == 2
    assert "idle_minuets" in told.stderr


def test_new_rules_are_tried_on_what_the_installation_has_decided(tmp_path: Path) -> None:
    home = tmp_path / "home"
    init(home)
    tried = safelight("policy", "simulate", "scotland", "--home", str(home))
    assert tried.returncode == 0, tried.stderr
    assert tried.stdout == "No decision has been kept yet to try it on.\n"
