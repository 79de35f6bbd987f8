"""From words to details: what a caption, a file name or a profile tells of a patient.

What isn't known to tell nothing is told: a word outside the vocabulary is a detail that no table
knows, is named, and counts as one in ten until a person strikes it out. So the reading errs on the
side of a smaller crowd. It is a proposal; a person confirms or corrects it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from importlib.resources import files
from typing import Any

from safelight.exposure.knowledge import born_between
from safelight.exposure.population import Population
from safelight.exposure.satellites import plain
from safelight.exposure.saying import ages, dates, durations
from safelight.exposure.spans import Detail, Span, is_free

Reader = Callable[[str], Iterator[Detail]]

MOST_WORDS = 4000
"""A text of more is no caption; `TextTooLong` says so."""
_WORD = re.compile(r"[^\W\d_]+(?:[’'\-][^\W\d_]+)*")
_NUMBER = re.compile(r"\d[\d.,:/]*")
_MEASURE = re.compile(r"\s*(?:[x×]\s*\d|mm|cm|ml|mg|kg|g|%|°|degrees|percent)", re.IGNORECASE)
_IDENTIFIERS = {
    "e-mail address": re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.]+"),
    "web address": re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE),
    "account name": re.compile(r"(?<!\w)@\w{2,}"),
    "postcode": re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]?\s*\d[A-Z]{2}\b"),
    "telephone number": re.compile(r"(?<!\d)(?:\+44|0)(?:[\s-]?\d){9,10}(?!\d)"),
    "NHS number": re.compile(r"(?<!\d)\d{3}[\s-]?\d{3}[\s-]?\d{4}(?!\d)"),
    "title and name": re.compile(r"\b(?:Mr|Mrs|Ms|Miss|Mx|Sir|Dame|Lord|Lady)\.?\s+[A-Z]\w+"),
    "house and street": re.compile(
        r"\b\d+[a-z]?\s+(?:[A-Z]\w+\s+)+(?:Road|Street|Lane|Avenue|Close|Drive|Way|Court|Terrace)\b"
    ),
}
"""What names somebody outright. It has to go; no crowd makes it harmless."""


class TextTooLong(ValueError):
    """The text is longer than anything that goes beside a picture."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text tells, in the order of the text, each with where it stands."""

    details: tuple[Detail, ...]
    facts: Mapping[str, Any]
    """As `expose` reads them: what no table knows is in `unmapped`, each once."""
    not_places: tuple[Mapping[str, str], ...] = ()
    identifiers: tuple[str, ...] = ()
    """Kinds of what names somebody outright; the texts themselves are not repeated."""

    def as_json(self) -> dict[str, Any]:
        """Return the reading as `safelight details` writes it."""
        return {
            "facts": dict(self.facts),
            "not": {"place": list(self.not_places)} if self.not_places else None,
            "identifiers": list(self.identifiers),
            "details": [each.as_json() for each in self.details],
        }


def read_words(text: str, *, at: date, population: Population) -> Reading:
    """Return what the text tells of the patient. Raises TextTooLong.

    at: the day on which it is, or would be, told: "yesterday" and ages count from it.
    """
    if len(text.split()) > MOST_WORDS:
        raise TextTooLong
    identifiers, taken = _identifiers(text)
    found: list[Detail] = []
    readers: Sequence[Reader] = (
        ages,
        partial(dates, at=at),
        durations,
        partial(_conditions, population=population),
        partial(_places, population=population),
        partial(_groups, population=population),
    )
    for reader in readers:
        for detail in reader(text):
            if is_free(detail.span, taken):
                found.append(detail)
                taken.append(detail.span)
    found += _words(text, taken)
    found.sort(key=lambda detail: detail.span)
    return _gathered(found, identifiers)


def _identifiers(text: str) -> tuple[tuple[str, ...], list[Span]]:
    kinds: dict[str, None] = {}
    taken: list[Span] = []
    for kind, pattern in _IDENTIFIERS.items():
        for match in pattern.finditer(text):
            kinds[kind] = None
            taken.append(match.span())
    return tuple(kinds), taken


def _conditions(text: str, *, population: Population) -> Iterator[Detail]:
    """Yield the conditions that the table knows by name, the longest name first."""
    words = [(match[0], match.span()) for match in re.finditer(r"\w+", text)]
    at = 0
    while at < len(words):
        for length in range(min(8, len(words) - at), 0, -1):
            name = plain(" ".join(word for word, _ in words[at : at + length]))
            if name in population.conditions:
                span = words[at][1][0], words[at + length - 1][1][1]
                yield Detail("condition", text[span[0] : span[1]], span, {"name": name})
                at += length - 1
                break
        at += 1


def _places(text: str, *, population: Population) -> Iterator[Detail]:
    """Yield the places that have a name, and those that are ruled out."""
    if not population.names:
        return
    for match in _place_pattern(population).finditer(text):
        level, code = population.names[match["name"]]
        value = {"level": level, "code": code}
        kind = "not" if match["not"] else "place"
        yield Detail(kind, match[0], match.span(), value)


@cache
def _place_pattern(population: Population) -> re.Pattern[str]:
    """Match a place by its name with capitals: "Reading" is a town, "reading" isn't."""
    names = sorted(population.names, key=len, reverse=True)
    ruled_out = r"(?P<not>\b(?i:not|outside|nowhere near|moved away from|not from|not in)\s+)?"
    return re.compile(rf"{ruled_out}\b(?P<name>{'|'.join(map(re.escape, names))})\b")


