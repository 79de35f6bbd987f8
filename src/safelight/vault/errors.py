"""What can go wrong with a seal. No message says which of the causes it was."""

from __future__ import annotations


class VaultError(Exception):
    """The vault can't go on."""

    for_people = "This photo can't be opened. Please tell your administrator."


class SealBroken(VaultError):
    """The bytes are not what was sealed: wrong key, wrong photo, or tampering."""


class EnvelopeRefused(VaultError):
    """Not an envelope as docs/formats/envelope.md has it, or not for this ingest key."""

    for_people = "This photo didn't arrive as Safelight seals it. Please take it again."
