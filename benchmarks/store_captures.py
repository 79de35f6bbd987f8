"""A process of its own that takes captures in, and says how long each was until it was acknowledged."""

from __future__ import annotations

import json
import statistics
import time

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from factories import patient, practice, staff  # noqa: E402
from flows.conftest import PASSPHRASE, agree, jpeg, sealed  # noqa: E402
from safelight.flows import capture  # noqa: E402
from safelight.flows import staff as installations  # noqa: E402
from safelight.records.models import Photo  # noqa: E402
from safelight.terms import Purpose  # noqa: E402

CAPTURES = 60
WARM_UP = 5
SIDE = 1200


def main() -> None:
    """Print one JSON object."""
    call_command("migrate", verbosity=0)
    installations.make_stores(PASSPHRASE)
    surgery = practice()
    gp, adult = staff(practice=surgery), patient(practice=surgery)
    consent, _ = agree(adult, gp)
    picture, took = jpeg(side=SIDE), []
    for _ in range(WARM_UP + CAPTURES):
        envelope, blob = sealed(picture, tenant=surgery.pk)
        began = time.monotonic()
        made = capture.receive(
            envelope,
            blob,
            patient=adult,
            consent=consent,
            body_site="Left lower leg",
            made_for=Purpose.CARE,
            by=gp,
            now=timezone.now(),
        )
        took.append((time.monotonic() - began) * 1000)
        assert isinstance(made, Photo), made
    counted = sorted(took[WARM_UP:])
    print(
        json.dumps(
            {
                "captures": len(counted),
                "picture_bytes": len(picture),
                "capture_acknowledged_p50_ms": round(statistics.median(counted), 1),
                "capture_acknowledged_p95_ms": round(counted[int(len(counted) * 0.95)], 1),
            }
        )
    )


if __name__ == "__main__":
    main()
