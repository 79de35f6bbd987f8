"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from servers import postgres as postgresql
from servers import seaweed as s3
from servers.postgres import Postgres
from servers.seaweed import Seaweed

settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.register_profile("long", settings.get_profile("default"), max_examples=2000)
settings.load_profile(os.environ.get("SAFELIGHT_HYPOTHESIS", "default"))

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
"""Playwright's synchronous API runs a loop in the test's thread; Django's guard would mistake it for ours."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL, started for whoever asks first; `postgres.database()` makes an empty one."""
    with postgresql.running() as server:
        yield server


@pytest.fixture(scope="session")
def seaweed() -> Iterator[Seaweed]:
    """A real S3 store, started for whoever asks first; `seaweed.bucket()` makes an empty one."""
    with s3.running() as server:
        yield server
