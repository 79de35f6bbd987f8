"""The governance lead's pages on the rules: what decides, what waits, what it would change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.text import capfirst
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from safelight.flows import rules as flows
from safelight.flows.allowed import DoesNotFit
from safelight.policy.differing import WHEN_WORDS
from safelight.policy.roles import Action
from safelight.policy.simulating import Simulation
from safelight.terms import Audience
from safelight.web.doors import SignedInRequest, needs
from safelight.web.forms import put_right

LARGEST_FILE = 1_000_000


class BringForm(forms.Form):
    """A pack and the signature that came with it."""

    text = forms.FileField(
        label="The pack", help_text="A file named pack.toml", widget=forms.FileInput
    )
    signature = forms.FileField(
        label="Its signature",
        help_text="A file named pack.toml.sig, from the same publisher",
        widget=forms.FileInput,
    )

    def clean(self) -> dict[str, bytes]:
        """Return the bytes of both files; a file of that size is no pack."""
        read = {}
        for name, file in list((super().clean() or {}).items()):
            if file.size > LARGEST_FILE:
                self.add_error(
                    name, "Choose the file that the publisher gave you: this one is too big"
                )
            else:
                read[name] = file.read()
        return read


class SwitchForm(forms.Form):
    """Why something is turned on that the pack leaves to the practice."""

    reason = forms.CharField(
        label="Why does the practice use it?",
        max_length=flows.LONGEST_REASON,
        error_messages={"required": "Say why, in a few words"},
    )


class RuleForm(forms.Form):
    """One guard of the practice's own."""

    text = forms.CharField(
        label="What the rule is, for your colleagues",
        max_length=flows.LONGEST_REASON,
        help_text="For example: No picture leaves for social media from this practice",
    )
    requires = forms.ChoiceField(
        label="What has to be so",
        widget=forms.RadioSelect,
        choices=[(name, capfirst(flows.says(name))) for name in flows.DEMANDS],
    )
    purposes = forms.MultipleChoiceField(
        label="For which purposes?",
        help_text="Tick none for all of them",
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    audiences = forms.MultipleChoiceField(
        label="For whom to see?",
        help_text="Tick none for everybody",
        widget=forms.CheckboxSelectMultiple,
        choices=[(each.value, capfirst(WHEN_WORDS["audience"][each.value])) for each in Audience],
        required=False,
    )

    def __init__(self, *args: object, purposes: dict[str, str]) -> None:
        super().__init__(*args)  # type: ignore[arg-type]  # handed on as they came
        self.fields["purposes"].choices = [  # type: ignore[attr-defined]
            (purpose, capfirst(words)) for purpose, words in purposes.items()
        ]


@require_GET
@needs(Action.GOVERN)
def rules(request: SignedInRequest) -> HttpResponse:
    """Show the rules in force, those that wait, and the practice's own."""
    return _rules(request, {})


def _rules(
    request: SignedInRequest, forms_of: Mapping[str, SwitchForm], *, status: int = 200
) -> HttpResponse:
    now = timezone.now()
    versions = flows.versions(by=request.user, now=now)
    words = versions[0].pack.terms.words["purposes"]
    context = {
        "current": next((each for each in versions if each.is_in_force), None),
        "others": [each for each in versions if not each.is_in_force],
        "switches": [
            (each, capfirst(each.words), forms_of.get(each.name) or SwitchForm(prefix=each.name))
            for each in flows.switches(by=request.user, now=now)
        ],
        "forms": list(forms_of.values()),
        "unusable": flows.unusable(by=request.user),
        "ours": [_in_words(row, words) for row in flows.local_rules(by=request.user)],
    }
    return render(request, "rules/rules.html", context, status=status)


@require_POST
@needs(Action.GOVERN)
def switch(request: SignedInRequest, name: str) -> HttpResponse:
    """Turn on what the pack leaves to the practice, with the reason, or off again."""
    now = timezone.now()
    if name not in {each.name for each in flows.switches(by=request.user, now=now)}:
        raise Http404
    if "off" in request.POST:
        flows.turn_off(name, by=request.user, now=now)
        messages.success(request, "It is off from now on")
        return redirect("rules")
    form = SwitchForm(request.POST, prefix=name)
    if not form.is_valid():
        return _rules(request, {name: form}, status=422)
    flows.turn_on(name, reason=form.cleaned_data["reason"], by=request.user, now=now)
    messages.success(request, "It is on from now on")
    return redirect("rules")


@require_GET
@needs(Action.GOVERN)
def version(request: SignedInRequest, digest: str) -> HttpResponse:
    """Say what a pack would change, in words and on the decisions of the last year."""
    return render(request, "rules/version.html", {"trial": _trial(request, digest)})


@require_POST
@needs(Action.GOVERN)
def activate(request: SignedInRequest, digest: str) -> HttpResponse:
    """Let a pack decide from its first day on."""
    try:
        start = flows.activate(digest, by=request.user, now=timezone.now())
    except flows.NoSuchPack as error:
        raise Http404 from error
    except DoesNotFit as error:
        messages.error(request, " ".join(error.fields.values()))
        return redirect("rules")
    messages.success(request, f"The rules decide from {start:%-d %B %Y}")
    return redirect("rules")


@require_http_methods(["GET", "POST"])
@needs(Action.GOVERN)
def bring(request: SignedInRequest) -> HttpResponse:
    """Bring in a signed pack. It decides nothing yet."""
    form = BringForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            pack = flows.bring(**form.cleaned_data, by=request.user, now=timezone.now())
        except DoesNotFit as error:
            put_right(form, error.fields)
        else:
            return redirect("rules-version", pack.hash)
    return render(request, "rules/bring.html", {"form": form})


@require_http_methods(["GET", "POST"])
@needs(Action.GOVERN)
def add(request: SignedInRequest) -> HttpResponse:
    """Add a guard of the practice's own."""
    words = flows.versions(by=request.user, now=timezone.now())[0].pack.terms.words["purposes"]
    form = RuleForm(request.POST or None, purposes=dict(words))
    if request.method == "POST" and form.is_valid():
        try:
            found = flows.add_rule(**form.cleaned_data, by=request.user, now=timezone.now())
        except DoesNotFit as error:
            put_right(form, error.fields)
        else:
            messages.success(request, f"The rule holds from now on. {_past(found)}")
            return redirect("rules")
    return render(request, "rules/add.html", {"form": form})


@require_POST
@needs(Action.GOVERN)
def drop(request: SignedInRequest, rule_id: str) -> HttpResponse:
    """Take back a guard of the practice's own."""
    try:
        flows.drop_rule(rule_id, by=request.user, now=timezone.now())
    except DoesNotFit as error:
        messages.error(request, " ".join(error.fields.values()))
    else:
        messages.success(request, "The rule no longer holds")
    return redirect("rules")


def _trial(request: SignedInRequest, digest: str) -> flows.Trial:
    try:
        return flows.trial(digest, by=request.user, now=timezone.now())
    except flows.NoSuchPack as error:
        raise Http404 from error


def _past(found: Simulation) -> str:
    if not found.changed:
        return "It would have changed nothing in the last year"
    return (
        f"In the last year it would have changed {found.changed:,} of {found.decisions:,} decisions"
    )


def _in_words(row: dict[str, Any], words: Mapping[str, str]) -> dict[str, str]:
    when = row.get("when", {})
    purposes = ", ".join(words[each] for each in when.get("purpose", ()))
    audiences = ", ".join(WHEN_WORDS["audience"][each] for each in when.get("audience", ()))
    return {
        "id": row["id"],
        "text": row["text"],
        "requires": flows.says(row["requires"][0]),
        "purposes": purposes or "every purpose",
        "audiences": audiences or "every audience",
    }


urlpatterns = [
    path("governance/rules/", rules, name="rules"),
    path("governance/rules/bring/", bring, name="rules-bring"),
    path("governance/rules/switch/<slug:name>/", switch, name="rules-switch"),
    path("governance/rules/new/", add, name="rule-new"),
    path("governance/rules/<str:rule_id>/drop/", drop, name="rule-drop"),
    path("governance/rules/<str:digest>/", version, name="rules-version"),
    path("governance/rules/<str:digest>/activate/", activate, name="rules-activate"),
]
