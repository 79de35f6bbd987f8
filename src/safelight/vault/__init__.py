"""Sealed blobs, wrapped keys and envelopes: bytes in, bytes or a typed error out."""

from safelight.vault.backup import (
    BACKUP_SUITE,
    BackupKey,
    backup_kid,
    backup_public_text,
    close_to_backup,
    read_backup_public,
)
from safelight.vault.blob import (
    is_sealed,
    plaintext_length,
    seal,
    seal_parts,
    sealed_length,
    unseal,
    unseal_parts,
    unseal_range,
)
from safelight.vault.envelope import (
    Envelope,
    IngestPrivate,
    Suite,
    close_envelope,
    kid_of,
    open_envelope,
)
from safelight.vault.errors import (
    EnvelopeRefused,
    NotABackupKey,
    SealBroken,
    ShareRefused,
    VaultError,
)
from safelight.vault.keys import KEY_BYTES, context, derive, new_key, unwrap, wrap
from safelight.vault.shares import combine as combine_shares
from safelight.vault.shares import is_share
from safelight.vault.shares import split as split_secret

__all__ = [
    "BACKUP_SUITE",
    "KEY_BYTES",
    "BackupKey",
    "Envelope",
    "EnvelopeRefused",
    "IngestPrivate",
    "NotABackupKey",
    "SealBroken",
    "ShareRefused",
    "Suite",
    "VaultError",
    "backup_kid",
    "backup_public_text",
    "close_envelope",
    "close_to_backup",
    "combine_shares",
    "context",
    "derive",
    "is_sealed",
    "is_share",
    "kid_of",
    "new_key",
    "open_envelope",
    "plaintext_length",
    "read_backup_public",
    "seal",
    "seal_parts",
    "sealed_length",
    "split_secret",
    "unseal",
    "unseal_parts",
    "unseal_range",
    "unwrap",
    "wrap",
]
