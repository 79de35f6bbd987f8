"""Courts and complaints: what the law demands beats a no, a complaint doesn't, and both are on record."""

from __future__ import annotations

import copy
import hashlib
import io
from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from factories import NOW, patient, staff
from flows.conftest import agree, take
from safelight import policy
from safelight.flows import (
    deciding,
    destroying,
    exposing,
    holding,
    in_force,
    matters,
    opening,
    patients,
    receipts,
    release,
    retaining,
    stores,
    withdraw,
)
from safelight.flows.allowed import DoesNotFit, NotAllowed, RecordErased
from safelight.flows.matters import Asked, Weighed
from safelight.flows.once import AlreadyDone
from safelight.policy.roles import Role
from safelight.records.models import (
    Disclosure,
    EraseJob,
    Exhibit,
    LedgerEntry,
    LegalHold,
    Matter,
    Photo,
    Release,
)
from safelight.terms import Audience, Purpose

TO_DECIDE = ("photo__patient__practice", "photo__consent", "matter__practice", "matter__hold")
LATER = NOW + timedelta(hours=2)
AFTER = NOW + timedelta(days=3)
ORDER = Asked(
    kind="court-order",
    reference="CO-2026-118",
    asked_by="The county court",
    asked_on=date(2026, 11, 20),
    extent="Pictures of the leg",
    size="view",
    is_told=True,
)
COMPLAINT = replace(ORDER, kind="complaint", reference="C 14", asked_by="The complaints team")


@pytest.fixture
def lead(surgery):
    return staff(Role.IG_LEAD, practice=surgery)


@pytest.fixture
def consent(adult, gp):
    return agree(adult, gp, Purpose.CARE, Purpose.SECOND_OPINION)[0]


@pytest.fixture
def photo(adult, gp, consent) -> Photo:
    made = take(adult, gp, consent)
    opening.open_photo(
        made, by=gp, now=NOW
    )  # care rests on it: a withdrawal leaves it in the record
    return Photo.objects.get(pk=made.pk)


def matter_of(of, by, asked=ORDER, *, now=LATER, **given) -> Matter:
    return matters.record(of, asked=asked, by=by, now=now, **given)


def exhibit_in(matter, photo, by, *, is_needed=True, now=LATER) -> Exhibit:
    matters.weigh(matter, said={photo: Weighed(is_needed, "Page 2")}, by=by, now=now)
    return Exhibit.objects.get(matter=matter, photo=photo)


def fields(decision) -> set[str]:
    return {each.needs.field for each in decision.because if each.needs}


def kinds_logged() -> list[str]:
    return list(LedgerEntry.objects.order_by("index").values_list("kind", flat=True))


def test_what_a_court_demands_is_given_and_on_record(adult, lead, photo):
    matter = matter_of(adult, lead)
    exhibit = exhibit_in(matter, photo, lead)
    given = matters.give(exhibit, by=lead, now=LATER)
    assert isinstance(given, Exhibit)
    assert (given.given_at, given.given_by) == (LATER, lead)
    assert given.decision["because"][0]["rule"] == "use-by-law"
    file = matters.open_file(exhibit, by=lead, now=LATER)
    assert hashlib.sha256(file).hexdigest() == given.sha256
    assert not Image.open(io.BytesIO(file)).getexif()
    assert kinds_logged()[-4:] == [
        "matter.recorded",
        "exhibit.weighed",
        "exhibit.given",
        "exhibit.opened",
    ]
    said = b"".join(bytes(row.body) for row in LedgerEntry.objects.all())
    assert not any(words in said for words in (b"CO-2026", b"county", b"Page 2", b"leg"))
    assert (str(matter), str(exhibit)) == (f"Matter {matter.pk}", f"Exhibit {exhibit.pk}")


def test_the_whole_file_is_given_only_where_that_is_asked_for(adult, lead, photo):
    whole = exhibit_in(matter_of(adult, lead, replace(ORDER, size="original")), photo, lead)
    matters.give(whole, by=lead, now=LATER)
    file = matters.open_file(whole, by=lead, now=LATER)
    assert file == opening.unsealed(photo, size="original")
    assert file != opening.unsealed(photo, size="view")


