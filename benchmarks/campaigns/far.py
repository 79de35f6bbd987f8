"""S3 and OpenBao, each slow, away, overloaded, cut, or doing it without saying so.

Both are real and behind proxies. A trial is one act under one fault: a picture arrives, is taken
back, or is looked at. Then everything answers again, the worker does a round, and the phone sends
again what it has. Nothing that was acknowledged is lost, nothing is there twice, whoever was
refused was told what to do, and what was taken back is gone from key store and bucket.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.campaigns.outcome import Clock, Outcome

ROOT = Path(__file__).parents[2]
DEAF, FORGETFUL = "deaf to the store", "forgets what is left"
PLANTED = (DEAF, FORGETFUL)
ACTS = ("arrives", "taken back", "looked at")
FAULTS = ("SLOW", "AWAY", "UNAVAILABLE", "CUT_REQUEST", "CUT_REPLY", "LOST_REPLY")
WHERE = ("blobs", "keys", "both")
TIMES = (1, 2, 1_000_000)
PATIENCE_S = 120
"""Longer than this nobody waits: all limits and tries of both servers together."""
_PLANTED_TRIALS = 40
_MOST_PASSED = 8
PASSPHRASE = "only made-up pictures are kept here"


@dataclass(frozen=True, slots=True)
class Trial:
    """One act, and what happens to the requests that it makes."""

    act: str
    fault: str
    where: str
    times: int
    after: int

    def __str__(self) -> str:
        often = "always" if self.times > 9 else f"{self.times} times"
        return f"{self.act}, {self.where} {self.fault} {often} after {self.after}"


def run(
    work: Path,
    *,
    trials: int,
    planted: Sequence[str] = PLANTED,
    minutes: float = 600,
    seed: int = 1,
) -> Outcome:
    """Try that often, in a process of its own; with each planted mistake until it is found."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SAFELIGHT_", "DJANGO_"))}
    environment = kept | {
        "SAFELIGHT_MODE": "test",
        "SAFELIGHT_HOME": str(work / "home"),
        "SAFELIGHT_PASSPHRASE": PASSPHRASE,
        "SAFELIGHT_SECRET_KEY": "only for this test",
        "DJANGO_SETTINGS_MODULE": "safelight.web.settings",
        "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in (".", "src", "tests")),
    }
    (work / "home").mkdir()
    asked = {"trials": trials, "planted": list(planted), "minutes": minutes, "seed": seed}
    command = [sys.executable, "-m", "benchmarks.campaigns.far", json.dumps(asked)]
    done = subprocess.run(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return Outcome(**json.loads(done.stdout.splitlines()[-1]))


def chosen(many: int, dice: random.Random) -> Iterator[Trial]:
    """Yield trials: every act with every fault and place in turn, the rest by lot."""
    every = [(act, fault, where) for act in ACTS for fault in FAULTS for where in WHERE]
    for number in range(many):
        if number % len(every) == 0:
            dice.shuffle(every)
        yield Trial(*every[number % len(every)], dice.choice(TIMES), dice.randrange(_MOST_PASSED))


def _main(asked: dict[str, Any]) -> None:
    import django

    django.setup()
    from servers import http_faults, openbao, seaweed

    outcome, clock = Outcome("far"), Clock(asked["minutes"])
    with (
        seaweed.running() as blobs,
        openbao.running() as keys,
        http_faults.between(blobs.port) as before_blobs,
        http_faults.between(keys.port) as before_keys,
    ):
        practice = _Practice(blobs, keys, {"blobs": before_blobs, "keys": before_keys})
        for trial in chosen(asked["trials"], random.Random(asked["seed"])):
            if clock.ran_out:
                break
            outcome.tried += 1
            outcome.bad += [f"{trial}: {wrong}" for wrong in practice.tried(trial, outcome)]
        if asked["trials"]:
            outcome.bad += practice.swept()
        for plant in asked["planted"]:
            outcome.found[plant] = 0
            for trial in chosen(_PLANTED_TRIALS, random.Random(asked["seed"])):
                told = replace(trial, act=_SEEN_BY[plant], where="blobs", times=TIMES[-1], after=0)
                with _plant(plant):
                    outcome.found[plant] += bool(practice.tried(told, Outcome("planted")))
                if outcome.found[plant] == 3:
                    break
    print(json.dumps(asdict(outcome)))


_SEEN_BY = {DEAF: "arrives", FORGETFUL: "taken back"}


@contextmanager
def _plant(name: str) -> Iterator[None]:
    """Plant a mistake at the store's edge: what it couldn't do counts as done."""
    from safelight.storage import S3Store, StorageError

    what = {DEAF: "put", FORGETFUL: "delete"}[name]
    real = getattr(S3Store, what)

    def careless(*args: Any) -> None:
        with suppress(StorageError):
            real(*args)

    setattr(S3Store, what, careless)
    try:
        yield
    finally:
        setattr(S3Store, what, real)


class _Practice:
    """An installation whose pictures and keys are far away, and what is done in it."""

    def __init__(self, blobs: Any, keys: Any, before: dict[str, Any]) -> None:
        from django.conf import settings
        from django.core.management import call_command

        from factories import NOW, practice, staff
        from safelight.flows import staff as staff_flows
        from safelight.flows import stores
        from safelight.policy.roles import Role

        self._before = before
        settings.CONFIG = replace(
            settings.CONFIG,
            key_manager="openbao",
            openbao_url=before["keys"].url,
            openbao_token_file=keys.token_file,
            openbao_key=f"safelight-{uuid.uuid4().hex[:8]}",
        )
        settings.SAFELIGHT_S3 = {
            "bucket": blobs.bucket(),
            "endpoint": before["blobs"].url,
            "access_key": blobs.access_key,
            "secret_key": blobs.secret_key,
        }
        stores.close()
        staff_flows.make_stores(PASSPHRASE)
        call_command("migrate", verbosity=0)
        self._surgery = practice()
        self._gp = staff(Role.GP, practice=self._surgery, password=None)
        self.now: datetime = NOW

    def tried(self, trial: Trial, outcome: Outcome) -> list[str]:
        """Do one act under its fault, let it recover, and return what is wrong then."""
        from factories import patient
        from flows.conftest import agree, jpeg

        self.now += timedelta(minutes=1)
        who = patient(practice=self._surgery)
        picture = jpeg(seed=a_number())
        self._sent = self._parcel(picture, who, agree(who, self._gp, now=self.now)[0])
        wrongs: list[str] = []
        photo = None if trial.act == "arrives" else self._sent()
        acts: dict[str, Callable[[], Any]] = {
            "arrives": self._sent,
            "taken back": lambda: self._taken_back(photo),
            "looked at": lambda: self._looked_at(photo),
        }
        made = self._under(trial, acts[trial.act], outcome, wrongs)
        wrongs += self._recovered()
        if trial.act == "arrives":
            wrongs += self._arrived(made, picture, who)
        elif trial.act == "taken back":
            wrongs += self._gone(made, photo, who, again=lambda: self._taken_back(photo))
        elif made is not None and made != self._looked_at(photo):
            wrongs.append("another picture was shown")
        return wrongs

    def swept(self) -> list[str]:
        """Let the sweep do its work, and return what it left that no row owns."""
        from safelight.flows import erasing, stores
        from safelight.records.models import Photo

        self.now += timedelta(hours=4)
        wrongs = self._recovered()
        kept = Photo.objects.filter(state=Photo.State.KEPT)
        owned = {name for photo in kept for name in erasing.blobs_of(photo)}
        left = set(stores.blobs().names())
        wrongs += [f"{len(left - owned)} files of nobody are left"] if left - owned else []
        wrongs += [f"{len(owned - left)} files are missing"] if owned - left else []
        keys = {image for image, _ in stores.keys().images()}
        stray = keys - {photo.pk for photo in kept}
        return wrongs + ([f"{len(stray)} keys of nobody are left"] if stray else [])

    def _under(
        self, trial: Trial, act: Callable[[], Any], outcome: Outcome, wrongs: list[str]
    ) -> Any:
        """Act under the fault; None where it was refused in words."""
        from safelight.flows import stores
        from safelight.flows.capture import CaptureRefused
        from safelight.flows.opening import PictureClosed
        from safelight.storage import Remembering, StorageError
        from servers.http_faults import Fault

        manager = stores.keys().manager
        if isinstance(manager, Remembering):
            manager.forget()
        for name, proxy in self._before.items():
            if trial.where in (name, "both"):
                proxy.fail(Fault[trial.fault], times=trial.times, after=trial.after)
        met = sum(proxy.met for proxy in self._before.values())
        began, made = time.monotonic(), None
        try:
            made = act()
            outcome.count("acknowledged")
        except (StorageError, stores.KeysAreSealed, CaptureRefused, PictureClosed) as error:
            outcome.count(f"refused as {type(error).__name__}")
            if not getattr(error, "for_people", ""):
                wrongs.append(f"refused without a word: {type(error).__name__}")
        except Exception as error:  # noqa: BLE001 whatever it is, a person would see a bare 500
            wrongs.append(f"failed with {type(error).__name__}: {error}")
        finally:
            for proxy in self._before.values():
                proxy.recover()
        if time.monotonic() - began > PATIENCE_S:
            wrongs.append(f"took {time.monotonic() - began:.0f} s")
        if sum(proxy.met for proxy in self._before.values()) > met:
            outcome.count("acts that the fault met")
        return made

    def _recovered(self) -> list[str]:
        """Do a round of the worker, and return the steps that failed."""
        from safelight.flows import rounds

        failed = rounds.go(now=self.now, transport=None).failed
        return [f"the worker's round failed at {', '.join(failed)}"] if failed else []

    def _parcel(self, picture: bytes, who: Any, consent: Any) -> Callable[[], Any]:
        from flows.conftest import SITE, sealed
        from safelight.flows import capture
        from safelight.terms import Purpose

        envelope, blob = sealed(picture, tenant=self._surgery.pk)
        return lambda: capture.receive(
            envelope,
            blob,
            patient=who,
            consent=consent,
            body_site=SITE,
            made_for=Purpose.CARE,
            by=self._gp,
            now=self.now,
        )

    def _taken_back(self, photo: Any) -> Any:
        from safelight.flows import withdraw
        from safelight.terms import Purpose

        return withdraw.withdraw_picture(photo, purposes=[Purpose.CARE], by=self._gp, now=self.now)

    def _looked_at(self, photo: Any) -> bytes:
        from safelight.flows import opening

        shown = opening.open_photo(photo, by=self._gp, now=self.now)
        assert isinstance(shown, bytes)
        return shown

    def _arrived(self, made: Any, picture: bytes, who: Any) -> Iterator[str]:
        """Send it again, as a phone does that heard nothing, and compare."""
        from safelight.flows import opening
        from safelight.records.models import LedgerEntry, Photo

        try:
            again = self._sent()
        except Exception as error:  # noqa: BLE001 told as it is
            yield f"sent again it was refused: {type(error).__name__}: {error}"
            return
        if made is not None and again.pk != made.pk:
            yield "sent again it became another picture"
        rows = Photo.objects.filter(patient=who)
        if rows.count() != 1:
            yield f"it is there {rows.count()} times"
        entries = LedgerEntry.objects.filter(kind="photo.captured", subject=str(who.subject))
        if entries.count() != 1:
            yield f"the ledger has it {entries.count()} times"
        try:
            if opening.unsealed(rows.get(), size=opening.ORIGINAL) != picture:
                yield "it opens as another picture"
            self._looked_at(rows.get())
        except Exception as error:  # noqa: BLE001 told as it is
            yield f"acknowledged, and it doesn't open: {type(error).__name__}"

    def _gone(self, made: Any, photo: Any, who: Any, *, again: Callable[[], Any]) -> Iterator[str]:
        """Take it back again if that was refused; then nothing of it may be left."""
        from safelight.flows import erasing, opening, stores
        from safelight.flows.withdraw import NothingToWithdraw
        from safelight.records.models import LedgerEntry, Photo, Withdrawal

        if made is None:
            with suppress(NothingToWithdraw):
                again()
            yield from self._recovered()
        try:
            opening.unsealed(Photo.objects.get(pk=photo.pk), size=opening.ORIGINAL)
            yield "it was taken back, and opens"
        except opening.PictureClosed:
            pass
        if not stores.keys().is_erased(photo.pk):
            yield "its key has no tombstone"
        if left := [name for name in erasing.blobs_of(photo) if stores.blobs().exists(name)]:
            yield f"{len(left)} of its files are still in the bucket"
        if Photo.objects.get(pk=photo.pk).state != Photo.State.ERASED:
            yield "its row doesn't say that it is erased"
        if (often := Withdrawal.objects.filter(patient=who).count()) != 1:
            yield f"it was taken back {often} times"
        told = LedgerEntry.objects.filter(kind="keys.destroyed", subject=str(who.subject))
        if told.count() != 1:
            yield f"the ledger has its destruction {told.count()} times"


def a_number() -> int:
    """Return a number that no other trial's picture has."""
    return uuid.uuid4().int % 2**31


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]))
