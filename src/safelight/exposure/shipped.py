"""The population packages that come with the product."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from safelight.exposure.packages import About, read_about, read_package
from safelight.exposure.population import Population

NAMES = ("uk-mid2011",)


class UnknownPopulation(ValueError):
    """There is no population table of that name."""


def load_population(name: str = NAMES[0]) -> Population:
    """Return the population that comes with the product under that name.

    Raises UnknownPopulation; an unknown crowd is never taken for a large one.
    """
    return _read(name)


@cache
def _read(name: str) -> Population:
    return read_package(_parts(name))


def shipped() -> tuple[About, ...]:
    """Return what comes with the product."""
    return tuple(read_about(_parts(name)) for name in NAMES)


def _parts(name: str) -> dict[str, bytes]:
    if name not in NAMES:
        raise UnknownPopulation(name)
    folder = files("safelight.exposure").joinpath("tables", name)
    return {part.name: part.read_bytes() for part in folder.iterdir()}
