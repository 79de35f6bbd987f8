"""`safelight keys move`: all keys under another key manager."""

from __future__ import annotations

import argparse
import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safelight.cli import EXIT_DONE, EXIT_USAGE, init, installation
from safelight.cli.installation import say


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add where to, and what that key manager needs."""
    parser.add_argument("--to", dest="key_manager", choices=init.FAR, required=True)
    init.arguments_of_managers(parser)
    parser.add_argument(
        "--passphrase-file",
        type=Path,
        help="for a key file: where its passphrase is, now and at each start; default: it is asked",
    )


def run(args: argparse.Namespace) -> int:
    """Move, or go on where it stopped. Raises KeysAreSealed, StorageError, CannotMove."""
    from django.conf import settings
    from django.utils import timezone

    from safelight.flows import key_moving, stores

    key_moving.demand_possible(args.key_manager)
    try:
        said = _said(args, settings.CONFIG)
        passphrase = _passphrase(args, said)
    except init.Missing as error:
        say(str(error))
        return EXIT_USAGE
    place = installation.settings_file(args)
    text = _changed(place.read_text(encoding="utf-8"), said)
    config = settings.CONFIG.changed(said)
    manager = key_moving.made_ready(config, passphrase)
    _write(place, text)
    settings.CONFIG = config
    settings.SAFELIGHT_PASSPHRASE = passphrase or settings.SAFELIGHT_PASSPHRASE
    key_moving.move(manager, now=timezone.now(), progress=installation.progress)
    _tell(args, left=stores.keys().moving.state())
    return EXIT_DONE


def _said(args: argparse.Namespace, config: Any) -> dict[str, str]:
    """Return the settings that change. What the key manager needs may be there from before."""
    for name in init.FAR[args.key_manager]:
        kept = getattr(config, name)
        if getattr(args, name) is None and kept:
            setattr(args, name, str(kept))
    said = init.settings_of_manager(args) | {"key_manager": args.key_manager}
    if args.key_manager != config.key_manager:
        said["key_manager_before"] = config.key_manager
    for name, value in said.items():
        if os.environ.get(f"SAFELIGHT_{name.upper()}", value) != value:
            raise init.Missing(f"The environment says otherwise: SAFELIGHT_{name.upper()}")
    return said


def _passphrase(args: argparse.Namespace, said: dict[str, str]) -> str:
    """Return the passphrase of a key file that is to be made, or opened again; empty for others."""
    if args.key_manager != "sealed-file":
        return ""
    passphrase = init.new_passphrase(args)
    if problem := init.problem_of(passphrase):
        raise init.Missing(problem)
    if args.passphrase_file is not None:
        said["passphrase_file"] = str(args.passphrase_file.resolve())
    return passphrase


def _changed(text: str, said: Mapping[str, str]) -> str:
    """Return the settings file with these values. Raises CannotMove if that takes more than lines."""
    from safelight.flows.key_moving import CannotMove

    lines = [line for line in text.splitlines() if line.partition("=")[0].strip() not in said]
    lines += [f"{name} = {init.toml_text(value)}" for name, value in said.items()]
    changed = "\n".join((*lines, ""))
    wanted = {**tomllib.loads(text), **said}
    try:
        is_same = tomllib.loads(changed) == wanted
    except tomllib.TOMLDecodeError:
        is_same = False
    if not is_same:
        raise CannotMove(f"Write these into the settings yourself first: {', '.join(said)}")
    return changed


def _write(place: Path, text: str) -> None:
    """Put the settings in place before the keys move: who starts now finds both managers in them."""
    from safelight.flows.key_moving import CannotMove
    from safelight.storage import snapshot

    try:
        snapshot.write_over(place, text.encode())
    except OSError as error:
        raise CannotMove(f"{place.name} can't be written: {error.strerror}") from error


def _tell(args: argparse.Namespace, *, left: object) -> None:
    kind = getattr(left, "kind", "")
    if args.json:
        print(json.dumps({"key_manager": args.key_manager, "left": kind}))
        return
    print(f"The keys are under {args.key_manager}. Nothing here is wrapped by {kind} any more.")
    say(
        "Now restart the servers and the worker, and make a backup of the keys: backups of before "
        f"open with {kind} alone. “safelight keys status” says until when."
    )
