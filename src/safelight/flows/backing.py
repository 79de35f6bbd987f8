"""Back up, while everybody goes on working: records with pictures, and keys by themselves.

Records first, then the blobs: a picture's blob is kept before its row, so that no row in the copy
lacks one, unless it was erased since. Keys go elsewhere, on their own schedule, and not for long.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import DatabaseError, transaction

from safelight import __version__, ledger, storage, vault
from safelight.flows import evidence, key_backups, records_copy, stores
from safelight.records import log
from safelight.records.models import BackupRun, Practice, TreeHead
from safelight.storage import backups, scratch, snapshot
from safelight.storage.backups import Blob, Kind, Lid, Target

if TYPE_CHECKING:
    from safelight.storage.backups import Manifest

PUBLIC_KEY, SETTINGS_FILE = "backup-key.pub", "safelight.toml"
SETTINGS, RECORDS, KEYS, SEAL = "settings", "records", "keys", "seal"
"""What the files of a set are called."""


class NoBackupKey(RuntimeError):
    """There is nothing to encrypt a backup to."""

    for_people = "There is no backup key yet. Make one with “safelight backup init-key”."


class BackupKeyThere(RuntimeError):
    """There is a backup key already; another one would make the first's words in the safe useless."""

    for_people = (
        "There is a backup key already. To change it, move backup-key.pub away first, and keep the "
        "old key's words for as long as its backups are kept."
    )


def make_key() -> vault.BackupKey:
    """Make the backup key and keep its public half; the caller shows the private one once.

    Tried on itself first: what is closed to it opens. Raises BackupKeyThere.
    """
    key = vault.BackupKey.from_words(vault.BackupKey.generate().to_words())
    closed = vault.close_to_backup(key.public, b"opens", info=b"safelight-backup-trial")
    key.open(closed, info=b"safelight-backup-trial")
    try:
        storage.write_new(_public_place(), vault.backup_public_text(key.public).encode())
    except FileExistsError:
        raise BackupKeyThere from None
    return key


