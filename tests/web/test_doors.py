"""Closed by default, and the same headers on everything."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from clients import signed_in, token_in
from factories import staff
from safelight.policy.roles import Role
from safelight.web.middleware import CAMERA, NO_CAMERA

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)

OPEN = {
    "account_login",
    "mfa_authenticate",
    "mfa_login_webauthn",
    "account_signup",
    "account_inactive",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
}
"""Sign-in itself. Colleagues' and patients' pages are added by the areas that own them."""
OPEN_AREAS = ("share", "colleague", "receipt", "manifest", "worker", "my-")


def patterns(resolver: URLResolver | None = None) -> Iterator[URLPattern]:
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from patterns(entry)
        else:
            yield entry


def address(pattern: URLPattern) -> str:
    given = {
        name: {"UUIDConverter": uuid4(), "IntConverter": 1}.get(type(converter).__name__, "x")
        for name, converter in pattern.pattern.converters.items()
    }
    if pattern.name == "account_reset_password_from_key":
        given = {"uidb36": "x", "key": "y-z"}
    return reverse(pattern.name, kwargs=given)


NAMED = [pattern for pattern in patterns() if pattern.name]


def is_open(pattern: URLPattern) -> bool:
    return bool(getattr(pattern.callback, "open_to_all", False))


@pytest.mark.django_db
@pytest.mark.parametrize("pattern", [p for p in NAMED if not is_open(p)], ids=lambda p: p.name)
@pytest.mark.parametrize("method", ["get", "post"])
def test_strangers_see_nothing(pattern, method):
    answer = getattr(Client(), method)(address(pattern))
    if method == "get":
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("account_login"))
    else:
        assert answer.status_code == 401
    assert answer["Cache-Control"] == "no-store"


def test_only_these_are_open_to_all():
    opened = {pattern.name for pattern in NAMED if is_open(pattern)}
    others = {name for name in opened - OPEN if not name.startswith(OPEN_AREAS)}
    assert others == set()
    assert opened >= OPEN


def test_every_address_has_a_name():
    assert [str(pattern.pattern) for pattern in patterns() if not pattern.name] == []


@pytest.mark.django_db
@pytest.mark.parametrize("pattern", NAMED, ids=lambda p: p.name)
def test_every_page_carries_the_same_policy(pattern):
    for client in (Client(), signed_in(staff(Role.GP, password=None))):
        answer = client.get(address(pattern))
        assert answer["Content-Security-Policy"] == CSP
        assert answer["Referrer-Policy"] == "no-referrer"
        assert answer["Cache-Control"] == "no-store"
        assert answer["X-Content-Type-Options"] == "nosniff"
        shows_camera = answer.status_code == 200 and getattr(pattern.callback, "uses_camera", False)
        assert answer["Permissions-Policy"] == (CAMERA if shows_camera else NO_CAMERA)


def test_only_the_capture_page_sees_the_camera():
    seen = {p.name for p in NAMED if getattr(p.callback, "uses_camera", False)}
    assert seen <= {"capture", "prepared"}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/nothing/here/", "/static/nothing.css"])
def test_an_error_carries_the_policy_and_repeats_nothing(path):
    answer = Client().get(f"{path}?q=Edith+Marlowe")
    assert answer.status_code == 404
    assert answer["Content-Security-Policy"] == CSP
    assert "Edith" not in answer.content.decode()


@pytest.mark.django_db
def test_a_static_file_carries_the_policy():
    answer = Client().get("/static/door/passkey.js")
    assert answer.status_code == 200
    assert answer["Content-Security-Policy"] == CSP


def test_a_body_that_is_too_long_is_refused_unread():
    answer = Client().generic("POST", "/account/sign-in/", CONTENT_LENGTH=str(2**40))
    assert answer.status_code == 413
    assert "too large to send" in answer.content.decode()
    assert Client().generic("POST", "/", CONTENT_LENGTH="many").status_code == 400


def test_uploads_never_touch_the_disk():
    assert settings.FILE_UPLOAD_HANDLERS == [
        "django.core.files.uploadhandler.MemoryFileUploadHandler"
    ]
    assert settings.FILE_UPLOAD_MAX_MEMORY_SIZE >= 30 * 2**20


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("site", "status"), [("same-origin", 302), ("cross-site", 403), (None, 403)]
)
def test_a_form_with_a_hidden_origin_must_be_ours(gp, site, status):
    client = Client(enforce_csrf_checks=True)
    client.force_login(gp)
    page = client.get("/account/").content.decode()
    said = {"HTTP_SEC_FETCH_SITE": site} if site else {}
    answer = client.post(
        "/lock/", {"csrfmiddlewaretoken": token_in(page)}, HTTP_ORIGIN="null", **said
    )
    assert answer.status_code == status


@pytest.mark.django_db
def test_an_administrator_sees_no_patient_and_no_picture(administrator):
    client = signed_in(administrator)
    for pattern in NAMED:
        if pattern.name in {
            "patient",
            "consent",
            "capture",
            "picture",
            "picture-image",
            "patients",
        }:
            assert client.get(address(pattern)).status_code in {403, 404}


@pytest.mark.django_db
def test_a_closed_account_is_out_at_the_next_request(gp):
    client = signed_in(gp)
    assert client.get("/account/").status_code == 200
    type(gp).objects.filter(pk=gp.pk).update(is_active=False)
    assert client.get("/account/").status_code == 302


@pytest.mark.django_db
def test_a_role_that_may_not_is_told_where_to_turn(gp):
    answer = signed_in(gp).get("/staff/")
    assert answer.status_code == 403
    words = answer.content.decode()
    assert "ask your administrator" in words
    assert "denied" not in words.lower()
