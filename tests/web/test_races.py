"""Several people at one instant, on the server that practices run, with two processes."""

from __future__ import annotations

import http.client
import json
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from servers.databases import ask
from serving import Served, serving

PREPARE = """
import json
import django
django.setup()
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone
call_command("migrate", verbosity=0)
import house
from factories import patient, practice, representative, staff
from flows.conftest import CHEAP, agree, jpeg, sealed, take
from safelight.flows import staff as flows
from safelight.policy.roles import Role
from safelight.terms import Purpose
flows.make_stores(settings.SAFELIGHT_PASSPHRASE, cost=CHEAP)
now, there = timezone.now(), house.House(settings.SAFELIGHT_HOME)
surgery = practice()
for name, role in {"gp": Role.GP, "second": Role.GP, "lead": Role.IG_LEAD}.items():
    there.people[name] = staff(role, practice=surgery, password=None)
adult = patient(practice=surgery)
gp = there.people["gp"]
uses = (Purpose.CARE, Purpose.SECOND_OPINION, Purpose.TEACHING_LOCAL)
consent, receipt = agree(adult, gp, *uses, now=now)
photo = there.things["photo"] = take(adult, gp, consent, now=now)
def released(count):
    made = [house.requested(there, now=now) for _ in range(count)]
    for each in made:
        house.with_copy(each, there, now=now)
    return [str(each.pk) for each in made]
def asked(count):
    made = [house.asked(photo, by=gp, opened=False, now=now) for _ in range(count)]
    return [[str(link.pk), secret] for link, secret in made]
looked, secret = house.asked(photo, by=gp, now=now)
from safelight.flows import release
shown = released(1)
from safelight.records.models import Release
release.approve(Release.objects.get(pk=shown[0]), note="", by=there.people["lead"], now=now)
print(json.dumps({
    "sessions": {name: house.signed_in(each).cookies["safelight"].value
                 for name, each in there.people.items()},
    "photo": str(photo.pk), "consent": str(consent.pk), "receipt": receipt,
    "waiting": released(4), "links": asked(4), "link": str(looked.pk), "shown": shown[0],
    "parcels": [(envelope, blob.hex()) for envelope, blob in
                (sealed(jpeg(seed=n), tenant=surgery.pk) for n in range(3))],
    "token": house.TOKEN,
}))
"""
VERIFY = """
import django
django.setup()
from safelight.flows import evidence
found = evidence.verify(None)
print(found.ok, found.size)
"""
FORM = "f" * 32
"""The proof of origin: what the cookie and the form both say."""
LOOKERS, SHOWN_BEFORE, LOOKS_AFTER = 6, 120, 30
"""How many look without a pause; how many pictures they see first, and how often each looks after."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, when it was asked and when it was there, by the monotonic clock."""

    status: int
    body: bytes
    headers: dict[str, str]
    began: float
    ended: float


class Browser:
    """One person's connection; it stays open."""

    def __init__(self, url: str, **cookies: str) -> None:
        self.host = urlsplit(url).netloc
        self.cookies = {"safelight-form": FORM} | cookies
        self.line = http.client.HTTPConnection(self.host, timeout=60)

    def ask(self, how: str, path: str, body: bytes = b"", kind: str = "") -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Cookie": cookies, "X-CSRFToken": FORM} | (
            {"Content-Type": kind} if kind else {}
        )
        began = time.monotonic()
        self.line.request(how, path, body or None, headers)
        answer = self.line.getresponse()
        got = Answer(
            answer.status, answer.read(), dict(answer.getheaders()), began, time.monotonic()
        )
        for name, value in re.findall(
            r"([\w-]+)=([^;,\s]+);", answer.getheader("Set-Cookie") or ""
        ):
            if name in {"safelight", "safelight-browser"}:
                self.cookies[name] = value
        return got

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, path: str, **said: Any) -> Answer:
        body = urlencode(said, doseq=True).encode()
        return self.ask("POST", path, body, "application/x-www-form-urlencoded")

    def upload(self, path: str, envelope: str, blob: bytes) -> Answer:
        parts = {"envelope": envelope.encode(), "right_patient": b"confirmed"}
        body = b"".join(
            b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (key.encode(), said)
            for key, said in parts.items()
        )
        head = b'--b\r\nContent-Disposition: form-data; name="blob"; filename="sealed"\r\n\r\n'
        return self.ask(
            "POST", path, body + head + blob + b"\r\n--b--\r\n", "multipart/form-data; boundary=b"
        )


