"""A copy leaves only when a person looked, the crowd is large enough and a second person agrees."""

from __future__ import annotations

import io
from datetime import timedelta

import numpy as np
import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone
from PIL import Image

from factories import NOW, staff
from flows.conftest import agree, take
from safelight import exposure, policy, vault
from safelight.flows import copies, erasing, exposing, keeping, opening, release, stores, withdraw
from safelight.flows.allowed import DoesNotFit, NotAllowed
from safelight.flows.copies import TICKS, CopyNotFit, Wishes
from safelight.flows.leaving import Leave
from safelight.flows.release import NotTheirTurn, SamePerson
from safelight.interop import pictures
from safelight.policy.roles import Role
from safelight.records.models import (
    Consent,
    Copy,
    Disclosure,
    EraseJob,
    LedgerEntry,
    Photo,
    Release,
)
from safelight.terms import Audience, Purpose, Region
from servers.databases import refusing_rows

LATER = NOW + timedelta(days=2)
LOOKED = frozenset(TICKS)
LITTLE = {"sex": "F", "age": {"band": [60, 69]}}
SKIN = (186, 140, 118)
TOWN = {"level": "lad", "code": "E06000005"}


@pytest.fixture
def consent(adult, gp) -> Consent:
    return agree(adult, gp, Purpose.CARE, Purpose.TEACHING_LOCAL)[0]


@pytest.fixture
def photo(adult, gp, consent) -> Photo:
    return take(adult, gp, consent)


@pytest.fixture
def lead(surgery):
    return staff(Role.IG_LEAD, practice=surgery)


def ask(photo, by, **given):
    defaults = {
        "purpose": Purpose.TEACHING_LOCAL,
        "audience": Audience.ORGANISATION,
        "target": "Tuesday teaching",
        "discloses": LITTLE,
        "by": by,
        "now": NOW,
    }
    return release.request_release(photo, **defaults | given)


def prepare(asked, by, **wishes):
    return release.prepare_copy(asked, wishes=Wishes(**{"ticked": LOOKED} | wishes), by=by, now=NOW)


@pytest.fixture
def asked(photo, gp) -> Release:
    return ask(photo, gp)


@pytest.fixture
def waiting(asked, gp) -> Release:
    made = prepare(asked, gp)
    assert isinstance(made, Copy), made
    asked.refresh_from_db()
    return asked


@pytest.fixture
def released(waiting, lead) -> Release:
    answer = release.approve(waiting, note="Fine.", by=lead, now=NOW)
    assert isinstance(answer, Release), answer
    return answer


def kinds() -> list[str]:
    return list(LedgerEntry.objects.values_list("kind", flat=True))


def test_it_is_refused_where_consent_does_not_reach_and_nothing_is_written(adult, gp):
    photo = take(adult, gp, agree(adult, gp)[0])
    before = kinds()
    refused = ask(photo, gp)
    assert isinstance(refused, policy.Refusal)
    assert any(reason.source for reason in refused.because)
    assert not Release.objects.exists()
    assert kinds() == before


def test_a_request_holds_for_the_steps_that_come_later(asked):
    assert asked.state == "draft"
    assert asked.decision["decision"] == "hold"
    assert asked.exposure == "clear"
    assert kinds()[-1] == "release.requested"


def test_a_request_says_where_it_goes_in_words_and_facts(photo, gp):
    with pytest.raises(DoesNotFit) as nowhere:
        ask(photo, gp, target=" ")
    assert set(nowhere.value.fields) == {"target"}
    with pytest.raises(DoesNotFit) as odd:
        ask(photo, gp, discloses={"shoe": 43})
    assert set(odd.value.fields) == {"discloses"}


def test_only_clinicians_of_the_practice_ask(photo, asked, lead, stranger):
    for by in (lead, stranger):
        with pytest.raises(NotAllowed):
            ask(photo, by)
        with pytest.raises(NotAllowed):
            prepare(asked, by)
        with pytest.raises(NotAllowed):
            release.to_review(asked, by=by)


def test_a_closed_picture_is_not_copied(photo, asked, gp):
    Photo.objects.update(state="closed")
    for act in (lambda: ask(photo, gp), lambda: prepare(asked, gp)):
        with pytest.raises(opening.PictureClosed):
            act()


