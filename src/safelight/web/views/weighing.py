"""Questions about a use of someone's picture who can't decide: a clinician and a representative."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from safelight.flows import weighing as flow
from safelight.flows.allowed import DoesNotFit
from safelight.flows.who_decides import SECONDARY
from safelight.policy.roles import Action
from safelight.records.models import Patient, Photo, Representative, Weighing
from safelight.terms import Purpose
from safelight.web.doors import SignedInRequest, needs
from safelight.web.forms import put_right
from safelight.web.words import PURPOSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

form_page = require_http_methods(["GET", "HEAD", "POST"])
YES_NO = [("yes", "Yes"), ("no", "No")]


class WeighingForm(forms.Form):
    """The questions of the pack in force, two people, and for research the approval."""

    def __init__(
        self,
        data: Any = None,
        *,
        questions: Mapping[str, str],
        people: Iterable[Representative],
        research: bool,
        asks_about_opting_out: bool,
    ) -> None:
        super().__init__(data)
        self.asked = questions
        self.fields["representative"] = forms.ChoiceField(
            label="Who answers for the patient?",
            widget=forms.RadioSelect,
            choices=[(str(each.pk), f"{each.name}, {each.relation}") for each in people],
            error_messages={"required": "Choose who answers for the patient"},
        )
        for name in questions:
            for who, label in (("clinician", "You"), ("representative", "Who answers for them")):
                self.fields[f"{name}-{who}"] = forms.ChoiceField(
                    label=label,
                    widget=forms.RadioSelect,
                    choices=YES_NO,
                    error_messages={"required": "Choose yes or no"},
                )
                self.fields[f"{name}-{who}-why"] = forms.CharField(
                    label="Why?",
                    max_length=1000,
                    widget=forms.Textarea({"rows": 2}),
                    error_messages={"required": "Say why, in a few words"},
                )
        if research:
            self._ask_for_the_approval()
        if research and asks_about_opting_out:
            self._ask_about_opting_out()

    def _ask_for_the_approval(self) -> None:
        self.fields["approval"] = forms.CharField(
            label="Reference of the approval",
            max_length=200,
            help_text="Of the committee that approved it for people who can’t decide",
            error_messages={"required": "Type the reference of the approval"},
        )
        for name, label in (("project", "Project"), ("ethics", "Ethics reference")):
            self.fields[name] = forms.CharField(label=label, max_length=200, required=False)

    def _ask_about_opting_out(self) -> None:
        self.fields["opt_out"] = forms.ChoiceField(
            label="Did you look whether the patient opted out of research?",
            required=False,
            widget=forms.RadioSelect,
            choices=[*Weighing.OptOut.choices, ("", "Not yet")],
        )

    def questions(self) -> list[tuple[str, list[forms.BoundField]]]:
        """Return each question with its four fields, for the page."""
        return [
            (
                text,
                [self[f"{name}-{who}{part}"] for who in flow.WHO for part in ("", "-why")],
            )
            for name, text in self.asked.items()
        ]

    def answers(self) -> dict[str, dict[str, flow.Said]]:
        """Return what both said, as the flow takes it."""
        said = self.cleaned_data
        return {
            name: {
                who: flow.Said(said[f"{name}-{who}"] == "yes", said[f"{name}-{who}-why"])
                for who in flow.WHO
            }
            for name in self.asked
        }

    def approved(self) -> flow.Approval:
        """Return the approval of research; none for another use."""
        said = self.cleaned_data
        if "approval" not in self.fields:
            return flow.NONE
        return flow.Approval(
            said["approval"], said["project"], said["ethics"], said.get("opt_out", "")
        )


@form_page
@needs(Action.RECORD_CONSENT)
def of_picture(request: SignedInRequest, pk: UUID, use: str) -> HttpResponse:
    """Weigh one use of one picture."""
    rows = Photo.objects.visible_to(request.user).filter(state=Photo.State.KEPT)
    photo = get_object_or_404(rows.select_related("patient__practice", "practice"), pk=pk)
    return _weigh(request, photo.patient, photo, use)


@form_page
@needs(Action.RECORD_CONSENT)
def of_making(request: SignedInRequest, pk: UUID, use: str) -> HttpResponse:
    """Weigh a picture that is to be made for something else than care."""
    rows = Patient.objects.visible_to(request.user).select_related("practice")
    return _weigh(request, get_object_or_404(rows, pk=pk), None, use)


def _weigh(
    request: SignedInRequest, patient: Patient, photo: Photo | None, use: str
) -> HttpResponse:
    if use not in {purpose.value for purpose in SECONDARY}:
        raise Http404
    purpose, now = Purpose(use), timezone.now()
    people = flow.who_may_answer(patient, now=now)
    form = WeighingForm(
        request.POST or None,
        questions=flow.questions(patient, now=now),
        people=people,
        research=purpose is Purpose.RESEARCH,
        asks_about_opting_out=flow.asks_about_opting_out(patient, now=now),
    )
    if form.is_valid():
        chosen = form.cleaned_data["representative"]
        try:
            flow.weigh(
                patient,
                photo=photo,
                purpose=purpose,
                answers=form.answers(),
                representative=next(each for each in people if str(each.pk) == chosen),
                approval=form.approved(),
                by=request.user,
                now=now,
            )
        except DoesNotFit as refused:
            put_right(form, refused.fields)
        else:
            messages.success(request, "Written down, with both names")
            return redirect("picture", photo.pk) if photo else redirect("patient", patient.pk)
    context = {
        "form": form,
        "patient": patient,
        "photo": photo,
        "use": PURPOSES[purpose],
        "people": people,
        "title": _title(len(form.asked)),
        "source": flow.source_of_questions(patient, now=now),
        "research": purpose is Purpose.RESEARCH,
        "earlier": patient.weighings.filter(photo=photo, purpose=use).select_related(
            "by", "representative"
        ),
    }
    return render(request, "patients/weighing.html", context)


def _title(questions: int) -> str:
    number = {1: "One question", 2: "Two questions", 3: "Three questions"}
    return number.get(questions, f"{questions} questions")


urlpatterns = [
    path("pictures/<uuid:pk>/weighing/<slug:use>/", of_picture, name="weighing"),
    path("patients/<uuid:pk>/weighing/<slug:use>/", of_making, name="weighing-making"),
]
