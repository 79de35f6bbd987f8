"""Decide for a whole page of pictures: once for each distinct set of facts, within one call."""

from __future__ import annotations

import marshal
from typing import TYPE_CHECKING

from safelight.policy.engine import decide

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from safelight.policy.answers import Hold, Permit, Refusal
    from safelight.policy.pack import Pack

_NO_REFERENCES = 2
"""The version of marshal that writes equal facts as equal bytes, wherever they lie in memory."""


def decide_each(
    pictures: Iterable[Mapping[str, object]], *, pack: Pack
) -> list[Permit | Hold | Refusal]:
    """Return the answer to each, as `decide` would give it; equal facts are decided once.

    Nothing is kept for the next call: a withdrawal in between has to be seen.
    """
    answers: dict[bytes, Permit | Hold | Refusal] = {}
    found = []
    for facts in pictures:
        key = _key(facts)
        if key is None:
            found.append(decide(facts, pack=pack))
            continue
        answer = answers.get(key)
        if answer is None:
            answer = answers[key] = decide(facts, pack=pack)
        found.append(answer)
    return found


def _key(facts: Mapping[str, object]) -> bytes | None:
    """Return bytes that only equal facts share, None for what JSON can't hold.

    Facts in another order have other bytes: they are decided twice, never wrongly once.
    """
    try:
        return marshal.dumps(facts, _NO_REFERENCES)  # type: ignore[arg-type]  # it says so itself
    except ValueError:
        return None
