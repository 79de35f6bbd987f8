"""What holds for every page: who gets in, what a browser may do, how long it stays open."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db import DatabaseError, OperationalError, connection
from django.http import (
    HttpRequest,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import reverse

from safelight.flows import being_restored
from safelight.flows.allowed import NotAllowed, RecordErased
from safelight.flows.stores import KeysAreSealed, KeysOutOfReach
from safelight.storage import DiskFull, StorageError, disk_trouble, is_locked
from safelight.web.views import errors

CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
_NOTHING = (
    "accelerometer=(), autoplay=(), display-capture=(), geolocation=(), "
    "gyroscope=(), hid=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), "
    "usb=(), xr-spatial-tracking=(), publickey-credentials-get=(self), "
    "publickey-credentials-create=(self)"
)
NO_CAMERA, CAMERA = f"camera=(), {_NOTHING}", f"camera=(self), {_NOTHING}"

METHODS = ("GET", "HEAD", "POST")
LOCKED, SEEN = "safelight.locked", "safelight.seen"
_TOUCH_SECONDS = 20
"""A page within this many seconds of the last does not write the session again."""

_LOCK_STATES = frozenset({"40001", "40P01", "55P03"})
"""PostgreSQL: couldn't be serialised, deadlock, waited too long for a lock."""

_told = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class Headers:
    """Sets what every answer carries, pages, files and errors alike."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response["Content-Security-Policy"] = CSP
        camera = getattr(request, "safelight_camera", False) and response.status_code == 200
        response["Permissions-Policy"] = CAMERA if camera else NO_CAMERA
        response["Referrer-Policy"] = "no-referrer"
        response["X-Content-Type-Options"] = "nosniff"
        response["X-Frame-Options"] = "DENY"
        response["Cross-Origin-Opener-Policy"] = "same-origin"
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        if not request.path.startswith(settings.STATIC_URL):
            response["Cache-Control"] = "no-store"
        return response


class BeingRestored:
    """Answers everything but the pages' own files with one page, while the restore's mark is there."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if being_restored.is_on():
            return errors.being_restored(request)
        return self.get_response(request)


class KnownMethods:
    """Lets in what pages are read and forms are sent by, and nothing else.

    Otherwise a form view of a library would take a PUT for a POST.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method not in METHODS:
            return HttpResponseNotAllowed(METHODS)
        return self.get_response(request)


class UploadCap:
    """Refuses a body that is too long, or in no text we know, before a byte of it is read."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isascii() or not length.isdigit():
            return errors.page(request, 400)
        if int(length) > settings.SAFELIGHT_UPLOAD_CAP:
            return errors.page(request, 413)
        said = (request.content_params or {}).get("charset", "utf-8")
        if said.lower() not in {"utf-8", "utf8"}:
            return errors.page(request, 400)  # Python has codecs that aren't of text at all
        return self.get_response(request)


class SameSiteForms(CsrfViewMiddleware):
    """Django's check of forms, told of one more way to know that a form is ours.

    Under `Referrer-Policy: no-referrer` a browser sends `Origin: null` with our own forms. It
    then says `Sec-Fetch-Site: same-origin`, which no page can forge; the token is still checked.
    """

    def _origin_verified(self, request: HttpRequest) -> bool:
        if request.META.get("HTTP_ORIGIN") == "null":
            return request.META.get("HTTP_SEC_FETCH_SITE") == "same-origin"
        return bool(super()._origin_verified(request))  # type: ignore[misc]  # not in the stubs


class IdleLock:
    """Locks a session that nobody used for a while; the place is kept, the page is not shown."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Ask for the key again when the session is locked or has been idle too long."""
        if not _is_signed_in(request):
            return None
        now = time.time()
        seen = request.session.get(SEEN)
        if seen is not None and not 0 <= now - seen <= settings.SAFELIGHT_IDLE_SECONDS:
            request.session[LOCKED] = True
        if request.session.get(LOCKED):
            if getattr(view, "open_while_locked", False) or getattr(view, "open_to_all", False):
                return None
            return _to_the_door(request, "unlock")
        if seen is None or now - seen > _TOUCH_SECONDS:
            request.session[SEEN] = now
        return None


class ClosedByDefault:
    """Sends strangers to the sign-in page, unless the view is marked open to all."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Let in whoever is signed in, or anybody where the view says so."""
        request.safelight_camera = getattr(view, "uses_camera", False)  # type: ignore[attr-defined]
        if settings.SAFELIGHT_MODE == "demo" and not _may_enter_demo(request):
            return errors.page(request, 404)
        if getattr(view, "open_to_all", False) or _is_signed_in(request):
            return None
        return _to_the_door(request, "account_login")

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        """Answer what the flows refuse with a page that says what to do."""
        if isinstance(exception, NotAllowed):
            return errors.page(request, 403)
        if isinstance(exception, RecordErased):
            return errors.page(request, 404)
        if isinstance(exception, KeysOutOfReach | StorageError):
            _told.error("answered with 503", exc_info=exception)
            return errors.out_of_reach(request, exception.for_people)
        if isinstance(exception, KeysAreSealed):
            return errors.page(request, 503)
        if isinstance(exception, OperationalError) and _lost_a_lock(exception):
            _told.error("answered with 503", exc_info=exception)
            return errors.busy(request)
        if isinstance(exception, DatabaseError) and (trouble := _of_the_disk(exception)):
            _told.error("answered with 503: %s", type(trouble).__name__, exc_info=exception)
            return errors.records_away(request, trouble.for_people)
        return None


def _of_the_disk(error: DatabaseError) -> StorageError | None:
    """Return what the records' database says of the disk under it, if it does."""
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return disk_trouble(cause, Path(connection.settings_dict["NAME"]))
    return DiskFull("no room") if getattr(cause, "sqlstate", None) == "53100" else None


def _lost_a_lock(error: OperationalError) -> bool:
    """Say whether the database undid this request because another held what it wanted."""
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return is_locked(cause)
    return getattr(cause, "sqlstate", None) in _LOCK_STATES


def _may_enter_demo(request: HttpRequest) -> bool:
    from safelight.web.views import demo

    return demo.may_enter(request)


def _is_signed_in(request: HttpRequest) -> bool:
    return request.user.is_authenticated and request.user.is_active


def _to_the_door(request: HttpRequest, door: str) -> HttpResponseBase:
    """Send to the door, keeping the place; a script or a form gets an answer it can tell apart."""
    if request.method not in {"GET", "HEAD"}:
        return errors.door_is_shut(request)
    if request.headers.get("Sec-Fetch-Dest", "document") not in {"document", "empty"}:
        return errors.door_is_shut(request)
    return HttpResponseRedirect(f"{reverse(door)}?{urlencode({'next': request.get_full_path()})}")
