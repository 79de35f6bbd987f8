"""What every key manager can do. Each wraps a few keys, and can destroy what it wraps them with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


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
        """Destroy an older version. Nothing that it wrapped opens again."""
        ...

    def describe(self) -> ManagerState:
        """Return what it is and which versions it keeps."""
        ...

    def health(self) -> Health:
        """Try a wrap and an unwrap."""
        ...
