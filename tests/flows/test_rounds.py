"""What is due is done, once and in its time; one step that fails keeps no other."""

from __future__ import annotations

import asyncio
import os
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from aiosmtpd.smtp import SMTP
from django_tasks import TaskResultStatus, task
from django_tasks_db.models import DBTaskResult

from factories import NOW
from safelight import vault
from safelight.flows import keeping, mailing, rounds, stores
from safelight.records.models import Look, OutgoingMail

LATER = NOW + timedelta(minutes=10)
pytestmark = pytest.mark.django_db(transaction=True)  # the tasks' worker closes connections


@task()
def note(text: str) -> str:
    """Leave a trace in the table of results."""
    return text.upper()


def leave_an_orphan() -> uuid.UUID:
    """An upload that died: its announcement and its key, and no row."""
    found = uuid.uuid4()
    keeping.begin(found, tenant=uuid.uuid4(), patient=uuid.uuid4(), data_key=vault.new_key())
    return found


def has_key(image: uuid.UUID) -> bool:
    """Whether its key is kept. What nobody was told of leaves no tombstone: it may come again."""
    return image in {each for each, _ in stores.keys().images()}


def age(home, by: timedelta) -> None:
    """Let every blob be as old as that, at NOW."""
    at = (NOW - by).timestamp()
    for path in home.blobs.rglob("*"):
        os.utime(path, (at, at))


# the steps


def test_a_round_does_every_step_and_sends_no_mail_without_a_transport(home):
    done = rounds.go(now=NOW, transport=None)
    assert done == rounds.Round(
        (
            "erasures",
            "orphans",
            "inventory",
            "keys",
            "tasks",
            "forms",
            "ledger",
            "checkpoint",
            "choices",
            "witness",
            "reminders",
            "retention",
        ),
        (),
    )


def test_a_step_that_fails_is_named_and_keeps_no_other(home, monkeypatch, caplog):
    def fails(**given: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(rounds.erasing, "finish_pending", fails)
    done = rounds.go(now=NOW, transport=None)
    assert done.failed == ("erasures",)
    assert done.done == (
        "orphans",
        "inventory",
        "keys",
        "tasks",
        "forms",
        "ledger",
        "checkpoint",
        "choices",
        "witness",
        "reminders",
        "retention",
    )
    assert "step erasures failed" in caplog.text


# orphans


def test_orphans_are_swept_at_the_first_round_and_then_once_an_hour(home):
    first = leave_an_orphan()
    age(home, timedelta(hours=3))
    rounds.go(now=NOW, transport=None)
    assert home.files() == {}
    assert not has_key(first)

    second = leave_an_orphan()
    age(home, timedelta(hours=3))
    for minutes in (0, 1, 59):
        rounds.go(now=NOW + timedelta(minutes=minutes), transport=None)
        assert has_key(second)
    rounds.go(now=NOW + timedelta(hours=1), transport=None)
    assert not has_key(second)
    assert home.files() == {}


def test_a_clock_that_jumps_back_sweeps_at_once(home):
    rounds.go(now=NOW, transport=None)
    orphan = leave_an_orphan()
    age(home, timedelta(hours=9))
    rounds.go(now=NOW - timedelta(hours=5), transport=None)
    assert not has_key(orphan)


def test_a_sweep_that_fails_is_tried_again_at_the_next_round(home, monkeypatch):
    orphan = leave_an_orphan()
    age(home, timedelta(hours=3))
    with monkeypatch.context() as broken:
        broken.setattr(rounds.keeping, "sweep", lambda **given: 1 / 0)
        assert rounds.go(now=NOW, transport=None).failed == ("orphans",)
    rounds.go(now=LATER, transport=None)
    assert not has_key(orphan)


# keys


def test_keys_are_renewed_once_a_night(home):
    versions = []
    for hours in (0, 23, 24, 25, 48):
        assert rounds.go(now=NOW + timedelta(hours=hours), transport=None).failed == ()
        versions.append(stores.keys().describe().manager.current)
    assert versions == [1, 1, 2, 2, 3]


# tasks


def test_tasks_that_wait_are_run_and_keep_their_result(home):
    waiting = note.enqueue("done")
    rounds.go(now=NOW, transport=None)
    waiting.refresh()
    assert (waiting.status, waiting.return_value) == (TaskResultStatus.SUCCESSFUL, "DONE")


def test_a_task_that_a_killed_worker_left_is_run_again(home):
    left, busy = note.enqueue("left"), note.enqueue("busy")
    running = DBTaskResult.objects.filter(status=TaskResultStatus.READY)
    running.update(status=TaskResultStatus.RUNNING, started_at=NOW)
    DBTaskResult.objects.filter(id=left.id).update(started_at=NOW - timedelta(minutes=16))
    rounds.go(now=NOW, transport=None)
    left.refresh()
    busy.refresh()
    assert left.status == TaskResultStatus.SUCCESSFUL
    assert busy.status == TaskResultStatus.RUNNING


# mail


class Inbox:
    """A mail server's memory."""

    def __init__(self) -> None:
        self.messages: list[tuple[list[str], bytes]] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server, session, envelope) -> str:
        if self.answer.startswith("250"):
            self.messages.append((envelope.rcpt_tos, envelope.content))
        return self.answer