def test_it_counts_in_what_all_that_left_adds_up_to(adult, lead, photo):
    exhibit = exhibit_in(matter_of(adult, lead), photo, lead)
    matters.give(exhibit, by=lead, now=LATER)
    (told,) = exposing.history(adult)
    assert (told["id"], told["audience"], told["facts"]) == (str(exhibit.pk), ["named"], {})
    assert told["picture"]


def test_giving_is_a_use_of_the_record(adult, lead, photo):
    exhibit = exhibit_in(matter_of(adult, lead, now=AFTER), photo, lead, now=AFTER)
    matters.give(exhibit, by=lead, now=AFTER)
    assert retaining.used_on(adult)[-1] == AFTER.date()


def test_compulsion_beats_a_no_and_a_complaint_does_not(adult, gp, lead, photo):
    ordered = exhibit_in(matter_of(adult, lead), photo, lead)
    complained = exhibit_in(matter_of(adult, lead, COMPLAINT), photo, lead)
    assert isinstance(matters.decide(complained, now=LATER), policy.Permit)
    withdraw.object_to(adult, purposes=list(Purpose), by=gp, now=LATER)
    for each in (ordered, complained):
        each.photo.refresh_from_db()
    refused = matters.give(complained, by=lead, now=AFTER)
    assert isinstance(refused, policy.Refusal)
    assert "objections" in fields(refused)
    assert isinstance(matters.give(ordered, by=lead, now=AFTER), Exhibit)
    assert Disclosure.objects.count() == 1


def test_a_withdrawal_closes_a_picture_to_care_and_not_to_the_court(
    adult, gp, lead, consent, photo
):
    matter = matter_of(adult, lead)
    holding.place(adult, kind="inquiry", reason="x", reference="I 1", by=lead, now=LATER)
    withdraw.withdraw(consent, purposes=[Purpose.CARE], by=gp, now=AFTER)
    exhibit = exhibit_in(matter, Photo.objects.get(pk=photo.pk), lead, now=AFTER)
    assert isinstance(matters.give(exhibit, by=lead, now=AFTER), Exhibit)


def test_with_a_complaint_a_hold_on_destruction_begins(adult, lead, photo):
    first = matter_of(adult, lead, COMPLAINT)
    assert holding.is_held(photo)
    assert (first.hold.kind, first.hold.reference, first.hold.photo) == ("complaint", "C 14", None)
    again = matter_of(adult, lead, replace(COMPLAINT, reference=" C 14 "))
    assert (again.hold, LegalHold.objects.count()) == (first.hold, 1)
    claim = matter_of(adult, lead, replace(COMPLAINT, kind="claim"))
    assert (claim.hold.kind, LegalHold.objects.count()) == ("claim", 2)
    assert matter_of(adult, lead).hold is None


def test_what_is_not_needed_is_not_given(adult, lead, photo):
    for asked, need in ((ORDER, "authority.legal_basis"), (COMPLAINT, "complaint.relevant")):
        exhibit = exhibit_in(matter_of(adult, lead, asked), photo, lead, is_needed=False)
        refused = matters.give(exhibit, by=lead, now=LATER)
        assert isinstance(refused, policy.Refusal)
        assert need in fields(refused)
        exhibit.refresh_from_db()
        assert exhibit.given_at is None
    assert not Disclosure.objects.exists()


def test_weighed_again_the_last_word_counts_and_the_same_word_is_no_news(adult, lead, photo):
    matter = matter_of(adult, lead)
    exhibit_in(matter, photo, lead)
    exhibit_in(matter, photo, lead)
    assert kinds_logged().count("exhibit.weighed") == 1
    again = exhibit_in(matter, photo, lead, is_needed=False)
    assert (again.is_needed, Exhibit.objects.count()) == (False, 1)


