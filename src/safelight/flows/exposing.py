"""Ask what all that ever left about a patient adds up to, and remember what leaves now."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils import timezone

from safelight import exposure, vault
from safelight.flows import keeping, stores
from safelight.records.models import Disclosure
from safelight.terms import Audience

if TYPE_CHECKING:
    from safelight.records.models import Patient, Release

POPULATIONS = {"england": "uk-mid2011"}
"""Policy pack to the table of its people. Without one nothing is assessed, and that holds."""
NOT_ASSESSED = "not-assessed"
KIND = "facts"


@dataclass(frozen=True, slots=True)
class Assessed:
    """The verdict that `decide` reads, and the report behind it."""

    verdict: str
    report: dict[str, Any]
    """Empty where nothing could be assessed."""


def assess(release: Release, *, now: datetime) -> Assessed:
    """Say what the release would add up to with everything that left before, taken back or not."""
    patient = release.photo.patient
    table = POPULATIONS.get(patient.practice.pack)
    if table is None:
        return Assessed(NOT_ASSESSED, {})
    report = exposure.assess(
        [exposure.read_release(said) for said in history(patient)],
        exposure.read_release(said_by(release, now=now)),
        population=exposure.load_population(table),
    )
    return Assessed(report.verdict.value, report.as_json())


def said_by(release: Release, *, now: datetime) -> dict[str, Any]:
    """Return the release as `expose` reads it."""
    return {
        "id": str(release.pk),
        "patient": str(release.photo.patient.subject),
        "at": timezone.localdate(now).isoformat(),
        "audience": audience_classes(release),
        "facts": dict(release.discloses),
    }


def audience_classes(release: Release) -> list[str]:
    """Return who sees it, as classes of viewer."""
    if release.audience == Audience.CLOSED_GROUP:
        return [f"group:{release.target}"]
    return [str(release.audience)]


def history(patient: Patient) -> list[dict[str, Any]]:
    """Return everything that was ever disclosed of the patient, oldest first, opened."""
    return [_unsealed(row) for row in patient.disclosures.order_by("at")]


def sealed_disclosure(release: Release, *, now: datetime) -> Disclosure:
    """Return an unsaved row of what leaves, sealed under a key of its own that is kept already.

    Of its own: it outlives a withdrawal, since what was seen stays seen, and ends with the
    patient's retention. The caller saves the row and then calls `keeping.settle`.
    """
    row_id, key = uuid.uuid4(), vault.new_key()
    photo = release.photo
    keeping.begin(row_id, tenant=photo.practice_id, patient=photo.patient_id, data_key=key)
    said = json.dumps(said_by(release, now=now), sort_keys=True).encode()
    return Disclosure(
        pk=row_id,
        practice=photo.practice,
        patient=photo.patient,
        release=release,
        audience=audience_classes(release),
        sealed_facts=vault.seal(
            vault.derive(key, KIND), said, context=_context(photo.practice_id, row_id)
        ),
        at=now,
    )


def _unsealed(row: Disclosure) -> dict[str, Any]:
    key = stores.keys().get(row.pk, tenant=row.practice_id, patient=row.patient_id, version=1)
    said = vault.unseal(
        vault.derive(key, KIND),
        bytes(row.sealed_facts),
        context=_context(row.practice_id, row.pk),
    )
    found: dict[str, Any] = json.loads(said)
    return found


def _context(practice: UUID, row: UUID) -> bytes:
    return vault.context("safelight-blob-v1", practice, row, KIND)
