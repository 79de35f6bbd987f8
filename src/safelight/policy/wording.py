"""The words of the consent sheet: read from a pack, filled in, and frozen with the answer."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from safelight.policy import shipped
from safelight.terms import Purpose

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    Folder: TypeAlias = Traversable | Path

TOLD = ("purpose", "helps", "retention", "storage", "secondary", "irrevocable", "withdrawal")
"""What every sheet tells, each by an act of its own (GMC VAR 13-14 and 24-25; MDU)."""

PLACEHOLDERS = frozenset({"site", "name"})
"""What a sheet may leave open: the part of the body, and the patient's name."""

REACHING = frozenset(
    {Purpose.TEACHING_WIDE, Purpose.PUBLICATION, Purpose.SOCIAL, Purpose.MARKETING}
)
"""Uses whose reach is said before the answer: what is out can't be called back (GMC VAR 37-38)."""

NAMED = REACHING - {Purpose.TEACHING_WIDE}
"""Uses for which a yes is for one named place, and signed for (GMC VAR 37-38)."""

VARIANTS = {
    "": ("patient", False),
    "young": ("young", False),
    "representative": ("representative", False),
    "easy": ("patient", True),
    "easy-representative": ("representative", True),
}
"""For each sheet of a language, by the middle of its file's name: who reads it, and whether it is easy-read."""

DRAWINGS = resources.files("safelight.policy") / "drawings"
"""The pictures of the easy-read sheets, drawn by us."""

_PLAIN = ("language", "version", "layout", "question", "lead")
_EASY = "easy-"
_BRACES = re.compile(r"\{([^{}]*)\}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?")
_PACK = re.compile(r"[a-z][a-z0-9-]*")
_NAME = re.compile(r"[a-z][a-z-]*")


class WordingRefused(ValueError):
    """The words are not complete, not known, or not as they were: they must not be shown."""

    for_people = "The consent sheet can’t be shown. Please tell your administrator."


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of an easy-read sheet, and the drawing beside it."""

    text: str
    picture: str


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that is told before an answer is asked for."""

    key: str
    heading: str
    text: str
    lines: tuple[Line, ...] = ()
    """The text again, sentence by sentence with a drawing each, on an easy-read sheet."""


@dataclass(frozen=True, slots=True)
class Offered:
    """One use that the patient may agree to."""

    purpose: Purpose
    title: str
    text: str
    reach: str = ""
    """How far it goes and that it can't be called back; there for each of REACHING."""
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class NothingElse:
    """The answer that closes every use that was not agreed to."""

    title: str
    text: str
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Identifiable:
    """The answer that lets the uses that were agreed to show who it is; without it none may."""

    title: str
    text: str
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Wording:
    """A consent sheet in one language, one version, and one layout, for one kind of reader."""

    language: str
    version: str
    layout: str
    question: str
    lead: str
    told: tuple[Told, ...]
    purposes: tuple[Offered, ...]
    nothing_else: NothingElse
    identifiable: Identifiable | None = None
    """None on a sheet that doesn't ask: then no use may show who it is."""
    reader: str = "patient"
    """"patient", "young", or "representative": whom the words speak to."""
    pictures: tuple[tuple[str, str], ...] = ()
    """Name and SHA-256 (hex) of each drawing on the sheet."""

    @property
    def is_easy(self) -> bool:
        """Say whether this is an easy-read sheet, with a drawing beside each sentence."""
        return self.layout.startswith(_EASY)

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
        beside: dict[str, object] = {"reader": self.reader} if self.reader != "patient" else {}
        if self.pictures:
            beside["pictures"] = dict(self.pictures)
        if self.identifiable is not None:
            asked = self.identifiable
            beside["identifiable"] = {"title": asked.title, **_said(asked)}
        return {
            **{field: getattr(self, field) for field in _PLAIN},
            **beside,
            "told": [
                {"key": each.key, "heading": each.heading, **_said(each)} for each in self.told
            ],
            "purposes": [
                {"purpose": each.purpose.value, "title": each.title, **_said(each)}
                | ({"reach": each.reach} if each.reach else {})
                for each in self.purposes
            ],
            "nothing_else": {"title": self.nothing_else.title, **_said(self.nothing_else)},
        }

    def _with_each_text(self, change: Callable[[str], str]) -> Wording:
        def lines(of: Told | Offered | Identifiable | NothingElse) -> tuple[Line, ...]:
            return tuple(Line(change(each.text), each.picture) for each in of.lines)

        return replace(
            self,
            question=change(self.question),
            lead=change(self.lead),
            told=tuple(
                Told(each.key, change(each.heading), change(each.text), lines(each))
                for each in self.told
            ),
            purposes=tuple(
                Offered(
                    each.purpose,
                    change(each.title),
                    change(each.text),
                    change(each.reach),
                    lines(each),
                )
                for each in self.purposes
            ),
            identifiable=self.identifiable
            and Identifiable(
                change(self.identifiable.title),
                change(self.identifiable.text),
                lines(self.identifiable),
            ),
            nothing_else=NothingElse(
                change(self.nothing_else.title),
                change(self.nothing_else.text),
                lines(self.nothing_else),
            ),
        )


