"""The files of the packs that came with Safelight: whole, as `SHA256SUMS` lists them, or not at all."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


class Altered(ValueError):
    """A file isn't as it came with this version, or it didn't come with it."""


def folder() -> Traversable:
    """Return the folder of the packs."""
    return files("safelight.policy") / "packs"


def check(path: str) -> None:
    """Raise Altered unless this file, named from the packs' folder, is as it came."""
    place = folder()
    for part in path.split("/"):
        place /= part
    try:
        found = hashlib.sha256(place.read_bytes()).hexdigest()
    except OSError as error:
        raise Altered(path) from error
    if f"{found}  {path}" not in _listed():
        raise Altered(path)


@cache
def _listed() -> frozenset[str]:
    return frozenset((folder() / "SHA256SUMS").read_text(encoding="utf-8").splitlines())
