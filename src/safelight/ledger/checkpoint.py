"""Checkpoints: a tree's size and root, signed. C2SP tlog-checkpoint and signed-note, Ed25519."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from safelight.ledger.errors import CheckpointRefused
from safelight.ledger.tree import HASH_BYTES

_ED25519 = b"\x01"
_ORIGIN = re.compile(r"[^\s+\x00-\x1f]{1,200}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,17}")
_SIGNATURE_LINE = re.compile(r"— (?P<name>[^\s+]+) (?P<signature>[A-Za-z0-9+/]+={0,2})")
_MAX_NOTE_BYTES = 100_000


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """The ledger's Ed25519 key. Its repr shows nothing."""

    _seed: bytes

    @classmethod
    def generate(cls) -> SigningKey:
        """Return a fresh key."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def from_bytes(cls, data: bytes) -> SigningKey:
        """Read the 32 bytes that to_bytes gave. Raises CheckpointRefused."""
        if len(data) != HASH_BYTES:
            raise CheckpointRefused("not a signing key")
        return cls(data)

    def to_bytes(self) -> bytes:
        """Return the key's 32 secret bytes, to be wrapped and kept."""
        return self._seed

    @property
    def public(self) -> bytes:
        """Return the 32 bytes by which others verify."""
        return self._key().public_key().public_bytes_raw()

    def sign(self, text: bytes) -> bytes:
        """Return the signature, 64 bytes."""
        return self._key().sign(text)

    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._seed)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree at one size. origin: the ledger's name, without spaces or plus."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not (
            _ORIGIN.fullmatch(self.origin)
            and _SIZE.fullmatch(str(self.size))
            and len(self.root) == HASH_BYTES
        ):
            raise CheckpointRefused("not a checkpoint")

    def text(self) -> str:
        """Return what is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def sign(self, key: SigningKey) -> str:
        """Return the checkpoint as a signed note."""
        signature = _key_id(self.origin, key.public) + key.sign(self.text().encode())
        return f"{self.text()}\n— {self.origin} {base64.b64encode(signature).decode()}\n"


def read_checkpoint(note: str, public: bytes) -> Checkpoint:
    """Return what the note says, if this key signed it. Raises CheckpointRefused.

    Signatures by keys that aren't named here (a witness's) are passed over, as signed-note asks;
    one in this key's name that fails refuses the whole note.
    """
    text, _, signatures = note.rpartition("\n\n")
    if len(note) > _MAX_NOTE_BYTES or not text or not signatures.endswith("\n"):
        raise CheckpointRefused("not a signed note")
    checkpoint = _parsed(text)
    known = _key_id(checkpoint.origin, public)
    found = False
    for line in signatures.removesuffix("\n").split("\n"):
        name, key_id, signature = _signature(line)
        if (name, key_id) == (checkpoint.origin, known):
            check_signature(public, signature, checkpoint.text().encode())
            found = True
    if not found:
        raise CheckpointRefused("not signed by the ledger's key")
    return checkpoint


def verifier_key(origin: str, public: bytes) -> str:
    """Return the key as C2SP's `vkey` text, which other tools verify with."""
    encoded = base64.b64encode(_ED25519 + public).decode()
    return f"{origin}+{_key_id(origin, public).hex()}+{encoded}"


def _key_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def _parsed(text: str) -> Checkpoint:
    """Read the three lines. Extension lines are refused: nothing of ours writes them."""
    lines = text.split("\n")
    if len(lines) != 3 or not _SIZE.fullmatch(lines[1]):
        raise CheckpointRefused("not a checkpoint")
    return Checkpoint(lines[0], int(lines[1]), _decoded(lines[2]))


def _signature(line: str) -> tuple[str, bytes, bytes]:
    match = _SIGNATURE_LINE.fullmatch(line)
    if match is None:
        raise CheckpointRefused("not a signature line")
    data = _decoded(match["signature"])
    return match["name"], data[:4], data[4:]


def _decoded(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise CheckpointRefused("not base64") from None
    if base64.b64encode(data).decode() != text:
        raise CheckpointRefused("not base64 in its one spelling")
    return data


def check_signature(public: bytes, signature: bytes, text: bytes) -> None:
    """Raise CheckpointRefused unless the ledger's key signed the text."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except (InvalidSignature, ValueError):
        raise CheckpointRefused("the signature is wrong") from None
