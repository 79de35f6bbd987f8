"""Open a practice, and give, change and close the accounts of those who work there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from safelight import storage
from safelight.flows import key_managers, mailing
from safelight.flows.allowed import DoesNotFit, NotAllowed, demand, name_error
from safelight.policy import reading
from safelight.policy.roles import Action, Role, may
from safelight.records import log
from safelight.records.models import Practice, Staff

if TYPE_CHECKING:
    from django.db.models import QuerySet

LONGEST_NAME = 100
"""It goes into the subject of a mail, and has to be readable there."""
LinkFor = Callable[[Staff], str]
"""Makes the one-time address with which a person sets a password."""

INVITATION = """Hello {name},

{by} has added you to Safelight, where {practice} keeps pictures of patients safely.

Set your password here. The link works once, for a day:
{link}

If you did not expect this, tell {by}.
"""


@dataclass(frozen=True, slots=True)
class Opened:
    """A practice that was just opened, with its first administrator."""

    practice: Practice
    administrator: Staff


def make_stores(passphrase: str, *, cost: storage.Cost | None = None) -> None:
    """Create the folders and what the key manager needs. Keys that are there already are left alone.

    Folders are for this user only: their names tell how many pictures there are. Raises KeysAreSealed.
    """
    seal, keys = Path(settings.SAFELIGHT_SEAL).parent, Path(settings.SAFELIGHT_KEYS).parent
    for folder in (settings.SAFELIGHT_HOME, settings.SAFELIGHT_BLOBS, seal, keys):
        storage.make_root(Path(folder))
    key_managers.make(passphrase, cost=cost)


@transaction.atomic
def open_practice(
    *,
    name: str,
    administrator: str,
    email: str,
    password: str | None = None,
    pack: str | None = None,
    now: datetime,
) -> Opened:
    """Record a practice and its first administrator. Raises DoesNotFit.

    pack: the rules that it follows, by name, of those that came with Safelight (`reading.shipped_names`).
    """
    _refuse_unless_fitting(name=administrator, email=email, practice=name)
    if pack is not None and pack not in reading.shipped_names():
        raise DoesNotFit({"pack": f"Choose among {', '.join(reading.shipped_names())}"})
    chosen = {"pack": pack} if pack is not None else {}
    practice = Practice.objects.create(name=name.strip(), created_at=now, **chosen)
    first = Staff.objects.create_user(
        email.strip(),
        practice=practice,
        name=" ".join(administrator.split()),
        role=Role.ADMINISTRATOR,
        password=password,
    )
    log.append(
        "practice.opened",
        practice=practice,
        subject=practice.pk,
        by="system",
        at=now,
        pack=practice.pack,
    )
    log.append(
        "staff.added", practice=practice, subject=first.pk, by="system", at=now, role=first.role
    )
    return Opened(practice, first)


def staff_of(by: Staff) -> QuerySet[Staff]:
    """Return everyone who works, or worked, at the administrator's own practice."""
    if not _manages(by):
        return Staff.objects.none()
    return Staff.objects.filter(practice=by.practice).order_by("-is_active", "name")


@transaction.atomic
def add_staff(
    *, name: str, email: str, role: str, link_for: LinkFor | None, by: Staff, now: datetime
) -> Staff:
    """Add a person and send the invitation; without `link_for`, none. Raises DoesNotFit, NotAllowed."""
    demand(by, Action.MANAGE_STAFF)
    _refuse_unless_fitting(name=name, email=email, role=role)
    person = Staff.objects.create_user(
        email.strip(), practice=by.practice, name=" ".join(name.split()), role=Role(role)
    )
    log.append(
        "staff.added", practice=by.practice, subject=person.pk, by=by, at=now, role=person.role
    )
    if link_for is not None:
        _invite(person, link_for=link_for, by=by, now=now)
    return person


@transaction.atomic
def invite_again(person: Staff, *, link_for: LinkFor, by: Staff, now: datetime) -> None:
    """Send a new link; the old one dies with it if a password is set. Raises NotAllowed."""
    _demand_of(person, by)
    log.append("staff.invited", practice=by.practice, subject=person.pk, by=by, at=now)
    _invite(person, link_for=link_for, by=by, now=now)


@transaction.atomic
def change_role(person: Staff, *, role: str, by: Staff, now: datetime) -> None:
    """Give another role. Raises DoesNotFit for one's own: somebody has to stay administrator."""
    _demand_of(person, by)
    if person.pk == by.pk:
        raise DoesNotFit({"role": "Ask another administrator to change your own role"})
    _refuse_unless_fitting(role=role)
    person.role = Role(role)
    person.save(update_fields=["role"])
    log.append("staff.role", practice=by.practice, subject=person.pk, by=by, at=now, role=role)


@transaction.atomic
def close_account(person: Staff, *, by: Staff, now: datetime) -> None:
    """Close an account; open sessions end at their next request. Raises DoesNotFit, NotAllowed."""
    _demand_of(person, by)
    if person.pk == by.pk:
        raise DoesNotFit({"person": "Ask another administrator to close your own account"})
    person.is_active = False
    person.save(update_fields=["is_active"])
    mailing.unsend(person.pk)
    log.append("staff.closed", practice=by.practice, subject=person.pk, by=by, at=now)


@transaction.atomic
def reopen_account(person: Staff, *, by: Staff, now: datetime) -> None:
    """Open a closed account again. Raises NotAllowed."""
    _demand_of(person, by)
    person.is_active = True
    person.save(update_fields=["is_active"])
    log.append("staff.reopened", practice=by.practice, subject=person.pk, by=by, at=now)


def _invite(person: Staff, *, link_for: LinkFor, by: Staff, now: datetime) -> None:
    text = INVITATION.format(
        name=person.name, by=by.name, practice=by.practice.name, link=link_for(person)
    )
    mailing.queue(
        person.email,
        subject="Your way into Safelight",
        text=text,
        about=person.pk,
        practice=by.practice,
        now=now,
    )


def _manages(by: Staff) -> bool:
    return by.is_active and may(by.role, Action.MANAGE_STAFF)


def _demand_of(person: Staff, by: Staff) -> None:
    demand(by, Action.MANAGE_STAFF)
    if person.practice_id != by.practice_id:
        raise NotAllowed("another practice")


def _refuse_unless_fitting(
    *, name: str = "-", email: str | None = None, role: str | None = None, practice: str = "-"
) -> None:
    fields: dict[str, str] = {}
    if error := name_error(name):
        fields["name"] = error
    if len(name.strip()) > LONGEST_NAME:
        fields["name"] = f"Type the name in at most {LONGEST_NAME} letters"
    if not practice.strip():
        fields["practice"] = "Type the practice’s name"
    if role is not None and role not in set(Role):
        fields["role"] = "Choose a role"
    if email is not None:
        if not _is_address(email.strip()):
            fields["email"] = "Type a whole address, like name@practice.example"
        elif Staff.objects.filter(email__iexact=email.strip()).exists():
            fields["email"] = "Somebody has an account with this address already"
    if fields:
        raise DoesNotFit(fields)


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True
