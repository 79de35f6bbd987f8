import errno
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safelight.storage import AlreadyThere, BlobGone, DiskBroken, DiskFull, DiskStore

LONG_AGO, LATER = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 1))


@pytest.fixture
def store(tmp_path):
    return DiskStore(tmp_path / "blobs")


def files(store):
    return [Path(folder, f) for folder, _, names in os.walk(store._root) for f in names]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=2000), n=st.integers(0, 10**9))
def test_what_was_put_is_there_and_the_same_again_is_the_same(store, data, n):
    name = f"t-{n}/{data.hex()[:20] or 'empty'}/original"
    store.put(name, data)
    store.put(name, data)
    assert store.get(name) == data
    assert store.exists(name)


def test_other_bytes_under_a_taken_name_are_refused_and_change_nothing(store):
    store.put("a/b", b"first")
    with pytest.raises(AlreadyThere):
        store.put("a/b", b"second")
    assert store.get("a/b") == b"first"
    assert len(files(store)) == 1


def test_a_name_that_is_a_folder_is_taken(store):
    store.put("a/b", b"first")
    with pytest.raises(AlreadyThere):
        store.put("a", b"second")


def test_one_of_many_at_once_takes_the_name(store):
    taken, refused = [], []

    def put(n):
        try:
            store.put("same", bytes([n]))
            taken.append(n)
        except AlreadyThere:
            refused.append(n)

    threads = [threading.Thread(target=put, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), len(refused)) == (1, 11)
    assert store.get("same") == bytes(taken)


def test_what_was_deleted_is_gone_and_deleting_again_is_no_error(store):
    store.put("a/b", b"x")
    assert store.delete("a/b")
    assert not store.delete("a/b")
    assert not store.exists("a/b")
    with pytest.raises(BlobGone):
        store.get("a/b")


@pytest.mark.parametrize(
    "name",
    [
        *("", "/a", "a/", "a//b", "..", "a/../b", ".a", "a/.b", "a b", "a\0", "é", "a\n"),
        "x" * 101,
        "a/" * 6 + "a",
    ],
)
def test_no_name_leads_out_of_the_folder(store, name):
    for act in (store.get, store.exists, store.delete, lambda n: store.put(n, b"")):
        with pytest.raises(ValueError, match="name"):
            act(name)


def test_names_are_told_by_age(store):
    for name in ("b", "a/c"):
        store.put(name, b"x")
    assert sorted(store.names()) == ["a/c", "b"]
    assert sorted(store.names(older_than=LATER)) == ["a/c", "b"]
    assert list(store.names(older_than=LONG_AGO)) == []


def test_only_the_owner_reads(store):
    store.put("a/b", b"x")
    assert [oct(path.stat().st_mode & 0o777) for path in files(store)] == ["0o600"]
    assert (store._root / "a").stat().st_mode & 0o777 == 0o700


def test_what_an_interrupted_put_left_is_swept_when_old(store):
    (store._incoming / "x.part").write_bytes(b"half")
    assert store.sweep_unfinished(older_than=LONG_AGO) == 0
    assert store.sweep_unfinished(older_than=LATER) == 1
    assert files(store) == []


def test_a_file_swept_meanwhile_is_not_old(store, monkeypatch):
    store.put("a", b"x")
    monkeypatch.setattr(store, "_root", store._root)
    names = store.names(older_than=LATER)
    real_stat = Path.stat

    def gone(path, **more):
        if path.name == "a":
            raise FileNotFoundError
        return real_stat(path, **more)

    monkeypatch.setattr(Path, "stat", gone)
    assert list(names) == []


@pytest.fixture
def trace(monkeypatch):
    """What the system is asked to do, in order, by what it is done to."""
    done = []
    real = {name: getattr(os, name) for name in ("write", "fsync", "link", "unlink")}

    def kind(fd):
        return "directory" if os.path.isdir(f"/proc/self/fd/{fd}") else "file"  # noqa: PTH112 a descriptor

    def recorded(name):
        def call(first, *more, **named):
            done.append(name if isinstance(first, str | Path) else f"{name} {kind(first)}")
            return real[name](first, *more, **named)

        return call

    for name in real:
        monkeypatch.setattr(os, name, recorded(name))
    return done


def test_the_name_comes_after_the_bytes_and_the_answer_after_the_name(store, trace):
    """Killing can't show a missing fsync: the order is looked at itself (ADR-0006)."""
    store.put("a", b"x")
    assert trace == ["write file", "fsync file", "link", "fsync directory", "unlink"]


def test_a_put_found_done_still_waits_for_the_directory(store, trace):
    store.put("a", b"x")
    trace.clear()
    store.put("a", b"x")
    assert trace == ["write file", "fsync file", "link", "fsync directory", "unlink"]


def test_new_folders_are_on_the_disk_before_what_is_in_them(store, trace):
    store.put("a/b/c", b"x")
    assert trace[:3] == ["fsync directory", "fsync directory", "write file"]


@pytest.mark.parametrize("call", ["write", "fsync", "link"])
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_a_put_that_fails_is_not_acknowledged_and_leaves_nothing(store, monkeypatch, call, code):
    def fail(*_args, **_more):
        raise OSError(code, "planted")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(DiskFull if code == errno.ENOSPC else DiskBroken):
        store.put("a", b"x")
    monkeypatch.undo()
    assert files(store) == []
    store.put("a", b"x")
    assert store.get("a") == b"x"


def test_a_write_taken_in_parts_is_finished(store, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:3]))
    store.put("a", b"0123456789")
    assert store.get("a") == b"0123456789"


def test_the_folder_itself_is_on_the_disk_before_anything_in_it(tmp_path, monkeypatch):
    """Whether it was there before or not: a power cut would take all that is in it."""
    synced = []
    fsync = os.fsync

    def noted(fd: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{fd}").readlink()))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", noted)
    DiskStore(tmp_path / "new" / "blobs")
    assert synced[:2] == [str(tmp_path), str(tmp_path / "new")]
    synced.clear()
    DiskStore(tmp_path / "new" / "blobs")
    assert str(tmp_path / "new") in synced
