"""Only in the demo: change persona in one click, read the mail that was "sent", start again."""

from __future__ import annotations

import os
import signal
import threading
from hmac import compare_digest
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.contrib.auth import login
from django.core.signing import BadSignature, TimestampSigner
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from safelight.policy.roles import Role
from safelight.records.models import OutgoingMail, Staff
from safelight.web import signin
from safelight.web.doors import open_to_all, open_while_locked
from safelight.web.views.staff import ROLES

PASS_COOKIE = "safelight-demo"  # noqa: S105 - the cookie's name


@open_to_all
@open_while_locked
@require_POST
def become(request: HttpRequest, staff_id: UUID) -> HttpResponse:
    """Sign in as one of the made-up people."""
    person = get_object_or_404(Staff, pk=staff_id, is_active=True)
    login(request, person, backend=settings.AUTHENTICATION_BACKENDS[0])
    signin.unlock(request)
    return redirect("/")


@open_to_all
@open_while_locked
@require_GET
def outbox(request: HttpRequest) -> HttpResponse:
    """Show the mail that would have been sent, newest first."""
    mail = OutgoingMail.objects.order_by("-created_at")[:100]
    return render(request, "demo/outbox.html", {"mail": mail})


@open_to_all
@open_while_locked
@require_POST
def reset(request: HttpRequest) -> HttpResponse:
    """Throw everything away and begin again."""
    # After the answer is out: the process that watches over this one starts the next.
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGUSR1)).start()
    return render(request, "demo/reset.html")


@open_to_all
@open_while_locked
@require_GET
def enter(request: HttpRequest, word: str) -> HttpResponse:
    """Let a phone in that has scanned the code on the terminal."""
    if not _knows(word):
        raise Http404
    response = render(request, "demo/enter.html")
    response.set_cookie(
        PASS_COOKIE,
        TimestampSigner().sign("phone"),
        secure=True,
        httponly=True,
        samesite="Lax",
    )
    return response


@open_to_all
@open_while_locked
@require_GET
def authority(request: HttpRequest) -> HttpResponse:
    """Hand out this demo's certificate authority, for a phone to trust."""
    folder = os.environ.get("SAFELIGHT_DEMO_TLS")
    if not folder:
        raise Http404
    found = (Path(folder) / "authority.crt").read_bytes()
    return HttpResponse(found, content_type="application/x-x509-ca-cert")


def may_enter(request: HttpRequest) -> bool:
    """Say whether the phone showed the code; on this machine alone nobody has to."""
    if not os.environ.get("SAFELIGHT_DEMO_PASS"):
        return True
    if request.path.startswith(("/demo/enter/", "/demo/authority.crt", settings.STATIC_URL)):
        return True
    try:
        TimestampSigner().unsign(request.COOKIES.get(PASS_COOKIE, ""), max_age=12 * 3600)
    except BadSignature:
        return False
    return True


def personas() -> list[dict[str, object]]:
    """Return everyone that one can become, with their role, clinicians first."""
    order = list(ROLES)
    people = sorted(
        Staff.objects.filter(is_active=True),
        key=lambda person: (order.index(Role(person.role)), person.email),
    )
    return [{"person": person, "role": ROLES[Role(person.role)]} for person in people]


def _knows(word: str) -> bool:
    told = os.environ.get("SAFELIGHT_DEMO_PASS", "")
    return bool(told) and compare_digest(word, told)


urlpatterns = [
    path("become/<uuid:staff_id>/", become, name="demo-become"),
    path("outbox/", outbox, name="demo-outbox"),
    path("outbox", outbox),
    path("reset/", reset, name="demo-reset"),
    path("enter/<str:word>/", enter, name="demo-enter"),
    path("authority.crt", authority, name="demo-authority"),
]
