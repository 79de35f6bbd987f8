"""How backups stand, for the governance page and the doctor."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings

from backup.conftest import NOW, Surgery
from clients import signed_in
from safelight.flows import backing, backup_watch, drilling, witnessing
from safelight.records.models import BackupRun, KeyBackupVerified, Practice

LATER = NOW + timedelta(hours=1)


def told(*, now=LATER) -> dict[str, backup_watch.Standing]:
    return {each.what: each for each in backup_watch.standings(now=now)}


@pytest.fixture
def witnessed(surgery: Surgery, monkeypatch):
    folder = surgery.root / "witness"
    folder.mkdir()
    given = replace(settings.CONFIG, witness_to=str(folder))
    monkeypatch.setattr(settings, "CONFIG", given)
    return folder


def test_a_practice_that_was_just_opened_is_not_late_with_anything(surgery: Surgery):
    assert not any(each.is_late for each in told().values())
    assert all(each.last_at is None for each in told().values())


def test_after_some_days_without_any_everything_is_late(surgery: Surgery):
    late = [each for each in told(now=NOW + timedelta(days=200)).values() if each.is_late]
    assert len(late) == 4
    late = [each for each in told(now=NOW + timedelta(days=5)).values() if each.is_late]
    assert len(late) == 3, "a drill is due each quarter"


def test_what_was_done_in_time_is_not_late(surgery: Surgery, witnessed):
    backing.back_up_records(surgery.to, now=NOW)
    backing.back_up_keys(surgery.keys_to, now=NOW)
    drilling.note_drill({"seconds": 3}, went_well=True, set_id="x", now=NOW)
    witnessing.tell(str(witnessed), now=NOW)
    found = told()
    assert not any(each.is_late for each in found.values())
    assert {each.last_at for each in found.values()} == {NOW}
    assert found["Drill"].text == "It took 3 s."
    much_later = told(now=NOW + timedelta(days=101))
    assert much_later["Drill"].is_late
    assert much_later["Records and pictures"].is_late
    assert not much_later["Told to the witness"].is_late, "nothing was added since"


def test_a_witness_that_is_not_told_is_late(surgery: Surgery, witnessed):
    Practice.objects.update(created_at=NOW - timedelta(days=9))
    assert told()["Told to the witness"].is_late
    witnessing.tell(str(witnessed), now=NOW)
    surgery.take()
    assert not told(now=NOW + timedelta(hours=2))["Told to the witness"].is_late
    assert told(now=NOW + timedelta(hours=4))["Told to the witness"].is_late


def test_a_witness_that_cannot_be_reached_is_said(surgery: Surgery, witnessed):
    witnessed.rmdir()
    found = told()["Told to the witness"]
    assert found.is_late
    assert "can’t be reached" in found.text


def test_one_that_failed_is_late_whatever_was_done_before(surgery: Surgery):
    backing.back_up_records(surgery.to, now=NOW)
    (surgery.place.home / backing.PUBLIC_KEY).write_text("nonsense")
    assert not backup_watch.has_key()
    backing.note_run(
        BackupRun.Kind.RECORDS, now=LATER, went_well=False, figures={"failed": "DiskFull"}
    )
    found = told()["Records and pictures"]
    assert (found.is_late, found.last_at) == (True, NOW)
    assert "DiskFull" in found.text
    (surgery.place.home / backing.PUBLIC_KEY).unlink()
    assert not backup_watch.has_key()


def test_there_is_a_backup_key_from_when_it_was_made(surgery: Surgery):
    assert backup_watch.has_key()
    (surgery.place.home / backing.PUBLIC_KEY).unlink()
    assert not backup_watch.has_key()
    backing.make_key()
    assert backup_watch.has_key()


def test_the_governance_page_shows_what_is_overdue(surgery: Surgery):
    backing.back_up_keys(surgery.keys_to, now=NOW)
    assert KeyBackupVerified.objects.count() == 1
    Practice.objects.update(created_at=NOW - timedelta(days=400))
    page = signed_in(surgery.lead).get("/governance/").content.decode()
    assert "Backups" in page
    assert "Overdue" in page
    assert "safelight restore --drill" in page
