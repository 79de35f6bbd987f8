"""Give a picture to a court, to a body that the law empowers, or into a complaint or a claim.

A matter says who asks, on what it rests and for how much; each picture is weighed for it with a
reason, decided by the policy, and given by a governance lead. What was given is in the ledger and
counts in what all that left adds up to.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from safelight import exposure, policy
from safelight.flows import disclosures, exposing, holding, in_force, keeping, pictures
from safelight.flows import once as forms
from safelight.flows.allowed import DoesNotFit, demand, hold_named
from safelight.flows.deciding import may_use, may_use_each
from safelight.flows.opening import VIEW, PictureClosed, unsealed
from safelight.policy.roles import Action
from safelight.records import log
from safelight.records.models import Exhibit, LegalHold, Matter, Photo
from safelight.terms import Audience, Purpose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import QuerySet

    from safelight.flows.deciding import Decision
    from safelight.records.models import Disclosure, Patient, Staff

COMPLAINTS: Mapping[str, str] = {
    kind.value: str(kind.label) for kind in (LegalHold.Kind.COMPLAINT, LegalHold.Kind.CLAIM)
}
"""What is asked for by nobody's power of law; a hold on destruction begins with it."""


class MatterClosed(ValueError):
    """The matter was closed, or the hold that belongs to it was lifted."""

    for_people = "This matter is closed. Nothing more is given into it."


class AlreadyGiven(ValueError):
    """The picture was given into this matter before: nothing is done twice."""

    for_people = "This was given before. Nothing more had to be done."


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for, as governance writes it down."""

    kind: str
    """A key of `kinds`."""
    reference: str
    asked_by: str
    asked_on: date
    extent: str
    size: str
    """As `Matter.Size`."""
    is_told: bool | None
    """Whether the patient knows; None where nobody said."""
    not_told_because: str = ""


@dataclass(frozen=True, slots=True)
class Weighed:
    """Whether a matter needs one picture, and why."""

    is_needed: bool
    why: str


def kinds(patient: Patient, *, now: datetime) -> dict[str, str]:
    """Return what a matter may be, in words: what compels by the pack in force, and complaints.

    A pack's legal basis that is called like one of ours is no way of its own: complaints come first.
    """
    terms = in_force.pack_of(patient.practice, now=now).terms
    words = terms.vocabulary.legal_bases
    return {name: words[name] for name in words if name in terms.compulsion} | dict(COMPLAINTS)


def words_of(matter: Matter, *, now: datetime) -> str:
    """Return what the matter is, in words; one that the pack doesn't know any more by its bare name."""
    return kinds(matter.patient, now=now).get(matter.kind, matter.kind.replace("-", " "))


@transaction.atomic
def record(
    patient: Patient, *, asked: Asked, once: UUID | None = None, by: Staff, now: datetime
) -> Matter:
    """Write down what is asked for. With a complaint or a claim, a hold on destruction begins.

    Raises DoesNotFit, NotAllowed, RecordErased, or AlreadyDone for a form that was sent before.
    """
    demand(by, Action.GOVERN, patient)
    hold_named(patient)
    if fields := _errors(patient, asked, now=now):
        raise DoesNotFit(fields)
    made = uuid4()
    forms.claim(once, kind="matter.recorded", made=made, practice=patient.practice, now=now)
    is_complaint = asked.kind in COMPLAINTS
    matter = Matter.objects.create(
        pk=made,
        practice=patient.practice,
        patient=patient,
        purpose=Purpose.COMPLAINT if is_complaint else Purpose.LEGAL,
        kind=asked.kind,
        reference=asked.reference.strip(),
        asked_by=asked.asked_by.strip(),
        asked_on=asked.asked_on,
        extent=asked.extent.strip(),
        size=asked.size,
        told_at=now if asked.is_told else None,
        not_told_because="" if asked.is_told else asked.not_told_because.strip(),
        hold=_hold(patient, asked, by=by, now=now) if is_complaint else None,
        recorded_at=now,
        recorded_by=by,
    )
    _log("matter.recorded", matter, by=by, now=now, about=asked.kind, told=bool(asked.is_told))
    return matter


@transaction.atomic
def weigh(matter: Matter, *, said: Mapping[Photo, Weighed], by: Staff, now: datetime) -> None:
    """Record for each picture whether the matter needs it, and why. The last word counts.

    Raises DoesNotFit with the picture's id and "-why", MatterClosed, NotAllowed, RecordErased.
    """
    fresh = _open(matter, by=by)
    fields = {
        f"{photo.pk}-why": "Say why it is needed, or why not"
        for photo, each in said.items()
        if not each.why.strip()
    }
    fields |= {
        f"{photo.pk}-why": "Choose a picture of this patient"
        for photo in said
        if photo.patient_id != fresh.patient_id
    }
    if fields:
        raise DoesNotFit(fields)
    for photo, each in said.items():
        _weigh_one(fresh, photo, each, by=by, now=now)


