"""What is known to be out elsewhere, and what became too telling since it left."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from safelight.flows import disclosures, exposing, notifying
from safelight.flows.allowed import DoesNotFit
from safelight.policy.roles import Action
from safelight.records.models import ExposureAlarm, Patient
from safelight.web.captions import read_into
from safelight.web.disclosing import SaidForm, facts_from, place_names, places, rounded, told
from safelight.web.doors import SignedInRequest, needs
from safelight.web.forms import DayField, Option, put_right

VERDICTS = {
    "clear": "Enough people",
    "review": "A person has to judge",
    "block": "Too few people",
    "not-assessed": "Not assessed",
}


class PostForm(SaidForm):
    """What somebody told elsewhere."""

    told_on = DayField(
        label="When was it told?",
        error_messages={"required": "Type the day, the month and the year"},
    )
    audience = forms.ChoiceField(
        label="Who can see it?",
        widget=forms.RadioSelect,
        choices=[
            ("public", Option("Anybody", "The open web, a newspaper, a book.")),
            ("group", Option("A closed group", "Say which one.")),
        ],
        error_messages={"required": "Choose who can see it"},
    )
    group = forms.CharField(label="Which group?", required=False, max_length=200)
    name = forms.CharField(
        label="Who told it?",
        required=False,
        max_length=200,
        help_text="The name that stands there, if one does",
    )
    organisation = forms.CharField(
        label="For whom do they work?",
        required=False,
        max_length=200,
        help_text="If that can be seen or looked up",
    )
    is_certain = forms.ChoiceField(
        label="Is it about this patient?",
        widget=forms.RadioSelect,
        choices=[
            ("yes", Option("Yes, for sure", "It counts as ours do.")),
            ("may-be", Option("It may be", "It counts as far as its words and picture fit.")),
        ],
        error_messages={"required": "Choose one"},
    )
    field_order = (
        "told_on",
        "audience",
        "group",
        "name",
        "organisation",
        "is_certain",
        *SaidForm.base_fields,
    )

    def clean(self) -> dict[str, Any]:
        """Return the answers; a closed group has a name."""
        said = super().clean()
        if said.get("audience") == "group" and not str(said.get("group", "")).strip():
            self.add_error("group", "Say which group")
        return said


class SettleForm(forms.Form):
    """What was done about an alarm."""

    note = forms.CharField(
        label="What was done about it?",
        max_length=2000,
        widget=forms.Textarea({"rows": 2}),
        error_messages={"required": "Say what was done about it"},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Action.REQUEST_RELEASE)
def posts(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show everything that was told of a patient, and write down what was told elsewhere."""
    found = Patient.objects.visible_to(request.user).select_related("practice")
    patient = get_object_or_404(found, pk=pk)
    form, now = PostForm(request.POST or None), timezone.now()
    read, status = None, 200
    if "read" in request.POST:
        form, read = read_into(PostForm, request, patient)
    elif form.is_valid():
        said = form.cleaned_data
        try:
            disclosures.register_post(
                patient,
                facts=facts_from(said),
                audience=f"group:{said['group']}" if said["audience"] == "group" else "public",
                poster={"name": said["name"], "organisation": said["organisation"]},
                told_on=said["told_on"],
                is_certain=said["is_certain"] == "yes",
                by=request.user,
                now=now,
            )
        except DoesNotFit as refused:
            put_right(form, refused.fields)
            status = 422
        else:
            messages.success(request, "Written down. It counts from now on.")
            return redirect("posts", patient.pk)
    elif form.is_bound:
        status = 422
    context = {
        "patient": patient,
        "form": form,
        "read": read,
        "told": [told(each) for each in exposing.history_for(request.user, patient)],
    }
    return render(request, "disclosures/posts.html", context, status=status)


@require_GET
@needs(Action.GOVERN)
def alarms(request: SignedInRequest) -> HttpResponse:
    """List what is out and has become too telling since."""
    return _alarms(request, {})


@require_POST
@needs(Action.GOVERN)
def settle(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Write down what was done about one of them."""
    alarm = get_object_or_404(ExposureAlarm.objects.visible_to(request.user), pk=pk)
    form = SettleForm(request.POST, prefix=str(pk))
    if not form.is_valid():
        return _alarms(request, {pk: form}, status=422)
    disclosures.settle(alarm, note=form.cleaned_data["note"], by=request.user, now=timezone.now())
    messages.success(request, "Written down")
    return redirect("exposure-alarms")


def _alarms(
    request: SignedInRequest, forms_of: dict[UUID, SettleForm], *, status: int = 200
) -> HttpResponse:
    now = timezone.now()
    found = ExposureAlarm.objects.visible_to(request.user).select_related(
        "release__photo__patient", "release__requested_by", "settled_by"
    )
    rows: list[dict[str, Any]] = [
        {
            "alarm": alarm,
            "was": VERDICTS.get(alarm.was, alarm.was),
            "is_now": VERDICTS.get(alarm.is_now, alarm.is_now),
            "crowd": rounded(alarm.assessment),
            "notice": notifying.of_breach(request.user.practice, aware_at=alarm.raised_at, now=now),
            "form": forms_of.get(alarm.pk) or SettleForm(prefix=str(alarm.pk)),
        }
        for alarm in found[:100]
    ]
    context = {
        "open": [row for row in rows if row["alarm"].settled_at is None],
        "settled": [row for row in rows if row["alarm"].settled_at is not None],
        "forms": list(forms_of.values()),
    }
    return render(request, "disclosures/alarms.html", context, status=status)


class PracticeForm(forms.Form):
    """Where the practice's patients come from."""

    places = forms.MultipleChoiceField(
        label="Districts that most of our patients live in",
        required=False,
        choices=lambda: [(value.partition(":")[2], name) for value, name in places()[3][1]],
        widget=forms.SelectMultiple({"size": 10}),
        help_text="Everybody who sees the practice’s name knows them. Choose those with 95 of 100 patients."
        " With a keyboard or a mouse, hold Ctrl (⌘ on a Mac) to choose more than one.",
    )
    list_size = forms.IntegerField(
        label="Patients on our list",
        required=False,
        min_value=1,
        max_value=10_000_000,
        help_text="About how many; left empty, all who live there count",
    )

    def clean_list_size(self) -> int | None:
        """Return the number; one in another alphabet's digits is a slip."""
        if not str(self.data.get("list_size", "")).isascii():
            raise forms.ValidationError("Type the number in figures, 0 to 9")
        size: int | None = self.cleaned_data["list_size"]
        return size


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Action.GOVERN)
def our_patients(request: SignedInRequest) -> HttpResponse:
    """Say where the practice's patients come from: its name tells that to whoever sees it."""
    practice = request.user.practice
    initial = {"places": practice.places, "list_size": practice.list_size}
    form = PracticeForm(request.POST or None, initial=initial)
    if form.is_bound and form.is_valid():
        disclosures.set_catchment(**form.cleaned_data, by=request.user, now=timezone.now())
        messages.success(request, "Written down. Releases are counted with it from now on.")
        return redirect("governance")
    status = 422 if form.is_bound else 200
    names = place_names()
    context = {"form": form, "chosen": [names.get(each, each) for each in practice.places]}
    return render(request, "disclosures/our_patients.html", context, status=status)


urlpatterns = [
    path("governance/our-patients/", our_patients, name="our-patients"),
    path("patients/<uuid:pk>/online/", posts, name="posts"),
    path("governance/exposure/", alarms, name="exposure-alarms"),
    path("governance/exposure/<uuid:pk>/", settle, name="exposure-settle"),
]
