"""Ask a colleague outside: a link that shows nothing until its person has pressed and proved it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from safelight import policy
from safelight.flows import mailing, watermark
from safelight.flows import once as forms
from safelight.flows.allowed import DoesNotFit, demand
from safelight.flows.consent import hash_of
from safelight.flows.deciding import may_use
from safelight.flows.derivatives import shut
from safelight.flows.opening import VIEW, PictureClosed, unsealed
from safelight.policy.roles import Action
from safelight.records import locks, log
from safelight.records.models import Link, Photo, Reply
from safelight.terms import Audience, Purpose

if TYPE_CHECKING:
    from safelight.flows.deciding import Decision
    from safelight.records.models import Staff

LINK_PATH = "/s/"
"""Where the link leads; its secret is behind the #, which no server and no mail scanner sees."""
LONGEST = timedelta(days=14)
MOST_OPENINGS = 20
CODE_LIFE = timedelta(minutes=10)
CODE_PAUSE = timedelta(seconds=30)
"""A second press within this time doesn't send a second code."""
MOST_CODES = 12
MOST_TRIES = 5
"""Wrong codes in a row after which the link is dead: one guess in 200,000."""
LOOK = timedelta(minutes=15)
"""How long one opening lasts; then it is asked for, and counted, anew."""
KNOWN_RESTRICTIONS = frozenset({"one-browser", "one-time-code"})
"""What a link may be limited by. One that isn't known here refuses: it must not be overlooked."""


class LinkIsShut(PermissionError):
    """The link doesn't open: unknown, over, taken back, withdrawn, or another browser's.

    One answer for all of them: a stranger learns nothing from it.
    """

    for_people = (
        "This link doesn’t open any more, or it was opened in another browser. "
        "Please ask the person who sent it."
    )


class CodeIsWrong(ValueError):
    """The code isn't the one that was sent, or it is older than ten minutes."""

    for_people = "That isn’t the code, or it is too old. Type the six digits of the newest mail."


@dataclass(frozen=True, slots=True)
class Asked:
    """The question is on its way. The secret is kept nowhere."""

    link: Link
    secret: str


@dataclass(frozen=True, slots=True)
class Knocked:
    """A code is on its way to the address that the question was sent to."""

    sent_to: str
    """The address with most of it hidden: the one who may know it will know it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What the colleague may see now, and until when."""

    link: Link
    until: datetime


def may_ask(photo: Photo, *, acted_on: bool = False, now: datetime) -> Decision:
    """Say whether a named colleague may be shown the picture for an opinion."""
    return may_use(
        photo,
        purpose=Purpose.SECOND_OPINION,
        audience=Audience.NAMED,
        action="disclose",
        acted_on=acted_on,
        now=now,
    )


@transaction.atomic
def ask_colleague(
    photo: Photo,
    *,
    recipient_name: str,
    recipient_email: str,
    question: str,
    expires: datetime,
    openings: int = 5,
    once: UUID | None = None,
    by: Staff,
    now: datetime,
) -> Asked | policy.Hold | policy.Refusal:
    """Ask one named colleague about one picture, and queue the mail with the link.

    Returns the decision where it isn't a permit; then nothing was written.
    Raises NotAllowed for a role or practice, DoesNotFit for answers that can't be used, AlreadyDone
    for a form that was sent before.
    """
    demand(by, Action.ASK_COLLEAGUE, photo)
    _refuse_unfit(recipient_name, recipient_email, question, expires, openings, now=now)
    # The lock that a withdrawal and a stop take first: neither may overlook this link.
    locks.hold_patient(photo.patient_id)
    photo = Photo.objects.get(pk=photo.pk)
    decision = may_ask(photo, acted_on=True, now=now)
    if not isinstance(decision, policy.Permit):
        return decision
    if photo.state != Photo.State.KEPT:
        raise LinkIsShut("the picture is closed")
    secret, made = secrets.token_urlsafe(32), uuid4()
    forms.claim(once, kind="link.sent", made=made, practice=photo.practice, now=now)
    link = Link.objects.create(
        pk=made,
        practice=photo.practice,
        photo=photo,
        recipient_name=recipient_name.strip(),
        recipient_email=recipient_email.strip(),
        question=question.strip(),
        secret_hash=hash_of(secret),
        restrictions=sorted(KNOWN_RESTRICTIONS),
        expires_at=expires,
        openings_allowed=openings,
        created_by=by,
        created_at=now,
        decision=decision.as_json(),
    )
    mailing.queue(
        link.recipient_email,
        subject=f"{by.name} asks for your opinion",
        text=_letter(link, secret),
        about=link.pk,
        practice=link.practice,
        now=now,
    )
    _log("link.sent", link, by=by, now=now, expires=expires.isoformat(), openings=openings)
    return Asked(link=link, secret=secret)


