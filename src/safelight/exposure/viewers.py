"""Who sees what: each audience, everyone who is in two of them, and the public."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

PUBLIC = "public"
Viewer = frozenset[str]
"""The closed audiences that somebody is in; the empty one is a stranger, who sees the public's."""
STRANGER: Viewer = frozenset()


def sees(viewer: Viewer, audience: Iterable[str]) -> bool:
    """Say whether somebody in these audiences sees a release to those."""
    return any(each == PUBLIC or each in viewer for each in audience)


def viewers_of(audience: Sequence[str], earlier: Iterable[Sequence[str]]) -> list[Viewer]:
    """Return every class of viewer that sees a new release, whom the earlier ones tell apart.

    Everyone in one audience, and everyone in two: a release to one group and a different one to
    another add up for those who are in both. Three and more are the union, which is a warning.
    """
    closed = {each for audiences in [*earlier, audience] for each in audiences} - {PUBLIC}
    classes = [STRANGER, *map(frozenset, combinations(sorted(closed), 1))]
    classes += map(frozenset, combinations(sorted(closed), 2))
    return [viewer for viewer in classes if sees(viewer, audience)]


def everyone(audiences: Iterable[Sequence[str]]) -> Viewer:
    """Return somebody who is in every audience: what they know if they all talk."""
    return frozenset(each for audience in audiences for each in audience)
