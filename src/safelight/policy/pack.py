"""Packs: the rules of one jurisdiction as data, by version (docs/reference/packs.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from safelight.policy.answers import PackName

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from safelight.policy.requirements import OfCase, OfConsent
    from safelight.policy.terms import Terms
    from safelight.policy.wording import Wording

_ALONE, _BOTH, _BASIS = "test-by-clinician", "test-by-both", "legal-basis"


class Key(NamedTuple):
    """What rules are looked up by; everything else of their `when` is looked at for each case."""

    action: str
    purpose: str
    audience: str
    standing: str


INDEXED = Key._fields


class PackRefused(ValueError):
    """A pack can't be used: it says something that this version doesn't know, or it isn't whole."""

    for_people = "The policy pack can't be used. Install the one that came with this version."


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: when it applies, what it requires, and where it stands written."""

    id: str
    is_guard: bool
    when: Mapping[str, frozenset[str]]
    of_case: tuple[OfCase, ...]
    of_consent: tuple[OfConsent, ...]
    text: str
    source: str
    conditions: tuple[str, ...] = ()
    record: tuple[str, ...] = ()
    demands: tuple[str, ...] = ()
    if_blocked: tuple[str, ...] = ()
    """What has to be written down where the rule stops the act."""
    requires: Mapping[str, str] = field(default_factory=dict)
    """Each requirement by its name, in words that end “It is required that …”."""
    tests: tuple[tuple[str, frozenset[str]], ...] = ()
    """`when` without the indexed keys: what is left to look at for each case."""

    def ids_of(self, requirement: str) -> tuple[str, ...]:
        """Return the ids that the rule names in a requirement: "legal-basis", "test-by-clinician"."""
        start = f"{requirement}:"
        named = (name.removeprefix(start) for name in self.requires if name.startswith(start))
        return tuple(each for ids in named for each in ids.split(","))

    def could_apply(self, key: Key) -> bool:
        """Say whether the rule may apply at all to such acts."""
        given = key._asdict()
        return all(given[name] in self.when[name] for name in INDEXED if name in self.when)


@dataclass(frozen=True, slots=True)
class Pack:
    """The rules, terms and words of one jurisdiction, by version."""

    id: str
    name: str
    """What a practice chooses: "england"."""
    called: str
    hash: str
    """SHA-256 of pack.toml, in hex."""
    effective_from: date
    wording_of: str
    """The folder of the consent sheets that belong to it."""
    retention_of: str
    """The folder of the periods that belong to it."""
    population: str
    """The table of the people whom patients are counted among; where none is there, nothing is assessed."""
    terms: Terms
    rules: tuple[Rule, ...]
    index: dict[Key, tuple[tuple[Rule, ...], tuple[Rule, ...]]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def applying(self, key: Key) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
        """Return the bases and the guards that such an act may meet, in the pack's order."""
        found = self.index.get(key)
        if found is None:
            rules = [rule for rule in self.rules if rule.could_apply(key)]
            found = (
                tuple(rule for rule in rules if not rule.is_guard),
                tuple(rule for rule in rules if rule.is_guard),
            )
            self.index[key] = found
        return found

    def asks(self, requirement: str) -> bool:
        """Say whether any rule has this requirement."""
        return any(requirement in rule.requires for rule in self.rules)

    def source_of(self, requirement: str) -> str:
        """Return where the first rule with this requirement stands written; empty where none has it."""
        return next((rule.source for rule in self.rules if requirement in rule.requires), "")

    @property
    def tests_of_both(self) -> tuple[str, ...]:
        """Return the tests that clinician and representative both answer."""
        return tuple(dict.fromkeys(each for rule in self.rules for each in rule.ids_of(_BOTH)))

    def source_of_tests(self, *, standing: str) -> str:
        """Return where it stands written that both answer for such a patient; empty where nobody does."""
        rules = (rule for rule in self.rules if rule.ids_of(_BOTH))
        found = (rule.source for rule in rules if standing in rule.when.get("standing", {standing}))
        return next(found, "")

    @property
    def clinicians_tests(self) -> tuple[str, ...]:
        """Return the tests that the clinician alone answers, where nobody with authority is there."""
        return tuple(dict.fromkeys(each for rule in self.rules for each in rule.ids_of(_ALONE)))

    def legal_bases_for(self, purpose: str, *, standing: str) -> tuple[str, ...]:
        """Return the legal bases on which this purpose may rest for such a patient, in the pack's order.

        Only those of rules that name both: what opens everything isn't this purpose's own.
        """
        wanted = {"purpose": purpose, "standing": standing}
        rules = [
            rule
            for rule in self.rules
            if all(value in rule.when.get(key, ()) for key, value in wanted.items())
        ]
        return tuple(dict.fromkeys(each for rule in rules for each in rule.ids_of(_BASIS)))

    @property
    def title(self) -> PackName:
        """Return id and hash, as every answer carries them."""
        return PackName(self.id, self.hash)

    def wording(self, language: str = "en") -> Wording:
        """Return the consent sheet in a language; raises WordingRefused where there is none."""
        from safelight.policy import wording

        return wording.load(self.wording_of, language)

    def with_guards(self, text: str) -> Pack:
        """Return the pack with a practice's own rules (TOML); they can only be guards, so they only tighten.

        Raises PackRefused for anything else.
        """
        from safelight.policy import reading

        return reading.with_guards(self, text)
