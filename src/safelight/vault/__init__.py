"""Sealed blobs, wrapped keys and envelopes: bytes in, bytes or a typed error out."""

from safelight.vault.blob import (
    is_sealed,
    plaintext_length,
    seal,
    sealed_length,
    unseal,
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
from safelight.vault.errors import EnvelopeRefused, SealBroken, VaultError
from safelight.vault.keys import KEY_BYTES, context, derive, new_key, unwrap, wrap

__all__ = [
    "KEY_BYTES",
    "Envelope",
    "EnvelopeRefused",
    "IngestPrivate",
    "SealBroken",
    "Suite",
    "VaultError",
    "close_envelope",
    "context",
    "derive",
    "is_sealed",
    "kid_of",
    "new_key",
    "open_envelope",
    "plaintext_length",
    "seal",
    "sealed_length",
    "unseal",
    "unseal_range",
    "unwrap",
    "wrap",
]
