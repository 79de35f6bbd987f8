"""A text for the patient's record: what was said, so that it stands beside the notes (GMC VAR 14, 25-26)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    from safelight.interop.consents.said import Said, Use

ANSWERS = {"agreed": "yes", "refused": "no", "not-asked": "not asked"}
LAYOUTS = {True: "easy read, with pictures", False: "all the words"}
WHERE = {"room": "in the room", "remote": "by phone or video"}


def as_text(said: Said) -> str:
    """Return plain text in English, a fact a line, to paste into any record. Ends with a newline."""
    lines = [
        f"CONSENT TO A RECORDING: {said.body_site}",
        f"Asked {_when(said.given_at)} by {said.taken_by.name} ({said.taken_by.role}), {said.practice.name}.",
        _answered(said),
        *_helped(said),
        "",
        "Agreed to and refused:",
        *(f"- {use.title}: {_answer(use)}" for use in said.uses),
        *_identifiable(said),
        *(
            ["- Nothing else, ever: the patient objects to every other use."]
            if said.nothing_else
            else []
        ),
        f"Lasts: {_lasts(said)}.",
        "",
        "Told before the answer:",
        *(f"- {item.heading}: {_told(item.was_told, item.why_not)}" for item in said.told),
        "",
        f"Words shown: {said.language} {said.wording['version']}, {LAYOUTS[said.is_easy_read]}.",
        f"Status on {_when(said.as_of)}: {said.status}.",
        f"Policy pack: {said.pack_id}. Consent: {said.id}.",
        f"Check of words and answers: {said.answer_digest or said.wording_digest} ({_check(said)}).",
    ]
    return "\n".join(lines) + "\n"


def _identifiable(said: Said) -> Iterator[str]:
    if said.identifiable_ok is not None:
        yield f"- May show who it is: {'yes' if said.identifiable_ok else 'no'}"


def _answered(said: Said) -> str:
    who = "the patient" if said.giver is None else f"{said.giver.name} ({said.giver.role})"
    words = f": {said.statement}" if said.statement else ""
    return f"Answered by {who}. {_ended(said.form_words + words)}"


def _ended(sentence: str) -> str:
    """Return the sentence with one full stop: what somebody typed may have its own."""
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def _helped(said: Said) -> Iterator[str]:
    if said.interpreter:
        yield f"Interpreter: {said.interpreter}, {WHERE.get(said.interpreter_by, 'not said where')}."
    if said.witness:
        yield f"Witness: {said.witness}."


def _answer(use: Use) -> str:
    named = f", only for: {use.target}" if use.target else ""
    taken = f" (taken back {_when(use.withdrawn_at)})" if use.withdrawn_at else ""
    return f"{ANSWERS[use.answer]}{named}{taken}"


def _told(was_told: bool, why_not: str) -> str:
    if was_told:
        return "told"
    return f"not told: {why_not}" if why_not else "not told"


def _lasts(said: Said) -> str:
    if said.expires_on is not None:
        return f"to the end of {_day(said.expires_on)}"
    if "episode" in said.lasts:
        return f"until this is over: {said.lasts['episode']}"
    return "until the mind changes"


def _check(said: Said) -> str:
    return "as the ledger has it" if said.is_as_it_was else "NOT as the ledger has it"


def _day(on: date) -> str:
    return f"{on.day} {on:%B %Y}"


def _when(at: datetime) -> str:
    return f"{_day(at.date())}, {at:%H:%M}"
