"""Backup sets: what is no manifest, what was signed by somebody else, what a folder can't hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from safelight import ledger, vault
from safelight.storage import BackupBroken, DiskStore, KeyStoreError, backups, snapshot
from safelight.storage.backups import Kind, LedgerThen, Lid
from safelight.storage.scratch import scratch

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SIGNS = ledger.SigningKey.generate()


def written(root: Path, *, key: bytes, signs: ledger.SigningKey = SIGNS) -> backups.Manifest:
    keeper = DiskStore(root)
    (root.parent / "file").write_bytes(b"content" * 1000)
    writer = backups.SetWriter(keeper, Kind.KEYS, now=NOW)
    writer.add(root.parent / "file", of="keys", lid=Lid.BACKUP_KEY, key=key)
    return writer.finish(
        sign=signs.sign,
        then=LedgerThen("origin", SIGNS.public, 3, b"r" * 32),
        kid="k" * 16,
        closed={Lid.BACKUP_KEY: b"closed"},
        program="0",
        database="sqlite",
    )


def test_what_was_written_is_read_the_same(tmp_path):
    made = written(tmp_path / "sets", key=vault.new_key())
    assert backups.read_manifest(DiskStore(tmp_path / "sets"), made.id) == made
    assert backups.read_listing(DiskStore(tmp_path / "sets"), made) == {}


def test_a_set_that_another_key_signed_is_none(tmp_path):
    made = written(tmp_path / "sets", key=vault.new_key(), signs=ledger.SigningKey.generate())
    found = backups.find(DiskStore(tmp_path / "sets"))
    assert (found.sets, found.broken) == ((), (made.id,))
    assert found.newest(Kind.KEYS) is None


def test_a_set_under_anothers_name_is_none(tmp_path):
    made = written(tmp_path / "sets", key=vault.new_key())
    (tmp_path / "sets" / made.id).rename(tmp_path / "sets" / "keys-of-today")
    assert backups.find(DiskStore(tmp_path / "sets")).broken == ("keys-of-today",)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]\n", b"{}\n", b'{"format":"safelight-backup-v1"}\nAAAA\n', b"\xff\xfe\n\n"],
)
def test_anything_else_is_no_manifest(tmp_path, data: bytes):
    keeper = DiskStore(tmp_path / "sets")
    keeper.put("a-set/manifest", data)
    with pytest.raises(BackupBroken):
        backups.read_manifest(keeper, "a-set")


@pytest.mark.parametrize("name", ["id", "kind", "made_at", "closed", "ledger", "parts", "suite"])
def test_a_manifest_with_a_field_gone_or_of_another_kind_is_none(tmp_path, name: str):
    told = written(tmp_path / "sets", key=vault.new_key()).to_json()
    for changed in ({k: v for k, v in told.items() if k != name}, told | {name: 7}):
        if name == "id" and "id" in changed:
            continue
        with pytest.raises(BackupBroken):
            backups.Manifest.from_json(json.loads(json.dumps(changed)))


def test_another_key_opens_no_part(tmp_path):
    made = written(tmp_path / "sets", key=vault.new_key())
    with pytest.raises(BackupBroken):
        backups.unpack(
            DiskStore(tmp_path / "sets"),
            made,
            of="keys",
            keys={Lid.BACKUP_KEY: vault.new_key()},
            into=tmp_path / "out",
        )


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100])
def test_what_is_no_key_store_does_not_open(tmp_path, manager, content: bytes):
    (tmp_path / "keys").write_bytes(content)
    with pytest.raises(KeyStoreError):
        snapshot.open_every_key(tmp_path / "keys", manager)


def test_a_key_that_hangs_under_none_is_found(tmp_path, store, manager):
    import sqlite3
    from uuid import uuid4

    store.put(uuid4(), tenant=uuid4(), patient=uuid4(), version=1, data_key=vault.new_key())
    store.copy_to(tmp_path / "copy")
    seen = snapshot.open_every_key(tmp_path / "copy", manager)
    assert (seen.data_keys, seen.patients, seen.tenants) == (1, 1, 1)
    with sqlite3.connect(tmp_path / "copy") as db:
        db.execute("DELETE FROM patient_keys")
    with pytest.raises(KeyStoreError):
        snapshot.open_every_key(tmp_path / "copy", manager)


def test_a_row_that_points_nowhere_makes_no_whole_database(tmp_path):
    import sqlite3

    with sqlite3.connect(tmp_path / "db") as db:
        db.executescript(
            "CREATE TABLE a (id INTEGER PRIMARY KEY);"
            "CREATE TABLE b (a INTEGER REFERENCES a (id)); INSERT INTO b VALUES (7);"
        )
    with pytest.raises(BackupBroken):
        snapshot.check_sqlite(tmp_path / "db")


def test_a_name_given_again_is_the_new_files(tmp_path):
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "old").write_bytes(b"old")
    snapshot.move_into_place(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old").read_bytes() == b"new"


def test_a_scratch_place_is_written_over_before_it_goes(tmp_path):
    with scratch(tmp_path / "scratch") as folder:
        (folder / "file").write_bytes(b"a name" * 500_000)
        also = tmp_path / "also"
        also.hardlink_to(folder / "file")
    assert also.read_bytes() == bytes(3_000_000)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_copy_of_the_first_shape_fills_a_store_of_today(tmp_path, store, manager):
    import sqlite3
    from uuid import uuid4

    from safelight.storage import KeysThere, KeyStore

    ids = {"tenant": uuid4(), "patient": uuid4(), "version": 1}
    image, key = uuid4(), vault.new_key()
    store.put(image, data_key=key, **ids)
    store.copy_to(tmp_path / "copy")
    with sqlite3.connect(tmp_path / "copy") as db:
        db.executescript(
            "CREATE TABLE first (tenant BLOB PRIMARY KEY, version INTEGER NOT NULL,"
            " wrapped BLOB NOT NULL, manager_version INTEGER NOT NULL);"
            "INSERT INTO first SELECT * FROM tenant_keys; DROP TABLE tenant_keys;"
            "ALTER TABLE first RENAME TO tenant_keys; PRAGMA user_version=1;"
        )
    assert snapshot.open_every_key(tmp_path / "copy", manager).data_keys == 1
    with pytest.raises(KeysThere):
        store.take_in(tmp_path / "copy")
    store.take_in(tmp_path / "copy", over=True)
    again = KeyStore(tmp_path / "again.db", manager)
    again.take_in(tmp_path / "copy")
    assert again.get(image, **ids) == store.get(image, **ids) == key
    again.close()
