"""The records' log stays in being while a process lives, so that a full disk can be worked on."""

from __future__ import annotations

import sqlite3

from django.conf import settings as django

from safelight.flows import stores


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
