"""Clients of the pages, and a real server with a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from factories import practice, staff
from house import House, built
from safelight.policy.roles import Role
from safelight.records.models import Staff
from serving import Served, serving


@pytest.fixture(autouse=True)
def _mail_is_queued(settings) -> None:
    """pytest-django puts another backend in its place."""
    settings.EMAIL_BACKEND = "safelight.web.mail.QueuedMail"


@pytest.fixture
def gp(db) -> Staff:
    return staff(Role.GP)


@pytest.fixture
def administrator(db) -> Staff:
    return staff(Role.ADMINISTRATOR, practice=practice(), password=None)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[tuple[Served, str]]:
    """The server that practices run, on a database of its own; and the address of one person."""
    with serving(tmp_path) as served:
        yield served


@pytest.fixture(scope="module")
def house(tmp_path_factory, django_db_setup, django_db_blocker) -> Iterator[House]:
    """A practice in which everything has happened once; each test undoes what it does there."""
    with django_db_blocker.unblock(), built(tmp_path_factory.mktemp("house") / "home") as made:
        made.things["staff"] = made.people["nurse"]
        yield made
