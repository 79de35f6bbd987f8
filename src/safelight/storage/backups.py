"""Backup sets: what one backup wrote, in sealed parts, under a manifest that only the server signs.

docs/formats/backup.md has the bytes. A set counts once its manifest is there, which is put last.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from safelight import ledger, vault
from safelight.storage.disk import DiskStore
from safelight.storage.errors import BackupBroken, BlobGone, NoPlace, NotTheBackupKey
from safelight.storage.s3 import S3Store, place_at

FORMAT = "safelight-backup-v1"
PART_BYTES = 16 * 1024 * 1024
"""Of the content: a part is sealed in memory."""
S3 = "s3://"
MANIFEST, LISTING = "manifest", "blobs"
_AT = "%Y%m%dT%H%M%SZ"


class Keeper(Protocol):
    """What a backup is written to: put once, never changed."""

    def put(self, name: str, data: bytes) -> None:
        """Keep the bytes under the name, durably."""
        ...

    def get(self, name: str) -> bytes:
        """Return the bytes. Raises BlobGone."""
        ...

    def exists(self, name: str) -> bool:
        """Say whether anything is kept under the name."""
        ...

    def delete(self, name: str) -> bool:
        """Forget it; return whether it was there."""
        ...

    def names(self, older_than: datetime | None = None) -> Iterator[str]:
        """Yield every name, or those last written before a time."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """A place for backups: sets, and the blobs that they share."""

    sets: Keeper
    blobs: Keeper


def target(place: str) -> Target:
    """Return what is kept at a place: a folder, or `s3://BUCKET/PREFIX`. Raises NoPlace.

    Such a store's address and rights come from AWS's usual variables and files, and not from the
    settings: they aren't those of the live pictures, and a restore has no settings yet.
    """
    if not place:
        raise NoPlace("no place for backups")
    if place.startswith(S3):
        at = place.removeprefix(S3).strip("/")
        return Target(S3Store(place_at(f"{S3}{at}/sets")), S3Store(place_at(f"{S3}{at}/blobs")))
    root = Path(place).expanduser()
    return Target(DiskStore(root / "sets"), DiskStore(root / "blobs"))


class Kind(StrEnum):
    """What a set holds. The two are apart, so that keys can be kept for days and records for months."""

    RECORDS = "records"
    KEYS = "keys"


class Lid(StrEnum):
    """What has to be opened before a part is."""

    BACKUP_KEY = "backup-key"
    """The private half of the backup key."""
    BOTH = "backup-key-and-manager"
    """That, and the key manager's version under which the set's key was wrapped as well."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a file. sha256: of the sealed bytes."""

    of: str
    lid: Lid
    name: str
    sealed_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class LedgerThen:
    """The ledger as it was when the set was made, and the key that signs it."""

    origin: str
    public: bytes
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a set says of itself, in the clear: nothing that names a patient."""

    id: str
    kind: Kind
    made_at: datetime
    program: str
    database: str
    """"sqlite" or "postgresql": what the content can be put back into."""
    kid: str
    closed: Mapping[Lid, bytes]
    ledger: LedgerThen
    parts: tuple[Part, ...]
    listing_sha256: str
    """Of the list of blobs; empty where none belongs to the set."""

    def to_json(self) -> dict[str, Any]:
        """Return what is signed."""
        return {
            "format": FORMAT,
            "id": self.id,
            "kind": self.kind.value,
            "made_at": self.made_at.astimezone(UTC).strftime(_AT),
            "program": self.program,
            "database": self.database,
            "kid": self.kid,
            "suite": vault.BACKUP_SUITE,
            "closed": {lid.value: _text(closed) for lid, closed in self.closed.items()},
            "ledger": {
                "origin": self.ledger.origin,
                "public": _text(self.ledger.public),
                "size": self.ledger.size,
                "root": _text(self.ledger.root),
            },
            "parts": [
                {
                    "of": p.of,
                    "lid": p.lid,
                    "name": p.name,
                    "bytes": p.sealed_bytes,
                    "sha256": p.sha256,
                }
                for p in self.parts
            ],
            "listing_sha256": self.listing_sha256,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Manifest:
        """Read what to_json gave. Raises BackupBroken."""
        try:
            if (told["format"], told["suite"]) != (FORMAT, vault.BACKUP_SUITE):
                raise BackupBroken("a format or suite that this version doesn't know")
            return cls(
                id=str(told["id"]),
                kind=Kind(told["kind"]),
                made_at=datetime.strptime(told["made_at"], _AT).replace(tzinfo=UTC),
                program=str(told["program"]),
                database=str(told["database"]),
                kid=str(told["kid"]),
                closed={Lid(lid): _data(closed) for lid, closed in told["closed"].items()},
                ledger=LedgerThen(
                    str(told["ledger"]["origin"]),
                    _data(told["ledger"]["public"]),
                    int(told["ledger"]["size"]),
                    _data(told["ledger"]["root"]),
                ),
                parts=tuple(
                    Part(
                        str(p["of"]),
                        Lid(p["lid"]),
                        str(p["name"]),
                        int(p["bytes"]),
                        str(p["sha256"]),
                    )
                    for p in told["parts"]
                ),
                listing_sha256=str(told["listing_sha256"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise BackupBroken("not a manifest") from None


Sign = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Blob:
    """A sealed picture that belongs to a set. sha256: of the blob as it is kept."""

    sha256: str
    size: int


class SetWriter:
    """Writes one set: parts as they come, the manifest at the end."""

    def __init__(self, keeper: Keeper, kind: Kind, *, now: datetime) -> None:
        """Choose the set's id, which sorts by time."""
        self.id = f"{kind.value}-{now.astimezone(UTC).strftime(_AT)}-{secrets.token_hex(4)}"
        self.kind, self._now, self._keeper = kind, now, keeper
        self._parts: list[Part] = []
        self._listing = ""

    def add(self, path: Path, *, of: str, lid: Lid, key: bytes) -> None:
        """Seal a file's content part by part. of: what it is called when it is put back."""
        with path.open("rb") as file:
            while data := file.read(PART_BYTES):
                name = f"part-{len(self._parts):04}"
                sealed = vault.seal(key, data, context=part_context(self.id, of, name))
                self._keeper.put(f"{self.id}/{name}", sealed)
                self._parts.append(Part(of, lid, name, len(sealed), _sha256(sealed)))

    def list_blobs(self, blobs: Mapping[str, Blob]) -> None:
        """Name the blobs that belong to the set. In the clear: the folder shows as much."""
        lines = [f"{name} {blob.size} {blob.sha256}\n" for name, blob in sorted(blobs.items())]
        data = "".join(lines).encode()
        self._keeper.put(f"{self.id}/{LISTING}", data)
        self._listing = _sha256(data)

    def finish(
        self,
        *,
        sign: Sign,
        then: LedgerThen,
        kid: str,
        closed: Mapping[Lid, bytes],
        program: str,
        database: str,
    ) -> Manifest:
        """Put the manifest: from now on the set counts."""
        manifest = Manifest(
            id=self.id,
            kind=self.kind,
            made_at=self._now.astimezone(UTC).replace(microsecond=0),
            program=program,
            database=database,
            kid=kid,
            closed=closed,
            ledger=then,
            parts=tuple(self._parts),
            listing_sha256=self._listing,
        )
        self._keeper.put(f"{self.id}/{MANIFEST}", signed(manifest.to_json(), sign))
        return manifest


