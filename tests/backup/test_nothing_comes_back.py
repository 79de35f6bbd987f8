"""The campaign: what was erased comes back from no kept backup, whoever holds it, killed or not."""

from __future__ import annotations

import os
import random
import re
import resource
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from backup.conftest import NOW, Surgery
from flows.conftest import PASSPHRASE, SITE
from installing import here
from safelight import storage, vault
from safelight.flows import (
    backing,
    being_restored,
    drilling,
    keeping,
    restoring,
    stores,
    withdraw,
    witnessing,
)
from safelight.records import log
from safelight.records.models import KeyBackupVerified, Photo
from safelight.storage import backups, snapshot
from safelight.storage.managers import Health, ManagerState
from safelight.terms import Purpose

PICTURES = int(os.environ.get("TEST_ERASED", "60"))
"""How many pictures are erased between the backups; `./run campaign backups --long` takes 500."""
KILLS = int(os.environ.get("TEST_BACKUP_KILLS", "6"))
MARKERS = 1000
RESTORED = NOW + timedelta(days=9)


def seal_pictures(surgery: Surgery, many: int) -> list[Photo]:
    """Make pictures as small sealed files, with their keys, rows and entries; none is decoded."""
    from django.db import transaction

    made = []
    for _ in range(many):
        image_id, key = uuid4(), vault.new_key()
        keeping.begin(
            image_id, tenant=surgery.practice.pk, patient=surgery.patient.pk, data_key=key
        )
        photo = Photo(
            pk=image_id,
            practice=surgery.practice,
            patient=surgery.patient,
            capture_id=image_id,
            sha256="0" * 64,
            body_site=SITE,
            consent=surgery.consent,
            taken_at=NOW,
            received_at=NOW - timedelta(days=2),
            taken_by=surgery.gp,
            width=1,
            height=1,
            decision={},
        )
        from safelight.flows.capture import blob_context

        for kind in ("original", "view", "thumb"):
            name = photo.blob if kind == "original" else photo.derived_blob(kind)
            of = key if kind == "original" else vault.derive(key, kind)
            blob = vault.seal(of, secrets.token_bytes(300), context=blob_context(photo, kind))
            stores.blobs().put(name, blob)
        with transaction.atomic():
            photo.save(force_insert=True)
            log.append(
                "photo.captured",
                practice=surgery.practice,
                subject=surgery.patient.subject,
                by=surgery.gp,
                at=NOW,
                photo=photo.pk,
            )
        keeping.settle(image_id)
        made.append(photo)
    return made


def restored(surgery: Surgery, name: str, made: backups.Manifest, *, replay: bool = True):
    """Bring one set back on a machine of its own; return what opens there and should not."""
    home = surgery.root / name
    (home / "keys").mkdir(parents=True)
    with here(home):
        restore = restoring.Restore(key=surgery.key, now=RESTORED)
        restore.bring_back(surgery.to, set_id=made.id, keys=surgery.keys_to)
        if not replay:
            being_restored.end()
        else:
            assert not open_now(list(Photo.objects.values_list("pk", flat=True))), "shut until then"
            restore.catch_up(witnessing.witness(str(surgery.root / "witness")))
            found = drilling.open_all()
            assert found.erased_that_open == ()
            assert found.failed == ()
        return open_now(surgery_erased(surgery))


def surgery_erased(surgery: Surgery) -> list[UUID]:
    return [photo.pk for photo in surgery.photos]


def open_now(ids: list[UUID]) -> list[UUID]:
    """Return which of these open, with everything that this installation has."""
    from safelight.flows import opening

    found = []
    for photo in Photo.objects.filter(pk__in=ids):
        try:
            opening.unsealed(photo, size=opening.ORIGINAL)
        except (opening.PictureClosed, vault.VaultError, stores.KeysAreSealed):
            continue
        found.append(photo.pk)
    return found


@pytest.fixture
def erased_between(surgery: Surgery) -> list[backups.Manifest]:
    """Three backups, with pictures erased after each of them; the witness is told of each."""
    (surgery.root / "witness").mkdir()
    made = []
    surgery.photos = seal_pictures(surgery, PICTURES)
    seal_pictures(surgery, 5)
    for number in range(3):
        at = NOW + timedelta(days=number)
        made.append(backing.back_up_records(surgery.to, now=at))
        backing.back_up_keys(surgery.keys_to, now=at)
        for photo in surgery.photos[number::3]:
            photo.refresh_from_db()
            withdraw.withdraw_picture(photo, purposes=[Purpose.CARE], by=surgery.gp, now=at)
        witnessing.tell(str(surgery.root / "witness"), now=at)
    return made


