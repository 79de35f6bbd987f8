"""What a rule may require: pure predicates by name, each with its words and what would lift it.

A requirement answers None when it is met. Packs name them; an unknown name refuses to load.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from safelight.policy.answers import Need
from safelight.policy.retention import anniversary

if TYPE_CHECKING:
    from safelight.policy.case import Case
    from safelight.policy.facts import ConsentFact


@dataclass(frozen=True, slots=True)
class Unmet:
    """Why a requirement isn't met, what that leads to, and what would lift it."""

    outcome: str
    text: str
    need: Need | None = None
    cite: str | None = None
    """Which of the pack's `cites` it rests on, where that isn't the rule's own source."""


OfCase = Callable[["Case"], Unmet | None]
OfConsent = Callable[["Case", "ConsentFact"], Unmet | None]

CASE: dict[str, OfCase] = {}
"""Requirements on the facts as a whole."""
CONSENT: dict[str, OfConsent] = {}
"""Requirements on one consent; all of a rule's have to be met by the same one."""


def _case(name: str) -> Callable[[OfCase], OfCase]:
    def register(check: OfCase) -> OfCase:
        CASE[name] = check
        return check

    return register


def _consent(name: str) -> Callable[[OfConsent], OfConsent]:
    def register(check: OfConsent) -> OfConsent:
        CONSENT[name] = check
        return check

    return register


def _refuse(text: str, field: str | None = None, value: Any = True) -> Unmet:
    return Unmet("refuse", text, Need(field, value) if field else None)


def _hold(text: str, field: str, value: Any = True, *, cite: str | None = None) -> Unmet:
    return Unmet("hold", text, Need(field, value), cite)


# --- of one consent -------------------------------------------------------------------------


def no_consent(case: Case) -> Unmet:
    """Return the blocker of a case in which no consent names the purpose."""
    return _refuse("There is no consent for this purpose.", "consents", _wanted(case))


def _wanted(case: Case) -> dict[str, Any]:
    who = sorted(case.terms.authority.get(case.standing, case.terms.authority["self"]))
    return {"purposes": [case.purpose], "given_by": who}


@_consent("not-taken-back")
def _not_taken_back(case: Case, consent: ConsentFact) -> Unmet | None:
    if consent.withdrawn_on is not None and consent.withdrawn_on <= case.at:
        return _refuse("The consent was withdrawn.", "consents[].withdrawn_on", None)
    return None


@_consent("not-expired")
def _not_expired(case: Case, consent: ConsentFact) -> Unmet | None:
    if consent.expires_on is not None and consent.expires_on < case.at:
        return _refuse("The consent has expired.", "consents[].expires_on", None)
    return None


@_consent("given-in-time")
def _given_in_time(case: Case, consent: ConsentFact) -> Unmet | None:
    if consent.given_on is None:
        return _refuse(
            "It isn't known when the consent was given.", "consents[].given_on", case.at.isoformat()
        )
    if consent.given_on > case.at:
        return _refuse(
            "The consent was given only afterwards.", "consents[].given_on", case.at.isoformat()
        )
    made_on = case.facts.recording.made_on if case.action == "make" else None
    if made_on is not None and consent.given_on > made_on:
        return _refuse(
            "The consent was given only after the recording was made.",
            "consents[].given_on",
            made_on.isoformat(),
        )
    return None


def _in_force(case: Case, consent: ConsentFact) -> bool:
    checks = (_not_taken_back, _not_expired, _given_in_time)
    return all(check(case, consent) is None for check in checks)