@dataclass(frozen=True, slots=True)
class Found:
    """What is in a backup's place: sets, oldest first, and the ids of those that were altered."""

    sets: tuple[Manifest, ...]
    broken: tuple[str, ...]

    def newest(self, kind: Kind) -> Manifest | None:
        """Return the newest set of a kind, or None."""
        return next((each for each in reversed(self.sets) if each.kind is kind), None)


def find(keeper: Keeper) -> Found:
    """Return every set that counts. One that was altered hides none of the others."""
    whole, broken = [], []
    ids = [name.split("/")[0] for name in keeper.names() if name.endswith(f"/{MANIFEST}")]
    for each in ids:
        try:
            whole.append(read_manifest(keeper, each))
        except BackupBroken:
            broken.append(each)
    return Found(tuple(sorted(whole, key=lambda one: (one.made_at, one.id))), tuple(sorted(broken)))


def read_manifest(keeper: Keeper, set_id: str) -> Manifest:
    """Return a set's manifest, if the ledger's key that it names signed it.

    Whether that is the right ledger only a witness's checkpoint can tell. Raises BackupBroken.
    """
    try:
        data = keeper.get(f"{set_id}/{MANIFEST}")
    except (BlobGone, ValueError):
        raise BackupBroken("there is no such backup") from None
    line, _, rest = data.partition(b"\n")
    try:
        told = json.loads(line)
    except ValueError:
        raise BackupBroken("not a manifest") from None
    manifest = Manifest.from_json(told)
    if manifest.id != set_id or signature_of(told, rest, manifest.ledger.public) is None:
        raise BackupBroken("the manifest was altered")
    return manifest


def read_listing(keeper: Keeper, manifest: Manifest) -> dict[str, Blob]:
    """Return the blobs that belong to a set, by name. Raises BackupBroken."""
    if not manifest.listing_sha256:
        return {}
    data = _exactly(keeper, f"{manifest.id}/{LISTING}", manifest.listing_sha256)
    rows = [line.split(" ") for line in data.decode().splitlines()]
    return {name: Blob(sha256, int(size)) for name, size, sha256 in rows}