def test_no_retained_backup_brings_an_erased_picture_back(
    surgery: Surgery, erased_between: list[backups.Manifest]
):
    for number, made in enumerate(erased_between):
        assert restored(surgery, f"again-{number}", made) == []


def test_a_build_that_forgets_the_replay_is_caught(
    surgery: Surgery, erased_between: list[backups.Manifest]
):
    """The control: the same question to a build without it finds every one erased since."""
    opened = restored(surgery, "careless", erased_between[0], replay=False)
    newest_keys = [photo.pk for photo in surgery.photos[2::3]]
    assert set(newest_keys) <= set(opened)


def test_a_build_that_repeats_only_the_records_is_caught(
    surgery: Surgery, erased_between: list[backups.Manifest], monkeypatch
):
    """The control for keys: without destroying again, an old key store opens what it had."""
    monkeypatch.setattr(restoring.Restore, "_bury", lambda *_: None)
    monkeypatch.setattr(restoring.Restore, "_destroy_again", lambda *_: None)
    home = surgery.root / "half"
    (home / "keys").mkdir(parents=True)
    with here(home):
        restore = restoring.Restore(key=surgery.key, now=RESTORED)
        restore.bring_back(surgery.to, set_id=erased_between[0].id, keys=surgery.keys_to)
        restore.catch_up(witnessing.witness(str(surgery.root / "witness")))
        assert open_now(surgery_erased(surgery))


@dataclass
class Shredding:
    """A key manager whose destroyed versions are gone for everybody: what an HSM promises.

    It lives in this process alone: no copy of it is in any backup, as none of a token's is.
    """

    keys: dict[int, bytes] = field(default_factory=lambda: {1: vault.new_key()})
    proves_shred: bool = True
    kind: str = "shredding"

    def wrap(self, data: bytes, *, aad: bytes) -> bytes:
        version = max(self.keys)
        head = version.to_bytes(4, "big")
        return head + vault.wrap(self.keys[version], data, aad=head + aad)

    def unwrap(self, wrapped: bytes, *, aad: bytes) -> bytes:
        version = self.version_of(wrapped)
        if version not in self.keys:
            raise storage.VersionDestroyed(str(version))
        return vault.unwrap(self.keys[version], wrapped[4:], aad=wrapped[:4] + aad)

    def version_of(self, wrapped: bytes) -> int:
        return int.from_bytes(wrapped[:4], "big")

    def rotate(self) -> int:
        self.keys[max(self.keys) + 1] = vault.new_key()
        return max(self.keys)

    def destroy_version(self, version: int) -> None:
        del self.keys[version]

    def describe(self) -> ManagerState:
        return ManagerState("shredding", max(self.keys), tuple(sorted(self.keys)), True, "test")

    def health(self) -> Health:
        return Health(ok=True, text="")


@pytest.fixture
def shredding(monkeypatch) -> Shredding:
    """Have every key store of this test hang on one manager that really destroys."""
    manager = Shredding()
    monkeypatch.setattr(backing, "_manager_files", list)
    monkeypatch.setattr(storage.SealedFileManager, "open", lambda *_: manager)
    stores.close()
    return manager


def test_a_set_of_keys_dies_with_its_managers_version(surgery: Surgery, shredding: Shredding):
    surgery.place.keys.unlink(missing_ok=True)
    stores.close()
    (surgery.root / "witness").mkdir()
    surgery.photos = seal_pictures(surgery, 20)
    records = backing.back_up_records(surgery.to, now=NOW)
    old = backing.back_up_keys(surgery.keys_to, now=NOW)
    info = backups.key_info(old.id, backups.Lid.BOTH)
    wrapped = surgery.key.open(old.closed[backups.Lid.BOTH], info=info)
    assert len(shredding.unwrap(wrapped, aad=backups.epoch_aad(old.id))) == vault.KEY_BYTES
    for photo in surgery.photos:
        withdraw.withdraw_picture(photo, purposes=[Purpose.CARE], by=surgery.gp, now=NOW)
    keys = stores.keys()
    for day in range(1, 10):
        keys.nightly.rotate(NOW + timedelta(days=day))
    after = NOW + timedelta(days=9)
    backing.back_up_keys(surgery.keys_to, now=after)
    noted = KeyBackupVerified.objects.newest()
    assert noted is not None
    assert noted.needs_version > 1
    for version in [each for each in shredding.keys if each < noted.needs_version]:
        shredding.destroy_version(version)
    with pytest.raises(storage.VersionDestroyed):
        shredding.unwrap(wrapped, aad=backups.epoch_aad(old.id))
    newest = max(backups.find(surgery.keys_to.sets).sets, key=lambda one: one.made_at)
    backups.delete_set(surgery.keys_to.sets, newest.id)
    (surgery.root / "other" / "keys").mkdir(parents=True)
    with here(surgery.root / "other"), pytest.raises(restoring.KeysDontOpen):
        restoring.Restore(key=surgery.key, now=RESTORED).bring_back(
            surgery.to, set_id=records.id, keys=surgery.keys_to
        )


