"""Tell somebody outside what must not come undone: at once when something closes, else each hour.

The witness's folder gets the checkpoint in the clear, and sealed to the backup key the ledger's
entries since the last one and the ids of everything erased. So when this machine is lost, what
patients took back since the last backup isn't.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from safelight import storage
from safelight.flows import backing, evidence, stores
from safelight.flows.closings import CLOSES
from safelight.records.models import BackupRun, LedgerEntry, TreeHead
from safelight.storage import witnessed

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERY = timedelta(hours=1)


def witness(place: str) -> witnessed.Witness:
    """Return what a witness keeps in this folder.

    Raises NoPlace where there is no folder: made here it would be on this machine, which is no
    witness, whenever the other one isn't mounted.
    """
    root = Path(place).expanduser()
    if not root.is_dir():
        raise storage.NoPlace("the witness's folder isn't there")
    return witnessed.Witness(storage.DiskStore(root))


def tell_if_due(*, now: datetime) -> int | None:
    """Tell the witness of the settings, if something closed since or an hour has passed.

    Returns the size that the witness has now, or None where nothing was due. Raises NoBackupKey.
    """
    place = settings.CONFIG.witness_to
    if not place:
        return None
    head, last = TreeHead.objects.filter(id=1).first(), BackupRun.objects.newest("witness")
    told = 0 if last is None else int(last.figures["size"])
    if head is None or head.size == told:
        return None
    since = LedgerEntry.objects.filter(index__gte=told)
    if last is None or since.filter(kind__in=CLOSES).exists() or not _is_recent(last, now=now):
        return tell(place, now=now)
    return None


def tell(place: str, *, now: datetime) -> int | None:
    """Bring a witness's folder up to now; return the size that it has then, None for no ledger.

    Raises NoBackupKey; BackupBroken where the witness has seen more than there is here.
    """
    public = backing.public_key()
    signed = evidence.checkpoint(now=now)
    if signed is None:
        return None
    kept = witness(place)
    reached = kept.reached()
    if reached > signed.size:
        raise storage.BackupBroken("the witness has seen more of the ledger than there is here")
    writer = witnessed.Writer(public, evidence.public_key(), evidence.sign)
    erased = list(stores.keys().tombstones())
    if not kept.has_tombstones(len(erased)):
        kept.keep_tombstones(erased, writer=writer)
    note = witnessed.Note(signed.size, signed.note)
    kept.keep(note, first=reached, entries=_bodies(reached, signed.size), writer=writer)
    BackupRun.objects.filter(kind=BackupRun.Kind.WITNESS).delete()
    figures = {"size": signed.size, "tombstones": len(erased)}
    backing.note_run(BackupRun.Kind.WITNESS, now=now, went_well=True, figures=figures)
    return int(signed.size)


def _bodies(first: int, end: int) -> Iterator[bytes]:
    rows = LedgerEntry.objects.filter(index__gte=first, index__lt=end).order_by("index")
    return (bytes(body) for body in rows.values_list("body", flat=True).iterator())


def _is_recent(last: BackupRun, *, now: datetime) -> bool:
    return timedelta(0) <= now - last.at < EVERY
