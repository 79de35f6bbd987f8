"""A practice on a disk of its own, with people, a patient and pictures, that can be backed up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from factories import patient, practice, staff
from flows.conftest import agree, take
from installing import Place, fresh, here, migrated
from safelight import vault
from safelight.flows import backing
from safelight.policy.roles import Role
from safelight.records.models import Consent, Patient, Photo, Practice, Staff
from safelight.storage import backups
from safelight.terms import Purpose

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, django_db_blocker) -> Path:
    with django_db_blocker.unblock():
        return migrated(tmp_path_factory.mktemp("template") / "home")


@dataclass
class Surgery:
    """What a test turns to."""

    root: Path
    place: Place
    key: vault.BackupKey
    practice: Practice
    gp: Staff
    lead: Staff
    patient: Patient
    consent: Consent
    secret: str
    photos: list[Photo] = field(default_factory=list)

    @property
    def to(self) -> backups.Target:
        return backups.target(str(self.root / "backups"))

    @property
    def keys_to(self) -> backups.Target:
        return backups.target(str(self.root / "key-backups"))

    def take(self, **given: object) -> Photo:
        """Take one more picture."""
        self.photos.append(take(self.patient, self.gp, self.consent, now=NOW, **given))
        return self.photos[-1]


@pytest.fixture
def surgery(tmp_path: Path, template: Path, django_db_blocker) -> Iterator[Surgery]:
    with django_db_blocker.unblock():
        fresh(template, tmp_path / "home")
        with here(tmp_path / "home") as place:
            key = backing.make_key()
            surgery = practice(name="Lamplight Surgery")
            gp = staff(Role.GP, practice=surgery)
            lead = staff(Role.IG_LEAD, practice=surgery)
            adult = patient(practice=surgery)
            uses = (Purpose.CARE, Purpose.SECOND_OPINION, Purpose.TEACHING_LOCAL)
            consent, secret = agree(adult, gp, *uses, now=NOW)
            yield Surgery(tmp_path, place, key, surgery, gp, lead, adult, consent, secret)
