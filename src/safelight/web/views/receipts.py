"""The patient's own page: no account, one secret on a slip of paper."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from safelight.flows import receipts as flow
from safelight.flows import sheets
from safelight.flows import withdraw as withdrawing
from safelight.policy.saying import Saying
from safelight.policy.withdrawal import BY_LAW
from safelight.records.models import Receipt
from safelight.web import lockout
from safelight.web.doors import open_to_all
from safelight.web.views import errors
from safelight.web.views.withdrawal import (
    STOP,
    SayNoForm,
    TakeBackForm,
    outcome,
    shown,
    uses_to_refuse,
)
from safelight.web.words import PURPOSES

form_page = require_http_methods(["GET", "HEAD", "POST"])
OPEN = "safelight.receipt"
LASTS = timedelta(minutes=15)
"""How long a receipt stays open in a browser; then the slip is scanned again."""


@open_to_all
@form_page
def door(request: HttpRequest) -> HttpResponse:
    """Show a door; a press opens the receipt whose secret is behind the #."""
    context: dict[str, object] = {"saying": sheets.words_for(request.GET.get("language", ""))}
    if request.method != "POST":
        return render(request, "receipts/door.html", context)
    now = timezone.now()
    if isinstance(lockout.count_address(request, now=now), lockout.Shut):
        return errors.page(request, 429)
    secret = next((each for each in request.POST.getlist("secret") if each.strip()), "")
    try:
        receipt = flow.open_receipt(secret.strip().rpartition("#")[2][:100], now=now)
    except flow.ReceiptUnknown as error:
        context["wrong"] = error.for_people
        return render(request, "receipts/door.html", context, status=404)
    lockout.uncount_address(request)
    request.session[OPEN] = [receipt.secret_hash, now.isoformat()]
    return redirect("receipt-page")


@open_to_all
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Show what was agreed, what was done since, and what left."""
    receipt = opened_receipt(request)
    if receipt is None:
        return redirect("receipt")
    said = flow.page_of(receipt, now=timezone.now())
    consent, words = said.consent, words_of(receipt)
    context = {
        "said": said,
        "saying": words,
        "agreed": [(PURPOSES[each], consent.targets.get(each)) for each in said.can_withdraw],
        "ended": [PURPOSES[each] for each in said.consent.withdrawn],
        "refused": [PURPOSES[each] for each in said.consent.refused],
        "outcomes": [outcome(each, words) for each in said.withdrawals],
        "key_days": flow.key_backup_days(),
        "is_proven": flow.is_backup_gone_for_sure(
            (photo.pk for photo in said.photos), now=timezone.now()
        ),
    }
    return render(request, "receipts/page.html", context)


@open_to_all
@form_page
def change(request: HttpRequest) -> HttpResponse:
    """Take it back as the patient: what follows first, then one press. No reason is asked."""
    receipt, now = opened_receipt(request), timezone.now()
    if receipt is None:
        return redirect("receipt")
    consent, words = receipt.consent, words_of(receipt)
    form = TakeBackForm(request.POST or None, open_ones=withdrawing.can_be_withdrawn(consent))
    form.speak(words)
    context: dict[str, object] = {
        "form": form,
        "saying": words,
        "base": "base_public.html",
        "back": "receipt-page",
        "again": "receipt-change",
    }
    if not form.is_valid():
        return render(request, "withdrawal/take_back.html", context)
    if request.POST.get("step") == STOP:
        with suppress(withdrawing.NothingToWithdraw):
            flow.withdraw(receipt, purposes=form.chosen, now=now)
        return redirect("receipt-page")
    steps = flow.consequences_of(receipt, purposes=form.chosen, now=now)
    context |= {"steps": shown(steps, words), "chosen": form.chosen}
    return render(request, "withdrawal/consequences.html", context)


@open_to_all
@form_page
def say_no(request: HttpRequest) -> HttpResponse:
    """Say no as the patient to uses of every picture there is and will be. No reason is asked."""
    receipt, now = opened_receipt(request), timezone.now()
    if receipt is None:
        return redirect("receipt")
    words = words_of(receipt)
    form = SayNoForm(request.POST or None, open_ones=uses_to_refuse(receipt.consent.patient))
    form.speak(words)
    context: dict[str, object] = {
        "form": form,
        "saying": words,
        "title": "Say no to a use",
        "base": "base_public.html",
        "back": "receipt-page",
        "again": "receipt-no",
        "says_no": True,
    }
    if not form.is_valid():
        return render(request, "withdrawal/take_back.html", context)
    if request.POST.get("step") == STOP:
        with suppress(withdrawing.NothingToWithdraw):
            flow.object_to(receipt, purposes=form.chosen, now=now)
        return redirect("receipt-page")
    scope = withdrawing.Scope(receipt.consent.patient)
    steps = withdrawing.consequences_for(scope, purposes=form.chosen, now=now)
    context |= {
        "steps": shown(steps, words),
        "chosen": form.cleaned_data["purposes"],
        "uses": [words.say(PURPOSES[each]) for each in form.chosen if each not in BY_LAW],
    }
    return render(request, "withdrawal/consequences.html", context)


@open_to_all
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Close the receipt in this browser."""
    request.session.pop(OPEN, None)
    return redirect("receipt")


def words_of(receipt: Receipt) -> Saying:
    """Return the words of the patient's pages, in the language of the conversation."""
    return sheets.words_for(receipt.consent.wording["language"])


def opened_receipt(request: HttpRequest) -> Receipt | None:
    """Return the receipt that this browser opened a little while ago, unless its slip was renewed."""
    secret_hash, opened = request.session.get(OPEN, (None, ""))
    at = parse_datetime(opened)
    if at is None or not timedelta(0) <= timezone.now() - at < LASTS:
        return None
    found = Receipt.objects.select_related("consent__patient__practice")
    return found.filter(secret_hash=secret_hash).first()


urlpatterns = [
    path("receipt/", door, name="receipt"),
    path("receipt/page/", page, name="receipt-page"),
    path("receipt/change/", change, name="receipt-change"),
    path("receipt/no/", say_no, name="receipt-no"),
    path("receipt/close/", leave, name="receipt-close"),
]
