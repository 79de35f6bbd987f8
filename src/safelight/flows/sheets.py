"""Which consent sheet a patient reads: in which language and layout, and to whom it speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from safelight.flows import in_force
from safelight.policy import saying, wording

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from safelight.policy.saying import Saying
    from safelight.policy.wording import Wording
    from safelight.records.models import Patient

REPRESENTATIVE, YOUNG, PATIENT = "representative", "young", "patient"


def conversation(
    patient: Patient,
    *,
    body_site: str,
    language: str | None = None,
    easy: bool | None = None,
    reader: str = PATIENT,
    now: datetime,
) -> Wording:
    """Return the words for this patient and this part of the body, in full.

    language, easy: as the patient had them last, unless said. reader: "patient", "young", or
    "representative". Where a language hasn't this sheet, it is shown in English.
    """
    variant = _variant(reader, is_easy=patient.easy_read if easy is None else easy)
    tag, pack = language or patient.language or saying.ENGLISH, _pack(patient, now=now)
    if tag not in _tags(pack, variant):
        tag = saying.ENGLISH
    return _filled(pack, patient, tag, variant, body_site=body_site)


def words_with(patient: Patient, digest: str, *, body_site: str, now: datetime) -> Wording | None:
    """Return the sheet in force that has this digest, whichever it is; None where none has."""
    shown = _in_force(patient, body_site=body_site, now=now)
    return next((words for words in shown if words.digest == digest), None)


def languages(patient: Patient, *, easy: bool, reader: str, now: datetime) -> tuple[Saying, ...]:
    """Return the languages in which this sheet can be shown, English first."""
    tags = _tags(_pack(patient, now=now), _variant(reader, is_easy=easy))
    return tuple(page_words(tag) for tag in tags)


def page_words(language: str) -> Saying:
    """Return what the pages around a sheet say in its language."""
    return saying.saying(language, beside=_beside())


def words_for(language: str) -> Saying:
    """Return the pages' words in the language of an old answer, or English where it is gone."""
    try:
        return page_words(language)
    except wording.WordingRefused:
        return page_words(saying.ENGLISH)


def _in_force(patient: Patient, *, body_site: str, now: datetime) -> Iterator[Wording]:
    pack = _pack(patient, now=now)
    for variant in wording.VARIANTS:
        for tag in _tags(pack, variant):
            yield _filled(pack, patient, tag, variant, body_site=body_site)


def _tags(pack: str, variant: str) -> tuple[str, ...]:
    """Return the languages of a sheet; for the young, the plain one does where there is no other."""
    needed = "" if variant == YOUNG else variant
    return saying.languages(pack, variant=needed, beside=_beside())


def _filled(pack: str, patient: Patient, language: str, variant: str, *, body_site: str) -> Wording:
    if variant == YOUNG and not wording.has_sheet(pack, language, variant, beside=_beside()):
        variant = ""
    words = wording.load(pack, language, variant=variant, beside=_beside())
    return words.render(site=page_words(language).site(body_site), name=patient.name)


def _pack(patient: Patient, *, now: datetime) -> str:
    """Return the folder of the sheets that belong to the pack in force."""
    return in_force.pack_of(patient.practice, now=now).wording_of


def _variant(reader: str, *, is_easy: bool) -> str:
    if is_easy:
        return "easy-representative" if reader == REPRESENTATIVE else "easy"
    return "" if reader == PATIENT else reader


def _beside() -> Path | None:
    found: Path | None = settings.SAFELIGHT_WORDING
    return found
