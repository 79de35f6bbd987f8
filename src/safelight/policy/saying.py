"""The words around a sheet, in the patient's language: buttons, errors, receipt, days, parts of the body.

The English text is the key. English needs no file; `words/page.toml` lists every text that must be
there, and a translation that lacks one, or loses what is put into it, is not used at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.policy import wording
from safelight.policy.wording import VARIANTS, WordingRefused, table_in

if TYPE_CHECKING:
    from safelight.policy.wording import Folder

ENGLISH = "en"
MONTHS = "January February March April May June July August September October November December"
_OURS = resources.files("safelight.policy") / "words"
_HOLES = re.compile(r"\{(\w+)\}")
_SHEET = re.compile(r"([a-z]{2,3}(?:-[A-Z]{2})?)\.toml")


@dataclass(frozen=True, slots=True)
class Saying:
    """What the pages say in one language."""

    language: str
    name: str
    """The language's own name for itself."""
    texts: Mapping[str, str]
    """English text to this language's; empty for English."""

    def say(self, english: str, **values: object) -> str:
        """Return the text in this language with the values put in.

        A text that no translator was asked for stays English: it is not on the patient's pages.
        """
        text = self.texts.get(english, english)
        return _HOLES.sub(lambda found: str(values.get(found[1], found[0])), text)

    def day(self, on: date) -> str:
        """Return a day with its year: "14 March 1955"."""
        return f"{on.day} {self.say(MONTHS.split()[on.month - 1])} {on.year}"

    def site(self, name: str) -> str:
        """Return the part of the body as it stands inside a sentence."""
        said = self.say(name)
        return said[:1].lower() + said[1:]


def saying(language: str, *, beside: Path | None = None) -> Saying:
    """Return the pages' words in a language. Raises WordingRefused unless every text is there.

    beside: the installation's folder with further languages; it can't replace one of ours.
    """
    if language == ENGLISH:
        return Saying(ENGLISH, "English", {})
    if not wording.is_language(language):
        raise WordingRefused("not a language tag")
    name = f"{language}.page.toml"
    if (_OURS / name).is_file():
        return _ours(name)
    if beside is None:
        raise WordingRefused(f"no words in {name}")
    return read_saying(beside, name)


@cache
def _ours(name: str) -> Saying:
    return read_saying(_OURS, name)


def read_saying(folder: Folder, name: str) -> Saying:
    """Return what a file of page words says; every section and text of `page.toml`, and no more."""
    table = table_in(folder, name)
    language, own = table.pop("language", None), table.pop("name", None)
    if not isinstance(own, str) or not own.strip() or name != f"{language}.page.toml":
        raise WordingRefused(f"{name} doesn't say its language and the language's own name")
    wanted = english_texts()
    if table.keys() != wanted.keys():
        raise WordingRefused(f"{name} differs in {sorted(table.keys() ^ wanted.keys())}")
    texts: dict[str, str] = {}
    for section, english in wanted.items():
        texts |= _section(table[section], english, of=f"{name}, {section}")
    return Saying(str(language), own, texts)


@cache
def english_texts() -> dict[str, tuple[str, ...]]:
    """Return every text that a translation must have, by section."""
    table = table_in(_OURS, "page.toml")
    return {
        name: tuple(str(text) for text in texts)
        for name, texts in table.items()
        if isinstance(texts, list)
    }


def languages(pack_name: str, *, variant: str = "", beside: Path | None = None) -> tuple[str, ...]:
    """Return the languages in which this sheet and its page can be shown, English first.

    A language with half its words isn't offered; `check_language` says what it lacks.
    """
    found = {_tag(entry.name) for entry in wording.folder_of(pack_name).iterdir()}
    if beside is not None and beside.is_dir():
        found |= {_tag(entry.name) for entry in beside.iterdir()}
    whole = [tag for tag in found - {""} if _is_whole(pack_name, tag, variant, beside)]
    return tuple(sorted(whole, key=lambda tag: (tag != ENGLISH, tag)))


def check_language(pack_name: str, language: str, *, beside: Path | None = None) -> tuple[str, ...]:
    """Return which sheets of a language can be shown. Raises WordingRefused for the first that is wrong.

    A language needs its plain sheet and its page; the other sheets may be missing, not wrong.
    """
    saying(language, beside=beside)
    wording.load(pack_name, language, beside=beside)
    found = [""]
    for variant in VARIANTS:
        if variant and wording.has_sheet(pack_name, language, variant, beside=beside):
            wording.load(pack_name, language, variant=variant, beside=beside)
            found.append(variant)
    return tuple(found)


def _is_whole(pack_name: str, language: str, variant: str, beside: Path | None) -> bool:
    try:
        saying(language, beside=beside)
        wording.load(pack_name, language, variant=variant, beside=beside)
    except WordingRefused:
        return False
    return True


def _tag(file_name: str) -> str:
    found = _SHEET.fullmatch(file_name)
    return found[1] if found else ""


def _section(table: object, english: tuple[str, ...], *, of: str) -> dict[str, str]:
    if not isinstance(table, Mapping):
        raise WordingRefused(f"{of} is not a table")
    if apart := sorted(table.keys() ^ set(english)):
        raise WordingRefused(f"{of}: missing or unknown: {apart[0]}")
    for source, text in table.items():
        if not isinstance(text, str) or not text.strip():
            raise WordingRefused(f"{of}: no text for: {source}")
        if sorted(_HOLES.findall(source)) != sorted(_HOLES.findall(text)):
            raise WordingRefused(f"{of}: what is put in differs: {source}")
    return {source: text.strip() for source, text in table.items()}
