"""Accounts: what is said about a name, an address or a role that doesn't fit, and who is invited."""

from __future__ import annotations

import pytest

from factories import NOW, staff
from safelight.flows import staff as accounts
from safelight.flows.allowed import DoesNotFit
from safelight.policy.roles import Role
from safelight.records.models import LedgerEntry, OutgoingMail, Practice, Staff

SAID = {"name": "Dr Ada Osei", "email": "ada@made-up.example", "role": "gp"}
OPENED = {"name": "Made-up Surgery", "administrator": "Ada Osei", "email": "ada@made-up.example"}


@pytest.fixture
def administrator(surgery) -> Staff:
    return staff(Role.ADMINISTRATOR, practice=surgery)


def test_without_a_link_nobody_is_invited_and_there_is_no_password(administrator):
    person = accounts.add_staff(**SAID, link_for=None, by=administrator, now=NOW)
    assert (person.practice, person.role) == (administrator.practice, Role.GP)
    assert not person.has_usable_password()
    assert not OutgoingMail.objects.exists()
    assert LedgerEntry.objects.get(kind="staff.added").subject == str(person.pk)


def test_with_one_the_invitation_waits_to_be_sent_to_that_address_alone(administrator):
    link = "https://made-up.example/invitation"
    accounts.add_staff(**SAID, link_for=lambda _: link, by=administrator, now=NOW)
    mail = OutgoingMail.objects.get()
    assert mail.to == SAID["email"]
    assert link in mail.text


@pytest.mark.parametrize(
    ("field", "wrong", "said"),
    [
        ("name", " ", "Type the name"),
        ("name", "Dr A\u200bda Osei", "letters in it that can’t be seen"),
        ("name", "x" * (accounts.LONGEST_NAME + 1), "at most 100 letters"),
        ("role", "emperor", "Choose a role"),
        ("role", "", "Choose a role"),
        ("email", "not an address", "whole address"),
        ("email", "", "whole address"),
    ],
)
def test_what_does_not_fit_is_said_at_its_field_alone_and_adds_nobody(
    administrator, field: str, wrong: str, said: str
):
    with pytest.raises(DoesNotFit) as refused:
        accounts.add_staff(**SAID | {field: wrong}, link_for=None, by=administrator, now=NOW)
    assert list(refused.value.fields) == [field]
    assert said in refused.value.fields[field]
    assert Staff.objects.count() == 1
    assert not LedgerEntry.objects.exists()


def test_a_name_of_the_longest_length_fits(administrator):
    name = "x" * accounts.LONGEST_NAME
    said = SAID | {"name": f" {name} "}
    assert accounts.add_staff(**said, link_for=None, by=administrator, now=NOW).name == name


def test_everything_that_does_not_fit_is_said_at_once_and_no_practice_is_opened():
    wrong = {"name": "  ", "administrator": "", "email": "ada@"}
    with pytest.raises(DoesNotFit) as refused:
        accounts.open_practice(**wrong, now=NOW)
    assert set(refused.value.fields) == {"practice", "name", "email"}
    assert not Practice.objects.exists()


def test_a_practice_opens_with_its_administrator_and_both_are_logged():
    opened = accounts.open_practice(**OPENED, password=None, now=NOW)
    assert opened.administrator.role == Role.ADMINISTRATOR
    assert opened.administrator.practice == opened.practice
    kinds = list(LedgerEntry.objects.order_by("index").values_list("kind", flat=True))
    assert kinds == ["practice.opened", "staff.added"]


def test_a_role_that_there_is_not_is_not_given(administrator):
    nurse = staff(Role.NURSE, practice=administrator.practice)
    with pytest.raises(DoesNotFit) as refused:
        accounts.change_role(nurse, role="emperor", by=administrator, now=NOW)
    assert list(refused.value.fields) == ["role"]
    nurse.refresh_from_db()
    assert nurse.role == Role.NURSE
