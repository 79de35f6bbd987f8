"""Long trials with planted mistakes: short ones are in the tests, long ones begin here.

usage: python -m benchmarks.campaign NAME [--long] [--minutes M] [--from N] [--seed N] [--json]

  kills        kill -9 at named points and at random, over everything that writes
  power        power cuts: every state that the recorded writes may leave
  faults       each system call of an upload and a withdrawal fails once (EIO, ENOSPC)
  far          the store of pictures and the key manager slow, away, cut, or done and not said
  full         a disk that is full but for 0, 1, 2 … pages (needs root, to mount one)
  races        withdrawals against looks, over two server processes
  races-postgres   the same on PostgreSQL
  residue      erased wrapped keys, looked for in every live file
  swaps        wrapped keys, blobs and rows in each other's place: every pair
  backups      erased pictures against every kept backup; kill -9 in backup and restore
  shredding    an old epoch's backup of keys, on a real OpenBao and PKCS#11 token
  mutants      the policy with one small mistake at a time: does a test of it notice?
  malformed    mutated and broken files through the locked decoder; a decoder that lies. With
               TEST_SHIPPED, a folder of pictures that dependencies ship, those are mutated too
  properties   every Hypothesis property, with more examples

--minutes ends a long one early; it reports what it reached. --from N leaves out the first N kills,
faults or levels, which a run before had; --seed N draws others by chance. It holds (exit 0) if
nothing was bad and every planted mistake was found.
"""

from __future__ import annotations

import argparse
import inspect
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.campaigns import far, faults, kills, mutants, power, races, residue, swaps
from benchmarks.campaigns.outcome import Outcome

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
MEMORY = Path("/dev/shm")
"""Where a made-up installation costs the disk nothing; what a disk does is replayed, not relied on."""
TESTS: dict[str, tuple[list[str], dict[str, str]]] = {
    "backups": (
        ["tests/backup/test_nothing_comes_back.py"],
        {"TEST_ERASED": "500", "TEST_BACKUP_KILLS": "60"},
    ),
    "malformed": (
        ["tests/unit/interop/test_bad_files.py", "tests/unit/interop/test_darkroom.py"],
        {"TEST_MUTANTS": "10000", "TEST_LIES": "10000"},
    ),
    "residue": (
        ["tests/unit/storage/test_residue.py", "--timeout=7200"],
        {"TEST_RESIDUE": "10002"},
    ),
    "shredding": (
        ["tests/servers/test_shredding.py", "--timeout=7200"],
        {"TEST_SHREDDED": "500"},
    ),
    "properties": (["tests/unit"], {"SAFELIGHT_HYPOTHESIS": "long"}),
}
"""Name to pytest arguments and to what `--long` puts into the environment."""
CAMPAIGNS: dict[str, tuple[Callable[..., Outcome], dict[str, int], dict[str, int]]] = {
    "kills": (kills.run, {"kills": 60}, {"kills": 1000}),
    "mutants": (mutants.run, {"mutants": 60}, {"mutants": 100_000}),
    "power": (power.run, {"states": 100}, {"states": 5000}),
    "faults": (faults.run, {"faults": 60}, {"faults": 100_000}),
    "far": (far.run, {"trials": 54}, {"trials": 1080}),
    "full": (faults.run_full, {"levels": 8}, {"levels": 200}),
    "races": (races.run, {"races": 45}, {"races": 10_000}),
    "races-postgres": (races.run_on_postgres, {"races": 45}, {"races": 10_000}),
    "residue": (residue.run, {"keys": 1000}, {"keys": 10_000}),
    "swaps": (swaps.run, {"records": 12}, {"records": 50}),
}
"""Name to what runs it, and how much of it is short and long."""


def main(words: list[str]) -> int:
    """Run one campaign; 0 if it holds."""
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("name", choices=sorted({*TESTS, *CAMPAIGNS}))
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--minutes", type=float, default=24 * 60)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--from", dest="first", type=int)
    parser.add_argument("--seed", type=int)
    asked = parser.parse_args(words)
    more = {name: n for name in ("first", "seed") if (n := getattr(asked, name)) is not None}
    takes = set() if asked.name in TESTS else inspect.signature(CAMPAIGNS[asked.name][0]).parameters
    if more.keys() - takes:
        parser.error(f"{asked.name} can't be continued that way")
    if asked.name in TESTS:
        return _tests(asked.name, long=asked.long)
    run, short, long = CAMPAIGNS[asked.name]
    with tempfile.TemporaryDirectory(dir=place()) as work:
        said = (long if asked.long else short) | more
        outcome = run(Path(work), minutes=asked.minutes, **said)
    print(outcome.as_json() if asked.json else outcome.as_text())
    return 0 if outcome.holds else 1


def place() -> Path | None:
    """Return a folder in memory, or None for the usual one."""
    return MEMORY if os.access(MEMORY, os.W_OK) else None


def _tests(name: str, *, long: bool) -> int:
    arguments, longer = TESTS[name]
    environment = os.environ | (longer if long else {})
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
