"""What is said beside a picture: the form's fields, the facts that are counted, and both in words."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, log10
from typing import Any

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
AGES = [NOT_SAID, *((f"{low}-{low + 9}", f"{low} to {low + 9}") for low in range(0, 90, 10))]
PLACES = [
    NOT_SAID,
    *((f"nation:{code}", name) for code, name in NATIONS.items()),
    *((f"region:{code}", name) for code, name in REGIONS.items()),
]


def facts_from(said: Mapping[str, str]) -> dict[str, Any]:
    """Return the facts of the form's answers, as `expose` reads them."""
    facts: dict[str, Any] = {}
    if said.get("sex"):
        facts["sex"] = said["sex"]
    if said.get("age"):
        low, _, high = said["age"].partition("-")
        facts["age"] = {"band": [int(low), int(high)]}
    if said.get("place"):
        level, _, code = said["place"].partition(":")
        facts["place"] = {"level": level, "code": code}
    words = [line.strip() for line in said.get("words", "").splitlines() if line.strip()]
    if words:
        facts["unmapped"] = words
    return facts


def answers_from(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the form's answers of the facts."""
    age, place = facts.get("age", {}).get("band"), facts.get("place")
    return {
        "sex": str(facts.get("sex", "")),
        "age": f"{age[0]}-{age[1]}" if age else "",
        "place": f"{place['level']}:{place['code']}" if place else "",
        "words": "\n".join(facts.get("unmapped", [])),
    }


def in_words(facts: Mapping[str, Any]) -> str:
    """Say the facts as people would: "Woman or girl, 60 to 69, South West"."""
    said = []
    if facts.get("sex"):
        said.append(SEXES.get(str(facts["sex"]), str(facts["sex"])))
    if band := facts.get("age", {}).get("band"):
        said.append(f"{band[0]} to {band[1]}")
    if place := facts.get("place"):
        code = str(place["code"])
        said.append(REGIONS.get(code) or NATIONS.get(code) or code)
    said += [str(each) for each in facts.get("unmapped", [])]
    return ", ".join(said) or "nothing about the patient"


def rounded(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report for people: no figure says more than its two leading digits."""
    said = dict(report)
    for name in {"k", "low", "high"} & set(said):
        said[name] = about(said[name])
    said["contributions"] = [
        {**each, "narrows_by": about(each["narrows_by"])} for each in said.get("contributions", [])
    ]
    said["edits"] = [{**each, "k": about(each["k"])} for each in said.get("edits", [])]
    return said if report else {}


def about(number: float) -> float:
    """Return the number with two leading digits, whole from ten on."""
    if number <= 0:
        return 0
    places = 1 - floor(log10(number))
    return round(number, min(places, 1))
