"""A store that fails under a page: 503 and what to do, never a page that knows nothing."""

from __future__ import annotations

import html
import logging
import sqlite3

import psycopg
import pytest
from django.db import DatabaseError, OperationalError
from django.urls import reverse
from django.utils import timezone

from clients import signed_in
from flows.conftest import agree, take
from safelight import storage
from safelight.flows import opening
from safelight.web.logs import Bare
from safelight.web.views import errors


def kinds(of: type[Exception]) -> list[type[Exception]]:
    return [of, *(each for child in of.__subclasses__() for each in kinds(child))]


@pytest.mark.parametrize("kind", kinds(storage.StorageError), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_whatever_a_store_says_reaches_a_person(adult, gp, monkeypatch, caplog, kind, accept):
    photo = take(adult, gp, agree(adult, gp, now=timezone.now())[0], now=timezone.now())
    # The pages are imported here, or those that take `unsealed` by name would keep what fails.
    where = reverse("picture-image", args=[photo.pk])

    def fails(*_args, **_more):
        raise kind("Anna Quillon, 9434765919")

    monkeypatch.setattr(opening, "unsealed", fails)
    client = signed_in(gp)
    with caplog.at_level(logging.ERROR):
        shown = client.get(where, headers={"Accept": accept})
    text = shown.json()["detail"] if accept == "application/json" else shown.content.decode()
    assert shown.status_code == 503
    assert kind.for_people.split(".")[0].replace("'", "") in text.replace("&#x27;", "").replace(
        "'", ""
    )
    assert "Quillon" not in shown.content.decode()
    logged = "\n".join(Bare().format(each) for each in caplog.records)
    assert kind.__name__ in logged
    assert "Quillon" not in logged


def locked(tmp_path) -> sqlite3.OperationalError:
    """SQLite's own word for a lock that somebody else has."""
    with (
        sqlite3.connect(tmp_path / "held") as first,
        sqlite3.connect(tmp_path / "held", timeout=0) as other,
    ):
        first.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError) as caught:
            other.execute("BEGIN IMMEDIATE")
    return caught.value


@pytest.mark.parametrize(
    ("cause", "status"),
    [
        (locked, 503),
        (lambda _: psycopg.errors.DeadlockDetected(), 503),
        (lambda _: psycopg.errors.LockNotAvailable(), 503),
        (lambda _: psycopg.errors.UndefinedTable(), 500),
        (lambda _: sqlite3.OperationalError("no such table"), 500),
    ],
    ids=["sqlite lock", "deadlock", "lock timeout", "no table", "sqlite no table"],
)
def test_who_lost_a_lock_is_told_to_try_again(adult, gp, monkeypatch, tmp_path, cause, status):
    photo = take(adult, gp, agree(adult, gp, now=timezone.now())[0], now=timezone.now())
    why = cause(tmp_path)

    def fails(*_args, **_more):
        raise OperationalError from why

    monkeypatch.setattr(opening, "unsealed", fails)
    client = signed_in(gp)
    client.raise_request_exception = False
    shown = client.get(reverse("picture-image", args=[photo.pk]))
    assert shown.status_code == status
    assert ("Somebody else is at the same thing" in shown.content.decode()) == (status == 503)


@pytest.mark.parametrize(
    ("code", "name", "words"),
    [
        (sqlite3.SQLITE_FULL, "SQLITE_FULL", storage.DiskFull.for_people),
        (sqlite3.SQLITE_IOERR, "SQLITE_IOERR", storage.DiskBroken.for_people),
        (sqlite3.SQLITE_CORRUPT, "SQLITE_CORRUPT", storage.DiskBroken.for_people),
    ],
)
def test_a_disk_that_fails_under_the_records_is_said_without_asking_them(
    adult, gp, monkeypatch, code, name, words
):
    photo = take(adult, gp, agree(adult, gp, now=timezone.now())[0], now=timezone.now())
    client = signed_in(gp)

    def fails(*_args, **_more):
        cause = sqlite3.DatabaseError("Anna Quillon")
        cause.sqlite_errorcode, cause.sqlite_errorname = code, name
        raise DatabaseError("Anna Quillon") from cause

    monkeypatch.setattr(opening, "unsealed", fails)
    monkeypatch.setattr(errors, "render", fails)
    shown = client.get(reverse("picture-image", args=[photo.pk]))
    assert shown.status_code == 503
    assert words in html.unescape(shown.content.decode())
    assert "Quillon" not in shown.content.decode()
