"""Records on PostgreSQL: one snapshot while others write, all or nothing on the way back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from backup.conftest import NOW, Surgery
from factories import patient, practice, staff
from flows.conftest import CHEAP, PASSPHRASE, agree
from installing import here
from safelight import storage
from safelight.flows import backing, drilling, records_copy, restoring, withdraw, witnessing
from safelight.policy.roles import Role
from safelight.records import log
from safelight.records.models import LedgerEntry, Photo
from safelight.storage import backups, pg_dump
from safelight.terms import Purpose
from safelight.web import config
from safelight.web.config import Config


def database_of(url: str) -> dict[str, Any]:
    return config.databases(Config(database_url=url))["default"]


@pytest.fixture
def surgery(tmp_path: Path, postgres, django_db_blocker) -> Iterator[Surgery]:
    with django_db_blocker.unblock():
        home = tmp_path / "home"
        (home / "keys").mkdir(parents=True)
        storage.SealedFileManager.create(home / "keys" / "seal.json", PASSPHRASE, cost=CHEAP)
        with here(home, database=database_of(postgres.database())) as place:
            call_command("migrate", verbosity=0)
            made = practice(name="Lamplight Surgery")
            gp = staff(Role.GP, practice=made)
            adult = patient(practice=made)
            consent, secret = agree(adult, gp, Purpose.CARE, now=NOW)
            key = backing.make_key()
            yield Surgery(tmp_path, place, key, made, gp, gp, adult, consent, secret)


def restored(surgery: Surgery, url: str, name: str = "other") -> restoring.Restore:
    (surgery.root / name / "keys").mkdir(parents=True, exist_ok=True)
    restore = restoring.Restore(key=surgery.key, now=NOW)
    restore.bring_back(surgery.to, keys=surgery.keys_to)
    return restore


def test_it_comes_back_with_what_was_taken_back_since(surgery: Surgery, postgres):
    kept, gone = surgery.take(), surgery.take()
    made = backing.back_up_records(surgery.to, now=NOW)
    assert made.database == "postgresql"
    backing.back_up_keys(surgery.keys_to, now=NOW)
    withdraw.withdraw_picture(gone, purposes=[Purpose.CARE], by=surgery.gp, now=NOW)
    (surgery.root / "witness").mkdir()
    witnessing.tell(str(surgery.root / "witness"), now=NOW)
    database = database_of(postgres.database())
    with here(surgery.root / "other", database=database):
        for _ in range(2):  # a second time, as after an interruption
            restore = restored(surgery, "url")
        restore.catch_up(witnessing.witness(str(surgery.root / "witness")))
        found = drilling.open_all()
        assert (found.pictures, found.failed, found.erased_that_open) == (1, (), ())
        assert Photo.objects.get(pk=gone.pk).state == Photo.State.ERASED
        assert Photo.objects.get(pk=kept.pk).state == Photo.State.KEPT
        with pytest.raises(restoring.NotEmpty):
            restored(surgery, "url")


def test_a_copy_is_of_one_moment_while_others_write(surgery: Surgery):
    """The ledger in the copy is whole, although entries arrive all the time."""
    ended = threading.Event()
    told = dict(connection.settings_dict)

    def write() -> None:
        from django.db import connections, transaction
        from django.db.backends.postgresql.base import DatabaseWrapper

        connections["default"] = DatabaseWrapper(told, alias="default")
        while not ended.is_set():
            with transaction.atomic():
                log.append(
                    "mail.given-up",
                    practice=surgery.practice,
                    subject=surgery.practice.pk,
                    by="system",
                    at=NOW,
                )
        connections["default"].close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [backing.back_up_records(surgery.to, now=NOW) for _ in range(2)]
    finally:
        ended.set()
        writer.join()
    assert made[0].ledger.size < made[1].ledger.size <= LedgerEntry.objects.count()


def test_a_copy_of_another_database_is_refused(surgery: Surgery, tmp_path: Path):
    with pytest.raises(records_copy.AnotherDatabase):
        records_copy.put_back(tmp_path / "copy", database="sqlite")


def test_what_is_no_dump_is_not_put_back(surgery: Surgery, tmp_path: Path):
    (tmp_path / "dump").write_bytes(b"nothing of the kind")
    with pytest.raises(storage.BackupBroken):
        records_copy.put_back(tmp_path / "dump", database="postgresql")


def test_without_the_tools_it_is_said(surgery: Surgery, monkeypatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pg_dump.NoTools):
        backing.back_up_records(surgery.to, now=NOW)
    with pytest.raises(pg_dump.NoTools):
        pg_dump.put_back(connection.settings_dict, tmp_path / "x")
    for said, error in (
        ("pg_dump: error: aborting because of server version mismatch", pg_dump.NoTools),
        ("could not write: No space left on device", storage.DiskFull),
        ("something with a name in it", storage.StorageError),
    ):
        tool = tmp_path / "pg_dump"
        tool.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
        tool.chmod(0o755)
        with pytest.raises(error) as raised:
            backing.back_up_records(surgery.to, now=NOW)
        assert "name" not in str(raised.value)
    assert not backups.find(surgery.to.sets).sets


def test_the_password_is_in_no_argument():
    told = database_of("postgresql://me:secret@db.example:5433/records?sslmode=verify-full")
    found = pg_dump._environment(told)
    assert (found["PGPASSWORD"], found["PGHOST"], found["PGPORT"]) == (
        "secret",
        "db.example",
        "5433",
    )
    assert found["PGSSLMODE"] == "verify-full"
