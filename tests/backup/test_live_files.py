"""Nothing of ours opens a live database past SQLite.

Closing any descriptor of a file ends every lock that the process has on it, SQLite's too. The next
one that closes the database elsewhere then takes the log away under this process, and keys are lost.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from backup.conftest import NOW, Surgery
from safelight.cli import doctor
from safelight.flows import (
    backing,
    destroying,
    drilling,
    key_rounds,
    key_status,
    last_seen,
    rounds,
    stores,
    withdraw,
    witnessing,
)
from safelight.records.models import EraseJob
from safelight.terms import Purpose
from servers.databases import sqlite_only

WATCHED: list[tuple[set[str], list[str]]] = []
LATER = NOW + timedelta(hours=3)


def hook(event: str, args: tuple[object, ...]) -> None:
    """Note what is opened raw. A hook stays for ever; it does nothing while nobody watches."""
    if event != "open" or not WATCHED:
        return
    path, _, flags = args
    files, seen = WATCHED[-1]
    if isinstance(path, str | bytes) and str(Path(os.fsdecode(path)).absolute()) in files:
        making = isinstance(flags, int) and flags & os.O_EXCL
        if not making:
            seen.append(os.fsdecode(path))


sys.addaudithook(hook)


@contextmanager
def watching(*live: Path) -> Iterator[list[str]]:
    files = {f"{path}{beside}" for path in live for beside in ("", "-wal", "-shm", "-journal")}
    seen: list[str] = []
    WATCHED.append((files, seen))
    try:
        yield seen
    finally:
        WATCHED.pop()


def test_the_watch_itself_sees_a_raw_open(surgery: Surgery):
    assert stores.keys().images() is not None
    with watching(surgery.place.records, surgery.place.keys) as seen:
        surgery.place.records.read_bytes()
        with surgery.place.keys.open("rb"):
            pass
        os.close(os.open(surgery.place.keys, os.O_RDONLY))
    assert len(seen) == 3


@sqlite_only
def test_no_backup_restore_doctor_or_round_opens_a_live_database_raw(surgery: Surgery):
    (surgery.root / "witness").mkdir()
    with watching(surgery.place.records, surgery.place.keys) as seen:
        assert stores.records_held() is not None
        first, second = surgery.take(), surgery.take()
        backing.back_up_records(surgery.to, now=NOW)
        backing.back_up_keys(surgery.keys_to, now=NOW)
        witnessing.tell(str(surgery.root / "witness"), now=NOW)
        withdraw.withdraw_picture(first, purposes=[Purpose.CARE], by=surgery.gp, now=NOW)
        order = destroying.Order(EraseJob.Basis.ERASURE, "Of the wrong person", by=surgery.lead)
        destroying.erase_image(second, order=order, now=NOW)
        key_rounds.rotate(now=LATER)
        rounds.go(now=LATER, transport=None)
        drilling.open_all()
        key_status.status(now=LATER)
        last_seen.look_at_witness()
        for look in (doctor._whole, doctor._database, doctor._ledger):
            assert list(look())
        stores.close()
        stores.keys()
    assert seen == []


def test_a_second_store_on_the_same_file_opens_nothing_raw_either(surgery: Surgery):
    from safelight import storage

    keys = stores.keys()
    with watching(surgery.place.keys) as seen:
        again = storage.KeyStore(surgery.place.keys, keys.manager)
        again.close()
    assert seen == []
