"""What a refusal tells to whom: that somebody took a yes back is for governance alone.

Staff who look after the patient learn that a use isn't open, where that rests, and that nobody is to
be asked again. Whether it was an objection from the start or a change of mind they don't learn: the
reason, its source and the way forward are the same (docs/explanation/taking-it-back.md).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from safelight import policy
from safelight.flows import in_force
from safelight.policy.roles import Action, may

if TYPE_CHECKING:
    from datetime import datetime

    from safelight.flows.deciding import Decision
    from safelight.records.models import Staff

RULE = "not-open"
TEXT = "It is not open to this use."
FOR_GOVERNANCE = frozenset({"objections", "consents[].withdrawn_on"})
"""Needs by which a reason tells of a no that came later."""


def told_to(reader: Staff, decision: Decision, *, now: datetime) -> Decision:
    """Return the decision as this person reads it; governance reads it as it was made.

    With the reason go those on what a consent lacks: who never agreed lacks one, and who took it
    back has one that ended.
    """
    if may(reader.role, Action.GOVERN) or not any(_tells(each) for each in decision.because):
        return decision
    rest = (each for each in decision.because if not _is_of_consent(each))
    source = in_force.pack_of(reader.practice, now=now).source_of("no-objection")
    shown = policy.Because(RULE, TEXT, source, policy.Need("objections", []), "refuse")
    return replace(decision, because=(shown, *rest), record=(), reevaluate_on=())


def _tells(reason: policy.Because) -> bool:
    return reason.needs is not None and reason.needs.field in FOR_GOVERNANCE


def _is_of_consent(reason: policy.Because) -> bool:
    field = reason.needs.field if reason.needs else ""
    return field.startswith("consents") or field in FOR_GOVERNANCE


def in_short(decision: Decision) -> str:
    """Return the first reason in words for where nobody knows who reads it."""
    first = decision.because[0]
    return TEXT if _tells(first) else first.text
