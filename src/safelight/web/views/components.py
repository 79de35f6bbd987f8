"""The gallery: every part in every state. A page that needs another part adds it here first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET

from safelight.web.doors import SignedInRequest
from safelight.web.forms import DayField, Option
from safelight.web.icons import ICONS


class ExampleForm(forms.Form):
    """One field of each kind."""

    one = forms.ChoiceField(
        label="One of these",
        help_text="Cards are for the choices that matter.",
        widget=forms.RadioSelect,
        choices=[("a", Option("First", "With a line that explains it.")), ("b", Option("Second"))],
    )
    any_of = forms.MultipleChoiceField(
        label="Any of these",
        help_text="Choose as many as apply.",
        widget=forms.CheckboxSelectMultiple,
        choices=[("a", Option("First")), ("b", Option("Second", "With a line."))],
    )
    born_on = DayField(label="Date of birth")
    why = forms.CharField(
        label="What is the picture for?",
        widget=forms.Textarea,
        error_messages={"required": "Say what the picture is for"},
    )
    site = forms.CharField(label="Where on the body?", help_text="For example, left lower leg")
    role = forms.ChoiceField(label="Role", choices=[("gp", "GP"), ("nurse", "Nurse")])
    sure = forms.BooleanField(label="I have checked the name and the birth date")


@require_GET
def components(request: SignedInRequest) -> HttpResponse:
    """Show every component in every state."""
    now = timezone.now()
    context: dict[str, Any] = {
        "icons": sorted(ICONS),
        "form": ExampleForm(prefix="x"),
        "wrong": ExampleForm({"w-born_on_month": "3", "w-born_on_year": "1955"}, prefix="w"),
        "now": now,
        "days": [now, now - timedelta(days=1), now - timedelta(days=40), now - timedelta(days=500)],
        "strip": [
            {"tone": "yes", "word": "Agreed", "title": "Care", "text": "12 September"},
            {"tone": "yes", "word": "Agreed", "title": "Second opinion", "text": "12 September"},
            {"tone": "hold", "word": "Not asked", "title": "Teaching", "text": ""},
            {"tone": "no", "word": "No", "title": "Publication", "text": "Said no, 12 September"},
        ],
        "swatches": ["card", "sunk", "line", "soft", "act", "ember", "yes", "hold", "no"],
    }
    return render(request, "components/gallery.html", context)


urlpatterns = [path("components/", components, name="components")]
