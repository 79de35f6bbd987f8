"""Close again what was closed after a backup was made, from the ledger's entries alone.

The ledger holds ids and terms and no names, so it tells what was taken back and not what was given:
openings since the backup are lost and closings are repeated. An entry of a kind that isn't listed
here refuses the restore: it may be a closing that this version doesn't know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from safelight import ledger, policy
from safelight.flows import derivatives, destroying, erasing, weighing
from safelight.policy.withdrawal import BY_LAW
from safelight.records.models import (
    Assessment,
    Channel,
    Consent,
    Copy,
    EraseJob,
    LegalHold,
    Objection,
    Patient,
    Photo,
    Release,
    Representative,
    SaidNo,
    Staff,
    StoppedCapture,
    Weighing,
    Withdrawal,
)
from safelight.terms import Purpose

AGAIN = "Repeated from the ledger after a restore"
NOBODY = UUID(int=0)
CANT_DECIDE = frozenset({"lacks", "lost-for-now", "not-competent"})


class UnknownKind(RuntimeError):
    """The ledger has an entry of a kind that this version doesn't know: it may close something."""

    for_people = (
        "The ledger has entries that this version doesn't know, and one may be a withdrawal. "
        "Restore with the version that wrote them."
    )


@dataclass(frozen=True, slots=True)
class _Said:
    """An entry, and how to find what it speaks of. What isn't in the backup is found as None."""

    entry: ledger.Entry

    @property
    def at(self) -> datetime:
        return self.entry.at

    @property
    def day(self) -> date:
        return timezone.localdate(self.entry.at)

    def text(self, name: str) -> str:
        found = self.entry.details.get(name, "")
        return "" if found == "none" else str(found)

    def texts(self, name: str) -> list[str]:
        found = self.entry.details.get(name, [])
        return [str(each) for each in found] if isinstance(found, list) else []

    def id(self, name: str) -> UUID:
        return _uuid(self.text(name))

    def ids(self, name: str) -> list[UUID]:
        return [_uuid(text) for text in self.texts(name)]

    def patient(self) -> Patient | None:
        subject = _uuid(self.entry.subject)
        found = Patient.objects.select_related("practice").filter(subject=subject)
        return found.first()

    def by(self) -> Staff | None:
        return Staff.objects.filter(pk=_uuid(self.entry.by)).first()

    def staff(self) -> QuerySet[Staff]:
        found: QuerySet[Staff] = Staff.objects.filter(pk=_uuid(self.entry.subject))
        return found


def repeat(entry: ledger.Entry) -> str | None:
    """Close again what the entry says was closed; return what a person has to do, or None.

    Raises UnknownKind.

    Inside the transaction that puts the entry back, in the ledger's order. The keys of what has to
    go are queued: `erasing.finish_pending` destroys them.
    """
    act = CLOSES.get(entry.kind) or REPEATED.get(entry.kind)
    if act is not None:
        act(_Said(entry))
    elif entry.kind not in HARMLESS and entry.kind not in BY_HAND:
        raise UnknownKind(entry.kind)
    return BY_HAND.get(entry.kind)


def destroyed_by(entry: ledger.Entry) -> list[UUID]:
    """Return the ids whose keys a "keys.destroyed" says are gone."""
    said = _Said(entry)
    return said.ids("photos") + said.ids("copies") + said.ids("more")


def _withdrawn(said: _Said) -> None:
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


def _end_consents(said: _Said, patient: Patient) -> None:
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


def _close_photo(said: _Said, photo: Photo, withdrawal: Withdrawal) -> None:
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


def _keys_destroyed(said: _Said) -> None:
    for photo in Photo.objects.filter(pk__in=said.ids("photos")).select_related("patient"):
        destroy(photo, now=said.at)
    copies = Copy.objects.filter(pk__in=said.ids("copies"), state=Copy.State.KEPT)
    for copy in copies.select_related("photo__patient__practice"):
        erasing.queue(copy.photo.patient, copies=[copy], now=said.at)


def _objected(said: _Said) -> None:
    _object(said, pk=said.id("objection"), purposes=said.texts("purposes"))


