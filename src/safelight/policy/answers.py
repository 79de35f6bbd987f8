"""What the policy answers: permit, hold or refuse, each with reasons and sources."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from safelight.terms import CopyReport


@dataclass(frozen=True, slots=True)
class Need:
    """What would lift a blocker: a field of the facts, and a value that it would have to hold."""

    field: str
    value: Any

    def as_json(self) -> dict[str, Any]:
        """Return the need as the contract writes it."""
        return {"field": self.field, "value": self.value}


@dataclass(frozen=True, slots=True)
class Because:
    """One reason: the rule, in words, and where it stands written."""

    rule: str
    text: str
    source: str
    needs: Need | None = None
    outcome: str = "permit"
    """What this reason alone leads to."""

    def as_json(self) -> dict[str, Any]:
        """Return the reason as the contract writes it."""
        needs = self.needs.as_json() if self.needs else None
        return {"rule": self.rule, "text": self.text, "source": self.source, "needs": needs}


@dataclass(frozen=True, slots=True)
class PackName:
    """Which rules decided: a decision that is looked at years later says so."""

    id: str
    hash: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What every answer carries."""

    outcome: ClassVar[str]

    because: tuple[Because, ...]
    pack: PackName
    conditions: tuple[str, ...] = ()
    """Duties that lie in the future."""
    record: tuple[str, ...] = ()
    """What has to be written down."""
    reevaluate_on: tuple[str, ...] = ()
    """Days (ISO 8601) from which the answer may be another one."""

    def as_json(self) -> dict[str, Any]:
        """Return the answer as the contract of `decide` writes it."""
        return {
            "decision": self.outcome,
            "because": [reason.as_json() for reason in self.because],
            "conditions": list(self.conditions),
            "record": list(self.record),
            "reevaluate_on": list(self.reevaluate_on),
            "pack": {"id": self.pack.id, "hash": self.pack.hash},
        }


@dataclass(frozen=True, slots=True)
class Permit(Answer):
    """It may be done, under its own terms. The permit travels with the copy it was given for."""

    outcome: ClassVar[str] = "permit"

    demands: tuple[str, ...] = field(default=())
    """What a copy has to show: "verified", "person-looked", "nothing-left"."""
    demanded_by: str = "practice"
    """Where it stands written that a copy has to show it."""

    def met_by(self, report: CopyReport) -> tuple[Because, ...]:
        """Return what the permit demands of a copy and this one doesn't show; empty is met."""
        shown = {
            "verified": report.verified,
            "person-looked": report.person_looked,
            "nothing-left": report.residual == 0,
        }
        return tuple(
            Because(
                f"copy-{demand}",
                _COPY[demand],
                self.demanded_by,
                Need(f"copy.{demand}", True),
                "hold",
            )
            for demand in self.demands
            if not shown.get(demand, False)
        )


@dataclass(frozen=True, slots=True)
class Hold(Answer):
    """Not yet: someone can still take a step that would permit it."""

    outcome: ClassVar[str] = "hold"


@dataclass(frozen=True, slots=True)
class Refusal(Answer):
    """It may not be done."""

    outcome: ClassVar[str] = "refuse"


_COPY = {
    "verified": "The copy has to be checked by every detector after it was made.",
    "person-looked": "A person has to look for what machines can't see.",
    "nothing-left": "Something that may identify is left on the copy.",
}
