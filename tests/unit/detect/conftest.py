from __future__ import annotations

import pytest

from safelight import detect


@pytest.fixture(scope="session")
def detectors():
    return detect.load()
