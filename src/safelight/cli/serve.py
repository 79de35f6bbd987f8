"""`safelight serve`: the server. TLS itself, or behind a proxy that does it; never in the clear."""

from __future__ import annotations

import argparse
import ipaddress
import os
import sys
from pathlib import Path

from safelight.cli import EXIT_DONE, EXIT_REFUSED, EXIT_USAGE, installation
from safelight.cli.installation import say

LARGEST_HEADERS = 32 * 1024


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add where it listens, and how it is protected."""
    installation.arguments(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--tls-cert", type=Path, help="certificate chain, PEM")
    parser.add_argument("--tls-key", type=Path, help="its key, PEM (PKCS#8)")
    parser.add_argument(
        "--behind-proxy", action="store_true", help="a proxy before it does the TLS"
    )
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--threads", type=int, default=8, help="for each process")


def run(args: argparse.Namespace) -> int:
    """Serve until it is ended."""
    if args.behind_proxy:
        os.environ["SAFELIGHT_BEHIND_PROXY"] = "true"
    if not installation.is_ready(args, needs_keys=True):
        return EXIT_USAGE
    if problem := _problem(args):
        say(problem)
        return EXIT_REFUSED
    if shut := _shut_or_prepared():
        say(shut)
    _serve(args)
    return EXIT_DONE


def _problem(args: argparse.Namespace) -> str | None:
    """Return why it must not be served like this, or None."""
    from django.conf import settings

    config = settings.CONFIG
    own_tls = args.tls_cert is not None or args.tls_key is not None
    if own_tls and (args.tls_cert is None or args.tls_key is None):
        return "--tls-cert and --tls-key go together."
    for place in (args.tls_cert, args.tls_key):
        if place is not None and not place.is_file():
            return f"There is no file {place}."
    if own_tls and config.behind_proxy:
        return (
            "Either TLS here, or a proxy that does it: not both, or its headers can't be trusted."
        )
    if not own_tls and not config.behind_proxy and not _is_loopback(args.host):
        return (
            "This would send pictures in the clear. Give --tls-cert and --tls-key, or put a proxy "
            "before it and say --behind-proxy."
        )
    if config.behind_proxy and not config.tls:
        return "Behind a proxy, server_url must be the https:// address that people use."
    if own_tls and not config.tls:
        return "With TLS, server_url must begin with https://."
    if not own_tls and not config.behind_proxy and config.tls:
        return "server_url says https, and nothing here does TLS. Give a certificate, or a proxy."
    return _keys_problem()


def _keys_problem() -> str | None:
    from safelight import storage
    from safelight.flows import stores

    try:
        stores.keys().describe()
    except stores.BeingRestored:
        return None  # served all the same: each page says what is going on
    except stores.KeysAreSealed as error:
        return error.for_people
    except (storage.StorageError, OSError) as error:
        return f"The keys can't be opened: {getattr(error, 'for_people', type(error).__name__)}"
    finally:
        # Opened anew in each process of the server: a store isn't shared across a fork.
        stores.close()
    return None


def _shut_or_prepared() -> str | None:
    """Make everything ready; or say why every page will only say that it is being restored."""
    from django.core.management import call_command
    from django.db import connections

    from safelight.flows import being_restored, last_seen, stores

    if not being_restored.is_on():
        call_command("migrate", verbosity=0)
        last_seen.look_at_witness()
    connections.close_all()
    stores.close()
    return stores.BeingRestored.for_people if being_restored.is_on() else None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _serve(args: argparse.Namespace) -> None:
    from granian import Granian
    from granian.constants import Interfaces
    from granian.http import HTTP1Settings

    server = Granian(
        "safelight.web.wsgi:application",
        address=args.host,
        port=args.port,
        interface=Interfaces.WSGI,
        workers=args.processes,
        blocking_threads=args.threads,
        http1_settings=HTTP1Settings(max_buffer_size=max(8192, LARGEST_HEADERS)),
        log_access=False,
        log_enabled=sys.stderr.isatty(),
        ssl_cert=args.tls_cert,
        ssl_key=args.tls_key,
        respawn_failed_workers=True,
    )
    server.serve()
