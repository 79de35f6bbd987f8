"""The command line. Each command is a module with `arguments(parser)` and `run(args) -> int`."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import TYPE_CHECKING

from safelight import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "demo": "everything embedded, with made-up patients, in a temporary folder",
    "init": "set up a practice: first administrator, keys, settings",
    "serve": "run the server",
    "worker": "run the background worker",
    "doctor": "say what this machine can enforce, and what is missing",
    "inspect": "say what in a picture or its file can identify",
    "redact": "write a fresh copy with everything found covered",
    "decide": "permit, hold or refuse a use, with reasons and sources",
    "details": "say what a caption tells of a patient",
    "policy": "check, compare, try and sign the rules before they decide",
    "expose": "say what all that ever left adds up to",
    "population": "the tables of people that releases are counted in",
    "keys": "how the keys are; renew them, destroy old ones, split the passphrase",
    "ledger": "verify the ledger",
    "erase": "destroy an image, a consent's pictures or a patient, for good",
    "backup": "back up records, pictures and keys, encrypted",
    "restore": "bring an installation back, or try whether it would come back",
}
"""Name and one line of help; the module of a command is imported only when it is called."""

EXIT_DONE, EXIT_OTHER, EXIT_USAGE, EXIT_REFUSED, EXIT_UNREADABLE = 0, 1, 2, 3, 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status (docs/reference/commands.md)."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="safelight",
        description="Take, keep, use and share images of patients. `safelight demo` shows all of it.",
    )
    parser.add_argument("--version", action="version", version=f"safelight {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((word for word in words if not word.startswith("-")), None)
    for name, help_text in COMMANDS.items():
        sub = commands.add_parser(name, help=help_text, description=help_text)
        if name == chosen:
            module = importlib.import_module(f"safelight.cli.{name}")
            module.arguments(sub)
            sub.set_defaults(run=module.run)
    args = parser.parse_args(words)
    status: int = args.run(args)
    return status
