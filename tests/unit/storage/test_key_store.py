import errno
import os
import sqlite3
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import UUID, uuid4

import pytest

from safelight import ledger, vault
from safelight.storage import (
    Ballast,
    Destroyed,
    DiskFull,
    Erased,
    KeyGone,
    KeyManagerError,
    KeyStore,
    KeyStoreAway,
    KeyStoreError,
    KeyTaken,
    SealedFileManager,
    Tombstoned,
    Turn,
    VersionDestroyed,
    database,
    rotation,
)

TENANT, OTHER_TENANT, PATIENT, OTHER = (UUID(int=n) for n in range(1, 5))
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
DAY = timedelta(days=1)


def kept(store, *, tenant=TENANT, patient=PATIENT, version=1, image=None):
    image, key = image or uuid4(), vault.new_key()
    store.put(image, tenant=tenant, patient=patient, version=version, data_key=key)
    return image, key


def got(store, image, *, tenant=TENANT, patient=PATIENT, version=1):
    return store.get(image, tenant=tenant, patient=patient, version=version)


def test_a_key_comes_back_after_a_restart(tmp_path, store, manager):
    image, key = kept(store)
    store.close()
    again = KeyStore(tmp_path / "keys.db", manager)
    assert got(again, image) == key
    again.close()


def test_the_same_key_twice_is_kept_once_and_another_is_refused(store):
    image, key = kept(store)
    store.put(image, tenant=TENANT, patient=PATIENT, version=1, data_key=key)
    assert store.describe().data_keys == 1
    with pytest.raises(KeyTaken):
        kept(store, image=image)
    with pytest.raises(KeyTaken):
        store.put(image, tenant=TENANT, patient=OTHER, version=1, data_key=key)
    assert got(store, image) == key


def test_each_version_has_a_key_of_its_own(store):
    image, first = kept(store)
    _, second = kept(store, image=image, version=2)
    assert (got(store, image), got(store, image, version=2)) == (first, second)


@pytest.mark.parametrize(
    "other", [{"tenant": OTHER_TENANT}, {"patient": OTHER}, {"version": 2}], ids=str
)
def test_a_key_is_given_for_its_own_record_only(store, other):
    image, _ = kept(store)
    kept(store, patient=OTHER)
    kept(store, tenant=OTHER_TENANT)
    with pytest.raises(KeyGone):
        got(store, image, **other)


def test_a_picture_that_was_never_here_has_no_key(store):
    with pytest.raises(KeyGone):
        got(store, uuid4())


def test_what_is_erased_is_gone_and_stays_gone(tmp_path, store, manager):
    (image, _), (other, key) = kept(store), kept(store)
    kept(store, image=image, version=2)
    assert store.erase([image, image]) == Erased(ids=(image,), scrubbed=True)
    for version in (1, 2):
        with pytest.raises(KeyGone):
            got(store, image, version=version)
    with pytest.raises(Tombstoned):
        kept(store, image=image)
    with pytest.raises(Tombstoned):
        kept(store, image=image, version=3)
    assert (store.is_erased(image), store.is_erased(other)) == (True, False)
    assert got(store, other) == key
    assert list(store.tombstones()) == [image]
    assert list(store.images()) == [(other, 1)]
    store.close()
    again = KeyStore(tmp_path / "keys.db", manager)
    assert again.is_erased(image)
    again.close()


def test_erasing_what_is_not_here_keeps_it_out(store):
    image = uuid4()
    assert store.erase([image]).scrubbed
    assert store.erase([image]).scrubbed
    with pytest.raises(Tombstoned):
        kept(store, image=image)


def test_a_patients_last_picture_takes_the_patients_key_along(store):
    (image, _), (last, _) = kept(store), kept(store)
    store.erase([image])
    assert store.describe().patients == 1
    store.erase([last])
    assert store.describe().patients == 0


def raw(tmp_path):
    return sqlite3.connect(tmp_path / "keys.db", isolation_level=None)


def test_an_old_copy_of_a_wrapped_key_does_not_open_after_an_erasure(tmp_path, store):
    """The row from an old backup, put back beside today's patient key, stays shut (ADR-0006)."""
    (image, _), _ = kept(store), kept(store)
    db = raw(tmp_path)
    row = db.execute("SELECT * FROM data_keys WHERE image = ?", (image.bytes,)).fetchone()
    store.erase([image])
    db.execute("DELETE FROM tombstones")
    db.execute("INSERT INTO data_keys VALUES (?, ?, ?, ?, ?)", row)
    with pytest.raises(vault.SealBroken):
        got(store, image)


