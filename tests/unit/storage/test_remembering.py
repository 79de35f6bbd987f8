"""What a far key manager said is known for a minute, in memory, and no longer."""

import pytest

from safelight import vault
from safelight.storage import Remembering, VersionDestroyed, remembering


@pytest.fixture
def clock():
    return [100.0]


@pytest.fixture
def known(manager, clock):
    return Remembering(manager, seconds=60, clock=lambda: clock[0])


def test_it_says_of_itself_what_the_manager_says(manager, known):
    assert known.proves_shred == manager.proves_shred
    assert known.describe() == manager.describe()
    assert known.health() == manager.health()
    wrapped = known.wrap(b"k", aad=b"a")
    assert known.version_of(wrapped) == 1
    assert known.rotate() == 2


def test_what_it_knows_it_knows_for_this_name_only(manager, known):
    wrapped = known.wrap(b"k", aad=b"a")
    assert known.unwrap(wrapped, aad=b"a") == b"k"
    with pytest.raises(vault.SealBroken):
        known.unwrap(wrapped, aad=b"b")


def test_what_was_destroyed_is_forgotten_at_once(known):
    wrapped = known.wrap(b"k", aad=b"a")
    known.rotate()
    known.destroy_version(1)
    with pytest.raises(VersionDestroyed):
        known.unwrap(wrapped, aad=b"a")


def test_what_another_process_destroyed_is_forgotten_within_the_minute(manager, known, clock):
    wrapped = known.wrap(b"k", aad=b"a")
    manager.rotate()
    manager.destroy_version(1)
    assert known.unwrap(wrapped, aad=b"a") == b"k"
    clock[0] += 60
    with pytest.raises(VersionDestroyed):
        known.unwrap(wrapped, aad=b"a")


def test_it_never_knows_more_than_so_many(known, monkeypatch):
    monkeypatch.setattr(remembering, "MOST", 3)
    wrapped = [known.wrap(b"%d" % n, aad=b"a") for n in range(7)]
    assert len(known._known) <= 3
    assert [known.unwrap(each, aad=b"a") for each in wrapped] == [b"%d" % n for n in range(7)]
