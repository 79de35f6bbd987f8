"""Governance: give a picture to a court, or into a complaint; what is asked for, and why it needs which."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.text import capfirst
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from safelight import policy
from safelight.flows import matters as flow
from safelight.flows import opening
from safelight.flows.allowed import DoesNotFit
from safelight.flows.once import AlreadyDone
from safelight.policy.roles import Action
from safelight.records.models import Exhibit, Matter, Patient, Photo
from safelight.terms import Purpose
from safelight.web import opened
from safelight.web.doors import SignedInRequest, needs
from safelight.web.explaining import explained
from safelight.web.forms import DayField, Option, once_of, put_right

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.forms import BoundField

    from safelight.flows.deciding import Decision

form_page = require_http_methods(["GET", "HEAD", "POST"])
NEEDED = [("yes", "Needed"), ("no", "Not needed")]


class MatterForm(forms.Form):
    """What is asked for. Nothing is chosen before somebody chooses it."""

    kind = forms.ChoiceField(
        label="What is it?",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what it is"},
    )
    reference = forms.CharField(
        label="Its number or reference",
        max_length=100,
        error_messages={"required": "Type its number or reference"},
    )
    asked_by = forms.CharField(
        label="Who asks?",
        max_length=200,
        help_text="The court, the body or the person that gets what is given",
        error_messages={"required": "Say who asks"},
    )
    asked_on = DayField(label="Of which day?", help_text="The date on the letter or order")
    extent = forms.CharField(
        label="What is asked for?",
        max_length=2000,
        widget=forms.Textarea({"rows": 3}),
        help_text="In the words of the letter or order. No more than that is given.",
        error_messages={"required": "Say what is asked for"},
    )
    size = forms.ChoiceField(
        label="How much of each picture?",
        widget=forms.RadioSelect,
        choices=[
            (
                Matter.Size.VIEW.value,
                Option("The picture alone", "As on a screen, without the file’s own data."),
            ),
            (
                Matter.Size.ORIGINAL.value,
                Option("The whole file", "As it was taken. Only if exactly that is asked for."),
            ),
        ],
        error_messages={"required": "Choose how much of each picture is asked for"},
    )
    told = forms.ChoiceField(
        label="Was the patient told?",
        widget=forms.RadioSelect,
        choices=[
            ("yes", Option("Yes", "The patient’s own page shows what was given.")),
            (
                "no",
                Option("No", "The page is silent about it until you say that the patient knows."),
            ),
        ],
        error_messages={"required": "Choose whether the patient was told"},
    )
    not_told_because = forms.CharField(
        label="If not, why not?",
        required=False,
        max_length=1000,
        widget=forms.Textarea({"rows": 2}),
    )

    def __init__(self, data: Any = None, *, kinds: Mapping[str, str]) -> None:
        super().__init__(data)
        chooser = self.fields["kind"]
        assert isinstance(chooser, forms.ChoiceField)
        held = "Nothing of this patient is destroyed from now on."
        chooser.choices = [
            (name, Option(capfirst(words), held if name in flow.COMPLAINTS else ""))
            for name, words in kinds.items()
        ]

    def asked(self) -> flow.Asked:
        """Return what was said, as the flow takes it."""
        said = dict(self.cleaned_data)
        return flow.Asked(is_told=said.pop("told") == "yes", **said)


class WeighForm(forms.Form):
    """For each picture: whether it is needed, and why. What is left empty is not weighed."""

    def __init__(self, data: Any = None, *, photos: Iterable[Photo], matter: Matter) -> None:
        known = {each.photo_id: each for each in matter.exhibits.all()}
        initial: dict[str, str] = {}
        for pk, each in known.items():
            initial |= {f"{pk}-needed": "yes" if each.is_needed else "no", f"{pk}-why": each.why}
        super().__init__(data, initial=initial)
        self.photos = {photo.pk: photo for photo in photos}
        for pk in self.photos:
            self.fields[f"{pk}-needed"] = forms.ChoiceField(
                label="Is it needed?",
                required=False,
                widget=forms.RadioSelect,
                choices=NEEDED,
                error_messages={"invalid_choice": "Choose whether it is needed"},
            )
            self.fields[f"{pk}-why"] = forms.CharField(
                label="Why, or why not?", required=False, max_length=1000
            )

    def of(self, pk: UUID) -> tuple[BoundField, BoundField]:
        """Return the two fields of a picture."""
        return self[f"{pk}-needed"], self[f"{pk}-why"]

    def clean(self) -> dict[str, Any]:
        """Ask for an answer where only a reason was given."""
        said = self.cleaned_data
        for pk in self.photos:
            if said.get(f"{pk}-why") and not said.get(f"{pk}-needed"):
                self.add_error(f"{pk}-needed", "Choose whether it is needed")
        return said

    def weighed(self) -> dict[Photo, flow.Weighed]:
        """Return what was said of those that were weighed."""
        said = self.cleaned_data
        return {
            photo: flow.Weighed(said[f"{pk}-needed"] == "yes", said[f"{pk}-why"])
            for pk, photo in self.photos.items()
            if said[f"{pk}-needed"]
        }


@dataclass(frozen=True, slots=True)
class Row:
    """One picture on the matter's page."""

    photo: Photo
    needed: BoundField | None
    why: BoundField | None
    exhibit: Exhibit | None
    outcome: str
    """"given", "permit", "hold", "refuse", "not-needed", "not-given", "closed" or "" before it is weighed."""


