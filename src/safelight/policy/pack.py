"""Packs: the rules of one jurisdiction as data. What a pack says and this code doesn't know refuses to load."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from safelight.policy import facts as contract
from safelight.policy.answers import PackName
from safelight.policy.requirements import CASE, CONSENT
from safelight.policy.terms import Terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from safelight.policy.requirements import OfCase, OfConsent
    from safelight.policy.wording import Wording

WHEN: dict[str, frozenset[str]] = {
    "action": contract.ACTIONS,
    "purpose": contract.PURPOSES,
    "audience": contract.AUDIENCES,
    "standing": frozenset({"self", "lacks", "lost", "child", "dead", "unknown"}),
    "seen": frozenset({"identifiable", "coded", "anonymised"}),
    "kind": frozenset({"var10", "other"}),
    "made_for": contract.MADE_FOR,
    "covert": frozenset({"yes", "no"}),
    "intimate_child": frozenset({"yes", "no"}),
    "post_mortem": contract.POST_MORTEM | {"no"},
    "legal_basis": contract.LEGAL_BASES | {"none"},
    "device": frozenset({"known", "none"}),
    "years": frozenset({"adult", "young", "child", "unknown"}),
}
"""What `when` may look at, and the values it may name."""
INDEXED = ("action", "purpose", "audience", "standing")
Key = tuple[str, str, str, str]
"""Values of the indexed keys, in their order."""
DEMANDS = frozenset({"verified", "person-looked", "nothing-left"})
_RULE_FIELDS = frozenset(
    {"id", "when", "requires", "text", "source", "conditions", "record", "demands", "if_blocked"}
)
_CITES = frozenset({"gillick", "matured", "regained"})
STANDINGS = WHEN["standing"]


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
    tests: tuple[tuple[str, frozenset[str]], ...] = ()
    """`when` without the indexed keys: what is left to look at for each case."""

    def could_apply(self, key: Key) -> bool:
        """Say whether the rule may apply at all to such acts."""
        given = dict(zip(INDEXED, key, strict=True))
        return all(given[key] in self.when[key] for key in INDEXED if key in self.when)


@dataclass(frozen=True, slots=True)
class Pack:
    """The rules, terms and words of one jurisdiction, by version."""

    id: str
    name: str
    hash: str
    """SHA-256 of pack.toml, in hex."""
    effective_from: date
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

    @property
    def title(self) -> PackName:
        """Return id and hash, as every answer carries them."""
        return PackName(self.id, self.hash)

    def wording(self, language: str = "en") -> Wording:
        """Return the consent sheet in a language; raises WordingRefused where there is none."""
        from safelight.policy import wording

        return wording.load(self.name, language)

    def with_guards(self, text: str) -> Pack:
        """Return the pack with a practice's own rules (TOML); they can only be guards, so they only tighten.

        Raises PackRefused for anything else.
        """
        table = _parsed(text.encode())
        if table.keys() != {"guard"}:
            raise PackRefused("local rules are guards and nothing else")
        taken = {rule.id for rule in self.rules}
        local = tuple(_rule(row, is_guard=True) for row in table["guard"])
        if taken & {rule.id for rule in local}:
            raise PackRefused("a local rule has the id of one in the pack")
        digest = hashlib.sha256(f"{self.hash}\n{text}".encode()).hexdigest()
        return Pack(
            self.id + "+local",
            self.name,
            digest,
            self.effective_from,
            self.terms,
            self.rules + local,
        )


@cache
def load_pack(name: str) -> Pack:
    """Return the pack of that name, whole and understood. Raises PackRefused."""
    if not name.isidentifier():
        raise PackRefused("no such pack")
    source = files("safelight.policy") / "packs" / name / "pack.toml"
    if not source.is_file():
        raise PackRefused("no such pack")
    return read_pack(source.read_bytes(), name=name)


def read_pack(data: bytes, *, name: str) -> Pack:
    """Return the pack that these bytes are. Raises PackRefused on whatever isn't known."""
    table = _parsed(data)
    if table.keys() != {"pack", "terms", "basis", "guard"}:
        raise PackRefused("a pack has the tables pack, terms, basis and guard")
    about = table["pack"]
    if about.keys() != {"id", "effective_from"} or not isinstance(about["effective_from"], date):
        raise PackRefused("[pack] has id and effective_from")
    rules = tuple(_rule(row, is_guard=False) for row in table["basis"])
    rules += tuple(_rule(row, is_guard=True) for row in table["guard"])
    ids = [rule.id for rule in rules]
    if len(set(ids)) != len(ids):
        raise PackRefused("two rules have the same id")
    digest = hashlib.sha256(data).hexdigest()
    return Pack(about["id"], name, digest, about["effective_from"], _terms(table["terms"]), rules)


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PackRefused("the pack is not TOML") from error


