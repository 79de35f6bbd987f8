"""`safelight backup`: records and pictures, keys, what is kept, what goes; online, encrypted."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from safelight import storage
from safelight.cli import EXIT_DONE, EXIT_OTHER, EXIT_REFUSED, EXIT_USAGE, installation
from safelight.cli.installation import say
from safelight.storage import backups, pruning

if TYPE_CHECKING:
    from safelight.storage.backups import Manifest

DEEDS = {
    "records": "records and pictures",
    "keys": "the key store, read back and opened",
    "witness": "tell the witness now what must not come undone",
    "list": "what is kept",
    "prune": "remove what the policy doesn't keep",
    "init-key": "make the backup key and print its private half, once",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to do, and where the backups are."""
    installation.arguments(parser)
    helps = "; ".join(f"{name}: {text}" for name, text in DEEDS.items())
    parser.add_argument("deed", nargs="?", choices=DEEDS, default="records", help=helps)
    parser.add_argument(
        "--to",
        metavar="PLACE",
        help="a folder or s3://BUCKET/PREFIX; otherwise backup_to, or backup_keys_to",
    )
    parser.add_argument("--days", type=int, default=14, help="prune: daily sets of records")
    parser.add_argument("--weeks", type=int, default=8, help="prune: weekly sets of records")
    parser.add_argument("--key-days", type=int, default=7, help="prune: days of sets of keys")
    parser.add_argument("--json", action="store_true")


def run(args: argparse.Namespace) -> int:
    """Do it, and say what was done."""
    without_installation = args.deed in {"list", "prune"} and args.to
    needs_keys = args.deed in {"records", "keys", "witness"}
    if not without_installation and not installation.is_ready(args, needs_keys=needs_keys):
        return EXIT_USAGE
    try:
        return _list(args) if args.deed == "list" else _done(args)
    except storage.NoPlace as error:
        say(error.for_people)
        return EXIT_USAGE
    except storage.StorageError as error:
        say(f"{_words(error)} Nothing of this run counts as a backup.")
        return EXIT_OTHER
    except OSError as error:
        say(f"The place can't be written to or read: {error.strerror}. Nothing of this run counts.")
        return EXIT_OTHER


def _words(error: Exception) -> str:
    if isinstance(error, storage.DiskFull):
        return "There is no room at the backup's place, or on this disk."
    return str(getattr(error, "for_people", type(error).__name__))


def _done(args: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    if args.deed == "prune":
        _prune(args, now=now)
        return EXIT_DONE
    from safelight.flows import backing, stores

    try:
        if args.deed == "init-key":
            return _init_key()
        if args.deed == "witness":
            return _witness(args, now=now)
        if args.deed == "records":
            _said(args, backing.back_up_records(_target(args, "records"), now=now))
        else:
            _said(args, backing.back_up_keys(_target(args, "keys"), now=now))
    except backing.NoBackupKey as error:
        say(error.for_people)
        return EXIT_USAGE
    except backing.BackupKeyThere as error:
        say(error.for_people)
        return EXIT_REFUSED
    except stores.KeysAreSealed as error:
        say(error.for_people)
        return EXIT_OTHER
    finally:
        stores.close()
    return EXIT_DONE


def _places(args: argparse.Namespace) -> list[str]:
    if args.to:
        return [args.to]
    from django.conf import settings

    config = settings.CONFIG
    return [place for place in (config.backup_to, config.backup_keys_to) if place]


def _target(args: argparse.Namespace, kind: str) -> backups.Target:
    from django.conf import settings

    config = settings.CONFIG
    set_place = config.backup_to if kind == "records" else config.backup_keys_to
    if config.backup_to and config.backup_to == config.backup_keys_to:
        raise storage.NoPlace("keys beside records")
    return backups.target(args.to or set_place)


def _init_key() -> int:
    from safelight.flows import backing

    key = backing.make_key()
    say(
        "This is the backup key. It is shown once and kept nowhere: print it or write it down, and "
        "put it in the practice's safe, apart from the backups. Without it no backup opens; with "
        "it and a backup anybody reads the practice's records."
    )
    print(key.to_words(), end="")
    return EXIT_DONE


def _witness(args: argparse.Namespace, *, now: datetime) -> int:
    from django.conf import settings

    from safelight.flows import witnessing

    size = witnessing.tell(args.to or settings.CONFIG.witness_to, now=now)
    if args.json:
        print(json.dumps({"size": size}))
    else:
        print(f"The witness has {size or 0} entries")
    return EXIT_DONE


def _said(args: argparse.Namespace, made: Manifest) -> None:
    told = _told(made)
    if args.json:
        print(json.dumps(told))
    else:
        print(f"{made.id}: {told['bytes'] / 1e6:,.1f} MB, read back and whole")


def _told(made: Manifest) -> dict[str, Any]:
    return {
        "id": made.id,
        "kind": made.kind.value,
        "made_at": made.made_at.isoformat(),
        "ledger_size": made.ledger.size,
        "bytes": sum(part.sealed_bytes for part in made.parts),
        "backup_key": made.kid,
    }


def _list(args: argparse.Namespace) -> int:
    if not (places := _places(args)):
        raise storage.NoPlace("no place for backups")
    found = [backups.find(backups.target(place).sets) for place in places]
    for each in (made for one in found for made in one.sets):
        told = _told(each)
        if args.json:
            print(json.dumps(told))
        else:
            print(f"{each.made_at:%Y-%m-%d %H:%M} UTC  {each.id}  {told['bytes'] / 1e6:,.1f} MB")
    broken = [set_id for one in found for set_id in one.broken]
    for set_id in broken:
        say(f"{set_id} was altered: it isn't used, and prune leaves it for whoever looks into it.")
    return EXIT_REFUSED if broken else EXIT_DONE


def _prune(args: argparse.Namespace, *, now: datetime) -> None:
    if not (places := _places(args)):
        raise storage.NoPlace("no place for backups")
    policy = pruning.Policy(days=args.days, weeks=args.weeks, key_days=args.key_days)
    for place in places:
        gone = pruning.prune(backups.target(place), policy=policy, now=now)
        if args.json:
            told = {"sets": gone.sets, "unfinished": gone.unfinished, "blobs": gone.blobs}
            print(json.dumps(told))
        else:
            sets = ", ".join((*gone.sets, *gone.unfinished)) or "no set"
            print(f"{sets} and {gone.blobs} pictures went")
