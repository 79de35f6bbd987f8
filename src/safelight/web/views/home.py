"""Where the day starts: who is with you, and what waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import F, Max
from django.db.models.functions import Coalesce, Greatest
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from safelight.flows import choices, release
from safelight.flows import patients as flow
from safelight.flows.consent import standings
from safelight.policy.roles import Action, may
from safelight.records.models import Patient, Recall, Reply
from safelight.web.decisions import Entry, in_words, url_if_there
from safelight.web.doors import SignedInRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

RECENT = 8


@dataclass(frozen=True, slots=True)
class Row:
    """One patient in the list."""

    patient: Patient
    age: int
    agreed: Entry


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that waits for this person."""

    text: str
    href: str | None
    icon_name: str


@require_http_methods(["GET", "HEAD", "POST"])
def today(request: SignedInRequest) -> HttpResponse:
    """Show the patients seen last, or those that a search finds.

    A search is posted, so that no name gets into an address, a history or a proxy's log.
    """
    if not may(request.user.role, Action.SEE_PATIENTS):
        return redirect(url_if_there("staff") or "account")
    said = request.POST.get("q", "") if request.method == "POST" else ""
    text = said.replace("\0", "").strip()[:200]
    found = flow.find(text, by=request.user) if text else _recent(request)
    context = {
        "rows": _rows(found),
        "text": text,
        "waiting": _waiting(request),
        "now": timezone.now(),
    }
    return render(request, "home/today.html", context)


def _recent(request: SignedInRequest) -> Iterable[Patient]:
    seen = Greatest(
        Coalesce(Max("photos__received_at"), F("created_at")),
        Coalesce(Max("consents__given_at"), F("created_at")),
    )
    listed = Patient.objects.visible_to(request.user).annotate(seen=seen)
    return listed.order_by("-seen", "name")[:RECENT]


def _rows(found: Iterable[Patient]) -> list[Row]:
    now = timezone.now()
    return [
        Row(
            each,
            flow.age(each, on=timezone.localdate(now)),
            in_words(standings(each, now=now)),
        )
        for each in found
    ]


def _waiting(request: SignedInRequest) -> list[Waiting]:
    waiting: list[Waiting] = []
    replies = Reply.objects.visible_to(request.user).filter(link__created_by=request.user)
    if answered := replies.count():
        text = (
            "A colleague has answered" if answered == 1 else f"{answered} answers from colleagues"
        )
        waiting.append(Waiting(text, url_if_there("opinions"), "talk"))
    if count := release.waiting_for(request.user).count():
        text = f"{count} to look at on the release desk"
        waiting.append(Waiting(text, url_if_there("releases"), "people"))
    if may(request.user.role, Action.RECORD_CONSENT) and (
        count := choices.open_ones(request.user).count()
    ):
        text = f"{count} to ask at the next contact"
        waiting.append(Waiting(text, url_if_there("to-ask"), "talk"))
    if may(request.user.role, Action.GOVERN):
        recalls = Recall.objects.visible_to(request.user).filter(done_at=None)
        if count := recalls.count():
            waiting.append(Waiting(f"{count} to call back", url_if_there("recalls"), "undo"))
    return waiting


urlpatterns = [path("", today, name="today")]
