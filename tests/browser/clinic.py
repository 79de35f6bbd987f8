"""A whole installation on a free port, in a process of its own, with a GP and two patients."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
    young: str
    """A child that somebody found not to be competent: a parent answers."""
    slips: dict[str, str] = field(default_factory=dict)
    """The secret of a patient's paper, by language; only where it was asked for."""
    taken: dict[str, list[str]] = field(default_factory=dict)
    """The patient, conversation and picture of each of them."""


@contextmanager
def opened(home: Path, *, slips: bool = False) -> Iterator[Clinic]:
    """Serve an installation in this folder until the block ends.

    slips: with an English and a Welsh conversation that have happened, each with a picture.
    """
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
        [sys.executable, __file__, *["slips"] * slips],
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
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
    young = factories.patient(practice=surgery, name="Ada Made-Up", born_on=date(2018, 4, 2))
    factories.representative(young)
    factories.assessment(young, gp, kind="gillick", outcome="not-competent")

    given = with_slips(surgery, gp) if "slips" in sys.argv else {}

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
        "young": str(young.pk),
        **given,
    }
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()
    server.serve_forever()


def with_slips(surgery: Any, gp: Any) -> dict[str, Any]:
    """Have a conversation in each language, take a picture, let a copy leave, and ask a colleague."""
    from datetime import timedelta

    from django.utils import timezone

    import factories
    from flows import conftest as story
    from flows.test_withdraw import copy_of
    from safelight.flows import sheets
    from safelight.terms import Purpose

    then = timezone.now() - timedelta(days=3)
    uses = (Purpose.CARE, Purpose.SECOND_OPINION, Purpose.TEACHING_LOCAL)
    made: dict[str, Any] = {"slips": {}, "taken": {}}
    for language, name in (("en", "Olive Made-Up"), ("cy", "Olwen Made-Up")):
        of = factories.patient(practice=surgery, name=name)
        words = sheets.conversation(of, body_site=story.SITE, language=language, now=then)
        consent, secret = story.agree(of, gp, *uses, wording=words.digest, now=then)
        photo = story.take(of, gp, consent, now=then)
        copy_of(photo, gp)
        made["slips"][language] = secret
        made["taken"][language] = [str(of.pk), str(consent.pk), str(photo.pk)]
    return made


if __name__ == "__main__":
    main()
