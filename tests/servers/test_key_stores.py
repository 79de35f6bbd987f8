"""The contract that the key store keeps in a file and in a PostgreSQL database of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from safelight import vault
from safelight.storage import (
    Cost,
    Destroyed,
    DiskFull,
    Erased,
    KeyGone,
    KeyStore,
    KeyStoreAway,
    KeyStoreError,
    KeyTaken,
    SealedFileManager,
    Tombstoned,
    rotation,
    schema,
)
from safelight.storage.database import KeyDatabase
from safelight.storage.pg_database import PgKeyDatabase

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
DAY = timedelta(days=1)
TENANT, OTHER_TENANT, PATIENT, OTHER = (UUID(int=n) for n in range(1, 5))


@pytest.fixture
def manager(tmp_path):
    return SealedFileManager.create(tmp_path / "seal.json", "a passphrase", cost=Cost(1, 8, 1))


@pytest.fixture(params=["file", "postgresql"])
def where(request, tmp_path) -> Path | str:
    if request.param == "file":
        return tmp_path / "keys.db"
    return str(request.getfixturevalue("postgres").database())


def opened(where: Path | str, manager) -> KeyStore:
    return KeyStore(where if isinstance(where, Path) else PgKeyDatabase(where), manager)


@pytest.fixture
def store(where, manager) -> Iterator[KeyStore]:
    made = opened(where, manager)
    yield made
    made.close()


def kept(store, *, tenant=TENANT, patient=PATIENT, version=1, image=None):
    image, key = image or uuid4(), vault.new_key()
    store.put(image, tenant=tenant, patient=patient, version=version, data_key=key)
    return image, key


def got(store, image, *, tenant=TENANT, patient=PATIENT, version=1):
    return store.get(image, tenant=tenant, patient=patient, version=version)


def written(store, sql: str, *values: object) -> None:
    with store._database.writing() as db:
        db.execute(sql, values)


def read(store, sql: str, *values: object) -> list:
    with store._database.reading() as db:
        return db.execute(sql, values).fetchall()


def test_a_key_comes_back_and_is_there_after_a_restart(where, manager, store):
    image, key = kept(store)
    assert got(store, image) == key
    again = opened(where, manager)
    assert got(again, image) == key
    again.close()


def test_the_same_twice_is_once_and_another_is_refused(store):
    image, key = kept(store)
    store.put(image, tenant=TENANT, patient=PATIENT, version=1, data_key=key)
    with pytest.raises(KeyTaken):
        kept(store, image=image)
    with pytest.raises(KeyTaken):
        store.put(image, tenant=TENANT, patient=OTHER, version=1, data_key=key)
    assert store.describe().data_keys == 1


@pytest.mark.parametrize(
    "other", [{"tenant": OTHER_TENANT}, {"patient": OTHER}, {"version": 2}], ids=str
)
def test_a_key_is_given_for_its_own_record_only(store, other):
    image, _ = kept(store)
    kept(store, patient=OTHER)
    kept(store, tenant=OTHER_TENANT)
    with pytest.raises(KeyGone):
        got(store, image, **other)


def test_what_is_erased_is_gone_and_stays_gone(where, manager, store):
    (image, _), (other, key) = kept(store), kept(store)
    assert store.erase([image, image]) == Erased(ids=(image,), scrubbed=True)
    assert store.erase([image]).scrubbed
    with pytest.raises(KeyGone):
        got(store, image)
    for version in (1, 2):
        with pytest.raises(Tombstoned):
            kept(store, image=image, version=version)
    assert got(store, other) == key
    assert list(store.tombstones()) == [image]
    assert list(store.images()) == [(other, 1)]
    again = opened(where, manager)
    assert again.is_erased(image)
    assert not again.is_erased(other)
    again.close()


def test_an_old_copy_of_a_wrapped_key_does_not_open_after_an_erasure(store):
    (image, _), _ = kept(store), kept(store)
    ((wrapped,),) = read(store, "SELECT wrapped FROM data_keys WHERE image = ?", image.bytes)
    store.erase([image])
    written(store, "DELETE FROM tombstones")
    written(
        store,
        "INSERT INTO data_keys (image, version, tenant, patient, wrapped) VALUES (?, 1, ?, ?, ?)",
        image.bytes,
        TENANT.bytes,
        PATIENT.bytes,
        wrapped,
    )
    with pytest.raises(vault.SealBroken):
        got(store, image)


def test_of_fifty_records_no_wrapped_key_opens_in_any_others_place(store):
    """All pairs: 2,450 swaps between pictures, versions, patients and practices."""
    records = []
    for n in range(50):
        tenant, patient = UUID(int=1 + n % 3), UUID(int=100 + n % 7)
        image = uuid4() if n % 5 or not records else records[-1][0]
        at = {"tenant": tenant, "patient": patient, "version": 1 + n}
        _, key = kept(store, image=image, **at)
        records.append((image, at, key))
    rows = read(store, "SELECT image, version, wrapped FROM data_keys")
    wrapped = {(bytes(image), version): bytes(each) for image, version, each in rows}
    named = [(image.bytes, at["version"]) for image, at, _ in records]
    pairs = set()
    for further in range(1, 50):
        with store._database.writing() as db:
            for n, name in enumerate(named):
                put = "UPDATE data_keys SET wrapped = ? WHERE image = ? AND version = ?"
                db.execute(put, (wrapped[named[(n + further) % 50]], *name))
        for n, (image, at, _) in enumerate(records):
            with pytest.raises(vault.SealBroken):
                got(store, image, **at)
            pairs.add((n, (n + further) % 50))
    assert pairs == set(permutations(range(50), 2))
    for name in named:
        put = "UPDATE data_keys SET wrapped = ? WHERE image = ? AND version = ?"
        written(store, put, wrapped[name], *name)
    assert all(got(store, image, **at) == key for image, at, key in records)


@pytest.mark.parametrize("table", ["patient_keys", "tenant_keys"])
def test_keys_above_in_each_others_place_never_open(store, table):
    image, _ = kept(store)
    kept(store, tenant=OTHER_TENANT, patient=OTHER)
    written(
        store,
        f"UPDATE {table} SET wrapped = (SELECT wrapped FROM {table} WHERE tenant = ?)"
        " WHERE tenant = ?",
        OTHER_TENANT.bytes,
        TENANT.bytes,
    )
    with pytest.raises(vault.SealBroken):
        got(store, image)


def test_a_moved_picture_opens_for_the_new_patient_only(store):
    image, key = kept(store)
    store.move(image, tenant=TENANT, from_patient=PATIENT, to_patient=OTHER)
    assert got(store, image, patient=OTHER) == key
    with pytest.raises(KeyGone):
        got(store, image)


def test_ingest_keys_and_the_ledgers_key_live_through_nights(where, manager, store):
    offer, signing = store.ingest_current(NOW), store.signing_key()
    store.nightly.rotate(NOW + DAY)
    again = opened(where, manager)
    assert again.signing_key() == signing
    assert again.ingest_private(offer.kid).public == offer.public
    assert again.destroy_old_ingest(NOW + 20 * DAY) == 1
    with pytest.raises(KeyGone):
        store.ingest_private(offer.kid)
    again.close()


def test_a_rotation_goes_in_portions_and_on_where_it_stopped(store, monkeypatch):
    monkeypatch.setattr(rotation, "PORTION", 10)
    pictures = [(UUID(int=1000 + n), *kept(store, patient=UUID(int=1000 + n))) for n in range(35)]

    class Killed(Exception):
        pass

    def kill(done, total):
        if done == 20:
            raise Killed

    with pytest.raises(Killed):
        store.nightly.rotate(NOW, progress=kill)
    assert (store.nightly.is_rotating(), store.describe().left_behind) == (True, 15)
    assert all(got(store, image, patient=patient) == key for patient, image, key in pictures)
    assert store.nightly.finish_rotation() == 15
    assert (store.nightly.is_rotating(), store.describe().left_behind) == (False, 0)
    assert store.oldest_version() == 2
    assert all(got(store, image, patient=patient) == key for patient, image, key in pictures)


def test_versions_go_when_they_are_old_and_no_backup_needs_them(store):
    image, key = kept(store)
    for night in range(10):
        store.nightly.rotate(NOW + night * DAY)
    at = NOW + 10 * DAY
    assert store.nightly.destroy_old(at, backup_needs=None) == Destroyed((), (1, 2, 3, 4))
    assert store.nightly.destroy_old(at, backup_needs=3) == Destroyed((1, 2), (3, 4))
    assert got(store, image) == key
    assert store.nightly.claim_turn(at + DAY) is not None
    assert store.nightly.claim_turn(at + DAY) is None


CHILD = """
import sys
from pathlib import Path
from uuid import UUID, uuid4
from safelight import vault
from safelight.storage import KeyStore, SealedFileManager
where, seal, what = sys.argv[1:]
if where.startswith("postgresql:"):
    from safelight.storage.pg_database import PgKeyDatabase
    database = PgKeyDatabase(where)
