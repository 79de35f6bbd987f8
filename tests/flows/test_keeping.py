"""Trying out a store of pictures: every right that is needed, and nothing left of the trial."""

from __future__ import annotations

import pytest

from safelight import storage
from safelight.flows import keeping, stores


class Altering:
    """A store whose disk gives back something else than was written."""

    def __init__(self, within: storage.BlobStore, *, whole: bool) -> None:
        self._within, self._whole = within, whole

    def __getattr__(self, name):
        return getattr(self._within, name)

    def get(self, name):
        return self._within.get(name) if self._whole else b"something else"

    def read(self, name, start, length):
        return b"else" if self._whole else self._within.read(name, start, length)


def test_a_store_that_keeps_gives_back_and_forgets_is_fit(home):
    keeping.try_out(stores.blobs())
    assert home.files() == {}


@pytest.mark.parametrize("whole", [False, True], ids=["the whole", "a part"])
def test_a_store_that_gives_back_something_else_is_told_and_left_clean(whole, home):
    with pytest.raises(storage.BlobDamaged):
        keeping.try_out(Altering(stores.blobs(), whole=whole))
    assert home.files() == {}
