"""A picture as an answer: the one way in which a view hands out what a flow opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse

from safelight.flows import discreet, opening

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.flows.deciding import Decision

BROKEN = (
    "This picture’s seal is broken: what is stored isn’t what was taken. "
    "It isn’t shown. Tell your administrator."
)


def picture(open_it: Callable[[], bytes | Decision]) -> HttpResponse:
    """Answer with the JPEG that the flow opens; where its answer was no, with nothing but that.

    open_it: calls one flow, which decides and writes down this very opening.
    """
    try:
        opened = open_it()
    except opening.PictureClosed as error:
        raise Http404 from error
    except opening.SealBroken:
        return HttpResponse(BROKEN, content_type="text/plain; charset=utf-8", status=500)
    if not isinstance(opened, bytes):
        return HttpResponse(discreet.in_short(opened), content_type="text/plain", status=403)
    return HttpResponse(opened, content_type="image/jpeg")
