"""A session that nobody uses locks itself, and keeps the place."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client

from clients import signed_in
from factories import PASSPHRASE
from safelight.web.middleware import LOCKED, SEEN

PAGE = "/account/"


def rest(client: Client, seconds: float) -> None:
    """Let the session lie for a while."""
    session = client.session
    session[SEEN] -= seconds
    session.save()


@pytest.fixture
def client_at_work(gp):
    client = signed_in(gp)
    assert client.get(PAGE).status_code == 200
    return client


@pytest.mark.django_db
def test_it_stays_open_while_it_is_used(client_at_work):
    for _ in range(3):
        rest(client_at_work, settings.SAFELIGHT_IDLE_SECONDS - 60)
        assert client_at_work.get(PAGE).status_code == 200


@pytest.mark.django_db
def test_it_locks_after_the_idle_time_and_keeps_the_place(client_at_work):
    rest(client_at_work, settings.SAFELIGHT_IDLE_SECONDS + 1)
    answer = client_at_work.get(f"{PAGE}?of=interest")
    assert answer.status_code == 302
    assert answer["Location"] == "/unlock/?next=%2Faccount%2F%3Fof%3Dinterest"
    assert client_at_work.session[LOCKED]


@pytest.mark.django_db
def test_a_clock_that_jumps_back_locks_too(client_at_work):
    rest(client_at_work, -3600)
    assert client_at_work.get(PAGE).status_code == 302


@pytest.mark.django_db
def test_a_locked_session_takes_no_form_and_answers_no_script(client_at_work):
    client_at_work.post("/lock/")
    assert client_at_work.post("/account/password/", {}).status_code == 401
    answer = client_at_work.post("/account/password/", {}, HTTP_ACCEPT="application/json")
    assert (answer.status_code, answer.json()) == (401, {"error": "Sign in again"})


@pytest.mark.django_db
def test_a_picture_asked_for_by_a_page_that_is_still_open_is_not_shown(client_at_work):
    client_at_work.post("/lock/")
    assert client_at_work.get(PAGE, HTTP_SEC_FETCH_DEST="image").status_code == 401


@pytest.mark.django_db
def test_the_password_opens_it_where_it_was_left(client_at_work):
    client_at_work.post("/lock/")
    before = client_at_work.session.session_key
    answer = client_at_work.post("/unlock/", {"password": PASSPHRASE, "next": f"{PAGE}?a=1"})
    assert (answer.status_code, answer["Location"]) == (302, f"{PAGE}?a=1")
    assert client_at_work.get(PAGE).status_code == 200
    assert client_at_work.session.session_key != before


@pytest.mark.django_db
@pytest.mark.parametrize(
    "place", ["https://elsewhere.example/", "//elsewhere.example", "javascript:1", ""]
)
def test_unlocking_leads_nowhere_else(client_at_work, place):
    client_at_work.post("/lock/")
    answer = client_at_work.post("/unlock/", {"password": PASSPHRASE, "next": place})
    assert answer["Location"] == "/"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "said", [{}, {"password": "not mine at all"}, {"credential": '{"id": "x"}'}]
)
def test_anything_else_leaves_it_locked(client_at_work, said):
    client_at_work.post("/lock/")
    assert client_at_work.post("/unlock/", said).status_code == 200
    assert client_at_work.get(PAGE).status_code == 302


@pytest.mark.django_db
def test_signing_out_works_from_the_lock(client_at_work):
    client_at_work.post("/lock/")
    assert client_at_work.post("/account/sign-out/").status_code == 302
    assert client_at_work.get(PAGE)["Location"].startswith("/account/sign-in/")


@pytest.mark.django_db
def test_writing_on_a_page_keeps_it_open(client_at_work):
    page = client_at_work.get(PAGE).content.decode()
    assert 'data-idle-ping="/still-here/"' in page
    assert "data-lock" in page
    for _ in range(3):
        rest(client_at_work, settings.SAFELIGHT_IDLE_SECONDS - 60)
        told = client_at_work.post("/still-here/")
        assert (told.status_code, told.content) == (204, b"")
    assert client_at_work.get(PAGE).status_code == 200


@pytest.mark.django_db
def test_a_page_that_comes_back_too_late_opens_nothing(client_at_work):
    rest(client_at_work, settings.SAFELIGHT_IDLE_SECONDS + 1)
    assert client_at_work.post("/still-here/").status_code == 401
    assert client_at_work.session[LOCKED]


@pytest.mark.django_db
def test_only_somebody_signed_in_is_still_here(client):
    assert client.post("/still-here/").status_code == 401


@pytest.mark.django_db
def test_every_page_names_the_app_and_its_icon(client):
    page = client.get("/account/sign-in/").content.decode()
    assert "app/manifest.webmanifest" in page
    assert "app/icon.svg" in page
