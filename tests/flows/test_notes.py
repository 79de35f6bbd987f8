"""What goes into the notes: text, PDF, FHIR and consent record, each with its line in the ledger."""

from __future__ import annotations

import ast
import base64
import json
import re
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone

from factories import NOW, patient, representative, staff
from flows.conftest import SITE, agree, signature
from flows.test_clinic_pages import answers, sheet
from safelight.flows import consent as conversation
from safelight.flows import lasting, notes
from safelight.flows.allowed import NotAllowed
from safelight.interop.consents.fhir import REASONS
from safelight.policy import saying
from safelight.policy.roles import Role
from safelight.policy.wording import digest_of
from safelight.records.models import Consent, LedgerEntry
from safelight.terms import Purpose

SIGNED = {"form": "electronic", "statement": "", "signature": signature()}
LINK = "https://safelight.example/receipt/#" + "s" * 43
FULL = conversation.Around(
    targets={Purpose.PUBLICATION: "Journal of Made-up Cases"},
    lasts={"months": 12},
    interpreter="Lingua Line 4711",
    interpreter_by="remote",
    witness="Nurse Jo",
)


@pytest.fixture
def full(gp, adult) -> Consent:
    """A conversation in which everything happened that can."""
    adult.nhs_number = "9434765919"
    adult.save()
    made, _ = agree(
        adult,
        gp,
        Purpose.CARE,
        Purpose.TEACHING_LOCAL,
        Purpose.PUBLICATION,
        around=FULL,
        nothing_else=True,
        told=["purpose", "retention", "storage", "secondary", "irrevocable", "withdrawal"],
        not_told={"helps": "Known from before"},
        **SIGNED,
    )
    made.set_withdrawn(["teaching-local"], at=NOW + timedelta(hours=2))
    return made


@pytest.fixture
def lead(surgery):
    """Who reads all of it: to others a yes that was taken back is a plain no."""
    return staff(Role.IG_LEAD, practice=surgery)


@pytest.fixture
def inside(client, gp):
    client.force_login(gp)
    return client


def read(written: notes.Written) -> dict:
    return json.loads(written.data)


def in_pdf(data: bytes) -> str:
    shown = subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=data, capture_output=True, check=True
    )
    return re.sub(r"\s+", " ", shown.stdout.decode())


# Text


def test_the_text_says_all_that_the_record_needs(full, lead):
    text = notes.export(full, notes.Form.TEXT, by=lead, now=NOW).data.decode()
    for words in (
        f"CONSENT TO A RECORDING: {SITE}",
        "Asked 22 November 2026, 10:00 by",
        "Answered by the patient. Signed on the screen.",
        "Interpreter: Lingua Line 4711, by phone or video.",
        "Witness: Nurse Jo.",
        "- Looking after you: yes",
        "- Teaching staff here: yes (taken back 22 November 2026, 12:00)",
        "- A journal or a book: yes, only for: Journal of Made-up Cases",
        "- Research: no",
        "- Nothing else, ever",
        "Lasts: to the end of 22 November 2027.",
        "- How it helps: not told: Known from before",
        "- What we can’t undo: told",
        "Words shown: en 2026.3, all the words.",
        "Status on 22 November 2026, 10:00: active.",
        "as the ledger has it",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("around", "words"),
    [
        ({}, "until the mind changes"),
        ({"episode": "Leg ulcer"}, "until this is over: Leg ulcer"),
    ],
)
def test_the_text_says_how_long_it_lasts(gp, adult, around, words):
    made, _ = agree(adult, gp, around=conversation.Around(lasts=around))
    assert f"Lasts: {words}." in notes.text_of(made, now=NOW)


def test_the_text_names_whoever_decided_and_what_was_altered(gp, surgery):
    child = patient(practice=surgery, born_on=NOW.date() - timedelta(days=3000))
    mother = representative(child)
    made, _ = agree(
        child, gp, given_by=mother.authority, representative=mother, told=[], purposes=[],
        refused=[Purpose.CARE],
    )  # fmt: skip
    text = notes.text_of(made, now=NOW)
    assert (
        "Answered by Parent Made-Up (a person with parental responsibility). Said, and noted: Yes"
        in text
    )
    assert "- Research: not asked" in text
    assert "Status on 22 November 2026, 10:00: refused." in text
    assert "not told: The answer was no before this was said" in text
    made.not_told = {}
    assert "- How it helps: not told\n" in notes.text_of(made, now=NOW)
    assert "NOT as the ledger has it" in notes.text_of(made, now=NOW)


