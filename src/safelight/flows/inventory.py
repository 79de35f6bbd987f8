"""Look whether everything that a row owns is there, and whether everything there has an owner.

A row whose blob or key is missing is set aside with an alarm, and comes back by itself once a look
finds it whole. What no row owns and nobody announced is counted and told, never destroyed: after
records from an older backup it may be a picture whose row is gone. Only what was erased before is
tidied away. What an upload left behind has an announcement, and is `keeping.sweep`'s.

The order matters where uploads go on meanwhile: keys, then blobs, then rows. A key has been announced
before it was kept, and the announcement goes after the row is there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction

from safelight import vault
from safelight.flows import keeping, mailing, stores
from safelight.flows.allowed import demand
from safelight.flows.erasing import blobs_of
from safelight.policy.roles import Action, may
from safelight.records import locks, log
from safelight.records.models import (
    Consent,
    Copy,
    Disclosure,
    Gap,
    Look,
    Patient,
    Photo,
    Practice,
    Staff,
)
from safelight.storage import BlobGone, KeyGone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from django.db.models import QuerySet

ALARM = """\
A look at what is kept found that {count} of the pictures, copies or signatures can't be opened: the \
sealed file or its key isn't where it must be. They are set aside, so nobody sees half of anything.

Look at {address}/governance/aside/ and show this to whoever runs the server. Change nothing \
on it before there is a copy of its disk: what is missing may still be in a backup.
"""
FEW = 5
"""Fewer owners than this are too few to tell a store that is elsewhere from pictures that are lost."""
Kind = Gap.Kind
_ALIVE = (Photo.State.KEPT, Photo.State.QUARANTINED)


@dataclass(frozen=True, slots=True)
class Owner:
    """A row that owns a key, and blobs."""

    image_id: UUID
    kind: Kind
    practice: UUID
    patient: UUID
    blobs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is there, as one pass saw it."""

    keys: frozenset[UUID]
    blobs: dict[UUID, set[str]]
    old: frozenset[str]
    """Names last written before the lease: no upload of theirs is still on its way."""


def look(*, now: datetime) -> Look:
    """Compare rows, keys and blobs once; set aside, bring back, tidy, and remember what was found.

    Where half of everything seems lost the store is more likely elsewhere, a disk that wasn't
    mounted or another bucket: then nothing is set aside, and that is what is told.
    """
    seen = _see(now=now)
    owners = list(_owners())
    lacking = {owner: lacks for owner in owners if (lacks := _lacks(owner, seen))}
    elsewhere = len(owners) >= FEW and len(lacking) * 2 >= len(owners)
    if not elsewhere:
        _alarm(
            [owner for owner in owners if _set_aside(owner, lacking.get(owner), now=now)], now=now
        )
    aside = list(_open_gaps())
    look_again(aside, now=now)
    erased = frozenset(stores.keys().tombstones())
    owned = {owner.image_id for owner in owners} | {gap.image_id for gap in aside}
    announced = {image for image, kinds in seen.blobs.items() if keeping.INTENT in kinds}
    known = owned | erased | announced
    return Look.remember(
        at=now,
        owners=len(owners),
        gaps=_open_gaps().count(),
        is_elsewhere=elsewhere,
        unowned_blobs=sum(_id_of(name) not in known for name in seen.old),
        unowned_keys=len(seen.keys - known),
        tidied=_tidy(seen, erased),
    )


def look_again(gaps: Iterable[Gap], *, now: datetime) -> int:
    """Try what was set aside; return how many are whole again. An erased one needs nothing more."""
    back = 0
    for gap in gaps:
        owner = _owner_of(gap)
        if owner is None or stores.keys().is_erased(gap.image_id):
            gap.set_closed(Gap.Because.ERASED, at=now)
        elif _lacks_now(owner) is None and _opens(owner):
            back += 1
            _bring_back(gap, now=now)
    return back


def look_again_for(by: Staff, *, now: datetime) -> int:
    """Try what was set aside in the person's practice, at once; return how many are whole again."""
    demand(by, Action.GOVERN)
    return look_again(_open_gaps().filter(practice=by.practice_id), now=now)


def _open_gaps() -> QuerySet[Gap]:
    return Gap.objects.filter(closed_at=None)


def _see(*, now: datetime) -> _Seen:
    """Keys first, then blobs; the caller reads rows last."""
    keys = frozenset(image for image, _ in stores.keys().images())
    old = frozenset(stores.blobs().names(older_than=now - keeping.LEASE))
    blobs: dict[UUID, set[str]] = defaultdict(set)
    for name in stores.blobs().names():
        if (image := _id_of(name)) is not None:
            blobs[image].add(_kind_of(name))
    return _Seen(keys, blobs, old)


def _id_of(name: str) -> UUID | None:
    try:
        return UUID(name.partition(".")[0])
    except ValueError:
        return None


def _kind_of(name: str) -> str:
    return name.partition(".")[2]


def _owners() -> Iterator[Owner]:
    """Yield every row that must have a key, with the blobs that it must have."""
    for photo in Photo.objects.filter(state=Photo.State.KEPT).iterator():
        yield _owner_of_photo(photo)
    for copy in Copy.objects.filter(state=Copy.State.KEPT).select_related("photo").iterator():
        yield _owner_of_copy(copy)
    for consent in Consent.objects.exclude(signature_blob="").iterator():
        yield _owner_of_consent(consent)
    for row in Disclosure.objects.iterator():
        yield _owner_of_disclosure(row)


def _owner_of_photo(photo: Photo) -> Owner:
    names = tuple(blobs_of(photo))
    return Owner(photo.capture_id, Kind.PICTURE, photo.practice_id, photo.patient_id, names)


