"""The pages for a picture that isn't the usual one: without a consent, intimate, or not for care."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from factories import assessment, patient
from flows.conftest import agree, jpeg, sealed
from safelight.flows.consent import conversation
from safelight.records.models import Consent, Objection, Patient, Photo, StoppedCapture
from safelight.terms import Purpose
from safelight.web import prepared

LEG, GROIN = "left-lower-leg", "groin"
PROCEDURE = {"type": "endoscopic", "consented": "on", "reason": "Knee washout, agreed on Monday"}
BEST_INTERESTS = {
    "integral": "on",
    "test-best_interests": "on",
    "consulted": "on",
    "nobody": "on",
    "reason": "The surgeon has to see the wound tonight",
}
POST_MORTEM = {"why": "cause-of-death", "reason": "The coroner"}
WITH_CHAPERONE = {"chaperone": "present", "chaperone_name": "Nurse Made-Up"}
FOR_A_CHILD = WITH_CHAPERONE | {"essential": "on", "face_to_face": "on", "approver": "Dr Second"}


@pytest.fixture
def inside(client, gp):
    client.force_login(gp)
    return client


@pytest.fixture
def unable(surgery, gp) -> Patient:
    found = patient(practice=surgery, name="Unable Made-Up")
    assessment(found, gp, outcome="lacks")
    return found


@pytest.fixture
def dead(surgery) -> Patient:
    on = timezone.localdate() - timedelta(days=1)
    return patient(practice=surgery, name="Dead Made-Up", died_on=on)


@pytest.fixture
def young(surgery) -> Patient:
    """Sixteen: decides alone, and is under 18."""
    return patient(practice=surgery, born_on=timezone.localdate() - timedelta(days=17 * 365))


def at(name: str, of: Patient, site: str, **query: str) -> str:
    return reverse(name, args=[of.pk, site], query=query or None)


def agreed(of: Patient, by, body_site: str, *purposes: Purpose) -> Consent:
    words = conversation(of, body_site=body_site, now=timezone.now())
    given = {"body_site": body_site, "wording": words.digest, "now": timezone.now()}
    return agree(of, by, *purposes, **given)[0]


def send(client, url: str, of: Patient, parcel=None):
    envelope, blob = parcel or sealed(jpeg(), tenant=of.practice_id)
    return client.post(
        url,
        {
            "envelope": envelope,
            "blob": SimpleUploadedFile("sealed", blob),
            "right_patient": "confirmed",
        },
    )


# without a consent


@pytest.mark.parametrize(
    ("who", "because", "said"),
    [
        ("adult", "procedure", PROCEDURE),
        ("unable", "treatment", BEST_INTERESTS),
        ("dead", "post-mortem", POST_MORTEM),
    ],
)
def test_from_the_reason_to_the_record(request, inside, who, because, said):
    of = request.getfixturevalue(who)
    listed = inside.get(reverse("picture-new", args=[of.pk])).content.decode()
    assert f"?because={because}" in listed
    form = at("capture-prepare", of, LEG, because=because)
    chosen = inside.get(reverse("picture-new", args=[of.pk]), {"because": because})
    assert form in chosen.content.decode()
    assert b"checked" not in inside.get(form).content
    sent = inside.post(form, said)
    assert sent.url == at("prepared", of, LEG)
    camera = inside.get(sent.url)
    assert "camera=(self)" in camera["Permissions-Policy"]
    assert at("prepared-upload", of, LEG) in camera.content.decode()
    parcel = sealed(jpeg(), tenant=of.practice_id)
    for _ in range(2):
        taken = send(inside, at("prepared-upload", of, LEG), of, parcel)
        assert (taken.status_code, taken.json()) == (
            201,
            {"next": reverse("patient", args=[of.pk])},
        )
    photo = Photo.objects.get()
    assert photo.lawful_reason == said["reason"]
    assert photo.decision["said"]["ground"] == because
    assert said["reason"] in inside.get(reverse("picture", args=[photo.pk])).content.decode()


def test_the_answer_to_what_is_said_is_the_policys(inside, dead, adult):
    form = at("capture-prepare", dead, LEG, because="post-mortem")
    page = inside.post(form, POST_MORTEM | {"why": "secondary"}).content.decode()
    assert "Not permitted" in page
    assert "post-mortem consent doesn&#x27;t cover this" in page
    assert form in page  # the way back to the form
    assert inside.get(at("prepared", dead, LEG)).url == reverse("picture-new", args=[dead.pk])
    able = at("capture-prepare", adult, LEG, because="treatment")
    page = inside.post(able, BEST_INTERESTS).content.decode()
    assert "There is no consent for this purpose" in page
    assert "because=procedure" in page


@pytest.mark.parametrize(
    ("because", "said", "words"),
    [
        ("procedure", PROCEDURE | {"type": ""}, "Choose what is recorded"),
        ("procedure", PROCEDURE | {"type": "photograph"}, "Select a valid choice"),
        ("procedure", PROCEDURE | {"reason": " "}, "Say which procedure it is"),
        ("procedure", PROCEDURE | {"consented": ""}, "Only a part of what the patient agreed to"),
        ("treatment", BEST_INTERESTS | {"reason": ""}, "Say why treatment needs it"),
        ("treatment", BEST_INTERESTS | {"integral": ""}, "Only what treatment needs"),
        ("treatment", BEST_INTERESTS | {"test-best_interests": ""}, "Only where you are satisfied"),
        ("treatment", BEST_INTERESTS | {"consulted": ""}, "Ask those close"),
        ("treatment", BEST_INTERESTS | {"nobody": ""}, "unless it is urgent"),
        ("post-mortem", POST_MORTEM | {"why": ""}, "Choose what it is for"),
        ("post-mortem", POST_MORTEM | {"reason": ""}, "Say who asked for it"),
    ],
)
def test_a_form_that_is_not_complete_says_what_to_do(inside, unable, because, said, words):
    page = inside.post(at("capture-prepare", unable, LEG, because=because), said)
    assert page.status_code == 200
    assert words in page.content.decode()


def test_where_nothing_can_be_permitted_no_reason_is_asked_for(inside, adult, gp):
    consent = agreed(adult, gp, "Left lower leg")
    Objection.objects.create(
        practice=adult.practice, patient=adult, purposes=["*"], made_at=timezone.now()
    )
    page = inside.get(reverse("capture", args=[consent.pk])).content.decode()
    assert "Not permitted" in page
    assert "because=" not in page
    assert (
        "Without consent"
        not in inside.get(reverse("picture-new", args=[adult.pk])).content.decode()
    )


def test_who_can_not_decide_and_has_nobody_leads_from_the_sheet_to_the_reason(inside, unable):
    page = inside.get(at("consent", unable, LEG)).content.decode()
    assert at("capture-prepare", unable, LEG, because="treatment") in page


def test_a_page_for_what_nobody_knows_is_not_there(inside, adult):
    for query in ({"because": "curiosity"}, {"for": "marketing"}, {"for": "legal"}):
        assert inside.get(at("capture-prepare", adult, LEG, **query)).status_code == 404
    assert inside.get(at("capture-prepare", adult, "tail")).status_code == 404
    assert inside.get(at("prepared", adult, "tail")).status_code == 404


# what was said is held for a while


def test_what_was_said_is_held_sealed_and_not_for_ever(inside, adult, monkeypatch):
    inside.post(at("capture-prepare", adult, LEG, because="procedure"), PROCEDURE)
    assert not any("washout" in str(value) for value in inside.session.values())
    assert inside.get(at("prepared", adult, LEG)).status_code == 200
    monkeypatch.setattr(prepared, "LASTS_SECONDS", -1)
    late = send(inside, at("prepared-upload", adult, LEG), adult)
    assert (late.status_code, "Say it again" in late.json()["error"]) == (409, True)
    assert inside.get(at("prepared", adult, LEG)).status_code == 302
    assert not Photo.objects.exists()


def test_it_is_of_one_patient_and_one_part_of_the_body(inside, surgery, adult):
    inside.post(at("capture-prepare", adult, LEG, because="procedure"), PROCEDURE)
    assert inside.get(at("prepared", adult, "left-knee")).status_code == 302
    assert inside.get(at("prepared", patient(practice=surgery), LEG)).status_code == 302


def test_a_stop_forgets_what_was_said(inside, adult):
    inside.post(at("capture-prepare", adult, LEG, because="procedure"), PROCEDURE)
    stopped = inside.post(at("prepared-stop", adult, LEG))
    assert stopped.url == reverse("patient", args=[adult.pk])
    assert inside.get(at("prepared", adult, LEG)).status_code == 302


def test_a_stop_after_the_picture_came_destroys_it(inside, adult):
    inside.post(at("capture-prepare", adult, LEG, because="procedure"), PROCEDURE)
    assert send(inside, at("prepared-upload", adult, LEG), adult).status_code == 201
    capture_id = str(Photo.objects.get().capture_id)
    inside.post(at("prepared-stop", adult, LEG), {"capture_id": capture_id})
    assert not Photo.objects.exists()
    assert StoppedCapture.objects.exists()


# intimate parts


def test_an_intimate_part_asks_for_a_chaperone_before_the_camera(inside, adult, gp):
    consent = agreed(adult, gp, "Groin")
    camera = inside.get(reverse("capture", args=[consent.pk]))
    assert camera.url == at("capture-prepare", adult, GROIN)
    page = inside.get(camera.url).content.decode()
    assert "Did you offer a chaperone?" in page
    assert "clinically essential" not in page
    for said, words in (
        ({}, "Offer a chaperone"),
        ({"chaperone": "present"}, "Type the chaperone’s name"),
    ):
        assert words in inside.post(camera.url, said).content.decode()
    past = send(inside, reverse("capture-upload", args=[consent.pk]), adult)
    assert (past.status_code, "chaperone" in past.json()["error"]) == (409, True)
    assert inside.post(camera.url, WITH_CHAPERONE).url == at("prepared", adult, GROIN)
    taken = send(inside, at("prepared-upload", adult, GROIN), adult)
    assert taken.json() == {"next": reverse("consent-receipt", args=[consent.pk])}
    photo = Photo.objects.get()
    assert photo.decision["said"]["recording"] == {"chaperone": "Nurse Made-Up"}
    assert (photo.consent, photo.intimate) == (consent, True)
    assert "An intimate part" in inside.get(reverse("picture", args=[photo.pk])).content.decode()


def test_a_chaperone_may_be_declined(inside, adult, gp):
    agreed(adult, gp, "Groin")
    inside.post(at("capture-prepare", adult, GROIN), {"chaperone": "declined"})
    send(inside, at("prepared-upload", adult, GROIN), adult)
    assert Photo.objects.get().decision["said"]["recording"] == {"chaperone": False}


@pytest.mark.parametrize(
    ("lacking", "words"),
    [
        ("essential", "clinically essential"),
        ("face_to_face", "face to face"),
        ("approver", "Nobody is named who approved it"),
    ],
)
def test_under_18_each_thing_is_asked_and_refused_in_the_rules_words(
    inside, young, gp, lacking, words
):
    agreed(young, gp, "Groin")
    form = at("capture-prepare", young, GROIN)
    assert "never used for anything but care" in inside.get(form).content.decode()
    page = inside.post(form, FOR_A_CHILD | {lacking: ""}).content.decode()
    assert "Not permitted" in page
    assert words in page


def test_under_18_with_everything_said_the_camera_opens(inside, young, gp):
    agreed(young, gp, "Groin")
    assert inside.post(at("capture-prepare", young, GROIN), FOR_A_CHILD).status_code == 302
    assert inside.get(at("prepared", young, GROIN)).status_code == 200


def test_a_reason_and_an_intimate_part_are_one_form(inside, unable):
    form = at("capture-prepare", unable, GROIN, because="treatment")
    assert "Offer a chaperone" in inside.post(form, BEST_INTERESTS).content.decode()
    assert inside.post(form, BEST_INTERESTS | WITH_CHAPERONE).status_code == 302


def test_without_a_consent_an_intimate_part_leads_to_the_sheet(inside, adult, gp):
    assert inside.get(at("capture-prepare", adult, GROIN)).url == at("consent", adult, GROIN)
    consent = agreed(adult, gp, "Left lower leg")
    usual = inside.get(at("capture-prepare", adult, LEG))
    assert usual.url == reverse("capture", args=[consent.pk])


# for something other than care


def test_a_picture_for_teaching_needs_a_yes_to_exactly_that(inside, adult, gp):
    listed = inside.get(reverse("picture-new", args=[adult.pk])).content.decode()
    assert "?for=teaching-local" in listed
    told = inside.get(reverse("picture-new", args=[adult.pk]), {"for": "teaching-local"})
    assert "agrees to exactly that" in told.content.decode()
    sheet = at("consent", adult, LEG, **{"for": "teaching-local"})
    assert sheet in told.content.decode()
    care = agreed(adult, gp, "Left lower leg")
    assert "exactly that" in inside.get(sheet).content.decode()  # a yes to care is not enough
    refused = inside.get(reverse("capture", args=[care.pk], query={"for": "teaching-local"}))
    assert "no consent for this purpose" in refused.content.decode()
    assert "Take it for care instead" in refused.content.decode()
    assert "safelight-camera" not in refused.content.decode()
    past = send(
        inside, reverse("capture-upload", args=[care.pk], query={"for": "teaching-local"}), adult
    )
    assert past.status_code == 409


def test_a_yes_to_teaching_opens_a_camera_for_teaching(inside, adult, gp):
    both = agreed(adult, gp, "Left lower leg", Purpose.CARE, Purpose.TEACHING_LOCAL)
    sheet = at("consent", adult, LEG, **{"for": "teaching-local"})
    camera = reverse("capture", args=[both.pk], query={"for": "teaching-local"})
    assert inside.get(sheet).url == camera
    upload = reverse("capture-upload", args=[both.pk], query={"for": "teaching-local"})
    assert upload in inside.get(camera).content.decode()
    assert send(inside, upload, adult).status_code == 201
    assert Photo.objects.get().made_for == "teaching-local"


def test_the_answer_on_the_sheet_leads_on_for_that_use(inside, adult):
    sheet = at("consent", adult, LEG, **{"for": "teaching-local"})
    words = conversation(adult, body_site="Left lower leg", now=timezone.now())
    said = {
        "wording": words.digest,
        "told_all": "on",
        "given_by": "patient",
        "form": "oral-recorded",
        "statement": "Yes.",
    }
    only_care = inside.post(sheet, said | {"answer": "care"})
    page = inside.get(only_care.url).content.decode()
    assert "no consent for this purpose" in page
    both = inside.post(
        f"{sheet}&again", said | {"answer": "agree", "purposes": ["care", "teaching-local"]}
    )
    assert "safelight-camera" in inside.get(both.url).content.decode()
    no = inside.post(f"{sheet}&again", said | {"answer": "no"})
    assert no.url.endswith("/receipt/")


def test_a_consent_for_another_use_leads_to_the_camera_of_the_one_that_covers_it(inside, adult, gp):
    agreed(adult, gp, "Left lower leg", Purpose.CARE, Purpose.RESEARCH)
    care = agreed(adult, gp, "Left lower leg")
    camera = inside.get(reverse("capture", args=[care.pk], query={"for": "research"}))
    assert camera.url == at("consent", adult, LEG, **{"for": "research"})
    assert inside.get(camera.url).status_code == 302
