"""Each kind of closing, repeated from its entry alone, in a record that is older than it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from backup.conftest import NOW, Surgery
from factories import representative, staff
from flows.conftest import SITE, agree, take
from safelight import ledger
from safelight.flows import closings, erasing, holding, matters, receipts, said, weighing
from safelight.flows.consent import conversation
from safelight.policy.roles import Role
from safelight.records.models import (
    Assessment,
    Consent,
    EraseJob,
    LegalHold,
    Objection,
    Photo,
    SaidNo,
    StoppedCapture,
    Weighing,
    Withdrawal,
)
from safelight.terms import Purpose

LATER = NOW + timedelta(hours=1)


def repeat(kind: str, surgery: Surgery, **details: Any) -> str | None:
    by = details.pop("by", surgery.gp.pk)
    subject = details.pop("subject", surgery.patient.subject)
    told = {name: _plain(value) for name, value in details.items()}
    return closings.repeat(ledger.Entry(kind, str(subject), str(by), LATER, told))


def _plain(value: Any) -> Any:
    return [str(each) for each in value] if isinstance(value, list) else str(value)


def test_a_withdrawal_of_some_uses_closes_the_picture_to_them(surgery: Surgery):
    photo = surgery.take()
    told = {"withdrawal": uuid4(), "consent": surgery.consent.pk, "photos": [photo.pk]}
    for _ in range(2):
        repeat(
            "consent.withdrawn",
            surgery,
            purposes=["teaching-local"],
            photo="none",
            channel="phone",
            keep=[photo.pk],
            **told,
        )
    photo.refresh_from_db()
    assert set(photo.closed_to) == {"teaching-local"}
    assert photo.state == Photo.State.KEPT
    assert set(Consent.objects.get(pk=surgery.consent.pk).withdrawn) == {"teaching-local"}
    made = Withdrawal.objects.get()
    assert (made.pk, made.channel, made.at) == (told["withdrawal"], "phone", LATER)


def test_a_picture_that_care_rests_on_stays_and_so_does_the_answer_for_care(surgery: Surgery):
    photo, other = surgery.take(), surgery.take()
    uses = (Purpose.CARE, Purpose.SECOND_OPINION)
    another, _ = agree(surgery.patient, surgery.gp, *uses, now=NOW)
    repeat(
        "consent.withdrawn",
        surgery,
        withdrawal=uuid4(),
        consent=surgery.consent.pk,
        photos=[photo.pk, other.pk],
        purposes=["care", "second-opinion", "audit"],
        keep=[photo.pk],
        destroy=[other.pk],
    )
    photo.refresh_from_db()
    assert "care" not in photo.closed_to
    assert {"second-opinion", "research"} <= set(photo.closed_to)
    own = Consent.objects.get(pk=surgery.consent.pk)
    assert set(own.withdrawn) == {"second-opinion"}
    assert set(Consent.objects.get(pk=another.pk).withdrawn) == {"second-opinion"}
    assert str(other.pk) in EraseJob.objects.get().keys


def test_a_picture_that_a_hold_keeps_is_closed_to_care_as_well(surgery: Surgery):
    photo = surgery.take()
    repeat(
        "consent.withdrawn",
        surgery,
        withdrawal=uuid4(),
        consent="none",
        photo=photo.pk,
        photos=[photo.pk],
        purposes=["care"],
        close=[photo.pk],
    )
    photo.refresh_from_db()
    assert "care" in photo.closed_to
    assert not Consent.objects.get(pk=surgery.consent.pk).withdrawn


def test_a_withdrawal_of_everything_reaches_every_conversation(surgery: Surgery):
    another, _ = agree(surgery.patient, surgery.gp, Purpose.CARE, now=NOW, body_site=SITE)
    repeat(
        "consent.withdrawn",
        surgery,
        withdrawal=uuid4(),
        consent="none",
        photo="none",
        photos=[],
        purposes=["care"],
    )
    assert all(each.withdrawn for each in Consent.objects.filter(pk__in=[another.pk]))


def test_what_came_of_a_picture_goes_as_the_entry_says(surgery: Surgery):
    from safelight.flows import copies
    from safelight.records.models import Copy

    photo = surgery.take()
    copy = Copy.objects.create(
        practice=surgery.practice,
        photo=photo,
        sha256="0" * 64,
        width=1,
        height=1,
        verified=True,
        certificate={},
        made_at=NOW,
        made_by=surgery.gp,
    )
    copies.seal(copy, b"not really a picture")
    repeat(
        "consent.withdrawn",
        surgery,
        withdrawal=uuid4(),
        consent=surgery.consent.pk,
        photos=[photo.pk],
        purposes=["teaching-local"],
        destroy=[copy.pk],
    )
    erasing.finish_pending(now=LATER)
    copy.refresh_from_db()
    photo.refresh_from_db()
    assert (copy.state, photo.state) == (Copy.State.ERASED, Photo.State.KEPT)


def test_a_stopped_capture_is_refused_and_its_picture_goes(surgery: Surgery):
    photo = surgery.take()
    alone, _ = agree(surgery.patient, surgery.gp, Purpose.CARE, now=NOW)
    repeat("capture.stopped", surgery, capture=photo.capture_id, consent=alone.pk)
    repeat("capture.stopped", surgery, capture="none")
    assert StoppedCapture.objects.get().capture_id == photo.capture_id
    photo.refresh_from_db()
    assert photo.state == Photo.State.CLOSED
    assert Consent.objects.get(pk=alone.pk).withdrawn


def test_destroyed_keys_are_queued_once(surgery: Surgery):
    photo = surgery.take()
    for _ in range(2):
        repeat("keys.destroyed", surgery, photos=[photo.pk], copies=[uuid4()])
    assert EraseJob.objects.count() == 1
    assert closings.destroyed_by(
        ledger.Entry("keys.destroyed", "x", "system", NOW, {"photos": [str(photo.pk)]})
    ) == [photo.pk]


def test_an_ordered_erasure_is_carried_out(surgery: Surgery):
    photo = surgery.take()
    repeat("erasure.ordered", surgery, photos=[photo.pk], consents=[surgery.consent.pk])
    photo.refresh_from_db()
    assert photo.state == Photo.State.CLOSED
    assert Consent.objects.get(pk=surgery.consent.pk).withdrawn


def test_a_hold_is_placed_and_lifted(surgery: Surgery):
    photo, hold = surgery.take(), uuid4()
    for _ in range(2):
        repeat("hold.placed", surgery, hold=hold, about="claim", photo=photo.pk)
    assert holding.is_held(photo)
    repeat("hold.lifted", surgery, hold=hold)
    repeat("hold.lifted", surgery, hold=hold)
    assert not holding.is_held(photo)
    assert LegalHold.objects.get().lifted_because == said.AGAIN


def test_a_matter_that_was_closed_is_closed_again(surgery: Surgery):
    lead = staff(Role.IG_LEAD, practice=surgery.patient.practice)
    asked = matters.Asked("statute", "S 1", "A regulator", NOW.date(), "All", "view", is_told=True)
    matter = matters.record(surgery.patient, asked=asked, by=lead, now=NOW)
    for _ in range(2):
        repeat("matter.closed", surgery, matter=matter.pk, by=lead.pk)
    matter.refresh_from_db()
    assert (matter.closed_at, matter.closed_by) == (LATER, lead)


def test_that_somebody_cannot_decide_is_repeated_and_that_somebody_can_is_not(surgery: Surgery):
    for outcome in ("lacks", "has"):
        repeat(
            "assessment.recorded",
            surgery,
            assessment=uuid4(),
            assessed="capacity",
            about=["care"],
            outcome=outcome,
        )
    made = Assessment.objects.get()
    assert (made.outcome, made.about, made.assessed_on) == ("lacks", ["care"], LATER.date())


def test_an_authority_that_ended_ends_again(surgery: Surgery):
    who = representative(surgery.patient)
    repeat("representative.ended", surgery, representative=who.pk, ended_on="2026-11-22")
    who.refresh_from_db()
    assert who.ended_on == date(2026, 11, 22)


def test_a_no_at_the_camera_is_remembered(surgery: Surgery):
    repeat("patient.said-no", surgery, said_no=uuid4())
    assert SaidNo.objects.get().at == LATER


def test_a_weighing_with_a_no_in_it_counts_again(surgery: Surgery):
    who = representative(surgery.patient)
    every = [
        f"{name}: {each}"
        for name in weighing.questions(surgery.patient, now=NOW)
        for each in weighing.WHO
    ]
    for yes in (every, every[1:]):
        repeat(
            "use.weighed",
            surgery,
            weighing=uuid4(),
            purpose="teaching-local",
            representative=who.pk,
            yes=yes,
        )
    made = Weighing.objects.get()
    first, whose = every[0].split(": ")
    assert made.answers[first][whose] is False


def test_an_answer_for_a_problem_that_is_over_ends_on_that_day(surgery: Surgery):
    repeat("consent.episode-ended", surgery, consent=surgery.consent.pk)
    assert Consent.objects.get(pk=surgery.consent.pk).expires_on == LATER.date()


def test_taking_back_one_answer_leaves_the_one_about_another_part_of_the_body(surgery: Surgery):
    elsewhere = "Right hand"
    words = conversation(surgery.patient, body_site=elsewhere, reader="patient", now=NOW)
    uses = (Purpose.CARE, Purpose.TEACHING_LOCAL)
    about = {"body_site": elsewhere, "wording": words.digest, "now": NOW}
    other, _ = agree(surgery.patient, surgery.gp, *uses, **about)
    repeat(
        "consent.withdrawn",
        surgery,
        withdrawal=uuid4(),
        consent=surgery.consent.pk,
        purposes=["care", "teaching-local"],
        photo="none",
        channel="phone",
        photos=[],
    )
    assert Consent.objects.get(pk=surgery.consent.pk).withdrawn
    assert not Consent.objects.get(pk=other.pk).withdrawn


def test_a_slip_that_was_replaced_opens_nothing_and_somebody_is_told(surgery: Surgery):
    consent, old = agree(surgery.patient, surgery.gp, Purpose.CARE, now=NOW)
    said_to_do = repeat("receipt.renewed", surgery, consent=consent.pk, receipt=consent.receipt.pk)
    assert "new codes" in str(said_to_do)
    assert not receipts.opens(old, consent)


def test_a_look_for_care_makes_care_rest_on_the_picture_again(surgery: Surgery):
    photo = surgery.take()
    repeat("photo.viewed", surgery, photo=photo.pk, purpose="audit")
    assert not Photo.objects.get(pk=photo.pk).relied_on_for_care
    repeat("photo.viewed", surgery, photo=photo.pk, purpose="care")
    assert Photo.objects.get(pk=photo.pk).relied_on_for_care


def test_a_release_that_was_refused_does_not_wait_again(surgery: Surgery):
    from safelight.records.models import Release

    photo = surgery.take()
    made = Release.objects.create(
        practice=surgery.practice,
        photo=photo,
        state=Release.State.WAITING,
        purpose="teaching-local",
        audience="organisation",
        target="Tuesday",
        requested_by=surgery.gp,
        requested_at=NOW,
    )
    for _ in range(2):
        repeat("release.refused", surgery, release=made.pk)
    repeat("release.stopped", surgery, release=uuid4())
    made.refresh_from_db()
    assert made.state == Release.State.REFUSED


def test_a_conversation_that_ruled_nothing_out_leaves_no_objection(surgery: Surgery):
    repeat("consent.recorded", surgery, nothing_else="false", purposes=["care"])
    assert not Objection.objects.exists()


def test_what_the_ledger_cannot_hold_is_told_to_a_person(surgery: Surgery):
    assert "rules" in str(repeat("rule.added", surgery))
    assert repeat("photo.captured", surgery) is None
    with pytest.raises(closings.UnknownKind):
        repeat("something.new", surgery)


@pytest.mark.parametrize(
    "kind",
    sorted({*closings.CLOSES, *closings.REPEATED} - {"representative.ended"}),
)
def test_an_entry_about_somebody_the_backup_does_not_know_changes_nothing(
    surgery: Surgery, kind: str
):
    take(surgery.patient, surgery.gp, surgery.consent, now=NOW)
    before = (Objection.objects.count(), EraseJob.objects.count())
    told = {"nothing_else": "true", "outcome": "lacks", "capture": uuid4()}
    repeat(kind, surgery, subject=uuid4(), by=uuid4(), **told)
    assert (Objection.objects.count(), EraseJob.objects.count()) == before
    assert not LegalHold.objects.exists()
    assert not SaidNo.objects.exists()


def test_what_was_turned_off_since_is_off_again_and_nothing_else_is(surgery: Surgery):
    practice = surgery.gp.practice
    practice.switches = {"var17": "Minute 4", "other": "Minute 5"}
    practice.save()
    repeat("switch.turned-off", surgery, subject=practice.pk, switch="var17")
    practice.refresh_from_db()
    assert practice.switches == {"other": "Minute 5"}
