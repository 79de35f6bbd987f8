"""How long a backup and a restore of 10,000 pictures take, on this machine's own disk.

The pictures are made up: small sealed files (20, 8 and 2 KiB of noise, where real ones have some
megabytes) with real keys, rows and ledger entries. So the figures are those of the many small steps
(checks, waits for the disk, keys, entries); reading and writing the bytes of larger pictures adds what
the disk and the network need for them.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

PICTURES = int(os.environ.get("BENCH_PICTURES", "10000"))
SIZES = {"original": 20 * 1024, "view": 8 * 1024, "thumb": 2 * 1024}
OPENED = 500


def figures() -> dict[str, float | int | str]:
    """Return the figures of a practice that is made, backed up, lost and brought back."""
    with tempfile.TemporaryDirectory(prefix="safelight-bench-") as work:
        root = Path(work)
        (root / "witness").mkdir()
        first = _in_a_process("first", root, root / "first")
        again = _in_a_process("again", root, root / "again")
    return {"pictures": PICTURES, **first, **again}


def _in_a_process(what: str, root: Path, home: Path) -> dict[str, Any]:
    (home / "keys").mkdir(parents=True)
    environment = {name: text for name, text in os.environ.items() if "SAFELIGHT" not in name}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "safelight.web.settings",
        "SAFELIGHT_MODE": "test",
        "SAFELIGHT_HOME": str(home),
        "SAFELIGHT_PASSPHRASE": "only made-up pictures are kept here",
    }
    command = [sys.executable, "-m", "benchmarks.restore", what, str(root)]
    told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    return found


def _timed(act: Callable[[], Any]) -> float:
    began = time.monotonic()
    act()
    return round(time.monotonic() - began, 1)


def _first(root: Path) -> dict[str, Any]:
    """Make the practice, back it up, take ten pictures back, and tell the witness."""
    from django.conf import settings
    from django.core.management import call_command
    from django.utils import timezone

    from safelight.flows import backing, staff, witnessing
    from safelight.storage import backups

    staff.make_stores(str(settings.SAFELIGHT_PASSPHRASE))
    call_command("migrate", verbosity=0)
    now = timezone.now()
    (root / "words").write_text(backing.make_key().to_words())
    withdraw_some = _pictures(now=now)
    to, keys_to = backups.target(str(root / "records")), backups.target(str(root / "keys"))
    told = {
        "backup_seconds": _timed(lambda: backing.back_up_records(to, now=now)),
        "backup_keys_seconds": _timed(lambda: backing.back_up_keys(keys_to, now=now)),
        "backup_with_nothing_new_seconds": _timed(lambda: backing.back_up_records(to, now=now)),
    }
    withdraw_some(now)
    told["witness_seconds"] = _timed(lambda: witnessing.tell(str(root / "witness"), now=now))
    return told


def _again(root: Path) -> dict[str, Any]:
    """Bring it back on another machine, and open pictures there."""
    from django.utils import timezone

    from safelight.flows import drilling, restoring, witnessing
    from safelight.storage import backups

    restore = restoring.opened((root / "words").read_text(), now=timezone.now())
    to, keys_to = backups.target(str(root / "records")), backups.target(str(root / "keys"))
    back = _timed(lambda: restore.bring_back(to, keys=keys_to))
    caught = _timed(lambda: restore.catch_up(witnessing.witness(str(root / "witness"))))
    opened = drilling.open_all(most=OPENED)
    return {
        "restore_seconds": round(back + caught, 1),
        "restore_minutes": round((back + caught) / 60, 2),
        **{f"restore_{name}_seconds": spent for name, spent in restore.report.seconds.items()},
        "destroyed_again": restore.report.destroyed_again,
        "opened": opened.pictures,
        "opened_failed": len(opened.failed),
        "erased_that_open": len(opened.erased_that_open),
        "open_one_ms": round(opened.seconds / max(1, opened.pictures) * 1000, 1),
    }


def _pictures(*, now: Any) -> Callable[[Any], None]:
    from django.conf import settings
    from django.db import transaction

    from safelight import vault
    from safelight.flows import stores, withdraw
    from safelight.flows.capture import blob_context
    from safelight.policy.roles import Role
    from safelight.records import log
    from safelight.records.models import Patient, Photo, Practice, Staff
    from safelight.terms import Purpose

    practice = Practice.objects.create(name="Made-up Surgery", created_at=now)
    gp = Staff.objects.create_user("gp@made-up.example", practice=practice, name="GP", role=Role.GP)
    people = [
        Patient.objects.create(
            practice=practice, name=f"Made-Up {number}", born_on=now.date(), created_at=now
        )
        for number in range(max(1, PICTURES // 10))
    ]
    folder = Path(settings.SAFELIGHT_BLOBS)
    photos = []
    for number in range(PICTURES):
        of, key = people[number % len(people)], vault.new_key()
        photo = Photo(
            practice=practice,
            patient=of,
            sha256="0" * 64,
            body_site="Left lower leg",
            lawful_reason="a benchmark",
            taken_at=now,
            received_at=now - timedelta(days=2),
            taken_by=gp,
            width=1,
            height=1,
            decision={},
        )
        photo.capture_id = photo.pk
        stores.keys().put(photo.pk, tenant=practice.pk, patient=of.pk, version=1, data_key=key)
        for kind, size in SIZES.items():
            name = photo.blob if kind == "original" else photo.derived_blob(kind)
            under = key if kind == "original" else vault.derive(key, kind)
            noise = secrets.token_bytes(size)
            blob = vault.seal(under, noise, context=blob_context(photo, kind))
            (folder / name).write_bytes(blob)  # the making isn't measured: no wait for the disk
        photos.append(photo)
    with transaction.atomic():
        Photo.objects.bulk_create(photos, batch_size=500)
        for photo in photos:
            subject = photo.patient.subject
            details = {"photo": photo.pk, "made_for": "care"}
            for kind in ("photo.captured", "photo.not-opened", "photo.not-opened"):
                log.append(kind, practice=practice, subject=subject, by=gp, at=now, **details)

    def withdraw_some(at: Any) -> None:
        for photo in photos[:10]:
            withdraw.withdraw_picture(photo, purposes=[Purpose.CARE], by=gp, now=at)

    return withdraw_some


if __name__ == "__main__":
    import django

    django.setup()
    doing = {"first": _first, "again": _again}[sys.argv[1]]
    print(json.dumps(doing(Path(sys.argv[2]))))
