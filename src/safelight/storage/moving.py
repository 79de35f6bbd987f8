"""From one key manager to another: what the first wrapped is wrapped by the second, in one transaction.

    wrap anew (no lock) → one transaction: rows, which manager, what the former keeps → scrub
                        → patients' keys renewed, in portions → the former's versions destroyed when
                          no backup needs them

Killed before that transaction, the store is under the former manager and opens with it; killed after
it, under the new one, and whoever comes next goes on. A process that was started before a move can
erase and do nothing else (`Ring.under`).
"""

from __future__ import annotations

import hmac
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from safelight import vault
from safelight.storage import key_state, rotation
from safelight.storage.errors import FormerNotLeft, KeyGone, KeyManagerError
from safelight.storage.managers import KINDS, KeyManager
from safelight.storage.remembering import Remembering
from safelight.storage.rotation import PAUSE_SECONDS, Progress, Ring
from safelight.storage.schema import Database, Rows, counter, raise_counter, set_counter

PATIENTS = 200
"""Patients whose keys one transaction renews, with what lies under them."""


@dataclass(frozen=True, slots=True)
class _Wrapped:
    """A row that the manager wrapped itself: where it lies, and what it is bound to."""

    table: str
    key: tuple[object, ...]
    wrapped: bytes
    aad: bytes


_WHERE = {
    "tenant_keys": "tenant = ? AND version = ?",
    "secrets": "name = ?",
    "ingest_keys": "kid = ?",
}


class Moving:
    """Moves one key store to another manager, and lets the former go."""

    def __init__(self, database: Database, ring: Ring, *, scrub: Callable[[], bool]) -> None:
        """scrub: the key store's own, which overwrites what the former manager wrapped."""
        self._database, self._ring, self._scrub = database, ring, scrub

    def move(self, new: KeyManager, *, now: datetime) -> None:
        """Put the store under another manager, and overwrite what was wrapped by the former.

        Durable on return. Then `renew_patients`. Raises KeyManagerError for a manager of the same
        kind, or one that doesn't give back what it wrapped; the store is then as it was.
        """
        former = self._ring.manager
        if new.kind == former.kind:
            raise KeyManagerError("from one kind of key manager to another")
        versions, kept = new.describe().versions, former.describe().versions
        while not self._moved(new, versions=versions, kept=kept, now=now):
            pass  # a key was made or renewed while the rows were wrapped anew
        self._ring.manager = new
        self._scrub()

    def _moved(
        self, new: KeyManager, *, versions: tuple[int, ...], kept: tuple[int, ...], now: datetime
    ) -> bool:
        former = self._ring.manager
        with self._database.reading() as db:
            self._ring.under(db)
            _demand_left(db, new)
            rows = _all_wrapped(db)
        again = [_wrapped_again(each, former, new) for each in rows]
        with self._database.writing() as db:
            self._ring.under(db)
            if _all_wrapped(db) != rows:
                return False
            for row, wrapped in zip(rows, again, strict=True):
                db.execute(
                    f"UPDATE {row.table} SET wrapped = ?, manager_version = ?"  # noqa: S608 names are ours
                    f" WHERE {_WHERE[row.table]}",
                    (wrapped, new.version_of(wrapped), *row.key),
                )
            _note_versions(db, versions, kept=kept, now=now)
            _note_move(db, former, new, now=now)
        return True

    def renew_patients(self, *, now: datetime, progress: Progress | None = None) -> int:
        """Give every patient another key; return how many. Killed, it begins again.

        The former manager's backups hold the old ones: what is kept from now on must not hang under
        a key that lies there. One that doesn't open is left as it is.
        """
        with self._database.reading() as db:
            if not is_moved(db) or counter(db, "renewed_at"):
                return 0
            total = int(db.execute("SELECT count(*) FROM patient_keys").fetchone()[0])
        after, done = (b"", b""), 0
        while rows := self._patients(after):
            began = time.monotonic()
            done += self._renewed(rows)
            after = (bytes(rows[-1][0]), bytes(rows[-1][1]))
            if progress is not None:
                progress(done, total)
            time.sleep(max(PAUSE_SECONDS, time.monotonic() - began) if len(rows) == PATIENTS else 0)
        with self._database.writing() as db:
            set_counter(db, "renewed_at", int(now.timestamp()))
            raise_counter(db, "erasures", counter(db, "erasures") + 1)
        self._scrub()
        return done

    def _patients(self, after: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        with self._database.reading() as db:
            return db.execute(
                "SELECT tenant, patient FROM patient_keys WHERE (tenant, patient) > (?, ?)"
                " ORDER BY tenant, patient LIMIT ?",
                (*after, PATIENTS),
            ).fetchall()

    def _renewed(self, rows: list[tuple[bytes, bytes]]) -> int:
        """Renew a portion; where one doesn't open, each by itself, so that it holds up no other."""
        try:
            with self._database.writing() as db:
                for tenant, patient in rows:
                    key_state.note_unproved(db, "tenant = ? AND patient = ?", (tenant, patient))
                    whose = UUID(bytes=bytes(tenant)), UUID(bytes=bytes(patient))
                    self._ring.renew_patient_key(db, *whose)
        except (vault.SealBroken, KeyGone):
            return 0 if len(rows) == 1 else sum(self._renewed([each]) for each in rows)
        return len(rows)

    def state(self) -> key_state.Former | None:
        """Return what is known of the manager that the store was under before, None for none."""
        with self._database.reading() as db:
            return key_state.former(db)

    def note_entered(self) -> None:
        """Take note that the move stands in the ledger."""
        with self._database.writing() as db:
            set_counter(db, "move_entered", counter(db, "moved_at"))

    def due(
        self, now: datetime, *, keep_days: int, backup_needs: int | None, is_backed_up: bool
    ) -> tuple[int, ...]:
        """Return the former manager's versions whose time is over and that no backup needs.

        backup_needs: as for `Nightly.destroy_old`, of the newest verified backup from before the
        move. is_backed_up: whether one of after the move was verified, which needs none of them.
        """
        limit = int((now - timedelta(days=keep_days)).timestamp())
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT version FROM former_versions WHERE replaced_at <= ? ORDER BY version",
                (limit,),
            ).fetchall()
        old = (int(version) for (version,) in rows)
        return tuple(
            v for v in old if is_backed_up or (backup_needs is not None and v < backup_needs)
        )

    def let_go(self, former: KeyManager, versions: tuple[int, ...], *, now: datetime) -> None:
        """Destroy versions of the former manager, as `due` gave them.

        Its last one is no longer in use here, but it is there: so it makes a new one, which never
        wraps anything. Killed anywhere, the same again ends it.
        """
        if versions and versions[-1] >= former.describe().current:
            former.rotate()
        for version in versions:
            former.destroy_version(version)
        self.note_gone(versions, now=now)

    def note_gone(self, versions: tuple[int, ...], *, now: datetime) -> None:
        """Take note that these versions of the former manager are destroyed."""
        with self._database.writing() as db:
            db.executemany(
                "DELETE FROM former_versions WHERE version = ?", [(each,) for each in versions]
            )
            if db.execute("SELECT 1 FROM former_versions").fetchone() is None:
                set_counter(db, "left_at", int(now.timestamp()))


