"""Keys under keys: contexts, wrapping, deriving. docs/formats/sealed-blob.md has the bytes."""

from __future__ import annotations

import secrets
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from safelight.vault.errors import SealBroken

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
WRAP_FORMAT = b"\x01"
WRAPPED_OVERHEAD = len(WRAP_FORMAT) + NONCE_BYTES + TAG_BYTES


def context(*parts: str | bytes | UUID | int) -> bytes:
    """Return the parts as one byte string that no other list of parts can give.

    Raises OverflowError for a number outside 0 to 2**64 - 1.
    """
    return b"".join(len(part).to_bytes(4, "big") + part for part in map(_as_bytes, parts))


def _as_bytes(part: str | bytes | UUID | int) -> bytes:
    if isinstance(part, str):
        return part.encode()
    if isinstance(part, UUID):
        return part.bytes
    if isinstance(part, int):
        return part.to_bytes(8, "big")
    return part


def new_key() -> bytes:
    """Return 32 fresh random bytes."""
    return secrets.token_bytes(KEY_BYTES)


def wrap(kek: bytes, key: bytes, *, aad: bytes) -> bytes:
    """Seal a key (or any few bytes) under `kek`, bound to `aad`."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return WRAP_FORMAT + nonce + AESGCM(kek).encrypt(nonce, key, aad)


def unwrap(kek: bytes, wrapped: bytes, *, aad: bytes) -> bytes:
    """Return what was wrapped. Raises SealBroken for another key, other bytes or another aad."""
    if len(wrapped) < WRAPPED_OVERHEAD or wrapped[:1] != WRAP_FORMAT:
        raise SealBroken("not a wrapped key")
    nonce, sealed = wrapped[1 : 1 + NONCE_BYTES], wrapped[1 + NONCE_BYTES :]
    try:
        return AESGCM(kek).decrypt(nonce, sealed, aad)
    except InvalidTag:
        raise SealBroken("wrapped key does not open") from None


def derive(data_key: bytes, kind: str) -> bytes:
    """Return the key of a copy of that kind; it can't outlive the data key."""
    return expand(data_key, info=context("safelight-derive-v1", kind), length=KEY_BYTES)


def expand(key: bytes, *, info: bytes, length: int) -> bytes:
    """Return HKDF-Expand(SHA-512). The key is uniformly random already, so no Extract."""
    return HKDFExpand(SHA512(), length, info).derive(key)
