"""How long a record is kept at least: calendar rules from a pack, never a count of days."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from safelight.policy import shipped

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    Folder: TypeAlias = Traversable | Path

_PACK = re.compile(r"[a-z][a-z0-9-]*")
_LAST_YEAR = date.max.year


class RetentionRefused(ValueError):
    """The table of periods has something missing or unknown: nothing is destroyed by it."""

    for_people = "The periods for keeping records can't be read. Nothing is destroyed."


class RecordKind(StrEnum):
    """The record that a picture belongs to; the picture has its period."""

    GENERAL = "general"
    MENTAL_HEALTH = "mental-health"
    MATERNITY = "maternity"
    GP = "gp"
    DEREGISTERED = "deregistered"
    COPY = "copy"


class Start(StrEnum):
    """The day that a period is counted from."""

    END = "end"
    BIRTH = "birth"
    DEATH = "death"
    PROMISE = "promise"


@dataclass(frozen=True, slots=True)
class RetentionFacts:
    """What is known of a record. None is unknown, and unknown never lets anything be destroyed."""

    kind: RecordKind
    ended_on: date | None
    """When it stopped being used; None while it still is. A copy's day doesn't depend on it."""
    used_on: tuple[date, ...] = ()
    """Each later day of use: the period starts again."""
    born: date | None = None
    died: date | None = None
    promised_until: date | None = None
    """Of a copy for another use: what the consent said."""
    held: bool = False
    """A complaint, claim or inquiry stops destruction."""

    @property
    def last_used_on(self) -> date | None:
        """Return the day on which the period starts, or None while the record is in use."""
        return None if self.ended_on is None else max((self.ended_on, *self.used_on))


@dataclass(frozen=True, slots=True)
class Rule:
    """One period, and the records that it is for."""

    id: str
    records: frozenset[RecordKind]
    ages: tuple[int, int] | None
    dead: bool | None
    years: int
    start: Start
    review: bool
    text: str


@dataclass(frozen=True, slots=True)
class Retention:
    """The periods of one pack."""

    version: str
    source: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """Until when a record is kept at least, and why."""

    until: date | None
    """The first day on which it may be destroyed; None where no such day is known."""
    because: tuple[str, ...]
    source: str
    review: bool
    """A person decides when the day has come."""


def load(pack_name: str) -> Retention:
    """Return the periods of a pack that came with Safelight. Raises RetentionRefused."""
    if not _PACK.fullmatch(pack_name):
        raise RetentionRefused("not the name of a pack")
    found = load_retention(shipped.folder() / pack_name)
    try:
        shipped.check(f"{pack_name}/retention.toml")
    except shipped.Altered as error:
        raise RetentionRefused("the periods are not as they came with this version") from error
    return found


def load_retention(pack_folder: Folder) -> Retention:
    """Return the periods in a pack's `retention.toml`.

    Raises RetentionRefused for anything missing, unknown or of the wrong kind.
    """
    try:
        table = tomllib.loads((pack_folder / "retention.toml").read_text(encoding="utf-8"))
        return _retention(table)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RetentionRefused(f"no such periods: {error}") from error


def earliest_destruction(facts: RetentionFacts, *, table: Retention) -> date | None:
    """Return the first day on which the record may be destroyed, None where none is known."""
    return kept(facts, table=table).until


def kept(facts: RetentionFacts, *, table: Retention) -> Kept:
    """Say until when a record is kept at least, by every rule that fits it; the latest day wins.

    In use, on hold, with a fact unknown that a rule needs, or without a rule: until None.
    """
    if facts.held:
        return _no_day("A complaint, claim or inquiry stops destruction.", table)
    if facts.last_used_on is None and facts.kind is not RecordKind.COPY:
        return _no_day("The record is still in use.", table)
    rules = [rule for rule in table.rules if facts.kind in rule.records and _dead_fits(rule, facts)]
    ages = _ages_of(facts)
    if not ages and any(rule.ages for rule in rules):
        return _no_day("The date of birth is not known.", table)
    rules = [rule for rule in rules if _age_fits(rule, ages)]
    ends = [_end(rule, facts) for rule in rules]
    days = [day for day in ends if day is not None]
    if not rules or len(days) < len(ends):
        return _no_day("No period that is known to end applies.", table)
    return Kept(
        until=max(days),
        because=tuple(rule.text for rule in rules),
        source=table.source,
        review=any(rule.review for rule in rules),
    )


def anniversary(day: date, years: int) -> date:
    """Return the same day `years` later; 29 February becomes 1 March where there is none.

    The later of the two neighbours, so that nothing goes a day early.
    """
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        if day.year + years > _LAST_YEAR:
            raise
        return date(day.year + years, 3, 1)


def age_on(day: date | None, *, born: date | None) -> int | None:
    """Return the completed years on a day, None where it is unknown or lies before the birth."""
    if day is None or born is None or born > day:
        return None
    years = day.year - born.year
    return years if anniversary(born, years) <= day else years - 1


def _no_day(why: str, table: Retention) -> Kept:
    return Kept(until=None, because=(why,), source=table.source, review=False)


def _dead_fits(rule: Rule, facts: RetentionFacts) -> bool:
    return rule.dead is None or rule.dead == (facts.died is not None)


def _ages_of(facts: RetentionFacts) -> list[int]:
    """Return the age at the end and at the last use: a child's record, used later, stays one too."""
    ages = [age_on(day, born=facts.born) for day in (facts.ended_on, facts.last_used_on)]
    return [age for age in ages if age is not None]