def is_moved(db: Rows) -> bool:
    """Say whether the store was ever moved."""
    return counter(db, "moved_at") > 0


def has_wrapped(db: Rows) -> bool:
    """Say whether anything in the store hangs under a key manager."""
    return bool(_all_wrapped(db))


def _demand_left(db: Rows, new: KeyManager) -> None:
    """Refuse a third manager while backups still need the first: nobody would destroy its versions."""
    known = key_state.former(db)
    if known is not None and known.left_at is None and known.kind != new.kind:
        raise FormerNotLeft(known.kind)


def _all_wrapped(db: Rows) -> list[_Wrapped]:
    """Return every row that hangs under the manager itself."""
    tenants = db.execute(
        "SELECT tenant, version, wrapped FROM tenant_keys ORDER BY tenant, version"
    ).fetchall()
    found = [
        _Wrapped(
            "tenant_keys",
            (bytes(tenant), version),
            bytes(wrapped),
            rotation.tenant_key_aad(UUID(bytes=bytes(tenant)), version),
        )
        for tenant, version, wrapped in tenants
    ]
    for name, wrapped in db.execute("SELECT name, wrapped FROM secrets ORDER BY name").fetchall():
        found.append(_Wrapped("secrets", (name,), bytes(wrapped), rotation.secret_aad(name)))
    for kid, wrapped in db.execute("SELECT kid, wrapped FROM ingest_keys ORDER BY kid").fetchall():
        found.append(_Wrapped("ingest_keys", (kid,), bytes(wrapped), rotation.ingest_aad(kid)))
    return found


def _wrapped_again(row: _Wrapped, former: KeyManager, new: KeyManager) -> bytes:
    """Wrap one key under the new manager, and see that it gives it back."""
    plain = former.unwrap(row.wrapped, aad=row.aad)
    wrapped = new.wrap(plain, aad=row.aad)
    if isinstance(new, Remembering):
        new.forget()  # else it would answer without asking
    if not hmac.compare_digest(new.unwrap(wrapped, aad=row.aad), plain):
        raise KeyManagerError("the new key manager gave back other bytes")
    return wrapped


def _note_versions(
    db: Rows, versions: tuple[int, ...], *, kept: tuple[int, ...], now: datetime
) -> None:
    """Write down the ages of the new manager's versions, and since when the former's are replaced.

    Moving back, the new manager is the one before: its own versions were replaced as noted here.
    """
    came_back = db.execute("SELECT version, replaced_at FROM former_versions").fetchall()
    leaving = rotation.kept_versions(db, kept)
    for table in ("manager_versions", "former_versions"):
        db.execute(f"DELETE FROM {table}")  # noqa: S608 names are ours
    db.executemany(
        "INSERT INTO former_versions (version, replaced_at) VALUES (?, ?)",
        [(each.number, int((each.replaced_at or now).timestamp())) for each in leaving],
    )
    db.executemany(
        "INSERT INTO manager_versions (version, made_at) VALUES (?, ?)",
        [(version + 1, at) for version, at in came_back if version + 1 in versions],
    )
    rotation.note_versions(db, versions, now=now)


def _note_move(db: Rows, former: KeyManager, new: KeyManager, *, now: datetime) -> None:
    """Write down who keeps the keys now, and which pictures' keys lie under what proves nothing."""
    for name, value in (
        ("manager", KINDS.index(new.kind) + 1),
        ("former", KINDS.index(former.kind) + 1),
        # Up to the next second: a backup that says it was made in the same one may be from before.
        ("moved_at", math.floor(now.timestamp()) + 1),
        ("former_unproving", int(not former.proves_shred)),
        ("renewed_at", 0),
        ("left_at", 0),
        ("erasures", counter(db, "erasures") + 1),
    ):
        set_counter(db, name, value)
    key_state.note_unproved(db, "true", ())
