"""Consent terms and decisions: facts in, Permit, Hold or Refusal out, each with its source."""

from safelight.policy.answers import Because, Hold, Need, PackName, Permit, Refusal
from safelight.policy.case import standing
from safelight.policy.engine import decide
from safelight.policy.pack import Pack, PackRefused
from safelight.policy.reading import load_pack, read_pack
from safelight.policy.retention import earliest_destruction
from safelight.policy.withdrawal import (
    Consequence,
    Derived,
    Step,
    consequences,
    consequences_of_erasure,
)
from safelight.policy.wording import Wording, WordingRefused

__all__ = [
    "Because",
    "Consequence",
    "Derived",
    "Hold",
    "Need",
    "Pack",
    "PackName",
    "PackRefused",
    "Permit",
    "Refusal",
    "Step",
    "Wording",
    "WordingRefused",
    "consequences",
    "consequences_of_erasure",
    "decide",
    "earliest_destruction",
    "load_pack",
    "read_pack",
    "standing",
]