@pytest.fixture
def inbox(settings) -> Iterator[Inbox]:
    """A real mail server on this machine, which the settings name."""
    box, loop = Inbox(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def listen() -> asyncio.Server:
        return await loop.create_server(lambda: SMTP(box, loop=loop), "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    port = server.sockets[0].getsockname()[1]
    settings.CONFIG = replace(
        settings.CONFIG,
        mail_host="127.0.0.1",
        mail_port=port,
        mail_from="safelight@practice.example",
        mail_security="none",
    )
    yield box
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def letter(surgery) -> OutgoingMail:
    return mailing.queue(
        "skin@hospital.example",
        subject="Your code",
        text="123 456",
        about=uuid.uuid4(),
        practice=surgery,
        now=NOW,
    )


def test_without_a_server_in_the_settings_mail_stays(settings, letter):
    settings.CONFIG = replace(settings.CONFIG, mail_host="")
    assert rounds.smtp() is None
    rounds.go(now=NOW, transport=rounds.smtp())
    letter.refresh_from_db()
    assert (letter.text, letter.sent_at) == ("123 456", None)


def test_mail_reaches_the_server_of_the_settings_once(inbox, letter):
    for now in (NOW, LATER):
        done = rounds.go(now=now, transport=rounds.smtp())
        assert "mail" in done.done
    ((to, content),) = inbox.messages
    assert to == ["skin@hospital.example"]
    assert b"Subject: Your code" in content
    assert b"123 456" in content
    letter.refresh_from_db()
    assert (letter.text, letter.sent_at) == ("", NOW)


def test_mail_that_is_refused_waits_and_goes_later(inbox, letter):
    inbox.answer = "451 Later"
    assert rounds.go(now=NOW, transport=rounds.smtp()).failed == ()
    letter.refresh_from_db()
    assert (letter.text, letter.tries, letter.sent_at) == ("123 456", 1, None)
    inbox.answer = "250 OK"
    rounds.go(now=LATER, transport=rounds.smtp())
    assert len(inbox.messages) == 1


def test_the_servers_password_is_read_from_its_file(inbox, settings, tmp_path, letter):
    secret = tmp_path / "mail-password"
    secret.write_text("a long pass phrase\n")
    settings.CONFIG = replace(settings.CONFIG, mail_user="practice", mail_password_file=secret)
    rounds.go(now=NOW, transport=rounds.smtp())
    assert inbox.messages == []  # this server takes no name, so nothing was sent in clear
    letter.refresh_from_db()
    assert letter.tries == 1


# the inventory


def test_everything_is_looked_at_once_a_night_and_not_at_the_first_round(home):
    rounds.go(now=NOW, transport=None)
    assert not Look.objects.exists()
    for later in (timedelta(hours=23), timedelta(hours=25), timedelta(hours=26)):
        rounds.go(now=NOW + later, transport=None)
    assert Look.objects.get().at == NOW + timedelta(hours=25)
