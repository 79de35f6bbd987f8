"""What takes pictures away again after a restore: withdrawals, objections, stops, erasures."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from safelight import policy
from safelight.flows import derivatives, destroying, erasing
from safelight.flows.consent import hash_of
from safelight.flows.said import AGAIN, NOBODY, Said
from safelight.policy.withdrawal import BY_LAW
from safelight.records.models import (
    Channel,
    Consent,
    Copy,
    EraseJob,
    Objection,
    Patient,
    Photo,
    Receipt,
    Release,
    StoppedCapture,
    Withdrawal,
)
from safelight.terms import Purpose


def withdrawn(said: Said) -> None:
    """Take back again: end the answers, close the pictures, take each step that the entry names."""
    patient = said.patient()
    if patient is None or Withdrawal.objects.filter(pk=said.id("withdrawal")).exists():
        return
    withdrawal = Withdrawal.objects.create(
        pk=said.id("withdrawal"),
        practice=patient.practice,
        patient=patient,
        consent=Consent.objects.filter(pk=said.id("consent")).first(),
        photo=Photo.objects.filter(pk=said.id("photo")).first(),
        purposes=said.texts("purposes"),
        at=said.at,
        by=said.by(),
        channel=said.text("channel") or Channel.NOT_SAID,
        consequences=[
            {"step": step.value, "of": of, "text": AGAIN, "source": "practice"}
            for step in policy.Step
            for of in said.texts(step)
        ],
    )
    _end_consents(said, patient)
    for photo in patient.photos.filter(pk__in=said.ids("photos")):
        _close_photo(said, photo, withdrawal)


def _end_consents(said: Said, patient: Patient) -> None:
    """End what `withdraw` ended; an answer for care stays where a picture that rests on it does."""
    if said.id("photo") != NOBODY:
        return
    ended = said.texts("purposes")
    others = [each for each in ended if each != Purpose.CARE]
    kept = patient.photos.filter(pk__in=said.ids(policy.Step.KEEP))
    resting = set(kept.values_list("consent", flat=True))
    named = Consent.objects.filter(pk=said.id("consent")).first()
    for consent in patient.consents.filter(given_at__lte=said.at):
        own = named is None or consent.pk == named.pk
        if own and consent.pk not in resting:
            consent.set_withdrawn(ended, at=said.at)
        elif own or (named is not None and consent.body_site == named.body_site):
            consent.set_withdrawn(others, at=said.at)


def _close_photo(said: Said, photo: Photo, withdrawal: Withdrawal) -> None:
    """Take each step that the entry names for the picture and for what came from it."""
    if photo.pk in said.ids(policy.Step.DESTROY):
        destroy(photo, withdrawal=withdrawal, now=said.at)
        return
    act = derivatives.Act(photo, said.at, withdrawal)
    found = derivatives.of(photo)
    for step in policy.Step:
        for of in said.texts(step):
            found.take(policy.Consequence(step, of, AGAIN, "practice"), act)
    ended = [Purpose(each) for each in said.texts("purposes")]
    if Purpose.CARE in ended:
        kept = BY_LAW | ({Purpose.CARE} if photo.pk in said.ids(policy.Step.KEEP) else set())
        ended = [each for each in Purpose if each not in kept]
    photo.set_closed_to([each.value for each in ended], at=said.at)
    if act.copies or act.keys:
        erasing.queue(
            photo.patient,
            copies=act.copies,
            keys=act.keys,
            blobs=act.blobs,
            others=act.others,
            withdrawal=withdrawal,
            now=said.at,
        )


def destroy(
    photo: Photo, *, withdrawal: Withdrawal | None = None, now: datetime
) -> EraseJob | None:
    """Close a picture and all that came from it, and queue the destruction of every key."""
    if photo.state in {Photo.State.CLOSED, Photo.State.ERASED}:
        return None
    act = derivatives.Act(photo, now, withdrawal)
    found = derivatives.of(photo)
    for step in policy.consequences_of_erasure(found.things):
        found.take(step, act)
    return erasing.queue(
        photo.patient,
        photos=[photo],
        copies=act.copies,
        keys=act.keys,
        blobs=act.blobs,
        others=act.others,
        withdrawal=withdrawal,
        now=now,
    )


def keys_destroyed(said: Said) -> None:
    """Close pictures and copies whose keys were destroyed, and queue their destruction."""
    for photo in Photo.objects.filter(pk__in=said.ids("photos")).select_related("patient"):
        destroy(photo, now=said.at)
    copies = Copy.objects.filter(pk__in=said.ids("copies"), state=Copy.State.KEPT)
    for copy in copies.select_related("photo__patient__practice"):
        erasing.queue(copy.photo.patient, copies=[copy], now=said.at)


def objected(said: Said) -> None:
    """Repeat an objection to some uses."""
    _object(said, pk=said.id("objection"), purposes=said.texts("purposes"))


def asked(said: Said) -> None:
    """Repeat a "nothing else": the conversation itself is lost, the no isn't."""
    if said.text("nothing_else") == "true":
        kept = {*said.texts("purposes"), Purpose.CARE.value}
        purposes = [each.value for each in Purpose if each.value not in kept]
        _object(said, pk=said.id("consent"), purposes=purposes)


def _object(said: Said, *, pk: UUID, purposes: list[str]) -> None:
    patient = said.patient()
    if patient is not None:
        Objection.objects.get_or_create(
            pk=pk,
            defaults={
                "practice": patient.practice,
                "patient": patient,
                "purposes": purposes,
                "made_at": said.at,
                "given_by": said.text("given_by") or "patient",
            },
        )


def stopped(said: Said) -> None:
    """Refuse a capture that was stopped, and destroy what came of it."""
    patient, capture = said.patient(), said.id("capture")
    if patient is None or capture == NOBODY:
        return
    StoppedCapture.objects.get_or_create(
        capture_id=capture, defaults={"practice": patient.practice, "stopped_at": said.at}
    )
    for photo in patient.photos.filter(capture_id=capture):
        destroy(photo, now=said.at)
    for consent in Consent.objects.filter(pk=said.id("consent"), photos__isnull=True):
        consent.set_withdrawn(list(consent.purposes), at=said.at)


def slip_renewed(said: Said) -> None:
    """Let the old slip of a patient's open nothing; the new one's secret is lost."""
    for receipt in Receipt.objects.filter(pk=said.id("receipt")):
        receipt.set_secret(hash_of(secrets.token_urlsafe(32)))


def release_ended(state: Release.State) -> Callable[[Said], None]:
    """Return what ends a release in that state."""

    def end(said: Said) -> None:
        release = Release.objects.filter(pk=said.id("release")).first()
        if release is not None and state in Release.NEXT[Release.State(release.state)]:
            release.set_state(state)

    return end


def erasure_ordered(said: Said) -> None:
    """Carry out an erasure again: pictures, words, and the patient where it was all of them."""
    for photo in Photo.objects.filter(pk__in=said.ids("photos")).select_related("patient"):
        destroy(photo, now=said.at)
    for consent in Consent.objects.filter(pk__in=said.ids("consents")):
        consent.set_withdrawn(list(consent.purposes), at=said.at)
        destroying.forget_words(consent, now=said.at)
    patient = said.patient()
    if patient is not None and said.text("whole") == "true":
        destroying.forget(patient, now=said.at)


def viewed(said: Said) -> None:
    """Mark that care rests on a picture again: what a later withdrawal destroys depends on it."""
    if said.text("purpose") == Purpose.CARE:
        Photo.objects.filter(pk=said.id("photo")).update(relied_on_for_care=True)
