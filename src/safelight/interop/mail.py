"""Mail leaves by SMTP, without a picture, a name or a diagnosis: only that something waits.

What a mail says is composed by the flow that sends it; this module refuses what would break the
message or leak by its headers, and hands it to the server.
"""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_SECONDS = 20.0


class MailNotSent(Exception):
    """The mail server didn't take the mail; sending it again later is safe."""

    for_people = "The mail couldn't be sent. It will be tried again."


class NotAnAddress(ValueError):
    """What was given can't be a mail address, or would add a header of its own."""

    for_people = "This isn't a mail address. Please check it."


class Tls(StrEnum):
    """How the connection to the mail server is protected."""

    STARTTLS = "starttls"
    WRAPPED = "wrapped"
    NONE = "none"
    """Only for a server on this very machine."""


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """A mail in plain text. Subject and text carry ids and links, never a patient's details."""

    sender: str
    to: str
    subject: str
    text: str


def compose(mail: OutgoingMail, *, now: datetime) -> EmailMessage:
    """Return the message as it is sent; raises NotAnAddress."""
    sender, to = _address(mail.sender), _address(mail.to)
    message = EmailMessage()
    message["From"], message["To"] = sender, to
    try:
        message["Subject"] = mail.subject
    except ValueError as error:
        raise NotAnAddress("the subject has a line break") from error
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=sender.domain)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday replies
    message.set_content(mail.text)
    return message


def send(
    mail: OutgoingMail,
    *,
    host: str,
    port: int,
    tls: Tls = Tls.STARTTLS,
    username: str | None = None,
    password: str | None = None,
    now: datetime,
    trust: ssl.SSLContext | None = None,
) -> None:
    """Hand a mail to the server; returns once the server has taken it.

    trust: whose certificates count, if not this machine's own list.
    Raises NotAnAddress before anything is sent, MailNotSent if the server didn't take it.
    """
    message = compose(mail, now=now)
    context = trust or ssl.create_default_context()
    try:
        with _connected(host, port, tls, context) as server:
            if username is not None:
                server.login(username, password or "")
            server.send_message(message)
    except (smtplib.SMTPException, OSError) as error:
        # Not chained: what the server said may quote the address.
        raise MailNotSent(type(error).__name__) from None


def _connected(host: str, port: int, tls: Tls, context: ssl.SSLContext) -> smtplib.SMTP:
    if tls is Tls.WRAPPED:
        return smtplib.SMTP_SSL(host, port, timeout=_SECONDS, context=context)
    server = smtplib.SMTP(host, port, timeout=_SECONDS)
    if tls is Tls.STARTTLS:
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server


def _address(said: str) -> Address:
    if not said.isascii() or not said.isprintable() or "@" not in said:
        raise NotAnAddress("not an address")
    try:
        return Address(addr_spec=said)
    except (ValueError, IndexError, HeaderParseError) as error:
        raise NotAnAddress("not an address") from error
