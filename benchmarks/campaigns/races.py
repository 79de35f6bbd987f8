"""Withdrawals against looks, on the server that practices run, with two processes.

One race is one withdrawal with looks through every door under way. Nothing that was asked for
after the withdrawal was acknowledged is served, through no door and by neither process: the
picture, its tile, the copy, the colleague's link, the receipt's word. Then a careless restore puts
rows and blobs back, and the key alone keeps the picture shut.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from benchmarks.campaigns import racing_practice
from benchmarks.campaigns.outcome import Clock, Outcome

ROOT = Path(__file__).parents[2]
PLANTED = ("authorisation cache", "key cache", "stale read")
PLANTED_CASES = 15
"""After so many patients a planted mistake counts as not found."""
FORM = "f" * 32
BATCH = 12
PAGE_SECONDS = 120
"""How long a page of tiles lasts (`flows.opening.PAGE_LASTS`)."""
FRESH_SECONDS = 45
"""Patients are made so shortly before they are raced about, for their tile's page to last."""
BEFORE, AFTER = 1, 2
"""Looks through each door that came back before the withdrawal is sent, and after it was answered."""
KEPT = "Locked in your record"
"""What the receipt says of a picture that is kept."""
_PROCESSES = 2
_LOOKERS = 6


@dataclass(frozen=True, slots=True)
class Look:
    """What came back through one door, and when it was asked for."""

    door: str
    served: bool
    status: int
    began: float
    ended: float


class Browser:
    """One person's connection; it stays open."""

    def __init__(self, url: str, **cookies: str) -> None:
        """cookies: what the person's browser holds already."""
        self._host = urlsplit(url).netloc
        self._cookies = {"safelight-form": FORM} | cookies
        self._line = http.client.HTTPConnection(self._host, timeout=300)

    def ask(self, how: str, path: str, **said: Any) -> tuple[int, bytes, float, float]:
        """Return the status, the body, and when it began and ended."""
        headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items()),
            "X-CSRFToken": FORM,
        }
        body = urlencode(said, doseq=True).encode() or None
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        began = time.monotonic()
        self._line.request(how, path, body, headers)
        answer = self._line.getresponse()
        data = answer.read()
        for name, value in re.findall(
            r"([\w-]+)=([^;,\s]+);", answer.getheader("Set-Cookie") or ""
        ):
            if name == "safelight":
                self._cookies[name] = value
        return answer.status, data, began, time.monotonic()

    def close(self) -> None:
        """Hang up."""
        self._line.close()


@dataclass(slots=True)
class Server:
    """Two server processes, and the practice beside them."""

    url: str
    practice: subprocess.Popen[str]
    sessions: dict[str, str] = field(default_factory=dict)

    def tell(self, **what: Any) -> Any:
        """Ask the practice for something."""
        assert self.practice.stdin is not None
        assert self.practice.stdout is not None
        self.practice.stdin.write(
            json.dumps({k.replace("_", " "): v for k, v in what.items()}) + "\n"
        )
        self.practice.stdin.flush()
        return json.loads(self.practice.stdout.readline())


def run(
    work: Path,
    *,
    races: int,
    planted: Sequence[str] = PLANTED,
    database: Callable[[], str] = str,
    minutes: float = 600,
) -> Outcome:
    """Race that often, three times about each patient; with each planted mistake until it is found.

    database: makes an empty one and returns its address; SQLite if that is empty.
    """
    outcome, clock = Outcome("races"), Clock(minutes)
    if races:
        with serving(work / "honest", database_url=database()) as server:
            while outcome.tried < races and not clock.ran_out:
                made = time.monotonic()
                for case in server.tell(cases=BATCH):
                    outcome.bad += race(server, case, outcome, made=made)
                    is_stale = time.monotonic() - made > FRESH_SECONDS
                    if outcome.tried >= races or clock.ran_out or is_stale:
                        break
            _count_entries(server.tell(verify=True), outcome)
    for plant in planted:
        place = work / plant.replace(" ", "-")
        with serving(place, plant=plant, database_url=database()) as server:
            outcome.found[plant] = _found(server)
    return outcome


def run_on_postgres(work: Path, **given: Any) -> Outcome:
    """The same on a real PostgreSQL."""
    from servers import postgres

    with postgres.running() as cluster:
        outcome = run(work, database=cluster.database, **given)
    outcome.name = "races on PostgreSQL"
    return outcome


