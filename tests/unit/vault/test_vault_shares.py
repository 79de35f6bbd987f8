"""Two of three shares open the keys, one says nothing, and a slip of the pen is found."""

import json
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight import vault
from safelight.vault import shares

SECRET = "correct horse battery staple é".encode()
VECTORS = Path(__file__).parents[2] / "vectors" / "shares.json"


@given(
    secret=st.binary(min_size=1, max_size=80),
    needed=st.integers(2, 5),
    more=st.integers(0, 3),
    draw=st.data(),
)
def test_any_so_many_shares_bring_it_back_and_one_fewer_does_not(secret, needed, more, draw):
    made = vault.split_secret(secret, needed=needed, shares=needed + more)
    order = draw.draw(st.permutations(made))
    assert vault.combine_shares(order[:needed]) == secret
    assert vault.combine_shares(order) == secret
    with pytest.raises(vault.ShareRefused, match=f"{needed} different"):
        vault.combine_shares(order[: needed - 1])


def test_one_share_twice_is_one_share():
    first, *_ = vault.split_secret(SECRET)
    with pytest.raises(vault.ShareRefused, match="here are 1"):
        vault.combine_shares([first, first.lower()])


def test_a_share_says_nothing_about_the_secret():
    """Whatever the secret was, some polynomial through it gives this very share."""
    share = shares.share_of([b"\x53", b"\x0a"], 2)
    possible = {
        secret
        for secret in range(256)
        for slope in range(256)
        if shares.share_of([bytes([secret]), bytes([slope])], 2) == share
    }
    assert possible == set(range(256))


def test_shares_of_two_splittings_do_not_fit_together():
    one, other = vault.split_secret(SECRET), vault.split_secret(SECRET)
    with pytest.raises(vault.ShareRefused, match="different splittings"):
        vault.combine_shares([one[0], other[1]])


def test_every_single_slip_of_the_pen_is_found():
    first, second, _ = vault.split_secret(SECRET)
    for at in range(len(shares.PREFIX) + 1, len(first)):
        if first[at] == "-":
            continue
        other = "A" if first[at] != "A" else "B"
        with pytest.raises(vault.ShareRefused):
            vault.combine_shares([first[:at] + other + first[at + 1 :], second])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SLS1-",
        "SLS1-AAAAA",
        "SLS1-?????",
        "a passphrase",
        "SLS2-ABCDE-FGHIJ",
        "SLS1-ABCDEFGH" * 2,
    ],
)
def test_what_is_no_share_is_refused(text):
    with pytest.raises(vault.ShareRefused):
        vault.combine_shares([text, text])


@pytest.mark.parametrize("head", [(1, 1), (2, 0), (2, 17)])
def test_numbers_that_no_splitting_gives_are_refused(head):
    share = shares._text(shares._Share(b"abcd", *head, b"data"))
    with pytest.raises(vault.ShareRefused, match="mistyped"):
        vault.combine_shares([share, share])


def test_a_share_survives_being_written_down_by_hand():
    made = vault.split_secret(SECRET)
    hand = [f"  {share.lower().replace('o', '0').replace('-', ' - ')} " for share in made[:2]]
    assert vault.combine_shares(hand) == SECRET
    assert all(vault.is_share(share) for share in hand[:0] + list(made))
    assert not vault.is_share("a passphrase")


@pytest.mark.parametrize(
    ("secret", "needed", "count"),
    [(b"", 2, 3), (b"s", 1, 3), (b"s", 4, 3), (b"s", 2, 17), (b"s" * 1025, 2, 3)],
)
def test_a_splitting_that_makes_no_sense_is_refused(secret, needed, count):
    with pytest.raises(ValueError, match="shares"):
        vault.split_secret(secret, needed=needed, shares=count)


@pytest.mark.parametrize("vector", json.loads(VECTORS.read_text("utf-8")), ids=lambda v: v["what"])
def test_the_published_shares_open_for_ever(vector):
    """Made apart from this code, by tests/vectors/make.py, with tables instead of shifts."""
    secret = bytes.fromhex(vector["secret"])
    coefficients = [secret, *(bytes.fromhex(each) for each in vector["coefficients"])]
    for number, (text, data) in enumerate(zip(vector["shares"], vector["data"], strict=True), 1):
        assert shares.share_of(coefficients, number).hex() == data
        assert shares._read(text).data.hex() == data
    for some in combinations(vector["shares"], vector["needed"]):
        assert vault.combine_shares(some) == secret
