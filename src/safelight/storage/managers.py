"""What every key manager can do. Each wraps a few keys, and can destroy what it wraps them with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from safelight import vault
from safelight.storage.errors import KeyManagerError

KINDS = ("sealed-file", "openbao", "pkcs11", "aws-kms")
"""What there is. A key store notes the place in this line, from 1, so nothing is ever put before another."""
VERSION_BYTES = 4
"""What stands before the bytes that a manager wrapped itself: the version's number, big-endian."""


@dataclass(frozen=True, slots=True)
class ManagerState:
    """What a key manager says of itself. versions: those that can still open something."""

    kind: str
    current: int
    versions: tuple[int, ...]
    proves_shred: bool
    text: str


@dataclass(frozen=True, slots=True)
class Health:
    """Whether it works now, and what a person should know."""

    ok: bool
    text: str


class KeyManager(Protocol):
    """The port. Its wrapping key has versions; the current one wraps, every kept one unwraps."""

    @property
    def kind(self) -> str:
        """Return what the settings call it, without asking it."""
        ...

    @property
    def proves_shred(self) -> bool:
        """Say whether destroying a version puts what it wrapped beyond anybody's reach."""
        ...

    def wrap(self, data: bytes, *, aad: bytes) -> bytes:
        """Seal a few bytes under the current version."""
        ...

    def unwrap(self, wrapped: bytes, *, aad: bytes) -> bytes:
        """Return what was wrapped. Raises SealBroken or VersionDestroyed."""
        ...

    def version_of(self, wrapped: bytes) -> int:
        """Return the version it was wrapped under."""
        ...

    def rotate(self) -> int:
        """Make a new version current and return its number. Older ones still unwrap."""
        ...

    def destroy_version(self, version: int) -> None:
        """Destroy the oldest version that is kept. Nothing that it wrapped opens again.

        One that is gone already stays gone. Raises KeyManagerError for the current version, and for
        one before which an older is kept: not every manager can destroy out of order.
        """
        ...

    def describe(self) -> ManagerState:
        """Return what it is and which versions it keeps."""
        ...

    def health(self) -> Health:
        """Try a wrap and an unwrap."""
        ...


def bound(version: int, aad: bytes) -> bytes:
    """Return what a manager that has no versions of its own binds to: the version, and whose it is."""
    number = version.to_bytes(VERSION_BYTES, "big")
    return vault.context("safelight-manager-v1", number, aad)


def version_before(wrapped: bytes) -> int:
    """Return the version whose number stands before what was wrapped."""
    return int.from_bytes(wrapped[:VERSION_BYTES], "big")


def may_destroy(version: int, versions: Sequence[int], *, current: int) -> bool:
    """Say whether there is anything to destroy. Raises KeyManagerError for what must not be."""
    if version >= current:
        raise KeyManagerError("the current version is in use")
    if version not in versions:
        return False
    if version != min(versions):
        raise KeyManagerError("an older version is kept: destroy that first")
    return True
