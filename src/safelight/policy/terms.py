"""A pack's terms: its words, ages, kinds of authority, clocks. Nothing here is one country's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from safelight.policy.facts import Vocabulary


@dataclass(frozen=True, slots=True)
class Cite:
    """A source that isn't a rule's own, and what it asks to be written down."""

    source: str
    record: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Clock:
    """Within how many hours somebody has to be told."""

    hours: int
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What differs between jurisdictions, apart from the rules."""

    vocabulary: Vocabulary
    words: Mapping[str, Mapping[str, str]]
    """Every id of the pack in plain words, by vocabulary: "kinds", "purposes", "told" …"""
    capacity_presumed_from: int
    matured_from: int
    child_until: int
    procedural_types: frozenset[str]
    """Kinds of recording whose making needs no consent of its own within a procedure."""
    secondary: frozenset[str]
    """Purposes beyond the patient's own care, its checking, the law and complaints."""
    outside: frozenset[str]
    """Audiences beyond the organisation, for which coded counts as identifiable."""
    compulsion: frozenset[str]
    explicit_forms: frozenset[str]
    written_forms: frozenset[str]
    authority: Mapping[str, frozenset[str]]
    """Standing to the kinds of authority that may consent: "self", "lacks", "lost", "child", "dead"."""
    parental: frozenset[str]
    also_covers: Mapping[str, frozenset[str]]
    """When making for a purpose, the other purposes whose consent does as well."""
    cites: Mapping[str, Cite]
    """What one consent can lack whatever the rule ("gillick", "matured", "regained"), and "copy"."""
    clocks: Mapping[str, Clock]
    sources: Mapping[str, str]
    """The short names of sources, spelt out."""

    @property
    def patient_number(self) -> str:
        """Return what the number is called by which patients are known: "NHS number"."""
        return self.words["pages"]["patient_number"]

    @property
    def child_competence(self) -> str:
        """Return what it is called that a child can decide: "Gillick competence"."""
        return self.words["pages"]["child_competence"]

    @property
    def without_authority(self) -> str:
        """Return the kind of someone who agrees and may not: a relative as such. Every pack has one."""
        return unheld(self.vocabulary.kinds, self.authority)[0]

    @property
    def after_death_only(self) -> frozenset[str]:
        """Return the kinds that decide for the dead and for nobody who lives."""
        living = (held for standing, held in self.authority.items() if standing != "dead")
        return self.authority["dead"].difference(*living)


def unheld(kinds: Iterable[str], authority: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Return the kinds that hold no authority for anybody, in the pack's order."""
    held = frozenset[str]().union(*authority.values())
    return tuple(kind for kind in kinds if kind not in held)
