"""Back from a backup: nothing that was taken back since comes undone, or nothing opens at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from backup.conftest import NOW, Surgery
from factories import patient as another_patient
from flows.conftest import PASSPHRASE, SITE, agree, take
from installing import Place, here
from safelight import ledger, storage, vault
from safelight.flows import (
    backing,
    being_restored,
    closings,
    destroying,
    drilling,
    evidence,
    last_seen,
    opening,
    restoring,
    rounds,
    share,
    staff,
    stores,
    withdraw,
    witnessing,
)
from safelight.policy.roles import Role
from safelight.records.models import (
    BackupRun,
    Consent,
    Disclosure,
    EraseJob,
    LedgerEntry,
    Link,
    Objection,
    OutgoingMail,
    Patient,
    Photo,
    Practice,
    Staff,
    TreeHead,
    Withdrawal,
)
from safelight.storage import backups
from safelight.terms import Purpose
from tampering import alter_end

LATER = NOW + timedelta(hours=1)
RESTORED = NOW + timedelta(days=1)


@dataclass
class Elsewhere:
    """Another machine, where the backup is brought back to."""

    place: Place
    restore: restoring.Restore


def back_up(surgery: Surgery) -> backups.Manifest:
    made = backing.back_up_records(surgery.to, now=NOW)
    backing.back_up_keys(surgery.keys_to, now=NOW)
    return made


def tell(surgery: Surgery) -> Path:
    folder = surgery.root / "witness"
    folder.mkdir(exist_ok=True)
    witnessing.tell(str(folder), now=LATER)
    return folder


@contextmanager
def elsewhere(
    surgery: Surgery, *, name: str = "other", key: vault.BackupKey | None = None
) -> Iterator[Elsewhere]:
    """Be another machine with nothing but the words from the safe and the passphrase."""
    home = surgery.root / name
    (home / "keys").mkdir(parents=True, exist_ok=True)
    with here(home) as place:
        yield Elsewhere(place, restoring.Restore(key=key or surgery.key, now=RESTORED))


def bring_back(surgery: Surgery, other: Elsewhere, **given) -> None:
    other.restore.bring_back(surgery.to, keys=surgery.keys_to, **given)


def caught_up(surgery: Surgery, other: Elsewhere) -> None:
    bring_back(surgery, other)
    other.restore.catch_up(witnessing.witness(str(surgery.root / "witness")))


def opens(photo: Photo, by: Staff) -> bool:
    try:
        found = opening.open_photo(
            Photo.objects.get(pk=photo.pk), by=Staff.objects.get(pk=by.pk), now=RESTORED
        )
    except opening.PictureClosed:
        return False
    return isinstance(found, bytes)


def test_everything_comes_back_and_opens(surgery: Surgery):
    photo = surgery.take()
    back_up(surgery)
    tell(surgery)
    with elsewhere(surgery) as other:
        caught_up(surgery, other)
        assert not being_restored.is_on()
        assert opens(photo, surgery.gp)
        found = drilling.open_all()
        assert (found.pictures, found.failed, found.went_well) == (1, (), True)
        assert evidence.verify(None).ok
        assert LedgerEntry.objects.filter(kind="ledger.restored").count() == 1
        assert BackupRun.objects.newest("restore") is not None


def test_until_it_has_caught_up_nothing_opens(surgery: Surgery):
    photo = surgery.take()
    back_up(surgery)
    with elsewhere(surgery) as other:
        bring_back(surgery, other)
        assert being_restored.is_on()
        with pytest.raises(stores.BeingRestored):
            opens(photo, surgery.gp)
        assert stores.records_held() is None
        assert restoring.last_entry_at() == NOW
        assert rounds.go(now=RESTORED, transport=None).failed == ("being restored",)
        with pytest.raises(restoring.Behind) as without:
            other.restore.catch_up(None)
        assert "no witness was asked" in without.value.for_people
        assert being_restored.is_on()


def test_what_was_taken_back_after_the_backup_stays_taken_back(surgery: Surgery):
    photo, other_photo = surgery.take(), surgery.take()
    elsewhere_on_her = agree(surgery.patient, surgery.gp, Purpose.CARE, now=NOW)[0]
    stays = take(surgery.patient, surgery.gp, elsewhere_on_her, now=NOW, body_site=SITE)
    back_up(surgery)
    withdraw.withdraw(surgery.consent, purposes=[Purpose.CARE], by=None, now=LATER)
    tell(surgery)
    with elsewhere(surgery) as other:
        caught_up(surgery, other)
        assert not opens(photo, surgery.gp)
        assert not opens(other_photo, surgery.gp)
        assert opens(stays, surgery.gp)
        erased = {photo.pk, other_photo.pk}
        assert erased <= set(stores.keys().tombstones())
        assert Photo.objects.filter(pk__in=erased, state=Photo.State.ERASED).count() == 2
        assert not any(stores.blobs().exists(one.blob) for one in (photo, other_photo))
        assert Consent.objects.get(pk=surgery.consent.pk).withdrawn
        assert Withdrawal.objects.count() == 1
        assert drilling.open_all().erased_that_open == ()


def test_without_the_replay_erased_pictures_open_again(surgery: Surgery, monkeypatch):
    """The control: a build that only copies back is caught by the same question."""
    photo = surgery.take()
    back_up(surgery)
    withdraw.withdraw(surgery.consent, purposes=[Purpose.CARE], by=None, now=LATER)
    folder = tell(surgery)
    with elsewhere(surgery) as other:
        bring_back(surgery, other)
        being_restored.end()
        assert opens(photo, surgery.gp), "this is what a restore without replay does"
        last_seen.look_at_witness()
        assert not being_restored.is_on()
    with elsewhere(surgery, name="other") as other:
        from django.conf import settings

        told = replace(settings.CONFIG, witness_to=str(folder))
        monkeypatch.setattr(settings, "CONFIG", told)
        last_seen.look_at_witness()
        assert being_restored.is_on(), "the next start sees it by the witness"


def test_keys_older_than_the_records_are_caught_up_too(surgery: Surgery):
    photo = surgery.take()
    backing.back_up_keys(surgery.keys_to, now=NOW)
    withdraw.withdraw(surgery.consent, purposes=[Purpose.CARE], by=None, now=LATER)
    backing.back_up_records(surgery.to, now=LATER)
    tell(surgery)
    with elsewhere(surgery) as other:
        caught_up(surgery, other)
        assert other.restore.report.destroyed_again == 1
        assert stores.keys().is_erased(photo.pk)


def test_keys_that_survived_are_used_as_they_are(surgery: Surgery):
    photo, gone = surgery.take(), surgery.take()
    backing.back_up_records(surgery.to, now=NOW)
    stores.keys().erase([gone.pk])
    keys_survive(surgery)
    tell(surgery)
    with elsewhere(surgery) as other:
        other.restore.bring_back(surgery.to)
        other.restore.catch_up(witnessing.witness(str(surgery.root / "witness")))
        assert opens(photo, surgery.gp)
        assert not opens(gone, surgery.gp)
        assert Photo.objects.get(pk=gone.pk).state == Photo.State.ERASED


def test_a_ledger_that_does_not_reach_the_witness_stays_shut_and_says_what_is_missing(
    surgery: Surgery,
):
    surgery.take()
    back_up(surgery)
    withdraw.withdraw(surgery.consent, purposes=[Purpose.CARE], by=None, now=LATER)
    folder = tell(surgery)
    note = (max((folder / "notes").iterdir())).read_text()
    with elsewhere(surgery) as other:
        bring_back(surgery, other)
        size = TreeHead.objects.get().size
        with pytest.raises(restoring.Behind) as behind:
            other.restore.catch_up(None, note=note)
        assert behind.value.reached == size
        assert behind.value.wanted is not None
        assert f"entries {size} to {behind.value.wanted - 1} are missing" in behind.value.for_people
        assert being_restored.is_on()


def test_a_gap_that_somebody_accepts_is_in_the_ledger_for_ever(surgery: Surgery, monkeypatch):
    photo = surgery.take()
    back_up(surgery)
    withdraw.withdraw(surgery.consent, purposes=[Purpose.CARE], by=None, now=LATER)
    folder = tell(surgery)
    note = max((folder / "notes").iterdir()).read_text()
    with elsewhere(surgery) as other:
        bring_back(surgery, other)
        with pytest.raises(restoring.Behind):
            other.restore.catch_up(None, note=note, accept_loss="yes")
        other.restore.catch_up(None, note=note, accept_loss=restoring.LOSS)
        assert not being_restored.is_on()
        assert opens(photo, surgery.gp), "which is what the words say"
        entry = LedgerEntry.objects.get(kind="ledger.gap-accepted")
        assert ledger.read_entry(bytes(entry.body)).details["words"] == restoring.LOSS
        from django.conf import settings

        told = replace(settings.CONFIG, witness_to=str(folder))
        monkeypatch.setattr(settings, "CONFIG", told)
        last_seen.look_at_witness()
        assert not being_restored.is_on(), "it was accepted"
        assert not evidence.verify(note).ok, "but a witness sees it"


def test_a_gap_without_any_witness_is_accepted_with_the_words_only(surgery: Surgery):
    surgery.take()
    back_up(surgery)
    with elsewhere(surgery) as other:
        bring_back(surgery, other)
        other.restore.catch_up(None, accept_loss=restoring.LOSS)
        assert not being_restored.is_on()
        other.restore.catch_up(None)  # nothing more to do


def test_a_restore_never_writes_over_an_installation(surgery: Surgery):
    surgery.take()
    back_up(surgery)
    before = surgery.place.records.read_bytes()
    with pytest.raises(restoring.NotEmpty):
        restoring.Restore(key=surgery.key, now=RESTORED).bring_back(surgery.to)
    assert surgery.place.records.read_bytes() == before
    assert not being_restored.is_on()


def test_keys_that_are_there_are_never_written_over(surgery: Surgery):
    surgery.take()
    back_up(surgery)
    keys_survive(surgery)
    with elsewhere(surgery) as other, pytest.raises(storage.KeyStoreError):
        bring_back(surgery, other)


def test_it_begins_anew_where_it_was_interrupted(surgery: Surgery, monkeypatch):
    photo = surgery.take()
    back_up(surgery)
    tell(surgery)

    def interrupted(*_args, **_given):
        raise KeyboardInterrupt

    for name in ("_blobs", "_keys", "_check"):
        with elsewhere(surgery) as other:
            monkeypatch.setattr(restoring.Restore, name, interrupted)
            with pytest.raises(KeyboardInterrupt):
                bring_back(surgery, other)
            monkeypatch.undo()
            assert being_restored.is_on()
            with pytest.raises(stores.BeingRestored):
                stores.keys()
    with elsewhere(surgery) as other:
        caught_up(surgery, other)
        assert opens(photo, surgery.gp)


def test_the_wrong_words_open_nothing(surgery: Surgery):
    back_up(surgery)
    with (
        elsewhere(surgery, key=vault.BackupKey.generate()) as other,
        pytest.raises(storage.NotTheBackupKey),
    ):
        bring_back(surgery, other)
    with pytest.raises(storage.NotTheBackupKey):
        restoring.opened("AAAA", now=RESTORED)
    with elsewhere(surgery) as other, pytest.raises(storage.NotTheBackupKey):
        restoring.opened(None, now=RESTORED).bring_back(surgery.to)


def test_an_altered_picture_is_left_out_and_waits_for_a_person(surgery: Surgery):
    photo, lost, whole = surgery.take(), surgery.take(), surgery.take()
    back_up(surgery)
    tell(surgery)
    kept = surgery.root / "backups" / "blobs"
    alter_end(kept / photo.blob)
    (kept / lost.blob).unlink()
    with elsewhere(surgery) as other:
        caught_up(surgery, other)
        report = other.restore.report.as_json()
        assert report["altered_blobs"] == [photo.blob]
        assert report["missing_blobs"] == [lost.blob]
        states = {one.pk: one.state for one in Photo.objects.all()}
        assert states[photo.pk] == states[lost.pk] == Photo.State.QUARANTINED
        assert opens(whole, surgery.gp)


def test_records_of_another_installations_keys_are_refused(surgery: Surgery, template: Path):
    back_up(surgery)
    stores.close()
    with elsewhere(surgery) as other:
        storage.SealedFileManager.create(other.place.seal, PASSPHRASE, cost=storage.Cost(1, 8))
        stores.keys().signing_key() if not being_restored.is_on() else None
        stores.close()
        with pytest.raises(last_seen.WrongLedger):
            other.restore.bring_back(surgery.to)
        assert being_restored.is_on()


@pytest.mark.parametrize("what", ["size", "root"])
def test_records_that_are_not_what_their_manifest_says_are_refused(surgery: Surgery, what: str):
    """Even one that the ledger's own key signed."""
    surgery.take()
    made = back_up(surgery)
    other_than = {"size": made.ledger.size + 1, "root": bytes(32)}
    said = replace(made, ledger=replace(made.ledger, **{what: other_than[what]}))
    place = surgery.root / "backups" / "sets" / made.id / backups.MANIFEST
    place.write_bytes(backups.signed(said.to_json(), evidence.sign))
    with elsewhere(surgery) as other:
        with pytest.raises(last_seen.WrongLedger):
            bring_back(surgery, other)
        assert being_restored.is_on()
        with pytest.raises(stores.BeingRestored):
            stores.keys()


