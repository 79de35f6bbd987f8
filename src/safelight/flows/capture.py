"""Take a picture: the offer to a phone, the sealed upload, and the stop that leaves nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction

from safelight import policy, redact, vault
from safelight.flows import keeping, stores, who_decides
from safelight.flows.allowed import demand
from safelight.flows.circumstances import USUAL, Circumstances, may_make_it, needs_chaperone
from safelight.flows.sites import is_intimate
from safelight.interop import pictures
from safelight.policy.roles import Action
from safelight.records import locks, log
from safelight.records.models import Consent, Patient, Photo, StoppedCapture
from safelight.storage import AlreadyThere, IngestOffer, KeyGone, KeyTaken, Tombstoned
from safelight.terms import Purpose, RecordingType

if TYPE_CHECKING:
    from safelight.flows.deciding import Decision
    from safelight.records.models import Staff
    from safelight.terms import Pixels

VIEWING_COPIES = {"view": 1600, "thumb": 400}
"""Longest side in pixels: the width of a desk screen, and of a tile at twice a phone's density."""
RIGHT_AFTER = timedelta(hours=1)
"""How long "immediately after" lasts (GMC VAR 25 gives no figure). Later it is a withdrawal."""
CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far back a phone's clock is believed; beyond it the time of arrival is recorded."""


class CaptureRefused(ValueError):
    """What arrived is not taken in, and nothing of it is kept."""

    for_people = "The picture was not taken in. Nothing was kept. Please take it again."


class NotSealed(CaptureRefused):
    """It isn't what a page of ours seals, for this server and for this practice."""

    for_people = "This picture didn't arrive sealed, so it was thrown away. Please take it again."


class NotAPicture(CaptureRefused):
    """It opens, and what is inside can't be shown as a picture."""

    for_people = "What arrived isn't a picture that can be shown. Please take it again."


class OtherBytes(CaptureRefused):
    """This capture is known with other contents."""

    for_people = "Another picture was already received under this number. Please take it again."


class WasStopped(CaptureRefused):
    """This capture was stopped or taken back; nothing may arrive under its id again."""

    for_people = "This picture was stopped. Nothing of it was kept."


class Overtaken(CaptureRefused):
    """It took longer than the lease, and a sweep took it for one that died. It may come again."""

    for_people = "The picture took too long on its way. Nothing was kept. Please send it again."


class NotCovered(CaptureRefused):
    """The consent that the page names doesn't cover this picture."""

    for_people = "The agreement doesn't cover this picture any more. Please ask again."


class NotPrepared(CaptureRefused):
    """The part of the body is intimate, and nobody said whether a chaperone was offered."""

    for_people = "Say first whether a chaperone was offered. Nothing was kept."


class TooLateToStop(ValueError):
    """The picture is part of the record by now; a withdrawal decides what can go."""

    for_people = "This picture is in use by now. Go to “Change of mind” to take it back."


@dataclass(frozen=True, slots=True)
class CaptureOffer:
    """What a page needs to seal a picture: whose keys, and the permit under which."""

    tenant: UUID
    ingest: tuple[IngestOffer, ...]
    decision: policy.Permit


@dataclass(frozen=True, slots=True)
class _Opened:
    """A checked upload in memory, not yet kept anywhere."""

    envelope: vault.Envelope
    data_key: bytes
    width: int
    height: int
    copies: dict[str, bytes]
    """Kind to the sealed viewing copy."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be made, as the policy is asked about it, before it is opened and after."""

    patient: Patient
    consent: Consent | None
    body_site: str
    made_for: Purpose
    circumstances: Circumstances

    def decided(self, *, acted_on: bool = False, now: datetime) -> Decision:
        """Ask the policy."""
        return may_make_it(
            self.patient,
            body_site=self.body_site,
            made_for=self.made_for,
            circumstances=self.circumstances,
            consents=_said_of(self.patient, body_site=self.body_site, now=now),
            acted_on=acted_on,
            now=now,
        )

    def refuse_uncovered(self) -> None:
        """Raise unless a consent covers it or a reason is written down, and a chaperone offered."""
        if needs_chaperone(self.body_site, self.circumstances):
            raise NotPrepared("no word of a chaperone")
        if self.consent is None:
            if self.circumstances.ground is None or not self.circumstances.reason.strip():
                raise NotCovered("neither consent nor lawful reason")
            return
        self.consent.refresh_from_db()
        if self.consent.patient_id != self.patient.pk:
            raise NotCovered("another patient's consent")
        if not covers(self.consent, body_site=self.body_site, made_for=self.made_for):
            raise NotCovered("the consent ended, or is for something else")


