"""AWS's key management service as key manager: one key there for each version.

A key of AWS has backing keys of its own, of which none can be destroyed; so a version is a whole key,
found by its alias. AWS deletes a key seven days after it was told at the earliest, and until then it
can be brought back: shredding can't be proved here.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import threading
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
)

from safelight import vault
from safelight.storage.errors import (
    KeyManagerAway,
    KeyManagerError,
    KeyManagerRefuses,
    VersionDestroyed,
)
from safelight.storage.managers import (
    VERSION_BYTES,
    Health,
    ManagerState,
    may_destroy,
    version_before,
)

PENDING_DAYS = 7
"""The shortest that AWS allows."""
_GONE = frozenset({"NotFoundException", "DisabledException", "KMSInvalidStateException"})
_BUSY = frozenset(
    {
        "ThrottlingException",
        "LimitExceededException",
        "KMSInternalException",
        "DependencyTimeoutException",
        "InternalFailure",
        "ServiceUnavailable",
        "RequestLimitExceeded",
    }
)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class KmsPlace:
    """Which region's service, and what our keys' aliases begin with."""

    region: str
    key: str = "safelight"
    endpoint: str = ""
    """Another address than AWS's own: a private endpoint, or a stand-in for tests."""

    def __post_init__(self) -> None:
        """Refuse names that AWS would."""
        if not _NAME.fullmatch(self.key) or not self.region:
            raise KeyManagerError("aws_kms_region is needed, and aws_kms_key is a name")
        if self.endpoint.startswith("http://") and not self.endpoint.startswith(
            ("http://127.0.0.1:", "http://localhost:")
        ):
            raise KeyManagerError("aws_kms_endpoint: without TLS on this machine alone")


