"""Bring an installation back from backups, and keep it shut until nothing in it comes undone.

    mark → records → pictures → keys → catch up with the witness → destroy again → the mark goes

Killed anywhere, the mark is still there and the same command begins anew. ADR-0010 says why.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction

from safelight import ledger, storage, vault
from safelight.flows import (
    backing,
    being_restored,
    closings,
    destroying,
    erasing,
    evidence,
    key_managers,
    last_seen,
    records_copy,
    stores,
    taken_back_again,
)
from safelight.records import log
from safelight.records.models import (
    BackupRun,
    Copy,
    LedgerEntry,
    Link,
    OutgoingMail,
    Photo,
    Practice,
)
from safelight.storage import backups, scratch, snapshot, witnessed
from safelight.storage.backups import Kind, Lid

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from safelight.storage import KeyManager
    from safelight.storage.backups import Manifest, Target

LOSS = "what patients took back may be shown again"
"""The words with which an operator opens what hasn't caught up. They go into the ledger."""


class NotEmpty(RuntimeError):
    """There is an installation in this place, and it isn't one that is being restored."""

    for_people = (
        "There are records in this place already. Restore into an empty folder, or move what is "
        "there away first: a restore never writes over an installation."
    )


class NoSuchBackup(RuntimeError):
    """The place holds no whole set of that kind."""

    for_people = (
        "There is no whole backup of that kind in this place. Look with “safelight backup list”."
    )


class KeysDontOpen(RuntimeError):
    """No set of keys opens: the manager's versions are destroyed, or it isn't their manager."""

    for_people = (
        "None of these sets of keys opens here. Either their time is over (the key manager has "
        "destroyed the versions of those days), or this isn't the key manager that they were made "
        "with, or the passphrase is another one."
    )


class Behind(RuntimeError):
    """The ledger doesn't reach what the witness saw, and what lies between isn't there."""

    def __init__(self, reached: int, wanted: int | None) -> None:
        """wanted: None where no witness was asked."""
        super().__init__(f"{reached} of {wanted}")
        self.reached, self.wanted = reached, wanted

    @property
    def for_people(self) -> str:
        """Return what is missing, and what can be done about it."""
        if self.wanted is None:
            return (
                f"The ledger has {self.reached} entries, and no witness was asked how many there "
                "were. It stays shut. Go on with “safelight restore --go-on --witness FOLDER”, the "
                "folder of witness_to, or with the newest checkpoint that anybody outside has kept."
            )
        return (
            f"The witness has seen {self.wanted} entries and this reaches {self.reached}: entries "
            f"{self.reached} to {self.wanted - 1} are missing, and what they took back isn't known. "
            "It stays shut. Look for the witness's whole folder (letters in tails/, and a newer "
            "backup), and go on with “safelight restore --go-on --witness FOLDER”. Only where they "
            "are lost for good: “safelight restore --go-on --accept-loss”, and read what it says."
        )


@dataclass(slots=True)
class Report:
    """What was brought back, and what wasn't. Counts, and random ids."""

    records_set: str = ""
    keys_set: str = ""
    ledger_size: int = 0
    caught_up: int = 0
    blobs: int = 0
    missing_blobs: list[str] = field(default_factory=list)
    altered_blobs: list[str] = field(default_factory=list)
    destroyed_again: int = 0
    """Keys that came back and that the ledger or the witness knew to be erased."""
    forgotten_again: int = 0
    """Rows of pictures, answers and patients that only their tombstone knew to be erased."""
    without_key_or_blob: list[str] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {name: getattr(self, name) for name in self.__slots__}


