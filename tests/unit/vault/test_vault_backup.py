"""The backup key: what a server can write with and not read, and what a person can write down."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight import vault

PAIR = vault.BackupKey.generate()


@given(data=st.binary(min_size=1, max_size=200), info=st.binary(max_size=50))
def test_what_is_closed_to_a_backup_key_opens_with_its_private_half_and_the_same_info_only(
    data: bytes, info: bytes
) -> None:
    closed = vault.close_to_backup(PAIR.public, data, info=info)
    assert PAIR.open(closed, info=info) == data
    for key, other in ((PAIR, info + b"x"), (vault.BackupKey.generate(), info)):
        with pytest.raises(vault.SealBroken):
            key.open(closed, info=other)
    for bad in (closed[:-1], closed[:20], b"", bytes([closed[0] ^ 1]) + closed[1:]):
        with pytest.raises(vault.SealBroken):
            PAIR.open(bad, info=info)


def test_the_written_words_bring_the_key_back_however_they_are_spaced() -> None:
    words = PAIR.to_words()
    for told in (words, words.lower(), words.replace(" ", ""), "\n".join(words.split()[1:])):
        assert vault.BackupKey.from_words(told).public == PAIR.public


def test_one_wrong_letter_is_found() -> None:
    words = PAIR.to_words().split("\n", 1)[1].replace("\n", " ").strip()
    for at, letter in enumerate(words):
        if letter == " ":
            continue
        other = "A" if letter != "A" else "B"
        with pytest.raises(vault.NotABackupKey):
            vault.BackupKey.from_words(words[:at] + other + words[at + 1 :])


@pytest.mark.parametrize(
    "told",
    ["", "AAAA", "1111 1111", "é" * 56, PAIR.to_words()[:-9]],
    ids=["nothing", "short", "figures", "accents", "cut"],
)
def test_other_words_are_no_backup_key(told: str) -> None:
    with pytest.raises(vault.NotABackupKey):
        vault.BackupKey.from_words(told)


def test_the_public_line_is_read_back_and_anything_else_refused() -> None:
    assert vault.read_backup_public(vault.backup_public_text(PAIR.public)) == PAIR.public
    short = f"safelight-backup-public-1 {base64.b64encode(b'x').decode()}"
    for told in ("", "safelight-backup-public-1 é", short, PAIR.to_words()):
        with pytest.raises(vault.NotABackupKey):
            vault.read_backup_public(told)


def test_the_key_does_not_show_itself() -> None:
    assert repr(PAIR) != PAIR.to_words()
    assert PAIR.to_words().split()[1] not in repr(PAIR)
    assert vault.backup_kid(PAIR.public) == vault.backup_kid(PAIR.public)
    assert vault.backup_kid(PAIR.public) != vault.backup_kid(vault.BackupKey.generate().public)