def test_wrapped_keys_in_each_others_place_never_open(tmp_path, store):
    """Each key in each other's row: another picture, version, patient, tenant."""
    image = uuid4()
    rows = [(image, {"version": v}) for v in (1, 2)]
    rows += [(uuid4(), {"version": 1}), (uuid4(), {"patient": OTHER, "version": 1})]
    rows += [(uuid4(), {"tenant": OTHER_TENANT, "version": 1})]
    for one, where in rows:
        kept(store, image=one, **where)
    db = raw(tmp_path)
    wrapped = dict(
        enumerate(
            db.execute(
                "SELECT wrapped FROM data_keys WHERE image = ? AND version = ?",
                (one.bytes, where["version"]),
            ).fetchone()[0]
            for one, where in rows
        )
    )
    put = "UPDATE data_keys SET wrapped = ? WHERE image = ? AND version = ?"
    for (a, (one, where)), (b, _) in permutations(enumerate(rows), 2):
        db.execute(put, (wrapped[b], one.bytes, where["version"]))
        with pytest.raises(vault.SealBroken):
            got(store, one, **where)
        db.execute(put, (wrapped[a], one.bytes, where["version"]))
        got(store, one, **where)


def test_a_row_written_over_to_another_patient_does_not_open(tmp_path, store):
    (image, _), _ = kept(store), kept(store, patient=OTHER)
    raw(tmp_path).execute(
        "UPDATE data_keys SET patient = ? WHERE image = ?", (OTHER.bytes, image.bytes)
    )
    with pytest.raises(vault.SealBroken):
        got(store, image, patient=OTHER)


@pytest.mark.parametrize("table", ["patient_keys", "tenant_keys"])
def test_keys_above_in_each_others_place_never_open(tmp_path, store, table):
    image, _ = kept(store)
    kept(store, tenant=OTHER_TENANT, patient=OTHER)
    db = raw(tmp_path)
    db.execute(
        f"UPDATE {table} SET wrapped = (SELECT wrapped FROM {table} WHERE tenant = ?)"
        " WHERE tenant = ?",
        (OTHER_TENANT.bytes, TENANT.bytes),
    )
    with pytest.raises(vault.SealBroken):
        got(store, image)


def test_a_patient_key_of_an_older_tenant_key_does_not_open(tmp_path, store):
    image, _ = kept(store)
    raw(tmp_path).execute("UPDATE patient_keys SET tenant_version = 9")
    with pytest.raises(vault.SealBroken):
        got(store, image)


def test_a_moved_picture_opens_for_the_new_patient_only(store):
    image, key = kept(store)
    _, second = kept(store, image=image, version=2)
    store.move(image, tenant=TENANT, from_patient=PATIENT, to_patient=OTHER)
    assert got(store, image, patient=OTHER) == key
    assert got(store, image, patient=OTHER, version=2) == second
    with pytest.raises(KeyGone):
        got(store, image)


def test_only_the_one_who_has_it_can_have_it_moved(store):
    image, key = kept(store)
    for missing, patient in ((image, OTHER), (uuid4(), PATIENT)):
        with pytest.raises(KeyGone):
            store.move(missing, tenant=TENANT, from_patient=patient, to_patient=UUID(int=9))
    assert got(store, image) == key
    assert store.describe().patients == 1


def test_a_reader_in_the_way_leaves_the_scrub_pending_and_said(tmp_path, store, monkeypatch):
    monkeypatch.setattr(database, "SCRUB_BUSY_MS", 50)
    image, _ = kept(store)
    reader = raw(tmp_path)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM data_keys").fetchone()
    assert store.erase([image]) == Erased(ids=(image,), scrubbed=False)
    assert store.is_scrub_pending()
    assert store.describe().scrub_pending
    with pytest.raises(KeyGone):
        got(store, image)
    assert not store.scrub()
    reader.execute("COMMIT")
    assert store.scrub()
    assert not store.is_scrub_pending()


