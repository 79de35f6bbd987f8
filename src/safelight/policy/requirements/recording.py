"""What the recording is, and how it was or would be made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.policy.requirements.registry import Unmet, of_case, refuse

if TYPE_CHECKING:
    from safelight.policy.case import Case


@of_case("within-procedure-consent", says="it is part of a procedure that was consented to")
def within_procedure_consent(case: Case) -> Unmet | None:
    """Refuse where no consent to a procedure carries it."""
    if case.facts.recording.within_procedure_consent:
        return None
    return refuse(
        "It isn't part of a procedure that was consented to.", "recording.within_procedure_consent"
    )


@of_case("anonymised", says="it is anonymised")
def anonymised(case: Case) -> Unmet | None:
    """Refuse what is only coded, too."""
    if case.seen == "anonymised":
        return None
    return refuse("It has to be anonymised first.", "recording.identifiable", "anonymised")


@of_case("anonymised-or-coded", says="it is anonymised or coded")
def anonymised_or_coded(case: Case) -> Unmet | None:
    """Refuse what may identify."""
    return None if case.seen == "coded" else anonymised(case)


@of_case("clinically-essential", says="it is clinically essential")
def clinically_essential(case: Case) -> Unmet | None:
    """Refuse what isn't said to be essential."""
    if case.facts.recording.clinically_essential:
        return None
    return refuse("It isn't said to be clinically essential.", "recording.clinically_essential")


@of_case("face-to-face", says="it is taken face to face")
def face_to_face(case: Case) -> Unmet | None:
    """Refuse what is sent from home."""
    if case.facts.recording.face_to_face:
        return None
    return refuse("It has to be taken face to face.", "recording.face_to_face")


@of_case("approver-named", says="somebody is named who approved it")
def approver_named(case: Case) -> Unmet | None:
    """Refuse what nobody has approved."""
    if case.facts.recording.approver:
        return None
    return refuse("Nobody is named who approved it.", "recording.approver", "who approved it")


@of_case("never", says="it isn't done at all")
def never(_case: Case) -> Unmet | None:
    """Refuse whatever is said."""
    return refuse("This is never permitted.")
