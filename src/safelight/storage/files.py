"""Files that are there after a power cut, or were never there."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from safelight.storage.errors import DiskBroken, DiskFull

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
BROKEN = frozenset({errno.EIO, errno.EROFS, errno.EUCLEAN, errno.ENXIO, errno.ENODEV, errno.ESTALE})
"""What the system says of a disk that fails, also after it has stopped writing to it."""
_PROBE_BYTES = 128 * 1024
"""Above what SQLite needs of a sudden for its shared memory (72 KiB, ADR-0006)."""


@contextmanager
def disk_said() -> Iterator[None]:
    """Turn the system's words for a full disk and for one that fails into ours."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFull("no room") from error
        if error.errno in BROKEN:
            raise DiskBroken(errno.errorcode[error.errno]) from error
        raise


def has_room(folder: Path, *, behind: int = 0) -> bool:
    """Try whether a little more can be written there; also true where it fails for another reason.

    The free room that the system tells of says nothing about quotas. behind: so far into the file,
    with a hole before it, since files may be limited in their length.
    """
    probe = folder / f".room-{secrets.token_hex(8)}"
    try:
        with disk_said():
            fd = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                os.lseek(fd, behind, os.SEEK_SET)
                write_all(fd, os.urandom(_PROBE_BYTES))
                os.fsync(fd)
            finally:
                os.close(fd)
                probe.unlink()
    except DiskFull:
        return False
    except (DiskBroken, OSError):
        return True
    return True


def write_new(path: Path, data: bytes) -> None:
    """Write a file that must not exist, readable by its owner only, and wait for the disk."""
    write_new_parts(path, (data,))


def write_new_parts(path: Path, parts: Iterable[bytes]) -> int:
    """Write what comes in parts as write_new does; return how many bytes came.

    After an error nothing is left of it: a failed fsync can't be tried again, since the system
    may have dropped the pages.
    """
    fd, written = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), 0
    try:
        try:
            for part in parts:
                write_all(fd, part)
                written += len(part)
            os.fsync(fd)
        finally:
            os.close(fd)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return written


def write_all(fd: int, data: bytes) -> None:
    """Write every byte; os.write may take fewer."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def fsync_directory(path: Path) -> None:
    """Wait until the names in the directory are on the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_root(path: Path) -> None:
    """Make a folder that everything else lies in, and wait until its own name is on the disk.

    The name may be there already and not be on the disk: whoever made it may not have waited.
    """
    make_directories(path, below=Path(path.anchor))
    fsync_directory(path.parent)


def make_directories(path: Path, *, below: Path) -> None:
    """Make the directory and those between, each on the disk before its child."""
    missing = []
    while path != below and not path.is_dir():
        missing.append(path)
        path = path.parent
    for directory in reversed(missing):
        directory.mkdir(mode=0o700, exist_ok=True)
        fsync_directory(directory.parent)
