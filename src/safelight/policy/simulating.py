"""Try a pack on decisions that were taken: which would be others, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safelight.policy.differing import WHEN_WORDS
from safelight.policy.engine import decide

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from safelight.policy.pack import Pack

OUTCOMES = {"permit": "permitted", "hold": "on hold", "refuse": "not permitted"}


@dataclass(frozen=True, slots=True)
class Taken:
    """A decision that was taken, as often as it was taken alike."""

    id: str
    facts: Mapping[str, Any]
    outcome: str
    times: int = 1


@dataclass(frozen=True, slots=True)
class Change:
    """A decision that would be another one."""

    taken: Taken
    outcome: str
    reasons: tuple[str, ...]
    """Why it would be held or refused, or on what it would then rest, in words."""
    rules: tuple[str, ...]
    act: str
    """What it was about: "using, for teaching here, for the organisation"."""

    @property
    def text(self) -> str:
        """Return the change in a sentence."""
        times = "" if self.taken.times == 1 else f", {self.taken.times:,} times"
        return f"{self.act}{times}: {self.was}, would be {self.would_be}. {' '.join(self.reasons)}"

    @property
    def was(self) -> str:
        """Return what was decided, in words."""
        return OUTCOMES[self.taken.outcome]

    @property
    def would_be(self) -> str:
        """Return what would be decided, in words."""
        return OUTCOMES[self.outcome]

    def as_json(self) -> dict[str, Any]:
        """Return it as `policy simulate --json` writes it."""
        return {
            "id": self.taken.id,
            "times": self.taken.times,
            "act": self.act,
            "was": self.taken.outcome,
            "would_be": self.outcome,
            "rules": list(self.rules),
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a pack would have decided."""

    decisions: int
    changed: int
    """As `decisions`, counted each time that it was taken."""
    changes: tuple[Change, ...]

    @property
    def text(self) -> str:
        """Return the sum in a sentence."""
        if not self.decisions:
            return "No decision has been kept yet to try it on."
        if not self.changed:
            return f"None of {self.decisions:,} decisions would change."
        which = "this one" if len(self.changes) == 1 else "these"
        return f"{self.changed:,} of {self.decisions:,} decisions would change, {which}:"


def simulate(taken: Iterable[Taken], *, pack: Pack) -> Simulation:
    """Decide each anew by the pack, and return what would be otherwise; most frequent first."""
    decisions, changes = 0, []
    for each in taken:
        decisions += each.times
        answer = decide(each.facts, pack=pack)
        if answer.outcome != each.outcome:
            changes.append(
                Change(
                    taken=each,
                    outcome=answer.outcome,
                    reasons=tuple(dict.fromkeys(reason.text for reason in answer.because)),
                    rules=tuple(dict.fromkeys(reason.rule for reason in answer.because)),
                    act=act_in_words(each.facts, pack=pack),
                )
            )
    changes.sort(key=lambda change: (-change.taken.times, change.taken.id))
    return Simulation(decisions, sum(each.taken.times for each in changes), tuple(changes))


def act_in_words(facts: Mapping[str, Any], *, pack: Pack) -> str:
    """Return what an act is, in words; a value that isn't known stays as it is."""
    action, purpose = str(facts.get("action")), str(facts.get("purpose"))
    parts = [
        WHEN_WORDS["action"].get(action, action).capitalize(),
        f"for {pack.terms.words['purposes'].get(purpose, purpose)}",
    ]
    if action != "make" and facts.get("audience") is not None:
        audience = str(facts["audience"])
        parts.append(f"for {WHEN_WORDS['audience'].get(audience, audience)}")
    return ", ".join(parts)
