"""Long trials with planted faults: the tests of CI with more of everything.

usage: python -m benchmarks.campaign NAME [--long]

  malformed    mutated and broken files through the locked decoder; a decoder that lies
  kills        kill -9 at named points, with planted mistakes that must be found
  properties   every Hypothesis property, with more examples
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CAMPAIGNS: dict[str, tuple[list[str], dict[str, str]]] = {
    "malformed": (
        ["tests/unit/interop/test_bad_files.py", "tests/unit/interop/test_darkroom.py"],
        {"TEST_MUTANTS": "10000", "TEST_LIES": "10000"},
    ),
    "kills": (
        ["tests/unit/storage", "tests/flows", "-k", "kill or crash or full_disk or residue"],
        {},
    ),
    "properties": (["tests/unit"], {"SAFELIGHT_HYPOTHESIS": "long"}),
}
"""Name to pytest arguments and to what `--long` puts into the environment."""


def main(words: list[str]) -> int:
    """Run one campaign and return pytest's exit status."""
    names = [word for word in words if not word.startswith("-")]
    if len(names) != 1 or names[0] not in CAMPAIGNS or set(words) - {*names, "--long"}:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    arguments, longer = CAMPAIGNS[names[0]]
    environment = os.environ | (longer if "--long" in words else {})
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