def test_a_set_of_keys_whose_manager_is_another_does_not_open(surgery: Surgery):
    back_up(surgery)
    with elsewhere(surgery) as other:
        storage.SealedFileManager.create(other.place.seal, PASSPHRASE, cost=storage.Cost(1, 8))
        with pytest.raises(restoring.KeysDontOpen):
            bring_back(surgery, other)


def test_the_newest_set_of_keys_that_opens_is_taken(surgery: Surgery):
    photo = surgery.take()
    back_up(surgery)
    newest = backing.back_up_keys(surgery.keys_to, now=LATER)
    tell(surgery)
    part = surgery.root / "key-backups" / "sets" / newest.id / "part-0000"
    part.write_bytes(part.read_bytes()[:-1])
    with elsewhere(surgery) as other:
        caught_up(surgery, other)
        assert other.restore.report.keys_set != newest.id
        assert opens(photo, surgery.gp)


@pytest.mark.parametrize("kind", ["records", "keys"])
def test_where_there_is_no_backup_it_is_said(surgery: Surgery, kind: str):
    if kind == "keys":
        backing.back_up_records(surgery.to, now=NOW)
    with elsewhere(surgery) as other, pytest.raises(restoring.NoSuchBackup):
        bring_back(surgery, other)


def test_a_set_is_chosen_by_its_id(surgery: Surgery):
    first = back_up(surgery)
    surgery.take()
    backing.back_up_records(surgery.to, now=LATER)
    with elsewhere(surgery) as other:
        bring_back(surgery, other, set_id=first.id)
        assert Photo.objects.count() == 0
        assert other.restore.report.records_set == first.id
    keys = backups.find(surgery.keys_to.sets).sets[0]
    with elsewhere(surgery, name="third") as other, pytest.raises(restoring.NoSuchBackup):
        other.restore.bring_back(surgery.keys_to, set_id=keys.id)


