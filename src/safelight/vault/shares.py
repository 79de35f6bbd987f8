"""A secret in shares: so many of them bring it back, fewer say nothing about it.

Shamir's sharing over GF(2^8) with AES's polynomial, byte by byte. docs/formats/key-store.md has the
text of a share, tests/vectors/shares.json the numbers.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from safelight.vault.errors import ShareRefused

PREFIX = "SLS1"
_GROUP_BYTES, _CHECK_BYTES = 4, 4
_HEAD_BYTES = _GROUP_BYTES + 2
_MOST_SHARES = 16
_MOST_BYTES = 1024
_READ_AS = str.maketrans("018", "OIB")
"""What a hand writes for a letter that base 32 has, and base 32 hasn't as a digit."""


@dataclass(frozen=True, slots=True, repr=False)
class _Share:
    group: bytes
    """Which splitting it is of: shares of two never fit together."""
    needed: int
    number: int
    data: bytes


def split(secret: bytes, *, needed: int = 2, shares: int = 3) -> tuple[str, ...]:
    """Return the shares as text to be written down. Raises ValueError for numbers that don't fit."""
    if not 2 <= needed <= shares <= _MOST_SHARES or not 1 <= len(secret) <= _MOST_BYTES:
        raise ValueError("at least two shares are needed, of at most sixteen")
    group = secrets.token_bytes(_GROUP_BYTES)
    coefficients = [secret, *(secrets.token_bytes(len(secret)) for _ in range(needed - 1))]
    return tuple(
        _text(_Share(group, needed, number, share_of(coefficients, number)))
        for number in range(1, shares + 1)
    )


def combine(texts: Iterable[str]) -> bytes:
    """Return the secret. Raises ShareRefused, which says what is wrong with them."""
    found = [_read(text) for text in texts]
    if len({(share.group, share.needed, len(share.data)) for share in found}) != 1:
        raise ShareRefused("These shares are of different splittings: they don't fit together.")
    by_number = {share.number: share.data for share in found}
    needed = found[0].needed
    if len(by_number) < needed:
        raise ShareRefused(f"{needed} different shares are needed; here are {len(by_number)}.")
    chosen = sorted(by_number)[:needed]
    weights = [_weight(number, chosen) for number in chosen]
    columns = zip(*(by_number[number] for number in chosen), strict=True)
    return bytes(_sum(map(_times, column, weights)) for column in columns)


def is_share(text: str) -> bool:
    """Say whether the text means to be a share."""
    return _plain(text).startswith(f"{PREFIX}-")


def share_of(coefficients: Sequence[bytes], number: int) -> bytes:
    """Return the share of that number: each byte's polynomial, lowest coefficient first, at it."""
    value = bytes(len(coefficients[0]))
    for coefficient in reversed(coefficients):
        value = bytes(_times(v, number) ^ c for v, c in zip(value, coefficient, strict=True))
    return value


def _weight(number: int, chosen: Sequence[int]) -> int:
    """Return what a share counts at 0: Lagrange's coefficient."""
    weight = 1
    for other in chosen:
        if other != number:
            weight = _times(weight, _times(other, _inverse(other ^ number)))
    return weight


def _times(a: int, b: int) -> int:
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = (a << 1) ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def _inverse(a: int) -> int:
    """Return a to the power 254."""
    power = 1
    for _ in range(254):
        power = _times(power, a)
    return power


def _sum(values: Iterable[int]) -> int:
    total = 0
    for value in values:
        total ^= value
    return total


def _text(share: _Share) -> str:
    body = share.group + bytes([share.needed, share.number]) + share.data
    letters = _letters(body + _check(body))
    return "-".join([PREFIX, *(letters[at : at + 5] for at in range(0, len(letters), 5))])


def _read(text: str) -> _Share:
    letters = _plain(text).removeprefix(f"{PREFIX}-").replace("-", "").translate(_READ_AS)
    try:
        data = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except (binascii.Error, ValueError):
        raise ShareRefused("A share has a letter in it that no share has.") from None
    body, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
    is_whole = check == _check(body) and _letters(data) == letters
    if not is_share(text) or len(body) <= _HEAD_BYTES or not is_whole:
        raise ShareRefused("A share is mistyped or incomplete. Compare it letter by letter.")
    needed, number = body[_GROUP_BYTES], body[_GROUP_BYTES + 1]
    if needed < 2 or not 1 <= number <= _MOST_SHARES:
        raise ShareRefused("A share is mistyped or incomplete. Compare it letter by letter.")
    return _Share(body[:_GROUP_BYTES], needed, number, body[_HEAD_BYTES:])


def _plain(text: str) -> str:
    return "".join(text.split()).upper()


def _letters(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=")


def _check(body: bytes) -> bytes:
    return hashlib.sha256(b"safelight-share-v1\0" + body).digest()[:_CHECK_BYTES]
