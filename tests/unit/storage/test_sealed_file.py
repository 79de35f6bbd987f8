import json
import threading
from pathlib import Path

import pytest

from safelight import vault
from safelight.storage import (
    Cost,
    KeyManagerError,
    SealedFileManager,
    VersionDestroyed,
    WrongPassphrase,
)
from safelight.storage.sealed_file import COST

CHEAP = Cost(1, 8, 1)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "seal.json"


@pytest.fixture
def manager(path):
    return SealedFileManager.create(path, "a passphrase", cost=CHEAP)


def test_what_was_wrapped_opens_after_a_restart(path, manager):
    wrapped = manager.wrap(b"key", aad=b"a")
    again = SealedFileManager.open(path, "a passphrase")
    assert again.unwrap(wrapped, aad=b"a") == b"key"
    assert again.health().ok


def test_a_passphrase_typed_on_another_keyboard_is_the_same(path):
    SealedFileManager.create(path, "caf\u00e9", cost=CHEAP)
    assert SealedFileManager.open(path, "cafe\u0301").health().ok


@pytest.mark.parametrize("passphrase", ["", "A passphrase", "a passphrase "])
def test_another_passphrase_opens_nothing(path, manager, passphrase):
    with pytest.raises(WrongPassphrase):
        SealedFileManager.open(path, passphrase)


def test_an_empty_passphrase_is_refused(path):
    with pytest.raises(WrongPassphrase):
        SealedFileManager.create(path, "", cost=CHEAP)
    assert not path.exists()


def test_an_existing_key_file_is_never_replaced(path, manager):
    with pytest.raises(FileExistsError):
        SealedFileManager.create(path, "another", cost=CHEAP)
    assert SealedFileManager.open(path, "a passphrase").health().ok


def test_only_the_owner_reads_it(path, manager):
    manager.rotate()
    assert path.stat().st_mode & 0o777 == 0o600


def test_wrapped_bytes_are_bound_to_what_they_are_for(manager):
    wrapped = manager.wrap(b"key", aad=b"a")
    with pytest.raises(vault.SealBroken):
        manager.unwrap(wrapped, aad=b"b")
    with pytest.raises(vault.SealBroken):
        manager.unwrap(wrapped[:-1], aad=b"a")


def test_an_older_version_opens_until_it_is_destroyed(path, manager):
    old = manager.wrap(b"key", aad=b"a")
    assert manager.rotate() == 2
    new = manager.wrap(b"key", aad=b"a")
    assert (manager.version_of(old), manager.version_of(new)) == (1, 2)
    assert manager.unwrap(old, aad=b"a") == b"key"
    manager.destroy_version(1)
    for one in (manager, SealedFileManager.open(path, "a passphrase")):
        assert one.unwrap(new, aad=b"a") == b"key"
        with pytest.raises(VersionDestroyed):
            one.unwrap(old, aad=b"a")
        assert one.describe().versions == (2,)


def test_the_current_version_is_not_destroyed(manager):
    for version in (1, 7):
        with pytest.raises(KeyManagerError):
            manager.destroy_version(version)
    assert manager.describe().versions == (1,)


def test_a_version_cannot_pass_for_another(manager):
    old = manager.wrap(b"key", aad=b"a")
    manager.rotate()
    with pytest.raises(vault.SealBroken):
        manager.unwrap((2).to_bytes(4, "big") + old[4:], aad=b"a")


def test_another_process_rotation_is_seen_at_once(path, manager):
    other = SealedFileManager.open(path, "a passphrase")
    assert manager.rotate() == 2
    assert other.rotate() == 3
    assert manager.version_of(manager.wrap(b"x", aad=b"")) == 3


def test_many_at_once_lose_no_version(path):
    SealedFileManager.create(path, "p", cost=CHEAP)
    managers = [SealedFileManager.open(path, "p") for _ in range(4)]
    failures = []

    def rotate_and_read(one):
        try:
            for _ in range(10):
                one.rotate()
                assert one.unwrap(one.wrap(b"x", aad=b""), aad=b"") == b"x"
        except Exception as error:  # noqa: BLE001 a thread's failure has to reach the test
            failures.append(error)

    threads = [threading.Thread(target=rotate_and_read, args=(one,)) for one in managers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert managers[0].describe().versions == tuple(range(1, 42))


def test_a_destroyed_version_is_not_in_the_file_or_beside_it(path, manager):
    manager.rotate()
    secret = manager._fresh().versions[1]
    manager.destroy_version(1)
    kept = SealedFileManager.open(path, "a passphrase")._fresh()
    assert secret not in kept.versions.values()
    assert {p.name for p in path.parent.iterdir()} == {"seal.json", ".seal.json.lock"}


def test_what_a_killed_rotation_left_is_no_hindrance(path, manager):
    path.with_name(".seal.json.new").write_bytes(b"half")
    assert manager.rotate() == 2


def test_it_says_that_it_cannot_prove_shredding(manager):
    assert manager.proves_shred is False
    assert manager.describe().proves_shred is False
    assert "old copy" in manager.describe().text


def test_ill_health_is_told_and_not_thrown(path, manager):
    path.unlink()
    health = manager.health()
    assert not health.ok
    assert "FileNotFoundError" in health.text


def test_a_guess_costs_what_the_standard_says():
    assert (COST.passes, COST.memory_kib) == (3, 64 * 1024)


@pytest.mark.parametrize("cost", [(0, 8, 1), (3, 2**21, 1), (99, 8, 1), (1, 8, 0)])
def test_no_file_may_ask_for_endless_or_no_work(cost):
    with pytest.raises(KeyManagerError):
        Cost(*cost)


@pytest.mark.parametrize(
    "change",
    [
        lambda head: b"",
        lambda head: b"[]",
        lambda head: json.dumps(head | {"format": "other"}).encode(),
        lambda head: json.dumps({k: v for k, v in head.items() if k != "salt"}).encode(),
        lambda head: json.dumps({k: v for k, v in head.items() if k != "sealed"}).encode(),
        lambda head: json.dumps(head | {"argon2id": {"passes": 10**9}}).encode(),
        lambda head: json.dumps(head | {"argon2id": {"more": 1}}).encode(),
        lambda head: json.dumps(head | {"sealed": "no"}).encode(),
        lambda head: json.dumps(head | {"salt": "00" * 16}).encode(),
    ],
)
def test_a_changed_file_does_not_open(path, manager, change):
    path.write_bytes(change(json.loads(path.read_bytes())))
    with pytest.raises(KeyManagerError):
        SealedFileManager.open(path, "a passphrase")


def test_the_keys_never_show_themselves(manager):
    shown = repr(manager._fresh()) + repr(manager._lid) + repr(manager)
    assert manager._fresh().versions[1].hex() not in shown
    assert repr(manager._lid.key) not in shown


def test_the_published_key_file_opens_for_ever(path):
    """Made apart from this code, by tests/vectors/make.py."""
    vectors = Path(__file__).parents[2] / "vectors" / "key-file.json"
    vector = json.loads(vectors.read_text("utf-8"))
    path.write_text(json.dumps(vector["file"]), "utf-8")
    manager = SealedFileManager.open(path, vector["passphrase"])
    wrapped, aad = bytes.fromhex(vector["wrapped"]), bytes.fromhex(vector["aad"])
    assert manager.unwrap(wrapped, aad=aad).hex() == vector["secret"]
    assert manager.describe().versions == (1, 2)
