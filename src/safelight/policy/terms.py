"""A pack's terms: its ages, its kinds of authority, what has to be told. Nothing here is England's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Terms:
    """What differs between jurisdictions, apart from the rules."""

    zone: ZoneInfo
    capacity_presumed_from: int
    matured_from: int
    child_until: int
    var10_types: frozenset[str]
    outside: frozenset[str]
    """Audiences beyond the organisation, for which coded counts as identifiable."""
    compulsion: frozenset[str]
    explicit_forms: frozenset[str]
    written_forms: frozenset[str]
    authority: Mapping[str, frozenset[str]]
    """Standing to the kinds of authority that may consent: "self", "lacks", "lost", "child", "dead"."""
    parental: frozenset[str]
    told_for_care: frozenset[str]
    told_for_secondary: frozenset[str]
    public_purposes: frozenset[str]
    also_covers: Mapping[str, frozenset[str]]
    """When making for a purpose, the other purposes whose consent does as well."""
    cites: Mapping[str, str]
    """Sources of what one consent can lack whatever the rule: "gillick", "matured", "regained"."""
