"""The contract that every key manager keeps, on the real thing: file, OpenBao, SoftHSM, AWS as moto plays it."""

from __future__ import annotations

import shutil
import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from safelight import storage, vault
from safelight.storage import (
    KeyManagerAway,
    KeyManagerError,
    KeyStore,
    Remembering,
    VersionDestroyed,
)

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
DAY = timedelta(days=1)
AAD = vault.context("safelight-tenant-key-v1", UUID(int=1), 1)
SET = {"tenant": UUID(int=1), "patient": UUID(int=3), "version": 1}


@pytest.fixture
def manager(managed):
    return managed.create()


def test_what_was_wrapped_comes_back_here_and_in_another_process(managed, manager):
    for length in (1, 32, 33, 100, 1000):
        data = bytes(range(256))[:length] * 4
        wrapped = manager.wrap(data, aad=AAD)
        assert data not in wrapped
        assert manager.unwrap(wrapped, aad=AAD) == data
        assert managed.again().unwrap(wrapped, aad=AAD) == data


def test_twice_the_same_is_never_the_same(manager):
    assert manager.wrap(b"k" * 32, aad=AAD) != manager.wrap(b"k" * 32, aad=AAD)


@pytest.mark.parametrize(
    "other",
    [
        b"",
        AAD[:-1],
        AAD + b"\0",
        vault.context("safelight-tenant-key-v1", UUID(int=2), 1),
        vault.context("safelight-tenant-key-v1", UUID(int=1), 2),
        vault.context("safelight-secret-v1", UUID(int=1), 1),
    ],
    ids=range(6),
)
def test_it_opens_for_nobody_elses_name(manager, other):
    wrapped = manager.wrap(b"k" * 32, aad=AAD)
    with pytest.raises(vault.SealBroken):
        manager.unwrap(wrapped, aad=other)


def test_a_changed_byte_or_a_cut_end_never_opens(manager):
    wrapped = manager.wrap(b"k" * 32, aad=AAD)
    changed = [
        wrapped[:at] + bytes([wrapped[at] ^ 1]) + wrapped[at + 1 :]
        for at in range(4, len(wrapped), 7)
    ]
    for broken in [*changed, wrapped[:-1], wrapped[:5], wrapped[:4], b""]:
        with pytest.raises((vault.SealBroken, KeyManagerError)):
            manager.unwrap(broken, aad=AAD)
    assert manager.unwrap(wrapped, aad=AAD) == b"k" * 32


def test_a_rotation_wraps_under_the_new_version_and_opens_the_old(managed, manager):
    first = manager.describe().current
    old = manager.wrap(b"old", aad=AAD)
    assert manager.rotate() == first + 1
    new = manager.wrap(b"new", aad=AAD)
    assert (manager.version_of(old), manager.version_of(new)) == (first, first + 1)
    assert managed.again().describe().versions == (first, first + 1)
    for one in (manager, managed.again()):
        assert one.unwrap(old, aad=AAD) == b"old"
        assert one.unwrap(new, aad=AAD) == b"new"


def test_what_a_destroyed_version_wrapped_opens_nowhere(managed, manager):
    old = manager.wrap(b"old", aad=AAD)
    manager.rotate()
    new = manager.wrap(b"new", aad=AAD)
    manager.destroy_version(1)
    manager.destroy_version(1)
    for one in (manager, managed.again()):
        with pytest.raises(VersionDestroyed):
            one.unwrap(old, aad=AAD)
        assert one.unwrap(new, aad=AAD) == b"new"
        assert one.describe().versions == (2,)


def test_a_version_that_never_was_opens_nothing(manager):
    wrapped = manager.wrap(b"k" * 32, aad=AAD)
    at = wrapped.index(b"v1:") + 1 if wrapped.startswith(b"vault:") else 3
    number = b"7" if wrapped.startswith(b"vault:") else b"\7"
    with pytest.raises(VersionDestroyed):
        manager.unwrap(wrapped[:at] + number + wrapped[at + 1 :], aad=AAD)


def test_another_versions_number_before_it_opens_nothing(manager):
    wrapped = manager.wrap(b"k" * 32, aad=AAD)
    manager.rotate()
    at = wrapped.index(b"v1:") + 1 if wrapped.startswith(b"vault:") else 3
    number = b"2" if wrapped.startswith(b"vault:") else b"\2"
    with pytest.raises(vault.SealBroken):
        manager.unwrap(wrapped[:at] + number + wrapped[at + 1 :], aad=AAD)


