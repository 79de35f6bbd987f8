"""The settings name the key manager and the key store; what doesn't fit is said in a sentence."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flows.conftest import CHEAP, PASSPHRASE
from safelight import storage, vault
from safelight.flows import key_managers, key_status, receipts, staff, stores
from servers import managing

SET = {"tenant": uuid.UUID(int=1), "patient": uuid.UUID(int=2), "version": 1}
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings) -> Iterator[Path]:
    """An installation's folder, with nothing in it yet."""
    stores.close()
    settings.SAFELIGHT_HOME = tmp_path / "home"
    settings.SAFELIGHT_BLOBS = tmp_path / "home" / "blobs"
    settings.SAFELIGHT_KEYS = tmp_path / "home" / "keys" / "keys.db"
    settings.SAFELIGHT_SEAL = tmp_path / "home" / "keys" / "seal.json"
    settings.SAFELIGHT_PASSPHRASE = PASSPHRASE
    yield tmp_path / "home"
    stores.close()


def told(settings, **said: Any) -> None:
    settings.CONFIG = replace(settings.CONFIG, **said)
    stores.close()


@pytest.fixture(params=managing.KINDS)
def chosen(request, settings) -> str:
    """The settings of an installation under each key manager."""
    kind: str = request.param
    if kind == "openbao":
        server = request.getfixturevalue("bao")
        key = f"safelight-{uuid.uuid4().hex[:8]}"
        told(
            settings,
            openbao_url=server.url,
            openbao_token_file=server.token_file,
            openbao_key=key,
        )
    elif kind == "pkcs11":
        place = request.getfixturevalue("token").place()
        told(
            settings,
            pkcs11_module=place.module,
            pkcs11_token=place.token,
            pkcs11_pin_file=place.pin_file,
            pkcs11_key=place.key,
        )
    elif kind == "aws-kms":
        port = request.getfixturevalue("aws_port")
        key = f"k{uuid.uuid4().hex[:8]}"
        told(
            settings,
            aws_kms_region="eu-west-2",
            aws_kms_endpoint=f"http://127.0.0.1:{port}",
            aws_kms_key=key,
        )
    told(settings, key_manager=kind)
    return kind


def test_an_installation_is_made_opened_and_described_under_each(chosen, home):
    staff.make_stores(PASSPHRASE, cost=CHEAP)
    staff.make_stores(PASSPHRASE, cost=CHEAP)
    image, key = uuid.uuid4(), vault.new_key()
    stores.keys().put(image, data_key=key, **SET)
    stores.close()
    assert stores.keys().get(image, **SET) == key
    assert receipts.are_traces_overwritten()
    state = stores.keys().describe()
    assert state.manager.kind == chosen
    assert (home / "keys" / "seal.json").exists() == (chosen == "sealed-file")
    is_far = chosen in ("openbao", "aws-kms")
    assert isinstance(stores.keys().manager, storage.Remembering) == is_far


def test_the_key_store_goes_to_the_database_that_is_named(settings, postgres, home):
    settings.SAFELIGHT_KEYS_URL = postgres.database()
    staff.make_stores(PASSPHRASE, cost=CHEAP)
    image, key = uuid.uuid4(), vault.new_key()
    stores.keys().put(image, data_key=key, **SET)
    assert stores.keys().get(image, **SET) == key
    assert not (home / "keys" / "keys.db").exists()
    from django.utils import timezone

    said = {each.what: each for each in key_status.status(now=timezone.now()).alarms}
    assert not receipts.are_traces_overwritten()
    assert said["overwriting"].bad, "a key file and PostgreSQL: nothing ever proves that it is gone"


def test_without_a_passphrase_the_keys_are_sealed(settings):
    staff.make_stores(PASSPHRASE, cost=CHEAP)
    settings.SAFELIGHT_PASSPHRASE = None
    with pytest.raises(stores.KeysAreSealed) as sealed:
        stores.keys()
    assert "passphrase" in sealed.value.for_people
    settings.SAFELIGHT_PASSPHRASE = "another"
    with pytest.raises(stores.KeysStaySealed):
        stores.keys()


def test_two_of_three_shares_open_the_keys_and_one_does_not(settings):
    staff.make_stores(PASSPHRASE, cost=CHEAP)
    first, second, third = key_managers.split_passphrase()
    for said in (f"{first}\n{third}", f"{third}\n\n{second}\n", f"{first}\n{second}\n{third}"):
        settings.SAFELIGHT_PASSPHRASE = said
        stores.close()
        assert stores.keys().describe().manager.kind == "sealed-file"
    again = key_managers.split_passphrase()
    for said in (first, f"{first}\n{again[1]}", f"{first}\n{second[:-1]}"):
        settings.SAFELIGHT_PASSPHRASE = said
        stores.close()
        with pytest.raises(stores.KeysOutOfReach) as refused:
            stores.keys()
        assert "share" in refused.value.for_people


def test_only_a_passphrase_can_be_split(settings):
    told(settings, key_manager="openbao")
    with pytest.raises(stores.KeysOutOfReach, match="Only the passphrase"):
        key_managers.split_passphrase()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"key_manager": "openbao"}, "openbao_token_file"),
        ({"key_manager": "openbao", "openbao_token_file": Path("t")}, "openbao_url"),
        ({"key_manager": "pkcs11"}, "pkcs11_module"),
        (
            {"key_manager": "pkcs11", "pkcs11_module": Path("no"), "pkcs11_pin_file": Path("no")},
            "module can't be loaded",
        ),
        ({"key_manager": "aws-kms"}, "aws_kms_region"),
    ],
    ids=lambda given: given if isinstance(given, str) else given["key_manager"],
)
def test_what_the_settings_lack_is_said(settings, said, words):
    told(settings, **said)
    with pytest.raises(stores.KeysOutOfReach) as refused:
        stores.keys()
    assert words in refused.value.for_people
    with pytest.raises(stores.KeysOutOfReach):
        staff.make_stores("")


@pytest.mark.parametrize(
    ("module", "said", "words"),
    [
        ("safelight.storage.aws_kms", {"key_manager": "aws-kms"}, "safelight[aws]"),
        ("safelight.storage.pg_database", {}, "safelight[postgres]"),
    ],
)
def test_a_package_that_is_not_installed_is_named(settings, monkeypatch, module, said, words):
    import sys

    staff.make_stores(PASSPHRASE, cost=CHEAP)
    told(settings, **said)
    settings.SAFELIGHT_KEYS_URL = "postgresql://nobody@127.0.0.1:1/keys"
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(stores.KeysOutOfReach) as refused:
        stores.keys()
    assert words in refused.value.for_people
