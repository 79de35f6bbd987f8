"""`safelight worker`: what has to be done behind the pages. Runs beside the server, once or more."""

from __future__ import annotations

import argparse
import signal
import threading
from types import FrameType

from safelight.cli import EXIT_DONE, EXIT_OTHER, EXIT_USAGE, installation
from safelight.cli.installation import say

EVERY_SECONDS = 5.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add whether to stop after one round."""
    installation.arguments(parser)
    parser.add_argument("--once", action="store_true", help="do what is due, then end")


def run(args: argparse.Namespace) -> int:
    """Do what is due, again and again, until told to end."""
    if not installation.is_ready(args, needs_keys=True):
        return EXIT_USAGE
    from django.db import close_old_connections
    from django.utils import timezone

    from safelight.flows import rounds, stores

    try:
        stores.records_held()
        stores.keys()
    except stores.KeysAreSealed as error:
        say(error.for_people)
        return EXIT_OTHER
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    while True:
        done = rounds.go(now=timezone.now(), transport=rounds.smtp())
        if args.once:
            stores.close()
            return EXIT_OTHER if done.failed else EXIT_DONE
        close_old_connections()
        if ended.wait(EVERY_SECONDS):
            stores.close()
            return EXIT_DONE
