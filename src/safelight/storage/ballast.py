"""Room held back, so that a withdrawal succeeds on a full disk."""

from __future__ import annotations

import os
from pathlib import Path

from safelight.storage.errors import DiskFull
from safelight.storage.files import fsync_directory, full_disk_said, write_all

BALLAST_BYTES = 1024 * 1024
"""Erasing one picture of 8,000 was measured to write 36 KiB, 40 of them 414 KiB (ADR-0006)."""


class Ballast:
    """A file that is only there to be removed. Its bytes are random: holes hold back nothing."""

    def __init__(self, path: Path, size: int = BALLAST_BYTES) -> None:
        self._path, self._size = path, size

    def is_there(self) -> bool:
        """Say whether the room is held back now."""
        try:
            return self._path.stat().st_size == self._size
        except FileNotFoundError:
            return False

    def release(self) -> bool:
        """Give the room free; return whether any was."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        fsync_directory(self._path.parent)
        return True

    def restore(self) -> bool:
        """Hold the room back again if there is any; return whether it is held."""
        if self.is_there():
            return True
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        try:
            with full_disk_said():
                fd = os.open(self._path, flags, 0o600)
                try:
                    write_all(fd, os.urandom(self._size))
                    os.fsync(fd)
                finally:
                    os.close(fd)
        except DiskFull:
            self._path.unlink(missing_ok=True)
            return False
        return True
