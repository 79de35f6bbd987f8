"""OpenBao's transit engine as key manager (Vault's, too: the same calls).

The wrapping key never leaves the server. Its old versions are trimmed away, which nothing undoes but
a backup of OpenBao itself, together with what unseals it.
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import json
import re
import secrets
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from socket import SHUT_RDWR
from typing import Any
from urllib.parse import quote, urlsplit

from safelight import vault
from safelight.storage.errors import (
    KeyManagerAway,
    KeyManagerError,
    KeyManagerRefuses,
    KeyManagerSealed,
    VersionDestroyed,
)
from safelight.storage.managers import Health, ManagerState, may_destroy

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 10.0
"""From the first byte sent to the last received: a page waits no longer, however slow the server."""
_MOST_BYTES = 1024 * 1024
_VERSION = re.compile(rb"vault:v([1-9][0-9]{0,8}):")
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}")


@dataclass(frozen=True, slots=True)
class OpenBaoPlace:
    """Where the transit engine is and which key in it is ours."""

    url: str
    token_file: Path
    """Read at each call: an agent may renew it."""
    key: str = "safelight"
    mount: str = "transit"
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what would send keys in the clear, or somewhere else than it seems."""
        parts = urlsplit(self.url)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.path.strip("/"):
            raise KeyManagerError("openbao_url is https://host:port")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise KeyManagerError("openbao_url: without TLS on this machine alone")
        for name in (self.key, self.mount):
            if not _SAFE_NAME.fullmatch(name) or ".." in name:
                raise KeyManagerError("openbao_key and openbao_mount are names")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class OpenBaoManager:
    """A key in OpenBao's transit engine. Threads and processes may share one."""

    def __init__(self, place: OpenBaoPlace) -> None:
        self._place = place
        self._calls = _Calls(place)

    @classmethod
    def create(cls, place: OpenBaoPlace) -> OpenBaoManager:
        """Make the key unless it is there. Raises KeyManagerError, and nothing else."""
        made = cls(place)
        options = {"type": "aes256-gcm96", "exportable": False, "allow_plaintext_backup": False}
        made._calls.post(f"keys/{place.key}", options)
        made.describe()
        return made

    @property
    def kind(self) -> str:
        """Return what the settings call it."""
        return "openbao"

    @property
    def proves_shred(self) -> bool:
        """Say yes: the key was never outside OpenBao, and trimming a version is for good there."""
        return True

    def wrap(self, data: bytes, *, aad: bytes) -> bytes:
        """Seal a few bytes under the latest version."""
        said = {"plaintext": _b64(data), "associated_data": _b64(aad)}
        wrapped = self._text(f"encrypt/{self._place.key}", said, "ciphertext").encode()
        if not _VERSION.match(wrapped):
            raise KeyManagerError("not an answer of the transit engine")
        return wrapped

    def unwrap(self, wrapped: bytes, *, aad: bytes) -> bytes:
        """Return what was wrapped. Raises SealBroken or VersionDestroyed."""
        version = self.version_of(wrapped)
        said = {"ciphertext": wrapped.decode("latin-1"), "associated_data": _b64(aad)}
        try:
            plain = self._text(f"decrypt/{self._place.key}", said, "plaintext")
        except _NotAccepted:
            if version not in self.describe().versions:
                raise VersionDestroyed(f"version {version}") from None
            raise vault.SealBroken("wrapped key does not open") from None
        return base64.b64decode(plain)

    def _text(self, path: str, said: Mapping[str, object], field: str) -> str:
        text = self._calls.post(path, said, again=True).get(field)
        if not isinstance(text, str):
            raise KeyManagerError("not an answer of the transit engine")
        return text

    def version_of(self, wrapped: bytes) -> int:
        """Return the version it was wrapped under; 0 for what isn't of OpenBao, which never opens."""
        found = _VERSION.match(wrapped)
        return int(found.group(1)) if found else 0

    def rotate(self) -> int:
        """Make a new version and return its number."""
        self._calls.post(f"keys/{self._place.key}/rotate", {})
        return self.describe().current

    def destroy_version(self, version: int) -> None:
        """Trim the oldest version away."""
        state = self.describe()
        if not may_destroy(version, state.versions, current=state.current):
            return
        first = version + 1
        limits = {"min_decryption_version": first, "min_encryption_version": first}
        self._calls.post(f"keys/{self._place.key}/config", limits, again=True)
        self._calls.post(f"keys/{self._place.key}/trim", {"min_available_version": first})

    def describe(self) -> ManagerState:
        """Return which versions OpenBao keeps. Raises KeyManagerError for a key that can leave it."""
        said = self._calls.get(f"keys/{self._place.key}")
        if said.get("exportable") or said.get("allow_plaintext_backup"):
            raise KeyManagerError("the key can be exported: make another one")
        current = int(said["latest_version"])
        first = max(1, int(said["min_available_version"]), int(said["min_decryption_version"]))
        return ManagerState(
            kind=self.kind,
            current=current,
            versions=tuple(range(first, current + 1)),
            proves_shred=True,
            text="Keys under OpenBao, which they never leave. A backup of OpenBao itself, with what "
            "unseals it, brings destroyed versions back: keep those no longer than the keys.",
        )

    def health(self) -> Health:
        """Try a wrap and an unwrap."""
        probe, aad = secrets.token_bytes(16), vault.context("safelight-health-v1")
        try:
            ok = self.unwrap(self.wrap(probe, aad=aad), aad=aad) == probe
            current = self.describe().current
        except KeyManagerError as error:
            return Health(ok=False, text=f"{error.for_people} ({error})")
        except vault.SealBroken:
            return Health(ok=False, text="OpenBao gave back other bytes than it was given.")
        return Health(ok=ok, text=f"OpenBao answers; version {current} wraps.")


