"""The patient's receipt on paper: a tagged PDF with fonts of ours, set by Typst."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import segno
import typst

_HERE = Path(__file__).parent
QR_BORDER = 2


@dataclass(frozen=True, slots=True)
class UseLine:
    """One use: the answer, its title, and what is to be noted beside it."""

    answer: str
    title: str
    note: str


@dataclass(frozen=True, slots=True)
class FactLine:
    """A name and its value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ToldLine:
    """One item of the sheet, and whether it was told."""

    heading: str
    state: str
    text: str


@dataclass(frozen=True, slots=True)
class Paper:
    """All that the receipt says, in the patient's language."""

    title: str
    practice: str
    language: str
    question: str
    own_page: str
    own_page_lines: tuple[str, ...]
    link: str
    """The address of the patient's own page; empty where nobody knows it any more."""
    qr_alt: str
    answers: str
    uses: tuple[UseLine, ...]
    lasts: str
    about: str
    facts: tuple[FactLine, ...]
    told_heading: str
    told: tuple[ToldLine, ...]
    change_heading: str
    change: str
    small: tuple[str, ...]
    page: str
    """With {page} and {pages}."""


def write(paper: Paper) -> bytes:
    """Return the receipt as PDF, tagged for screen readers (PDF/UA-1).

    A name with letters that none of our fonts has is shown as far as it can be; such a paper can't
    claim PDF/UA, and doesn't.
    """
    said = asdict(paper) | {"qr": _qr(paper.link)}
    inputs = {"said": json.dumps(said, ensure_ascii=False)}
    try:
        return _set(inputs, "ua-1")
    except typst.TypstError:
        return _set(inputs, None)


def _set(inputs: dict[str, str], standard: Literal["ua-1"] | None) -> bytes:
    made: bytes = typst.compile(
        _HERE / "receipt.typ",
        root=_HERE,
        font_paths=[_HERE],
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs=inputs,
        pdf_standards=standard,
    )
    return made


def _qr(link: str) -> str:
    """Return the address as an SVG of a QR code, or nothing for no address."""
    if not link:
        return ""
    held = io.BytesIO()
    segno.make(link, error="m").save(held, kind="svg", border=QR_BORDER, xmldecl=False)
    return held.getvalue().decode()