def knock(secret: str, *, browser_token: str, now: datetime) -> Knocked:
    """Send a one-time code to the named address, because a person pressed. Shows nothing.

    Raises LinkIsShut.
    """
    with transaction.atomic():
        link = _locked(secret, browser_token=browser_token, now=now)
        recent = link.code_sent_at is not None and now - link.code_sent_at < CODE_PAUSE
        if not (recent and link.code_hash):
            _send_code(link, secret, now=now)
    return Knocked(sent_to=_hinted(link.recipient_email))


def open_link(secret: str, *, code: str, browser_token: str, now: datetime) -> Opened:
    """Open the link: decide anew, count one opening, bind it to this browser.

    Raises LinkIsShut, or CodeIsWrong; the fifth wrong code in a row ends the link.
    """
    with transaction.atomic():
        link = _locked(secret, browser_token=browser_token, now=now)
        if _code_fits(link, secret, code, now=now):
            return _opened(link, browser_token=browser_token, now=now)
        _count_wrong(link, now=now)
    raise CodeIsWrong(str(link.pk))


@transaction.atomic
def opened_link(link_id: UUID, *, browser_token: str, now: datetime) -> Opened:
    """Return what this browser has opened, deciding anew. Raises LinkIsShut."""
    link = Link.objects.select_related("photo__patient", "practice", "created_by").filter(
        pk=link_id
    )
    return _still_open(link.first(), browser_token=browser_token, now=now)


def picture(link_id: UUID, *, browser_token: str, now: datetime) -> bytes:
    """Return the picture as JPEG with the colleague's name drawn into its pixels.

    Decides anew each time: a link that was taken back a moment ago shows nothing.
    Raises LinkIsShut.
    """
    with transaction.atomic():
        opened = _still_open(_held(pk=link_id), browser_token=browser_token, now=now)
        link = opened.link
        try:
            jpeg = unsealed(link.photo, size=VIEW)
        except PictureClosed as error:
            raise LinkIsShut(str(link.pk)) from error
        link.photo.relied_on_for_care = True
        link.photo.save(update_fields=["relied_on_for_care"])
        _log("link.shown", link, by="colleague", now=now)
    return watermark.drawn(jpeg, f"{link.recipient_name} · {timezone.localtime(now):%d %b %H:%M}")


@transaction.atomic
def reply(
    link_id: UUID, *, text: str, browser_token: str, once: UUID | None = None, now: datetime
) -> Reply:
    """Put the colleague's answer into the patient's record.

    Raises LinkIsShut, DoesNotFit, or AlreadyDone for a form that was sent before.
    """
    if not text.strip():
        raise DoesNotFit({"text": "Type your answer"})
    link = _held(pk=link_id)
    if link is None or not _may_answer(link, browser_token=browser_token, now=now):
        raise LinkIsShut(str(link_id))
    pk = uuid4()
    forms.claim(once, kind="link.answered", made=pk, practice=link.practice, now=now)
    made = Reply.objects.create(
        pk=pk,
        practice=link.practice,
        link=link,
        patient=link.photo.patient,
        text=text.strip(),
        at=now,
    )
    _log("link.answered", link, by="colleague", now=now, reply=made.pk)
    return made


@transaction.atomic
def revoke(link: Link, *, by: Staff, now: datetime) -> None:
    """Take the link back; the next request for it gets nothing. A second time changes nothing."""
    demand(by, Action.ASK_COLLEAGUE, link)
    fresh = _held(pk=link.pk)
    if fresh is not None and fresh.revoked_at is None:
        shut(fresh, now=now)
        _log("link.revoked", fresh, by=by, now=now)


def _refuse_unfit(
    name: str, email: str, question: str, expires: datetime, openings: int, *, now: datetime
) -> None:
    fields = {}
    if not name.strip():
        fields["recipient_name"] = "Type your colleague’s name"
    if not question.strip():
        fields["question"] = "Type your question"
    if not now < expires <= now + LONGEST:
        fields["expires"] = "Choose up to 14 days"
    if not 1 <= openings <= MOST_OPENINGS:
        fields["openings"] = f"Choose between 1 and {MOST_OPENINGS}"
    try:
        validate_email(email.strip())
    except ValidationError:
        fields["recipient_email"] = "Type a whole address, like name@hospital.example"
    if fields:
        raise DoesNotFit(fields)


def _letter(link: Link, secret: str) -> str:
    until = timezone.localtime(link.expires_at)
    return (
        f"{link.created_by.name} of {link.practice.name} asks for your opinion on a picture.\n\n"
        f"{settings.SAFELIGHT_SERVER_URL}{LINK_PATH}#{secret}\n\n"
        "Nothing is shown until you press the button there. We then send a code to this address.\n"
        f"The link works until {until:%-d %B, %H:%M}, in the first browser that opens it.\n"
        "Please don’t pass it on: it carries your name.\n"
    )