def unpack(
    keeper: Keeper, manifest: Manifest, *, of: str, keys: Mapping[Lid, bytes], into: Path
) -> None:
    """Write a file of a set as it was. Raises BackupBroken for bytes that aren't what was written."""
    with into.open("xb") as file:
        for part in manifest.parts:
            if part.of == of:
                sealed = _exactly(keeper, f"{manifest.id}/{part.name}", part.sha256)
                context = part_context(manifest.id, of, part.name)
                file.write(_unsealed(keys[part.lid], sealed, context=context))


def digest_of(keeper: Keeper, manifest: Manifest) -> str:
    """Return the SHA-256 of a set's manifest, which names those of all its parts."""
    return _sha256(keeper.get(f"{manifest.id}/{MANIFEST}"))


def blob_of(data: bytes) -> Blob:
    """Return what a listing says of a blob."""
    return Blob(_sha256(data), len(data))


def key_of(words: str) -> vault.BackupKey:
    """Return the backup key that was written down. Raises NotTheBackupKey."""
    try:
        return vault.BackupKey.from_words(words)
    except vault.NotABackupKey as error:
        raise NotTheBackupKey("not a backup key") from error


def opened_key(manifest: Manifest, lid: Lid, key: vault.BackupKey) -> bytes:
    """Return what was closed for a lid: the set's key, for BOTH as the manager wrapped it.

    Raises NotTheBackupKey, or BackupBroken where nothing is closed for that lid.
    """
    if manifest.kid != vault.backup_kid(key.public):
        raise NotTheBackupKey("closed to another backup key")
    if lid not in manifest.closed:
        raise BackupBroken("nothing is closed for that")
    try:
        return key.open(manifest.closed[lid], info=key_info(manifest.id, lid))
    except vault.SealBroken:
        raise BackupBroken("the set's key does not open") from None


def check_parts(keeper: Keeper, manifest: Manifest) -> None:
    """Read every part and the list again and compare. Raises BackupBroken."""
    for part in manifest.parts:
        _exactly(keeper, f"{manifest.id}/{part.name}", part.sha256)
    read_listing(keeper, manifest)


def delete_set(keeper: Keeper, set_id: str) -> None:
    """Remove a set: the manifest first, so that half of one never counts."""
    keeper.delete(f"{set_id}/{MANIFEST}")
    for name in list(keeper.names()):
        if name.startswith(f"{set_id}/"):
            keeper.delete(name)


def unfinished(keeper: Keeper, *, before: datetime) -> set[str]:
    """Return sets without a manifest that were last written to before a time."""
    named = {name.split("/")[0] for name in keeper.names()}
    young = named - {name.split("/")[0] for name in keeper.names(older_than=before)}
    return {each for each in named - young if not keeper.exists(f"{each}/{MANIFEST}")}


def part_context(set_id: str, of: str, name: str) -> bytes:
    """Return what a part is bound to."""
    return vault.context("safelight-backup-part-v1", set_id, of, name)


def key_info(set_id: str, lid: Lid) -> bytes:
    """Return what the closing of a set's key is bound to."""
    return vault.context("safelight-backup-key-v1", vault.BACKUP_SUITE, set_id, lid.value)


def epoch_aad(set_id: str) -> bytes:
    """Return what the key manager's wrapping of a set's key is bound to."""
    return vault.context("safelight-backup-epoch-v1", set_id)


def signed(told: Mapping[str, Any], sign: Sign) -> bytes:
    """Return a JSON object in one line, and the ledger key's signature of it in the next."""
    line = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    return line + b"\n" + base64.b64encode(sign(_signed_bytes(line))) + b"\n"


def signature_of(told: Mapping[str, Any], rest: bytes, public: bytes) -> bytes | None:
    """Return the signature if it is the key's of exactly this object, else None."""
    line = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    try:
        signature = base64.b64decode(rest.strip(), validate=True)
        ledger.check_signature(public, signature, _signed_bytes(line))
    except (ValueError, ledger.CheckpointRefused):
        return None
    return signature


def _signed_bytes(line: bytes) -> bytes:
    # Begins with a zero byte, as no checkpoint does: neither can be taken for the other.
    return vault.context("safelight-backup-signature-v1", hashlib.sha256(line).digest())


def _exactly(keeper: Keeper, name: str, sha256: str) -> bytes:
    try:
        data = keeper.get(name)
    except BlobGone:
        raise BackupBroken("a part of the backup is missing") from None
    if _sha256(data) != sha256:
        raise BackupBroken("a part of the backup was altered")
    return data


def _unsealed(key: bytes, sealed: bytes, *, context: bytes) -> bytes:
    try:
        return vault.unseal(key, sealed, context=context)
    except vault.SealBroken:
        raise BackupBroken("a part of the backup does not open") from None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _data(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
