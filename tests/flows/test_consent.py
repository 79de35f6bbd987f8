"""The consent conversation: what is asked, what is answered, what is kept of it."""

from __future__ import annotations

import dataclasses
import io
from datetime import timedelta

import numpy as np
import pytest
from PIL import Image

from factories import NOW, assessment, patient, representative, staff
from flows.conftest import SITE, agree, signature
from safelight import storage
from safelight.flows import consent as flow
from safelight.flows import keeping, stores
from safelight.flows.allowed import DoesNotFit, NotAllowed
from safelight.flows.standing import standings
from safelight.policy.roles import Role
from safelight.policy.wording import TOLD, digest_of
from safelight.records.models import Consent, LedgerEntry, Objection, Patient, Receipt
from safelight.terms import Purpose

OFFERED = [
    Purpose.CARE,
    Purpose.SECOND_OPINION,
    Purpose.TEACHING_LOCAL,
    Purpose.TEACHING_WIDE,
    Purpose.RESEARCH,
    Purpose.PUBLICATION,
    Purpose.SOCIAL,
]


def test_the_words_name_the_part_of_the_body(adult):
    assert "left lower leg" in flow.conversation(adult, body_site=SITE, now=NOW).question


def test_answers_are_frozen_with_the_words_that_were_shown(gp, adult, home):
    consent, secret = agree(adult, gp)
    words = flow.conversation(adult, body_site=SITE, now=NOW)
    consent.refresh_from_db()
    assert digest_of(consent.wording) == consent.wording_digest == words.digest
    assert (consent.purposes, consent.told) == (["care"], list(TOLD))
    assert consent.refused == [each.value for each in OFFERED[1:]]
    assert (consent.taken_by, consent.pack_id) == (gp, "england-2026.1")
    assert secret not in str(Receipt.objects.values_list())
    assert Receipt.objects.get().secret_hash == flow.hash_of(secret)
    assert home.files() == {}


def test_the_ledger_holds_terms_and_no_words_of_the_patient(gp, adult):
    agree(adult, gp, statement="Something only she knows")
    entry = LedgerEntry.objects.get()
    assert (entry.kind, entry.subject) == ("consent.recorded", str(adult.subject))
    body = bytes(entry.body)
    assert b'"care"' in body
    for private in (b"Something", adult.name.encode(), b"1955", str(adult.pk).encode()):
        assert private not in body


def test_a_no_to_everything_is_an_answer(gp, adult):
    consent, _ = agree(adult, gp, purposes=[], refused=OFFERED, told=["purpose"])
    assert (consent.purposes, consent.refused) == ([], [each.value for each in OFFERED])
    assert consent.not_told == dict.fromkeys(TOLD[1:], flow.SAID_NO_FIRST)
    assert consent.told == ["purpose"]


def test_nothing_else_objects_to_every_use_but_care(gp, adult):
    consent, _ = agree(adult, gp, nothing_else=True)
    objection = Objection.objects.get()
    assert set(objection.purposes) == {each.value for each in Purpose} - {"care"}
    assert objection.consent == consent


def test_nothing_else_leaves_open_what_was_agreed_to(gp, adult):
    agree(adult, gp, Purpose.CARE, Purpose.SECOND_OPINION, nothing_else=True)
    assert set(Objection.objects.get().purposes) == {each.value for each in Purpose} - {
        "care",
        "second-opinion",
    }


def test_what_was_not_told_needs_its_reason(gp, adult):
    told = [key for key in TOLD if key != "secondary"]
    with pytest.raises(DoesNotFit) as refused:
        agree(adult, gp, told=told)
    assert set(refused.value.fields) == {"told-secondary"}
    with pytest.raises(DoesNotFit):
        agree(adult, gp, told=told, not_told={"secondary": "  "})
    consent, _ = agree(adult, gp, told=told, not_told={"secondary": " Too tired "})
    assert consent.not_told == {"secondary": "Too tired"}
    assert consent.facts()[0]["secondary_not_told_because"] == "Too tired"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"refused": [Purpose.CARE]}, "purposes"),
        ({"purposes": [Purpose.MARKETING]}, "purposes"),
        ({"purposes": [], "refused": []}, "purposes"),
        ({"told": [*TOLD, "weather"]}, "told"),
        ({"not_told": {"purpose": "no time"}}, "told"),
        ({"form": "mumbled"}, "form"),
        ({"form": "electronic", "signature": None}, "signature"),
        ({"form": "electronic", "signature": b"not a picture"}, "signature"),
        ({"form": "electronic", "signature": b"\0" * (flow.SIGNATURE_BYTES + 1)}, "signature"),
        ({"signature": signature()}, "form"),
        ({"statement": " "}, "statement"),
        ({"form": "written", "statement": ""}, "statement"),
        ({"given_by": "lpa-health"}, "given_by"),
    ],
)
def test_answers_that_do_not_fit_together_are_not_recorded(gp, adult, home, given, field):
    with pytest.raises(DoesNotFit) as refused:
        agree(adult, gp, **given)
    assert set(refused.value.fields) == {field}
    assert not Consent.objects.exists()
    assert not LedgerEntry.objects.exists()
    assert home.files() == {}
    assert list(stores.keys().images()) == []


