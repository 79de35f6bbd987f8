"""A place for files that must not outlive what they are for: written over before they go."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safelight.storage.errors import StorageError
from safelight.storage.files import fsync_directory

_PIECE_BYTES = 1024 * 1024


class Busy(StorageError):
    """Another process works there."""

    for_people = "Another backup or restore is running here. Try again when it has ended."


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Give an empty folder, for this process alone; what a killed one left there goes first.

    Raises Busy. Files are written over with zeros before they are removed, which flash may ignore.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(
        folder.with_name(f".{folder.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
    )
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy("scratch is in use") from None
        _empty(folder)
        try:
            yield folder
        finally:
            _empty(folder)
    finally:
        os.close(fd)


def wipe(path: Path) -> None:
    """Write a file over with zeros, wait for the disk, and remove it."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        zeros = bytes(_PIECE_BYTES)
        left = os.fstat(fd).st_size
        while left > 0:
            left -= os.write(fd, zeros[: min(left, _PIECE_BYTES)])
        os.fsync(fd)
    finally:
        os.close(fd)
    path.unlink()


def _empty(folder: Path) -> None:
    for parent, _, files in os.walk(folder):
        for name in files:
            wipe(Path(parent, name))
    for child in folder.iterdir():
        shutil.rmtree(child)
    fsync_directory(folder)
