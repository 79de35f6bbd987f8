"""What the flows' tests share: real stores in a temporary home, and a phone that seals."""

from __future__ import annotations

import hashlib
import io
import json
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from django.db import connection
from PIL import Image

from factories import NOW, patient, practice, staff
from lock_order import LockOrder
from safelight import storage, vault
from safelight.flows import stores
from safelight.policy.roles import Role
from safelight.records.models import Consent, Patient, Photo, Practice, Staff
from safelight.terms import Purpose

SITE = "Left lower leg"
PASSPHRASE = "only made-up pictures are kept here"
CHEAP = storage.Cost(passes=1, memory_kib=8)


@dataclass(frozen=True)
class Home:
    """The folders of one test's installation."""

    root: Path

    @property
    def blobs(self) -> Path:
        return self.root / "blobs"

    def files(self) -> dict[str, bytes]:
        """Every blob there is, by name; unfinished ones too."""
        return {
            str(path.relative_to(self.blobs)): path.read_bytes()
            for path in sorted(self.blobs.rglob("*"))
            if path.is_file()
        }


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings, db) -> Home:
    """Point the installation's stores at a folder of this test's own."""
    stores.close()
    (tmp_path / "keys").mkdir()
    settings.SAFELIGHT_BLOBS = tmp_path / "blobs"
    settings.SAFELIGHT_KEYS = tmp_path / "keys" / "keys.db"
    settings.SAFELIGHT_SEAL = tmp_path / "keys" / "seal.json"
    settings.SAFELIGHT_PASSPHRASE = PASSPHRASE
    storage.SealedFileManager.create(settings.SAFELIGHT_SEAL, PASSPHRASE, cost=CHEAP)
    yield Home(tmp_path)
    stores.close()


@pytest.fixture
def surgery() -> Practice:
    return practice()


@pytest.fixture
def gp(surgery: Practice) -> Staff:
    return staff(Role.GP, practice=surgery)


@pytest.fixture
def adult(surgery: Practice) -> Patient:
    return patient(practice=surgery)


@pytest.fixture
def stranger() -> Staff:
    """A GP of another practice."""
    return staff(Role.GP)


def jpeg(*, side: int = 240, seed: int = 1) -> bytes:
    """A small JPEG, the same for the same seed."""
    pixels = np.random.default_rng(seed).integers(60, 200, (side // 8, side // 6, 3), np.uint8)
    held = io.BytesIO()
    Image.fromarray(pixels).resize((side * 4 // 3, side)).save(held, "JPEG", quality=90)
    return held.getvalue()


def signature(ink: tuple[int, int, int] = (29, 25, 22)) -> bytes:
    """A stroke on an empty sheet, as the page's canvas writes it."""
    pixels = np.zeros((80, 240, 4), np.uint8)
    pixels[40:43, 30:200] = (*ink, 255)
    held = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(held, "PNG")
    return held.getvalue()


def sealed(
    picture: bytes, *, tenant: uuid.UUID, capture_id: uuid.UUID | None = None
) -> tuple[str, bytes]:
    """Seal as a phone does: the envelope's JSON, and the blob."""
    capture_id = capture_id or uuid.uuid4()
    offer = stores.keys().ingest_current(NOW)
    data_key = vault.new_key()
    context = vault.context("safelight-blob-v1", tenant, capture_id, "original")
    blob = vault.seal(data_key, picture, context=context)
    envelope = vault.close_envelope(
        offer.public,
        data_key,
        capture_id=capture_id,
        sha256=hashlib.sha256(blob).hexdigest(),
        suite=offer.suite,
    )
    return json.dumps(envelope.as_json()), blob


def agree(of: Patient, by: Staff, *purposes: Purpose, **given: object) -> tuple[Consent, str]:
    """A conversation in which everything was told, and care agreed to."""
    from safelight.flows import consent as consents

    own = given.get("given_by", "patient") == "patient"
    words = consents.conversation(
        of, body_site=SITE, reader="patient" if own else "representative", now=NOW
    )
    agreed = purposes or (Purpose.CARE,)
    return consents.record_consent(
        of,
        **{
            "purposes": agreed,
            "refused": [each.purpose for each in words.purposes if each.purpose not in agreed],
            "told": [each.key for each in words.told],
            "not_told": {},
            "nothing_else": False,
            "form": Consent.Form.ORAL,
            "statement": "Yes, go on.",
            "signature": None,
            "given_by": "patient",
            "representative": None,
            "body_site": SITE,
            "wording": words.digest,
            "by": by,
            "now": NOW,
        }
        | given,
    )


def take(of: Patient, by: Staff, consent: Consent, *, now=NOW, **given: object) -> Photo:
    """A picture that was captured."""
    from safelight.flows import capture

    envelope, blob = sealed(jpeg(), tenant=of.practice_id)
    made = capture.receive(
        envelope,
        blob,
        **{
            "patient": of,
            "consent": consent,
            "body_site": SITE,
            "made_for": Purpose.CARE,
            "by": by,
            "now": now,
        }
        | given,
    )
    assert isinstance(made, Photo), made
    return made


@pytest.fixture(autouse=True)
def lock_order(request):
    """On PostgreSQL: every act locks in the one order, or the test fails. Gives what broke it."""
    if connection.vendor != "postgresql" or "db" not in request.fixturenames:
        yield []
        return
    watch = LockOrder()
    with connection.execute_wrapper(watch):
        yield watch.broken
    assert watch.broken == []
