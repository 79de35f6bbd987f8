"""The records' log stays in being while a process lives, so that a full disk can be worked on."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings as django

from safelight import storage
from safelight.flows import stores
from servers.databases import sqlite_only


@sqlite_only
def test_the_records_are_held_open_until_the_stores_are_closed(tmp_path, monkeypatch):
    path = tmp_path / "records.sqlite3"
    with sqlite3.connect(path) as db:
        db.executescript("PRAGMA journal_mode=WAL; CREATE TABLE told (word);")
    db.close()
    monkeypatch.setitem(django.DATABASES["default"], "NAME", str(path))
    held = stores.records_held()
    assert held is stores.records_held()
    sqlite3.connect(path).close()
    assert path.with_name("records.sqlite3-wal").exists()
    stores.close()
    assert not path.with_name("records.sqlite3-wal").exists()


def test_another_database_needs_no_holding(monkeypatch):
    monkeypatch.setitem(django.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")
    assert stores.records_held() is None
    stores.close()


def test_requests_that_come_first_together_open_one_store(db, monkeypatch):
    made = []

    def opening(url, *rest):
        time.sleep(0.05)
        made.append(rest)
        return object()

    stores.close()
    monkeypatch.setattr(storage, "KeyStore", opening)
    with ThreadPoolExecutor(8) as pool:
        found = {id(each) for each in pool.map(lambda _: stores.keys(), range(8))}
    stores._keys.cache_clear()
    assert (len(made), len(found)) == (1, 1)
