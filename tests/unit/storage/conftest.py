import pytest

from safelight.storage import Cost, KeyStore, SealedFileManager


@pytest.fixture
def manager(tmp_path):
    """A key file whose passphrase costs nothing to try: the cost is tested on its own."""
    return SealedFileManager.create(tmp_path / "seal.json", "a passphrase", cost=Cost(1, 8, 1))


@pytest.fixture
def store(tmp_path, manager):
    store = KeyStore(tmp_path / "keys.db", manager)
    yield store
    store.close()
