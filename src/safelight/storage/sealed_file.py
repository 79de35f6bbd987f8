"""A key manager in one file, sealed under a passphrase with Argon2id.

It can't prove that it shredded: an old copy of the file, an old key store and the passphrase
together open what was erased since (ADR-0006).
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from argon2.low_level import Type, hash_secret_raw

from safelight import vault
from safelight.storage.errors import (
    KeyManagerAway,
    KeyManagerError,
    VersionDestroyed,
    WrongPassphrase,
)
from safelight.storage.files import fsync_directory, write_all, write_new
from safelight.storage.managers import (
    VERSION_BYTES,
    Health,
    ManagerState,
    bound,
    may_destroy,
    version_before,
)

_FORMAT = "safelight-sealed-file-v1"
_LARGEST_FILE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess at the passphrase costs: RFC 9106 section 4, its second choice."""

    passes: int = 3
    memory_kib: int = 64 * 1024
    lanes: int = 1

    def __post_init__(self) -> None:
        """Refuse what a changed file could ask for: endless work, or hardly any."""
        if not (1 <= self.passes <= 20 and 8 <= self.memory_kib <= 2**20 and 1 <= self.lanes <= 8):
            raise KeyManagerError("not a cost for Argon2id")


COST = Cost()


@dataclass(frozen=True, slots=True, repr=False)
class _Keys:
    """The versions that are kept."""

    current: int
    versions: dict[int, bytes]

    def to_bytes(self) -> bytes:
        shown = {str(version): key.hex() for version, key in self.versions.items()}
        return json.dumps({"current": self.current, "versions": shown}).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> _Keys:
        read = json.loads(data)
        return cls(read["current"], {int(v): bytes.fromhex(k) for v, k in read["versions"].items()})


@dataclass(frozen=True, slots=True, repr=False)
class _Lid:
    """What seals the file: the key that the passphrase gave, and how it gave it."""

    key: bytes
    salt: bytes
    cost: Cost

    @classmethod
    def of(cls, passphrase: str, *, salt: bytes, cost: Cost) -> _Lid:
        key = hash_secret_raw(
            unicodedata.normalize("NFC", passphrase).encode(),
            salt,
            time_cost=cost.passes,
            memory_cost=cost.memory_kib,
            parallelism=cost.lanes,
            hash_len=vault.KEY_BYTES,
            type=Type.ID,
        )
        return cls(key, salt, cost)

    def head(self) -> dict[str, object]:
        return {"format": _FORMAT, "salt": self.salt.hex(), "argon2id": asdict(self.cost)}

    def aad(self) -> bytes:
        c = self.cost
        return vault.context(_FORMAT, self.salt, c.passes, c.memory_kib, c.lanes)


