"""`safelight restore`: back from a backup, shut until nothing in it comes undone; and the drill."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight import storage
from safelight.cli import (
    EXIT_DONE,
    EXIT_OTHER,
    EXIT_REFUSED,
    EXIT_UNREADABLE,
    EXIT_USAGE,
    installation,
)
from safelight.cli.installation import say
from safelight.storage import scratch, unpacking

if TYPE_CHECKING:
    from safelight.flows.restoring import Restore
    from safelight.storage.witnessed import Witness

FRIGHTENING = """This opens the installation although what patients took back since the backup isn't known here.
Pictures that a patient had withdrawn or had destroyed may be shown again, to anybody they were open to before.
It can't be undone quietly: the ledger will say that you did it, and every later check against the witness will show the gap.
Before you do it, ask the practice's governance lead, and list who withdrew since {since}: the paper forms, the mails, the people who remember.
If you still want it, type it whole:

    safelight restore --go-on --accept-loss "{words}"
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add where the backups are, what opens them, and how far to go."""
    installation.arguments(parser)
    parser.add_argument("--from", dest="records", metavar="FOLDER", help="records and pictures")
    parser.add_argument("--set", dest="set_id", metavar="ID", help="otherwise the newest")
    parser.add_argument(
        "--keys-from", metavar="FOLDER", help="keys; left out where the keys here survived"
    )
    parser.add_argument(
        "--backup-key", type=Path, metavar="FILE", help="the words from the safe; - asks for them"
    )
    parser.add_argument(
        "--witness", type=Path, metavar="PLACE", help="the witness's folder, or one checkpoint"
    )
    parser.add_argument("--go-on", action="store_true", help="catch up with what came back before")
    parser.add_argument(
        "--accept-loss",
        nargs="?",
        const="",
        metavar="WORDS",
        help="open with a gap; read what it says",
    )
    parser.add_argument("--check", action="store_true", help="then open every picture")
    parser.add_argument("--most", type=int, metavar="N", help="with --check: only so many pictures")
    parser.add_argument(
        "--drill", action="store_true", help="try it all in a folder that goes afterwards"
    )
    parser.add_argument(
        "--database-url", metavar="URL", help="with --drill: an empty PostgreSQL database for it"
    )
    parser.add_argument("--json", action="store_true")


def run(args: argparse.Namespace) -> int:
    """Restore, go on with one, or drill."""
    if problem := _usage(args):
        say(problem)
        return EXIT_USAGE
    try:
        words = _words(args.backup_key)
    except (OSError, UnicodeDecodeError) as error:
        say(f"The backup key can't be read: {type(error).__name__}")
        return EXIT_UNREADABLE
    if args.drill:
        return _drill(args, words)
    try:
        if not args.go_on:
            _settings_back(args, words)
        installation.set_up(args, needs_keys=True)
    except installation.NotInstalled as error:
        say(error.for_people)
        return EXIT_USAGE
    except storage.StorageError as error:
        say(str(error.for_people))
        return EXIT_REFUSED
    except ValueError as error:
        say(str(getattr(error, "for_people", f"The settings don't fit: {error}")))
        return EXIT_USAGE
    return _restored(args, words)


def _usage(args: argparse.Namespace) -> str | None:
    if args.go_on == bool(args.records):
        return "Say either --from FOLDER, or --go-on."
    if args.records and not args.backup_key:
        return "Say where the words from the safe are: --backup-key FILE, or - to type them."
    return None


def _words(place: Path | None) -> str | None:
    if place is None:
        return None
    if str(place) == "-":
        say("The backup key, as it was written down; end with Ctrl-D:")
        return sys.stdin.read()
    return place.read_text(encoding="utf-8")


def _settings_back(args: argparse.Namespace, words: str | None) -> None:
    """Put the settings file back where there is none: nothing else works without it."""
    place = installation.settings_file(args)
    if not place.exists():
        text = unpacking.settings_text(args.records, args.set_id, str(words))
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        storage.write_new(place, text)


def _restored(args: argparse.Namespace, words: str | None) -> int:
    from safelight import ledger
    from safelight.flows import being_restored, closings, evidence, last_seen, restoring, stores

    refusals = (
        restoring.NotEmpty,
        restoring.NoSuchBackup,
        restoring.KeysDontOpen,
        last_seen.WrongLedger,
        closings.UnknownKind,
        evidence.LedgerNotWhole,
        ledger.LedgerError,
    )
    try:
        restore = restoring.opened(words, now=datetime.now(UTC))
        _bring_back(args, restore)
        if args.accept_loss is not None and args.accept_loss != restoring.LOSS:
            say(FRIGHTENING.format(words=restoring.LOSS, since=_since()))
            return EXIT_REFUSED
        behind = _catch_up(args, restore)
        return _report(args, restore, shut=behind or being_restored.is_on())
    except refusals as error:
        say(f"{error.for_people}")
        return EXIT_REFUSED
    except ValueError as error:
        say(str(getattr(error, "for_people", error)))
        return EXIT_USAGE
    except (storage.StorageError, stores.KeysAreSealed) as error:
        say(str(getattr(error, "for_people", type(error).__name__)))
        refused = isinstance(error, storage.BackupBroken | storage.NotTheBackupKey)
        return EXIT_REFUSED if refused else EXIT_OTHER
    finally:
        stores.close()


def _bring_back(args: argparse.Namespace, restore: Restore) -> None:
    from safelight.storage import backups

    if args.records:
        keys = backups.target(args.keys_from) if args.keys_from else None
        restore.bring_back(backups.target(args.records), set_id=args.set_id, keys=keys)


def _catch_up(args: argparse.Namespace, restore: Restore) -> bool:
    """Catch up as far as the witness leads; say what is missing. Returns whether it stays shut."""
    from safelight.flows import restoring

    witness, note = _witness(args.witness)
    try:
        restore.catch_up(witness, note=note, accept_loss=args.accept_loss)
    except restoring.Behind as error:
        say(error.for_people)
        return True
    return False


def _witness(place: Path | None) -> tuple[Witness | None, str | None]:
    from safelight.flows import witnessing

    if place is None:
        return None, None
    if place.is_dir():
        return witnessing.witness(str(place)), None
    return None, place.read_text(encoding="utf-8")


def _since() -> str:
    from safelight.flows import restoring

    found = restoring.last_entry_at()
    return f"{found:%-d %B %Y, %H:%M} UTC" if found else "the backup"


def _report(args: argparse.Namespace, restore: Restore, *, shut: bool) -> int:
    told: dict[str, Any] = restore.report.as_json() | {"shut": shut}
    went_well = True
    if args.check:
        from safelight.flows import drilling

        opened = drilling.open_all(most=args.most)
        told["checked"], went_well = opened.as_json(), opened.went_well
    if args.json:
        print(json.dumps(told))
    else:
        _print(told)
    return EXIT_DONE if went_well and not shut else EXIT_REFUSED


def _print(told: dict[str, Any]) -> None:
    if told["records_set"]:
        print(f"{told['records_set']}: {told['blobs']} sealed files came back")
        print(f"Keys: {told['keys_set'] or 'those that were here'}")
    for what in ("missing_blobs", "altered_blobs", "without_key_or_blob"):
        if told[what]:
            print(f"{len(told[what])} {what.replace('_', ' ')}: {', '.join(told[what][:5])} …")
    for text in told["by_hand"]:
        print(f"By hand: {text}")
    print(f"{told['caught_up']} entries caught up, {told['destroyed_again']} keys destroyed again")
    if checked := told.get("checked"):
        print(
            f"{checked['pictures']} pictures and {checked['copies']} copies opened, "
            f"{len(checked['failed'])} failed; of {checked['erased']} erased ones "
            f"{len(checked['erased_that_open'])} open. {checked['seconds']} s"
        )
    print("It stays shut." if told["shut"] else "It is open again.")


def _drill(args: argparse.Namespace, words: str | None) -> int:
    """Restore in a process of its own into a folder beside the installation, then remove that."""
    began = datetime.now(UTC)
    home = installation.home_of(args) / "drill"
    try:
        with scratch.scratch(home) as folder:
            place = folder / "home"
            place.mkdir(mode=0o700)
            text = unpacking.settings_text(args.records, args.set_id, str(words))
            storage.write_new(place / "safelight.toml", _only_keys(text))
            storage.write_new(folder / "words", str(words).encode())
            report, status = _in_a_process(args, place, folder / "words")
    except storage.StorageError as error:
        say(str(error.for_people))
        return EXIT_REFUSED
    except OSError as error:
        say(f"The drill can't be held here: {error.strerror}")
        return EXIT_OTHER
    seconds = round((datetime.now(UTC) - began).total_seconds(), 1)
    checked = report.get("checked", {})
    went_well = bool(checked) and not checked["failed"] and not checked["erased_that_open"]
    told = report | {"drill_seconds": seconds, "went_well": went_well}
    if went_well or report:
        _note(args, told)
    if args.json:
        print(json.dumps(told))
    elif report:
        _print(report)
        print(f"The drill took {seconds} s and left nothing.")
    return EXIT_DONE if went_well else status or EXIT_REFUSED


def _only_keys(text: bytes) -> bytes:
    """Return of the settings what opens keys, and nothing that leads to the installation itself."""
    said = tomllib.loads(text.decode())
    kept = {name: value for name, value in said.items() if name.startswith(_FOR_KEYS)}
    lines = [f"{name} = {json.dumps(value)}" for name, value in kept.items()]
    return "\n".join((*lines, "")).encode()


_FOR_KEYS = ("passphrase", "key_manager", "openbao_", "pkcs11_", "aws_", "kms_")


def _in_a_process(args: argparse.Namespace, place: Path, words: Path) -> tuple[dict[str, Any], int]:
    own = ("SAFELIGHT_PASSPHRASE", "SAFELIGHT_MODE")
    environment = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith("SAFELIGHT_") or name.startswith(own)
    }
    if args.database_url:
        environment["SAFELIGHT_DATABASE_URL"] = args.database_url
    command = [sys.executable, "-c", "import sys; from safelight.cli import main; sys.exit(main())"]
    command += ["restore", "--home", str(place), "--from", args.records, "--json", "--check"]
    command += ["--backup-key", str(words)]
    for option in ("set_id", "keys_from", "witness", "most"):
        if (value := getattr(args, option)) is not None:
            command += [f"--{option.removesuffix('_id').replace('_', '-')}", str(value)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 our own interpreter
    try:
        return json.loads(done.stdout), done.returncode
    except ValueError:
        return {}, done.returncode


def _note(args: argparse.Namespace, told: dict[str, Any]) -> None:
    """Put the drill on record where there is an installation; elsewhere its report is all there is."""
    try:
        installation.set_up(args, needs_keys=False)
    except (installation.NotInstalled, ValueError):
        return
    from safelight.flows import drilling

    checked = told.get("checked", {})
    figures = {
        "seconds": told["drill_seconds"],
        "pictures": checked.get("pictures", 0),
        "failed": len(checked.get("failed", ())),
        "erased": checked.get("erased", 0),
        "erased_that_open": len(checked.get("erased_that_open", ())),
        "missing": len(told["missing_blobs"]) + len(told["altered_blobs"]),
    }
    drilling.note_drill(
        figures,
        went_well=told["went_well"],
        set_id=told["records_set"],
        now=datetime.now(UTC),
    )
