"""The motivated-intruder test: somebody tried, with what they had, to find out who it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from safelight.flows.allowed import DoesNotFit
from safelight.terms import Audience

OUTCOMES: Mapping[str, str] = {
    "nobody": "Nobody was found",
    "somebody": "Somebody was found, or nearly",
}
ASKED: Mapping[str, str] = {
    "who": "Say who tried, or whom they stood for",
    "holds": "Say what they hold: what they know or can look up",
    "searched": "Say where they searched",
}
"""What each attempt tells, and what to do where it doesn't."""
NEEDED_FOR = frozenset({Audience.CLOSED_GROUP, Audience.PUBLIC})
MOST = 6


def checked(
    attempts: Sequence[Mapping[str, str]], *, audience: Audience
) -> tuple[Mapping[str, str], ...]:
    """Return the attempts as they are kept with the decision; untouched ones are left out.

    Raises DoesNotFit where one is half told, where none was made although the audience needs one,
    and where one succeeded: then it may not leave as it is.
    """
    told = [
        {key: str(attempt.get(key, "")).strip() for key in (*ASKED, "outcome")}
        for attempt in attempts[:MOST]
    ]
    made = [attempt for attempt in told if any(attempt.values())]
    for attempt in made:
        if missing := {key: mend for key, mend in ASKED.items() if not attempt[key]}:
            raise DoesNotFit(missing)
        if attempt["outcome"] not in OUTCOMES:
            raise DoesNotFit({"outcome": "Say whether anybody was found"})
    if any(attempt["outcome"] == "somebody" for attempt in made):
        raise DoesNotFit({"outcome": "Somebody was found. Refuse it, and say what has to change."})
    if audience in NEEDED_FOR and not made:
        raise DoesNotFit({"who": "Try to find out who it is, as a stranger would, and say how"})
    return tuple(made)