def _asked(said: _Said) -> None:
    """Repeat a "nothing else": the conversation itself is lost, the no isn't."""
    if said.text("nothing_else") == "true":
        kept = {*said.texts("purposes"), Purpose.CARE.value}
        purposes = [each.value for each in Purpose if each.value not in kept]
        _object(said, pk=said.id("consent"), purposes=purposes)


def _object(said: _Said, *, pk: UUID, purposes: list[str]) -> None:
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


def _stopped(said: _Said) -> None:
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


def _held(said: _Said) -> None:
    patient, by = said.patient(), said.by()
    if patient is not None and by is not None:
        LegalHold.objects.get_or_create(
            pk=said.id("hold"),
            defaults={
                "practice": patient.practice,
                "patient": patient,
                "photo": Photo.objects.filter(pk=said.id("photo")).first(),
                "kind": said.text("about"),
                "reason": f"{AGAIN}; write down the reason anew",
                "reference": "lost",
                "placed_at": said.at,
                "placed_by": by,
            },
        )


def _hold_lifted(said: _Said) -> None:
    by = said.by()
    hold = LegalHold.objects.filter(pk=said.id("hold"), lifted_at__isnull=True).first()
    if hold is not None and by is not None:
        hold.set_lifted(because=AGAIN, by=by, at=said.at)


def _release_ended(state: Release.State) -> Callable[[_Said], None]:
    def end(said: _Said) -> None:
        release = Release.objects.filter(pk=said.id("release")).first()
        if release is not None and state in Release.NEXT[Release.State(release.state)]:
            release.set_state(state)

    return end


def _account_closed(said: _Said) -> None:
    said.staff().update(is_active=False)


def _account_reopened(said: _Said) -> None:
    said.staff().update(is_active=True)


def _role_changed(said: _Said) -> None:
    said.staff().update(role=said.text("role"))


def _died(said: _Said) -> None:
    Patient.objects.filter(subject=_uuid(said.entry.subject), died_on__isnull=True).update(
        died_on=said.day
    )


def _authority_ended(said: _Said) -> None:
    for who in Representative.objects.filter(pk=said.id("representative")):
        who.set_ended(on=date.fromisoformat(said.text("ended_on")), because=AGAIN)


def _assessed(said: _Said) -> None:
    """Repeat that somebody couldn't decide. That somebody could is an opening, and lost."""
    patient, by = said.patient(), said.by()
    if patient is None or by is None or said.text("outcome") not in CANT_DECIDE:
        return
    Assessment.objects.get_or_create(
        pk=said.id("assessment"),
        defaults={
            "practice": patient.practice,
            "patient": patient,
            "kind": said.text("assessed"),
            "outcome": said.text("outcome"),
            "about": said.texts("about"),
            "decision": f"{AGAIN}; write it down anew",
            "assessed_on": said.day,
            "recorded_at": said.at,
            "by": by,
        },
    )


def _said_no(said: _Said) -> None:
    patient, by = said.patient(), said.by()
    if patient is not None and by is not None:
        SaidNo.objects.get_or_create(
            pk=said.id("said_no"),
            defaults={
                "practice": patient.practice,
                "patient": patient,
                "at": said.at,
                "by": by,
                "words": AGAIN,
            },
        )


def _weighed(said: _Said) -> None:
    """Repeat a weighing that had a no in it; one of nothing but yes is an opening, and lost."""
    patient, by = said.patient(), said.by()
    if patient is None or by is None:
        return
    who_said = Representative.objects.filter(pk=said.id("representative")).first()
    yes = set(said.texts("yes"))
    answers = {
        question: {who: f"{question}: {who}" in yes for who in weighing.WHO}
        | {f"{who}_why": AGAIN for who in weighing.WHO}
        for question in weighing.questions(patient)
    }
    has_a_no = any(not answers[each][who] for each in answers for who in weighing.WHO)
    if who_said is not None and has_a_no:
        Weighing.objects.get_or_create(
            pk=said.id("weighing"),
            defaults={
                "practice": patient.practice,
                "patient": patient,
                "photo": Photo.objects.filter(pk=said.id("photo")).first(),
                "purpose": said.text("purpose"),
                "answers": answers,
                "representative": who_said,
                "by": by,
                "at": said.at,
            },
        )


