"""A rotation that is killed anywhere, in the file and in the database, loses no key and goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
from uuid import UUID

import pytest

from safelight import vault
from servers.test_key_stores import (  # the fixtures, too
    NOW,
    got,
    kept,
    manager,
    store,
    where,
)

__all__ = ["manager", "store", "where"]

ROTATING = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from safelight.storage import KeyStore, SealedFileManager, rotation
where, seal, point, left, bug = sys.argv[1:]
count = -10**9
def reached(word):
    global count
    count += word == point
    if count == int(left):
        os.kill(os.getpid(), signal.SIGKILL)
manager = SealedFileManager.open(Path(seal), "a passphrase")
if where.startswith("postgresql:"):
    from safelight.storage.pg_database import PgKeyDatabase, _Translated
    execute = _Translated.execute
    def seen(self, sql, values=()):
        reached(sql.split()[0].lower())
        return execute(self, sql, values)
    _Translated.execute = seen
    store = KeyStore(PgKeyDatabase(where), manager)
else:
    store = KeyStore(Path(where), manager)
    store._database.connection().set_trace_callback(lambda sql: reached(sql.split()[0].lower()))
if bug == "drop-first":
    keep = rotation._keep_tenant_key
    def careless(db, manager, tenant, version, wrapped):
        keep(db, manager, tenant, version, wrapped)
        db.execute("DELETE FROM tenant_keys WHERE tenant = ? AND version < ?", (tenant.bytes, version))
    rotation._keep_tenant_key = careless
    rotation.Rotation.rewrap_patients = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
rotation.PORTION = 10
count = 0
store.nightly.rotate(datetime(2026, 11, 22, 3, tzinfo=UTC), progress=lambda *_: reached("portion"))
print("whole")
"""


def rotated_until(where, tmp_path, point: str, left: int, *, bug: str = "none") -> None:
    """Rotate in another process, which kills itself when the point comes up for that time."""
    command = [sys.executable, "-c", ROTATING, str(where), str(tmp_path / "seal.json")]
    command += [point, str(left), bug]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL or done.stdout == "whole\n", done.stderr


@pytest.mark.parametrize(
    ("point", "left"),
    [
        *(("portion", n) for n in (1, 2, 4)),
        *(("insert", n) for n in range(1, 9)),
        *(("update", n) for n in (1, 2, 3, 12)),
        *(("select", n) for n in (3, 8, 13, 18)),
        ("delete", 1),
    ],
)
def test_a_rotation_killed_anywhere_loses_no_key_and_is_finished(
    where, tmp_path, manager, store, point, left
):
    pictures = [(UUID(int=1000 + n), *kept(store, patient=UUID(int=1000 + n))) for n in range(35)]
    offer, signing = store.ingest_current(NOW), store.signing_key()
    rotated_until(where, tmp_path, point, left)

    def everything_opens() -> bool:
        whole = all(got(store, image, patient=patient) == key for patient, image, key in pictures)
        same = store.ingest_private(offer.kid).public == offer.public
        return whole and same and store.signing_key() == signing

    assert everything_opens()
    store.nightly.finish_rotation()
    assert everything_opens()
    assert (store.nightly.is_rotating(), store.describe().left_behind) == (False, 0)
    assert store.oldest_version() == store.describe().manager.current


def test_a_rotation_that_drops_the_old_key_first_is_found_out(where, tmp_path, manager, store):
    """Negative control: the same look must see a planted mistake."""
    image, _ = kept(store)
    rotated_until(where, tmp_path, "never", 1, bug="drop-first")
    with pytest.raises(vault.SealBroken):
        got(store, image)
