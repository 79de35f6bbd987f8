"""The practice beside the racing servers: makes patients to race about, and plays the careless restore.

Runs as a process of its own on the same stores. What is not raced is written directly: how a copy
or a link came about doesn't matter, that it is there does.
"""

from __future__ import annotations

import hashlib
import json
import sys
import uuid
from datetime import timedelta
from functools import partial
from typing import Any

TOKEN = "browser" * 6 + "x"


def _main() -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    import house as houses
    from factories import practice, staff
    from flows.conftest import CHEAP
    from safelight.flows import staff as staff_flows
    from safelight.policy.roles import Role

    staff_flows.make_stores(settings.SAFELIGHT_PASSPHRASE, cost=CHEAP)
    call_command("migrate", verbosity=0)
    surgery = practice()
    people = {
        name: staff(role, practice=surgery, password=None)
        for name, role in (("gp", Role.GP), ("second", Role.GP), ("lead", Role.IG_LEAD))
    }
    sessions = {
        name: houses.signed_in(each).cookies["safelight"].value for name, each in people.items()
    }
    maker = _Maker(people)
    _say({"sessions": sessions})
    for line in sys.stdin:
        asked = json.loads(line)
        acts = {
            "cases": partial(maker.cases, asked.get("cases")),
            "put back": partial(maker.put_back, asked.get("put back")),
            "verify": maker.verify,
        }
        _say(acts[next(iter(asked))]())


def _say(what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class _Maker:
    def __init__(self, people: dict[str, Any]) -> None:
        from flows.conftest import jpeg

        self.people, self.jpeg = people, bytes(jpeg(side=64))
        self.kept_blobs: dict[str, dict[str, bytes]] = {}

    def cases(self, count: int) -> list[dict[str, Any]]:
        """Make patients, each with a picture, a colleague's open link, a released copy, a receipt."""
        from django.db import transaction

        with transaction.atomic():
            return [self._case() for _ in range(count)]

    def _case(self) -> dict[str, Any]:
        from django.utils import timezone

        from benchmarks.campaigns.practice import USES
        from factories import patient
        from flows.conftest import agree
        from safelight.flows import opening

        now, gp = timezone.now(), self.people["gp"]
        before = now - timedelta(minutes=10)  # taken just now: taken back, it goes without a trace
        adult = patient(practice=gp.practice)
        consent, receipt = agree(adult, gp, *USES, now=before)
        photo = self._photo(consent, by=gp, now=before)
        page = opening.open_thumbs([photo], by=gp, now=now)
        return {
            "photo": str(photo.pk),
            "consent": str(consent.pk),
            "receipt": receipt,
            "entry": page.entry,
            "link": str(self._link(photo, by=gp, now=now).pk),
            "release": str(self._release(photo, now=before).pk),
        }

    def _photo(self, consent: Any, *, by: Any, now: Any) -> Any:
        from safelight import vault
        from safelight.flows import capture, keeping, stores
        from safelight.records.models import Photo

        key, patient = vault.new_key(), consent.patient
        photo = Photo(
            pk=uuid.uuid4(),
            practice=patient.practice,
            patient=patient,
            sha256=hashlib.sha256(self.jpeg).hexdigest(),
            body_site=consent.body_site,
            consent=consent,
            taken_at=now,
            received_at=now,
            taken_by=by,
            width=85,
            height=64,
            decision={},
        )
        photo.capture_id = photo.pk
        keeping.begin(photo.pk, tenant=photo.practice_id, patient=patient.pk, data_key=key)
        blobs = {
            photo.blob: vault.seal(key, self.jpeg, context=capture.blob_context(photo, "original"))
        }
        for kind in ("view", "thumb"):
            blobs[photo.derived_blob(kind)] = vault.seal(
                vault.derive(key, kind), self.jpeg, context=capture.blob_context(photo, kind)
            )
        for name, data in blobs.items():
            stores.blobs().put(name, data)
        photo.save(force_insert=True)
        keeping.settle(photo.pk)
        self.kept_blobs[str(photo.pk)] = blobs
        return photo

    def _link(self, photo: Any, *, by: Any, now: Any) -> Any:
        from safelight.flows.share import hash_of
        from safelight.records.models import Link

        return Link.objects.create(
            practice=photo.practice,
            photo=photo,
            recipient_name="Dr Skin",
            recipient_email="skin@hospital.example",
            question="?",
            secret_hash=hash_of(uuid.uuid4().hex),
            bound_to=hash_of(TOKEN),
            expires_at=now + timedelta(days=1),
            opened_at=now,
            openings_used=1,
            created_by=by,
            created_at=now,
        )

    def _release(self, photo: Any, *, now: Any) -> Any:
        import house as houses
        from safelight.records.models import Release

        there = houses.House(houses.Path("unused"), people=self.people, things={"photo": photo})
        release = houses.requested(there, now=now)
        houses.with_copy(release, there, now=now)
        release.reviewed_by, release.reviewed_at = self.people["lead"], now
        release.exposure = "clear"
        release.set_state(Release.State.RELEASED)
        return release

    def put_back(self, photo_id: str) -> str:
        """Put rows and blobs back as they were before the withdrawal: only the key stays gone."""
        from safelight.flows import stores
        from safelight.records.models import Consent, Photo

        photo = Photo.objects.get(pk=photo_id)
        for name, data in self.kept_blobs.pop(photo_id).items():
            stores.blobs().put(name, data)
        Photo.objects.filter(pk=photo_id).update(state=Photo.State.KEPT, closed_to={})
        Consent.objects.filter(pk=photo.consent_id).update(withdrawn={})
        return "put back"

    def verify(self) -> dict[str, Any]:
        """Return whether the ledger is whole, and what it counts."""
        from safelight.flows import evidence
        from safelight.records.models import LedgerEntry, Withdrawal

        found = evidence.verify(None)
        kinds = ("photo.viewed", "link.shown", "copy.opened", "consent.withdrawn")
        told = {kind: LedgerEntry.objects.filter(kind=kind).count() for kind in kinds}
        return {"ok": found.ok, "withdrawals": Withdrawal.objects.count()} | told


if __name__ == "__main__":
    _main()
