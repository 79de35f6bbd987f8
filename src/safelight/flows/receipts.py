"""The patient's own page: what was agreed, what was done since, and the way to take it back."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from safelight import ledger, policy
from safelight.flows import stores
from safelight.flows import withdraw as withdrawing
from safelight.flows.allowed import demand, hold_named
from safelight.flows.consent import hash_of
from safelight.policy.roles import Action, Role
from safelight.records import log
from safelight.records.models import (
    Channel,
    Consent,
    Exhibit,
    LedgerEntry,
    Link,
    Matter,
    Photo,
    Receipt,
    Release,
    Staff,
    Withdrawal,
)
from safelight.terms import Purpose

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

SAID = {
    "photo.captured": "took the picture",
    "photo.viewed": "looked at the picture",
    "photos.viewed": "saw it small, among your other pictures",
    "link.sent": "asked another doctor about it",
    "link.shown": "looked at the picture for an opinion",
    "link.answered": "sent an opinion",
    "link.revoked": "took the question back",
    "release.requested": "asked for a copy without what shows who you are",
    "copy.made": "made the copy",
    "release.approved": "let the copy leave",
    "release.refused": "did not let the copy leave",
    "copy.opened": "used the copy",
    "exhibit.given": "gave the picture out, because the law or a complaint asked for it",
    "exhibit.opened": "took out the file that was given",
    "consent.recorded": "wrote down what you agreed to",
    "receipt.renewed": "gave out a new code for this page",
    "consent.withdrawn": "took back what you asked to be taken back",
    "keys.destroyed": "destroyed it",
}
"""What a line of the ledger is in words for a patient; kinds that aren't here are not shown."""
ROLES = {
    Role.GP: "A doctor",
    Role.NURSE: "A nurse",
    Role.REVIEWER: "The person who checks copies",
    Role.IG_LEAD: "The person who looks after your data",
}


class ReceiptUnknown(LookupError):
    """No receipt has this secret."""

    for_people = "This isn’t a code of ours. Scan the paper again, or ask the practice."


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that was done, by whom, in words."""

    at: datetime
    who: str
    what: str


@dataclass(frozen=True, slots=True)
class Left:
    """One thing that left the practice, and whether it is still open there."""

    to: str
    at: datetime
    is_open: bool
    word: str


@dataclass(frozen=True, slots=True)
class ReceiptPage:
    """All that the patient's page shows."""

    receipt: Receipt
    consent: Consent
    photos: tuple[Photo, ...]
    happened: tuple[Happened, ...]
    left: tuple[Left, ...]
    withdrawals: tuple[Withdrawal, ...]
    can_withdraw: tuple[Purpose, ...]


def key_backup_days() -> int:
    """Return how long a key may still open from a backup of the key store: versions end by then."""
    days: int = settings.SAFELIGHT_KEY_DAYS
    return days


def is_backup_gone_for_sure(pictures: Iterable[UUID] = (), *, now: datetime | None = None) -> bool:
    """Say whether the key manager can prove that keys in old backups are unreadable by then.

    pictures: none of whose keys may ever have been under a key manager that can't.
    With `now` only if it also does so in time: versions stay while no backup is verified.
    """
    keys = stores.keys()
    if now is not None and keys.nightly.is_destruction_late(now, keep_days=key_backup_days()):
        return False
    return keys.proves_shred_of(pictures)


def are_traces_overwritten() -> bool:
    """Say whether a scrub overwrites an erased key in every live file: PostgreSQL doesn't."""
    return stores.keys().overwrites


def find_receipt(secret: str) -> Receipt:
    """Return the receipt. Its secret has 256 random bits and is looked up by its hash.

    Raises ReceiptUnknown; the caller brakes those who guess.
    """
    found = (
        Receipt.objects.select_related("consent__patient__practice")
        .filter(secret_hash=hash_of(secret))
        .first()
    )
    if found is None:
        raise ReceiptUnknown
    return found


@transaction.atomic
def open_receipt(secret: str, *, now: datetime) -> Receipt:
    """Open the patient's page, and write that it was opened. Raises ReceiptUnknown."""
    receipt = find_receipt(secret)
    log.append(
        "receipt.opened",
        practice=receipt.practice,
        subject=receipt.consent.patient.subject,
        by="patient",
        at=now,
        receipt=receipt.pk,
    )
    return receipt


def opens(secret: str, consent: Consent) -> bool:
    """Say whether this secret opens the patient's page of this conversation."""
    return Receipt.objects.filter(consent=consent, secret_hash=hash_of(secret)).exists()


@transaction.atomic
def renew(consent: Consent, *, by: Staff, now: datetime) -> str:
    """Return a new secret for the patient's page; whoever has the old one opens nothing any more.

    Shown once, as the first one was. Raises NotAllowed, RecordErased, and ReceiptUnknown where
    the conversation was erased.
    """
    demand(by, Action.RECORD_CONSENT, consent)
    hold_named(consent.patient)
    receipt = Receipt.objects.filter(consent=consent).first()
    if receipt is None:
        raise ReceiptUnknown
    secret = secrets.token_urlsafe(32)
    receipt.set_secret(hash_of(secret))
    log.append(
        "receipt.renewed",
        practice=consent.practice,
        subject=consent.patient.subject,
        by=by,
        at=now,
        consent=consent.pk,
        receipt=receipt.pk,
    )
    return secret


