"""A picture without a consent, or of an intimate part: what has to be said, and what is kept of it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from factories import NOW, assessment, patient
from flows.conftest import SITE, agree, jpeg, sealed, take
from safelight import ledger, policy
from safelight.flows import capture, opening
from safelight.flows import circumstances as flow
from safelight.flows.allowed import DoesNotFit
from safelight.flows.circumstances import Circumstances, Ground
from safelight.flows.consent import conversation
from safelight.records.models import LedgerEntry, Objection, Patient, Photo
from safelight.terms import Purpose

WORDS = "Knee washout agreed on Monday"
PRIVATE = "Groin"
PROCEDURE = Circumstances(
    recording={"within_procedure_consent": True, "type": "endoscopic"},
    ground=Ground.PROCEDURE,
    reason=WORDS,
)
BEST_INTERESTS = Circumstances(
    care={"integral_to_treatment": True, "those_close_consulted": True, "urgent": True},
    tests={"best_interests": {"clinician": True}},
    ground=Ground.TREATMENT,
    reason="The wound has to be seen by the surgeon tonight",
)
POST_MORTEM = Circumstances(
    recording={"post_mortem": "cause-of-death"},
    ground=Ground.POST_MORTEM,
    reason="Asked for by the coroner",
)
CHAPERONED = Circumstances(recording={"chaperone": "Nurse Made-Up"})
FOR_A_CHILD = Circumstances(
    recording={
        "chaperone": "Nurse Made-Up",
        "clinically_essential": True,
        "face_to_face": True,
        "approver": "Dr Second",
    }
)


@pytest.fixture
def unable(surgery, gp) -> Patient:
    """Somebody who was found unable to decide this."""
    found = patient(practice=surgery, name="Unable Made-Up")
    assessment(found, gp, outcome="lacks")
    return found


@pytest.fixture
def dead(surgery) -> Patient:
    return patient(practice=surgery, name="Dead Made-Up", died_on=NOW.date() - timedelta(days=1))


@pytest.fixture
def child(surgery) -> Patient:
    return patient(practice=surgery, name="Child Made-Up", born_on=date(2009, 12, 1))


def taken(of: Patient, by, circumstances: Circumstances, **given):
    envelope, blob = sealed(jpeg(), tenant=of.practice_id)
    return capture.receive(
        envelope,
        blob,
        **{
            "patient": of,
            "consent": None,
            "circumstances": circumstances,
            "body_site": SITE,
            "made_for": Purpose.CARE,
            "by": by,
            "now": NOW,
        }
        | given,
    )


def agreed_about(body_site: str, of: Patient, by, *purposes: Purpose):
    words = conversation(of, body_site=body_site, now=NOW)
    return agree(of, by, *purposes, body_site=body_site, wording=words.digest)[0]


def told(photo: Photo) -> ledger.Entry:
    row = LedgerEntry.objects.get(kind="photo.captured")
    entry = ledger.read_entry(bytes(row.body))
    assert entry.details["photo"] == str(photo.pk)
    return entry


# without a consent


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("adult", PROCEDURE),
        ("unable", PROCEDURE),
        ("unable", BEST_INTERESTS),
        ("dead", POST_MORTEM),
    ],
)
def test_a_picture_may_be_made_on_each_ground_that_the_policy_knows(request, gp, who, said):
    of = request.getfixturevalue(who)
    offered = capture.offer(
        of, body_site=SITE, made_for=Purpose.CARE, circumstances=said, by=gp, now=NOW
    )
    assert isinstance(offered, capture.CaptureOffer)
    photo = taken(of, gp, said)
    assert isinstance(photo, Photo), photo
    assert (photo.consent, photo.lawful_reason) == (None, said.reason)
    assert Circumstances.from_json(photo.decision["said"]) == said
    assert photo.decision["because"][0]["rule"].startswith("make-")


def test_the_kind_of_recording_is_kept(adult, gp):
    assert taken(adult, gp, PROCEDURE).recording_type == "endoscopic"
    assert take(adult, gp, agree(adult, gp)[0]).recording_type == "photograph"


def test_such_a_picture_is_opened_for_care_like_any_other(unable, gp):
    photo = taken(unable, gp, BEST_INTERESTS)
    assert isinstance(opening.open_photo(photo, by=gp, now=NOW), bytes)


@pytest.mark.parametrize(
    ("who", "said", "words"),
    [
        ("adult", BEST_INTERESTS, "no consent for this purpose"),
        ("adult", POST_MORTEM, "no consent for this purpose"),
        ("dead", PROCEDURE, "post-mortem consent"),
    ],
)
def test_a_ground_that_is_not_this_patients_is_refused(request, gp, home, who, said, words):
    answer = taken(request.getfixturevalue(who), gp, said)
    assert not isinstance(answer, Photo)
    assert any(words in each.text for each in answer.because)
    assert home.files() == {}


@pytest.mark.parametrize(
    "said",
    [
        Circumstances(recording={"type": "endoscopic"}, ground=Ground.PROCEDURE, reason=WORDS),
        Circumstances(
            recording={"type": "photograph", "within_procedure_consent": True},
            ground=Ground.PROCEDURE,
            reason=WORDS,
        ),
    ],
)
def test_what_was_not_said_is_refused(adult, gp, said):
    assert isinstance(taken(adult, gp, said), policy.Refusal)


def test_the_grounds_that_are_open_are_the_policys(adult, unable, dead, child):
    def grounds(of: Patient, made_for: Purpose = Purpose.CARE) -> tuple[Ground, ...]:
        return flow.open_grounds(of, body_site=PRIVATE, made_for=made_for, now=NOW)

    assert grounds(adult) == (Ground.PROCEDURE,)
    assert grounds(child) == (Ground.PROCEDURE,)
    assert grounds(unable) == (Ground.PROCEDURE, Ground.TREATMENT)
    assert grounds(dead) == (Ground.POST_MORTEM,)
    assert grounds(adult, Purpose.TEACHING_LOCAL) == ()
    Objection.objects.create(practice=adult.practice, patient=adult, purposes=["care"], made_at=NOW)
    adult.refresh_from_db()
    assert grounds(adult) == ()


def test_an_objection_stands_above_every_ground(unable, gp):
    Objection.objects.create(practice=unable.practice, patient=unable, purposes=["*"], made_at=NOW)
    assert isinstance(taken(unable, gp, BEST_INTERESTS), policy.Refusal)


def test_a_reason_is_said_and_not_too_long():
    for reason in ("", "   ", "x" * 301):
        with pytest.raises(DoesNotFit) as refused:
            flow.checked(Circumstances(ground=Ground.PROCEDURE, reason=reason), body_site=SITE)
        assert set(refused.value.fields) == {"reason"}
    assert flow.checked(PROCEDURE, body_site=SITE) == PROCEDURE


# intimate parts


def test_an_intimate_part_needs_a_word_of_a_chaperone(adult, gp, home):
    consent = agreed_about(PRIVATE, adult, gp)
    with pytest.raises(capture.NotPrepared):
        take(adult, gp, consent, body_site=PRIVATE)
    with pytest.raises(DoesNotFit) as refused:
        flow.checked(Circumstances(), body_site=PRIVATE)
    assert set(refused.value.fields) == {"chaperone"}
    assert home.files() == {}


@pytest.mark.parametrize(("chaperone", "term"), [("Nurse Made-Up", "present"), (False, "declined")])
def test_who_was_there_is_kept_with_the_picture_and_named_to_nobody_else(
    adult, gp, chaperone, term
):
    consent = agreed_about(PRIVATE, adult, gp)
    said = Circumstances(recording={"chaperone": chaperone})
    photo = take(adult, gp, consent, body_site=PRIVATE, circumstances=said)
    assert photo.intimate
    assert photo.decision["said"]["recording"] == {"chaperone": chaperone}
    assert photo.lawful_reason == ""
    entry = told(photo)
    assert (entry.details["chaperone"], entry.details["ground"]) == (term, "consent")


def test_the_ledger_knows_terms_and_no_words(unable, gp):
    photo = taken(
        unable,
        gp,
        Circumstances(
            recording=CHAPERONED.recording,
            care=BEST_INTERESTS.care,
            tests=BEST_INTERESTS.tests,
            ground=Ground.TREATMENT,
            reason=BEST_INTERESTS.reason,
        ),
        body_site=PRIVATE,
    )
    assert told(photo).details["ground"] == "treatment"
    body = bytes(LedgerEntry.objects.get(kind="photo.captured").body)
    for words in (b"wound", b"surgeon", b"Nurse"):
        assert words not in body


def test_an_intimate_picture_of_somebody_under_18_needs_more(child, gp):
    consent = agreed_about(PRIVATE, child, gp)
    assessed = take(child, gp, consent, body_site=PRIVATE, circumstances=FOR_A_CHILD)
    assert isinstance(assessed, Photo)


@pytest.mark.parametrize(
    ("lacking", "words"),
    [
        ("clinically_essential", "clinically essential"),
        ("face_to_face", "face to face"),
        ("approver", "Nobody is named who approved it"),
    ],
)
def test_each_thing_that_is_not_said_is_refused_in_the_rules_words(child, gp, lacking, words):
    consent = agreed_about(PRIVATE, child, gp)
    said = dict(FOR_A_CHILD.recording)
    del said[lacking]
    envelope, blob = sealed(jpeg(), tenant=child.practice_id)
    answer = capture.receive(
        envelope,
        blob,
        patient=child,
        consent=consent,
        circumstances=Circumstances(recording=said),
        body_site=PRIVATE,
        made_for=Purpose.CARE,
        by=gp,
        now=NOW,
    )
    assert isinstance(answer, policy.Refusal)
    assert any(words in each.text for each in answer.because)


def test_an_intimate_picture_of_a_child_is_for_care_alone(child, gp):
    consent = agreed_about(PRIVATE, child, gp, Purpose.CARE, Purpose.TEACHING_LOCAL)
    offered = capture.offer(
        child,
        body_site=PRIVATE,
        made_for=Purpose.TEACHING_LOCAL,
        circumstances=FOR_A_CHILD,
        by=gp,
        now=NOW,
    )
    assert isinstance(offered, policy.Refusal)
    assert consent.purposes == ["care", "teaching-local"]
