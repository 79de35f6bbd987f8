"""After R days an old backup of keys opens nothing, on the key managers that can destroy.

With everything a thief could have gathered: the words from the safe, every backup of records, the
old backup of keys, and the key manager as it is now, with its token or PIN.
"""

from __future__ import annotations

import os
import shutil
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from backup.conftest import NOW, Surgery, surgery, template
from backup.test_nothing_comes_back import open_now, restored, seal_pictures
from flows.conftest import CHEAP, PASSPHRASE
from installing import here
from safelight.flows import backing, being_restored, key_rounds, restoring, staff, stores, withdraw
from safelight.storage import backups
from safelight.terms import Purpose

__all__ = ["surgery", "template"]
PICTURES = int(os.environ.get("TEST_SHREDDED", "12"))
R = 7
DAY = timedelta(days=1)


@pytest.fixture(params=["openbao", "pkcs11"])
def manager(request, settings, surgery: Surgery) -> str:
    """Have the surgery's keys under a key manager outside, from their first on."""
    if request.param == "openbao":
        server = request.getfixturevalue("bao")
        said: dict[str, Any] = {
            "openbao_url": server.url,
            "openbao_token_file": server.token_file,
            "openbao_key": f"safelight-{uuid.uuid4().hex[:8]}",
        }
    else:
        place = request.getfixturevalue("token").place()
        said = {
            "pkcs11_module": place.module,
            "pkcs11_token": place.token,
            "pkcs11_pin_file": place.pin_file,
            "pkcs11_key": place.key,
        }
    stores.close()
    for path in (surgery.place.keys, surgery.place.seal):
        path.unlink(missing_ok=True)
    settings.CONFIG = replace(settings.CONFIG, key_manager=request.param, **said)
    settings.SAFELIGHT_KEY_DAYS = R
    staff.make_stores(PASSPHRASE, cost=CHEAP)
    return str(request.param)


def nights(surgery: Surgery, last: int) -> None:
    """Do what the worker and the timer do: renew and destroy each night, back the keys up each day."""
    for day in range(1, last + 1):
        now = NOW + day * DAY
        key_rounds.rotate(now=now)
        backing.back_up_keys(surgery.keys_to, now=now)
        key_rounds.destroy_old(now=now)


def only(surgery: Surgery, kept: backups.Manifest) -> None:
    """Throw every set of keys away but one: what somebody had put aside."""
    for each in backups.find(surgery.keys_to.sets).sets:
        if each.id != kept.id:
            backups.delete_set(surgery.keys_to.sets, each.id)


def test_an_old_epochs_backup_of_keys_opens_nothing_after_r_days(surgery: Surgery, manager: str):
    surgery.photos = seal_pictures(surgery, PICTURES)
    records = backing.back_up_records(surgery.to, now=NOW)
    old = backing.back_up_keys(surgery.keys_to, now=NOW)
    for photo in surgery.photos:
        withdraw.withdraw_picture(photo, purposes=[Purpose.CARE], by=surgery.gp, now=NOW)
    nights(surgery, 1)
    aside = shutil.copytree(surgery.root / "key-backups", surgery.root / "aside")
    only(surgery, old)
    opened = restored(surgery, "thief-in-time", records, replay=False)
    assert len(opened) == PICTURES, "within R days they still open: this question can find it"

    shutil.rmtree(surgery.root / "key-backups")
    aside.rename(surgery.root / "key-backups")
    nights(surgery, R + 3)
    only(surgery, old)
    (surgery.root / "thief" / "keys").mkdir(parents=True)
    with here(surgery.root / "thief"):
        restore = restoring.Restore(key=surgery.key, now=NOW + 20 * DAY)
        with pytest.raises(restoring.KeysDontOpen):
            restore.bring_back(surgery.to, set_id=records.id, keys=surgery.keys_to)
        being_restored.end()
        assert open_now([photo.pk for photo in surgery.photos]) == []


def test_what_stays_opens_from_the_newest_backup_all_the_same(surgery: Surgery, manager: str):
    """The other side: destruction waits for a backup that opens, so that there always is one."""
    surgery.photos = seal_pictures(surgery, 3)
    nights(surgery, R + 3)
    records = backing.back_up_records(surgery.to, now=NOW + 11 * DAY)
    opened = restored(surgery, "again", records, replay=False)
    assert set(opened) == {photo.pk for photo in surgery.photos}
