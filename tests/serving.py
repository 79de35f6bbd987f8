"""A real server in a process and a folder of its own."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from servers.databases import database_of

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs, and the folder that it runs in."""

    url: str
    home: Path
    environment: dict[str, str]

    @property
    def log(self) -> Path:
        """What the server has said so far."""
        return self.home / "server.log"


def environment_for(home: Path, *, url: str) -> dict[str, str]:
    """The environment of a process that serves or prepares this folder."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("SAFELIGHT_")}
    return kept | {
        "SAFELIGHT_MODE": "test",
        "SAFELIGHT_HOME": str(home),
        "SAFELIGHT_SERVER_URL": url,
        "SAFELIGHT_SECRET_KEY": "only for this test",
        "SAFELIGHT_PASSPHRASE": secrets.token_urlsafe(24),
        "DJANGO_SETTINGS_MODULE": "safelight.web.settings",
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}",
        **database_of(home),
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, *, seconds: float = 30.0) -> None:
    """Wait until something answers."""
    until = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError:
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
            if time.monotonic() > until:
                raise AssertionError("the server did not answer") from error
            time.sleep(0.1)
        else:
            return


PREPARE = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from factories import staff
print(staff().email)
"""


@contextmanager
def serving(
    home: Path,
    *,
    prepare: str = PREPARE,
    workers: int = 1,
    application: str = "safelight.web.wsgi:application",
) -> Iterator[tuple[Served, str]]:
    """The server that practices run, on a database of its own; and what preparing it printed."""
    port = free_port()
    url = f"http://localhost:{port}"
    environment = environment_for(home, url=url)
    told = subprocess.run(
        [sys.executable, "-c", prepare], env=environment, check=True, capture_output=True, text=True
    )
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"),
        *("--port", str(port), "--workers", str(workers), "--blocking-threads", "16", "--no-ws"),
        application,
    ]
    served = Served(url, home, environment)
    with served.log.open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait_for(f"{url}/account/sign-in/")
        yield served, told.stdout.strip()
    finally:
        server.terminate()
        server.wait(20)
