"""Blobs as files. What put() said is kept stays kept; what it did not say leaves no name behind."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from safelight.storage.errors import AlreadyThere, BlobGone
from safelight.storage.files import (
    fsync_directory,
    full_disk_said,
    make_directories,
    make_root,
    write_new,
)

_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_MOST_PARTS = 6
_INCOMING = ".incoming"


class DiskStore:
    """A folder of blobs, each put once and never changed.

    A name is one to six parts of letters, digits, `.`, `_` and `-`, with `/` between them; no part
    begins with a dot. The file system must know hard links: they are how a name is taken at most once.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / _INCOMING
        make_root(root)
        make_directories(self._incoming, below=root)

    def put(self, name: str, data: bytes) -> None:
        """Keep the bytes under the name; return only when a power cut can't undo it.

        The same bytes again are the same put. Raises AlreadyThere for other bytes, DiskFull.
        """
        path = self._path(name)
        temporary = self._incoming / f"{secrets.token_hex(16)}.part"
        with full_disk_said():
            make_directories(path.parent, below=self._root)
            write_new(temporary, data)
            try:
                _take_name(temporary, path, data)
                fsync_directory(path.parent)
            finally:
                temporary.unlink(missing_ok=True)

    def get(self, name: str) -> bytes:
        """Return the bytes. Raises BlobGone."""
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            raise BlobGone(name) from None

    def exists(self, name: str) -> bool:
        """Say whether anything is kept under the name."""
        return self._path(name).is_file()

    def delete(self, name: str) -> bool:
        """Forget the blob; return whether there was one. Its bytes may stay on the medium.

        What makes it unreadable is the destruction of its key.
        """
        path = self._path(name)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        fsync_directory(path.parent)
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
        parts = name.split("/")
        if len(parts) > _MOST_PARTS or not all(_PART.fullmatch(part) for part in parts):
            raise ValueError("not a blob's name")
        return self._root.joinpath(*parts)


def _take_name(temporary: Path, path: Path, data: bytes) -> None:
    """Give the file its name if nobody has it. A link, unlike a rename, never replaces."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        if not path.is_file() or path.read_bytes() != data:
            raise AlreadyThere(path.name) from None


def _is_older(path: Path, than: datetime) -> bool:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC) < than
    except FileNotFoundError:
        return False
