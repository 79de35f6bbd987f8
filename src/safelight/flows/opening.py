"""Open a picture: decided anew each time, from what the records and the key store say now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction

from safelight import ledger, policy, vault
from safelight.flows import stores
from safelight.flows.allowed import NotAllowed, demand
from safelight.flows.capture import blob_context
from safelight.flows.deciding import may_use, may_use_each
from safelight.policy.roles import Action
from safelight.records import locks, log
from safelight.records.models import LedgerEntry, Photo
from safelight.storage import BlobGone, KeyGone
from safelight.terms import Audience, Purpose
from safelight.vault import SealBroken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.flows.deciding import Decision
    from safelight.records.models import Patient, Staff

__all__ = [
    "Page",
    "PictureClosed",
    "SealBroken",
    "may_open",
    "open_photo",
    "open_thumb",
    "open_thumbs",
    "unsealed",
]

ORIGINAL, VIEW, THUMB = "original", "view", "thumb"
PAGE_LASTS = timedelta(minutes=2)
"""How long the tiles of a page may load under the page's one entry in the ledger."""


class PictureClosed(Exception):
    """The picture was withdrawn, erased, or waits for a person: nobody opens it."""

    for_people = "This picture is closed. It can't be opened."


@dataclass(frozen=True, slots=True)
class Page:
    """A page of tiles: which may be opened, and the ledger's one line for all of them."""

    entry: int | None
    """Index of the ledger's entry, or None when nothing on the page may be opened."""
    shown: frozenset[UUID]
    alone: frozenset[UUID]
    """Of an intimate part: they may be opened, each by itself, and are on no page of tiles."""
    decisions: dict[UUID, Decision]
    """Why not, for those that are kept and may not be opened now."""


def open_photo(
    photo: Photo,
    *,
    by: Staff,
    purpose: Purpose = Purpose.CARE,
    audience: Audience = Audience.TEAM,
    size: str = VIEW,
    now: datetime,
) -> bytes | Decision:
    """Return the picture as JPEG, or the decision that says why not; write it in the ledger.

    size: "view", "thumb", or "original", which is the file as the phone sealed it.
    Opening for care marks the picture as relied on: from then on it belongs to the record.
    Raises PictureClosed, SealBroken for bytes that were tampered with, NotAllowed.
    """
    demand(by, Action.SEE_PICTURES, photo)
    with transaction.atomic():
        locks.hold_patient(photo.patient_id)
        fresh = _kept(photo)
        decision = may_use(
            fresh, purpose=purpose, audience=audience, action="view", acted_on=True, now=now
        )
        if not isinstance(decision, policy.Permit):
            _log("photo.not-opened", fresh, by=by, now=now, purpose=purpose.value)
            return decision
        opened = unsealed(fresh, size=size)
        if purpose is Purpose.CARE and not fresh.relied_on_for_care:
            fresh.relied_on_for_care = True
            fresh.save(update_fields=["relied_on_for_care"])
        _log("photo.viewed", fresh, by=by, now=now, purpose=purpose.value, size=size)
    return opened


def may_open(photo: Photo, *, by: Staff, now: datetime) -> Decision:
    """Return what an opening for care would be told now, without opening anything."""
    demand(by, Action.SEE_PICTURES, photo)
    return _may_view(photo, now=now)


def open_thumbs(photos: Sequence[Photo], *, by: Staff, now: datetime) -> Page:
    """Decide for a page of tiles of one patient, and write one entry that lists what it shows.

    A tile alone isn't reliance: it is how a picture is found.
    """
    demand(by, Action.SEE_PICTURES, *photos)
    if len({photo.patient_id for photo in photos}) > 1:
        raise ValueError("a page of tiles is about one patient")
    kept = [photo for photo in photos if photo.state == Photo.State.KEPT]
    decisions = _may_view_each(kept, now=now)
    may = {pk for pk, each in decisions.items() if isinstance(each, policy.Permit)}
    alone = frozenset(photo.pk for photo in kept if photo.intimate and photo.pk in may)
    shown = [str(pk) for pk in decisions if pk in may - alone]
    entry = _log_page(photos[0].patient, shown, by=by, now=now) if shown else None
    return Page(
        entry=entry,
        shown=frozenset(UUID(pk) for pk in shown),
        alone=alone,
        decisions={pk: each for pk, each in decisions.items() if pk not in may},
    )


