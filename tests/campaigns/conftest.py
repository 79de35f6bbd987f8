"""Short campaigns: the same code as the long ones, with less of everything."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.campaign import place


@pytest.fixture
def work() -> Iterator[Path]:
    """An empty folder, in memory if there is one."""
    with tempfile.TemporaryDirectory(dir=place()) as folder:
        yield Path(folder)