def race(
    server: Server, case: dict[str, Any], outcome: Outcome, *, made: float = float("inf")
) -> list[str]:
    """Take teaching back, then the second opinion, then all of it; return what was wrong.

    made: when the patient was made, on the monotonic clock. A tile that is shut early because its
    page is older than pages last is counted apart.
    """
    gp, token = {"safelight": server.sessions["gp"]}, racing_practice.TOKEN
    doors = {
        "copy": (f"/releases/{case['release']}/copy/", {"safelight": server.sessions["second"]}),
        "link": (f"/s/{case['link']}/picture/", {"safelight-browser": token}),
        "picture": (f"/pictures/{case['photo']}/image/", gp),
        "tile": (f"/pictures/{case['photo']}/tile/{case['entry']}/", gp),
    }
    patient = Browser(server.url)
    patient.ask("POST", "/receipt/", secret=case["receipt"])
    doors["receipt"] = ("/receipt/page/", dict(patient._cookies))
    found = []
    steps = (
        ("teaching-local", ("copy", "copy", "picture")),
        ("second-opinion", ("link", "link", "picture")),
        ("care", ("picture", "picture", "tile", "receipt")),
    )
    closed: set[str] = set()
    for purpose, through in steps:
        shut = {"copy"} if purpose == "teaching-local" else {"link"}
        closed |= shut if purpose != "care" else {"picture", "tile", "receipt"}
        done, looks = _looked(server, patient, purpose, [(door, *doors[door]) for door in through])
        outcome.tried += 1
        outcome.count("viewers raced against", len(through))
        outcome.count("looks", len(looks))
        outcome.count("pictures served", sum(look.served for look in looks))
        if done[0] not in (200, 302):
            found.append(f"{purpose} was not taken back: {done[0]}")
        late = [look for look in looks if look.began > done[3] and look.served]
        found += [
            f"{look.door} served after {purpose} was taken back"
            for look in late
            if look.door in closed
        ]
        early = {look.door for look in looks if look.ended < done[2] and not look.served}
        if "tile" in early and time.monotonic() - made > PAGE_SECONDS:
            early.discard("tile")
            outcome.count("tiles whose page had run out")
        found += [
            f"{door} was shut before {purpose} was taken back" for door in early & set(through)
        ]
    patient.close()
    return found + _put_back(server, case, doors, outcome)


def _put_back(
    server: Server, case: dict[str, Any], doors: dict[str, Any], outcome: Outcome
) -> list[str]:
    server.tell(put_back=case["photo"])
    path, cookies = doors["picture"]
    served = 0
    for _ in range(_PROCESSES * 2):
        browser = Browser(server.url, **cookies)  # a new connection goes to either process
        served += browser.ask("GET", path)[0] == 200
        browser.close()
    outcome.count("looks at what was put back", _PROCESSES * 2)
    return (
        [f"the picture opens {served} times after rows and blobs were put back"] if served else []
    )


def _looked(
    server: Server, patient: Browser, purpose: str, doors: Sequence[tuple[str, str, dict[str, str]]]
) -> tuple[tuple[int, bytes, float, float], list[Look]]:
    """Look through the doors without a pause, and take it back amid that."""
    begun, ended = threading.Semaphore(0), threading.Event()

    def look(door: str, path: str, cookies: dict[str, str]) -> list[Look]:
        browser, looks, left = Browser(server.url, **cookies), [], AFTER
        try:
            while left:
                status, body, began, came = browser.ask("GET", path)
                served = status == 200 and (door != "receipt" or KEPT.encode() in body)
                looks.append(Look(door, served, status, began, came))
                begun.release()
                left -= ended.is_set()
        finally:
            begun.release()
            browser.close()
        return looks

    with ThreadPoolExecutor(_LOOKERS) as pool:
        looking = [pool.submit(look, *door) for door in doors]
        for _ in range(BEFORE * len(doors)):
            begun.acquire(timeout=600)
        try:
            done = patient.ask("POST", "/receipt/change/", step="stop", purposes=[purpose])
        finally:
            ended.set()
        return done, [each for one in looking for each in one.result()]


def _found(server: Server) -> int:
    """Return how many patients it took to find the planted mistake; 0 if it wasn't."""
    spent = Outcome("planted")
    for number in range(PLANTED_CASES):
        wrong = race(server, server.tell(cases=1)[0], spent)
        if any("served after" in each or "put back" in each for each in wrong):
            return number + 1
    return 0


def _count_entries(told: dict[str, Any], outcome: Outcome) -> None:
    """Compare what was served with what the ledger says was served."""
    if not told["ok"]:
        outcome.bad.append("the ledger isn't whole")
    if told["consent.withdrawn"] != told["withdrawals"]:
        outcome.bad.append("withdrawals and entries differ")
    outcome.figures["withdrawals"] = told["withdrawals"]


@contextmanager
def serving(home: Path, *, plant: str = "", database_url: str = "") -> Iterator[Server]:
    """Start the practice and the server on an installation of their own."""
    from serving import environment_for, free_port, wait_for

    home.mkdir()
    port = free_port()
    url = f"http://localhost:{port}"
    environment = environment_for(home, url=url)
    environment["PYTHONPATH"] = os.pathsep.join(str(ROOT / part) for part in ("src", "tests", "."))
    if database_url:
        environment["SAFELIGHT_DATABASE_URL"] = database_url
    if plant:
        environment["CAMPAIGN_PLANT"] = plant
    application = "benchmarks.campaigns.planted_server" if plant else "safelight.web.wsgi"
    with (home / "server.log").open("w") as log:
        practice = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.campaigns.racing_practice"],
            env=environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        made = Server(url, practice)
        assert practice.stdout is not None
        line = practice.stdout.readline()
        if not line:
            raise RuntimeError((home / "server.log").read_text()[-3000:])
        made.sessions = json.loads(line)["sessions"]
        command = [
            *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"),
            *("--port", str(port), "--workers", str(_PROCESSES), "--blocking-threads", "16"),
            *("--no-ws", f"{application}:application"),
        ]
        server = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
        try:
            wait_for(f"{url}/account/sign-in/", seconds=300)
            yield made
        finally:
            server.terminate()
            server.wait(60)
            assert practice.stdin is not None
            practice.stdin.close()
            practice.wait(60)
