"""Stories of those who decide for others, as people press through the pages."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from factories import assessment, patient, staff
from flows.conftest import SITE, agree, take
from house import with_copy
from safelight.flows.consent import conversation
from safelight.flows.weighing import WHO
from safelight.policy.roles import Role
from safelight.records.models import Photo, Release, Representative
from safelight.terms import Purpose

WISH = {"use": "here", "target": "Tuesday teaching", "sex": "", "age": "", "place": ""}


@pytest.fixture
def clinic(gp) -> Client:
    return signed_in(gp)


@pytest.fixture
def desk(surgery) -> Client:
    return signed_in(staff(Role.GP, practice=surgery))


def signed_in(person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def day(name: str, on) -> dict[str, str]:
    return {
        f"{name}_day": str(on.day),
        f"{name}_month": str(on.month),
        f"{name}_year": str(on.year),
    }


def pressed(client: Client, url: str, **said: object):
    """Send the form, and look where it led: errors would show the form again."""
    sent = client.post(url, said)
    assert sent.status_code == 302, sent.content.decode()
    return sent


def test_the_executor_who_is_not_next_of_kin(clinic, desk, surgery, gp):
    """The son says yes at the bedside; the will names a friend. Nothing leaves before the friend is asked."""
    then, today = timezone.now() - timedelta(days=30), timezone.localdate()
    of = patient(practice=surgery)
    photo = take(of, gp, agree(of, gp, Purpose.CARE, now=then)[0], now=then)
    pressed(clinic, reverse("patient-death", args=[of.pk]), **day("died_on", today))
    friend = {
        "name": "Friend",
        "relation": "friend",
        "authority": "executor",
        "evidence": "the will",
    }
    pressed(clinic, reverse("representative-new", args=[of.pk]), **friend)
    consult = reverse("consultation-new", args=[of.pk])
    son = {"name": "Son", "who": "family", "relation": "son", "purposes": ["teaching-local"]}
    son |= {"answer": "agrees", "words": "Of course"}
    pressed(clinic, consult, **son, **day("asked_on", today))

    asked = pressed(clinic, reverse("copy-new", args=[photo.pk]), **WISH)
    made = Release.objects.get()
    with_copy(made, SimpleNamespace(people={"gp": gp}), now=timezone.now())
    made.copy.identifiable = "may-be"
    made.copy.save()
    held = desk.post(reverse("release-approve", args=[made.pk]), {"note": ""})
    page = held.content.decode()
    assert (held.status_code, "On hold" in page) == (403, True)
    assert "Ask the executor or the family" in page
    assert consult in page

    executor = son | {"name": "Friend", "who": "executor", "relation": "", "words": "She said so"}
    pressed(clinic, consult, **executor, **day("asked_on", today))
    shown = clinic.get(reverse("patient-deciders", args=[of.pk])).content.decode()
    assert shown.index("Son") < shown.index("She said so")
    pressed(desk, reverse("release-approve", args=[made.pk]), note="")
    assert "Released" in clinic.get("/releases/").content.decode()
    assert asked["Location"] == reverse("release", args=[made.pk])


def test_a_co_attorney_whose_authority_lapsed(clinic, surgery, gp):
    """Two nieces may each decide alone. One is struck off: what she agreed to ends, the other goes on."""
    today = timezone.localdate()
    of = patient(practice=surgery, name="Unable Made-Up")
    assessment(of, gp, outcome="lacks", assessed_on=today)
    for name in ("Ada", "Beth"):
        attorney = {"name": name, "relation": "niece", "authority": "lpa-health"}
        attorney |= {"evidence": "registered document", "acts": "severally"}
        pressed(clinic, reverse("representative-new", args=[of.pk]), **attorney)
    ada, beth = Representative.objects.order_by("created_at")
    consent = {"given_by": "lpa-health", "representative": ada, "now": timezone.now()}
    first, _ = agree(of, gp, Purpose.CARE, Purpose.TEACHING_LOCAL, **consent)
    photo = take(of, gp, first, now=timezone.now())
    Photo.objects.update(identifiable="anonymised")
    weigh = reverse("weighing", args=[photo.pk, "teaching-local"])
    said = {
        f"{name}-{who}": "yes"
        for name in ("necessary", "best_interests", "no_less_restrictive_way")
        for who in WHO
    }
    said |= {
        f"{name}-{who}-why": "It is"
        for name in ("necessary", "best_interests", "no_less_restrictive_way")
        for who in WHO
    }
    pressed(clinic, weigh, representative=str(ada.pk), **said)
    pressed(clinic, reverse("copy-new", args=[photo.pk]), **WISH)

    struck_off = {"because": "Struck off by the court", **day("ended_on", today)}
    pressed(clinic, reverse("representative-end", args=[ada.pk]), **struck_off)
    refused = clinic.post(reverse("copy-new", args=[photo.pk]), WISH)
    page = refused.content.decode()
    assert (refused.status_code, "Not permitted" in page) == (403, True)
    assert "The authority of Ada ends" in page
    assert reverse("consent", args=[of.pk, "left-lower-leg"]) in page
    assert weigh in page  # the three answers were hers, too
    sheet = clinic.get(reverse("consent", args=[of.pk, "left-lower-leg"]) + "?again=")
    assert str(beth.pk) in sheet.content.decode()
    assert str(ada.pk) not in sheet.content.decode()

    digest = conversation(of, body_site=SITE, reader="representative", now=timezone.now()).digest
    again = {"given_by": "lpa-health", "representative": beth, "now": timezone.now()}
    agree(of, gp, Purpose.CARE, Purpose.TEACHING_LOCAL, **again, wording=digest)
    pressed(clinic, weigh, representative=str(beth.pk), **said)
    pressed(clinic, reverse("copy-new", args=[photo.pk]), **WISH)
    assert Release.objects.count() == 2