def offer(
    patient: Patient,
    *,
    body_site: str,
    made_for: Purpose,
    circumstances: Circumstances = USUAL,
    by: Staff,
    now: datetime,
) -> CaptureOffer | Decision:
    """Return what a phone needs to take the picture, or the decision that says why not."""
    demand(by, Action.CAPTURE, patient)
    asked = _Asked(patient, None, body_site, made_for, circumstances)
    decision = asked.decided(now=now)
    if not isinstance(decision, policy.Permit):
        return decision
    offers = tuple(stores.keys().ingest_current(now, suite=suite) for suite in vault.Suite)
    return CaptureOffer(patient.practice_id, offers, decision)


def consent_for(patient: Patient, *, body_site: str, made_for: Purpose) -> Consent | None:
    """Return the latest consent that still holds for this part of the body and this purpose."""
    asked = patient.consents.order_by("-given_at").select_related("representative")
    return next(
        (each for each in asked if covers(each, body_site=body_site, made_for=made_for)), None
    )


def covers(consent: Consent, *, body_site: str, made_for: Purpose) -> bool:
    """Say whether the consent holds for this purpose and this part of the body."""
    return (
        made_for in consent.purposes
        and made_for not in consent.withdrawn
        and consent.body_site in {"", body_site}
    )


def receive(
    envelope_json: str | bytes,
    blob: bytes,
    *,
    patient: Patient,
    consent: Consent | None,
    circumstances: Circumstances = USUAL,
    body_site: str,
    made_for: Purpose,
    taken_at: datetime | None = None,
    by: Staff,
    now: datetime,
) -> Photo | Decision:
    """Take in a sealed picture; the same upload again gets the same answer.

    circumstances: without a consent, the ground and the reason; of an intimate part, who was there.
    Key first, then blobs, then one transaction: what a crash leaves is an orphan that `sweep`
    removes. Raises CaptureRefused; whatever is refused leaves nothing behind.
    """
    demand(by, Action.CAPTURE, patient, *([consent] if consent else []))
    envelope = _envelope(envelope_json)
    if earlier := _known(envelope, patient=patient):
        return earlier
    asked = _Asked(patient, consent, body_site, made_for, circumstances)
    asked.refuse_uncovered()
    decision = asked.decided(now=now)
    if not isinstance(decision, policy.Permit):
        return decision
    opened = _opened(envelope, blob, tenant=patient.practice_id)
    _keep(opened, blob, patient=patient)
    unsaved = Photo(
        pk=envelope.capture_id,
        practice=patient.practice,
        patient=patient,
        capture_id=envelope.capture_id,
        sha256=envelope.sha256,
        made_for=made_for,
        recording_type=circumstances.recording.get("type", RecordingType.PHOTOGRAPH.value),
        intimate=is_intimate(body_site),
        body_site=body_site,
        consent=consent,
        lawful_reason="" if consent else circumstances.reason.strip(),
        taken_at=_believed(taken_at, now=now),
        received_at=now,
        taken_by=by,
        width=opened.width,
        height=opened.height,
    )
    return _commit(unsaved, asked, by=by, now=now)


def stop(
    capture_id: UUID | None,
    *,
    patient: Patient,
    consent: Consent | None = None,
    by: Staff,
    now: datetime,
) -> None:
    """Stop a capture, before, while or right after it was sent: nothing of it remains.

    capture_id: None where nothing was ever sent. What stays is the ledger's line, the random id
    that keeps a late upload out, and the consent, ended from now on (GMC VAR 25). The row goes
    first, in one transaction, then key and blobs; a crash between the two leaves them to the same
    stop pressed again, or to a sweep.
    Raises TooLateToStop once the picture was used, or an hour after it came.
    """
    rows = [patient, consent] if consent else [patient]
    demand(by, Action.CAPTURE, *rows)
    _end(capture_id, patient=patient, consent=consent, by=by, now=now)
    if capture_id is not None:
        keeping.destroy(capture_id)


