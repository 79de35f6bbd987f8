"""A hardware security module, or another token that speaks PKCS#11, as key manager.

The wrapping keys are made in the token, sensitive and not extractable, one object for each version;
its number is the object's id.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.constants import SlotFlag

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
    bound,
    may_destroy,
    version_before,
)

Answer = TypeVar("Answer")

_NONCE_BYTES, _TAG_BYTES = 12, 16
_TEMPLATE = {
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.ENCRYPT: True,
    Attribute.DECRYPT: True,
    Attribute.WRAP: False,
    Attribute.UNWRAP: False,
    Attribute.SIGN: False,
    Attribute.VERIFY: False,
    Attribute.DERIVE: False,
}
_PIN = (
    pkcs11.PinIncorrect,
    pkcs11.PinInvalid,
    pkcs11.PinLenRange,
    pkcs11.PinExpired,
    pkcs11.PinLocked,
)
_SESSION_ENDED = (
    pkcs11.SessionHandleInvalid,
    pkcs11.SessionClosed,
    pkcs11.UserNotLoggedIn,
    pkcs11.ObjectHandleInvalid,
    pkcs11.KeyHandleInvalid,
    pkcs11.DeviceRemoved,
)


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """Which token, through which module, and what our keys in it are called."""

    module: Path
    token: str
    pin_file: Path
    key: str = "safelight"


class Pkcs11Manager:
    """Keys in a token. Threads share one session; a forked process opens its own."""

    def __init__(self, place: TokenPlace) -> None:
        self._place = place
        self._lock = threading.RLock()
        self._session: Any = None
        self._pid = 0
        self._is_hardware = False
        self._is_stale = False
        self._do(lambda session: None)

    @classmethod
    def create(cls, place: TokenPlace) -> Pkcs11Manager:
        """Make the first version unless there is one."""
        made = cls(place)
        with made._lock:
            if not made._do(made._ours):
                made._make(1)
        return made

    @property
    def kind(self) -> str:
        """Return what the settings call it."""
        return "pkcs11"

    @property
    def proves_shred(self) -> bool:
        """Say whether the token is hardware: of one in files, such as SoftHSM, copies can be kept."""
        return self._is_hardware

    def wrap(self, data: bytes, *, aad: bytes) -> bytes:
        """Seal a few bytes under the current version, whose number and nonce come first."""
        nonce = secrets.token_bytes(_NONCE_BYTES)

        def sealed(session: Any) -> bytes:
            version, (key, *_) = max(self._found(session).items())
            parameters = pkcs11.GCMParams(nonce, bound(version, aad), _TAG_BYTES * 8)
            said = key.encrypt(data, mechanism=Mechanism.AES_GCM, mechanism_param=parameters)
            return version.to_bytes(VERSION_BYTES, "big") + nonce + bytes(said)

        return self._do(sealed)

    def unwrap(self, wrapped: bytes, *, aad: bytes) -> bytes:
        """Return what was wrapped. Raises SealBroken or VersionDestroyed."""
        version = self.version_of(wrapped)
        nonce = wrapped[VERSION_BYTES : VERSION_BYTES + _NONCE_BYTES]
        rest = wrapped[VERSION_BYTES + _NONCE_BYTES :]

        def opened(session: Any) -> bytes:
            keys = self._found(session).get(version)
            if keys is None:
                raise VersionDestroyed(f"version {version}")
            if len(rest) < _TAG_BYTES:
                raise vault.SealBroken("not a wrapped key")
            parameters = pkcs11.GCMParams(nonce, bound(version, aad), _TAG_BYTES * 8)
            for key in keys:
                try:
                    said = key.decrypt(
                        rest, mechanism=Mechanism.AES_GCM, mechanism_param=parameters
                    )
                except (pkcs11.EncryptedDataInvalid, pkcs11.FunctionFailed, pkcs11.GeneralError):
                    # Some tokens have one word for a wrong tag and for their own end: ask for another.
                    session.generate_random(64)
                else:
                    return bytes(said)
            raise vault.SealBroken("wrapped key does not open")

        return self._do(opened)

    def version_of(self, wrapped: bytes) -> int:
        """Return the version it was wrapped under."""
        return version_before(wrapped)

    def rotate(self) -> int:
        """Make a new key in the token and return its number."""
        with self._lock:
            version = max(self._versions()) + 1
            self._make(version)
        return version

    def destroy_version(self, version: int) -> None:
        """Let the token destroy the oldest key."""
        with self._lock:
            versions = self._versions()
            if may_destroy(version, versions, current=max(versions)):
                self._do(
                    lambda session: [key.destroy() for key in self._found(session)[version]],
                    again=False,
                )

    def describe(self) -> ManagerState:
        """Return which versions the token has."""
        versions = self._versions()
        text = (
            "Keys in a hardware token, which they never leave. Where the token is cloned or backed "
            "up, destroy old versions there too."
            if self._is_hardware
            else "Keys in a software token. An old copy of its files and the PIN together bring "
            "destroyed versions back."
        )
        return ManagerState(
            kind=self.kind,
            current=max(versions),
            versions=versions,
            proves_shred=self.proves_shred,
            text=text,
        )

    def health(self) -> Health:
        """Try a wrap and an unwrap."""
        probe, aad = secrets.token_bytes(16), vault.context("safelight-health-v1")
        try:
            ok = self.unwrap(self.wrap(probe, aad=aad), aad=aad) == probe
            current = self.describe().current
        except KeyManagerError as error:
            return Health(ok=False, text=f"{error.for_people} ({error})")
        except vault.SealBroken:
            return Health(ok=False, text="The token gave back other bytes than it was given.")
        return Health(ok=ok, text=f"The token answers; version {current} wraps.")

    def close(self) -> None:
        """End the session."""
        with self._lock:
            self._forget(whole=False)

    def _versions(self) -> tuple[int, ...]:
        return tuple(sorted(self._do(self._found)))

    def _make(self, version: int) -> None:
        number = version.to_bytes(VERSION_BYTES, "big")
        self._do(
            lambda session: session.generate_key(
                KeyType.AES, 256, id=number, label=self._place.key, store=True, template=_TEMPLATE
            ),
            again=False,
        )

    def _found(self, session: Any) -> dict[int, list[Any]]:
        """Return our keys by version. A token that has none of them is another, or not yet there."""
        found = self._ours(session)
        if not found:
            raise KeyManagerAway("the token has no key of that name")
        return found

    def _ours(self, session: Any) -> dict[int, list[Any]]:
        """Return our keys by version, if any. One that could leave the token is none of ours.

        Two of one version are there only if two processes made it at once; each opens its own.
        """
        wanted = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: self._place.key}
        found: dict[int, list[Any]] = {}
        for key in session.get_objects(wanted):
            if key[Attribute.SENSITIVE] and not key[Attribute.EXTRACTABLE]:
                found.setdefault(int.from_bytes(key.id, "big"), []).append(key)
        return found

    def _do(self, act: Callable[[Any], Answer], *, again: bool = True) -> Answer:
        """Do something with the session; one that ended is opened anew, once, and the module too."""
        with self._lock:
            try:
                return act(self._opened())
            except KeyManagerAway:
                self._forget(whole=True)
                raise
            except pkcs11.PKCS11Error as error:
                self._forget(whole=not isinstance(error, _SESSION_ENDED))
                if not again:
                    raise KeyManagerAway(f"the token: {type(error).__name__}") from error
            try:
                return act(self._opened())
            except pkcs11.PKCS11Error as error:
                self._forget(whole=True)
                raise KeyManagerAway(f"the token: {type(error).__name__}") from error

    def _opened(self) -> Any:
        if self._session is not None and self._pid == os.getpid():
            return self._session
        library = self._library()
        try:
            token = library.get_token(token_label=self._place.token)
        except (pkcs11.NoSuchToken, pkcs11.MultipleTokensReturned) as error:
            raise KeyManagerAway("there is no such token, or more than one") from error
        self._is_hardware = bool(token.slot.flags & SlotFlag.HW_SLOT)
        try:
            self._session = token.open(rw=True, user_pin=self._pin())
        except pkcs11.UserAlreadyLoggedIn:
            self._session = token.open(rw=True)
        except _PIN as error:
            raise KeyManagerRefuses(f"the PIN: {type(error).__name__}") from error
        self._pid = os.getpid()
        return self._session

    def _library(self) -> Any:
        try:
            library = pkcs11.lib(str(self._place.module))
        except pkcs11.PKCS11Error as error:
            raise KeyManagerAway("the module can't be loaded") from error
        if self._is_stale or self._session is not None:
            # In a forked child the parent's sessions mean nothing, and some modules never find a
            # token again that was away.
            self._session = None
            library.reinitialize()
            self._is_stale = False
        return library

    def _pin(self) -> str:
        try:
            return self._place.pin_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise KeyManagerRefuses("the PIN file can't be read") from error

    def _forget(self, *, whole: bool) -> None:
        session, self._session = self._session, None
        self._is_stale = whole
        if session is not None and self._pid == os.getpid():
            with suppress(pkcs11.PKCS11Error):
                session.close()