def test_findings_come_as_boxes_for_the_editor(asked, gp):
    for found in release.to_review(asked, by=gp)["findings"]:
        assert set(found) == {"id", "kind", "why", "box", "answer", "fixed"}
        assert found["answer"] in {"found", "held"}


def test_the_editor_begins_with_the_skin_kept_and_nothing_where_none_is(asked, gp):
    page = Image.new("RGB", (400, 300), (96, 128, 150))
    page.paste(Image.new("RGB", (160, 120), SKIN), (120, 90))
    _replace_original(asked.photo, page)
    begun = release.to_review(asked, by=gp)
    assert begun["keep"] == [begun["proposals"]["skin"]]
    x, y, width, height = begun["keep"][0]
    assert (x <= 122, y <= 92, x + width >= 278, y + height >= 208) == (True,) * 4
    assert width * height < 400 * 300 / 3
    assert begun["proposals"]["lesion"] is None
    _replace_original(asked.photo, Image.new("RGB", (400, 300), (96, 128, 150)))
    begun = release.to_review(asked, by=gp)
    assert begun["keep"] == []
    assert begun["proposals"] == {"skin": None, "lesion": None}


def test_the_copy_is_checked_sealed_under_its_own_key_and_certified(waiting, photo, gp):
    copy = waiting.copy
    assert waiting.state == "waiting"
    assert copy.verified
    assert copy.identifiable == "anonymised"
    said = copy.certificate
    assert said["settled_by"] == str(gp.pk)
    assert said["ticked"] == sorted(TICKS)
    assert said["sha256"] == copy.sha256
    assert said["detectors"]
    assert said["models"]
    assert stores.blobs().exists(copy.blob)
    assert LedgerEntry.objects.filter(kind="copy.made").count() == 1
    assert copies.report_of(copy).person_looked


def test_without_the_whole_tick_list_nothing_is_made(asked, gp, home):
    before = home.files()
    with pytest.raises(DoesNotFit) as error:
        prepare(asked, gp, ticked=LOOKED - {"room", "hair"})
    assert set(error.value.fields) == {"tick-room", "tick-hair"}
    assert home.files() == before


def test_covers_are_black_on_the_copy(asked, gp):
    _replace_original(asked.photo, Image.new("RGB", (320, 240), SKIN))
    prepare(asked, gp, cover=(Region(10, 10, 100, 80),), keep=(Region(0, 0, 200, 200),))
    asked.refresh_from_db()
    data = release.preview_copy(asked, by=gp, now=NOW)
    pixels = pictures.decode(data).pixels
    assert pixels[20:80, 20:100].max() < 24
    assert pixels[210:, :].max() < 24
    assert pixels[120:180, 20:180].mean() > 50


def test_a_copy_that_cannot_be_vouched_for_is_not_kept(asked, gp, home):
    """A bar code is found and a person can't argue it away; here it is left in all the same."""
    import zxingcpp

    code = zxingcpp.create_barcode("made-up", zxingcpp.BarcodeFormat.QRCode)
    drawn = np.asarray(zxingcpp.write_barcode_to_image(code, scale=6))
    page = Image.new("RGB", (400, 300), SKIN)
    page.paste(Image.fromarray(drawn), (20, 20))
    _replace_original(asked.photo, page)
    before = home.files()
    found = release.to_review(asked, by=gp)["findings"]
    seen = [each for each in found if each["kind"] == "code" and each["fixed"]]
    assert seen
    left = tuple(Leave(Region(*each["box"]), "code") for each in seen)
    with pytest.raises(CopyNotFit) as error:
        prepare(asked, gp, leave=left)
    assert error.value.reasons
    assert home.files() == before
    assert not Copy.objects.exists()
    asked.refresh_from_db()
    assert asked.state == "draft"


def _replace_original(photo: Photo, page) -> None:
    """Put another picture under the same key, as if the phone had sent that one."""
    held = io.BytesIO()
    page.save(held, "PNG")
    key = stores.keys().get(photo.pk, tenant=photo.practice_id, patient=photo.patient_id, version=1)
    context = opening.blob_context(photo, "original")
    stores.blobs().delete(photo.blob)
    stores.blobs().put(photo.blob, vault.seal(key, held.getvalue(), context=context))


def test_consent_withdrawn_in_another_tab_stops_the_copy(asked, consent, gp, home):
    withdraw.withdraw(consent, purposes=[Purpose.TEACHING_LOCAL], by=gp, now=NOW)
    before = home.files()
    with pytest.raises(NotTheirTurn):
        prepare(asked, gp)
    assert home.files() == before


