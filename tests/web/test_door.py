"""Password, codes, mail: the ways in that need no browser of their own."""

from __future__ import annotations

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.test import Client

from clients import signed_in
from factories import PASSPHRASE, staff
from safelight.records.models import OutgoingMail
from safelight.web.signin import FRESH_SECONDS

NEW = "violet anvil seldom harbour"


def sign_in(client: Client, email: str, password: str = PASSPHRASE) -> str:
    answer = client.post("/account/sign-in/", {"login": email, "password": password})
    return answer.get("Location", "")


def code_of(authenticator: Authenticator) -> str:
    secret = authenticator.wrap().instance.data["secret"]
    from allauth.mfa.utils import decrypt

    counter = next(iter(yield_hotp_counters_from_time()))
    return format_hotp_value(hotp_value(decrypt(secret), counter))


@pytest.fixture
def with_codes(gp):
    """The GP, with codes from an app turned on."""
    from allauth.mfa.totp.internal.auth import generate_totp_secret

    TOTP.activate(gp, generate_totp_secret())
    return gp


@pytest.mark.django_db
def test_the_right_password_opens_the_door(client, gp):
    assert sign_in(client, gp.email) == "/"
    assert client.get("/account/").status_code == 200


@pytest.mark.django_db
def test_the_address_may_be_written_in_capitals(client, gp):
    assert sign_in(client, gp.email.upper()) == "/"


@pytest.mark.django_db
def test_nobody_signs_up(client):
    answer = client.get("/account/new/")
    assert "administrator adds you" in answer.content.decode()
    assert client.post("/account/new/", {"email": "x@made-up.example"}).status_code == 405


@pytest.mark.django_db
def test_a_password_alone_is_not_enough_where_codes_are_on(client, with_codes):
    assert sign_in(client, with_codes.email) == "/account/sign-in/code/"
    assert client.get("/account/").status_code == 302


@pytest.mark.django_db
def test_a_code_opens_once_and_never_again(client, with_codes):
    sign_in(client, with_codes.email)
    left = 30 - time.time() % 30
    if left < 10:  # a code holds for half a minute of the clock, and this one is wanted twice
        time.sleep(left)
    code = code_of(Authenticator.objects.get(user=with_codes, type="totp"))
    assert client.post("/account/sign-in/code/", {"code": code})["Location"] == "/"
    assert client.get("/account/").status_code == 200
    other = Client()
    sign_in(other, with_codes.email)
    assert other.post("/account/sign-in/code/", {"code": code}).status_code == 200
    assert other.get("/account/").status_code == 302


@pytest.mark.django_db
def test_codes_are_counted_like_passwords(client, with_codes):
    sign_in(client, with_codes.email)
    for number in range(10):
        client.post("/account/sign-in/code/", {"code": f"{number:06}"})
    code = code_of(Authenticator.objects.get(user=with_codes, type="totp"))
    answer = client.post("/account/sign-in/code/", {"code": code})
    assert "Too many tries" in answer.content.decode()


@pytest.mark.django_db
def test_setting_up_codes_gives_recovery_codes(gp, client):
    sign_in(client, gp.email)
    page = client.get("/account/codes/").content.decode()
    assert 'class="qr"' in page
    secret = re.search(r"<b>([A-Z2-7]{20,})</b>", page)[1]
    counter = next(iter(yield_hotp_counters_from_time()))
    answer = client.post(
        "/account/codes/", {"code": format_hotp_value(hotp_value(secret, counter))}
    )
    assert answer["Location"] == "/account/recovery/"
    assert client.get("/account/recovery/").content.decode().count("<li><b>") == 10


@pytest.mark.django_db
def test_changing_how_one_signs_in_asks_again_after_a_while(gp, client):
    sign_in(client, gp.email)
    assert client.get("/account/codes/").status_code == 200
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= FRESH_SECONDS + 1
    session.save()
    answer = client.get("/account/codes/")
    assert answer["Location"].startswith("/account/again/")
    answer = client.post("/account/again/?next=/account/codes/", {"password": PASSPHRASE})
    assert client.get("/account/codes/").status_code == 200


