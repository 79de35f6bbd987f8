"""What every store of blobs promises, asked of the disk and of a real S3 server alike."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from safelight import storage, vault
from safelight.storage import AlreadyThere, BlobDamaged, BlobGone, DiskStore, Place, S3Store, s3
from servers.seaweed import Seaweed

LONG_AGO, LATER = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 1))
SMALL_PART = 5 * 1024 * 1024
"""The smallest part that S3 takes before the last."""


def place(server: Seaweed, *, versioned: bool = True, **more: str) -> Place:
    keys = {"access_key": server.access_key, "secret_key": server.secret_key}
    said = {"prefix": "surgery/pictures", "endpoint": server.url} | keys | more
    return Place(server.bucket(versioned=versioned), **said)


@pytest.fixture(params=["disk", "s3", "s3 without versions"])
def store(request, tmp_path, monkeypatch) -> storage.BlobStore:
    if request.param == "disk":
        return DiskStore(tmp_path / "blobs")
    monkeypatch.setattr(s3, "PART_BYTES", SMALL_PART)
    server = request.getfixturevalue("seaweed")
    return S3Store(place(server, versioned=request.param == "s3"))


@pytest.fixture
def bucket(seaweed: Seaweed) -> Place:
    return place(seaweed)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def test_what_was_put_is_there_and_the_same_again_is_the_same(store):
    for name, data in {"a": b"", "b": b"x", "c/d/original": secrets.token_bytes(100_000)}.items():
        store.put(name, data)
        store.put(name, data)
        assert store.put_parts(name, pieces(data, 999)) == len(data)
        assert store.get(name) == data
        assert store.length(name) == len(data)
        assert store.exists(name)


def test_other_bytes_under_a_taken_name_are_refused_and_change_nothing(store):
    store.put("a", b"first")
    for other in (b"second", b"", b"firs", b"first and more"):
        with pytest.raises(AlreadyThere):
            store.put("a", other)
        with pytest.raises(AlreadyThere):
            store.put_parts("a", [other])
    assert store.get("a") == b"first"
    assert list(store.names()) == ["a"]


def test_one_of_many_at_once_takes_the_name(store):
    def put(n: int) -> int | None:
        try:
            store.put("same", bytes([n]))
        except AlreadyThere:
            return None
        return n

    with ThreadPoolExecutor(8) as crowd:
        taken = [n for n in crowd.map(put, range(8)) if n is not None]
    assert len(taken) == 1
    assert store.get("same") == bytes(taken)


def test_the_same_from_many_at_once_is_everyones_put(store):
    with ThreadPoolExecutor(6) as crowd:
        list(crowd.map(lambda _: store.put("same", b"the picture"), range(6)))
    assert store.get("same") == b"the picture"


def test_what_was_deleted_is_gone_and_deleting_again_is_no_error(store):
    store.put("a", b"x")
    store.put("a.view", b"y")
    assert store.delete("a")
    assert not store.delete("a")
    assert not store.exists("a")
    for act in (store.get, store.length, lambda name: store.read(name, 0, 1)):
        with pytest.raises(BlobGone):
            act("a")
    assert list(store.names()) == ["a.view"]
    store.put("a", b"another")
    assert store.get("a") == b"another"


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 1), (3, 3), (5, 9), (0, 999), (9, 10), (10, 12), (50, 60)]
)
def test_a_range_is_what_a_slice_would_be(store, start, stop):
    store.put("a", b"0123456789")
    assert store.read("a", start, stop) == b"0123456789"[start:stop]


def test_a_large_blob_passes_in_parts_and_comes_back_whole(store):
    for extra in (0, 1):
        data, name = secrets.token_bytes(2 * SMALL_PART + extra), f"large-{extra}"
        assert store.put_parts(name, pieces(data, 700_000)) == len(data)
        assert store.get(name) == data
        assert store.read(name, SMALL_PART - 3, SMALL_PART + 3) == data[SMALL_PART - 3 :][:6]
        assert store.put_parts(name, pieces(data, 999_999)) == len(data)
        with pytest.raises(AlreadyThere):
            store.put_parts(name, pieces(data[:-1] + bytes([data[-1] ^ 1]), 700_000))
        assert store.get(name) == data
    assert store.sweep_unfinished(older_than=LATER) == 0


@pytest.mark.parametrize("after", [0, 100, SMALL_PART + 100, 2 * SMALL_PART])
def test_parts_that_end_with_an_error_leave_nothing(store, after):
    def cut() -> Iterator[bytes]:
        yield from pieces(bytes(after), 500_000)
        raise ConnectionResetError("the phone is gone")

    with pytest.raises(ConnectionResetError):
        store.put_parts("a", cut())
    assert not store.exists("a")
    assert list(store.names()) == []
    assert store.sweep_unfinished(older_than=LATER) == 0


def test_a_sealed_clip_is_opened_in_ranges_without_the_rest(store):
    key, clip = vault.new_key(), secrets.token_bytes(3_000_001)
    parts = vault.seal_parts(key, pieces(clip, 77_777), context=b"c")
    length = store.put_parts("clip", parts)
    assert length == store.length("clip") == vault.sealed_length(len(clip))

    def opened(start: int, stop: int | None = None) -> bytes:
        return b"".join(
            vault.unseal_parts(
                key, lambda a, b: store.read("clip", a, b), length, start, stop, context=b"c"
            )
        )

    assert opened(0) == clip
    assert opened(1_999_990, 2_000_010) == clip[1_999_990:2_000_010]
    assert vault.unseal(key, store.get("clip"), context=b"c") == clip


@pytest.mark.parametrize("name", ["", "/a", "a/", "..", "a/../b", ".a", "a b", "é", "a\n"])
def test_a_name_that_is_none_is_refused_before_anything_is_asked(store, name):
    for act in (
        *(store.get, store.exists, store.delete, store.length),
        lambda n: store.put(n, b""),
        lambda n: store.read(n, 0, 1),
    ):
        with pytest.raises(ValueError, match="name"):
            act(name)


def test_names_are_told_by_age(store):
    for name in ("b", "a/c"):
        store.put(name, b"x")
    assert sorted(store.names()) == ["a/c", "b"]
    assert sorted(store.names(older_than=LATER)) == ["a/c", "b"]
    assert list(store.names(older_than=LONG_AGO)) == []


# S3 alone


def test_a_delete_takes_every_version_and_every_delete_marker(seaweed, bucket):
    store, client = S3Store(bucket), seaweed.client()
    key = f"{bucket.prefix}/a"
    for body in (b"one", b"two"):
        client.put_object(Bucket=bucket.bucket, Key=key, Body=body)
    client.delete_object(Bucket=bucket.bucket, Key=key)
    store.put("a.view", b"stays")
    assert store.is_versioned()
    assert store.delete("a")
    left = client.list_object_versions(Bucket=bucket.bucket)
    assert [each["Key"] for each in left["Versions"]] == [f"{key}.view"]
    assert not left.get("DeleteMarkers")


def test_a_delete_ends_an_upload_of_that_name_that_is_on_its_way(seaweed, bucket):
    store, client = S3Store(bucket), seaweed.client()
    for name in ("a", "ab"):
        client.create_multipart_upload(Bucket=bucket.bucket, Key=f"{bucket.prefix}/{name}")
    assert not store.delete("a")
    left = client.list_multipart_uploads(Bucket=bucket.bucket)["Uploads"]
    assert [each["Key"] for each in left] == [f"{bucket.prefix}/ab"]


def test_uploads_in_parts_that_nobody_finished_are_swept_when_old(seaweed, bucket):
    store = S3Store(bucket)
    seaweed.client().create_multipart_upload(Bucket=bucket.bucket, Key=f"{bucket.prefix}/a")
    assert store.sweep_unfinished(older_than=LONG_AGO) == 0
    assert store.sweep_unfinished(older_than=LATER) == 1
    assert store.sweep_unfinished(older_than=LATER) == 0


@pytest.mark.parametrize("length", [3, SMALL_PART + 3])
def test_what_the_store_gives_back_is_compared_with_what_was_put(
    seaweed, bucket, monkeypatch, length
):
    monkeypatch.setattr(s3, "PART_BYTES", SMALL_PART)
    store, data = S3Store(bucket), secrets.token_bytes(length)
    store.put_parts("a", [data])
    real = store._fetched

    def other(**wanted: str) -> tuple[dict[str, object], bytes]:
        answer, found = real(**wanted)
        return answer, found[:-1] + bytes([found[-1] ^ 1])

    monkeypatch.setattr(store, "_fetched", other)
    with pytest.raises(BlobDamaged):
        store.get("a")


def test_a_store_that_forgot_its_checksums_is_read_again(seaweed, bucket, monkeypatch):
    """Some stores take a checksum and never tell it: then the bytes themselves are compared."""
    monkeypatch.setattr(s3, "PART_BYTES", SMALL_PART)
    store, data = S3Store(bucket), secrets.token_bytes(SMALL_PART + 9)
    store._client.meta.events.register("after-call.s3.HeadObject", _forget)
    store._client.meta.events.register("after-call.s3.GetObject", _forget)
    for name, body in {"small": b"picture", "large": data}.items():
        store.put_parts(name, [body])
        store.put_parts(name, [body])
        assert store.get(name) == body
        with pytest.raises(AlreadyThere):
            store.put_parts(name, [body[:-1]])


def _forget(parsed: dict[str, object], **_more: object) -> None:
    parsed.pop("ChecksumSHA256", None)


@pytest.mark.parametrize(
    "wrong", [{"bucket": "no-such-bucket"}, {"secret_key": "guessed"}, {"access_key": "nobody"}]
)
def test_a_store_that_lets_us_not_in_says_so(seaweed, bucket, wrong):
    from dataclasses import replace

    store = S3Store(replace(bucket, **wrong))
    for act in (lambda: list(store.names()), store.is_versioned):
        with pytest.raises(storage.StoreRefused):
            act()


def test_a_store_that_is_not_there_is_unreachable(bucket, monkeypatch):
    from dataclasses import replace

    monkeypatch.setattr(s3, "ATTEMPTS", 1)
    store = S3Store(replace(bucket, endpoint="http://127.0.0.1:9"))
    for act in (lambda: store.put("a", b"x"), lambda: store.get("a"), lambda: store.exists("a")):
        with pytest.raises(storage.StoreUnreachable) as told:
            act()
        assert "try again" in told.value.for_people


def test_without_the_extra_the_way_out_is_named(monkeypatch):
    import sys

    monkeypatch.delattr(storage, "s3_client", raising=False)
    monkeypatch.setitem(sys.modules, "safelight.storage.s3_client", None)
    with pytest.raises(storage.StoreRefused, match=r"safelight\[s3\]"):
        S3Store(Place("pictures"))


def test_the_secret_is_not_shown():
    assert "hush" not in repr(Place("pictures", access_key="a", secret_key="hush"))


@pytest.mark.parametrize("length", [0, 1, 9, 10, 11, 20, 25])
@pytest.mark.parametrize("size", [1, 3, 10, 40])
def test_a_block_is_filled_again_and_again_and_never_a_second_one(length, size):
    """What a clip of any length has in memory on its way: one part."""
    data, got, where = secrets.token_bytes(length), b"", set()
    block = s3._Block(pieces(data, size), 10)
    is_full = True
    while is_full:
        is_full = block.fill()
        assert len(block.data) == 10 or not is_full
        where.add(id(block.data.obj))
        sent = s3._Reader(block.data)
        assert sent.read() == bytes(block.data)
        sent.seek(0)
        got += sent.read(3) + sent.read()
    assert got == data
    assert len(where) == 1
