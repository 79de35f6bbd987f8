import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight import ledger
from safelight.ledger import Frontier, ProofRefused

LEAVES = [ledger.leaf_hash(bytes([n])) for n in range(70)]
sizes = st.integers(0, 70)


def plain_root(leaves):
    """RFC 9162 section 2.1.1 as it is written there."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    both = plain_root(leaves[:k]) + plain_root(leaves[k:])
    return hashlib.sha256(b"\x01" + both).digest()


@pytest.mark.parametrize("size", range(71))
def test_the_root_grown_leaf_by_leaf_is_the_one_of_the_standard(size):
    assert ledger.root(LEAVES[:size]) == plain_root(LEAVES[:size])


def test_known_roots_of_certificate_transparency():
    """The eight leaves and the root that Certificate Transparency's implementations share."""
    leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
    leaves.append("606162636465666768696a6b6c6d6e6f")
    found = ledger.root(ledger.leaf_hash(bytes.fromhex(leaf)) for leaf in leaves)
    assert found.hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@given(size=sizes)
def test_a_frontier_comes_back_from_its_bytes_and_grows_on(size):
    kept = Frontier.from_bytes(Frontier.of(LEAVES[:size]).to_bytes())
    assert kept.append(LEAVES[0]).root() == ledger.root([*LEAVES[:size], LEAVES[0]])
    assert len(kept.peaks) <= 7


@pytest.mark.parametrize("data", [b"", bytes(7), bytes(9), bytes(7) + b"\x01", bytes(8 + 32)])
def test_other_bytes_are_no_frontier(data):
    with pytest.raises(ProofRefused):
        Frontier.from_bytes(data)


@given(size=st.integers(1, 70), data=st.data())
def test_every_leaf_is_shown_to_be_where_it_is_and_nowhere_else(size, data):
    index, other = (data.draw(st.integers(0, size - 1)) for _ in range(2))
    leaves = LEAVES[:size]
    proof = ledger.inclusion_proof(leaves, index)
    root = ledger.root(leaves)
    shown = {"size": size, "proof": proof, "root_hash": root}
    assert ledger.is_included(leaves[index], index=index, **shown)
    assert ledger.is_included(leaves[index], index=other, **shown) == (index == other)
    assert not ledger.is_included(leaves[index], index=size, **shown)
    assert not ledger.is_included(bytes(32), index=index, **shown)
    longer = shown | {"proof": (*proof, bytes(32))}
    assert not ledger.is_included(leaves[index], index=index, **longer)
    if proof:
        shorter = shown | {"proof": proof[:-1]}
        assert not ledger.is_included(leaves[index], index=index, **shorter)


@given(bounds=st.tuples(sizes, sizes), data=st.data())
def test_a_grown_tree_is_shown_to_be_grown_and_no_other(bounds, data):
    old, new = sorted(bounds)
    proof = ledger.consistency_proof(LEAVES[:new], old)
    shown = {"old_size": old, "new_size": new, "old_root": ledger.root(LEAVES[:old])}
    shown |= {"new_root": ledger.root(LEAVES[:new]), "proof": proof}
    assert ledger.is_consistent(**shown)
    assert not ledger.is_consistent(**shown | {"old_root": bytes(32)})
    assert not ledger.is_consistent(**shown | {"proof": (*proof, bytes(32))})
    assert not ledger.is_consistent(**shown | {"old_size": new + 1})
    if old:
        assert not ledger.is_consistent(**shown | {"new_root": bytes(32)})
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof[:at], bytes(32), *proof[at + 1 :]]
        assert not ledger.is_consistent(**shown | {"proof": changed})
        assert not ledger.is_consistent(**shown | {"proof": proof[:-1]})
        assert not ledger.is_consistent(**shown | {"proof": ()})


def test_no_proof_is_made_of_what_is_not_there():
    for index in (-1, 3):
        with pytest.raises(ProofRefused):
            ledger.inclusion_proof(LEAVES[:3], index)
    for size in (-1, 4):
        with pytest.raises(ProofRefused):
            ledger.consistency_proof(LEAVES[:3], size)