def test_a_sealed_key_file_proves_no_shredding(surgery: Surgery):
    """Said everywhere, and shown here: with words, passphrase and an old set it all opens again."""
    surgery.photos = seal_pictures(surgery, 3)
    records = backing.back_up_records(surgery.to, now=NOW)
    backing.back_up_keys(surgery.keys_to, now=NOW)
    stores.keys().erase(surgery_erased(surgery))
    assert set(restored(surgery, "thief", records, replay=False)) == set(surgery_erased(surgery))


def test_a_thief_of_backups_finds_none_of_a_thousand_markers(surgery: Surgery):
    markers = [f"Marker{secrets.token_hex(6)}" for _ in range(MARKERS)]
    from safelight.records.models import Patient

    Patient.objects.bulk_create(
        Patient(practice=surgery.practice, name=each, born_on=NOW.date(), created_at=NOW)
        for each in markers
    )
    (surgery.root / "witness").mkdir()
    backing.back_up_records(surgery.to, now=NOW)
    backing.back_up_keys(surgery.keys_to, now=NOW)
    witnessing.tell(str(surgery.root / "witness"), now=NOW)
    live = b"".join(
        path.read_bytes() for path in surgery.place.home.glob("records.sqlite3*") if path.is_file()
    )
    assert sum(each.encode() in live for each in markers) == MARKERS, "the search itself works"
    stolen = b"".join(
        path.read_bytes()
        for folder in ("backups", "key-backups", "witness")
        for path in (surgery.root / folder).rglob("*")
        if path.is_file()
    )
    assert len(stolen) > 100_000
    for each in markers:
        assert each.encode() not in stolen
        assert each.encode("utf-16-le") not in stolen
    assert str(surgery.patient.pk.hex).encode() not in stolen
    assert surgery.patient.subject.bytes not in stolen


DOER = """
import os, sys, time
from pathlib import Path
import django
django.setup()
from django.utils import timezone
from safelight.flows import backing, restoring, witnessing
from safelight.storage import backups
root = Path(sys.argv[2])
print("ready", flush=True)
if sys.argv[1] == "backup":
    backing.back_up_records(backups.target(str(root / "backups")), now=timezone.now())
    backing.back_up_keys(backups.target(str(root / "key-backups")), now=timezone.now())
else:
    restore = restoring.opened((root / "words").read_text(), now=timezone.now())
    keys = backups.target(str(root / "key-backups"))
    restore.bring_back(backups.target(str(root / "backups")), keys=keys)
    print("caught", flush=True)
    restore.catch_up(witnessing.witness(str(root / "witness")))
print("done", flush=True)
"""


