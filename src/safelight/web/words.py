"""Words that several pages share: what a use is called, and how a browser is told apart."""

from __future__ import annotations

import re
import secrets

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from safelight.terms import Audience, Purpose

PURPOSES: dict[str, str] = {
    Purpose.CARE: "Care",
    Purpose.SECOND_OPINION: "A second opinion",
    Purpose.INTEREST: "Showing colleagues",
    Purpose.AUDIT: "Audit",
    Purpose.TEACHING_LOCAL: "Teaching here",
    Purpose.TEACHING_WIDE: "Teaching elsewhere",
    Purpose.RESEARCH: "Research",
    Purpose.PUBLICATION: "A journal or a book",
    Purpose.SOCIAL: "Social media",
    Purpose.MARKETING: "Advertising",
    Purpose.LEGAL: "The law",
    Purpose.COMPLAINT: "A complaint",
}
AUDIENCES: dict[str, str] = {
    Audience.TEAM: "The team",
    Audience.NAMED: "Named people",
    Audience.ORGANISATION: "People of this practice",
    Audience.CLOSED_GROUP: "A closed group",
    Audience.PUBLIC: "Anybody",
}
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_LASTS_SECONDS = 14 * 24 * 3600


def browser_token(request: HttpRequest) -> str:
    """Return this browser's token, a fresh one where it has none that looks like ours."""
    said = request.COOKIES.get(_cookie_name(), "")
    return said if _TOKEN.fullmatch(said) else secrets.token_urlsafe(32)


def remember_browser(response: HttpResponse, token: str) -> None:
    """Give the browser its token: it names nobody, and no script can read it."""
    response.set_cookie(
        _cookie_name(),
        token,
        max_age=_LASTS_SECONDS,
        secure=settings.CONFIG.tls,
        httponly=True,
        samesite="Lax",
    )


def _cookie_name() -> str:
    return "__Host-safelight-browser" if settings.CONFIG.tls else "safelight-browser"
