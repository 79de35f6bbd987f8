"""`safelight expose`: what a proposed release adds up to with all that left before."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from safelight import exposure
from safelight.cli import EXIT_DONE, EXIT_REFUSED, EXIT_UNREADABLE, installation
from safelight.cli.population import folder_of
from safelight.flows import populations

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `safelight expose`."""
    parser.add_argument("--ledger", required=True, metavar="FILE|-", help="releases, one a line")
    parser.add_argument("--proposed", required=True, metavar="FILE", help="the new release")
    installation.arguments(parser)
    parser.add_argument(
        "--population",
        default="uk-mid2011",
        metavar="NAME|FOLDER",
        help="a table's name, or a package's folder with a slash in it",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    """Assess the proposed release; a block exits 3."""
    try:
        report = _report(args)
    except (OSError, ValueError) as error:
        print(f"could not read: {_reason(error)}", file=sys.stderr)
        return EXIT_UNREADABLE
    if args.json:
        print(json.dumps(report.as_json(), sort_keys=True))
    else:
        _tell(report)
    return EXIT_REFUSED if report.verdict is exposure.Verdict.BLOCK else EXIT_DONE


def _reason(error: Exception) -> str:
    """Return what is wrong with the input, without a word of what stands in it."""
    if isinstance(error, exposure.UnknownPopulation):
        return "there is no population table of that name"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON (line {error.lineno})"
    if isinstance(error, exposure.PopulationRefused):
        return f"not a population package: {error}"
    return str(error) if isinstance(error, exposure.ReleaseRefused) else type(error).__name__


def _report(args: argparse.Namespace) -> exposure.Report:
    population = populations.find(args.population, among=folder_of(args))
    proposed = exposure.read_release(json.loads(Path(args.proposed).read_text(encoding="utf-8")))
    text = sys.stdin.read() if args.ledger == "-" else Path(args.ledger).read_text(encoding="utf-8")
    earlier = [
        exposure.read_release(json.loads(line)) for line in text.splitlines() if line.strip()
    ]
    same: list[exposure.Disclosed] = []
    others: list[exposure.Disclosed] = []
    for each in earlier:
        is_same = proposed.patient is not None and each.patient == proposed.patient
        (same if is_same else others).append(each)
    return exposure.assess(same, proposed, population=population, others=others)


def _tell(report: exposure.Report) -> None:
    crowd = report.crowd
    print(f"{report.verdict.value}: could be about {crowd.k:,.0f} people")
    print(f"likely between {crowd.low:,.0f} and {crowd.high:,.0f}")
    for each in report.contributions:
        print(f"  {each['detail']}: narrows by {each['narrows_by']:,}")
    for edit in report.edits:
        print(
            f"  instead, {edit['detail']} {edit['to']}: about {edit['k']:,.0f} ({edit['verdict']})"
        )
    for link in report.linked:
        print(f"  {link.release.id} may be of the same patient: {link.probability:.0%}")
    if report.unlinked:
        print(f"without what may be of the same patient: about {report.unlinked.k:,.0f}")
    if report.nothing_mends:
        print("nothing in this release can mend it: too much has left already")
    if report.adds_nothing:
        print("it adds nothing to what those who see it knew already")
    print(report.note)
