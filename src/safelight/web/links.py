"""Whole addresses for mail: they come from the settings, never from what a request says."""

from __future__ import annotations

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.urls import reverse

from safelight.records.models import Staff


def whole(path: str) -> str:
    """Return the path with this server's own address before it."""
    return f"{settings.SAFELIGHT_SERVER_URL}{path}"


def set_password_link(staff: Staff) -> str:
    """Return the one-time address with which the person sets a password."""
    key = {"uidb36": user_pk_to_url_str(staff), "key": default_token_generator.make_token(staff)}
    return whole(reverse("account_reset_password_from_key", kwargs=key))
