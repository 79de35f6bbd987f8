"""What was erased is in no file of the key store any more, under any of the names it had."""

import os
import random
import sqlite3
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from safelight import vault
from safelight.storage import KeyStore, database

TENANT = UUID(int=1)
PATIENTS = [UUID(int=100 + n) for n in range(25)]
ERASED = int(os.environ.get("TEST_RESIDUE", "300")) // 6 * 6
KEPT = 200


def every_wrapped_key(folder):
    return wrapped_in(folder, "data_keys") | wrapped_in(folder, "patient_keys")


def wrapped_in(folder, table):
    db = sqlite3.connect(folder / "keys.db")
    try:
        return {row[0] for row in db.execute(f"SELECT wrapped FROM {table}")}
    finally:
        db.close()


def found_in_files(folder, needles):
    """Count the wrapped keys of which any third is in any file of the key store, wherever in it."""
    thirds = {}
    for needle in needles:
        for at in (1, 20, 40):
            thirds.setdefault(needle[at : at + 16], set()).add(needle)
    found = set()
    for path in folder.iterdir():
        if path.name.startswith("keys.db"):
            data = path.read_bytes()
            for at in range(len(data) - 15):
                found |= thirds.get(data[at : at + 16], set())
    return len(found)


def erase_many(folder, store):
    """Keep keys of 25 patients, erase most in portions; return every wrapped key there ever was."""
    dice = random.Random(7)
    ids = [uuid4() for _ in range(ERASED + KEPT)]
    for image in ids:
        where = {"patient": dice.choice(PATIENTS), "version": 1}
        store.put(image, tenant=TENANT, data_key=vault.new_key(), **where)
    ever = every_wrapped_key(folder)
    dice.shuffle(ids)
    for at in range(0, ERASED, ERASED // 6):
        assert store.erase(ids[at : at + ERASED // 6]).scrubbed
        ever |= every_wrapped_key(folder)
    return ever


def test_no_erased_key_is_left_in_any_file(tmp_path, store):
    """With TEST_RESIDUE=10000, as `./run campaign residue --long` has it, ten thousand are erased."""
    ever = erase_many(tmp_path, store)
    live = every_wrapped_key(tmp_path)
    gone = ever - live
    assert len(gone) > ERASED
    assert found_in_files(tmp_path, gone) == 0
    assert found_in_files(tmp_path, live) == len(live) == KEPT + len(PATIENTS)


def test_no_replaced_key_is_left_in_any_file_after_a_night(tmp_path, store):
    """A rotation rewraps every patient's key; what it replaced is overwritten as well."""
    for patient in PATIENTS:
        store.put(uuid4(), tenant=TENANT, patient=patient, version=1, data_key=vault.new_key())
    old = wrapped_in(tmp_path, "patient_keys") | wrapped_in(tmp_path, "tenant_keys")
    store.nightly.rotate(datetime(2026, 11, 22, 3, tzinfo=UTC))
    assert found_in_files(tmp_path, old) == 0
    assert len(old) == len(PATIENTS) + 1


def test_the_same_search_finds_what_plain_deleting_leaves(tmp_path, manager, monkeypatch):
    """Negative control: without secure_delete the search must find erased keys."""
    connected = database._connected

    def careless(path):
        connection = connected(path)
        connection.execute("PRAGMA secure_delete=OFF").fetchone()
        return connection

    monkeypatch.setattr(database, "_connected", careless)
    store = KeyStore(tmp_path / "keys.db", manager)
    gone = erase_many(tmp_path, store) - every_wrapped_key(tmp_path)
    assert found_in_files(tmp_path, gone) > 0
    store.close()


def test_the_same_search_finds_what_the_log_keeps(tmp_path, store, monkeypatch):
    """Negative control: without the checkpoint the write-ahead log keeps erased keys."""
    monkeypatch.setattr(database.KeyDatabase, "checkpoint", lambda self: True)
    gone = erase_many(tmp_path, store) - every_wrapped_key(tmp_path)
    assert found_in_files(tmp_path, gone) > 0


def test_a_replaced_tenant_key_is_left_nowhere(tmp_path, store):
    store.put(uuid4(), tenant=TENANT, patient=PATIENTS[0], version=1, data_key=vault.new_key())
    old = wrapped_in(tmp_path, "tenant_keys") | wrapped_in(tmp_path, "patient_keys")
    store.nightly.rotate_tenant_key(TENANT)
    assert found_in_files(tmp_path, old) == 0


@pytest.mark.parametrize("pending", [True, False])
def test_a_scrub_left_over_is_known_after_a_restart(tmp_path, manager, monkeypatch, pending):
    store = KeyStore(tmp_path / "keys.db", manager)
    image = uuid4()
    store.put(image, tenant=TENANT, patient=PATIENTS[0], version=1, data_key=vault.new_key())
    with monkeypatch.context() as patch:
        if pending:
            patch.setattr(KeyStore, "scrub", lambda self: False)
        store.erase([image])
    store.close()
    again = KeyStore(tmp_path / "keys.db", manager)
    assert again.is_scrub_pending() == pending
    assert again.scrub()
    again.close()
