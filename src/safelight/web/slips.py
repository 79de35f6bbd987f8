"""Hold a receipt's secret from the answer to the slip that shows it, and no longer.

The records keep only its hash. Between the two pages it rests in the session's row, encrypted
under the installation's secret key, for a quarter of an hour; the phone never stores it.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

if TYPE_CHECKING:
    from safelight.records.models import Consent
    from safelight.web.doors import SignedInRequest

LASTS_SECONDS = 15 * 60


def hold(request: SignedInRequest, consent: Consent, secret: str) -> None:
    """Keep the secret for this session's slip."""
    request.session[_name(consent)] = _box().encrypt(secret.encode()).decode()


def held(request: SignedInRequest, consent: Consent) -> str | None:
    """Return the secret while its time lasts; after that nobody can show it again."""
    kept = request.session.get(_name(consent))
    if kept is None:
        return None
    try:
        return _box().decrypt(kept.encode(), ttl=LASTS_SECONDS).decode()
    except InvalidToken:
        forget(request, consent)
        return None


def forget(request: SignedInRequest, consent: Consent) -> None:
    """Let the secret go."""
    request.session.pop(_name(consent), None)


def _name(consent: Consent) -> str:
    return f"safelight.slip.{consent.pk}"


def _box() -> Fernet:
    key = hashlib.sha256(b"safelight-slip-v1\0" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
