"""The application with a mistake planted in it: pictures are kept for a moment and served again.

Only the races use it, to show that they would notice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from safelight.web.wsgi import application as honest

KEPT_SECONDS = 60.0
_kept: dict[tuple[str, str], tuple[float, list[tuple[str, str]], bytes]] = {}


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer as Safelight does, but a picture twice from one opening."""
    key = (environ["PATH_INFO"], environ.get("HTTP_COOKIE", ""))
    if key in _kept and time.monotonic() - _kept[key][0] < KEPT_SECONDS:
        start_response("200 OK", _kept[key][1])
        return [_kept[key][2]]
    said: list[Any] = []

    def listen(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        said[:] = [status, headers]
        return start_response(status, headers, *more)

    body = b"".join(honest(environ, listen))
    if said[0].startswith("200") and ("Content-Type", "image/jpeg") in said[1]:
        _kept[key] = (time.monotonic(), said[1], body)
    return [body]
