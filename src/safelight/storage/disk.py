"""Blobs as files. What put() said is kept stays kept; what it did not say leaves no name behind."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from safelight.storage.blobs import BLOCK_BYTES, parts_of
from safelight.storage.errors import AlreadyThere, BlobGone
from safelight.storage.files import (
    disk_said,
    fsync_directory,
    make_directories,
    make_root,
    write_new_parts,
)

_INCOMING = ".incoming"


class DiskStore:
    """A folder of blobs. What is promised stands at BlobStore.

    The file system must know hard links: they are how a name is taken at most once.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / _INCOMING
        make_root(root)
        make_directories(self._incoming, below=root)

    def put(self, name: str, data: bytes) -> None:
        """Keep the bytes under the name; return only when a power cut can't undo it."""
        self.put_parts(name, (data,))

    def put_parts(self, name: str, parts: Iterable[bytes]) -> int:
        """Keep what comes in parts: file, its bytes on the disk, then its name, then that on the disk."""
        path = self._path(name)
        temporary = self._incoming / f"{secrets.token_hex(16)}.part"
        with disk_said():
            make_directories(path.parent, below=self._root)
            written = write_new_parts(temporary, parts)
            try:
                _take_name(temporary, path)
                fsync_directory(path.parent)
            finally:
                temporary.unlink(missing_ok=True)
        return written

    def get(self, name: str) -> bytes:
        """Return the bytes. Raises BlobGone."""
        with _gone_said(name):
            return self._path(name).read_bytes()

    def length(self, name: str) -> int:
        """Return how many bytes there are. Raises BlobGone."""
        with _gone_said(name):
            return self._path(name).stat().st_size

    def read(self, name: str, start: int, stop: int) -> bytes:
        """Return bytes[start:stop]. Raises BlobGone."""
        with _gone_said(name), self._path(name).open("rb") as file:
            file.seek(start)
            return file.read(max(0, stop - start))

    def exists(self, name: str) -> bool:
        """Say whether anything is kept under the name."""
        return self._path(name).is_file()

    def delete(self, name: str) -> bool:
        """Forget the blob; return whether there was one. Its bytes may stay on the medium.

        What makes it unreadable is the destruction of its key.
        """
        path = self._path(name)
        try:
            with disk_said():
                path.unlink()
                fsync_directory(path.parent)
        except FileNotFoundError:
            return False
        return True

    def names(self, older_than: datetime | None = None) -> Iterator[str]:
        """Yield every name, or those last written before a time; for the sweeper."""
        for folder, folders, files in os.walk(self._root):
            folders[:] = [f for f in folders if not f.startswith(".")]
            for file in files:
                path = Path(folder, file)
                if older_than is None or _is_older(path, older_than):
                    yield path.relative_to(self._root).as_posix()

    def sweep_unfinished(self, older_than: datetime) -> int:
        """Remove what interrupted puts left before a time; return how many.

        older_than: further back than the longest upload, or live ones are removed.
        """
        swept = 0
        for path in self._incoming.iterdir():
            if _is_older(path, older_than):
                path.unlink(missing_ok=True)
                swept += 1
        return swept

    def _path(self, name: str) -> Path:
        return self._root.joinpath(*parts_of(name))


@contextmanager
def _gone_said(name: str) -> Iterator[None]:
    try:
        with disk_said():
            yield
    except FileNotFoundError:
        raise BlobGone(name) from None


def _take_name(temporary: Path, path: Path) -> None:
    """Give the file its name if nobody has it. A link, unlike a rename, never replaces."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        if not path.is_file() or not _are_alike(temporary, path):
            raise AlreadyThere(path.name) from None


def _are_alike(one: Path, other: Path) -> bool:
    with one.open("rb") as first, other.open("rb") as second:
        while block := first.read(BLOCK_BYTES):
            if second.read(BLOCK_BYTES) != block:
                return False
        return not second.read(1)


def _is_older(path: Path, than: datetime) -> bool:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC) < than
    except FileNotFoundError:
        return False
