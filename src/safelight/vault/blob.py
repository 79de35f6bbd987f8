"""The sealed blob: C2SP chunked encryption, Cobblestone-256 (docs/formats/sealed-blob.md)."""

from __future__ import annotations

import hmac
import io
import mmap
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from safelight.vault.errors import SealBroken
from safelight.vault.keys import KEY_BYTES, NONCE_BYTES, TAG_BYTES, expand

PIECE_BYTES = 16 * 1024
CHUNK_BYTES = PIECE_BYTES + TAG_BYTES
SALT_BYTES = 24
COMMITMENT_BYTES = 32
READ_CHUNKS = 64
"""How many chunks are read at once where a blob isn't read whole: a mebibyte."""
HEAD_BYTES = SALT_BYTES + COMMITMENT_BYTES

_LABEL = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"

Blob: TypeAlias = bytes | bytearray | memoryview | mmap.mmap
"""Anything that slices into bytes: a mapped file lets a range be read without the rest."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """One blob's derived secrets."""

    aead: AESGCM
    base_nonce: int
    commitment: bytes

    def nonce(self, number: int) -> bytes:
        return (self.base_nonce ^ number).to_bytes(NONCE_BYTES, "big")


def _derived(key: bytes, *, salt: bytes, context: bytes) -> _Opened:
    if len(key) != KEY_BYTES:
        raise ValueError("a key has 32 bytes")
    length = KEY_BYTES + NONCE_BYTES + COMMITMENT_BYTES
    secret = expand(key, info=_LABEL + salt + context, length=length)
    return _Opened(
        aead=AESGCM(secret[:KEY_BYTES]),
        base_nonce=int.from_bytes(secret[KEY_BYTES : KEY_BYTES + NONCE_BYTES], "big"),
        commitment=secret[KEY_BYTES + NONCE_BYTES :],
    )


def seal(key: bytes, plaintext: bytes | memoryview, *, context: bytes) -> bytes:
    """Return the plaintext sealed under the key, with a fresh salt, bound to the context."""
    return seal_with_salt(key, plaintext, context=context, salt=secrets.token_bytes(SALT_BYTES))


def seal_with_salt(
    key: bytes, plaintext: bytes | memoryview, *, context: bytes, salt: bytes
) -> bytes:
    """Seal under a chosen salt. Only for vectors: a salt used twice gives the key stream away."""
    opened = _derived(key, salt=salt, context=context)
    pieces = memoryview(plaintext)
    chunks = (
        opened.aead.encrypt(opened.nonce(number), pieces[at : at + PIECE_BYTES], None)
        for number, at in enumerate(range(0, len(pieces) + 1, PIECE_BYTES))
    )
    return _together((salt, opened.commitment), chunks)


def seal_parts(key: bytes, parts: Iterable[bytes], *, context: bytes) -> Iterator[bytes]:
    """Yield the sealed blob of what comes in parts of any size, in no more memory than a part takes."""
    return seal_parts_with_salt(key, parts, context=context, salt=secrets.token_bytes(SALT_BYTES))


def seal_parts_with_salt(
    key: bytes, parts: Iterable[bytes], *, context: bytes, salt: bytes
) -> Iterator[bytes]:
    """Seal in parts under a chosen salt. Only for vectors, as seal_with_salt."""
    opened = _derived(key, salt=salt, context=context)
    yield salt + opened.commitment
    held, number = bytearray(), 0
    for part in parts:
        held += part
        whole = len(held) // PIECE_BYTES
        if whole:
            yield _together(
                opened.aead.encrypt(
                    opened.nonce(number + n),
                    bytes(held[n * PIECE_BYTES : (n + 1) * PIECE_BYTES]),
                    None,
                )
                for n in range(whole)
            )
            del held[: whole * PIECE_BYTES]
            number += whole
    yield opened.aead.encrypt(opened.nonce(number), bytes(held), None)


def unseal_parts(
    key: bytes,
    read: Callable[[int, int], bytes],
    sealed_bytes: int,
    start: int = 0,
    stop: int | None = None,
    *,
    context: bytes,
) -> Iterator[bytes]:
    """Return plaintext[start:stop] in parts, of a blob that is read in ranges and never whole.

    read: gives blob[a:b], as a store does. sealed_bytes: the blob's length.
    The last chunk is opened before this returns, so a cut blob gives nothing out; of a blob
    changed further in, what comes before the changed chunk is given out, and then SealBroken raised.
    """
    if start < 0 or (stop is not None and stop < start):
        raise ValueError("a range runs from 0 or more upwards")
    last = _last_chunk(sealed_bytes)
    opened = _opened(key, read(0, HEAD_BYTES), context=context)
    tail = _piece(opened, read(_at(last), sealed_bytes), last)
    end = last * PIECE_BYTES + len(tail)
    stop = end if stop is None else min(stop, end)
    return _read_pieces(opened, read, tail, last, start, stop)


