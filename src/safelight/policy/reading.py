"""Read a pack: what it says and this version doesn't know refuses to load."""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import replace
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from safelight.policy import facts as contract
from safelight.policy import shipped as came
from safelight.policy.facts import Vocabulary
from safelight.policy.pack import INDEXED, Pack, PackRefused, Rule
from safelight.policy.requirements import RequirementUnknown, requirement
from safelight.policy.shape import OLDEST
from safelight.policy.terms import Cite, Clock, Terms, unheld

if TYPE_CHECKING:
    from collections.abc import Mapping

    Words = Mapping[str, Mapping[str, str]]

STANDINGS = frozenset({"self", "lacks", "lost", "child", "dead", "unknown"})
WHEN: dict[str, frozenset[str]] = {
    "action": contract.ACTIONS,
    "purpose": contract.PURPOSES,
    "audience": contract.AUDIENCES,
    "standing": STANDINGS,
    "seen": frozenset({"identifiable", "coded", "anonymised"}),
    "kind": frozenset({"procedural", "other"}),
    "made_for": contract.MADE_FOR | {contract.NOT_SAID},
    "covert": frozenset({"yes", "no"}),
    "intimate_child": frozenset({"yes", "no"}),
    "post_mortem": contract.POST_MORTEM | {"no"},
    "device": frozenset({"known", "none"}),
    "tells_of_others": frozenset({"yes", "no"}),
    "years": frozenset({"adult", "young", "child", "unknown"}),
}
"""What `when` may look at, and the values it may name; `legal_basis` takes the pack's own."""
DEMANDS = frozenset({"verified", "person-looked", "nothing-left"})
TABLES = frozenset({"pack", "words", "terms", "clocks", "sources", "basis", "guard"})
_ABOUT = frozenset({"id", "name", "called", "effective_from", "wording", "retention", "population"})
_RULE_FIELDS = frozenset(
    {"id", "when", "requires", "text", "source", "conditions", "record", "demands", "if_blocked"}
)
_CITES = frozenset({"gillick", "matured", "regained", "copy"})
_CLOCKS = frozenset({"breach"})
PAGES = frozenset({"patient_number", "child_competence"})
"""What the pages call by its name in the jurisdiction; every pack names all of it."""
_WORDS: dict[str, frozenset[str] | None] = {
    "kinds": None,
    "legal_bases": None,
    "tests": None,
    "switches": None,
    "purposes": contract.PURPOSES,
    "forms": contract.FORMS,
    "told": contract.TOLD,
    "pages": PAGES,
}
"""The vocabularies of a pack, and what the contract allows in each; None: the pack's own ids."""
_ID = re.compile(r"[a-z][a-z0-9_-]*")
_PLACE = re.compile(r"(principle )?\d+(–\d+)?")
_LONGEST = 1_000_000
"""Bytes; a pack has some tens of thousands."""


@cache
def load_pack(name: str) -> Pack:
    """Return the pack of that name that came with Safelight, unaltered. Raises PackRefused."""
    data = shipped(name)
    try:
        came.check(f"{name}/pack.toml")
    except came.Altered as error:
        raise PackRefused("the pack is not as it came with this version") from error
    return read_pack(data)


def shipped(name: str) -> bytes:
    """Return the bytes of a pack that came with Safelight. Raises PackRefused where there is none."""
    if not name.isidentifier():
        raise PackRefused("no such pack")
    source = came.folder() / name / "pack.toml"
    if not source.is_file():
        raise PackRefused("no such pack")
    return source.read_bytes()


def shipped_names() -> list[str]:
    """Return the names of the packs that came with Safelight."""
    return sorted(each.name for each in came.folder().iterdir() if (each / "pack.toml").is_file())


def has_folders(pack: Pack) -> bool:
    """Say whether the consent sheets and the periods that a pack names came with Safelight."""
    packs = came.folder()
    names = (pack.wording_of, pack.retention_of)
    return (
        all(_ID.fullmatch(name) for name in names)
        and (packs / pack.wording_of / "wording").is_dir()
        and (packs / pack.retention_of / "retention.toml").is_file()
    )


def read_pack(data: bytes) -> Pack:
    """Return the pack that these bytes are. Raises PackRefused on whatever isn't known."""
    table = _parsed(data)
    _demand(table, TABLES, "the pack")
    about = _table(table["pack"], "[pack]")
    _demand(about, _ABOUT, "[pack]")
    if type(about["effective_from"]) is not date:
        raise PackRefused("[pack] effective_from is a day")
    words = _vocabularies(table["words"])
    sources = _plain_words(table["sources"], None, "[sources]", ids=re.compile(r".+"))
    terms = _terms(_table(table["terms"], "[terms]"), words, sources, table["clocks"])
    rules = tuple(_rule(row, terms, is_guard=False) for row in _rows(table, "basis"))
    rules += tuple(_rule(row, terms, is_guard=True) for row in _rows(table, "guard"))
    ids = [rule.id for rule in rules]
    if len(set(ids)) != len(ids):
        raise PackRefused("two rules have the same id")
    return Pack(
        id=_text(about, "id", "[pack]"),
        name=_text(about, "name", "[pack]"),
        called=_text(about, "called", "[pack]"),
        hash=hashlib.sha256(data).hexdigest(),
        effective_from=about["effective_from"],
        wording_of=_text(about, "wording", "[pack]"),
        retention_of=_text(about, "retention", "[pack]"),
        population=_text(about, "population", "[pack]"),
        terms=terms,
        rules=rules,
    )


