"""Mail goes out by the worker: a row first, sent once, its text forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from django.db import transaction
from django.db.models import F

from safelight.records import log
from safelight.records.models import OutgoingMail

if TYPE_CHECKING:
    from uuid import UUID

    from safelight.records.models import Practice

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
MOST_TRIES = 30
"""About a day. What still didn't go is too old to be of use: its code or its link has expired."""
AT_ONCE = 50


class Transport(Protocol):
    """What carries one message; raises OSError where it can't."""

    def __call__(self, *, to: str, subject: str, text: str) -> None:
        """Send, or raise OSError."""
        ...


@dataclass(frozen=True, slots=True)
class Posted:
    """What one round of the worker did."""

    sent: int
    failed: int


def queue(
    to: str, *, subject: str, text: str, about: UUID, practice: Practice, now: datetime
) -> OutgoingMail:
    """Put a message in the queue, in the transaction of what it tells about."""
    return OutgoingMail.objects.create(
        practice=practice, to=to, subject=subject, text=text, about=about, created_at=now
    )


def unsend(about: UUID) -> int:
    """Empty what still waits about something that was taken back; return how many messages."""
    waiting = OutgoingMail.objects.filter(about=about, sent_at__isnull=True)
    return waiting.update(text="", tries=MOST_TRIES)


def send_waiting(*, transport: Transport, now: datetime) -> Posted:
    """Send what is due. Two workers never send the same message: each try is claimed first."""
    sent = failed = 0
    waiting = OutgoingMail.objects.filter(sent_at__isnull=True, tries__lt=MOST_TRIES)
    for mail in waiting.order_by("created_at")[:AT_ONCE]:
        if now < due_at(mail) or not _claimed(mail):
            continue
        try:
            transport(to=mail.to, subject=mail.subject, text=mail.text)
        except OSError as error:
            failed += 1
            _failed(mail.pk, type(error).__name__, now=now)
        else:
            sent += 1
            # The text may hold a link or a code: it goes as soon as it is sent.
            OutgoingMail.objects.filter(pk=mail.pk).update(sent_at=now, text="")
    return Posted(sent=sent, failed=failed)


def due_at(mail: OutgoingMail) -> datetime:
    """Return when the next try may be: each pause is twice as long as the last, up to an hour."""
    waited = timedelta(0)
    for number in range(mail.tries):
        waited += min(FIRST_PAUSE * 2**number, LONGEST_PAUSE)
    return mail.created_at + waited


def _claimed(mail: OutgoingMail) -> bool:
    same = OutgoingMail.objects.filter(pk=mail.pk, tries=mail.tries, sent_at__isnull=True)
    return same.update(tries=F("tries") + 1) == 1


@transaction.atomic
def _failed(pk: UUID, why: str, *, now: datetime) -> None:
    log.hold()
    # Whoever has the row just now is taking the message back: there is nothing to give up then.
    rows = OutgoingMail.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
    mail = rows.select_related("practice").filter(pk=pk, tries__gte=MOST_TRIES).first()
    if mail is None:
        return
    log.append(
        "mail.given-up",
        practice=mail.practice,
        subject=mail.pk,
        by="system",
        at=now,
        why=why,
    )
    mail.text = ""
    mail.save(update_fields=["text"])