def decide(exhibit: Exhibit, *, acted_on: bool = False, now: datetime) -> Decision:
    """Ask the policy whether the picture may be given into its matter.

    A power of law reaches as far as its extent: for a picture that it doesn't need there is none.
    """
    matter = exhibit.matter
    return may_use(
        exhibit.photo,
        purpose=Purpose(matter.purpose),
        audience=Audience.NAMED,
        action="disclose",
        acted_on=acted_on,
        now=now,
        **_ground(matter, is_needed=exhibit.is_needed and matter.is_open, now=now),
    )


def decide_each(exhibits: Sequence[Exhibit], *, now: datetime) -> list[Decision]:
    """Return what `decide` says of each picture of one matter, for a page that shows them all."""
    if not exhibits:
        return []
    matter = exhibits[0].matter
    asked = [
        (each.photo, _ground(matter, is_needed=each.is_needed and matter.is_open, now=now))
        for each in exhibits
    ]
    return may_use_each(
        asked, purpose=Purpose(matter.purpose), audience=Audience.NAMED, action="disclose", now=now
    )


def give(exhibit: Exhibit, *, by: Staff, now: datetime) -> Exhibit | Decision:
    """Give the picture into its matter, or return the decision that says why not.

    Raises AlreadyGiven, MatterClosed, PictureClosed, NotAllowed, RecordErased.
    """
    demand(by, Action.GOVERN, exhibit)
    found = _fresh(exhibit)
    if not found.matter.is_open:
        raise MatterClosed(str(exhibit.pk))
    before = decide(found, now=now)
    if not isinstance(before, policy.Permit):
        return before
    disclosure = _sealed_disclosure(found, by=by, now=now)
    try:
        with transaction.atomic():
            answer = _given(found, disclosure, by=by, now=now)
    except BaseException:
        keeping.destroy(disclosure.pk)
        raise
    if isinstance(answer, Exhibit):
        keeping.settle(disclosure.pk)
    else:
        keeping.destroy(disclosure.pk)
    return answer


@transaction.atomic
def open_file(exhibit: Exhibit, *, by: Staff, now: datetime) -> bytes | Decision:
    """Return the file that was given, or the decision that says why not; decided anew each time.

    Raises PictureClosed where it was never given, MatterClosed, NotAllowed, RecordErased.
    """
    demand(by, Action.SEE_PICTURES, exhibit)
    _open(exhibit.matter, by=by)
    fresh = _fresh(exhibit)
    if fresh.given_at is None:
        raise PictureClosed(str(exhibit.pk))
    decision = decide(fresh, acted_on=True, now=now)
    if not isinstance(decision, policy.Permit):
        return decision
    opened = unsealed(fresh.photo, size=fresh.matter.size)
    _log_exhibit("exhibit.opened", fresh, by=by, now=now)
    return opened


@transaction.atomic
def tell(matter: Matter, *, by: Staff, now: datetime) -> None:
    """Record that the patient knows by now: from then on the patient's own page shows it."""
    demand(by, Action.GOVERN, matter)
    hold_named(matter.patient)
    fresh = Matter.objects.select_related("patient__practice", "practice").get(pk=matter.pk)
    if fresh.told_at is None:
        fresh.set_told(at=now)
        _log("matter.told", fresh, by=by, now=now)


@transaction.atomic
def close(matter: Matter, *, by: Staff, now: datetime) -> None:
    """End the matter: nothing more is given into it. A hold on destruction is lifted apart."""
    demand(by, Action.GOVERN, matter)
    hold_named(matter.patient)
    fresh = Matter.objects.select_related("patient__practice", "practice").get(pk=matter.pk)
    if fresh.closed_at is None:
        fresh.set_closed(by=by, at=now)
        _log("matter.closed", fresh, by=by, now=now)


def open_ones(by: Staff) -> QuerySet[Matter]:
    """Return the matters into which something may still be given; to governance alone."""
    found = Matter.objects.visible_to(by).filter(closed_at=None, patient__erased_at=None)
    return found.filter(Q(hold=None) | Q(hold__lifted_at=None))


def given_by_law(photo: Photo) -> list[Exhibit]:
    """Return what staff see of it: given as the law demands, to the patient's knowledge.

    A complaint is kept apart from care, and what the patient doesn't know is governance's alone.
    """
    given = Exhibit.objects.filter(photo=photo, given_at__isnull=False)
    shown = given.filter(matter__purpose=Purpose.LEGAL, matter__told_at__isnull=False)
    return list(shown.select_related("matter").order_by("given_at"))


def _errors(patient: Patient, asked: Asked, *, now: datetime) -> dict[str, str]:
    fields: dict[str, str] = {}
    if asked.kind not in kinds(patient, now=now):
        fields["kind"] = "Choose what it is"
    if not asked.reference.strip():
        fields["reference"] = "Type its number or reference"
    if not asked.asked_by.strip():
        fields["asked_by"] = "Say who asks"
    if asked.asked_on > timezone.localdate(now):
        fields["asked_on"] = "That day has not come yet"
    if not asked.extent.strip():
        fields["extent"] = "Say what is asked for"
    if asked.size not in Matter.Size.values:
        fields["size"] = "Choose how much of each picture is asked for"
    if asked.is_told is None:
        fields["told"] = "Choose whether the patient was told"
    elif not asked.is_told and not asked.not_told_because.strip():
        fields["not_told_because"] = "Say why the patient wasn’t told"
    return fields


