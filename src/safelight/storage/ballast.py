"""Room held back, so that a withdrawal succeeds on a full disk."""

from __future__ import annotations

import os
from pathlib import Path

from safelight.storage.errors import DiskFull
from safelight.storage.files import disk_said, fsync_directory, write_all

BALLAST_BYTES = 1024 * 1024
"""Erasing one picture of 8,000 was measured to write 36 KiB, 40 of them 414 KiB (ADR-0006)."""
LOAN_BYTES = 128 * 1024
"""Opening the two SQLite files needs 72 KiB: shared memory of 32 KiB each, and one page twice."""


class Ballast:
    """A file that is only there to be removed. Its bytes are random: holes hold back nothing."""

    def __init__(self, path: Path, size: int = BALLAST_BYTES) -> None:
        self._path, self._size = path, size

    def is_there(self) -> bool:
        """Say whether the room is held back now."""
        return self._held() == self._size

    def release(self) -> bool:
        """Give the room free; return whether any was."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        fsync_directory(self._path.parent)
        return True

    def lend(self, size: int = LOAN_BYTES) -> bool:
        """Give a part of the room free and hold back the rest; return whether there was as much."""
        held = self._held()
        if held < size:
            return False
        os.truncate(self._path, held - size)
        return True

    def restore(self) -> bool:
        """Hold the room back again if there is any; return whether all of it is held."""
        held = self._held()
        if held == self._size:
            return True
        try:
            with disk_said():
                self._extend(held)
        except DiskFull:
            return False
        return True

    def _held(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def _extend(self, held: int) -> None:
        """Write what is missing; what is held already stays held if there is no room for more."""
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.lseek(fd, held, os.SEEK_SET)
            write_all(fd, os.urandom(self._size - held))
            os.fsync(fd)
        except OSError:
            os.ftruncate(fd, held)
            if held == 0:
                self._path.unlink()
            raise
        finally:
            os.close(fd)


def ballast_of(keys: Path) -> Ballast:
    """Return the room that is held back beside a key store."""
    return Ballast(keys.with_name(f"{keys.name}.ballast"))
