"""What goes into the notes and into the patient's hand: a consent as text, PDF, FHIR and consent record."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from safelight.flows import frozen, sheets
from safelight.flows.allowed import demand
from safelight.flows.who_decides import right_of
from safelight.interop import paper
from safelight.interop.consents.fhir import as_fhir
from safelight.interop.consents.iso27560 import as_record
from safelight.interop.consents.record_text import as_text
from safelight.interop.consents.said import Said, Subject, Told, Use, Who
from safelight.policy.roles import Action, Role, may
from safelight.records import log
from safelight.records.models import Consent
from safelight.terms import Purpose

if TYPE_CHECKING:
    from safelight.policy.saying import Saying
    from safelight.records.models import Receipt, Staff

ROLES = {
    Role.GP: "doctor",
    Role.NURSE: "nurse",
    Role.REVIEWER: "reviewer",
    Role.IG_LEAD: "information governance lead",
    Role.ADMINISTRATOR: "administrator",
}
_ANSWER = {"agreed": "Yes", "refused": "No", "not-asked": "No"}
_WHERE = {"room": "in the room", "remote": "by phone or video"}


class Form(StrEnum):
    """In which form a consent is handed out."""

    TEXT = "text"
    PDF = "pdf"
    FHIR = "fhir"
    RECORD = "consent-record"


TYPES = {
    Form.TEXT: ("text/plain; charset=utf-8", "txt"),
    Form.PDF: ("application/pdf", "pdf"),
    Form.FHIR: ("application/fhir+json", "json"),
    Form.RECORD: ("application/json", "json"),
}


@dataclass(frozen=True, slots=True)
class Written:
    """A consent in one form, ready to be handed out."""

    data: bytes
    content_type: str
    file_name: str
    """Names the consent by its id and nobody."""


@transaction.atomic
def export(
    consent: Consent, form: Form, *, link: str | None = None, by: Staff, now: datetime
) -> Written:
    """Return the consent in this form, and write in the ledger that it was taken out.

    link: the patient's own page, while somebody still knows its address; for the PDF alone.
    Raises NotAllowed for a role or a practice that this isn't for.
    """
    demand(by, Action.SEE_PATIENTS, consent)
    _log(consent, form, by=by, now=now)
    said = said_of(consent, now=now)
    if not may(by.role, Action.GOVERN):
        said = _without_flags(said)
    return _written(said, form, link=link or "")


@transaction.atomic
def receipt_paper(receipt: Receipt, *, now: datetime) -> Written:
    """Return the receipt as PDF for the patient, and write in the ledger that they took it."""
    _log(receipt.consent, Form.PDF, by="patient", now=now)
    return _written(said_of(receipt.consent, now=now), Form.PDF, link="")


def said_of(consent: Consent, *, now: datetime) -> Said:
    """Return all of one conversation as plain values."""
    patient, decider = consent.patient, consent.representative
    giver = None
    if decider is not None:
        giver = Who(
            decider.pk, decider.name, right_of(decider, on=timezone.localdate(consent.given_at))
        )
    return Said(
        id=consent.pk,
        practice=Who(consent.practice.pk, consent.practice.name),
        patient=Subject(patient.pk, patient.name, patient.born_on, patient.nhs_number),
        given_at=timezone.localtime(consent.given_at),
        as_of=timezone.localtime(now),
        giver=giver,
        taken_by=Who(consent.taken_by.pk, consent.taken_by.name, _role(consent.taken_by)),
        form=consent.form,
        form_words=consent.get_form_display(),
        statement=consent.statement,
        interpreter=consent.interpreter,
        interpreter_by=consent.interpreter_by,
        witness=consent.witness,
        body_site=consent.body_site,
        uses=tuple(_use(consent, each) for each in consent.wording["purposes"]),
        nothing_else=consent.nothing_else,
        identifiable_ok=consent.identifiable_ok,
        told=tuple(_told(consent, each) for each in consent.wording["told"]),
        lasts=dict(consent.lasts),
        expires_on=consent.expires_on,
        wording=dict(consent.wording),
        wording_digest=consent.wording_digest,
        answer_digest=consent.answer_digest,
        is_as_it_was=frozen.is_as_it_was(consent),
        pack_id=consent.pack_id,
        pack_hash=consent.pack_hash,
    )


def text_of(consent: Consent, *, in_full: bool = True, now: datetime) -> str:
    """Return the text for the record, as the consent's page shows it for copying.

    in_full: for governance. To others a yes that was taken back reads as a no: staff who look
    after the patient see no flag (docs/explanation/taking-it-back.md).
    """
    said = said_of(consent, now=now)
    return as_text(said if in_full else _without_flags(said))


def _without_flags(said: Said) -> Said:
    """Return it as staff outside governance may have it: no use tells that it was taken back."""
    return replace(said, uses=tuple(_without_flag(use) for use in said.uses))


def _without_flag(use: Use) -> Use:
    return use if use.withdrawn_at is None else replace(use, answer="refused", withdrawn_at=None)


def paper_of(said: Said, words: Saying, *, link: str) -> paper.Paper:
    """Return what the receipt says, in the language in which the words were shown."""
    say = words.say
    return paper.Paper(
        title=say("Your receipt"),
        practice=said.practice.name,
        language=words.language,
        question=str(said.wording["question"]),
        own_page=say("Your own page"),
        own_page_lines=_own_page(words, link),
        link=link,
        qr_alt=say("QR code that opens {name}’s page", name=said.patient.name),
        answers=say("What you agreed to"),
        uses=(
            *(_line(use, words) for use in said.uses),
            *_identifiable(said, words),
            *_nothing_else(said, words),
        ),
        lasts=_lasts(said, words),
        about=f"{words.day(said.given_at.date())}, {said.given_at:%H:%M}",
        facts=tuple(_facts(said, words)),
        told_heading=say("What you were told"),
        told=tuple(
            paper.ToldLine(item.heading, say("told" if item.was_told else "not told"), item.text)
            for item in said.told
        ),
        change_heading=say("Changed your mind?"),
        change=say(
            "You can change your mind at any time. You don’t have to say why. "
            "Ask the practice, or use your page."
        ),
        small=(
            f"{say('Number of this receipt')}: {said.id}",
            f"{say('The words, as shown, have this check')}: {said.wording_digest}",
        ),
        page=say("Page {page} of {pages}"),
    )


def _written(said: Said, form: Form, *, link: str) -> Written:
    if form is Form.TEXT:
        data = as_text(said).encode()
    elif form is Form.PDF:
        data = paper.write(paper_of(said, sheets.words_for(said.language), link=link))
    else:
        table = as_fhir(said) if form is Form.FHIR else as_record(said)
        data = json.dumps(table, ensure_ascii=False, indent=1).encode()
    content_type, ending = TYPES[form]
    name = "receipt" if form is Form.PDF else form.value
    return Written(data, content_type, f"{name}-{said.id}.{ending}")


def _log(consent: Consent, form: Form, *, by: Staff | str, now: datetime) -> None:
    log.append(
        "consent.exported",
        practice=consent.practice,
        subject=consent.patient.subject,
        by=by,
        at=now,
        consent=consent.pk,
        form=form.value,
    )


def _use(consent: Consent, shown: dict[str, str]) -> Use:
    purpose = shown["purpose"]
    agreed, refused = purpose in consent.purposes, purpose in consent.refused
    taken = consent.withdrawn.get(purpose)
    return Use(
        purpose=Purpose(purpose),
        title=shown["title"],
        answer="agreed" if agreed else "refused" if refused else "not-asked",
        target=consent.targets.get(purpose, ""),
        withdrawn_at=timezone.localtime(datetime.fromisoformat(taken)) if taken else None,
    )


def _told(consent: Consent, shown: dict[str, str]) -> Told:
    key = shown["key"]
    why = consent.not_told.get(key, "")
    return Told(key, shown["heading"], shown["text"], key in consent.told, why)


def _role(staff: Staff) -> str:
    return ROLES[Role(staff.role)]


def _own_page(words: Saying, link: str) -> tuple[str, ...]:
    if not link:
        return (
            words.say(
                "The code to your own page is on the paper you were given first. We don’t keep it."
            ),
        )
    return (
        words.say(
            "Scan this with a phone. You see who looked, and you can change your mind. "
            "No account needed."
        ),
        words.say("Anyone who has this paper can open your page. Keep it safe."),
    )


def _line(use: Use, words: Saying) -> paper.UseLine:
    notes = []
    if use.target:
        notes.append(words.say("Only for: {target}", target=use.target))
    if use.withdrawn_at is not None:
        notes.append(f"{words.say('Taken back')}, {words.day(use.withdrawn_at.date())}")
    answer = "No" if use.withdrawn_at is not None else _ANSWER[use.answer]
    return paper.UseLine(words.say(answer), use.title, ". ".join(notes))


def _identifiable(said: Said, words: Saying) -> tuple[paper.UseLine, ...]:
    """Return whether it may show who it is, where the sheet asked."""
    shown = said.wording.get("identifiable")
    if not isinstance(shown, dict):
        return ()
    answer = words.say("Yes" if said.identifiable_ok else "No")
    return (paper.UseLine(answer, shown["title"], shown["text"]),)


def _nothing_else(said: Said, words: Saying) -> tuple[paper.UseLine, ...]:
    """Return the answer that closes every other use, where it was given."""
    if not said.nothing_else:
        return ()
    shown = said.wording["nothing_else"]
    assert isinstance(shown, dict)
    return (paper.UseLine(words.say("Yes"), shown["title"], shown["text"]),)


def _lasts(said: Said, words: Saying) -> str:
    if said.expires_on is not None:
        return words.say("This yes lasts until {day}", day=words.day(said.expires_on))
    if "episode" in said.lasts:
        problem = said.lasts["episode"]
        return words.say("This yes lasts until this is over: {problem}", problem=problem)
    return ""


def _facts(said: Said, words: Saying) -> list[paper.FactLine]:
    giver = said.patient.name if said.giver is None else said.giver.name
    helper = said.interpreter
    if helper:
        helper += f", {words.say(_WHERE[said.interpreter_by])}"
    found = {
        "Part of the body": words.say(said.body_site),
        "Answered by": giver,
        "How": words.say(said.form_words),
        "With": said.taken_by.name,
        "Interpreter": helper,
        "Witness": said.witness,
    }
    return [paper.FactLine(words.say(name), value) for name, value in found.items() if value]
