"""Governance: what is out and has to come back, and what may not be destroyed yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from safelight.flows import holding, recalling
from safelight.flows.allowed import DoesNotFit
from safelight.policy.roles import Action
from safelight.records.models import LegalHold, Patient, Photo, Recall
from safelight.web.doors import SignedInRequest, needs
from safelight.web.forms import put_right

if TYPE_CHECKING:
    from collections.abc import Callable

form_page = require_http_methods(["GET", "HEAD", "POST"])
DONE, LETTER = "done", "letter"


class SettledForm(forms.Form):
    """What came of it."""

    note = forms.CharField(
        label="What came of it?",
        help_text="For example, “off the shared drive, slide 14”. No patient’s name.",
        max_length=1000,
        widget=forms.Textarea({"rows": 3}),
        error_messages={"required": "Say what came of it"},
    )


class LetterForm(forms.Form):
    """To whom a letter goes that asks to delete it."""

    address = forms.CharField(
        label="E-mail address of whoever has it",
        max_length=254,
        widget=forms.EmailInput({"autocomplete": "off"}),
        error_messages={"required": "Type a whole address, like name@hospital.example"},
    )


class HoldForm(forms.Form):
    """Why nothing may be destroyed."""

    kind = forms.ChoiceField(
        label="What is it for?",
        widget=forms.RadioSelect,
        choices=LegalHold.Kind.choices,
        error_messages={"required": "Choose what it is for"},
    )
    photo = forms.ChoiceField(
        label="What may not be destroyed?",
        required=False,
        widget=forms.RadioSelect,
    )
    reference = forms.CharField(
        label="Its number",
        max_length=100,
        error_messages={"required": "Type the number of the complaint, claim or inquiry"},
    )
    reason = forms.CharField(
        label="Why may nothing be destroyed?",
        max_length=1000,
        widget=forms.Textarea({"rows": 3}),
        error_messages={"required": "Say why nothing may be destroyed"},
    )

    def __init__(self, *args: object, photos: list[Photo], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # Django's own arguments
        field = self.fields["photo"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "All there is of this patient")] + [
            (
                str(each.pk),
                f"{each.body_site}, {timezone.localtime(each.taken_at):%-d %B %Y, %H:%M}",
            )
            for each in photos
        ]


class LiftForm(forms.Form):
    """Why a hold ends."""

    because = forms.CharField(
        label="Why is it lifted?",
        help_text="What it held back is destroyed at once.",
        max_length=1000,
        widget=forms.Textarea({"rows": 3}),
        error_messages={"required": "Say why it is lifted"},
    )


@require_GET
@needs(Action.GOVERN)
def recalls(request: SignedInRequest) -> HttpResponse:
    """List what is out and has to be asked back, the most urgent first."""
    found = Recall.objects.visible_to(request.user).select_related("photo", "done_by")
    context = {
        "waiting": found.filter(done_at__isnull=True),
        "settled": found.filter(done_at__isnull=False).order_by("-done_at")[:50],
        "today": timezone.localdate(),
    }
    return render(request, "taken/recalls.html", context)


@form_page
@needs(Action.GOVERN)
def recall(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Settle one of them with a note, or write to whoever has it."""
    found = Recall.objects.visible_to(request.user).select_related(
        "photo__patient", "done_by", "withdrawal"
    )
    row, step = get_object_or_404(found, pk=pk), request.POST.get("step")
    settled = SettledForm(request.POST if step == DONE else None)
    letter = LetterForm(request.POST if step == LETTER else None)
    now = timezone.now()
    if settled.is_valid():
        recalling.settle(row, note=settled.cleaned_data["note"], by=request.user, now=now)
        messages.success(request, "Settled")
        return redirect("recalls")
    if letter.is_valid() and _tried(
        letter,
        lambda: recalling.write_to(
            row, address=letter.cleaned_data["address"], by=request.user, now=now
        ),
    ):
        messages.success(request, "The letter goes out now")
        return redirect("recall", row.pk)
    context = {
        "recall": row,
        "settled": settled,
        "letter": letter,
        "is_late": row.done_at is None and row.due_on < timezone.localdate(now),
    }
    return render(request, "taken/recall.html", context)


@require_GET
@needs(Action.GOVERN)
def holds(request: SignedInRequest) -> HttpResponse:
    """List the holds in force, and those that were lifted."""
    found = LegalHold.objects.visible_to(request.user).select_related("patient", "photo")
    context = {
        "in_force": found.filter(lifted_at__isnull=True),
        "lifted": found.filter(lifted_at__isnull=False).order_by("-lifted_at")[:50],
    }
    return render(request, "taken/holds.html", context)


@form_page
@needs(Action.GOVERN)
def place_hold(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Stop the destruction of a picture, or of all there is of a patient."""
    patient = get_object_or_404(Patient.objects.visible_to(request.user), pk=pk)
    photos = list(patient.photos.filter(state=Photo.State.KEPT).order_by("-taken_at"))
    form = HoldForm(request.POST or None, photos=photos)
    if form.is_valid():
        said = form.cleaned_data
        chosen = next((each for each in photos if str(each.pk) == said["photo"]), None)
        holding.place(
            patient,
            photo=chosen,
            kind=said["kind"],
            reason=said["reason"],
            reference=said["reference"],
            by=request.user,
            now=timezone.now(),
        )
        messages.success(request, "Nothing of it is destroyed from now on")
        return redirect("holds")
    return render(request, "taken/place_hold.html", {"patient": patient, "form": form})


@form_page
@needs(Action.GOVERN)
def hold(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show one hold, and lift it."""
    found = LegalHold.objects.visible_to(request.user).select_related(
        "patient", "photo", "placed_by", "lifted_by"
    )
    row = get_object_or_404(found, pk=pk)
    form = LiftForm(request.POST or None)
    if form.is_valid():
        try:
            gone = holding.lift(
                row, because=form.cleaned_data["because"], by=request.user, now=timezone.now()
            )
        except holding.AlreadyLifted as error:
            messages.info(request, error.for_people)
        else:
            messages.success(
                request, "Lifted, and what it held back is destroyed" if gone else "Lifted"
            )
        return redirect("holds")
    return render(request, "taken/hold.html", {"hold": row, "form": form})


def _tried(form: forms.Form, act: Callable[[], Any]) -> bool:
    """Do it, or put what the flow refuses at its field."""
    try:
        act()
    except DoesNotFit as refused:
        put_right(form, refused.fields)
        return False
    return True


urlpatterns = [
    path("governance/recalls/", recalls, name="recalls"),
    path("governance/recalls/<uuid:pk>/", recall, name="recall"),
    path("governance/holds/", holds, name="holds"),
    path("governance/holds/<uuid:pk>/", hold, name="hold"),
    path("patients/<uuid:pk>/hold/", place_hold, name="hold-new"),
]
