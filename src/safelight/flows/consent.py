"""The consent conversation: the words that are shown, and the answers, frozen together."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from django.db import transaction
from django.utils import timezone

from safelight import vault
from safelight.flows import frozen, keeping, lasting, sheets, stores
from safelight.flows import once as forms
from safelight.flows.allowed import DoesNotFit, RecordErased, demand, hold_named
from safelight.flows.in_force import pack_of
from safelight.flows.sheets import conversation
from safelight.flows.standing import Standing, standings
from safelight.flows.who_decides import may_decide
from safelight.interop import pictures
from safelight.policy.roles import Action
from safelight.policy.wording import NAMED, REACHING
from safelight.records import log
from safelight.records.models import Consent, Objection, Receipt, Representative
from safelight.terms import Purpose

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from safelight.policy import Pack
    from safelight.policy.wording import Wording
    from safelight.records.models import Patient, Staff
    from safelight.terms import Pixels

SIGNATURE_BYTES = 256 * 1024
"""A signature drawn on a phone's screen has about 10 KiB as PNG; more is something else."""
SIGNATURE_SIDE = 1200
FAINTEST = 8
"""Of 255: a light pen on a transparent sheet, flattened on white, differs by more than this."""
SAID_NO_FIRST = "The answer was no before this was said"
OWN_ANSWER = "patient"
IRREVOCABLE = "irrevocable"
NAME_THE_PLACE = "Name the one journal, book or place, or take the tick away"
NOTHING_TO_NAME = "Nothing is ticked that this names. Tick it, or leave this empty"
FOR_THE_PATIENT = "These words speak to the patient. Show the words for the person who decides"
FOR_THE_DECIDER = "These words speak to the person who decides. Show the patient's own"

__all__ = ["Standing", "conversation", "record_consent", "standings"]


class StaleWording(ValueError):
    """The words shown are no longer the words in force: the answers belong to other words."""

    for_people = "The words on this sheet have changed since it was opened. Please show it again."


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around the answers: who helped, for which place, and until when."""

    targets: Mapping[Purpose, str] = field(default_factory=dict)
    """The one journal, book or place that a yes to a public use is for."""
    lasts: Mapping[str, object] = field(default_factory=dict)
    """As in `Consent.lasts`; empty: until the mind changes."""
    interpreter: str = ""
    interpreter_by: str = ""
    witness: str = ""
    identifiable_ok: bool | None = None
    """Whether the uses may show who it is; None where the sheet doesn't ask."""

    def tidy(self) -> Around:
        """Return the same without white space at the ends and without blank places."""
        named = {key: " ".join(place.split()) for key, place in self.targets.items()}
        return Around(
            targets={key: place for key, place in named.items() if place},
            lasts=lasting.tidy(self.lasts),
            interpreter=" ".join(self.interpreter.split()),
            interpreter_by=self.interpreter_by,
            witness=" ".join(self.witness.split()),
            identifiable_ok=self.identifiable_ok,
        )


NOTHING_AROUND = Around()


@dataclass(frozen=True, slots=True)
class Answers:
    """What was said, ticked and signed in one conversation."""

    purposes: frozenset[Purpose]
    refused: frozenset[Purpose]
    told: frozenset[str]
    not_told: Mapping[str, str]
    nothing_else: bool
    form: str
    statement: str
    signed: bool
    drawing: bytes | None
    """The signature as a PNG of ours; None where there is none, or it was no drawing."""
    given_by: str
    representative: Representative | None
    around: Around

    @property
    def objects_to(self) -> list[str]:
        """Return every use that "nothing else" rules out: all but care and what was agreed to."""
        kept = self.purposes | {Purpose.CARE}
        return [purpose.value for purpose in Purpose if purpose not in kept]


