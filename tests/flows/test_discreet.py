"""Nobody outside governance can tell a change of mind from an objection: not by a page, not by an export."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from clients import signed_in
from factories import patient, staff
from flows.conftest import agree, take
from safelight import policy
from safelight.flows import deciding, discreet, notes, withdraw
from safelight.policy.roles import Action, Role, may
from safelight.records.models import Channel, Consent, Photo
from safelight.terms import Audience, Purpose

ALL = (Purpose.CARE, Purpose.SECOND_OPINION, Purpose.TEACHING_LOCAL)
WISH = {"use": "here", "target": "Tuesday teaching", "sex": "", "age": "", "place": ""}
STAFF = [role for role in Role if may(role, Action.SEE_PATIENTS) and not may(role, Action.GOVERN)]
FORBIDDEN = ("withdr", "Withdr", "taken back", "Taken back", "took it back", "objected")


def taken_back(of, consent, by, *, now) -> None:
    withdraw.withdraw(
        consent, purposes=[Purpose.TEACHING_LOCAL], channel=Channel.PHONE, by=by, now=now
    )


def objected(of, consent, by, *, now) -> None:
    withdraw.object_to(
        of,
        purposes=[Purpose.TEACHING_LOCAL],
        given_by="patient",
        channel=Channel.PHONE,
        by=by,
        now=now,
    )


def refused_from_the_start(of, consent, by, *, now) -> None:
    Consent.objects.filter(pk=consent.pk).update(purposes=["care", "second-opinion"])
    objected(of, consent, by, now=now)


NOES = (taken_back, objected, refused_from_the_start)


@pytest.fixture
def then():
    return timezone.now() - timedelta(days=3)


@pytest.fixture(params=NOES, ids=[each.__name__ for each in NOES])
def photo(request, surgery, gp, then) -> Photo:
    of = patient(practice=surgery)
    consent, _ = agree(of, gp, *ALL, now=then)
    made = take(of, gp, consent, now=then)
    request.param(of, consent, gp, now=then + timedelta(days=1))
    return Photo.objects.get(pk=made.pk)


def decided(photo: Photo):
    return deciding.may_use(
        photo,
        purpose=Purpose.TEACHING_LOCAL,
        audience=Audience.ORGANISATION,
        now=timezone.now(),
    )


def plain(page: str) -> str:
    """The page without what differs from one request to the next."""
    page = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", page)
    page = re.sub(r'(csrfmiddlewaretoken" value|nonce|once" value|nonce=)="[^"]+"', "", page)
    return re.sub(r"\s+", " ", page)


@pytest.mark.parametrize("role", STAFF)
def test_nobody_outside_governance_can_tell_a_withdrawal_from_an_objection(surgery, gp, then, role):
    reader, told = staff(role, practice=surgery), []
    for no in NOES:
        of = patient(practice=surgery)
        consent, _ = agree(of, gp, *ALL, now=then)
        photo = take(of, gp, consent, now=then)
        no(of, consent, gp, now=then + timedelta(days=1))
        answer = discreet.told_to(
            reader, decided(Photo.objects.get(pk=photo.pk)), now=timezone.now()
        )
        told.append(answer)
        assert answer.outcome == "refuse"
        assert (answer.because[0].text, answer.because[0].source) == (
            "It is not open to this use.",
            "GMC VAR 25, 34, MDU",
        )
    assert told[0] == told[1] == told[2]


def test_the_page_of_a_refusal_tells_staff_nothing_and_governance_all(surgery, gp, photo):
    clinic = signed_in(gp)
    refused = clinic.post(reverse("copy-new", args=[photo.pk]), WISH)
    page = refused.content.decode()
    assert refused.status_code == 403
    assert "It is not open to this use." in page
    assert "GMC VAR 25, 34, MDU" in page
    assert "Don’t ask again for this" in page
    assert not any(word in page for word in FORBIDDEN)
    lead = staff(Role.IG_LEAD, practice=surgery)
    in_full = discreet.told_to(lead, decided(photo), now=timezone.now())
    assert in_full == decided(photo)
    texts = " ".join(each.text for each in in_full.because)
    assert "withdrawn" in texts or "objected" in texts
    assert "not open to this use" not in texts


def test_what_blocks_beside_it_is_still_told(gp, photo):
    answer = deciding.may_use(
        photo, purpose=Purpose.TEACHING_LOCAL, audience=Audience.ORGANISATION, now=timezone.now()
    )
    fields = {each.needs.field for each in answer.because if each.needs}
    shown = discreet.told_to(gp, answer, now=timezone.now())
    left = {each.needs.field for each in shown.because if each.needs}
    assert "exposure.verdict" in fields
    assert left == {each for each in fields if not each.startswith("consents")} | {"objections"}


def test_a_permit_and_a_plain_refusal_are_told_as_they_are(surgery, gp, adult, then):
    photo = take(adult, gp, agree(adult, gp, Purpose.CARE, now=then)[0], now=then)
    answer = decided(photo)
    assert isinstance(answer, policy.Refusal)
    assert discreet.told_to(gp, answer, now=timezone.now()) == answer
    assert discreet.in_short(answer) == answer.because[0].text


def test_in_short_tells_nobody(photo):
    assert discreet.in_short(decided(photo)) in {
        discreet.TEXT,
        *(each.text for each in decided(photo).because if each.needs.field == "consents"),
    }


@pytest.mark.parametrize("form", list(notes.Form))
def test_an_export_by_staff_says_no_and_no_more(surgery, gp, adult, then, form):
    consent, _ = agree(adult, gp, *ALL, now=then)
    taken_back(adult, consent, gp, now=then + timedelta(days=1))
    consent.refresh_from_db()
    nurse, lead = staff(Role.NURSE, practice=surgery), staff(Role.IG_LEAD, practice=surgery)
    of_nurse = notes.export(consent, form, by=nurse, now=timezone.now()).data
    of_lead = notes.export(consent, form, by=lead, now=timezone.now()).data
    assert of_nurse != of_lead
    if form is notes.Form.FHIR:
        found = json.loads(of_nurse)
        rules = found["provision"]["provision"]
        deny = [each for each in rules if each["purpose"][0]["code"] == "teaching-local"]
        assert [each["type"] for each in deny] == ["deny"]
        assert all(each["period"]["start"] == found["dateTime"] for each in rules)
    if form is not notes.Form.PDF:
        for word in ("taken back", '"withdrawn"', '"event_type": "withdrawal"'):
            assert word not in of_nurse.decode()


def test_the_patients_own_receipt_says_that_it_was_taken_back(gp, adult, then):
    consent, _ = agree(adult, gp, *ALL, now=then)
    taken_back(adult, consent, gp, now=then + timedelta(days=1))
    consent.refresh_from_db()
    said = notes.said_of(consent, now=timezone.now())
    assert [each.purpose for each in said.uses if each.withdrawn_at] == [Purpose.TEACHING_LOCAL]
    written = notes.receipt_paper(consent.receipt, now=timezone.now())
    assert written.data.startswith(b"%PDF")