class Restore:
    """One restore into the installation of the settings, and its report."""

    def __init__(self, *, key: vault.BackupKey | None, now: datetime) -> None:
        """key: from the safe; None where nothing sealed is read."""
        self._key, self._now = key, now
        self.report = Report()

    def bring_back(
        self, records: Target, *, set_id: str | None = None, keys: Target | None = None
    ) -> None:
        """Put a set's records and pictures here, and the newest set of keys that opens.

        keys: None where the keys here survived: they are used as they are, which is better than any
        backup of them. It stays shut afterwards. Raises NotEmpty, NoSuchBackup, BackupBroken,
        KeysDontOpen, WrongLedger, DiskFull.
        """
        if not being_restored.is_on() and records_copy.are_there():
            raise NotEmpty
        made = _chosen(records, Kind.RECORDS, set_id)
        being_restored.begin(why="restore", records_set=made.id)
        with being_restored.restoring(), _scratch() as folder:
            stores.close()
            self._timed("records", lambda: self._records(records, made, folder))
            self._timed("blobs", lambda: self._blobs(records, made))
            self._timed("keys", lambda: self._keys(keys, folder))
            self._check(made)
        self.report.records_set, self.report.ledger_size = made.id, made.ledger.size

    def catch_up(
        self,
        witness: witnessed.Witness | None,
        *,
        note: str | None = None,
        accept_loss: str | None = None,
    ) -> None:
        """Bring the ledger to what the witness saw last, close and destroy again, then open.

        note: a checkpoint that somebody kept, where there is no folder. Raises Behind where they
        leave something out, unless the words of LOSS were given; WrongLedger where they contradict;
        LedgerNotWhole.
        """
        if not being_restored.is_on():
            return
        with being_restored.restoring():
            self._timed("catch_up", lambda: self._catch_up(witness, note, accept_loss))
            self._timed("destroy", self._destroy_again)
            self._open()

    def _records(self, records: Target, made: Manifest, folder: Path) -> None:
        keys = {Lid.BACKUP_KEY: self._opened(made, Lid.BACKUP_KEY)}
        path = folder / backing.RECORDS
        backups.unpack(records.sets, made, of=backing.RECORDS, keys=keys, into=path)
        records_copy.put_back(path, database=made.database)

    def _blobs(self, records: Target, made: Manifest) -> None:
        kept = stores.blobs()
        for name, blob in backups.read_listing(records.sets, made).items():
            try:
                data = records.blobs.get(name)
            except storage.BlobGone:
                self.report.missing_blobs.append(name)
                continue
            if backups.blob_of(data) != blob:
                self.report.altered_blobs.append(name)
                continue
            kept.put(name, data)
            self.report.blobs += 1

    def _keys(self, keys: Target | None, folder: Path) -> None:
        if keys is None:
            return
        found = [each for each in backups.find(keys.sets).sets if each.kind is Kind.KEYS]
        if not found:
            raise NoSuchBackup
        for made in reversed(found):
            if self._try_keys(keys, made, folder):
                self.report.keys_set = made.id
                return
        raise KeysDontOpen

    def _try_keys(self, keys: Target, made: Manifest, folder: Path) -> bool:
        """Put a set of keys here, if it opens."""
        wrapped = self._opened(made, Lid.BOTH)
        self._manager_file(keys, made, folder)
        path = folder / made.id
        if not any(self._opens(keys, made, wrapped, by, path) for by in key_managers.known()):
            return False
        # What an earlier try of this restore put here may go; anybody else's may not.
        stores.keys().take_in(path, over=bool(being_restored.told().get("keys_set")))
        being_restored.begin(keys_set=made.id)
        stores.close()  # the set says itself under which key manager it is
        return True

    def _opens(
        self, keys: Target, made: Manifest, wrapped: bytes, by: KeyManager, path: Path
    ) -> bool:
        """Put the set's key store at `path`; say whether every key in it opens with that manager."""
        path.unlink(missing_ok=True)
        try:
            key = by.unwrap(wrapped, aad=backups.epoch_aad(made.id))
            backups.unpack(keys.sets, made, of=backing.KEYS, keys={Lid.BOTH: key}, into=path)
            snapshot.open_every_key(path, by)
        except (storage.StorageError, vault.VaultError):
            return False
        return True

    def _manager_file(self, keys: Target, made: Manifest, folder: Path) -> None:
        """Put the sealed key file back where there is none. One that is there is newer: it stays."""
        place = Path(settings.SAFELIGHT_SEAL)
        if place.exists() or not any(part.of == backing.SEAL for part in made.parts):
            return
        opened = {Lid.BACKUP_KEY: self._opened(made, Lid.BACKUP_KEY)}
        path = folder / f"{made.id}-seal"
        backups.unpack(keys.sets, made, of=backing.SEAL, keys=opened, into=path)
        snapshot.move_into_place(path, place)

    def _opened(self, made: Manifest, lid: Lid) -> bytes:
        if self._key is None:
            raise storage.NotTheBackupKey("no backup key was given")
        return backups.opened_key(made, lid, self._key)

    def _check(self, made: Manifest) -> None:
        """Refuse records that aren't what the manifest says, or aren't of these keys."""
        tree = backing.tree()
        if (tree.size, tree.root()) != (made.ledger.size, made.ledger.root):
            raise last_seen.WrongLedger
        if evidence.public_key() != made.ledger.public or not evidence.verify(None).ok:
            raise last_seen.WrongLedger

    def _catch_up(
        self, witness: witnessed.Witness | None, note: str | None, accept_loss: str | None
    ) -> None:
        public = evidence.public_key()
        seen = last_seen.seen_by(witness, note, public=public)
        tree = backing.tree()
        entries: list[bytes] = []
        if witness is not None and self._key is not None:
            entries = witness.entries(tree.size, key=self._key, public=public)
        entries = last_seen.up_to_last_seen(tree, entries, seen)
        reached = tree.size + len(entries)
        wanted = max((each.size for each in seen), default=None)
        accepted = accept_loss == LOSS
        if not accepted and (wanted is None or wanted > reached):
            raise Behind(reached, wanted)
        with transaction.atomic():
            _quieten(now=self._now)
            to_do = {closings.repeat(entry) for entry in log.put_back(entries)}
            if accepted and (wanted is None or wanted > reached):
                _log_gap(reached, seen, now=self._now)
        self.report.caught_up = len(entries)
        self.report.by_hand = sorted(each for each in to_do if each is not None)
        self._bury(witness, public)

    def _bury(self, witness: witnessed.Witness | None, public: bytes) -> None:
        """Destroy in the key store what the witness and the whole ledger know to be erased."""
        gone = set(_destroyed_in_ledger())
        if witness is not None and self._key is not None:
            gone |= set(witness.tombstones(key=self._key, public=public))
        keys = stores.keys()
        left = [each for each in gone if not keys.is_erased(each)]
        for at in range(0, len(left), 500):
            keys.erase(left[at : at + 500])
        self.report.destroyed_again = len(left)

    def _destroy_again(self) -> None:
        """Finish what the closings queued, and forget what the tombstones say, whatever the ledger says."""
        keys = stores.keys()
        _close_tombstoned(keys, now=self._now)
        erasing.finish_pending(now=self._now)
        self.report.forgotten_again = destroying.catch_up(now=self._now)
        for photo in Photo.objects.filter(state=Photo.State.KEPT):
            if not _is_whole(photo):
                self.report.without_key_or_blob.append(str(photo.pk))
        Photo.objects.filter(pk__in=self.report.without_key_or_blob).update(
            state=Photo.State.QUARANTINED
        )

    def _open(self) -> None:
        told = being_restored.told()
        with transaction.atomic():
            for practice in Practice.objects.order_by("pk"):
                log.append(
                    "ledger.restored",
                    practice=practice,
                    subject=practice.pk,
                    by="system",
                    at=self._now,
                    backup=str(told.get("records_set", "none")),
                    keys=str(told.get("keys_set", "none")),
                    caught_up=self.report.caught_up,
                    destroyed_again=self.report.destroyed_again,
                    quarantined=len(self.report.without_key_or_blob),
                )
            backing.note_run(
                BackupRun.Kind.RESTORE,
                now=self._now,
                went_well=True,
                set_id=str(told.get("records_set", "")),
                figures=self.report.seconds,
            )
        evidence.demand_whole(now=self._now)  # raises where it isn't: then the mark stays
        evidence.checkpoint(now=self._now)
        being_restored.end()

    def _timed(self, name: str, act: Any) -> None:
        began = time.monotonic()
        act()
        self.report.seconds[name] = round(time.monotonic() - began, 1)