def record_consent(
    patient: Patient,
    *,
    purposes: Collection[Purpose],
    refused: Collection[Purpose],
    told: Collection[str],
    not_told: Mapping[str, str],
    nothing_else: bool,
    form: str,
    statement: str,
    signature: bytes | None,
    given_by: str,
    representative: Representative | None,
    body_site: str,
    wording: str,
    once: uuid.UUID | None = None,
    around: Around = NOTHING_AROUND,
    by: Staff,
    now: datetime,
) -> tuple[Consent, str]:
    """Record one conversation; return it with the receipt's secret, which is kept nowhere.

    purposes, refused: what was agreed to, and what was asked and refused. Both may be empty of
    the other: a no to everything is an answer.
    told, not_told: each item of the words, told by an act of its own, or why it was not.
    form: "electronic" needs `signature`, a PNG; "oral-recorded" and "written" need `statement`:
    what was said, or where the signed paper is.
    wording: the digest of the words that were on the screen: it says which sheet it was, in which
    language and layout, and whom it spoke to. Language and layout are remembered for the patient.

    Raises StaleWording when other words are in force by now, DoesNotFit for answers that don't
    fit together, NotAllowed for a role or a practice that this isn't for, AlreadyDone for a sheet
    that was sent before.
    """
    rows = (patient, representative) if representative else (patient,)
    demand(by, Action.RECORD_CONSENT, *rows)
    words = sheets.words_with(patient, wording, body_site=body_site, now=now)
    if words is None:
        raise StaleWording(wording)
    answers = Answers(
        purposes=frozenset(purposes),
        refused=frozenset(refused),
        told=frozenset(told),
        not_told=_reasons(not_told),
        nothing_else=nothing_else,
        form=form,
        statement=statement.strip(),
        signed=signature is not None,
        drawing=None if signature is None else _drawing(signature),
        given_by=given_by,
        representative=representative,
        around=around.tidy(),
    )
    _refuse_incoherent(answers, patient, words, now=now)
    consent = _unsaved(patient, answers, words, body_site=body_site, by=by, now=now)
    consent.answer_digest = frozen.digest_of_answer(consent)
    if answers.drawing is not None:
        _seal_signature(consent, answers.drawing)
    try:
        secret = _write(consent, answers, once=once, by=by, now=now)
    except (forms.AlreadyDone, DoesNotFit, RecordErased):
        keeping.destroy(consent.pk)
        raise
    keeping.settle(consent.pk)
    return consent, secret


def open_signature(consent: Consent, *, by: Staff) -> bytes:
    """Return the signature as PNG. Raises KeyGone where a withdrawal took it, or SealBroken."""
    demand(by, Action.RECORD_CONSENT, consent)
    data_key = stores.keys().get(
        consent.pk, tenant=consent.practice_id, patient=consent.patient_id, version=1
    )
    sealed = stores.blobs().get(consent.signature_blob)
    return vault.unseal(
        vault.derive(data_key, "signature"), sealed, context=_signature_context(consent)
    )


