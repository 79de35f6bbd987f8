"""One conversation as plain values: what every format is written from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from safelight.terms import Purpose


@dataclass(frozen=True, slots=True)
class Who:
    """A person or an organisation, by an id of ours and a name."""

    id: UUID
    name: str
    role: str = ""
    """What they are to the patient or in the practice; for the giver: by what right."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The patient."""

    id: UUID
    name: str
    born_on: date
    nhs_number: str


@dataclass(frozen=True, slots=True)
class Use:
    """One use that was asked about."""

    purpose: Purpose
    title: str
    answer: str
    """"agreed", "refused" or "not-asked": what was said then."""
    target: str = ""
    withdrawn_at: datetime | None = None
    """From when on a yes no longer holds, because it was taken back."""

    @property
    def holds(self) -> bool:
        """Say whether there is a yes that wasn't taken back."""
        return self.answer == "agreed" and self.withdrawn_at is None


@dataclass(frozen=True, slots=True)
class Told:
    """One item of the sheet, and whether it was told."""

    key: str
    heading: str
    text: str
    was_told: bool
    why_not: str


@dataclass(frozen=True, slots=True)
class Said:
    """All of one conversation, as it was and as it stands at `as_of`."""

    id: UUID
    practice: Who
    patient: Subject
    given_at: datetime
    as_of: datetime
    giver: Who | None
    """None: the patient answered."""
    taken_by: Who
    form: str
    """"written", "electronic" or "oral-recorded"."""
    form_words: str
    statement: str
    interpreter: str
    interpreter_by: str
    """Where the interpreter was: "room" or "remote"."""
    witness: str
    body_site: str
    uses: tuple[Use, ...]
    nothing_else: bool
    identifiable_ok: bool | None
    """Whether the uses may show who it is; None where the sheet didn't ask."""
    told: tuple[Told, ...]
    lasts: Mapping[str, object]
    expires_on: date | None
    wording: Mapping[str, object]
    """The words as they were frozen."""
    wording_digest: str
    answer_digest: str
    is_as_it_was: bool
    """Words and answers are those that the ledger has the hashes of."""
    pack_id: str
    pack_hash: str

    @property
    def has_expired(self) -> bool:
        """Say whether its last day is past."""
        return self.expires_on is not None and self.expires_on < self.as_of.date()

    @property
    def status(self) -> str:
        """Return "active", "refused" (nothing was agreed to), "withdrawn" or "expired"."""
        if not any(use.answer == "agreed" for use in self.uses):
            return "refused"
        if not any(use.holds for use in self.uses):
            return "withdrawn"
        return "expired" if self.has_expired else "active"

    @property
    def language(self) -> str:
        """Return the tag of the language in which the words were shown."""
        return str(self.wording["language"])

    @property
    def is_easy_read(self) -> bool:
        """Say whether the words were shown in easy read."""
        return "pictures" in self.wording
