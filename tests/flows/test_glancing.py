"""The first look at a picture that was just taken: it warns, keeps nothing and stops nothing."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from benchmarks.drawn_rooms import drawn
from django.contrib.messages import get_messages
from django.utils import timezone

from clients import signed_in
from flows.conftest import SITE, agree, sealed
from flows.test_clinic_pages import post_upload
from safelight import detect, storage
from safelight.cli import made_up
from safelight.flows import capture, glancing, keeping, opening, pictures
from safelight.flows.allowed import NotAllowed
from safelight.flows.glancing import Told
from safelight.interop import pictures as files
from safelight.records.models import LedgerEntry, Photo
from safelight.terms import Purpose

TATTOOED = 1
"""A drawing of an arm with one over a third of it."""

PICTURES = {
    "a wound and a ruler": (made_up.wound(3), SITE, set()),
    "somebody beside the wound": (made_up.bystander(7), SITE, {Told.FACE, Told.PERSON}),
    "a face that was to be taken": (made_up.portrait(), "Face", {Told.PERSON}),
    "a tattoo": (drawn(TATTOOED, tone=2, inked=True).pixels, SITE, {Told.TATTOO}),
    "a wristband": (made_up.wristband(3), SITE, {Told.TEXT}),
}


@pytest.fixture
def consent(adult, gp):
    return agree(adult, gp)[0]


def taken(adult, gp, consent, pixels, *, site=SITE) -> Photo:
    envelope, blob = sealed(files.encode_jpeg(pixels), tenant=adult.practice_id)
    given, now = {"patient": adult, "consent": consent, "by": gp}, timezone.now()
    made = capture.receive(envelope, blob, **given, body_site=SITE, made_for=Purpose.CARE, now=now)
    assert isinstance(made, Photo)
    made.body_site = site
    return made


@pytest.mark.parametrize("name", PICTURES)
def test_what_shows_who_it_is_is_told(name, adult, gp, consent):
    pixels, site, told = PICTURES[name]
    photo = taken(adult, gp, consent, pixels, site=site)
    entries = LedgerEntry.objects.count()
    seen = glancing.at_taken(photo, by=gp)
    assert set(seen) - {Told.PERSON} == told - {Told.PERSON}
    assert list(seen) == [each for each in Told if each in seen]
    assert LedgerEntry.objects.count() == entries


def test_only_who_takes_pictures_may_ask(adult, gp, consent, stranger):
    photo = taken(adult, gp, consent, made_up.wound(3))
    with pytest.raises(NotAllowed):
        glancing.at_taken(photo, by=stranger)


def test_a_picture_that_is_gone_was_not_looked_at(adult, gp, consent):
    photo = taken(adult, gp, consent, made_up.wound(3))
    keeping.destroy(photo.pk)
    with pytest.raises(glancing.NotLooked):
        glancing.at_taken(photo, by=gp)


@dataclass(frozen=True)
class Fails:
    kind: str = "face"
    cards: tuple[detect.ModelCard, ...] = ()

    def find(self, sizes, *, scales):
        raise detect.DetectorFailed("x")


@dataclass(frozen=True)
class Sees:
    kind: str
    answer: detect.Answer = detect.Answer.FOUND
    cards: tuple[detect.ModelCard, ...] = ()

    def find(self, sizes, *, scales):
        box = sizes.region(0, 0, 40, 40)
        return (detect.Finding(self.kind, box, None, 0.9, "there", self.answer),)


@pytest.mark.parametrize("kind", [*Told, "background"])
@pytest.mark.parametrize("answer", [detect.Answer.FOUND, detect.Answer.HELD])
def test_what_is_certain_enough_is_told(kind, answer, adult, gp, consent, monkeypatch):
    photo = taken(adult, gp, consent, made_up.wound(3, size=(320, 240)))
    asked = detect.Detectors((Sees(kind, answer),))
    monkeypatch.setattr(pictures, "shared_detectors", lambda: asked)
    is_told = kind in set(Told) and (answer is detect.Answer.FOUND or kind == "tattoo")
    assert glancing.at_taken(photo, by=gp) == ((Told(kind),) if is_told else ())


def test_a_detector_that_failed_is_no_silence(adult, gp, consent, monkeypatch):
    photo = taken(adult, gp, consent, made_up.wound(3))
    monkeypatch.setattr(pictures, "shared_detectors", lambda: detect.Detectors((Fails(),)))
    with pytest.raises(glancing.NotLooked):
        glancing.at_taken(photo, by=gp)


def said_after(client, adult, consent, pixels) -> list[tuple[str, str]]:
    parcel = sealed(files.encode_jpeg(pixels), tenant=adult.practice_id)
    sent = post_upload(client, consent, parcel)
    assert sent.status_code == 201
    assert Photo.objects.filter(state=Photo.State.KEPT).exists()
    return [(each.level_tag, each.message) for each in get_messages(sent.wsgi_request)]


def test_the_page_after_the_picture_warns_and_says_what_to_do(adult, gp, consent):
    [(tone, said)] = said_after(signed_in(gp), adult, consent, made_up.wristband(3))
    assert tone == "warning"
    assert "something written" in said
    assert "take another one, then take this one back" in said


def test_nothing_is_said_of_a_wound_alone(adult, gp, consent):
    assert said_after(signed_in(gp), adult, consent, made_up.wound(3)) == []


def test_a_picture_is_kept_and_its_page_says_that_nobody_looked(adult, gp, consent, monkeypatch):
    def away(*_: object, **__: object) -> bytes:
        raise storage.StorageError("away")

    monkeypatch.setattr(glancing, "unsealed", away)
    [(tone, said)] = said_after(signed_in(gp), adult, consent, made_up.wound(3))
    assert (tone, "Look yourself" in said) == ("warning", True)
    assert opening.unsealed(Photo.objects.get(), size="view")
