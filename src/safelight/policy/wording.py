"""The words of the consent sheet: read from a pack, filled in, and frozen with the answer."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from safelight.terms import Purpose

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    Folder: TypeAlias = Traversable | Path

TOLD = ("purpose", "helps", "retention", "storage", "secondary", "irrevocable", "withdrawal")
"""What every sheet tells, each by an act of its own (GMC VAR 13-14 and 24-25; MDU)."""

PLACEHOLDERS = frozenset({"site", "name"})
"""What a sheet may leave open: the part of the body, and the patient's name."""

_PLAIN = ("language", "version", "layout", "question", "lead")
_BRACES = re.compile(r"\{([^{}]*)\}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?")
_PACK = re.compile(r"[a-z][a-z0-9-]*")


class WordingRefused(ValueError):
    """The words are not complete, not known, or not as they were: they must not be shown."""

    for_people = "The consent sheet can’t be shown. Please tell your administrator."


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that is told before an answer is asked for."""

    key: str
    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Offered:
    """One use that the patient may agree to."""

    purpose: Purpose
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class NothingElse:
    """The answer that closes every use that was not agreed to."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Wording:
    """A consent sheet in one language and one version."""

    language: str
    version: str
    layout: str
    question: str
    lead: str
    told: tuple[Told, ...]
    purposes: tuple[Offered, ...]
    nothing_else: NothingElse

    def render(self, **values: str) -> Wording:
        """Return the words with every placeholder filled.

        Raises WordingRefused where a placeholder stays open or a value is blank, so that nobody
        is asked about a picture of "your ".
        """
        if unknown := sorted(values.keys() - PLACEHOLDERS):
            raise WordingRefused(f"no such placeholder: {', '.join(unknown)}")

        def filled(text: str) -> str:
            return _BRACES.sub(lambda found: _value(values, found[1]), text)

        return self._with_each_text(filled)

    @property
    def digest(self) -> str:
        """Return the SHA-256 (hex) of the canonical text (docs/formats/wording.md)."""
        return digest_of(self.as_json())

    def as_json(self) -> dict[str, object]:
        """Return the words as they are stored with the answer; `digest_of` takes exactly this."""
        return {
            **{field: getattr(self, field) for field in _PLAIN},
            "told": [
                {"key": each.key, "heading": each.heading, "text": each.text} for each in self.told
            ],
            "purposes": [
                {"purpose": each.purpose.value, "title": each.title, "text": each.text}
                for each in self.purposes
            ],
            "nothing_else": {"title": self.nothing_else.title, "text": self.nothing_else.text},
        }

    def _with_each_text(self, change: Callable[[str], str]) -> Wording:
        return replace(
            self,
            question=change(self.question),
            lead=change(self.lead),
            told=tuple(
                Told(each.key, change(each.heading), change(each.text)) for each in self.told
            ),
            purposes=tuple(
                Offered(each.purpose, change(each.title), change(each.text))
                for each in self.purposes
            ),
            nothing_else=NothingElse(
                change(self.nothing_else.title), change(self.nothing_else.text)
            ),
        )


def load(pack_name: str, language: str) -> Wording:
    """Return the words of a pack that came with Safelight. Raises WordingRefused."""
    if not _PACK.fullmatch(pack_name):
        raise WordingRefused("not the name of a pack")
    return load_wording(resources.files("safelight.policy") / "packs" / pack_name, language)


def load_wording(pack_folder: Folder, language: str) -> Wording:
    """Return the words in `wording/<language>.toml` of a pack's folder.

    Raises WordingRefused where there are none, where a field is missing, blank or unknown, or
    where a placeholder is none of ours: half a sheet is never shown.
    """
    if not _LANGUAGE.fullmatch(language):
        raise WordingRefused("not a language tag")
    try:
        text = (pack_folder / "wording" / f"{language}.toml").read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        raise WordingRefused(f"no words in {language}") from error
    except ValueError as error:
        raise WordingRefused(f"the words in {language} can't be read") from error
    words = _wording(table)
    if words.language != language:
        raise WordingRefused(f"the words in {language} say that they are in {words.language}")
    return words


def digest_of(frozen: Mapping[str, object]) -> str:
    """Return the SHA-256 (hex) of words as `as_json` gave them, or as a consent has kept them."""
    canonical = json.dumps(frozen, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _value(values: Mapping[str, str], placeholder: str) -> str:
    value = unicodedata.normalize("NFC", values.get(placeholder, "")).strip()
    if not value:
        raise WordingRefused(f"nothing to put in for {placeholder}")
    return value


def _wording(table: Mapping[str, object]) -> Wording:
    _demand_fields(table, {*_PLAIN, "told", "purposes", "nothing_else"}, of="the sheet")
    plain = {field: _text(table, field, of="the sheet") for field in _PLAIN}
    return Wording(
        **plain,
        told=_told(table["told"]),
        purposes=_purposes(table["purposes"]),
        nothing_else=_nothing_else(table["nothing_else"]),
    )


def _told(rows: object) -> tuple[Told, ...]:
    told = tuple(Told(**row) for row in _rows(rows, ("key", "heading", "text"), of="told"))
    if tuple(each.key for each in told) != TOLD:
        raise WordingRefused(f"told must be, in this order: {', '.join(TOLD)}")
    return told


def _purposes(rows: object) -> tuple[Offered, ...]:
    offered = tuple(
        Offered(_purpose(row["purpose"]), row["title"], row["text"])
        for row in _rows(rows, ("purpose", "title", "text"), of="purposes")
    )
    if len({each.purpose for each in offered}) != len(offered):
        raise WordingRefused("a purpose is offered twice")
    if Purpose.CARE not in {each.purpose for each in offered}:
        raise WordingRefused("care is not among the purposes")
    return offered


def _purpose(name: str) -> Purpose:
    try:
        return Purpose(name)
    except ValueError as error:
        raise WordingRefused(f"no such purpose: {name}") from error


def _nothing_else(table: object) -> NothingElse:
    (row,) = _rows([table], ("title", "text"), of="nothing_else")
    return NothingElse(**row)


def _rows(rows: object, fields: tuple[str, ...], *, of: str) -> list[dict[str, str]]:
    if not isinstance(rows, list):
        raise WordingRefused(f"{of} is not a list")
    return [_row(row, fields, of=of) for row in rows]


def _row(row: object, fields: tuple[str, ...], *, of: str) -> dict[str, str]:
    if not isinstance(row, Mapping):
        raise WordingRefused(f"{of} has something that is not a table")
    _demand_fields(row, set(fields), of=of)
    return {field: _text(row, field, of=of) for field in fields}


def _demand_fields(table: Mapping[str, object], wanted: set[str], *, of: str) -> None:
    if unknown := sorted(table.keys() - wanted):
        raise WordingRefused(f"{of} has an unknown field: {', '.join(unknown)}")
    if missing := sorted(wanted - table.keys()):
        raise WordingRefused(f"{of} lacks: {', '.join(missing)}")


def _text(table: Mapping[str, object], field: str, *, of: str) -> str:
    """Return a text of the table, in one Unicode form, so that one sheet has one digest."""
    text = table[field]
    if not isinstance(text, str) or not text.strip():
        raise WordingRefused(f"{of} has no text for {field}")
    rest = _BRACES.sub("", text)
    if not set(_BRACES.findall(text)) <= PLACEHOLDERS or "{" in rest or "}" in rest:
        raise WordingRefused(f"{of} has a placeholder in {field} that nothing fills")
    return unicodedata.normalize("NFC", text.strip())