@pytest.mark.django_db
def test_a_new_password_comes_by_mail_and_opens_a_shut_door(client, gp):
    for _ in range(11):
        sign_in(client, gp.email, "wrong every time")
    client.post("/account/password/mail/", {"email": gp.email})
    link = re.search(r"http\S+", OutgoingMail.objects.get(to=gp.email).text)[0]
    path = link.partition("8765")[2] or "/" + link.split("/", 3)[3]
    form = client.get(path, follow=True)
    answer = client.post(form.request["PATH_INFO"], {"password1": NEW, "password2": NEW})
    assert answer["Location"] == "/account/password/new/done/"
    assert sign_in(client, gp.email, NEW) == "/"
    again = client.get(path, follow=True).content.decode()
    assert "doesn’t work any more" in again or Client().get(path, follow=True)


@pytest.mark.django_db
def test_asking_for_mail_says_the_same_of_everyone_and_writes_to_nobody_else(client, gp):
    known = client.post("/account/password/mail/", {"email": gp.email})
    unknown = client.post("/account/password/mail/", {"email": "nobody@made-up.example"})
    assert known["Location"] == unknown["Location"]
    assert set(OutgoingMail.objects.values_list("to", flat=True)) == {gp.email}


@pytest.mark.django_db
def test_mail_can_be_asked_for_ten_times_in_a_row(client, gp):
    for _ in range(15):
        client.post("/account/password/mail/", {"email": gp.email})
    assert OutgoingMail.objects.filter(to=gp.email).count() == 10


@pytest.mark.django_db
def test_links_in_mail_come_from_the_settings_and_not_from_the_request(client, gp, settings):
    settings.SAFELIGHT_SERVER_URL = "https://safelight.made-up.example"
    settings.ALLOWED_HOSTS = ["*"]
    client.post("/account/password/mail/", {"email": gp.email}, HTTP_HOST="evil.example")
    assert "https://safelight.made-up.example/account/" in OutgoingMail.objects.get().text


@pytest.mark.django_db
@pytest.mark.parametrize(
    "credential",
    ["{}", '{"id": "x"}', "[]", "null", '{"id":"x","rawId":"x","type":"y","response":{}}'],
)
def test_a_passkey_answer_that_no_browser_gives_is_refused(client, credential):
    client.get("/account/sign-in/passkey/", HTTP_ACCEPT="application/json")
    answer = client.post("/account/sign-in/passkey/", {"credential": credential})
    assert answer.status_code == 302
    assert client.get("/account/").status_code == 302


@pytest.mark.django_db
def test_a_closed_account_is_told_whom_to_ask(client):
    person = staff()
    type(person).objects.filter(pk=person.pk).update(is_active=False)
    where = sign_in(client, person.email)
    assert where in {"/account/inactive/", ""}
    assert client.get("/account/").status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize(
    "password",
    [
        "short but odd",
        "passwordpassword",
        "correct horse battery staple",
        "Password1234567890",
        "abcabcabcabcabcabc",
        "12345678901234567890",
        "qwertyuiopasdfghjkl",
        "staff made-up surgery 1",
        "aaaaaaaaaaaaaaaaaaaaaaaa",
    ],
)
def test_a_password_that_is_easily_guessed_is_refused(gp, password):
    client = signed_in(gp)
    said = {"oldpassword": PASSPHRASE, "password1": password, "password2": password}
    assert client.post("/account/password/", said).status_code == 200
    gp.refresh_from_db()
    assert gp.check_password(PASSPHRASE)


@pytest.mark.django_db
@pytest.mark.parametrize("password", [NEW, "ÄäÖö kettle wanders 7", "x" * 5 + "kjhgzt wmvqbnp rtl"])
def test_long_passwords_of_any_kind_are_taken(gp, password):
    client = signed_in(gp)
    said = {"oldpassword": PASSPHRASE, "password1": password, "password2": password}
    assert client.post("/account/password/", said).status_code == 302
    gp.refresh_from_db()
    assert gp.check_password(password)
    assert gp.password.startswith("argon2$argon2id$v=19$m=65536,t=3,p=1$")
