"""Blobs in an S3 store. What put() said is kept was looked at again before it was said.

A name is taken by `If-None-Match: *`. Every request that writes says the SHA-256 of what it
carries, and what the store then says that it has is compared with it. A delete takes every version
and every delete marker; the store's own files may hold the bytes until it tidies up, which is one
more reason why erasing is destroying the key.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from safelight.storage.blobs import blocks, parts_of
from safelight.storage.errors import (
    AlreadyThere,
    BlobDamaged,
    BlobGone,
    DiskFull,
    NoPlace,
    StorageError,
    StoreRefused,
    StoreUnreachable,
)

PART_BYTES = 5 * 1024 * 1024
"""What is held in memory of a large blob, S3's smallest. Its limit of 10,000 parts makes it 52 GB."""
ATTEMPTS = 4
CONNECT_S, READ_S = 5, 30
_PART_SIZE = "safelight-part"
"""Metadata of a blob that came in parts: without it nobody could work its checksum out again."""
_TIMES_TO_DELETE = 5


@dataclass(frozen=True, slots=True)
class Place:
    """Which bucket, where, and as whom. Without keys: as boto3 finds them (role, profile, environment)."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str = "us-east-1"
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)


def place_at(address: str) -> Place:
    """Return the place of `s3://BUCKET/PREFIX`, where AWS's usual variables say. Raises NoPlace."""
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    if len(bucket) < 3:
        raise NoPlace("no bucket")
    said = os.environ
    return Place(
        bucket,
        prefix=prefix.strip("/"),
        endpoint=said.get("AWS_ENDPOINT_URL_S3") or said.get("AWS_ENDPOINT_URL"),
        region=said.get("AWS_REGION") or said.get("AWS_DEFAULT_REGION") or "us-east-1",
    )


