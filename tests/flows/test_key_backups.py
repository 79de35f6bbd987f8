"""A verified backup of the key store is on record, and the newest one counts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from factories import NOW, practice
from safelight.flows import key_backups
from safelight.records.models import KeyBackupVerified, LedgerEntry

HOUR = timedelta(hours=1)
SHA256 = "ab" * 32


def noted(*, made_at=NOW - HOUR, needs_version=4, now=NOW):
    return key_backups.note_verified(
        made_at=made_at, needs_version=needs_version, sha256=SHA256, now=now
    )


def test_without_a_verified_backup_nothing_is_known_to_be_needed():
    assert key_backups.first_needed() is None
    assert KeyBackupVerified.objects.newest() is None


def test_the_backup_that_was_made_last_counts_whenever_it_was_verified():
    noted(made_at=NOW - HOUR, needs_version=9)
    noted(made_at=NOW - 30 * HOUR, needs_version=8, now=NOW + HOUR)
    assert key_backups.first_needed() == 9
    assert KeyBackupVerified.objects.newest(before=NOW - 2 * HOUR).needs_version == 8
    assert KeyBackupVerified.objects.newest(before=NOW - 50 * HOUR) is None


def test_every_practice_finds_it_in_the_ledger():
    one, other = practice(), practice()
    backup = noted()
    entries = LedgerEntry.objects.filter(kind="keys.backup-verified")
    assert {entry.practice_id for entry in entries} == {one.pk, other.pk}
    assert all(str(backup.pk).encode() in bytes(entry.body) for entry in entries)
    assert str(backup) == f"Key backup {backup.pk}"


def test_a_backup_from_the_future_is_not_believed():
    with pytest.raises(key_backups.BackupFromTheFuture):
        noted(made_at=NOW + HOUR)
    with pytest.raises(IntegrityError), transaction.atomic():
        KeyBackupVerified.objects.create(
            made_at=NOW + HOUR, verified_at=NOW, needs_version=1, sha256=SHA256
        )
    assert not KeyBackupVerified.objects.exists()
