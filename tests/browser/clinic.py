"""A whole installation on a free port, in a process of its own, with a GP and two patients."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from servers.databases import database_of

PASSPHRASE = "only made-up pictures are kept here"


@dataclass(frozen=True)
class Clinic:
    """Where it is served, and who is there."""

    url: str
    home: Path
    email: str
    password: str
    adult: str
    child: str


@contextmanager
def opened(home: Path) -> Iterator[Clinic]:
    """Serve an installation in this folder until the block ends."""
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "DJANGO_SETTINGS_MODULE": "safelight.web.settings",
        "SAFELIGHT_MODE": "test",
        "SAFELIGHT_HOME": str(home),
        "SAFELIGHT_PASSPHRASE": PASSPHRASE,
        "SAFELIGHT_SECRET_KEY": "the key of a test",
        **database_of(home),
    }
    with subprocess.Popen(
        [sys.executable, __file__], env=environ, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            line = server.stdout.readline()
            assert line, "the server ended before it was ready"
            yield Clinic(home=home, **json.loads(line))
        finally:
            server.terminate()


def main() -> None:
    """Make the installation, say where it is, and serve it."""
    import django

    django.setup()
    from datetime import date

    from django.conf import settings
    from django.core.management import call_command
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application

    import factories
    from safelight import storage

    call_command("migrate", verbosity=0)
    settings.SAFELIGHT_SEAL.parent.mkdir(parents=True, exist_ok=True)
    storage.SealedFileManager.create(settings.SAFELIGHT_SEAL, PASSPHRASE)
    surgery = factories.practice()
    gp = factories.staff(practice=surgery, name="Dr Made-Up")
    adult = factories.patient(practice=surgery, name="Margaret Made-Up")
    child = factories.patient(practice=surgery, name="Leo Made-Up", born_on=date(2017, 1, 11))
    factories.representative(child)

    class Quiet(WSGIRequestHandler):
        def log_message(self, *args: object) -> None:
            """Do not log."""

    server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    server.daemon_threads = True
    settings.SAFELIGHT_SERVER_URL = f"http://127.0.0.1:{server.server_port}"
    server.set_app(get_wsgi_application())
    said = {
        "url": settings.SAFELIGHT_SERVER_URL,
        "email": gp.email,
        "password": factories.PASSPHRASE,
        "adult": str(adult.pk),
        "child": str(child.pk),
    }
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
