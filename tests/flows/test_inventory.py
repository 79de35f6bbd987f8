"""Nothing that a row owns is missing unnoticed, and nothing that it doesn't is destroyed unasked."""

from __future__ import annotations

import os
import uuid
from datetime import timedelta
from pathlib import Path

import pytest

from factories import NOW, staff
from flows.conftest import Home, agree, signature, take
from house import House, with_copy
from safelight import vault
from safelight.flows import erasing, inventory, keeping, opening, release, stores
from safelight.flows.allowed import NotAllowed
from safelight.policy.roles import Role
from safelight.records.models import (
    Disclosure,
    Gap,
    LedgerEntry,
    Look,
    OutgoingMail,
    Photo,
)
from safelight.terms import Audience, Purpose

LATER = NOW + timedelta(days=1)


@pytest.fixture
def lead(surgery):
    return staff(Role.IG_LEAD, practice=surgery)


@pytest.fixture
def photo(adult, gp):
    uses = (Purpose.CARE, Purpose.SECOND_OPINION, Purpose.TEACHING_LOCAL)
    consent, _ = agree(adult, gp, *uses, form="electronic", statement="", signature=signature())
    return take(adult, gp, consent)


@pytest.fixture
def everything(photo, gp, lead):
    """A consent with a signature, a copy, and what its release told."""
    made = release.request_release(
        photo,
        purpose=Purpose.TEACHING_LOCAL,
        audience=Audience.ORGANISATION,
        target="Tuesday teaching",
        discloses={},
        by=gp,
        now=NOW,
    )
    with_copy(made, House(root=Path(), people={"gp": gp}), now=NOW)
    release.approve(made, note="", by=lead, now=NOW)
    return photo.consent, made.copy, Disclosure.objects.get()


def age(home: Home, by: timedelta) -> None:
    """Let every blob be as old as that, at LATER."""
    at = (LATER - by).timestamp()
    for path in home.blobs.rglob("*"):
        os.utime(path, (at, at))


def lose(home: Home, name: str) -> bytes:
    path = home.blobs / name
    data = path.read_bytes()
    path.unlink()
    return data


def test_where_everything_is_whole_nothing_happens(photo, lead):
    found = inventory.look(now=LATER)
    assert (found.owners, found.gaps, found.unowned_blobs, found.unowned_keys) == (2, 0, 0, 0)
    photo.refresh_from_db()
    assert photo.state == "kept"
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize("kind", ["original", "view", "thumb"])
def test_a_picture_without_its_file_is_set_aside_with_an_alarm_and_comes_back(
    photo, lead, gp, home, kind
):
    name = f"{photo.capture_id}.{kind}"
    data = lose(home, name)
    assert inventory.look(now=LATER).gaps == 1
    photo.refresh_from_db()
    assert photo.state == "quarantined"
    with pytest.raises(opening.PictureClosed):
        opening.open_photo(photo, by=gp, now=LATER)
    mail = OutgoingMail.objects.get()
    assert mail.to == lead.email
    assert photo.patient.name not in mail.text
    assert "/governance/aside/" in mail.text
    assert inventory.look(now=LATER).gaps == 1  # found once, told once
    assert OutgoingMail.objects.count() == 1
    stores.blobs().put(name, data)
    found = inventory.look(now=LATER)
    assert (found.gaps, found.unowned_blobs, found.unowned_keys) == (0, 0, 0)
    photo.refresh_from_db()
    assert photo.state == "kept"
    assert Gap.objects.get().because == "back"
    kinds = LedgerEntry.objects.filter(kind__startswith="image.").values_list("kind", flat=True)
    assert list(kinds) == ["image.set-aside", "image.back"]
    assert isinstance(opening.open_photo(photo, by=gp, now=LATER), bytes)


def test_a_picture_whose_file_came_back_broken_stays_aside(photo, home):
    data = lose(home, photo.blob)
    inventory.look(now=LATER)
    stores.blobs().put(photo.blob, data[:-1])
    assert inventory.look(now=LATER).gaps == 1
    photo.refresh_from_db()
    assert photo.state == "quarantined"


def test_a_picture_without_its_key_is_set_aside(photo, home, monkeypatch):
    """The key store is from an older backup: neither key nor tombstone is there."""
    forget_key(photo.capture_id)
    inventory.look(now=LATER)
    assert Gap.objects.get().lacks == "key"
    lose(home, photo.blob)
    Gap.objects.all().delete()
    Photo.objects.update(state="kept")
    inventory.look(now=LATER)
    assert Gap.objects.get().lacks == "both"


def forget_key(image_id: uuid.UUID) -> None:
    import sqlite3

    from django.conf import settings

    with sqlite3.connect(settings.SAFELIGHT_KEYS) as keys:
        keys.execute("DELETE FROM data_keys WHERE image = ?", (image_id.bytes,))


