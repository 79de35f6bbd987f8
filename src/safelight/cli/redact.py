"""`safelight redact FILE -o OUT`: write a fresh copy with everything found covered."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from safelight.cli import EXIT_DONE, EXIT_OTHER, EXIT_REFUSED, EXIT_USAGE
from safelight.cli.inspect import (
    CANNOT_OPEN,
    Failure,
    failure_of,
    place,
    read,
    report_failure,
    told_of,
)
from safelight.flows import pictures
from safelight.terms import Answer, Region, RegionOutsideImage

if TYPE_CHECKING:
    from safelight.flows.pictures import CopyMade

FORMATS: dict[str, Literal["jpeg", "png"]] = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png"}
NEUTRAL_TIME = 315_532_800
"""The copy's date: the first of January 1980, which says nothing of when it was made."""
NEXT_TO_NOTHING = 0.1
"""Of the picture: a copy that shows less is worth a word."""
WEAK = {
    "--blur": "Blur can be undone",
    "--mosaic": "A mosaic can be undone",
    "--eye-bar": "A bar over the eyes leaves the face",
}
"""What people ask for, and why it isn't here (docs/adr/0004-solid-cover-only.md)."""


class _Refuse(argparse.Action):
    """Refuse an option with a reason instead of not knowing it."""

    def __call__(self, parser: argparse.ArgumentParser, *rest: object) -> None:
        option = str(rest[-1])
        parser.error(f"{WEAK[option]}, so Safelight covers with solid black only.")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("file", metavar="FILE", type=Path, help="a picture")
    parser.add_argument(
        "-o", dest="out", metavar="OUT", type=Path, required=True, help="the copy: .jpg or .png"
    )
    parser.add_argument(
        "--keep",
        metavar="BOX",
        type=kept,
        action="append",
        default=[],
        help="let only this remain: X,Y,WIDTH,HEIGHT in pixels of the upright picture, "
        "or skin, or lesion; may be repeated",
    )
    parser.add_argument(
        "--cover",
        metavar="BOX",
        type=box,
        action="append",
        default=[],
        help="cover this as well: X,Y,WIDTH,HEIGHT; may be repeated",
    )
    parser.add_argument(
        "--max-side", metavar="N", type=side, help="make the longer side at most this many pixels"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    for option in WEAK:
        parser.add_argument(option, action=_Refuse, nargs=0, help=argparse.SUPPRESS)


def kept(words: str) -> Region | Literal["skin", "lesion"]:
    """Read a box, or the name of what is to be looked for in the picture."""
    if words == "skin":
        return "skin"
    return "lesion" if words == "lesion" else box(words)


def box(words: str) -> Region:
    """Read a box: four whole numbers with commas between, as the JSON writes it or without brackets."""
    numbers = re.fullmatch(
        r"\[?\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\]?", words, re.ASCII
    )
    if numbers is None:
        raise argparse.ArgumentTypeError("a box is X,Y,WIDTH,HEIGHT")
    try:
        return Region(*(int(number) for number in numbers.groups()))
    except RegionOutsideImage:
        raise argparse.ArgumentTypeError("a box is at least one pixel wide and high") from None


def side(words: str) -> int:
    """Read a length in pixels, at least one."""
    if not re.fullmatch(r"\d{1,6}", words, re.ASCII) or int(words) < 1:
        raise argparse.ArgumentTypeError("a side is a whole number of pixels, at least 1")
    return int(words)


def run(args: argparse.Namespace) -> int:
    """Make the copy, write it if it is verified, and return the exit status."""
    usage = _misused(args)
    if usage is not None:
        print(f"safelight redact: {usage}", file=sys.stderr)
        return EXIT_USAGE
    made = _made(args)
    if isinstance(made, Failure):
        return report_failure(str(args.file), made, as_json=args.json)
    if made.verified:
        failure = write(made.data, args.out)
        if failure is not None:
            return report_failure(str(args.file), failure, as_json=args.json)
    print(json.dumps(_as_json(made, args.out)) if args.json else _for_people(made, args.out))
    return EXIT_DONE if made.verified else EXIT_REFUSED


def write(data: bytes, out: Path) -> Failure | None:
    """Put the whole file there under a neutral date, or nothing; return why not."""
    try:
        handle, name = tempfile.mkstemp(prefix=".safelight-", suffix=".part", dir=out.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(handle)
            os.utime(name, (NEUTRAL_TIME, NEUTRAL_TIME))
            Path(name).replace(out)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        return Failure(f"The copy can't be written: {reason}.", EXIT_OTHER)
    return None


def _misused(args: argparse.Namespace) -> str | None:
    if args.file.is_dir():
        return "FILE is a folder; redact takes one picture at a time"
    if args.out.suffix.lower() not in FORMATS:
        return "OUT ends in .jpg, .jpeg or .png"
    if args.out.is_dir():
        return "OUT is a folder"
    if args.out.exists() and args.file.exists() and args.out.samefile(args.file):
        return "OUT is FILE itself; the original stays as it is"
    return None


def _made(args: argparse.Namespace) -> CopyMade | Failure:
    data = read(args.file)
    if isinstance(data, Failure):
        return data
    try:
        return pictures.make_copy(
            data,
            keep=args.keep,
            cover=args.cover,
            max_side=args.max_side,
            file_format=FORMATS[args.out.suffix.lower()],
        )
    except RegionOutsideImage as error:
        return Failure(error.for_people, EXIT_USAGE)
    except pictures.NothingToPropose as error:
        return Failure(error.for_people, EXIT_REFUSED)
    except CANNOT_OPEN as error:
        return failure_of(error)


def _as_json(made: CopyMade, out: Path) -> dict[str, object]:
    line: dict[str, object] = {
        "out": str(out) if made.verified else None,
        "sha256": made.sha256 if made.verified else None,
        "covered": [each.as_json() for each in made.covered],
        "residual": [finding.as_json() for finding in made.residual],
        "detectors": {kind: said.value for kind, said in made.answers.items()},
        "verified": made.verified,
    }
    return line if made.verified else {**line, "error": " ".join(_reasons(made))}


def _reasons(made: CopyMade) -> list[str]:
    reasons = [f"{problem[0].upper()}{problem[1:]}." for problem in made.problems]
    failed = sorted(kind for kind, said in made.answers.items() if said is Answer.FAILED)
    if failed:
        reasons.append(f"A detector failed: {', '.join(failed)}.")
    if made.residual:
        kinds = sorted({finding.kind for finding in made.residual})
        reasons.append(f"Still to be seen after {pictures.ROUNDS} looks: {', '.join(kinds)}.")
    return reasons


def _for_people(made: CopyMade, out: Path) -> str:
    lines = []
    for each in made.covered:
        size = f"{each.box.width} × {each.box.height} at {each.box.x}, {each.box.y}"
        lines.append(
            f"  covered   {each.kind:<9} {size:<24} {told_of(each.kind, each.why)}".rstrip()
        )
    lines += [
        f"  left over {finding.kind:<9} {place(finding):<24} {told_of(finding.kind, finding.why)}".rstrip()
        for finding in made.residual
    ]
    if made.visible < NEXT_TO_NOTHING:
        lines.append(
            f"  Almost all of it is black: {made.visible:.0%} is left to be seen. Here everything that"
            " may be a face or a bystander is covered; in the browser a person can decide otherwise."
        )
    if made.verified:
        lines.insert(0, f"{out}: {made.width} × {made.height}, a fresh file, checked again")
        lines.append("  That nobody can recognise the patient, only a person can say: look at it.")
    else:
        lines.insert(0, f"{out}: not written")
        lines += [f"  {reason}" for reason in _reasons(made)]
    return "\n".join(lines)
