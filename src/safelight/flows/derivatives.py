"""What comes from a picture: each kind says how it is found, closed, destroyed and asked back.

A withdrawal and an erasure walk over what is registered here and know nothing else. A new kind of
thing that holds or shows a picture registers itself in the module that makes it and names that
module in HOMES; a model that leads to a picture and is neither registered nor in EXEMPT fails a
test (tests/flows/test_derivatives.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING
from uuid import UUID

from django.utils import timezone

from safelight import policy
from safelight.flows import letters, mailing
from safelight.records.models import Copy, Link, Photo, Recall, Release
from safelight.terms import Purpose

if TYPE_CHECKING:
    from django.db.models import Model

    from safelight.records.models import Practice, Withdrawal

RECALL_WITHIN = timedelta(days=7)
"""By when what is out has to be asked back. No guidance names a period: practice."""
ENDED_RELEASES = (Release.State.REFUSED, Release.State.STOPPED, Release.State.WITHDRAWN)
HOMES: tuple[str, ...] = ("safelight.flows.derivatives",)
"""The modules in which kinds register; they are imported before the first walk."""
EXEMPT: dict[str, str] = {
    "records.Disclosure": "what was seen stays seen; its release marks it withdrawn",
    "records.Reply": "a colleague's opinion is part of the patient's record, without the picture",
    "records.Weighing": "the questions that were weighed for a use, in words",
    "records.Study": "on what a use for research rests, in references",
    "records.FinalShowing": "that a finished copy was shown; the copy itself is registered",
    "records.ExposureAlarm": "that a release has become too telling",
    "records.OrganisationAgreement": "that the organisation agreed to a release",
    "records.Withdrawal": "that it was taken back",
    "records.Recall": "what is still to be done about it",
    "records.Review": "that its period is over",
    "records.LegalHold": "why it may not be destroyed",
    "records.Exhibit": "why a court or a complaint needs it; what was given stays given",
}
"""Models that lead to a picture and hold nothing of it, each with the reason."""


@dataclass(slots=True)
class Act:
    """One taking back or erasure of one picture, gathered step by step."""

    photo: Photo
    now: datetime
    withdrawal: Withdrawal | None = None
    """None where the picture is erased and nobody took it back."""
    copies: list[Copy] = field(default_factory=list)
    """Closed, and to be destroyed."""
    keys: list[UUID] = field(default_factory=list)
    blobs: list[str] = field(default_factory=list)
    others: dict[str, list[str]] = field(default_factory=dict)
    """Name of a kind to the ids of its rows whose keys go."""

    @property
    def practice(self) -> Practice:
        """Return whose picture it is."""
        return self.photo.practice

    def destroy(
        self, kind: str, row: UUID, *, keys: Iterable[UUID] = (), blobs: Iterable[str] = ()
    ) -> None:
        """Have the keys and blobs of a row destroyed; its kind's `erased` is called afterwards.

        Also for a copy that is only closed because of a legal hold: then they go when it is lifted.
        """
        self.others.setdefault(kind, []).append(str(row))
        self.keys += keys
        self.blobs += blobs

    def ask_back(self, step: policy.Consequence, *, what: str, tell: str = "") -> Recall:
        """Put it on the take-down list, and write to whoever has it where the address is known."""
        recall = Recall.objects.create(
            practice=self.practice,
            withdrawal=self.withdrawal,
            photo=self.photo,
            what=what[:200],
            text=step.text,
            source=step.source,
            due_on=timezone.localdate(self.now) + RECALL_WITHIN,
            told_at=self.now if tell else None,
        )
        if tell:
            mailing.queue(
                tell,
                subject=letters.ASKED_BACK,
                text=letters.asked_back(self.practice, self.photo),
                about=recall.pk,
                practice=self.practice,
                now=self.now,
            )
        return recall


Take = Callable[[policy.Consequence, Act], None]


def _nothing(ids: Sequence[UUID]) -> None:
    """Leave the rows as they are."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing that comes from a picture."""

    name: str
    models: tuple[type[Model], ...]
    """The models whose rows are such things."""
    found: Callable[[Photo], Iterable[policy.Derived]]
    """Return what there is of it now. The `kind` of each says what can be done: a "copy" is
    destroyed, a "link" stops working, what is "queued" is stopped, a "release" has left."""
    take: Take
    """Do one step in the records, inside the transaction that closes access."""
    erased: Callable[[Sequence[UUID]], None] = _nothing
    """Note that the keys of these rows are gone."""