def test_an_erasure_is_done_even_while_the_key_manager_is_away(
    tmp_path, store, manager, monkeypatch
):
    (image, _), (other, key) = kept(store), kept(store)

    def away(*_args, **_more):
        raise KeyManagerError("planted")

    with monkeypatch.context() as patch:
        patch.setattr(SealedFileManager, "unwrap", away)
        assert not store.erase([image]).scrubbed
        assert store.is_erased(image)
    assert store.scrub()
    assert got(store, other) == key


def test_one_patients_broken_key_keeps_no_other_waiting(tmp_path, store):
    (a, _), (b, _), (c, _) = kept(store), kept(store), kept(store, patient=OTHER)
    last, key = kept(store, patient=OTHER)
    raw(tmp_path).execute("UPDATE data_keys SET wrapped = x'00' WHERE image = ?", (b.bytes,))
    assert not store.erase([a, c]).scrubbed
    with pytest.raises(KeyGone):
        got(store, a)
    assert got(store, last, patient=OTHER) == key
    due = raw(tmp_path).execute("SELECT patient FROM scrubs_due").fetchall()
    assert due == [(PATIENT.bytes,)]


def test_a_lock_held_too_long_leaves_the_scrub_pending(tmp_path, store, monkeypatch):
    image, _ = kept(store)

    def busy(_self):
        raise KeyStoreAway("planted")

    with monkeypatch.context() as patch:
        patch.setattr(KeyStore, "_scrub", busy)
        assert not store.erase([image]).scrubbed
    assert store.scrub()


def test_the_checkpoint_of_a_locked_file_is_not_done(store, monkeypatch):
    class Locked:
        def execute(self, sql):
            if "wal_checkpoint" in sql:
                raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(store._database, "connection", Locked)
    assert not store._database.checkpoint()


def test_the_ingest_key_changes_weekly_and_lives_two_weeks_after_its_last_offer(store):
    first = store.ingest_current(NOW)
    assert first.expires_at == NOW + 14 * DAY
    again = store.ingest_current(NOW + 6 * DAY)
    assert (again.kid, again.expires_at) == (first.kid, NOW + 20 * DAY)
    second = store.ingest_current(NOW + 7 * DAY)
    assert second.kid != first.kid
    private = store.ingest_private(first.kid)
    assert private.public == first.public
    assert store.destroy_old_ingest(NOW + 20 * DAY) == 0
    assert store.destroy_old_ingest(NOW + 21 * DAY) == 1
    with pytest.raises(KeyGone):
        store.ingest_private(first.kid)
    assert store.ingest_private(second.kid).public == second.public
    assert not store.is_scrub_pending()


def test_each_suite_has_its_own_ingest_key(store):
    one, other = (store.ingest_current(NOW, suite=suite) for suite in vault.Suite)
    assert (len(one.public), len(other.public)) == (32, 65)
    assert store.ingest_current(NOW) == one
    shown = other.as_json()
    assert shown["suite"] == "p256-sha256-aes256gcm"
    assert set(shown) == {"kid", "suite", "public", "expires_at"}
    assert vault.kid_of(other.suite, other.public) == other.kid


def test_what_a_phone_closes_to_the_offer_opens_here(store):
    offer, key = store.ingest_current(NOW), vault.new_key()
    envelope = vault.close_envelope(offer.public, key, capture_id=uuid4(), sha256="0" * 64)
    assert vault.open_envelope(store.ingest_private(envelope.kid), envelope) == key


def test_the_ledgers_key_stays_the_same(tmp_path, store, manager):
    key = store.signing_key()
    assert ledger.SigningKey.from_bytes(key).public
    store.nightly.rotate(NOW)
    assert store.signing_key() == key
    assert key not in (tmp_path / "keys.db").read_bytes()


def test_every_night_a_new_key_and_after_a_week_the_old_one_is_destroyed(tmp_path, store, manager):
    image, key = kept(store)
    offer, signing = store.ingest_current(NOW), store.signing_key()
    old_tenant_key = raw(tmp_path).execute("SELECT wrapped FROM tenant_keys").fetchone()[0]
    destroyed = []
    for night in range(1, 15):
        at = NOW + night * DAY
        assert store.nightly.rotate(at) == night + 1
        destroyed.append(
            store.nightly.destroy_old(at, backup_needs=store.oldest_version()).versions
        )
        assert got(store, image) == key
        assert store.ingest_private(offer.kid).public == offer.public
        assert store.signing_key() == signing
    assert destroyed == [()] * 7 + [(night,) for night in range(1, 8)]
    assert manager.describe().versions == tuple(range(8, 16))
    with pytest.raises(VersionDestroyed):
        manager.unwrap(old_tenant_key, aad=b"")