# Who may, and what is written down


@pytest.mark.parametrize("form", list(notes.Form))
def test_each_form_is_one_line_in_the_ledger_and_names_nobody(full, gp, form):
    before = LedgerEntry.objects.count()
    written = notes.export(full, form, by=gp, now=NOW)
    assert LedgerEntry.objects.count() == before + 1
    entry = LedgerEntry.objects.latest("index")
    assert (entry.kind, entry.subject) == ("consent.exported", str(full.patient.subject))
    assert form.value.encode() in bytes(entry.body)
    assert re.fullmatch(rf"[a-z-]+-{full.pk}\.(txt|pdf|json)", written.file_name)


def test_another_practice_and_an_administrator_get_nothing(full, surgery, stranger):
    for person in (stranger, staff(Role.ADMINISTRATOR, practice=surgery)):
        with pytest.raises(NotAllowed):
            notes.export(full, notes.Form.TEXT, by=person, now=NOW)
    assert not LedgerEntry.objects.filter(kind="consent.exported").exists()


# FHIR


def rules(resource: dict) -> dict[str, dict]:
    return {each["purpose"][0]["code"]: each for each in resource["provision"]["provision"]}


def test_the_fhir_consent_has_a_rule_for_each_use(full, lead):
    found = read(notes.export(full, notes.Form.FHIR, by=lead, now=NOW))
    assert (found["resourceType"], found["status"]) == ("Consent", "active")
    assert found["patient"]["identifier"]["value"] == "9434765919"
    assert found["policy"] == [
        {"uri": f"urn:x-safelight:pack:{full.pack_id}:sha256:{full.pack_hash}"}
    ]
    assert found["verification"][0]["verified"] is True
    assert found["provision"]["period"]["end"].startswith("2027-11-22T23:59:59")
    said = rules(found)
    assert {code: each["type"] for code, each in said.items() if each["type"] == "permit"} == {
        "care": "permit",
        "publication": "permit",
    }
    assert said["teaching-local"]["period"]["start"].startswith("2026-11-22T12:00")
    assert said["publication"]["actor"][0]["reference"]["display"] == "Journal of Made-up Cases"
    assert said["care"]["purpose"][1]["code"] == "TREAT"
    assert set(said) == {each.value for each in Purpose}, "nothing else closes the rest"


def test_the_words_travel_with_the_fhir_consent(full, gp):
    found = read(notes.export(full, notes.Form.FHIR, by=gp, now=NOW))
    assert found["sourceReference"] == {"reference": "#words"}
    kept = found["contained"][0]["content"][0]["attachment"]
    shown = json.loads(base64.b64decode(kept["data"]))
    assert digest_of(shown) == full.wording_digest
    assert full.wording_digest in found["contained"][0]["description"]
    assert full.answer_digest in {each["value"] for each in found["identifier"]}


def test_the_status_follows_what_was_taken_back(gp, adult, surgery, lead):
    made, _ = agree(adult, gp, around=conversation.Around(lasts={"until": "2026-11-22"}))
    status = lambda at: read(notes.export(made, notes.Form.FHIR, by=lead, now=at))["status"]  # noqa: E731
    assert status(NOW) == "active"
    assert status(NOW + timedelta(days=1)) == "inactive"
    made.set_withdrawn(["care"], at=NOW)
    assert status(NOW) == "inactive"
    refused, _ = agree(adult, gp, purposes=[], refused=[Purpose.CARE], told=[])
    found = read(notes.export(refused, notes.Form.FHIR, by=lead, now=NOW))
    assert found["status"] == "rejected"
    assert found["patient"]["identifier"]["value"] == f"urn:uuid:{adult.pk}"
    assert set(rules(found)) == {"care"}


def test_the_fhir_consent_names_whoever_decided(gp, surgery):
    child = patient(practice=surgery, born_on=NOW.date() - timedelta(days=3000))
    mother = representative(child)
    made, _ = agree(child, gp, given_by=mother.authority, representative=mother)
    found = read(notes.export(made, notes.Form.FHIR, by=gp, now=NOW))
    assert found["performer"][0]["type"] == "RelatedPerson"
    assert found["verification"][0]["verifiedWith"]["display"].startswith("Parent Made-Up, ")


def test_a_use_without_a_reason_of_its_own_in_fhir_has_ours_alone():
    assert set(Purpose) - set(REASONS) == {Purpose.PUBLICATION, Purpose.SOCIAL}


