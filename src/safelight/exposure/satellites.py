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