def test_a_witness_of_another_ledger_is_refused(surgery: Surgery, template: Path):
    back_up(surgery)
    folder = surgery.root / "witness"
    (folder / "notes").mkdir(parents=True)
    stranger = ledger.SigningKey.generate()
    for number, (origin, key) in enumerate(
        (("someone/else", stranger), (evidence.origin(), stranger))
    ):
        note = ledger.Checkpoint(origin, 3, bytes(32)).sign(key)
        with elsewhere(surgery, name=f"other{number}") as other:
            bring_back(surgery, other)
            with pytest.raises(last_seen.WrongLedger):
                other.restore.catch_up(None, note=note)
            assert being_restored.is_on()


def test_a_checkpoint_that_the_records_contradict_is_refused(surgery: Surgery):
    surgery.take()
    made = back_up(surgery)
    seed = stores.keys().signing_key()
    key = ledger.SigningKey.from_bytes(seed)
    size = made.ledger.size
    notes = [ledger.Checkpoint(evidence.origin(), at, b"x" * 32).sign(key) for at in (1, size)] + [
        ledger.Checkpoint("another/origin", 1, b"x" * 32).sign(key)
    ]
    with elsewhere(surgery) as other:
        bring_back(surgery, other)
        for note in notes:
            with pytest.raises(last_seen.WrongLedger):
                other.restore.catch_up(None, note=note)


