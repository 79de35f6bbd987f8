"""A real PostgreSQL in a folder of its own, run by somebody who may do nothing else.

As a command it runs another one with a fresh server behind SAFELIGHT_DATABASE_URL:
`python tests/servers/postgres.py COMMAND…`. That is how `./run test` does its second pass.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

USER = "safelight"
SLOWEST_START_S = 120
_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "32MB",
    # A power cut would lose what was committed, a kill doesn't; these servers are asked about kills.
    "fsync": "off",
    "full_page_writes": "off",
}


class NoPostgres(RuntimeError):
    """This machine has no PostgreSQL server: `apt-get install postgresql`."""


@dataclass
class Postgres:
    """A server that runs. Its user may make databases and nothing beyond."""

    folder: Path
    port: int
    password: str
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The address of the database that is there from the start."""
        return self.url_of("safelight")

    def url_of(self, name: str) -> str:
        """The address of a database as `SAFELIGHT_DATABASE_URL` takes it."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{name}"

    def database(self) -> str:
        """Make an empty database and return its address."""
        name = f"d{secrets.token_hex(6)}"
        self.sql(f'CREATE DATABASE "{name}"')
        return self.url_of(name)

    def sql(self, statement: str, *, database: str = "safelight", user: str = USER) -> str:
        """Say something by `psql`; return what it answers, bare."""
        said = [*(str(_binaries() / "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", user)]
        said += ["-d", database, "-v", "ON_ERROR_STOP=1", "-XqAt", "-c", statement]
        environment = os.environ | {"PGPASSWORD": self.password}
        told = subprocess.run(said, env=environment, capture_output=True, text=True, check=False)
        if told.returncode:
            raise RuntimeError(told.stderr)
        return told.stdout.strip()

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [str(_binaries() / "postgres"), "-D", str(self.folder / "data")]
        settings = _SETTINGS | {
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
        }
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, preexec_fn=_die_with_parent, **_unprivileged()
            )
        self._wait()

    def kill(self) -> None:
        """End it as a power cut does: at once, with everybody it serves."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        """End it in good order, whoever is connected."""
        self._end(signal.SIGINT)

    def _end(self, by: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(by)
            self.process.wait(60)
            self.process = None

    def _wait(self) -> None:
        assert self.process is not None
        until = time.monotonic() + SLOWEST_START_S
        while True:
            try:
                self.sql("SELECT 1", database="postgres", user="postgres")
            except RuntimeError:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.1)
            else:
                return


@contextmanager
def running() -> Iterator[Postgres]:
    """A fresh server on a free port of 127.0.0.1; at the end nothing of it remains."""
    folder = Path(tempfile.mkdtemp(prefix="safelight-postgres-"))
    server = Postgres(folder, _free_port(), secrets.token_hex(16))
    try:
        _initialise(server)
        server.start()
        role = f"CREATE ROLE {USER} LOGIN CREATEDB PASSWORD '{server.password}'"
        server.sql(role, database="postgres", user="postgres")
        server.sql(f"CREATE DATABASE {USER} OWNER {USER}", database="postgres", user="postgres")
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _initialise(server: Postgres) -> None:
    secret = server.folder / "password"
    secret.write_text(server.password)
    command = [str(_binaries() / "initdb"), "-D", str(server.folder / "data"), "-U", "postgres"]
    command += ["-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync", "-E", "UTF8"]
    command += ["--locale=C.UTF-8"]
    if who := _unprivileged():
        for path in (server.folder, secret):
            os.chown(path, who["user"], who["group"])
    subprocess.run(command, check=True, capture_output=True, cwd="/", **who)
    secret.unlink()


def _unprivileged() -> dict[str, int | list[int]]:
    """As root, somebody else's ids: PostgreSQL refuses to be run by root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise NoPostgres("nobody on this machine may run it")


def _binaries() -> Path:
    """The newest server that Debian's packages put here, or what PATH has."""
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    found = sorted(installed, key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    if elsewhere := shutil.which("initdb"):
        return Path(elsewhere).resolve().parent
    raise NoPostgres("apt-get install postgresql")


def _die_with_parent() -> None:
    """Let the kernel end the server when the tests are killed."""
    _LIBC.prctl(_PDEATHSIG, signal.SIGQUIT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(command: list[str]) -> int:
    """Run a command with a fresh server behind SAFELIGHT_DATABASE_URL; return its status."""
    with running() as server:
        environment = os.environ | {"SAFELIGHT_DATABASE_URL": server.url}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