def opened(words: str | None, *, now: datetime) -> Restore:
    """Return a restore with the key that was written down. Raises NotTheBackupKey."""
    return Restore(key=None if words is None else backups.key_of(words), now=now)


def last_entry_at() -> datetime | None:
    """Return when the last thing happened that the ledger here knows of."""
    last = LedgerEntry.objects.order_by("-index").first()
    return None if last is None else last.at


def _chosen(place: Target, kind: Kind, set_id: str | None) -> Manifest:
    found = backups.find(place.sets)
    if set_id is not None:
        made = backups.read_manifest(place.sets, set_id)
        if made.kind is not kind:
            raise NoSuchBackup
        return made
    newest = found.newest(kind)
    if newest is None:
        raise NoSuchBackup
    return newest


def _quieten(*, now: datetime) -> None:
    """End what must not go on as it was: sessions, open links, and mail that may be out already."""
    Session.objects.all().delete()
    for link in Link.objects.filter(revoked_at__isnull=True):
        link.set_revoked(at=now)
    OutgoingMail.objects.filter(sent_at__isnull=True).update(text="")


def _log_gap(reached: int, seen: Sequence[ledger.Checkpoint], *, now: datetime) -> None:
    newest = max(seen, key=lambda each: each.size, default=None)
    for practice in Practice.objects.order_by("pk"):
        log.append(
            "ledger.gap-accepted",
            practice=practice,
            subject=practice.pk,
            by="operator",
            at=now,
            words=LOSS,
            reached=reached,
            witnessed=newest.size if newest else None,
            root=newest.root.hex() if newest else None,
        )


def _destroyed_in_ledger() -> Iterable[UUID]:
    """Yield every id that the ledger says was destroyed, ever: the keys may be older than the rest."""
    for body in LedgerEntry.objects.filter(kind="keys.destroyed").values_list("body", flat=True):
        yield from closings.destroyed_by(ledger.read_entry(bytes(body)))


def _close_tombstoned(keys: storage.KeyStore, *, now: datetime) -> None:
    """Queue pictures and copies whose key is gone for good, so that their rows and blobs follow."""
    gone = set(keys.tombstones())
    for photo in Photo.objects.filter(state=Photo.State.KEPT).select_related("patient__practice"):
        if photo.pk in gone:
            taken_back_again.destroy(photo, now=now)
    for copy in Copy.objects.filter(state=Copy.State.KEPT).select_related("photo__patient"):
        if copy.pk in gone:
            erasing.queue(copy.photo.patient, copies=[copy], now=now)


def _is_whole(photo: Photo) -> bool:
    blobs = stores.blobs()
    try:
        stores.keys().get(photo.pk, tenant=photo.practice_id, patient=photo.patient_id, version=1)
    except (storage.KeyGone, vault.SealBroken):
        return False
    return all(blobs.exists(name) for name in erasing.blobs_of(photo))


def _scratch() -> Any:
    return scratch.scratch(Path(settings.SAFELIGHT_HOME) / "scratch")
