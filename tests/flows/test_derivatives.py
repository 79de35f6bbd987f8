"""What comes from a picture: each kind registers, and a withdrawal reaches what it never heard of."""

from __future__ import annotations

import pkgutil
import uuid
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import models

import safelight.flows
from factories import NOW
from flows.conftest import agree, take
from flows.test_withdraw import copy_of, link_to
from safelight import policy, vault
from safelight.flows import derivatives, holding, stores, withdraw
from safelight.flows.derivatives import EXEMPT, HOMES, Act, Kind
from safelight.policy.roles import Role
from safelight.records.models import Copy, OutgoingMail, Photo, Recall
from safelight.terms import Purpose

LATER = NOW + timedelta(days=3)


class Slides:
    """A made-up deck: slides that show a picture, each with a key and a blob of its own."""

    def __init__(self) -> None:
        self.of: dict[uuid.UUID, Photo] = {}
        self.shut: set[uuid.UUID] = set()
        self.erased: set[uuid.UUID] = set()

    def add(self, photo: Photo) -> uuid.UUID:
        slide = uuid.uuid4()
        keys = {"tenant": photo.practice_id, "patient": photo.patient_id, "version": 1}
        stores.keys().put(slide, data_key=vault.new_key(), **keys)
        stores.blobs().put(f"{slide}.copy", b"a sealed slide")
        self.of[slide] = photo
        return slide

    def found(self, photo: Photo) -> Iterator[policy.Derived]:
        for slide, shown in self.of.items():
            if shown == photo and slide not in self.shut:
                yield policy.Derived(
                    "copy", str(slide), Purpose.TEACHING_LOCAL, is_out=True, called="slide"
                )

    def take(self, step: policy.Consequence, act: Act) -> None:
        slide = uuid.UUID(step.of)
        self.shut.add(slide)
        if step.step in {policy.Step.DESTROY, policy.Step.CLOSE}:
            act.destroy("slide", slide, keys=[slide], blobs=[f"{slide}.copy"])
        if step.step is policy.Step.RECALL:
            act.ask_back(step, what="Deck of the winter school", tell="deck@school.example")

    def gone(self, rows) -> None:
        self.erased |= set(rows)


@pytest.fixture
def slides(monkeypatch) -> Slides:
    """A kind that registered itself later; afterwards nobody knows it."""
    made = Slides()
    monkeypatch.setattr(derivatives, "_KINDS", dict(derivatives.kinds()))
    derivatives.register(Kind("slide", (), made.found, made.take, made.gone))
    return made


@pytest.fixture
def consent(adult, gp):
    return agree(adult, gp, Purpose.CARE, Purpose.SECOND_OPINION, Purpose.TEACHING_LOCAL)[0]


@pytest.fixture
def photo(adult, gp, consent) -> Photo:
    return take(adult, gp, consent)


def test_a_kind_that_registers_later_is_said_closed_destroyed_and_asked_back(
    slides, photo, consent
):
    slide = slides.add(photo)
    done = withdraw.withdraw(consent, purposes=[Purpose.TEACHING_LOCAL], by=None, now=LATER)
    said = [(each["step"], each["text"]) for each in done.consequences if each["of"] == str(slide)]
    assert said[0] == ("destroy", "The slide for teaching here is destroyed.")
    assert said[1][0] == "recall"
    assert slides.erased == {slide}
    assert stores.keys().is_erased(slide)
    assert not stores.blobs().exists(f"{slide}.copy")
    recall = Recall.objects.get()
    assert (recall.what, recall.photo, recall.told_at) == (
        "Deck of the winter school",
        photo,
        LATER,
    )
    letter = OutgoingMail.objects.get(about=recall.pk)
    assert letter.to == "deck@school.example"
    assert "delete every copy" in letter.text
    assert photo.patient.name not in letter.text
    assert derivatives.of(photo).kind_of == {}