def _owner_of_copy(copy: Copy) -> Owner:
    return Owner(copy.pk, Kind.COPY, copy.practice_id, copy.photo.patient_id, (copy.blob,))


def _owner_of_consent(consent: Consent) -> Owner:
    names = (consent.signature_blob,)
    return Owner(consent.pk, Kind.SIGNATURE, consent.practice_id, consent.patient_id, names)


def _owner_of_disclosure(row: Disclosure) -> Owner:
    return Owner(row.pk, Kind.DISCLOSURE, row.practice_id, row.patient_id)


def _owner_of(gap: Gap) -> Owner | None:
    """Return the row as it is now, or None where it needs nothing any more."""
    if gap.kind == Kind.PICTURE:
        photo = Photo.objects.filter(capture_id=gap.image_id, state__in=_ALIVE).first()
        return _owner_of_photo(photo) if photo else None
    if gap.kind == Kind.COPY:
        copy = Copy.objects.filter(pk=gap.image_id, state=Copy.State.KEPT).first()
        return _owner_of_copy(copy) if copy else None
    if gap.kind == Kind.SIGNATURE:
        consent = Consent.objects.filter(pk=gap.image_id).first()
        return _owner_of_consent(consent) if consent else None
    row = Disclosure.objects.filter(pk=gap.image_id).first()
    return _owner_of_disclosure(row) if row else None


def _lacks(owner: Owner, seen: _Seen) -> Gap.Lacks | None:
    """Say what is missing. What the pass didn't see is asked for anew: it may have come since."""
    there = seen.blobs.get(owner.image_id, set())
    if owner.image_id in seen.keys and all(_kind_of(name) in there for name in owner.blobs):
        return None
    return _lacks_now(owner)


def _lacks_now(owner: Owner) -> Gap.Lacks | None:
    if stores.keys().is_erased(owner.image_id):
        return None
    has_key = _key(owner) is not None
    has_blobs = all(stores.blobs().exists(name) for name in owner.blobs)
    if has_key:
        return None if has_blobs else Gap.Lacks.BLOB
    return Gap.Lacks.KEY if has_blobs else Gap.Lacks.BOTH


def _key(owner: Owner) -> bytes | None:
    try:
        return stores.keys().get(
            owner.image_id, tenant=owner.practice, patient=owner.patient, version=1
        )
    except KeyGone:
        return None


def _opens(owner: Owner) -> bool:
    """Say whether the key opens the first blob: its head and its last chunk, which prove the rest's length."""
    key, store = _key(owner), stores.blobs()
    if key is None or not owner.blobs:
        return key is not None
    name = owner.blobs[0]
    kind = _kind_of(name)
    bound = vault.context("safelight-blob-v1", owner.practice, owner.image_id, kind)
    try:
        vault.unseal_parts(
            key if kind == "original" else vault.derive(key, kind),
            lambda start, stop: store.read(name, start, stop),
            store.length(name),
            context=bound,
        )
    except (vault.SealBroken, BlobGone):
        return False
    return True


def _set_aside(owner: Owner, lacks: Gap.Lacks | None, *, now: datetime) -> bool:
    """Write down what is missing, once, and close a picture to everybody until it is back."""
    if lacks is None:
        return False
    with transaction.atomic():
        locks.hold_patient(owner.patient)
        if owner.kind is Kind.PICTURE:
            kept = Photo.objects.filter(capture_id=owner.image_id, state=Photo.State.KEPT)
            if not kept.update(state=Photo.State.QUARANTINED):
                return False  # closed meanwhile: what is gone should be gone
        _gap, is_new = Gap.objects.get_or_create(
            image_id=owner.image_id,
            closed_at=None,
            defaults={
                "practice_id": owner.practice,
                "kind": owner.kind,
                "lacks": lacks,
                "found_at": now,
            },
        )
        if is_new:
            _log("image.set-aside", owner, now=now, lacks=lacks)
    return is_new


@transaction.atomic
def _bring_back(gap: Gap, *, now: datetime) -> None:
    owner = _owner_of(gap)
    assert owner is not None  # it was found whole a moment ago
    locks.hold_patient(owner.patient)
    gap.set_closed(Gap.Because.BACK, at=now)
    aside = Photo.objects.filter(capture_id=gap.image_id, state=Photo.State.QUARANTINED)
    aside.update(state=Photo.State.KEPT)
    _log("image.back", owner, now=now)


def _log(kind: str, owner: Owner, *, now: datetime, **details: str) -> None:
    patient = Patient.objects.select_related("practice").get(pk=owner.patient)
    log.append(
        kind,
        practice=patient.practice,
        subject=patient.subject,
        by="system",
        at=now,
        image=owner.image_id,
        what=str(owner.kind),
        **details,
    )


def _tidy(seen: _Seen, erased: frozenset[UUID]) -> int:
    """Delete blobs of what was erased: left by an erasure cut short, or come back with an old disk."""
    left = [name for name in seen.old if _id_of(name) in erased]
    for name in left:
        stores.blobs().delete(name)
    return len(left)


def _alarm(aside: Sequence[Owner], *, now: datetime) -> None:
    """Tell everybody who governs, once for each practice; no patient is named."""
    counted = Counter(owner.practice for owner in aside)
    for practice in Practice.objects.filter(pk__in=counted):
        text = ALARM.format(count=counted[practice.pk], address=settings.SAFELIGHT_SERVER_URL)
        for person in Staff.objects.filter(practice=practice, is_active=True):
            if may(person.role, Action.GOVERN):
                mailing.queue(
                    person.email,
                    subject="Safelight set something aside",
                    text=text,
                    about=practice.pk,
                    practice=practice,
                    now=now,
                )
