"""Who publishes a pack: Ed25519 over its id, its first day and its hash, as a C2SP signed note.

A signature says that the holder of a key meant exactly these bytes to be used from that day on. It
doesn't say that the rules are right, nor that the holder is who the name says: that is for whoever
puts the key among those that an installation trusts (docs/adr/0008-signed-packs.md).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from safelight.policy.pack import Pack

_ED25519 = b"\x01"
_KEY_BYTES, _ID_BYTES, _SIGNATURE_BYTES = 32, 4, 64
_NAME = re.compile(r"[^\s+,\x00-\x1f]{1,100}")
_LINE = re.compile(r"— (?P<name>[^\s+]+) (?P<signature>[A-Za-z0-9+/]+={0,2})")
_LONGEST = 10_000


class SignatureRefused(ValueError):
    """The pack isn't signed by anyone who is trusted here, or it isn't the one that was signed."""

    for_people = (
        "The signature doesn’t fit. Ask the pack’s publisher for the pair of files again, and have "
        "the administrator check whose keys are trusted here."
    )


@dataclass(frozen=True, slots=True)
class Publisher:
    """Somebody who signs packs, by the key that verifies."""

    name: str
    public: bytes

    @classmethod
    def from_text(cls, text: str) -> Publisher:
        """Read a C2SP `vkey`: name, key id and key, joined by plus signs. Raises SignatureRefused."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        key = _decoded(encoded)
        if not _NAME.fullmatch(name) or key[:1] != _ED25519 or len(key) != 1 + _KEY_BYTES:
            raise SignatureRefused("not a publisher's key")
        publisher = cls(name, key[1:])
        if key_id != publisher.key_id.hex():
            raise SignatureRefused("a publisher's key with a slip of the pen")
        return publisher

    @property
    def key_id(self) -> bytes:
        """Return the four bytes by which a signature names its key."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[
            :_ID_BYTES
        ]

    def text(self) -> str:
        """Return the key as `from_text` reads it."""
        encoded = base64.b64encode(_ED25519 + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"


def sign(pack: Pack, *, name: str, seed: bytes) -> tuple[str, Publisher]:
    """Return the signed note for a pack, and the publisher's key that verifies it.

    seed: the 32 secret bytes of an Ed25519 key. Raises SignatureRefused for a name with spaces.
    """
    if not _NAME.fullmatch(name):
        raise SignatureRefused("a publisher's name has no spaces, commas or plus signs")
    key = Ed25519PrivateKey.from_private_bytes(seed)
    publisher = Publisher(name, key.public_key().public_bytes_raw())
    signature = publisher.key_id + key.sign(_text(pack).encode())
    return f"{_text(pack)}\n— {name} {base64.b64encode(signature).decode()}\n", publisher


def signed_by(note: str, *, pack: Pack, trusted: Iterable[Publisher]) -> Publisher:
    """Return the trusted publisher who signed this pack. Raises SignatureRefused.

    Lines by keys that aren't trusted here are passed over; one in the name of a trusted key that
    doesn't verify refuses the whole note.
    """
    text, _, lines = note.partition("\n\n")
    if len(note) > _LONGEST or not lines.endswith("\n"):
        raise SignatureRefused("not a signed note")
    if text + "\n" != _text(pack):
        raise SignatureRefused("the signature is for another pack, or for another day")
    known = {(each.name, each.key_id): each for each in trusted}
    found = None
    for line in lines.removesuffix("\n").split("\n"):
        name, key_id, signature = _parsed(line)
        publisher = known.get((name, key_id))
        if publisher is not None:
            _verify(publisher, signature, _text(pack).encode())
            found = found or publisher
    if found is None:
        raise SignatureRefused("not signed by anyone who is trusted here")
    return found


def _text(pack: Pack) -> str:
    return f"safelight.pack/v1\n{pack.id}\n{pack.effective_from.isoformat()}\nsha256 {pack.hash}\n"


def _parsed(line: str) -> tuple[str, bytes, bytes]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise SignatureRefused("not a signature line")
    data = _decoded(match["signature"])
    if len(data) != _ID_BYTES + _SIGNATURE_BYTES:
        raise SignatureRefused("not a signature")
    return match["name"], data[:_ID_BYTES], data[_ID_BYTES:]


def _verify(publisher: Publisher, signature: bytes, text: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(publisher.public).verify(signature, text)
    except InvalidSignature:
        raise SignatureRefused("the signature is wrong") from None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SignatureRefused("not base64") from None