def with_guards(pack: Pack, text: str) -> Pack:
    """Return the pack with a practice's own guards (TOML). Raises PackRefused for anything else."""
    table = _parsed(text.encode())
    if table.keys() != {"guard"}:
        raise PackRefused("local rules are guards and nothing else")
    local = tuple(_rule(row, pack.terms, is_guard=True) for row in _rows(table, "guard"))
    ids = [rule.id for rule in local]
    if len(set(ids)) != len(ids) or {rule.id for rule in pack.rules} & set(ids):
        raise PackRefused("a local rule has the id of another one")
    return replace(
        pack,
        id=pack.id + "+local",
        hash=hashlib.sha256(f"{pack.hash}\n{text}".encode()).hexdigest(),
        rules=pack.rules + local,
        index={},
    )


def _parsed(data: bytes) -> dict[str, Any]:
    if len(data) > _LONGEST:
        raise PackRefused("the pack is too long to be one")
    try:
        return tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise PackRefused("the pack is not TOML") from error


def _rule(row: Any, terms: Terms, *, is_guard: bool) -> Rule:
    table = _table(row, "a rule")
    if unknown := table.keys() - _RULE_FIELDS:
        raise PackRefused(f"a rule has unknown fields: {sorted(unknown)}")
    rule_id = _text(table, "id", "a rule")
    where = f"rule {rule_id}"
    source = _text(table, "source", where)
    _known_source(source, terms.sources, where)
    when = _when(table.get("when", {}), terms, where)
    found = [_requirement(name, terms, where) for name in _texts(table, "requires", where)]
    of_consent = tuple(each.of_consent for each in found if each.of_consent is not None)
    if is_guard and (of_consent or not found):
        raise PackRefused(f"{where}: a guard requires something, and never of one consent")
    demands = _texts(table, "demands", where)
    if not DEMANDS.issuperset(demands):
        raise PackRefused(f"{where}: unknown demands")
    return Rule(
        id=rule_id,
        is_guard=is_guard,
        when=when,
        of_case=tuple(each.of_case for each in found if each.of_case is not None),
        of_consent=of_consent,
        text=_text(table, "text", where),
        source=source,
        conditions=_texts(table, "conditions", where),
        record=_texts(table, "record", where),
        demands=demands,
        if_blocked=_texts(table, "if_blocked", where),
        requires={each.name: each.says for each in found},
        tests=tuple((key, values) for key, values in when.items() if key not in INDEXED),
    )


def _requirement(name: str, terms: Terms, where: str) -> Any:
    try:
        return requirement(name, terms.words)
    except RequirementUnknown:
        raise PackRefused(f"{where}: unknown requirement {name}") from None


def _when(given: Any, terms: Terms, where: str) -> dict[str, frozenset[str]]:
    allowed = WHEN | {
        "legal_basis": frozenset(terms.vocabulary.legal_bases) | {"none"},
        "purpose": frozenset(terms.words["purposes"]),
    }
    when = {}
    for key, values in _table(given, f"{where}: when").items():
        if key not in allowed or not isinstance(values, list) or not values:
            raise PackRefused(f"{where}: when.{key} is unknown, or not a list of values")
        if not all(isinstance(value, str) and value in allowed[key] for value in values):
            raise PackRefused(f"{where}: when.{key} has unknown values")
        when[key] = frozenset(values)
    return when


def _known_source(source: str, sources: Mapping[str, str], where: str) -> None:
    """Refuse a citation of something that the pack doesn't spell out."""
    for number, part in enumerate(source.split(", ")):
        if number and _PLACE.fullmatch(part):
            continue
        if not any(
            part == name
            or (part.startswith(name + " ") and _PLACE.fullmatch(part[len(name) + 1 :]))
            for name in sources
        ):
            raise PackRefused(f"{where}: its source is none of [sources]: {part}")


def _vocabularies(given: Any) -> dict[str, dict[str, str]]:
    table = _table(given, "[words]")
    _demand(table, frozenset(_WORDS), "[words]")
    words = {
        name: _plain_words(table[name], allowed, f"[words.{name}]")
        for name, allowed in _WORDS.items()
    }
    if "patient" not in words["kinds"]:
        raise PackRefused("[words.kinds] has the patient")
    if missing := PAGES - words["pages"].keys():
        raise PackRefused(f"[words.pages] lacks {min(missing)}")
    return words


def _plain_words(
    given: Any, allowed: frozenset[str] | None, where: str, *, ids: re.Pattern[str] = _ID
) -> dict[str, str]:
    table = _table(given, where)
    for name in table:
        if not ids.fullmatch(name) or (allowed is not None and name not in allowed):
            raise PackRefused(f"{where} names something unknown: {name}")
    return {name: _text(table, name, where) for name in table}