_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    """Add a kind. Raises ValueError if the name is taken."""
    if kind.name in _KINDS:
        raise ValueError(f"there is a kind {kind.name} already")
    _KINDS[kind.name] = kind
    return kind


def kinds() -> dict[str, Kind]:
    """Return every kind there is, by name."""
    for home in HOMES:
        import_module(home)
    return _KINDS


@dataclass(frozen=True, slots=True)
class Found:
    """A picture, what came from it, and which kind each thing is of."""

    things: tuple[policy.Derived, ...]
    kind_of: dict[str, Kind]
    """Id of a thing to its kind; the picture itself has none."""

    def take(self, step: policy.Consequence, act: Act) -> None:
        """Do one step of what follows; what is only said of the picture itself is for the caller."""
        kind = self.kind_of.get(step.of)
        if kind is not None:
            kind.take(step, act)


def of(photo: Photo) -> Found:
    """Return the picture and everything registered that came from it."""
    things = [policy.Derived("original", str(photo.pk), Purpose(photo.made_for), is_out=False)]
    kind_of: dict[str, Kind] = {}
    for kind in kinds().values():
        for thing in kind.found(photo):
            things.append(thing)
            kind_of[thing.id] = kind
    return Found(tuple(things), kind_of)


# --- links to colleagues --------------------------------------------------------------------


def _links(photo: Photo) -> Iterable[policy.Derived]:
    for link in photo.links.filter(revoked_at__isnull=True):
        purpose = Purpose.SECOND_OPINION
        yield policy.Derived("link", str(link.pk), purpose, is_out=link.openings_used > 0)


def _take_link(step: policy.Consequence, act: Act) -> None:
    link = act.photo.links.get(pk=step.of)
    if step.step is policy.Step.RECALL:
        act.ask_back(step, what=link.recipient_name, tell=link.recipient_email)
    else:
        shut(link, now=act.now)


def shut(link: Link, *, now: datetime) -> None:
    """Make the link dead and empty the mail that still waits for its recipient."""
    link.set_revoked(at=now)
    mailing.unsend(link.pk)


# --- releases, and the copies made for them ----------------------------------------------------


def _releases(photo: Photo) -> Iterable[policy.Derived]:
    for release in photo.releases.exclude(state__in=ENDED_RELEASES):
        is_out = release.state == Release.State.RELEASED
        purpose = Purpose(release.purpose)
        yield policy.Derived(
            "release" if is_out else "queued", str(release.pk), purpose, is_out=is_out
        )


def _take_release(step: policy.Consequence, act: Act) -> None:
    release = act.photo.releases.get(pk=step.of)
    if step.step is policy.Step.STOP:
        release.set_state(Release.State.STOPPED)
    elif step.step is policy.Step.RECALL:
        release.set_state(Release.State.WITHDRAWN)
        release.disclosures.filter(withdrawn_at__isnull=True).update(withdrawn_at=act.now)
        act.ask_back(step, what=release.target)


def _copies(photo: Photo) -> Iterable[policy.Derived]:
    # What is out is asked back by the copy's release; the copy itself is only destroyed.
    kept = photo.copies.filter(state=Copy.State.KEPT)
    for copy_id, purpose in kept.values_list("pk", "release__purpose"):
        use = Purpose(purpose or photo.made_for)
        yield policy.Derived("copy", str(copy_id), use, is_out=False)


def _take_copy(step: policy.Consequence, act: Act) -> None:
    if step.step in {policy.Step.DESTROY, policy.Step.CLOSE}:
        act.copies.append(act.photo.copies.get(pk=step.of))


register(Kind("link", (Link,), _links, _take_link))
register(Kind("release", (Release,), _releases, _take_release))
register(Kind("copy", (Copy,), _copies, _take_copy))
