"""Servers that run once for each worker of the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from servers import managing, openbao


@pytest.fixture(scope="session")
def bao() -> Iterator[openbao.OpenBao]:
    with openbao.running() as server:
        yield server


@pytest.fixture(scope="session")
def token(tmp_path_factory) -> managing.SoftToken:
    return managing.soft_token(tmp_path_factory.mktemp("token"))


@pytest.fixture(scope="session")
def aws_port() -> Iterator[int]:
    with managing.aws() as port:
        yield port


@pytest.fixture(params=managing.KINDS)
def managed(request) -> Iterator[managing.Managed]:
    """One key manager after the other."""
    match request.param:
        case "sealed-file":
            with managing.sealed_file() as made:
                yield made
        case "openbao":
            yield managing.in_openbao(request.getfixturevalue("bao"))
        case "pkcs11":
            yield managing.in_token(request.getfixturevalue("token"))
        case _:
            with managing.in_aws(request.getfixturevalue("aws_port")) as made:
                yield made