def _groups(text: str, *, population: Population) -> Iterator[Detail]:
    """Yield ethnic groups; a colour alone is one of skin."""
    names = sorted(population.groups, key=len, reverse=True)
    if not names:
        return
    pattern = rf"\b({'|'.join(map(re.escape, names))})\b(?=(\s+\w+)?)"
    for match in re.finditer(pattern, text, re.IGNORECASE):
        following = (match[2] or "").strip().casefold()
        if plain(match[1]) in {"white", "black", "mixed"} and following not in lists()["people"]:
            continue
        yield Detail("ethnicity", match[1], match.span(1), plain(match[1]))


def _words(text: str, taken: list[Span]) -> Iterator[Detail]:
    """Yield what single words tell, and each word that isn't known to tell nothing."""
    known = lists()
    for match in _WORD.finditer(text):
        if is_free(match.span(), taken):
            yield from _of_word(match[0], match.span(), known)
    for match in _NUMBER.finditer(text):
        if is_free(match.span(), taken) and not _MEASURE.match(text, match.end()):
            yield Detail("unmapped", match[0].rstrip(".,:/"), match.span(), None)


def _of_word(word: str, span: Span, known: Mapping[str, frozenset[str]]) -> Iterator[Detail]:
    low = word.casefold().replace("’", "'").removesuffix("'s")
    sex = None
    if low not in known["family"]:  # a mother's sex isn't her child's
        sex = next((at for at in "FM" if low in known[at]), None)
    if sex:
        yield Detail("sex", word, span, sex)
    for kind in ("family", "jobs", "marks", "telling", "organisations"):
        if low in known[kind]:
            yield Detail(_KINDS[kind], word, span, low)
            return
    if not sex and not _is_known(low, known["vocabulary"]):
        yield Detail("unmapped", word, span, None)


_KINDS = {
    "family": "household",
    "jobs": "occupation",
    "marks": "mark",
    "telling": "unmapped",
    "organisations": "unmapped",
}


def _is_known(word: str, vocabulary: frozenset[str]) -> bool:
    return word in vocabulary or all(part in vocabulary for part in re.split("[-']", word))


@cache
def lists() -> Mapping[str, frozenset[str]]:
    """Return our lists of words, by what they tell."""
    source = files("safelight.exposure").joinpath("tables", "words.toml").read_text("utf-8")
    found = {kind: frozenset(words.split()) for kind, words in tomllib.loads(source).items()}
    found["F"], found["M"] = (found[each] | found[f"{each}_only"] for each in ("female", "male"))
    return found


def _gathered(found: list[Detail], identifiers: tuple[str, ...]) -> Reading:
    """Put the details together as facts; what a fact can't hold twice is named beside it."""
    facts: dict[str, Any] = {}
    others: dict[str, None] = {}
    not_places: list[Mapping[str, str]] = []
    kept: list[Detail] = []
    for detail in found:
        kept.append(detail)
        if detail.kind == "not":
            not_places.append(detail.value)
        elif detail.kind == "mark":
            marks = facts.setdefault("marks", [])
            if all(each["what"] != detail.value for each in marks):
                marks.append({"what": detail.value})
        elif detail.kind == "unmapped":
            others[detail.text.casefold()] = None
        elif detail.kind == "age" and "age" in facts:
            facts["age"], doubt = _narrower(facts["age"], detail.value)
            others |= {f"age: {detail.text.casefold()}": None} if doubt else {}
        elif facts.setdefault(detail.kind, detail.value) != detail.value:
            others[f"{detail.kind}: {detail.text.casefold()}"] = None
    if others:
        facts["unmapped"] = list(others)
    return Reading(tuple(kept), facts, tuple(not_places), identifiers)


def _narrower(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """Return the narrower of two ages, and whether the other isn't merely a wider word for it."""
    between = [born_between(each, at=_ANY_DAY) for each in (one, other)]
    (first, last), (start, end) = between
    narrow = one if last - first <= end - start else other
    return narrow, not ((first <= start and end <= last) or (start <= first and last <= end))


_ANY_DAY = date(2000, 1, 1)


def of_file_name(name: str) -> str:
    """Return a file's name as words, for `read_words`: "IMG_leeds-tattoo 42F.jpg"."""
    stem = name.rpartition("/")[2].rsplit(".", 1)[0]
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+(?:[FMfm]\b)?", stem)
    return " ".join(word.capitalize() for word in words if word.upper() not in _CAMERAS)


def file_names_as_words(text: str) -> str:
    """Return the text with every line that is a picture's file name turned into words."""
    lines = text.splitlines()
    return "\n".join(
        of_file_name(line.strip()) if _PICTURE.fullmatch(line) else line for line in lines
    )


_PICTURE = re.compile(
    r"\s*[ !#-+\-0-9:-\[\]-~]{1,200}\.(?:jpe?g|png|heic|webp|gif|tiff?|bmp|avif|mp4|mov)\s*",
    re.IGNORECASE,
)
"""Of plain letters without a dot or slash, so that nothing of a line that isn't one gets lost."""
_CAMERAS = frozenset({"IMG", "DSC", "DSCN", "PXL", "DCIM", "MVIMG", "JPG", "JPEG", "PNG", "HEIC"})
"""How cameras begin the names that they give."""
