"""What differs between two packs, in words that whoever is responsible can judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from safelight.policy import facts as contract

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from safelight.policy.pack import Pack, Rule
    from safelight.policy.terms import Terms


class Effect(StrEnum):
    """Which way a difference points, taken alone."""

    LOOSER = "looser"
    TIGHTER = "tighter"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference in a sentence."""

    text: str
    effect: Effect = Effect.OTHER

    def as_json(self) -> dict[str, str]:
        """Return it as `policy diff --json` writes it."""
        return {"text": self.text, "effect": self.effect.value}


WHEN_WORDS: dict[str, dict[str, str]] = {
    "action": {"make": "making", "view": "viewing", "use": "using", "disclose": "disclosing"},
    "audience": {
        "team": "the treating team",
        "named": "a named colleague",
        "organisation": "the organisation",
        "closed-group": "a closed group",
        "public": "everybody",
    },
    "standing": {
        "self": "patients who decide",
        "lacks": "patients who lack capacity",
        "lost": "patients who can't decide for a while",
        "child": "children who can't decide this",
        "dead": "patients who have died",
        "unknown": "patients whose age nobody knows",
    },
    "seen": {
        "identifiable": "pictures that may identify",
        "coded": "coded pictures",
        "anonymised": "anonymised pictures",
    },
    "made_for": {
        **{each: f"made for {each}" for each in sorted(contract.PURPOSES)},
        "unknown": "old collections",
        contract.NOT_SAID: "recordings of which it isn't said what for",
    },
    "kind": {"procedural": "recordings within a procedure", "other": "other recordings"},
    "covert": {"yes": "covert recordings", "no": "open recordings"},
    "intimate_child": {"yes": "a child's intimate pictures", "no": "other pictures"},
    "device": {"known": "a known device", "none": "no device"},
    "tells_of_others": {"yes": "what may tell of others", "no": "what tells of nobody else"},
    "years": {
        "adult": "adults",
        "young": "young people",
        "child": "children",
        "unknown": "unknown ages",
    },
}
_KEYS = {"post_mortem": "post-mortem", "legal_basis": "on the basis of"}
_LISTS = {
    "conditions": "as a duty that lies ahead",
    "record": "as something to write down",
    "if_blocked": "as something to write down where it stops the act",
}
_DEMANDS = {
    "verified": "that every detector checked the finished copy",
    "person-looked": "that a person looked at the copy",
    "nothing-left": "that nothing which may identify is left on the copy",
}


def differences(old: Pack, new: Pack) -> list[Difference]:
    """Return what the new pack says and the old one doesn't, and the other way round.

    An empty list means that the two decide alike; their texts may still differ in comments.
    """
    before = {rule.id: rule for rule in old.rules}
    after = {rule.id: rule for rule in new.rules}
    found = list(_of_terms(old.terms, new.terms))
    found += [_gone(rule) for rule in old.rules if rule.id not in after]
    found += [_new(rule, new) for rule in new.rules if rule.id not in before]
    for rule in new.rules:
        if rule.id in before:
            found += _of_rule(before[rule.id], rule, new)
    for part, name in (("wording_of", "consent sheets"), ("retention_of", "periods of retention")):
        if getattr(old, part) != getattr(new, part):
            found.append(Difference(f"The {name} are those of {getattr(new, part)}."))
    if not found and [rule.id for rule in old.rules] != [rule.id for rule in new.rules]:
        found.append(Difference("The rules stand in another order."))
    return found


def when_in_words(rule: Rule, pack: Pack) -> str:
    """Return to what a rule applies."""
    parts = [
        _joined(_value_words(key, value, pack) for value in sorted(values))
        for key, values in rule.when.items()
    ]
    return "; ".join(parts) if parts else "everything"


def _gone(rule: Rule) -> Difference:
    effect = Effect.LOOSER if rule.is_guard else Effect.TIGHTER
    return Difference(f"{_called(rule)} is gone.", effect)


def _new(rule: Rule, pack: Pack) -> Difference:
    requires = f" It requires that {_joined(rule.requires.values())}." if rule.requires else ""
    kind, effect = ("demands", Effect.TIGHTER) if rule.is_guard else ("permits", Effect.LOOSER)
    return Difference(
        f"{_called(rule)} is new and {kind}, for {when_in_words(rule, pack)} ({rule.source}).{requires}",
        effect,
    )


def _of_rule(old: Rule, new: Rule, pack: Pack) -> Iterator[Difference]:
    called = _called(old)
    if old.is_guard != new.is_guard:
        was, now = ("demanded", "permits") if old.is_guard else ("permitted", "demands")
        effect = Effect.LOOSER if old.is_guard else Effect.TIGHTER
        yield Difference(f"{called} {was} and now {now}.", effect)
    if old.text != new.text:
        yield Difference(f"{called} now says “{new.text}”")
    if old.source != new.source:
        yield Difference(f"{called} now rests on {new.source} instead of {old.source}.")
    yield from _of_when(old, new, pack)
    for name, says in new.requires.items():
        if name not in old.requires:
            yield Difference(f"{called} now also requires that {says}.", Effect.TIGHTER)
    for name, says in old.requires.items():
        if name not in new.requires:
            yield Difference(f"{called} no longer requires that {says}.", Effect.LOOSER)
    for demand in sorted(set(new.demands) ^ set(old.demands)):
        added = demand in new.demands
        how, effect = (
            ("now demands", Effect.TIGHTER) if added else ("no longer demands", Effect.LOOSER)
        )
        yield Difference(f"{called} {how} {_DEMANDS[demand]}.", effect)
    for part, what in _LISTS.items():
        yield from _of_list(called, getattr(old, part), getattr(new, part), what)


