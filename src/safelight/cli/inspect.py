"""`safelight inspect FILE…`: say what in a picture or its file can identify."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.cli import EXIT_DONE, EXIT_OTHER, EXIT_REFUSED, EXIT_UNREADABLE
from safelight.detect import WeightsMissing
from safelight.flows import pictures
from safelight.interop.pictures import LIMITS, LockUnavailable, PictureRefused
from safelight.terms import Answer

if TYPE_CHECKING:
    import argparse

    from safelight.detect import Finding
    from safelight.flows.pictures import Inspected

CANNOT_OPEN = (PictureRefused, LockUnavailable, WeightsMissing)
"""What the flows raise when a picture can't be dealt with."""
LOCK_MISSING = (
    "This machine can't lock the opening of pictures, so none is opened. "
    "`safelight doctor` says what is missing."
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a file could not be dealt with, and the exit status for that."""

    for_people: str
    status: int


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="a picture")
    parser.add_argument(
        "--quick", action="store_true", help="a first warning in less time: it sees less"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object for each file")


def run(args: argparse.Namespace) -> int:
    """Inspect each file, and return the worst of their exit statuses."""
    many = len(args.files) > 1 and sys.stderr.isatty()
    worst = EXIT_DONE
    for number, name in enumerate(args.files, start=1):
        if many:
            print(f"\r{number} of {len(args.files)} ", end="", file=sys.stderr, flush=True)
        worst = worse(worst, _one(name, quick=args.quick, as_json=args.json))
    return worst


def worse(one: int, other: int) -> int:
    """Return the worse of two exit statuses."""
    order = (EXIT_DONE, EXIT_REFUSED, EXIT_UNREADABLE, EXIT_OTHER)
    return max(one, other, key=order.index)


def read(path: Path) -> bytes | Failure:
    """Return the file's bytes, no more than are ever opened, or why they can't be had."""
    try:
        with path.open("rb") as file:
            return file.read(LIMITS.body_bytes + 1)
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        return Failure(f"This file can't be read: {reason}.", EXIT_UNREADABLE)


def failure_of(error: Exception) -> Failure:
    """Return the words and the exit status for one of CANNOT_OPEN."""
    match error:
        case PictureRefused():
            return Failure(error.for_people, EXIT_UNREADABLE)
        case LockUnavailable():
            return Failure(LOCK_MISSING, EXIT_REFUSED)
        case _:
            return Failure(WeightsMissing.for_people, EXIT_OTHER)


def report_failure(name: str, failure: Failure, *, as_json: bool) -> int:
    """Print why a file failed where scripts or people look for it, and return the exit status."""
    if as_json:
        print(json.dumps({"file": name, "error": failure.for_people}))
    else:
        print(f"{name}: {failure.for_people}", file=sys.stderr)
    return failure.status


def place(finding: Finding) -> str:
    """Return where a finding is, for people."""
    if finding.box is None:
        return finding.where or ""
    box = finding.box
    return f"{box.width} × {box.height} at {box.x}, {box.y}"


def told_of(kind: str, why: str) -> str:
    """Return what is known beyond the kind: "text, text" would say nothing."""
    return "" if why == kind else why


def _one(name: str, *, quick: bool, as_json: bool) -> int:
    data = read(Path(name))
    if isinstance(data, Failure):
        return report_failure(name, data, as_json=as_json)
    try:
        seen = pictures.inspect(data, quick=quick)
    except CANNOT_OPEN as error:
        return report_failure(name, failure_of(error), as_json=as_json)
    print(json.dumps({"file": name, **seen.as_json()}) if as_json else _for_people(name, seen))
    return EXIT_REFUSED if seen.report.failed else EXIT_DONE


def _for_people(name: str, seen: Inspected) -> str:
    lines = [f"{name}: {seen.format}, {seen.width} × {seen.height}"]
    if seen.report.identifiable == "yes":
        lines.append("  This can identify somebody:")
    else:
        lines.append("  Nothing certain. Whether it identifies somebody, only a person can say.")
    lines += [
        f"    {finding.kind:<9} {place(finding):<24} {told_of(finding.kind, finding.why)}".rstrip()
        for finding in seen.report.findings
    ]
    said = seen.report.answers
    unseen = [kind for kind in seen.report.unseen if said[kind] is Answer.HELD]
    answers = [each for each in said.items() if each[0] not in unseen]
    lines.append("  Detectors: " + ", ".join(f"{kind} {said.value}" for kind, said in answers))
    if unseen:
        lines.append("  Held, since no machine can tell: " + ", ".join(unseen))
    if seen.report.failed:
        lines.append("  A detector failed, so this answer is not complete.")
    return "\n".join(lines)