def doer(what: str, root: Path, home: Path) -> subprocess.Popen[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "DJANGO_SETTINGS_MODULE": "safelight.web.settings",
        "SAFELIGHT_MODE": "test",
        "SAFELIGHT_HOME": str(home),
        "SAFELIGHT_PASSPHRASE": PASSPHRASE,
    }
    return subprocess.Popen(
        [sys.executable, "-c", DOER, what, str(root)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def killed_after(process: subprocess.Popen[str], seconds: float) -> bool:
    """Kill -9 so long after it is ready; return whether it had ended before."""
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    assert process.returncode == 0
    return True


def test_a_backup_killed_anywhere_leaves_none_that_counts(surgery: Surgery):
    seal_pictures(surgery, 30)
    stores.close()
    whole = 0
    longest = 0.4
    for _ in range(KILLS):
        ended = killed_after(
            doer("backup", surgery.root, surgery.place.home), random.uniform(0, longest)
        )
        longest = longest if ended else longest * 1.3
        whole += ended
        for at in (surgery.to, surgery.keys_to):
            found = backups.find(at.sets)
            assert found.broken == ()
            for made in found.sets:
                backups.check_parts(at.sets, made)
    done = doer("backup", surgery.root, surgery.place.home)
    assert killed_after(done, 200)
    newest = backups.find(surgery.to.sets).newest(backups.Kind.RECORDS)
    assert newest is not None
    for name in backups.read_listing(surgery.to.sets, newest):
        assert surgery.to.blobs.exists(name)
    assert list((surgery.place.home / "scratch").iterdir()) == []


def test_a_restore_killed_anywhere_stays_shut_and_is_done_again(surgery: Surgery):
    surgery.photos = seal_pictures(surgery, 30)
    (surgery.root / "witness").mkdir()
    (surgery.root / "words").write_text(surgery.key.to_words())
    backing.back_up_records(surgery.to, now=NOW)
    backing.back_up_keys(surgery.keys_to, now=NOW)
    for photo in surgery.photos[:10]:
        withdraw.withdraw_picture(photo, purposes=[Purpose.CARE], by=surgery.gp, now=NOW)
    witnessing.tell(str(surgery.root / "witness"), now=NOW)
    home, longest = surgery.root / "other", 0.5
    (home / "keys").mkdir(parents=True)
    for number in range(KILLS):
        if killed_after(doer("restore", surgery.root, home), random.uniform(0, longest)):
            shutil.rmtree(home)
            (home / "keys").mkdir(parents=True)
            continue
        longest *= 1.3
        with here(home) as place:
            if place.records.exists() and not being_restored.is_on():
                assert open_now([photo.pk for photo in surgery.photos[:10]]) == []
            elif place.records.exists():
                with pytest.raises(stores.BeingRestored):
                    stores.keys()
        if not being_restored_at(home) and (home / "records.sqlite3").exists():
            shutil.rmtree(home)
            (home / "keys").mkdir(parents=True)
        assert number < KILLS
    assert killed_after(doer("restore", surgery.root, home), 200)
    with here(home):
        assert not being_restored.is_on()
        assert open_now([photo.pk for photo in surgery.photos[:10]]) == []
        assert len(open_now([photo.pk for photo in surgery.photos])) == 20


def being_restored_at(home: Path) -> bool:
    return (home / being_restored.MARK).exists()


def test_a_full_disk_leaves_no_backup_and_says_so(surgery: Surgery):
    """A file may only grow so far, which is how a full disk looks to whoever writes one."""
    seal_pictures(surgery, 3)
    stores.close()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    import signal

    had = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, before[1]))
    try:
        with pytest.raises(storage.DiskFull):
            backing.back_up_records(surgery.to, now=NOW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, had)
    assert not backups.find(surgery.to.sets).sets
    made = backing.back_up_records(surgery.to, now=NOW)
    backups.check_parts(surgery.to.sets, made)


def test_a_backup_from_before_a_change_of_the_tables_comes_back(surgery: Surgery, monkeypatch):
    """A set that the version before wrote: without the newest change of the tables."""
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader

    seal_pictures(surgery, 2)
    photos = list(Photo.objects.all())
    (surgery.root / "witness").mkdir()
    graph = MigrationLoader(connection).graph
    (newest,) = graph.leaf_nodes("records")
    before = next(iter(graph.node_map[newest].parents)).key
    whole = snapshot.copy_sqlite

    def older(path: Path, into: Path) -> None:
        home = surgery.root / "version-before"
        home.mkdir()
        whole(path, home / "records.sqlite3")
        with here(home):
            call_command("migrate", *before, verbosity=0)
        whole(home / "records.sqlite3", into)

    monkeypatch.setattr(snapshot, "copy_sqlite", older)
    made = backing.back_up_records(surgery.to, now=NOW)
    monkeypatch.undo()
    backing.back_up_keys(surgery.keys_to, now=NOW)
    witnessing.tell(str(surgery.root / "witness"), now=NOW)
    assert restored(surgery, "older", made) == []
    with here(surgery.root / "older"):
        assert len(open_now([photo.pk for photo in photos])) == 2
        assert newest in MigrationLoader(connection).applied_migrations


def test_the_documents_name_the_bytes_that_a_set_has(surgery: Surgery):
    made = backing.back_up_keys(surgery.keys_to, now=NOW)
    document = (Path(__file__).parents[2] / "docs" / "formats" / "backup.md").read_text()
    for name in made.to_json():
        assert re.search(rf"`{name}`", document), name