def test_a_checkpoint_that_the_records_have_passed_is_enough(surgery: Surgery):
    evidence.checkpoint(now=NOW)
    note = evidence.witness_text()
    surgery.take()
    back_up(surgery)
    with elsewhere(surgery) as other:
        bring_back(surgery, other)
        other.restore.catch_up(None, note=note)
        assert not being_restored.is_on()


def test_letters_that_were_altered_are_refused(surgery: Surgery):
    back_up(surgery)
    surgery.take()
    folder = tell(surgery)
    letter = max((folder / "tails").iterdir())
    alter_end(letter)
    with elsewhere(surgery) as other:
        bring_back(surgery, other)
        with pytest.raises(storage.BackupBroken):
            other.restore.catch_up(witnessing.witness(str(folder)))
        assert being_restored.is_on()


def test_links_sessions_and_waiting_mail_end_with_a_restore(surgery: Surgery):
    photo = surgery.take()
    asked = share.ask_colleague(
        photo,
        recipient_name="Dr Skin",
        recipient_email="skin@hospital.example",
        question="Would you biopsy?",
        expires=NOW + timedelta(days=5),
        by=surgery.gp,
        now=NOW,
    )
    assert isinstance(asked, share.Asked)
    back_up(surgery)
    tell(surgery)
    with elsewhere(surgery) as other:
        caught_up(surgery, other)
        assert Link.objects.get().revoked_at == RESTORED
        assert not OutgoingMail.objects.filter(sent_at__isnull=True).exclude(text="").exists()


