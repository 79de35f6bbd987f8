"""Erased keys in live files, and keys, blobs and rows in each other's place.

Thousands of pictures are erased by the flow that a withdrawal takes. Then every file of the
installation is searched for pieces of every wrapped key there ever was, while the process lives.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.campaigns import planting
from benchmarks.campaigns.nursery import Nursery
from benchmarks.campaigns.outcome import Outcome

PLANTED = (planting.PLAIN_DELETE, planting.NO_SCRUB)
PLANTED_KEYS = 400
PIECE = 8
"""Bytes of a piece that is looked for; one in 2**64 places would hold it by chance."""
_STAY, _PORTION, _PATIENTS = 200, 50, 60


def run(
    work: Path, *, keys: int, planted: Iterable[str] = PLANTED, minutes: float = 600
) -> Outcome:
    """Erase that many; with each planted mistake a few. `minutes` is not used: it is short."""
    del minutes
    outcome = Outcome("residue")
    with Nursery(work) as nursery:
        if keys:
            nursery.reset()
            told = nursery.call("residue", keys=keys, plant="")[-1]
            outcome.tried = told["erased"]
            outcome.bad += [f"{name}: {n} pieces" for name, n in told["found"].items() if n]
            if told["live_found"] != told["live"]:
                outcome.bad.append(f"the search finds {told['live_found']} of {told['live']} live")
            outcome.figures |= {name: told[name] for name in ("wrapped_ever", "live", "files")}
        for plant in planted:
            nursery.reset()
            told = nursery.call("residue", keys=PLANTED_KEYS, plant=plant)[-1]
            outcome.found[plant] = sum(told["found"].values())
    return outcome


def work(say: Callable[[dict[str, Any]], None], *, keys: int, plant: str) -> None:
    """Keep and erase, in a fork; say what is left where."""
    from django.conf import settings
    from django.db import connections
    from django.utils import timezone

    from safelight.flows import stores

    planting.plant(plant, say)
    home, now = Path(settings.SAFELIGHT_HOME), timezone.now()
    stores.records_held()
    photos = _kept(keys + _STAY, now=now)
    ever = _wrapped()
    for portion in _portions(photos[:keys]):
        _erase(portion, now=now)
        ever |= _wrapped(of=portion[0].patient)
    live = _wrapped()
    files = {str(p.relative_to(home)): p for p in home.rglob("*") if p.is_file()}
    gone_pieces, live_pieces = _pieces(ever - live), _pieces(live)
    found = {name: _count(path.read_bytes(), gone_pieces) for name, path in files.items()}
    whole = files["keys/keys.db"].read_bytes()
    say(
        {
            "erased": keys,
            "wrapped_ever": len(ever),
            "live": len(live),
            "live_found": sum(each in whole for each in live),
            "pieces_live": int(live_pieces.size),
            "files": len(files),
            "found": found,
        }
    )
    stores.close()
    connections.close_all()


def _kept(count: int, *, now: datetime) -> list[Any]:
    """Keep keys for so many pictures of some dozen patients; the rows are written in bulk."""
    from factories import patient
    from safelight import vault
    from safelight.flows import stores
    from safelight.records.models import Photo, Practice, Staff

    practice, gp = Practice.objects.first(), Staff.objects.first()
    patients = [patient(practice=practice) for _ in range(_PATIENTS)]
    dice, photos = random.Random(7), []
    for _ in range(count):
        of, key = dice.choice(patients), uuid.uuid4()
        stores.keys().put(
            key, tenant=of.practice_id, patient=of.pk, version=1, data_key=vault.new_key()
        )
        photos.append(
            Photo(
                pk=key,
                capture_id=key,
                practice=practice,
                patient=of,
                sha256="0" * 64,
                body_site="Left lower leg",
                lawful_reason="made up",
                taken_at=now,
                received_at=now,
                taken_by=gp,
                width=1,
                height=1,
                decision={},
            )
        )
    Photo.objects.bulk_create(photos, batch_size=500)
    dice.shuffle(photos)
    return photos


def _portions(photos: list[Any]) -> Iterator[list[Any]]:
    """Yield some of one patient's pictures at a time."""
    photos = sorted(photos, key=lambda photo: photo.patient_id)
    for _, each in groupby(photos, key=lambda photo: photo.patient_id):
        of = list(each)
        yield from (of[at : at + _PORTION] for at in range(0, len(of), _PORTION))


def _erase(photos: list[Any], *, now: datetime) -> None:
    from django.db import transaction

    from safelight.flows import erasing

    with transaction.atomic():
        job = erasing.queue(photos[0].patient, photos=photos, now=now)
    erasing.finish_erasure(job, now=now)


def _wrapped(of: Any = None) -> set[bytes]:
    """Return every wrapped key of a picture or a patient as it lies in the store now."""
    from safelight.flows import stores

    where, values = ("", ()) if of is None else (" WHERE patient = ?", (of.pk.bytes,))
    with stores.keys()._database.reading() as db:
        rows = db.execute(f"SELECT wrapped FROM data_keys{where}", values).fetchall()
        rows += db.execute(f"SELECT wrapped FROM patient_keys{where}", values).fetchall()
    return {bytes(row[0]) for row in rows}


def _pieces(wrapped: set[bytes]) -> NDArray[np.uint64]:
    """Return pieces of each, so that any 15 bytes in a row of it hold one."""
    cut = b"".join(
        each[at : at + PIECE]
        for each in wrapped
        for at in range(1, len(each) - PIECE + 1, PIECE)  # the first byte is the format's
    )
    return np.unique(np.frombuffer(cut, np.uint64))


def _count(data: bytes, pieces: NDArray[np.uint64]) -> int:
    """Return how many places of a file begin with one of the pieces."""
    found = 0
    for shift in range(PIECE):
        whole = (len(data) - shift) // PIECE * PIECE
        if whole > 0:
            windows = np.frombuffer(data, np.uint64, count=whole // PIECE, offset=shift)
            at = np.minimum(np.searchsorted(pieces, windows), pieces.size - 1)
            found += int(np.count_nonzero(pieces[at] == windows)) if pieces.size else 0
    return found
