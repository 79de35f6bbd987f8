"""Wrapped keys, blobs and rows in each other's place: every pair of records, none may open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import permutations
from pathlib import Path
from typing import Any

from benchmarks.campaigns import planting
from benchmarks.campaigns.nursery import Nursery
from benchmarks.campaigns.outcome import Outcome

PLANTED = (planting.UNBOUND,)
PLANTED_RECORDS = 6


def run(
    work: Path, *, records: int, planted: Iterable[str] = PLANTED, minutes: float = 600
) -> Outcome:
    """Swap between every two of so many records. `minutes` is not used: it is short."""
    del minutes
    outcome = Outcome("swaps")
    with Nursery(work) as nursery:
        if records:
            nursery.reset()
            told = nursery.call("swaps", records=records, plant="")[-1]
            outcome.tried, outcome.bad = sum(told["tried"].values()), told["opened"]
            outcome.figures |= told["tried"]
        for plant in planted:
            nursery.reset()
            told = nursery.call("swaps", records=PLANTED_RECORDS, plant=plant)[-1]
            outcome.found[plant] = len(told["opened"])
    return outcome


def work(say: Callable[[dict[str, Any]], None], *, records: int, plant: str) -> None:
    """Keep the records and swap, in a fork; say what opened that must not."""
    from django.db import connections

    from safelight.flows import stores

    planting.plant(plant, say)
    photos = _kept(records)
    for photo in photos:
        assert _opens(photo), "as it is, each opens"
    tried: dict[str, int] = {}
    opened: list[str] = []
    for one, other in permutations(photos, 2):
        for name, swap in _swaps(one, other).items():
            with swap():
                tried[name] = tried.get(name, 0) + 1
                opened += [f"{name}: {size}" for size in _opens(_fresh(one))]
    for photo in photos:
        assert len(_opens(_fresh(photo))) == len(_sizes()), "put back, each opens again"
    say({"tried": tried, "opened": opened})
    stores.close()
    connections.close_all()


def _kept(count: int) -> list[Any]:
    """Keep pictures of some patients in two practices."""
    from django.utils import timezone

    from benchmarks.campaigns.practice import USES, picture, taken
    from factories import patient, practice
    from flows.conftest import agree
    from safelight.policy.roles import Role
    from safelight.records.models import Staff

    now, photos = timezone.now(), []
    for number in range(2):
        surgery = practice(name=f"Surgery {number}")
        email = f"swapper{number}@made-up.example"
        gp = Staff.objects.create_user(
            email, practice=surgery, name="Staff", role=Role.GP, password=None
        )
        consents = [agree(patient(practice=surgery), gp, *USES, now=now)[0] for _ in range(2)]
        for each in range(count // 2):
            data = picture(100 * number + each)
            photos.append(taken(data, consents[each % 2], by=gp, now=now))
    return photos


def _swaps(one: Any, other: Any) -> dict[str, Callable[[], Any]]:
    """Return every way to put something of the other in the place of the one."""
    ways: dict[str, Callable[[], Any]] = {
        "wrapped key": lambda: _key_row(one, other, "wrapped"),
        "key row": lambda: _key_row(one, other, "wrapped", "patient", "tenant"),
        "blobs": lambda: _blobs(one, other),
        "key and blobs": lambda: _both(_key_row(one, other, "wrapped"), _blobs(one, other)),
        "row and blobs": lambda: _both(
            _key_row(one, other, "wrapped", "patient", "tenant"), _blobs(one, other)
        ),
        "capture id": lambda: _photo_row(one, other, "capture_id"),
    }
    if one.patient_id != other.patient_id:
        ways["patient"] = lambda: _photo_row(one, other, "patient_id")
        ways["patient's key"] = lambda: _patient_key(one, other)
    if one.practice_id != other.practice_id:
        ways["practice"] = lambda: _photo_row(one, other, "practice_id")
        ways["practice and patient"] = lambda: _photo_row(one, other, "practice_id", "patient_id")
    return ways


@contextmanager
def _both(first: Any, second: Any) -> Iterator[None]:
    with first, second:
        yield


@contextmanager
def _key_row(one: Any, other: Any, *columns: str) -> Iterator[None]:
    listed = ", ".join(columns)
    (mine,) = _asked(f"SELECT {listed} FROM data_keys WHERE image = ?", one.pk.bytes)
    (theirs,) = _asked(f"SELECT {listed} FROM data_keys WHERE image = ?", other.pk.bytes)
    assigned = ", ".join(f"{column} = ?" for column in columns)
    _written(f"UPDATE data_keys SET {assigned} WHERE image = ?", *theirs, one.pk.bytes)
    try:
        yield
    finally:
        _written(f"UPDATE data_keys SET {assigned} WHERE image = ?", *mine, one.pk.bytes)


@contextmanager
def _patient_key(one: Any, other: Any) -> Iterator[None]:
    read = "SELECT wrapped FROM patient_keys WHERE patient = ?"
    write = "UPDATE patient_keys SET wrapped = ? WHERE patient = ?"
    ((mine,),) = _asked(read, one.patient_id.bytes)
    ((theirs,),) = _asked(read, other.patient_id.bytes)
    _written(write, theirs, one.patient_id.bytes)
    try:
        yield
    finally:
        _written(write, mine, one.patient_id.bytes)


@contextmanager
def _blobs(one: Any, other: Any) -> Iterator[None]:
    from django.conf import settings

    root = Path(settings.SAFELIGHT_BLOBS)
    pairs = [(root / _name(one, size), root / _name(other, size)) for size in _sizes()]
    mine = [path.read_bytes() for path, _ in pairs]
    for path, theirs in pairs:
        path.write_bytes(theirs.read_bytes())
    try:
        yield
    finally:
        for (path, _), data in zip(pairs, mine, strict=True):
            path.write_bytes(data)


@contextmanager
def _photo_row(one: Any, other: Any, *columns: str) -> Iterator[None]:
    """Write the other's columns into the row; a unique one is taken from the other first."""
    import uuid

    from django.db import transaction

    from safelight.records.models import Photo

    with transaction.atomic():
        if "capture_id" in columns:
            Photo.objects.filter(pk=other.pk).update(capture_id=uuid.uuid4())
        Photo.objects.filter(pk=one.pk).update(**{each: getattr(other, each) for each in columns})
        yield
        transaction.set_rollback(True)


def _fresh(photo: Any) -> Any:
    from safelight.records.models import Photo

    return Photo.objects.get(pk=photo.pk)


def _opens(photo: Any) -> list[str]:
    """Return the sizes that open."""
    from safelight import vault
    from safelight.flows import opening
    from safelight.storage import StorageError

    found = []
    for size in _sizes():
        try:
            opening.unsealed(photo, size=size)
        except (opening.PictureClosed, vault.VaultError, StorageError):
            continue
        found.append(size)
    return found


def _sizes() -> tuple[str, str, str]:
    from safelight.flows import opening

    return opening.ORIGINAL, opening.VIEW, opening.THUMB


def _name(photo: Any, size: str) -> str:
    return f"{photo.capture_id}.{size}"


def _asked(statement: str, *values: bytes) -> list[Any]:
    from safelight.flows import stores

    with stores.keys()._database.reading() as db:
        return list(db.execute(statement, values).fetchall())


def _written(statement: str, *values: bytes) -> None:
    from safelight.flows import stores

    with stores.keys()._database.writing() as db:
        db.execute(statement, values)
