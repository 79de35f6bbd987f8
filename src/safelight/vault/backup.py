"""The backup key: a server writes backups with its public half and can't read them again.

docs/formats/backup.md has the bytes. The private half is written down once and lies in a safe.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import x25519

from safelight.vault.errors import NotABackupKey, SealBroken
from safelight.vault.keys import KEY_BYTES, context

BACKUP_SUITE = "x25519-sha256-aes256gcm"
_HPKE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_CHECK_BYTES = 3
"""Found with 16,777,215 of 16,777,216 slips of the pen."""
_PRIVATE_MARK, _PUBLIC_MARK = "safelight-backup-key-1", "safelight-backup-public-1"


@dataclass(frozen=True, slots=True, repr=False)
class BackupKey:
    """The private half. Its repr shows nothing."""

    _secret: bytes

    @classmethod
    def generate(cls) -> BackupKey:
        """Return a fresh pair."""
        return cls(x25519.X25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def from_words(cls, text: str) -> BackupKey:
        """Read what was written down: spaces, line ends and case don't matter. Raises NotABackupKey."""
        letters = re.sub(r"[\s-]", "", text).upper()
        mark = re.sub(r"-", "", _PRIVATE_MARK).upper()
        try:
            data = base64.b32decode(letters.removeprefix(mark))
        except ValueError:
            raise NotABackupKey("not the letters of a backup key") from None
        secret, check = data[:KEY_BYTES], data[KEY_BYTES:]
        if len(secret) != KEY_BYTES or check != _check(secret):
            raise NotABackupKey("a letter of the backup key is wrong or missing")
        return cls(secret)

    def to_words(self) -> str:
        """Return the key to be written down: a mark, then 14 groups of 4 letters and digits."""
        letters = base64.b32encode(self._secret + _check(self._secret)).decode()
        groups = [letters[at : at + 4] for at in range(0, len(letters), 4)]
        return f"{_PRIVATE_MARK}\n{' '.join(groups[:7])}\n{' '.join(groups[7:])}\n"

    @property
    def public(self) -> bytes:
        """Return the 32 bytes that a server needs to write backups."""
        return self._key().public_key().public_bytes_raw()

    def open(self, closed: bytes, *, info: bytes) -> bytes:
        """Return what was closed to this key. Raises SealBroken."""
        try:
            return _HPKE.decrypt(closed, self._key(), info)
        except (InvalidTag, ValueError):
            raise SealBroken("not closed to this backup key, or changed") from None

    def _key(self) -> x25519.X25519PrivateKey:
        return x25519.X25519PrivateKey.from_private_bytes(self._secret)


def close_to_backup(public: bytes, data: bytes, *, info: bytes) -> bytes:
    """Close a few bytes to a backup key, bound to `info`."""
    return _HPKE.encrypt(data, x25519.X25519PublicKey.from_public_bytes(public), info)


def backup_kid(public: bytes) -> str:
    """Return the name of a backup key: the first 16 hexadecimal digits of a hash."""
    return hashlib.sha256(context(_PUBLIC_MARK, public)).hexdigest()[:16]


def backup_public_text(public: bytes) -> str:
    """Return the public half as the line that a server keeps."""
    return f"{_PUBLIC_MARK} {base64.b64encode(public).decode()}\n"


def read_backup_public(text: str) -> bytes:
    """Return the public half of such a line. Raises NotABackupKey."""
    mark, _, encoded = text.strip().partition(" ")
    try:
        public = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise NotABackupKey("not the public half of a backup key") from None
    if mark != _PUBLIC_MARK or len(public) != KEY_BYTES:
        raise NotABackupKey("not the public half of a backup key")
    return public


def _check(secret: bytes) -> bytes:
    return hashlib.sha256(context("safelight-backup-key-check-v1", secret)).digest()[:_CHECK_BYTES]
