"""The key manager of this installation, as the settings name it: made once, opened at each start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings

from safelight import storage, vault


class KeysAreSealed(RuntimeError):
    """The key manager can't be opened: there is no passphrase, or a wrong one."""

    for_people = "The keys are sealed. Give the passphrase by SAFELIGHT_PASSPHRASE_FILE or a systemd credential."


class KeysStaySealed(KeysAreSealed):
    """There is a passphrase, and it doesn't open the key manager, or the file is damaged."""

    for_people = (
        "The keys can't be opened: the passphrase is another one, or the key file is damaged. "
        "Give the passphrase that was chosen with `safelight init`."
    )


class KeysOutOfReach(KeysAreSealed):
    """The key manager or the key store isn't there, or isn't as the settings say."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.for_people = because


def opened(told: str | None = None) -> storage.KeyManager:
    """Return the key manager. Raises KeysAreSealed, which says what to do.

    told: the kind that the key store was moved to, None if it never was, empty if nothing is in it.
    It counts where the settings name two: `safelight keys move` may have stopped before or after
    the move itself.
    """
    now, before = settings.CONFIG.key_manager, settings.CONFIG.key_manager_before
    return of_kind(now if told == "" or not before else told or before)


def of_kind(kind: str, *, config: Any = None, passphrase: str | None = None) -> storage.KeyManager:
    """Return the key manager of that kind, as the settings describe it. Raises KeysAreSealed.

    config, passphrase: where they aren't those in force.
    """
    config = config or settings.CONFIG
    if kind != "sealed-file":
        return _reached(lambda: _FAR[kind](config, make=False))
    passphrase = whole_passphrase(passphrase or settings.SAFELIGHT_PASSPHRASE or "")
    if not passphrase:
        raise KeysAreSealed
    try:
        return storage.SealedFileManager.open(Path(settings.SAFELIGHT_SEAL), passphrase)
    except storage.StorageError as error:
        raise KeysStaySealed from error


def known() -> Iterator[storage.KeyManager]:
    """Yield the key manager that a new key store would be under, and the one before it, if it opens."""
    yield opened("")
    before = settings.CONFIG.key_manager_before
    if before:
        with suppress(KeysAreSealed):
            yield of_kind(before)


def make(passphrase: str, *, cost: storage.Cost | None = None) -> None:
    """Make what the key manager needs; what is there already is left alone. Raises KeysAreSealed."""
    make_of(settings.CONFIG, passphrase, cost=cost)


def make_of(config: Any, passphrase: str, *, cost: storage.Cost | None = None) -> None:
    """Do so for settings that aren't in force yet."""
    if config.key_manager != "sealed-file":
        _reached(lambda: _FAR[config.key_manager](config, make=True))
        return
    seal = Path(settings.SAFELIGHT_SEAL)
    if not seal.exists():
        chosen = {"cost": cost} if cost is not None else {}
        storage.SealedFileManager.create(seal, whole_passphrase(passphrase), **chosen)


def whole_passphrase(text: str) -> str:
    """Return the passphrase; of shares, one a line, what they add up to. Raises KeysOutOfReach."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or not vault.is_share(lines[0]):
        return text
    try:
        return vault.combine_shares(lines).decode()
    except vault.ShareRefused as error:
        raise KeysOutOfReach(f"The keys stay sealed. {error}") from error


def split_passphrase(*, needed: int = 2, shares: int = 3) -> tuple[str, ...]:
    """Return the passphrase in shares, once it was seen that it opens the key file."""
    if settings.CONFIG.key_manager != "sealed-file":
        raise KeysOutOfReach("Only the passphrase of a key file can be split.")
    of_kind("sealed-file")
    passphrase = whole_passphrase(settings.SAFELIGHT_PASSPHRASE or "")
    return vault.split_secret(passphrase.encode(), needed=needed, shares=shares)


def _reached(reach: Callable[[], storage.KeyManager]) -> storage.KeyManager:
    try:
        return reach()
    except ImportError as error:
        raise KeysOutOfReach(
            f"This key manager needs {error.name}: install safelight[aws] or safelight[pkcs11]."
        ) from error
    except storage.KeyManagerError as error:
        raise KeysOutOfReach(f"{error.for_people} ({error})") from error


def _openbao(config: Any, *, make: bool) -> storage.KeyManager:
    from safelight.storage.openbao import OpenBaoManager, OpenBaoPlace

    if config.openbao_token_file is None:
        raise KeysOutOfReach("The settings lack openbao_token_file.")
    place = OpenBaoPlace(
        config.openbao_url,
        config.openbao_token_file,
        key=config.openbao_key,
        mount=config.openbao_mount,
        ca_file=config.openbao_ca_file,
    )
    manager = OpenBaoManager.create(place) if make else OpenBaoManager(place)
    return storage.Remembering(manager)


def _pkcs11(config: Any, *, make: bool) -> storage.KeyManager:
    from safelight.storage.pkcs11_token import Pkcs11Manager, TokenPlace

    if config.pkcs11_module is None or config.pkcs11_pin_file is None:
        raise KeysOutOfReach("The settings lack pkcs11_module or pkcs11_pin_file.")
    place = TokenPlace(
        config.pkcs11_module, config.pkcs11_token, config.pkcs11_pin_file, key=config.pkcs11_key
    )
    return Pkcs11Manager.create(place) if make else Pkcs11Manager(place)


def _aws_kms(config: Any, *, make: bool) -> storage.KeyManager:
    from safelight.storage.aws_kms import AwsKmsManager, KmsPlace

    place = KmsPlace(
        config.aws_kms_region, key=config.aws_kms_key, endpoint=config.aws_kms_endpoint
    )
    manager = AwsKmsManager.create(place) if make else AwsKmsManager(place)
    return storage.Remembering(manager)


_FAR = {"openbao": _openbao, "pkcs11": _pkcs11, "aws-kms": _aws_kms}