@_consent("from-one-who-may")
def _from_one_who_may(case: Case, consent: ConsentFact) -> Unmet | None:
    giver, terms = consent.given_by, case.terms
    if giver in terms.authority.get(case.standing, frozenset()):
        return None
    if (
        case.standing == "child"
        and giver == "patient"
        and case.facts.patient.gillick != "not-competent"
    ):
        return _hold(
            "Nobody has assessed whether the child can decide this.",
            "patient.gillick",
            "competent",
            cite="gillick",
        )
    if case.action != "make" and (stale := _stale(case, consent)) is not False:
        return stale
    if case.standing == "unknown":
        return _refuse(
            "Whose consent it takes depends on age.", "patient.born", "the date of birth"
        )
    return _refuse(
        "The consent isn't from someone who may give it.",
        "consents[].given_by",
        min(terms.authority[case.standing]),
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
        return _hold(
            "A parent agreed; the patient is old enough now and has to be asked.",
            "consents[].given_by",
            "patient",
            cite="matured",
        )
    if case.standing == "self" and giver in terms.authority["lacks"]:
        return _hold(
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


@_consent("explicit")
def _explicit(case: Case, consent: ConsentFact) -> Unmet | None:
    if consent.form in case.terms.explicit_forms:
        return None
    return _refuse("The consent has to be explicit.", "consents[].form", "electronic")


@_consent("written")
def _written(case: Case, consent: ConsentFact) -> Unmet | None:
    if consent.form in case.terms.written_forms:
        return None
    return _refuse("The consent has to be written.", "consents[].form", "electronic")


def _told(case: Case, consent: ConsentFact, wanted: frozenset[str]) -> Unmet | None:
    missing = sorted(wanted - consent.told)
    if not missing:
        return None
    return _refuse(
        f"The patient was not told: {', '.join(missing)}.",
        "consents[].told",
        sorted(consent.told | wanted),
    )


@_consent("told-for-care")
def _told_for_care(case: Case, consent: ConsentFact) -> Unmet | None:
    return _told(case, consent, case.terms.told_for_care)


@_consent("told-for-secondary")
def _told_for_secondary(case: Case, consent: ConsentFact) -> Unmet | None:
    return _told(case, consent, case.terms.told_for_secondary)


@_consent("told-irrevocable")
def _told_irrevocable(case: Case, consent: ConsentFact) -> Unmet | None:
    return _told(case, consent, frozenset({"irrevocable"}))


@_consent("secondary-explained")
def _secondary_explained(case: Case, consent: ConsentFact) -> Unmet | None:
    if "secondary" in consent.told or consent.secondary_not_told_because is not None:
        return None
    return _refuse(
        "Possible anonymised use was not explained, and why not is not recorded.",
        "consents[].secondary_not_told_because",
        "the reason",
    )


@_consent("identifiable-agreed")
def _identifiable_agreed(case: Case, consent: ConsentFact) -> Unmet | None:
    if case.seen in ("anonymised", "coded") or consent.identifiable_ok:
        return None
    return _refuse(
        "The consent doesn't reach a picture that may identify.", "consents[].identifiable_ok"
    )


@_consent("within-target")
def _within_target(case: Case, consent: ConsentFact) -> Unmet | None:
    target = case.facts.release_target
    if consent.target is None or target is None or _same(consent.target, target):
        return None
    return _refuse("The consent names another target.", "release.target", consent.target)


@_consent("target-named")
def _target_named(case: Case, consent: ConsentFact) -> Unmet | None:
    if consent.target is None:
        return _refuse(
            "The consent names no target.",
            "consents[].target",
            case.facts.release_target or "the target's name",
        )
    if case.facts.release_target is None:
        return _refuse("It isn't said where it goes.", "release.target", consent.target)
    return _within_target(case, consent)


@_consent("final-item-seen")
def _final_item_seen(case: Case, consent: ConsentFact) -> Unmet | None:
    if consent.final_item_seen:
        return None
    return _hold("The patient has not seen the final item.", "consents[].final_item_seen")


def _same(one: str, other: str) -> bool:
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


# --- of the case: objection, withdrawal, the dead --------------------------------------------


@_case("not-objecting-now")
def _not_objecting_now(case: Case) -> Unmet | None:
    if case.compelled or not case.facts.patient.objects_now:
        return None
    return _refuse("The patient objects: stop, and leave nothing.", "patient.objects_now", False)


@_case("no-objection")
def _no_objection(case: Case) -> Unmet | None:
    if case.compelled:
        return None
    for objection in case.facts.objections:
        if objection.made_on is not None and objection.made_on > case.at:
            continue
        if not objection.purposes or objection.purposes & {case.purpose, "*"}:
            return _refuse("The patient objected to this use.", "objections", [])
    return None


@_case("not-withdrawn")
def _not_withdrawn(case: Case) -> Unmet | None:
    if case.compelled:
        return None
    for consent in case.facts.consents:
        ended = consent.withdrawn_on
        if ended is None or ended > case.at or case.purpose not in consent.purposes:
            continue
        if not any(_renews(case, consent, later) for later in case.covering()):
            return _refuse("Consent for this use was withdrawn.", "consents[].withdrawn_on", None)
    return None


def _renews(case: Case, withdrawn: ConsentFact, later: ConsentFact) -> bool:
    """Say whether a later consent takes the place of a withdrawn one: the patient's no is the patient's to undo."""
    ended, given_on = withdrawn.withdrawn_on, later.given_on
    if ended is None or given_on is None or given_on <= ended:
        return False
    if not _in_force(case, later) or later.form not in case.terms.explicit_forms:
        return False
    if later.given_by == "patient":
        return _from_one_who_may(case, later) is None
    authority = case.terms.authority
    return (
        withdrawn.given_by != "patient"
        and later.given_by in authority["lacks"] | authority["child"]
    )


@_case("wish-not-no")
def _wish_not_no(case: Case) -> Unmet | None:
    if case.compelled or case.facts.patient.known_wishes.get(case.purpose) != "no":
        return None
    return _refuse("The patient did not want this.", f"patient.known_wishes.{case.purpose}", "yes")


@_case("wish-known")
def _wish_known(case: Case) -> Unmet | None:
    if case.facts.patient.known_wishes.get(case.purpose) == "yes":
        return None
    scope = (_explicit, _identifiable_agreed, _within_target)
    for consent in case.covering():
        if consent.given_by != "patient" or not _in_force(case, consent):
            continue
        if all(each(case, consent) is None for each in scope):
            return None
    return _refuse(
        "What the patient wished isn't known.", f"patient.known_wishes.{case.purpose}", "yes"
    )


def _family_agreed(case: Case) -> bool:
    return case.facts.executor_or_family_consulted is True or any(
        c.given_by == "executor" and _in_force(case, c) for c in case.covering()
    )


@_case("executor-or-family-consulted")
def _executor_or_family_consulted(case: Case) -> Unmet | None:
    if _family_agreed(case):
        return None
    return _hold("Ask the executor or the family first.", "executor_or_family_consulted")


@_case("final-item-seen-for-the-dead")
def _final_item_for_the_dead(case: Case) -> Unmet | None:
    if _family_agreed(case) or any(c.final_item_seen for c in case.covering()):
        return None
    return _hold(
        "The executor or family has to see the final item.", "executor_or_family_consulted"
    )


@_case("target-for-the-dead")
def _target_for_the_dead(case: Case) -> Unmet | None:
    target = case.facts.release_target
    if target is None:
        return _refuse("It isn't said where it goes.", "release.target", "the target's name")
    named = [c for c in case.covering() if c.given_by in ("patient", "executor")]
    if not named or any(c.target is not None and _same(c.target, target) for c in named):
        return None
    return _refuse("The consent names another target, or none.", "consents[].target", target)


@_case("post-mortem-consent")
def _post_mortem_consent(case: Case) -> Unmet | None:
    if case.facts.recording.post_mortem_consent:
        return None
    return _refuse("The post-mortem consent doesn't cover this.", "recording.post_mortem_consent")


# --- of the case: who decides ------------------------------------------------------------------


@_case("age-known")
def _age_known(case: Case) -> Unmet | None:
    if case.standing != "unknown":
        return None
    return _refuse("The date of birth isn't known.", "patient.born", "the date of birth")


@_case("assessed")
def _assessed(case: Case) -> Unmet | None:
    on = case.facts.patient.assessed_on
    if on is not None and on <= case.at:
        return None
    return _hold(
        "The assessment of capacity isn't recorded.", "patient.assessed_on", case.at.isoformat()
    )


@_case("recovered")
def _recovered(case: Case) -> Unmet | None:
    if case.standing != "lost":
        return None
    return _hold(
        "The patient has to be asked when able to decide again.", "patient.capacity", "has"
    )


def _test(name: str, words: str) -> None:
    @_case(f"test-{name.replace('_', '-')}")
    def check(case: Case) -> Unmet | None:
        answers = case.facts.tests.get(name, {})
        if answers.get("clinician") is True and answers.get("representative") is True:
            return None
        return _refuse(
            f"Clinician and representative have to be satisfied that {words}.",
            f"tests.{name}",
            {"clinician": True, "representative": True},
        )


_test("necessary", "it is necessary")
_test("best_interests", "it is in the patient's best interests")
_test("no_less_restrictive_way", "no less restrictive way would do")


@_case("integral-to-treatment")
def _integral(case: Case) -> Unmet | None:
    if case.facts.care.integral_to_treatment:
        return None
    return _refuse("It isn't said that treatment needs it.", "care.integral_to_treatment")


@_case("in-best-interests")
def _in_best_interests(case: Case) -> Unmet | None:
    if case.facts.tests.get("best_interests", {}).get("clinician") is True:
        return None
    return _refuse(
        "The clinician hasn't said that it is in the patient's best interests.",
        "tests.best_interests.clinician",
    )


@_case("those-close-consulted")
def _those_close_consulted(case: Case) -> Unmet | None:
    if case.facts.care.those_close_consulted:
        return None
    return _refuse("Those close to the patient were not consulted.", "care.those_close_consulted")


@_case("no-one-with-authority")
def _no_one_with_authority(case: Case) -> Unmet | None:
    if case.facts.care.no_one_with_authority or case.facts.care.urgent:
        return None
    return _refuse(
        "Someone may have authority to decide, and it isn't urgent.", "care.no_one_with_authority"
    )


# --- of the case: law, research, organisation --------------------------------------------------


@_case("compelled-by-law")
def _compelled(case: Case) -> Unmet | None:
    if case.legal_basis in case.terms.compulsion:
        return None
    return _refuse(
        "No court order or statute is named.",
        "authority.legal_basis",
        min(case.terms.compulsion),
    )


@_case("approved-for-research")
def _approved_for_research(case: Case) -> Unmet | None:
    if case.legal_basis == "s251" or (
        case.legal_basis == "mca-research" and case.standing == "lacks"
    ):
        return None
    return _refuse("There is no statutory approval.", "authority.legal_basis", "s251")


@_case("approved-without-capacity")
def _approved_without_capacity(case: Case) -> Unmet | None:
    if case.legal_basis == "mca-research":
        return None
    return _refuse(
        "Research without capacity needs its statutory approval.",
        "authority.legal_basis",
        "mca-research",
    )


@_case("authority-referenced")
def _authority_referenced(case: Case) -> Unmet | None:
    if case.facts.authority.reference:
        return None
    return _refuse(
        "The authority or approval has to be named.", "authority.reference", "its reference"
    )


@_case("opt-out-checked")
def _opt_out_checked(case: Case) -> Unmet | None:
    authority = case.facts.authority
    if authority.patient_opted_out:
        return _refuse("The patient opted out nationally.", "authority.patient_opted_out", False)
    if authority.opt_out_checked is not True:
        return _hold("The national opt-out has to be checked.", "authority.opt_out_checked")
    if authority.patient_opted_out is None:
        return _hold(
            "It isn't said whether the patient opted out.", "authority.patient_opted_out", False
        )
    return None


@_case("project-referenced")
def _project_referenced(case: Case) -> Unmet | None:
    if case.facts.project_reference is not None:
        return None
    return _refuse("The project has no reference.", "project.reference", "its reference")


@_case("ethics-referenced")
def _ethics_referenced(case: Case) -> Unmet | None:
    if case.facts.project_ethics is not None:
        return None
    return _refuse("The ethics reference is missing.", "project.ethics", "its reference")


@_case("organisation-agrees")
def _organisation_agrees(case: Case) -> Unmet | None:
    if case.facts.organisation_agrees:
        return None
    return _hold("The organisation has to agree.", "organisation_agrees")


@_case("consent-on-record")
def _consent_on_record(case: Case) -> Unmet | None:
    if case.facts.var17 or case.covering():
        return None
    return _refuse("There is no record of consent.", "consents", _wanted(case))


@_case("var17-on")
def _var17_on(case: Case) -> Unmet | None:
    if case.facts.var17:
        return None
    return _refuse(
        "The practice's VAR 17 switch is off.", "switches.var17", "the practice's recorded reason"
    )


@_case("complaint-relevant")
def _complaint_relevant(case: Case) -> Unmet | None:
    if case.facts.complaint_relevant:
        return None
    return _refuse("It isn't said that the complaint needs it.", "complaint.relevant")


# --- of the case: the recording and the copy ----------------------------------------------------


@_case("within-procedure-consent")
def _within_procedure_consent(case: Case) -> Unmet | None:
    if case.facts.recording.within_procedure_consent:
        return None
    return _refuse(
        "It isn't part of a procedure that was consented to.", "recording.within_procedure_consent"
    )


@_case("anonymised")
def _anonymised(case: Case) -> Unmet | None:
    if case.seen == "anonymised":
        return None
    return _refuse("It has to be anonymised first.", "recording.identifiable", "anonymised")


@_case("anonymised-or-coded")
def _anonymised_or_coded(case: Case) -> Unmet | None:
    return None if case.seen == "coded" else _anonymised(case)


@_case("clinically-essential")
def _clinically_essential(case: Case) -> Unmet | None:
    if case.facts.recording.clinically_essential:
        return None
    return _refuse("It isn't said to be clinically essential.", "recording.clinically_essential")


@_case("face-to-face")
def _face_to_face(case: Case) -> Unmet | None:
    if case.facts.recording.face_to_face:
        return None
    return _refuse("It has to be taken face to face.", "recording.face_to_face")


@_case("approver-named")
def _approver_named(case: Case) -> Unmet | None:
    if case.facts.recording.approver:
        return None
    return _refuse("Nobody is named who approved it.", "recording.approver", "who approved it")


@_case("never")
def _never(case: Case) -> Unmet | None:
    return _refuse("This is never permitted.")


# --- of the case: exposure, review, devices -----------------------------------------------------


@_case("exposure-clear")
def _exposure_clear(case: Case) -> Unmet | None:
    verdict = case.facts.exposure
    if verdict == "clear":
        return None
    if verdict == "block":
        return _refuse(
            "With all that has left, it could be too few people.", "exposure.verdict", "clear"
        )
    text = (
        "It could be few people: someone has to judge."
        if verdict == "review"
        else "What it adds up to, with all that has left, isn't known."
    )
    return _hold(text, "exposure.verdict", "clear")


@_case("second-person")
def _second_person(case: Case) -> Unmet | None:
    if case.facts.second_person:
        return None
    return _hold("A second person has to agree.", "review.second_person", "who agreed")


@_case("device-registered")
def _device_registered(case: Case) -> Unmet | None:
    if case.facts.device is not None and case.facts.device.registered:
        return None
    return _refuse("The device isn't registered.", "device.registered")


@_case("class-allowed-on-device")
def _class_allowed_on_device(case: Case) -> Unmet | None:
    device = case.facts.device
    if device is None or device.personal is False:
        return None
    state = case.facts.recording.identifiable
    wanted = state if state in ("coded", "anonymised") else "identifiable"
    if wanted in device.allowed_classes:
        return None
    return _refuse(
        "Such a picture isn't allowed on a personal device.",
        "device.allowed_classes",
        sorted(device.allowed_classes | {wanted}),
    )


def reevaluate(case: Case, consent: ConsentFact | None) -> list[str]:
    """Return the days from which a permit may no longer hold."""
    days = []
    if consent is not None and consent.expires_on is not None:
        days.append((consent.expires_on + timedelta(days=1)).isoformat())
    noes = [each.made_on for each in case.facts.objections]
    noes += [each.withdrawn_on for each in case.covering()]
    days += [day.isoformat() for day in noes if day is not None and day > case.at]
    born = case.facts.patient.born
    if case.years == "child" and born is not None:
        days.append(anniversary(born, case.terms.matured_from).isoformat())
    return sorted(set(days))
