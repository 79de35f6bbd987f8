"""What a rule may require: pure predicates by name, each with its words and what would lift it.

A requirement answers None when it is met. Packs name them, some with an argument from the pack's own
vocabulary after a colon (`legal-basis:court-order`); an unknown name or argument refuses to load.
"""

from safelight.policy.requirements import (
    consent,
    dead,
    law,
    leaving,
    objection,
    people,
    recording,
)
from safelight.policy.requirements.consent import no_consent
from safelight.policy.requirements.registry import (
    CASE,
    CONSENT,
    SAYS,
    WITH,
    OfCase,
    OfConsent,
    Requirement,
    RequirementUnknown,
    Unmet,
    requirement,
)

__all__ = [
    "CASE",
    "CONSENT",
    "SAYS",
    "WITH",
    "OfCase",
    "OfConsent",
    "Requirement",
    "RequirementUnknown",
    "Unmet",
    "consent",
    "dead",
    "law",
    "leaving",
    "no_consent",
    "objection",
    "people",
    "recording",
    "requirement",
]