def test_a_version_that_still_wraps_something_is_not_destroyed(tmp_path, store, manager):
    image, key = kept(store)
    manager.rotate()
    with raw(tmp_path) as db:
        db.execute("INSERT INTO manager_versions VALUES (2, ?)", (int(NOW.timestamp()),))
    assert store.nightly.destroy_old(NOW + 30 * DAY, backup_needs=9) == Destroyed((), ())
    assert got(store, image) == key


def test_nothing_is_destroyed_before_anything_was_rotated(store, manager):
    kept(store)
    assert store.nightly.destroy_old(NOW, backup_needs=9) == Destroyed((), ())
    assert manager.describe().versions == (1,)


def test_an_empty_store_rotates_and_destroys_too(store, manager):
    store.nightly.rotate(NOW)
    assert store.nightly.destroy_old(NOW + 8 * DAY, backup_needs=2) == Destroyed((1,), ())
    assert manager.describe().versions == (2,)


def test_the_oldest_version_that_is_needed_rises_with_each_rotation(store, manager):
    assert store.oldest_version() == manager.describe().current == 1
    kept(store)
    manager.rotate()
    assert store.oldest_version() == 1
    store.signing_key()
    assert store.oldest_version() == 1
    assert store.nightly.rotate(NOW) == store.oldest_version() == 3


def test_one_tenants_rotation_leaves_the_others_alone(store):
    (one, key), (other, other_key) = kept(store), kept(store, tenant=OTHER_TENANT)
    assert store.nightly.rotate_tenant_key(TENANT) == 2
    assert store.nightly.rotate_tenant_key(TENANT) == 3
    assert got(store, one) == key
    assert got(store, other, tenant=OTHER_TENANT) == other_key


def test_the_store_says_what_it_holds_and_names_nobody(store):
    kept(store)
    store.erase([uuid4()])
    state = store.describe()
    counts = (state.data_keys, state.patients, state.tenants, state.tombstones, state.ingest_keys)
    assert counts == (1, 1, 1, 1, 0)
    assert (state.scrub_pending, state.ballast, state.manager.kind) == (False, True, "sealed-file")
    assert str(PATIENT) not in repr(state)