def test_a_signature_and_a_copy_and_a_disclosure_are_missed_too(everything, home):
    consent, copy, disclosure = everything
    kept = {name: lose(home, name) for name in (consent.signature_blob, copy.blob)}
    forget_key(disclosure.pk)
    inventory.look(now=LATER)
    assert {(gap.kind, gap.lacks) for gap in Gap.objects.all()} == {
        ("signature", "blob"),
        ("copy", "blob"),
        ("disclosure", "key"),
    }
    for name, data in kept.items():
        stores.blobs().put(name, data)
    key = vault.new_key()
    stores.keys().put(
        disclosure.pk,
        tenant=disclosure.practice_id,
        patient=disclosure.patient_id,
        version=1,
        data_key=key,
    )
    assert inventory.look(now=LATER).gaps == 0
    assert set(Gap.objects.values_list("because", flat=True)) == {"back"}


def test_what_was_erased_meanwhile_is_not_missed(photo, home):
    lose(home, photo.blob)
    inventory.look(now=LATER)
    job = erasing.queue(photo.patient, photos=[photo], now=LATER)
    erasing.finish_erasure(job, now=LATER)
    assert inventory.look(now=LATER).gaps == 0
    assert Gap.objects.get().because == "erased"
    photo.refresh_from_db()
    assert photo.state == "erased"


def test_where_half_of_everything_seems_lost_nothing_is_set_aside(adult, gp, lead, home):
    consent, _ = agree(adult, gp)
    photos = [take(adult, gp, consent) for _ in range(inventory.FEW)]
    kept = {photo.blob: lose(home, photo.blob) for photo in photos}
    assert inventory.look(now=LATER).is_elsewhere
    assert not Gap.objects.exists()
    for name, data in list(kept.items())[1:]:
        stores.blobs().put(name, data)
    found = inventory.look(now=LATER)
    assert (found.is_elsewhere, found.gaps) == (False, 1)


def test_what_nobody_owns_is_counted_and_left_alone(photo, home, surgery):
    """The records came back from an older backup; the picture was taken since."""
    key, image = vault.new_key(), uuid.uuid4()
    stores.keys().put(image, tenant=surgery.pk, patient=photo.patient_id, version=1, data_key=key)
    stores.blobs().put(f"{image}.original", b"sealed")
    stores.blobs().put("somebody-elses", b"?")
    young = inventory.look(now=LATER)
    assert (young.unowned_blobs, young.unowned_keys) == (0, 1)
    age(home, keeping.LEASE * 2)
    found = inventory.look(now=LATER)
    assert (found.unowned_blobs, found.unowned_keys) == (2, 1)
    assert stores.blobs().exists(f"{image}.original")


def test_an_upload_on_its_way_is_nobodys_orphan(photo, home, surgery):
    image = uuid.uuid4()
    keeping.begin(image, tenant=surgery.pk, patient=photo.patient_id, data_key=vault.new_key())
    stores.blobs().put(f"{image}.original", b"sealed")
    age(home, keeping.LEASE * 2)
    found = inventory.look(now=LATER)
    assert (found.unowned_blobs, found.unowned_keys) == (0, 0)


def test_files_of_what_was_erased_are_tidied_away_when_an_old_disk_brings_them_back(photo, home):
    data = (home.blobs / photo.blob).read_bytes()
    job = erasing.queue(photo.patient, photos=[photo], now=LATER)
    erasing.finish_erasure(job, now=LATER)
    stores.blobs().put(photo.blob, data)
    age(home, keeping.LEASE * 2)
    assert inventory.look(now=LATER).tidied == 1
    assert not stores.blobs().exists(photo.blob)
    assert Look.objects.count() == 1


def test_only_a_lead_looks_again_and_only_in_the_own_practice(photo, lead, gp, home):
    data = lose(home, photo.blob)
    inventory.look(now=LATER)
    with pytest.raises(NotAllowed):
        inventory.look_again_for(gp, now=LATER)
    assert inventory.look_again_for(lead, now=LATER) == 0
    stores.blobs().put(photo.blob, data)
    assert inventory.look_again_for(staff(Role.IG_LEAD), now=LATER) == 0
    assert inventory.look_again_for(lead, now=LATER) == 1


def test_a_signature_that_was_destroyed_is_not_missed_and_one_that_is_lost_is_told_once(
    photo, lead, home
):
    blob = photo.consent.signature_blob
    data = lose(home, blob)
    for _ in range(2):
        assert inventory.look(now=LATER).gaps == 1
    assert OutgoingMail.objects.count() == 1
    stores.blobs().put(blob, data)
    keeping.destroy(photo.consent.pk)
    assert inventory.look(now=LATER).gaps == 0
    assert Gap.objects.get().because == "erased"
    assert inventory.look(now=LATER).gaps == 0


def test_a_picture_that_was_closed_meanwhile_is_not_set_aside(photo):
    owner = inventory._owner_of_photo(photo)
    photo.set_closed()
    assert not inventory._set_aside(owner, Gap.Lacks.BLOB, now=LATER)
    assert not Gap.objects.exists()
