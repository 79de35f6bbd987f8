"""Try a restore: open what came back as a viewer would, and put on record that it was tried."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from safelight import storage, vault
from safelight.flows import backing, being_restored, copies, opening, stores
from safelight.records import log
from safelight.records.models import BackupRun, Copy, Photo, Practice

if TYPE_CHECKING:
    from uuid import UUID

SIZES = (opening.ORIGINAL, opening.VIEW, opening.THUMB)


@dataclass(frozen=True, slots=True)
class Opened:
    """What opened, what should have and didn't, and what was erased and opened all the same."""

    pictures: int
    copies: int
    failed: tuple[str, ...]
    erased: int
    erased_that_open: tuple[str, ...]
    seconds: float

    @property
    def went_well(self) -> bool:
        """Say whether everything opened that should, and nothing that shouldn't."""
        return not self.failed and not self.erased_that_open

    def as_json(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return asdict(self)


def open_all(*, most: int | None = None) -> Opened:
    """Open pictures and copies of an installation that may still be shut, and try what was erased.

    most: so many pictures, spread over all of them; None for every one. Copies are all opened.
    """
    began = time.monotonic()
    with being_restored.restoring():
        kept = list(Photo.objects.filter(state=Photo.State.KEPT).order_by("taken_at", "pk"))
        photos = _spread(kept, most)
        made = list(Copy.objects.filter(state=Copy.State.KEPT).select_related("photo"))
        failed = [str(photo.pk) for photo in photos if not _opens(photo)]
        failed += [str(copy.pk) for copy in made if not _copy_opens(copy)]
        gone = list(stores.keys().tombstones())
        open_still = tuple(str(each) for each in _readable(gone))
    return Opened(
        pictures=len(photos),
        copies=len(made),
        failed=tuple(failed),
        erased=len(gone),
        erased_that_open=open_still,
        seconds=round(time.monotonic() - began, 1),
    )


@transaction.atomic
def note_drill(figures: Mapping[str, Any], *, went_well: bool, set_id: str, now: datetime) -> None:
    """Put a drill on record, here where everybody works, with its figures."""
    backing.note_run(
        BackupRun.Kind.DRILL, now=now, went_well=went_well, set_id=set_id, figures=figures
    )
    for practice in Practice.objects.order_by("pk"):
        log.append(
            "backup.drilled",
            practice=practice,
            subject=practice.pk,
            by="system",
            at=now,
            backup=set_id,
            went_well=went_well,
        )


def _spread(photos: Sequence[Photo], most: int | None) -> Sequence[Photo]:
    if most is None or len(photos) <= most:
        return photos
    step = len(photos) / most
    return [photos[int(number * step)] for number in range(most)]


def _opens(photo: Photo) -> bool:
    try:
        for size in SIZES:
            opening.unsealed(photo, size=size)
    except (opening.PictureClosed, vault.VaultError, storage.StorageError):
        return False
    return True


def _copy_opens(copy: Copy) -> bool:
    try:
        copies.unsealed_copy(copy)
    except (opening.PictureClosed, vault.VaultError, storage.StorageError):
        return False
    return True


def _readable(gone: Iterable[UUID]) -> Iterable[UUID]:
    """Yield what was erased and opens all the same."""
    listed = set(gone)
    for photo in Photo.objects.iterator():
        if photo.pk in listed and _any_opens(photo):
            yield photo.pk


def _any_opens(photo: Photo) -> bool:
    for size in SIZES:
        try:
            opening.unsealed(photo, size=size)
        except (opening.PictureClosed, vault.VaultError, storage.StorageError):
            continue
        return True
    return False
