"""A disk that fails isn't one that is full: each is said as what it is."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from safelight import vault
from safelight.storage import DiskBroken, DiskFull, DiskStore, KeyStore, database

WHERE = {"tenant": UUID(int=1), "patient": UUID(int=3), "version": 1}
PUT = """
import sys
from pathlib import Path
from uuid import UUID
from safelight.storage import KeyStore, SealedFileManager, StorageError
manager = SealedFileManager.open(Path(sys.argv[2]), "a passphrase")
try:
    store = KeyStore(Path(sys.argv[1]), manager)
    store.put(UUID(int=9), tenant=UUID(int=1), patient=UUID(int=3), version=1, data_key=bytes(32))
except StorageError as error:
    print(type(error).__name__)
"""


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        ("pwrite64", "EIO", "DiskBroken"),
        ("fdatasync", "EIO", "DiskBroken"),
        ("pread64", "EIO", "DiskBroken"),
        ("pwrite64", "ENOSPC", "DiskFull"),
    ],
)
def test_what_the_system_refuses_is_said_as_what_it_is(tmp_path, store, manager, call, error, said):
    """At the kernel's edge: that call fails on the store's log, in a process of its own."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    store.put(UUID(int=8), data_key=vault.new_key(), **WHERE)
    log = tmp_path / "keys.db-wal"
    inject = f"inject={call}:error={error}"
    watch = ["strace", "-f", "-qq", "-o", os.devnull, "-P", str(log), "-e", inject]
    command = [
        *watch,
        sys.executable,
        "-c",
        PUT,
        str(tmp_path / "keys.db"),
        str(tmp_path / "seal.json"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "ptrace" in done.stderr:
        pytest.skip("this machine lets nobody watch a process")
    assert done.stdout.split() == [said], done.stderr
    assert store.get(UUID(int=8), **WHERE), "what was there before still opens"


def planted(code: int, name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode, error.sqlite_errorname = code, name
    return error


def test_where_sqlite_cannot_tell_the_room_is_tried(tmp_path, monkeypatch):
    """Its shared memory fails without a word of why: on a full disk, beyond a quota, or broken."""
    unclear = planted(sqlite3.SQLITE_IOERR | 19 << 8, "SQLITE_IOERR_SHMSIZE")
    with pytest.raises(DiskBroken), database.said_plainly(tmp_path / "keys.db"):
        raise unclear
    assert list(tmp_path.iterdir()) == []

    def no_quota(_fd: int, _data: object) -> int:
        raise OSError(errno.EDQUOT, "planted")

    monkeypatch.setattr(os, "write", no_quota)
    with pytest.raises(DiskFull), database.said_plainly(tmp_path / "keys.db"):
        raise unclear
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_may_be_no_longer_is_a_want_of_room_too(tmp_path):
    """A limit on files, as systemd sets: SQLite says no more than that it couldn't write."""
    full = (
        "import resource, sys; from pathlib import Path; from safelight.storage import files\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))\n"
        "print(*(files.has_room(Path(sys.argv[1]), behind=at) for at in (0, 2**19, 2**20 - 9)))"
    )
    command = [sys.executable, "-c", full, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "False"]
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_key_store_is_said_to_be_that(tmp_path, store, manager):
    store.close()
    (tmp_path / "keys.db").write_bytes(b"no database at all" * 1000)
    with pytest.raises(DiskBroken) as said:
        KeyStore(tmp_path / "keys.db", manager)
    assert "Tell your administrator at once" in said.value.for_people


@pytest.mark.parametrize("what", ["get", "put", "delete"])
def test_a_broken_disk_under_the_blobs_is_said_too(tmp_path, monkeypatch, what):
    blobs = DiskStore(tmp_path / "blobs")
    blobs.put("kept", b"x")

    def fails(*_args, **_more):
        raise OSError(errno.EIO, "planted")

    monkeypatch.setattr(os, "fsync", fails)
    monkeypatch.setattr(Path, "read_bytes", fails)
    acts = {
        "get": lambda: blobs.get("kept"),
        "put": lambda: blobs.put("new", b"y"),
        "delete": lambda: blobs.delete("kept"),
    }
    with pytest.raises(DiskBroken):
        acts[what]()
