"""Backups in an S3 store: written, listed, pruned and brought back, on a real one."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from backup.conftest import NOW, Surgery
from backup.test_nothing_comes_back import seal_pictures
from installing import here
from safelight import storage
from safelight.flows import backing, drilling, restoring, witnessing
from safelight.storage import backups, pruning
from servers.http_faults import Fault, between
from servers.seaweed import Seaweed
from web.test_commands import safelight

WEEKS = timedelta(weeks=20)


@pytest.fixture
def away(seaweed: Seaweed, monkeypatch) -> tuple[str, str]:
    """Two buckets, and the variables by which they are reached."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", seaweed.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweed.secret_key)
    return f"s3://{seaweed.bucket()}/surgery", f"s3://{seaweed.bucket()}"


def back_up(surgery: Surgery, away: tuple[str, str]) -> backups.Manifest:
    (surgery.root / "witness").mkdir(exist_ok=True)
    made = backing.back_up_records(backups.target(away[0]), now=NOW)
    backing.back_up_keys(backups.target(away[1]), now=NOW)
    witnessing.tell(str(surgery.root / "witness"), now=NOW)
    return made


def test_everything_comes_back_from_there(surgery: Surgery, away: tuple[str, str]):
    surgery.photos = seal_pictures(surgery, 5)
    made = back_up(surgery, away)
    (surgery.root / "other" / "keys").mkdir(parents=True)
    with here(surgery.root / "other"):
        restore = restoring.Restore(key=surgery.key, now=NOW)
        restore.bring_back(backups.target(away[0]), keys=backups.target(away[1]))
        restore.catch_up(witnessing.witness(str(surgery.root / "witness")))
        found = drilling.open_all()
        assert (found.pictures, found.failed) == (5, ())
        assert restore.report.records_set == made.id


def test_a_second_night_writes_only_what_is_new_and_old_sets_go(
    surgery: Surgery, away: tuple[str, str]
):
    seal_pictures(surgery, 2)
    back_up(surgery, away)
    seal_pictures(surgery, 1)
    to = backups.target(away[0])
    later = backing.back_up_records(to, now=NOW + WEEKS)
    assert len(backups.read_listing(to.sets, later)) == 9
    gone = pruning.prune(to, policy=pruning.Policy(days=1, weeks=1), now=NOW + WEEKS)
    assert len(gone.sets) == 1
    assert [each.id for each in backups.find(to.sets).sets] == [later.id]


def test_what_was_altered_there_is_found(surgery: Surgery, away: tuple[str, str], seaweed: Seaweed):
    seal_pictures(surgery, 1)
    made = back_up(surgery, away)
    bucket = away[0].removeprefix("s3://").split("/")[0]
    part = f"surgery/sets/{made.id}/{made.parts[0].name}"
    seaweed.client().put_object(Bucket=bucket, Key=part, Body=b"something else")
    with pytest.raises(storage.BackupBroken):
        backups.check_parts(backups.target(away[0]).sets, made)


@pytest.mark.parametrize("fault", [Fault.LOST_REPLY, Fault.UNAVAILABLE, Fault.CUT_REQUEST])
def test_a_store_that_stumbles_is_asked_again(
    surgery: Surgery, away: tuple[str, str], seaweed: Seaweed, monkeypatch, fault: Fault
):
    seal_pictures(surgery, 2)
    with between(seaweed.port) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
        proxy.fail(fault, method="PUT", times=2)
        to = backups.target(away[0])
        made = backing.back_up_records(to, now=NOW)
        backups.check_parts(to.sets, made)
        proxy.fail(Fault.AWAY)
        with pytest.raises(storage.StoreUnreachable):
            backing.back_up_records(to, now=NOW + WEEKS)
        proxy.recover()
        assert [each.id for each in backups.find(to.sets).sets] == [made.id], (
            "half of one never counts"
        )


def test_an_address_without_a_bucket_is_no_place():
    with pytest.raises(storage.NoPlace):
        backups.target("s3://")


def test_it_is_listed_from_anywhere_by_its_address(
    surgery: Surgery, away: tuple[str, str], tmp_path: Path
):
    made = back_up(surgery, away)
    told = safelight("backup", "list", "--to", away[0], "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["id"] == made.id