def _rule(row: dict[str, Any], *, is_guard: bool) -> Rule:
    if unknown := row.keys() - _RULE_FIELDS:
        raise PackRefused(f"a rule has unknown fields: {sorted(unknown)}")
    try:
        rule_id, text, source = row["id"], row["text"], row["source"]
        when = {key: frozenset(values) for key, values in row.get("when", {}).items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise PackRefused("a rule needs id, text and source, and lists in when") from error
    for key, values in when.items():
        if key not in WHEN or not values or not values <= WHEN[key]:
            raise PackRefused(f"{rule_id}: when.{key} is unknown, or has unknown values")
    requires = tuple(row.get("requires", ()))
    if unknown_names := [name for name in requires if name not in CASE and name not in CONSENT]:
        raise PackRefused(f"{rule_id}: unknown requirements {unknown_names}")
    of_consent = tuple(CONSENT[name] for name in requires if name in CONSENT)
    if is_guard and (of_consent or not requires):
        raise PackRefused(f"{rule_id}: a guard requires something, and never of one consent")
    if not DEMANDS.issuperset(row.get("demands", ())):
        raise PackRefused(f"{rule_id}: unknown demands")
    return Rule(
        id=rule_id,
        is_guard=is_guard,
        when=when,
        of_case=tuple(CASE[name] for name in requires if name in CASE),
        of_consent=of_consent,
        text=text,
        source=source,
        conditions=tuple(row.get("conditions", ())),
        record=tuple(row.get("record", ())),
        demands=tuple(row.get("demands", ())),
        if_blocked=tuple(row.get("if_blocked", ())),
        tests=tuple((key, values) for key, values in when.items() if key not in INDEXED),
    )


_SETS: dict[str, frozenset[str]] = {
    "var10_types": contract.TYPES,
    "outside": contract.AUDIENCES,
    "compulsion": contract.LEGAL_BASES,
    "explicit_forms": contract.FORMS,
    "written_forms": contract.FORMS,
    "parental": contract.GIVERS,
    "told_for_care": contract.TOLD,
    "told_for_secondary": contract.TOLD,
    "public_purposes": contract.PURPOSES,
}
_AGES = ("capacity_presumed_from", "matured_from", "child_until")


def _terms(table: dict[str, Any]) -> Terms:
    wanted = {*_SETS, *_AGES, "zone", "authority", "also_covers", "cites"}
    if table.keys() != wanted:
        raise PackRefused(f"[terms] differs in {sorted(table.keys() ^ wanted)}")
    try:
        zone = ZoneInfo(table["zone"])
    except (ZoneInfoNotFoundError, ValueError, TypeError) as error:
        raise PackRefused("[terms] zone is not a time zone") from error
    if not all(isinstance(table[age], int) and 0 < table[age] < 130 for age in _AGES):
        raise PackRefused("[terms] ages are whole years")
    cites = table["cites"]
    if not isinstance(cites, dict) or cites.keys() != _CITES:
        raise PackRefused("[terms.cites] names a source for each of what it may, and nothing else")
    plain: dict[str, Any] = {age: table[age] for age in _AGES}
    plain |= {name: _set(name, table[name], allowed) for name, allowed in _SETS.items()}
    return Terms(
        zone=zone,
        authority=_map(table["authority"], STANDINGS, contract.GIVERS),
        also_covers=_map(table["also_covers"], contract.PURPOSES, contract.PURPOSES),
        cites={name: str(source) for name, source in cites.items()},
        **plain,
    )


def _set(name: str, values: Any, allowed: frozenset[str]) -> frozenset[str]:
    if not isinstance(values, list) or not allowed.issuperset(values):
        raise PackRefused(f"[terms] {name} names something unknown")
    return frozenset(values)


def _map(table: Any, keys: frozenset[str], values: frozenset[str]) -> dict[str, frozenset[str]]:
    if not isinstance(table, dict) or not keys.issuperset(table):
        raise PackRefused("[terms] a table names something unknown")
    return {key: _set(key, found, values) for key, found in table.items()}
