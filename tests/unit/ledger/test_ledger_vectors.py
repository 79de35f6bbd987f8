"""The published ledger verifies for ever. It was made apart from this code."""

import json
from pathlib import Path

from safelight import ledger

VECTOR = json.loads((Path(__file__).parents[2] / "vectors" / "ledger.json").read_text("utf-8"))
PUBLIC = bytes.fromhex(VECTOR["public"])
ENTRIES = [entry.encode() for entry in VECTOR["entries"]]


def test_the_published_entries_are_in_their_one_spelling():
    for entry in ENTRIES:
        assert ledger.canonical(ledger.read_entry(entry)) == entry


def test_the_published_checkpoints_are_over_the_published_entries():
    *own, newest = VECTOR["checkpoints"]
    found = ledger.verify(ENTRIES, own, public=PUBLIC, witness=newest)
    assert (found.ok, found.size, found.unseen) == (True, len(ENTRIES), ())


def test_the_published_key_has_its_published_name():
    origin = ledger.read_checkpoint(VECTOR["checkpoints"][0], PUBLIC).origin
    assert ledger.verifier_key(origin, PUBLIC) == VECTOR["verifier_key"]
