"""A shift in the practice: everything that writes, acknowledged step by step, until it is cut short.

What is said here is what a person was told: after it the thing must be there, or be gone, for good.
"""

from __future__ import annotations

import traceback
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.campaigns import planting, points
from benchmarks.campaigns.practice import USES, Parcel, Prepared
from safelight.terms import Purpose

if TYPE_CHECKING:
    from benchmarks.campaigns.nursery import Shift

START = "start"
"""What every server process does first; there is no shift without it."""
Say = Callable[[dict[str, Any]], None]


def work(made: Prepared, asked: Shift, say: Say) -> None:
    """Do the acts in order. An act that fails is told as refused, and the next one is tried."""
    from django.db import connections

    from safelight.flows import stores

    watch = points.Points(asked.point, asked.occurrence)
    if asked.point or asked.count:
        watch.everywhere()
    bench = _Bench(made, say, asked.plant)
    planting.plant(asked.plant, bench.say)
    acts: dict[str, Callable[[], object]] = {
        START: stores.records_held,
        "capture a1": lambda: bench.capture("a1"),
        "capture a2": lambda: bench.capture("a2"),
        "copy c": bench.copy,
        "release c": bench.release,
        "withdraw b": lambda: bench.withdraw("b", USES),
        "rotate": bench.rotate,
        "capture d1": lambda: bench.capture("d1"),
        "stop d1": bench.stop,
        "erase e": bench.erase,
        "withdraw c": lambda: bench.withdraw("c", (Purpose.TEACHING_LOCAL,)),
        "capture a3": lambda: bench.capture("a3"),
        "withdraw a": lambda: bench.withdraw("a", USES),
    }
    for name, act in acts.items():
        if asked.acts and name not in (START, *asked.acts):
            continue
        say({"begin": name})
        watch.reached(f"before {name}")
        try:
            act()
        except Exception as error:  # noqa: BLE001 - whatever it is, a person is told and goes on
            where = traceback.extract_tb(error.__traceback__)[-6:]
            trail = " < ".join(f"{at.name}:{at.lineno}" for at in reversed(where))
            say({"refused": name, "as": type(error).__name__, "where": f"{error} at {trail}"})
        watch.reached(f"after {name}")
    try:
        stores.close()
        connections.close_all()
    except Exception as error:  # noqa: BLE001 - nothing is promised at the end
        say({"refused": "to close", "as": type(error).__name__})
    say({"end": True, "points": watch.seen} if asked.count else {"end": True})


class _Bench:
    """The acts, each with what is acknowledged after it."""

    def __init__(self, made: Prepared, say: Say, plant: str) -> None:
        self.made, self.say, self.plant = made, say, plant
        self.now = made.now + timedelta(minutes=5)

    def capture(self, name: str) -> None:
        from safelight.records.models import Consent, Photo

        parcel = self.made.parcels[name]
        told = {"kept": parcel.capture_id, "plain": parcel.plain_sha256}
        with planting.acknowledging(self.plant, lambda: self.say(told)):
            consent = Consent.objects.select_related("patient__practice").get(
                pk=self.made.consents[name[0]]
            )
            found = received(parcel, consent, by=self._gp(), now=self.now)
            if not isinstance(found, Photo):
                raise TypeError("not permitted")

    def copy(self) -> None:
        from safelight.flows import pictures, release
        from safelight.flows.copies import TICKS, Wishes
        from safelight.records.models import Copy, Release

        asked = Release.objects.get(pk=self.made.releases["c"])
        pictures.make_copy = lambda *_, **__: self.made.finished_copy
        wishes = Wishes(ticked=frozenset(TICKS))
        copy = release.prepare_copy(asked, wishes=wishes, by=self._gp(), now=self.now)
        if not isinstance(copy, Copy):
            raise TypeError("not permitted")
        self.say({"copied": str(copy.pk), "plain": copy.sha256})

    def release(self) -> None:
        from safelight.flows import release
        from safelight.records.models import Release

        asked = Release.objects.get(pk=self.made.releases["c"])
        done = release.approve(asked, note="", by=self._staff(self.made.lead), now=self.now)
        if not isinstance(done, Release):
            raise TypeError("not permitted")
        self.say({"released": str(done.pk)})

    def withdraw(self, name: str, purposes: tuple[Purpose, ...]) -> None:
        from safelight.flows import withdraw
        from safelight.records.models import Consent, Copy, EraseJob

        consent = Consent.objects.get(pk=self.made.consents[name])
        copies = Copy.objects.filter(photo__consent=consent).values_list("pk", flat=True)
        gone = [str(each) for each in copies]
        if Purpose.CARE in purposes:
            gone += [str(each) for each in consent.photos.values_list("pk", flat=True)]
        self._needles(consent, gone)
        with planting.acknowledging(self.plant, lambda: self.say({"gone": gone})):
            withdraw.withdraw(consent, purposes=purposes, by=None, now=self.now)
        if not EraseJob.objects.filter(scrubbed_at__isnull=True).exists():
            self.say({"scrubbed": True})

    def rotate(self) -> None:
        from safelight.flows import key_rounds

        key_rounds.rotate(now=self.now)
        key_rounds.destroy_old(now=self.now + timedelta(days=30))
        self.say({"rotated": True})

    def stop(self) -> None:
        from safelight.flows import capture
        from safelight.records.models import Consent

        parcel = self.made.parcels["d1"]
        consent = Consent.objects.get(pk=self.made.consents["d"])
        capture.stop(
            capture_id=uuid.UUID(parcel.capture_id),
            patient=consent.patient,
            consent=consent,
            by=self._gp(),
            now=self.now,
        )
        self.say({"gone": [parcel.capture_id]})

    def erase(self) -> None:
        """A request is stopped; the worker destroys the copy's key."""
        from safelight.flows import erasing, release
        from safelight.records.models import Release

        asked = Release.objects.get(pk=self.made.releases["e"])
        if asked.state == Release.State.WAITING:
            release.stop(asked, by=self._gp(), now=self.now)
        erasing.finish_pending(now=self.now)
        self.say({"gone": [self.made.copies["e"]]})

    def _needles(self, consent: Any, gone: list[str]) -> None:
        """Say how the keys that are about to go lie in the file, to be looked for afterwards."""
        from safelight.flows import stores

        with stores.keys()._database.reading() as db:
            wrapped = db.execute(
                "SELECT wrapped FROM patient_keys WHERE patient = ?", (consent.patient_id.bytes,)
            ).fetchall()
            for each in gone:
                wrapped += db.execute(
                    "SELECT wrapped FROM data_keys WHERE image = ?", (uuid.UUID(each).bytes,)
                ).fetchall()
        self.say({"needles": [bytes(row[0]).hex() for row in wrapped]})

    def _gp(self) -> Any:
        return self._staff(self.made.gp)

    def _staff(self, key: str) -> Any:
        from safelight.records.models import Staff

        return Staff.objects.select_related("practice").get(pk=key)


def received(parcel: Parcel, consent: Any, *, by: Any, now: Any) -> Any:
    """Hand a parcel in as the phone does."""
    from flows.conftest import SITE
    from safelight.flows import capture

    return capture.receive(
        parcel.envelope,
        parcel.blob,
        patient=consent.patient,
        consent=consent,
        body_site=SITE,
        made_for=Purpose.CARE,
        by=by,
        now=now,
    )
