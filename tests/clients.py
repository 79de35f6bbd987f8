"""Browsers without a window, and what is read from pages."""

from __future__ import annotations

import re

from django.test import Client

from safelight.records.models import Staff


def signed_in(person: Staff, **given: object) -> Client:
    """A browser in which the person has signed in."""
    client = Client(**given)
    client.force_login(person)
    return client


def token_in(html: str) -> str:
    """The hidden proof of origin in a form."""
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', html)
    assert found
    return found[1]