_AGES = ("capacity_presumed_from", "matured_from", "child_until")
_TERMS = {
    "zone",
    "procedural_types",
    "secondary",
    "outside",
    "compulsion",
    "explicit_forms",
    "written_forms",
    "parental",
    "authority",
    "also_covers",
    "cites",
    *_AGES,
}


def _terms(
    table: Mapping[str, Any], words: Words, sources: Mapping[str, str], clocks: Any
) -> Terms:
    _demand(table, frozenset(_TERMS), "[terms]")
    if not all(type(table[age]) is int and 0 < table[age] <= OLDEST for age in _AGES):
        raise PackRefused("[terms] ages are whole years, 30 at most")
    kinds, purposes = frozenset(words["kinds"]), frozenset(words["purposes"])
    sets: dict[str, frozenset[str]] = {
        "procedural_types": contract.TYPES,
        "secondary": purposes,
        "outside": contract.AUDIENCES,
        "compulsion": frozenset(words["legal_bases"]),
        "explicit_forms": frozenset(words["forms"]),
        "written_forms": frozenset(words["forms"]),
        "parental": kinds,
    }
    plain: dict[str, Any] = {age: table[age] for age in _AGES}
    plain |= {name: _set(name, table[name], allowed) for name, allowed in sets.items()}
    authority = _map(table["authority"], STANDINGS, kinds)
    if authority.keys() != STANDINGS - {"unknown"} or not all(authority.values()):
        raise PackRefused("[terms.authority] says who may decide for each standing")
    if not unheld(words["kinds"], authority):
        raise PackRefused("[words.kinds] has somebody without authority, such as a relative")
    return Terms(
        vocabulary=Vocabulary(
            zone=_zone(table["zone"]),
            kinds=words["kinds"],
            legal_bases=words["legal_bases"],
            tests=words["tests"],
            switches=words["switches"],
        ),
        words=words,
        authority=authority,
        also_covers=_map(table["also_covers"], purposes, purposes),
        cites=_cites(table["cites"], sources),
        clocks=_clocks(clocks, sources),
        sources=sources,
        **plain,
    )


def _zone(name: Any) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
        raise PackRefused("[terms] zone is not a time zone") from error


def _cites(given: Any, sources: Mapping[str, str]) -> dict[str, Cite]:
    table = _table(given, "[terms.cites]")
    _demand(table, _CITES, "[terms.cites]")
    return {name: _cite(row, sources, f"[terms.cites.{name}]") for name, row in table.items()}


def _cite(given: Any, sources: Mapping[str, str], where: str) -> Cite:
    row = _table(given, where)
    if not {"source"} <= row.keys() <= {"source", "record"}:
        raise PackRefused(f"{where} has a source, and what to record")
    source = _text(row, "source", where)
    _known_source(source, sources, where)
    return Cite(source, _texts(row, "record", where))


def _clocks(given: Any, sources: Mapping[str, str]) -> dict[str, Clock]:
    table = _table(given, "[clocks]")
    _demand(table, _CLOCKS, "[clocks]")
    return {name: _clock(row, sources, f"[clocks.{name}]") for name, row in table.items()}


def _clock(given: Any, sources: Mapping[str, str], where: str) -> Clock:
    row = _table(given, where)
    _demand(row, frozenset({"hours", "text", "source"}), where)
    if type(row["hours"]) is not int or not 0 < row["hours"] < 10_000:
        raise PackRefused(f"{where} hours is a whole number")
    source = _text(row, "source", where)
    _known_source(source, sources, where)
    return Clock(row["hours"], _text(row, "text", where), source)


def _set(name: str, values: Any, allowed: frozenset[str]) -> frozenset[str]:
    if not isinstance(values, list) or not all(
        isinstance(value, str) and value in allowed for value in values
    ):
        raise PackRefused(f"[terms] {name} names something unknown")
    return frozenset(values)


def _map(given: Any, keys: frozenset[str], values: frozenset[str]) -> dict[str, frozenset[str]]:
    table = _table(given, "[terms]")
    if not keys.issuperset(table):
        raise PackRefused("[terms] a table names something unknown")
    return {key: _set(key, found, values) for key, found in table.items()}


def _table(given: Any, where: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise PackRefused(f"{where} is not a table")
    return given


def _rows(table: Mapping[str, Any], name: str) -> list[Any]:
    rows = table[name]
    if not isinstance(rows, list):
        raise PackRefused(f"{name} is not a list of rules")
    return rows


def _demand(table: Mapping[str, Any], wanted: frozenset[str], where: str) -> None:
    if odd := sorted(table.keys() ^ wanted):
        raise PackRefused(f"{where}: missing or unknown: {', '.join(odd)}")


def _text(table: Mapping[str, Any], name: str, where: str) -> str:
    text = table.get(name)
    if not isinstance(text, str) or not text.strip():
        raise PackRefused(f"{where}: {name} is not a text")
    return text


def _texts(table: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    texts = table.get(name, [])
    if not isinstance(texts, list) or not all(isinstance(each, str) and each for each in texts):
        raise PackRefused(f"{where}: {name} is not a list of texts")
    return tuple(texts)