def test_what_registered_later_goes_with_a_picture_that_a_hold_let_go(slides, photo, consent, gp):
    from factories import staff

    lead = staff(Role.IG_LEAD, practice=photo.practice)
    hold = holding.place(
        photo.patient, kind="claim", reason="A claim", reference="C 1", by=lead, now=NOW
    )
    before = slides.add(photo)
    withdraw.withdraw(consent, purposes=[Purpose.CARE], by=gp, now=LATER)
    assert (slides.shut, slides.erased) == ({before}, set())
    assert not stores.keys().is_erased(before)
    since = slides.add(photo)
    holding.lift(hold, because="Settled", by=lead, now=LATER + timedelta(days=1))
    photo.refresh_from_db()
    assert photo.state == "erased"
    assert slides.erased == {before, since}


def test_a_name_is_taken_once(slides):
    with pytest.raises(ValueError, match="already"):
        derivatives.register(Kind("slide", (), slides.found, slides.take))


def test_what_nobody_can_do_anything_about_is_only_said(photo):
    act = Act(photo, NOW)
    step = policy.Consequence(policy.Step.KEEP, str(photo.pk), "It stays.", "practice")
    derivatives.of(photo).take(step, act)
    assert (act.copies, act.keys, act.others) == ([], [], {})


def test_every_module_that_registers_a_kind_is_imported_before_the_first_walk():
    for module in pkgutil.iter_modules(safelight.flows.__path__):
        import_module(f"safelight.flows.{module.name}")
    homes = {kind.found.__module__ for kind in derivatives.kinds().values()}
    assert homes <= set(HOMES)


def test_every_model_that_leads_to_a_picture_is_registered_or_says_why_not():
    """A new model with a way to a picture must be reached by a withdrawal, or be argued away."""
    registered = {model for kind in derivatives.kinds().values() for model in kind.models}
    reached: set[type[models.Model]] = {Photo, Copy}
    while True:
        more = {
            model
            for model in apps.get_app_config("records").get_models()
            if model not in reached
            and any(
                field.related_model in reached
                for field in model._meta.get_fields()
                if isinstance(field, models.ForeignKey)
            )
        }
        strays = {each._meta.label for each in more - registered} - set(EXEMPT)
        assert not strays, f"register or exempt in flows/derivatives.py: {strays}"
        # What hangs on something exempt holds no picture by that way alone.
        further = {model for model in more if model._meta.label not in EXEMPT}
        if not further:
            break
        reached |= further
    assert all(reason for reason in EXEMPT.values())


def test_a_model_without_registration_would_be_found():
    """Negative control: the test above fails for a model that nobody thought of."""
    label = "records.Link"
    assert label not in EXEMPT
    registered = {m._meta.label for kind in derivatives.kinds().values() for m in kind.models}
    assert label in registered


def test_a_copy_without_a_release_is_found_as_what_the_picture_was_made_for(photo, gp):
    release = copy_of(photo, gp)
    copy = release.copy
    type(release).objects.update(copy=None)
    (found,) = [each for each in derivatives.of(photo).things if each.kind == "copy"]
    assert (found.id, found.purpose) == (str(copy.pk), Purpose.CARE)


def test_a_recipient_is_told_by_mail_without_a_reason_or_a_name(photo, consent, gp):
    link = link_to(photo, gp)
    type(link).objects.update(openings_used=1)
    withdraw.withdraw(consent, purposes=[Purpose.SECOND_OPINION], by=gp, now=LATER)
    letter = OutgoingMail.objects.get(about=Recall.objects.get().pk)
    assert letter.to == link.recipient_email
    for word in (photo.patient.name, "withdr", "taken back", "consent", "objec"):
        assert word not in letter.text + letter.subject


def test_a_recipient_who_never_looked_is_not_written_to(photo, consent, gp):
    link_to(photo, gp)
    withdraw.withdraw(consent, purposes=[Purpose.SECOND_OPINION], by=gp, now=LATER)
    assert not Recall.objects.exists()
    assert not OutgoingMail.objects.exclude(text="").exists()


def test_a_step_that_is_not_for_a_release_leaves_it_where_it_is(photo, gp):
    release = copy_of(photo, gp)
    kept = policy.Consequence(policy.Step.KEEP, str(release.pk), "It stays.", "practice")
    derivatives.of(photo).take(kept, Act(photo, LATER))
    release.refresh_from_db()
    assert release.state == "released"
    assert not Recall.objects.exists()
