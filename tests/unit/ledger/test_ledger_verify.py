from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight import ledger
from safelight.ledger import Checkpoint, Entry, SigningKey, Wrong

KEY = SigningKey.from_bytes(bytes(range(32)))
ORIGIN = "safelight.example/practice-1"
AT = datetime(2026, 11, 22, tzinfo=UTC)


def entry(number, kind="view"):
    return ledger.canonical(Entry(kind, f"photo-{number}", "u-1", AT, {"n": number}))


def note(entries, size, *, key=KEY, origin=ORIGIN):
    root = ledger.root(map(ledger.leaf_hash, entries[:size]))
    return Checkpoint(origin, size, root).sign(key)


WHOLE = [entry(n) for n in range(40)]
NOTES = [note(WHOLE, size) for size in (0, 10, 20, 30)]
WITNESS = note(WHOLE, 40)


def verdict(entries, notes=NOTES, witness=WITNESS, **more):
    return ledger.verify(entries, notes, public=KEY.public, witness=witness, **more)


def test_a_whole_ledger_is_whole():
    found = verdict(WHOLE, origin=ORIGIN)
    assert (found.ok, found.size, found.problems, found.unseen) == (True, 40, (), ())
    assert found.root == ledger.root(map(ledger.leaf_hash, WHOLE))


indexes = st.integers(0, 39)


@given(at=indexes, number=st.integers(100, 200))
def test_a_changed_entry_is_found_where_it_is(at, number):
    found = verdict([*WHOLE[:at], entry(number), *WHOLE[at + 1 :]])
    assert not found.ok
    first = found.problems[0]
    assert first.wrong is Wrong.CHANGED
    assert first.first <= at <= first.last


@given(at=indexes)
def test_a_removed_entry_is_found(at):
    found = verdict(WHOLE[:at] + WHOLE[at + 1 :])
    assert Wrong.MISSING in {problem.wrong for problem in found.problems}


@given(at=indexes)
def test_an_entry_put_in_is_found(at):
    assert not verdict([*WHOLE[:at], entry(500), *WHOLE[at:]]).ok


@given(a=indexes, b=indexes)
def test_two_entries_in_each_others_place_are_found(a, b):
    swapped = list(WHOLE)
    swapped[a], swapped[b] = swapped[b], swapped[a]
    assert verdict(swapped).ok == (a == b)


@given(size=st.integers(0, 39))
def test_a_ledger_cut_off_is_found_with_a_witness(size):
    kept = [n for n, at in zip(NOTES, (0, 10, 20, 30), strict=True) if at <= size]
    found = verdict(WHOLE[:size], kept)
    missing = found.problems[-1]
    assert (missing.wrong, missing.first, missing.last) == (Wrong.MISSING, size, 39)
    assert str(40 - size) in str(missing)


@given(size=st.integers(0, 39))
def test_the_same_cut_is_said_to_be_unseen_without_a_witness(size):
    kept = [n for n, at in zip(NOTES, (0, 10, 20, 30), strict=True) if at <= size]
    found = verdict(WHOLE[:size], kept, witness=None)
    assert found.ok
    assert any("No outside witness" in text for text in found.unseen)


def test_a_ledger_written_anew_by_its_own_key_is_found_with_a_witness_only():
    forged = [entry(n, kind="edited") for n in range(40)]
    notes = [note(forged, size) for size in (10, 40)]
    assert verdict(forged, notes, witness=None).ok
    found = verdict(forged, notes)
    assert [problem.wrong for problem in found.problems] == [Wrong.CHANGED]


def test_what_is_newer_than_every_checkpoint_is_said_to_be_unseen():
    found = verdict(WHOLE, NOTES, witness=NOTES[2])
    assert found.ok
    assert [text.split(":")[0] for text in found.unseen] == [
        "Entries 30 to 39 are under no checkpoint yet",
        "The witness saw 20 entries",
    ]


def test_an_entry_that_cannot_be_read_is_named():
    entries = [*WHOLE[:5], b"{}", *WHOLE[6:]]
    found = verdict(entries)
    assert (found.problems[0].wrong, found.problems[0].first) == (Wrong.ENTRY, 5)
    assert "Entry 5" in str(found.problems[0])


@pytest.mark.parametrize(
    "wrong",
    ["", note(WHOLE, 10, key=SigningKey.generate()), note(WHOLE, 10, origin="other.example")],
)
def test_a_note_that_is_not_this_ledgers_is_a_problem_and_not_passed_over(wrong):
    found = verdict(WHOLE, [*NOTES, wrong])
    assert [problem.wrong for problem in found.problems] == [Wrong.CHECKPOINT]


def test_a_note_of_another_ledger_is_found_by_name():
    assert not verdict(WHOLE, origin="safelight.example/practice-2").ok


def test_two_notes_that_contradict_each_other_cannot_both_be_right():
    other = Checkpoint(ORIGIN, 10, bytes(32)).sign(KEY)
    assert [p.wrong for p in verdict(WHOLE, [*NOTES, other]).problems] == [Wrong.CHANGED]


def test_an_empty_ledger_has_nothing_to_hide():
    found = verdict([], [note(WHOLE, 0)], witness=note(WHOLE, 0))
    assert (found.ok, found.size, found.unseen) == (True, 0, ())


def test_a_false_note_of_nothing_is_found():
    false = Checkpoint(ORIGIN, 0, bytes(32)).sign(KEY)
    assert not verdict(WHOLE, [false]).ok


def from_the(size, entries, *, frontier=None, **more):
    """Verify from the first note on, as a ledger does that was read up to there before."""
    start = frontier or ledger.Frontier.of(ledger.leaf_hash(each) for each in WHOLE[:size])
    return verdict(entries[size:], start=start, **more)


def test_from_a_signed_frontier_on_the_rest_is_read_and_what_lies_before_is_said_to_be_unread():
    size = 10
    found = from_the(size, WHOLE)
    assert found.ok
    assert (found.size, found.root) == (len(WHOLE), verdict(WHOLE).root)
    assert f"Entries 0 to {size - 1} were not read." in found.unseen


def test_what_is_done_after_the_frontier_is_found_from_there_too():
    size = 10
    changed = [*WHOLE]
    changed[size] = entry(999)
    found = from_the(size, changed)
    assert not found.ok
    assert found.problems[0].first == size


def test_a_frontier_that_is_not_the_signed_one_is_a_problem():
    size = 10
    other = ledger.Frontier.of(ledger.leaf_hash(entry(n + 500)) for n in range(size))
    assert not from_the(size, WHOLE, frontier=other).ok


def test_a_frontier_of_a_size_that_nobody_signed_is_refused():
    with pytest.raises(ledger.ProofRefused):
        from_the(11, WHOLE)
