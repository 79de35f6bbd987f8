"""Population packages of an installation: brought in, checked, listed, counted with."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from safelight import exposure

MOST_FILES, MOST_BYTES = 16, 64 << 20


@dataclass(frozen=True, slots=True)
class Listed:
    """A population that can be counted with, or why it can't."""

    about: exposure.About | None
    comes_with_product: bool
    folder: str = ""
    problem: str = ""


def find(name: str, *, among: Path | None = None) -> exposure.Population:
    """Return a population by the name of its package, or by the path of a package's folder.

    among: the folder of the packages that were brought in.
    Raises UnknownPopulation, PopulationRefused.
    """
    if os.sep in name:
        return exposure.read_package(parts_of(Path(name)))
    folder = among / name if among is not None and name.replace("-", "").isalnum() else None
    if folder is not None and folder.is_dir():
        return _read(folder, folder.stat().st_mtime_ns)
    return exposure.load_population(name)


@cache
def _read(folder: Path, _changed_ns: int) -> exposure.Population:
    return exposure.read_package(parts_of(folder))


def parts_of(folder: Path) -> dict[str, bytes]:
    """Return a package's files. Raises PopulationRefused where it is no such folder."""
    if not folder.is_dir():
        raise exposure.PopulationRefused("that is no folder")
    found: dict[str, bytes] = {}
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.is_symlink():
            raise exposure.PopulationRefused(f"{path.name} is no plain file")
        if len(found) == MOST_FILES or path.stat().st_size > MOST_BYTES:
            raise exposure.PopulationRefused("too many files, or too large ones, for a package")
        found[path.name] = path.read_bytes()
    return found


def bring_in(folder: Path, *, into: Path) -> exposure.Population:
    """Check a package and keep it, in place of one of the same name. Raises PopulationRefused.

    It appears whole or not at all.
    """
    parts = parts_of(folder)
    population = exposure.read_package(parts)
    if population.name in {about.name for about in exposure.shipped()}:
        raise exposure.PopulationRefused("that name comes with the product: choose another")
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into, prefix=".new-") as made:
        new, old = Path(made) / "new", Path(made) / "old"
        new.mkdir()
        for name, data in parts.items():
            (new / name).write_bytes(data)
        kept = into / population.name
        if kept.exists():
            kept.rename(old)
        new.rename(kept)
        shutil.rmtree(old, ignore_errors=True)
    return population


def listed(among: Path | None) -> Iterable[Listed]:
    """Yield what comes with the product, then what was brought in, broken ones with their fault."""
    for about in exposure.shipped():
        yield Listed(about, comes_with_product=True)
    if among is None or not among.is_dir():
        return
    for folder in sorted(among.iterdir()):
        if folder.name.startswith("."):
            continue
        try:
            parts = parts_of(folder)
            exposure.read_package(parts)
            yield Listed(exposure.read_about(parts), False, folder.name)
        except exposure.PopulationRefused as refused:
            yield Listed(None, False, folder.name, str(refused))
