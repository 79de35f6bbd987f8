from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight import vault

parts = st.one_of(st.binary(max_size=20), st.text(max_size=10))
keys = st.binary(min_size=32, max_size=32)


def as_bytes(part):
    return part.encode() if isinstance(part, str) else part


@given(one=st.lists(parts, max_size=4), other=st.lists(parts, max_size=4))
def test_two_contexts_are_alike_only_if_their_parts_are(one, other):
    same = [*map(as_bytes, one)] == [*map(as_bytes, other)]
    assert (vault.context(*one) == vault.context(*other)) == same


def test_a_context_takes_no_number_it_cannot_hold():
    with pytest.raises(OverflowError):
        vault.context(-1)
    with pytest.raises(OverflowError):
        vault.context(2**64)


@given(kek=keys, key=keys, aad=st.binary(max_size=40))
def test_a_wrapped_key_comes_back(kek, key, aad):
    assert vault.unwrap(kek, vault.wrap(kek, key, aad=aad), aad=aad) == key


@given(kek=keys, key=keys, aad=st.binary(max_size=40), data=st.data())
def test_a_changed_wrapped_key_never_opens(kek, key, aad, data):
    wrapped = bytearray(vault.wrap(kek, key, aad=aad))
    wrapped[data.draw(st.integers(0, len(wrapped) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(vault.SealBroken):
        vault.unwrap(kek, bytes(wrapped), aad=aad)


@given(length=st.integers(0, 28))
def test_too_few_bytes_are_no_wrapped_key(length):
    with pytest.raises(vault.SealBroken):
        vault.unwrap(bytes(32), b"\x01" * length, aad=b"")


def test_a_key_wrapped_for_one_record_opens_for_no_other():
    kek, ids = vault.new_key(), [UUID(int=n) for n in range(12)]
    aads = [vault.context("safelight-data-key-v1", i, i, i, 1) for i in ids]
    wrapped = [vault.wrap(kek, vault.new_key(), aad=aad) for aad in aads]
    for a, aad in enumerate(aads):
        for b, other in enumerate(wrapped):
            if a != b:
                with pytest.raises(vault.SealBroken):
                    vault.unwrap(kek, other, aad=aad)


def test_each_kind_of_copy_has_a_key_of_its_own():
    key = vault.new_key()
    made = {vault.derive(key, kind) for kind in ("view", "view-1280", "", "original")}
    assert len(made | {key}) == 5
    assert vault.derive(key, "view") == vault.derive(key, "view")


def test_fresh_keys_differ():
    assert len({vault.new_key() for _ in range(100)}) == 100
