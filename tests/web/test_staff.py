"""The administrator's pages."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from clients import signed_in
from factories import NOW, staff
from safelight.flows import staff as flows
from safelight.flows.allowed import DoesNotFit, NotAllowed
from safelight.policy.roles import Role
from safelight.records.models import LedgerEntry, OutgoingMail, Staff

SAID = {"name": "Dr Ada Osei", "email": "ada@made-up.example", "role": "gp"}


@pytest.mark.django_db
def test_an_invitation_leads_to_a_password(administrator):
    answer = signed_in(administrator).post("/staff/new/", SAID)
    assert answer["Location"] == "/staff/"
    mail = OutgoingMail.objects.get(to="ada@made-up.example")
    path = "/" + re.search(r"http\S+", mail.text)[0].split("/", 3)[3]
    invited = Client()
    form = invited.get(path, follow=True)
    password = "seven lanterns on wet slate"
    invited.post(form.request["PATH_INFO"], {"password1": password, "password2": password})
    person = Staff.objects.get(email="ada@made-up.example")
    assert person.check_password(password)
    assert person.practice == administrator.practice
    assert LedgerEntry.objects.filter(kind="staff.added", subject=str(person.pk)).count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"email": "not an address"}, {"role": "emperor"}, {"role": ""}]
)
def test_what_does_not_fit_is_said_at_its_field(administrator, wrong):
    answer = signed_in(administrator).post("/staff/new/", SAID | wrong)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert 'role="alert"' in page
    (name,) = wrong
    assert f'id="id_{name}_error"' in page
    assert not Staff.objects.filter(email="ada@made-up.example").exists()


@pytest.mark.django_db
def test_nobody_has_two_accounts(administrator):
    with pytest.raises(DoesNotFit) as refused:
        flows.add_staff(
            name="X",
            email=administrator.email.upper(),
            role="gp",
            link_for=None,
            by=administrator,
            now=NOW,
        )
    assert "email" in refused.value.fields


@pytest.mark.django_db
def test_closing_and_opening_again(administrator):
    person = staff(practice=administrator.practice, password=None)
    client = signed_in(administrator)
    client.post(f"/staff/{person.pk}/close/")
    person.refresh_from_db()
    assert not person.is_active
    client.post(f"/staff/{person.pk}/reopen/")
    person.refresh_from_db()
    assert person.is_active
    kinds = [e.kind for e in LedgerEntry.objects.filter(subject=str(person.pk))]
    assert kinds == ["staff.closed", "staff.reopened"]


@pytest.mark.django_db
def test_an_administrator_cannot_close_or_demote_themselves(administrator):
    with pytest.raises(DoesNotFit):
        flows.close_account(administrator, by=administrator, now=NOW)
    with pytest.raises(DoesNotFit):
        flows.change_role(administrator, role="gp", by=administrator, now=NOW)
    client = signed_in(administrator)
    client.post(f"/staff/{administrator.pk}/close/")
    administrator.refresh_from_db()
    assert administrator.is_active


@pytest.mark.django_db
def test_roles_change_and_are_logged(administrator):
    person = staff(Role.NURSE, practice=administrator.practice, password=None)
    answer = signed_in(administrator).post(f"/staff/{person.pk}/", {"role": "reviewer"})
    assert answer.status_code == 302
    person.refresh_from_db()
    assert person.role == Role.REVIEWER
    assert LedgerEntry.objects.filter(kind="staff.role").count() == 1


@pytest.mark.django_db
def test_another_practice_is_out_of_reach(administrator):
    stranger = staff(password=None)
    client = signed_in(administrator)
    assert client.get(f"/staff/{stranger.pk}/").status_code == 404
    assert client.post(f"/staff/{stranger.pk}/close/").status_code == 404
    with pytest.raises(NotAllowed):
        flows.close_account(stranger, by=administrator, now=NOW)


@pytest.mark.django_db
@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
def test_only_an_administrator_manages_accounts(role):
    person = staff(role, password=None)
    assert signed_in(person).get("/staff/").status_code == 403
    assert list(flows.staff_of(person)) == []
    with pytest.raises(NotAllowed):
        flows.add_staff(**SAID, link_for=None, by=person, now=NOW)


@pytest.mark.django_db
def test_a_link_can_be_sent_again(administrator):
    person = staff(practice=administrator.practice, password=None)
    signed_in(administrator).post(f"/staff/{person.pk}/invite/")
    assert OutgoingMail.objects.filter(to=person.email).count() == 1
