"""What can go wrong with the ledger's bytes."""

from __future__ import annotations


class LedgerError(Exception):
    """The ledger can't go on."""

    for_people = "The record of what was done can't be read. Please tell your administrator."


class EntryRefused(LedgerError):
    """Not an entry, or not in its one canonical spelling."""


class CheckpointRefused(LedgerError):
    """Not a checkpoint, or not signed by the key that was named."""


class ProofRefused(LedgerError):
    """A proof was asked for a tree or leaf that isn't there."""