def _age_fits(rule: Rule, ages: list[int]) -> bool:
    first, last = rule.ages or (0, 0)
    return rule.ages is None or any(first <= age <= last for age in ages)


def _end(rule: Rule, facts: RetentionFacts) -> date | None:
    start = {
        Start.END: facts.last_used_on,
        Start.BIRTH: facts.born,
        Start.DEATH: facts.died,
        Start.PROMISE: facts.promised_until,
    }[rule.start]
    return None if start is None else anniversary(start, rule.years)


def _retention(table: Mapping[str, object]) -> Retention:
    _demand_fields(table, wanted={"version", "source", "rule"})
    rows = table["rule"]
    if not isinstance(rows, list):
        raise TypeError("the rules are not a list")
    if not all(isinstance(row, Mapping) for row in rows):
        raise TypeError("a rule is not a table")
    rules = tuple(_rule(row) for row in rows)
    if len({rule.id for rule in rules}) != len(rules):
        raise ValueError("two rules have one id")
    return Retention(_text(table, "version"), _text(table, "source"), rules)


def _rule(row: Mapping[str, object]) -> Rule:
    _demand_fields(
        row,
        wanted={"id", "records", "years", "from", "text"},
        optional={"ages", "dead", "review"},
    )
    records, years = row["records"], row["years"]
    if not isinstance(records, list) or not records:
        raise ValueError("a rule is for no record")
    if type(years) is not int or not 0 <= years <= 100:
        raise ValueError("a period is not 0 to 100 years")
    return Rule(
        id=_text(row, "id"),
        records=frozenset(RecordKind(each) for each in records),
        ages=_ages(row.get("ages")),
        dead=_claim(row.get("dead")),
        years=years,
        start=Start(_text(row, "from")),
        review=_claim(row.get("review")) or False,
        text=_text(row, "text"),
    )


def _ages(value: object) -> tuple[int, int] | None:
    match value:
        case None:
            return None
        case [int(first), int(last)] if 0 <= first <= last:
            return first, last
    raise ValueError("ages are not two whole numbers, the first and the last")


def _claim(value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise ValueError("neither true nor false")


def _text(row: Mapping[str, object], field: str) -> str:
    text = row[field]
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"no text for {field}")
    return text


def _demand_fields(
    row: Mapping[str, object], *, wanted: set[str], optional: Collection[str] = ()
) -> None:
    if odd := sorted((row.keys() - wanted - set(optional)) | (wanted - row.keys())):
        raise ValueError(f"missing or unknown: {', '.join(odd)}")
