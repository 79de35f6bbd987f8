"""Who decides: age, capacity, and what has to be true where somebody else decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.policy.requirements.consent import (
    ability_unassessed,
    in_force,
    is_unassessed_childs,
)
from safelight.policy.requirements.registry import (
    OfCase,
    Unmet,
    Words,
    hold,
    of_case,
    refuse,
    with_argument,
)

if TYPE_CHECKING:
    from safelight.policy.case import Case


@of_case("age-known", says="the date of birth is known")
def age_known(case: Case) -> Unmet | None:
    """Refuse where nobody knows how old the patient is."""
    if case.standing != "unknown":
        return None
    return refuse("The date of birth isn't known.", "patient.born", "the date of birth")


@of_case("assessed", says="the assessment of capacity is recorded")
def assessed(case: Case) -> Unmet | None:
    """Hold until the day of an assessment is known."""
    on = case.facts.patient.assessed_on
    if on is not None and on <= case.at:
        return None
    return hold(
        "The assessment of capacity isn't recorded.", "patient.assessed_on", case.at.isoformat()
    )


@of_case("recovered", says="the patient can decide again")
def recovered(case: Case) -> Unmet | None:
    """Hold while capacity is lost for a while."""
    if case.standing != "lost":
        return None
    return hold("The patient has to be asked when able to decide again.", "patient.capacity", "has")


@with_argument(
    "test-by-both", of="tests", says="clinician and representative are satisfied that {}"
)
def test_by_both(words: Words, names: tuple[str, ...]) -> OfCase:
    """Return the requirement that both answered one of the pack's tests with yes.

    A child who agreed and whom nobody has assessed may need no test: that waits for the assessment.
    """
    (name,) = names

    def check(case: Case) -> Unmet | None:
        answers = case.facts.tests.get(name, {})
        if answers.get("clinician") is True and answers.get("representative") is True:
            return None
        if any(is_unassessed_childs(case, c) and in_force(case, c) for c in case.covering()):
            return ability_unassessed()
        return refuse(
            f"Clinician and representative have to be satisfied that {words[name]}.",
            f"tests.{name}",
            {"clinician": True, "representative": True},
        )

    return check


@with_argument("test-by-clinician", of="tests", says="the clinician is satisfied that {}")
def test_by_clinician(words: Words, names: tuple[str, ...]) -> OfCase:
    """Return the requirement that the clinician answered one of the pack's tests with yes."""
    (name,) = names

    def check(case: Case) -> Unmet | None:
        if case.facts.tests.get(name, {}).get("clinician") is True:
            return None
        return refuse(f"The clinician hasn't said that {words[name]}.", f"tests.{name}.clinician")

    return check


@of_case("integral-to-treatment", says="treatment needs it")
def integral(case: Case) -> Unmet | None:
    """Refuse what isn't said to be part of the treatment."""
    if case.facts.care.integral_to_treatment:
        return None
    return refuse("It isn't said that treatment needs it.", "care.integral_to_treatment")


@of_case("those-close-consulted", says="those close to the patient were asked")
def those_close_consulted(case: Case) -> Unmet | None:
    """Refuse where those close weren't asked."""
    if case.facts.care.those_close_consulted:
        return None
    return refuse("Those close to the patient were not consulted.", "care.those_close_consulted")


@of_case("no-one-with-authority", says="nobody has authority to decide, or it is urgent")
def no_one_with_authority(case: Case) -> Unmet | None:
    """Refuse where somebody could be asked and there is time."""
    if case.facts.care.no_one_with_authority or case.facts.care.urgent:
        return None
    return refuse(
        "Someone may have authority to decide, and it isn't urgent.", "care.no_one_with_authority"
    )
