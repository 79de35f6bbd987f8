"""`safelight restore`, as it is typed: the way back, the shut door, the drill."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from serving import free_port, wait_for
from web.test_commands import SAFELIGHT, init, safelight

PASSPHRASE = "four lamps glow under slate"


@pytest.fixture(scope="module")
def backed_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("installation")
    home = root / "home"
    assert init(home).returncode == 0
    made = safelight("backup", "init-key", "--home", str(home))
    (root / "words").write_text(made.stdout)
    (root / "witness").mkdir()
    for words in (
        ["backup", "--to", str(root / "records")],
        ["backup", "keys", "--to", str(root / "keys")],
        ["backup", "witness", "--to", str(root / "witness")],
    ):
        done = safelight(*words, "--home", str(home))
        assert done.returncode == 0, done.stderr
    return root


def restore(root: Path, home: Path, *words: str, **environment: str):
    places = ["--from", str(root / "records"), "--keys-from", str(root / "keys")]
    given = ["--backup-key", str(root / "words"), "--home", str(home), *words]
    return safelight("restore", *places, *given, **environment)


@contextmanager
def served(home: Path) -> Iterator[str]:
    port = free_port()
    server = subprocess.Popen(
        [*SAFELIGHT, "serve", "--home", str(home), "--port", str(port)],
        env={"PATH": "/usr/bin", "SAFELIGHT_SERVER_URL": f"http://localhost:{port}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/", seconds=90)
        yield f"http://localhost:{port}"
    finally:
        server.terminate()
        server.wait(20)


def asked(url: str) -> tuple[int, str, str]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read().decode(), ""
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers.get("Retry-After", "")


def test_an_installation_comes_back_shut_and_opens_once_it_has_caught_up(backed_up, tmp_path):
    home = tmp_path / "new"
    came = restore(backed_up, home)
    assert came.returncode == 3
    assert "no witness was asked" in came.stderr
    assert "It stays shut" in came.stdout
    with served(home) as url:
        for page in ("/", "/account/sign-in/", "/receipt/", "/s/", "/nowhere"):
            status, text, retry = asked(f"{url}{page}")
            assert status == 503, page
            assert "being restored" in text
            assert retry == "120"
        assert asked(f"{url}/static/door/lamp.svg")[0] == 200
        worker = safelight("worker", "--once", "--home", str(home))
        assert worker.returncode == 1
        assert "being restored" in worker.stderr
        words = ["--backup-key", str(backed_up / "words"), "--witness", str(backed_up / "witness")]
        went_on = safelight("restore", "--go-on", "--home", str(home), *words, "--check", "--json")
        assert went_on.returncode == 0, went_on.stderr
        assert json.loads(went_on.stdout)["shut"] is False
        assert asked(f"{url}/account/sign-in/")[0] == 200


def test_the_words_that_frighten_are_said_before_they_are_taken(backed_up, tmp_path):
    home = tmp_path / "new"
    restore(backed_up, home)
    told = safelight("restore", "--go-on", "--accept-loss", "--home", str(home))
    assert told.returncode == 3
    assert "may be shown again" in told.stderr
    words = told.stderr.split('--accept-loss "')[1].split('"')[0]
    told = safelight("restore", "--go-on", "--accept-loss", "please", "--home", str(home))
    assert told.returncode == 3
    told = safelight("restore", "--go-on", "--accept-loss", words, "--home", str(home))
    assert told.returncode == 0, told.stderr
    assert safelight("ledger", "verify", "--home", str(home)).returncode == 0


def test_a_drill_tells_its_time_and_leaves_nothing(backed_up):
    home = backed_up / "home"
    before = sorted(path.name for path in home.iterdir())
    told = restore(backed_up, home, "--drill", "--witness", str(backed_up / "witness"), "--json")
    assert told.returncode == 0, told.stderr
    report = json.loads(told.stdout)
    assert report["went_well"] is True
    assert report["drill_seconds"] > 0
    assert report["shut"] is False
    assert not list((home / "drill").iterdir())
    assert sorted(path.name for path in home.iterdir() if "drill" not in path.name) == before
    told = restore(backed_up, home, "--drill")
    assert "The drill took" in told.stdout, told.stderr


def test_what_does_not_fit_is_said_in_a_sentence(backed_up, tmp_path):
    (tmp_path / "wrong").write_text("AAAA BBBB")
    (tmp_path / "unreadable").write_bytes(b"\xff\xfe\xff")
    home = str(tmp_path / "new")
    at = ["--from", str(backed_up / "records")]
    for words, status in (
        (["restore"], 2),
        (["restore", "--go-on", *at], 2),
        (["restore", *at], 2),
        (["restore", "--go-on"], 2),
        (["restore", *at, "--backup-key", str(tmp_path / "wrong")], 3),
        (["restore", *at, "--backup-key", str(tmp_path / "nowhere")], 4),
        (["restore", *at, "--backup-key", str(tmp_path / "unreadable")], 4),
        (["restore", *at, "--backup-key", str(backed_up / "words"), "--set", "records-x"], 3),
        (["restore", "--from", str(tmp_path / "e"), "--backup-key", str(backed_up / "words")], 3),
        (["restore", "--drill", *at, "--backup-key", str(tmp_path / "wrong")], 3),
    ):
        told = safelight(*words, "--home", home)
        assert told.returncode == status, (words, told.stderr)
        assert told.stderr.strip()
        assert "Traceback" not in told.stderr


def test_it_never_writes_over_an_installation(backed_up):
    told = restore(backed_up, backed_up / "home")
    assert told.returncode == 3
    assert "There are records in this place already" in told.stderr


def test_a_server_that_was_set_back_by_other_means_finds_itself_shut(backed_up, tmp_path):
    import shutil

    home = tmp_path / "set-back"
    shutil.copytree(backed_up / "home", home)
    witness = tmp_path / "witness"
    witness.mkdir()
    later = tmp_path / "later"
    shutil.copytree(home, later)
    for words in (
        ["worker", "--once"],
        ["backup", "--to", str(tmp_path / "b")],
        ["backup", "witness"],
    ):
        done = safelight(*words, "--home", str(later), SAFELIGHT_WITNESS_TO=str(witness))
        assert done.returncode == 0, done.stderr
    with (home / "safelight.toml").open("a", encoding="utf-8") as file:
        file.write(f'witness_to = "{witness}"\n')
    with served(home) as url:
        assert asked(f"{url}/account/sign-in/")[0] == 503
    words = ["--backup-key", str(backed_up / "words"), "--witness", str(witness)]
    told = safelight("restore", "--go-on", "--home", str(home), *words)
    assert told.returncode == 0, told.stderr
