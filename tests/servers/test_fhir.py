"""What we write as FHIR is taken by a FHIR server that others wrote, and found there again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from factories import NOW, patient, representative, staff
from flows.conftest import agree, home, signature  # noqa: F401 - a fixture for every test here
from safelight.flows import consent as conversation
from safelight.flows import notes
from safelight.flows.sheets import conversation as words_of
from safelight.policy.roles import Role
from safelight.terms import Purpose
from servers import fhir_server
from servers.fhir_server import FhirServer


@pytest.fixture(scope="module")
def server() -> Iterator[FhirServer]:
    with fhir_server.running() as found:
        yield found


@pytest.fixture
def gp(db):
    from factories import staff

    return staff()


def fhir(consent, gp) -> dict:
    return json.loads(notes.export(consent, notes.Form.FHIR, by=gp, now=NOW).data)


def test_the_server_refuses_what_is_no_consent(server):
    for wrong in (
        {"resourceType": "Consent", "status": "active"},
        {"resourceType": "Consent", "status": "yes", "scope": {}, "category": [{}]},
    ):
        status, said = server.send("POST", "/Consent", wrong)
        assert status == 400
        assert said["resourceType"] == "OperationOutcome"
        assert {each["code"] for each in said["issue"]} <= {
            "structure",
            "value",
            "required",
            "invalid",
            "invariant",
        }


@pytest.mark.parametrize("language", ["en", "cy"])
@pytest.mark.parametrize("easy", [False, True])
def test_every_kind_of_consent_is_valid_fhir(server, gp, language, easy):
    adult = patient(practice=gp.practice, nhs_number="9434765919")
    made, _ = agree(
        adult,
        gp,
        Purpose.CARE,
        Purpose.RESEARCH,
        Purpose.SOCIAL,
        wording=words_of(
            adult, body_site="Left lower leg", language=language, easy=easy, now=NOW
        ).digest,
        around=conversation.Around(
            targets={Purpose.SOCIAL: "Our page"}, lasts={"months": 3}, interpreter="Lingua Line",
            interpreter_by="room",
        ),
        nothing_else=True,
        form="electronic",
        statement="",
        signature=signature(),
    )  # fmt: skip
    made.set_withdrawn(["research"], at=NOW + timedelta(hours=1))
    status, kept = server.send("POST", "/Consent", fhir(made, gp))
    assert status == 201, kept
    status, back = server.send("GET", f"/Consent/{kept['id']}")
    assert (status, back["status"]) == (200, "active")
    types = {each["purpose"][0]["code"]: each["type"] for each in back["provision"]["provision"]}
    assert (types["social"], types["research"], types["marketing"]) == ("permit", "deny", "deny")
    assert back["contained"][0]["content"][0]["attachment"]["language"] == language


def test_a_representatives_answer_a_no_and_a_withdrawal_are_valid_too(server, gp):
    child = patient(practice=gp.practice, born_on=NOW.date() - timedelta(days=3000))
    mother = representative(child)
    by = {"given_by": mother.authority, "representative": mother}
    said, _ = agree(child, gp, **by)
    refused, _ = agree(child, gp, purposes=[], refused=[Purpose.CARE], told=[], **by)
    taken, _ = agree(child, gp, **by)
    other, _ = agree(child, gp, **by)
    for each in (taken, other):
        each.set_withdrawn(["care"], at=NOW)
    lead = staff(Role.IG_LEAD, practice=gp.practice)
    as_told = [(said, gp, "active"), (refused, gp, "rejected"), (taken, lead, "inactive")]
    # Whoever isn't of governance learns that it is a no, and not that it was taken back.
    for consent, reader, wanted in [*as_told, (other, gp, "rejected")]:
        status, kept = server.send("POST", "/Consent", fhir(consent, reader))
        assert (status, kept["status"]) == (201, wanted), kept
    status, found = server.send("GET", "/Consent?status=rejected")
    assert status == 200
    assert {each["resource"]["status"] for each in found["entry"]} == {"rejected"}
