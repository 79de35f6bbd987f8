"""What is said beside a picture: the form's fields, the facts that are counted, and both in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from math import floor, log10
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from safelight import exposure
from safelight.web.forms import DayField
from safelight.web.words import AUDIENCES

REGIONS: dict[str, str] = {
    "E12000001": "North East",
    "E12000002": "North West",
    "E12000003": "Yorkshire and the Humber",
    "E12000004": "East Midlands",
    "E12000005": "West Midlands",
    "E12000006": "East of England",
    "E12000007": "London",
    "E12000008": "South East",
    "E12000009": "South West",
}
NATIONS: dict[str, str] = {
    "E92000001": "England",
    "W92000004": "Wales",
    "S92000003": "Scotland",
    "N92000002": "Northern Ireland",
}
SEXES = {"F": "Woman or girl", "M": "Man or boy"}
NOT_SAID = ("", "Not said")
BANDS = (
    (11, "Fewer than 11 people"),
    (33, "About 11 to 33 people"),
    (100, "About 33 to 100 people"),
    (1000, "About 100 to 1,000 people"),
    (100_000, "About 1,000 to 100,000 people"),
)
"""What somebody who asks for a copy is told; the figure itself goes to who reviews."""
DETAILS = {
    "everybody": "Everybody in the tables",
    "age": "Age",
    "sex": "Sex",
    "place": "Where from",
    "ethnicity": "Ethnic group",
    "condition": "A rare condition",
    "event": "When it happened",
    "marks": "A mark",
    "occupation": "Work",
    "household": "Family",
    "poster": "Who shows it",
    "unmapped": "What no table knows",
    "not": "Where not from",
    "time": "When it leaves",
    "audience": "Who sees it",
}
_AGE_FORM = re.compile(r"([0-9]{1,3})(?:\s*(?:-|–|to)\s*([0-9]{1,3})|\s*(months?|weeks?))?")


def told(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return one entry of the register as a page tells it: when, what, to whom, by whom."""
    return {
        "at": date.fromisoformat(said["at"]),
        "words": in_words(said["facts"]),
        "audience": ", ".join(
            AUDIENCES.get(to, to.removeprefix("group:")) for to in said["audience"]
        ),
        "poster": ", ".join(filter(None, (said.get("poster") or {}).values())),
        "is_certain": said["patient"] is not None,
    }


@cache
def places() -> list[tuple[str, Any]]:
    """Return nations, regions and districts as a form offers them."""
    found = exposure.load_population().names
    districts: dict[str, str] = {}
    for name, (level, code) in found.items():
        if level == "lad" and len(name) > len(districts.get(code, "")):
            districts[code] = name
    return [
        NOT_SAID,
        ("Nations", [(f"nation:{code}", name) for code, name in NATIONS.items()]),
        ("Regions", [(f"region:{code}", name) for code, name in REGIONS.items()]),
        (
            "Districts",
            [
                (f"lad:{code}", name)
                for code, name in sorted(districts.items(), key=lambda at: at[1])
            ],
        ),
    ]


@cache
def place_names() -> dict[str, str]:
    """Return what each place of the form is called, by its code."""
    groups = [group for _, group in places()[1:]]
    return {value.partition(":")[2]: str(name) for group in groups for value, name in group}


def groups() -> list[tuple[str, str]]:
    """Return the ethnic groups that the tables count."""
    return [NOT_SAID, *((name, name.capitalize()) for name in exposure.load_population().groups)]


