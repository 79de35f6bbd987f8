"""What has to be done again and again, by whoever runs: the worker, or the demo's thread.

Each step is safe to repeat and to run twice at once; one that fails doesn't keep the others.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from safelight.flows import (
    being_restored,
    choices,
    erasing,
    evidence,
    inventory,
    keeping,
    key_rounds,
    mailing,
    once,
    recalling,
    retaining,
    witnessing,
)
from safelight.interop import mail

log = logging.getLogger(__name__)

DAILY = timedelta(hours=24)
HOURLY = timedelta(hours=1)
"""How often orphans are swept: a sweep reads the names of every blob there is."""
LEASE = timedelta(minutes=15)
"""A task that runs for longer belonged to a worker that was killed; tasks are safe to repeat."""


@dataclass(frozen=True, slots=True)
class Round:
    """How a round went: the steps that were done, and those that failed, by name."""

    done: tuple[str, ...]
    failed: tuple[str, ...]


def go(*, now: datetime, transport: mailing.Transport | None) -> Round:
    """Do everything that is due. Without a transport mail stays where it is."""
    if being_restored.is_on():
        return Round((), ("being restored",))
    steps: dict[str, Callable[[], object]] = {
        "erasures": lambda: erasing.finish_pending(now=now),
        "orphans": lambda: _orphans(now=now),
        "inventory": lambda: _inventory(now=now),
        "keys": lambda: key_rounds.go(now=now),
        "tasks": lambda: _tasks(now=now),
        "forms": lambda: once.forget_old(now=now),
        "ledger": lambda: evidence.check_if_due(now=now),
        "checkpoint": lambda: evidence.checkpoint_if_due(now=now),
        "choices": lambda: _choices(now=now),
        "witness": lambda: witnessing.tell_if_due(now=now),
        "reminders": lambda: recalling.remind(now=now),
        "retention": lambda: _retention(now=now),
    }
    if transport is not None:
        steps["mail"] = lambda: mailing.send_waiting(transport=transport, now=now)
    done, failed = [], []
    for name, step in steps.items():
        try:
            step()
        except Exception:
            log.exception("step %s failed", name)
            failed.append(name)
        else:
            done.append(name)
    return Round(tuple(done), tuple(failed))


def smtp() -> mailing.Transport | None:
    """Return what hands mail to the server of the settings, or None where there is none."""
    told = settings.CONFIG
    if not told.mail_host:
        return None
    tls = {"starttls": mail.Tls.STARTTLS, "tls": mail.Tls.WRAPPED, "none": mail.Tls.NONE}
    place = told.mail_password_file
    password = place.read_text(encoding="utf-8").strip() if place else None

    def send(*, to: str, subject: str, text: str) -> None:
        message = mail.OutgoingMail(told.mail_from, to, subject, text)
        try:
            mail.send(
                message,
                host=told.mail_host,
                port=told.mail_port,
                tls=tls[told.mail_security],
                username=told.mail_user or None,
                password=password,
                now=timezone.now(),
            )
        except (mail.MailNotSent, mail.NotAnAddress) as error:
            raise ConnectionError(type(error).__name__) from None

    return send


def _orphans(*, now: datetime) -> None:
    """Sweep at the first round, and then once an hour."""
    if (last := _last("swept")) is None or not timedelta(0) <= now - last < HOURLY:
        keeping.sweep(now=now)
        _mark("swept", now=now)


def _choices(*, now: datetime) -> None:
    """Look once a day for patients who have grown up since a parent agreed for them."""
    if (last := _last("grown-up")) is None or not timedelta(0) <= now - last < DAILY:
        choices.raise_due(now=now)
        _mark("grown-up", now=now)


def _inventory(*, now: datetime) -> None:
    """Look once a night whether everything is there, the first time a night after the first round."""
    last = _last("looked")
    if last is None:
        _mark("looked", now=now)
    elif not timedelta(0) <= now - last < DAILY:
        inventory.look(now=now)
        _mark("looked", now=now)


def _retention(*, now: datetime) -> None:
    """List once a day what has been kept for its whole period."""
    if (last := _last("retained")) is None or not timedelta(0) <= now - last < DAILY:
        retaining.go_round(now=now)
        _mark("retained", now=now)


def _last(name: str) -> datetime | None:
    """Return when this was done last, as the file of that name beside the keys says, if it is there."""
    try:
        return datetime.fromtimestamp(_stamp(name).stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def _mark(name: str, *, now: datetime) -> None:
    stamp = _stamp(name)
    stamp.touch(mode=0o600)
    os.utime(stamp, (now.timestamp(), now.timestamp()))


def _stamp(name: str) -> Path:
    return Path(settings.SAFELIGHT_KEYS).with_name(name)


def _tasks(*, now: datetime) -> None:
    """Run the tasks that wait, those first that a killed worker left behind."""
    left = DBTaskResult.objects.filter(status=TaskResultStatus.RUNNING, started_at__lt=now - LEASE)
    left.update(status=TaskResultStatus.READY, started_at=None)
    Worker(
        queue_names=["*"],
        interval=0,
        batch=True,
        backend_name="default",
        startup_delay=False,
        max_tasks=None,
        worker_id=uuid.uuid4().hex,
        excluded_queue_names=[],
    ).run()
