"""The forms on the way of a copy: asked for, prepared, looked at by a second person."""

from __future__ import annotations

from django import forms

from safelight.flows import intruding
from safelight.flows.copies import TICKS
from safelight.terms import Audience, Purpose
from safelight.web.disclosing import SaidForm
from safelight.web.forms import Option

USES: dict[str, tuple[Purpose, Audience, Option]] = {
    "here": (
        Purpose.TEACHING_LOCAL,
        Audience.ORGANISATION,
        Option("Teaching here", "People of this practice."),
    ),
    "group": (
        Purpose.TEACHING_WIDE,
        Audience.CLOSED_GROUP,
        Option("Teaching elsewhere", "A talk, a course, a closed group."),
    ),
    "open": (
        Purpose.TEACHING_WIDE,
        Audience.PUBLIC,
        Option("Teaching that anybody can reach", "The open web."),
    ),
    "study": (
        Purpose.RESEARCH,
        Audience.CLOSED_GROUP,
        Option("Research", "The people of one study that was approved."),
    ),
    "journal": (
        Purpose.PUBLICATION,
        Audience.PUBLIC,
        Option("A journal or a book", "The patient has to see the final version."),
    ),
    "social": (
        Purpose.SOCIAL,
        Audience.CLOSED_GROUP,
        Option("Social media", "A closed professional group counts, too."),
    ),
}


class AskForm(SaidForm):
    """A request that a copy may leave."""

    use = forms.ChoiceField(
        label="What is it for?",
        widget=forms.RadioSelect,
        choices=[(key, option) for key, (_, _, option) in USES.items()],
        error_messages={"required": "Choose what it is for"},
    )
    target = forms.CharField(
        label="Where does it go?",
        max_length=200,
        help_text="For example, Tuesday teaching in room 4",
        error_messages={"required": "Say where it goes"},
    )
    field_order = ("use", "target", *SaidForm.base_fields)


class TicksForm(forms.Form):
    """What machines can't judge; nothing is ticked before a person ticks it."""

    ticked = forms.MultipleChoiceField(
        label="Have you looked for these yourself?",
        help_text="A machine can’t judge them. You are the check.",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=list(TICKS.items()),
    )


class ApproveForm(forms.Form):
    """What the second person says."""

    note = forms.CharField(
        label="Note", required=False, widget=forms.Textarea({"rows": 2}), max_length=2000
    )
    judgement = forms.CharField(
        label="Why may it leave all the same?",
        required=False,
        help_text="The crowd is small. Say who would see it, and why nobody there would know the patient.",
        widget=forms.Textarea({"rows": 2}),
        max_length=2000,
    )


class AttemptForm(forms.Form):
    """One attempt to find out who it is."""

    who = forms.CharField(
        label="Who tried, or for whom they stood",
        required=False,
        max_length=200,
        help_text="For example, a stranger with a search engine; a neighbour",
    )
    holds = forms.CharField(
        label="What they hold",
        required=False,
        max_length=500,
        help_text="What they know already, or can look up",
    )
    searched = forms.CharField(
        label="What was searched",
        required=False,
        max_length=1000,
        widget=forms.Textarea({"rows": 2}),
        help_text="The words and the places: a search engine, local news, social media",
    )
    outcome = forms.ChoiceField(
        label="What came of it",
        required=False,
        choices=list(intruding.OUTCOMES.items()),
        widget=forms.RadioSelect,
    )


Attempts = forms.formset_factory(AttemptForm, extra=2, max_num=intruding.MOST)
