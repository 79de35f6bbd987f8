"""What every command on a real installation needs: its settings, its keys, Django set up."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path

SHARE_PREFIX = "SLS1-"
"""How a share of the passphrase begins (docs/formats/key-store.md)."""


class NotInstalled(RuntimeError):
    """There is no installation here."""

    for_people = (
        "There is no installation here. Make one with “safelight init”, "
        "or say where it is: --home FOLDER"
    )


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what says which installation is meant."""
    parser.add_argument("--home", type=Path, help="the installation's folder (SAFELIGHT_HOME)")


def home_of(args: argparse.Namespace) -> Path:
    """Return the installation's folder: the argument, the environment, or the usual place."""
    if args.home is not None:
        return Path(args.home).expanduser().resolve()
    if told := os.environ.get("SAFELIGHT_HOME"):
        return Path(told)
    if told := os.environ.get("SAFELIGHT_CONFIG"):
        return Path(told).parent
    return Path.home() / ".local" / "share" / "safelight"


def settings_file(args: argparse.Namespace) -> Path:
    """Return where the settings are."""
    if args.home is None and (told := os.environ.get("SAFELIGHT_CONFIG")):
        return Path(told)
    return home_of(args) / "safelight.toml"


def set_up(args: argparse.Namespace, *, needs_keys: bool = False) -> None:
    """Read the settings and set Django up; ask for the passphrase if a person is there.

    Raises NotInstalled, or ConfigRefused (a ValueError) for settings that don't fit.
    """
    place = settings_file(args)
    if not place.is_file():
        raise NotInstalled(str(place))
    os.umask(0o077)  # databases and blobs are for the server's user alone
    os.environ["SAFELIGHT_CONFIG"] = str(place)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "safelight.web.settings")
    import django
    from django.conf import settings

    both = (settings.CONFIG.key_manager, settings.CONFIG.key_manager_before)
    has_passphrase = "sealed-file" in both and Path(settings.SAFELIGHT_SEAL).is_file()
    asks = needs_keys and has_passphrase and not settings.SAFELIGHT_PASSPHRASE
    if asks and sys.stdin.isatty():
        # Also for processes that this one starts.
        os.environ["SAFELIGHT_PASSPHRASE"] = _asked_passphrase()
        settings.SAFELIGHT_PASSPHRASE = os.environ["SAFELIGHT_PASSPHRASE"]
    django.setup()


def is_ready(args: argparse.Namespace, *, needs_keys: bool = False) -> bool:
    """Set it up for a command, or say what is missing."""
    try:
        set_up(args, needs_keys=needs_keys)
    except NotInstalled as error:
        say(error.for_people)
    except ValueError as error:
        say(f"The settings don't fit: {error}")
    else:
        return True
    return False


def _asked_passphrase() -> str:
    """Ask for the passphrase, or for shares of it until an empty line."""
    said = [getpass.getpass("Passphrase of the keys, or a share of it: ")]
    while said[-1].strip().upper().startswith(SHARE_PREFIX):
        said.append(getpass.getpass("Another share, or nothing: "))
    return "\n".join(line for line in said if line)


def progress(done: int, total: int) -> None:
    """Tell how many patients' keys are done, to a person who watches."""
    if sys.stderr.isatty():
        print(f"\r{done:,} of {total:,} patients’ keys", end="", file=sys.stderr, flush=True)


def say(text: str) -> None:
    """Tell the person at the terminal; results go to standard output, this doesn't."""
    print(text, file=sys.stderr, flush=True)
