"""Hold what was said before a picture from the form to the upload, and no longer.

It names people and says why; nothing of it belongs in the records before there is a picture. So it
rests in the session's row, encrypted under the installation's secret key.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from safelight.flows.circumstances import Circumstances
from safelight.records.models import Consent
from safelight.terms import Purpose

if TYPE_CHECKING:
    from safelight.records.models import Patient
    from safelight.web.doors import SignedInRequest

LASTS_SECONDS = 4 * 3600
"""Who is in the room and how urgent it is were said of this visit."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What one picture of this patient and this part of the body was prepared with."""

    made_for: Purpose
    consent: Consent | None
    circumstances: Circumstances


def hold(request: SignedInRequest, patient: Patient, body_site: str, prepared: Prepared) -> None:
    """Keep it for this session."""
    said = {
        "made_for": prepared.made_for.value,
        "consent": str(prepared.consent.pk) if prepared.consent else None,
        "circumstances": prepared.circumstances.as_json(),
    }
    sealed = _box().encrypt(json.dumps(said).encode()).decode()
    request.session[_name(patient, body_site)] = sealed


def held(request: SignedInRequest, patient: Patient, body_site: str) -> Prepared | None:
    """Return it while its time lasts; after that it has to be said again."""
    kept = request.session.get(_name(patient, body_site))
    if kept is None:
        return None
    try:
        said = json.loads(_box().decrypt(kept.encode(), ttl=LASTS_SECONDS))
    except InvalidToken:
        forget(request, patient, body_site)
        return None
    consent = patient.consents.filter(pk=said["consent"]).first() if said["consent"] else None
    circumstances = Circumstances.from_json(said["circumstances"])
    return Prepared(Purpose(said["made_for"]), consent, circumstances)


def forget(request: SignedInRequest, patient: Patient, body_site: str) -> None:
    """Let it go."""
    request.session.pop(_name(patient, body_site), None)


def _name(patient: Patient, body_site: str) -> str:
    return f"safelight.prepared.{patient.pk}.{body_site}"


def _box() -> Fernet:
    key = hashlib.sha256(b"safelight-prepared-v1\0" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