@transaction.atomic
def _end(
    capture_id: UUID | None,
    *,
    patient: Patient,
    consent: Consent | None,
    by: Staff,
    now: datetime,
) -> None:
    """Delete the row, keep later uploads out, and write it in the ledger; once."""
    _lock(patient)
    was_sent = False
    if capture_id is not None:
        if StoppedCapture.objects.filter(capture_id=capture_id).exists():
            return
        was_sent = _disowned(capture_id, patient=patient, now=now)
        StoppedCapture.objects.create(
            practice=patient.practice, capture_id=capture_id, stopped_at=now
        )
    if consent is not None and not consent.photos.exists():
        consent.set_withdrawn(list(consent.purposes), at=now)
    log.append(
        "capture.stopped",
        practice=patient.practice,
        subject=patient.subject,
        by=by,
        at=now,
        capture=capture_id,
        destroyed=was_sent,
        consent=consent.pk if consent else None,
    )


def blob_context(photo: Photo, kind: str) -> bytes:
    """Return what a picture's blob is bound to (docs/formats/sealed-blob.md)."""
    return _context(photo.practice_id, photo.capture_id, kind)


def _context(tenant: UUID, capture_id: UUID, kind: str) -> bytes:
    return vault.context("safelight-blob-v1", tenant, capture_id, kind)


def _said_of(patient: Patient, *, body_site: str, now: datetime) -> list[dict[str, Any]]:
    """Return what was said of this part of the body, as `decide` reads it.

    A withdrawal counts for the whole of its day, but not against the patient's own later yes:
    who stopped at ten may agree anew at half past.
    """
    asked = [each for each in patient.consents.all() if each.body_site in {"", body_site}]
    return [
        fact
        for fact in who_decides.consent_facts(patient, asked, now=now)
        if fact["withdrawn_on"] is None
        or not any(later.agrees_after(fact["purposes"][0], fact["withdrawn_on"]) for later in asked)
    ]


def _envelope(envelope_json: str | bytes) -> vault.Envelope:
    try:
        return vault.Envelope.from_json(envelope_json)
    except vault.EnvelopeRefused as error:
        raise NotSealed(str(error)) from error


def _known(envelope: vault.Envelope, *, patient: Patient) -> Photo | None:
    """Return the picture that this very upload became, or refuse what can't be one."""
    if StoppedCapture.objects.filter(capture_id=envelope.capture_id).exists():
        raise WasStopped(str(envelope.capture_id))
    photo = Photo.objects.filter(capture_id=envelope.capture_id).first()
    if photo is None:
        return None
    if photo.patient_id != patient.pk or photo.sha256 != envelope.sha256:
        raise OtherBytes(str(envelope.capture_id))
    if photo.state != Photo.State.KEPT:
        raise WasStopped(str(envelope.capture_id))
    return photo


def _opened(envelope: vault.Envelope, blob: bytes, *, tenant: UUID) -> _Opened:
    if not vault.is_sealed(blob) or not envelope.covers(blob):
        raise NotSealed("not the sealed blob of its envelope")
    try:
        data_key = vault.open_envelope(stores.keys().ingest_private(envelope.kid), envelope)
        context = _context(tenant, envelope.capture_id, "original")
        plain = vault.unseal(data_key, blob, context=context)
    except (vault.VaultError, KeyGone) as error:
        raise NotSealed(type(error).__name__) from error
    try:
        decoded = pictures.decode(plain)
    except pictures.PictureRefused as error:
        raise NotAPicture(error.reason.name) from error
    copies = {
        kind: _sealed_copy(
            decoded.pixels, kind, data_key, _context(tenant, envelope.capture_id, kind)
        )
        for kind in VIEWING_COPIES
    }
    return _Opened(envelope, data_key, decoded.width, decoded.height, copies)


def _sealed_copy(pixels: Pixels, kind: str, data_key: bytes, context: bytes) -> bytes:
    jpeg = pictures.encode_jpeg(redact.shrink(pixels, VIEWING_COPIES[kind]))
    return vault.seal(vault.derive(data_key, kind), jpeg, context=context)


def _keep(opened: _Opened, blob: bytes, *, patient: Patient) -> None:
    """Put the key, then the original, then the viewing copies."""
    capture_id = opened.envelope.capture_id
    try:
        keeping.begin(
            capture_id, tenant=patient.practice_id, patient=patient.pk, data_key=opened.data_key
        )
        stores.blobs().put(f"{capture_id}.original", blob)
    except Tombstoned as error:
        keeping.settle(capture_id)
        raise WasStopped(str(capture_id)) from error
    except (KeyGone, KeyTaken, AlreadyThere) as error:
        raise OtherBytes(str(capture_id)) from error
    for kind, sealed in opened.copies.items():
        _put_copy(f"{capture_id}.{kind}", sealed)


