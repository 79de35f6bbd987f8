"""Write down on what a use for research rests: the project, the ethics reference, and any approval."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from safelight.flows import in_force
from safelight.flows.allowed import DoesNotFit, demand, hold_named
from safelight.flows.who_decides import standing_for
from safelight.policy.roles import Action
from safelight.records import log
from safelight.records.models import Study
from safelight.terms import Purpose

if TYPE_CHECKING:
    from datetime import datetime

    from safelight.records.models import Patient, Photo, Staff

LONGEST = 200
OPT_OUT = "opt-out-checked"


@dataclass(frozen=True, slots=True)
class Ground:
    """What is said of one use for research."""

    project: str
    ethics: str
    legal_basis: str = ""
    """A key of `bases`; empty: it rests on the patient's consent."""
    reference: str = ""
    opt_out: str = ""
    """As `Study.OptOut`; empty: nobody has looked."""

    def tidy(self) -> Ground:
        """Return the same without white space around words."""
        return Ground(**{name: " ".join(text.split()) for name, text in asdict(self).items()})


def bases(patient: Patient, *, now: datetime) -> dict[str, str]:
    """Return what research with this patient may rest on beside consent, in the pack's words."""
    pack = in_force.pack_of(patient.practice, now=now)
    standing = standing_for(patient, Purpose.RESEARCH, now=now)
    words = pack.terms.vocabulary.legal_bases
    return {name: words[name] for name in pack.legal_bases_for("research", standing=standing)}


def asks_about_opting_out(patient: Patient, *, now: datetime) -> bool:
    """Say whether there is an opt-out of research where the practice is."""
    return in_force.pack_of(patient.practice, now=now).asks(OPT_OUT)


@transaction.atomic
def ground(
    patient: Patient, *, photo: Photo | None, said: Ground, by: Staff, now: datetime
) -> Study:
    """Record on what a use for research rests. The last one counts. Raises DoesNotFit, NotAllowed.

    photo: the picture to be used; None where one is to be made, today.
    """
    demand(by, Action.RECORD_CONSENT, patient, *([photo] if photo else []))
    hold_named(patient)
    said = said.tidy()
    if fields := _errors(patient, said, now=now):
        raise DoesNotFit(fields)
    study = Study.objects.create(
        practice=patient.practice,
        patient=patient,
        photo=photo,
        **asdict(said),
        by=by,
        at=now,
    )
    log.append(
        "research.grounded",
        practice=patient.practice,
        subject=patient.subject,
        by=by,
        at=now,
        study=study.pk,
        photo=photo.pk if photo else None,
        basis=said.legal_basis or "consent",
        opt_out=said.opt_out or "not-looked",
    )
    return study


def last(patient: Patient, *, photo: Photo | None, now: datetime) -> Study | None:
    """Return what was written down last; of a picture to be made, on this day."""
    found = patient.studies.filter(photo=photo).last()
    today = timezone.localdate(now)
    if found is None or (photo is None and timezone.localdate(found.at) != today):
        return None
    return found


def ground_facts(patient: Patient, *, photo: Photo | None, now: datetime) -> dict[str, Any]:
    """Return the same as `decide` reads it; a legal basis that the pack doesn't know is none."""
    study = last(patient, photo=photo, now=now)
    if study is None:
        return {}
    facts = study.facts()
    known = in_force.pack_of(patient.practice, now=now).terms.vocabulary.legal_bases
    if study.legal_basis not in known:
        facts["authority"] |= {"legal_basis": None, "reference": None}
    return facts


def _errors(patient: Patient, said: Ground, *, now: datetime) -> dict[str, str]:
    fields: dict[str, str] = {}
    if not said.project:
        fields["project"] = "Type the name or number of the project"
    if not said.ethics:
        fields["ethics"] = "Type the reference of the ethics committee"
    if said.legal_basis and said.legal_basis not in bases(patient, now=now):
        fields["legal_basis"] = "Choose what it rests on"
    elif said.legal_basis and not said.reference:
        fields["reference"] = "Type the reference of the approval"
    elif said.reference and not said.legal_basis:
        fields["reference"] = "Choose first which approval this is"
    if said.opt_out and said.opt_out not in Study.OptOut.values:
        fields["opt_out"] = "Choose what the check gave, or leave it out"
    return fields
