"""The keys that phones close their data keys to: a new one each week, destroyed in good time."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta

from safelight import vault
from safelight.storage.errors import KeyGone
from safelight.storage.managers import KeyManager
from safelight.storage.rotation import ingest_aad
from safelight.storage.schema import Rows

OFFERED_FOR = timedelta(days=7)
KEPT_AFTER_OFFER = timedelta(days=14)
"""The longest that a phone may be offline (docs/formats/envelope.md)."""
_SLACK = timedelta(hours=1)
"""So that offering a key is a write at most once an hour."""


@dataclass(frozen=True, slots=True)
class IngestOffer:
    """What a page gets. expires_at: until then the server can open what is closed to it."""

    kid: str
    suite: vault.Suite
    public: bytes
    expires_at: datetime

    def as_json(self) -> dict[str, str]:
        """Return the object that the capture page reads."""
        return {
            "kid": self.kid,
            "suite": self.suite.value,
            "public": base64.b64encode(self.public).decode(),
            "expires_at": self.expires_at.isoformat(),
        }


def current(db: Rows, manager: KeyManager, *, now: datetime, suite: vault.Suite) -> IngestOffer:
    """Return the newest key of the suite if it is under a week old, or a new one."""
    expires = now + KEPT_AFTER_OFFER
    found = db.execute(
        "SELECT kid, public, keep_until FROM ingest_keys WHERE suite = ? AND made_at > ?"
        " ORDER BY made_at DESC LIMIT 1",
        (suite.value, _seconds(now - OFFERED_FOR)),
    ).fetchone()
    if found is None:
        return _made(db, manager, now=now, suite=suite)
    kid, public, keep_until = found
    if keep_until < _seconds(expires):
        db.execute(
            "UPDATE ingest_keys SET keep_until = ? WHERE kid = ?", (_seconds(expires + _SLACK), kid)
        )
    return IngestOffer(kid, suite, public, expires)


def private(db: Rows, manager: KeyManager, kid: str) -> vault.IngestPrivate:
    """Return the private key of that name. Raises KeyGone."""
    found = db.execute("SELECT wrapped FROM ingest_keys WHERE kid = ?", (kid,)).fetchone()
    if found is None:
        raise KeyGone("no such ingest key, or destroyed")
    return vault.IngestPrivate.from_bytes(manager.unwrap(found[0], aad=ingest_aad(kid)))


def destroy_old(db: Rows, *, now: datetime) -> int:
    """Delete the keys whose time has passed; return how many."""
    return db.execute("DELETE FROM ingest_keys WHERE keep_until <= ?", (_seconds(now),)).rowcount


def _made(db: Rows, manager: KeyManager, *, now: datetime, suite: vault.Suite) -> IngestOffer:
    pair = vault.IngestPrivate.generate(suite)
    wrapped = manager.wrap(pair.to_bytes(), aad=ingest_aad(pair.kid))
    expires = now + KEPT_AFTER_OFFER
    db.execute(
        "INSERT INTO ingest_keys (kid, suite, public, wrapped, manager_version, made_at, keep_until)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            pair.kid,
            suite.value,
            pair.public,
            wrapped,
            manager.version_of(wrapped),
            _seconds(now),
            _seconds(expires + _SLACK),
        ),
    )
    return IngestOffer(pair.kid, suite, pair.public, expires)


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
