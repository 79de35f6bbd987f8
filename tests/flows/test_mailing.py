"""Mail goes once, its text goes with it, and what fails is tried again, later and later."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from factories import NOW
from safelight.flows import mailing
from safelight.records.models import LedgerEntry, OutgoingMail


class Box:
    """A transport that keeps what it is given, or fails."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails, self.sent = fails, []

    def __call__(self, *, to: str, subject: str, text: str) -> None:
        if self.fails:
            raise ConnectionRefusedError
        self.sent.append((to, subject, text))


@pytest.fixture
def mail(surgery) -> OutgoingMail:
    return mailing.queue(
        "skin@hospital.example",
        subject="Your code",
        text="123 456",
        about=uuid.uuid4(),
        practice=surgery,
        now=NOW,
    )


def test_it_is_sent_once_and_its_text_is_forgotten(mail):
    box = Box()
    assert mailing.send_waiting(transport=box, now=NOW) == mailing.Posted(sent=1, failed=0)
    assert mailing.send_waiting(transport=box, now=NOW) == mailing.Posted(sent=0, failed=0)
    assert box.sent == [("skin@hospital.example", "Your code", "123 456")]
    mail.refresh_from_db()
    assert (mail.text, mail.sent_at) == ("", NOW)


def test_what_fails_waits_longer_each_time(mail):
    shut, box = Box(fails=True), Box()
    assert mailing.send_waiting(transport=shut, now=NOW).failed == 1
    assert mailing.send_waiting(transport=box, now=NOW + timedelta(seconds=29)).sent == 0
    assert mailing.send_waiting(transport=shut, now=NOW + timedelta(seconds=30)).failed == 1
    assert mailing.send_waiting(transport=box, now=NOW + timedelta(seconds=89)).sent == 0
    assert mailing.send_waiting(transport=box, now=NOW + timedelta(seconds=90)).sent == 1


def test_after_about_a_day_it_is_given_up_and_written_down(mail):
    OutgoingMail.objects.update(tries=mailing.MOST_TRIES - 1)
    mail.refresh_from_db()
    assert timedelta(hours=20) < mailing.due_at(mail) - NOW < timedelta(hours=30)
    mailing.send_waiting(transport=Box(fails=True), now=mailing.due_at(mail))
    mail.refresh_from_db()
    assert mail.text == ""
    entry = LedgerEntry.objects.get()
    assert entry.kind == "mail.given-up"
    assert b"skin@" not in bytes(entry.body)
    assert mailing.send_waiting(transport=Box(), now=NOW + timedelta(days=9)).sent == 0


def test_what_was_taken_back_is_not_sent(mail):
    assert mailing.unsend(mail.about) == 1
    box = Box()
    mailing.send_waiting(transport=box, now=NOW)
    assert box.sent == []


def test_a_message_that_another_worker_claimed_is_left_alone(mail):
    """The other worker claims it after this one has read the list."""

    class Quick(Box):
        def __call__(self, *, to: str, subject: str, text: str) -> None:
            OutgoingMail.objects.filter(sent_at=None, subject="Later").update(tries=1)
            super().__call__(to=to, subject=subject, text=text)

    later = mailing.queue(
        "x@hospital.example",
        subject="Later",
        text="x",
        about=uuid.uuid4(),
        practice=mail.practice,
        now=NOW + timedelta(seconds=1),
    )
    box = Quick()
    mailing.send_waiting(transport=box, now=NOW + timedelta(seconds=2))
    assert [subject for _, subject, _ in box.sent] == ["Your code"]
    later.refresh_from_db()
    assert later.sent_at is None