def test_objections_accounts_and_deaths_are_repeated(surgery: Surgery):
    from safelight.flows import patients

    admin = staff_of(surgery, Role.ADMINISTRATOR)
    nurse = staff_of(surgery, Role.NURSE)
    gone = staff_of(surgery, Role.GP)
    back_up(surgery)
    withdraw.object_to(surgery.patient, purposes=[Purpose.TEACHING_LOCAL], by=surgery.gp, now=LATER)
    staff.change_role(nurse, role=Role.REVIEWER, by=admin, now=LATER)
    staff.close_account(gone, by=admin, now=LATER)
    staff.close_account(nurse, by=admin, now=LATER)
    staff.reopen_account(nurse, by=admin, now=LATER)
    patients.record_death(
        surgery.patient,
        died_on=LATER.date(),
        known_wishes={},
        genetic_or_third_party=None,
        by=surgery.gp,
        now=LATER,
    )
    tell(surgery)
    with elsewhere(surgery) as other:
        caught_up(surgery, other)
        objection = Objection.objects.get()
        assert objection.purposes == [Purpose.TEACHING_LOCAL]
        assert objection.made_at == LATER
        again = Staff.objects.get(pk=nurse.pk)
        assert (again.role, again.is_active) == (Role.REVIEWER, True)
        assert not Staff.objects.get(pk=gone.pk).is_active
        assert objection.patient.died_on == LATER.date()


