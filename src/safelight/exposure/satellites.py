"""Tables beside the counts of people: ethnic groups by district, and how rare conditions are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

UMBRELLAS: Mapping[str, tuple[int, int]] = {
    "white": (0, 4),
    "mixed": (4, 8),
    "asian": (8, 13),
    "south asian": (8, 11),
    "black": (13, 16),
    "white british": (0, 1),
    "british": (0, 1),
    "gypsy": (2, 3),
    "irish traveller": (2, 3),
    "black african": (13, 14),
    "black caribbean": (14, 15),
}
"""What people say, to the census groups it covers: the first, and the one after the last."""

ROUNDS = 12
"""Of fitting; after so many the margins are met to a ten-thousandth."""


def plain(name: str) -> str:
    """Return a name as it is looked up: small letters and figures, one space between words."""
    return " ".join(re.findall(r"\w+", name.casefold()))


def ethnic_groups(
    table: Sequence[Sequence[str]], places: Mapping[str, int]
) -> tuple[Mapping[str, int], NDArray[np.float64]]:
    """Return the mask of each group's name, and each place's shares of the groups.

    The shares are (places, groups). A place that the table doesn't count gets of each group the
    smallest share that any region has: too few rather than too many.
    """
    if not table:
        return {}, np.zeros((len(places), 0))
    heading, *rows = table
    groups = heading[2:]
    shares = np.full((len(places), len(groups)), np.nan)
    regions: dict[str, NDArray[np.float64]] = {}
    for lad, region, *said in rows:
        counts = np.array(said, dtype=np.float64)
        regions[region] = regions.get(region, np.zeros(len(groups))) + counts
        shares[places[lad]] = counts / counts.sum()
    smallest = np.min([counts / counts.sum() for counts in regions.values()], axis=0)
    shares[np.isnan(shares[:, 0])] = smallest
    masks = {plain(group): 1 << at for at, group in enumerate(groups)}
    masks |= {name: (1 << last) - (1 << first) for name, (first, last) in UMBRELLAS.items()}
    return masks, shares


def lifts_of(
    table: Sequence[Sequence[str]], ethnicity: Sequence[Sequence[str]], *, oldest: int
) -> NDArray[np.float64]:
    """Return how much commoner each group is at each age than at all ages, (oldest + 1, groups).

    table: a heading, then group, first and last age, lift. What it doesn't tell is 1.
    """
    groups = list(ethnicity[0][2:]) if ethnicity else []
    found = np.ones((oldest + 1, len(groups)))
    for group, first, last, lift in table[1:]:
        found[int(first) : int(last) + 1, groups.index(group)] = float(lift)
    return found


def at_each_age(
    likely: NDArray[np.float64], shares: NDArray[np.float64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the share of each group at each age of each place, (places, ages, groups).

    likely: what broadcasts to that, saying where a group's people are rather to be found, such as
    the lifts. shares: (places, groups). counts: (places, sexes, ages).
    Iterative proportional fitting (Deming and Stephan 1940): both published margins stay what they
    are, how many people of each age live in a place, and how many of each group. Shares are only
    ever added up, so naming fewer groups, ages or places never counts more people.
    """
    people = counts.sum(axis=1).astype(np.float64)
    wanted, whole = shares * people.sum(axis=1)[:, None], shares.sum(axis=1)[:, None, None]
    found = shares[:, None, :] * likely
    for _ in range(ROUNDS):
        found *= _ratio(wanted, np.einsum("pa,pag->pg", people, found))[:, None, :]
        found *= _ratio(whole, found.sum(axis=2, keepdims=True))
    return found


def _ratio(wanted: NDArray[np.float64], there_are: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what to multiply with; nothing where nobody is."""
    return np.divide(wanted, there_are, out=np.zeros_like(there_are), where=there_are > 0)
