"""A process of its own with real files, to be killed in the middle of a withdrawal."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path

home, what = Path(sys.argv[1]), sys.argv[2]
PASSPHRASE = "only made-up pictures are kept here"
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "safelight.web.settings",
    "SAFELIGHT_MODE": "test",
    "SAFELIGHT_HOME": str(home),
    "SAFELIGHT_PASSPHRASE": PASSPHRASE,
}
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import django  # noqa: E402 - after the settings are named

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import close_old_connections, connection  # noqa: E402

from safelight import storage  # noqa: E402
from safelight.flows import erasing, evidence, share, stores, withdraw  # noqa: E402
from safelight.records.models import LedgerEntry, Link, OutgoingMail, Photo  # noqa: E402
from safelight.terms import Purpose  # noqa: E402

ALL = (Purpose.CARE, Purpose.SECOND_OPINION)


def prepare() -> Photo:
    from conftest import CHEAP, agree, take
    from factories import NOW, patient, practice, staff

    (home / "keys").mkdir()
    storage.SealedFileManager.create(settings.SAFELIGHT_SEAL, PASSPHRASE, cost=CHEAP)
    call_command("migrate", verbosity=0)
    surgery = practice()
    gp, adult = staff(practice=surgery), patient(practice=surgery)
    return take(adult, gp, agree(adult, gp, *ALL)[0], now=NOW)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def crash(photo: Photo) -> None:
    """Withdraw, and die at the named point. The store's own methods run before it."""
    keys, blobs = stores.keys(), stores.blobs()
    erase, delete = keys.erase, blobs.delete
    if what == "before-keys":
        keys.erase = lambda ids: die()
    if what == "after-keys":
        keys.erase = lambda ids: (erase(ids), die())
    if what == "after-blobs":
        names = []

        def last(name: str) -> bool:
            names.append(name)
            gone = delete(name)
            if len(names) == 3:
                die()
            return gone

        blobs.delete = last
    withdraw.withdraw(photo.consent, purposes=ALL, by=None, now=photo.taken_at + timedelta(days=1))


def finish() -> None:
    photo = Photo.objects.get()
    before = photo.state
    erasing.finish_pending(now=photo.taken_at + timedelta(days=1))
    photo.refresh_from_db()
    evidence.checkpoint(now=photo.taken_at + timedelta(days=1))
    sys.stdout.write(
        json.dumps(
            {
                "state_before": before,
                "state": photo.state,
                "key": "erased" if stores.keys().is_erased(photo.pk) else "there",
                "blobs": list(stores.blobs().names()),
                "destroyed_entries": LedgerEntry.objects.filter(kind="keys.destroyed").count(),
                "ledger": evidence.verify(None).ok,
            }
        )
    )


def race(photo: Photo) -> None:
    """Several browsers press at once, one is bound; it looks on while the patient withdraws."""
    now = photo.taken_at + timedelta(hours=2)
    asked = share.ask_colleague(
        photo,
        recipient_name="Dr Skin",
        recipient_email="skin@hospital.example",
        question="?",
        expires=now + timedelta(days=1),
        by=photo.taken_by,
        now=now,
    )
    share.knock(asked.secret, browser_token="none yet", now=now)
    code = OutgoingMail.objects.get(subject="Your code").text[:7]
    bound: list[str] = []

    def press(browser: str) -> None:
        try:
            share.open_link(asked.secret, code=code, browser_token=browser, now=now)
        except (share.LinkIsShut, share.CodeIsWrong):
            return
        finally:
            close_old_connections()
        bound.append(browser)

    _all(threading.Thread(target=press, args=(f"browser {n}",)) for n in range(4))
    looks, shown_after = watch(photo, asked.link, bound[0])
    said = {"looks": looks, "shown_after": shown_after, "bound": len(bound)}
    sys.stdout.write(json.dumps(said))


def watch(photo: Photo, link: Link, browser: str) -> tuple[int, int]:
    """Look again and again while it is withdrawn: how often, and how often after it was done."""
    now = photo.taken_at + timedelta(hours=2)
    done, looks, shown_after = threading.Event(), [], []

    def look() -> None:
        while len(looks) < 200:
            began_after = done.is_set()
            looks.append(True)
            try:
                share.opened_link(link.pk, browser_token=browser, now=now)
            except share.LinkIsShut:
                if began_after:
                    break
            else:
                shown_after.extend([True] * began_after)
        close_old_connections()

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    while len(looks) < 30:
        done.wait(0.01)
    withdraw.withdraw(photo.consent, purposes=ALL, by=None, now=now)
    done.set()
    for thread in threads:
        thread.join()
    return len(looks), len(shown_after)


def full(photo: Photo) -> None:
    """Fill the disk to its last byte, then withdraw."""
    stores.keys()
    if connection.vendor == "sqlite":
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (home / "filler").open("ab", buffering=0) as filler:
        for size in (2**16, 4096, 1):
            try:
                while True:
                    filler.write(bytes(size))
            except OSError:
                continue
    was_full = not (home / "filler").stat().st_size < 2**20
    withdraw.withdraw(photo.consent, purposes=ALL, by=None, now=photo.taken_at + timedelta(days=1))
    photo.refresh_from_db()
    key = "erased" if stores.keys().is_erased(photo.pk) else "there"
    sys.stdout.write(json.dumps({"state": photo.state, "key": key, "was_full": was_full}))


def _all(threads) -> None:
    threads = list(threads)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if what == "finish":
    finish()
elif what == "race":
    race(prepare())
elif what == "full":
    full(prepare())
else:
    crash(prepare())