def test_a_refusal_since_the_request_stops_the_copy(asked, gp, home):
    Photo.objects.update(closed_to={"teaching-local": NOW.isoformat()})
    before = home.files()
    assert isinstance(prepare(asked, gp), policy.Refusal)
    assert home.files() == before
    assert not Copy.objects.exists()


def test_two_copies_made_at_once_become_one(waiting, gp, home):
    """The other copy came to the desk while this one was being made."""
    before = home.files()
    wishes = Wishes(ticked=LOOKED)
    with pytest.raises(NotTheirTurn):
        release._pass_on(waiting, Copy(photo=waiting.photo), wishes, by=gp, now=NOW)
    assert home.files() == before


def test_a_copy_is_prepared_once(waiting, gp):
    with pytest.raises(NotTheirTurn):
        prepare(waiting, gp)
    assert Copy.objects.count() == 1


def test_the_second_person_lets_it_leave_and_it_is_remembered(released, lead, adult):
    assert (released.state, released.reviewed_by) == ("released", lead)
    row = Disclosure.objects.get()
    assert row.patient == adult
    assert b"band" not in bytes(row.sealed_facts)
    assert exposing.history(adult)[0]["facts"] == LITTLE
    assert kinds()[-1] == "release.approved"
    assert released.decision["decision"] == "permit"


def test_a_crash_before_the_announcement_goes_costs_no_disclosure(released, adult):
    """Killed between the row and `settle`: the sweep finds an old announcement, and its row."""
    row = Disclosure.objects.get()
    stores.blobs().put(f"{row.pk}.intent", b"")
    keeping.sweep(now=timezone.now() + timedelta(days=1))
    assert exposing.history(adult)[0]["facts"] == LITTLE
    assert not stores.blobs().exists(f"{row.pk}.intent")


def test_who_asked_cannot_be_the_second_person(waiting, gp):
    for act in (
        lambda: release.approve(waiting, note="", by=gp, now=NOW),
        lambda: release.refuse(waiting, note="no", by=gp, now=NOW),
    ):
        with pytest.raises(SamePerson):
            act()
    assert not Disclosure.objects.exists()


def test_the_database_itself_lets_nobody_review_what_they_asked_for(waiting, gp):
    with pytest.raises(IntegrityError), transaction.atomic():
        Release.objects.filter(pk=waiting.pk).update(reviewed_by=gp)


def test_the_database_itself_lets_nothing_leave_without_a_second_person(waiting):
    with pytest.raises(IntegrityError), transaction.atomic():
        Release.objects.filter(pk=waiting.pk).update(state=Release.State.RELEASED)


def test_the_requester_is_read_from_the_database_not_from_a_stale_row(waiting, gp):
    waiting.requested_by = staff(Role.GP, practice=gp.practice)
    with pytest.raises(SamePerson):
        release.approve(waiting, note="", by=gp, now=NOW)


def test_who_made_the_copy_is_read_from_the_database_too(asked, surgery, gp):
    stale = Release.objects.get(pk=asked.pk)
    maker = staff(Role.GP, practice=surgery)
    assert isinstance(prepare(asked, maker), Copy)
    reviewing = staff(Role.REVIEWER, practice=surgery)
    Copy.objects.update(made_by=reviewing)
    with pytest.raises(SamePerson):
        release.approve(stale, note="", by=reviewing, now=NOW)
    assert not Disclosure.objects.exists()


def test_a_copy_that_is_closed_while_it_is_approved_does_not_leave(
    waiting, lead, home, monkeypatch
):
    sealed, before = exposing.sealed_disclosure, home.files()

    def meanwhile(*given, **named):
        done = sealed(*given, **named)
        Copy.objects.update(state="closed")
        return done

    monkeypatch.setattr(exposing, "sealed_disclosure", meanwhile)
    with pytest.raises(opening.PictureClosed):
        release.approve(waiting, note="", by=lead, now=NOW)
    assert home.files() == before
    assert not Disclosure.objects.exists()


def test_two_reviewers_settle_it_once(released, waiting, surgery):
    other = staff(Role.REVIEWER, practice=surgery)
    for act in (
        lambda: release.approve(waiting, note="", by=other, now=NOW),
        lambda: release.refuse(waiting, note="no", by=other, now=NOW),
    ):
        with pytest.raises(NotTheirTurn):
            act()
    assert Disclosure.objects.count() == 1