def test_neither_the_current_version_nor_one_out_of_order_is_destroyed(manager):
    manager.rotate()
    manager.rotate()
    for version in (2, 3, 4):
        with pytest.raises(KeyManagerError):
            manager.destroy_version(version)
    assert manager.describe().versions == (1, 2, 3)


def test_it_says_what_it_is_and_whether_it_proves_shredding(managed, manager):
    state = manager.describe()
    assert state.kind == managed.kind
    assert (state.current, state.versions) == (1, (1,))
    assert state.proves_shred == manager.proves_shred == managed.proves_shred
    assert len(state.text) > 40
    health = manager.health()
    assert health.ok
    assert health.text


def test_making_it_again_changes_nothing(managed, manager):
    if managed.kind == "sealed-file":
        with pytest.raises(FileExistsError):
            managed.create()
        return
    wrapped = manager.wrap(b"k", aad=AAD)
    assert managed.create().describe().versions == (1,)
    assert managed.create().unwrap(wrapped, aad=AAD) == b"k"


def test_while_it_is_away_that_is_said_and_afterwards_it_works_by_itself(managed, manager):
    wrapped = manager.wrap(b"k" * 32, aad=AAD)
    with managed.away():
        health = manager.health()
        assert not health.ok
        assert health.text
        for ask in (
            lambda: manager.unwrap(wrapped, aad=AAD),
            lambda: manager.wrap(b"k", aad=AAD),
            manager.describe,
        ):
            with pytest.raises(KeyManagerAway) as said:
                ask()
            assert "Nothing is lost" in said.value.for_people
    assert manager.health().ok
    assert manager.unwrap(wrapped, aad=AAD) == b"k" * 32


def test_threads_share_one(manager):
    failures = []

    def live(name: int) -> None:
        try:
            for n in range(5):
                aad = vault.context("thread", name, n)
                assert manager.unwrap(manager.wrap(b"%d" % n, aad=aad), aad=aad) == b"%d" % n
        except BaseException as error:  # noqa: BLE001 a thread's failure has to reach the test
            failures.append(error)

    threads = [threading.Thread(target=live, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


# a key store on each


def test_a_key_store_lives_on_it_through_nights_and_erasures(tmp_path, managed, manager):
    store = KeyStore(tmp_path / "keys.db", Remembering(manager))
    kept, erased, key = uuid4(), uuid4(), vault.new_key()
    for image in (kept, erased):
        store.put(image, data_key=key, **SET)
    signing = store.signing_key()
    assert store.erase([erased]).scrubbed
    for night in range(3):
        store.nightly.rotate(NOW + night * DAY)
        assert store.get(kept, **SET) == key
    assert store.nightly.destroy_old(NOW + 12 * DAY, backup_needs=4).versions == (1, 2, 3)
    store.close()
    again = KeyStore(tmp_path / "keys.db", Remembering(managed.again()))
    assert again.get(kept, **SET) == key
    assert again.signing_key() == signing
    assert again.describe().manager.versions == (4,)
    again.close()


def test_a_backup_from_before_the_erasure_opens_until_its_version_is_destroyed(
    tmp_path, managed, manager
):
    """The whole point: an old copy of the key store brings nothing back after R days.

    Where the manager can't prove shredding the same holds for what it was told to destroy; what it
    can't prove is that nobody kept the version itself.
    """
    store = KeyStore(tmp_path / "keys.db", manager)
    image, key = uuid4(), vault.new_key()
    store.put(image, data_key=key, **SET)
    assert store._database.checkpoint()
    shutil.copy(tmp_path / "keys.db", tmp_path / "stolen.db")
    store.erase([image])
    store.nightly.rotate(NOW)
    stolen = KeyStore(tmp_path / "stolen.db", managed.again())
    assert stolen.get(image, **SET) == key
    store.nightly.destroy_old(NOW + 8 * DAY, backup_needs=2)
    with pytest.raises(VersionDestroyed):
        stolen.get(image, **SET)
    stolen.close()
    store.close()


def test_an_erasure_needs_no_key_manager_and_its_scrub_waits_for_it(tmp_path, managed, manager):
    store = KeyStore(tmp_path / "keys.db", manager)
    kept, erased = uuid4(), uuid4()
    for image in (kept, erased):
        store.put(image, data_key=vault.new_key(), **SET)
    with managed.away():
        assert not store.erase([erased]).scrubbed
        assert store.is_erased(erased)
        with pytest.raises(storage.StorageError):
            store.get(kept, **SET)
    assert store.scrub()
    assert store.get(kept, **SET)
    store.close()
