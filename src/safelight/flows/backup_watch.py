"""How backups stand: when each was last done, and what is overdue. For the page and the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

from safelight import vault
from safelight.flows import backing
from safelight.records.models import BackupRun, KeyBackupVerified, Practice, TreeHead

RECORDS_WITHIN = timedelta(hours=30)
"""Each night, with some hours for a long one."""
KEYS_WITHIN = timedelta(hours=6)
WITNESS_WITHIN = timedelta(hours=3)
DRILL_WITHIN = timedelta(days=100)
"""Each quarter."""
GRACE = timedelta(days=2)
"""A practice that was opened just now has had no night yet."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One thing, when it was last done well, and whether somebody has to do something."""

    what: str
    last_at: datetime | None
    is_late: bool
    text: str
    """What it is, or what to do."""


def standings(*, now: datetime) -> tuple[Standing, ...]:
    """Return how each of the four stands."""
    return (
        _of(
            "records",
            "Records and pictures",
            RECORDS_WITHIN,
            now=now,
            todo="Look at “safelight backup” and its timer.",
        ),
        _keys(now=now),
        _witness(now=now),
        _of(
            "drill",
            "Drill",
            DRILL_WITHIN,
            now=now,
            grace=DRILL_WITHIN,
            todo="Take the words from the safe: “safelight restore --drill”.",
        ),
    )


def has_key() -> bool:
    """Say whether there is a backup key, so that anything can be backed up at all."""
    try:
        backing.public_key()
    except (backing.NoBackupKey, vault.NotABackupKey):
        return False
    return True


def _of(
    kind: str, what: str, within: timedelta, *, now: datetime, todo: str, grace: timedelta = GRACE
) -> Standing:
    last, tried = BackupRun.objects.newest(kind), BackupRun.objects.newest_try(kind)
    if tried is not None and not tried.went_well:
        why = str(tried.figures.get("failed", "it didn’t come back whole"))
        return Standing(
            what, last.at if last else None, True, f"The last one failed: {why}. {todo}"
        )
    if last is None:
        return Standing(what, None, _is_grown_up(grace, now=now), f"Never yet. {todo}")
    late = now - last.at > within
    seconds = last.figures.get("seconds")
    took = f"It took {seconds} s." if seconds is not None else ""
    return Standing(what, last.at, late, todo if late else took)


def _keys(*, now: datetime) -> Standing:
    """Keys count when they were read back and opened."""
    found = _of(
        "keys",
        "Keys, read back and opened",
        KEYS_WITHIN,
        now=now,
        todo="Look at “safelight backup keys” and its timer: old keys can’t be destroyed without it.",
    )
    noted = KeyBackupVerified.objects.newest()
    return Standing(found.what, noted.made_at if noted else None, found.is_late, found.text)


def _witness(*, now: datetime) -> Standing:
    place = settings.CONFIG.witness_to
    what = "Told to the witness"
    if not place:
        text = "Nobody outside keeps what was taken back since the last backup: set witness_to."
        return Standing(what, None, _is_grown_up(GRACE, now=now), text)
    last = BackupRun.objects.newest("witness")
    if not Path(place).expanduser().is_dir():
        return Standing(what, last.at if last else None, True, "Its folder can’t be reached.")
    head = TreeHead.objects.filter(id=1).first()
    told = int(last.figures["size"]) if last is not None else 0
    behind = head is not None and head.size > told
    if last is None:
        late = behind and _is_grown_up(GRACE, now=now)
    else:
        late = behind and now - last.at > WITNESS_WITHIN
    text = "The worker isn’t telling it." if late else f"{told} entries"
    return Standing(what, last.at if last else None, late, text)


def _is_grown_up(grace: timedelta, *, now: datetime) -> bool:
    first = Practice.objects.order_by("created_at").first()
    return first is not None and now - first.created_at > grace
