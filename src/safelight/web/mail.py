"""Mail from the sign-in pages: a row first, which the worker sends like all other mail."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from safelight.flows import mailing
from safelight.records.models import Staff


class QueuedMail(BaseEmailBackend):
    """Queues messages to members of staff. Django's sign-in writes to nobody else."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Queue the messages and return how many were queued."""
        queued = 0
        for message in email_messages:
            for address in message.recipients():
                staff = Staff.objects.filter(email__iexact=address, is_active=True).first()
                if staff is None:
                    continue
                mailing.queue(
                    staff.email,
                    subject=str(message.subject),
                    text=str(message.body),
                    about=staff.pk,
                    practice=staff.practice,
                    now=timezone.now(),
                )
                queued += 1
        return queued