class _NotAccepted(KeyManagerError):
    """OpenBao read the request and refused it as wrong (400)."""


class _Calls:
    """One call, one connection: a key is asked for once a minute, and nothing stale is kept."""

    def __init__(self, place: OpenBaoPlace) -> None:
        self._place = place
        parts = urlsplit(place.url)
        self._host, self._port = parts.hostname or "", parts.port
        self._tls: ssl.SSLContext | None = None
        if parts.scheme == "https":
            try:
                self._tls = ssl.create_default_context(cafile=place.ca_file)
            except OSError as error:
                raise KeyManagerError("openbao_ca_file can't be read") from error

    def get(self, path: str) -> Mapping[str, Any]:
        """Read something."""
        return self._call("GET", path, None, again=True)

    def post(
        self, path: str, said: Mapping[str, object], *, again: bool = False
    ) -> Mapping[str, Any]:
        """Ask for something to be done. again: once more if the connection breaks; it is safe to."""
        return self._call("POST", path, said, again=again)

    def _call(
        self, method: str, path: str, said: Mapping[str, object] | None, *, again: bool
    ) -> Mapping[str, Any]:
        try:
            return self._once(method, path, said)
        except _Broken:
            if not again:
                raise
            return self._once(method, path, said)

    def _once(self, method: str, path: str, said: Mapping[str, object] | None) -> Mapping[str, Any]:
        connection = self._connection()
        body = None if said is None else json.dumps(said).encode()
        headers = {"X-Vault-Token": self._token(), "X-Vault-Request": "true"}
        where = quote(f"/v1/{self._place.mount}/{path}")
        late = threading.Event()
        try:
            connection.connect()
            connection.sock.settimeout(ANSWER_SECONDS)
            timer = threading.Timer(ANSWER_SECONDS, _hang_up, (connection, late))
            timer.daemon = True
            timer.start()
            try:
                connection.request(method, where, body=body, headers=headers)
                response = connection.getresponse()
                return _answer(response.status, response.read(_MOST_BYTES))
            finally:
                timer.cancel()
        except ssl.SSLError as error:
            raise KeyManagerRefuses(f"no TLS: {error.reason or type(error).__name__}") from error
        except TimeoutError as error:
            raise KeyManagerAway("it is too slow") from error
        except (OSError, http.client.HTTPException) as error:
            if late.is_set():
                raise KeyManagerAway("it is too slow") from error
            raise _Broken(f"no connection: {type(error).__name__}") from error
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=CONNECT_SECONDS)
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=CONNECT_SECONDS, context=self._tls
        )

    def _token(self) -> str:
        try:
            return self._place.token_file.read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            raise KeyManagerRefuses("the token file can't be read") from error


class _Broken(KeyManagerAway):
    """The connection was refused or broke."""


def _hang_up(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    late.set()
    if connection.sock is not None:
        with suppress(OSError):
            connection.sock.shutdown(SHUT_RDWR)


def _answer(status: int, body: bytes) -> Mapping[str, Any]:
    """Return what was answered. Its words stay here: they may repeat what was sent."""
    if status == 204:
        return {}
    said = _parsed(body)
    if status == 200:
        data = said.get("data")
        if not isinstance(data, dict):
            raise _Broken("its answer was cut short")
        return data
    words = " ".join(str(each) for each in said.get("errors") or [])
    if status == 503 and "sealed" in words:
        raise KeyManagerSealed("it is sealed")
    if status == 400:
        raise _NotAccepted("it refused what was asked")
    if status == 403:
        raise KeyManagerRefuses("the token may not do this, or has ended")
    if status == 404:
        raise KeyManagerError("there is no such key or mount: see the how-to for the policy")
    raise KeyManagerAway(f"it answered {status}")


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body) if body else {}
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
