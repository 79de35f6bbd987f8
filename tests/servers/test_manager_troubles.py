"""What goes wrong with a key manager is said so that a person knows what to do, and mends by itself."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType

from safelight import vault
from safelight.storage import (
    KeyManagerAway,
    KeyManagerError,
    KeyManagerRefuses,
    KeyManagerSealed,
    KeyStore,
    Remembering,
    VersionDestroyed,
    aws_kms,
    openbao,
)
from safelight.storage.aws_kms import AwsKmsManager, KmsPlace
from safelight.storage.openbao import OpenBaoManager, OpenBaoPlace
from safelight.storage.pkcs11_token import Pkcs11Manager
from servers import faults
from servers.faults import Fault

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
AAD = b"whose it is"
SET = {"tenant": UUID(int=1), "patient": UUID(int=3), "version": 1}


# OpenBao


@pytest.fixture
def proxied(bao):
    """A key in OpenBao, behind a proxy that can be told to misbehave."""
    with faults.between(bao.port) as proxy:
        place = OpenBaoPlace(
            f"http://127.0.0.1:{proxy.port}", bao.token_file, key=f"safelight-{uuid4().hex[:8]}"
        )
        manager = OpenBaoManager.create(place)
        proxy.seen.clear()
        yield manager, proxy


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.DRIP])
def test_a_server_that_is_too_slow_is_not_waited_for(proxied, monkeypatch, fault):
    manager, proxy = proxied
    wrapped = manager.wrap(b"k", aad=AAD)
    monkeypatch.setattr(openbao, "ANSWER_SECONDS", 1.0)
    proxy.always = fault
    with pytest.raises(KeyManagerAway, match="too slow"):
        manager.unwrap(wrapped, aad=AAD)
    assert "too slow" in manager.health().text
    proxy.always = Fault.NONE
    monkeypatch.setattr(openbao, "ANSWER_SECONDS", 30.0)
    assert manager.unwrap(wrapped, aad=AAD) == b"k"


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.LOST])
def test_a_connection_that_breaks_once_is_made_again(proxied, fault):
    manager, proxy = proxied
    proxy.faults = [fault]
    wrapped = manager.wrap(b"k", aad=AAD)
    proxy.faults = [fault]
    assert manager.unwrap(wrapped, aad=AAD) == b"k"
    assert proxy.seen == [fault, Fault.NONE] * 2
    proxy.faults = [fault, fault]
    with pytest.raises(KeyManagerAway, match=r"no connection|cut short"):
        manager.unwrap(wrapped, aad=AAD)


def test_a_rotation_whose_reply_was_lost_loses_nothing(tmp_path, proxied):
    manager, proxy = proxied
    store, image, key = KeyStore(tmp_path / "keys.db", manager), uuid4(), vault.new_key()
    store.put(image, data_key=key, **SET)
    proxy.faults = [Fault.LOST]
    with pytest.raises(KeyManagerAway):
        store.nightly.rotate(NOW)
    assert store.nightly.is_rotating()
    assert manager.describe().current == 2, "it was done, and the answer was lost"
    assert store.get(image, **SET) == key
    assert store.nightly.rotate(NOW + timedelta(minutes=11)) == 3
    assert store.oldest_version() == 3
    assert store.get(image, **SET) == key
    store.close()


@pytest.mark.parametrize("at", range(1, 12))
def test_a_rotation_cut_at_any_call_is_brought_to_its_end(tmp_path, proxied, at):
    manager, proxy = proxied
    store, image, key = KeyStore(tmp_path / "keys.db", manager), uuid4(), vault.new_key()
    store.put(image, data_key=key, **SET)
    store.ingest_current(NOW)
    store.signing_key()
    proxy.faults = [*[Fault.NONE] * at, Fault.LOST, Fault.LOST]
    try:
        store.nightly.rotate(NOW)
    except KeyManagerAway:
        proxy.faults = []
        assert store.get(image, **SET) == key
        store.nightly.rotate(NOW + timedelta(minutes=11))
    assert store.get(image, **SET) == key
    assert not store.nightly.is_rotating()
    assert store.oldest_version() == manager.describe().current
    store.close()


def test_a_destruction_cut_between_its_calls_is_done_the_next_time(proxied):
    manager, proxy = proxied
    old = manager.wrap(b"k", aad=AAD)
    manager.rotate()
    proxy.faults = [Fault.NONE, Fault.NONE, Fault.LOST]
    with pytest.raises(KeyManagerAway):
        manager.destroy_version(1)
    manager.destroy_version(1)
    assert manager.describe().versions == (2,)
    with pytest.raises(VersionDestroyed):
        manager.unwrap(old, aad=AAD)


def test_a_sealed_server_says_that_it_is_sealed(bao, proxied):
    manager, _ = proxied
    wrapped = manager.wrap(b"k", aad=AAD)
    bao.call("PUT", "sys/seal")
    with pytest.raises(KeyManagerSealed) as said:
        manager.unwrap(wrapped, aad=AAD)
    assert "unseal" in said.value.for_people
    assert "unseal" in manager.health().text
    bao.kill()
    bao.start()
    assert manager.unwrap(wrapped, aad=AAD) == b"k"


def test_a_token_that_may_not_is_said_and_one_renewed_is_taken_up(tmp_path, bao, proxied):
    manager, _ = proxied
    token = tmp_path / "token"
    place = replace(manager._place, token_file=token)
    other = OpenBaoManager(place)
    with pytest.raises(KeyManagerRefuses, match="can't be read"):
        other.describe()
    token.write_text("guessed")
    with pytest.raises(KeyManagerRefuses, match="may not") as said:
        other.describe()
    assert "administrator" in said.value.for_people
    token.write_text(bao.token_file.read_text())
    assert other.describe().current == 1


def test_the_token_may_do_nothing_but_what_it_is_for(bao, proxied):
    manager, _ = proxied
    with pytest.raises(KeyManagerRefuses):
        OpenBaoManager.create(replace(manager._place, key="another"))


def test_a_key_or_a_mount_that_is_not_there_is_said(bao, tmp_path):
    root = tmp_path / "root"
    root.write_text(bao.root)
    for place in (
        OpenBaoPlace(bao.url, root, key="nobody"),
        OpenBaoPlace(bao.url, root, mount="elsewhere"),
    ):
        with pytest.raises(KeyManagerError, match="no such key or mount"):
            OpenBaoManager(place).describe()


@pytest.mark.parametrize("way", ["exportable", "allow_plaintext_backup"])
def test_a_key_that_can_leave_the_server_is_not_used(bao, proxied, way):
    manager, _ = proxied
    name = f"safelight-{uuid4().hex[:8]}"
    bao.call("POST", f"transit/keys/{name}", {"type": "aes256-gcm96", way: True})
    with pytest.raises(KeyManagerError, match="exported"):
        OpenBaoManager.create(replace(manager._place, key=name))


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://bao.practice.example:8200"},
        {"url": "bao.practice.example"},
        {"url": "https://bao.practice.example/v1"},
        {"url": "ftp://127.0.0.1"},
        {"key": "a key"},
        {"key": "../sys/raw"},
        {"mount": ""},
    ],
    ids=str,
)
def test_an_address_that_would_leak_or_mislead_is_refused(tmp_path, wrong):
    with pytest.raises(KeyManagerError):
        OpenBaoPlace(**{"url": "https://bao.example:8200", "token_file": tmp_path} | wrong)


def test_a_server_whose_certificate_nobody_vouches_for_is_not_spoken_to(tmp_path, bao, proxied):
    manager, _ = proxied
    place = replace(manager._place, url=bao.tls_url, ca_file=bao.ca_file)
    assert OpenBaoManager(place).describe().current == 1
    for url in (bao.tls_url, f"https://127.0.0.1:{bao.port}"):
        with pytest.raises(KeyManagerRefuses, match="TLS"):
            OpenBaoManager(replace(place, url=url, ca_file=None)).describe()
    with pytest.raises(KeyManagerRefuses, match="TLS"):
        OpenBaoManager(replace(place, url=f"https://localhost:{bao.tls_port}")).describe()
    with pytest.raises(KeyManagerError, match="ca_file"):
        OpenBaoManager(replace(place, ca_file=tmp_path / "nowhere.pem"))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (503, b'{"errors":["Vault is sealed"]}', KeyManagerSealed),
        (503, b"busy", KeyManagerAway),
        (500, b"[]", KeyManagerAway),
        (429, b"", KeyManagerAway),
        (307, b"", KeyManagerAway),
        (200, b'{"data":[1]}', KeyManagerAway),
        (404, b"{}", KeyManagerError),
    ],
    ids=str,
)
def test_each_answer_that_is_none_has_its_error(status, body, kind):
    with pytest.raises(kind):
        openbao._answer(status, body)


def test_an_answer_without_a_ciphertext_is_no_wrapped_key(proxied, monkeypatch):
    manager, _ = proxied
    monkeypatch.setattr(openbao._Calls, "post", lambda self, path, said, again: {})
    with pytest.raises(KeyManagerError, match="transit"):
        manager.wrap(b"k", aad=AAD)


# a token


def test_a_wrong_pin_a_lost_pin_file_a_lost_token_and_a_lost_module_are_told_apart(token, tmp_path):
    wrong = tmp_path / "pin"
    wrong.write_text("0000")
    for place, kind, words in (
        (token.place(pin_file=tmp_path / "none"), KeyManagerRefuses, "PIN file"),
        (token.place(token="other"), KeyManagerAway, "no such token"),
        (token.place(token="twin"), KeyManagerAway, "more than one"),
        (replace(token.place(), module=tmp_path / "no.so"), KeyManagerAway, "module"),
        (token.place(), KeyManagerAway, "no key of that name"),
    ):
        with pytest.raises(kind, match=words):
            Pkcs11Manager(place).describe()
    alone = Pkcs11Manager.create(token.place())
    alone.close()
    pkcs11.lib(str(token.module)).reinitialize()
    with pytest.raises(KeyManagerRefuses, match="PIN"):
        Pkcs11Manager(token.place(pin_file=wrong))


def test_a_session_that_ended_is_opened_anew(token):
    manager = Pkcs11Manager.create(token.place())
    wrapped = manager.wrap(b"k", aad=AAD)
    manager._session.close()
    assert manager.unwrap(wrapped, aad=AAD) == b"k"


def test_a_forked_process_opens_its_own_session(token):
    manager = Pkcs11Manager.create(token.place())
    wrapped = manager.wrap(b"k", aad=AAD)
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if manager.unwrap(wrapped, aad=AAD) == b"k" else 1)
        except BaseException:  # noqa: BLE001 a child must not run on into the parent's tests
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert manager.unwrap(wrapped, aad=AAD) == b"k"


def test_the_key_never_leaves_the_token(token):
    manager = Pkcs11Manager.create(token.place())
    ((key,),) = manager._ours(manager._session).values()
    with pytest.raises(pkcs11.AttributeSensitive):
        key[Attribute.VALUE]
    assert key[Attribute.NEVER_EXTRACTABLE]


def test_a_key_that_could_leave_the_token_is_none_of_ours(token):
    manager = Pkcs11Manager.create(token.place())
    manager._session.generate_key(
        KeyType.AES,
        256,
        id=(9).to_bytes(4, "big"),
        label=manager._place.key,
        store=True,
        template={Attribute.EXTRACTABLE: True, Attribute.SENSITIVE: False},
    )
    assert manager.describe().versions == (1,)


def test_two_keys_of_one_version_both_open_what_they_wrapped(token):
    manager = Pkcs11Manager.create(token.place())
    first = manager.wrap(b"one", aad=AAD)
    manager._make(1)
    second = [manager.wrap(b"two", aad=AAD) for _ in range(4)]
    assert manager.unwrap(first, aad=AAD) == b"one"
    assert {manager.unwrap(each, aad=AAD) for each in second} == {b"two"}
    with pytest.raises(vault.SealBroken):
        manager.unwrap(first, aad=b"other")


def test_only_a_token_of_hardware_proves_shredding(token):
    manager = Pkcs11Manager.create(token.place())
    assert not manager.proves_shred
    assert "software" in manager.describe().text
    manager._is_hardware = True
    assert manager.describe().proves_shred
    assert "hardware" in manager.describe().text


# AWS


@pytest.fixture
def kms(aws_port):
    with faults.between(aws_port) as proxy:
        place = KmsPlace(
            "eu-west-2", key=f"k{uuid4().hex[:8]}", endpoint=f"http://127.0.0.1:{proxy.port}"
        )
        yield AwsKmsManager.create(place), proxy


def test_what_aws_logs_in_the_clear_names_nobody():
    said = aws_kms._bound(1, vault.context("safelight-tenant-key-v1", UUID(int=7), 1))
    assert str(UUID(int=7)) not in repr(said)
    assert UUID(int=7).hex not in repr(said)


def test_without_credentials_it_is_said(kms, monkeypatch):
    manager, _ = kms
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(KeyManagerRefuses, match="credentials"):
        AwsKmsManager(manager._place).describe()


def test_aws_that_breaks_once_is_asked_again(kms):
    manager, proxy = kms
    wrapped = manager.wrap(b"k", aad=AAD)
    fresh = AwsKmsManager(manager._place)
    proxy.faults = [Fault.LOST]
    assert fresh.unwrap(wrapped, aad=AAD) == b"k"


def test_aws_that_is_too_slow_is_not_waited_for(kms):
    manager, proxy = kms
    proxy.always = Fault.SILENT
    with pytest.raises(KeyManagerAway, match="slow"):
        AwsKmsManager(manager._place).describe()


def test_two_rotations_at_once_make_one_version(kms):
    manager, _ = kms
    manager._make(2)
    manager._make(2)
    assert manager.describe().versions == (1, 2)
    keys = manager._ask("list_keys")["Keys"]
    states = [
        manager._ask("describe_key", KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] for key in keys
    ]
    assert "PendingDeletion" in states


def test_a_destroyed_version_is_disabled_and_on_its_way_out(kms):
    manager, _ = kms
    gone = manager._aliases()[1]
    manager.rotate()
    manager._discard(gone)
    manager.destroy_version(1)
    said = manager._ask("describe_key", KeyId=gone)["KeyMetadata"]
    assert said["KeyState"] == "PendingDeletion"
    assert manager.describe().versions == (2,)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InvalidCiphertextException", vault.SealBroken),
        ("IncorrectKeyException", vault.SealBroken),
        ("DisabledException", VersionDestroyed),
        ("ThrottlingException", KeyManagerAway),
        ("503", KeyManagerAway),
        ("AccessDeniedException", KeyManagerRefuses),
        ("ExpiredTokenException", KeyManagerRefuses),
    ],
)
def test_each_code_of_aws_has_its_error(code, kind):
    assert isinstance(aws_kms._of(code), kind)


@pytest.mark.parametrize(
    "wrong",
    [{"region": ""}, {"key": "a key"}, {"endpoint": "http://kms.practice.example"}],
    ids=str,
)
def test_a_place_that_does_not_fit_is_refused(wrong):
    with pytest.raises(KeyManagerError):
        KmsPlace(**{"region": "eu-west-2"} | wrong)


# remembered


def test_a_far_manager_is_asked_once_a_minute_for_the_same(proxied):
    manager, proxy = proxied
    clock = [0.0]
    known = Remembering(manager, seconds=60, clock=lambda: clock[0])
    wrapped = manager.wrap(b"k", aad=AAD)
    proxy.seen.clear()
    for _ in range(5):
        assert known.unwrap(wrapped, aad=AAD) == b"k"
    assert len(proxy.seen) == 1
    with pytest.raises(vault.SealBroken):
        known.unwrap(wrapped, aad=b"other")
    clock[0] = 61.0
    proxy.always = Fault.LOST
    with pytest.raises(KeyManagerAway):
        known.unwrap(wrapped, aad=AAD)


def test_pictures_open_for_a_minute_while_the_manager_is_away(tmp_path, proxied):
    manager, proxy = proxied
    clock = [0.0]
    known = Remembering(manager, seconds=60, clock=lambda: clock[0])
    store, image, erased = KeyStore(tmp_path / "keys.db", known), uuid4(), uuid4()
    for each in (image, erased):
        store.put(each, data_key=vault.new_key(), **SET)
    proxy.always = Fault.LOST
    assert store.get(image, **SET)
    assert store.erase([erased]).scrubbed
    with pytest.raises(Exception, match=str(erased)):
        store.get(erased, **SET)
    clock[0] = 61.0
    with pytest.raises(KeyManagerAway):
        store.get(image, **SET)
    store.close()
