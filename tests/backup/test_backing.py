"""Backups: online, sealed to a key that isn't here, read back, and never half of one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from backup.conftest import NOW, Surgery
from safelight import storage, vault
from safelight.flows import backing, stores
from safelight.records.models import BackupRun, KeyBackupVerified, LedgerEntry
from safelight.storage import backups, pruning
from safelight.storage.backups import Kind, Lid


def everything(root: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file())


def keys_of(made: backups.Manifest, key: vault.BackupKey) -> dict[Lid, bytes]:
    lid = Lid.BACKUP_KEY
    return {lid: key.open(made.closed[lid], info=backups.key_info(made.id, lid))}


def test_a_backup_holds_the_records_as_they_were_and_every_picture(surgery: Surgery):
    photo = surgery.take()
    made = backing.back_up_records(surgery.to, now=NOW)
    into = surgery.root / "out"
    backups.unpack(
        surgery.to.sets, made, of=backing.RECORDS, keys=keys_of(made, surgery.key), into=into
    )
    assert str(photo.pk.hex).encode() in into.read_bytes()
    listed = backups.read_listing(surgery.to.sets, made)
    assert {photo.blob, f"{photo.capture_id}.thumb", f"{photo.capture_id}.view"} <= set(listed)
    assert surgery.to.blobs.get(photo.blob) == stores.blobs().get(photo.blob)
    run = BackupRun.objects.newest("records")
    assert run is not None
    assert (run.set_id, run.figures["blobs"]) == (made.id, len(listed))
    assert LedgerEntry.objects.filter(kind="backup.made").count() == 1


def test_a_second_backup_writes_only_the_new_pictures(surgery: Surgery):
    surgery.take()
    backing.back_up_records(surgery.to, now=NOW)
    surgery.take()
    backing.back_up_records(surgery.to, now=NOW + timedelta(days=1))
    first, second = BackupRun.objects.filter(kind="records").order_by("at")
    assert second.figures["new_blobs"] == first.figures["new_blobs"]
    assert second.figures["blobs"] == 2 * first.figures["blobs"]


def test_nothing_in_a_backup_can_be_read_by_who_has_it_and_the_server(surgery: Surgery):
    surgery.take()
    backing.back_up_records(surgery.to, now=NOW)
    backing.back_up_keys(surgery.keys_to, now=NOW)
    stolen = everything(surgery.root / "backups") + everything(surgery.root / "key-backups")
    for tell_tale in (surgery.patient.name, surgery.gp.email, surgery.consent.statement):
        assert tell_tale.encode() in surgery.place.records.read_bytes() + everything(
            surgery.place.home
        )
        assert tell_tale.encode() not in stolen
    assert b"SQLite format" not in stolen


def test_a_key_backup_is_opened_whole_before_it_is_put_on_record(surgery: Surgery):
    surgery.take()
    made = backing.back_up_keys(surgery.keys_to, now=NOW)
    noted = KeyBackupVerified.objects.get()
    assert noted.needs_version == stores.keys().oldest_version()
    assert noted.sha256 == backups.digest_of(surgery.keys_to.sets, made)
    run = BackupRun.objects.newest("keys")
    assert run is not None
    assert run.figures["data_keys"] == stores.keys().describe().data_keys


def test_a_key_backup_opens_with_neither_the_backup_key_nor_the_manager_alone(surgery: Surgery):
    made = backing.back_up_keys(surgery.keys_to, now=NOW)
    info = backups.key_info(made.id, Lid.BOTH)
    wrapped = surgery.key.open(made.closed[Lid.BOTH], info=info)
    into = surgery.root / "out"
    with pytest.raises((storage.BackupBroken, ValueError)):
        backups.unpack(
            surgery.keys_to.sets, made, of=backing.KEYS, keys={Lid.BOTH: wrapped}, into=into
        )
    manager = stores.keys().manager
    with pytest.raises((vault.VaultError, storage.KeyManagerError)):
        manager.unwrap(made.closed[Lid.BOTH], aad=backups.epoch_aad(made.id))
    assert len(manager.unwrap(wrapped, aad=backups.epoch_aad(made.id))) == vault.KEY_BYTES


def test_a_copy_of_the_keys_that_does_not_open_is_no_backup(surgery: Surgery):
    import sqlite3

    surgery.take()
    stores.close()
    with sqlite3.connect(surgery.place.keys) as db:
        db.execute("UPDATE data_keys SET wrapped = zeroblob(length(wrapped))")
    with pytest.raises(storage.KeyStoreError):
        backing.back_up_keys(surgery.keys_to, now=NOW)
    assert not KeyBackupVerified.objects.exists()
    failed = BackupRun.objects.newest_try("keys")
    assert failed is not None
    assert not failed.went_well


def test_without_a_backup_key_nothing_is_written(surgery: Surgery):
    (surgery.place.home / backing.PUBLIC_KEY).unlink()
    with pytest.raises(backing.NoBackupKey):
        backing.back_up_records(surgery.to, now=NOW)
    assert not backups.find(surgery.to.sets).sets


def test_there_is_one_backup_key_until_it_is_moved_away(surgery: Surgery):
    with pytest.raises(backing.BackupKeyThere):
        backing.make_key()
    assert backing.public_key() == surgery.key.public


def test_without_a_place_nothing_is_written():
    with pytest.raises(storage.NoPlace):
        backups.target("")


def test_other_bytes_under_a_pictures_name_are_said_and_not_written_over(surgery: Surgery):
    photo = surgery.take()
    surgery.to.blobs.put(photo.blob, b"something else")
    with pytest.raises(storage.BackupBroken):
        backing.back_up_records(surgery.to, now=NOW)
    assert surgery.to.blobs.get(photo.blob) == b"something else"
    assert not backups.find(surgery.to.sets).sets


def test_a_picture_erased_while_it_is_copied_is_left_out(surgery: Surgery, monkeypatch):
    photo = surgery.take()
    names = list(stores.blobs().names())
    stores.blobs().delete(photo.blob)
    monkeypatch.setattr(type(stores.blobs()), "names", lambda *_: iter(names))
    made = backing.back_up_records(surgery.to, now=NOW)
    monkeypatch.undo()
    assert photo.blob not in backups.read_listing(surgery.to.sets, made)


@pytest.mark.parametrize("part", ["part-0000", "blobs", "manifest"])
def test_an_altered_backup_is_found(surgery: Surgery, part: str):
    surgery.take()
    made = backing.back_up_records(surgery.to, now=NOW)
    path = surgery.root / "backups" / "sets" / made.id / part
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(storage.BackupBroken):
        backups.check_parts(surgery.to.sets, backups.read_manifest(surgery.to.sets, made.id))
    path.unlink()
    with pytest.raises(storage.BackupBroken):
        backups.check_parts(surgery.to.sets, backups.read_manifest(surgery.to.sets, made.id))


def test_old_sets_go_by_days_and_weeks_and_their_pictures_with_them(surgery: Surgery):
    photo = surgery.take()
    old = [backing.back_up_records(surgery.to, now=NOW + timedelta(days=day)) for day in range(17)]
    stores.blobs().delete(photo.blob)
    later = NOW + timedelta(days=18)
    new = backing.back_up_records(surgery.to, now=later)
    policy = pruning.Policy(days=3, weeks=2)
    everything_old = later + timedelta(days=400)
    gone = pruning.prune(surgery.to, policy=policy, now=everything_old)
    left = {each.id for each in backups.find(surgery.to.sets).sets}
    assert new.id in left
    assert len(left) == 4
    assert set(gone.sets) == {each.id for each in old} - left
    assert surgery.to.blobs.exists(photo.blob), "a kept set still lists it"
    gone = pruning.prune(surgery.to, policy=pruning.Policy(days=1, weeks=0), now=everything_old)
    assert not surgery.to.blobs.exists(photo.blob)
    assert gone.blobs == 1
    backups.check_parts(surgery.to.sets, new)


def test_sets_of_keys_go_after_some_days_but_the_newest_never(surgery: Surgery):
    for day in range(10):
        backing.back_up_keys(surgery.keys_to, now=NOW + timedelta(days=day))
    now = NOW + timedelta(days=9, hours=1)
    pruning.prune(surgery.keys_to, policy=pruning.Policy(), now=now)
    assert len(backups.find(surgery.keys_to.sets).sets) == 7
    pruning.prune(surgery.keys_to, policy=pruning.Policy(), now=now + timedelta(days=60))
    assert len(backups.find(surgery.keys_to.sets).sets) == 1


def test_what_an_interrupted_backup_left_counts_for_nothing_and_goes_later(surgery: Surgery):
    surgery.take()
    made = backing.back_up_records(surgery.to, now=NOW)
    surgery.to.sets.delete(f"{made.id}/manifest")
    assert not backups.find(surgery.to.sets).sets
    from django.utils import timezone

    soon = timezone.now()
    assert not pruning.prune(surgery.to, policy=pruning.Policy(), now=soon).unfinished
    gone = pruning.prune(surgery.to, policy=pruning.Policy(), now=soon + timedelta(days=3))
    assert gone.unfinished == (made.id,)
    assert not list(surgery.to.sets.names())


def test_a_set_that_was_altered_stays_and_so_does_every_picture(surgery: Surgery):
    photo = surgery.take()
    made = backing.back_up_records(surgery.to, now=NOW)
    path = surgery.root / "backups" / "sets" / made.id / "manifest"
    path.write_bytes(path.read_bytes().replace(b'"records"', b'"recordz"'))
    found = backups.find(surgery.to.sets)
    assert (found.sets, found.broken) == ((), (made.id,))
    pruning.prune(surgery.to, policy=pruning.Policy(), now=NOW + timedelta(days=900))
    assert surgery.to.blobs.exists(photo.blob)
    assert path.exists()


def test_only_one_backup_runs_at_a_time(surgery: Surgery):
    with backing._scratch(), pytest.raises(storage.scratch.Busy):
        backing.back_up_records(surgery.to, now=NOW)


def test_nothing_of_the_copy_is_left_on_the_server(surgery: Surgery):
    left = surgery.place.home / "scratch" / "left by one that was killed"
    left.parent.mkdir()
    (left.parent / "deeper").mkdir()
    left.write_bytes(b"Adult Made-Up")
    (left.parent / "deeper" / "file").write_bytes(b"x" * 3_000_000)
    backing.back_up_records(surgery.to, now=NOW)
    assert list(left.parent.iterdir()) == []


def test_a_large_database_is_sealed_in_parts(surgery: Surgery, monkeypatch):
    monkeypatch.setattr(backups, "PART_BYTES", 100_000)
    made = backing.back_up_records(surgery.to, now=NOW)
    assert len([part for part in made.parts if part.of == backing.RECORDS]) > 3
    into = surgery.root / "out"
    backups.unpack(
        surgery.to.sets, made, of=backing.RECORDS, keys=keys_of(made, surgery.key), into=into
    )
    storage.snapshot.check_sqlite(into)
    assert made.kind is Kind.RECORDS
