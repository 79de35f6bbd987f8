"""Requirements by name: how they are registered, and how a pack's words become checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safelight.policy.answers import Need

if TYPE_CHECKING:
    from safelight.policy.case import Case
    from safelight.policy.facts import ConsentFact


@dataclass(frozen=True, slots=True)
class Unmet:
    """Why a requirement isn't met, what that leads to, and what would lift it."""

    outcome: str
    text: str
    need: Need | None = None
    cite: str | None = None
    """Which of the pack's `cites` it rests on, where that isn't the rule's own source."""


OfCase = Callable[["Case"], Unmet | None]
OfConsent = Callable[["Case", "ConsentFact"], Unmet | None]
Words = Mapping[str, str]
"""Some of a pack's vocabulary: each id with its plain words."""
Made = Callable[[Words, tuple[str, ...]], "OfCase | OfConsent"]

CASE: dict[str, OfCase] = {}
"""Requirements on the facts as a whole."""
CONSENT: dict[str, OfConsent] = {}
"""Requirements on one consent; all of a rule's have to be met by the same one."""
SAYS: dict[str, str] = {}
"""Each requirement in words that end the sentence “It is required that …”."""


@dataclass(frozen=True, slots=True)
class With:
    """A requirement that takes ids of the pack's vocabulary."""

    of: str
    """Which vocabulary: "kinds", "legal_bases", "tests", "switches" or "told"."""
    of_consent: bool
    make: Made


WITH: dict[str, With] = {}
"""Requirements that a pack names with an argument."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement as a rule of a pack has it."""

    name: str
    says: str
    of_case: OfCase | None
    of_consent: OfConsent | None


class RequirementUnknown(ValueError):
    """No requirement has that name, or it doesn't take that argument."""


def requirement(name: str, vocabulary: Mapping[str, Words]) -> Requirement:
    """Return the requirement that a pack names. Raises RequirementUnknown."""
    plain, colon, said = name.partition(":")
    if not colon:
        if plain not in CASE and plain not in CONSENT:
            raise RequirementUnknown(name)
        return Requirement(name, SAYS[plain], CASE.get(plain), CONSENT.get(plain))
    found = WITH.get(plain)
    if found is None:
        raise RequirementUnknown(name)
    words, ids = vocabulary[found.of], tuple(said.split(","))
    if not words.keys() >= set(ids):
        raise RequirementUnknown(name)
    made: Any = found.make(words, ids)
    says = SAYS[plain].format(", ".join(words[each] for each in ids))
    if found.of_consent:
        return Requirement(name, says, None, made)
    return Requirement(name, says, made, None)


def of_case(name: str, *, says: str) -> Callable[[OfCase], OfCase]:
    """Register a requirement on the facts as a whole."""

    def register(check: OfCase) -> OfCase:
        CASE[name], SAYS[name] = check, says
        return check

    return register


def of_consent(name: str, *, says: str) -> Callable[[OfConsent], OfConsent]:
    """Register a requirement on one consent."""

    def register(check: OfConsent) -> OfConsent:
        CONSENT[name], SAYS[name] = check, says
        return check

    return register


def with_argument(
    name: str, *, of: str, says: str, each_consent: bool = False
) -> Callable[[Made], Made]:
    """Register what makes a requirement out of ids of the pack's vocabulary."""

    def register(make: Made) -> Made:
        WITH[name], SAYS[name] = With(of, each_consent, make), says
        return make

    return register


def refuse(text: str, field: str | None = None, value: Any = True) -> Unmet:
    """Return that it refuses, and what would lift that."""
    return Unmet("refuse", text, Need(field, value) if field else None)


def hold(text: str, field: str, value: Any = True, *, cite: str | None = None) -> Unmet:
    """Return that it waits for a step that someone can still take."""
    return Unmet("hold", text, Need(field, value), cite)