def _read_pieces(
    opened: _Opened,
    read: Callable[[int, int], bytes],
    tail: bytes,
    last: int,
    start: int,
    stop: int,
) -> Iterator[bytes]:
    number, beyond = start // PIECE_BYTES, -(-stop // PIECE_BYTES)
    while start < stop:
        until = min(number + READ_CHUNKS, beyond, last)
        sealed = memoryview(read(_at(number), _at(until)) if until > number else b"")
        pieces = [
            _piece(opened, sealed[n * CHUNK_BYTES : (n + 1) * CHUNK_BYTES], number + n)
            for n in range(until - number)
        ]
        if until == last and until < beyond:
            pieces.append(tail)
            until += 1
        plain = _together(pieces)
        at = number * PIECE_BYTES
        yield plain[start - at : stop - at]
        start, number = at + len(plain), until


def unseal(key: bytes, blob: Blob, *, context: bytes) -> bytes:
    """Return the plaintext. Raises SealBroken for wrong key, wrong context or tampering."""
    last = _last_chunk(len(blob))
    opened = _opened(key, bytes(blob[:HEAD_BYTES]), context=context)
    with memoryview(blob) as view:
        return _together(_chunks(opened, view, range(last + 1)))


def _together(*parts: Iterable[bytes]) -> bytes:
    """Return the pieces one after another.

    One growing buffer instead of `b"".join`: with each piece freed at once, the system isn't asked
    for twice the memory of a picture, which took five times as long as the cipher.
    """
    buffer = io.BytesIO()
    for pieces in parts:
        buffer.writelines(pieces)
    return buffer.getvalue()


def unseal_range(key: bytes, blob: Blob, start: int, stop: int, *, context: bytes) -> bytes:
    """Return plaintext[start:stop], opening only the chunks it lies in, and the last.

    The last chunk proves the length, so a cut blob refuses every range. Like a slice,
    what lies past the end is left out. Raises SealBroken as unseal does.
    """
    with memoryview(blob) as view:
        return _together(
            unseal_parts(
                key, lambda a, b: bytes(view[a:b]), len(view), start, stop, context=context
            )
        )


def plaintext_length(sealed_bytes: int) -> int:
    """Return how long the plaintext of a blob of this length is. Raises SealBroken if none is."""
    last = _last_chunk(sealed_bytes)
    return sealed_bytes - HEAD_BYTES - (last + 1) * TAG_BYTES


def sealed_length(plaintext_bytes: int) -> int:
    """Return how long the blob of a plaintext of this length is."""
    return plaintext_bytes + HEAD_BYTES + TAG_BYTES * (plaintext_bytes // PIECE_BYTES + 1)


def is_sealed(blob: bytes | memoryview) -> bool:
    """Say whether the bytes could be a sealed blob, without a key.

    False is certain. True says that the length fits and that they are no picture in the clear
    of a kind a camera makes; only unsealing proves it.
    """
    try:
        plaintext_length(len(blob))
    except SealBroken:
        return False
    return not _looks_like_a_picture(bytes(blob[:16]))


def _looks_like_a_picture(head: bytes) -> bool:
    """At least five fixed bytes each: a random salt meets none of them by chance."""
    starts = (b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08")
    return (
        head.startswith(starts)
        or (head[:3] == b"\xff\xd8\xff" and head[6:10] in (b"JFIF", b"Exif"))
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or (head[:3] == b"\0\0\0" and head[4:8] == b"ftyp")
    )


def _last_chunk(sealed_bytes: int) -> int:
    number, short = divmod(sealed_bytes - HEAD_BYTES, CHUNK_BYTES)
    if sealed_bytes < HEAD_BYTES or short < TAG_BYTES:
        raise SealBroken("no sealed blob has this length")
    return number


def _opened(key: bytes, head: bytes, *, context: bytes) -> _Opened:
    """Derive the blob's secrets from its head, and compare the commitment."""
    salt, commitment = head[:SALT_BYTES], head[SALT_BYTES:HEAD_BYTES]
    opened = _derived(key, salt=salt, context=context)
    if not hmac.compare_digest(opened.commitment, commitment):
        raise SealBroken("commitment differs")
    return opened


def _at(number: int) -> int:
    return HEAD_BYTES + number * CHUNK_BYTES


def _chunks(opened: _Opened, view: memoryview, numbers: range) -> Iterator[bytes]:
    return (_piece(opened, view[_at(n) : _at(n + 1)], n) for n in numbers)


def _piece(opened: _Opened, chunk: bytes | memoryview, number: int) -> bytes:
    try:
        return opened.aead.decrypt(opened.nonce(number), chunk, None)
    except InvalidTag:
        raise SealBroken(f"chunk {number} does not open") from None