def staff_of(surgery: Surgery, role: Role) -> Staff:
    from factories import staff as made

    return made(role, practice=surgery.practice)


def test_what_was_given_after_the_backup_is_lost_and_its_no_is_not(surgery: Surgery):
    back_up(surgery)
    agree(surgery.patient, surgery.gp, Purpose.CARE, nothing_else=True, refused=[], now=LATER)
    new = another_patient(practice=surgery.practice)
    consent, _ = agree(new, surgery.gp, Purpose.CARE, nothing_else=True, refused=[], now=LATER)
    photo = take(new, surgery.gp, consent, now=LATER)
    withdraw.withdraw(consent, purposes=[Purpose.CARE], by=None, now=LATER)
    tell(surgery)
    with elsewhere(surgery) as other:
        caught_up(surgery, other)
        assert Consent.objects.count() == 1
        no = Objection.objects.get()
        assert no.patient_id == surgery.patient.pk
        assert Purpose.TEACHING_LOCAL in no.purposes
        assert Purpose.CARE not in no.purposes
        assert not Photo.objects.filter(pk=photo.pk).exists()
        assert stores.keys().is_erased(photo.pk)


def test_an_entry_of_an_unknown_kind_keeps_it_shut(surgery: Surgery, monkeypatch):
    back_up(surgery)
    surgery.take()
    tell(surgery)
    monkeypatch.setattr(closings, "HARMLESS", closings.HARMLESS - {"photo.captured"})
    with elsewhere(surgery) as other:
        bring_back(surgery, other)
        before = TreeHead.objects.get().size
        with pytest.raises(closings.UnknownKind):
            other.restore.catch_up(witnessing.witness(str(surgery.root / "witness")))
        assert being_restored.is_on()
        assert TreeHead.objects.get().size == before


def test_a_practice_opened_after_the_backup_is_known_by_its_entries_alone(surgery: Surgery):
    back_up(surgery)
    made = staff.open_practice(
        name="Second Surgery", administrator="Ada", email="ada@second.example", now=LATER
    )
    tell(surgery)
    with elsewhere(surgery) as other:
        caught_up(surgery, other)
        assert Practice.objects.get(pk=made.practice.pk).name.startswith("A practice that was")


def test_an_erased_copy_is_destroyed_again(surgery: Surgery):
    from safelight.records.models import Copy

    photo = surgery.take()
    copy = Copy.objects.create(
        practice=surgery.practice,
        photo=photo,
        sha256="0" * 64,
        width=1,
        height=1,
        verified=True,
        certificate={},
        made_at=NOW,
        made_by=surgery.gp,
    )
    from safelight.flows import copies, erasing

    copies.seal(copy, b"not really a picture")
    back_up(surgery)
    job = erasing.queue(surgery.patient, copies=[copy], now=LATER)
    erasing.finish_erasure(job, now=LATER)
    tell(surgery)
    with elsewhere(surgery) as other:
        bring_back(surgery, other)
        assert drilling.open_all().copies == 1
        other.restore.catch_up(witnessing.witness(str(surgery.root / "witness")))
        assert Copy.objects.get().state == Copy.State.ERASED
        assert stores.keys().is_erased(copy.pk)
        assert opens(photo, surgery.gp)


def made_copy(photo: Photo, surgery: Surgery):
    from safelight.flows import copies
    from safelight.records.models import Copy

    copy = Copy.objects.create(
        practice=surgery.practice,
        photo=photo,
        sha256="0" * 64,
        width=1,
        height=1,
        verified=True,
        certificate={},
        made_at=NOW,
        made_by=surgery.gp,
    )
    copies.seal(copy, b"not really a picture")
    return copy


