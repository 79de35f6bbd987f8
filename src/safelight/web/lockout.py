"""A lock on guessing that parallel tries can't outrun.

A try is counted *before* the password is looked at, in one short transaction that holds the row:
fifty tries at once are counted one after the other, and the eleventh is turned away unseen.
Counting failures afterwards, as is usual, lets all fifty through while the count is still zero.

Ten tries, then a minute, doubling up to a day (NIST SP 800-63B-4 allows 100 in a row). A hundred
shut the door until a link by mail or an administrator opens it. Passkeys are not counted: they
can't be guessed, and so nobody can lock a colleague out altogether.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from safelight.web.models import Tries, UsedCode

FREE_TRIES = 10
TRIES_EVER = 100
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(days=1)
UNTIL_RESET = timedelta(days=36_500)

ADDRESS_TRIES = 60
ADDRESS_WINDOW = timedelta(minutes=15)
"""A whole practice may share one address, so its brake is looser, and only failures stay counted."""

CODE_LIFE = timedelta(minutes=10)

_Pause = Callable[[int], timedelta | None]


@dataclass(frozen=True, slots=True)
class Shut:
    """The door is shut until then, whatever is tried."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Counted:
    """The try is counted and may be checked."""

    tries: int


def count_account(name: str, *, now: datetime) -> Counted | Shut:
    """Count one try at an account, known or not, before its secret is checked."""
    return _count(_key("account", name.strip().lower()), now=now, pause=_account_pause)


def clear_account(name: str) -> None:
    """Forget the tries at an account: the secret was right, or a new one was set."""
    Tries.objects.filter(key=_key("account", name.strip().lower())).delete()


def count_address(request: HttpRequest | None, *, now: datetime) -> Counted | Shut:
    """Count one try from a network address."""
    key = _key("address", address_of(request))
    return _count(key, now=now, pause=_address_pause, window=ADDRESS_WINDOW)


def uncount_address(request: HttpRequest | None) -> None:
    """Take one try from the address back: it was right."""
    with transaction.atomic():
        row = Tries.objects.select_for_update(no_key=True).filter(
            key=_key("address", address_of(request))
        )
        for tries in row:
            Tries.objects.filter(pk=tries.pk).update(count=max(0, tries.count - 1))


def use_once(what: str, *, now: datetime) -> bool:
    """Say whether this one-time code is used for the first time, and remember it."""
    UsedCode.objects.filter(at__lt=now - CODE_LIFE).delete()
    try:
        with transaction.atomic():
            UsedCode.objects.create(key=_key("code", what), at=now)
    except IntegrityError:
        return False
    return True


def address_of(request: HttpRequest | None) -> str:
    """Return the client's address; of IPv6 the /64, which is one home or one phone."""
    if request is None:
        return "none"
    said = str(request.META.get("REMOTE_ADDR", ""))
    if settings.SAFELIGHT_BEHIND_PROXY:
        # The last entry is what our own proxy saw; earlier ones are whatever the client wrote.
        said = str(request.META.get("HTTP_X_FORWARDED_FOR", said)).split(",")[-1].strip()
    try:
        address = ipaddress.ip_address(said)
    except ValueError:
        return "unknown"
    if address.version == 6:
        return str(ipaddress.ip_network(f"{address}/64", strict=False))
    return str(address)


def _account_pause(count: int) -> timedelta | None:
    if count >= TRIES_EVER:
        return UNTIL_RESET
    if count < FREE_TRIES:
        return None
    doubled: timedelta = FIRST_PAUSE * int(2 ** min(count - FREE_TRIES, 20))
    return min(doubled, LONGEST_PAUSE)


def _address_pause(count: int) -> timedelta | None:
    return ADDRESS_WINDOW if count >= ADDRESS_TRIES else None


def _count(
    key: str, *, now: datetime, pause: _Pause, window: timedelta | None = None
) -> Counted | Shut:
    Tries.objects.get_or_create(key=key, defaults={"last_at": now})
    with transaction.atomic():
        row = Tries.objects.select_for_update(no_key=True).get(key=key)
        if row.shut_until is not None and row.shut_until > now:
            return Shut(row.shut_until)
        if window is not None and now - row.last_at > window:
            row.count = 0
        row.count += 1
        row.last_at = now
        wait = pause(row.count)
        row.shut_until = now + wait if wait else None
        row.save()
    return Counted(row.count)


def _key(kind: str, name: str) -> str:
    secret = settings.SECRET_KEY.encode()
    return hmac.new(secret, f"{kind}\0{name}".encode(), hashlib.sha256).hexdigest()
