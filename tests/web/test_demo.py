"""The demo starts quickly, leaves nothing, and cleans up after one that was killed."""

from __future__ import annotations

import http.cookiejar
import os
import re
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clients import token_in
from safelight import cli
from safelight.interop import lock

SAFELIGHT = [sys.executable, "-c", "import sys; from safelight.cli import main; sys.exit(main())"]


class Demo:
    """A demo that runs, with a temporary directory of its own."""

    def __init__(self, temporary: Path) -> None:
        kept = {
            name: text for name, text in os.environ.items() if not name.startswith("SAFELIGHT_")
        }
        began = time.monotonic()
        self.process = subprocess.Popen(
            [*SAFELIGHT, "demo"],
            env=kept | {"TMPDIR": str(temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.url = self._url()
        self.seconds = time.monotonic() - began

    def _url(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.search(r"http://\S+", line):
                return found[0].rstrip("/")
        raise AssertionError("the demo ended")

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=30)
        return self.process.returncode


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    running = Demo(tmp_path)
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.communicate()


def folders(temporary: Path) -> list[Path]:
    return [path for root in temporary.glob("safelight-demo-*") for path in root.iterdir()]


def test_the_first_page_comes_within_ten_seconds_and_ctrl_c_leaves_nothing(demo: Demo, tmp_path):
    began = time.monotonic()
    with urllib.request.urlopen(f"{demo.url}/account/sign-in/", timeout=10) as page:
        words = page.read().decode()
    assert "Demo, made-up patients" in words
    # On a machine with other work to do, as much longer as that work takes.
    busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert demo.seconds + time.monotonic() - began < 10 * busy
    assert len(folders(tmp_path)) == 1
    assert demo.end() == 0
    assert not list(tmp_path.glob("safelight-*"))


def test_what_a_killed_one_left_is_gone_at_the_next_start(demo: Demo, tmp_path):
    demo.end(signal.SIGKILL)
    (left,) = folders(tmp_path)
    until = time.monotonic() + 30
    while _answers(demo.url) and time.monotonic() < until:
        time.sleep(0.1)
    assert not _answers(demo.url), "the server outlived the demo"
    following = Demo(tmp_path)
    try:
        assert left not in folders(tmp_path)
        assert len(folders(tmp_path)) == 1
    finally:
        following.end()
    assert folders(tmp_path) == []


def test_two_demos_leave_one_another_alone(demo: Demo, tmp_path):
    other = Demo(tmp_path)
    assert len(folders(tmp_path)) == 2
    assert other.end() == 0
    assert len(folders(tmp_path)) == 1
    assert _answers(demo.url)


def test_one_click_makes_one_somebody_else_and_reset_begins_again(demo: Demo):
    browser = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    )

    def page(path: str, **said: str) -> str:
        body = urllib.parse.urlencode(said).encode() if said else None
        with browser.open(f"{demo.url}{path}", body, timeout=20) as answer:
            return str(answer.read().decode())

    start = page("/account/sign-in/")
    person = re.search(
        r'action="(/demo/become/[^"]+)"[^<]*<input[^>]*>\s*<button[^>]*>Samira', start
    )
    assert person
    page(person[1], csrfmiddlewaretoken=token_in(start))
    staff = page("/staff/")
    assert "Who works here?" in staff
    assert "No mail yet" in page("/demo/outbox")
    page("/demo/reset/", csrfmiddlewaretoken=token_in(staff))

    def has_begun_again() -> bool:
        try:
            return "Sign in with your passkey" in page("/staff/")
        except OSError:  # asked while the old server ended, or before the new one listens
            return False

    until = time.monotonic() + 150
    while not has_begun_again():
        assert time.monotonic() < until, "it did not begin again"
        time.sleep(0.5)


def test_the_demo_listens_on_this_machine_alone(demo: Demo):
    port = int(demo.url.rpartition(":")[2])
    listening = Path("/proc/net/tcp").read_text(encoding="utf-8").splitlines()
    local = [line.split()[1] for line in listening if line.split()[3] == "0A"]
    assert [where for where in local if int(where.rpartition(":")[2], 16) == port] == [
        f"0100007F:{port:04X}"
    ]


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/account/sign-in/", timeout=3).close()
    except OSError:
        return False
    return True


def test_a_machine_without_the_lock_is_told_what_to_do(monkeypatch, capsys) -> None:
    bare = [replace(layer, enforced=False) for layer in lock.report()]
    monkeypatch.setattr(lock, "report", lambda: tuple(bare))
    assert cli.main(["demo"]) == cli.EXIT_REFUSED
    assert "safelight demo --unlocked-decoding" in capsys.readouterr().err