class S3Store:
    """A bucket, or what is under a prefix of it. What is promised stands at BlobStore."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._client = _client(place)

    def put(self, name: str, data: bytes) -> None:
        """Keep the bytes under the name; return only when the store says that it has them."""
        self._put_whole(self._key(name), data)

    def put_parts(self, name: str, parts: Iterable[bytes]) -> int:
        """Keep what comes in parts. The name is taken at the end, all at once."""
        key, block = self._key(name), _Block(parts, PART_BYTES)
        if not block.fill():
            self._put_whole(key, bytes(block.data))
            return len(block.data)
        return self._put_multipart(key, block)

    def get(self, name: str) -> bytes:
        """Return the bytes, compared with the checksum that was stored with them."""
        answer, data = self._fetched(**self._at(name), ChecksumMode="ENABLED")
        checksum = answer.get("ChecksumSHA256")
        part = int(answer.get("Metadata", {}).get(_PART_SIZE, 0))
        if checksum and (not checksum.partition("-")[2] or part):
            made = _composite(blocks((data,), part)) if part else _sha256(data)
            if made != checksum:
                raise BlobDamaged(name)
        return data

    def length(self, name: str) -> int:
        """Return how many bytes there are."""
        with _said(name):
            return int(self._client.head_object(**self._at(name))["ContentLength"])

    def read(self, name: str, start: int, stop: int) -> bytes:
        """Return bytes[start:stop]."""
        if start >= stop:
            self.length(name)
            return b""
        wanted = {**self._at(name), "Range": f"bytes={start}-{stop - 1}"}
        try:
            return self._fetched(**wanted)[1]
        except _PastTheEnd:
            return b""

    def exists(self, name: str) -> bool:
        """Say whether anything is kept under the name."""
        try:
            self.length(name)
        except BlobGone:
            return False
        return True

    def delete(self, name: str) -> bool:
        """Forget the blob, each of its versions and delete markers, and what is on its way."""
        key, was_there = self._key(name), False
        with _said(name):
            for upload in self._uploads(key):
                self._abort(key, upload["UploadId"])
            for _ in range(_TIMES_TO_DELETE):
                versions, markers = self._versions(key)
                if not versions and not markers:
                    return was_there
                was_there |= bool(versions)
                for version in versions + markers:
                    self._client.delete_object(
                        Bucket=self._place.bucket, Key=key, VersionId=version
                    )
        raise StorageError(f"{name} can't be deleted: somebody writes it again and again")

    def names(self, older_than: datetime | None = None) -> Iterator[str]:
        """Yield every name, or those last written before a time."""
        prefix = self._key_prefix()
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._place.bucket, Prefix=prefix
        )
        with _said(prefix):
            for page in pages:
                for found in page.get("Contents", ()):
                    if older_than is None or found["LastModified"] < older_than:
                        yield found["Key"].removeprefix(prefix)

    def sweep_unfinished(self, older_than: datetime) -> int:
        """Abort the uploads in parts that were begun before a time and never finished."""
        with _said("uploads"):
            left = [each for each in self._uploads() if each["Initiated"] < older_than]
            for upload in left:
                self._abort(upload["Key"], upload["UploadId"])
        return len(left)

    def is_versioned(self) -> bool:
        """Say whether the bucket keeps older versions. Raises StoreRefused, StoreUnreachable."""
        with _said("bucket"):
            told = self._client.get_bucket_versioning(Bucket=self._place.bucket)
        return bool(told.get("Status") == "Enabled")

    def _fetched(self, **wanted: str) -> tuple[dict[str, Any], bytes]:
        """Return the answer and its bytes; what breaks off on the way is asked for again."""
        from botocore.exceptions import HTTPClientError, IncompleteReadError

        with _said(wanted["Key"]):
            for left in reversed(range(ATTEMPTS)):
                answer = self._client.get_object(**wanted)
                try:
                    return answer, answer["Body"].read()
                except (HTTPClientError, IncompleteReadError):
                    if not left:
                        raise
        raise AssertionError("the last attempt raises")

    def _put_whole(self, key: str, data: bytes) -> None:
        checksum = _sha256(data)
        with _said(key):
            self._take(
                key,
                checksum,
                lambda: self._client.put_object(
                    **self._as_new(key), Body=data, ChecksumSHA256=checksum
                ),
            )
        self._look_again(key, checksum, length=len(data))

    def _put_multipart(self, key: str, block: _Block) -> int:
        with _said(key):
            begun = self._client.create_multipart_upload(
                Bucket=self._place.bucket,
                Key=key,
                ChecksumAlgorithm="SHA256",
                Metadata={_PART_SIZE: str(PART_BYTES)},
            )
            upload, length = begun["UploadId"], 0
            done: list[dict[str, Any]] = []
            try:
                while block.data:
                    done.append(self._put_part(key, upload, len(done) + 1, block.data))
                    length += len(block.data)
                    block.fill()
                checksum = _composite_of(each["ChecksumSHA256"] for each in done)
                taken = self._take(
                    key,
                    checksum,
                    lambda: self._client.complete_multipart_upload(
                        **self._as_new(key), UploadId=upload, MultipartUpload={"Parts": done}
                    ),
                )
                if not taken:
                    self._abort(key, upload)
            except BaseException:
                self._abort(key, upload)
                raise
        self._look_again(key, checksum, length=length)
        return length

    def _put_part(self, key: str, upload: str, number: int, part: memoryview) -> dict[str, Any]:
        """Keep one part; a store that stumbles over it is asked again: the same part is one part."""
        from botocore.exceptions import ClientError

        checksum = _sha256(part)
        for left in reversed(range(ATTEMPTS)):
            try:
                told = self._client.upload_part(
                    Bucket=self._place.bucket,
                    Key=key,
                    UploadId=upload,
                    PartNumber=number,
                    Body=_Reader(part),
                    ChecksumSHA256=checksum,
                )
                break
            except ClientError as error:
                if not left or _status(error) < 500:
                    raise
        return {"PartNumber": number, "ETag": told["ETag"], "ChecksumSHA256": checksum}

    def _take(self, key: str, checksum: str, write: Callable[[], object]) -> bool:
        """Write if the name is free; return whether this did. Taken by these very bytes is as good."""
        from botocore.exceptions import ClientError

        try:
            write()
        except ClientError as error:
            lost = error.response["Error"]["Code"] == "NoSuchUpload"
            if not lost and _status(error) not in _TAKEN:
                raise
            try:
                kept = self._checksum(key)
            except BlobGone:
                raise StoreUnreachable("somebody deletes what is being written") from error
            if kept != checksum:
                raise AlreadyThere(key) from None
            return False
        return True

    def _look_again(self, key: str, checksum: str, *, length: int) -> None:
        """Ask the store what it has now. Raises BlobDamaged."""
        with _said(key):
            found = self._client.head_object(
                Bucket=self._place.bucket, Key=key, ChecksumMode="ENABLED"
            )
            kept = found.get("ChecksumSHA256") or self._checksum(key)
        if int(found["ContentLength"]) != length or kept != checksum:
            raise BlobDamaged(key)

    def _checksum(self, key: str) -> str:
        """Return the checksum of what is kept; a store that keeps none has it worked out here."""
        at = {"Bucket": self._place.bucket, "Key": key}
        with _said(key):
            found = self._client.head_object(**at, ChecksumMode="ENABLED")
            if told := found.get("ChecksumSHA256"):
                return str(told)
            part = int(found.get("Metadata", {}).get(_PART_SIZE, 0))
            body = self._client.get_object(**at)["Body"].iter_chunks(part or PART_BYTES)
            if part:
                return _composite(blocks(body, part))
            whole = hashlib.sha256()
            for each in body:
                whole.update(each)
        return base64.b64encode(whole.digest()).decode()

    def _versions(self, key: str) -> tuple[list[str], list[str]]:
        """Return the versions of exactly this key, and its delete markers."""
        found: dict[str, list[str]] = {"Versions": [], "DeleteMarkers": []}
        pages = self._client.get_paginator("list_object_versions").paginate(
            Bucket=self._place.bucket, Prefix=key
        )
        for page in pages:
            for kind, ours in found.items():
                ours += [each["VersionId"] for each in page.get(kind, ()) if each["Key"] == key]
        return found["Versions"], found["DeleteMarkers"]

    def _uploads(self, key: str | None = None) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._place.bucket, Prefix=key or self._key_prefix()
        )
        for page in pages:
            yield from (up for up in page.get("Uploads", ()) if key is None or up["Key"] == key)

    def _abort(self, key: str, upload: str) -> None:
        """Give up an upload; one that is gone, or can't be reached, is left to the sweeper."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.abort_multipart_upload(Bucket=self._place.bucket, Key=key, UploadId=upload)
        except (BotoCoreError, ClientError):
            return

    def _as_new(self, key: str) -> dict[str, str]:
        return {"Bucket": self._place.bucket, "Key": key, "IfNoneMatch": "*"}

    def _at(self, name: str) -> dict[str, str]:
        return {"Bucket": self._place.bucket, "Key": self._key(name)}

    def _key(self, name: str) -> str:
        return self._key_prefix() + "/".join(parts_of(name))

    def _key_prefix(self) -> str:
        return f"{self._place.prefix}/" if self._place.prefix else ""


