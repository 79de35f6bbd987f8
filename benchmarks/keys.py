"""How long the nightly renewal takes for a million patients, with the key store in a file.

A real key store is filled with patients' keys (the bench writes the rows itself, a thousand times
faster than uploads would), then `KeyStore.rotate` renews them as the worker does: in portions, each
durable on its own. Meanwhile a second thread keeps pictures, as a surgery does; how long the slowest
waited is told. Wall-clock seconds, since the disk is part of it; processor seconds beside them.
"""

from __future__ import annotations

import os
import secrets
import statistics
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from safelight import vault
from safelight.storage import Cost, KeyStore, SealedFileManager, rotation

PATIENTS = 1_000_000
TENANT = UUID(int=1)
NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
UPLOADS_A_SECOND = 5


def figures() -> dict[str, float | int | str]:
    """Return the figures. BENCH_PATIENTS makes it shorter."""
    patients = int(os.environ.get("BENCH_PATIENTS", PATIENTS))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        manager = SealedFileManager.create(place / "seal.json", "made up", cost=Cost(1, 8, 1))
        store = KeyStore(place / "keys.db", manager)
        picture = _fill(store, patients)
        uploads = _Uploads(store)
        began, cpu = time.monotonic(), time.process_time()
        with uploads:
            store.nightly.rotate(NOW)
        wall, cpu = time.monotonic() - began, time.process_time() - cpu
        _demand(store, picture)
        quiet_began, quiet_cpu = time.monotonic(), time.process_time()
        store.nightly.rotate(NOW + timedelta(days=1))
        quiet = time.monotonic() - quiet_began
        quiet_cpu = time.process_time() - quiet_cpu
        _demand(store, picture)
        size = (place / "keys.db").stat().st_size
        store.close()
    per_million = 1_000_000 / patients
    return {
        "patients": patients,
        "portion": rotation.PORTION,
        "rewrap_million_s": round(quiet * per_million, 1),
        "rewrap_million_cpu_s": round(quiet_cpu * per_million, 1),
        "rewrap_million_busy_s": round(wall * per_million, 1),
        "rewrap_million_busy_cpu_s": round(cpu * per_million, 1),
        "put_while_rotating_p50_ms": round(statistics.median(uploads.took_ms), 1),
        "put_while_rotating_slowest_ms": round(max(uploads.took_ms), 1),
        "key_store_mb": round(size / 1_000_000),
    }


class _Uploads:
    """Keeps a picture's key again and again while the block runs."""

    def __init__(self, store: KeyStore) -> None:
        self._store, self._ended = store, threading.Event()
        self._thread = threading.Thread(target=self._keep)
        self.took_ms: list[float] = []

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _keep(self) -> None:
        while True:
            began = time.monotonic()
            self._store.put(
                uuid4(), tenant=TENANT, patient=UUID(int=7), version=1, data_key=vault.new_key()
            )
            self.took_ms.append((time.monotonic() - began) * 1000)
            if self._ended.wait(1 / UPLOADS_A_SECOND):
                return


def _fill(store: KeyStore, patients: int) -> tuple[UUID, UUID, bytes]:
    """Give that many patients a key under the tenant's; return one picture, to be opened later."""
    image, patient, key = uuid4(), UUID(int=10**9), vault.new_key()
    store.put(image, tenant=TENANT, patient=patient, version=1, data_key=key)
    ring, database = store._ring, store._database
    with database.reading() as db:
        above = ring._tenant_key(db, TENANT, 1)
    for at in range(0, patients, 50_000):
        rows = []
        for _ in range(at, min(at + 50_000, patients)):
            who = UUID(bytes=secrets.token_bytes(16))
            aad = rotation.patient_key_aad(TENANT, who, 1)
            rows.append((TENANT.bytes, who.bytes, 1, vault.wrap(above, vault.new_key(), aad=aad)))
        with database.writing() as db:
            db.executemany(
                "INSERT INTO patient_keys (tenant, patient, tenant_version, wrapped)"
                " VALUES (?, ?, ?, ?)",
                rows,
            )
    return image, patient, key


def _demand(store: KeyStore, picture: tuple[UUID, UUID, bytes]) -> None:
    """See that everything was renewed and still opens: a fast rotation that loses is none."""
    image, patient, key = picture
    if store.get(image, tenant=TENANT, patient=patient, version=1) != key:
        raise RuntimeError("a picture doesn't open after the rotation")
    state = store.describe()
    if state.left_behind or store.oldest_version() != state.manager.current:
        raise RuntimeError("the rotation left keys behind")
