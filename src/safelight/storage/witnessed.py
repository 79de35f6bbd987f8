"""What somebody outside keeps: checkpoints in the clear, the ledger's entries and tombstones sealed.

docs/formats/backup.md has the bytes. A letter is two lines, signed by the ledger's key, and then a
sealed body: only the words from the safe open it. Whoever keeps letters learns how many there are.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from safelight import ledger, vault
from safelight.storage.backups import Keeper, Sign, signature_of, signed
from safelight.storage.errors import BackupBroken, BlobGone

FORMAT = "safelight-letter-v1"
NOTES, TAILS, TOMBSTONES = "notes", "tails", "tombstones"
_DIGITS = 12
PORTION_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: the backup key's public half, and the ledger's key."""

    backup_public: bytes
    ledger_public: bytes
    sign: Sign


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint as it was kept, and the size that it is filed under."""

    size: int
    text: str


class Witness:
    """A folder outside the server's administration. Nothing in it is ever written over."""

    def __init__(self, keeper: Keeper) -> None:
        """keeper: where the letters are put."""
        self._keeper = keeper

    def notes(self) -> list[Note]:
        """Return every checkpoint that is kept, the largest last. What they say isn't checked here."""
        sizes = sorted(int(name) for name in self._under(NOTES) if name.isdigit())
        found = []
        for size in sizes:
            text = self._keeper.get(f"{NOTES}/{size:0{_DIGITS}}").decode("utf-8", "replace")
            found.append(Note(size, text))
        return found

    def reached(self) -> int:
        """Return the size of the largest checkpoint that is kept, 0 for none."""
        return max((int(name) for name in self._under(NOTES) if name.isdigit()), default=0)

    def keep(self, note: Note, *, first: int, entries: Iterable[bytes], writer: Writer) -> None:
        """Keep the entries from `first` up to the checkpoint, then the checkpoint itself."""
        portion: list[bytes] = []
        at, gathered = first, 0
        for entry in entries:
            portion.append(entry)
            gathered += len(entry)
            if gathered >= PORTION_BYTES:
                at = self._put_tail(at, portion, writer)
                portion, gathered = [], 0
        if portion:
            at = self._put_tail(at, portion, writer)
        if at != note.size:
            raise ValueError("entries don't reach the checkpoint")
        self._put_once(f"{NOTES}/{note.size:0{_DIGITS}}", note.text.encode())

    def keep_tombstones(self, ids: Iterable[UUID], *, writer: Writer) -> None:
        """Keep the ids of everything erased; shorter lists go, since this one has what they had."""
        body = b"".join(sorted(each.bytes for each in ids))
        name = f"{len(body) // 16:0{_DIGITS}}"
        before = list(self._under(TOMBSTONES))
        self._put_once(f"{TOMBSTONES}/{name}", _letter(TOMBSTONES, name, body, writer))
        for old in before:
            if old < name:
                self._keeper.delete(f"{TOMBSTONES}/{old}")

    def has_tombstones(self, count: int) -> bool:
        """Say whether a list of that many is kept."""
        return self._keeper.exists(f"{TOMBSTONES}/{count:0{_DIGITS}}")

    def entries(self, first: int, *, key: vault.BackupKey, public: bytes) -> list[bytes]:
        """Return the ledger's entries from `first` on, as far as letters follow one another.

        Raises BackupBroken for a letter that another key signed or that doesn't open.
        """
        found: list[bytes] = []
        spans = sorted(span for name in self._under(TAILS) if (span := _span(name)) is not None)
        for start, end in spans:
            reached = first + len(found)
            if start <= reached < end:
                name = f"{start:0{_DIGITS}}-{end:0{_DIGITS}}"
                body = self._open(TAILS, name, key=key, public=public)
                lines = body.split(b"\n")
                if len(lines) != end - start:
                    raise BackupBroken("a letter to the witness doesn't hold what it says")
                found += lines[reached - start :]
        return found

    def tombstones(self, *, key: vault.BackupKey, public: bytes) -> list[UUID]:
        """Return the ids in the longest list that is kept. Raises BackupBroken."""
        longest = max(self._under(TOMBSTONES), default=None)
        if longest is None:
            return []
        body = self._open(TOMBSTONES, longest, key=key, public=public)
        return [UUID(bytes=body[at : at + 16]) for at in range(0, len(body), 16)]

    def _put_tail(self, first: int, portion: list[bytes], writer: Writer) -> int:
        end = first + len(portion)
        name = f"{first:0{_DIGITS}}-{end:0{_DIGITS}}"
        self._put_once(f"{TAILS}/{name}", _letter(TAILS, name, b"\n".join(portion), writer))
        return end

    def _put_once(self, name: str, data: bytes) -> None:
        """Put it unless it is there: a letter that was begun before a crash has other random bytes."""
        if not self._keeper.exists(name):
            self._keeper.put(name, data)

    def _under(self, folder: str) -> list[str]:
        start = f"{folder}/"
        return [name[len(start) :] for name in self._keeper.names() if name.startswith(start)]

    def _open(self, of: str, name: str, *, key: vault.BackupKey, public: bytes) -> bytes:
        try:
            data = self._keeper.get(f"{of}/{name}")
        except BlobGone:
            raise BackupBroken("a letter to the witness is missing") from None
        head, _, rest = data.partition(b"\n")
        signature, _, sealed = rest.partition(b"\n")
        try:
            told = json.loads(head)
            is_this = (told["format"], told["of"], told["name"]) == (FORMAT, of, name)
            closed = base64.b64decode(told["closed"], validate=True)
        except (ValueError, KeyError, TypeError):
            raise BackupBroken("not a letter to the witness") from None
        if not is_this or signature_of(told, signature, public) is None:
            raise BackupBroken("a letter to the witness was altered, or is of another ledger")
        if told["sha256"] != hashlib.sha256(sealed).hexdigest():
            raise BackupBroken("a letter to the witness was altered")
        try:
            body_key = key.open(closed, info=_info(of, name))
            return vault.unseal(body_key, sealed, context=_context(of, name))
        except vault.SealBroken:
            raise BackupBroken("a letter to the witness doesn't open with this key") from None


def read_note(text: str, *, public: bytes) -> ledger.Checkpoint:
    """Return what a checkpoint says, if the ledger's key signed it. Raises BackupBroken."""
    try:
        return ledger.read_checkpoint(text, public)
    except ledger.CheckpointRefused:
        raise BackupBroken("the witness's checkpoint is of another ledger, or none") from None


def _letter(of: str, name: str, body: bytes, writer: Writer) -> bytes:
    key = vault.new_key()
    sealed = vault.seal(key, body, context=_context(of, name))
    closed = vault.close_to_backup(writer.backup_public, key, info=_info(of, name))
    head = {
        "format": FORMAT,
        "of": of,
        "name": name,
        "kid": vault.backup_kid(writer.backup_public),
        "closed": base64.b64encode(closed).decode(),
        "sha256": hashlib.sha256(sealed).hexdigest(),
    }
    return signed(head, writer.sign) + sealed


def _span(name: str) -> tuple[int, int] | None:
    start, _, end = name.partition("-")
    return (int(start), int(end)) if start.isdigit() and end.isdigit() else None


def _context(of: str, name: str) -> bytes:
    return vault.context("safelight-letter-v1", of, name)


def _info(of: str, name: str) -> bytes:
    return vault.context("safelight-letter-key-v1", vault.BACKUP_SUITE, of, name)