class _Block:
    """One block of what comes in parts, filled again and again: no more of a blob is in memory."""

    def __init__(self, parts: Iterable[bytes], size: int) -> None:
        self._parts, self._rest = iter(parts), memoryview(b"")
        self._whole = memoryview(bytearray(size))
        self.data = self._whole[:0]

    def fill(self) -> bool:
        """Take as much as fits, over what was there; False where the parts ended before it was full."""
        filled, size = 0, len(self._whole)
        while filled < size:
            if not self._rest:
                part = next(self._parts, None)
                if part is None:
                    break
                self._rest = memoryview(part)
            taken = self._rest[: size - filled]
            self._whole[filled : filled + len(taken)] = taken
            self._rest = self._rest[len(taken) :]
            filled += len(taken)
        self.data = self._whole[:filled]
        return filled == size


class _Reader(io.RawIOBase):
    """Lets botocore read a block where it lies; of bytes it would make a copy."""

    def __init__(self, data: memoryview) -> None:
        super().__init__()
        self._data, self._at = data, 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes: what was cut is sent again from its beginning."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Copy the next bytes into the buffer, and return how many."""
        taken = self._data[self._at : self._at + len(buffer)]
        buffer[: len(taken)] = taken
        self._at += len(taken)
        return len(taken)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place in the block."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._data)}[whence]
        self._at = start + offset
        return self._at


class _PastTheEnd(Exception):
    """The range begins behind the blob's last byte."""


_TAKEN = frozenset({409, 412})
"""The name is taken. An upload in parts that is unknown may be one whose end was heard already."""


@contextmanager
def _said(about: str) -> Iterator[None]:
    """Turn what the store or the network says into our words."""
    from botocore.exceptions import BotoCoreError, ClientError, FlexibleChecksumError

    try:
        yield
    except FlexibleChecksumError:
        raise BlobDamaged(about) from None
    except ClientError as error:
        status = _status(error)
        if status == 404 and error.response["Error"]["Code"] not in {
            "NoSuchBucket",
            "NoSuchUpload",
        }:
            raise BlobGone(about) from None
        if status == 416:
            raise _PastTheEnd from None
        if status == 507:
            raise DiskFull("the picture store is full") from error
        if status >= 500 or status in {409, 429}:
            raise StoreUnreachable(error.response["Error"]["Code"]) from error
        raise StoreRefused(error.response["Error"]["Code"]) from error
    except BotoCoreError as error:
        raise StoreUnreachable(type(error).__name__) from error


def _status(error: Any) -> int:
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def _sha256(data: bytes | bytearray | memoryview) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _composite(parts: Iterable[bytes | bytearray]) -> str:
    return _composite_of(_sha256(part) for part in parts if part)


def _composite_of(checksums: Iterable[str]) -> str:
    """S3's checksum of a blob in parts: that of the parts' checksums, and their number."""
    digests = [base64.b64decode(each) for each in checksums]
    return f"{_sha256(b''.join(digests))}-{len(digests)}"


def _client(place: Place) -> Any:
    try:
        from safelight.storage import s3_client
    except ImportError as error:
        raise StoreRefused("an S3 store needs: pip install safelight[s3]") from error
    return s3_client.client(
        endpoint=place.endpoint,
        region=place.region,
        access_key=place.access_key,
        secret_key=place.secret_key,
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        s3={"addressing_style": "path" if place.endpoint else "auto"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