def _of_when(old: Rule, new: Rule, pack: Pack) -> Iterator[Difference]:
    wider, narrower = (
        (Effect.TIGHTER, Effect.LOOSER) if new.is_guard else (Effect.LOOSER, Effect.TIGHTER)
    )
    for key in sorted(old.when.keys() | new.when.keys()):
        was, now = old.when.get(key), new.when.get(key)
        if was == now:
            continue
        if now is None:
            yield Difference(f"{_called(old)} no longer depends on {_key_words(key)}.", wider)
        elif was is None:
            only = _joined(_value_words(key, value, pack) for value in sorted(now))
            yield Difference(f"{_called(old)} now applies to {only} only.", narrower)
        else:
            for values, how, effect in (
                (now - was, "now also applies to", wider),
                (was - now, "no longer applies to", narrower),
            ):
                if values:
                    said = _joined(_value_words(key, value, pack) for value in sorted(values))
                    yield Difference(f"{_called(old)} {how} {said}.", effect)


def _of_list(
    called: str, old: Collection[str], new: Collection[str], what: str
) -> Iterator[Difference]:
    for each in new:
        if each not in old:
            yield Difference(f"{called} now names, {what}: {each}")
    for each in old:
        if each not in new:
            yield Difference(f"{called} no longer names, {what}: {each}")


_AGES = {
    "capacity_presumed_from": "A patient is presumed able to decide from {}",
    "matured_from": "A parent's consent waits for the patient's own choice from {}",
    "child_until": "A patient counts as a child until {}",
}
_SETS = {
    "procedural_types": (
        "the kinds of recording that a procedure's consent carries",
        Effect.LOOSER,
    ),
    "secondary": ("the secondary purposes", Effect.TIGHTER),
    "outside": ("the audiences outside the organisation", Effect.TIGHTER),
    "compulsion": ("the powers of law that compel", Effect.LOOSER),
    "explicit_forms": ("the forms of explicit consent", Effect.LOOSER),
    "written_forms": ("the forms of written consent", Effect.LOOSER),
    "parental": ("the kinds of parental authority", Effect.OTHER),
}
"""What each set of the terms is, and which way it points when something joins it."""
_VOCABULARIES = {
    "kinds": "Kinds of authority",
    "legal_bases": "Powers of law and approvals",
    "tests": "Tests",
    "switches": "Switches",
    "purposes": "Purposes",
    "forms": "Forms of consent",
    "told": "What is said beforehand",
    "pages": "What the pages call it",
}


def _of_terms(old: Terms, new: Terms) -> Iterator[Difference]:
    for age, sentence in _AGES.items():
        was, now = getattr(old, age), getattr(new, age)
        if was != now:
            yield Difference(f"{sentence.format(now)}, not {was}.")
    if old.vocabulary.zone.key != new.vocabulary.zone.key:
        yield Difference(f"Days are those of {new.vocabulary.zone.key}.")
    for name, (what, joining) in _SETS.items():
        yield from _of_set(what, getattr(old, name), getattr(new, name), joining, str)
    for standing, who in WHEN_WORDS["standing"].items():
        was, now = old.authority.get(standing, ()), new.authority.get(standing, ())
        kinds = {**old.vocabulary.kinds, **new.vocabulary.kinds}
        what = f"those who may decide for {who}"
        yield from _of_set(what, was, now, Effect.LOOSER, kinds.__getitem__)
    yield from _of_table(
        "What consent to one purpose covers when making", old.also_covers, new.also_covers, sorted
    )
    yield from _of_table("Sources of what a consent lacks", old.cites, new.cites, _cite_words)
    yield from _of_table("Clocks", old.clocks, new.clocks, lambda clock: clock.text)
    yield from _of_table("Short names of sources", old.sources, new.sources, str)
    for name, what in _VOCABULARIES.items():
        yield from _of_table(what, old.words[name], new.words[name], str)


def _cite_words(cite: Any) -> str:
    return "; ".join([cite.source, *cite.record])


def _of_set(
    what: str,
    old: Collection[str],
    new: Collection[str],
    joining: Effect,
    said: Callable[[str], str],
) -> Iterator[Difference]:
    leaving = {Effect.LOOSER: Effect.TIGHTER, Effect.TIGHTER: Effect.LOOSER}.get(joining, joining)
    if added := sorted(set(new) - set(old)):
        yield Difference(f"Now among {what}: {_joined(map(said, added))}.", joining)
    if gone := sorted(set(old) - set(new)):
        yield Difference(f"No longer among {what}: {_joined(map(said, gone))}.", leaving)


def _of_table(
    what: str, old: Mapping[str, Any], new: Mapping[str, Any], said: Callable[[Any], Any]
) -> Iterator[Difference]:
    for key in sorted(old.keys() | new.keys()):
        was = said(old[key]) if key in old else None
        now = said(new[key]) if key in new else None
        if was != now:
            yield Difference(f"{what}, {key}: {_shown(now)} instead of {_shown(was)}.")


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return _joined(value) if isinstance(value, list) else f"“{value}”"


def _called(rule: Rule) -> str:
    return f"“{rule.text.rstrip('.')}” ({rule.id})"


def _key_words(key: str) -> str:
    plain = {
        "action": "what is done",
        "standing": "who decides",
        "seen": "whether it identifies",
        "purpose": "the purpose",
        "audience": "the audience",
    }
    return plain.get(key, key.replace("_", " "))


def _value_words(key: str, value: str, pack: Pack) -> str:
    if key == "purpose":
        return pack.terms.words["purposes"][value]
    if key in WHEN_WORDS:
        return WHEN_WORDS[key][value]
    return f"{_KEYS[key]} {value}"


def _joined(parts: Any) -> str:
    each: list[str] = list(parts)
    return each[0] if len(each) == 1 else ", ".join(each[:-1]) + " and " + each[-1]