def test_given_and_then_found_not_to_be_needed_it_opens_no_more(adult, lead, photo):
    matter = matter_of(adult, lead)
    exhibit = exhibit_in(matter, photo, lead)
    with pytest.raises(opening.PictureClosed):
        matters.open_file(exhibit, by=lead, now=LATER)
    matters.give(exhibit, by=lead, now=LATER)
    exhibit_in(matter, photo, lead, is_needed=False)
    assert isinstance(matters.open_file(exhibit, by=lead, now=LATER), policy.Refusal)


def test_open_are_those_that_take_something_more(adult, gp, lead):
    first, second, third = (
        matter_of(adult, lead, each)
        for each in (ORDER, COMPLAINT, replace(COMPLAINT, kind="claim"))
    )
    assert set(matters.open_ones(lead)) == {first, second, third}
    matters.close(first, by=lead, now=AFTER)
    holding.lift(second.hold, because="Settled", by=lead, now=AFTER)
    assert list(matters.open_ones(lead)) == [third]
    assert not matters.open_ones(gp).exists()


def test_of_two_presses_one_gives(adult, lead, photo, monkeypatch):
    exhibit = exhibit_in(matter_of(adult, lead), photo, lead)
    sealed = matters._sealed_disclosure

    def given_meanwhile(*args, **said):
        monkeypatch.setattr(matters, "_sealed_disclosure", sealed)
        matters.give(exhibit, by=lead, now=LATER)
        return sealed(*args, **said)

    monkeypatch.setattr(matters, "_sealed_disclosure", given_meanwhile)
    with pytest.raises(matters.AlreadyGiven):
        matters.give(exhibit, by=lead, now=LATER)
    (row,) = Disclosure.objects.all()
    ids = {image for image, _ in stores.keys().images()}
    assert ids == {photo.pk, row.pk}
    assert kinds_logged().count("exhibit.given") == 1


def test_a_no_that_comes_while_it_is_given_counts(adult, gp, lead, photo, monkeypatch):
    exhibit = exhibit_in(matter_of(adult, lead, COMPLAINT), photo, lead)
    sealed = matters._sealed_disclosure

    def objected_meanwhile(*args, **said):
        withdraw.object_to(adult, purposes=list(Purpose), by=gp, now=LATER)
        return sealed(*args, **said)

    monkeypatch.setattr(matters, "_sealed_disclosure", objected_meanwhile)
    assert isinstance(matters.give(exhibit, by=lead, now=LATER), policy.Refusal)
    assert not Disclosure.objects.exists()
    assert {image for image, _ in stores.keys().images()} == {photo.pk}


@pytest.mark.parametrize("ended", ["closed", "its hold lifted"])
def test_a_closed_matter_takes_nothing_more(ended, adult, gp, lead, photo):
    matter = matter_of(adult, lead, COMPLAINT)
    exhibit = exhibit_in(matter, photo, lead)
    matters.give(exhibit, by=lead, now=LATER)
    other = exhibit_in(matter, take(adult, gp, exhibit.photo.consent), lead)
    if ended == "closed":
        for _ in range(2):
            matters.close(matter, by=lead, now=AFTER)
    else:
        holding.lift(matter.hold, because="Settled", by=lead, now=AFTER)
    acts = (
        lambda: matters.give(other, by=lead, now=AFTER),
        lambda: matters.open_file(exhibit, by=lead, now=AFTER),
        lambda: exhibit_in(matter, photo, lead, is_needed=False, now=AFTER),
    )
    for act in acts:
        with pytest.raises(matters.MatterClosed):
            act()
    assert kinds_logged().count("matter.closed") == (ended == "closed")


def test_a_matter_that_closes_while_it_is_given_closes_it(adult, lead, photo, monkeypatch):
    matter = matter_of(adult, lead)
    exhibit = exhibit_in(matter, photo, lead)
    sealed = matters._sealed_disclosure

    def closed_meanwhile(*args, **said):
        matters.close(matter, by=lead, now=LATER)
        return sealed(*args, **said)

    monkeypatch.setattr(matters, "_sealed_disclosure", closed_meanwhile)
    with pytest.raises(matters.MatterClosed):
        matters.give(exhibit, by=lead, now=LATER)
    assert {image for image, _ in stores.keys().images()} == {photo.pk}


