"""Opening a picture: decided anew each time, and never without a line in the ledger."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from PIL import Image

from factories import NOW, patient, staff
from flows.conftest import agree, sealed, take
from safelight import ledger, policy
from safelight.flows import opening as flow
from safelight.flows import retaining, stores
from safelight.flows.allowed import NotAllowed
from safelight.policy.roles import Role
from safelight.records.models import LedgerEntry, Objection, Photo
from safelight.terms import Audience, Purpose
from tampering import alter_end


@pytest.fixture
def photo(adult, gp) -> Photo:
    return take(adult, gp, agree(adult, gp)[0])


def size_of(found: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(found)).size


def entries(kind: str) -> list[ledger.Entry]:
    rows = LedgerEntry.objects.filter(kind=kind)
    return [ledger.read_entry(bytes(row.body)) for row in rows]


def object_to(photo: Photo, *purposes: str) -> None:
    Objection.objects.create(
        practice=photo.practice, patient=photo.patient, purposes=list(purposes), made_at=NOW
    )


def test_a_picture_opens_in_every_size_that_was_kept(gp, photo):
    for size in (flow.VIEW, flow.THUMB, flow.ORIGINAL):
        assert size_of(flow.open_photo(photo, by=gp, size=size, now=NOW)) == (320, 240)


def test_a_picture_stays_as_long_as_the_record_it_belongs_to(adult, gp, photo):
    kept = retaining.kept_at_least(photo, now=NOW)
    assert kept.until.isoformat() == "2034-11-22"
    assert kept.source
    photo.patient.born_on = NOW.date() - timedelta(days=365)
    assert retaining.kept_at_least(photo, now=NOW).until.year >= 2050


def test_large_pictures_are_shown_smaller(adult, gp):
    from flows.conftest import jpeg
    from safelight.flows import capture

    consent, _ = agree(adult, gp)
    parcel = sealed(jpeg(side=1800), tenant=adult.practice_id)
    made = capture.receive(
        *parcel,
        patient=adult,
        consent=consent,
        body_site=consent.body_site,
        made_for=Purpose.CARE,
        by=gp,
        now=NOW,
    )
    assert (made.width, made.height) == (2400, 1800)
    assert size_of(flow.open_photo(made, by=gp, now=NOW)) == (1600, 1200)
    assert size_of(flow.open_photo(made, by=gp, size=flow.THUMB, now=NOW)) == (400, 300)


def test_an_opening_for_care_is_written_down_and_marks_reliance(gp, photo):
    assert photo.relied_on_for_care is False
    flow.open_photo(photo, by=gp, now=NOW)
    photo.refresh_from_db()
    assert photo.relied_on_for_care is True
    (entry,) = entries("photo.viewed")
    assert (entry.by, entry.subject) == (str(gp.pk), str(photo.patient.subject))
    assert entry.details["photo"] == str(photo.pk)
    flow.open_photo(photo, by=gp, now=NOW)
    assert len(entries("photo.viewed")) == 2


def test_a_use_that_nobody_agreed_to_gets_the_decision_and_no_picture(gp, photo):
    answer = flow.open_photo(
        photo,
        by=gp,
        purpose=Purpose.TEACHING_LOCAL,
        audience=Audience.ORGANISATION,
        now=NOW,
    )
    assert isinstance(answer, policy.Refusal)
    photo.refresh_from_db()
    assert photo.relied_on_for_care is False
    assert len(entries("photo.not-opened")) == 1


def test_a_stale_page_opens_nothing_once_the_patient_objects(gp, photo):
    page = flow.open_thumbs([photo], by=gp, now=NOW)
    object_to(photo, "*")
    assert isinstance(flow.open_photo(photo, by=gp, now=NOW), policy.Refusal)
    assert isinstance(flow.open_thumb(photo, by=gp, entry=page.entry, now=NOW), policy.Refusal)
    shut = flow.open_thumbs([Photo.objects.get(pk=photo.pk)], by=gp, now=NOW)
    assert (shut.entry, shut.shown) == (None, frozenset())
    assert isinstance(shut.decisions[photo.pk], policy.Refusal)
    assert isinstance(flow.may_open(photo, by=gp, now=NOW), policy.Refusal)


def test_an_intimate_picture_is_on_no_page_of_tiles_and_opens_alone(adult, gp, photo):
    second = take(adult, gp, photo.consent)
    Photo.objects.filter(pk=photo.pk).update(intimate=True)
    both = list(Photo.objects.filter(patient=adult))
    page = flow.open_thumbs(both, by=gp, now=NOW)
    assert (page.shown, page.alone, page.decisions) == ({second.pk}, {photo.pk}, {})
    with pytest.raises(NotAllowed):
        flow.open_thumb(photo, by=gp, entry=page.entry, now=NOW)
    assert isinstance(flow.open_photo(photo, by=gp, now=NOW), bytes)
    alone = flow.open_thumbs([Photo.objects.get(pk=photo.pk)], by=gp, now=NOW)
    assert (alone.entry, alone.shown) == (None, frozenset())
    object_to(photo, "*")
    shut = flow.open_thumbs([Photo.objects.get(pk=photo.pk)], by=gp, now=NOW)
    assert (shut.alone, set(shut.decisions)) == (frozenset(), {photo.pk})


@pytest.mark.parametrize("state", ["closed", "erased", "quarantined"])
def test_a_closed_picture_opens_for_nobody(gp, photo, state):
    page = flow.open_thumbs([photo], by=gp, now=NOW)
    Photo.objects.filter(pk=photo.pk).update(state=state)
    with pytest.raises(flow.PictureClosed):
        flow.open_photo(photo, by=gp, now=NOW)
    with pytest.raises(flow.PictureClosed):
        flow.open_thumb(photo, by=gp, entry=page.entry, now=NOW)
    shut = flow.open_thumbs([Photo.objects.get(pk=photo.pk)], by=gp, now=NOW)
    assert (shut.shown, shut.decisions) == (frozenset(), {})


def test_a_picture_whose_key_is_gone_is_closed_whatever_its_row_says(gp, photo):
    stores.keys().erase([photo.pk])
    with pytest.raises(flow.PictureClosed):
        flow.open_photo(photo, by=gp, now=NOW)
    assert entries("photo.viewed") == []


def test_a_picture_whose_blob_is_gone_is_closed(gp, photo):
    stores.blobs().delete(photo.derived_blob("view"))
    with pytest.raises(flow.PictureClosed):
        flow.open_photo(photo, by=gp, now=NOW)


def test_bytes_that_were_tampered_with_are_not_shown(gp, photo, home):
    path = home.blobs / photo.derived_blob("view")
    alter_end(path)
    with pytest.raises(flow.SealBroken):
        flow.open_photo(photo, by=gp, now=NOW)


def test_one_pictures_blob_does_not_open_as_another(adult, gp, photo, home):
    second = take(adult, gp, photo.consent)
    first, other = (home.blobs / each.derived_blob("view") for each in (photo, second))
    first.write_bytes(other.read_bytes())
    with pytest.raises(flow.SealBroken):
        flow.open_photo(photo, by=gp, now=NOW)


@pytest.mark.parametrize("opens", [flow.open_photo, flow.may_open])
def test_an_administrator_opens_nothing(surgery, photo, opens):
    with pytest.raises(NotAllowed):
        opens(photo, by=staff(Role.ADMINISTRATOR, practice=surgery), now=NOW)


@pytest.mark.parametrize("opens", [flow.open_photo, flow.may_open])
def test_another_practice_opens_nothing(photo, stranger, opens):
    with pytest.raises(NotAllowed):
        opens(photo, by=stranger, now=NOW)


def test_another_practice_lists_nothing(photo, stranger):
    with pytest.raises(NotAllowed):
        flow.open_thumbs([photo], by=stranger, now=NOW)
    with pytest.raises(NotAllowed):
        flow.open_thumb(photo, by=stranger, entry=0, now=NOW)


def test_a_page_of_tiles_is_one_line_that_lists_them(adult, gp, photo):
    second = take(adult, gp, photo.consent)
    page = flow.open_thumbs([photo, second], by=gp, now=NOW)
    assert page.shown == {photo.pk, second.pk}
    for each in (photo, second):
        assert size_of(flow.open_thumb(each, by=gp, entry=page.entry, now=NOW)) == (320, 240)
    (entry,) = entries("photos.viewed")
    assert sorted(entry.details["photos"]) == sorted([str(photo.pk), str(second.pk)])
    photo.refresh_from_db()
    assert photo.relied_on_for_care is False


def test_a_page_is_about_one_patient(surgery, gp, photo):
    neighbour = patient(practice=surgery)
    theirs = take(neighbour, gp, agree(neighbour, gp)[0])
    with pytest.raises(ValueError, match="one patient"):
        flow.open_thumbs([photo, theirs], by=gp, now=NOW)


def test_no_tile_opens_without_its_own_pages_line(surgery, adult, gp, photo):
    page = flow.open_thumbs([photo], by=gp, now=NOW)
    second = take(adult, gp, photo.consent)
    flow.open_photo(photo, by=gp, now=NOW)
    viewed = LedgerEntry.objects.get(kind="photo.viewed").index
    colleague = staff(Role.NURSE, practice=surgery)
    late = NOW + flow.PAGE_LASTS + timedelta(seconds=1)
    for given in (
        {"photo": second, "by": gp, "entry": page.entry, "now": NOW},
        {"photo": photo, "by": colleague, "entry": page.entry, "now": NOW},
        {"photo": photo, "by": gp, "entry": page.entry, "now": late},
        {"photo": photo, "by": gp, "entry": page.entry, "now": NOW - timedelta(seconds=1)},
        {"photo": photo, "by": gp, "entry": viewed, "now": NOW},
        {"photo": photo, "by": gp, "entry": 999_999, "now": NOW},
    ):
        with pytest.raises(NotAllowed):
            flow.open_thumb(given.pop("photo"), **given)
