"""What is said before some pictures: who was there, and why one may be made without a consent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from safelight import policy
from safelight.flows import in_force
from safelight.flows.allowed import DoesNotFit
from safelight.flows.deciding import may_make
from safelight.flows.sites import is_intimate
from safelight.terms import RecordingType

if TYPE_CHECKING:
    from datetime import datetime

    from safelight.flows.deciding import Decision
    from safelight.records.models import Patient
    from safelight.terms import Purpose

NOTHING: Mapping[str, Any] = MappingProxyType({})
LONGEST_REASON = 300
"""Characters, as `Photo.lawful_reason` keeps them."""


class Ground(StrEnum):
    """Why a recording may be made without a consent of its own."""

    PROCEDURE = "procedure"
    """Part of a procedure that was consented to (GMC VAR 10-11)."""
    TREATMENT = "treatment"
    """Treatment needs it, and nobody who could decide is there."""
    POST_MORTEM = "post-mortem"
    """GMC VAR 50-51."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The facts of one picture to be made, as `decide` reads them, and the reason in words."""

    recording: Mapping[str, Any] = field(default_factory=dict)
    care: Mapping[str, Any] = field(default_factory=dict)
    tests: Mapping[str, Any] = field(default_factory=dict)
    ground: Ground | None = None
    reason: str = ""

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Circumstances:
        """Return what `as_json` wrote."""
        ground = Ground(said["ground"]) if said["ground"] else None
        return cls(said["recording"], said["care"], said["tests"], ground, said["reason"])

    def as_json(self) -> dict[str, Any]:
        """Return everything that was said, as it is kept with the picture."""
        return {
            "recording": dict(self.recording),
            "care": dict(self.care),
            "tests": dict(self.tests),
            "ground": self.ground.value if self.ground else None,
            "reason": self.reason,
        }

    def terms(self) -> dict[str, str]:
        """Return what the ledger may know: terms, and nobody's name or words."""
        chaperone = self.recording.get("chaperone")
        said = {None: "not asked", False: "declined"}.get(chaperone, "present")
        return {"ground": self.ground.value if self.ground else "consent", "chaperone": said}


USUAL = Circumstances()
"""A photograph that somebody agreed to, of no intimate part: nothing more is asked."""

ALL_SAID: Mapping[Ground, Circumstances] = MappingProxyType(
    {
        Ground.PROCEDURE: Circumstances(
            recording={"within_procedure_consent": True, "type": RecordingType.ENDOSCOPIC.value}
        ),
        Ground.TREATMENT: Circumstances(
            care={
                "integral_to_treatment": True,
                "those_close_consulted": True,
                "no_one_with_authority": True,
            },
        ),
        Ground.POST_MORTEM: Circumstances(recording={"post_mortem": "cause-of-death"}),
    }
)
"""For each ground, the most that could be said for it, beside the tests that the clinician answers."""
ALL_INTIMATE = {
    "chaperone": True,
    "clinically_essential": True,
    "face_to_face": True,
    "approver": True,
}


def claims(patient: Patient, *, now: datetime) -> dict[str, str]:
    """Return what the clinician has to be satisfied of where treatment needs it, in the pack's words."""
    pack = in_force.pack_of(patient.practice, now=now)
    return {name: pack.terms.vocabulary.tests[name] for name in pack.clinicians_tests}


def needs_chaperone(body_site: str, circumstances: Circumstances) -> bool:
    """Say whether nobody has said yet if a chaperone was offered, for a part that needs it."""
    return is_intimate(body_site) and circumstances.recording.get("chaperone") is None


def checked(circumstances: Circumstances, *, body_site: str) -> Circumstances:
    """Return what was said, or raise DoesNotFit: what is asked for has an answer."""
    fields: dict[str, str] = {}
    if needs_chaperone(body_site, circumstances):
        fields["chaperone"] = "Offer a chaperone, and say what the answer was"
    if circumstances.ground is not None and not circumstances.reason.strip():
        fields["reason"] = "Say why, in a few words"
    if len(circumstances.reason) > LONGEST_REASON:
        fields["reason"] = f"Say it in at most {LONGEST_REASON} characters"
    if fields:
        raise DoesNotFit(fields)
    return circumstances


def may_make_it(
    patient: Patient,
    *,
    body_site: str,
    made_for: Purpose,
    circumstances: Circumstances,
    consents: list[dict[str, Any]],
    acted_on: bool = False,
    now: datetime,
) -> Decision:
    """Ask the policy about one picture to be made, with all that was said of it."""
    return may_make(
        patient,
        made_for=made_for,
        recording={**circumstances.recording, "intimate": is_intimate(body_site)},
        acted_on=acted_on,
        now=now,
        consents=consents,
        care=dict(circumstances.care),
        tests=dict(circumstances.tests),
    )


def open_grounds(
    patient: Patient, *, body_site: str, made_for: Purpose, now: datetime
) -> tuple[Ground, ...]:
    """Return the grounds on which the policy would permit it, were everything said that it asks."""
    answered = {name: {"clinician": True} for name in claims(patient, now=now)}
    tests = {Ground.TREATMENT: answered}
    return tuple(
        ground
        for ground, said in ALL_SAID.items()
        if isinstance(
            may_make_it(
                patient,
                body_site=body_site,
                made_for=made_for,
                circumstances=Circumstances(
                    recording={**ALL_INTIMATE, **said.recording},
                    care=said.care,
                    tests=tests.get(ground, {}),
                ),
                consents=[],
                now=now,
            ),
            policy.Permit,
        )
    )