def test_a_nurse_or_a_stranger_is_no_second_person(waiting, surgery, stranger):
    for by in (staff(Role.NURSE, practice=surgery), stranger):
        with pytest.raises(NotAllowed):
            release.approve(waiting, note="", by=by, now=NOW)
        with pytest.raises(NotAllowed):
            release.refuse(waiting, note="no", by=by, now=NOW)


def test_consent_is_asked_again_at_the_approval(waiting, consent, lead, home):
    Photo.objects.update(closed_to={"teaching-local": NOW.isoformat()})
    before = home.files()
    answer = release.approve(waiting, note="", by=lead, now=NOW)
    assert isinstance(answer, policy.Refusal)
    assert home.files() == before
    waiting.refresh_from_db()
    assert waiting.state == "waiting"


def test_a_copy_that_does_not_meet_the_permit_does_not_leave(waiting, lead):
    Copy.objects.update(certificate={"ticked": []})
    with pytest.raises(CopyNotFit):
        release.approve(waiting, note="", by=lead, now=NOW)
    Copy.objects.update(state="closed")
    with pytest.raises(opening.PictureClosed):
        release.approve(waiting, note="", by=lead, now=NOW)


def test_a_doubtful_crowd_waits_for_a_recorded_judgement(photo, gp, lead):
    asked = ask(
        photo,
        gp,
        discloses={"place": TOWN, "age": {"years": 42}, "sex": "M"},
    )
    assert asked.exposure == "review"
    prepare(asked, gp)
    held = release.approve(asked, note="", by=lead, now=NOW)
    assert isinstance(held, policy.Hold)
    done = release.approve(
        asked, note="", judgement="Only six people, all on the ward", by=lead, now=NOW
    )
    assert isinstance(done, Release)
    assert done.judgement
    assert isinstance(release.open_copy(done, by=gp, now=NOW), bytes)


def test_a_crowd_that_is_too_small_is_not_judged_away_but_fewer_words_mend_it(photo, gp, lead):
    many = ["a", "b", "c", "d", "e", "f"]
    asked = ask(photo, gp, discloses={"place": TOWN, "unmapped": many})
    assert asked.exposure == "block"
    assert isinstance(prepare(asked, gp), policy.Refusal)
    assert not Copy.objects.exists()
    with pytest.raises(NotAllowed):
        release.say_less(asked, discloses={}, by=lead, now=NOW)
    asked = release.say_less(asked, discloses={"place": TOWN}, by=gp, now=NOW)
    assert asked.exposure == "clear"
    assert isinstance(prepare(asked, gp), Copy)
    with pytest.raises(NotTheirTurn):
        release.say_less(asked, discloses={}, by=gp, now=NOW)


def test_a_crowd_that_shrinks_meanwhile_stops_the_copy(asked, gp, home):
    """Between the request and the copy something else left."""
    Release.objects.update(discloses={"place": TOWN, "unmapped": list("abcdef")})
    before = home.files()
    assert isinstance(prepare(asked, gp), policy.Refusal)
    assert home.files() == before


def test_what_left_before_counts_even_after_it_was_taken_back(released, consent, adult, gp):
    withdraw.withdraw(consent, purposes=[Purpose.TEACHING_LOCAL], by=gp, now=NOW)
    other = agree(adult, gp, Purpose.CARE, Purpose.TEACHING_LOCAL, now=LATER)[0]
    again = ask(take(adult, gp, other, now=LATER), gp, discloses={"sex": "F"}, now=LATER)
    alone = exposing.assess(
        Release(
            photo=again.photo,
            audience="organisation",
            discloses={"sex": "F"},
            requested_by=gp,
        ),
        now=LATER,
    )
    assert again.assessment["k"] == alone.report["k"]
    assert again.assessment["k"] < 4_500_000
    assert len(release.earlier_releases(again, by=gp)) == 1


def test_without_a_population_nothing_is_assessed_and_that_holds(photo, gp, monkeypatch):
    monkeypatch.setattr(exposing, "_knowing", nowhere)
    asked = ask(photo, gp)
    assert (asked.exposure, asked.assessment) == ("not-assessed", {})
    assert asked.decision["decision"] == "hold"


def test_a_closed_group_is_its_own_class_of_viewer():
    assert exposing.audience_classes(Release(audience="closed-group", target="derm")) == [
        "group:derm"
    ]


