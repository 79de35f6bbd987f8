"""A process of its own: phones send while a sweep without any lease takes away what isn't owned yet.

usage: sweep_racer.py FOLDER right|unchecked
`unchecked` plants a mistake: no second look at the key. The race finds it in most runs, not in each.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
from datetime import timedelta
from pathlib import Path

home, what = Path(sys.argv[1]), sys.argv[2]
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "safelight.web.settings",
    "SAFELIGHT_MODE": "test",
    "SAFELIGHT_HOME": str(home),
    "SAFELIGHT_PASSPHRASE": "only made-up pictures are kept here",
}
sys.path[:0] = [str(Path(__file__).parents[1])]

import django  # noqa: E402 - after the settings are named

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import close_old_connections  # noqa: E402
from django.utils import timezone  # noqa: E402

from factories import patient, practice, staff  # noqa: E402
from flows.conftest import CHEAP, PASSPHRASE, SITE, agree, jpeg, sealed  # noqa: E402
from safelight.flows import capture, inventory, keeping, stores  # noqa: E402
from safelight.flows import staff as installations  # noqa: E402
from safelight.records.models import Photo  # noqa: E402
from safelight.terms import Purpose  # noqa: E402

PHONES, PICTURES, TRIES = 3, 4, 60


def plant() -> None:
    """Put a mistake in the place of what keeps a sweep and an upload apart."""
    if what == "unchecked":
        keeping.is_still_kept = lambda *_ids, **_more: True


def main() -> None:
    call_command("migrate", verbosity=0)
    installations.make_stores(PASSPHRASE, cost=CHEAP)
    surgery = practice()
    gp, adult = staff(practice=surgery), patient(practice=surgery)
    consent, _ = agree(adult, gp)
    plant()
    done, refused, received = threading.Event(), [], []

    def phone(number: int) -> None:
        for n in range(PICTURES):
            parcel = sealed(jpeg(side=80, seed=number * 100 + n), tenant=surgery.pk)
            for _ in range(TRIES):
                if send(parcel):
                    break
                done.wait(0.1)
        close_old_connections()

    def send(parcel: tuple[str, bytes]) -> bool:
        try:
            made = capture.receive(
                *parcel,
                patient=adult,
                consent=consent,
                body_site=SITE,
                made_for=Purpose.CARE,
                by=gp,
                now=timezone.now(),
            )
        except capture.CaptureRefused as error:
            refused.append(type(error).__name__)
            return False
        assert isinstance(made, Photo), made
        received.append(made.pk)
        return True

    pause = random.Random(4)
    # What is half written is raced in the stores' own tests; without a lease it would end every upload.
    stores.blobs().sweep_unfinished = lambda _older_than: 0

    def sweep() -> None:
        while not done.is_set():
            keeping.sweep(now=timezone.now() + keeping.LEASE + timedelta(hours=1))
            done.wait(pause.uniform(0, 1.5))
        close_old_connections()

    sweeper = threading.Thread(target=sweep)
    phones = [threading.Thread(target=phone, args=(n,)) for n in range(PHONES)]
    for thread in (sweeper, *phones):
        thread.start()
    for thread in phones:
        thread.join()
    done.set()
    sweeper.join()
    keeping.sweep(now=timezone.now() + keeping.LEASE + timedelta(hours=1))
    found = inventory.look(now=timezone.now())
    said = {"received": len(set(received)), "rows": Photo.objects.count(), "refused": len(refused)}
    said |= {"gaps": found.gaps, "elsewhere": found.is_elsewhere, "keys": found.unowned_keys}
    said |= {"blobs": len(list(stores.blobs().names()))}
    sys.stdout.write(json.dumps(said))


main()
