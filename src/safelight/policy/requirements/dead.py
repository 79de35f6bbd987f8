"""After a death: what the patient wished, whom to ask, and what they do in the patient's place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.policy.requirements.consent import (
    explicit,
    identifiable_agreed,
    in_force,
    same,
    within_target,
)
from safelight.policy.requirements.registry import Unmet, hold, of_case, refuse

if TYPE_CHECKING:
    from safelight.policy.case import Case


@of_case("wish-known", says="the patient wished it, or agreed to it in life")
def wish_known(case: Case) -> Unmet | None:
    """Refuse where neither a wish nor an explicit consent within its scope is known."""
    if case.facts.patient.known_wishes.get(case.purpose) == "yes":
        return None
    scope = (explicit, identifiable_agreed, within_target)
    for consent in case.covering():
        if consent.given_by != "patient" or not in_force(case, consent):
            continue
        if all(each(case, consent) is None for each in scope):
            return None
    return refuse(
        "What the patient wished isn't known.", f"patient.known_wishes.{case.purpose}", "yes"
    )


def _family_agreed(case: Case) -> bool:
    after_death = case.terms.authority["dead"] - {"patient"}
    return case.facts.executor_or_family_consulted is True or any(
        c.given_by in after_death and in_force(case, c) for c in case.covering()
    )


@of_case("executor-or-family-consulted", says="the executor or the family was asked")
def executor_or_family_consulted(case: Case) -> Unmet | None:
    """Hold until they were asked, or one with authority after the death has agreed."""
    if _family_agreed(case):
        return None
    return hold("Ask the executor or the family first.", "executor_or_family_consulted")


@of_case("final-item-seen-for-the-dead", says="executor or family have seen the final item")
def final_item_for_the_dead(case: Case) -> Unmet | None:
    """Hold until they did what the patient alone could do."""
    if _family_agreed(case) or any(c.final_item_seen for c in case.covering()):
        return None
    return hold("The executor or family has to see the final item.", "executor_or_family_consulted")


@of_case("target-for-the-dead", says="it goes where the consent says, if there is one")
def target_for_the_dead(case: Case) -> Unmet | None:
    """Refuse where it isn't said where it goes, or the consents name other targets."""
    target = case.facts.release_target
    if target is None:
        return refuse("It isn't said where it goes.", "release.target", "the target's name")
    named = [c for c in case.covering() if c.given_by in case.terms.authority["dead"]]
    if not named or any(c.target is not None and same(c.target, target) for c in named):
        return None
    return refuse("The consent names another target, or none.", "consents[].target", target)


@of_case("post-mortem-consent", says="the consent to the post-mortem covers it")
def post_mortem_consent(case: Case) -> Unmet | None:
    """Refuse what the consent to the post-mortem doesn't cover."""
    if case.facts.recording.post_mortem_consent:
        return None
    return refuse("The post-mortem consent doesn't cover this.", "recording.post_mortem_consent")