def test_a_picture_that_is_gone_is_not_given(adult, lead, photo):
    exhibit = exhibit_in(matter_of(adult, lead), photo, lead)
    photo.set_closed()
    with pytest.raises(opening.PictureClosed):
        matters.give(exhibit, by=lead, now=LATER)


# --- who it is about ------------------------------------------------------------------------------


@pytest.fixture
def dead(surgery, gp):
    of = patient(practice=surgery)
    photo = take(of, gp, agree(of, gp, Purpose.CARE)[0])
    patients.record_death(
        of,
        died_on=NOW.date(),
        known_wishes={},
        genetic_or_third_party=False,
        legal_advice="",
        by=gp,
        now=NOW,
    )
    return Photo.objects.select_related("patient").get(pk=photo.pk)


def test_of_the_dead_a_court_gets_what_it_demands(dead, lead):
    exhibit = exhibit_in(matter_of(dead.patient, lead), dead, lead)
    assert isinstance(matters.give(exhibit, by=lead, now=LATER), Exhibit)


def test_a_complaint_about_the_dead_waits_for_the_executor(dead, gp, lead):
    exhibit = exhibit_in(matter_of(dead.patient, lead, COMPLAINT), dead, lead)
    held = matters.give(exhibit, by=lead, now=LATER)
    assert isinstance(held, policy.Hold)
    assert fields(held) == {"executor_or_family_consulted"}
    patients.record_consultation(
        dead.patient,
        name="Exe Cutor",
        who="executor",
        relation="",
        purposes=["complaint"],
        answer="agrees",
        words="Yes",
        asked_on=NOW.date(),
        by=gp,
        now=LATER,
    )
    assert isinstance(matters.give(exhibit, by=lead, now=LATER), Exhibit)


def test_the_kinds_are_the_packs_own(surgery, adult, lead, photo, monkeypatch):
    assert matters.kinds(adult, now=NOW) == {
        "court-order": "a court order",
        "statute": "a statute",
        "complaint": "A complaint",
        "claim": "A claim",
    }
    surgery.pack = "scotland"
    surgery.save()
    adult.practice.refresh_from_db()
    assert set(matters.kinds(adult, now=NOW)) == {"court-order", "statute", "complaint", "claim"}
    exhibit = exhibit_in(matter_of(adult, lead), photo, lead)
    assert isinstance(matters.decide(exhibit, now=LATER), policy.Permit)
    pack = in_force.pack_of(surgery, now=NOW)
    terms = replace(pack.terms, compulsion=frozenset({"statute"}))
    monkeypatch.setattr(in_force, "pack_of", lambda practice, now: replace(pack, terms=terms))
    assert set(matters.kinds(adult, now=NOW)) == {"statute", "complaint", "claim"}
    refused = matters.decide(exhibit, now=LATER)
    assert "authority.legal_basis" in fields(refused)
    assert "unknown" not in {each.rule for each in refused.because}
    assert matters.words_of(exhibit.matter, now=LATER) == "court order"


# --- who may, and what fits ---------------------------------------------------------------------


def test_only_governance_of_this_practice(adult, gp, stranger, lead, photo):
    matter = matter_of(adult, lead)
    exhibit = exhibit_in(matter, photo, lead)
    others = (gp, stranger, staff(Role.IG_LEAD), staff(Role.REVIEWER, practice=adult.practice))
    for by in others:
        for act in (
            lambda by=by: matter_of(adult, by),
            lambda by=by: exhibit_in(matter, photo, by),
            lambda by=by: matters.give(exhibit, by=by, now=LATER),
            lambda by=by: matters.open_file(exhibit, by=by, now=LATER),
            lambda by=by: matters.tell(matter, by=by, now=LATER),
            lambda by=by: matters.close(matter, by=by, now=LATER),
        ):
            with pytest.raises(NotAllowed):
                act()
        assert not Matter.objects.visible_to(by).exists()
        assert not Exhibit.objects.visible_to(by).exists()


