"""A FHIR R4 server by others (Medplum's router and validation, in memory) on a free port."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "fhir"
BIN = Path(sys.executable).parent
ENVIRON = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}


def install() -> None:
    """Install what the lock file lists, unless it is there already."""
    wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    stamp = HERE / "node_modules" / ".installed"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    command = ["npm", "ci", "--silent", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=HERE, env=ENVIRON, check=True)
    stamp.write_text(wanted)


@dataclass(frozen=True)
class FhirServer:
    """Where it is served."""

    url: str

    def send(
        self, method: str, path: str, resource: dict[str, Any] | None = None
    ) -> tuple[int, Any]:
        """Return status and body of an answer."""
        body = None if resource is None else json.dumps(resource).encode()
        headers = {"Content-Type": "application/fhir+json"}
        asked = urllib.request.Request(self.url + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


@contextmanager
def running() -> Iterator[FhirServer]:
    """Serve until the block ends."""
    install()
    with subprocess.Popen(
        ["node", "server.cjs"], cwd=HERE, env=ENVIRON, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            port = server.stdout.readline().strip()
            assert port, "the FHIR server ended before it was ready"
            yield FhirServer(f"http://127.0.0.1:{port}")
        finally:
            server.kill()