def page_of(receipt: Receipt, *, now: datetime) -> ReceiptPage:
    """Return what the page shows at this instant."""
    consent = receipt.consent
    photos = tuple(consent.photos.order_by("taken_at"))
    return ReceiptPage(
        receipt=receipt,
        consent=consent,
        photos=photos,
        happened=tuple(_happened(consent, {str(photo.pk) for photo in photos})),
        left=tuple(_left(photos, now=now)),
        withdrawals=tuple(_withdrawals(consent)),
        can_withdraw=tuple(withdrawing.can_be_withdrawn(consent)),
    )


def consequences_of(
    receipt: Receipt, *, purposes: Collection[Purpose], now: datetime
) -> tuple[policy.Consequence, ...]:
    """Say what would follow if these were taken back from the receipt."""
    return withdrawing.consequences_of(receipt.consent, purposes=purposes, now=now)


def withdraw(receipt: Receipt, *, purposes: Collection[Purpose], now: datetime) -> Withdrawal:
    """Take purposes back as the patient, with no account and no reason."""
    return withdrawing.withdraw(
        receipt.consent, purposes=purposes, channel=Channel.RECEIPT, by=None, now=now
    )


def object_to(receipt: Receipt, *, purposes: Collection[Purpose], now: datetime) -> Withdrawal:
    """Say no to these uses of every picture there is and will be, with no account and no reason."""
    return withdrawing.object_to(
        receipt.consent.patient,
        purposes=purposes,
        given_by=receipt.consent.given_by,
        channel=Channel.RECEIPT,
        by=None,
        now=now,
    )


def _happened(consent: Consent, photos: set[str]) -> Iterator[Happened]:
    staff = {
        str(person.pk): person for person in Staff.objects.filter(practice=consent.practice_id)
    }
    links = {str(link.pk): link for link in Link.objects.filter(photo__consent=consent)}
    # What a court told us to be silent about isn't told here until somebody told the patient.
    untold = Matter.objects.filter(patient=consent.patient_id, told_at__isnull=True)
    silent = {str(pk) for pk in untold.values_list("pk", flat=True)}
    rows = LedgerEntry.objects.filter(subject=str(consent.patient.subject), kind__in=SAID)
    for row in rows.order_by("-index"):
        entry = ledger.read_entry(bytes(row.body))
        if _is_about(entry, consent, photos) and entry.details.get("matter") not in silent:
            yield Happened(row.at, _who(entry, staff, links), SAID[row.kind])


def _is_about(entry: ledger.Entry, consent: Consent, photos: set[str]) -> bool:
    said = entry.details
    listed = said.get("photos", [])
    several = set(listed) if isinstance(listed, list) else set()
    return (
        said.get("consent") == str(consent.pk)
        or said.get("photo") in photos
        or bool(several & photos)
    )


def _who(entry: ledger.Entry, staff: dict[str, Staff], links: dict[str, Link]) -> str:
    person = staff.get(entry.by)
    if person is not None:
        return ROLES.get(Role(person.role), "Someone of the practice")
    link = links.get(str(entry.details.get("link")))
    if entry.by == "colleague" and link is not None:
        return link.recipient_name
    return {"patient": "You", "system": "The computer"}.get(entry.by, "Someone of the practice")


def _left(photos: tuple[Photo, ...], *, now: datetime) -> Iterator[Left]:
    for link in Link.objects.filter(photo__in=photos).order_by("created_at"):
        is_open = link.is_open(now=now)
        word = "Can still look" if is_open else "Closed"
        yield Left(link.recipient_name, link.created_at, is_open, word)
    given = Exhibit.objects.filter(photo__in=photos, given_at__isnull=False)
    known = given.filter(matter__told_at__isnull=False).select_related("matter")
    for exhibit in known.order_by("given_at"):
        at = exhibit.given_at or exhibit.weighed_at
        yield Left(exhibit.matter.asked_by, at, is_open=False, word="Given out")
    gone = Release.objects.filter(
        photo__in=photos, state__in=(Release.State.RELEASED, Release.State.WITHDRAWN)
    )
    for release in gone.order_by("requested_at"):
        is_open = release.state == Release.State.RELEASED
        at = release.reviewed_at or release.requested_at
        yield Left(release.target, at, is_open, "In use" if is_open else "Asked back")


def _withdrawals(consent: Consent) -> Iterator[Withdrawal]:
    """Return what was taken back of this conversation, of a picture of it, or of everything.

    What was said no to as a whole is told to whoever answered here, and to nobody else.
    """
    whole = Q(consent__isnull=True, photo__isnull=True, objection__given_by=consent.given_by)
    its_own = Q(consent=consent) | Q(photo__consent=consent)
    yield from consent.patient.withdrawals.filter(its_own | whole)
