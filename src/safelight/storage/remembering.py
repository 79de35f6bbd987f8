"""A key manager over the network, asked once a minute for the same key and not at every look.

What is remembered is a tenant's key, the server's own secrets and ingest keys, in memory alone. An
erasure doesn't depend on it: a picture's data key and its patient's are read from the store each time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from safelight.storage.managers import Health, KeyManager, ManagerState

SECONDS = 60.0
"""How long pictures still open after the manager went away, or was told to refuse this server."""
MOST = 1_000


class Remembering:
    """A key manager that answers the same unwrap from memory for a minute."""

    def __init__(
        self,
        manager: KeyManager,
        *,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._manager, self._seconds, self._clock = manager, seconds, clock
        self._lock = threading.Lock()
        self._known: dict[tuple[bytes, bytes], tuple[float, bytes]] = {}

    @property
    def kind(self) -> str:
        """Return what the manager itself is."""
        return self._manager.kind

    @property
    def proves_shred(self) -> bool:
        """Say what the manager itself says."""
        return self._manager.proves_shred

    def wrap(self, data: bytes, *, aad: bytes) -> bytes:
        """Seal a few bytes under the current version, and know them for a minute."""
        wrapped = self._manager.wrap(data, aad=aad)
        self._learn(wrapped, aad, data)
        return wrapped

    def unwrap(self, wrapped: bytes, *, aad: bytes) -> bytes:
        """Return what was wrapped. Raises what the manager raises."""
        with self._lock:
            known = self._known.get((wrapped, aad))
        if known is not None and self._clock() < known[0]:
            return known[1]
        data = self._manager.unwrap(wrapped, aad=aad)
        self._learn(wrapped, aad, data)
        return data

    def version_of(self, wrapped: bytes) -> int:
        """Return the version it was wrapped under."""
        return self._manager.version_of(wrapped)

    def rotate(self) -> int:
        """Make a new version current and return its number."""
        return self._manager.rotate()

    def destroy_version(self, version: int) -> None:
        """Destroy an older version, and forget everything."""
        self._manager.destroy_version(version)
        self.forget()

    def describe(self) -> ManagerState:
        """Return what the manager says of itself, asked anew."""
        return self._manager.describe()

    def health(self) -> Health:
        """Ask the manager itself."""
        return self._manager.health()

    def forget(self) -> None:
        """Forget what is known."""
        with self._lock:
            self._known.clear()

    def _learn(self, wrapped: bytes, aad: bytes, data: bytes) -> None:
        with self._lock:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[wrapped, aad] = (self._clock() + self._seconds, data)
