"""The next start: recover as the worker does, then look at everything that was acknowledged."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks.campaigns.practice import Prepared

LATER = timedelta(hours=4)
"""Beyond the lease of what was announced: a sweep may then remove it."""


def wrongs(made: Prepared, lines: list[dict[str, Any]], *, resend: bool) -> list[str]:
    """Recover, and return everything that is not as it was acknowledged."""
    from django.conf import settings
    from django.db import connections

    from safelight.flows import rounds, stores

    home = Path(settings.SAFELIGHT_HOME)
    found = []
    done = rounds.go(now=made.now + LATER, transport=None)
    if done.failed:
        found.append(f"steps of the worker failed: {', '.join(done.failed)}")
    story = _Story(made, lines)
    found += [*_kept(story), *_gone(story), *_whole(), *_orphans(), *ledger_problems()]
    if resend:
        found += _sent_again(made, story)
        found += [
            f"after sending again: {each}" for each in (*_whole(), *_orphans(), *ledger_problems())
        ]
    stores.close()
    connections.close_all()
    return found + [
        f"{name} is damaged"
        for name in ("records.sqlite3", "keys/keys.db")
        if _damaged(home / name)
    ]


class _Story:
    """What was said, in terms of what must be there and what must be gone."""

    def __init__(self, made: Prepared, lines: list[dict[str, Any]]) -> None:
        begun = {line["begin"] for line in lines if "begin" in line}
        self.kept = {made.photos[name]: made.plain[name] for name in made.photos}
        self.kept |= {line["kept"]: line["plain"] for line in lines if "kept" in line}
        self.copied = {line["copied"]: line["plain"] for line in lines if "copied" in line}
        self.gone = {each for line in lines for each in line.get("gone", ())}
        self.released = [line["released"] for line in lines if "released" in line]
        self.ending = set(self.gone)
        """What may be gone: an ending was begun, acknowledged or not."""
        for act, ids in _ended_by(made).items():
            self.ending |= ids if act in begun else set()
        self.must_open = {key: sha for key, sha in self.kept.items() if key not in self.ending}
        self.copies_may_end = "withdraw c" in begun


def _ended_by(made: Prepared) -> dict[str, set[str]]:
    """Return what each act ends."""
    arrived = {name: parcel.capture_id for name, parcel in made.parcels.items()}
    return {
        "withdraw a": {arrived[name] for name in ("a1", "a2", "a3")},
        "withdraw b": {made.photos[name] for name in ("b1", "b2")},
        "stop d1": {arrived["d1"]},
    }


def _kept(story: _Story) -> Iterator[str]:
    from safelight.flows import copies, opening
    from safelight.records.models import Copy, Photo, Release

    for key, sha in story.must_open.items():
        photo = Photo.objects.filter(pk=key).first()
        if photo is None or photo.state != Photo.State.KEPT:
            yield f"photo {key} was acknowledged, its row is {photo.state if photo else 'lost'}"
            continue
        try:
            opened = opening.unsealed(photo, size=opening.ORIGINAL)
        except Exception as error:  # noqa: BLE001 - that it doesn't open is the finding
            yield f"photo {key} was acknowledged and doesn't open: {type(error).__name__}"
            continue
        if hashlib.sha256(opened).hexdigest() != sha:
            yield f"photo {key} was acknowledged and is another"
    for key in story.copied if not story.copies_may_end else ():
        copy = Copy.objects.filter(pk=key).first()
        data = copies.unsealed_copy(copy) if copy else b""
        if hashlib.sha256(data).hexdigest() != story.copied[key]:
            yield f"copy {key} was acknowledged and is not there"
    for key in story.released if not story.copies_may_end else ():
        if Release.objects.get(pk=key).state != Release.State.RELEASED:
            yield f"release {key} was acknowledged and isn't released"


def _gone(story: _Story) -> Iterator[str]:
    """Nothing that was acknowledged as gone is there under any name."""
    from safelight.flows import stores
    from safelight.records.models import Copy, EraseJob, Photo

    names = set(stores.blobs().names())
    having = {str(image) for image, _ in stores.keys().images()}
    for key in story.gone:
        if not stores.keys().is_erased(UUID(key)) or key in having:
            yield f"{key} was acknowledged as gone and has a key"
        if any(name.startswith(key) for name in names):
            yield f"{key} was acknowledged as gone and has blobs"
        for rows in (Photo, Copy):
            if rows.objects.filter(pk=key).exclude(state="erased").exists():
                yield f"{key} was acknowledged as gone and its row isn't erased"
    for job in EraseJob.objects.filter(scrubbed_at__isnull=True):
        yield f"erasure {job.pk} is unfinished after a start"


def _whole() -> Iterator[str]:
    """Every row that says "kept" opens, every size of it; every other has neither key nor blob."""
    from safelight.flows import copies, opening, stores
    from safelight.records.models import Copy, Photo

    for photo in Photo.objects.select_related("patient"):
        if photo.state == Photo.State.KEPT:
            for size in (opening.ORIGINAL, opening.VIEW, opening.THUMB):
                if not _opens(lambda photo=photo, size=size: opening.unsealed(photo, size=size)):
                    yield f"photo {photo.pk} has a row, and its {size} doesn't open"
        elif not stores.keys().is_erased(photo.pk):
            yield f"photo {photo.pk} is {photo.state} and its key was never erased"
    for copy in Copy.objects.select_related("photo"):
        if copy.state == Copy.State.KEPT:
            if not _opens(lambda copy=copy: copies.unsealed_copy(copy)):
                yield f"copy {copy.pk} has a row and doesn't open"
        elif not stores.keys().is_erased(copy.pk):
            yield f"copy {copy.pk} is {copy.state} and its key was never erased"


def _opens(act: Any) -> bool:
    try:
        return bool(act())
    except Exception:  # noqa: BLE001 - that it doesn't open is the finding
        return False


def _orphans() -> Iterator[str]:
    """After the sweep nothing is kept that no row owns."""
    from safelight.flows import stores
    from safelight.records.models import Consent, Copy, Disclosure, Photo

    owners: set[str] = set()
    for rows in (Photo, Copy):
        owners |= {
            str(each) for each in rows.objects.filter(state="kept").values_list("pk", flat=True)
        }
    for rows in (Consent, Disclosure):
        owners |= {str(each) for each in rows.objects.values_list("pk", flat=True)}
    for name in stores.blobs().names():
        if name.partition(".")[0] not in owners or name.endswith(".intent"):
            yield f"blob {name} is an orphan"
    for image, _ in stores.keys().images():
        if str(image) not in owners:
            yield f"key of {image} is an orphan"
    incoming = stores.blobs()._incoming
    for left in incoming.iterdir():
        yield f"unfinished {left.name} is left"


def ledger_problems() -> Iterator[str]:
    """The ledger verifies, and says of each row what happened to it, once."""
    from safelight.flows import evidence
    from safelight.records.models import EraseJob, LedgerEntry, Photo, TreeHead, Withdrawal

    found = evidence.verify(None)
    if not found.ok:
        yield f"the ledger isn't whole: {len(found.problems)} problems"
    if (head := TreeHead.objects.first()) is None or head.size != LedgerEntry.objects.count():
        yield "the tree's head doesn't fit the entries"
    kinds = Counter(LedgerEntry.objects.values_list("kind", flat=True))
    stopped = kinds["capture.stopped"]
    for kind, rows in (
        ("consent.withdrawn", Withdrawal.objects.count()),
        ("keys.destroyed", EraseJob.objects.filter(destroyed_at__isnull=False).count()),
    ):
        if kinds[kind] != rows:
            yield f"{rows} rows and {kinds[kind]} entries of {kind}"
    captured, rows = kinds["photo.captured"], Photo.objects.count()
    if not rows <= captured <= rows + stopped:
        yield f"{rows} photos, {stopped} stopped and {captured} entries of capture"


def _sent_again(made: Prepared, story: _Story) -> Iterator[str]:
    """The phone sends everything again, as it does with what was never acknowledged."""
    from benchmarks.campaigns.shift import received
    from safelight.flows.capture import CaptureRefused
    from safelight.records.models import Consent, Photo, Staff

    gp = Staff.objects.select_related("practice").get(pk=made.gp)
    for name, parcel in made.parcels.items():
        consent = Consent.objects.select_related("patient__practice").get(pk=made.consents[name[0]])
        try:
            got = received(parcel, consent, by=gp, now=made.now + timedelta(minutes=9))
        except CaptureRefused as error:
            if parcel.capture_id not in story.ending:
                yield f"{parcel.capture_id} sent again is refused: {type(error).__name__}"
            continue
        if not isinstance(got, Photo) or str(got.pk) != parcel.capture_id:
            if parcel.capture_id not in story.ending:
                yield f"{parcel.capture_id} sent again isn't permitted"
        elif parcel.capture_id in story.gone:
            yield f"{parcel.capture_id} was stopped and came back"
        elif Photo.objects.filter(capture_id=parcel.capture_id).count() != 1:
            yield f"{parcel.capture_id} is there twice"


def _damaged(path: Path) -> bool:
    with sqlite3.connect(path) as db:
        return bool(db.execute("PRAGMA integrity_check").fetchone()[0] != "ok")
