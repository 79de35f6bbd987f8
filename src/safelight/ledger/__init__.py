"""What was done, so that nobody can quietly undo it: entries, a Merkle tree, signed checkpoints."""

from safelight.ledger.checkpoint import (
    Checkpoint,
    SigningKey,
    check_signature,
    read_checkpoint,
    verifier_key,
)
from safelight.ledger.entry import Detail, Entry, canonical, read_entry
from safelight.ledger.errors import CheckpointRefused, EntryRefused, LedgerError, ProofRefused
from safelight.ledger.tree import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    is_consistent,
    is_included,
    leaf_hash,
    root,
)
from safelight.ledger.verify import Problem, Verdict, Wrong, verify

__all__ = [
    "EMPTY_ROOT",
    "Checkpoint",
    "CheckpointRefused",
    "Detail",
    "Entry",
    "EntryRefused",
    "Frontier",
    "LedgerError",
    "Problem",
    "ProofRefused",
    "SigningKey",
    "Verdict",
    "Wrong",
    "canonical",
    "check_signature",
    "consistency_proof",
    "inclusion_proof",
    "is_consistent",
    "is_included",
    "leaf_hash",
    "read_checkpoint",
    "read_entry",
    "root",
    "verifier_key",
    "verify",
]
