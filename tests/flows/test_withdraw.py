"""Taking it back: said first, closed at once, destroyed for good, and honest about what is out."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError, connection

from factories import NOW, staff
from flows.conftest import agree, take
from safelight import policy, storage
from safelight.flows import erasing, opening, recalling, share, stores, withdraw
from safelight.flows.allowed import NotAllowed
from safelight.flows.deciding import may_use
from safelight.flows.withdraw import NothingToWithdraw
from safelight.policy.roles import Role
from safelight.records.models import (
    Copy,
    Disclosure,
    EraseJob,
    LedgerEntry,
    Link,
    Photo,
    Recall,
    Release,
    Reply,
    Withdrawal,
)
from safelight.terms import Audience, Purpose
from servers.databases import database_of, sqlite_only

LATER = NOW + timedelta(days=3)
ALL = (Purpose.CARE, Purpose.SECOND_OPINION, Purpose.TEACHING_LOCAL)
CRASHER = Path(__file__).with_name("withdraw_crasher.py")


@pytest.fixture
def consent(adult, gp):
    return agree(adult, gp, *ALL)[0]


@pytest.fixture
def photo(adult, gp, consent) -> Photo:
    return take(adult, gp, consent)


def rely_on(photo: Photo, by) -> Photo:
    assert isinstance(opening.open_photo(photo, by=by, now=NOW), bytes)
    photo.refresh_from_db()
    return photo


def link_to(photo: Photo, by) -> Link:
    return share.ask_colleague(
        photo,
        recipient_name="Dr Skin",
        recipient_email="skin@hospital.example",
        question="Would you biopsy?",
        expires=NOW + timedelta(days=10),
        by=by,
        now=NOW,
    ).link


def copy_of(photo: Photo, by, *, state=Release.State.RELEASED) -> Release:
    """A release with its copy, put there as the flows would leave it."""
    copy = Copy.objects.create(
        practice=photo.practice,
        photo=photo,
        sha256="0" * 64,
        width=1,
        height=1,
        verified=True,
        certificate={},
        made_at=NOW,
        made_by=by,
    )
    key = b"k" * 32
    stores.keys().put(
        copy.pk, tenant=photo.practice_id, patient=photo.patient_id, version=1, data_key=key
    )
    stores.blobs().put(copy.blob, b"sealed")
    return Release.objects.create(
        practice=photo.practice,
        photo=photo,
        copy=copy,
        state=state,
        purpose="teaching-local",
        audience="organisation",
        target="Tuesday teaching",
        requested_by=by,
        requested_at=NOW,
        reviewed_by=staff(Role.IG_LEAD, practice=photo.practice)
        if state == Release.State.RELEASED
        else None,
    )


def take_back(consent, *purposes, by=None, now=LATER) -> Withdrawal:
    return withdraw.withdraw(consent, purposes=purposes, by=by, now=now)


def steps(withdrawal: Withdrawal) -> set[tuple[str, str]]:
    return {(said["step"], said["of"]) for said in withdrawal.consequences}


def teaching(photo: Photo, *, now=LATER):
    photo = Photo.objects.get(pk=photo.pk)
    return may_use(
        photo,
        purpose=Purpose.TEACHING_LOCAL,
        audience=Audience.ORGANISATION,
        now=now,
        exposure={"verdict": "clear"},
        review={"second_person": "someone"},
    )


def test_the_consequences_are_said_before_and_are_those_that_follow(consent, photo, gp):
    link_to(photo, gp)
    copy_of(photo, gp)
    said = withdraw.consequences_of(consent, purposes=ALL, now=LATER)
    assert Photo.objects.get().state == "kept"
    done = take_back(consent, *ALL)
    assert [each.as_json() for each in said] == done.consequences


def test_everything_goes_where_nobody_relied_on_it(consent, photo, gp, home):
    release, link = copy_of(photo, gp), link_to(photo, gp)
    withdrawal = take_back(consent, Purpose.CARE)
    photo.refresh_from_db()
    copy = Copy.objects.get()
    assert (photo.state, copy.state) == ("erased", "erased")
    assert Link.objects.get(pk=link.pk).revoked_at == LATER
    assert Release.objects.get(pk=release.pk).state == "withdrawn"
    assert stores.keys().is_erased(photo.pk)
    assert stores.keys().is_erased(copy.pk)
    assert home.files() == {}
    assert withdrawal.by is None
    assert EraseJob.objects.get().scrubbed_at == LATER
    kinds = list(LedgerEntry.objects.values_list("kind", flat=True))
    assert kinds[-2:] == ["consent.withdrawn", "keys.destroyed"]
    with pytest.raises(opening.PictureClosed):
        opening.open_photo(photo, by=gp, now=LATER)


def test_what_is_out_is_listed_and_asked_back(consent, photo, gp):
    release = copy_of(photo, gp)
    row = Disclosure.objects.create(
        practice=photo.practice,
        patient=photo.patient,
        release=release,
        audience=["organisation"],
        at=NOW,
    )
    withdrawal = take_back(consent, Purpose.TEACHING_LOCAL)
    recall = Recall.objects.get()
    assert recall.withdrawal == withdrawal
    assert recall.due_on == LATER.date() + timedelta(days=7)
    row.refresh_from_db()
    assert row.withdrawn_at == LATER
    lead = staff(Role.IG_LEAD, practice=photo.practice)
    recalling.settle(recall, note="Off the drive", by=lead, now=LATER)
    recalling.settle(recall, note="Again", by=lead, now=LATER + timedelta(days=1))
    recall.refresh_from_db()
    assert (recall.done_at, recall.done_by, recall.note) == (LATER, lead, "Off the drive")
    with pytest.raises(NotAllowed):
        recalling.settle(recall, note="x", by=gp, now=LATER)


def test_a_link_that_was_opened_is_asked_back_too(consent, photo, gp):
    link = link_to(photo, gp)
    Link.objects.update(openings_used=1)
    take_back(consent, Purpose.SECOND_OPINION)
    assert Recall.objects.count() == 1
    assert Link.objects.get(pk=link.pk).revoked_at == LATER


def test_a_picture_that_care_relied_on_stays_closed_to_every_other_use(consent, photo, gp):
    rely_on(photo, gp)
    link = link_to(photo, gp)
    copy_of(photo, gp)
    take_back(consent, Purpose.CARE)
    photo.refresh_from_db()
    assert photo.state == "kept"
    assert isinstance(opening.open_photo(photo, by=gp, now=LATER), bytes)
    assert isinstance(teaching(photo), policy.Refusal)
    assert isinstance(share.may_ask(photo, now=LATER), policy.Refusal)
    assert Copy.objects.get().state == "erased"
    assert Link.objects.get(pk=link.pk).revoked_at == LATER
    consent.refresh_from_db()
    assert "care" not in consent.withdrawn


def test_one_purpose_ends_alone(consent, photo, gp):
    link, release = link_to(photo, gp), copy_of(photo, gp)
    assert not isinstance(teaching(photo), policy.Refusal)
    take_back(consent, Purpose.TEACHING_LOCAL, by=gp)
    assert isinstance(teaching(photo), policy.Refusal)
    assert Link.objects.get(pk=link.pk).revoked_at is None
    assert Release.objects.get(pk=release.pk).state == "withdrawn"
    photo.refresh_from_db()
    assert photo.state == "kept"
    assert isinstance(opening.open_photo(photo, by=gp, now=LATER), bytes)


def test_right_after_the_picture_nothing_of_it_stays(consent, photo, gp, home):
    rely_on(photo, gp)
    take_back(consent, Purpose.CARE, now=NOW + timedelta(minutes=20))
    photo.refresh_from_db()
    assert photo.state == "erased"
    assert home.files() == {}


def test_a_colleagues_answer_makes_the_picture_part_of_the_record(consent, photo, gp):
    rely_on(photo, gp)
    link = link_to(photo, gp)
    Reply.objects.create(
        practice=photo.practice, link=link, patient=photo.patient, text="Watch it.", at=NOW
    )
    take_back(consent, Purpose.CARE, now=NOW + timedelta(minutes=20))
    photo.refresh_from_db()
    assert photo.state == "kept"
    assert "teaching-local" in photo.closed_to
    assert "care" not in photo.closed_to


def test_what_waits_for_a_second_person_is_stopped(consent, photo, gp):
    release = copy_of(photo, gp, state=Release.State.WAITING)
    take_back(consent, Purpose.TEACHING_LOCAL)
    release.refresh_from_db()
    assert release.state == "stopped"
    assert not Recall.objects.exists()
    assert Copy.objects.get().state == "erased"


def test_a_request_without_a_copy_is_stopped(consent, photo, gp):
    release = copy_of(photo, gp, state=Release.State.DRAFT)
    Release.objects.update(copy=None)
    take_back(consent, Purpose.TEACHING_LOCAL)
    release.refresh_from_db()
    assert release.state == "stopped"
    assert not EraseJob.objects.exists()


def test_another_conversation_about_the_same_site_does_not_open_it_again(adult, consent, photo, gp):
    other, _ = agree(adult, gp, *ALL, now=NOW + timedelta(hours=2))
    its_own = take(adult, gp, other, now=NOW + timedelta(hours=2))
    elsewhere, _ = agree(
        adult,
        gp,
        *ALL,
        body_site="Right hand",
        wording=_digest(adult, "Right hand"),
    )
    far = take(adult, gp, elsewhere, body_site="Right hand")
    take_back(consent, Purpose.TEACHING_LOCAL)
    assert isinstance(teaching(photo), policy.Refusal)
    assert isinstance(teaching(its_own), policy.Refusal)
    assert not isinstance(teaching(far), policy.Refusal)


def _digest(patient, site: str) -> str:
    from safelight.flows.consent import conversation

    return conversation(patient, body_site=site, now=NOW).digest


def test_taking_care_back_ends_that_conversations_pictures_only(adult, consent, photo, gp):
    other, _ = agree(adult, gp, *ALL, now=NOW + timedelta(hours=2))
    its_own = take(adult, gp, other, now=NOW + timedelta(hours=2))
    take_back(consent, Purpose.CARE)
    assert Photo.objects.get(pk=photo.pk).state == "erased"
    its_own.refresh_from_db()
    assert its_own.state == "kept"
    assert isinstance(opening.open_photo(its_own, by=gp, now=LATER), bytes)


def test_a_later_yes_opens_it_again(adult, consent, photo, gp):
    take_back(consent, Purpose.TEACHING_LOCAL)
    agree(adult, gp, *ALL, now=LATER + timedelta(days=2))
    assert isinstance(teaching(photo), policy.Refusal)
    assert not isinstance(teaching(photo, now=LATER + timedelta(days=3)), policy.Refusal)


def test_the_same_again_is_told_apart(consent, photo):
    take_back(consent, *ALL)
    for purposes in (ALL, (), (Purpose.PUBLICATION,)):
        with pytest.raises(NothingToWithdraw):
            take_back(consent, *purposes)
    assert Withdrawal.objects.count() == 1


def test_only_those_who_may_withdraw_do(consent, photo, surgery, stranger):
    for by in (stranger, staff(Role.REVIEWER, practice=surgery)):
        with pytest.raises(NotAllowed):
            take_back(consent, *ALL, by=by)


def test_no_reason_is_asked_and_none_has_a_place():
    assert not any("reason" in field.name for field in Withdrawal._meta.fields)


def test_the_worker_finishes_what_was_begun(consent, photo, home):
    """The process died after closing access, before a key was touched."""
    job = _closed_only(consent)
    photo.refresh_from_db()
    assert photo.state == "closed"
    assert not stores.keys().is_erased(photo.pk)
    assert erasing.finish_pending(now=LATER) == 1
    assert erasing.finish_pending(now=LATER) == 0
    photo.refresh_from_db()
    job.refresh_from_db()
    assert (photo.state, job.destroyed_at) == ("erased", LATER)
    assert home.files() == {}
    assert LedgerEntry.objects.filter(kind="keys.destroyed").count() == 1


def test_closed_and_destroyed_are_told_apart_while_a_reader_holds_the_file(
    consent, photo, settings
):
    reader = sqlite3.connect(settings.SAFELIGHT_KEYS)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM data_keys").fetchone()
    take_back(consent, *ALL)
    job = EraseJob.objects.get()
    assert job.destroyed_at == LATER
    assert job.scrubbed_at is None
    reader.close()
    again = LATER + timedelta(minutes=1)
    assert erasing.finish_pending(now=again) == 1
    job.refresh_from_db()
    assert (job.destroyed_at, job.scrubbed_at) == (LATER, again)


@sqlite_only
@pytest.mark.django_db(transaction=True)
def test_room_that_is_held_back_is_given_free_before_giving_up(consent, photo):
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA max_page_count=1")  # SQLite takes the pages there are
        try:
            _fill(photo)
            assert stores.keys().describe().ballast
            for _ in range(2):  # with room to give free, and without
                with pytest.raises(OperationalError):
                    take_back(consent, *ALL)
                assert not stores.keys().describe().ballast
        finally:
            cursor.execute("PRAGMA max_page_count=1073741823")
    take_back(consent, *ALL)
    assert stores.keys().describe().ballast


def _fill(photo: Photo) -> None:
    """Write until the records take no more, as small as a ledger entry can be."""
    number = 10_000
    for size in (3000, 300, 1):
        with contextlib.suppress(OperationalError):
            while True:
                number += 1
                LedgerEntry.objects.create(
                    index=number, practice=photo.practice, kind="x", at=NOW, body=b"x" * size
                )


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine mounts no tmpfs")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize("away", [storage.StorageError("away"), OSError("a bad disk")])
def test_a_store_that_is_away_stops_no_withdrawal_and_the_worker_finishes_it(
    photo, adult, monkeypatch, caplog, away
):
    def fails(*_: object) -> None:
        raise away

    with monkeypatch.context() as patch:
        patch.setattr(storage.DiskStore, "delete", fails)
        withdraw.withdraw(photo.consent, purposes=ALL, by=None, now=LATER)
    photo.refresh_from_db()
    job = EraseJob.objects.get()
    assert (photo.state, job.destroyed_at) == (Photo.State.CLOSED, None)
    assert f"erasure {job.pk} is left to the worker" in caplog.text
    assert erasing.finish_pending(now=LATER) == 1
    photo.refresh_from_db()
    assert photo.state == Photo.State.ERASED


def test_a_full_disk_stops_no_withdrawal(small_disk):
    said = run_alone(small_disk, "full")
    assert said == {"state": "erased", "key": "erased", "was_full": True}


def run_alone(home: Path, what: str, *, dies: bool = False) -> dict[str, object]:
    """Run the other process, which dies or prints one JSON object."""
    environ = {**os.environ, "PYTHONPATH": str(CRASHER.parent), **database_of(home)}
    run = [sys.executable, str(CRASHER), str(home), what]
    done = subprocess.run(run, capture_output=True, env=environ, check=False)
    assert done.returncode == (-9 if dies else 0), done.stderr.decode()
    return {} if dies else json.loads(done.stdout)


def _closed_only(consent) -> EraseJob:
    withdraw._close(withdraw.Scope(consent.patient, consent=consent), list(ALL), by=None, now=LATER)
    return EraseJob.objects.get()


@pytest.mark.parametrize("where", ["before-keys", "after-keys", "after-blobs"])
def test_killed_between_the_two_databases_it_is_finished_at_the_next_start(tmp_path, where):
    alone = tmp_path / "alone"
    alone.mkdir()
    run_alone(alone, where, dies=True)
    assert run_alone(alone, "finish") == {
        "state_before": "closed",
        "state": "erased",
        "key": "erased",
        "blobs": [],
        "destroyed_entries": 1,
        "ledger": True,
    }


def test_looks_while_it_is_withdrawn_show_nothing_afterwards(tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    said = run_alone(alone, "race")
    assert said["shown_after"] == 0
    assert said["looks"] >= 30
    assert said["bound"] == 1
