"""A disk that can really be filled: a tmpfs, mounted as root or in a namespace of one's own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class SmallDisk:
    """Where it is mounted, and what has to stand before a command that uses it."""

    path: Path
    before: tuple[str, ...] = ()


@contextmanager
def small_disk(path: Path, *, megabytes: int = 16) -> Iterator[SmallDisk]:
    """Mount a small disk there; skip, and say so, on a machine that lets nobody mount anything."""
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path)]
    if (
        os.geteuid() == 0
        and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    ):
        try:
            yield SmallDisk(path)
        finally:
            subprocess.run(["umount", "-l", str(path)], check=True)
        return
    inside = ("unshare", "-rm", "sh", "-c", f'{" ".join(mount)} && exec "$0" "$@"')
    tried = subprocess.run([*inside, "true"], capture_output=True, check=False)
    if tried.returncode != 0:
        pytest.skip("this machine mounts no tmpfs; the page limit of test_withdraw.py stands in")
    yield SmallDisk(path, inside)


def fill(disk: Path) -> bool:
    """Write until not a byte is left; return whether it was filled."""
    with (disk / "filler").open("ab", buffering=0) as filler:
        for size in (2**16, 4096, 1):
            try:
                while True:
                    filler.write(bytes(size))
            except OSError:
                continue
    return (disk / "filler").stat().st_size >= 2**20
