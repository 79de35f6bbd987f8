"""Facts for the tables: each builder gives what is permitted, so that a test takes one thing away."""

from __future__ import annotations

from typing import Any

from safelight import policy

PACK = policy.load_pack("england")
ADULT = {"born": "1970-05-01", "capacity": "has"}
SEVENTEEN = {"born": "2009-06-01"}
COMPETENT = {"born": "2012-03-01", "gillick": "competent", "assessed_on": "2026-11-20"}
CHILD = {"born": "2016-03-01", "gillick": "not-competent", "assessed_on": "2026-11-20"}
LACKS = {"born": "1944-01-01", "capacity": "lacks", "assessed_on": "2026-11-20"}
LOST = {"born": "1970-05-01", "capacity": "lost-for-now", "assessed_on": "2026-11-20"}
DEAD = {"born": "1940-05-01", "died": "2026-08-01"}
ALL_TOLD = ["purpose", "retention", "storage", "withdrawal", "secondary", "irrevocable"]
BOTH = {"clinician": True, "representative": True}
THREE_TESTS = {"necessary": BOTH, "best_interests": BOTH, "no_less_restrictive_way": BOTH}


def consent(*purposes: str, **given: Any) -> dict[str, Any]:
    defaults = {
        "purposes": list(purposes),
        "identifiable_ok": True,
        "given_on": "2026-11-01",
        "given_by": "patient",
        "form": "electronic",
        "told": ALL_TOLD,
    }
    return defaults | given


def make(purpose: str = "care", patient: Any = ADULT, **given: Any) -> dict[str, Any]:
    """Return facts for making a photograph that is permitted, of someone who decides alone."""
    defaults = {
        "action": "make",
        "purpose": purpose,
        "audience": "team",
        "at": "2026-11-22T10:00:00Z",
        "patient": patient,
        "recording": {"type": "photograph", "made_for": purpose},
        "consents": [consent(purpose)],
        "organisation_agrees": True,
    }
    return defaults | given


def use(purpose: str, audience: str, patient: Any = ADULT, **given: Any) -> dict[str, Any]:
    """Return facts for using a photograph made for care, with a consent and all that may be asked."""
    recording = {
        "type": "photograph",
        "made_for": "care",
        "made_on": "2026-01-05",
        "identifiable": "identifiable",
    } | given.pop("recording", {})
    defaults = {
        "action": "use",
        "purpose": purpose,
        "audience": audience,
        "at": "2026-11-22T10:00:00Z",
        "patient": patient,
        "recording": recording,
        "consents": [consent(purpose, target="Journal A", final_item_seen=True)],
        "release": {"target": "Journal A"},
        "project": {"reference": "P1", "ethics": "E1"},
        "organisation_agrees": True,
        "review": {"second_person": "a colleague"},
        "exposure": {"verdict": "clear"},
    }
    return defaults | given


def outcome(facts: dict[str, Any]) -> str:
    return policy.decide(facts, pack=PACK).outcome


def rules(facts: dict[str, Any]) -> list[str]:
    return [reason.rule for reason in policy.decide(facts, pack=PACK).because]