def _hold(patient: Patient, asked: Asked, *, by: Staff, now: datetime) -> LegalHold:
    """Return the hold on all there is of the patient: the one of this very matter, or a new one."""
    there = patient.holds.filter(photo__isnull=True, lifted_at__isnull=True, kind=asked.kind)
    found: LegalHold | None = there.filter(reference=asked.reference.strip()).first()
    return found or holding.place(
        patient,
        kind=asked.kind,
        reason=asked.extent,
        reference=asked.reference,
        by=by,
        now=now,
    )


def _ground(matter: Matter, *, is_needed: bool, now: datetime) -> dict[str, Any]:
    """Return on what it rests, as `decide` reads it; a power that the pack doesn't know is none."""
    if matter.purpose == Purpose.COMPLAINT:
        return {"complaint": {"relevant": is_needed}}
    known = in_force.pack_of(matter.practice, now=now).terms.compulsion
    if not is_needed or matter.kind not in known:
        return {"authority": {}}
    return {"authority": {"legal_basis": matter.kind, "reference": matter.reference}}


def _weigh_one(matter: Matter, photo: Photo, said: Weighed, *, by: Staff, now: datetime) -> None:
    before = matter.exhibits.filter(photo=photo).first()
    if before and (before.is_needed, before.why) == (said.is_needed, said.why.strip()):
        return
    made, _ = Exhibit.objects.update_or_create(
        matter=matter,
        photo=photo,
        defaults={
            "practice": matter.practice,
            "is_needed": said.is_needed,
            "why": said.why.strip(),
            "weighed_at": now,
            "weighed_by": by,
        },
    )
    _log_exhibit("exhibit.weighed", made, by=by, now=now, needed=said.is_needed)


def _open(matter: Matter, *, by: Staff) -> Matter:
    """Return the matter as it is now, behind the patient's lock. Raises MatterClosed."""
    demand(by, Action.GOVERN, matter)
    hold_named(matter.patient)
    fresh = Matter.objects.select_related("patient__practice", "practice", "hold").get(pk=matter.pk)
    if not fresh.is_open:
        raise MatterClosed(str(matter.pk))
    return fresh


def _fresh(exhibit: Exhibit) -> Exhibit:
    """Return the exhibit as it is now, of a picture that is kept. Raises PictureClosed."""
    found = Exhibit.objects.select_related(
        "photo__patient__practice", "photo__consent", "practice", "matter__practice", "matter__hold"
    ).get(pk=exhibit.pk)
    if found.photo.state != Photo.State.KEPT:
        raise PictureClosed(str(exhibit.pk))
    return found


def _sealed_disclosure(exhibit: Exhibit, *, by: Staff, now: datetime) -> Disclosure:
    """Return an unsaved row of what leaves: the picture, and nothing said beside it."""
    photo = exhibit.photo
    pixels = pictures.decoded_copy(unsealed(photo, size=VIEW))
    said = {
        "id": str(exhibit.pk),
        "patient": str(photo.patient.subject),
        "at": timezone.localdate(now).isoformat(),
        "audience": [Audience.NAMED.value],
        "poster": {"name": by.name, "organisation": photo.practice.name},
        "facts": {},
        "picture": list(exposure.fingerprints(pixels)),
    }
    return exposing.sealed(photo.patient, said, now=now)


def _given(
    exhibit: Exhibit, disclosure: Disclosure, *, by: Staff, now: datetime
) -> Exhibit | Decision:
    _open(exhibit.matter, by=by)
    fresh = _fresh(exhibit)
    if fresh.given_at is not None:
        raise AlreadyGiven(str(exhibit.pk))
    decision = decide(fresh, acted_on=True, now=now)
    if not isinstance(decision, policy.Permit):
        return decision
    file = unsealed(fresh.photo, size=fresh.matter.size)
    fresh.given_at, fresh.given_by = now, by
    fresh.sha256 = hashlib.sha256(file).hexdigest()
    fresh.decision = decision.as_json()
    fresh.save(update_fields=["given_at", "given_by", "sha256", "decision"])
    disclosure.save(force_insert=True)
    _log_exhibit("exhibit.given", fresh, by=by, now=now, sha256=fresh.sha256)
    disclosures.raise_alarms(fresh.photo.patient, now=now)
    return fresh


def _log_exhibit(
    kind: str, exhibit: Exhibit, *, by: Staff, now: datetime, **details: str | bool
) -> None:
    told = {"exhibit": exhibit.pk, "photo": exhibit.photo_id, "size": exhibit.matter.size}
    _log(kind, exhibit.matter, by=by, now=now, **told, **details)


def _log(kind: str, matter: Matter, *, by: Staff, now: datetime, **details: Any) -> None:
    log.append(
        kind,
        practice=matter.practice,
        subject=matter.patient.subject,
        by=by,
        at=now,
        matter=matter.pk,
        **details,
    )
