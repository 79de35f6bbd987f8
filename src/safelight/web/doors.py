"""Marks on views. A view without a mark is open to signed-in people only, and sees no camera."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from safelight.policy.roles import Action, may
from safelight.records.models import Staff

View = Callable[..., HttpResponseBase]
AnyView = TypeVar("AnyView", bound=Callable[..., Any])


class SignedInRequest(HttpRequest):
    """A request behind the door: someone of the practice is there."""

    user: Staff  # the door lets nobody else in


def open_to_all(view: AnyView) -> AnyView:
    """Mark a view that strangers may see: sign-in, a colleague's link, a patient's receipt."""
    return _marked(view, "open_to_all")


def uses_camera(view: AnyView) -> AnyView:
    """Mark the one page whose Permissions-Policy allows the camera."""
    return _marked(view, "uses_camera")


def open_while_locked(view: AnyView) -> AnyView:
    """Mark a view that answers while the session is locked: unlock, sign out."""
    return _marked(view, "open_while_locked")


def needs(action: Action) -> Callable[[View], View]:
    """Refuse the view to anyone whose role does not allow the action."""

    def mark(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not may(getattr(request.user, "role", ""), action):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return mark


def _marked(view: AnyView, mark: str) -> AnyView:
    @wraps(view)
    def marked(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    setattr(marked, mark, True)
    return marked  # type: ignore[return-value]  # same signature, by wraps
