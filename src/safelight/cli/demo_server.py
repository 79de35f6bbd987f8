"""The demo's own process: the server, the worker and the made-up practice, all in memory and files
of one temporary folder. Started by `safelight demo`, never by hand."""

from __future__ import annotations

import io
import os
import signal
import socket
import ssl
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESET = 75
ROUND_SECONDS = 3.0
SIDE = (1280, 960)


def main() -> NoReturn:
    """Serve on the inherited socket until told to end."""
    os.umask(0o077)
    _end_with_parent()
    listener = socket.socket(fileno=int(sys.argv[1]))
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    practice = _open_practice()
    server = _server(listener)
    ended = threading.Event()
    told = _told_by(signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
    threading.Thread(target=server.serve_forever, daemon=True, name="server").start()
    worker = threading.Thread(target=_work, args=(practice, ended), daemon=True, name="worker")
    worker.start()
    print("ready", flush=True)
    number = told.recv(1)[0]
    ended.set()
    server.shutdown()
    worker.join(5)
    # Not by way of the interpreter's end: a thread that still looks at a picture would crash there,
    # and the process that waits would take that for a fault, not for a reset.
    sys.stdout.flush()
    os._exit(RESET if number == signal.SIGUSR1 else 0)


def _told_by(*numbers: signal.Signals) -> socket.socket:
    """Return a socket that says the number of each of these signals that arrives.

    A signal may reach any thread, and one that waits for a lock is not woken by another's.
    """
    told, telling = socket.socketpair()
    telling.setblocking(False)
    signal.set_wakeup_fd(telling.detach(), warn_on_full_buffer=False)
    for number in numbers:
        signal.signal(number, lambda *_: None)
    return told


def _end_with_parent() -> None:
    """End when standard input does: the parent was killed, and nobody would stop this process."""

    def watch() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="watch").start()


def _open_practice() -> Any:
    from django.conf import settings
    from django.utils import timezone

    from safelight.flows import made_up
    from safelight.flows.staff import make_stores

    make_stores(str(settings.SAFELIGHT_PASSPHRASE))
    now = timezone.now()
    practice = made_up.open_practice(now=now)
    made_up.add_people(practice, now=now)
    return practice


def _server(listener: socket.socket) -> Any:
    """Return a threaded server for a few people; `safelight serve` is the one for a practice."""
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application

    class Quiet(WSGIRequestHandler):
        """Logs nothing: an address may hold what was searched for."""

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            """Do not log."""

    class Server(ThreadedWSGIServer):
        """Serves on a socket that is bound already."""

        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A phone that goes away, or that doesn't trust us yet, is no error."""

    tls = os.environ.get("SAFELIGHT_DEMO_TLS")
    address = listener.getsockname()
    server = Server(address, Quiet, bind_and_activate=False)
    server.socket.close()
    server.socket = _locked(listener, Path(tls)) if tls else listener
    server.server_name, server.server_port = "localhost", address[1]
    server.setup_environ()
    if tls:
        server.base_environ["HTTPS"] = "on"
    server.set_app(get_wsgi_application())
    return server


def _locked(listener: socket.socket, folder: Path) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    # Not in accept(): one slow phone would keep everybody else waiting.
    return context.wrap_socket(listener, server_side=True, do_handshake_on_connect=False)


def _work(practice: Any, ended: threading.Event) -> None:
    """Take the made-up pictures, then do what a worker does, until the end."""
    import logging

    from django.db import close_old_connections
    from django.utils import timezone

    from safelight.flows import made_up, rounds

    log = logging.getLogger("safelight.demo")
    try:
        made_up.live_through(practice, draw=draw, now=timezone.now())
    except Exception:
        log.exception("the made-up pictures could not all be taken")
    while not ended.wait(ROUND_SECONDS):
        try:
            rounds.go(now=timezone.now(), transport=None)
        except Exception:
            log.exception("a round of the worker failed")
        close_old_connections()


def draw(name: str) -> bytes:
    """Return the made-up picture of that name as JPEG, as a phone's camera page makes one."""
    from PIL import Image

    from safelight.cli import made_up

    pictures: dict[str, Any] = {
        "ulcer, first visit": lambda: made_up.wound(11, "light", size=SIDE),
        "ulcer, second visit": lambda: made_up.wound(12, "light", size=SIDE),
        "forearm with wristband": lambda: made_up.wristband(
            13, "light", name="MARLOWE, Edith", number="999 000 0107", size=SIDE
        ),
        "wound with a face": lambda: made_up.bystander(14, "light", size=SIDE),
        "rash of a child": lambda: made_up.rash(15, "very light", size=SIDE),
        "rash on brown skin": lambda: made_up.rash(16, "brown", size=SIDE),
        "ulcer on dark skin": lambda: made_up.wound(17, "dark", size=SIDE),
        "plain skin": lambda: made_up.skin(19, "medium", size=SIDE),
    }
    pixels: NDArray[Any] = pictures[name]()
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "JPEG", quality=88)
    return held.getvalue()


if __name__ == "__main__":
    main()
