"""A page that is older than an erasure: nothing about the person is written down any more."""

from __future__ import annotations

import copy
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from clients import signed_in
from factories import NOW, representative, staff
from flows.conftest import agree, signature, take
from flows.test_patients import assess, consult, die, represent
from flows.test_studies import ground
from flows.test_weighing import weigh
from safelight.flows import destroying, stores
from safelight.flows import patients as flow
from safelight.flows.allowed import RecordErased
from safelight.policy.roles import Role
from safelight.records.models import EraseJob, LedgerEntry, Patient

ACTS = {
    "a representative": represent,
    "an assessment": assess,
    "a death": die,
    "who was asked": consult,
    "what was weighed": weigh,
    "what research rests on": ground,
    "a conversation": agree,
}


@pytest.fixture
def stale(adult, gp) -> Patient:
    """A patient as a page had it before the record was erased."""
    representative(adult)
    take(adult, gp, agree(adult, gp)[0])
    before = copy.copy(adult)
    lead = staff(Role.IG_LEAD, practice=adult.practice)
    order = destroying.Order(EraseJob.Basis.ERASURE, "Asked for in a letter", lead)
    destroying.erase_patient(adult, order=order, now=NOW + timedelta(days=1))
    return before


@pytest.mark.parametrize("act", ACTS)
def test_a_stale_page_writes_nothing(act, stale, gp):
    entries = LedgerEntry.objects.count()
    with pytest.raises(RecordErased):
        ACTS[act](stale, gp)
    assert LedgerEntry.objects.count() == entries
    gone = Patient.objects.get(pk=stale.pk)
    assert (gone.died_on, gone.known_wishes) == (None, {})


def test_a_signature_on_a_stale_page_is_kept_nowhere(stale, gp):
    drawn = {"form": "electronic", "statement": "", "signature": signature()}
    before = (set(stores.blobs().names()), set(stale.consents.all()))
    with pytest.raises(RecordErased):
        agree(stale, gp, **drawn)
    assert (set(stores.blobs().names()), set(stale.consents.all())) == before


def test_an_authority_is_not_ended_for_nobody(adult, gp):
    who = representative(adult)
    Patient.objects.filter(pk=adult.pk).update(erased_at=NOW)
    with pytest.raises(RecordErased):
        flow.end_authority(who, ended_on=NOW.date(), because="a letter", by=gp, now=NOW)


def test_whoever_presses_the_button_is_told_that_there_is_nobody(stale, gp, monkeypatch):
    monkeypatch.setattr("safelight.web.views.patients._patient", lambda request, pk: stale)
    today = timezone.localdate()
    said = {
        "outcome": "has",
        "about": ["care"],
        "decision": "a picture",
        "assessed_on_day": today.day,
        "assessed_on_month": today.month,
        "assessed_on_year": today.year,
    }
    sent = signed_in(gp).post(reverse("assessment-new", args=[stale.pk]), said)
    assert sent.status_code == 404
    assert not stale.assessments.exists()