def test_many_threads_keep_read_and_erase_at_once(store):
    failures = []

    def live():
        try:
            for n in range(8):
                image, key = kept(store, patient=UUID(int=100 + n % 3))
                where = {"patient": UUID(int=100 + n % 3)}
                assert got(store, image, **where) == key
                if n % 2:
                    store.erase([image])
                    with pytest.raises(KeyGone):
                        got(store, image, **where)
        except BaseException as error:  # noqa: BLE001 a thread's failure has to reach the test
            failures.append(error)

    threads = [threading.Thread(target=live) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (store.describe().data_keys, store.describe().tombstones) == (24, 24)
    assert store.scrub()


CHILD = """
import sys
from pathlib import Path
from uuid import UUID, uuid4
from safelight import vault
from safelight.storage import KeyStore, SealedFileManager
folder = Path(sys.argv[1])
store = KeyStore(folder / "keys.db", SealedFileManager.open(folder / "seal.json", "a passphrase"))
for _ in range(10):
    image, key = uuid4(), vault.new_key()
    where = {"tenant": UUID(int=1), "patient": UUID(int=3), "version": 1}
    store.put(image, data_key=key, **where)
    assert store.get(image, **where) == key
    if sys.argv[2] == "erase":
        store.erase([image])
"""


def test_processes_open_a_fresh_store_and_share_it(tmp_path, manager):
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    running = [subprocess.Popen([*command, what]) for what in ("keep", "erase", "keep")]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    store = KeyStore(tmp_path / "keys.db", manager)
    assert (store.describe().data_keys, store.describe().tombstones) == (20, 10)
    store.close()


COUNT = """
import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM data_keys").fetchone()[0])
"""


def counted(path):
    """How many keys another process finds. When it ends it closes the file, perhaps as the last."""
    told = subprocess.run(
        [sys.executable, "-c", COUNT, str(path)], check=True, capture_output=True, text=True
    )
    return int(told.stdout)


def test_what_is_kept_stays_where_a_store_was_opened_twice_in_a_process(tmp_path, store, manager):
    kept(store)
    again = KeyStore(tmp_path / "keys.db", manager)
    assert counted(tmp_path / "keys.db") == 1
    image, key = kept(store)
    assert counted(tmp_path / "keys.db") == 2
    assert got(again, image) == key
    again.close()


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
    assert store.erase([image]).scrubbed


def test_a_withdrawal_during_an_upload_wins(store):
    """Whichever comes first, the key is gone once both have answered."""
    for _ in range(20):
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


def test_only_the_owner_reads_the_files(tmp_path, store):
    kept(store)
    modes = {p.name: oct(p.stat().st_mode & 0o777) for p in tmp_path.iterdir() if "keys" in p.name}
    assert modes.pop("keys.db-shm", "0o600") == "0o600"
    assert set(modes.values()) == {"0o600"}


def test_a_store_from_the_future_is_not_opened(tmp_path, store, manager):
    raw(tmp_path).execute("PRAGMA user_version=99")
    with pytest.raises(KeyStoreError):
        KeyStore(tmp_path / "keys.db", manager)


def test_an_sqlite_that_cannot_overwrite_is_not_used(manager):
    """An in-memory database knows no write-ahead log, as a build without it would not."""
    with pytest.raises(KeyStoreError):
        database._connected(":memory:")


def test_a_full_disk_is_told_from_other_troubles(tmp_path, store, monkeypatch):
    image, _ = kept(store)
    pages = store._database.connection().execute("PRAGMA page_count").fetchone()[0]
    store._database.connection().execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(DiskFull):
        deque((kept(store) for _ in range(200)), maxlen=0)
    assert got(store, image)
    with pytest.raises(sqlite3.OperationalError), store._database.writing() as db:
        db.execute("SELECT nothing FROM nowhere")


def test_the_ballast_is_held_and_given(tmp_path):
    ballast = Ballast(tmp_path / "ballast", size=5000)
    assert not ballast.is_there()
    assert not ballast.release()
    assert ballast.restore()
    assert ballast.restore()
    assert (tmp_path / "ballast").stat().st_size == 5000
    assert ballast.release()
    assert not ballast.is_there()


def test_what_the_ballast_lent_is_held_again_and_a_part_stays_held_without_room(
    tmp_path, monkeypatch
):
    ballast = Ballast(tmp_path / "ballast", size=5000)
    assert not ballast.lend(1000)
    ballast.restore()
    assert ballast.lend(1000)
    assert not ballast.is_there()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_room)
        assert not ballast.restore()
    assert (tmp_path / "ballast").stat().st_size == 4000
    assert ballast.restore()


def no_room(_fd: int) -> None:
    raise OSError(errno.ENOSPC, "no room")


def test_ballast_that_finds_no_room_leaves_nothing(tmp_path, monkeypatch):
    def full(*_args):
        raise OSError(errno.ENOSPC, "planted")

    monkeypatch.setattr(os, "write", full)
    assert not Ballast(tmp_path / "ballast").restore()
    assert not (tmp_path / "ballast").exists()


def test_an_erasure_that_finds_no_room_takes_the_ballast(store, monkeypatch):
    image, _ = kept(store)
    bury = KeyStore._bury

    def full(self, ids):
        if self._ballast.is_there():
            raise DiskFull("planted")
        bury(self, ids)

    monkeypatch.setattr(KeyStore, "_bury", full)
    assert store.erase([image]).scrubbed
    assert store.is_erased(image)
    store.release_ballast()
    monkeypatch.setattr(Ballast, "is_there", lambda self: True)
    with pytest.raises(DiskFull):
        store.erase([uuid4()])


def test_a_picture_without_its_patients_key_has_none(tmp_path, store):
    image, _ = kept(store)
    raw(tmp_path).execute("DELETE FROM patient_keys")
    with pytest.raises(KeyGone):
        got(store, image)


def test_the_stores_ballast_can_be_given_for_the_records(store):
    assert store.release_ballast()
    assert not store.describe().ballast
    store.erase([])
    assert store.describe().ballast