@dataclass(frozen=True, slots=True)
class Day:
    """A server that runs, and what there is in it."""

    served: Served
    made: dict[str, Any]

    def browser(self, who: str) -> Browser:
        return Browser(self.served.url, safelight=self.made["sessions"][who])

    def count(self, what: str, *values: str) -> int:
        return int(ask(self.served.home, f"SELECT count(*) FROM {what}", *values)[0][0])

    def lines(self, kind: str) -> int:
        return self.count("records_ledgerentry WHERE kind = ?", kind)

    def code(self, link: str) -> str:
        mine = "SELECT text FROM records_outgoingmail WHERE about = ? AND subject = 'Your code'"
        return str(ask(self.served.home, mine, link.replace("-", ""))[-1][0][:7])

    def keys(self) -> int:
        with sqlite3.connect(self.served.home / "keys" / "keys.db", timeout=30) as db:
            return int(db.execute("SELECT count(*) FROM data_keys").fetchone()[0])


def at_once(*acts: Callable[[], Answer]) -> list[Answer]:
    """Do all of it at one instant, each on a thread of its own."""
    gate = threading.Barrier(len(acts))

    def act(do: Callable[[], Answer]) -> Answer:
        gate.wait()
        return do()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(act, acts))


@pytest.fixture(scope="module")
def day(tmp_path_factory) -> Iterator[Day]:
    with serving(tmp_path_factory.mktemp("races"), prepare=PREPARE, workers=2) as (served, told):
        yield Day(served, json.loads(told.splitlines()[-1]))


@pytest.fixture(autouse=True)
def said(day: Day) -> Iterator[None]:
    """Put what the server said meanwhile beside a test that failed."""
    before = day.served.log.stat().st_size
    yield
    sys.stdout.write(day.served.log.read_bytes()[before:].decode(errors="replace"))


def looked(day: Day, withdraw: Callable[[], Answer]) -> tuple[Answer, list[Answer]]:
    """Look at the picture, the colleague's view and the copy without a pause, and withdraw amid it."""
    made, begun, ended = day.made, threading.Semaphore(0), threading.Event()
    colleague = {"safelight-browser": made["token"]}
    ways = [
        lambda: (day.browser("gp"), f"/pictures/{made['photo']}/image/"),
        lambda: (Browser(day.served.url, **colleague), f"/s/{made['link']}/picture/"),
        lambda: (day.browser("second"), f"/releases/{made['shown']}/copy/"),
    ]

    def look(number: int) -> list[Answer]:
        browser, path = ways[number % len(ways)]()
        found: list[Answer] = []
        left = LOOKS_AFTER
        while left:
            found.append(browser.get(path))
            begun.release()
            left -= ended.is_set()
        return found

    with ThreadPoolExecutor(LOOKERS) as pool:
        looks = [pool.submit(look, number) for number in range(LOOKERS)]
        for _ in range(SHOWN_BEFORE):
            assert begun.acquire(timeout=60)
        done = withdraw()
        ended.set()
        return done, [each for one in looks for each in one.result()]


def late(done: Answer, looks: list[Answer]) -> list[Answer]:
    """Return the pictures that were asked for after the withdrawal was acknowledged."""
    return [each for each in looks if each.began > done.ended and each.status == 200]


def test_two_uploads_at_once_are_one_picture(day):
    before, keys = day.count("records_photo"), day.keys()
    where = f"/consents/{day.made['consent']}/capture/upload/"
    for envelope, blob in day.made["parcels"]:
        parcel = (where, envelope, bytes.fromhex(blob))
        sent = at_once(
            *(partial(day.browser(who).upload, *parcel) for who in ("gp", "gp", "second"))
        )
        assert [each.status for each in sent] == [201] * 3
    assert day.count("records_photo") == before + 3
    assert day.lines("photo.captured") == before + 3
    assert day.keys() == keys + 3
    assert not list((day.served.home / "blobs").rglob("*.intent"))


def test_two_presses_at_once_make_one(day):
    before = day.count("records_release")
    where = f"/pictures/{day.made['photo']}/copy/"
    said = {"use": "here", "target": "Tuesday teaching", "sex": "", "age": "", "place": ""}
    for number in range(3):
        press = said | {"once": f"00000000-0000-4000-8000-00000000000{number}"}
        sent = at_once(*(partial(day.browser("gp").post, where, **press) for _ in range(2)))
        assert [each.status for each in sent] == [302, 302]
        assert len({each.headers["location"] for each in sent}) == 1
    assert day.count("records_release") == before + 3
    assert day.count("records_answeredform") == 3


