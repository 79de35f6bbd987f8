"""`safelight details`: what a caption tells of a patient, word by word."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from safelight import exposure
from safelight.cli import EXIT_DONE, EXIT_REFUSED, EXIT_UNREADABLE, installation
from safelight.cli.population import folder_of
from safelight.flows import populations

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `safelight details`."""
    parser.add_argument("file", metavar="FILE|-", help="the words; - reads standard input")
    parser.add_argument(
        "--at", type=date.fromisoformat, metavar="DAY", help="the day they are told, default today"
    )
    parser.add_argument(
        "--file-name",
        default="",
        metavar="NAME",
        help="the picture's file name, read after the words",
    )
    parser.add_argument(
        "--profile", type=Path, metavar="FILE", help="what the poster's profile says, read last"
    )
    installation.arguments(parser)
    parser.add_argument(
        "--population",
        default="uk-mid2011",
        metavar="NAME|FOLDER",
        help="a table's name, or a package's folder with a slash in it",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    """Read the words; what names somebody outright exits 3."""
    try:
        text = _text(args)
        reading = exposure.read_words(
            text,
            at=args.at or datetime.now(UTC).astimezone().date(),
            population=populations.find(args.population, among=folder_of(args)),
        )
    except exposure.TextTooLong:
        print("could not read: that is more than a caption", file=sys.stderr)
        return EXIT_UNREADABLE
    except exposure.UnknownPopulation:
        print("could not read: there is no population table of that name", file=sys.stderr)
        return EXIT_UNREADABLE
    except exposure.PopulationRefused as refused:
        print(f"not a population package: {refused}", file=sys.stderr)
        return EXIT_UNREADABLE
    except (OSError, UnicodeDecodeError) as error:
        print(f"could not read: {type(error).__name__}", file=sys.stderr)
        return EXIT_UNREADABLE
    if args.json:
        print(json.dumps(reading.as_json(), sort_keys=True))
    else:
        _tell(reading)
    return EXIT_REFUSED if reading.identifiers else EXIT_DONE


def _text(args: argparse.Namespace) -> str:
    """Return the words, those of the file name and those of the profile, a line or more each."""
    words = sys.stdin.read() if args.file == "-" else Path(args.file).read_text("utf-8")
    more = [exposure.of_file_name(args.file_name)] if args.file_name else []
    more += [args.profile.read_text("utf-8")] if args.profile else []
    return "\n".join([words, *more])


def _tell(reading: exposure.Reading) -> None:
    for kind in reading.identifiers:
        print(f"names somebody outright: {kind}. Take it out.")
    for detail in reading.details:
        kind = "not known, counts as one in ten" if detail.kind == "unmapped" else detail.kind
        print(f"  {kind}: {detail.text}")
    if not reading.details and not reading.identifiers:
        print("nothing that is known to tell who it is")
