"""A button that is pressed twice, where no script keeps it from that: one thing is made."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from factories import NOW, patient, staff
from flows.conftest import SITE, agree, signature, take
from safelight.flows import consent as consents
from safelight.flows import once, share, stores
from safelight.flows.allowed import DoesNotFit
from safelight.records.models import (
    AnsweredForm,
    Consent,
    LedgerEntry,
    Link,
    Patient,
    Photo,
    Release,
    Reply,
)
from safelight.terms import Purpose

QUESTION = {
    "recipient_name": "Dr Skin",
    "recipient_email": "skin@hospital.example",
    "question": "Would you biopsy?",
    "days": "2",
}


@pytest.fixture
def clinic(gp) -> Client:
    client = Client()
    client.force_login(gp)
    return client


@pytest.fixture
def photo(adult, gp) -> Photo:
    now = timezone.now()
    uses = (Purpose.CARE, Purpose.SECOND_OPINION, Purpose.TEACHING_LOCAL)
    return take(adult, gp, agree(adult, gp, *uses, now=now)[0], now=now)


def token_on(page) -> str:
    """The form's own token; a page that makes something has exactly one."""
    (found,) = re.findall(r'name="once" value="([0-9a-f-]{36})"', page.content.decode())
    return found


def pressed_twice(client: Client, url: str, said: dict[str, object]) -> tuple[str, str]:
    """Load the form, press its button twice, and return where each press led."""
    said = said | {"once": token_on(client.get(url))}
    first, second = client.post(url, said), client.post(url, said)
    assert (first.status_code, second.status_code) == (302, 302), second.content.decode()
    return first["Location"], second["Location"]


@pytest.mark.parametrize("number", ["", "9434765919"])
def test_a_patient_is_added_once(clinic, number):
    said = {"name": "New One", "nhs_number": number}
    said |= {"born_on_day": "1", "born_on_month": "2", "born_on_year": "1990"}
    first, second = pressed_twice(clinic, reverse("patient-new"), said)
    assert first == second
    assert Patient.objects.count() == 1
    assert LedgerEntry.objects.filter(kind="patient.added").count() == 1


def test_who_decides_is_written_down_once(clinic, surgery):
    today = timezone.localdate()
    on = {"day": str(today.day), "month": str(today.month), "year": str(today.year)}
    dead = patient(practice=surgery, died_on=today)
    person = {"name": "A Friend", "relation": "friend", "authority": "relative"}
    pressed_twice(clinic, reverse("representative-new", args=[dead.pk]), person)
    found = {"outcome": "has", "about": ["care"], "decision": "pictures"}
    found |= {f"assessed_on_{part}": value for part, value in on.items()}
    pressed_twice(clinic, reverse("assessment-new", args=[dead.pk]), found)
    said = {"name": "A Friend", "who": "executor", "purposes": ["research"], "answer": "agrees"}
    said |= {"words": "Yes"} | {f"asked_on_{part}": value for part, value in on.items()}
    pressed_twice(clinic, reverse("consultation-new", args=[dead.pk]), said)
    counts = (dead.representatives.count(), dead.assessments.count(), dead.consultations.count())
    assert counts == (1, 1, 1)


def test_a_question_goes_out_once(clinic, photo):
    first, second = pressed_twice(clinic, reverse("ask", args=[photo.pk]), QUESTION)
    assert first == second == reverse("opinions")
    assert Link.objects.count() == 1


def test_a_copy_is_asked_for_once(clinic, photo):
    said = {"use": "here", "target": "Tuesday teaching", "sex": "", "age": "", "place": ""}
    first, second = pressed_twice(clinic, reverse("copy-new", args=[photo.pk]), said)
    assert first == second == reverse("release", args=[Release.objects.get().pk])


def test_a_conversation_is_recorded_once_and_leaves_one_signature(clinic, adult, home):
    url = reverse("consent", args=[adult.pk, "left-lower-leg"])
    words = consents.conversation(adult, body_site=SITE, now=NOW)
    said = {"wording": words.digest, "answer": "care", "given_by": "patient", "told_all": "on"}
    said |= {"form": "oral-recorded", "statement": "Yes"}
    said |= {"once": token_on(clinic.get(url))}
    first, second = clinic.post(url, said), clinic.post(url, said)
    assert first["Location"] == second["Location"]
    assert Consent.objects.count() == 1


def test_the_signature_of_a_second_press_is_destroyed(adult, gp, home):
    token = uuid.uuid4()
    signed = {"form": "electronic", "statement": "", "signature": signature(), "once": token}
    first, _ = agree(adult, gp, **signed)
    kept = home.files()
    with pytest.raises(once.AlreadyDone) as before:
        agree(adult, gp, **signed)
    assert before.value.made == first.pk
    assert home.files() == kept
    assert list(stores.keys().images()) == [(first.pk, 1)]


def test_an_answer_arrives_once(clinic, photo):
    clinic.post(reverse("ask", args=[photo.pk]), QUESTION)
    Link.objects.update(bound_to=share.hash_of("b" * 43), opened_at=timezone.now())
    colleague = Client()
    colleague.cookies["safelight-browser"] = "b" * 43
    link = Link.objects.get()
    said = {"text": "Watch it.", "once": token_on(colleague.get(f"/s/{link.pk}/"))}
    for _ in range(2):
        thanks = colleague.post(f"/s/{link.pk}/answer/", said)
        assert "in the record" in thanks.content.decode()
    assert Reply.objects.count() == 1


def test_a_form_without_a_token_or_with_a_broken_one_still_acts(clinic):
    said = {"name": "New One", "born_on_day": "1", "born_on_month": "2", "born_on_year": "1990"}
    for token in ({}, {"once": "x"}):
        assert clinic.post(reverse("patient-new"), said | token).status_code == 302
    assert Patient.objects.count() == 2
    assert not AnsweredForm.objects.exists()


def test_what_is_put_right_after_an_error_is_done_once_too(clinic):
    url = reverse("patient-new")
    wrong = clinic.post(url, {"name": "", "once": token_on(clinic.get(url))})
    assert not AnsweredForm.objects.exists()
    said = {"name": "New One", "born_on_day": "1", "born_on_month": "2", "born_on_year": "1990"}
    said |= {"once": token_on(wrong)}
    clinic.post(url, said)
    clinic.post(url, said)
    assert Patient.objects.count() == 1


def test_a_token_of_another_form_or_another_practice_acts_on_nothing(surgery):
    token, made = uuid.uuid4(), uuid.uuid4()
    once.claim(token, kind="link.sent", made=made, practice=surgery, now=NOW)
    elsewhere = staff().practice
    for kind, practice in (("release.requested", surgery), ("link.sent", elsewhere)):
        with pytest.raises(DoesNotFit):
            once.claim(token, kind=kind, made=uuid.uuid4(), practice=practice, now=NOW)
    assert AnsweredForm.objects.get().made == made


def test_an_old_form_is_forgotten(surgery):
    of = patient(practice=surgery)
    for days in (1, 31):
        at = NOW - timedelta(days=days)
        once.claim(uuid.uuid4(), kind="patient.added", made=of.pk, practice=surgery, now=at)
    once.forget_old(now=NOW)
    assert AnsweredForm.objects.get().at == NOW - timedelta(days=1)