def hash_of(secret: str) -> str:
    """Return what is kept of a receipt's secret. It has 256 random bits: no salt is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _reasons(not_told: Mapping[str, str]) -> dict[str, str]:
    return {key: reason.strip() for key, reason in not_told.items() if reason.strip()}


def _refuse_incoherent(
    answers: Answers, patient: Patient, words: Wording, *, now: datetime
) -> None:
    public, terms = _public(answers, words), pack_of(patient.practice, now=now).terms
    fields = (
        _purpose_errors(answers, words)
        | _told_errors(answers, words)
        | _target_errors(answers, public)
        | _form_errors(answers, public, terms.written_forms)
        | _giver_errors(answers, patient, words, now=now)
        | _identifiable_errors(answers, words)
        | _helper_errors(answers.around)
        | lasting.errors(
            answers.around.lasts, born_on=patient.born_on, ages=lasting.ages(terms), now=now
        )
    )
    if fields:
        raise DoesNotFit(fields)


def _purpose_errors(answers: Answers, words: Wording) -> dict[str, str]:
    offered = {each.purpose for each in words.purposes}
    if answers.purposes & answers.refused:
        return {"purposes": "The same use has a yes and a no. Choose one"}
    if not (answers.purposes | answers.refused) <= offered:
        return {"purposes": "Choose only from the uses on this sheet"}
    if not answers.purposes and not answers.refused:
        return {"purposes": "Choose what the picture may be used for, or say no to all"}
    return {}


def _told_errors(answers: Answers, words: Wording) -> dict[str, str]:
    keys = {each.key for each in words.told}
    if not (answers.told | set(answers.not_told)) <= keys:
        return {"told": "Tick only what is on this sheet"}
    if answers.told & set(answers.not_told):
        return {"told": "Something is ticked and has a reason why not. Choose one"}
    if not answers.purposes:
        return {}  # the rest is recorded as not told, since the no came first
    missing = sorted(keys - answers.told - set(answers.not_told))
    found = {f"told-{key}": "Tick this once it was said, or say why it wasn't" for key in missing}
    if answers.purposes & REACHING and IRREVOCABLE not in answers.told:
        found[f"told-{IRREVOCABLE}"] = "This must be said before a yes to what can't be called back"
    return found


def _public(answers: Answers, words: Wording) -> frozenset[Purpose]:
    """Return what was agreed to that needs a named place and a signature."""
    return NAMED & answers.purposes & {each.purpose for each in words.purposes}


def _target_errors(answers: Answers, public: frozenset[Purpose]) -> dict[str, str]:
    named = answers.around.targets.keys()
    found = {f"target-{each}": NAME_THE_PLACE for each in sorted(public - named)}
    spare = sorted(named - (answers.purposes & REACHING))
    return found | {f"target-{each}": NOTHING_TO_NAME for each in spare}


def _identifiable_errors(answers: Answers, words: Wording) -> dict[str, str]:
    if not answers.around.identifiable_ok:
        return {}
    if words.identifiable is None:
        return {"identifiable_ok": "Tick only what is on this sheet"}
    more = answers.purposes - {Purpose.CARE, Purpose.SECOND_OPINION}
    return {} if more else {"identifiable_ok": "Tick what it may be used for, too"}


def _helper_errors(around: Around) -> dict[str, str]:
    if around.interpreter_by and not around.interpreter:
        return {"interpreter": "Type who interpreted, or leave the choice out"}
    if around.interpreter and around.interpreter_by not in Consent.Beside.values:
        return {"interpreter_by": "Say whether the interpreter was in the room"}
    return {}


def _form_errors(
    answers: Answers, public: frozenset[Purpose], written: frozenset[str]
) -> dict[str, str]:
    if answers.form not in Consent.Form.values:
        return {"form": "Choose how the answer was given"}
    if public and answers.form not in written:
        return {"form": "For this, sign here or on paper. Saying it is not enough"}
    signed = answers.form == Consent.Form.ELECTRONIC
    if signed and not answers.signed:
        return {"signature": "Sign in the box, or choose another way to answer"}
    if signed and answers.drawing is None:
        return {"signature": "Sign in the box once more"}
    if not signed and answers.signed:
        return {"form": "There is a signature. Clear it, or choose to sign here"}
    if answers.form == Consent.Form.ORAL and not answers.statement:
        return {"statement": "Write down what was said"}
    if answers.form == Consent.Form.WRITTEN and not answers.statement:
        return {"statement": "Say where the signed paper is kept"}
    return {}


def _giver_errors(
    answers: Answers, patient: Patient, words: Wording, *, now: datetime
) -> dict[str, str]:
    who = answers.representative
    speaks_to_patient = words.reader != sheets.REPRESENTATIVE
    if answers.given_by == OWN_ANSWER:
        if not speaks_to_patient:
            return {"given_by": FOR_THE_DECIDER}
        if who is not None:
            return {"given_by": "Choose either the patient or the person who decides"}
        if patient.died_on is not None:
            return {"given_by": "This patient has died. Choose the executor or the family"}
        return {}
    if who is None or who.patient_id != patient.pk or who.authority != answers.given_by:
        return {"given_by": "Choose who answered"}
    among = patient.representatives.all()
    if not may_decide(who, among, patient, on=timezone.localdate(now)):
        return {"given_by": "This person's authority has ended. Choose someone else"}
    return {"given_by": FOR_THE_PATIENT} if speaks_to_patient else {}


def _drawing(signature: bytes) -> bytes | None:
    """Return the drawing as a PNG of ours, or None where it is no drawing at all."""
    if len(signature) > SIGNATURE_BYTES:
        return None
    try:
        pixels = pictures.decode(signature, max_side=SIGNATURE_SIDE).pixels
    except pictures.PictureRefused:
        return None
    return _in_ink(pixels)


def _in_ink(pixels: Pixels) -> bytes | None:
    """Return the strokes black on white, whatever the screen's colours were; None without any."""
    sheet = np.median(pixels.reshape(-1, 3), axis=0)
    strength = np.abs(pixels - sheet).max(axis=2)
    if strength.max() < FAINTEST:
        return None
    ink = (255 - strength * (255 / strength.max())).astype(np.uint8)
    return pictures.encode_png(np.repeat(ink[:, :, None], 3, axis=2))


