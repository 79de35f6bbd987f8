"""What all tests share."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.register_profile("long", settings.get_profile("default"), max_examples=2000)
settings.load_profile(os.environ.get("SAFELIGHT_HYPOTHESIS", "default"))

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
"""Playwright's synchronous API runs a loop in the test's thread; Django's guard would mistake it for ours."""