# ISO/IEC TS 27560


def test_the_consent_record_has_its_parts(full, lead):
    found = read(notes.export(full, notes.Form.RECORD, by=lead, now=NOW))
    assert found["record_id"] == str(full.pk)
    by_purpose = {each["purpose_type"]: each for each in found["pii_processing"]}
    assert {key: each["state"] for key, each in by_purpose.items()} == {
        "care": "given",
        "teaching-local": "withdrawn",
        "publication": "given",
    }
    assert by_purpose["publication"]["recipient_third_parties"] == ["Journal of Made-up Cases"]
    assert "at least until age 25" in by_purpose["care"]["retention_period"]
    assert [each["event_state"] for each in found["events"]] == ["given", "withdrawn"]
    assert found["events"][0]["validity_duration"] == "2027-11-22"
    assert found["events"][1]["purposes"] == ["teaching-local"]
    assert found["integrity"]["words_and_answers"] == full.answer_digest
    assert {each["purpose"] for each in found["not_agreed"]} >= {"research", "social"}
    assert {"item": "helps", "told": False, "reason_if_not": "Known from before"} in found["told"]


def test_a_refusal_and_an_end_are_events_too(gp, surgery):
    child = patient(practice=surgery, born_on=NOW.date() - timedelta(days=3000))
    mother = representative(child)
    by = {"given_by": mother.authority, "representative": mother}
    refused, _ = agree(child, gp, purposes=[], refused=[Purpose.CARE], told=[], **by)
    found = read(notes.export(refused, notes.Form.RECORD, by=gp, now=NOW))
    assert found["events"][0] | {} == {
        "event_time": found["events"][0]["event_time"],
        "event_type": "explicit, said and noted",
        "event_state": "refused",
        "entity_id": str(mother.pk),
        "validity_duration": "until withdrawn",
        "purposes": [],
    }
    assert "Parent Made-Up" in {each["party_name"] for each in found["party_identification"]}
    made, _ = agree(child, gp, around=conversation.Around(lasts={"episode": "Ulcer"}), **by)
    lasting.end_episode(made, by=gp, now=NOW)
    later = NOW + timedelta(days=1)
    found = read(notes.export(made, notes.Form.RECORD, by=gp, now=later))
    assert found["pii_processing"][0]["state"] == "expired"


# PDF


def test_the_receipt_on_paper_is_tagged_and_says_it_all(full, lead, tmp_path):
    data = notes.export(full, notes.Form.PDF, link=LINK, by=lead, now=NOW).data
    assert data.startswith(b"%PDF-")
    text = in_pdf(data)
    for words in (
        "Your receipt",
        "May we take a picture of your left lower leg?",
        "Yes. Looking after you",
        "No. Teaching staff here. Taken back, 22 November 2026",
        "Only for: Journal of Made-up Cases",
        "Yes. Nothing else, ever",
        "This yes lasts until 22 November 2027",
        "Answered by: Adult Made-Up",
        "Interpreter: Lingua Line 4711, by phone or video",
        "How it helps (not told)",
        "You don’t have to say why",
        "Anyone who has this paper can open your page",
        LINK,
        str(full.pk),
        "Page 1 of",
    ):
        assert words in text, words
    about = subprocess.run(["pdfinfo", "-"], input=data, capture_output=True, check=True)
    assert re.search(rb"Tagged: +yes", about.stdout)
    (tmp_path / "receipt.pdf").write_bytes(data)
    tree = subprocess.run(
        ["pdfinfo", "-struct-text", tmp_path / "receipt.pdf"], capture_output=True, check=True
    )
    assert b"H1" in tree.stdout
    assert b"Figure" in tree.stdout


def test_the_code_on_the_paper_opens_the_patients_page(full, gp, tmp_path):
    import cv2
    import zxingcpp

    data = notes.export(full, notes.Form.PDF, link=LINK, by=gp, now=NOW).data
    subprocess.run(
        ["pdftoppm", "-r", "150", "-png", "-f", "1", "-l", "1", "-", str(tmp_path / "page")],
        input=data,
        check=True,
    )
    (page,) = tmp_path.glob("page*.png")
    assert [each.text for each in zxingcpp.read_barcodes(cv2.imread(str(page)))] == [LINK]