class SaidForm(forms.Form):
    """What is said of the patient beside the picture."""

    caption = forms.CharField(
        label="The words that go with it",
        required=False,
        max_length=4000,
        help_text="Paste the caption or the post, the file’s name, and the profile of whoever posts it. The words themselves are not kept.",
        widget=forms.Textarea({"rows": 4}),
    )
    sex = forms.ChoiceField(
        label="Sex", required=False, choices=[NOT_SAID, *SEXES.items()], widget=forms.RadioSelect
    )
    age = forms.CharField(
        label="Age",
        required=False,
        max_length=20,
        help_text="As it is told: 42, 40 to 49, 7 months or 6 weeks",
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    place = forms.ChoiceField(label="Where from", required=False, choices=places)
    ethnicity = forms.ChoiceField(label="Ethnic group", required=False, choices=groups)
    condition = forms.CharField(
        label="A rare condition",
        required=False,
        max_length=120,
        help_text="Its name, if the words name one",
    )
    first_day = DayField(
        label="When something happened: the first day it can have been", required=False
    )
    last_day = DayField(label="And the last day, if it isn’t the same", required=False)
    words = forms.CharField(
        label="Anything else that is said",
        required=False,
        max_length=1000,
        help_text="One detail a line: a job, a tattoo, a relative. Each counts as one in ten.",
        widget=forms.Textarea({"rows": 3}),
    )

    def clean_age(self) -> str:
        """Return the age as it was typed, or say how to type it."""
        said = str(self.cleaned_data["age"]).strip()
        if said and _age(said) is None:
            raise ValidationError("Type the age as 42, 40 to 49, 7 months or 6 weeks")
        return said

    def clean(self) -> dict[str, Any]:
        """Return the answers; a caption has to be read first, and days come in their order."""
        said = super().clean() or {}
        if said.get("caption"):  # words that nobody counted must not go out as if they told nothing
            self.add_error("caption", "Press “Find the details in it” first, or empty this")
        first, last = said.get("first_day"), said.get("last_day")
        if last and not first:
            self.add_error("first_day", "Type the first day, too")
        elif first and last and last < first:
            self.add_error("last_day", "The last day comes before the first. Check both")
        return said


def _age(said: str) -> dict[str, Any] | None:
    match = _AGE_FORM.fullmatch(said.strip().lower())
    if match is None:
        return None
    low, high, unit = match.groups()
    if unit:
        return {"months" if unit.startswith("month") else "weeks": int(low)}
    if high is None:
        return {"years": int(low)}
    return {"band": [int(low), int(high)]} if int(low) <= int(high) else None


def facts_from(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of the form's answers, as `expose` reads them."""
    facts: dict[str, Any] = {
        key: str(said[key]).strip() for key in ("sex", "ethnicity") if said.get(key)
    }
    if said.get("age"):
        facts["age"] = _age(str(said["age"]))
    if said.get("place"):
        level, _, code = str(said["place"]).partition(":")
        facts["place"] = {"level": level, "code": code}
    if said.get("condition"):
        facts["condition"] = {"name": str(said["condition"]).strip()}
    if first := said.get("first_day"):
        last = said.get("last_day") or first
        on = {"from": first.isoformat(), "to": last.isoformat()}
        facts["event"] = {"what": "what happened", "on": on}
    words = [line.strip() for line in str(said.get("words") or "").splitlines() if line.strip()]
    if words:
        facts["unmapped"] = words
    return facts


def answers_from(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form's answers of the facts; what has no field of its own becomes a line."""
    place, on = facts.get("place"), facts.get("event", {}).get("on")
    lines = [str(facts[key]) for key in ("occupation", "household") if facts.get(key)]
    lines += [str(mark["what"]) for mark in facts.get("marks", [])]
    lines += [str(each) for each in facts.get("unmapped", [])]
    return {
        "sex": str(facts.get("sex", "")),
        "age": _age_typed(facts.get("age") or {}),
        "place": f"{place['level']}:{place['code']}" if place else "",
        "ethnicity": str(facts.get("ethnicity", "")),
        "condition": str(facts.get("condition", {}).get("name", "")),
        "first_day": date.fromisoformat(on["from"]) if on else None,
        "last_day": date.fromisoformat(on["to"]) if on else None,
        "words": "\n".join(dict.fromkeys(lines)),
    }


def _age_typed(age: Mapping[str, Any]) -> str:
    if "band" in age:
        return f"{age['band'][0]} to {age['band'][1]}"
    if "years" in age:
        return str(age["years"])
    return next((f"{number} {unit}" for unit, number in age.items()), "")


def in_words(facts: Mapping[str, Any]) -> str:
    """Say the facts as people would: "Woman or girl, 60 to 69, South West"."""
    answers = answers_from(facts)
    said = [SEXES.get(answers["sex"], answers["sex"]), answers["age"]]
    if place := facts.get("place"):
        said.append(place_names().get(str(place["code"]), str(place["code"])))
    said += [answers["ethnicity"], answers["condition"]]
    if first := answers["first_day"]:
        last = answers["last_day"]
        said.append(f"{first:%-d %B %Y}" + (f" to {last:%-d %B %Y}" if last != first else ""))
    said += answers["words"].splitlines()
    return ", ".join(each for each in said if each) or "nothing about the patient"


def banded(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what somebody who asks may see of a report: a band, and what would help.

    The engine answers how rare somebody is; whoever could ask it exactly, as often as they
    like, could search with it.
    """
    if not report:
        return {}
    band = next(
        (words for below, words in BANDS if report["k"] < below), "More than 100,000 people"
    )
    return {
        "band": band,
        "contributions": [
            {"detail": DETAILS.get(each["detail"], each["detail"])}
            for each in report.get("contributions", [])
        ],
        "edits": [
            {
                "detail": _details_said(each),
                "to": _place_said(each["to"]),
                "verdict": each["verdict"],
            }
            for each in report.get("edits", [])
        ],
        "nothing_mends": report.get("nothing_mends", False),
        "adds_nothing": report.get("adds_nothing", False),
        "note": report.get("note", ""),
    }


def rounded(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report for people: no figure says more than its two leading digits."""
    if not report:
        return {}
    said = dict(report)
    for name in {"k", "low", "high"} & set(said):
        said[name] = about(said[name])
    for name in {"before", "unlinked"} & set(said):
        said[name] = {key: about(each) for key, each in (said[name] or {}).items()}
    said["contributions"] = [
        {
            "detail": DETAILS.get(each["detail"], each["detail"]),
            "narrows_by": about(each["narrows_by"]),
        }
        for each in said.get("contributions", [])
    ]
    said["edits"] = [
        {
            **each,
            "detail": _details_said(each),
            "to": _place_said(each["to"]),
            "k": about(each["k"]),
        }
        for each in said.get("edits", [])
    ]
    said["tiers"] = [
        {"name": TIERS[name], "k": about(said["tiers"][name]["k"])}
        for name in TIERS
        if name in said.get("tiers", {})
    ]
    return said


TIERS = {
    "stranger": "A stranger, from what is public",
    "motivated-intruder": "Somebody who takes the trouble to search",
    "colleague": "Somebody at the practice",
    "close-circle": "Relatives and friends",
    "all-audiences": "All who saw any of it, if they talk",
}


def _details_said(edit: Mapping[str, Any]) -> str:
    """Return in words what an edit changes."""
    return " and ".join(
        DETAILS.get(each["detail"], each["detail"]).lower() for each in edit["changes"]
    ).capitalize()


def _place_said(text: str) -> str:
    """Return an edit's target with places by name instead of code."""
    known = place_names()
    return re.sub(r"\b(?:region|nation|lad) (\w+)", lambda at: known.get(at[1], at[0]), text)


def about(number: float) -> float:
    """Return the number with two leading digits, whole from ten on."""
    if number <= 0:
        return 0
    places = 1 - floor(log10(number))
    return round(number, min(places, 1))
