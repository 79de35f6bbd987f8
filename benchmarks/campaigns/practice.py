"""The made-up practice that every trial begins with, and what is about to happen in it."""

from __future__ import annotations

import hashlib
import pickle
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from safelight.terms import Purpose

USES = (Purpose.CARE, Purpose.SECOND_OPINION, Purpose.TEACHING_LOCAL)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A sealed upload on its way."""

    envelope: str
    blob: bytes
    plain_sha256: str
    capture_id: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """Ids of what there is, and what will be sent. It lies beside the installation, not in it."""

    now: datetime
    gp: str
    lead: str
    consents: dict[str, str]
    """Patient's letter to consent."""
    photos: dict[str, str]
    plain: dict[str, str]
    """Photo to the digest of its plain bytes."""
    releases: dict[str, str]
    copies: dict[str, str]
    parcels: dict[str, Parcel]
    finished_copy: Any
    """What the detectors and the covering made of the picture, done once."""


def load(work: Path) -> Prepared:
    """Return what `build` wrote down."""
    prepared: Prepared = pickle.loads((work / "prepared.pickle").read_bytes())
    return prepared


def build(work: Path) -> None:
    """Make the installation: five patients, in whose records something has happened already.

    a: pictures arrive. b: everything is taken back. c: a copy is made and leaves, then teaching is
    taken back. d: a capture is stopped right after. e: a copy waits and its request is stopped.
    """
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connections
    from django.utils import timezone

    import house as houses
    from factories import patient, practice, staff
    from flows.conftest import CHEAP, agree
    from safelight.flows import pictures, stores
    from safelight.flows import staff as staff_flows
    from safelight.policy.roles import Role

    staff_flows.make_stores(settings.SAFELIGHT_PASSPHRASE, cost=CHEAP)
    call_command("migrate", verbosity=0)
    now = timezone.now()
    before = now - timedelta(days=3)
    surgery = practice()
    there = houses.House(settings.SAFELIGHT_HOME)
    gp = there.people["gp"] = staff(Role.GP, practice=surgery, password=None)
    lead = there.people["lead"] = staff(Role.IG_LEAD, practice=surgery, password=None)
    patients = {name: patient(practice=surgery) for name in "abcde"}
    consents = {n: agree(p, gp, *USES, now=before)[0] for n, p in patients.items()}
    photos: dict[str, Any] = {}
    plain: dict[str, str] = {}
    for number, name in enumerate(("b1", "b2", "c1", "e1")):
        data = picture(number)
        photos[name] = taken(data, consents[name[0]], by=gp, now=before)
        plain[name] = _digest(data)
    releases = _asked_for(there, photos, before=before, now=now)
    prepared = Prepared(
        now=now,
        gp=str(gp.pk),
        lead=str(lead.pk),
        consents={name: str(each.pk) for name, each in consents.items()},
        photos={name: str(each.pk) for name, each in photos.items()},
        plain=plain,
        releases={name: str(each.pk) for name, each in releases.items()},
        copies={name: str(releases[name].copy_id) for name in ("b", "e")},
        parcels={
            name: sealed_parcel(picture(10 + number), surgery.pk)
            for number, name in enumerate(("a1", "a2", "a3", "d1"))
        },
        finished_copy=pictures.make_copy(picture(2), held="ask", person_looked=True),
    )
    stores.close()
    connections.close_all()
    (work / "prepared.pickle").write_bytes(pickle.dumps(prepared))


def _asked_for(
    there: Any, photos: dict[str, Any], *, before: datetime, now: datetime
) -> dict[str, Any]:
    """Let a copy of b leave, one of e wait, and one of c be asked for; ask a colleague about b."""
    import house as houses
    from safelight.flows import release

    releases = {}
    for name in ("b", "e"):
        there.things["photo"] = photos[f"{name}1"]
        releases[name] = houses.requested(there, now=before)
        houses.with_copy(releases[name], there, now=before)
    release.approve(releases["b"], note="", by=there.people["lead"], now=before)
    houses.asked(photos["b2"], by=there.people["gp"], now=now)
    there.things["photo"] = photos["c1"]
    releases["c"] = houses.requested(there, now=now)
    photos["c1"].relied_on_for_care = True
    photos["c1"].save(update_fields=["relied_on_for_care"])
    return releases


def taken(data: bytes, consent: Any, *, by: Any, now: datetime) -> Any:
    """Take a picture as the phone does, and return its row."""
    from flows.conftest import SITE
    from safelight.flows import capture
    from safelight.records.models import Photo

    parcel = sealed_parcel(data, consent.practice_id)
    made = capture.receive(
        parcel.envelope,
        parcel.blob,
        patient=consent.patient,
        consent=consent,
        body_site=SITE,
        made_for=Purpose.CARE,
        by=by,
        now=now,
    )
    assert isinstance(made, Photo), made
    return made


def sealed_parcel(data: bytes, tenant: uuid.UUID) -> Parcel:
    """Seal a picture as the phone does."""
    from flows.conftest import sealed

    capture_id = uuid.uuid4()
    envelope, blob = sealed(data, tenant=tenant, capture_id=capture_id)
    return Parcel(envelope, blob, _digest(data), str(capture_id))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def picture(seed: int) -> bytes:
    """Return a small JPEG that no other trial's picture equals."""
    from flows.conftest import jpeg

    return bytes(jpeg(seed=seed))
