"""A store that is slow, away, cut short, or says nothing: no loss, no double, and it recovers by itself."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from factories import NOW
from flows.conftest import SITE, agree, jpeg, sealed
from safelight import storage
from safelight.flows import capture, erasing, inventory, keeping, opening, stores
from safelight.records.models import LedgerEntry, Photo
from safelight.storage import BlobDamaged, Place, S3Store, StoreUnreachable, s3
from safelight.terms import Purpose
from servers.http_faults import Fault, Proxy, between

PART = 5 * 1024 * 1024
PASSING = [Fault.AWAY, Fault.UNAVAILABLE, Fault.CUT_REQUEST, Fault.LOST_REPLY, Fault.CUT_REPLY]
"""What one more try gets over."""


@pytest.fixture
def proxy(seaweed) -> Iterator[Proxy]:
    with between(seaweed.port) as running:
        yield running


@pytest.fixture
def store(seaweed, proxy, settings, monkeypatch) -> S3Store:
    """The installation's store, reached through the proxy."""
    monkeypatch.setattr(s3, "PART_BYTES", PART)
    monkeypatch.setattr(s3, "ATTEMPTS", 2)
    settings.SAFELIGHT_S3 = {
        "bucket": seaweed.bucket(),
        "endpoint": proxy.url,
        "access_key": seaweed.access_key,
        "secret_key": seaweed.secret_key,
    }
    stores.close()
    return stores.blobs()


@pytest.fixture
def straight(seaweed, store, settings) -> S3Store:
    """The same bucket without the proxy."""
    return S3Store(Place(**settings.SAFELIGHT_S3 | {"endpoint": seaweed.url}))


@pytest.mark.parametrize("fault", [*PASSING, Fault.SLOW])
@pytest.mark.parametrize("method", ["PUT", "HEAD"])
def test_a_put_gets_over_one_fault_and_is_one_put(store, straight, proxy, fault, method, seaweed):
    data = secrets.token_bytes(40_000)
    proxy.fail(fault, method=method, times=1)
    store.put("a", data)
    assert straight.get("a") == data
    versions = seaweed.client().list_object_versions(Bucket=store._place.bucket)["Versions"]
    assert len(versions) == 1


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "uploads"), ("PUT", "partNumber=2"), ("POST", "uploadId")]
)
def test_a_large_put_gets_over_one_fault_at_each_step(
    store, straight, proxy, fault, method, path, seaweed
):
    data = secrets.token_bytes(PART + 1000)
    proxy.fail(fault, method=method, path=path, times=1)
    store.put_parts("a", [data])
    assert straight.get("a") == data
    versions = seaweed.client().list_object_versions(Bucket=store._place.bucket)["Versions"]
    assert len(versions) == 1


@pytest.mark.parametrize("fault", [Fault.AWAY, Fault.UNAVAILABLE, Fault.CUT_REPLY])
def test_a_get_gets_over_one_fault(store, proxy, fault):
    data = secrets.token_bytes(300_000)
    store.put("a", data)
    for act, wanted in (
        (lambda: store.get("a"), data),
        (lambda: store.read("a", 9, 99_999), data[9:99_999]),
    ):
        proxy.fail(fault, method="GET", times=1)
        assert act() == wanted


def test_a_byte_that_changed_on_the_way_is_never_given_out(store, proxy):
    store.put("a", b"the sealed picture")
    proxy.fail(Fault.GARBLED, method="GET")
    with pytest.raises(BlobDamaged) as told:
        store.get("a")
    assert "damaged" in told.value.for_people


@pytest.mark.parametrize("fault", [Fault.AWAY, Fault.UNAVAILABLE, Fault.CUT_REPLY])
def test_a_store_that_stays_away_is_said_to_be_and_works_again_when_it_is_back(store, proxy, fault):
    store.put("a", b"x")
    proxy.fail(fault)
    acts = [lambda: store.put("b", b"y"), lambda: store.get("a"), lambda: store.exists("a")]
    acts += [lambda: store.delete("a"), lambda: list(store.names())]
    for act in acts:
        with pytest.raises(StoreUnreachable):
            act()
    proxy.recover()
    store.put("b", b"y")
    assert store.get("a") == b"x"


# a capture over such a store


@pytest.fixture
def parcel(store, adult, gp):
    consent, _ = agree(adult, gp)
    envelope, blob = sealed(jpeg(), tenant=adult.practice_id)

    def send() -> Photo:
        made = capture.receive(
            envelope,
            blob,
            patient=adult,
            consent=consent,
            body_site=SITE,
            made_for=Purpose.CARE,
            by=gp,
            now=NOW,
        )
        assert isinstance(made, Photo), made
        return made

    return send


@pytest.mark.parametrize("kind", ["intent", "original", "view", "thumb"])
@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.LOST_REPLY])
def test_a_capture_over_a_failing_store_is_acknowledged_whole_or_not_at_all(
    parcel, store, proxy, gp, kind, fault
):
    """The store fails at one blob for good; the phone sends again when it is back."""
    proxy.fail(fault, method="PUT", path=f".{kind}")
    with pytest.raises(StoreUnreachable) as told:
        parcel()
    assert "try again" in told.value.for_people
    assert not Photo.objects.exists()
    proxy.recover()
    photo = parcel()
    assert parcel().pk == photo.pk
    assert Photo.objects.count() == 1
    assert LedgerEntry.objects.filter(kind="photo.captured").count() == 1
    assert sorted(name.partition(".")[2] for name in store.names()) == ["original", "thumb", "view"]
    assert isinstance(opening.open_photo(photo, by=gp, now=NOW), bytes)
    assert inventory.look(now=NOW).gaps == 0


def test_a_reply_that_got_lost_once_makes_no_second_picture(parcel, proxy, store):
    proxy.fail(Fault.LOST_REPLY, method="PUT", times=1)
    proxy.fail(Fault.LOST_REPLY, method="DELETE", times=1)
    photo = parcel()
    assert Photo.objects.get() == photo
    assert len(list(store.names())) == 3


def test_an_announcement_that_cannot_be_taken_back_is_taken_back_by_the_sweeper(
    parcel, proxy, store
):
    """The row is there, so the picture was received: the answer to the phone must not be an error."""
    proxy.fail(Fault.UNAVAILABLE, method="DELETE")
    photo = parcel()
    proxy.recover()
    assert store.exists(f"{photo.pk}.{keeping.INTENT}")
    keeping.sweep(now=NOW + keeping.LEASE * 10_000)
    assert sorted(name.partition(".")[2] for name in store.names()) == ["original", "thumb", "view"]


def test_an_erasure_destroys_the_key_while_the_store_is_away_and_the_files_when_it_is_back(
    parcel, proxy, store, gp
):
    photo = parcel()
    job = erasing.queue(photo.patient, photos=[photo], now=NOW)
    proxy.fail(Fault.UNAVAILABLE)
    with pytest.raises(storage.StorageError):
        erasing.finish_erasure(job, now=NOW)
    assert stores.keys().is_erased(photo.pk)
    with pytest.raises(opening.PictureClosed):
        opening.open_photo(photo, by=gp, now=NOW)
    proxy.recover()
    assert erasing.finish_pending(now=NOW) == 1
    assert list(store.names()) == []


def test_a_store_that_is_away_sets_nothing_aside(parcel, proxy, store):
    photo = parcel()
    proxy.fail(Fault.UNAVAILABLE)
    with pytest.raises(StoreUnreachable):
        inventory.look(now=NOW)
    photo.refresh_from_db()
    assert photo.state == "kept"