class SealedFileManager:
    """Keys in a file under a passphrase. Several processes may have it open."""

    def __init__(self, path: Path, lid: _Lid) -> None:
        """Use create or open."""
        self._path, self._lid = path, lid
        self._lock = threading.Lock()
        self._stamp: tuple[int, ...] = ()
        self._kept = _Keys(0, {})
        self._fresh()

    @classmethod
    def create(cls, path: Path, passphrase: str, *, cost: Cost = COST) -> SealedFileManager:
        """Make the file with its first version. Raises FileExistsError."""
        if not passphrase:
            raise WrongPassphrase("an empty passphrase protects nothing")
        lid = _Lid.of(passphrase, salt=secrets.token_bytes(16), cost=cost)
        write_new(path, _sealed(_Keys(1, {1: vault.new_key()}), lid))
        fsync_directory(path.parent)
        return cls(path, lid)

    @classmethod
    def open(cls, path: Path, passphrase: str) -> SealedFileManager:
        """Open the file. Raises WrongPassphrase, KeyManagerError."""
        head = _parsed(_read_whole(path))
        try:
            salt, cost = bytes.fromhex(head["salt"]), Cost(**head["argon2id"])
        except (KeyError, TypeError, ValueError):
            raise KeyManagerError("not a sealed key file") from None
        return cls(path, _Lid.of(passphrase, salt=salt, cost=cost))

    @classmethod
    def wipe(cls, path: Path) -> None:
        """Write over the file and remove it, durably. Old copies, wherever they are, keep its keys."""
        if not path.exists():
            return
        old = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            write_all(old, bytes(os.fstat(old).st_size))
            os.fsync(old)
        finally:
            os.close(old)
        path.unlink()
        fsync_directory(path.parent)

    @property
    def kind(self) -> str:
        """Return what the settings call it."""
        return "sealed-file"

    @property
    def proves_shred(self) -> bool:
        """Say no: an old copy of the file still opens what it wrapped."""
        return False

    def wrap(self, data: bytes, *, aad: bytes) -> bytes:
        """Seal a few bytes under the current version, whose number comes first."""
        keys = self._fresh()
        number = keys.current.to_bytes(VERSION_BYTES, "big")
        key, bound_to = keys.versions[keys.current], bound(keys.current, aad)
        return number + vault.wrap(key, data, aad=bound_to)

    def unwrap(self, wrapped: bytes, *, aad: bytes) -> bytes:
        """Return what was wrapped. Raises SealBroken or VersionDestroyed."""
        version = self.version_of(wrapped)
        key = self._fresh().versions.get(version)
        if key is None:
            raise VersionDestroyed(f"version {version}")
        return vault.unwrap(key, wrapped[VERSION_BYTES:], aad=bound(version, aad))

    def version_of(self, wrapped: bytes) -> int:
        """Return the version it was wrapped under."""
        return version_before(wrapped)

    def rotate(self) -> int:
        """Make a new version current and return its number."""
        with self._changing() as keys:
            version = keys.current + 1
            self._write(_Keys(version, {**keys.versions, version: vault.new_key()}))
        return version

    def destroy_version(self, version: int) -> None:
        """Destroy the oldest version here. Old copies of the file, wherever they are, keep it."""
        with self._changing() as keys:
            if not may_destroy(version, tuple(keys.versions), current=keys.current):
                return
            kept = {number: key for number, key in keys.versions.items() if number != version}
            self._write(replace(keys, versions=kept))

    def describe(self) -> ManagerState:
        """Return what it is and which versions it keeps."""
        keys = self._fresh()
        return ManagerState(
            kind=self.kind,
            current=keys.current,
            versions=tuple(sorted(keys.versions)),
            proves_shred=False,
            text="Keys in a file under a passphrase. An old copy of this file, an old copy of the "
            "key store and the passphrase together open what was erased since.",
        )

    def health(self) -> Health:
        """Try a wrap and an unwrap."""
        probe, aad = secrets.token_bytes(16), vault.context("safelight-health-v1")
        try:
            ok = self.unwrap(self.wrap(probe, aad=aad), aad=aad) == probe
        except (OSError, KeyManagerError, vault.VaultError) as error:
            return Health(
                ok=False, text=f"The key file can't be used: {error or type(error).__name__}."
            )
        return Health(ok=ok, text="The key file opens.")

    def _fresh(self) -> _Keys:
        """Return the keys as the file has them now: another process may have rotated."""
        with self._lock:
            stamp = _stamp(self._path)
            while stamp != self._stamp:
                read = _read_whole(self._path)
                # Replaced while it was read: what was read may be the old one, written over.
                if _stamp(self._path) == stamp:
                    self._kept, self._stamp = _opened(_parsed(read), self._lid), stamp
                stamp = _stamp(self._path)
            return self._kept

    @contextmanager
    def _changing(self) -> Iterator[_Keys]:
        """Hold the file against other processes, and give the keys as they are."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        lock = os.open(self._path.with_name(f".{self._path.name}.lock"), flags, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self._fresh()
        finally:
            os.close(lock)

    def _write(self, keys: _Keys) -> None:
        """Put a new file in the old one's place, then write over the old one's bytes."""
        temporary = self._path.with_name(f".{self._path.name}.new")
        temporary.unlink(missing_ok=True)
        write_new(temporary, _sealed(keys, self._lid))
        old = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            temporary.replace(self._path)
            fsync_directory(self._path.parent)
            write_all(old, bytes(os.fstat(old).st_size))
            os.fsync(old)
        finally:
            os.close(old)


def _sealed(keys: _Keys, lid: _Lid) -> bytes:
    wrapped = vault.wrap(lid.key, keys.to_bytes(), aad=lid.aad())
    return json.dumps({**lid.head(), "sealed": base64.b64encode(wrapped).decode()}).encode()


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError as error:
        raise KeyManagerAway(type(error).__name__) from error
    return found.st_ino, found.st_mtime_ns, found.st_size


def _read_whole(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_FILE)
    except OSError as error:
        raise KeyManagerAway(type(error).__name__) from error


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        head = json.loads(data)
    except ValueError:
        raise KeyManagerError("not a sealed key file") from None
    if not isinstance(head, dict) or head.get("format") != _FORMAT:
        raise KeyManagerError("not a sealed key file")
    return head


def _opened(head: dict[str, Any], lid: _Lid) -> _Keys:
    try:
        sealed = base64.b64decode(str(head["sealed"]), validate=True)
        return _Keys.from_bytes(vault.unwrap(lid.key, sealed, aad=lid.aad()))
    except vault.SealBroken:
        raise WrongPassphrase("the key file does not open") from None
    except (KeyError, ValueError):
        raise KeyManagerError("not a sealed key file") from None