class AwsKmsManager:
    """Keys in AWS KMS. Credentials come from where AWS's own tools take them."""

    def __init__(self, place: KmsPlace) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._kept: Any = None
        self._pid = 0

    @classmethod
    def create(cls, place: KmsPlace) -> AwsKmsManager:
        """Make the first version unless there is one."""
        made = cls(place)
        if not made._aliases():
            made._make(1)
        return made

    @property
    def kind(self) -> str:
        """Return what the settings call it."""
        return "aws-kms"

    @property
    def proves_shred(self) -> bool:
        """Say no: AWS keeps a key for days after it was told to delete it, and shows nobody that it did."""
        return False

    def wrap(self, data: bytes, *, aad: bytes) -> bytes:
        """Seal a few bytes under the current version, whose number comes first."""
        version = max(self._aliases(), default=0)
        if version == 0:
            raise KeyManagerError("there is no key of that name")
        said = self._ask(
            "encrypt",
            KeyId=self._alias(version),
            Plaintext=data,
            EncryptionContext=_bound(version, aad),
        )
        return version.to_bytes(VERSION_BYTES, "big") + bytes(said["CiphertextBlob"])

    def unwrap(self, wrapped: bytes, *, aad: bytes) -> bytes:
        """Return what was wrapped. Raises SealBroken or VersionDestroyed."""
        version = self.version_of(wrapped)
        key = self._aliases().get(version)
        if key is None:
            raise VersionDestroyed(f"version {version}")
        if len(wrapped) <= VERSION_BYTES:
            raise vault.SealBroken("not a wrapped key")
        said = self._ask(
            "decrypt",
            KeyId=key,
            CiphertextBlob=wrapped[VERSION_BYTES:],
            EncryptionContext=_bound(version, aad),
        )
        return bytes(said["Plaintext"])

    def version_of(self, wrapped: bytes) -> int:
        """Return the version it was wrapped under."""
        return version_before(wrapped)

    def rotate(self) -> int:
        """Make a new key and return its number."""
        version = max(self._aliases(), default=0) + 1
        self._make(version)
        return version

    def destroy_version(self, version: int) -> None:
        """Take the alias away, disable the oldest key and let AWS delete it in seven days."""
        aliases = self._aliases()
        if not may_destroy(version, tuple(aliases), current=max(aliases, default=0)):
            return
        self._discard(aliases[version])
        self._ask("delete_alias", AliasName=self._alias(version))

    def describe(self) -> ManagerState:
        """Return which versions there are."""
        versions = tuple(sorted(self._aliases()))
        if not versions:
            raise KeyManagerError("there is no key of that name")
        return ManagerState(
            kind=self.kind,
            current=versions[-1],
            versions=versions,
            proves_shred=False,
            text="Keys in AWS KMS. AWS deletes a destroyed version after seven days, can bring it back "
            "until then, and afterwards there is AWS’s word for it and no proof.",
        )

    def health(self) -> Health:
        """Try a wrap and an unwrap."""
        probe, aad = secrets.token_bytes(16), vault.context("safelight-health-v1")
        try:
            wrapped = self.wrap(probe, aad=aad)
            ok = self.unwrap(wrapped, aad=aad) == probe
        except KeyManagerError as error:
            return Health(ok=False, text=f"{error.for_people} ({error})")
        except vault.SealBroken:
            return Health(ok=False, text="AWS KMS gave back other bytes than it was given.")
        return Health(ok=ok, text=f"AWS KMS answers; version {self.version_of(wrapped)} wraps.")

    def _alias(self, version: int) -> str:
        return f"alias/{self._place.key}-v{version}"

    def _aliases(self) -> dict[int, str]:
        """Return the key of each version that has an alias."""
        ours = re.compile(rf"alias/{re.escape(self._place.key)}-v([1-9][0-9]*)")
        found: dict[int, str] = {}
        more: dict[str, str] = {}
        while True:
            said = self._ask("list_aliases", **more)
            for each in said["Aliases"]:
                if (name := ours.fullmatch(each["AliasName"])) and "TargetKeyId" in each:
                    found[int(name.group(1))] = each["TargetKeyId"]
            if not said.get("Truncated"):
                return found
            more = {"Marker": said["NextMarker"]}

    def _make(self, version: int) -> None:
        """Make a key and give it its alias; another's alias was first: then this key goes again."""
        said = self._ask(
            "create_key",
            Description=f"Safelight, version {version} of the wrapping key",
            KeyUsage="ENCRYPT_DECRYPT",
            KeySpec="SYMMETRIC_DEFAULT",
        )
        key = said["KeyMetadata"]["KeyId"]
        try:
            self._ask("create_alias", AliasName=self._alias(version), TargetKeyId=key)
        except _Exists:
            self._discard(key)

    def _discard(self, key: str) -> None:
        """Disable a key at once and let AWS delete it; one that is on its way already stays so."""
        try:
            self._ask("disable_key", KeyId=key)
            self._ask("schedule_key_deletion", KeyId=key, PendingWindowInDays=PENDING_DAYS)
        except VersionDestroyed:
            return

    def _client(self) -> Any:
        with self._lock:
            if self._kept is None or self._pid != os.getpid():
                self._kept = boto3.session.Session().client(
                    "kms",
                    region_name=self._place.region,
                    endpoint_url=self._place.endpoint or None,
                    config=Config(
                        connect_timeout=3,
                        read_timeout=5,
                        retries={"total_max_attempts": 2, "mode": "standard"},
                    ),
                )
                self._pid = os.getpid()
            return self._kept

    def _ask(self, what: str, **said: Any) -> Any:
        """Ask for one thing; AWS's own words stay here, they may repeat what was sent."""
        try:
            return getattr(self._client(), what)(**said)
        except ClientError as error:
            raise _of(str(error.response.get("Error", {}).get("Code", ""))) from error
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise KeyManagerRefuses("there are no credentials for AWS here") from error
        except (ConnectTimeoutError, ReadTimeoutError) as error:
            raise KeyManagerAway("it is too slow") from error
        except BotoCoreError as error:
            raise KeyManagerAway(type(error).__name__) from error


class _Exists(KeyManagerError):
    """There is such an alias."""


def _of(code: str) -> Exception:
    if code == "AlreadyExistsException":
        return _Exists(code)
    if code in {"InvalidCiphertextException", "IncorrectKeyException"}:
        return vault.SealBroken("wrapped key does not open")
    if code in _GONE:
        return VersionDestroyed(code)
    if code in _BUSY or code.isdigit():
        return KeyManagerAway(code)
    return KeyManagerRefuses(code)


def _bound(version: int, aad: bytes) -> dict[str, str]:
    """Return the encryption context. AWS logs it in the clear, so it is a hash and names nobody."""
    number = version.to_bytes(VERSION_BYTES, "big")
    named = vault.context("safelight-manager-v1", number, aad)
    return {"safelight": hashlib.sha256(named).hexdigest()}