def test_an_empty_signature_box_is_no_signature(gp, adult):
    held = io.BytesIO()
    Image.new("RGBA", (240, 80)).save(held, "PNG")
    with pytest.raises(DoesNotFit) as refused:
        agree(adult, gp, form="electronic", statement="", signature=held.getvalue())
    assert set(refused.value.fields) == {"signature"}


def test_a_signature_rests_sealed_under_a_key_of_its_own(gp, adult, home):
    consent, _ = agree(adult, gp, form="electronic", statement="", signature=signature())
    assert set(home.files()) == {consent.signature_blob}
    assert b"PNG" not in home.files()[consent.signature_blob]
    assert flow.open_signature(consent, by=gp).startswith(b"\x89PNG")
    keeping.destroy(consent.pk)
    with pytest.raises(storage.KeyGone):
        flow.open_signature(consent, by=gp)


@pytest.mark.parametrize("ink", [(29, 25, 22), (244, 237, 227)])
def test_a_signature_is_kept_black_on_white_whatever_the_screen(gp, adult, ink):
    consent, _ = agree(adult, gp, form="electronic", statement="", signature=signature(ink))
    kept = np.asarray(Image.open(io.BytesIO(flow.open_signature(consent, by=gp))))
    assert (kept[41, 100].max(), kept[5, 5].min()) == (0, 255)


def test_words_that_changed_since_are_not_answered(gp, adult, monkeypatch):
    words = flow.conversation(adult, body_site=SITE, now=NOW)
    changed = dataclasses.replace(words, lead="Other words.")
    with pytest.raises(flow.StaleWording):
        agree(adult, gp, wording=changed.digest)
    with pytest.raises(flow.StaleWording):
        agree(adult, gp, body_site="Face")
    assert not Consent.objects.exists()


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.IG_LEAD, Role.ADMINISTRATOR])
def test_other_roles_record_no_consent(surgery, adult, role):
    with pytest.raises(NotAllowed):
        agree(adult, staff(role, practice=surgery))


def test_another_practice_records_no_consent(adult, stranger):
    with pytest.raises(NotAllowed):
        agree(adult, stranger)


def test_a_representative_answers_by_their_own_right_only(gp, surgery):
    child = patient(practice=surgery, born_on=NOW.date() - timedelta(days=3000))
    mother = representative(child)
    consent, _ = agree(child, gp, given_by="parental-responsibility", representative=mother)
    assert (consent.representative, consent.given_by) == (mother, "parental-responsibility")
    for given in (
        {"given_by": "lpa-health", "representative": mother},
        {"given_by": "patient", "representative": mother},
        {
            "given_by": "parental-responsibility",
            "representative": representative(patient(practice=surgery, born_on=NOW.date())),
        },
        {
            "given_by": "parental-responsibility",
            "representative": representative(child, expires_on=NOW.date() - timedelta(days=1)),
        },
    ):
        with pytest.raises(DoesNotFit) as refused:
            agree(child, gp, **given)
        assert set(refused.value.fields) == {"given_by"}


def test_the_dead_do_not_answer_and_their_executor_does(gp, surgery):
    dead = patient(practice=surgery, died_on=NOW.date())
    with pytest.raises(DoesNotFit):
        agree(dead, gp)
    executor = representative(dead, authority="executor")
    consent, _ = agree(dead, gp, given_by="executor", representative=executor)
    assert consent.given_by == "executor"


def test_the_last_answer_stands(gp, adult):
    says = lambda: {each.purpose: each.says for each in standings(adult, now=NOW)}  # noqa: E731
    assert set(says().values()) == {"not-asked"}
    first, _ = agree(adult, gp, Purpose.CARE, Purpose.TEACHING_LOCAL)
    assert (says()[Purpose.TEACHING_LOCAL], says()[Purpose.RESEARCH]) == ("agreed", "refused")
    first.set_withdrawn(["teaching-local"], at=NOW)
    assert says()[Purpose.TEACHING_LOCAL] == "withdrawn"
    agree(adult, gp, Purpose.CARE, Purpose.TEACHING_LOCAL, now=NOW + timedelta(days=1))
    assert says()[Purpose.TEACHING_LOCAL] == "agreed"
    third, _ = agree(adult, gp, Purpose.CARE, now=NOW + timedelta(days=1, hours=1))
    third.set_withdrawn(["care"], at=NOW + timedelta(days=1, hours=2))
    assert says()[Purpose.CARE] == "agreed", "an earlier conversation still says yes"
    Objection.objects.create(
        practice=adult.practice, patient=adult, purposes=["*"], made_at=NOW + timedelta(days=2)
    )
    fresh = Patient.objects.get(pk=adult.pk)
    assert {each.says for each in standings(fresh, now=NOW)} == {"objects"}


def test_an_assessment_does_not_stop_what_was_said_from_being_recorded(gp, adult):
    assessment(adult, gp, outcome="lacks")
    assert agree(adult, gp)[0].pk
