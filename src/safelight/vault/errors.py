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


class ShareRefused(VaultError):
    """Shares that don't bring their secret back. Its text says which of the causes it is."""

    for_people = "These shares don't open anything. Compare them letter by letter."


class NotABackupKey(VaultError):
    """Not the words of a backup key, or with a slip of the pen in them."""

    for_people = (
        "These aren't the letters of a backup key, or one is wrong: there are 14 groups of 4, "
        "as they were written down for the safe."
    )
