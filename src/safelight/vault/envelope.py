"""What travels with a sealed blob from a phone, and the ingest key that opens it.

docs/formats/envelope.md has the bytes. The phone holds only the public half: it can't open
what it took.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, hpke, serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from safelight.vault.errors import EnvelopeRefused, SealBroken
from safelight.vault.keys import KEY_BYTES, TAG_BYTES, context

_KID = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DEVICE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NEEDED = frozenset({"v", "suite", "kid", "capture_id", "sha256", "wrapped_key"})
_OPTIONAL = frozenset({"device_id", "signature"})
_SIGNATURE_BYTES = 64

_PrivateKey = x25519.X25519PrivateKey | ec.EllipticCurvePrivateKey
_PublicKey = x25519.X25519PublicKey | ec.EllipticCurvePublicKey


class Suite(StrEnum):
    """How a data key is closed to an ingest key."""

    X25519 = "x25519-sha256-aes256gcm"
    P256 = "p256-sha256-aes256gcm"

    @property
    def public_bytes(self) -> int:
        """Return the length of a public key, which is also that of HPKE's `enc`."""
        return 32 if self is Suite.X25519 else 65

    @property
    def wrapped_bytes(self) -> int:
        """Return the length of a wrapped data key."""
        return self.public_bytes + KEY_BYTES + TAG_BYTES

    def _hpke(self) -> hpke.Suite:
        kem = hpke.KEM.X25519 if self is Suite.X25519 else hpke.KEM.P256
        return hpke.Suite(kem, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A data key closed to an ingest key, and what it is bound to."""

    suite: Suite
    kid: str
    capture_id: UUID
    sha256: str
    """Of the whole blob, lower-case hexadecimal."""
    wrapped_key: bytes
    device_id: str | None = None
    signature: bytes | None = None
    v: int = 1

    def __post_init__(self) -> None:
        """Refuse anything that the format does not allow."""
        _demand(self.v == 1, "v")
        _demand(_KID.fullmatch(self.kid) is not None, "kid")
        _demand(_SHA256.fullmatch(self.sha256) is not None, "sha256")
        _demand(len(self.wrapped_key) == self.suite.wrapped_bytes, "wrapped_key")
        if self.device_id is not None:
            _demand(_DEVICE.fullmatch(self.device_id) is not None, "device_id")
        if self.signature is not None:
            _demand(self.device_id is not None, "device_id")
            _demand(len(self.signature) == _SIGNATURE_BYTES, "signature")

    @classmethod
    def from_json(cls, given: str | bytes | Mapping[str, object]) -> Envelope:
        """Read the JSON object, or its parsed form. Raises EnvelopeRefused for anything else."""
        fields = given if isinstance(given, Mapping) else _parsed(given)
        _demand(fields.keys() >= _NEEDED, "a field is missing")
        _demand(fields.keys() <= _NEEDED | _OPTIONAL, "a field is unknown")
        v = fields["v"]
        _demand(type(v) is int and v == 1, "v")
        suite = _text(fields, "suite")
        _demand(suite in set(Suite), "suite")
        return cls(
            suite=Suite(suite),
            kid=_text(fields, "kid"),
            capture_id=_uuid(_text(fields, "capture_id")),
            sha256=_text(fields, "sha256"),
            wrapped_key=_base64(_text(fields, "wrapped_key"), "wrapped_key"),
            device_id=_text(fields, "device_id") if "device_id" in fields else None,
            signature=_base64(_text(fields, "signature"), "signature")
            if "signature" in fields
            else None,
        )

    def as_json(self) -> dict[str, object]:
        """Return the object that travels."""
        fields: dict[str, object] = {
            "v": self.v,
            "suite": self.suite.value,
            "kid": self.kid,
            "capture_id": str(self.capture_id),
            "sha256": self.sha256,
            "wrapped_key": base64.b64encode(self.wrapped_key).decode(),
        }
        if self.device_id is not None:
            fields["device_id"] = self.device_id
        if self.signature is not None:
            fields["signature"] = base64.b64encode(self.signature).decode()
        return fields

    def info(self) -> bytes:
        """Return what HPKE binds the data key to."""
        return _info(
            self.suite,
            kid=self.kid,
            device_id=self.device_id,
            capture_id=self.capture_id,
            sha256=bytes.fromhex(self.sha256),
        )

    def signed_bytes(self) -> bytes:
        """Return what the device signs."""
        return context("safelight-envelope-signature-v1", self.info(), self.wrapped_key)

    def covers(self, blob: bytes) -> bool:
        """Say whether this envelope belongs to exactly these bytes."""
        return hashlib.sha256(blob).hexdigest() == self.sha256

    def is_signed_by(self, device_key: bytes) -> bool:
        """Say whether the device with this public key (P-256, uncompressed point) signed it."""
        if self.signature is None:
            return False
        r, s = (int.from_bytes(half, "big") for half in (self.signature[:32], self.signature[32:]))
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), device_key)
        try:
            public.verify(
                encode_dss_signature(r, s), self.signed_bytes(), ec.ECDSA(hashes.SHA256())
            )
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class IngestPrivate:
    """The private half of an ingest key."""

    suite: Suite
    _secret: bytes

    @classmethod
    def generate(cls, suite: Suite = Suite.X25519) -> IngestPrivate:
        """Return a fresh pair."""
        if suite is Suite.X25519:
            return cls(suite, x25519.X25519PrivateKey.generate().private_bytes_raw())
        number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
        return cls(suite, number.to_bytes(32, "big"))

    @classmethod
    def from_bytes(cls, data: bytes) -> IngestPrivate:
        """Read what to_bytes gave. Raises EnvelopeRefused."""
        suite, _, secret = data.partition(b"\0")
        _demand(suite.decode("latin-1") in set(Suite) and len(secret) == KEY_BYTES, "ingest key")
        return cls(Suite(suite.decode()), secret)

    def to_bytes(self) -> bytes:
        """Return the pair as bytes, to be wrapped and kept."""
        return self.suite.value.encode() + b"\0" + self._secret

    @property
    def public(self) -> bytes:
        """Return the public half as it is offered: 32 bytes, or an uncompressed point of 65."""
        return _public_bytes(self._key().public_key())

    @property
    def kid(self) -> str:
        """Return the name of this key, which follows from its public half."""
        return kid_of(self.suite, self.public)

    def open(self, wrapped: bytes, *, info: bytes) -> bytes:
        """Return what was closed to this key. Raises SealBroken."""
        try:
            return self.suite._hpke().decrypt(wrapped, self._key(), info)
        except InvalidTag:
            raise SealBroken("wrapped key does not open") from None

    def _key(self) -> _PrivateKey:
        if self.suite is Suite.X25519:
            return x25519.X25519PrivateKey.from_private_bytes(self._secret)
        return ec.derive_private_key(int.from_bytes(self._secret, "big"), ec.SECP256R1())

    def __repr__(self) -> str:
        """Say which key it is and never what it is."""
        return f"IngestPrivate({self.suite.value}, kid={self.kid})"


def kid_of(suite: Suite, public: bytes) -> str:
    """Return the name of an ingest key."""
    named = context("safelight-ingest-v1", suite.value, public)
    return hashlib.sha256(named).hexdigest()[:32]


def close_envelope(
    public: bytes,
    data_key: bytes,
    *,
    capture_id: UUID,
    sha256: str,
    suite: Suite = Suite.X25519,
    device_id: str | None = None,
) -> Envelope:
    """Close a data key to an ingest key, as a phone does; imports and tests use it here."""
    kid = kid_of(suite, public)
    info = _info(
        suite, kid=kid, device_id=device_id, capture_id=capture_id, sha256=bytes.fromhex(sha256)
    )
    wrapped = suite._hpke().encrypt(data_key, _public_key(suite, public), info)
    return Envelope(suite, kid, capture_id, sha256, wrapped, device_id)


def open_envelope(private: IngestPrivate, envelope: Envelope) -> bytes:
    """Return the data key. Raises EnvelopeRefused for another key's, SealBroken for tampering."""
    _demand((envelope.suite, envelope.kid) == (private.suite, private.kid), "kid")
    data_key = private.open(envelope.wrapped_key, info=envelope.info())
    _demand(len(data_key) == KEY_BYTES, "wrapped_key")
    return data_key


def _info(
    suite: Suite, *, kid: str, device_id: str | None, capture_id: UUID, sha256: bytes
) -> bytes:
    return context("safelight-envelope-v1", suite.value, kid, device_id or "", capture_id, sha256)


def _public_key(suite: Suite, public: bytes) -> _PublicKey:
    if suite is Suite.X25519:
        return x25519.X25519PublicKey.from_public_bytes(public)
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)


def _public_bytes(public: _PublicKey) -> bytes:
    if isinstance(public, x25519.X25519PublicKey):
        return public.public_bytes_raw()
    return public.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )


def _demand(met: bool, what: str) -> None:
    if not met:
        raise EnvelopeRefused(f"not an envelope: {what}")


def _parsed(text: str | bytes) -> Mapping[str, object]:
    try:
        fields = json.loads(text, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError):
        raise EnvelopeRefused("not an envelope: not JSON") from None
    if not isinstance(fields, dict):
        raise EnvelopeRefused("not an envelope: not an object")
    return fields


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    _demand(len(fields) == len(pairs), "a field comes twice")
    return fields


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise EnvelopeRefused(f"not an envelope: {name}")
    return value


def _uuid(text: str) -> UUID:
    try:
        found = UUID(text)
    except ValueError:
        raise EnvelopeRefused("not an envelope: capture_id") from None
    _demand(str(found) == text, "capture_id")
    return found


def _base64(text: str, name: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise EnvelopeRefused(f"not an envelope: {name}") from None
    _demand(base64.b64encode(data).decode() == text, name)
    return data