def test_a_copy_whose_key_went_without_a_word_in_the_ledger_goes_too(surgery: Surgery):
    copy = made_copy(surgery.take(), surgery)
    back_up(surgery)
    stores.keys().erase([copy.pk])
    tell(surgery)
    with elsewhere(surgery) as other:
        caught_up(surgery, other)
        copy.refresh_from_db()
        assert copy.state == "erased"
        assert other.restore.report.destroyed_again == 1


def test_what_has_its_key_stays_when_others_go(surgery: Surgery):
    photo = surgery.take()
    gone, stays = made_copy(photo, surgery), made_copy(photo, surgery)
    back_up(surgery)
    stores.keys().erase([gone.pk])
    tell(surgery)
    with elsewhere(surgery) as other:
        caught_up(surgery, other)
        for copy in (gone, stays):
            copy.refresh_from_db()
        assert (gone.state, stays.state) == ("erased", "kept")
        assert drilling.open_all().copies == 1
        assert drilling.open_all().went_well
        assert opens(photo, surgery.gp)


def test_a_picture_younger_than_every_backup_of_keys_waits_for_a_person(surgery: Surgery):
    whole = surgery.take()
    backing.back_up_keys(surgery.keys_to, now=NOW)
    younger = surgery.take()
    backing.back_up_records(surgery.to, now=LATER)
    tell(surgery)
    with elsewhere(surgery) as other:
        caught_up(surgery, other)
        assert other.restore.report.without_key_or_blob == [str(younger.pk)]
        assert Photo.objects.get(pk=younger.pk).state == Photo.State.QUARANTINED
        assert not opens(younger, surgery.gp)
        assert opens(whole, surgery.gp)


def keys_survive(surgery: Surgery) -> None:
    """Put the keys as they are now where the records are brought back to."""
    stores.close()
    keys = surgery.root / "other" / "keys"
    keys.mkdir(parents=True)
    for path in (surgery.place.keys, surgery.place.seal):
        shutil.copyfile(path, keys / path.name)


def test_a_picture_whose_key_was_altered_waits_for_a_person(surgery: Surgery):
    """The keys survived the loss of the records, one of them not as it was."""
    whole, altered = surgery.take(), surgery.take()
    backing.back_up_records(surgery.to, now=NOW)
    with stores.keys()._database.writing() as db:
        one = (altered.pk.bytes,)
        (kept,) = db.execute("SELECT wrapped FROM data_keys WHERE image = ?", one).fetchone()
        other_end = bytes(kept[:-1]) + bytes([kept[-1] ^ 1])
        db.execute("UPDATE data_keys SET wrapped = ? WHERE image = ?", (other_end, *one))
    tell(surgery)
    keys_survive(surgery)
    with elsewhere(surgery) as other:
        other.restore.bring_back(surgery.to)
        other.restore.catch_up(witnessing.witness(str(surgery.root / "witness")))
        assert other.restore.report.without_key_or_blob == [str(altered.pk)]
        assert Photo.objects.get(pk=altered.pk).state == Photo.State.QUARANTINED
        assert opens(whole, surgery.gp)


def disclosed(surgery: Surgery) -> Disclosure:
    """Put down what a release told, under a key of its own."""
    made = Disclosure.objects.create(
        practice=surgery.practice,
        patient=surgery.patient,
        audience=["public"],
        sealed_facts=b"sealed",
        at=NOW,
    )
    ids = {"tenant": surgery.practice.pk, "patient": surgery.patient.pk}
    stores.keys().put(made.pk, version=1, data_key=vault.new_key(), **ids)
    return made


def erased(surgery: Surgery) -> None:
    """Erase the patient, as an approver would."""
    order = destroying.Order(EraseJob.Basis.ERASURE, "She asked for it.", by=surgery.lead)
    destroying.erase_patient(surgery.patient, order=order, now=LATER)