def _put_copy(name: str, sealed: bytes) -> None:
    """Put a viewing copy; one from the same upload sent twice at once, or cut short, will do.

    The original under this id has these very bytes, so the copy there was made of the same
    picture under the same key.
    """
    try:
        stores.blobs().put(name, sealed)
    except AlreadyThere:
        return


def _commit(unsaved: Photo, asked: _Asked, *, by: Staff, now: datetime) -> Photo | Decision:
    """Write the row, or undo what was put, under the lock that a stop or a withdrawal takes too."""
    with transaction.atomic():
        _lock(unsaved.patient)
        found: Photo | Decision | CaptureRefused
        try:
            with transaction.atomic():
                found = _written(unsaved, asked, by=by, now=now)
        except CaptureRefused as error:
            found = error
        except _NoLongerPermitted as error:
            found = error.decision
        if not isinstance(found, Photo | Overtaken):
            keeping.destroy(unsaved.capture_id)
    if isinstance(found, Overtaken):
        keeping.announce(unsaved.capture_id)  # what came after that sweep is the next one's
        raise found
    keeping.settle(unsaved.capture_id)
    if isinstance(found, CaptureRefused):
        raise found
    return found


class _NoLongerPermitted(Exception):
    """The permit ended while the picture was on its way."""

    def __init__(self, decision: Decision) -> None:
        super().__init__()
        self.decision = decision


def _written(unsaved: Photo, asked: _Asked, *, by: Staff, now: datetime) -> Photo:
    patient = unsaved.patient
    if earlier := Photo.objects.filter(capture_id=unsaved.capture_id).first():
        return earlier  # the same upload, sent twice at once: other bytes found the name taken
    stopped = StoppedCapture.objects.filter(capture_id=unsaved.capture_id)
    if stopped.exists() or stores.keys().is_erased(unsaved.capture_id):
        raise WasStopped(str(unsaved.capture_id))
    asked.refuse_uncovered()
    decision = asked.decided(acted_on=True, now=now)
    if not isinstance(decision, policy.Permit):
        raise _NoLongerPermitted(decision)
    unsaved.decision = decision.as_json() | {"said": asked.circumstances.as_json()}
    unsaved.save(force_insert=True)
    log.append(
        "photo.captured",
        practice=unsaved.practice,
        subject=patient.subject,
        by=by,
        at=now,
        photo=unsaved.pk,
        sha256=unsaved.sha256,
        consent=unsaved.consent_id,
        made_for=unsaved.made_for,
        **asked.circumstances.terms(),
    )
    if not keeping.is_still_kept(
        unsaved.capture_id, tenant=unsaved.practice_id, patient=patient.pk
    ):
        raise Overtaken("swept before it was complete")
    return unsaved


def _lock(patient: Patient) -> None:
    """Hold the patient's row until the transaction ends: a withdrawal waits, or has been."""
    locks.hold_patient(patient.pk)


def _believed(taken_at: datetime | None, *, now: datetime) -> datetime:
    """Return when it was taken: the phone's word if its clock is close to ours, or the arrival."""
    if taken_at is not None and now - CLOCK_TOLERANCE <= taken_at <= now:
        return taken_at
    return now


def _disowned(capture_id: UUID, *, patient: Patient, now: datetime) -> bool:
    """Delete the row of a capture, if it has one; return whether any of it had arrived."""
    photo = Photo.objects.filter(capture_id=capture_id).first()
    if photo is not None:
        if photo.patient_id != patient.pk:
            raise TooLateToStop("another patient's picture")
        if now - photo.received_at > RIGHT_AFTER or _is_in_use(photo):
            raise TooLateToStop(str(capture_id))
        photo.delete()
        keeping.announce(capture_id)
    elif keeping.is_owned(capture_id):
        raise TooLateToStop("the id of something else")
    return photo is not None or stores.blobs().exists(f"{capture_id}.original")


def _is_in_use(photo: Photo) -> bool:
    named = (photo.copies, photo.links, photo.releases, photo.withdrawals, photo.holds)
    return any(rows.exists() for rows in named)
