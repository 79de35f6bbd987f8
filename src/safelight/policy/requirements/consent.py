"""What a rule may require of one consent: in force, from one who may, explicit, told, within its scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from safelight.policy.requirements.registry import (
    OfConsent,
    Unmet,
    Words,
    hold,
    of_consent,
    refuse,
    with_argument,
)
from safelight.policy.retention import anniversary

if TYPE_CHECKING:
    from safelight.policy.case import Case
    from safelight.policy.facts import ConsentFact


def no_consent(case: Case) -> Unmet:
    """Return the blocker of a case in which no consent names the purpose."""
    return refuse("There is no consent for this purpose.", "consents", wanted(case))


def wanted(case: Case) -> dict[str, Any]:
    """Return what a consent would have to name: the purpose, and one who may give it."""
    who = sorted(case.terms.authority.get(case.standing, case.terms.authority["self"]))
    return {"purposes": [case.purpose], "given_by": who}


@of_consent("not-taken-back", says="the consent has not been withdrawn")
def not_taken_back(case: Case, consent: ConsentFact) -> Unmet | None:
    """Refuse from the first moment of the day on which it was withdrawn."""
    if consent.withdrawn_on is not None and consent.withdrawn_on <= case.at:
        return refuse("The consent was withdrawn.", "consents[].withdrawn_on", None)
    return None


@of_consent("not-expired", says="the consent has not expired")
def not_expired(case: Case, consent: ConsentFact) -> Unmet | None:
    """Refuse from the day after the last one."""
    if consent.expires_on is not None and consent.expires_on < case.at:
        return refuse("The consent has expired.", "consents[].expires_on", None)
    return None


@of_consent("given-in-time", says="the consent was given beforehand")
def given_in_time(case: Case, consent: ConsentFact) -> Unmet | None:
    """Refuse what was agreed to only afterwards, or nobody knows when."""
    if consent.given_on is None:
        return refuse(
            "It isn't known when the consent was given.", "consents[].given_on", case.at.isoformat()
        )
    if consent.given_on > case.at:
        return refuse(
            "The consent was given only afterwards.", "consents[].given_on", case.at.isoformat()
        )
    made_on = case.facts.recording.made_on if case.action == "make" else None
    if made_on is not None and consent.given_on > made_on:
        return refuse(
            "The consent was given only after the recording was made.",
            "consents[].given_on",
            made_on.isoformat(),
        )
    return None


def in_force(case: Case, consent: ConsentFact) -> bool:
    """Say whether it was given in time, and neither withdrawn nor expired since."""
    checks = (not_taken_back, not_expired, given_in_time)
    return all(check(case, consent) is None for check in checks)


@of_consent("from-one-who-may", says="the consent is from somebody who may give it")
def from_one_who_may(case: Case, consent: ConsentFact) -> Unmet | None:
    """Refuse the consent of one without authority; hold where a step could show or renew it."""
    giver, terms = consent.given_by, case.terms
    if giver in terms.authority.get(case.standing, frozenset()):
        return _too_young_then(case, consent)
    if is_unassessed_childs(case, consent):
        return ability_unassessed()
    if case.action != "make" and (stale := _stale(case, consent)) is not False:
        return stale
    if case.standing == "unknown":
        return refuse("Whose consent it takes depends on age.", "patient.born", "the date of birth")
    return refuse(
        "The consent isn't from someone who may give it.",
        "consents[].given_by",
        min(terms.authority[case.standing]),
    )


def is_unassessed_childs(case: Case, consent: ConsentFact) -> bool:
    """Say whether a child gave it whom nobody has found able or unable to decide this."""
    return (
        case.standing == "child"
        and consent.given_by == "patient"
        and case.facts.patient.gillick != "not-competent"
    )


def ability_unassessed() -> Unmet:
    """Return that somebody has to assess whether the child can decide."""
    return hold(
        "Nobody has assessed whether the child can decide this.",
        "patient.gillick",
        "competent",
        cite="gillick",
    )


def _too_young_then(case: Case, consent: ConsentFact) -> Unmet | None:
    """Hold what a patient agreed to alone before being old enough, and without being found able."""
    patient = case.facts.patient
    if case.standing != "self" or patient.gillick == "competent" or consent.given_on is None:
        return None
    if _was_at_least(case, consent, case.terms.capacity_presumed_from):
        return None
    return hold(
        "The patient was too young then to decide this alone, and has to be asked now.",
        "consents[].given_on",
        case.at.isoformat(),
        cite="matured",
    )


def _stale(case: Case, consent: ConsentFact) -> Unmet | Literal[False] | None:
    """Return what an earlier consent is worth after a change: a hold, None if it stands, False if nothing."""
    giver, terms, assessed_on = consent.given_by, case.terms, case.facts.patient.assessed_on
    if giver in terms.parental and case.is_matured:
        if _was_at_least(case, consent, terms.child_until):
            return False
        if case.seen in ("anonymised", "coded") and not _was_at_least(
            case, consent, terms.matured_from
        ):
            return None
        return hold(
            "A parent agreed; the patient is old enough now and has to be asked.",
            "consents[].given_by",
            "patient",
            cite="matured",
        )
    if case.standing == "self" and giver in terms.authority["lacks"]:
        return hold(
            "Someone else agreed; the patient can decide again and has to be asked.",
            "consents[].given_by",
            "patient",
            cite="regained",
        )
    if case.standing in ("lacks", "lost") and giver == "patient":
        given_on = consent.given_on
        if given_on is not None and assessed_on is not None and given_on < assessed_on:
            return None
    return False


def _was_at_least(case: Case, consent: ConsentFact, years: int) -> bool:
    """Say whether the patient had reached an age when the consent was given."""
    born, given_on = case.facts.patient.born, consent.given_on
    return born is not None and given_on is not None and anniversary(born, years) <= given_on


@of_consent("explicit", says="the consent is explicit")
def explicit(case: Case, consent: ConsentFact) -> Unmet | None:
    """Refuse what was only implied."""
    if consent.form in case.terms.explicit_forms:
        return None
    return refuse("The consent has to be explicit.", "consents[].form", "electronic")


@of_consent("written", says="the consent is in writing")
def written(case: Case, consent: ConsentFact) -> Unmet | None:
    """Refuse what was only said."""
    if consent.form in case.terms.written_forms:
        return None
    return refuse("The consent has to be written.", "consents[].form", "electronic")


@with_argument("told", of="told", says="the patient was told: {}", each_consent=True)
def told(words: Words, keys: tuple[str, ...]) -> OfConsent:
    """Return the requirement that all of this was said beforehand."""
    demanded = frozenset(keys)

    def check(_case: Case, consent: ConsentFact) -> Unmet | None:
        missing = sorted(demanded - consent.told)
        if not missing:
            return None
        return refuse(
            f"The patient was not told: {'; '.join(words[each] for each in missing)}.",
            "consents[].told",
            sorted(consent.told | demanded),
        )

    return check


@of_consent("secondary-explained", says="anonymised use was explained, or why not is recorded")
def secondary_explained(_case: Case, consent: ConsentFact) -> Unmet | None:
    """Refuse where neither the explanation nor the reason for leaving it out is known."""
    if "secondary" in consent.told or consent.secondary_not_told_because is not None:
        return None
    return refuse(
        "Possible anonymised use was not explained, and why not is not recorded.",
        "consents[].secondary_not_told_because",
        "the reason",
    )


@of_consent("identifiable-agreed", says="the consent reaches a picture that may identify")
def identifiable_agreed(case: Case, consent: ConsentFact) -> Unmet | None:
    """Refuse a picture that may identify where only an unrecognisable one was agreed to."""
    if case.seen in ("anonymised", "coded") or consent.identifiable_ok:
        return None
    return refuse(
        "The consent doesn't reach a picture that may identify.", "consents[].identifiable_ok"
    )


@of_consent("within-target", says="it goes nowhere but where the consent says, if that says where")
def within_target(case: Case, consent: ConsentFact) -> Unmet | None:
    """Refuse another target than the one that the consent names."""
    target = case.facts.release_target
    if consent.target is None or target is None or same(consent.target, target):
        return None
    return refuse("The consent names another target.", "release.target", consent.target)


@of_consent("target-named", says="the consent names the target, and it goes there")
def target_named(case: Case, consent: ConsentFact) -> Unmet | None:
    """Refuse where either names no target, or they differ."""
    if consent.target is None:
        return refuse(
            "The consent names no target.",
            "consents[].target",
            case.facts.release_target or "the target's name",
        )
    if case.facts.release_target is None:
        return refuse("It isn't said where it goes.", "release.target", consent.target)
    return within_target(case, consent)


@of_consent("final-item-seen", says="the patient has seen the final item")
def final_item_seen(_case: Case, consent: ConsentFact) -> Unmet | None:
    """Hold until the patient has seen exactly what would leave."""
    if consent.final_item_seen:
        return None
    return hold("The patient has not seen the final item.", "consents[].final_item_seen")


def same(one: str, other: str) -> bool:
    """Say whether two names are one, apart from case and spaces."""
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()