def _erasure_ordered(said: _Said) -> None:
    for photo in Photo.objects.filter(pk__in=said.ids("photos")).select_related("patient"):
        destroy(photo, now=said.at)
    for consent in Consent.objects.filter(pk__in=said.ids("consents")):
        consent.set_withdrawn(list(consent.purposes), at=said.at)
        destroying.forget_words(consent, now=said.at)
    patient = said.patient()
    if patient is not None and said.text("whole") == "true":
        destroying.forget(patient, now=said.at)


def _episode_ended(said: _Said) -> None:
    Consent.objects.filter(pk=said.id("consent"), expires_on__isnull=True).update(
        expires_on=said.day
    )


def _viewed(said: _Said) -> None:
    """Mark that care rests on a picture again: what a later withdrawal destroys depends on it."""
    if said.text("purpose") == Purpose.CARE:
        Photo.objects.filter(pk=said.id("photo")).update(relied_on_for_care=True)


CLOSES: dict[str, Callable[[_Said], None]] = {
    "consent.withdrawn": _withdrawn,
    "keys.destroyed": _keys_destroyed,
    "objection.recorded": _objected,
    "capture.stopped": _stopped,
    "hold.placed": _held,
    "hold.lifted": _hold_lifted,
    "release.refused": _release_ended(Release.State.REFUSED),
    "release.stopped": _release_ended(Release.State.STOPPED),
    "staff.closed": _account_closed,
    "staff.reopened": _account_reopened,
    "staff.role": _role_changed,
    "patient.died": _died,
    "representative.ended": _authority_ended,
    "assessment.recorded": _assessed,
    "patient.said-no": _said_no,
    "use.weighed": _weighed,
    "erasure.ordered": _erasure_ordered,
    "consent.episode-ended": _episode_ended,
    "link.revoked": lambda _: None,
    "link.locked": lambda _: None,
}
"""Kinds of entries that close something, and what closes it again. The witness is told at once.

After a restore every link is dead, so that nothing has to be repeated for links.
"""

REPEATED: dict[str, Callable[[_Said], None]] = {
    "consent.recorded": _asked,
    "photo.viewed": _viewed,
}
"""Kinds that are repeated in part; telling the witness of them can wait for an hour."""

_RULES = "The practice's rules were changed after the backup: compare them, and tighten them again."
_LEFT = "Copies left after the backup: enter them as releases anew, or they aren't counted in what adds up."
_KEPT = (
    "How long records are kept was changed after the backup: look at what is due before it goes."
)
BY_HAND: dict[str, str] = {
    "disclosure.registered": _LEFT,
    "release.approved": _LEFT,
    "practice.catchment": _RULES,
    "record.kind-set": _KEPT,
    "retention.kept-longer": _KEPT,
    "rule.added": _RULES,
    "pack.activated": _RULES,
    "pack.brought": _RULES,
}
"""Kinds that tighten something whose content the ledger doesn't hold, and what a person has to do."""

HARMLESS: frozenset[str] = frozenset(
    {
        "backup.drilled",
        "backup.made",
        "choice.offered",
        "choice.raised",
        "consent.exported",
        "consultation.recorded",
        "copy.expired",
        "copy.made",
        "copy.opened",
        "copy.previewed",
        "copy.shown",
        "exposure.alarmed",
        "exposure.settled",
        "image.back",
        "image.set-aside",
        "keys.backup-verified",
        "keys.rotated",
        "keys.versions-destroyed",
        "ledger.gap-accepted",
        "ledger.restored",
        "link.answered",
        "link.code-sent",
        "link.opened",
        "link.sent",
        "link.shown",
        "mail.given-up",
        "patient.added",
        "patient.no-noted",
        "photo.captured",
        "photo.not-opened",
        "photos.viewed",
        "practice.opened",
        "recall.done",
        "recall.letter-sent",
        "record.kind-set",
        "retention.destroyed",
        "retention.due",
        "retention.kept-longer",
        "receipt.opened",
        "release.organisation-agreed",
        "release.requested",
        "release.reworded",
        "representative.added",
        "rule.dropped",
        "staff.added",
        "staff.invited",
    }
)
"""Kinds whose loss opens nothing: they gave, looked or reported."""


def _uuid(text: str) -> UUID:
    """Return the id; for what is none, one that nothing has."""
    try:
        return UUID(text)
    except ValueError:
        return NOBODY