def test_two_approvals_at_once_are_one(day):
    keys, disclosed = day.keys(), day.count("records_disclosure")
    waiting = day.made["waiting"]
    for release in waiting:
        where = f"/releases/{release}/approve/"
        both = at_once(*(partial(day.browser(who).post, where) for who in ("lead", "second")))
        assert [each.status for each in both] == [302, 302]
    assert day.count("records_disclosure") == disclosed + len(waiting)
    assert day.lines("release.approved") == disclosed + len(waiting)
    assert day.keys() == keys + len(waiting)
    assert day.count("records_release WHERE state = 'released'") == len(waiting) + 1


def test_a_code_opens_once_and_a_link_that_is_closed_meanwhile_is_closed(day):
    said = Counter()
    for link, secret in day.made["links"]:
        colleague = Browser(day.served.url)
        assert colleague.post("/s/", secret=secret).status == 200
        code, token = day.code(link), colleague.cookies["safelight-browser"]
        browsers = [Browser(day.served.url, **{"safelight-browser": token}) for _ in range(3)]
        gp = day.browser("gp")
        closed, *opened = at_once(
            partial(gp.post, f"/opinions/{link}/close/"),
            *(partial(each.post, "/s/open/", secret=secret, code=code) for each in browsers),
        )
        assert closed.status == 302
        wins = sum(each.status == 302 for each in opened)
        said[wins] += 1
        used = day.count("records_link WHERE id = ? AND openings_used = 1", link.replace("-", ""))
        assert wins == used <= 1
        assert browsers[0].get(f"/s/{link}/picture/").status == 403
    assert day.lines("link.opened") == said[1] + 1
    assert day.lines("link.revoked") == len(day.made["links"])


def test_nothing_is_shown_after_a_withdrawal_was_acknowledged(day):
    patient = Browser(day.served.url)
    assert patient.post("/receipt/", secret=day.made["receipt"]).status == 302
    staff = day.browser("gp")
    where = f"/consents/{day.made['consent']}/change-of-mind/"

    def withdraw() -> Answer:
        both = at_once(
            partial(patient.post, "/receipt/change/", step="stop", purposes=["care"]),
            partial(staff.post, where, step="stop", purposes=["care"]),
        )
        assert {each.status for each in both} <= {200, 302}
        return min(both, key=lambda each: each.ended)

    viewed = {kind: day.lines(kind) for kind in ("photo.viewed", "link.shown", "copy.opened")}
    done, looks = looked(day, withdraw)
    shown = sum(each.status == 200 for each in looks)
    assert shown >= SHOWN_BEFORE
    assert len(looks) - shown >= LOOKERS * (LOOKS_AFTER - 1)
    assert late(done, looks) == []
    assert {each.status for each in looks} <= {200, 403, 404}
    assert day.count("records_withdrawal") == 1
    assert day.lines("consent.withdrawn") == 1
    assert sum(day.lines(kind) - before for kind, before in viewed.items()) == shown
    assert day.count("records_photo WHERE state != 'erased'") == 0


def test_the_servers_log_of_such_a_day_names_no_picture_nobody_and_no_secret(day):
    """Whoever reads the log can't tell what was looked at, and not that it was taken back."""
    before = day.served.log.read_text(encoding="utf-8", errors="replace")
    gone = day.browser("gp").get(f"/pictures/{day.made['photo']}/image/")
    assert gone.status == 404
    told = day.served.log.read_text(encoding="utf-8", errors="replace")
    names = [day.made[name] for name in ("photo", "consent", "receipt", "link", "shown", "token")]
    names += [link for pair in day.made["links"] for link in pair] + day.made["waiting"]
    names += list(day.made["sessions"].values())
    for word in (*names, "withdraw", "taken back", "Made-Up"):
        assert word not in told, word
    assert told == before, "a picture that is gone leaves a line"


def test_the_ledger_of_such_a_day_is_whole(day):
    done = subprocess.run(
        [sys.executable, "-c", VERIFY],
        env=day.served.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    ok, size = done.stdout.split()
    assert (ok, int(size)) == ("True", day.count("records_ledgerentry")), done.stderr


def test_a_cache_of_pictures_would_be_noticed(tmp_path: Path):
    """The same race against a server with that mistake planted in it."""
    told = serving(tmp_path, prepare=PREPARE, workers=2, application="caching:application")
    with told as (served, printed):
        day = Day(served, json.loads(printed.splitlines()[-1]))
        where = f"/consents/{day.made['consent']}/change-of-mind/"
        gp = day.browser("gp")
        done, looks = looked(day, lambda: gp.post(where, step="stop", purposes=["care"]))
        assert done.status == 302
        assert late(done, looks) != []
