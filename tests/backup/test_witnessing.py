"""What a witness is told, when, and what it can do with it: nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings

from backup.conftest import NOW, Surgery
from safelight import storage, vault
from safelight.flows import backing, closings, evidence, rounds, stores, withdraw, witnessing
from safelight.records.models import BackupRun, LedgerEntry, TreeHead
from safelight.storage import witnessed
from safelight.terms import Purpose

SOURCES = Path(__file__).parents[2] / "src" / "safelight"
NOT_ENTRIES = {"backup-key.pub", "safelight.toml", "being-restored.json"}


@pytest.fixture
def folder(surgery: Surgery, monkeypatch) -> Path:
    place = surgery.root / "witness"
    place.mkdir()
    told = replace(settings.CONFIG, witness_to=str(place))
    monkeypatch.setattr(settings, "CONFIG", told)
    return place


def test_every_kind_of_entry_is_known_to_a_restore():
    """A kind that isn't listed refuses every restore. Say in `flows.closings` what it does."""
    written = {
        kind
        for path in SOURCES.rglob("flows/*.py")
        for kind in re.findall(r'"([a-z]+(?:-[a-z]+)*\.[a-z]+(?:-[a-z]+)*)"', path.read_text())
    }
    known = {*closings.CLOSES, *closings.REPEATED, *closings.BY_HAND, *closings.HARMLESS}
    assert written - NOT_ENTRIES - known == set()


def test_a_witness_is_told_at_once_when_something_closes_and_else_each_hour(
    surgery: Surgery, folder: Path
):
    assert witnessing.tell_if_due(now=NOW) == TreeHead.objects.get().size
    assert witnessing.tell_if_due(now=NOW) is None
    surgery.take()
    soon = NOW + timedelta(minutes=1)
    assert witnessing.tell_if_due(now=soon) is None, "a picture can wait"
    withdraw.withdraw(surgery.consent, purposes=[Purpose.CARE], by=None, now=soon)
    assert witnessing.tell_if_due(now=soon) == TreeHead.objects.get().size
    surgery.patient.consents.update(withdrawn={})
    surgery.take()
    assert witnessing.tell_if_due(now=soon) is None
    assert witnessing.tell_if_due(now=soon + timedelta(hours=1)) == TreeHead.objects.get().size
    assert BackupRun.objects.filter(kind="witness").count() == 1


def test_the_worker_tells_the_witness(surgery: Surgery, folder: Path):
    assert "witness" in rounds.go(now=NOW, transport=None).done
    assert list((folder / "notes").iterdir())


def test_without_a_witness_nothing_is_told(surgery: Surgery):
    assert witnessing.tell_if_due(now=NOW) is None


def test_a_folder_that_is_not_there_is_not_made(surgery: Surgery, folder: Path):
    folder.rmdir()
    with pytest.raises(storage.NoPlace):
        witnessing.tell_if_due(now=NOW)
    assert not folder.exists()


def test_letters_hold_the_ledger_and_what_was_erased_and_open_with_the_safes_words_only(
    surgery: Surgery, folder: Path, monkeypatch
):
    monkeypatch.setattr(witnessed, "PORTION_BYTES", 300)
    photo = surgery.take()
    stores.keys().erase([photo.pk])
    witnessing.tell(str(folder), now=NOW)
    kept = witnessing.witness(str(folder))
    public = evidence.public_key()
    bodies = [bytes(row.body) for row in LedgerEntry.objects.order_by("index")]
    assert kept.entries(0, key=surgery.key, public=public) == bodies
    assert kept.entries(1, key=surgery.key, public=public) == bodies[1:]
    assert kept.tombstones(key=surgery.key, public=public) == [photo.pk]
    assert len(list((folder / "tails").iterdir())) > 1
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for body in bodies:
        assert body not in everything
    assert photo.pk.bytes not in everything
    for reading in (kept.tombstones, lambda **given: kept.entries(0, **given)):
        with pytest.raises(storage.BackupBroken):
            reading(key=vault.BackupKey.generate(), public=public)
        with pytest.raises(storage.BackupBroken):
            reading(key=surgery.key, public=bytes(32))


def test_the_list_of_the_erased_grows_and_the_shorter_ones_go(surgery: Surgery, folder: Path):
    first, second = surgery.take(), surgery.take()
    for photo in (first, second):
        stores.keys().erase([photo.pk])
        witnessing.tell(str(folder), now=NOW)
        surgery.take()
    assert len(list((folder / "tombstones").iterdir())) == 1
    kept = witnessing.witness(str(folder))
    found = kept.tombstones(key=surgery.key, public=evidence.public_key())
    assert set(found) == {first.pk, second.pk}


def test_a_witness_who_has_seen_more_is_not_told_less(surgery: Surgery, folder: Path):
    (folder / "notes").mkdir()
    (folder / "notes" / f"{900:012}").write_text("a checkpoint")
    with pytest.raises(storage.BackupBroken):
        witnessing.tell(str(folder), now=NOW)


def test_an_empty_ledger_is_not_told(surgery: Surgery, folder: Path):
    LedgerEntry.objects.all().delete()
    TreeHead.objects.all().delete()
    assert witnessing.tell(str(folder), now=NOW) is None
    assert witnessing.tell_if_due(now=NOW) is None


def test_without_a_backup_key_the_witness_is_not_told(surgery: Surgery, folder: Path):
    (surgery.place.home / backing.PUBLIC_KEY).unlink()
    with pytest.raises(backing.NoBackupKey):
        witnessing.tell_if_due(now=NOW)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}\n\n", b"[]\nAA\nx", b'{"format":"safelight-letter-v1","of":"tails","name":"x"}\n\n'],
)
def test_what_is_no_letter_is_refused(surgery: Surgery, folder: Path, data: bytes):
    (folder / "tails").mkdir()
    (folder / "tails" / f"{0:012}-{3:012}").write_bytes(data)
    kept = witnessing.witness(str(folder))
    with pytest.raises(storage.BackupBroken):
        kept.entries(0, key=surgery.key, public=evidence.public_key())


def test_a_letter_in_anothers_place_or_with_fewer_entries_is_refused(
    surgery: Surgery, folder: Path
):
    surgery.take()
    witnessing.tell(str(folder), now=NOW)
    public = evidence.public_key()
    writer = witnessed.Writer(surgery.key.public, public, evidence.sign)
    kept = witnessing.witness(str(folder))
    name = max((folder / "tails").iterdir()).name
    (folder / "tails" / name).rename(folder / "tails" / f"{0:012}-{9:012}")
    with pytest.raises(storage.BackupBroken):
        kept.entries(0, key=surgery.key, public=public)
    letter = witnessed._letter("tails", f"{0:012}-{9:012}", b"one\ntwo", writer)
    (folder / "tails" / f"{0:012}-{9:012}").write_bytes(letter)
    with pytest.raises(storage.BackupBroken):
        kept.entries(0, key=surgery.key, public=public)
    (folder / "tails" / "else").write_bytes(b"")
    (folder / "tails" / f"{0:012}-{9:012}").unlink()
    assert kept.entries(0, key=surgery.key, public=public) == []
    with pytest.raises(ValueError, match="reach"):
        kept.keep(witnessed.Note(3, "note"), first=0, entries=[b"one"], writer=writer)