def public_key() -> bytes:
    """Return the public half. Raises NoBackupKey, NotABackupKey."""
    try:
        return vault.read_backup_public(_public_place().read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NoBackupKey from None


def back_up_records(to: Target, *, now: datetime) -> Manifest:
    """Write a set of the records and every picture that no earlier set wrote; read it back.

    Raises NoBackupKey, DiskFull, Busy, BackupBroken where the place holds other bytes.
    """
    public = public_key()
    with _noted(BackupRun.Kind.RECORDS, now=now) as figures, _scratch() as folder:
        writer = backups.SetWriter(to.sets, Kind.RECORDS, now=now)
        key = vault.new_key()
        copy = records_copy.take(folder)
        writer.add(copy.path, of=RECORDS, lid=Lid.BACKUP_KEY, key=key)
        if told := _settings_file():
            writer.add(told, of=SETTINGS, lid=Lid.BACKUP_KEY, key=key)
        listed, new = _copy_blobs(to)
        writer.list_blobs(listed)
        made = writer.finish(
            sign=evidence.sign,
            then=_then(copy.tree),
            kid=vault.backup_kid(public),
            closed={Lid.BACKUP_KEY: _closed(public, key, writer.id, Lid.BACKUP_KEY)},
            program=__version__,
            database=copy.database,
        )
        backups.check_parts(to.sets, backups.read_manifest(to.sets, made.id))
        figures |= {"id": made.id, "blobs": len(listed), "new_blobs": new, "size": copy.tree.size}
    return made


def back_up_keys(to: Target, *, now: datetime) -> Manifest:
    """Write a set of the key store, read it back, open every key in it, and put that on record.

    Its key is wrapped by the key manager's current version inside the backup key: once that version
    is destroyed, nobody opens the set, whoever has the words from the safe. Raises as
    back_up_records does, and KeyStoreError for a copy that doesn't open.
    """
    public = public_key()
    with _noted(BackupRun.Kind.KEYS, now=now) as figures, _scratch() as folder:
        keys = stores.keys()
        writer = backups.SetWriter(to.sets, Kind.KEYS, now=now)
        key, seal_key = vault.new_key(), vault.new_key()
        evidence.public_key()  # made at the first call: a copy without it signs another ledger
        keys.copy_to(folder / KEYS)
        writer.add(folder / KEYS, of=KEYS, lid=Lid.BOTH, key=key)
        for path in _manager_files():
            writer.add(path, of=SEAL, lid=Lid.BACKUP_KEY, key=seal_key)
        wrapped = keys.manager.wrap(key, aad=backups.epoch_aad(writer.id))
        made = writer.finish(
            sign=evidence.sign,
            then=_then(tree()),
            kid=vault.backup_kid(public),
            closed={
                Lid.BOTH: _closed(public, wrapped, writer.id, Lid.BOTH),
                Lid.BACKUP_KEY: _closed(public, seal_key, writer.id, Lid.BACKUP_KEY),
            },
            program=__version__,
            database="sqlite",
        )
        seen = _verify_keys(to, made, wrapped, folder)
        current = keys.manager.version_of(wrapped)
        key_backups.note_verified(
            made_at=now,
            needs_version=current if seen.needs_version is None else seen.needs_version,
            sha256=backups.digest_of(to.sets, made),
            now=now,
        )
        figures |= {"id": made.id, "data_keys": seen.data_keys, "tombstones": seen.tombstones}
    return made


def note_run(
    kind: BackupRun.Kind,
    *,
    now: datetime,
    went_well: bool,
    set_id: str = "",
    figures: Mapping[str, Any] | None = None,
) -> BackupRun:
    """Put on record that something was done with backups, and how it went."""
    return BackupRun.objects.create(
        kind=kind, at=now, went_well=went_well, set_id=set_id, figures=dict(figures or {})
    )


@contextmanager
def _noted(kind: BackupRun.Kind, *, now: datetime) -> Iterator[dict[str, Any]]:
    """Put on record how the block went, and in the ledger what it wrote."""
    figures: dict[str, Any] = {}
    began = time.monotonic()
    try:
        yield figures
    except Exception as error:
        with suppress(DatabaseError):  # a disk that is full has no room for this either
            note_run(kind, now=now, went_well=False, figures={"failed": type(error).__name__})
        raise
    set_id = str(figures.pop("id"))
    figures["seconds"] = round(time.monotonic() - began, 1)
    with transaction.atomic():
        note_run(kind, now=now, went_well=True, set_id=set_id, figures=figures)
        for practice in Practice.objects.order_by("pk"):
            log.append(
                "backup.made",
                practice=practice,
                subject=practice.pk,
                by="system",
                at=now,
                of=kind.value,
                backup=set_id,
            )


def _copy_blobs(to: Target) -> tuple[dict[str, Blob], int]:
    """Bring the place's blobs up to what is kept now; return all of them, and how many were new."""
    newest = backups.find(to.sets).newest(Kind.RECORDS)
    known = {} if newest is None else backups.read_listing(to.sets, newest)
    there = set(to.blobs.names())
    listed, new = {}, 0
    for name in stores.blobs().names():
        if name in known and name in there:
            listed[name] = known[name]
            continue
        try:
            data = stores.blobs().get(name)
        except storage.BlobGone:
            continue  # erased, or settled, since its name was read
        try:
            to.blobs.put(name, data)
        except storage.AlreadyThere:
            raise storage.BackupBroken("other bytes lie under a picture's name") from None
        listed[name] = backups.blob_of(data)
        new += 1
    return listed, new


def _verify_keys(to: Target, made: Manifest, wrapped: bytes, folder: Path) -> snapshot.KeysSeen:
    """Read a set back from its place and open every key in it, with the manager as it is now."""
    manager = stores.keys().manager
    again = backups.read_manifest(to.sets, made.id)
    key = manager.unwrap(wrapped, aad=backups.epoch_aad(made.id))
    path = folder / "read-back"
    backups.check_parts(to.sets, again)
    backups.unpack(to.sets, again, of=KEYS, keys={Lid.BOTH: key}, into=path)
    return snapshot.open_every_key(path, manager)


def _closed(public: bytes, data: bytes, set_id: str, lid: Lid) -> bytes:
    return vault.close_to_backup(public, data, info=backups.key_info(set_id, lid))


def tree() -> ledger.Frontier:
    """Return the ledger's tree as it is now."""
    head = TreeHead.objects.filter(id=1).first()
    return ledger.Frontier() if head is None else ledger.Frontier.from_bytes(bytes(head.frontier))


def _then(at: ledger.Frontier) -> backups.LedgerThen:
    return backups.LedgerThen(evidence.origin(), evidence.public_key(), at.size, at.root())


def _scratch() -> Any:
    return scratch.scratch(Path(settings.SAFELIGHT_HOME) / "scratch")


def _public_place() -> Path:
    return Path(settings.SAFELIGHT_HOME) / PUBLIC_KEY


def _settings_file() -> Path | None:
    path = Path(os.environ.get("SAFELIGHT_CONFIG", Path(settings.SAFELIGHT_HOME) / SETTINGS_FILE))
    return path if path.is_file() else None


def _manager_files() -> list[Path]:
    """Return what the key manager keeps on this machine: without it a lost disk is the end."""
    seal = Path(settings.SAFELIGHT_SEAL)
    return [seal] if stores.keys().manager.kind == "sealed-file" and seal.is_file() else []
