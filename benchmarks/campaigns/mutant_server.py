"""Judge mutants of the policy, one forked process each: `mutant_server.py PROJECT`, JSON lines in, a word out."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import io
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import hypothesis.strategies
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import HealthCheck, settings

PATIENCE_S = 900
LIVES, BY_TABLES, BY_TESTS, BY_PROPERTIES = 0, 10, 11, 12
WORDS = {
    LIVES: "lives",
    BY_TABLES: "killed by the tables",
    BY_TESTS: "killed by the tests",
    BY_PROPERTIES: "killed by the properties",
}
PROPERTIES = ("test_properties.py", "test_monotone.py", "test_shape.py")
ELSEWHERE = ("test_retention.py", "test_sheets.py", "test_withdrawal.py", "test_wording.py")
_LOADED = (hypothesis.strategies, ed25519)


class Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module from the given source instead of its file."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self._name, self._path, self._source = name, path, source

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find the mutated module, and leave the others to Python."""
        if name != self._name:
            return None
        return importlib.util.spec_from_file_location(name, self._path, loader=self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """Leave it to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the mutated source."""
        exec(compile(self._source, str(self._path), "exec"), module.__dict__)


def judged(project: Path, module: str, source: str) -> int:
    """Return what noticed the mutant; any error in it counts as noticed."""
    name = "safelight.policy." + module.removesuffix(".py").replace("/", ".")
    path = project / "src/safelight/policy" / module
    sys.meta_path.insert(0, Mutated(name.removesuffix(".__init__"), path, source))
    sys.path[:0] = [str(project / "src"), str(project / "tests"), str(project)]
    os.chdir(project)
    if not tables_hold():
        return BY_TABLES
    folder = project / "tests/unit/policy"
    files = sorted(folder.glob("test_*.py"))
    quick = [each for each in files if each.name not in {*PROPERTIES, *ELSEWHERE}]
    if not tests_hold(quick):
        return BY_TESTS
    if not tests_hold([folder / each for each in PROPERTIES]):
        return BY_PROPERTIES
    return LIVES


def tables_hold() -> bool:
    """Say whether the tables of cases are answered as they say: what kills most, in no time."""
    from safelight import policy
    from unit.policy.test_making import ROWS as MAKING
    from unit.policy.test_readings import READINGS
    from unit.policy.test_using import ROWS as USING

    pack: Any = policy.load_pack("england")
    rows = [*MAKING.values(), *USING.values(), *READINGS.values()]
    return all(policy.decide(facts, pack=pack).outcome == outcome for facts, outcome in rows)


def tests_hold(files: Sequence[Path]) -> bool:
    """Say whether the tests pass."""
    words = ["-x", "-q", "-c", os.devnull, "--rootdir", str(files[0].parent)]
    words += ["-p", "no:cacheprovider", "-p", "no:django", "-p", "no:xdist", "-p", "no:cov"]
    return pytest.main([*words, *map(str, files)]) == pytest.ExitCode.OK


def main(project: Path) -> None:
    """Judge what comes on standard input, each in a process of its own."""
    settings.register_profile(
        "mutants",
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("mutants")
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            code = BY_TABLES
            sink = io.StringIO()
            with redirect_stdout(sink), redirect_stderr(sink), suppress(BaseException):
                code = judged(project, asked["module"], asked["source"])
            os._exit(code)
        sys.stdout.write(f"{_waited(child)}\n")
        sys.stdout.flush()


def _waited(child: int) -> str:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return WORDS.get(os.waitstatus_to_exitcode(status), "killed by the tables")
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "ran on until it was ended"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
