"""Keys are renewed each night, destroyed in their time, and how they are is said in plain words."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from clients import signed_in
from factories import NOW, staff
from flows.conftest import agree, take
from safelight import storage, vault
from safelight.flows import key_backups, key_rounds, key_status, receipts, stores
from safelight.policy.roles import Role
from safelight.records.models import EraseJob, LedgerEntry

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SHA256 = "cd" * 32
SET = {"tenant": uuid.UUID(int=1), "patient": uuid.UUID(int=2), "version": 1}


def kept() -> uuid.UUID:
    image = uuid.uuid4()
    stores.keys().put(image, data_key=vault.new_key(), **SET)
    return image


def backed_up(at) -> None:
    key_backups.note_verified(
        made_at=at, needs_version=stores.keys().oldest_version(), sha256=SHA256, now=at
    )


def nights(first: int, last: int, *, backup: bool = True) -> None:
    for night in range(first, last + 1):
        key_rounds.go(now=NOW + night * DAY)
        if backup:
            backed_up(NOW + night * DAY + HOUR)


def versions() -> tuple[int, ...]:
    return stores.keys().describe().manager.versions


def alarms(now) -> dict[str, key_status.Alarm]:
    return {each.what: each for each in key_status.status(now=now).alarms}


# renewed and destroyed


def test_old_versions_go_a_week_after_they_were_replaced(surgery):
    kept()
    nights(0, 9)
    assert versions() == (3, 4, 5, 6, 7, 8, 9, 10)
    assert "destruction" not in alarms(NOW + 9 * DAY + 2 * HOUR)


def test_without_a_verified_backup_no_version_is_ever_destroyed(surgery):
    image = kept()
    nights(0, 12, backup=False)
    assert versions() == tuple(range(1, 14))
    assert key_rounds.destroy_old(now=NOW + 12 * DAY) == storage.Destroyed((), (1, 2, 3, 4, 5))
    said = alarms(NOW + 12 * DAY)
    assert said["destruction"].bad
    assert "backup" in said["destruction"].text
    assert not said["backup"].bad
    assert stores.keys().get(image, **SET)


def test_a_backup_from_before_the_rotation_saves_its_own_version(surgery):
    kept()
    nights(0, 3, backup=False)
    backed_up(NOW + 3 * DAY)
    nights(4, 14, backup=False)
    assert versions() == tuple(range(4, 16))
    said = alarms(NOW + 14 * DAY)
    assert (said["destruction"].bad, said["backup"].bad) == (True, True)
    assert "3 December 2026" not in said["backup"].text
    assert "25 November 2026" in said["backup"].text


def test_what_was_renewed_and_destroyed_is_in_the_ledger(surgery):
    nights(0, 8)
    kinds = list(LedgerEntry.objects.values_list("kind", flat=True))
    assert kinds.count("keys.rotated") == 8
    assert kinds.count("keys.versions-destroyed") == 1
    (destroyed,) = LedgerEntry.objects.filter(kind="keys.versions-destroyed")
    assert destroyed.practice == surgery


def test_a_practice_chooses_how_long_versions_are_kept(surgery, settings):
    settings.SAFELIGHT_KEY_DAYS = 2
    nights(0, 4)
    assert versions() == (3, 4, 5)


def test_a_rotation_that_a_killed_worker_left_is_brought_to_its_end(surgery, monkeypatch):
    image = kept()
    nights(0, 0)
    with monkeypatch.context() as killed:
        killed.setattr(storage.Nightly, "finish_rotation", lambda self, **given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            key_rounds.go(now=NOW + DAY)
    keys = stores.keys()
    assert keys.nightly.is_rotating()
    key_rounds.go(now=NOW + DAY + 5 * timedelta(minutes=1))
    assert keys.nightly.is_rotating()
    key_rounds.go(now=NOW + DAY + 11 * timedelta(minutes=1))
    assert not keys.nightly.is_rotating()
    assert keys.oldest_version() == 2
    assert keys.get(image, **SET)


def test_a_scrub_that_waits_is_tried_again_at_each_round(surgery, monkeypatch):
    image = kept()
    with monkeypatch.context() as busy:
        busy.setattr(storage.KeyStore, "scrub", lambda self: False)
        stores.keys().erase([image])
    assert stores.keys().is_scrub_pending()
    assert "scrub" in alarms(NOW)
    key_rounds.go(now=NOW)
    assert not stores.keys().is_scrub_pending()


def test_by_hand_it_says_how_far_it_is(surgery):
    kept()
    seen: list[tuple[int, int]] = []
    assert key_rounds.rotate(now=NOW, progress=lambda *now: seen.append(now)) == 2
    assert seen == [(1, 1)]


# said


def test_a_healthy_store_under_a_key_file_says_only_what_it_cant_prove(surgery):
    kept()
    nights(0, 1)
    found = key_status.status(now=NOW + DAY + 2 * HOUR)
    assert [each.what for each in found.alarms] == ["shredding"]
    assert not found.alarms[0].bad
    assert "can’t prove" in found.shredding
    assert "overwritten in the key store’s files" in found.shredding
    assert found.backup is not None
    assert found.health.ok


def test_a_scrub_held_up_for_an_hour_is_an_alarm(surgery):
    EraseJob.objects.create(practice=surgery, created_at=NOW, destroyed_at=NOW)
    assert not alarms(NOW + timedelta(minutes=59))["scrub"].bad
    assert alarms(NOW + 2 * HOUR)["scrub"].bad
    assert "restart" in alarms(NOW + 2 * HOUR)["scrub"].text


def test_a_worker_that_does_not_run_is_an_alarm(surgery):
    assert not alarms(NOW)["rotation"].bad
    nights(0, 0)
    assert not alarms(NOW + DAY)["rotation"].bad
    assert alarms(NOW + 2 * DAY)["rotation"].bad
    nights(1, 1)
    assert "rotation" not in alarms(NOW + DAY + 35 * HOUR)
    assert alarms(NOW + DAY + 37 * HOUR)["rotation"].bad


def test_a_key_manager_that_does_not_answer_is_an_alarm(surgery, settings):
    stores.keys()
    settings.SAFELIGHT_SEAL.rename(settings.SAFELIGHT_SEAL.with_name("away"))
    found = key_status.status(now=NOW)
    assert (found.state, found.health.ok, found.shredding) == (None, False, "")
    assert found.alarms[0].what == "key manager"
    assert found.alarms[0].bad


def test_a_key_manager_that_goes_away_between_two_questions_is_one_too(surgery, monkeypatch):
    def away(self) -> None:
        raise storage.KeyManagerAway("planted")

    monkeypatch.setattr(storage.SealedFileManager, "describe", away)
    found = key_status.status(now=NOW)
    assert (found.state, found.health.ok) == (None, False)
    assert "Nothing is lost" in found.alarms[0].text


def test_a_patients_key_that_does_not_open_is_left_behind_and_said(surgery):
    kept()
    keys = stores.keys()
    with keys._database.writing() as db:
        db.execute("UPDATE patient_keys SET wrapped = ?", (b"broken",))
    keys.nightly.rotate(NOW)
    said = alarms(NOW)
    assert "1 patients" in said["left behind"].text
    nights(1, 9)
    assert "still wrapped" in alarms(NOW + 9 * DAY)["destruction"].text


def test_a_replaced_key_that_is_not_yet_overwritten_is_said(surgery, monkeypatch):
    with monkeypatch.context() as busy:
        busy.setattr(storage.KeyStore, "scrub", lambda self: False)
        stores.keys().nightly.rotate(NOW)
    assert "Replaced keys" in alarms(NOW)["scrub"].text


def test_versions_that_nobody_destroys_are_said(surgery):
    kept()
    for night in range(10):
        stores.keys().nightly.rotate(NOW + night * DAY)
    backed_up(NOW + 9 * DAY)
    assert "destroy-old" in alarms(NOW + 9 * DAY)["destruction"].text


@pytest.mark.parametrize(
    ("overwrites", "proves", "words"),
    [
        (True, True, "stops opening after 7 days"),
        (True, False, "can’t prove"),
        (False, True, "nobody can prove it gone there. Whatever copy of it is left stops"),
        (False, False, "nobody can prove it gone there. After 7 days"),
    ],
)
def test_what_destroying_amounts_to_is_said_for_each_kind(surgery, overwrites, proves, words):
    from dataclasses import replace

    state = stores.keys().describe()
    other = replace(
        state, overwrites=overwrites, manager=replace(state.manager, proves_shred=proves)
    )
    assert words in key_status.shredding(other, keep_days=7)
    found = key_status.KeyStatus(other, storage.Health(True, ""), None, 7, None, ())
    said = {each.what: each for each in key_status._alarms(found, now=NOW)}
    assert ("shredding" in said) == (not proves)
    assert ("overwriting" in said) == (not overwrites)
    if not overwrites:
        assert said["overwriting"].bad == (not proves)


# promised


def test_what_a_patient_is_promised_depends_on_the_manager_and_on_its_being_done(
    surgery, monkeypatch
):
    kept()
    nights(0, 9)
    late = NOW + 20 * DAY
    assert not receipts.is_backup_gone_for_sure()
    monkeypatch.setattr(storage.SealedFileManager, "proves_shred", True)
    assert receipts.is_backup_gone_for_sure()
    assert receipts.is_backup_gone_for_sure(now=NOW + 9 * DAY)
    assert not receipts.is_backup_gone_for_sure(now=late), "nobody destroys them any more"
    key_rounds.rotate(now=late)
    backed_up(late)
    key_rounds.destroy_old(now=late)
    assert receipts.is_backup_gone_for_sure(now=late)


# shown


def test_a_picture_whose_key_manager_is_away_says_what_to_do(settings, surgery, gp, adult):
    photo = take(adult, gp, agree(adult, gp)[0])
    client = signed_in(gp)
    address = reverse("picture-image", args=[photo.pk])
    assert client.get(address).status_code == 200
    settings.SAFELIGHT_SEAL.rename(settings.SAFELIGHT_SEAL.with_name("away"))
    for accept in ("text/html", "application/json"):
        shut = client.get(address, headers={"Accept": accept})
        assert shut.status_code == 503
        assert "Nothing is lost" in shut.content.decode()
    settings.SAFELIGHT_SEAL.with_name("away").rename(settings.SAFELIGHT_SEAL)
    assert client.get(address).status_code == 200


def test_the_governance_lead_sees_how_the_keys_are(settings, surgery):
    lead = signed_in(staff(Role.IG_LEAD, practice=surgery))
    for night in range(11):
        key_rounds.go(now=timezone.now() + (night - 10) * DAY)
    shown = lead.get(reverse("governance-keys")).content.decode()
    assert "A file under a passphrase" in shown
    assert "no newer backup of the key store was verified" in shown
    assert "can’t prove" in shown
    assert "no newer backup" in lead.get(reverse("governance")).content.decode()
    settings.SAFELIGHT_SEAL.rename(settings.SAFELIGHT_SEAL.with_name("away"))
    for page in ("governance", "governance-keys"):
        away = lead.get(reverse(page))
        assert away.status_code == 200
        assert "Doesn’t answer" in away.content.decode()
    settings.SAFELIGHT_PASSPHRASE = None
    stores.close()
    assert "The keys are sealed" in lead.get(reverse("governance")).content.decode()
    assert lead.get(reverse("governance-keys")).status_code == 503