def open_thumb(photo: Photo, *, by: Staff, entry: int, now: datetime) -> bytes | Decision:
    """Return one tile of a page that is in the ledger already; decided anew all the same.

    entry: `Page.entry`. An entry of someone else's, of another page or from two minutes ago
    raises NotAllowed: the page has to be opened again.
    """
    demand(by, Action.SEE_PICTURES, photo)
    if not _is_listed(entry, photo, by=by, now=now):
        raise NotAllowed("no page lists this tile")
    fresh = _kept(photo)
    decision = _may_view(fresh, now=now)
    if not isinstance(decision, policy.Permit):
        return decision
    return unsealed(fresh, size=THUMB)


def unsealed(photo: Photo, *, size: str) -> bytes:
    """Return the opened bytes; the caller has decided that they may be opened.

    Raises PictureClosed where the key or the blob is gone, SealBroken.
    """
    try:
        data_key = stores.keys().get(
            photo.pk, tenant=photo.practice_id, patient=photo.patient_id, version=1
        )
        sealed = stores.blobs().get(photo.blob if size == ORIGINAL else photo.derived_blob(size))
    except (KeyGone, BlobGone) as error:
        raise PictureClosed(str(photo.pk)) from error
    key = data_key if size == ORIGINAL else vault.derive(data_key, size)
    return vault.unseal(key, sealed, context=blob_context(photo, size))


def _may_view_each(photos: Sequence[Photo], *, now: datetime) -> dict[UUID, Decision]:
    if not photos:
        return {}
    asked: list[tuple[Photo, dict[str, Any]]] = [(photo, {}) for photo in photos]
    found = may_use_each(
        asked, purpose=Purpose.CARE, audience=Audience.TEAM, action="view", now=now
    )
    return {photo.pk: each for photo, each in zip(photos, found, strict=True)}


def _may_view(photo: Photo, *, now: datetime) -> Decision:
    return may_use(photo, purpose=Purpose.CARE, audience=Audience.TEAM, action="view", now=now)


def _kept(photo: Photo) -> Photo:
    """Return the row as it is now, if it is open to anybody at all."""
    found = Photo.objects.select_related("patient__practice").filter(pk=photo.pk).first()
    if found is None or found.state != Photo.State.KEPT:
        raise PictureClosed(str(photo.pk))
    return found


def _log(kind: str, photo: Photo, *, by: Staff, now: datetime, **details: str) -> None:
    log.append(
        kind,
        practice=photo.practice,
        subject=photo.patient.subject,
        by=by,
        at=now,
        photo=photo.pk,
        **details,
    )


@transaction.atomic
def _log_page(patient: Patient, shown: list[str], *, by: Staff, now: datetime) -> int:
    row = log.append(
        "photos.viewed",
        practice=patient.practice,
        subject=patient.subject,
        by=by,
        at=now,
        photos=shown,
        size=THUMB,
    )
    index: int = row.index
    return index


def _is_listed(entry: int, photo: Photo, *, by: Staff, now: datetime) -> bool:
    row = LedgerEntry.objects.filter(
        index=entry, practice=by.practice_id, kind="photos.viewed"
    ).first()
    if row is None or not row.at <= now <= row.at + PAGE_LASTS:
        return False
    said = ledger.read_entry(bytes(row.body))
    listed = said.details["photos"]
    return said.by == str(by.pk) and isinstance(listed, list) and str(photo.pk) in listed
