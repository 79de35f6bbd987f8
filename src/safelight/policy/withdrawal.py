"""What follows when a patient takes something back: said beforehand, and then done, from one list."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from safelight.terms import Purpose

if TYPE_CHECKING:
    from safelight.policy.saying import Saying

Kind: TypeAlias = Literal["original", "copy", "link", "release", "queued"]

BY_LAW = frozenset({Purpose.LEGAL, Purpose.COMPLAINT})
"""What the law or a complaint asks for does not end with a consent."""

_LAW, _HOLD, _PRACTICE = "GMC VAR 15, GMC CONF 87–88", "NHS-RM", "practice"

FOR = {
    Purpose.CARE: "looking after the patient",
    Purpose.SECOND_OPINION: "another doctor's opinion",
    Purpose.INTEREST: "showing colleagues",
    Purpose.AUDIT: "checking our own work",
    Purpose.TEACHING_LOCAL: "teaching here",
    Purpose.TEACHING_WIDE: "teaching elsewhere",
    Purpose.RESEARCH: "research",
    Purpose.PUBLICATION: "a journal or a book",
    Purpose.SOCIAL: "social media",
    Purpose.MARKETING: "advertising",
    Purpose.LEGAL: "a court or the law",
    Purpose.COMPLAINT: "a complaint or claim",
}
"""Each purpose in words that a patient can follow."""

_BROAD = frozenset({Purpose.TEACHING_WIDE, Purpose.PUBLICATION, Purpose.SOCIAL, Purpose.MARKETING})
_CANT_BROAD = "What was printed, saved or passed on from the web can't be called back."
_CANT_NAMED = "Who has seen it can't unsee it, and a copy saved elsewhere can't be reached."

_DESTROYED = "The picture is destroyed."
_CLOSED = "The picture is closed to {what}."
_STAYS = "{why}, so it stays in the record, closed to {closed}."
_FOR_LAW = "What was given for {what} stays: consent doesn't decide that."
_COPY_CLOSED = "The {word} for {what} is closed."
_COPY_STAYS = "A complaint, claim or inquiry may need the {word}, so it stays, closed to all."
_COPY_DESTROYED = "The {word} for {what} is destroyed."
_LINK_ENDS = "The {word} for {what} stops working."
_NOT_SENT = "What was waiting to leave for {what} is stopped."
_RECALLED = "We ask for what left for {what} to be taken down or deleted. {limit}"
_GUIDED = "The picture has guided care"
_IN_DISPUTE = "A complaint, claim or inquiry may need the picture"
_IN_LAW = "The law or a complaint may need the picture"
_TAKEN_FOR = "The picture was taken for {what}"
_EVERY, _EVERY_OTHER, _WHAT_ENDED = "every use", "every other use", "what was taken back"

SENTENCES = (
    *(_DESTROYED, _CLOSED, _STAYS, _FOR_LAW, _COPY_CLOSED, _COPY_STAYS, _COPY_DESTROYED),
    *(_LINK_ENDS, _NOT_SENT, _RECALLED, _TAKEN_FOR),
)
"""What is put together from phrases; a translator is asked for each."""
PHRASES = (
    *(*FOR.values(), _EVERY, _EVERY_OTHER, _WHAT_ENDED, _GUIDED, _IN_DISPUTE, _IN_LAW),
    *(_CANT_BROAD, _CANT_NAMED, *get_args(Kind)),
)
"""What is put in."""
_FORMS = {
    sentence: re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", re.escape(sentence)))
    for sentence in SENTENCES
}


class Step(StrEnum):
    """What is done, in the order in which it is done."""

    STOP = "stop"
    REVOKE = "revoke"
    CLOSE = "close"
    DESTROY = "destroy"
    RECALL = "recall"
    KEEP = "keep"


_ORDER = {step: place for place, step in enumerate(Step)}


@dataclass(frozen=True, slots=True)
class Derived:
    """A picture, or something that came from it."""

    kind: Kind
    id: str
    purpose: Purpose
    """What it was made for; of an original, what the picture was taken for."""
    is_out: bool
    """Somebody outside the team has seen it or has it."""
    called: str = ""
    """What people call it ("slide"), where that isn't the word for its kind."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"no such kind: {self.kind}")

    @property
    def word(self) -> str:
        """Return what it is called in a sentence."""
        return self.called or self.kind


@dataclass(frozen=True, slots=True)
class Consequence:
    """One step for one thing, in words for the patient, with the paragraph it rests on."""

    step: Step
    of: str
    text: str
    source: str

    def as_json(self) -> dict[str, str]:
        """Return the consequence as a withdrawal's receipt keeps it."""
        return {"step": self.step.value, "of": self.of, "text": self.text, "source": self.source}


def consequences(
    purposes: Collection[Purpose],
    *,
    things: Sequence[Derived],
    relied_on_for_care: bool,
    during: bool,
    held: bool = False,
) -> tuple[Consequence, ...]:
    """Say what follows for one picture, and for what came from it, when `purposes` are taken back.

    things: the original and everything derived from it.
    relied_on_for_care: somebody decided about the patient's care with it. It then stays in the
    record, closed to every other use.
    during: the picture is being taken, or has just been (GMC VAR 25). If what the picture was
    taken for is taken back then, nothing of it stays, whatever else is true of it.
    held: a complaint, claim or inquiry stops its destruction, and that of its copies (NHS-RM). It
    never stops the closing of access.

    Taking back care takes back all that rests on it. What was given because the law or a complaint
    demands it stays, and the original with it. Without purposes nothing follows. Steps come in the
    order of Step.
    """
    case = _case(
        frozenset(purposes), things, relied_on_for_care=relied_on_for_care, during=during, held=held
    )
    found = [step for each in things if purposes for step in case.steps(each)]
    return tuple(sorted(found, key=lambda one: _ORDER[one.step]))