def test_a_store_of_the_first_format_opens(tmp_path, manager):
    """As version 0.1 made it, with one key for each tenant."""
    store = KeyStore(tmp_path / "keys.db", manager)
    image, key = kept(store)
    store.close()
    with raw(tmp_path) as db:
        db.executescript(
            "ALTER TABLE tenant_keys RENAME TO newer;"
            "CREATE TABLE tenant_keys (tenant BLOB PRIMARY KEY, version INTEGER NOT NULL,"
            " wrapped BLOB NOT NULL, manager_version INTEGER NOT NULL);"
            "INSERT INTO tenant_keys SELECT * FROM newer; DROP TABLE newer; PRAGMA user_version=1"
        )
    db.close()
    again = KeyStore(tmp_path / "keys.db", manager)
    assert got(again, image) == key
    assert again.nightly.rotate(NOW) == 2
    assert got(again, image) == key
    again.close()


def test_a_rotation_goes_in_portions_and_on_where_it_stopped(store, monkeypatch):
    monkeypatch.setattr(rotation, "PORTION", 10)
    pictures = [(UUID(int=1000 + n), *kept(store, patient=UUID(int=1000 + n))) for n in range(35)]

    class Killed(Exception):
        pass

    def kill(done, total):
        assert total == 35
        if done == 20:
            raise Killed

    with pytest.raises(Killed):
        store.nightly.rotate(NOW, progress=kill)
    assert store.nightly.is_rotating()
    assert store.describe().left_behind == 15
    late, late_key = kept(store, patient=UUID(int=2000))
    for patient, image, key in pictures:
        assert got(store, image, patient=patient) == key
    assert store.oldest_version() == 1
    assert store.nightly.finish_rotation() == 15
    assert not store.nightly.is_rotating()
    assert store.describe().left_behind == 0
    assert store.oldest_version() == 2
    for patient, image, key in [*pictures, (UUID(int=2000), late, late_key)]:
        assert got(store, image, patient=patient) == key


def test_a_patients_key_that_does_not_open_keeps_no_other_from_being_renewed(tmp_path, store):
    (one, _), (other, key) = kept(store), kept(store, patient=OTHER)
    raw(tmp_path).execute(
        "UPDATE patient_keys SET wrapped = x'00' WHERE patient = ?", (PATIENT.bytes,)
    )
    store.nightly.rotate(NOW)
    assert got(store, other, patient=OTHER) == key
    assert store.describe().left_behind == 1
    assert store.oldest_version() == 1
    with pytest.raises(vault.SealBroken):
        got(store, one)


def test_an_old_version_waits_for_a_backup_that_does_without_it(store):
    kept(store)
    for night in range(10):
        store.nightly.rotate(NOW + night * DAY)
    at = NOW + 10 * DAY
    assert store.nightly.destroy_old(at, backup_needs=None) == Destroyed((), (1, 2, 3, 4))
    assert store.nightly.destroy_old(at, backup_needs=1) == Destroyed((), (1, 2, 3, 4))
    assert store.nightly.destroy_old(at, backup_needs=3) == Destroyed((1, 2), (3, 4))
    assert store.nightly.destroy_old(at, backup_needs=99) == Destroyed((3, 4), ())
    assert [each.number for each in store.describe().versions] == list(range(5, 12))


def test_versions_have_an_age_and_one_that_nobody_noted_counts_from_now(store, manager):
    store.nightly.rotate(NOW)
    manager.rotate()
    store.nightly.destroy_old(NOW + DAY, backup_needs=None)
    first, second, third = store.describe().versions
    assert (first.made_at, first.replaced_at, first.wraps) == (None, NOW, 0)
    assert (second.made_at, second.replaced_at) == (NOW, NOW + DAY)
    assert (third.made_at, third.replaced_at) == (NOW + DAY, None)


def test_a_turn_is_one_callers_and_comes_again_when_it_failed(store):
    minute = timedelta(minutes=1)
    assert store.nightly.claim_turn(NOW) is None
    assert store.nightly.claim_turn(NOW + DAY - minute) is None
    assert store.nightly.claim_turn(NOW + DAY) is Turn.ROTATE
    assert store.nightly.claim_turn(NOW + DAY + 9 * minute) is None
    assert store.nightly.claim_turn(NOW + DAY + 10 * minute) is Turn.ROTATE
    store.nightly.rotate(NOW + DAY + 10 * minute)
    assert store.nightly.claim_turn(NOW + DAY + 30 * minute) is None
    assert store.nightly.claim_turn(NOW - DAY) is Turn.ROTATE