def _unsaved(
    patient: Patient,
    answers: Answers,
    words: Wording,
    *,
    body_site: str,
    by: Staff,
    now: datetime,
) -> Consent:
    pack: Pack = pack_of(patient.practice, now=now)
    key = uuid.uuid4()
    return Consent(
        pk=key,
        practice=patient.practice,
        patient=patient,
        purposes=_in_order(answers.purposes),
        refused=_in_order(answers.refused),
        given_by=answers.given_by,
        representative=answers.representative,
        form=answers.form,
        told=[each.key for each in words.told if each.key in answers.told],
        not_told=_not_told(answers, words),
        statement=answers.statement,
        nothing_else=answers.nothing_else,
        targets={
            purpose.value: answers.around.targets[purpose]
            for purpose in sorted(answers.around.targets)
        },
        identifiable_ok=bool(answers.around.identifiable_ok) if words.identifiable else None,
        interpreter=answers.around.interpreter,
        interpreter_by=answers.around.interpreter_by,
        witness=answers.around.witness,
        lasts=dict(answers.around.lasts),
        expires_on=lasting.last_day(answers.around.lasts, born_on=patient.born_on, now=now),
        signature_blob=f"{key}.signature" if answers.drawing is not None else "",
        signature_sha256=hashlib.sha256(answers.drawing).hexdigest() if answers.drawing else "",
        answer_salt=secrets.token_hex(16),
        body_site=body_site,
        wording=words.as_json(),
        wording_digest=words.digest,
        pack_id=pack.id,
        pack_hash=pack.hash,
        given_at=now,
        taken_by=by,
    )


def _not_told(answers: Answers, words: Wording) -> dict[str, str]:
    rest = {each.key: SAID_NO_FIRST for each in words.told if each.key not in answers.told}
    return rest | dict(answers.not_told)


def _in_order(purposes: Collection[Purpose]) -> list[str]:
    return [purpose.value for purpose in Purpose if purpose in purposes]


def _signature_context(consent: Consent) -> bytes:
    return vault.context("safelight-blob-v1", consent.practice_id, consent.pk, "signature")


def _seal_signature(consent: Consent, png: bytes) -> None:
    """Put key, then blob; the row comes last, so that a crash leaves only what a sweep removes."""
    data_key = vault.new_key()
    sealed = vault.seal(
        vault.derive(data_key, "signature"), png, context=_signature_context(consent)
    )
    keeping.begin(
        consent.pk, tenant=consent.practice_id, patient=consent.patient_id, data_key=data_key
    )
    stores.blobs().put(consent.signature_blob, sealed)


@transaction.atomic
def _write(
    consent: Consent, answers: Answers, *, once: uuid.UUID | None, by: Staff, now: datetime
) -> str:
    hold_named(consent.patient)
    forms.claim(once, kind="consent.recorded", made=consent.pk, practice=consent.practice, now=now)
    consent.save(force_insert=True)
    _remember(consent)
    if answers.nothing_else:
        Objection.objects.create(
            practice=consent.practice,
            patient=consent.patient,
            purposes=answers.objects_to,
            made_at=now,
            consent=consent,
        )
    secret = secrets.token_urlsafe(32)
    Receipt.objects.create(
        practice=consent.practice, consent=consent, secret_hash=hash_of(secret), created_at=now
    )
    log.append(
        "consent.recorded",
        practice=consent.practice,
        subject=consent.patient.subject,
        by=by,
        at=now,
        consent=consent.pk,
        purposes=list(consent.purposes),
        refused=list(consent.refused),
        nothing_else=answers.nothing_else,
        given_by=consent.given_by,
        form=consent.form,
        wording=consent.wording_digest,
        answer=consent.answer_digest,
    )
    return secret


def _remember(consent: Consent) -> None:
    """Show the next sheet as this one was, unless a later answer is already there."""
    patient = consent.patient
    if patient.consents.filter(given_at__gt=consent.given_at).exists():
        return
    patient.language = consent.wording["language"]
    patient.easy_read = "pictures" in consent.wording
    patient.save(update_fields=["language", "easy_read"])
