"""`safelight ledger verify`: is every entry still there, unchanged and in its order?"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from safelight.cli import (
    EXIT_DONE,
    EXIT_OTHER,
    EXIT_REFUSED,
    EXIT_UNREADABLE,
    EXIT_USAGE,
    installation,
)
from safelight.cli.installation import say


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to do, and what an outsider kept."""
    deeds = parser.add_subparsers(dest="deed", required=True, metavar="verify|witness")
    verify = deeds.add_parser("verify", help="check every entry against every checkpoint")
    verify.add_argument("--witness", type=Path, help="a checkpoint that somebody outside kept")
    verify.add_argument("--json", action="store_true")
    witness = deeds.add_parser("witness", help="print the newest checkpoint, to be kept outside")
    for each in (verify, witness):
        installation.arguments(each)


def run(args: argparse.Namespace) -> int:
    """Verify, and say what is wrong and what can't be seen."""
    witness = None
    if args.deed == "verify" and args.witness is not None:
        try:
            witness = args.witness.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            say(f"The witness's checkpoint can't be read: {type(error).__name__}")
            return EXIT_UNREADABLE
    if not installation.is_ready(args, needs_keys=True):
        return EXIT_USAGE
    from safelight.flows import evidence, stores

    try:
        if args.deed == "witness":
            print(evidence.witness_text(), end="")
            return EXIT_DONE
        return _verify(args, witness)
    except stores.KeysAreSealed as error:
        say(error.for_people)
        return EXIT_OTHER
    finally:
        stores.close()


def _verify(args: argparse.Namespace, witness: str | None) -> int:
    from safelight.flows import evidence

    found = evidence.verify(witness)
    if args.json:
        told = {
            "ok": found.ok,
            "size": found.size,
            "root": found.root.hex(),
            "problems": [
                {
                    "wrong": problem.wrong.value,
                    "first": problem.first,
                    "last": problem.last,
                    "text": problem.text,
                }
                for problem in found.problems
            ],
            "unseen": list(found.unseen),
        }
        print(json.dumps(told, ensure_ascii=False))
        return EXIT_DONE if found.ok else EXIT_REFUSED
    print(f"{'Whole' if found.ok else 'NOT WHOLE'}: {found.size} entries")
    for problem in found.problems:
        print(f"  {problem.text}")
    for text in found.unseen:
        print(f"  Not seen: {text}")
    return EXIT_DONE if found.ok else EXIT_REFUSED
