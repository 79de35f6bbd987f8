"""Take it back, told by the patient to a member of staff: what follows comes first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from safelight import policy
from safelight.flows import withdraw as flow
from safelight.flows.receipts import are_traces_overwritten
from safelight.policy.roles import Action
from safelight.records.models import Consent, Patient, Withdrawal
from safelight.terms import Purpose
from safelight.web.doors import SignedInRequest, needs
from safelight.web.forms import Option
from safelight.web.words import PURPOSES

if TYPE_CHECKING:
    from collections.abc import Iterable

form_page = require_http_methods(["GET", "HEAD", "POST"])
LOOK, STOP = "look", "stop"
"""The two presses: see what would follow, then do it."""
STEPS: dict[str, tuple[str, str, str]] = {
    policy.Step.DESTROY: ("no", "Destroyed", "cross"),
    policy.Step.REVOKE: ("no", "Link closed", "link"),
    policy.Step.STOP: ("no", "Stopped", "hold"),
    policy.Step.CLOSE: ("hold", "Closed", "lock"),
    policy.Step.KEEP: ("calm", "Stays", "book"),
    policy.Step.RECALL: ("hold", "Asked back", "undo"),
}


class TakeBackForm(forms.Form):
    """What is taken back. There is no field for a reason, and none may be added."""

    purposes = forms.MultipleChoiceField(
        label="What do you take back?",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose what you take back"},
    )

    def __init__(self, *args: object, open_ones: Iterable[Purpose], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # Django's own arguments
        field = self.fields["purposes"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(each.value, _choice(each)) for each in open_ones]

    @property
    def chosen(self) -> list[Purpose]:
        """Return what was chosen."""
        return [Purpose(each) for each in self.cleaned_data["purposes"]]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that follows, as the page shows it."""

    tone: str
    word: str
    icon_name: str
    text: str


@require_GET
@needs(Action.WITHDRAW)
def choose(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """List the conversations of which something can still be taken back."""
    patient = get_object_or_404(Patient.objects.visible_to(request.user), pk=pk)
    listed = [
        (consent, [PURPOSES[each] for each in open_ones])
        for consent in patient.consents.order_by("-given_at")
        if (open_ones := flow.can_be_withdrawn(consent))
    ]
    if len(listed) == 1:
        return redirect("withdraw-consent", listed[0][0].pk)
    return render(request, "withdrawal/choose.html", {"patient": patient, "listed": listed})


@form_page
@needs(Action.WITHDRAW)
def take_back(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Choose, see what follows, then stop it: two presses, no reason."""
    consent, now = _consent(request, pk), timezone.now()
    form = TakeBackForm(request.POST or None, open_ones=flow.can_be_withdrawn(consent))
    context = {"consent": consent, "patient": consent.patient, "form": form, "base": "base.html"}
    if not form.is_valid():
        return render(request, "withdrawal/take_back.html", context)
    if request.POST.get("step") == STOP:
        try:
            done = flow.withdraw(consent, purposes=form.chosen, by=request.user, now=now)
        except flow.NothingToWithdraw:
            return redirect("patient", consent.patient_id)
        return redirect("withdrawal", done.pk)
    steps = flow.consequences_of(consent, purposes=form.chosen, now=now)
    context |= {"steps": shown(steps), "chosen": form.chosen}
    return render(request, "withdrawal/consequences.html", context)


@require_GET
@needs(Action.WITHDRAW)
def done(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show what was done: closed, destroyed, asked back, and what can't be called back."""
    found = Withdrawal.objects.visible_to(request.user).select_related("patient", "practice")
    withdrawal = get_object_or_404(found, pk=pk)
    context = {"patient": withdrawal.patient, "base": "base.html"} | outcome(withdrawal)
    return render(request, "withdrawal/done.html", context)


def shown(steps: Iterable[policy.Consequence]) -> list[Step]:
    """Return the steps for a page."""
    return _counted((each.step, each.text) for each in steps)


def outcome(withdrawal: Withdrawal) -> dict[str, object]:
    """Return what the page of a finished withdrawal shows, closed told apart from destroyed."""
    jobs = list(withdrawal.erase_jobs.all())
    return {
        "withdrawal": withdrawal,
        "steps": _counted((said["step"], said["text"]) for said in withdrawal.consequences),
        "stays": any(said["step"] == policy.Step.KEEP for said in withdrawal.consequences),
        "destroyed_at": max((job.destroyed_at for job in jobs if job.destroyed_at), default=None),
        "is_destroying": any(job.destroyed_at is None for job in jobs),
        "is_scrubbed": all(job.scrubbed_at for job in jobs) and are_traces_overwritten(),
        "has_keys": bool(jobs),
        "recalls": withdrawal.recalls.order_by("due_on"),
    }


def _counted(steps: Iterable[tuple[str, str]]) -> list[Step]:
    """Return each step once, with how often where it is more than that."""
    times = Counter(steps)
    return [
        Step(*STEPS[step], text if count == 1 else f"{count} times: {text}")
        for (step, text), count in times.items()
    ]


def _choice(purpose: Purpose) -> Option:
    if purpose is Purpose.CARE:
        return Option("The pictures themselves", "And with them every other use")
    return Option(PURPOSES[purpose])


def _consent(request: SignedInRequest, pk: UUID) -> Consent:
    found = Consent.objects.visible_to(request.user).select_related("patient__practice")
    return get_object_or_404(found, pk=pk)


urlpatterns = [
    path("patients/<uuid:pk>/change-of-mind/", choose, name="withdraw"),
    path("consents/<uuid:pk>/change-of-mind/", take_back, name="withdraw-consent"),
    path("withdrawals/<uuid:pk>/", done, name="withdrawal"),
]
