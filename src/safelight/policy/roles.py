"""Who may do what in a practice: role by action, a plain table.

Whether a *use* of a picture is permitted is another question (`safelight.policy.decide`).
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a member of staff is to the practice."""

    GP = "gp"
    NURSE = "nurse"
    REVIEWER = "reviewer"
    IG_LEAD = "ig-lead"
    ADMINISTRATOR = "administrator"


class Action(StrEnum):
    """What a member of staff may be allowed to do."""

    SEE_PATIENTS = "see-patients"
    SEE_PICTURES = "see-pictures"
    RECORD_CONSENT = "record-consent"
    CAPTURE = "capture"
    ASK_COLLEAGUE = "ask-colleague"
    REQUEST_RELEASE = "request-release"
    REVIEW_RELEASE = "review-release"
    WITHDRAW = "withdraw"
    GOVERN = "govern"
    MANAGE_STAFF = "manage-staff"


_CLINICAL = frozenset(
    {
        Action.SEE_PATIENTS,
        Action.SEE_PICTURES,
        Action.RECORD_CONSENT,
        Action.CAPTURE,
        Action.ASK_COLLEAGUE,
        Action.REQUEST_RELEASE,
        Action.WITHDRAW,
    }
)

TABLE: dict[Role, frozenset[Action]] = {
    Role.GP: _CLINICAL | {Action.REVIEW_RELEASE},
    Role.NURSE: _CLINICAL,
    Role.REVIEWER: frozenset({Action.SEE_PATIENTS, Action.SEE_PICTURES, Action.REVIEW_RELEASE}),
    Role.IG_LEAD: frozenset(
        {
            Action.SEE_PATIENTS,
            Action.SEE_PICTURES,
            Action.REVIEW_RELEASE,
            Action.WITHDRAW,
            Action.GOVERN,
        }
    ),
    Role.ADMINISTRATOR: frozenset({Action.MANAGE_STAFF}),
}
"""An administrator sees no patient and no picture."""


def may(role: str, action: Action) -> bool:
    """Say whether the role allows the action. An unknown role allows nothing."""
    try:
        return action in TABLE[Role(role)]
    except ValueError:
        return False
