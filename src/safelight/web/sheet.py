"""What comes back from the consent sheet, as the flow takes it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from django import forms

from safelight.flows import consent as flow
from safelight.flows import lasting
from safelight.records.models import Consent, Representative
from safelight.terms import Purpose

if TYPE_CHECKING:
    from safelight.policy.wording import Wording

PNG = "data:image/png;base64,"
SAID_NO = "No."


def _short(most: int) -> forms.CharField:
    """Return a field for a few words, which may stay empty."""
    return forms.CharField(
        required=False,
        max_length=most,
        error_messages={"max_length": "Use fewer words here"},
    )


def _choose(field: forms.Field, choices: list[tuple[str, str]]) -> None:
    assert isinstance(field, forms.ChoiceField)
    field.choices = choices


class Sheet(forms.Form):
    """What comes back from the sheet. Nothing on it has a value before somebody gives one."""

    wording = forms.CharField(max_length=64)
    answer = forms.ChoiceField(choices=[(each, each) for each in ("agree", "care", "no")])
    told_all = forms.BooleanField(required=False)
    purposes = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "Choose only from the uses on this sheet"},
    )
    identifiable_ok = forms.BooleanField(required=False)
    nothing_else = forms.BooleanField(required=False)
    given_by = forms.ChoiceField(
        required=False,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": "Choose who answers"},
    )
    form = forms.ChoiceField(choices=Consent.Form.choices, required=False, widget=forms.RadioSelect)
    statement = _short(2000)
    signature = forms.CharField(required=False, max_length=400_000)
    interpreter = _short(200)
    interpreter_by = forms.ChoiceField(
        choices=Consent.Beside.choices, required=False, widget=forms.RadioSelect
    )
    witness = _short(200)
    lasts = forms.ChoiceField(
        required=False,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": "Choose how long from the list"},
    )
    lasts_until = forms.DateField(
        required=False,
        widget=forms.DateInput({"type": "date"}),
        error_messages={"invalid": "There is no such day. Check the day and the month"},
    )
    lasts_episode = _short(200)

    def __init__(
        self,
        data: Any = None,
        *,
        words: Wording,
        representatives: tuple[Representative, ...],
        ages: tuple[int, ...] = (),
    ) -> None:
        super().__init__(data)
        self.words = words
        for each in words.told:
            self.fields[f"told-{each.key}"] = forms.BooleanField(required=False)
            self.fields[f"why-{each.key}"] = _short(300)
        for use in words.purposes:
            if use.reach:
                self.fields[f"target-{use.purpose.value}"] = _short(200)
        offered = [(each.purpose.value, each.title) for each in words.purposes]
        _choose(self.fields["purposes"], offered)
        people = [(str(each.pk), each.name) for each in representatives]
        _choose(self.fields["given_by"], [(flow.OWN_ANSWER, "The patient"), *people])
        periods = [f"{lasting.PERIOD}:{each}" for each in lasting.MONTHS]
        lengths = [(each, each) for each in (lasting.UNTIL, *periods)]
        until = [(f"{lasting.AGE}:{each}", str(each)) for each in ages]
        _choose(self.fields["lasts"], [*lengths, *until, (lasting.EPISODE, lasting.EPISODE)])

    def clean_signature(self) -> bytes | None:
        """Return the PNG that the page drew, or None for an empty box."""
        text: str = self.cleaned_data["signature"]
        if not text:
            return None
        try:
            return base64.b64decode(text.removeprefix(PNG), validate=True)
        except ValueError as error:
            raise forms.ValidationError("Sign in the box once more") from error

    def answers(self) -> dict[str, Any]:
        """Return the answers as the flow takes them."""
        said = self.cleaned_data
        keys = [each.key for each in self.words.told]
        why = {key: said[f"why-{key}"] for key in keys if said[f"why-{key}"].strip()}
        told = [key for key in keys if said[f"told-{key}"] or (said["told_all"] and key not in why)]
        ticked = {Purpose(each) for each in said["purposes"]}
        purposes = {Purpose.CARE} if said["answer"] == "care" else ticked
        signature = said["signature"]
        form, statement = said["form"] or Consent.Form.ELECTRONIC.value, said["statement"]
        if said["answer"] == "no" and not said["form"] and signature is None:
            form, statement = Consent.Form.ORAL.value, statement or SAID_NO
        offered = {each.purpose for each in self.words.purposes}
        is_answer = purposes or said["answer"] == "no"
        return {
            "purposes": purposes,
            "refused": offered - purposes if is_answer else set(),
            "told": told,
            "not_told": why,
            "nothing_else": said["nothing_else"],
            "form": form,
            "statement": statement,
            "signature": signature,
            "wording": said["wording"],
            "around": self._around(),
        }

    def _around(self) -> flow.Around:
        said = self.cleaned_data
        targets = {
            each.purpose: said[f"target-{each.purpose.value}"]
            for each in self.words.purposes
            if each.reach
        }
        return flow.Around(
            targets=targets,
            lasts=self._lasts(),
            interpreter=said["interpreter"],
            interpreter_by=said["interpreter_by"],
            witness=said["witness"],
            identifiable_ok=said["identifiable_ok"] if self.words.identifiable else None,
        )

    def _lasts(self) -> dict[str, object]:
        """Return what was chosen, and what was typed beside it even where nothing was chosen."""
        said, found = self.cleaned_data, dict[str, object]()
        kind, _, number = said["lasts"].partition(":")
        if number:
            found[kind] = int(number)
        if kind == lasting.UNTIL or said["lasts_until"]:
            found[lasting.UNTIL] = said["lasts_until"].isoformat() if said["lasts_until"] else ""
        if kind == lasting.EPISODE or said["lasts_episode"].strip():
            found[lasting.EPISODE] = said["lasts_episode"]
        return found

    def contradicts(self) -> dict[str, str]:
        """Return what doesn't fit the button that was pressed."""
        answer = self.cleaned_data["answer"]
        ticked = set(self.cleaned_data["purposes"])
        if answer == "care" and not ticked <= {Purpose.CARE.value}:
            return {"purposes": "More than care is ticked. Take those ticks away, or agree to them"}
        if answer == "care" and self.cleaned_data["identifiable_ok"]:
            return {
                "identifiable_ok": "More than care is ticked. Take those ticks away, or agree to them"
            }
        if answer == "no" and (ticked or self.cleaned_data["identifiable_ok"]):
            return {"purposes": "Something is ticked. Take the tick away, or agree to it"}
        return {}
