"""Each key manager on the real thing, for the contract that all of them keep."""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from moto.server import ThreadedMotoServer

from safelight.storage import Cost, KeyManager, SealedFileManager
from safelight.storage.aws_kms import AwsKmsManager, KmsPlace
from safelight.storage.openbao import OpenBaoManager, OpenBaoPlace
from safelight.storage.pkcs11_token import Pkcs11Manager, TokenPlace
from servers import faults, openbao

KINDS = ("sealed-file", "openbao", "pkcs11", "aws-kms")
PIN = "4711-0815"


@dataclass(frozen=True)
class Managed:
    """One key manager: how to make it, open it again as another process would, and take it away."""

    kind: str
    create: Callable[[], KeyManager]
    again: Callable[[], KeyManager]
    away: Callable[[], AbstractContextManager[None]]
    proves_shred: bool


@contextmanager
def sealed_file() -> Iterator[Managed]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seal.json"

        @contextmanager
        def away() -> Iterator[None]:
            path.rename(path.with_name("elsewhere"))
            yield
            path.with_name("elsewhere").rename(path)

        yield Managed(
            "sealed-file",
            lambda: SealedFileManager.create(path, "a passphrase", cost=Cost(1, 8, 1)),
            lambda: SealedFileManager.open(path, "a passphrase"),
            away,
            proves_shred=False,
        )


def in_openbao(server: openbao.OpenBao) -> Managed:
    place = OpenBaoPlace(server.url, server.token_file, key=_name())

    @contextmanager
    def away() -> Iterator[None]:
        server.kill()
        yield
        server.start()

    return Managed(
        "openbao",
        lambda: OpenBaoManager.create(place),
        lambda: OpenBaoManager(place),
        away,
        proves_shred=True,
    )


@dataclass(frozen=True)
class SoftToken:
    """A token of SoftHSM in a folder; one for each process that tests, since the module is global."""

    folder: Path
    module: Path

    @property
    def pin_file(self) -> Path:
        return self.folder / "pin"

    def place(self, **given: object) -> TokenPlace:
        said = {"token": "kek", "pin_file": self.pin_file, "key": _name()} | given
        return TokenPlace(self.module, **said)


def soft_token(folder: Path) -> SoftToken:
    """Make a token. SoftHSM reads where it is from the environment."""
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(config)
    for label in ("kek", "twin", "twin"):
        making = ["softhsm2-util", "--init-token", "--free", "--label", label]
        making += ["--pin", PIN, "--so-pin", secrets.token_hex(8)]
        subprocess.run(making, check=True, capture_output=True)
    (folder / "pin").write_text(PIN + "\n")
    found = [*Path("/usr/lib").glob("**/libsofthsm2.so")]
    return SoftToken(folder, found[0])


def in_token(token: SoftToken) -> Managed:
    place = token.place()

    @contextmanager
    def away() -> Iterator[None]:
        tokens, elsewhere = token.folder / "tokens", token.folder / "elsewhere"
        tokens.rename(elsewhere)
        yield
        elsewhere.rename(tokens)

    return Managed(
        "pkcs11",
        lambda: Pkcs11Manager.create(place),
        lambda: Pkcs11Manager(place),
        away,
        proves_shred=False,
    )


@contextmanager
def aws() -> Iterator[int]:
    """AWS as moto plays it; return its port. It is no proof of what AWS does, only of what we ask."""
    said = {"AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up"}
    before = {name: os.environ.get(name) for name in said}
    os.environ |= said
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield server.get_host_and_port()[1]
    finally:
        server.stop()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


@contextmanager
def in_aws(port: int) -> Iterator[Managed]:
    name = _name()
    with faults.between(port) as proxy:
        place = KmsPlace("eu-west-2", key=name, endpoint=f"http://127.0.0.1:{proxy.port}")

        @contextmanager
        def away() -> Iterator[None]:
            proxy.always = faults.Fault.LOST
            yield
            proxy.always = faults.Fault.NONE

        yield Managed(
            "aws-kms",
            lambda: AwsKmsManager.create(place),
            lambda: AwsKmsManager(place),
            away,
            proves_shred=False,
        )


def _name() -> str:
    return f"safelight-{secrets.token_hex(6)}"
