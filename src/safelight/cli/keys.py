"""`safelight keys`: how the keys are, new versions of them, the old ones destroyed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from safelight.cli import (
    EXIT_DONE,
    EXIT_OTHER,
    EXIT_REFUSED,
    EXIT_USAGE,
    installation,
    keys_move,
)
from safelight.cli.installation import say

if TYPE_CHECKING:
    from safelight.flows.key_status import KeyStatus

DEEDS = {
    "status": "what the keys are under, how old each version is, and what isn't as it should be",
    "rotate": "make a new version of every key above the patients' and rewrap theirs, now",
    "destroy-old": "destroy the versions that are old enough and that no verified backup needs",
    "move": "put all keys under another key manager, and let the one of now go when its time is over",
    "split": "print the passphrase as three shares, of which any two open the keys",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to do."""
    deeds = parser.add_subparsers(dest="deed", required=True, metavar="|".join(DEEDS))
    for name, text in DEEDS.items():
        deed = deeds.add_parser(name, help=text, description=text)
        installation.arguments(deed)
        if name != "split":
            deed.add_argument("--json", action="store_true")
        if name == "move":
            keys_move.arguments(deed)


def run(args: argparse.Namespace) -> int:
    """Do it. Exit status 3 for something that isn't as it should be, or that had to be left."""
    if not installation.is_ready(args, needs_keys=True):
        return EXIT_USAGE
    from safelight.flows import key_moving, stores
    from safelight.storage import StorageError

    deed: dict[str, Callable[[argparse.Namespace], int]] = {
        "status": _status,
        "rotate": _rotate,
        "destroy-old": _destroy_old,
        "move": keys_move.run,
        "split": _split,
    }
    try:
        return deed[args.deed](args)
    except (stores.KeysAreSealed, StorageError, key_moving.CannotMove) as error:
        say(error.for_people)
        return EXIT_OTHER
    finally:
        stores.close()


def _status(args: argparse.Namespace) -> int:
    from django.utils import timezone

    from safelight.flows import key_status

    found = key_status.status(now=timezone.now())
    if args.json:
        print(json.dumps(_told(found), ensure_ascii=False))
    else:
        _print(found)
    return EXIT_REFUSED if any(alarm.bad for alarm in found.alarms) else EXIT_DONE


def _rotate(args: argparse.Namespace) -> int:
    from django.utils import timezone

    from safelight.flows import key_rounds

    version = key_rounds.rotate(now=timezone.now(), progress=installation.progress)
    if sys.stderr.isatty():
        say("")
    if args.json:
        print(json.dumps({"version": version}))
    else:
        print(f"Version {version} is current, and every key is wrapped under it.")
    return EXIT_DONE


def _destroy_old(args: argparse.Namespace) -> int:
    from django.utils import timezone

    from safelight.flows import key_moving, key_rounds

    gone = key_rounds.destroy_old(now=timezone.now())
    former = key_moving.let_go(now=timezone.now())
    if args.json:
        print(json.dumps(asdict(gone) | ({"former": former} if former else {})))
    else:
        print(f"Destroyed: {_numbers(gone.versions)}")
        if former:
            print(f"Destroyed in the key manager of before: {_numbers(former)}")
        if gone.waiting:
            say(
                f"Old enough, and kept until a newer backup of the key store is verified: "
                f"{_numbers(gone.waiting)}"
            )
    return EXIT_REFUSED if gone.waiting and not gone.versions else EXIT_DONE


def _split(_args: argparse.Namespace) -> int:
    from safelight.flows import key_managers

    for share in key_managers.split_passphrase():
        print(share)
    say(
        "\nGive each share to somebody else, on paper. Any two of them open the keys: type them one "
        "after the other when the passphrase is asked, or put each into a systemd credential, "
        "safelight-share-1 to safelight-share-3. Then remove the passphrase itself from this machine."
    )
    return EXIT_DONE


def _numbers(versions: tuple[int, ...]) -> str:
    return ", ".join(map(str, versions)) if versions else "none"


def _print(found: KeyStatus) -> None:
    state = found.state
    print(f"Key manager: {found.health.text}")
    if state is not None:
        print(f"  {state.manager.kind}. {found.shredding}")
        if found.moved:
            print(f"  {found.moved}")
        print(f"Kept: {state.data_keys} pictures of {state.patients} patients")
        print(f"Renewed: {_day(state.rotated_at)}{', and not finished' if state.rotating else ''}")
        print("Versions:")
        for each in state.versions:
            now = "current" if each.replaced_at is None else f"replaced {_day(each.replaced_at)}"
            print(f"  {each.number:>6}  made {_day(each.made_at)}, {now}, wraps {each.wraps}")
    made = found.backup.made_at if found.backup else None
    print(f"Last verified backup of the key store: {_day(made)}")
    for alarm in found.alarms:
        print(f"  {'BAD ' if alarm.bad else 'look'}  {alarm.what}: {alarm.text}")


def _day(at: datetime | None) -> str:
    from django.utils import timezone

    return f"{timezone.localtime(at):%-d %B %Y, %H:%M}" if at else "not known"


def _told(found: KeyStatus) -> dict[str, Any]:
    state, backup = found.state, found.backup
    return {
        "ok": found.health.ok,
        "health": found.health.text,
        "key_manager": state.manager.kind if state else None,
        "proves_shred": state.manager.proves_shred if state else None,
        "overwrites": state.overwrites if state else None,
        "shredding": found.shredding,
        "keep_days": found.keep_days,
        "data_keys": state.data_keys if state else None,
        "patients": state.patients if state else None,
        "rotated_at": _iso(state.rotated_at) if state else None,
        "rotating": state.rotating if state else None,
        "scrub_pending": state.scrub_pending if state else None,
        "former": _former(found),
        "versions": [
            {
                "number": each.number,
                "made_at": _iso(each.made_at),
                "replaced_at": _iso(each.replaced_at),
                "wraps": each.wraps,
            }
            for each in (state.versions if state else ())
        ],
        "backup": {
            "made_at": _iso(backup.made_at),
            "verified_at": _iso(backup.verified_at),
            "needs_version": backup.needs_version,
        }
        if backup
        else None,
        "alarms": [asdict(alarm) for alarm in found.alarms],
    }


def _former(found: KeyStatus) -> dict[str, Any] | None:
    former = found.state.former if found.state else None
    if former is None:
        return None
    return {
        "key_manager": former.kind,
        "moved_at": _iso(former.moved_at),
        "left_at": _iso(former.left_at),
        "versions": former.versions,
        "is_renewed": former.is_renewed,
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
