"""The patient's page says what the ledger says, in words, and nothing of anybody else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from factories import NOW, staff
from flows.conftest import agree, take
from flows.test_withdraw import copy_of, link_to
from safelight.flows import opening, receipts, share, withdraw
from safelight.policy.roles import Role
from safelight.records.models import LedgerEntry, Link, Release, Withdrawal
from safelight.terms import Purpose

LATER = NOW + timedelta(days=3)


@pytest.fixture
def given(adult, gp):
    return agree(adult, gp, Purpose.CARE, Purpose.SECOND_OPINION, Purpose.TEACHING_LOCAL)


@pytest.fixture
def photo(adult, gp, given):
    return take(adult, gp, given[0])


def page(given, *, now=LATER) -> receipts.ReceiptPage:
    return receipts.page_of(receipts.find_receipt(given[1]), now=now)


def test_the_secret_opens_it_and_nothing_else_does(given):
    receipt = receipts.open_receipt(given[1], now=NOW)
    assert receipt.consent == given[0]
    assert LedgerEntry.objects.last().kind == "receipt.opened"
    for wrong in ("", given[1][:-1], given[1].swapcase(), receipt.secret_hash):
        with pytest.raises(receipts.ReceiptUnknown):
            receipts.open_receipt(wrong, now=NOW)


def test_it_says_who_looked_by_role_and_never_by_name(given, photo, gp, surgery):
    opening.open_photo(photo, by=gp, now=NOW)
    opening.open_thumbs([photo], by=staff(Role.NURSE, practice=surgery), now=NOW)
    said = page(given)
    assert [(each.who, each.what) for each in said.happened] == [
        ("A nurse", "saw it small, among your other pictures"),
        ("A doctor", "looked at the picture"),
        ("A doctor", "took the picture"),
        ("A doctor", "wrote down what you agreed to"),
    ]
    assert gp.name not in str(said.happened)


def test_what_concerns_other_pictures_is_not_on_it(given, photo, adult, gp):
    other = agree(adult, gp, Purpose.CARE)
    its_own = take(adult, gp, other[0])
    opening.open_photo(its_own, by=gp, now=NOW)
    assert "looked at the picture" not in [each.what for each in page(given).happened]
    assert page(given).photos == (photo,)


def test_it_says_what_left_and_whether_it_is_open(given, photo, gp):
    link = link_to(photo, gp)
    release = copy_of(photo, gp)
    assert [(each.to, each.is_open) for each in page(given).left] == [
        ("Dr Skin", True),
        ("Tuesday teaching", True),
    ]
    share.revoke(link, by=gp, now=NOW)
    Release.objects.filter(pk=release.pk).update(state="withdrawn")
    assert [each.word for each in page(given).left] == ["Closed", "Asked back"]


def test_a_colleague_is_named_to_the_patient(given, photo, gp):
    link = link_to(photo, gp)
    Link.objects.update(bound_to=share.hash_of("b"), opened_at=NOW)
    share.picture(link.pk, browser_token="b", now=NOW)
    assert page(given).happened[0] == receipts.Happened(
        NOW, "Dr Skin", "looked at the picture for an opinion"
    )


def test_it_is_taken_back_from_there(given, photo):
    receipt = receipts.find_receipt(given[1])
    said = receipts.consequences_of(receipt, purposes=[Purpose.CARE], now=LATER)
    done = receipts.withdraw(receipt, purposes=[Purpose.CARE], now=LATER)
    assert [each.as_json() for each in said] == done.consequences
    after = page(given)
    assert after.withdrawals == (done,)
    assert after.can_withdraw == ()
    assert after.photos[0].state == "erased"
    assert {each.who for each in after.happened[:2]} == {"You", "The computer"}


def test_another_conversations_withdrawal_is_not_on_it(given, photo, adult, gp):
    other = agree(adult, gp, Purpose.CARE)
    withdraw.withdraw(other[0], purposes=[Purpose.CARE], by=gp, now=LATER)
    assert Withdrawal.objects.count() == 1
    assert page(given).withdrawals == ()


def test_a_deed_of_someone_who_left_is_still_told(given, photo, adult):
    from django.db import transaction

    from safelight.records import log

    with transaction.atomic():
        log.append(
            "photo.viewed",
            practice=adult.practice,
            subject=adult.subject,
            by="colleague",
            at=NOW,
            photo=photo.pk,
        )
    assert page(given).happened[0].who == "Someone of the practice"