def _held(**which: Any) -> Link | None:
    """Return the link as it is now, behind its patient's lock; None where there is no such link."""
    whose = Link.objects.filter(**which).values_list("photo__patient", flat=True).first()
    if whose is None:
        return None
    locks.hold_patient(whose)
    rows = Link.objects.select_for_update(of=("self",), no_key=True)
    found: Link = rows.select_related("photo__patient__practice", "practice", "created_by").get(
        **which
    )
    return found


def _locked(secret: str, *, browser_token: str, now: datetime) -> Link:
    """Return the link, locked, if a new opening of it is permitted at this instant."""
    link = _held(secret_hash=hash_of(secret))
    if link is None or not link.is_open(now=now):
        raise LinkIsShut("unknown, over or taken back")
    _refuse_unless_permitted(link, browser_token=browser_token, now=now)
    return link


def _refuse_unless_permitted(link: Link, *, browser_token: str, now: datetime) -> None:
    if link.bound_to and not hmac.compare_digest(link.bound_to, hash_of(browser_token)):
        raise LinkIsShut("another browser")
    if set(link.restrictions) - KNOWN_RESTRICTIONS:
        raise LinkIsShut("an unknown restriction")
    if link.photo.state != Photo.State.KEPT:
        raise LinkIsShut("the picture is closed")
    if not isinstance(may_ask(link.photo, now=now), policy.Permit):
        raise LinkIsShut("not permitted any more")


def _send_code(link: Link, secret: str, *, now: datetime) -> None:
    if link.codes_sent >= MOST_CODES:
        raise LinkIsShut("too many codes")
    code = f"{secrets.randbelow(1_000_000):06d}"
    link.code_hash = _code_hash(secret, code)
    link.code_sent_at, link.codes_sent = now, link.codes_sent + 1
    link.save(update_fields=["code_hash", "code_sent_at", "codes_sent"])
    mailing.queue(
        link.recipient_email,
        subject="Your code",
        text=f"{code[:3]} {code[3:]}\n\nType it on the page where you pressed the button. "
        "It works for ten minutes, once. If that wasn’t you, do nothing.\n",
        about=link.pk,
        practice=link.practice,
        now=now,
    )
    _log("link.code-sent", link, by="colleague", now=now)


def _code_hash(secret: str, code: str) -> str:
    """Bind the code to the link's secret: six digits alone could be tried out from the row."""
    return hmac.new(secret.encode(), code.encode(), hashlib.sha256).hexdigest()


def _code_fits(link: Link, secret: str, code: str, *, now: datetime) -> bool:
    digits = "".join(code.split())
    if not link.code_hash or link.code_sent_at is None:
        return False
    if not timedelta(0) <= now - link.code_sent_at < CODE_LIFE:
        return False
    return hmac.compare_digest(link.code_hash, _code_hash(secret, digits))


def _count_wrong(link: Link, *, now: datetime) -> None:
    link.code_tries += 1
    if link.code_tries >= MOST_TRIES:
        link.code_hash = ""
        shut(link, now=now)
        _log("link.locked", link, by="system", now=now)
    link.save(update_fields=["code_tries", "code_hash"])


def _opened(link: Link, *, browser_token: str, now: datetime) -> Opened:
    link.code_hash, link.code_tries = "", 0
    link.bound_to = link.bound_to or hash_of(browser_token)
    link.openings_used, link.opened_at = link.openings_used + 1, now
    link.save()
    _log("link.opened", link, by="colleague", now=now, opening=link.openings_used)
    return Opened(link=link, until=_until(link, now))


def _still_open(link: Link | None, *, browser_token: str, now: datetime) -> Opened:
    if link is None or not _may_answer(link, browser_token=browser_token, now=now):
        raise LinkIsShut("not opened in this browser, over, or taken back")
    _refuse_unless_permitted(link, browser_token=browser_token, now=now)
    opened_at = link.opened_at
    if opened_at is None or not timedelta(0) <= now - opened_at < LOOK:
        raise LinkIsShut("the opening is over")
    return Opened(link=link, until=_until(link, opened_at))


def _until(link: Link, opened_at: datetime) -> datetime:
    return min(opened_at + LOOK, link.expires_at)


def _may_answer(link: Link, *, browser_token: str, now: datetime) -> bool:
    """Say whether this browser has opened the link, and it is neither over nor taken back."""
    if not link.bound_to or link.revoked_at is not None or now >= link.expires_at:
        return False
    return hmac.compare_digest(link.bound_to, hash_of(browser_token))


def _hinted(email: str) -> str:
    name, _, host = email.partition("@")
    return f"{name[:1]}…@{host}"


def _log(
    kind: str, link: Link, *, by: Staff | str, now: datetime, **details: str | int | UUID
) -> None:
    log.append(
        kind,
        practice=link.practice,
        subject=link.photo.patient.subject,
        by=by,
        at=now,
        link=link.pk,
        photo=link.photo_id,
        **details,
    )