def load(
    pack_name: str, language: str, *, variant: str = "", beside: Path | None = None
) -> Wording:
    """Return the words of a pack that came with Safelight. Raises WordingRefused.

    variant: one of VARIANTS. beside: a folder with further languages; it can't replace the pack's.
    """
    if not _PACK.fullmatch(pack_name):
        raise WordingRefused("not the name of a pack")
    folder = _place(pack_name, language, beside)
    if folder is beside:
        return read_sheet(folder, language, variant=variant)
    return _ours(pack_name, language, variant)


@cache
def _ours(pack_name: str, language: str, variant: str) -> Wording:
    """Return a sheet that came with Safelight: it doesn't change while this runs."""
    words = read_sheet(folder_of(pack_name), language, variant=variant)
    _demand_as_it_came(f"{pack_name}/wording/{_file(language, variant)}")
    return words


def _demand_as_it_came(path: str) -> None:
    try:
        shipped.check(path)
    except shipped.Altered as error:
        raise WordingRefused(f"{path} is not as it came with this version") from error


def is_language(text: str) -> bool:
    """Say whether the text is a language tag as we write them: "en", "cy", "pt-BR"."""
    return _LANGUAGE.fullmatch(text) is not None


def has_sheet(
    pack_name: str, language: str, variant: str = "", *, beside: Path | None = None
) -> bool:
    """Say whether there is a file for this sheet; whether it is whole, `load` says."""
    if not is_language(language):
        return False
    return (_place(pack_name, language, beside) / _file(language, variant)).is_file()


def folder_of(pack_name: str) -> Traversable:
    """Return the folder in which a pack keeps its words."""
    return shipped.folder() / pack_name / "wording"


def load_wording(pack_folder: Folder, language: str, *, variant: str = "") -> Wording:
    """Return the words in `wording/` of a pack's folder, as `read_sheet` does."""
    return read_sheet(pack_folder / "wording", language, variant=variant)


def read_sheet(folder: Folder, language: str, *, variant: str = "") -> Wording:
    """Return the words in `<language>.toml`, or `<language>.<variant>.toml`, of a folder.

    Raises WordingRefused where there are none, where a field is missing, blank or unknown, or
    where a placeholder is none of ours: half a sheet is never shown.
    """
    if not _LANGUAGE.fullmatch(language):
        raise WordingRefused("not a language tag")
    if variant not in VARIANTS:
        raise WordingRefused(f"no such sheet: {variant}")
    reader, is_easy = VARIANTS[variant]
    words = replace(_wording(table_in(folder, _file(language, variant))), reader=reader)
    if words.language != language:
        raise WordingRefused(f"the words in {language} say that they are in {words.language}")
    if words.is_easy != is_easy:
        raise WordingRefused(f"the layout of {_file(language, variant)} is {words.layout}")
    return words


def table_in(folder: Folder, name: str) -> dict[str, object]:
    """Return what a TOML file says. Raises WordingRefused where it isn't there or isn't TOML."""
    try:
        return tomllib.loads((folder / name).read_text(encoding="utf-8"))
    except OSError as error:
        raise WordingRefused(f"no words in {name}") from error
    except ValueError as error:
        raise WordingRefused(f"the words in {name} can't be read") from error


def _place(pack_name: str, language: str, beside: Path | None) -> Folder:
    folder = folder_of(pack_name)
    is_ours = beside is None or (folder / _file(language, "")).is_file()
    return folder if is_ours else beside  # type: ignore[return-value]  # beside is there


def _file(language: str, variant: str) -> str:
    return f"{language}.{variant}.toml" if variant else f"{language}.toml"


