"""`safelight population`: the tables of people that releases are counted in."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight import exposure
from safelight.cli import EXIT_DONE, EXIT_UNREADABLE, installation
from safelight.flows import populations

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add `list`, `load` and `check`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|load|check")
    for name, help_text in (
        ("list", "what can be counted with, from when, on whose word"),
        ("load", "check a package's folder and keep it in this installation"),
        ("check", "check a package's folder and say what it counts"),
    ):
        action = actions.add_parser(name, help=help_text, description=help_text)
        if name != "list":
            action.add_argument("folder", type=Path, metavar="FOLDER")
        if name != "check":
            installation.arguments(action)
        action.add_argument("--json", action="store_true", help="one JSON object a line")


def run(args: argparse.Namespace) -> int:
    """List, bring in or check; a package that can't be counted with exits 4."""
    try:
        if args.action == "list":
            return _list(args)
        if args.action == "load":
            population = populations.bring_in(args.folder, into=folder_of(args))
        else:
            population = exposure.read_package(populations.parts_of(args.folder))
    except exposure.PopulationRefused as refused:
        print(f"not a population package: {refused}", file=sys.stderr)
        return EXIT_UNREADABLE
    except OSError as error:
        print(f"could not read or write: {error.strerror}", file=sys.stderr)
        return EXIT_UNREADABLE
    said = _counted(population)
    print(json.dumps(said, sort_keys=True) if args.json else _in_words(said))
    return EXIT_DONE


def folder_of(args: argparse.Namespace) -> Path:
    """Return where an installation keeps the packages that were brought in."""
    return installation.home_of(args) / "populations"


def _list(args: argparse.Namespace) -> int:
    status = EXIT_DONE
    for each in populations.listed(folder_of(args)):
        if each.about is None:
            print(f"{each.folder}: {each.problem}", file=sys.stderr)
            status = EXIT_UNREADABLE
            continue
        about = each.about
        said = {
            "name": about.name,
            "title": about.title,
            "vintage": about.vintage,
            "licence": about.licence,
            "source": about.source,
            "comes_with_product": each.comes_with_product,
        }
        if args.json:
            print(json.dumps(said, sort_keys=True))
        else:
            print(f"{about.name}: {about.title}\n  {about.source}\n  {about.licence}")
    return status


def _counted(population: exposure.Population) -> dict[str, Any]:
    return {
        "name": population.name,
        "people": population.total,
        "places": len(population.places),
        "ethnic_groups": population.ethnicity.shape[2],
        "conditions": len(population.conditions),
        "names": len(population.names),
        "calibrated": population.calibration is not None,
    }


def _in_words(said: dict[str, Any]) -> str:
    trust = (
        "calibrated"
        if said["calibrated"]
        else "not calibrated: every report will say so, and its ranges are three times as wide"
    )
    return (
        f"{said['name']}: {said['people']:,} people in {said['places']:,} places, "
        f"{said['ethnic_groups']} ethnic groups, {said['conditions']:,} conditions; {trust}"
    )