def test_looking_at_the_original_is_part_of_the_use_and_no_reliance_on_it(asked, gp, lead, photo):
    assert isinstance(release.open_original(asked, by=lead, now=NOW), bytes)
    photo.refresh_from_db()
    assert not photo.relied_on_for_care
    assert kinds()[-1] == "photo.viewed"
    Photo.objects.update(closed_to={"teaching-local": NOW.isoformat()})
    assert isinstance(release.open_original(asked, by=gp, now=NOW), policy.Refusal)
    release.stop(asked, by=gp, now=NOW)
    with pytest.raises(opening.PictureClosed):
        release.open_original(asked, by=gp, now=NOW)


def test_a_refused_copy_is_destroyed(waiting, lead):
    with pytest.raises(DoesNotFit):
        release.refuse(waiting, note=" ", by=lead, now=NOW)
    release.refuse(waiting, note="The ring still shows", by=lead, now=NOW)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.review_note) == ("refused", "The ring still shows")
    assert Copy.objects.get().state == "closed"
    erasing.finish_pending(now=NOW)
    assert Copy.objects.get().state == "erased"
    assert stores.keys().is_erased(waiting.copy_id)


def test_the_requester_takes_it_back_before_it_leaves(waiting, asked, gp, photo):
    release.stop(waiting, by=gp, now=NOW)
    waiting.refresh_from_db()
    assert waiting.state == "stopped"
    assert EraseJob.objects.count() == 1
    with pytest.raises(NotTheirTurn):
        release.stop(waiting, by=gp, now=NOW)
    draft = ask(photo, gp)
    release.stop(draft, by=gp, now=NOW)
    assert EraseJob.objects.count() == 1


def test_every_opening_of_the_copy_decides_again(released, consent, gp):
    data = release.open_copy(released, by=gp, now=NOW)
    assert pictures.decode(data).file_findings == ()
    assert kinds()[-1] == "copy.opened"
    Photo.objects.update(closed_to={"teaching-local": NOW.isoformat()})
    assert isinstance(release.open_copy(released, by=gp, now=NOW), policy.Refusal)
    Photo.objects.update(closed_to={})
    withdraw.withdraw(consent, purposes=[Purpose.TEACHING_LOCAL], by=gp, now=LATER)
    with pytest.raises(opening.PictureClosed):
        release.open_copy(released, by=gp, now=LATER)
    assert Copy.objects.get().state == "erased"


def test_a_copy_whose_key_or_state_is_gone_is_closed(released, gp):
    Copy.objects.update(state="closed")
    with pytest.raises(opening.PictureClosed):
        release.open_copy(released, by=gp, now=NOW)
    Copy.objects.update(state="kept")
    stores.keys().erase([released.copy_id])
    with pytest.raises(opening.PictureClosed):
        release.open_copy(released, by=gp, now=NOW)


def test_the_two_people_see_the_copy_that_waits_and_nobody_else(waiting, gp, lead, surgery):
    assert isinstance(release.preview_copy(waiting, by=gp, now=NOW), bytes)
    assert isinstance(release.preview_copy(waiting, by=lead, now=NOW), bytes)
    with pytest.raises(NotAllowed):
        release.preview_copy(waiting, by=staff(Role.NURSE, practice=surgery), now=NOW)
    release.stop(waiting, by=gp, now=NOW)
    with pytest.raises(opening.PictureClosed):
        release.preview_copy(waiting, by=gp, now=NOW)


def test_a_copy_that_does_not_fit_in_the_records_leaves_no_key(asked, gp, home, monkeypatch):
    """The database refuses the row at the last moment."""
    before = home.files()
    with refusing_rows("records_copy"), pytest.raises(DatabaseError, match="refused"):
        prepare(asked, gp)
    assert home.files() == before
    assert Release.objects.get().state == "draft"


def nowhere(*_: object) -> None:
    raise exposure.UnknownPopulation("the pack names a table that isn't here")


def test_the_list_names_all_that_a_machine_cannot_judge():
    named = " ".join(TICKS.values()).lower()
    for each in (
        *("scar", "birthmark", "tattoo", "nail", "ring", "jewellery", "hair", "clothes", "glasses"),
        *("mirror", "screen", "reflection", "people", "room", "papers", "label", "handwriting"),
    ):
        assert each in named
