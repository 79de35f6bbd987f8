"""On a disk that is really full: nothing new is half kept, and an erasure still succeeds."""

import os
import sqlite3
import subprocess
from uuid import UUID, uuid4

import pytest

from safelight import vault
from safelight.storage import (
    Cost,
    DiskFull,
    DiskStore,
    KeyStore,
    SealedFileManager,
    ballast_of,
    hold,
)

WHERE = {"tenant": UUID(int=1), "patient": UUID(int=3), "version": 1}


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(disk)]
    done = subprocess.run(mount, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("this machine mounts no tmpfs")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk):
    with (disk / "filler").open("ab", buffering=0) as filler:
        for size in (2**16, 4096, 1):
            try:
                while True:
                    filler.write(bytes(size))
            except OSError:
                continue


@pytest.fixture
def full(small_disk, tmp_path):
    """A store with 2,000 keys on a disk without a free byte, its log empty."""
    manager = SealedFileManager.create(tmp_path / "seal.json", "p", cost=Cost(1, 8, 1))
    store = KeyStore(small_disk / "keys.db", manager)
    store._database.connection().execute("PRAGMA synchronous=OFF")
    ids = [uuid4() for _ in range(2000)]
    for image in ids:
        store.put(image, data_key=vault.new_key(), **WHERE)
    assert store._database.checkpoint()
    fill(small_disk)
    yield store, ids
    store.close()


def test_no_key_is_half_kept(full):
    store, ids = full
    image = uuid4()
    with pytest.raises(DiskFull):
        store.put(image, data_key=vault.new_key(), **WHERE)
    assert not store.is_erased(image)
    assert store.describe().data_keys == 2000
    assert store.get(ids[0], **WHERE)


def test_no_blob_is_half_kept(small_disk):
    blobs = DiskStore(small_disk / "blobs")
    blobs.put("kept", b"x" * 1000)
    fill(small_disk)
    with pytest.raises(DiskFull):
        blobs.put("new", b"x" * 100_000)
    assert list(blobs.names()) == ["kept"]
    assert blobs.get("kept") == b"x" * 1000
    assert list((small_disk / "blobs" / ".incoming").iterdir()) == []


def test_everything_can_still_be_erased(full, small_disk):
    store, ids = full
    erased = store.erase(ids[:400])
    assert erased.scrubbed
    assert all(store.is_erased(image) for image in ids[:400])
    assert all(store.get(image, **WHERE) for image in ids[400:500])
    (small_disk / "filler").unlink()
    assert store.erase([]).scrubbed
    assert store.describe().ballast


def test_without_the_ballast_it_could_not(full, small_disk):
    """Negative control: what the ballast is for."""
    store, ids = full
    store.release_ballast()
    fill(small_disk)
    with pytest.raises(DiskFull):
        store.erase(ids[:400])
    assert not store.is_erased(ids[0])


def test_a_start_on_a_full_disk_borrows_from_the_ballast_and_leaves_the_most_of_it(
    full, small_disk, tmp_path
):
    store, ids = full
    store.close()
    fill(small_disk)
    again = KeyStore(small_disk / "keys.db", SealedFileManager.open(tmp_path / "seal.json", "p"))
    fill(small_disk)
    assert again.erase(ids[:40]).scrubbed
    again.close()


def test_a_database_that_is_held_open_can_be_opened_on_a_full_disk(small_disk):
    path, ballast = small_disk / "records", ballast_of(small_disk / "keys.db")
    with sqlite3.connect(path) as db:
        db.executescript("PRAGMA journal_mode=WAL; CREATE TABLE told (word);")
    db.close()
    ballast.restore()
    fill(small_disk)
    with pytest.raises(sqlite3.OperationalError):
        sqlite3.connect(path).execute("SELECT * FROM told").fetchall()
    held = hold(path, ballast=ballast)
    fill(small_disk)
    opened = sqlite3.connect(path)
    assert opened.execute("SELECT * FROM told").fetchall() == []
    opened.close()
    held.close()
    assert not ballast.is_there()
    assert not ballast.lend(2**30)


def test_without_ballast_a_start_on_a_full_disk_says_so(small_disk):
    path = small_disk / "records"
    with sqlite3.connect(path) as db:
        db.executescript("PRAGMA journal_mode=WAL; CREATE TABLE told (word);")
    db.close()
    fill(small_disk)
    with pytest.raises(sqlite3.OperationalError):
        hold(path, ballast=ballast_of(small_disk / "keys.db"))
