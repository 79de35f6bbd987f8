"""The lock on guessing, alone and against a server that runs."""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

import pytest
from django.test import RequestFactory

from clients import signed_in, token_in
from factories import NOW, PASSPHRASE
from safelight.web import lockout
from servers.databases import ask
from serving import Served, environment_for


@pytest.mark.django_db
def test_ten_tries_are_free_and_the_eleventh_is_turned_away():
    counted = [lockout.count_account("a@made-up.example", now=NOW) for _ in range(11)]
    assert [type(each) for each in counted] == [lockout.Counted] * 10 + [lockout.Shut]


@pytest.mark.django_db
def test_the_pause_doubles_up_to_a_day():
    now, pauses = NOW, []
    for _ in range(25):
        counted = lockout.count_account("b@made-up.example", now=now)
        if isinstance(counted, lockout.Shut):
            pauses.append(counted.until - now)
            now = counted.until + timedelta(seconds=1)
    later = NOW + timedelta(days=90)
    for _ in range(10):
        lockout.count_account("b@made-up.example", now=later)
        later += timedelta(days=2)
    shut = lockout.count_account("b@made-up.example", now=later - timedelta(days=2))
    assert isinstance(shut, lockout.Shut)
    pauses.append(shut.until - (later - timedelta(days=2)))
    assert pauses[:3] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert max(pauses) == lockout.LONGEST_PAUSE


@pytest.mark.django_db
def test_a_hundred_tries_shut_the_door_until_it_is_reset():
    now = NOW
    for _ in range(100):
        counted = lockout.count_account("c@made-up.example", now=now)
        assert isinstance(counted, lockout.Counted)
        now += timedelta(days=2)
    shut = lockout.count_account("c@made-up.example", now=now)
    assert isinstance(shut, lockout.Shut)
    assert shut.until - now > timedelta(days=36_000)
    lockout.clear_account("C@made-up.example ")
    assert isinstance(lockout.count_account("c@made-up.example", now=now), lockout.Counted)


@pytest.mark.django_db
def test_an_address_is_slowed_down_whatever_names_it_tries():
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7")
    counted = [lockout.count_address(request, now=NOW) for _ in range(lockout.ADDRESS_TRIES + 1)]
    assert isinstance(counted[-1], lockout.Shut)
    later = NOW + lockout.ADDRESS_WINDOW + timedelta(seconds=1)
    assert lockout.count_address(request, now=later) == lockout.Counted(1)


@pytest.mark.django_db
def test_a_right_try_does_not_count_against_the_address():
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.8")
    for _ in range(lockout.ADDRESS_TRIES * 2):
        assert isinstance(lockout.count_address(request, now=NOW), lockout.Counted)
        lockout.uncount_address(request)


@pytest.mark.django_db
def test_a_code_opens_once():
    assert lockout.use_once("me:123456", now=NOW)
    assert not lockout.use_once("me:123456", now=NOW)
    assert lockout.use_once("me:123456", now=NOW + timedelta(minutes=11))


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ({"REMOTE_ADDR": "192.0.2.9"}, "192.0.2.9"),
        ({"REMOTE_ADDR": "2001:db8:1:2:3:4:5:6"}, "2001:db8:1:2::/64"),
        ({"REMOTE_ADDR": "not an address"}, "unknown"),
        ({"REMOTE_ADDR": "192.0.2.9", "HTTP_X_FORWARDED_FOR": "203.0.113.1"}, "192.0.2.9"),
    ],
)
def test_an_address_is_what_the_server_saw(said, address):
    assert lockout.address_of(RequestFactory().get("/", **said)) == address


def test_behind_a_proxy_only_its_own_word_counts(settings):
    settings.SAFELIGHT_BEHIND_PROXY = True
    request = RequestFactory().get("/", HTTP_X_FORWARDED_FOR="198.51.100.1, 203.0.113.5")
    assert lockout.address_of(request) == "203.0.113.5"


@pytest.mark.django_db
def test_the_right_password_opens_nothing_while_the_door_is_shut(client, gp):
    for _ in range(10):
        client.post("/account/sign-in/", {"login": gp.email, "password": "wrong every time"})
    answer = client.post("/account/sign-in/", {"login": gp.email, "password": PASSPHRASE})
    assert answer.status_code == 200
    assert "Too many tries" in answer.content.decode()


@pytest.mark.django_db
def test_nobody_learns_whether_an_account_exists(client, gp):
    def seen(name: str) -> list[str]:
        pages = []
        for _ in range(12):
            answer = client.post("/account/sign-in/", {"login": name, "password": "wrong"})
            page = re.sub(r'value="[^"]*"', "", answer.content.decode())
            pages.append(f"{answer.status_code} {page}")
        return pages

    assert seen(gp.email) == seen("nobody@made-up.example")


@pytest.mark.django_db
def test_unlocking_is_counted_with_signing_in(gp):
    client = signed_in(gp)
    client.post("/lock/")
    for _ in range(10):
        client.post("/unlock/", {"password": "wrong every time"})
    answer = client.post("/unlock/", {"password": PASSPHRASE})
    assert "Too many tries" in answer.content.decode()


@pytest.mark.browser
def test_fifty_tries_at_once_get_ten_looks_at_the_password(live: tuple[Served, str]):
    served, email = live
    where = urlsplit(served.url)

    def once(number: int) -> str:
        door = http.client.HTTPConnection("127.0.0.1", where.port, timeout=60)
        door.request("GET", "/account/sign-in/", headers={"Host": where.netloc})
        page = door.getresponse()
        cookie = page.headers["Set-Cookie"].split(";")[0].strip()
        body = urlencode(
            {
                "csrfmiddlewaretoken": token_in(page.read().decode()),
                "login": email,
                "password": f"guess number {number}",
            }
        )
        headers = {
            "Host": where.netloc,
            "Cookie": cookie,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        door.request("POST", "/account/sign-in/", body=body, headers=headers)
        answer = door.getresponse().read().decode()
        door.close()
        if "Too many tries" in answer:
            return "turned away"
        assert "don’t belong together" in answer
        return "looked at"

    with ThreadPoolExecutor(50) as crowd:
        answers = list(crowd.map(once, range(50)))
    assert answers.count("looked at") <= 10
    assert answers.count("turned away") >= 40
    counts = sorted(count for (count,) in ask(served.home, "SELECT count FROM web_tries"))
    assert counts == [10, 50]


def test_two_processes_count_in_one_row(tmp_path):
    environment = environment_for(tmp_path, url="http://localhost")
    prepare = "import django;django.setup();from django.core.management import call_command as c;c('migrate',verbosity=0)"
    subprocess.run([sys.executable, "-c", prepare], env=environment, check=True)
    count = (
        "import django;django.setup()\n"
        "from datetime import datetime, UTC\nfrom safelight.web import lockout\n"
        "now = datetime(2026, 11, 22, tzinfo=UTC)\n"
        "counted = [lockout.count_account('x', now=now) for _ in range(10)]\n"
        "print(sum(isinstance(each, lockout.Counted) for each in counted))"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", count], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    assert sum(int(each.communicate(timeout=60)[0]) for each in both) == 10


@pytest.mark.django_db
def test_a_whole_practice_may_sign_in_by_passkey_in_the_same_minute(client):
    for _ in range(40):
        asked = client.get("/account/sign-in/passkey/", headers={"accept": "application/json"})
        assert asked.status_code == 200
        assert client.post("/account/sign-in/passkey/", {}).status_code == 302
