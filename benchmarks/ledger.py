"""Signing a checkpoint on top of a long ledger, against reading all of that ledger.

An installation with made-up entries of a hundred thousand looks; some more are added, and the tree is
signed: first as it is done after each closing, from the last checkpoint on, then with the whole
ledger read, as each night. Processor time, of SQLite on this machine's disk.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

ENTRIES = int(os.environ.get("BENCH_ENTRIES", "100000"))
ADDED = 100
"""Entries since the last checkpoint: what an hour in a practice adds."""
ROUNDS = 5


def figures() -> dict[str, float | int | str]:
    """Return the seconds of both, and how many times as long the whole takes."""
    with tempfile.TemporaryDirectory(prefix="safelight-bench-") as work:
        kept = {name: text for name, text in os.environ.items() if "SAFELIGHT" not in name}
        environment = kept | {
            "DJANGO_SETTINGS_MODULE": "safelight.web.settings",
            "SAFELIGHT_MODE": "test",
            "SAFELIGHT_HOME": work,
            "SAFELIGHT_PASSPHRASE": "only made-up pictures are kept here",
        }
        command = [sys.executable, "-m", "benchmarks.ledger"]
        told = subprocess.run(
            command, env=environment, check=True, capture_output=True, text=True
        ).stdout
    found: dict[str, float | int | str] = json.loads(told.splitlines()[-1])
    return found


def _measured() -> dict[str, Any]:
    from django.conf import settings
    from django.core.management import call_command
    from django.utils import timezone

    from safelight.flows import evidence, staff
    from safelight.records.models import Practice

    staff.make_stores(str(settings.SAFELIGHT_PASSPHRASE))
    call_command("migrate", verbosity=0)
    now = timezone.now()
    surgery = Practice.objects.create(name="Lamplight Surgery", created_at=now)
    _add(ENTRIES, surgery, now=now)
    evidence.checkpoint(now=now)
    signing = []
    for number in range(1, ROUNDS + 1):
        _add(ADDED, surgery, now=now)
        at = now + timedelta(hours=number)
        signing.append(_timed(lambda at=at: evidence.checkpoint(now=at)))
    whole = min(_timed(lambda: evidence.verify(None)) for _ in range(2))
    return {
        "ledger_entries": ENTRIES,
        "ledger_sign_ms": round(min(signing) * 1000, 2),
        "ledger_whole_ms": round(whole * 1000, 1),
        "ledger_whole_vs_sign_ratio": round(whole / min(signing), 1),
    }


def _add(many: int, practice: Any, *, now: Any) -> None:
    """Append entries as `log.append` does, without a transaction for each."""
    import uuid

    from django.db import transaction

    from safelight import ledger
    from safelight.records import log
    from safelight.records.models import LedgerEntry

    with transaction.atomic():
        head = log.hold()
        tree = ledger.Frontier.from_bytes(bytes(head.frontier))
        rows = []
        for _ in range(many):
            subject, photo = str(uuid.uuid4()), str(uuid.uuid4())
            details = {"practice": str(practice.pk), "photo": photo, "purpose": "care"}
            body = ledger.canonical(ledger.Entry("photo.viewed", subject, "system", now, details))
            said = {"practice": practice, "kind": "photo.viewed", "subject": subject, "at": now}
            rows.append(LedgerEntry(index=tree.size, body=body, **said))
            tree = tree.append(ledger.leaf_hash(body))
        LedgerEntry.objects.bulk_create(rows, batch_size=2000)
        head.size, head.frontier = tree.size, tree.to_bytes()
        head.save(update_fields=["size", "frontier"])


def _timed(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began


if __name__ == "__main__":
    import django

    django.setup()
    print(json.dumps(_measured()))
