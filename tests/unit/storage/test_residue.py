"""What was erased is in no file of the key store any more, under any of the names it had."""

import random
import sqlite3
from uuid import UUID, uuid4

import pytest

from safelight import vault
from safelight.storage import KeyStore, database

TENANT = UUID(int=1)
PATIENTS = [UUID(int=100 + n) for n in range(25)]


def every_wrapped_key(folder):
    return wrapped_in(folder, "data_keys") | wrapped_in(folder, "patient_keys")


def wrapped_in(folder, table):
    db = sqlite3.connect(folder / "keys.db")
    try:
        return {row[0] for row in db.execute(f"SELECT wrapped FROM {table}")}
    finally:
        db.close()


def found_in_files(folder, needles):
    data = b"".join(p.read_bytes() for p in folder.iterdir() if p.name.startswith("keys.db"))
    return sum(needle in data for needle in needles)


def erase_many(folder, store):
    """Keep 500 keys of 25 patients, erase 300 in portions; return every wrapped key there ever was."""
    dice = random.Random(7)
    ids = [uuid4() for _ in range(500)]
    for image in ids:
        where = {"patient": dice.choice(PATIENTS), "version": 1}
        store.put(image, tenant=TENANT, data_key=vault.new_key(), **where)
    ever = every_wrapped_key(folder)
    dice.shuffle(ids)
    for at in range(0, 300, 50):
        assert store.erase(ids[at : at + 50]).scrubbed
        ever |= every_wrapped_key(folder)
    return ever


def test_no_erased_key_is_left_in_any_file(tmp_path, store):
    ever = erase_many(tmp_path, store)
    live = every_wrapped_key(tmp_path)
    gone = ever - live
    assert len(gone) > 1000
    assert found_in_files(tmp_path, gone) == 0
    assert found_in_files(tmp_path, live) == len(live) == 200 + len(PATIENTS)


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
    store.rotate_tenant_key(TENANT)
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