else:
    database = Path(where)
store = KeyStore(database, SealedFileManager.open(Path(seal), "a passphrase"))
for _ in range(10):
    image, key = uuid4(), vault.new_key()
    at = {"tenant": UUID(int=1), "patient": UUID(int=3), "version": 1}
    store.put(image, data_key=key, **at)
    assert store.get(image, **at) == key
    if what == "erase":
        store.erase([image])
store.close()
"""


def test_processes_make_a_fresh_store_at_once_and_share_it(where, tmp_path, manager):
    command = [sys.executable, "-c", CHILD, str(where), str(tmp_path / "seal.json")]
    running = [subprocess.Popen([*command, what]) for what in ("keep", "erase", "keep")]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    store = opened(where, manager)
    assert (store.describe().data_keys, store.describe().tombstones) == (20, 10)
    store.close()


def test_threads_keep_read_erase_and_rotate_at_once(store):
    failures = []

    def live(name: int) -> None:
        try:
            for n in range(6):
                image, key = kept(store, patient=UUID(int=100 + n % 3))
                assert got(store, image, patient=UUID(int=100 + n % 3)) == key
                if n % 2:
                    store.erase([image])
                if name == 0:
                    store.nightly.rotate(NOW + n * DAY)
        except BaseException as error:  # noqa: BLE001 a thread's failure has to reach the test
            failures.append(error)

    threads = [threading.Thread(target=live, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (store.describe().data_keys, store.describe().tombstones) == (12, 12)
    assert store.scrub()
    store.nightly.finish_rotation()
    assert store.oldest_version() == store.describe().manager.current


def test_a_withdrawal_during_an_upload_wins(store):
    for _ in range(10):
        image, ready = uuid4(), threading.Barrier(2)

        def upload(image=image, ready=ready):
            ready.wait()
            with suppress(Tombstoned):
                kept(store, image=image)

        thread = threading.Thread(target=upload)
        thread.start()
        ready.wait()
        store.erase([image])
        thread.join()
        with pytest.raises(KeyGone):
            got(store, image)


def test_a_forked_child_uses_a_connection_of_its_own(store):
    image, key = kept(store)
    child = os.fork()
    if child == 0:
        try:
            same = got(store, image) == key
            store.close()
            os._exit(0 if same else 1)
        except BaseException:  # noqa: BLE001 a child must not run on into the parent's tests
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert got(store, image) == key


def test_a_store_from_the_future_is_not_opened(where, manager, store):
    if isinstance(where, Path):
        store._database.connection().execute("PRAGMA user_version=99")
    else:
        written(store, "UPDATE counters SET value = 99 WHERE name = 'schema'")
    with pytest.raises(KeyStoreError, match="version 99"):
        opened(where, manager)


def test_a_copy_of_it_is_one_file_that_opens_and_can_be_taken_in(where, tmp_path, manager, store):
    """So that a practice may move from the file to the database, and a backup has one form."""
    image, key = kept(store)
    erased, _ = kept(store)
    store.erase([erased])
    store.copy_to(tmp_path / "copy.db")
    copied = KeyStore(tmp_path / "copy.db", manager)
    assert got(copied, image) == key
    assert copied.is_erased(erased)
    assert copied.oldest_version() == store.oldest_version()
    copied.close()


def test_it_says_whether_it_overwrites(where, store):
    assert store.overwrites == store.describe().overwrites == isinstance(where, Path)
    assert (store.describe().ballast is None) == isinstance(where, str)


# PostgreSQL alone


@pytest.fixture
def far(postgres, manager) -> Iterator[KeyStore]:
    made = KeyStore(PgKeyDatabase(postgres.database()), manager)
    yield made
    made.close()


def test_a_database_that_died_is_said_and_found_again_by_itself(postgres, far):
    image, key = kept(far)
    postgres.kill()
    try:
        for ask in (lambda: got(far, image), lambda: kept(far), lambda: far.erase([image])):
            with pytest.raises(KeyStoreAway) as said:
                ask()
            assert "Nothing is lost" in said.value.for_people
        assert not far.scrub()
        with pytest.raises(KeyStoreAway):
            PgKeyDatabase(far._database._url)
    finally:
        postgres.start()
    assert got(far, image) == key
    assert far.erase([image]).scrubbed


def test_a_connection_that_was_ended_while_it_rested_is_made_again(postgres, far):
    image, key = kept(far)
    ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'safelight-keys'"
    assert int(postgres.sql(ended)) > 0
    assert got(far, image) == key


def test_an_error_of_the_database_repeats_no_value(far):
    with pytest.raises(KeyStoreError) as said, far._database.writing() as db:
        db.execute("SELECT nothing FROM nowhere WHERE name = ?", ("Wrapped",))
    assert "nowhere" not in str(said.value)
    assert kept(far)


def test_a_full_database_is_said_as_a_full_disk(far):
    import psycopg

    with pytest.raises(DiskFull), far._database.writing():
        raise psycopg.errors.DiskFull("planted")


def test_a_writer_that_waits_too_long_is_told(far, monkeypatch):
    with far._database.writing():
        done = []

        def wait() -> None:
            with suppress(KeyStoreAway), far._database.reading() as db:
                db.execute("SET LOCAL lock_timeout = '200ms'")
                db.execute("SELECT pg_advisory_xact_lock(?)", (0x5AFE_11_64,))
            done.append(True)

        thread = threading.Thread(target=wait)
        thread.start()
        thread.join(60)
        assert done == [True]


def test_every_table_of_the_file_is_in_the_database(far, tmp_path):
    file = KeyDatabase(tmp_path / "k.db").connection()
    tables = {row[0] for row in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    there = read(
        far, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    )
    assert {row[0] for row in there} == tables
    assert set(schema.WRAPPED_IN) < tables


def test_what_postgresql_keeps_of_a_deleted_key_is_the_reason_why_it_proves_nothing(postgres, far):
    """A control: the bytes of an erased key are still in its files after the scrub. So it says no."""
    images = [kept(far)[0] for _ in range(200)]
    wrapped = [bytes(row[0]) for row in read(far, "SELECT wrapped FROM data_keys")]
    assert far.erase(images[:150]).scrubbed
    assert not far.overwrites
    live = {bytes(row[0]) for row in read(far, "SELECT wrapped FROM data_keys")}
    gone = [each for each in wrapped if each not in live]
    postgres.sql("CHECKPOINT", user="postgres", database="postgres")
    data = b"".join(p.read_bytes() for p in (postgres.folder / "data").rglob("*") if p.is_file())
    assert len(gone) >= 150
    assert sum(each in data for each in gone) > 0
