"""Environments of their own for the tools that benchmarks compare with; none is a dependency."""

from __future__ import annotations

import subprocess
import venv
from collections.abc import Sequence
from pathlib import Path

DONE = "done"


def install(packages: Sequence[str], place: Path) -> str | None:
    """Make an environment with these packages, unless it stands; return why it can't be had, or None."""
    if (place / DONE).is_file():
        return None
    try:
        venv.create(place, with_pip=True, clear=True)
        command = [str(place / "bin/python"), "-m", "pip", "install", "--quiet", *packages]
        subprocess.run(command, check=True, capture_output=True, timeout=900)
    except (OSError, subprocess.SubprocessError) as error:
        return f"not run: it could not be installed ({type(error).__name__})"
    (place / DONE).touch()
    return None
