"""Pages for when something can't be shown. None says more than what to do next."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string


@dataclass(frozen=True, slots=True)
class _Page:
    title: str
    text: str


_PAGES = {
    400: _Page(
        "That didn’t arrive whole",
        "Go back, load the page again and try once more. Nothing was kept.",
    ),
    403: _Page(
        "This part belongs to other roles",
        "Your role doesn’t include this page. If you need it for your work, "
        "ask your administrator to change your role.",
    ),
    404: _Page(
        "There’s nothing here",
        "The page may have moved, the picture may be closed, or the address may be incomplete. "
        "Start again from your patients.",
    ),
    413: _Page(
        "That is too large to send",
        "Pictures up to 30 MB can be kept. Take it again a little smaller.",
    ),
    429: _Page(
        "A short pause", "There were many tries in a short time. Wait a minute, then go on."
    ),
    500: _Page(
        "Something went wrong on our side",
        "Nothing was shown or sent. Try again; if it happens twice, tell your administrator "
        "the time, and they can find it.",
    ),
    503: _Page(
        "The pictures are sealed just now",
        "The server was started without its key, so nobody can open or keep a picture. "
        "Tell your administrator.",
    ),
}


_RESTORED = _Page(
    "Safelight is being restored",
    "It is coming back from a backup and catches up with what patients have taken back since. Until "
    "then nothing opens. Try again in a while; in a hurry, ask your administrator how far it is.",
)
_BUSY = _Page(
    "Somebody else is at the same thing",
    "Another person changed the same thing at this moment, so nothing of yours was kept. Try again; "
    "if it happens twice, tell your administrator the time.",
)
RETRY_SECONDS = 120


def being_restored(request: HttpRequest) -> HttpResponse:
    """Answer everything while an installation is being restored; touches no database."""
    if wants_json(request):
        told = {"error": _RESTORED.title, "detail": _RESTORED.text}
        response: HttpResponse = JsonResponse(told, status=503)
    else:
        text = render_to_string("errors/restored.html", {"words": _RESTORED})
        response = HttpResponse(text, status=503)
    response["Retry-After"] = str(RETRY_SECONDS)
    return response


def page(request: HttpRequest, status: int) -> HttpResponse:
    """Return the page for a status; to a script, the same words as JSON."""
    return _shown(request, _PAGES[status], status)


def out_of_reach(request: HttpRequest, text: str) -> HttpResponse:
    """Answer 503 where a store or the key manager doesn't do its part, with what to do."""
    return _shown(request, _Page("That can’t be done just now", text), 503)


def records_away(request: HttpRequest, text: str) -> HttpResponse:
    """Answer 503 where the records can't be read or written, without asking them for anything."""
    return _shown(request, _Page("That can’t be done just now", text), 503, bare=True)


def busy(request: HttpRequest) -> HttpResponse:
    """Answer 503 where somebody else held the same thing for too long; nothing was changed."""
    return _shown(request, _BUSY, 503)


def _shown(request: HttpRequest, words: _Page, status: int, *, bare: bool = False) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"error": words.title, "detail": words.text}, status=status)
    context = {"words": words, "status": status}
    user = getattr(request, "user", None)
    if bare or user is None or not user.is_authenticated or status == 500:
        # Without the practice's bar: it would need the database, which may be what went wrong.
        return HttpResponse(render_to_string("errors/public.html", context), status=status)
    return render(request, "errors/inside.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 400."""
    return page(request, 400)


def not_for_this_role(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403 with a way forward."""
    return page(request, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404; the address is not repeated."""
    return page(request, 404)


def went_wrong(request: HttpRequest) -> HttpResponse:
    """Answer 500, with nothing of what happened."""
    return page(request, 500)


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form whose proof of origin is missing or old."""
    if wants_json(request):
        return JsonResponse({"error": "Load the page again"}, status=403)
    return HttpResponse(render_to_string("errors/stale.html", {}), status=403)


def door_is_shut(request: HttpRequest) -> HttpResponse:
    """Answer a form or a script whose session has ended or is locked."""
    if wants_json(request):
        return JsonResponse({"error": "Sign in again"}, status=401)
    return HttpResponse(render_to_string("errors/shut.html", {}), status=401)


def wants_json(request: HttpRequest) -> bool:
    """Say whether a script asks, by what it accepts."""
    return "application/json" in request.headers.get("Accept", "")
