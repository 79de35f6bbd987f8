"""The mark of an installation that is being restored: while it is there, nothing opens.

It is written before anything is brought back and removed when everything has caught up. Only the
restore itself works behind it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from django.conf import settings

from safelight.storage import snapshot

MARK = "being-restored.json"
_restoring: ContextVar[bool] = ContextVar("restoring", default=False)


def is_on() -> bool:
    """Say whether the mark is there. Looked for at each request: it costs microseconds."""
    return _place().exists()


def keeps_shut() -> bool:
    """Say whether nothing may be opened by who asks."""
    return is_on() and not _restoring.get()


def told() -> dict[str, Any]:
    """Return what the mark says; nothing where there is none, or it can't be read."""
    try:
        found = json.loads(_place().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def begin(**said: str | int | bool) -> None:
    """Write the mark, or add to it; durable on return."""
    snapshot.write_over(_place(), json.dumps(told() | said).encode())


def end() -> None:
    """Remove the mark: from now on everything opens that may."""
    snapshot.remove(_place())


@contextmanager
def restoring() -> Iterator[None]:
    """Work behind the mark, in this thread."""
    token = _restoring.set(True)
    try:
        yield
    finally:
        _restoring.reset(token)


def _place() -> Path:
    return Path(settings.SAFELIGHT_HOME) / MARK
