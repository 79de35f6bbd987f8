"""The engine: one basis suffices, every guard that applies must hold, every blocker is named."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING

from safelight.policy import facts as contract
from safelight.policy.answers import Because, Hold, Need, Permit, Refusal
from safelight.policy.case import case_of, reevaluate
from safelight.policy.pack import Key
from safelight.policy.requirements import no_consent
from safelight.terms import Audience

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from safelight.policy.case import Case
    from safelight.policy.facts import ConsentFact, Facts
    from safelight.policy.pack import Pack, Rule
    from safelight.policy.requirements import Unmet

    Tried = tuple[Rule, ConsentFact | None, list[Unmet]]
    """A basis, the consent that comes nearest to it, and what it lacks."""

_IF_BLOCKED = attrgetter("if_blocked")
_LOOK = Because(
    "look",
    "Nobody could tell whether it identifies: a person has to look.",
    "practice",
    Need("recording.identifiable", "anonymised"),
    "hold",
)


def decide(facts: Mapping[str, object], *, pack: Pack) -> Permit | Hold | Refusal:
    """Say whether the act may be done, with every reason, its source, and what would lift each blocker.

    facts: one object of the contract in docs/reference/decide.md. Absent or null is unknown, and
    unknown never permits; a field or value that the contract doesn't know refuses.
    """
    known, unknown = contract.read(facts, vocabulary=pack.terms.vocabulary)
    if unknown:
        return _refusal(pack, [_unknown(path) for path in sorted(set(unknown))])
    missing = [name for name in ("action", "at", "purpose") if getattr(known, name) is None]
    if known.audience is None and known.action != "make":
        missing.append("audience")
    if missing:
        return _refusal(pack, [_missing(name) for name in missing])
    answer = _for_purpose(known, pack, str(known.purpose))
    made_for = known.recording.made_for
    if known.action == "make" and made_for not in (
        None,
        "unknown",
        "care",
        "second-opinion",
        known.purpose,
    ):
        answer = _worse(answer, _for_purpose(known, pack, str(made_for)))
    return answer


def _for_purpose(facts: Facts, pack: Pack, purpose: str) -> Permit | Hold | Refusal:
    """Decide for one purpose. What nobody could judge is taken as identifiable, then as anonymised."""
    state = facts.recording.identifiable
    if facts.action == "make" or state not in (None, "could-not-tell"):
        case = case_of(facts, pack.terms, purpose=purpose, identifiable=state or "identifiable")
        return _decide_case(case, pack)
    strict = _decide_case(case_of(facts, pack.terms, purpose=purpose, identifiable="may-be"), pack)
    if isinstance(strict, Permit):
        return strict
    loose = _decide_case(
        case_of(facts, pack.terms, purpose=purpose, identifiable="anonymised"), pack
    )
    if isinstance(loose, Refusal):
        return strict
    blockers = [] if isinstance(loose, Permit) else list(loose.because)
    if isinstance(strict, Hold) and len(strict.because) <= len(blockers) + 1:
        return strict
    record = () if isinstance(loose, Permit) else loose.record
    return Hold(_sorted([*blockers, _LOOK]), pack.title, (), record, loose.reevaluate_on)


def _decide_case(case: Case, pack: Pack) -> Permit | Hold | Refusal:
    bases, guards = pack.applying(Key(case.action, case.purpose, case.audience, case.standing))
    applied: list[Rule] = []
    blockers: list[Because] = []
    stopped: list[Rule] = []
    cited: list[str] = []
    for guard in guards:
        if guard.tests and not _applies(guard, case):
            continue
        applied.append(guard)
        for lacks in guard.of_case:
            unmet = lacks(case)
            if unmet is not None:
                stopped.append(guard)
                blockers.append(_because(guard, unmet, case))
                cited += [unmet.cite] if unmet.cite else []
    nearest: Tried | None = None
    for basis in bases:
        if basis.tests and not _applies(basis, case):
            continue
        consent, lacking = _try(basis, case)
        if nearest is None or _is_nearer((basis, consent, lacking), nearest, case):
            nearest = (basis, consent, lacking)
        if not lacking:
            break
    if nearest is None:
        record = _to_record(pack, stopped, cited)
        return _refusal(pack, [*blockers, _no_basis(case, pack)], record)
    basis, consent, lacking = nearest
    if lacking:
        stopped.append(basis)
        blockers += [_because(basis, unmet, case) for unmet in lacking]
        cited += [unmet.cite for unmet in lacking if unmet.cite]
    if blockers:
        return _blocked(pack, blockers, _to_record(pack, stopped, cited))
    return _permit(case, pack, consent, [basis, *applied])


def _try(basis: Rule, case: Case) -> tuple[ConsentFact | None, list[Unmet]]:
    """Return what the basis lacks, by the consent that comes nearest to meeting it."""
    lacking = _unmet_of_case(basis, case)
    if not basis.of_consent:
        return None, lacking
    best: tuple[ConsentFact | None, list[Unmet]] = (None, [no_consent(case)])
    for consent in case.covering():
        unmet = [found for lacks in basis.of_consent if (found := lacks(case, consent)) is not None]
        if best[0] is None or _distance(unmet) < _distance(best[1]):
            best = (consent, unmet)
    return best[0], lacking + best[1]


def _is_nearer(one: Tried, other: Tried, case: Case) -> bool:
    """Say whether less is missing; of two that lack alike, the one on whose way somebody already is."""
    near, far = _distance(one[2]), _distance(other[2])
    return near < far or (near == far and _is_begun(one, case) and not _is_begun(other, case))


def _is_begun(tried: Tried, case: Case) -> bool:
    """Say whether there is a consent, or a basis without one has its first requirement met."""
    basis, consent, _ = tried
    if basis.of_consent:
        return consent is not None
    return not basis.of_case or basis.of_case[0](case) is None


def _unmet_of_case(rule: Rule, case: Case) -> list[Unmet]:
    return [found for lacks in rule.of_case if (found := lacks(case)) is not None]


def _applies(rule: Rule, case: Case) -> bool:
    for key, values in rule.tests:  # noqa: SIM110 (asked for every rule of every decision)
        if getattr(case, key) not in values:
            return False
    return True


def _distance(unmet: Sequence[Unmet]) -> tuple[int, int]:
    """Return how far off: a refusal is further than any number of holds."""
    return sum(each.outcome == "refuse" for each in unmet), len(unmet)


def _permit(case: Case, pack: Pack, consent: ConsentFact | None, applied: list[Rule]) -> Permit:
    basis = applied[0]
    return Permit(
        because=(Because(basis.id, basis.text, basis.source),),
        pack=pack.title,
        conditions=_together(applied, attrgetter("conditions")),
        record=_together(applied, attrgetter("record")),
        reevaluate_on=tuple(reevaluate(case, consent)),
        demands=_together(applied, attrgetter("demands")),
        demanded_by=pack.terms.cites["copy"].source,
    )


def _together(rules: Sequence[Rule], part: Callable[[Rule], tuple[str, ...]]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for rule in rules:
        for each in part(rule):
            found[each] = None
    return tuple(found)


def _to_record(pack: Pack, stopped: list[Rule], cited: list[str]) -> tuple[str, ...]:
    """Return what has to be written down when an act is stopped."""
    by_cite = [each for name in cited for each in pack.terms.cites[name].record]
    return tuple(dict.fromkeys([*_together(stopped, _IF_BLOCKED), *by_cite]))


def _blocked(pack: Pack, blockers: list[Because], record: tuple[str, ...]) -> Hold | Refusal:
    if any(blocker.outcome == "refuse" for blocker in blockers):
        return _refusal(pack, blockers, record)
    return Hold(_sorted(blockers), pack.title, record=record)


def _refusal(pack: Pack, blockers: list[Because], record: tuple[str, ...] = ()) -> Refusal:
    return Refusal(_sorted(blockers), pack.title, record=record)


def _sorted(blockers: list[Because]) -> tuple[Because, ...]:
    if len(blockers) == 1:
        return (blockers[0],)
    unique = {
        (each.outcome != "refuse", each.rule, each.text, repr(each.needs)): each
        for each in blockers
    }
    return tuple([unique[key] for key in sorted(unique)])


def _worse(one: Permit | Hold | Refusal, other: Permit | Hold | Refusal) -> Permit | Hold | Refusal:
    if isinstance(one, Permit) or isinstance(other, Permit):
        return other if isinstance(one, Permit) else one
    worst = one if isinstance(one, Refusal) else other
    return replace(
        worst,
        because=_sorted([*one.because, *other.because]),
        record=tuple(dict.fromkeys([*one.record, *other.record])),
    )


def _because(rule: Rule, unmet: Unmet, case: Case) -> Because:
    source = case.terms.cites[unmet.cite].source if unmet.cite else rule.source
    return Because(rule.id, unmet.text, source, unmet.need, unmet.outcome)


def _unknown(path: str) -> Because:
    text = f"This version doesn't know what {path} says."
    return Because("unknown", text, "practice", Need(path, None), "refuse")


def _missing(name: str) -> Because:
    return Because(
        "missing", f"It isn't said: {name}.", "practice", Need(name, "its value"), "refuse"
    )


def _no_basis(case: Case, pack: Pack) -> Because:
    """Return that nothing permits it for such an audience, and for which something might."""
    for audience in Audience:
        narrower = case._replace(audience=audience.value)
        key = Key(case.action, case.purpose, narrower.audience, case.standing)
        bases, _ = pack.applying(key)
        for basis in bases:
            if _applies(basis, narrower):
                need = Need("audience", narrower.audience)
                return Because("no-basis", _NOT_THIS_AUDIENCE, basis.source, need, "refuse")
    return Because("no-basis", "Nothing permits such a use.", "practice", None, "refuse")


_NOT_THIS_AUDIENCE = "Nothing permits such a use for this audience."