@require_GET
@needs(Action.GOVERN)
def matters(request: SignedInRequest) -> HttpResponse:
    """List what courts and complaints ask for, what is open first."""
    found = Matter.objects.visible_to(request.user).filter(patient__erased_at=None)
    now = timezone.now()
    every = [
        (each, capfirst(flow.words_of(each, now=now)))
        for each in found.select_related("patient__practice", "hold")
    ]
    context = {
        "in_hand": [each for each in every if each[0].is_open],
        "closed": [each for each in every if not each[0].is_open][:50],
    }
    return render(request, "matters/matters.html", context)


@form_page
@needs(Action.GOVERN)
def new(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Write down what is asked for about a patient."""
    rows = Patient.objects.visible_to(request.user).filter(erased_at=None)
    patient = get_object_or_404(rows.select_related("practice"), pk=pk)
    now = timezone.now()
    form = MatterForm(request.POST or None, kinds=flow.kinds(patient, now=now))
    if form.is_valid():
        try:
            made = flow.record(
                patient, asked=form.asked(), once=once_of(request), by=request.user, now=now
            )
        except DoesNotFit as refused:
            put_right(form, refused.fields)
        except AlreadyDone as before:
            return redirect("matter", before.made)
        else:
            messages.success(request, "Written down. Now say which pictures are needed")
            return redirect("matter", made.pk)
    return render(request, "matters/new.html", {"patient": patient, "form": form})


@form_page
@needs(Action.GOVERN)
def matter(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show one matter, and say which pictures it needs."""
    row, now = _matter(request, pk), timezone.now()
    photos = list(row.patient.photos.filter(state=Photo.State.KEPT).select_related("taken_by"))
    form = WeighForm(request.POST or None, photos=photos, matter=row)
    if form.is_valid():
        try:
            flow.weigh(row, said=form.weighed(), by=request.user, now=now)
        except DoesNotFit as refused:
            put_right(form, refused.fields)
        except flow.MatterClosed as error:
            messages.info(request, error.for_people)
            return redirect("matter", row.pk)
        else:
            messages.success(request, "Written down")
            return redirect("matter", row.pk)
    rows = _rows(row, form, now=now)
    context = {
        "matter": row,
        "patient": row.patient,
        "kind": capfirst(flow.words_of(row, now=now)),
        "form": form,
        "rows": rows,
        "may_go": sum(each.outcome == "permit" for each in rows),
    }
    return render(request, "matters/matter.html", context)


@require_POST
@needs(Action.GOVERN)
def give(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Give every picture that is needed and permitted now, each decided anew."""
    row, now = _matter(request, pk), timezone.now()
    waiting = row.exhibits.filter(is_needed=True, given_at=None, photo__state=Photo.State.KEPT)
    given = refused = 0
    try:
        for each in waiting:
            try:
                is_given = isinstance(flow.give(each, by=request.user, now=now), Exhibit)
            except (flow.AlreadyGiven, opening.PictureClosed):
                continue  # somebody was quicker, to give it or to take it back
            given, refused = given + is_given, refused + (not is_given)
    except flow.MatterClosed as error:
        messages.info(request, error.for_people)
        return redirect("matter", row.pk)
    if given:
        messages.success(request, f"Given: {given}. Save each file, and hand it over safely")
    if refused:
        messages.info(request, f"Not permitted: {refused}. Nothing of it was given")
    return redirect("matter", row.pk)


@require_POST
@needs(Action.GOVERN)
def told(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Write down that the patient knows by now."""
    row = _matter(request, pk)
    flow.tell(row, by=request.user, now=timezone.now())
    messages.success(request, "Written down. The patient’s page shows it from now on")
    return redirect("matter", row.pk)


@require_POST
@needs(Action.GOVERN)
def close(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Close a matter."""
    row = _matter(request, pk)
    flow.close(row, by=request.user, now=timezone.now())
    messages.success(request, "Closed. Nothing more is given into it")
    return redirect("matter", row.pk)


@require_GET
@needs(Action.GOVERN)
def exhibit(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show why a picture may or may not be given, and what would help."""
    row, now = _exhibit(request, pk), timezone.now()
    patient = row.matter.patient
    if not row.matter.is_open:
        messages.info(request, flow.MatterClosed.for_people)
        return redirect("matter", row.matter.pk)
    context = explained(
        flow.decide(row, now=now),
        patient,
        reader=request.user,
        purpose=Purpose(row.matter.purpose),
        photo=row.photo,
        matter=row.matter,
        now=now,
    )
    kind = capfirst(flow.words_of(row.matter, now=now))
    return render(
        request, "matters/exhibit.html", context | {"matter": row.matter, "row": row, "kind": kind}
    )


@require_GET
@needs(Action.GOVERN)
def file(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Return the file of a picture that was given, to be handed over; its name is a number."""
    row = _exhibit(request, pk)
    number = list(row.matter.exhibits.values_list("pk", flat=True)).index(row.pk) + 1

    def open_it() -> bytes | Decision:
        try:
            return flow.open_file(row, by=request.user, now=timezone.now())
        except flow.MatterClosed as error:
            raise Http404 from error

    response = opened.picture(open_it)
    if response.status_code == 200:
        response["Content-Disposition"] = f'attachment; filename="picture-{number}.jpg"'
    return response


def _rows(found: Matter, form: WeighForm, *, now: datetime) -> list[Row]:
    """Return every picture that is kept, and those that were given and are kept no more."""
    known = {each.photo_id: each for each in found.exhibits.select_related(*_TO_DECIDE)}
    outcomes = _outcomes([known[pk] for pk in form.photos if pk in known], now=now)
    rows = [
        Row(photo, *form.of(pk), known.get(pk), outcomes.get(pk, ""))
        for pk, photo in form.photos.items()
    ]
    gone = (each for pk, each in known.items() if pk not in form.photos and each.given_at)
    return rows + [Row(each.photo, None, None, each, "closed") for each in gone]


def _outcomes(weighed: Sequence[Exhibit], *, now: datetime) -> dict[UUID, str]:
    """Return the outcome of each by its picture; what has to be decided is decided in one go."""
    found = {each.photo_id: _settled(each) for each in weighed}
    open_ones = [each for each in weighed if not found[each.photo_id]]
    for each, decision in zip(open_ones, flow.decide_each(open_ones, now=now), strict=True):
        permits = isinstance(decision, policy.Permit)
        found[each.photo_id] = "permit" if permits else str(decision.outcome)
    return found


def _settled(row: Exhibit) -> str:
    """Return the outcome that no rule is asked for, or nothing."""
    if row.given_at is not None:
        return "given"
    if not row.is_needed:
        return "not-needed"
    if not row.matter.is_open:
        return "not-given"
    return ""


_TO_DECIDE = ("photo__patient__practice", "photo__consent", "matter__practice", "matter__hold")


def _matter(request: SignedInRequest, pk: UUID) -> Matter:
    found = Matter.objects.visible_to(request.user).filter(patient__erased_at=None)
    every = found.select_related("patient__practice", "practice", "hold", "recorded_by")
    return get_object_or_404(every, pk=pk)


def _exhibit(request: SignedInRequest, pk: UUID) -> Exhibit:
    found = Exhibit.objects.visible_to(request.user).filter(
        photo__patient__erased_at=None, photo__state=Photo.State.KEPT
    )
    return get_object_or_404(found.select_related(*_TO_DECIDE, "matter__patient__practice"), pk=pk)


urlpatterns = [
    path("governance/matters/", matters, name="matters"),
    path("patients/<uuid:pk>/matters/new/", new, name="matter-new"),
    path("matters/<uuid:pk>/", matter, name="matter"),
    path("matters/<uuid:pk>/give/", give, name="matter-give"),
    path("matters/<uuid:pk>/told/", told, name="matter-told"),
    path("matters/<uuid:pk>/close/", close, name="matter-close"),
    path("exhibits/<uuid:pk>/", exhibit, name="exhibit"),
    path("exhibits/<uuid:pk>/file/", file, name="exhibit-file"),
]
