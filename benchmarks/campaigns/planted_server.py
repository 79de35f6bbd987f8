"""The application with a mistake planted in it, for the races to find. CAMPAIGN_PLANT names it."""

from __future__ import annotations

import copy
import os
import threading
import time
from typing import Any

from django.conf import settings

AUTHORISATION, KEYS, STALE = "authorisation cache", "key cache", "stale read"
_PLANT = os.environ["CAMPAIGN_PLANT"]
_STALE_SECONDS = 30.0
_LONG = {"sqlite": "BEGIN", "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ"}


class StaleReads:
    """Reads see the records as they were when this thread began its long transaction."""

    def __init__(self) -> None:
        self._began = threading.local()

    def db_for_read(self, model: Any, **_: Any) -> str:
        if model._meta.app_label != "records":
            return "default"
        from django.db import connections

        stale = connections["stale"]
        if time.monotonic() - getattr(self._began, "at", -_STALE_SECONDS) >= _STALE_SECONDS:
            with stale.cursor() as cursor:
                if hasattr(self._began, "at"):
                    cursor.execute("ROLLBACK")
                cursor.execute(_LONG[stale.vendor])
                cursor.execute("SELECT count(*) FROM records_patient")
            self._began.at = time.monotonic()
        return "stale"

    def db_for_write(self, model: Any, **_: Any) -> str:
        return "default"

    def allow_relation(self, *_: Any, **__: Any) -> bool:
        return True


if _PLANT == STALE:
    settings.DATABASES["stale"] = copy.deepcopy(settings.DATABASES["default"])
    settings.DATABASES["stale"] |= {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": False}
    if "OPTIONS" in settings.DATABASES["stale"]:
        settings.DATABASES["stale"]["OPTIONS"].pop("transaction_mode", None)
    settings.DATABASE_ROUTERS = [StaleReads()]

from safelight.web.wsgi import application  # noqa: E402 - after the databases are named

__all__ = ["application"]

if _PLANT == AUTHORISATION:
    from safelight.flows import share

    _opened: dict[tuple[Any, str], Any] = {}
    _honest = share._still_open

    def _remembered(link: Any, *, browser_token: str, now: Any) -> Any:
        """Decide once, and remember it."""
        key = (link and link.pk, browser_token)
        if key not in _opened:
            _opened[key] = _honest(link, browser_token=browser_token, now=now)
        return _opened[key]

    share._still_open = _remembered

if _PLANT == KEYS:
    from safelight.storage import KeyStore

    _keys: dict[Any, bytes] = {}
    _get = KeyStore.get

    def _kept(self: KeyStore, image_id: Any, **where: Any) -> bytes:
        """Fetch a key once, and remember it."""
        if image_id not in _keys:
            _keys[image_id] = _get(self, image_id, **where)
        return _keys[image_id]

    KeyStore.get = _kept  # type: ignore[method-assign]