def test_welsh_is_on_paper_with_its_letters(gp, adult):
    words = conversation.conversation(adult, body_site=SITE, language="cy", now=NOW)
    made, _ = agree(
        adult, gp, wording=words.digest, around=conversation.Around(lasts={"episode": "Ŵyr ŷ"})
    )
    data = notes.export(made, notes.Form.PDF, by=gp, now=NOW).data
    text = in_pdf(data)
    for shown in ("Eich derbynneb", "nes bod hyn drosodd: Ŵyr ŷ", "22 Tachwedd 2026", "dywedwyd"):
        assert shown in text
    assert "s" * 43 not in text
    assert "paper a gawsoch" not in text
    fonts = subprocess.run(["pdffonts", "-"], input=data, capture_output=True, check=True).stdout
    assert all(b"SafelightSans" in line for line in fonts.splitlines()[2:])


@pytest.mark.parametrize("name", ["李小龙", "Олена Ткач", "#set page[*x*] $y$ \\ @z"])
def test_any_name_makes_a_paper_and_none_is_markup(gp, surgery, name):
    of = patient(practice=surgery, name=name)
    made, _ = agree(of, gp, around=conversation.Around(witness=name))
    data = notes.export(made, notes.Form.PDF, by=gp, now=NOW).data
    assert data.startswith(b"%PDF-")
    if name.isascii():
        assert name in in_pdf(data)


def test_all_that_the_paper_says_is_translated():
    tree = ast.parse(Path(notes.__file__).read_text())
    said = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (getattr(node.func, "attr", "") == "say" or getattr(node.func, "id", "") == "say")
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    known = {text for section in saying.english_texts().values() for text in section}
    assert len(said) > 15
    assert said <= known
    facts = {"Part of the body", "Answered by", "How", "With", "Interpreter", "Witness"}
    assert facts | set(notes._ANSWER.values()) | set(notes._WHERE.values()) <= known
    assert {label for _, label in Consent.Form.choices} <= known


# The pages


def test_staff_take_each_form_from_the_consents_page(inside, gp, adult):
    inside.post(sheet(adult), answers(adult))
    made = Consent.objects.get()
    page = inside.get(reverse("consent-record", args=[made.pk])).content.decode()
    assert "CONSENT TO A RECORDING" in page
    for name, kind in (
        ("consent-text", "text/plain; charset=utf-8"),
        ("consent-paper", "application/pdf"),
        ("consent-fhir", "application/fhir+json"),
        ("consent-iso", "application/json"),
    ):
        assert reverse(name, args=[made.pk]) in page
        sent = inside.get(reverse(name, args=[made.pk]))
        assert sent["Content-Type"] == kind
        assert sent["Content-Disposition"].startswith("attachment; filename=")
        assert adult.name.split()[0] not in sent["Content-Disposition"]
    assert LedgerEntry.objects.filter(kind="consent.exported").count() == 4


def test_the_paper_has_the_code_while_the_slip_is_shown_and_not_later(inside, adult):
    inside.post(sheet(adult), answers(adult))
    made = Consent.objects.get()
    paper = reverse("consent-paper", args=[made.pk])
    slip = inside.get(reverse("consent-receipt", args=[made.pk])).content.decode()
    assert paper in slip
    secret = re.search(r"/receipt/#([\w-]{43})", slip)[1]
    assert secret in in_pdf(inside.get(paper).content).replace(" ", "")
    session = inside.session
    del session[f"safelight.slip.{made.pk}"]
    session.save()
    assert secret not in in_pdf(inside.get(paper).content).replace(" ", "")


def test_the_patient_takes_the_paper_from_their_own_page(client, gp, adult):
    assert client.get("/receipt/page/paper/").url == "/receipt/"
    _, secret = agree(adult, gp, now=timezone.now())
    client.post("/receipt/", {"secret": secret})
    assert "/receipt/page/paper/" in client.get("/receipt/page/").content.decode()
    sent = client.get("/receipt/page/paper/")
    assert sent["Content-Type"] == "application/pdf"
    assert "We don’t keep it" in in_pdf(sent.content)
    entry = LedgerEntry.objects.get(kind="consent.exported")
    assert b'"patient"' in bytes(entry.body)


@pytest.mark.parametrize("typed", ["Yes to both.", "Yes to both"])
def test_what_was_typed_ends_with_one_full_stop(gp, adult, typed):
    given, _ = agree(adult, gp, Purpose.CARE, form="oral-recorded", statement=typed)
    made = notes.export(given, form=notes.Form.TEXT, by=gp, now=NOW)
    assert "Said, and noted: Yes to both.\n" in made.data.decode()
