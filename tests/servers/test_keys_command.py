"""`safelight keys`, and `safelight init` for each key manager, as they are typed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from servers import managing, openbao
from web.test_commands import ANSWERS, init, safelight


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("installation") / "home"
    assert init(home).returncode == 0
    return home


def made(home: Path, *words: str):
    answers = [word for pair in ANSWERS.items() for word in pair]
    return safelight("init", "--home", str(home), *answers, *words)


def test_status_says_how_the_keys_are(installed: Path):
    told = safelight("keys", "status", "--home", str(installed))
    assert told.returncode == 0, told.stderr
    assert "Key manager: The key file opens." in told.stdout
    assert "can’t prove" in told.stdout
    assert "Last verified backup of the key store: not known" in told.stdout
    found = json.loads(safelight("keys", "status", "--json", "--home", str(installed)).stdout)
    assert (found["key_manager"], found["proves_shred"], found["overwrites"]) == (
        "sealed-file",
        False,
        True,
    )
    assert [each["what"] for each in found["alarms"]] == ["rotation", "backup", "shredding"]
    assert not any(each["bad"] for each in found["alarms"])


def test_rotate_and_destroy_old_say_what_they_did(tmp_path: Path):
    home = tmp_path / "home"
    assert init(home).returncode == 0
    told = safelight("keys", "rotate", "--home", str(home))
    assert (told.returncode, "Version 2 is current" in told.stdout) == (0, True)
    told = safelight("keys", "rotate", "--json", "--home", str(home))
    assert json.loads(told.stdout) == {"version": 3}
    told = safelight("keys", "destroy-old", "--home", str(home))
    assert (told.returncode, told.stdout) == (0, "Destroyed: none\n")
    told = safelight("keys", "destroy-old", "--json", "--home", str(home))
    assert json.loads(told.stdout) == {"versions": [], "waiting": []}
    status = json.loads(safelight("keys", "status", "--json", "--home", str(home)).stdout)
    assert [each["number"] for each in status["versions"]] == [1, 2, 3]
    assert status["versions"][2]["replaced_at"] is None


def test_two_shares_in_credentials_start_it_and_one_does_not(tmp_path: Path):
    home, credentials = tmp_path / "home", tmp_path / "credentials"
    assert init(home).returncode == 0
    told = safelight("keys", "split", "--home", str(home))
    assert told.returncode == 0, told.stderr
    shares = told.stdout.split()
    assert len(shares) == 3
    assert "Give each share to somebody else" in told.stderr
    (home.parent / "passphrase").unlink()
    credentials.mkdir()
    (credentials / "safelight-share-1").write_text(shares[0])
    where = {"CREDENTIALS_DIRECTORY": str(credentials)}
    alone = safelight("keys", "status", "--home", str(home), **where)
    assert alone.returncode == 1
    assert "2 different shares are needed" in alone.stderr
    (credentials / "safelight-share-3").write_text(shares[2])
    both = safelight("keys", "status", "--home", str(home), **where)
    assert both.returncode == 0, both.stderr


def test_init_under_openbao_asks_for_no_passphrase(tmp_path: Path, bao: openbao.OpenBao):
    home = tmp_path / "home"
    words = ["--key-manager", "openbao", "--openbao-url", bao.url]
    words += ["--openbao-key", f"safelight-{os.getpid()}"]
    told = made(home, *words, "--openbao-token-file", str(bao.token_file))
    assert told.returncode == 0, told.stderr
    said = (home / "safelight.toml").read_text()
    assert 'key_manager = "openbao"' in said
    assert "passphrase" not in said
    assert bao.token_file.read_text().strip() not in said
    status = safelight("keys", "status", "--json", "--home", str(home))
    assert json.loads(status.stdout)["proves_shred"] is True
    doctor = safelight("doctor", "--json", "--home", str(home))
    found = {each["what"]: each for each in map(json.loads, doctor.stdout.splitlines())}
    assert found["key manager"]["outcome"] == "good"
    assert "openbao, version 1. OpenBao answers" in found["key manager"]["text"]
    assert "keys, shredding" not in found
    assert found["permissions, OpenBao's token"]["outcome"] == "bad"
    assert (home / "keys" / "keys.db").exists()


def test_init_under_a_token_and_with_a_database_for_the_keys(
    tmp_path: Path, token: managing.SoftToken, postgres
):
    home, place = tmp_path / "home", token.place()
    words = ["--key-manager", "pkcs11", "--pkcs11-module", str(place.module)]
    words += ["--pkcs11-token", place.token, "--pkcs11-pin-file", str(place.pin_file)]
    told = made(home, *words, "--pkcs11-key", place.key, "--keys-url", postgres.database())
    assert told.returncode == 0, told.stderr
    told = safelight("keys", "status", "--json", "--home", str(home))
    status = json.loads(told.stdout)
    assert (status["key_manager"], status["overwrites"]) == ("pkcs11", False)
    assert told.returncode == 3, "neither the token nor the database proves that a key is gone"


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--key-manager", "openbao"], 2, "needs --openbao-url, --openbao-token-file"),
        (["--openbao-url", "https://bao.example"], 2, "goes with --key-manager openbao"),
        (
            ["--key-manager", "aws-kms", "--aws-kms-region", "x", "--aws-kms-key", "a key"],
            3,
            "is a name",
        ),
        (
            ["--key-manager", "pkcs11", "--pkcs11-module", "/no.so", "--pkcs11-pin-file", "/no"],
            3,
            "module can't be loaded",
        ),
    ],
)
def test_what_does_not_fit_makes_nothing(tmp_path: Path, words, status, said):
    told = made(tmp_path / "home", *words)
    assert (told.returncode, said in told.stderr) == (status, True), told.stderr
    assert "Traceback" not in told.stderr
    assert not (tmp_path / "home" / "safelight.toml").exists()
