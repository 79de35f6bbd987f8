"""What is asked about a patient, and about those who decide for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.text import capfirst

from safelight.flows.who_decides import SECONDARY
from safelight.records.models import Assessment, Consultation, Representative
from safelight.terms import Purpose
from safelight.web.forms import DayField, Option
from safelight.web.words import PURPOSES

YES_NO = [("yes", "Yes"), ("no", "No"), ("", "Not known yet")]
WISHES = tuple(purpose for purpose in Purpose if purpose in SECONDARY)
"""The uses that somebody may have wished for or against, in the usual order."""
USES = [(purpose.value, PURPOSES[purpose]) for purpose in (*WISHES, Purpose.COMPLAINT)]
"""What is asked about after a death: a complaint of the patient's, too, goes on."""
ABOUT = {
    Assessment.About.CARE: Option(
        "A picture for their own care", "Made, kept, shown to who treats them."
    ),
    Assessment.About.LEARNING: Option(
        "Teaching, research, colleagues", "People who don’t treat them look at it."
    ),
    Assessment.About.PUBLIC: Option("A journal, a book, social media", "It can’t be called back."),
}


class PatientForm(forms.Form):
    """A new patient. `number`: what the practice's rules call the number of a patient."""

    name = forms.CharField(
        label="Full name", max_length=200, error_messages={"required": "Type the name"}
    )
    born_on = DayField(label="Date of birth")
    nhs_number = forms.CharField(
        required=False,
        max_length=14,
        help_text="Ten digits. Leave it out if you don’t have it.",
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, number: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["nhs_number"]
        field.label = number
        field.error_messages["max_length"] = f"Check the {number}: it has ten digits"


class RepresentativeForm(forms.Form):
    """Someone who decides for a patient."""

    name = forms.CharField(
        label="Full name", max_length=200, error_messages={"required": "Type the name"}
    )
    relation = forms.CharField(
        label="Who is this to the patient?",
        max_length=100,
        help_text="For example, mother or husband",
        error_messages={"required": "Say who this is to the patient"},
    )
    authority = forms.ChoiceField(
        label="By what right do they decide?",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose by what right this person decides"},
    )
    evidence = forms.CharField(
        label="What did you see as proof?",
        max_length=300,
        required=False,
        help_text="For example, the registered power of attorney and its number",
    )
    acts = forms.ChoiceField(
        label="Alone, or with others?",
        help_text="The document says it.",
        widget=forms.RadioSelect,
        required=False,
        choices=[
            (Representative.Acts.ALONE.value, Option("Alone", "Nobody else has this authority.")),
            (
                Representative.Acts.SEVERALLY.value,
                Option("Jointly and severally", "Several have it, and each may decide alone."),
            ),
            (
                Representative.Acts.JOINTLY.value,
                Option("Jointly", "Several have it, and only all of them together decide."),
            ),
        ],
    )
    expires_on = DayField(
        label="Does it end on a day?", required=False, help_text="Leave it out if not"
    )

    def __init__(self, *args: Any, kinds: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chooser = self.fields["authority"]
        assert isinstance(chooser, forms.ChoiceField)
        chooser.choices = [(kind, capfirst(words)) for kind, words in kinds.items()]

    def clean_acts(self) -> str:
        """Return how they decide; who is written down alone decides alone."""
        return self.cleaned_data["acts"] or Representative.Acts.ALONE.value


class EndForm(forms.Form):
    """The end of somebody's authority."""

    ended_on = DayField(label="From which day?")
    because = forms.CharField(
        label="What ended it?",
        max_length=300,
        help_text="For example, a letter that takes it back, or a death",
        error_messages={"required": "Say what ended it"},
    )


class AssessmentForm(forms.Form):
    """An assessment of whether a patient can decide; the outcomes depend on the age."""

    outcome = forms.ChoiceField(
        label="What did you find?",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what you found"},
    )
    about = forms.MultipleChoiceField(
        label="Which decision was it about?",
        help_text="Choose only what you looked at. For the others it doesn’t count.",
        widget=forms.CheckboxSelectMultiple,
        choices=[(each.value, option) for each, option in ABOUT.items()],
        error_messages={"required": "Choose which decision you looked at"},
    )
    decision = forms.CharField(
        label="In your words",
        max_length=200,
        help_text="For example, photographs of the wound each week",
        error_messages={"required": "Say which decision this was about"},
    )
    support = forms.CharField(
        label="How did you help the patient decide?",
        required=False,
        max_length=2000,
        widget=forms.Textarea({"rows": 3}),
        help_text="For example, more time, plain words, a person they trust",
    )
    parents = forms.ChoiceField(
        label="Are the parents involved?",
        help_text="Encourage it. It is the child’s choice.",
        widget=forms.RadioSelect,
        choices=Assessment.Parents.choices,
        error_messages={"required": "Say whether the parents are involved"},
    )
    assessed_on = DayField(label="When?")

    def __init__(self, *args: Any, child: bool, competence: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        competent = [
            ("competent", Option("Can decide this", f"{competence}, for this decision.")),
            ("not-competent", Option("Can’t decide this", "Someone with authority decides.")),
        ]
        capable = [
            ("has", Option("Can decide this", "Has capacity for this decision.")),
            ("lacks", Option("Can’t decide this", "Lacks capacity for this decision.")),
            ("lost-for-now", Option("Can’t decide just now", "Ask again on recovery.")),
        ]
        outcome = self.fields["outcome"]
        assert isinstance(outcome, forms.ChoiceField)
        outcome.choices = competent if child else capable
        if not child:
            del self.fields["parents"]


class DeathForm(forms.Form):
    """A death, and the wishes that are known."""

    died_on = DayField(label="When did the patient die?")
    genetic_or_third_party = forms.ChoiceField(
        label="Do the pictures tell something about relatives or others?",
        required=False,
        widget=forms.RadioSelect,
        choices=YES_NO,
        help_text="For example, a condition that runs in the family",
    )
    legal_advice = forms.CharField(
        label="What was the legal advice?",
        required=False,
        max_length=2000,
        widget=forms.Textarea({"rows": 3}),
        help_text="Needed if the answer above is yes: who was asked, and what they said",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for purpose in WISHES:
            self.fields[_wish(purpose)] = forms.ChoiceField(
                label=f"Did the patient want this? {PURPOSES[purpose]}",
                required=False,
                widget=forms.RadioSelect,
                choices=YES_NO,
            )

    def wishes(self) -> dict[str, str]:
        """Return the wishes that are known."""
        said = {purpose.value: self.cleaned_data[_wish(purpose)] for purpose in WISHES}
        return {purpose: wish for purpose, wish in said.items() if wish}


def _wish(purpose: Purpose) -> str:
    return f"wish-{purpose.value}"


class ConsultationForm(forms.Form):
    """Somebody who was asked after a death."""

    name = forms.CharField(
        label="Who was asked?", max_length=200, error_messages={"required": "Type the name"}
    )
    who = forms.ChoiceField(
        label="Who is this?",
        widget=forms.RadioSelect,
        help_text="Next of kin as such are family. The will or a court names the other two.",
        choices=Consultation.Who.choices,
        error_messages={"required": "Choose who this is"},
    )
    relation = forms.CharField(
        label="What to the patient?",
        required=False,
        max_length=100,
        help_text="For example, son or close friend",
    )
    purposes = forms.MultipleChoiceField(
        label="About which uses?",
        widget=forms.CheckboxSelectMultiple,
        choices=USES,
        error_messages={"required": "Choose what they were asked about"},
    )
    answer = forms.ChoiceField(
        label="What was the answer?",
        widget=forms.RadioSelect,
        choices=Consultation.Answer.choices,
        error_messages={"required": "Choose what the answer was"},
    )
    words = forms.CharField(
        label="What did they say?",
        max_length=2000,
        widget=forms.Textarea({"rows": 3}),
        error_messages={"required": "Write down what they said"},
    )
    asked_on = DayField(label="When?")