def test_an_erased_patient_comes_back_as_nobody(surgery: Surgery):
    """By the ledger: the order says that it was all of her, the destruction names what else had keys."""
    photo, told = surgery.take(), disclosed(surgery)
    back_up(surgery)
    erased(surgery)
    folder = tell(surgery)
    for each in (folder / "tombstones").iterdir():
        each.unlink()  # the entries alone say it
    with elsewhere(surgery) as other:
        bring_back(surgery, other)
        assert Patient.objects.get().name == surgery.patient.name
        other.restore.catch_up(witnessing.witness(str(folder)))
        back = Patient.objects.get()
        assert back.erased_at == LATER
        assert surgery.patient.name not in repr(vars(back))
        assert back.subject != surgery.patient.subject
        keys = stores.keys()
        assert all(keys.is_erased(each) for each in (photo.pk, told.pk, surgery.consent.pk))
        assert Consent.objects.get().erased_at is not None
        assert not opens(photo, surgery.gp)


def test_what_only_the_tombstones_know_is_forgotten_too(surgery: Surgery):
    """The keys survived and the ledger's end is lost: names and words go all the same."""
    photo = surgery.take()
    backing.back_up_records(surgery.to, now=NOW)
    erased(surgery)
    keys_survive(surgery)
    with elsewhere(surgery) as other:
        other.restore.bring_back(surgery.to)
        other.restore.catch_up(None, accept_loss=restoring.LOSS)
        back = Patient.objects.get()
        assert back.erased_at == RESTORED
        assert surgery.patient.name not in repr(vars(back))
        assert Consent.objects.get().erased_at is not None
        assert Photo.objects.get(pk=photo.pk).state == Photo.State.ERASED
        assert other.restore.report.forgotten_again == 2  # the patient and her answer
        assert evidence.verify(None).ok


def test_a_copy_that_does_not_open_fails_a_drill(surgery: Surgery):
    copy = made_copy(surgery.take(), surgery)
    stores.blobs().delete(copy.blob)
    assert drilling.open_all().failed == (str(copy.pk),)


def test_a_witness_that_cannot_be_read_keeps_nothing_shut(surgery: Surgery, monkeypatch):
    from django.conf import settings

    place = surgery.root / "witness"
    place.mkdir()
    (place / ".incoming").write_bytes(b"a file where a folder should be")
    monkeypatch.setattr(settings, "CONFIG", replace(settings.CONFIG, witness_to=str(place)))
    last_seen.look_at_witness()
    assert not being_restored.is_on()


def test_the_settings_come_along(surgery: Surgery):
    from safelight.storage import unpacking

    (surgery.place.home / "safelight.toml").write_text("idle_minutes = 5\n")
    made = backing.back_up_records(surgery.to, now=NOW)
    place = str(surgery.root / "backups")
    for chosen in (None, made.id):
        text = unpacking.settings_text(place, chosen, surgery.key.to_words())
        assert text == b"idle_minutes = 5\n"


def test_a_drill_tells_what_does_not_open_and_what_does_and_should_not(surgery: Surgery):
    photo, cut, erased = surgery.take(), surgery.take(), surgery.take()
    blob = stores.blobs().get(cut.blob)
    stores.blobs().delete(cut.blob)
    stores.blobs().put(cut.blob, blob[:-1])
    found = drilling.open_all()
    assert found.failed == (str(cut.pk),)
    assert not found.went_well
    assert json.loads(json.dumps(found.as_json())) == {
        "pictures": 3,
        "copies": 0,
        "failed": [str(cut.pk)],
        "erased": 0,
        "erased_that_open": [],
        "seconds": found.seconds,
    }
    assert drilling.open_all(most=1).pictures == 1
    with stores.keys()._database.writing() as db:
        db.execute("INSERT INTO tombstones (image) VALUES (?)", (erased.pk.bytes,))
    assert drilling.open_all().erased_that_open == (str(erased.pk),)
    stores.keys().erase([photo.pk])
    assert str(photo.pk) not in drilling.open_all().erased_that_open
    drilling.note_drill({"seconds": 1}, went_well=True, set_id="records-x", now=NOW)
    assert BackupRun.objects.newest("drill").figures == {"seconds": 1}