WRONG = {
    "an approval": ({"kind": "s251"}, "kind"),
    "no number": ({"reference": " "}, "reference"),
    "nobody": ({"asked_by": ""}, "asked_by"),
    "tomorrow": ({"asked_on": (LATER + timedelta(days=1)).date()}, "asked_on"),
    "nothing": ({"extent": " "}, "extent"),
    "another size": ({"size": "thumb"}, "size"),
    "nobody said": ({"is_told": None}, "told"),
    "silence without a reason": ({"is_told": False}, "not_told_because"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_not_written_down(case, adult, lead):
    given, field = WRONG[case]
    with pytest.raises(DoesNotFit) as refused:
        matter_of(adult, lead, replace(ORDER, **given))
    assert list(refused.value.fields) == [field]
    assert not Matter.objects.exists()
    assert not LegalHold.objects.exists()


def test_each_picture_has_its_reason_and_is_the_patients_own(surgery, adult, gp, lead, photo):
    matter, other = matter_of(adult, lead), patient(practice=surgery)
    foreign = take(other, gp, agree(other, gp)[0])
    for chosen, why in ((photo, " "), (foreign, "x")):
        with pytest.raises(DoesNotFit) as refused:
            matters.weigh(matter, said={chosen: Weighed(True, why)}, by=lead, now=LATER)
        assert list(refused.value.fields) == [f"{chosen.pk}-why"]
    assert not Exhibit.objects.exists()


def test_a_form_that_is_sent_twice_makes_one_matter_and_one_hold(adult, lead):
    once = adult.pk  # any random id
    made = matter_of(adult, lead, COMPLAINT, once=once)
    with pytest.raises(AlreadyDone) as again:
        matter_of(adult, lead, COMPLAINT, once=once)
    assert (again.value.made, Matter.objects.count()) == (made.pk, 1)
    assert LegalHold.objects.count() == 1


def test_nothing_is_written_down_of_an_erased_patient(adult, lead, photo):
    matter = matter_of(adult, lead)
    exhibit, before = exhibit_in(matter, photo, lead), copy.copy(adult)
    order = destroying.Order(EraseJob.Basis.ERASURE, "Asked for in a letter", lead)
    destroying.erase_patient(adult, order=order, now=AFTER)
    entries = LedgerEntry.objects.count()
    for act in (
        lambda: matter_of(before, lead, now=AFTER),
        lambda: exhibit_in(matter, photo, lead, now=AFTER),
        lambda: matters.tell(matter, by=lead, now=AFTER),
        lambda: matters.close(matter, by=lead, now=AFTER),
        lambda: matters.open_file(exhibit, by=lead, now=AFTER),
    ):
        with pytest.raises(RecordErased):
            act()
    with pytest.raises(opening.PictureClosed):
        matters.give(exhibit, by=lead, now=AFTER)
    assert LedgerEntry.objects.count() == entries
    gone = Matter.objects.get()
    assert (gone.reference, gone.asked_by, gone.extent) == ("", "Erased", "")
    assert (Exhibit.objects.get().why, Exhibit.objects.get().decision) == ("", {})


# --- what the patient and the staff see -------------------------------------------------------------


def test_the_patients_page_shows_it_once_the_patient_knows(adult, gp, lead, consent, photo):
    secret = replace(ORDER, kind="statute", is_told=False, not_told_because="It says so")
    matter = matter_of(adult, lead, secret)
    exhibit = exhibit_in(matter, photo, lead)
    matters.give(exhibit, by=lead, now=LATER)
    matters.open_file(exhibit, by=lead, now=LATER)
    page = receipts.page_of(consent.receipt, now=LATER)
    assert page.left == ()
    assert not any("gave" in each.what or "took out" in each.what for each in page.happened)
    assert matters.given_by_law(photo) == []
    for _ in range(2):
        matters.tell(matter, by=lead, now=AFTER)
    page = receipts.page_of(consent.receipt, now=AFTER)
    assert [(each.to, each.word) for each in page.left] == [("The county court", "Given out")]
    assert [(each.who, each.what) for each in page.happened][:2] == [
        ("The person who looks after your data", "took out the file that was given"),
        (
            "The person who looks after your data",
            "gave the picture out, because the law or a complaint asked for it",
        ),
    ]
    assert matters.given_by_law(photo) == [exhibit]
    assert kinds_logged().count("matter.told") == 1


def test_staff_learn_nothing_of_a_complaint(adult, lead, photo):
    exhibit = exhibit_in(matter_of(adult, lead, COMPLAINT), photo, lead)
    matters.give(exhibit, by=lead, now=LATER)
    assert matters.given_by_law(photo) == []


@pytest.mark.parametrize("asked", ["a court", "a complaint", "a silent statute"])
def test_what_left_is_listed_for_staff_without_what_is_governances_alone(
    asked, adult, gp, lead, photo
):
    silent = replace(ORDER, kind="statute", is_told=False, not_told_because="It says so")
    said = {"a court": ORDER, "a complaint": COMPLAINT, "a silent statute": silent}[asked]
    exhibit = exhibit_in(matter_of(adult, lead, said), photo, lead)
    matters.give(exhibit, by=lead, now=LATER)
    ids = [each["id"] for each in exposing.history_for(gp, adult)]
    assert ids == ([str(exhibit.pk)] if asked == "a court" else [])
    assert [each["id"] for each in exposing.history_for(lead, adult)] == [str(exhibit.pk)]
    wanted = release.request_release(
        photo,
        purpose=Purpose.SECOND_OPINION,
        audience=Audience.NAMED,
        target="Anywhere",
        discloses={"sex": "F"},
        by=gp,
        now=LATER,
    )
    assert isinstance(wanted, Release)
    assert [each["id"] for each in release.earlier_releases(wanted, by=gp)] == ids


@pytest.mark.parametrize("asked", [ORDER, COMPLAINT], ids=["a court", "a complaint"])
def test_a_page_decides_each_picture_as_it_is_decided_alone(adult, gp, lead, consent, asked):
    other, _ = agree(adult, gp, Purpose.CARE)
    made = [take(adult, gp, each) for each in (consent, consent, other, consent, consent)]
    withdraw.withdraw(other, purposes=[Purpose.CARE], by=gp, now=LATER)
    Photo.objects.filter(pk=made[3].pk).update(closed_to={"complaint": NOW.isoformat()})
    matter = matter_of(adult, lead, asked)
    said = {photo: Weighed(photo != made[4], "Page 2") for photo in made}
    matters.weigh(matter, said=said, by=lead, now=LATER)
    rows = Exhibit.objects.filter(matter=matter).select_related("photo__patient__practice")
    together = matters.decide_each(list(rows), now=AFTER)
    assert together == [matters.decide(each, now=AFTER) for each in rows.all()]
    assert len({each.outcome if isinstance(each, policy.Refusal) else "" for each in together}) > 1
    assert matters.decide_each([], now=AFTER) == []


def test_a_page_reads_the_patient_once_however_many_pictures(adult, gp, lead, consent):
    matter = matter_of(adult, lead)

    def queries(count: int) -> int:
        for _ in range(count):
            exhibit_in(matter, take(adult, gp, consent), lead)
        rows = list(Exhibit.objects.filter(matter=matter).select_related(*TO_DECIDE))
        with CaptureQueriesContext(connection) as seen:
            matters.decide_each(rows, now=AFTER)
        return len(seen)

    assert queries(1) == queries(4)


def test_pictures_of_two_patients_are_no_page(surgery, adult, gp, consent):
    other = patient(practice=surgery)
    two = [take(adult, gp, consent), take(other, gp, agree(other, gp)[0])]
    with pytest.raises(ValueError, match="one patient"):
        deciding.may_use_each(
            [(each, {}) for each in two], purpose=Purpose.CARE, audience=Audience.TEAM, now=AFTER
        )