def consequences_of_erasure(things: Sequence[Derived]) -> tuple[Consequence, ...]:
    """Say what follows when a picture is erased: it goes, with everything that came from it.

    What was given because the law or a complaint demanded it is listed to be asked back like the
    rest: whether that may be is for the person who erases.
    """
    case = _Case(
        ended=frozenset(Purpose),
        everything=True,
        during=False,
        relied_on=False,
        held=False,
        lawful=frozenset(),
        original_goes=True,
        erasing=True,
    )
    found = [step for each in things for step in case.steps(each)]
    return tuple(sorted(found, key=lambda one: _ORDER[one.step]))


def said(text: str, words: Saying) -> str:
    """Return a consequence's text in the patient's language, also one that was kept long ago.

    A text of another origin stays as it is.
    """
    if not words.texts:
        return text
    for sentence, form in _FORMS.items():
        if found := form.fullmatch(text):
            values = {name: _phrase(value, words) for name, value in found.groupdict().items()}
            return words.say(sentence, **values)
    return words.say(text)


def _phrase(text: str, words: Saying) -> str:
    """Return what is put in: one phrase, several in a row, or a sentence of its own."""
    if text in PHRASES:
        return words.say(text)
    parts = re.split(", | and ", text)
    if all(part in PHRASES for part in parts):
        return ", ".join(words.say(part) for part in parts)
    return said(text, words)


@dataclass(frozen=True, slots=True)
class _Case:
    """One withdrawal, and what of its circumstances decides."""

    ended: frozenset[Purpose]
    everything: bool
    during: bool
    relied_on: bool
    held: bool
    lawful: frozenset[Purpose]
    """Something was given because the law or a complaint demands it."""
    original_goes: bool
    erasing: bool = False

    def steps(self, thing: Derived) -> Iterator[Consequence]:
        if thing.kind == "original":
            return self._original(thing)
        if thing.purpose in BY_LAW and not self.during and not self.erasing:
            return self._lawful(thing)
        return self._derived(thing)

    def _original(self, thing: Derived) -> Iterator[Consequence]:
        if self.original_goes:
            yield self._say(Step.DESTROY, thing, _DESTROYED)
            return
        yield self._say(Step.CLOSE, thing, _CLOSED.format(what=self._what_ended()))
        why, source = self._why_it_stays(thing)
        closed = _EVERY_OTHER if self.everything else _WHAT_ENDED
        yield Consequence(Step.KEEP, thing.id, _STAYS.format(why=why, closed=closed), source)

    def _why_it_stays(self, thing: Derived) -> tuple[str, str]:
        if self.relied_on:
            return _GUIDED, _PRACTICE
        if self.held:
            return _IN_DISPUTE, _HOLD
        if self.lawful:
            return _IN_LAW, _demanded_by(self.lawful)
        return _TAKEN_FOR.format(what=FOR[thing.purpose]), _PRACTICE

    def _lawful(self, thing: Derived) -> Iterator[Consequence]:
        if self.everything:
            text = _FOR_LAW.format(what=FOR[thing.purpose])
            source = _demanded_by({thing.purpose})
            yield Consequence(Step.KEEP, thing.id, text, source)

    def _derived(self, thing: Derived) -> Iterator[Consequence]:
        if not self.original_goes and thing.purpose not in self.ended:
            return
        what, word = FOR[thing.purpose], thing.word
        if thing.kind == "copy" and self.held and not self.during:
            yield self._say(Step.CLOSE, thing, _COPY_CLOSED.format(word=word, what=what))
            why = _COPY_STAYS.format(word=word)
            yield Consequence(Step.KEEP, thing.id, why, _HOLD)
        elif thing.kind == "copy":
            yield self._say(Step.DESTROY, thing, _COPY_DESTROYED.format(word=word, what=what))
        elif thing.kind == "link":
            yield self._say(Step.REVOKE, thing, _LINK_ENDS.format(word=word, what=what))
        elif thing.kind == "queued" or not thing.is_out:
            yield self._say(Step.STOP, thing, _NOT_SENT.format(what=what))
        if thing.is_out:
            limit = _CANT_BROAD if thing.purpose in _BROAD else _CANT_NAMED
            text = _RECALLED.format(what=what, limit=limit)
            yield Consequence(Step.RECALL, thing.id, text, _PRACTICE)

    def _what_ended(self) -> str:
        if self.everything:
            return _EVERY
        if not self.ended:
            return _WHAT_ENDED
        *most, last = (FOR[each] for each in Purpose if each in self.ended)
        return " and ".join([*([", ".join(most)] if most else []), last])

    def _say(self, step: Step, thing: Derived, text: str) -> Consequence:
        return Consequence(step, thing.id, text, "GMC VAR 25" if self.during else _PRACTICE)


def _demanded_by(purposes: Collection[Purpose]) -> str:
    return _LAW if Purpose.LEGAL in purposes else _PRACTICE


def _case(
    purposes: frozenset[Purpose],
    things: Sequence[Derived],
    *,
    relied_on_for_care: bool,
    during: bool,
    held: bool,
) -> _Case:
    everything = Purpose.CARE in purposes
    asked = frozenset(Purpose) if everything else purposes
    ended = asked if during else asked - BY_LAW
    lawful = frozenset(each.purpose for each in things) & BY_LAW
    reached = any(each.kind == "original" and each.purpose in ended for each in things)
    stays = not during and (relied_on_for_care or held or lawful)
    return _Case(
        ended=ended,
        everything=everything,
        during=during,
        relied_on=relied_on_for_care,
        held=held,
        lawful=lawful,
        original_goes=reached and not stays,
    )
