"""`python -m benchmarks NAME [--json]`: one benchmark's figures, as a table or as one JSON object."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Mapping, Sequence

NAMES = {
    "copy": "a copy fit to leave: processor time and memory",
    "seal": "sealing against openssl",
    "keys": "renewing a million patients' keys",
    "decide": "decisions a second",
    "ledger": "a checkpoint on a long ledger, against reading all of it",
    "store": "a capture until it is acknowledged, and the memory of a 2 GiB clip",
    "capture": "taps and seconds from an unlocked phone to the receipt",
    "restore": "a backup and a restore of 10,000 pictures",
    "expose": "judging a release with all earlier ones",
}
"""Module of this folder and one line of help; only the one asked for is imported."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures of one benchmark; an unknown name is wrong usage (2)."""
    parser = argparse.ArgumentParser(
        prog="./run bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"{name:<9}{text}" for name, text in NAMES.items()),
    )
    parser.add_argument("name", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    args = parser.parse_args(argv)
    figures = importlib.import_module(f"benchmarks.{args.name}").figures()
    print(json.dumps(figures) if args.json else table(figures))
    return 0


def table(figures: Mapping[str, float | int | str]) -> str:
    """Return the figures one a line, numbers under one another."""
    said = {name: _said(figure) for name, figure in figures.items()}
    first, second = (max(map(len, column), default=0) for column in (said, said.values()))
    return "\n".join(f"{name:<{first}}  {figure:>{second}}" for name, figure in said.items())


def _said(figure: float | str) -> str:
    if isinstance(figure, float):
        return f"{figure:,.0f}" if abs(figure) >= 1000 else f"{figure:,.4g}"
    return f"{figure:,}" if isinstance(figure, int) else figure


if __name__ == "__main__":
    sys.exit(main())
