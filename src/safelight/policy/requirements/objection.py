"""The patient's no: an objection, a withdrawal, a known wish. Nothing but compulsion by law beats one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.policy.requirements.consent import from_one_who_may, in_force
from safelight.policy.requirements.registry import Unmet, of_case, refuse

if TYPE_CHECKING:
    from safelight.policy.case import Case
    from safelight.policy.facts import ConsentFact


@of_case("not-objecting-now", says="the patient doesn't object or ask to stop")
def not_objecting_now(case: Case) -> Unmet | None:
    """Refuse at once."""
    if case.compelled or not case.facts.patient.objects_now:
        return None
    return refuse("The patient objects: stop, and leave nothing.", "patient.objects_now", False)


@of_case("no-objection", says="no objection to it is on record")
def no_objection(case: Case) -> Unmet | None:
    """Refuse from the first moment of the day of an objection; one without a day counts at once."""
    if case.compelled:
        return None
    for objection in case.facts.objections:
        if objection.made_on is not None and objection.made_on > case.at:
            continue
        if not objection.purposes or objection.purposes & {case.purpose, "*"}:
            return refuse("The patient objected to this use.", "objections", [])
    return None


@of_case("not-withdrawn", says="consent to it was not withdrawn, or given anew since")
def not_withdrawn(case: Case) -> Unmet | None:
    """Refuse after a withdrawal, whatever else the use could rest on; of what isn't known, of all."""
    if case.compelled:
        return None
    for consent in case.facts.consents:
        ended = consent.withdrawn_on
        if ended is None or ended > case.at:
            continue
        if consent.purposes and case.purpose not in consent.purposes:
            continue
        if not any(_renews(case, consent, later) for later in case.covering()):
            return refuse("Consent for this use was withdrawn.", "consents[].withdrawn_on", None)
    return None


def _renews(case: Case, withdrawn: ConsentFact, later: ConsentFact) -> bool:
    """Say whether a later consent takes the place of a withdrawn one: the patient's no is the patient's to undo."""
    ended, given_on = withdrawn.withdrawn_on, later.given_on
    if ended is None or given_on is None or given_on <= ended:
        return False
    if not in_force(case, later) or later.form not in case.terms.explicit_forms:
        return False
    if later.given_by == "patient":
        return from_one_who_may(case, later) is None
    authority = case.terms.authority
    return (
        withdrawn.given_by != "patient"
        and later.given_by in authority["lacks"] | authority["child"]
    )


@of_case("wish-not-no", says="the patient is not known to have been against it")
def wish_not_no(case: Case) -> Unmet | None:
    """Refuse what somebody who can't speak any more is known not to have wanted."""
    if case.compelled or case.facts.patient.known_wishes.get(case.purpose) != "no":
        return None
    return refuse("The patient did not want this.", f"patient.known_wishes.{case.purpose}", "yes")


@of_case("wish-not-no-or-agreed", says="the patient is not known to be against it, or agreed")
def wish_not_no_or_agreed(case: Case) -> Unmet | None:
    """Refuse what somebody who decides is known not to want, unless the patient's own consent says otherwise."""
    if any(c.given_by == "patient" and in_force(case, c) for c in case.covering()):
        return None
    return wish_not_no(case)
