"""A move as the flows, the worker and the command do it: logged, shown, resumed, undone, let go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from backup.conftest import Surgery, surgery, template
from backup.test_restoring import LATER, NOW, back_up, caught_up, elsewhere, opens, tell
from safelight import ledger, storage
from safelight.flows import (
    backing,
    key_backups,
    key_managers,
    key_moving,
    key_rounds,
    key_status,
    receipts,
    stores,
)
from safelight.records.models import LedgerEntry
from servers import managing
from web.test_commands import init, safelight

__all__ = ["surgery", "template"]
DAY = timedelta(days=1)


@pytest.fixture
def token_settings(surgery: Surgery, token, settings) -> Iterator[dict[str, object]]:
    """What the settings say of a token; they say it already, and name the key file still."""
    place = token.place()
    said = {
        "pkcs11_module": place.module,
        "pkcs11_token": place.token,
        "pkcs11_pin_file": place.pin_file,
        "pkcs11_key": place.key,
        "key_manager": "pkcs11",
        "key_manager_before": "sealed-file",
    }
    yield said
    stores.close()


def to_the_token(said: dict[str, object], settings) -> storage.KeyManager:
    """Do what the command does before the move: make the manager ready, name both in the settings."""
    config = replace(settings.CONFIG, **said)
    manager = key_moving.made_ready(config, "")
    settings.CONFIG = config
    return manager


def kinds() -> list[str]:
    return list(LedgerEntry.objects.order_by("index").values_list("kind", flat=True))


def alarms(now: datetime) -> dict[str, key_status.Alarm]:
    return {each.what: each for each in key_status.status(now=now).alarms}


def test_a_move_is_in_the_ledger_and_on_the_page_until_the_former_is_gone(
    surgery: Surgery, token_settings, settings
):
    photo = surgery.take()
    back_up(surgery)
    assert key_backups.first_needed() == 1
    key_moving.demand_possible("pkcs11")
    with pytest.raises(key_moving.CannotMove, match="already"):
        key_moving.demand_possible("sealed-file")
    manager = to_the_token(token_settings, settings)
    assert stores.keys().manager.kind == "sealed-file"
    key_moving.move(manager, now=LATER)
    stores.close()
    assert stores.keys().manager.kind == "pkcs11", "a new start reads it from the key store"
    assert opens(photo, surgery.gp)
    assert kinds().count("keys.moved") == 1
    entry = LedgerEntry.objects.get(kind="keys.moved")
    assert {"to": "pkcs11", "left": "sealed-file"}.items() <= ledger.read_entry(
        bytes(entry.body)
    ).details.items()
    key_moving.move(manager, now=LATER)
    key_rounds.go(now=LATER)
    assert kinds().count("keys.moved") == 1, "the same again is the same move"
    # A backup of before says nothing of the versions of now.
    assert key_backups.first_needed() is None
    said = alarms(LATER)
    assert "moved away from sealed-file" in said["former key manager"].text
    assert not said["former key manager"].bad
    assert "since the keys were moved" in said["backup"].text
    assert key_moving.let_go(now=LATER + 30 * DAY) == (), "no newer backup was verified"
    assert alarms(LATER + 9 * DAY)["former key manager"].bad
    made = backing.back_up_keys(surgery.keys_to, now=LATER + DAY)
    assert not any(part.of == backing.SEAL for part in made.parts), (
        "the key file isn't needed for it"
    )
    assert key_moving.let_go(now=LATER + 5 * DAY) == ()
    seal = Path(settings.SAFELIGHT_SEAL)
    assert seal.exists()
    assert key_moving.let_go(now=LATER + 8 * DAY) == (1,)
    assert not seal.exists()
    assert key_moving.let_go(now=LATER + 9 * DAY) == ()
    assert kinds().count("keys.versions-destroyed") == 1
    assert "former key manager" not in alarms(LATER + 9 * DAY)
    assert "no longer open" in key_status.status(now=LATER + 9 * DAY).moved
    assert opens(photo, surgery.gp)


@pytest.mark.parametrize("where", ["move", "rotate", "renew_patients", "note_entered"])
@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
def test_stopped_at_any_step_it_opens_and_the_worker_or_the_command_goes_on(
    surgery: Surgery, token_settings, settings, monkeypatch, where, is_done
):
    photo = surgery.take()
    manager = to_the_token(token_settings, settings)
    keys = stores.keys()
    owner = keys.nightly if where == "rotate" else keys.moving
    real = getattr(owner, where)

    class Stopped(BaseException):
        pass

    def stopped(*args, **given):
        if is_done:
            real(*args, **given)
        raise Stopped

    monkeypatch.setattr(owner, where, stopped)
    with pytest.raises(Stopped):
        key_moving.move(manager, now=LATER)
    stores.close()
    assert opens(photo, surgery.gp)
    if where == "move" and not is_done:
        assert stores.keys().manager.kind == "sealed-file"
        key_moving.move(manager, now=LATER)
    else:
        if where in ("move", "rotate"):
            assert not alarms(LATER)["move"].bad
            assert alarms(LATER + 2 * DAY)["move"].bad
        key_rounds.go(now=LATER)
    stores.close()
    assert opens(photo, surgery.gp)
    assert (stores.keys().manager.kind, kinds().count("keys.moved")) == ("pkcs11", 1)
    assert stores.keys().moving.state().is_renewed


def test_a_former_manager_over_the_network_destroys_its_versions(
    surgery: Surgery, token_settings, settings, bao
):
    place = {"openbao_url": bao.url, "openbao_token_file": bao.token_file}
    place |= {"openbao_key": f"safelight-{uuid4().hex[:8]}", "key_manager": "openbao"}
    photo = surgery.take()
    said = place | {"key_manager_before": "sealed-file"}
    key_moving.move(to_the_token(said, settings), now=NOW)
    with pytest.raises(key_moving.CannotMove, match="moved not long ago"):
        key_moving.demand_possible("pkcs11")
    key_moving.demand_possible("sealed-file")
    key_moving.demand_possible("openbao")
    backing.back_up_keys(surgery.keys_to, now=NOW + DAY)
    assert key_moving.let_go(now=NOW + 8 * DAY) == (1,)
    with pytest.raises(key_moving.CannotMove, match="already"):
        key_moving.demand_possible("openbao")
    said = token_settings | {"key_manager_before": "openbao"}
    key_moving.move(to_the_token(said, settings), now=NOW + 9 * DAY)
    former = key_managers.of_kind("openbao")
    wrapped = former.describe().versions
    backing.back_up_keys(surgery.keys_to, now=NOW + 10 * DAY)
    assert key_moving.let_go(now=NOW + 20 * DAY) == wrapped
    assert not set(former.describe().versions) & set(wrapped)
    assert opens(photo, surgery.gp)
    # Of this picture nothing can be proved: its first backup lay under a file.
    assert not receipts.is_backup_gone_for_sure([photo.pk])


def test_a_manager_that_does_not_answer_is_not_moved_to(
    surgery: Surgery, settings, token, monkeypatch
):
    config = replace(settings.CONFIG, key_manager="openbao", openbao_url="http://127.0.0.1:1")
    with pytest.raises(stores.KeysOutOfReach):
        key_moving.made_ready(config, "")
    place = token.place()
    config = replace(
        settings.CONFIG,
        key_manager="pkcs11",
        pkcs11_module=place.module,
        pkcs11_token=place.token,
        pkcs11_pin_file=place.pin_file,
        pkcs11_key=place.key,
    )
    from safelight.storage.pkcs11_token import Pkcs11Manager

    ill = storage.Health(ok=False, text="The token is ill.")
    monkeypatch.setattr(Pkcs11Manager, "health", lambda _: ill)
    with pytest.raises(key_moving.CannotMove, match="ill"):
        key_moving.made_ready(config, "")


def test_backups_of_before_and_of_after_come_back_each_under_its_manager(
    surgery: Surgery, token_settings, settings
):
    photo = surgery.take()
    back_up(surgery)
    key_moving.move(to_the_token(token_settings, settings), now=LATER)
    tell(surgery)
    with elsewhere(surgery, name="of-before") as other:
        settings.CONFIG = replace(settings.CONFIG, **token_settings)
        caught_up(surgery, other)
        assert stores.keys().manager.kind == "sealed-file"
        assert opens(photo, surgery.gp)
    stores.close()
    backing.back_up_keys(surgery.keys_to, now=LATER + DAY)
    with elsewhere(surgery, name="of-after") as other:
        settings.CONFIG = replace(settings.CONFIG, **token_settings)
        caught_up(surgery, other)
        assert stores.keys().manager.kind == "pkcs11"
        assert opens(photo, surgery.gp)


def test_the_command_moves_says_so_and_moves_back(tmp_path: Path, token: managing.SoftToken):
    home, place = tmp_path / "home", token.place()
    assert init(home).returncode == 0
    words = ["keys", "move", "--home", str(home), "--to", "pkcs11"]
    lacking = safelight(*words)
    assert (lacking.returncode, "needs --pkcs11-module" in lacking.stderr) == (2, True)
    words += ["--pkcs11-module", str(place.module), "--pkcs11-token", place.token]
    words += ["--pkcs11-pin-file", str(place.pin_file), "--pkcs11-key", place.key]
    contrary = safelight(*words, SAFELIGHT_KEY_MANAGER="sealed-file")
    assert (contrary.returncode, "SAFELIGHT_KEY_MANAGER" in contrary.stderr) == (2, True)
    before = (home / "safelight.toml").read_text()
    told = safelight(*words)
    assert told.returncode == 0, told.stderr
    assert "The keys are under pkcs11. Nothing here is wrapped by sealed-file" in told.stdout
    assert "restart the servers" in told.stderr
    said = (home / "safelight.toml").read_text()
    assert 'key_manager_before = "sealed-file"' in said
    assert set(before.splitlines()) <= set(said.splitlines())
    status = json.loads(safelight("keys", "status", "--json", "--home", str(home)).stdout)
    assert (status["key_manager"], status["former"]["key_manager"]) == ("pkcs11", "sealed-file")
    doctor = safelight("doctor", "--json", "--home", str(home))
    found = {each["what"]: each for each in map(json.loads, doctor.stdout.splitlines())}
    assert "moved away from sealed-file" in found["keys, former key manager"]["text"]
    again = safelight("keys", "move", "--home", str(home), "--to", "pkcs11", "--json")
    assert json.loads(again.stdout) == {"key_manager": "pkcs11", "left": "sealed-file"}
    third = safelight(
        "keys", "move", "--home", str(home), "--to", "aws-kms", "--aws-kms-region", "x"
    )
    assert (third.returncode, "moved back" in third.stderr) == (1, True)
    back = ["keys", "move", "--home", str(home), "--to", "sealed-file"]
    short = tmp_path / "short"
    short.write_text("short")
    assert safelight(*back, "--passphrase-file", str(short)).returncode == 2
    assert safelight(*back).returncode == 2, "nobody is there to be asked"
    told = safelight(*back, "--passphrase-file", str(tmp_path / "passphrase"))
    assert told.returncode == 0, told.stderr
    told = safelight("keys", "status", "--home", str(home))
    assert "moved away from pkcs11" in told.stdout
    assert safelight("keys", "destroy-old", "--home", str(home)).returncode == 0


def test_settings_that_lines_can_not_change_are_left_to_a_person(tmp_path, token):
    home, place = tmp_path / "home", token.place()
    assert init(home).returncode == 0
    settings_file = home / "safelight.toml"
    settings_file.write_text(settings_file.read_text() + 'mail_from = """\nkey_manager = 1\n"""\n')
    before = settings_file.read_text()
    words = ["keys", "move", "--home", str(home), "--to", "pkcs11"]
    words += ["--pkcs11-module", str(place.module), "--pkcs11-token", place.token]
    told = safelight(*words, "--pkcs11-pin-file", str(place.pin_file), "--pkcs11-key", place.key)
    assert (told.returncode, "yourself first" in told.stderr) == (1, True)
    assert settings_file.read_text() == before
