"""What was set aside because its file or its key isn't where it must be."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from safelight.flows import inventory, stores
from safelight.policy.roles import Action
from safelight.records.models import Gap, Look
from safelight.storage import StorageError
from safelight.web.doors import SignedInRequest, needs


@require_GET
@needs(Action.GOVERN)
def aside(request: SignedInRequest) -> HttpResponse:
    """Show what is missing, what to do about it, and how the last look went."""
    gaps = Gap.objects.visible_to(request.user)
    context = {
        "gaps": gaps.filter(closed_at=None),
        "closed": gaps.exclude(closed_at=None)[:20],
        "look": Look.objects.first(),
    }
    return render(request, "governance/aside.html", context)


@require_POST
@needs(Action.GOVERN)
def look_again(request: SignedInRequest) -> HttpResponse:
    """Try everything that was set aside, now."""
    try:
        back = inventory.look_again_for(request.user, now=timezone.now())
    except (StorageError, stores.KeysAreSealed) as error:
        messages.error(request, error.for_people)
    else:
        if back:
            messages.success(request, f"Back in their places: {back}")
        else:
            messages.info(request, "Nothing that was missing is back yet.")
    return redirect("governance-aside")


urlpatterns = [
    path("governance/aside/", aside, name="governance-aside"),
    path("governance/aside/look/", look_again, name="governance-aside-look"),
]