def digest_of(frozen: Mapping[str, object]) -> str:
    """Return the SHA-256 (hex) of words as `as_json` gave them, or as a consent has kept them."""
    canonical = json.dumps(frozen, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _value(values: Mapping[str, str], placeholder: str) -> str:
    value = unicodedata.normalize("NFC", values.get(placeholder, "")).strip()
    if not value:
        raise WordingRefused(f"nothing to put in for {placeholder}")
    return value


def _said(of: Told | Offered | Identifiable | NothingElse) -> dict[str, object]:
    lines = [{"text": each.text, "picture": each.picture} for each in of.lines]
    return {"text": of.text, "lines": lines} if lines else {"text": of.text}


def _wording(table: Mapping[str, object]) -> Wording:
    wanted = {*_PLAIN, "told", "purposes", "nothing_else"}
    _demand_fields(table, wanted, of="the sheet", may=("identifiable",))
    plain = {field: _text(table, field, of="the sheet") for field in _PLAIN}
    is_easy = plain["layout"].startswith(_EASY)
    words = Wording(
        language=plain["language"],
        version=plain["version"],
        layout=plain["layout"],
        question=plain["question"],
        lead=plain["lead"],
        told=_told(table["told"], is_easy),
        purposes=_purposes(table["purposes"], is_easy),
        nothing_else=_nothing_else(table["nothing_else"], is_easy),
        identifiable=_identifiable(table.get("identifiable"), is_easy),
    )
    names = {line.picture for line in _all_lines(words)}
    return replace(words, pictures=tuple((name, _drawing(name)) for name in sorted(names)))


def _all_lines(words: Wording) -> tuple[Line, ...]:
    told = [line for each in words.told for line in each.lines]
    offered = [line for each in words.purposes for line in each.lines]
    asked = words.identifiable.lines if words.identifiable else ()
    return (*told, *offered, *asked, *words.nothing_else.lines)


def _drawing(name: str) -> str:
    """Return the SHA-256 (hex) of a drawing: another drawing is another sheet."""
    drawing = DRAWINGS / f"{name}.svg"
    if not _NAME.fullmatch(name) or not drawing.is_file():
        raise WordingRefused(f"no such drawing: {name}")
    return hashlib.sha256(drawing.read_bytes()).hexdigest()


def _told(rows: object, is_easy: bool) -> tuple[Told, ...]:
    told = tuple(
        Told(row["key"], row["heading"], text, lines)
        for row, text, lines in _rows(rows, ("key", "heading"), is_easy, of="told")
    )
    if tuple(each.key for each in told) != TOLD:
        raise WordingRefused(f"told must be, in this order: {', '.join(TOLD)}")
    return told


def _purposes(rows: object, is_easy: bool) -> tuple[Offered, ...]:
    offered = tuple(
        Offered(_purpose(row["purpose"]), row["title"], text, row.get("reach", ""), lines)
        for row, text, lines in _rows(
            rows, ("purpose", "title"), is_easy, of="purposes", may=("reach",)
        )
    )
    if len({each.purpose for each in offered}) != len(offered):
        raise WordingRefused("a purpose is offered twice")
    if Purpose.CARE not in {each.purpose for each in offered}:
        raise WordingRefused("care is not among the purposes")
    for each in offered:
        if (each.purpose in REACHING) != bool(each.reach):
            raise WordingRefused(f"{each.purpose.value}: reach is for what can't be called back")
    return offered


def _purpose(name: str) -> Purpose:
    try:
        return Purpose(name)
    except ValueError as error:
        raise WordingRefused(f"no such purpose: {name}") from error


def _identifiable(table: object, is_easy: bool) -> Identifiable | None:
    if table is None:
        return None
    ((row, text, lines),) = _rows([table], ("title",), is_easy, of="identifiable")
    return Identifiable(row["title"], text, lines)


def _nothing_else(table: object, is_easy: bool) -> NothingElse:
    ((row, text, lines),) = _rows([table], ("title",), is_easy, of="nothing_else")
    return NothingElse(row["title"], text, lines)


def _rows(
    rows: object, fields: tuple[str, ...], is_easy: bool, *, of: str, may: tuple[str, ...] = ()
) -> list[tuple[dict[str, str], str, tuple[Line, ...]]]:
    """Return each row's fields, its text, and its lines where it is easy-read."""
    if not isinstance(rows, list):
        raise WordingRefused(f"{of} is not a list")
    return [_row(row, fields, is_easy, of=of, may=may) for row in rows]


def _row(
    row: object, fields: tuple[str, ...], is_easy: bool, *, of: str, may: tuple[str, ...]
) -> tuple[dict[str, str], str, tuple[Line, ...]]:
    if not isinstance(row, Mapping):
        raise WordingRefused(f"{of} has something that is not a table")
    _demand_fields(row, {*fields, "lines" if is_easy else "text"}, of=of, may=may)
    plain = {field: _text(row, field, of=of) for field in (*fields, *may) if field in row}
    lines = _lines(row["lines"], of=of) if is_easy else ()
    text = " ".join(each.text for each in lines) if is_easy else _text(row, "text", of=of)
    return plain, text, lines


def _lines(rows: object, *, of: str) -> tuple[Line, ...]:
    if not isinstance(rows, list) or not rows:
        raise WordingRefused(f"{of} has no lines")
    if not all(isinstance(row, list) and len(row) == 2 for row in rows):
        raise WordingRefused(f"{of}: a line is a sentence and the name of its drawing")
    named = [{"text": text, "picture": picture} for text, picture in rows]
    return tuple(Line(_text(row, "text", of=of), _text(row, "picture", of=of)) for row in named)


def _demand_fields(
    table: Mapping[str, object], wanted: set[str], *, of: str, may: tuple[str, ...] = ()
) -> None:
    if unknown := sorted(table.keys() - wanted - set(may)):
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
