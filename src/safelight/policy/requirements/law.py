"""What the law, an approval, the organisation or the practice's own switch allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.policy.requirements.consent import wanted
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


@with_argument("legal-basis", of="legal_bases", says="there is {}")
def legal_basis(words: Words, allowed: tuple[str, ...]) -> OfCase:
    """Return the requirement that one of these powers of law, or approvals, is named."""
    missing = refuse(
        f"This takes {' or '.join(words[each] for each in allowed)}.",
        "authority.legal_basis",
        allowed[0],
    )
    return lambda case: None if case.legal_basis in allowed else missing


@of_case("authority-referenced", says="the authority or approval is named")
def authority_referenced(case: Case) -> Unmet | None:
    """Refuse an authority that nobody could look up."""
    if case.facts.authority.reference:
        return None
    return refuse(
        "The authority or approval has to be named.", "authority.reference", "its reference"
    )


@of_case("opt-out-checked", says="somebody checked that the patient hasn't opted out of research")
def opt_out_checked(case: Case) -> Unmet | None:
    """Refuse after an opt-out; hold until somebody has looked whether there is one."""
    authority = case.facts.authority
    if authority.patient_opted_out:
        return refuse(
            "The patient opted out of such research.", "authority.patient_opted_out", False
        )
    if authority.opt_out_checked is not True:
        return hold(
            "Somebody has to check whether the patient opted out of such research.",
            "authority.opt_out_checked",
        )
    if authority.patient_opted_out is None:
        return hold(
            "It isn't said whether the patient opted out.", "authority.patient_opted_out", False
        )
    return None


@of_case("project-referenced", says="the project has a reference")
def project_referenced(case: Case) -> Unmet | None:
    """Refuse research that belongs to no project."""
    if case.facts.project_reference is not None:
        return None
    return refuse("The project has no reference.", "project.reference", "its reference")


@of_case("ethics-referenced", says="the project has an ethics reference")
def ethics_referenced(case: Case) -> Unmet | None:
    """Refuse research that no ethics committee has seen."""
    if case.facts.project_ethics is not None:
        return None
    return refuse("The ethics reference is missing.", "project.ethics", "its reference")


@of_case("organisation-agrees", says="the organisation agrees")
def organisation_agrees(case: Case) -> Unmet | None:
    """Hold until the organisation has agreed."""
    if case.facts.organisation_agrees:
        return None
    return hold("The organisation has to agree.", "organisation_agrees")


@with_argument("consent-on-record-or", of="switches", says="a consent is on record, or {} is on")
def consent_on_record_or(_words: Words, names: tuple[str, ...]) -> OfCase:
    """Return the requirement that a consent is on record, or the practice's switch is on."""
    (name,) = names

    def check(case: Case) -> Unmet | None:
        if case.facts.switches.get(name) or case.covering():
            return None
        return refuse("There is no record of consent.", "consents", wanted(case))

    return check


@with_argument("switch-on", of="switches", says="{} is on")
def switch_on(words: Words, names: tuple[str, ...]) -> OfCase:
    """Return the requirement that the practice has turned something on, with a recorded reason."""
    (name,) = names
    off = refuse(
        f"Off at this practice: {words[name]}.",
        f"switches.{name}",
        "the practice's recorded reason",
    )
    return lambda case: None if case.facts.switches.get(name) else off


@of_case("complaint-relevant", says="the complaint or claim needs it")
def complaint_relevant(case: Case) -> Unmet | None:
    """Refuse what the complaint isn't said to need."""
    if case.facts.complaint_relevant:
        return None
    return refuse("It isn't said that the complaint needs it.", "complaint.relevant")
